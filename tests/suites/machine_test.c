/* SPDX-License-Identifier: BSD-2-Clause */
/* What has to be there for anything else to be tried: its absence is a failure, said in words. */
#include "iommu/vtd_unit.h"
#include "tests/harness/fixture.h"

TEST(machine, dmar, .doc = "the firmware describes at least one remapping unit")
{
    const void *bytes;
    size_t size;

    t_blame(t, T_PLATFORM, "nothing of ours is involved yet");
    if (!env_dmar_count())
        t_fail(t, "no DMAR table: this machine has no VT-d, or its firmware hides it");
    T_ASSERT_OK(t, env_dmar(0, &bytes, &size));
    T_ASSERT_GE(t, size, 48u);
}

TEST(machine, units, .doc = "every unit does scalable mode and queued invalidation, and translates")
{
    if (!t->iommu && !env_dmar_count())
        t_blame(t, T_PLATFORM, "there is nothing to drive");
    if (!t->iommu)
        t_fail(t, "no unit can be tested: %s", fixture_reason());
    T_ASSERT_GT(t, t->iommu->unit_count, 0u);
    for (unsigned u = 0; u < t->iommu->unit_count; u++) {
        T_EXPECT(t, t->iommu->units[u]->caps.smts);
        T_EXPECT(t, t->iommu->units[u]->caps.qi);
        T_EXPECT(t, vtd_unit_translates(t->iommu->units[u]));
    }
}

TEST(machine, stage, .needs = NEED_IOMMU, .doc = "every unit has a first or a second stage")
{
    for (unsigned u = 0; u < t->iommu->unit_count; u++)
        T_EXPECT(t, t->iommu->units[u]->caps.fsts || t->iommu->units[u]->caps.ssts);
}
