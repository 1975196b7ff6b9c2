/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edges of a unit and of a binding, host only: what a machine has too much or too little of, arguments
 * that do not go together, calls that find a turn, a table or a vector gone.
 */
#include <string.h>

#include "iommu/svm_space.h"
#include "iommu/vtd_flush.h"
#include "iommu/vtd_qi_priv.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"
#include "tests/suites/dmar_blob.h"

/* ---- Units of a machine ---- */

#define WINDOW_BASE  0xfd000000ull
#define WINDOW_UNITS (IOMMU_MAX_UNITS + 2u)

/* Units that answer with their capabilities and nothing else. */
static uint32_t window_read32(unused void *ctx, uint32_t offset)
{
    return offset == VTD_OFF_VER ? 0x60 : 0;
}

static uint64_t window_read64(unused void *ctx, uint32_t offset)
{
    const struct stub_cfg cfg = own_cfg();

    return offset == VTD_OFF_CAP ? cfg.cap : offset == VTD_OFF_ECAP ? cfg.ecap : 0;
}

static struct host_mmio windows[WINDOW_UNITS];

TEST(refuse, too_many_units, .needs = NEED_HOST,
     .doc =
         "a machine with more units than there is room for: the first ones are taken, the others are named "
         "and left alone; what has unanswered page requests is not destroyed")
{
    struct dmar_blob blob;
    struct iommu *iommu;
    char why[160] = "";

    blob_begin(&blob);
    for (unsigned i = 0; i < WINDOW_UNITS; i++) {
        windows[i] = (struct host_mmio){.base = {WINDOW_BASE + i * PAGE_SIZE},
                                        .size = PAGE_SIZE,
                                        .read32 = window_read32,
                                        .read64 = window_read64};
        host_mmio_add(&windows[i]);
        blob_drhd(&blob, 0, 0, WINDOW_BASE + i * PAGE_SIZE);
    }
    own_log_begin();
    T_ASSERT_OK(t, iommu_create(blob.bytes, blob.size, &iommu, why, sizeof(why)));
    T_EXPECT_EQ(t, iommu->unit_count, (unsigned)IOMMU_MAX_UNITS);
    T_EXPECT(t, own_log_has("unit at fd010000: more than 16 units, left alone"));
    T_EXPECT(t, own_log_has("unit at fd011000: more than 16 units, left alone"));
    own_log_end();
    T_EXPECT_EQ(t, iommu_unit_at(iommu, (paddr_t){WINDOW_BASE + 15 * PAGE_SIZE}), iommu->units[15]);
    T_EXPECT(t, iommu_unit_at(iommu, (paddr_t){WINDOW_BASE + 16 * PAGE_SIZE}) == NULL);
    iommu->units[3]->prq.groups = 1;
    T_EXPECT_ERR(t, iommu_destroy(iommu), -EBUSY);
    iommu->units[3]->prq.groups = 0;
    T_EXPECT_OK(t, iommu_destroy(iommu));
}

TEST(
    refuse, nobody_home, .needs = NEED_HOST,
    .doc = "a DRHD over registers that are not there, or over memory: no unit, in words, and nothing is kept")
{
    size_t objects = host_objects(OWNER_TABLE);
    struct dmar_blob blob;
    struct iommu *iommu;
    char why[160] = "";

    blob_begin(&blob);
    blob_drhd(&blob, 0, 0, 0xf7770000);
    own_log_begin();
    T_EXPECT_ERR(t, iommu_create(blob.bytes, blob.size, &iommu, why, sizeof(why)), -ENODEV);
    T_EXPECT(t, own_log_has("unit at f7770000: no unit answers: registers read all ones"));
    T_EXPECT(t, strstr(why, "unit at f7770000: ") != NULL);
    blob_begin(&blob);
    blob_drhd(&blob, 0, 0, HOST_RAM_BASE);
    T_EXPECT_ERR(t, iommu_create(blob.bytes, blob.size, &iommu, why, sizeof(why)), -EINVAL);
    own_log_end();
    T_EXPECT(t, strstr(why, "unit at 100000000: registers cannot be mapped") != NULL);
    T_EXPECT_EQ(t, host_objects(OWNER_TABLE), objects);
}

TEST(refuse, lanes, .needs = NEED_IOMMU | NEED_HOST,
     .doc = "a lane that one unit cannot serve is refused, and the lane stays what it was")
{
    struct vtd_unit *unit = t->iommu->units[1];
    struct vtd_caps kept = unit->caps;

    unit->caps.pasid = false;
    T_EXPECT_ERR(t, iommu_set_lane(t->iommu, IOMMU_LANE_PASID), -ENOTSUP);
    unit->caps.rps = false;
    unit->caps.major = 6;
    T_EXPECT_ERR(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID_PASID), -ENOTSUP);
    T_EXPECT_EQ(t, (unsigned)t->iommu->lane, (unsigned)IOMMU_LANE_RID);
    unit->caps = kept;
    T_EXPECT_OK(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID));
}

/* ---- Events and page requests ---- */

static void never(unused void *arg)
{
}

TEST(event, no_vector, .needs = NEED_HOST, .rules = "65",
     .doc = "a machine without a free vector: the unit says which events it goes without, runs, and stops")
{
    struct stub_cfg cfg = own_cfg();
    struct plat_msi taken[64];
    unsigned count = 0;
    struct own_unit own;
    struct vtd_dev *dev;

    own_create(t, &own, &cfg);
    while (count < ARRAY_SIZE(taken) && plat_msi_alloc(never, NULL, &taken[count]) == 0)
        count++;
    own_log_begin();
    T_EXPECT_OK(t, vtd_unit_start(own.unit));
    T_EXPECT(t, own_log_has("no vector for the fault event"));
    T_EXPECT(t, own_log_has("no vector for the invalidation event"));
    own_log_end();
    T_EXPECT(t, !own.unit->fault_event.on && !own.unit->queue_event.on);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FECTL, 4) / 0x80000000, 1ull);
    dev = own_attach(t, &own);
    T_EXPECT_OK(t, vtd_dev_detach(dev));
    while (count > 0)
        plat_msi_free(&taken[--count]);
    own_close(t, &own);
}

static struct stub_cfg paging_cfg(void)
{
    struct stub_cfg cfg = own_cfg();

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PRS) | SPAN_MASK(VTD_ECAP_PDS), true);
    return cfg;
}

TEST(
    prq, off, .needs = NEED_HOST, .rules = "57",
    .doc = "a unit without page requests: there is nothing to look for, and no register of theirs is written")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_start(t, &own, &cfg);
    host_trace_start();
    vtd_prq_collect(own.unit);
    host_trace_stop();
    T_EXPECT_EQ(t, host_trace_count(), 0u);
    own_close(t, &own);
}

TEST(prq, server_stuck, .needs = NEED_HOST,
     .doc = "who serves page requests does not come back while the unit is stopped: said, and the unit stops")
{
    struct stub_cfg cfg = paging_cfg();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.unit->prq.pending = 1;
    own_log_begin();
    T_EXPECT_OK(t, vtd_unit_stop(own.unit));
    T_EXPECT(t, own_log_has("who serves page requests does not come back"));
    own_log_end();
    own.unit->prq.pending = 0;
    own_close(t, &own);
}

TEST(prq, overflows_for_ever, .needs = NEED_HOST, .rules = "59 61",
     .doc = "a queue that says in every round of a drain that it overflowed: the retire ends all the same, "
            "with -EIO, and works once the queue is well")
{
    const uint16_t rid = OWN_RID;
    const struct vtd_dev_cfg dev_cfg = {
        .rids = &rid, .rid_count = 1, .ats = true, .pri = true, .ats_qdep = 1};
    const struct vtd_pasid_cfg entry = {.pgtt = VTD_PGTT_PASSTHROUGH, .did = {3}};
    struct stub_cfg cfg = paging_cfg();
    struct own_unit own;
    struct vtd_dev *dev;

    own_start(t, &own, &cfg);
    T_ASSERT_OK(t, vtd_dev_attach(own.unit, &dev_cfg, &dev));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &entry));
    stub_set_reg(own.stub, VTD_OFF_PRS, 4, SPAN_MASK(VTD_PRS_PRO));
    own_log_begin();
    T_EXPECT_ERR(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_LAST_OF_DID), -EIO);
    T_EXPECT(t, own_log_has("page requests overflow their queue again and again"));
    own_log_end();
    stub_set_reg(own.stub, VTD_OFF_PRS, 4, 0);
    T_EXPECT_OK(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_LAST_OF_DID));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

/* ---- The queue ---- */

TEST(queue, no_status_word, .needs = NEED_HOST,
     .doc = "every status word is taken: -EIO, said in words, and the queue works when one is free again")
{
    struct stub_cfg cfg = own_cfg();
    unsigned taken = 0, words[1024];
    struct vtd_batch batch;
    struct own_unit own;

    own_start(t, &own, &cfg);
    while (taken < ARRAY_SIZE(words) && vtd_qi_take_word(&own.unit->queue, &words[taken]))
        taken++;
    T_ASSERT_LT(t, taken, (unsigned)ARRAY_SIZE(words));
    vtd_batch_init(&batch, own.unit);
    vtd_batch_add(&batch, vtd_inv_iotlb_global());
    own_log_begin();
    T_EXPECT_ERR(t, vtd_batch_submit_wait(&batch), -EIO);
    T_EXPECT(t, own_log_has("no status word left"));
    own_log_end();
    while (taken > 0)
        vtd_qi_release_word(&own.unit->queue, words[--taken]);
    vtd_batch_init(&batch, own.unit);
    vtd_batch_add(&batch, vtd_inv_iotlb_global());
    T_EXPECT_OK(t, vtd_batch_submit_wait(&batch));
    own_close(t, &own);
}

TEST(queue, sequence_wraps, .needs = NEED_HOST, .rules = "23",
     .doc = "the number of a wait goes from its last value to 1: 0 is what a status word starts with")
{
    struct stub_cfg cfg = own_cfg();
    struct vtd_batch batch;
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.unit->queue.sequence = UINT32_MAX - 1;
    for (unsigned i = 0; i < 2; i++) {
        stub_stream_clear(own.stub);
        vtd_batch_init(&batch, own.unit);
        vtd_batch_add(&batch, vtd_inv_iotlb_global());
        T_ASSERT_OK(t, vtd_batch_submit_wait(&batch));
        T_ASSERT_EQ(t, own.stub->stream_count, 2u);
        T_EXPECT_EQ(t, entry_get(&own.stub->stream[1], VTD_QI_WAIT_DATA), i == 0 ? 0xffffffffull : 1ull);
    }
    own_close(t, &own);
}

/* ---- Entries that do not go together ---- */

static void refused(struct t *t, struct vtd_dev *dev, struct vtd_pasid_cfg cfg, const char *what)
{
    struct vtd_pasid_entry e;

    cfg.did = (did_t){5};
    if (!T_EXPECT_ERR(t, vtd_pasid_publish(dev, 4, &cfg), -EINVAL))
        t_note(t, "%s", what);
    T_EXPECT(t, vtd_pasid_read(dev, 4, &e) != 0 || e.q[0] == 0);
}

TEST(refuse, entries, .needs = NEED_HOST, .rules = "40 41",
     .doc =
         "entries of a type, a width, a depth or an address that the unit has not got: -EINVAL, nothing is "
         "written")
{
    const struct vtd_pasid_cfg first = {.pgtt = VTD_PGTT_FIRST, .fs_root = {0x1000}, .fs_levels = 4};
    const struct vtd_pasid_cfg second = {.pgtt = VTD_PGTT_SECOND, .ss_root = {0x1000}, .ss_levels = 4};
    struct vtd_pasid_cfg cfg = first;
    struct stub_cfg unit = own_cfg();
    struct own_unit own;
    struct vtd_dev *dev;

    own_set(&unit.ecap, SPAN_MASK(VTD_ECAP_PT) | SPAN_MASK(VTD_ECAP_NEST), false);
    own_start(t, &own, &unit);
    dev = own_attach(t, &own);
    refused(t, dev, (struct vtd_pasid_cfg){.pgtt = VTD_PGTT_PASSTHROUGH}, "pass-through");
    cfg.fs_levels = 5;
    refused(t, dev, cfg, "five levels");
    cfg.fs_levels = 3;
    refused(t, dev, cfg, "three levels of a first stage");
    cfg = first;
    cfg.fs_root.v = 0x1008;
    refused(t, dev, cfg, "a table that is not aligned");
    cfg.fs_root.v = 1ull << OWN_HAW;
    refused(t, dev, cfg, "a table beyond the host address width");
    cfg = second;
    cfg.ss_root.v = 0x1008;
    refused(t, dev, cfg, "a second-stage table that is not aligned");
    cfg.ss_root.v = 0x1000;
    cfg.ss_levels = 5;
    refused(t, dev, cfg, "a width that SAGAW has not got");
    cfg.ss_levels = 4;
    cfg.pgtt = VTD_PGTT_NESTED;
    cfg.fs_root.v = 0x1000;
    cfg.fs_levels = 4;
    refused(t, dev, cfg, "nesting");
    cfg.pgtt = (enum vtd_pgtt)7;
    refused(t, dev, cfg, "a type that there is not");
    own.unit->caps.nest = true;
    cfg.pgtt = VTD_PGTT_NESTED;
    cfg.ss_levels = 5;
    refused(t, dev, cfg, "nesting with a width that there is not");
    own.unit->caps.fsts = false;
    refused(t, dev, first, "a first stage");
    own.unit->caps.ssts = false;
    refused(t, dev, second, "a second stage");
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(table, five_levels, .needs = NEED_HOST, .rules = "40",
     .doc = "first stages of four and five levels on an emulator that uses AW: FSPM and AW say how deep")
{
    struct vtd_pasid_cfg cfg = {.pgtt = VTD_PGTT_FIRST, .did = {3}, .fs_root = {0x1000}, .fs_levels = 5};
    struct stub_cfg unit = own_cfg();
    struct vtd_pasid_entry e;
    struct own_unit own;
    struct vtd_dev *dev;

    unit.ver = 0x10;
    own_set(&unit.cap, SPAN_MASK(VTD_CAP_FS5LP), true);
    own_start(t, &own, &unit);
    dev = own_attach(t, &own);
    T_ASSERT_OK(t, vtd_pasid_build(dev, &cfg, &e));
    T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_FSPM), (uint64_t)VTD_FSPM_5LEVEL);
    T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_AW), (uint64_t)VTD_AW_57);
    cfg.fs_levels = 4;
    T_ASSERT_OK(t, vtd_pasid_build(dev, &cfg, &e));
    T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_FSPM), (uint64_t)VTD_FSPM_4LEVEL);
    T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_AW), (uint64_t)VTD_AW_48);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(refuse, device_claims, .needs = NEED_HOST, .rules = "57 76",
     .doc = "ATS on a unit without device TLBs, with no or too many invalidations at a time, page requests "
            "without ATS, PASIDs that the unit does not take: -EINVAL")
{
    const uint16_t rid = OWN_RID;
    const struct vtd_dev_cfg good = {.rids = &rid, .rid_count = 1, .ats = true, .pri = true, .ats_qdep = 32};
    struct stub_cfg cfg = paging_cfg();
    struct vtd_dev_cfg bad = good;
    struct own_unit own;
    struct vtd_dev *dev;

    own_start(t, &own, &cfg);
    bad.ats_qdep = 0;
    T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &bad, &dev), -EINVAL);
    bad.ats_qdep = 33;
    T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &bad, &dev), -EINVAL);
    bad = good;
    bad.ats = false;
    T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &bad, &dev), -EINVAL);
    bad = good;
    bad.pasid = true;
    T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &bad, &dev), -EINVAL);
    bad = good;
    bad.rid_count = VTD_DEV_MAX_RIDS + 1;
    T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &bad, &dev), -EINVAL);
    bad = good;
    bad.pasid_bits = 21;
    T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &bad, &dev), -EINVAL);
    own.unit->caps.dt = false;
    T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &good, &dev), -EINVAL);
    own.unit->caps.dt = true;
    T_ASSERT_OK(t, vtd_dev_attach(own.unit, &good, &dev));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(table, no_snooping, .needs = NEED_HOST, .rules = "10",
     .doc = "a device for which the DMAR forbids PWSNP and PGSNP: its entries have neither, others have both")
{
    const uint16_t rid = OWN_RID;
    struct vtd_dev_cfg dev_cfg = {.rids = &rid, .rid_count = 1};
    struct vtd_pasid_cfg pass = {.pgtt = VTD_PGTT_PASSTHROUGH, .did = {3}};
    struct stub_cfg cfg = own_cfg();
    struct vtd_pasid_entry e;
    struct own_unit own;
    struct vtd_dev *dev;

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_SC) | SPAN_MASK(VTD_ECAP_SMPWCS), true);
    own_start(t, &own, &cfg);
    for (unsigned forbidden = 0; forbidden < 2; forbidden++) {
        dev_cfg.no_pwsnp = dev_cfg.no_pgsnp = forbidden;
        T_ASSERT_OK(t, vtd_dev_attach(own.unit, &dev_cfg, &dev));
        T_ASSERT_OK(t, vtd_pasid_build(dev, &pass, &e));
        T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_PWSNP), !forbidden);
        T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_PGSNP), !forbidden);
        T_ASSERT_OK(t, vtd_dev_detach(dev));
    }
    own_close(t, &own);
}

TEST(unit, scalable_root_comes_back, .needs = NEED_HOST, .rules = "6 7",
     .doc =
         "ESRTPS = 0 and firmware's root table in scalable mode: on the way out the PASID cache is emptied "
         "as well")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_ESRTPS), false);
    own_create(t, &own, &cfg);
    stub_set_reg(own.stub, VTD_OFF_RTADDR, 8, 0x7ff0400);
    stub_set_reg(own.stub, VTD_OFF_GSTS, 4, 0xc0000000);
    own.stub->root = 0x7ff0400;
    T_ASSERT_OK(t, vtd_unit_start(own.unit));
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    T_ASSERT_EQ(t, own.stub->stream_count, 5u); /* cc, pc, iotlb, wait; a wait ends the queue */
    T_EXPECT_EQ(t, own.stub->stream[0].q[0], 0x11ull);
    T_EXPECT_EQ(t, own.stub->stream[1].q[0], 0x37ull);
    T_EXPECT_EQ(t, own.stub->stream[2].q[0], 0xd2ull);
    T_EXPECT_EQ(t, own.stub->root, 0x7ff0400ull);
    own_close(t, &own);
}

/* ---- Bindings ---- */

struct bound {
    struct iommu_dev *dev, *other;
    struct ioasid_set *set;
    ioasid_t id;
};

static const struct ioasid_bind_cfg pass = {
    .stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};

static void bound_open(struct t *t, struct bound *b)
{
    const struct stub_dev *d = stub_machine_dev(0, 0), *o = stub_machine_dev(1, 0);

    *b = (struct bound){.set = ioasid_system_set(t->iommu->ioasids)};
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, d->id, d->rids, d->rid_count, 20, &b->dev));
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, o->id, o->rids, o->rid_count, 20, &b->other));
    T_ASSERT_OK(t, ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &b->id));
}

static void bound_close(struct t *t, struct bound *b)
{
    T_ASSERT_OK(t, ioasid_free(b->set, b->id));
    T_ASSERT_OK(t, iommu_dev_detach(b->dev));
    T_ASSERT_OK(t, iommu_dev_detach(b->other));
}

static void serve_nothing(unused struct iommu_pager *pager, unused struct iommu_page_group *group)
{
}

TEST(refuse, bind_cfgs, .needs = NEED_IOMMU | NEED_HOST | NEED_PT,
     .doc =
         "a stage that there is not, tables of the other stage or none, a pass-through with a table, and a "
         "second device with anything different: -EINVAL, nothing is bound")
{
    const struct pgtable_cfg fs = {
        .stage = PGTABLE_FIRST, .levels = 4, .haw = 39, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    const struct pgtable_cfg ss = {
        .stage = PGTABLE_SECOND, .levels = 4, .haw = 39, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    struct iommu_pager pager = {.serve = serve_nothing};
    struct pgtable *first, *second;
    struct ioasid_bind_cfg cfg;
    struct bound b;

    bound_open(t, &b);
    T_ASSERT_OK(t, pgtable_create(&fs, &first));
    T_ASSERT_OK(t, pgtable_create(&ss, &second));
    const struct ioasid_bind_cfg bad[] = {
        {.stage = IOMMU_PASS_THROUGH, .table = first, .spid = IOASID_NO_SPID},
        {.stage = IOMMU_FIRST_STAGE, .spid = IOASID_NO_SPID},
        {.stage = IOMMU_FIRST_STAGE, .table = second, .spid = IOASID_NO_SPID},
        {.stage = IOMMU_SECOND_STAGE, .spid = IOASID_NO_SPID},
        {.stage = IOMMU_SECOND_STAGE, .table = first, .spid = IOASID_NO_SPID},
        {.stage = (enum iommu_stage)9, .spid = IOASID_NO_SPID},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.dev, &bad[i]), -EINVAL);
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &pass));
    cfg = pass;
    cfg.guest = false;
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.other, &cfg), -EINVAL);
    cfg = pass;
    cfg.spid = 3;
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.other, &cfg), -EINVAL);
    cfg = pass;
    cfg.pager = &pager;
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.other, &cfg), -EINVAL);
    cfg = (struct ioasid_bind_cfg){
        .stage = IOMMU_FIRST_STAGE, .table = first, .guest = true, .spid = IOASID_NO_SPID};
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.other, &cfg), -EINVAL);
    T_ASSERT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    pgtable_destroy(first);
    pgtable_destroy(second);
    bound_close(t, &b);
}

TEST(refuse, turns, .needs = NEED_IOMMU | NEED_HOST | NEED_PT,
     .doc = "a flush without a set: -EINVAL; of an ID that 65535 threads use: -EBUSY; of one whose turn "
            "somebody keeps: -ETIMEDOUT after its time; of one with foreign private data: -ENOENT")
{
    struct bound b;
    struct ioasid_rec *rec;
    uint64_t foreign = 0, before;
    void *old;

    bound_open(t, &b);
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &pass));
    rec = ioasid_rec_of(t->iommu->ioasids, b.id);
    T_EXPECT_ERR(t, ioasid_flush(NULL, b.id, (iova_t){0}, PAGE_SIZE, false), -EINVAL);
    T_EXPECT_ERR(t, ioasid_flush(IOASID_ANY_SET, b.id, (iova_t){0}, PAGE_SIZE, false), -EINVAL);
    rec->pins = UINT16_MAX;
    T_EXPECT_ERR(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false), -EBUSY);
    rec->pins = 0;
    rec->flags |= REC_TURN;
    before = plat_now_ns();
    T_EXPECT_ERR(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false), -ETIMEDOUT);
    T_EXPECT_GE(t, plat_now_ns() - before, 10000000000ull);
    T_EXPECT_ERR(t, ioasid_unbind(b.set, b.id, b.dev), -ETIMEDOUT);
    rec->flags &= (uint16_t)~REC_TURN;
    T_EXPECT_OK(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false));
    T_ASSERT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    T_ASSERT_OK(t, plat_idle_wait(1000000000ull));
    T_ASSERT_OK(t, ioasid_data_set(t->iommu->ioasids, b.id, &foreign));
    T_EXPECT_ERR(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false), -ENOENT);
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.dev, &pass), -EBUSY);
    T_ASSERT_OK(t, ioasid_data_take(t->iommu->ioasids, b.id, &old));
    bound_close(t, &b);
}

TEST(power, gone_stays_out, .needs = NEED_IOMMU | NEED_HOST | NEED_PT, .rows = "51", .rules = "74",
     .doc =
         "a binding whose table went before the machine slept gets no entry back; a flush finds nothing to "
         "do; its unbind ends it")
{
    struct vtd_pasid_entry e;
    struct bound b;

    bound_open(t, &b);
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &pass));
    T_ASSERT_OK(t, ioasid_table_gone(b.set, b.id));
    T_ASSERT_OK(t, iommu_suspend(t->iommu));
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    T_EXPECT_EQ(t, (unsigned)svm_binding_on(b.dev->bindings.next)->entry, (unsigned)SVM_ENTRY_LEFT_OUT);
    T_EXPECT(t, vtd_pasid_read(b.dev->vtd, 0, &e) != 0 || e.q[0] == 0);
    T_EXPECT_OK(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false));
    T_EXPECT_OK(t, ioasid_table_gone(b.set, b.id));
    T_ASSERT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    bound_close(t, &b);
}

TEST(flush, nothing_present, .needs = NEED_IOMMU | NEED_HOST | NEED_PT,
     .doc = "a flush of an entry that is there no more sends nothing but its wait")
{
    struct vtd_use use;
    struct bound b;

    bound_open(t, &b);
    use = (struct vtd_use){b.dev->vtd, 7};
    stub_stream_clear(stub_machine_unit(0));
    T_EXPECT_OK(t, vtd_flush_range(&use, 1, (iova_t){0}, PAGE_SIZE, false));
    for (unsigned i = 0; i < stub_machine_unit(0)->stream_count; i++)
        T_EXPECT_EQ(t, entry_get(&stub_machine_unit(0)->stream[i], VTD_QI_TYPE), (uint64_t)VTD_QI_WAIT);
    bound_close(t, &b);
}
