/* SPDX-License-Identifier: BSD-2-Clause */
/* See iommu_sidp.h. */
#include "iommu/iommu_sidp.h"

#include "iommu/vtd_unit.h"
#include "kernel/lib/bits.h"

/* Flags of one scope if it names the function, else 0. */
static uint8_t flags_for(const struct dmar_struct *s, const struct dmar_scope *scope, struct pci_id fn)
{
    uint16_t rid;

    if (s->segment != fn.segment || dmar_scope_rid(s, scope, iommu_read_config, NULL, &rid) || rid != fn.rid)
        return 0;
    return scope->flags;
}

static bool has_flag(const struct dmar *dmar, struct pci_id fn, enum dmar_sidp_flag flag)
{
    dmar_for_each(s, dmar)
    {
        if (s.type != DMAR_SIDP)
            continue;
        dmar_for_each_scope(scope, dmar, &s)
        {
            if (bit_is_set(flags_for(&s, &scope, fn), flag))
                return true;
        }
    }
    return false;
}

/* One requester id stands for all that share the device's tables. */
static bool any_has_flag(const struct dmar *dmar, uint16_t segment, const uint16_t *rids, unsigned count,
                         enum dmar_sidp_flag flag)
{
    for (unsigned i = 0; i < count; i++) {
        if (has_flag(dmar, (struct pci_id){segment, rids[i]}, flag))
            return true;
    }
    return false;
}

void iommu_sidp_choose(const struct iommu *iommu, const struct vtd_unit *unit, struct vtd_dev_cfg *cfg)
{
    const struct dmar *dmar = &iommu->dmar;

    cfg->no_pwsnp = any_has_flag(dmar, unit->segment, cfg->rids, cfg->rid_count, DMAR_SIDP_NO_PWSNP);
    cfg->no_pgsnp = any_has_flag(dmar, unit->segment, cfg->rids, cfg->rid_count, DMAR_SIDP_NO_PGSNP);
}

bool iommu_sidp_allows(const struct iommu_dev *dev, enum iommu_stage stage)
{
    const struct vtd_dev *vtd = dev->vtd;

    return stage != IOMMU_NESTED || dev->lane == IOMMU_LANE_PASID ||
           !any_has_flag(&dev->iommu->dmar, vtd->unit->segment, vtd->rids, vtd->rid_count,
                         DMAR_SIDP_NO_NESTED);
}
