/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bind and unbind, judged from the tables in memory: which entries are there when a call returns, and when
 * each handler runs. What devices reach is shown by order_test.c.
 */
#include "tests/suites/svm_bench.h"

/* ---- Bind ---- */

TEST(svm, bind, .needs = SVM_NEEDS, .rows = "8 10", .rules = "35 37", .flaws = "S16 C10 H13",
     .doc = "the first bind publishes the entry, then sends BIND to IOMMU, DEVICE, CPU; a second of the "
            "device is -EBUSY")
{
    struct svm_bench b;
    ioasid_t id, other;

    svm_open(t, &b, 2);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_BIND);
    svm_watch(&b, IOASID_LEVEL_IOMMU, IOASID_EVENT_BIND);
    svm_watch(&b, IOASID_LEVEL_DEVICE, IOASID_EVENT_BIND);
    id = svm_alloc(&b);
    other = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_EXPECT_EQ(t, svm_presence(&b), 1u);
    T_ASSERT_EQ(t, b.note_count, 3u);
    for (unsigned i = 0; i < 3; i++) {
        T_EXPECT_EQ(t, (unsigned)b.notes[i].who->nb.level, 2 - i);
        T_EXPECT_EQ(t, b.notes[i].present, 1u);
    }
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 2);
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -EBUSY);
    T_EXPECT_ERR(t, svm_do_bind(&b, other, 0), -EBUSY);
    T_EXPECT_EQ(t, ioasid_refs(b.set, other), 1);
    svm_expect_audit(&b, 2);
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_OK(t, svm_do_bind(&b, other, 0));
    T_EXPECT_OK(t, svm_do_unbind(&b, other, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    T_EXPECT_OK(t, ioasid_free(b.set, other));
    svm_close(&b);
}

TEST(svm, bind_second_device, .needs = SVM_NEEDS, .rows = "9 16", .flaws = "S17 H26 K5 K9",
     .doc = "a further device gets its own entry without BIND; unbinding one leaves the other and sends no "
            "UNBIND; each unit has one domain id for them, its own")
{
    unsigned dids[3];
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 3);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    id = svm_alloc(&b);
    for (unsigned i = 0; i < 3; i++)
        dids[i] = vtd_did_count(b.devs[i]->vtd->unit);
    for (unsigned i = 0; i < 3; i++)
        T_ASSERT_OK(t, svm_do_bind(&b, id, i));
    for (unsigned i = 0; i < 3; i++)
        T_EXPECT_EQ(t, vtd_did_count(b.devs[i]->vtd->unit), dids[i] + 1);
    T_EXPECT_EQ(t, svm_presence(&b), 7u);
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 2);
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 1));
    T_EXPECT_EQ(t, svm_presence(&b), 5u);
    T_EXPECT(t, svm_zero(&b, 1));
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_BIND), 1u);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_UNBIND), 0u);
    svm_expect_audit(&b, 1);
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 2));
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_UNBIND), 1u);
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(svm, bind_refused_by_arguments, .needs = SVM_NEEDS, .rows = "15 31", .negative = true,
     .doc = "a number that the device cannot carry, number 0, a stage without its table: -EINVAL, and "
            "nothing happens")
{
    struct svm_bench b;
    struct ioasid_bind_cfg odd;
    ioasid_t id, low;

    svm_open(t, &b, 1);
    low = svm_alloc(&b);
    T_ASSERT_OK(t, ioasid_alloc(b.set, 256, IOASID_NUMBERS - 1, &id));
    b.devs[0]->pasid_bits = 8;
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -EINVAL);
    b.devs[0]->pasid_bits = IOASID_BITS;
    T_EXPECT_ERR(t, svm_do_bind(&b, ioasid_make(0, 1), 0), -EINVAL);
    odd = b.cfg;
    odd.stage = IOMMU_FIRST_STAGE;
    T_EXPECT_ERR(t, ioasid_bind(b.set, low, b.devs[0], &odd), -EINVAL);
    odd.stage = IOMMU_SECOND_STAGE;
    T_EXPECT_ERR(t, ioasid_bind(b.set, low, b.devs[0], &odd), -EINVAL);
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 1);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    T_EXPECT_OK(t, ioasid_free(b.set, low));
    T_EXPECT_ERR(t, svm_do_bind(&b, low, 0), -ENOENT);
    svm_close(&b);
}

TEST(svm, bind_without_domain_id, .needs = SVM_NEEDS | NEED_HOST, .rows = "11", .rules = "17",
     .flaws = "C13 C3 S22",
     .doc = "set-up fails for want of a domain id: reference, SPID, data and record are undone, no BIND; "
            "later it works")
{
    struct svm_bench b;
    struct vtd_unit *unit;
    static did_t dids[65536];
    unsigned taken = 0;
    ioasid_t id, found;
    void *data;

    svm_open(t, &b, 1);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    unit = b.devs[0]->vtd->unit;
    while (taken < ARRAY_SIZE(dids) && vtd_did_alloc(unit, &dids[taken]) == 0)
        taken++;
    id = svm_alloc(&b);
    b.cfg.spid = 5;
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -ENOSPC);
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 1);
    T_EXPECT_ERR(t, ioasid_spid_find(b.set, 5, false, &found), -ENOENT);
    T_EXPECT_ERR(t, ioasid_data_find(b.set, id, &data), -ENOENT);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_BIND), 0u);
    T_EXPECT(t, svm_zero(&b, 0));
    while (taken)
        vtd_did_free(unit, dids[--taken]);
    T_EXPECT_OK(t, svm_do_bind(&b, id, 0));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(svm, bind_refused_by_subscriber, .needs = SVM_NEEDS, .rows = "12", .flaws = "S19",
     .doc = "CPU refuses BIND: those who had agreed get UNBIND in reverse, the entry is gone, the errno "
            "comes back")
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 1);
    svm_watch(&b, IOASID_LEVEL_IOMMU, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND);
    svm_watch(&b, IOASID_LEVEL_DEVICE, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND)->answer_to_bind = -EPERM;
    id = svm_alloc(&b);
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -EPERM);
    T_ASSERT_EQ(t, b.note_count, 5u);
    T_EXPECT_EQ(t, (unsigned)b.notes[3].who->nb.level, (unsigned)IOASID_LEVEL_DEVICE);
    T_EXPECT_EQ(t, (unsigned)b.notes[4].who->nb.level, (unsigned)IOASID_LEVEL_IOMMU);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_UNBIND), 2u);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 1);
    b.watchers[2].answer_to_bind = 0;
    T_EXPECT_OK(t, svm_do_bind(&b, id, 0));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(svm, bind_with_spid, .needs = SVM_NEEDS, .rows = "13 7", .flaws = "C14",
     .doc = "the SPID lives as long as the binding; one in use, or another owner's data on the ID, refuse "
            "the bind")
{
    struct svm_bench b;
    ioasid_t one, two, found;
    void *data;

    svm_open(t, &b, 2);
    one = svm_alloc(&b);
    two = svm_alloc(&b);
    b.cfg.spid = 77;
    T_ASSERT_OK(t, svm_do_bind(&b, one, 0));
    T_EXPECT_OK(t, ioasid_spid_find(b.set, 77, false, &found));
    T_EXPECT_EQ(t, found, one);
    T_EXPECT_ERR(t, svm_do_bind(&b, two, 1), -EEXIST);
    T_EXPECT(t, svm_zero(&b, 1));
    T_EXPECT_OK(t, svm_do_unbind(&b, one, 0));
    T_EXPECT_ERR(t, ioasid_spid_find(b.set, 77, false, &found), -ENOENT);
    T_EXPECT_OK(t, ioasid_data_set(b.core, two, &b));
    T_EXPECT_ERR(t, svm_do_bind(&b, two, 1), -EBUSY);
    T_EXPECT_OK(t, ioasid_data_take(b.core, two, &data));
    T_EXPECT_OK(t, svm_do_bind(&b, two, 1));
    T_EXPECT_OK(t, svm_do_unbind(&b, two, 1));
    T_EXPECT_OK(t, ioasid_free(b.set, one));
    T_EXPECT_OK(t, ioasid_free(b.set, two));
    svm_close(&b);
}

TEST(svm, bound_belongings, .needs = SVM_NEEDS, .rows = "7 18", .flaws = "C14 S30",
     .doc = "the SPID and the private data of a binding go with it: whoever else wants to take them is told "
            "-EBUSY; an SPID that the owner has attached is his at any time")
{
    struct svm_bench b;
    ioasid_t id, found;
    void *data;

    svm_open(t, &b, 1);
    id = svm_alloc(&b);
    for (unsigned round = 0; round < 2; round++) {
        b.cfg.spid = round ? 77 : IOASID_NO_SPID;
        T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
        T_EXPECT_ERR(t, ioasid_spid_attach(b.core, id, 78), round ? -EBUSY : 0);
        T_EXPECT_ERR(t, ioasid_spid_detach(b.core, id), round ? -EBUSY : 0);
        T_EXPECT_ERR(t, ioasid_spid_find(b.set, 77, false, &found), round ? 0 : -ENOENT);
        T_EXPECT_ERR(t, ioasid_data_take(b.core, id, &data), -EBUSY);
        T_EXPECT(t, svm_present(&b, 0));
        T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
        T_EXPECT_ERR(t, ioasid_spid_detach(b.core, id), -ENOENT);
        T_EXPECT_ERR(t, ioasid_data_take(b.core, id, &data), -ENOENT);
    }
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(svm, bind_same_tables, .needs = SVM_NEEDS | NEED_SS, .rules = "46 47",
     .doc = "all devices of an ID share one stage and table: a bind with another is -EINVAL")
{
    const struct vtd_caps *caps = &t->iommu->units[0]->caps;
    struct pgtable_cfg table = {.stage = PGTABLE_SECOND,
                                .levels = FIELD_GET(VTD_SAGAW_4LEVEL, caps->sagaw) ? 4 : 3,
                                .haw = caps->haw,
                                .page_sizes = PGTABLE_4K};
    struct ioasid_bind_cfg other;
    struct pgtable *pt;
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 2);
    T_ASSERT_OK(t, pgtable_create(&table, &pt));
    id = svm_alloc(&b);
    other = b.cfg;
    other.stage = IOMMU_SECOND_STAGE;
    other.table = pt;
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_EXPECT_ERR(t, ioasid_bind(b.set, id, b.devs[1], &other), -EINVAL);
    T_EXPECT(t, svm_zero(&b, 1));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_OK(t, ioasid_bind(b.set, id, b.devs[1], &other));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 1));
    pgtable_destroy(pt);
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(svm, bind_table_of_another_kind, .needs = SVM_NEEDS | NEED_SS, .rules = "10", .negative = true,
     .doc = "a table built for walks that snoop, or for wider addresses, does not fit a unit that has "
            "neither: -EINVAL")
{
    const struct vtd_caps *caps = &t->iommu->units[0]->caps;
    struct pgtable_cfg table = {.stage = PGTABLE_SECOND,
                                .levels = FIELD_GET(VTD_SAGAW_4LEVEL, caps->sagaw) ? 4 : 3,
                                .haw = caps->haw,
                                .page_sizes = PGTABLE_4K,
                                .unit_snoops = true};
    struct pgtable *pt;
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 1);
    if (b.devs[0]->vtd->pwsnp)
        t_skip(t, "ECAP.SMPWCS = 1");
    T_ASSERT_OK(t, pgtable_create(&table, &pt));
    id = svm_alloc(&b);
    b.cfg.stage = IOMMU_SECOND_STAGE;
    b.cfg.table = pt;
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -EINVAL);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 1);
    pgtable_destroy(pt);
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

/* ---- Unbind ---- */

TEST(svm, unbind_last, .needs = SVM_NEEDS, .rows = "18 19 20", .rules = "41 43", .flaws = "S18 C17",
     .doc = "UNBIND reaches CPU and DEVICE while the entry is there, IOMMU when it is gone; again is -ENOENT")
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 2);
    svm_watch(&b, IOASID_LEVEL_IOMMU, IOASID_EVENT_UNBIND);
    svm_watch(&b, IOASID_LEVEL_DEVICE, IOASID_EVENT_UNBIND);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_UNBIND);
    id = svm_alloc(&b);
    T_EXPECT_ERR(t, svm_do_unbind(&b, id, 0), -ENOENT);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_EXPECT_ERR(t, svm_do_unbind(&b, id, 1), -ENOENT);
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT(t, svm_zero(&b, 0));
    T_ASSERT_EQ(t, b.note_count, 3u);
    for (unsigned i = 0; i < 3; i++) {
        T_EXPECT_EQ(t, (unsigned)b.notes[i].who->nb.level, i);
        T_EXPECT_EQ(t, b.notes[i].present, i < 2 ? 1u : 0u);
    }
    T_EXPECT_ERR(t, svm_do_unbind(&b, id, 0), -ENOENT);
    T_EXPECT_EQ(t, b.note_count, 3u);
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 1);
    svm_expect_audit(&b, 1);
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

/* ---- The audit finds what is planted ---- */

TEST(svm, audit_sees, .needs = SVM_NEEDS, .flaws = "S13", .rules = "41",
     .doc = "an entry that stands where nothing is bound, and one that is gone where something is, are found")
{
    struct vtd_pasid_cfg cfg = {.pgtt = VTD_PGTT_PASSTHROUGH};
    char text[160];
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 1);
    T_ASSERT_OK(t, vtd_did_alloc(b.devs[0]->vtd->unit, &cfg.did));
    T_ASSERT_OK(t, vtd_pasid_publish(b.devs[0]->vtd, 0, &cfg));
    T_EXPECT_ERR(t, iommu_audit(t->iommu, 0, text, sizeof(text)), -EINVAL);
    T_ASSERT_OK(t, vtd_pasid_retire(b.devs[0]->vtd, 0, VTD_RETIRE_LAST_OF_DID));
    T_EXPECT_ERR(t, iommu_audit(t->iommu, 0, text, sizeof(text)), -EINVAL);
    vtd_did_free(b.devs[0]->vtd->unit, cfg.did);
    svm_expect_audit(&b, 0);
    id = svm_alloc(&b);
    T_EXPECT_ERR(t, iommu_audit(t->iommu, 0, text, sizeof(text)), -EINVAL);
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}
