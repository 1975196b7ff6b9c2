/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping of the one object: which unit remaps which source (VT-d 5.10, Interrupt Remapping and
 * Device Scope Structure). Used where the DMAR says that the platform supports it and the unit has ECAP.IR.
 */
#ifndef IOMMU_IOMMU_INTR_H
#define IOMMU_IOMMU_INTR_H

#include "iommu/iommu.h"

/* Tables of all units that can, unless they have some. 0, -ENOMEM. T. */
must_check int iommu_intr_alloc(struct iommu *iommu);

/*
 * Remapping on in every unit that has a table, all sources through it. Units are started. 0; -ETIMEDOUT,
 * -EIO: it is nowhere on that the caller's vtd_unit_stop would not end; sources send as without it. T.
 */
must_check int iommu_intr_start(struct iommu *iommu);

/* Interrupts are nobody's from the one to the other, in which remapping goes off; then they are as without
 * it. T. */
void iommu_intr_hold(struct iommu *iommu);
void iommu_intr_free(struct iommu *iommu);

#endif
