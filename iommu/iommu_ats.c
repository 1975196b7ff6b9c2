/* SPDX-License-Identifier: BSD-2-Clause */
/* See iommu_ats.h. */
#include "iommu/iommu_ats.h"

#include <errno.h>

#include "iommu/vtd_unit.h"

/* Page requests that one device may have open: a few devices fit into a unit's queue. */
#define OUTSTANDING 32

/* Structures of that type name the function, or a port above it. */
static bool named(const struct dmar *dmar, enum dmar_type type, const struct pci_ats *pci)
{
    dmar_for_each(s, dmar)
    {
        if (s.type != (uint16_t)type || s.segment != pci->fn.segment)
            continue;
        if ((s.all_ports && !pci->integrated) || dmar_covers(dmar, &s, pci->fn, iommu_read_config, NULL))
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

/* ---- Slot 0 of a function whose translated requests go by it ---- */

static int publish_empty(struct iommu_dev *dev)
{
    const struct vtd_caps *caps = &dev->vtd->unit->caps;
    bool three = caps->sagaw % 4 == SPAN_MASK(VTD_SAGAW_3LEVEL);
    struct vtd_pasid_cfg cfg = {.pgtt = caps->fsts ? VTD_PGTT_FIRST : VTD_PGTT_SECOND,
                                .did = dev->empty_did,
                                .fs_root = plat_pa(dev->empty_table),
                                .fs_levels = 4,
                                .ss_root = plat_pa(dev->empty_table),
                                .ss_levels = three ? 3 : 4};

    plat_publish(dev->empty_table, PAGE_SIZE, false);
    return vtd_pasid_publish(dev->vtd, 0, &cfg);
}

void iommu_ats_forget(struct iommu_dev *dev, struct vtd_unit *unit)
{
    if (dev->empty_table == NULL)
        return;
    plat_pages_free(dev->empty_table, 1);
    vtd_did_free(unit, dev->empty_did);
    dev->empty_table = NULL;
}

/* A unit that was suspended has lost the entry. */
static int unblock_untagged(struct iommu_dev *dev)
{
    int rc = vtd_pasid_retire(dev->vtd, 0, VTD_RETIRE_LAST_OF_DID | VTD_RETIRE_DMA_LIVE);

    if (rc && rc != -ENOENT)
        return rc;
    iommu_ats_forget(dev, dev->vtd->unit);
    return 0;
}

/* One that a suspend could not end goes first. */
static int block_untagged(struct iommu_dev *dev)
{
    int rc = dev->empty_table ? unblock_untagged(dev) : 0;

    if (rc == 0)
        rc = vtd_did_alloc(dev->vtd->unit, &dev->empty_did);
    if (rc)
        return rc;
    dev->empty_table = plat_pages_alloc(1, OWNER_PGTABLE);
    rc = dev->empty_table ? publish_empty(dev) : -ENOMEM;
    if (rc == 0)
        return 0;
    /* An entry that the unit did not confirm may still be read: its table and domain id are kept with it. */
    if (rc == -EIO || rc == -ETIMEDOUT)
        return rc;
    if (dev->empty_table)
        plat_pages_free(dev->empty_table, 1);
    dev->empty_table = NULL;
    vtd_did_free(dev->vtd->unit, dev->empty_did);
    return rc;
}

/* ---- On and off ---- */

/* What firmware left on goes first: PASID must not change while ATS is on. */
int iommu_ats_start(struct iommu_dev *dev)
{
    const struct vtd_dev *vtd = dev->vtd;
    int rc = vtd->ats && vtd->pasid ? block_untagged(dev) : 0;

    if (rc)
        return rc;
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
    return 0;
}

int iommu_ats_stop(struct iommu_dev *dev)
{
    struct vtd_dev *vtd = dev->vtd;
    int err = 0;

    if (vtd->pri)
        pci_pri_set(&dev->pci, false, 0);
    if (dev->empty_table)
        err = unblock_untagged(dev);
    if (!err && vtd->ats)
        err = vtd_dev_ats_ends(vtd);
    if (err)
        return err;
    if (vtd->ats)
        pci_ats_set(&dev->pci, false);
    if (vtd->pasid)
        pci_pasid_set(&dev->pci, false);
    return 0;
}
