/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite conf, registers: what a unit or its queue that is off, or an event that is masked, makes of values
 * that are written. VT-d 5.10, Invalidation Queue Address Register, Interrupt Remapping Table Address
 * Register, Invalidation Event Data Register; rules 18, 22, 78. As in conf_test.c, most are expected failures
 * somewhere.
 */
#include "iommu/vtd_cmd.h"
#include "tests/suites/rig.h"

/* A unit on which nothing is on: firmware may have left something on the others. */
static struct vtd_unit *stopped_unit(struct t *t)
{
    const uint64_t on = SPAN_MASK(VTD_GSTS_TES) | SPAN_MASK(VTD_GSTS_QIES) | SPAN_MASK(VTD_GSTS_IRES);

    T_ASSERT_OK(t, iommu_stop(t->iommu));
    for (unsigned i = 0; i < t->iommu->unit_count; i++) {
        if ((vtd_read(&t->iommu->units[i]->io, VTD_GSTS) & on) == 0)
            return t->iommu->units[i];
    }
    T_ASSERT_OK(t, iommu_start(t->iommu));
    t_skip(t, "GSTS: something is on in every unit");
}

static void start_again(struct t *t)
{
    T_ASSERT_OK(t, iommu_start(t->iommu));
}

/* A unit whose queue is off, while it translates. */
static struct vtd_unit *without_queue(struct t *t)
{
    struct vtd_unit *unit = t->iommu->units[0];

    T_ASSERT_OK(t, vtd_qi_stop(unit));
    T_EXPECT_EQ(t, FIELD_GET(VTD_GSTS_QIES, vtd_read(&unit->io, VTD_GSTS)), 0ull);
    return unit;
}

/* Its own queue again; where another one cannot be switched off, only all that is on goes off. */
static void with_queue(struct t *t, struct vtd_unit *unit)
{
    if (FIELD_GET(VTD_GSTS_QIES, vtd_read(&unit->io, VTD_GSTS))) {
        T_ASSERT_OK(t, iommu_stop(t->iommu));
        start_again(t);
    } else {
        T_ASSERT_OK(t, vtd_qi_start(unit));
    }
}

TEST(conf, queue_address, .needs = NEED_IOMMU, .rules = "18", .xfail = "E-062",
     .doc = "IQA reads as it was written while the queue is off")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_unit *unit = without_queue(t);
    uint64_t value;

    vtd_write(&unit->io, VTD_IQA, mem.pa.v | SPAN_MASK(VTD_IQA_DW));
    value = vtd_read(&unit->io, VTD_IQA);
    T_DEVIATES(t, "E-062", T_EXPECT_EQ(t, FIELD_GET_ADDR(VTD_IQA_IQA, value), mem.pa.v));
    with_queue(t, unit);
}

TEST(conf, eime_without_eim, .needs = NEED_IOMMU | NEED_IR | NEED_NO_EIM, .rules = "78", .xfail = "E-063",
     .doc = "IRTA.EIME stays 0 where ECAP.EIM = 0, and what else is written is there")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_unit *unit = stopped_unit(t);
    uint64_t before = vtd_read(&unit->io, VTD_IRTA), value;

    t_break_rules(t, true);
    vtd_write(&unit->io, VTD_IRTA, mem.pa.v | SPAN_MASK(VTD_IRTA_EIME));
    t_break_rules(t, false);
    value = vtd_read(&unit->io, VTD_IRTA);
    T_DEVIATES(t, "E-063", T_EXPECT_EQ(t, FIELD_GET(VTD_IRTA_EIME, value), 0ull));
    T_EXPECT_EQ(t, FIELD_GET_ADDR(VTD_IRTA_IRTA, value), mem.pa.v);
    vtd_write(&unit->io, VTD_IRTA, before);
    start_again(t);
}

TEST(conf, event_data_reserved, .needs = NEED_IOMMU, .xfail = "E-066",
     .doc = "bits 31:16 of IEDATA stay 0, the others are as they were written")
{
    struct vtd_unit *unit = t->iommu->units[0];
    uint32_t before = vtd_read(&unit->io, VTD_IEDATA), value;

    vtd_event_mask(unit, VTD_EVENT_QUEUE, true);
    t_break_rules(t, true);
    vtd_write(&unit->io, VTD_IEDATA, UINT32_MAX);
    t_break_rules(t, false);
    value = vtd_read(&unit->io, VTD_IEDATA);
    T_DEVIATES(t, "E-066", T_EXPECT_EQ(t, value >> 16, 0u));
    T_EXPECT_EQ(t, (uint16_t)value, 0xffffu);
    vtd_write(&unit->io, VTD_IEDATA, before);
    vtd_event_mask(unit, VTD_EVENT_QUEUE, false);
}

TEST(conf, unused_queue, .needs = NEED_IOMMU, .rules = "18 22",
     .doc =
         "a queue that was on and had no descriptor goes off again (on a unit that has executed some before; "
         "one that has not: E-069)")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_unit *unit = without_queue(t);
    uint64_t limit = unit->timeout_ns;

    unit->timeout_ns = 10000000;
    vtd_write(&unit->io, VTD_IQT, 0);
    vtd_write(&unit->io, VTD_IQA, mem.pa.v | SPAN_MASK(VTD_IQA_DW));
    T_EXPECT_OK(t, vtd_cmd(unit, VTD_CMD_QIE, true));
    T_EXPECT_OK(t, vtd_cmd(unit, VTD_CMD_QIE, false));
    unit->timeout_ns = limit;
    with_queue(t, unit);
}
