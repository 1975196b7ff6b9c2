/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Units with virtual commands as allocators of IOASIDs: under a hypervisor the numbers are the host's. All
 * such units serve one space (ioasid_custom.h), as the host has one for all of them.
 */
#ifndef IOMMU_IOMMU_VCMD_H
#define IOMMU_IOMMU_VCMD_H

#include "kernel/lib/compiler.h"

struct iommu;

/* From here on numbers come from the units that have any to give; none of our own may be out. Units need not
 * be started for it, nor be awake. T. */
void iommu_vcmd_begin(struct iommu *iommu);
/* Not any more, once the host has back what was reclaimed. 0; -EBUSY: numbers are out, call again. T. */
must_check int iommu_vcmd_end(struct iommu *iommu);

#endif
