/* SPDX-License-Identifier: BSD-2-Clause */
/* See iommu_vcmd.h. VT-d 5.10, Virtual Command Register. */
#include "iommu/iommu_vcmd.h"

#include <errno.h>

#include "iommu/iommu.h"
#include "iommu/vtd_unit.h"

/* For numbers on their way back, each of which is a command to a unit. */
#define IDLE_NS 1000000000ull

static struct vtd_unit *unit_of(struct ioasid_allocator *a)
{
    return container_of(a, struct vtd_unit, vcmd.allocator);
}

/* A virtual command names no range. */
static int alloc(struct ioasid_allocator *a, unused uint32_t min, unused uint32_t max, uint32_t *number)
{
    return vtd_vcmd_alloc(unit_of(a), number);
}

static int give_back(struct ioasid_allocator *a, uint32_t number)
{
    return vtd_vcmd_free(unit_of(a), number);
}

static const struct ioasid_allocator_ops ops = {alloc, give_back};

void iommu_vcmd_begin(struct iommu *iommu)
{
    for (unsigned i = 0; i < iommu->unit_count; i++) {
        struct vtd_unit *unit = iommu->units[i];

        if (unit->vcmd.registered || !vtd_vcmd_has_pasids(unit))
            continue;
        unit->vcmd.allocator = (struct ioasid_allocator){.ops = &ops, .name = unit->name};
        plat_assert(ioasid_allocator_register(iommu->ioasids, &unit->vcmd.allocator) == 0);
        unit->vcmd.registered = true;
    }
}

static int remove(struct iommu *iommu, struct vtd_unit *unit)
{
    int err = plat_idle_wait(IDLE_NS) ? -EBUSY : 0;

    if (!err)
        err = ioasid_allocator_unregister(iommu->ioasids, &unit->vcmd.allocator);
    unit->vcmd.registered = err != 0;
    return err;
}

int iommu_vcmd_end(struct iommu *iommu)
{
    int err = 0;

    for (unsigned i = 0; i < iommu->unit_count && err == 0; i++) {
        if (iommu->units[i]->vcmd.registered)
            err = remove(iommu, iommu->units[i]);
    }
    return err;
}
