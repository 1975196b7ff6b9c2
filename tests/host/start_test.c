/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite start, host only: the order of start-up on strict units that firmware left translating, with all of
 * memory protected, and engines that have to do DMA to be found at all.
 */
#include "iommu/iommu.h"
#include "iommu/vtd_unit.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/env.h"
#include "tests/host/host.h"
#include "tests/host/stub_machine.h"
#include "tests/harness/harness.h"

static unsigned count(enum dma_engine engine)
{
    unsigned n = 0;

    while (dma_dev_get(engine, n))
        n++;
    return n;
}

TEST(start, engines, .needs = NEED_IOMMU, .rules = "72 73",
     .doc = "engines are looked for while nothing of the firmware's is on: each one that does DMA is found")
{
    unsigned units = env_has_stubs() ? 0 : STUB_UNITS;

    T_EXPECT_EQ(t, count(DMA_MODEL), units * STUB_DEVS);
    T_EXPECT_EQ(t, count(DMA_ATS), units * STUB_ATS_DEVS);
}

TEST(start, strangers, .needs = NEED_IOMMU,
     .doc = "an engine behind no unit is left out: every engine that there is can be attached")
{
    struct dma_dev *dev;

    T_EXPECT(t, iommu_unit_of(t->iommu, stub_machine_stranger()->id) == NULL);
    for (unsigned e = 0; e < DMA_ENGINE_COUNT; e++) {
        for (unsigned n = 0; (dev = dma_dev_get(e, n)); n++)
            T_EXPECT(t, iommu_unit_of(t->iommu, dev->id) != NULL);
    }
}

struct state {
    uint64_t gsts, rtaddr, pmen;
};

static struct state state_of(struct vtd_unit *unit)
{
    struct state s = {.gsts = vtd_read(&unit->io, VTD_GSTS), .rtaddr = vtd_read(&unit->io, VTD_RTADDR)};

    if (unit->caps.plmr || unit->caps.phmr)
        s.pmen = vtd_read(&unit->io, VTD_PMEN);
    return s;
}

static void expect_as_found(struct t *t, const struct iommu *iommu, const struct state *found)
{
    for (unsigned u = 0; u < iommu->unit_count; u++) {
        struct state s = state_of(iommu->units[u]);

        T_EXPECT_EQ(t, s.gsts, found[u].gsts);
        T_EXPECT_EQ(t, s.rtaddr, found[u].rtaddr);
        T_EXPECT_EQ(t, s.pmen, found[u].pmen);
    }
}

static void expect_all_reachable(struct t *t, const struct iommu *iommu)
{
    const uint64_t enables = SPAN_MASK(VTD_GSTS_TES) | SPAN_MASK(VTD_GSTS_IRES);

    for (unsigned u = 0; u < iommu->unit_count; u++) {
        struct state s = state_of(iommu->units[u]);

        T_EXPECT_EQ(t, s.gsts & enables, 0ull);
        T_EXPECT_EQ(t, s.pmen & (SPAN_MASK(VTD_PMEN_EPM) | SPAN_MASK(VTD_PMEN_PRS)), 0ull);
    }
}

TEST(start, quiet, .needs = NEED_IOMMU, .rules = "72 73",
     .doc =
         "quiet ends what firmware left on, a start goes on from there, and a stop after either puts it back")
{
    struct state found[STUB_UNITS] = {0};
    struct iommu *iommu;
    char why[160] = "";
    size_t size;
    const void *dmar = stub_machine_dmar(&size);

    T_ASSERT_OK(t, iommu_stop(t->iommu));
    for (unsigned u = 0; u < t->iommu->unit_count; u++)
        found[u] = state_of(t->iommu->units[u]);
    if (!env_has_stubs())
        T_EXPECT(t, FIELD_GET(VTD_GSTS_TES, found[0].gsts));
    T_ASSERT_OK(t, iommu_create(dmar, size, &iommu, why, sizeof(why)));
    (void)host_fail_allocation(1);
    T_EXPECT_ERR(t, iommu_quiet(iommu), -ENOMEM);
    expect_as_found(t, iommu, found);
    for (unsigned started = 0; started < 2; started++) {
        T_ASSERT_OK(t, iommu_quiet(iommu));
        T_EXPECT_ERR(t, iommu_destroy(iommu), -EBUSY);
        expect_all_reachable(t, iommu);
        if (started)
            T_ASSERT_OK(t, iommu_start(iommu));
        T_ASSERT_OK(t, iommu_stop(iommu));
        expect_as_found(t, iommu, found);
    }
    T_ASSERT_OK(t, iommu_destroy(iommu));
    T_ASSERT_OK(t, iommu_start(t->iommu));
}
