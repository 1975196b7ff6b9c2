/* SPDX-License-Identifier: BSD-2-Clause */
/* See iommu_ats.h. */
#include "iommu/iommu_ats.h"

#include <errno.h>

#include "iommu/vtd_unit.h"

/* Page requests that one device may have open: a few devices fit into a unit's queue. */
#define OUTSTANDING 32

static uint32_t read_config(unused void *ctx, struct pci_id fn, uint16_t offset)
{
    return plat_pci_read32(fn, offset);
}

/* Structures of that type name the function, or a port above it. */
static bool named(const struct dmar *dmar, enum dmar_type type, const struct pci_ats *pci)
{
    dmar_for_each(s, dmar)
    {
        if (s.type != (uint16_t)type || s.segment != pci->fn.segment)
            continue;
        if ((s.all_ports && !pci->integrated) || dmar_covers(dmar, &s, pci->fn, read_config, NULL))
            return true;
    }
    return false;
}

/* Rule 76. */
static bool dmar_allows_ats(const struct dmar *dmar, const struct pci_ats *pci)
{
    return named(dmar, DMAR_ATSR, pci) ||
           named(dmar, dmar->count[DMAR_SIDP] > 0 ? DMAR_SIDP : DMAR_SATC, pci);
}

int iommu_ats_choose(const struct iommu *iommu, const struct vtd_unit *unit, struct pci_ats *pci,
                     struct vtd_dev_cfg *cfg)
{
    const struct vtd_caps *caps = &unit->caps;
    bool alone = cfg->rid_count == 1 && cfg->rids[0] == pci->fn.rid;

    cfg->pasid = iommu->lane == IOMMU_LANE_PASID;
    cfg->ats = alone && pci->ats != 0 && caps->dt && dmar_allows_ats(&iommu->dmar, pci);
    cfg->pri = cfg->ats && pci->pri != 0 && unit->page_event.on;
    cfg->ats_pfsid = pci->fn.rid;
    cfg->ats_qdep = pci->qdep;
    if (!cfg->pasid)
        return 0;
    if (!alone || !caps->pasid || pci->pasid_bits == 0)
        return -ENOTSUP;
    cfg->pasid_bits = cfg->pasid_bits < pci->pasid_bits ? cfg->pasid_bits : pci->pasid_bits;
    cfg->pasid_bits = cfg->pasid_bits < caps->pasid_bits ? cfg->pasid_bits : caps->pasid_bits;
    return 0;
}

/* What firmware left on goes first: PASID must not change while ATS is on. */
void iommu_ats_start(const struct iommu_dev *dev)
{
    const struct vtd_dev *vtd = dev->vtd;

    if (dev->pci.pri != 0)
        pci_pri_set(&dev->pci, false, 0);
    if (dev->pci.ats != 0)
        pci_ats_set(&dev->pci, false);
    if (dev->pci.pasid != 0)
        pci_pasid_set(&dev->pci, vtd->pasid);
    if (vtd->ats)
        pci_ats_set(&dev->pci, true);
    if (vtd->pri)
        pci_pri_set(&dev->pci, true, OUTSTANDING);
}

int iommu_ats_stop(const struct iommu_dev *dev)
{
    struct vtd_dev *vtd = dev->vtd;
    int err;

    if (vtd->pri)
        pci_pri_set(&dev->pci, false, 0);
    err = vtd->ats ? vtd_dev_ats_ends(vtd) : 0;
    if (err)
        return err;
    if (vtd->ats)
        pci_ats_set(&dev->pci, false);
    if (vtd->pasid)
        pci_pasid_set(&dev->pci, false);
    return 0;
}
