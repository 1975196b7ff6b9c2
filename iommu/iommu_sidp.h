/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the platform says that devices in the root complex cannot bear (VT-d 5.10, SoC Integrated Device
 * Property Reporting Structure): snooped walks, snooped accesses, nesting of requests without PASID.
 */
#ifndef IOMMU_IOMMU_SIDP_H
#define IOMMU_IOMMU_SIDP_H

#include "iommu/iommu.h"
#include "iommu/vtd_table.h"

/* PWSNP and PGSNP of the entries of a device with these requester ids, into `cfg`. X. */
void iommu_sidp_choose(const struct iommu *iommu, const struct vtd_unit *unit, struct vtd_dev_cfg *cfg);

/* May requests that name no PASID go through such a translation? X. */
bool iommu_sidp_allows(const struct iommu_dev *dev, enum iommu_stage stage);

#endif
