/* SPDX-License-Identifier: BSD-2-Clause */
/* What has to be there for anything else to be tried: its absence is a failure, said in words. */
#include "iommu/vtd_unit.h"
#include "tests/harness/fixture.h"

/* What of the table was passed over: it is the firmware's fault, and what else is in it is tested. */
static void expect_sound(struct t *t, const struct dmar *dmar)
{
    struct dmar_struct s = {0};
    const char *what;
    char words[128];

    while (dmar_next_faulty(dmar, &s, &what)) {
        dmar_struct_text(dmar, &s, words, sizeof(words));
        t_note(t, "%s, at offset %u: %s", what, s.offset, words);
    }
    if (dmar->faulty)
        t_fail(t, "DMAR: %u structures passed over, as firmware must not write them", dmar->faulty);
}

TEST(machine, dmar, .doc = "the firmware describes at least one remapping unit, and nothing that cannot be")
{
    const void *bytes;
    size_t size;

    t_blame(t, T_PLATFORM, "nothing of ours is involved yet");
    if (!env_dmar_count())
        t_fail(t, "no DMAR table: this machine has no VT-d, or its firmware hides it");
    T_ASSERT_OK(t, env_dmar(0, &bytes, &size));
    T_ASSERT_GE(t, size, 48u);
    if (t->iommu)
        expect_sound(t, &t->iommu->dmar);
}

static void expect_none_refused(struct t *t, const struct iommu *iommu)
{
    for (unsigned i = 1; i < iommu->refused_count && i < IOMMU_MAX_UNITS; i++)
        t_note(t, "nor unit %llx: %s", (unsigned long long)iommu->refused[i].base.v, iommu->refused[i].why);
    if (iommu->refused_count)
        t_fail(t, "%u of %u units cannot be tested, unit %llx: %s", iommu->refused_count,
               iommu->dmar.count[DMAR_DRHD], (unsigned long long)iommu->refused[0].base.v,
               iommu->refused[0].why);
}

TEST(machine, units, .doc = "every unit does scalable mode and queued invalidation, and translates")
{
    unsigned on = 0;

    if (!t->iommu && !env_dmar_count())
        t_blame(t, T_PLATFORM, "there is nothing to drive");
    if (!t->iommu)
        t_fail(t, "no unit can be tested: %s", fixture_reason());
    T_ASSERT_EQ(t, t->iommu->unit_count + t->iommu->refused_count, t->iommu->dmar.count[DMAR_DRHD]);
    for (unsigned u = 0; u < t->iommu->unit_count; u++)
        on += vtd_unit_translates(t->iommu->units[u]);
    T_EXPECT_EQ(t, on, t->iommu->unit_count);
    expect_none_refused(t, t->iommu);
}

TEST(machine, engines, .needs = NEED_IOMMU | NEED_TARGET,
     .doc = "there is a DMA engine behind a unit: without one nothing can be proved")
{
    unsigned count = 0;

    t_blame(t, T_PLATFORM, "there is nothing that could do DMA");
    for (unsigned e = 0; e < DMA_ENGINE_COUNT; e++)
        count += dma_dev_get(e, 0) != NULL;
    if (!count)
        t_fail(t, "no DMA engine: nothing can be proved");
    T_EXPECT_GT(t, count, 0u);
}

TEST(machine, stage, .needs = NEED_IOMMU, .doc = "every unit has a first or a second stage")
{
    for (unsigned u = 0; u < t->iommu->unit_count; u++)
        T_EXPECT(t, t->iommu->units[u]->caps.fsts || t->iommu->units[u]->caps.ssts);
}
