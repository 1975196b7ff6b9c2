/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edges of a unit, host only: what a machine has too much or too little of, arguments that do not go
 * together, a vector, a status word or a confirmation that is not there.
 */
#include <string.h>

#include "iommu/iommu.h"
#include "iommu/vtd_qi_priv.h"
#include "tests/host/own_unit.h"
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
    T_EXPECT(t, own_log_has("unit at fd040000: one more than there is room for"));
    T_EXPECT(t, own_log_has("unit at fd041000: one more than there is room for"));
    own_log_end();
    T_EXPECT_EQ(t, iommu->refused_count, 2u);
    T_EXPECT_EQ(t, iommu->refused[1].base.v, WINDOW_BASE + (IOMMU_MAX_UNITS + 1) * PAGE_SIZE);
    T_EXPECT_EQ(t, iommu_unit_at(iommu, (paddr_t){WINDOW_BASE + 63 * PAGE_SIZE}), iommu->units[63]);
    T_EXPECT(t, iommu_unit_at(iommu, (paddr_t){WINDOW_BASE + 64 * PAGE_SIZE}) == NULL);
    T_EXPECT_ERR(t, iommu_suspend(iommu), -EINVAL);
    T_EXPECT_ERR(t, iommu_resume(iommu), -EINVAL);
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

TEST(refuse, bad_reserved, .needs = NEED_HOST,
     .doc = "reserved memory that cannot be does not refuse the table: it is said, with the device's name")
{
    struct dmar_blob blob;
    struct iommu *iommu;
    char why[160] = "";
    uint32_t s;

    windows[0] = (struct host_mmio){
        .base = {WINDOW_BASE}, .size = PAGE_SIZE, .read32 = window_read32, .read64 = window_read64};
    host_mmio_add(&windows[0]);
    blob_begin(&blob);
    blob_drhd(&blob, 1, 0, WINDOW_BASE);
    s = blob_struct(&blob, DMAR_RMRR, 24);
    blob_put(&blob, s + 8, 0x7a000000, 8);
    blob_put(&blob, s + 16, 0x7a0007ff, 8);
    blob_function(&blob, 1, 0, 0, 2, 0);
    own_log_begin();
    T_ASSERT_OK(t, iommu_create(blob.bytes, blob.size, &iommu, why, sizeof(why)));
    T_EXPECT(t, own_log_has("passed over, reserved memory not in whole pages: RMRR segment 0 memory "
                            "7a000000+800: endpoint 00:02.0"));
    own_log_end();
    T_EXPECT_EQ(t, iommu->unit_count, 1u);
    T_EXPECT_OK(t, iommu_destroy(iommu));
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

TEST(unit, drop_untaken, .needs = NEED_HOST, .doc = "a unit that was never taken over is dropped untouched")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_create(t, &own, &cfg);
    host_trace_start();
    vtd_unit_drop(own.unit);
    host_trace_stop();
    T_EXPECT_EQ(t, host_trace_count(), 0u);
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

/* ---- Interrupts ---- */

TEST(
    intr, find_edges, .needs = NEED_HOST, .rules = "78",
    .doc =
        "entries are found by segment and function, and by pin: of two messages the right one, of a stranger "
        "none; an entry that is not confirmed gone is not replaced")
{
    const struct plat_intr first = {.vector = 0x41, .fn = {0, OWN_RID}, .alias = OWN_RID};
    const struct plat_intr second = {.vector = 0x42, .fn = {0, OWN_RID + 1}, .alias = OWN_RID + 1};
    struct stub_cfg cfg = own_cfg();
    struct plat_intr_form form;
    struct vtd_irte entry;
    struct own_unit own;
    uint16_t index, other;

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_IR), true);
    own_start(t, &own, &cfg);
    T_ASSERT_OK(t, vtd_intr_alloc(own.unit));
    T_ASSERT_OK(t, vtd_intr_start(own.unit));
    T_ASSERT_OK(t, vtd_intr_add(own.unit, &first, 0, &form));
    T_ASSERT_OK(t, vtd_intr_add(own.unit, &second, 0, &form));
    T_ASSERT_OK(t, vtd_intr_find(own.unit, first.fn, &index));
    T_ASSERT_OK(t, vtd_intr_find(own.unit, second.fn, &other));
    T_EXPECT_NE(t, index, other);
    T_EXPECT_EQ(t, entry_get(&own.unit->intr.table[other], VTD_IRTE_V), 0x42ull);
    T_EXPECT_ERR(t, vtd_intr_find(own.unit, (struct pci_id){1, OWN_RID}, &index), -ENOENT);
    T_EXPECT_ERR(t, vtd_intr_find(own.unit, (struct pci_id){0, OWN_RID + 2}, &index), -ENOENT);
    T_EXPECT_ERR(t, vtd_intr_find_pin(own.unit, &index), -ENOENT);
    entry = own.unit->intr.table[other];
    own.stub->faults.lose_wait = 1;
    own_log_begin();
    T_EXPECT_ERR(t, vtd_intr_set(own.unit, other, &entry), -ETIMEDOUT);
    own_log_end();
    T_EXPECT_EQ(t, own.unit->intr.table[other].q[0], 0ull);
    T_EXPECT_OK(t, vtd_intr_set(own.unit, other, &entry));
    T_EXPECT_MEM(t, &own.unit->intr.table[other], &entry, sizeof(entry));
    T_EXPECT_OK(t, vtd_intr_remove(own.unit, &first));
    T_EXPECT_OK(t, vtd_intr_remove(own.unit, &second));
    own_close(t, &own);
}
