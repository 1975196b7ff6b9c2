/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes of the units: finds out by one transfer what the registers of an emulator do not say, whether
 * RID_PASID is used although ECAP.RPS = 0 (docs/errata.md, E-018). A slot other than 0 is made to lead to
 * memory, and the first engine's device behind the unit writes; slot 0 leads nowhere. Silicon without RPS is
 * never asked: there the field is reserved (fault 42h).
 */
#include <errno.h>
#include <string.h>

#include "iommu/vtd_fault.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/harness/fixture.h"

/* Directory index and table index are both not 0. */
#define TRIED_SLOT 0x12345u
#define TRIED_LEN  16u

static bool used[IOMMU_MAX_UNITS];

/* The device's write to physical memory changed it. */
static int write_arrives(struct dma_dev *dma, bool *arrived)
{
    uint8_t *page = plat_pages_alloc(1, OWNER_TEST);
    struct dma_xfer x = {.dir = DMA_TO_MEM, .len = TRIED_LEN};
    uint8_t before[TRIED_LEN];
    int err;

    if (!page)
        return -ENOMEM;
    for (unsigned i = 0; i < TRIED_LEN; i++)
        before[i] = page[i] = (uint8_t)(0xa1 + 7 * i);
    x.iova.v = plat_pa(page).v;
    x.believed = plat_pa(page);
    err = dma_run(dma, &x);
    *arrived = memcmp(page, before, TRIED_LEN) != 0;
    if (err == 0)
        plat_pages_free(page, 1);
    return err;
}

/* With the quirk taken for granted: does the device get through TRIED_SLOT? */
static int try_slot(struct vtd_dev *dev, struct dma_dev *dma, bool *arrived)
{
    struct vtd_pasid_cfg cfg = {.pgtt = VTD_PGTT_PASSTHROUGH};
    int undo, err = vtd_did_alloc(dev->unit, &cfg.did);

    if (err)
        return err;
    err = vtd_dev_set_rid_pasid(dev, TRIED_SLOT);
    if (!err)
        err = vtd_pasid_publish(dev, TRIED_SLOT, &cfg);
    if (!err) {
        err = write_arrives(dma, arrived);
        undo = vtd_pasid_retire(dev, TRIED_SLOT, VTD_RETIRE_LAST_OF_DID);
        err = err ? err : undo;
    }
    vtd_did_free(dev->unit, cfg.did);
    return err;
}

/* By the device, if it is behind that unit. *tried: the transfer was made, and used[] says what came of it.
 */
static int try_device(struct iommu *iommu, unsigned n, struct dma_dev *dma, bool *tried)
{
    struct vtd_unit *unit = iommu->units[n];
    struct iommu_dev *dev;
    int undo, err = iommu_dev_attach(iommu, dma->id, dma->rids, dma->rid_count, IOASID_BITS, &dev);

    if (err)
        return err == -ENODEV ? 0 : err; /* behind no unit at all */
    if (dev->vtd->unit == unit) {
        vtd_quirk_set(&unit->quirks, VTD_QUIRK_RID_PASID_USED, true);
        err = try_slot(dev->vtd, dma, &used[n]);
        used[n] = used[n] && !err;
        vtd_quirk_set(&unit->quirks, VTD_QUIRK_RID_PASID_USED, used[n]);
        *tried = true;
    }
    undo = iommu_dev_detach(dev);
    vtd_fault_clear(unit);
    return err ? err : undo;
}

static int try_unit(struct iommu *iommu, unsigned n)
{
    bool tried = false;
    struct dma_dev *dma;
    int err = 0;

    for (unsigned e = 0; e < DMA_ENGINE_COUNT; e++) {
        for (unsigned i = 0; !err && !tried && (dma = dma_dev_get(e, i)); i++) {
            if (dma->can_write && !dma->record_len && !dma->held)
                err = try_device(iommu, n, dma, &tried);
        }
    }
    return err;
}

int lane_probe(struct iommu *iommu)
{
    int err = 0;

    for (unsigned n = 0; !err && n < iommu->unit_count; n++) {
        const struct vtd_caps *caps = &iommu->units[n]->caps;

        if (caps->pt && vtd_quirk_may_try(VTD_QUIRK_RID_PASID_USED, caps))
            err = try_unit(iommu, n);
    }
    return err;
}

void lane_known(struct iommu *iommu)
{
    for (unsigned n = 0; n < iommu->unit_count; n++) {
        if (used[n])
            vtd_quirk_set(&iommu->units[n]->quirks, VTD_QUIRK_RID_PASID_USED, true);
    }
}

int lane_choose(struct iommu *iommu, enum t_lane lane)
{
    static const enum iommu_lane lanes[T_LANE_COUNT] = {[T_LANE_RID] = IOMMU_LANE_RID,
                                                        [T_LANE_RID_PASID] = IOMMU_LANE_RID_PASID,
                                                        [T_LANE_PASID] = IOMMU_LANE_PASID};

    return iommu_set_lane(iommu, lanes[lane]);
}
