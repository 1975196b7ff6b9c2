/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that firmware's devices go on to use (RMRR structures of the DMAR, VT-d 5.10; rule 75). From before
 * translation is on until somebody attaches it, a device that an RMRR names reaches these regions at their
 * own addresses and nothing else; so it does again after the last detach. An attached device has been taken
 * over from firmware: it is blocked like any other until it is bound, and is bound to nothing that does not
 * map its regions.
 */
#ifndef IOMMU_IOMMU_RMRR_H
#define IOMMU_IOMMU_RMRR_H

#include "iommu/iommu.h"
#include "iommu/vtd_table.h"

/*
 * Holds every device of `unit` that an RMRR names and nobody has, and while the unit is suspended those that
 * were held before again: before translation goes on. 0, -ENOMEM, -ENOSPC, -EIO, -ETIMEDOUT: one of them is
 * blocked, call again. T.
 */
must_check int iommu_rmrr_hold_all(struct iommu *iommu, struct vtd_unit *unit);
/* The unit is off, its tables are gone: so are those held there. T. */
void iommu_rmrr_forget(struct iommu *iommu, const struct vtd_unit *unit);

/* Ends the hold on functions with one of these requester ids, which are about to be attached. 0, -EIO,
 * -ETIMEDOUT. T. */
must_check int iommu_rmrr_release(struct iommu *iommu, const struct vtd_unit *unit, const uint16_t *rids,
                                  unsigned count);

/* Domain ids of functions of `unit` that are held. */
unsigned iommu_rmrr_holds(const struct iommu *iommu, const struct vtd_unit *unit);

/* Does what is to be bound map all regions of the device 1:1, for reading and writing? A guest's first stage
 * cannot be relied on. Requests with PASID are the device's own matter. X. */
bool iommu_rmrr_fits(const struct iommu_dev *dev, const struct ioasid_bind_cfg *cfg);

#endif
