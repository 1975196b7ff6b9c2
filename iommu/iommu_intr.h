/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping of the one object: which unit remaps which source (VT-d 5.10, Interrupt Remapping and
 * Device Scope Structure). Used where the DMAR says that the platform supports it and the unit has ECAP.IR.
 */
#ifndef IOMMU_IOMMU_INTR_H
#define IOMMU_IOMMU_INTR_H

#include "iommu/iommu.h"

/*
 * Remapping on in every unit that can, all sources through it. Units are started. 0; -ENOMEM, -ETIMEDOUT,
 * -EIO: it is nowhere on that the caller's vtd_unit_stop would not end; sources send as without it. T.
 */
must_check int iommu_intr_start(struct iommu *iommu);

#endif
