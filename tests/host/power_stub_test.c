/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite power, host only: suspend and resume on a recording unit, by registers, tables and descriptors; units
 * that are reset meanwhile, that do not obey, and memory that runs out. VT-d 5.10, rules 4-8, 74.
 */
#include "iommu/iommu.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"

/* Everything back to its value after power-on. */
static void reset(struct own_unit *own)
{
    static const uint32_t off[] = {VTD_OFF_RTADDR, VTD_OFF_IQA, VTD_OFF_IQH, VTD_OFF_IQT, VTD_OFF_IRTA};

    for (unsigned i = 0; i < ARRAY_SIZE(off); i++)
        stub_set_reg(own->stub, off[i], 8, 0);
    stub_set_reg(own->stub, VTD_OFF_GSTS, 4, 0);
    stub_set_reg(own->stub, VTD_OFF_FECTL, 4, 0x80000000);
    stub_set_reg(own->stub, VTD_OFF_FEDATA, 4, 0);
    stub_set_reg(own->stub, VTD_OFF_FEADDR, 4, 0);
    stub_set_reg(own->stub, VTD_OFF_IECTL, 4, 0x80000000);
    own->stub->root = 0;
}

static uint64_t on_bits(const struct own_unit *own)
{
    return stub_reg(own->stub, VTD_OFF_GSTS, 4) & 0x86000000;
}

TEST(power, registers, .needs = NEED_HOST, .rules = "7 74",
     .doc = "a unit that was reset while suspended: root, queue, fault event and enables are as before, its "
            "caches were emptied before TE went off and, with ESRTPS = 0, after SRTP")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_dev *dev;
    struct vtd_context_entry before, after;
    uint64_t fedata, iqa;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_ESRTPS), false);
    own_start(t, &own, &cfg);
    dev = own_attach(t, &own);
    vtd_context_read(own.unit, OWN_RID, &before);
    fedata = stub_reg(own.stub, VTD_OFF_FEDATA, 4);
    iqa = stub_reg(own.stub, VTD_OFF_IQA, 8);
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_unit_suspend(own.unit));
    T_EXPECT_EQ(t, own.stub->stream_count, 5u);
    T_EXPECT_EQ(t, own.stub->stream[0].q[0], 0x11ull);
    T_EXPECT_EQ(t, on_bits(&own), 0ull);
    reset(&own);
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_unit_resume(own.unit));
    T_EXPECT_EQ(t, on_bits(&own), 0x84000000ull);
    T_EXPECT_EQ(t, own.stub->root, plat_pa(own.unit->root).v + 0x400);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_IQA, 8), iqa);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FEDATA, 4), fedata);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FECTL, 4), 0ull);
    T_ASSERT_EQ(t, own.stub->stream_count, 4u);
    T_EXPECT_EQ(t, own.stub->stream[1].q[0], 0x37ull);
    vtd_context_read(own.unit, OWN_RID, &after);
    T_EXPECT_MEM(t, &after, &before, sizeof(after));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(power, nothing_is_sent, .needs = NEED_HOST, .rules = "74",
     .doc = "an entry retired while the unit is off goes without a descriptor, and does not come back")
{
    struct stub_cfg cfg = own_cfg();
    const struct vtd_pasid_cfg entry = {.pgtt = VTD_PGTT_PASSTHROUGH, .did = {3}};
    struct vtd_pasid_entry e;
    struct own_unit own;
    struct vtd_dev *dev;

    own_start(t, &own, &cfg);
    dev = own_attach(t, &own);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &entry));
    T_ASSERT_OK(t, vtd_unit_suspend(own.unit));
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_LAST_OF_DID));
    T_EXPECT_EQ(t, own.stub->stream_count, 0u);
    reset(&own);
    T_ASSERT_OK(t, vtd_unit_resume(own.unit));
    T_ASSERT_OK(t, vtd_pasid_read(dev, 0, &e));
    T_EXPECT_EQ(t, e.q[0], 0ull);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(power, found_on, .needs = NEED_HOST, .rules = "6 22 72 73 74",
     .doc =
         "firmware turned translation, a queue and protected memory on before it woke us: taken over as at "
         "start; what stop puts back is what start had found")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_PLMR), true);
    own_start(t, &own, &cfg);
    T_ASSERT_OK(t, vtd_unit_suspend(own.unit));
    reset(&own);
    stub_set_reg(own.stub, VTD_OFF_RTADDR, 8, 0x7ff0000);
    stub_set_reg(own.stub, VTD_OFF_IQA, 8, 0x7ff1800);
    stub_set_reg(own.stub, VTD_OFF_PMEN, 4, 0x80000001);
    stub_set_reg(own.stub, VTD_OFF_GSTS, 4, 0xc4000000);
    own.stub->last_was_wait = true;
    T_ASSERT_OK(t, vtd_unit_resume(own.unit));
    T_EXPECT_EQ(t, own.stub->root, plat_pa(own.unit->root).v + 0x400);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_PMEN, 4), 0ull);
    T_EXPECT_EQ(t, on_bits(&own), 0x84000000ull);
    T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    T_EXPECT_EQ(t, on_bits(&own), 0ull);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_PMEN, 4), 0ull);
    own_close(t, &own);
}

TEST(power, suspend_fails, .needs = NEED_IOMMU | NEED_HOST, .rules = "3 74",
     .doc = "one unit does not turn translation off: suspend is -ETIMEDOUT and all units are on")
{
    struct stub_unit *stub = stub_machine_unit(1);

    if (t->iommu->unit_count < 2 || stub->cfg.cap == 0)
        t_skip(t, "no recording units");
    stub->faults.ignored_commands = (uint32_t)SPAN_MASK(VTD_GCMD_TE);
    own_log_begin();
    T_EXPECT_ERR(t, iommu_suspend(t->iommu), -ETIMEDOUT);
    own_log_end();
    stub->command = 0;
    stub->faults.ignored_commands = 0;
    T_EXPECT(t, t->iommu->suspended); /* it could not be taken over either: TE does not move */
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    for (unsigned i = 0; i < 2; i++)
        T_EXPECT_EQ(t, stub_reg(stub_machine_unit(i), VTD_OFF_GSTS, 4) & 0x84000000, 0x84000000ull);
    stub->breach_count = 0; /* the command that never ended */
}

TEST(power, no_memory, .needs = NEED_IOMMU | NEED_HOST, .rules = "74",
     .doc = "a resume takes no memory: what is attached and bound has kept its tables")
{
    const struct stub_dev *d = stub_machine_dev(0, 0);
    struct iommu_dev *dev;
    struct vtd_context_entry e;

    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, d->id, d->rids, d->rid_count, 20, &dev));
    T_ASSERT_OK(t, iommu_suspend(t->iommu));
    (void)host_fail_allocation(1);
    T_EXPECT_OK(t, iommu_resume(t->iommu));
    T_EXPECT_EQ(t, host_fail_allocation(0), 1u);
    vtd_context_read(dev->vtd->unit, d->rids[0], &e);
    T_EXPECT_EQ(t, entry_get(&e, VTD_CTX_P), 1ull);
    T_ASSERT_OK(t, iommu_dev_detach(dev));
}
