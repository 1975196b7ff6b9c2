/* SPDX-License-Identifier: BSD-2-Clause */
/* Suspend and resume of everything; ordering table, row 62; VT-d 5.10, rules 4-8, 74. */
#include <errno.h>

#include "iommu/iommu_ats.h"
#include "iommu/iommu_intr.h"
#include "iommu/vtd_unit.h"

/* A device that was pulled out is deaf already, and stays so. */
static int end_ats(struct iommu *iommu)
{
    int err = 0;

    list_for_each (pos, &iommu->devs) {
        struct iommu_dev *dev = list_entry(pos, struct iommu_dev, link);

        if (err || dev->vtd->deaf)
            continue;
        dev->ats_ended = true; /* or half of it */
        err = iommu_ats_stop(dev);
    }
    return err;
}

static int begin_ats(struct iommu *iommu)
{
    int err = 0;

    list_for_each (pos, &iommu->devs) {
        struct iommu_dev *dev = list_entry(pos, struct iommu_dev, link);

        if (err || !dev->ats_ended)
            continue;
        vtd_dev_ats_begins(dev->vtd);
        err = iommu_ats_start(dev);
        dev->ats_ended = err != 0;
    }
    return err;
}

static int suspend_units(struct iommu *iommu)
{
    int err = 0;

    iommu_intr_hold(iommu);
    for (unsigned i = 0; i < iommu->unit_count && err == 0; i++)
        err = vtd_unit_suspend(iommu->units[i]);
    iommu_intr_free(iommu);
    return err;
}

int iommu_suspend(struct iommu *iommu)
{
    int err;

    if (!iommu->started || iommu->suspended)
        return -EINVAL;
    iommu->suspended = true;
    err = end_ats(iommu);
    if (!err)
        err = suspend_units(iommu);
    if (err && iommu_resume(iommu))
        plat_log(LOG_ERROR, "iommu: neither suspended nor on again");
    return err;
}

int iommu_resume(struct iommu *iommu)
{
    int err = 0;

    if (!iommu->suspended)
        return -EINVAL;
    svm_lose(iommu->svm);
    for (unsigned i = 0; i < iommu->unit_count && err == 0; i++) {
        if (iommu->units[i]->suspended)
            err = vtd_unit_resume(iommu->units[i]);
    }
    if (!err && !iommu->remaps)
        err = iommu_intr_start(iommu);
    if (!err)
        err = begin_ats(iommu);
    if (!err)
        err = svm_restore(iommu->svm);
    iommu->suspended = err != 0;
    return err;
}
