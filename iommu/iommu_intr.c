/* SPDX-License-Identifier: BSD-2-Clause */
/* See iommu_intr.h. */
#include "iommu/iommu_intr.h"

#include <errno.h>

#include "iommu/vtd_unit.h"

/* The unit of a source; `sid`: what a pin's interrupts carry. */
static struct vtd_unit *unit_of(struct iommu *iommu, const struct plat_intr *intr, uint16_t *sid)
{
    struct dmar_struct drhd;

    *sid = 0;
    if (!intr->is_pin)
        return iommu_unit_of(iommu, intr->fn);
    if (dmar_unit_for_ioapic(&iommu->dmar, intr->ioapic, &drhd, sid))
        return NULL;
    return iommu_unit_at(iommu, drhd.base);
}

static int route(void *arg, const struct plat_intr *intr, struct plat_intr_form *form)
{
    uint16_t sid;
    struct vtd_unit *unit = unit_of(arg, intr, &sid);

    if (unit == NULL || unit->intr.table == NULL)
        return -ENODEV;
    return form != NULL ? vtd_intr_add(unit, intr, sid, form) : vtd_intr_remove(unit, intr);
}

static int enable_all(struct iommu *iommu)
{
    int err = 0;

    for (unsigned i = 0; i < iommu->unit_count && err == 0; i++) {
        if (iommu->units[i]->intr.table != NULL)
            err = vtd_intr_enable(iommu->units[i]);
    }
    return err;
}

int iommu_intr_alloc(struct iommu *iommu)
{
    int err = 0;

    for (unsigned i = 0; i < iommu->unit_count && iommu->dmar.intr_remap && err == 0; i++) {
        if (iommu->units[i]->caps.ir)
            err = vtd_intr_alloc(iommu->units[i]);
    }
    return err;
}

int iommu_intr_start(struct iommu *iommu)
{
    bool any = false;
    int err = 0;

    for (unsigned i = 0; i < iommu->unit_count && err == 0; i++) {
        if (iommu->units[i]->intr.table == NULL)
            continue;
        any = true;
        err = vtd_intr_start(iommu->units[i]);
    }
    if (!any || err)
        return err;
    plat_intr_hold();
    err = enable_all(iommu);
    iommu->remaps = err == 0;
    plat_intr_resume(err ? NULL : route, iommu);
    return err;
}

void iommu_intr_hold(struct iommu *iommu)
{
    if (iommu->remaps)
        plat_intr_hold();
}

void iommu_intr_free(struct iommu *iommu)
{
    if (iommu->remaps)
        plat_intr_resume(NULL, NULL);
    iommu->remaps = false;
}
