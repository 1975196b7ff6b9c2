/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which functions use PASIDs, ATS and page requests, and the order in which that goes on and off at both ends
 * (VT-d 5.10, ATSR, SATC and SIDP structures; rules 57, 64, 76, 77).
 */
#ifndef IOMMU_IOMMU_ATS_H
#define IOMMU_IOMMU_ATS_H

#include "iommu/iommu.h"
#include "iommu/vtd_table.h"

/*
 * What `pci` (found here) may use behind `unit`, into `cfg`: PASIDs in lane pasid, ATS where the DMAR has it,
 * page requests with it. A function with more than one requester id uses none. 0; -ENOTSUP: lane pasid, and
 * it has no PASIDs. X.
 */
must_check int iommu_ats_choose(const struct iommu *iommu, const struct vtd_unit *unit, struct pci_ats *pci,
                                struct vtd_dev_cfg *cfg);

/*
 * On at the device: its context entry is there. A function with ATS that sends PASIDs gets an entry in slot 0
 * whose table is empty: what it has translated it requests without a PASID, and the unit refuses that where
 * slot 0 is not present, while requests that are not translated reach nothing. 0, -ENOSPC, -ENOMEM, -EIO,
 * -ETIMEDOUT: nothing is on; as long as it is attached, call again. T.
 */
must_check int iommu_ats_start(struct iommu_dev *dev);
/*
 * Off at the device, before its context entry goes: page requests are over and its TLB is empty. Nothing is
 * bound. 0, -EIO, -ETIMEDOUT: ATS is still on, call again; iommu_ats_start takes it back. T.
 */
must_check int iommu_ats_stop(struct iommu_dev *dev);

/* What a start that failed, or a stop, has left of slot 0: its context entry is gone. T. */
void iommu_ats_forget(struct iommu_dev *dev, struct vtd_unit *unit);

#endif
