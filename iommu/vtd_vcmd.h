/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual command interface: under a hypervisor PASIDs are the host's, and a unit's VCMD is where we ask
 * for one and give it back. VT-d 5.10, Virtual Command Register, Virtual Command Response Register, Virtual
 * Command Capability Register; rule 1.
 */
#ifndef IOMMU_VTD_VCMD_H
#define IOMMU_VTD_VCMD_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/ioasid_custom.h"
#include "iommu/platform.h"

struct vtd_unit;

struct vtd_vcmd_if {
    struct plat_lock lock; /* around one command and its answer; leaf */
    bool unclaimed;        /* an allocation's answer did not come in time */

    /* iommu_vcmd.c */
    struct ioasid_allocator allocator;
    bool registered;
};

/* ECAP.VCS and VCCAP.PAS. X. */
bool vtd_vcmd_has_pasids(const struct vtd_unit *unit);

/*
 * A PASID of the host's, in no order, and back. The lock is held while the answer is awaited (bounded). 0;
 * -ENOSPC (alloc: the host has none), -EINVAL (free: the host says that it was not given out), -ENOTSUP (no
 * such command), -EIO (any other status), -ETIMEDOUT: IP stays 1, and so long every further call is
 * -ETIMEDOUT. A PASID whose answer came too late goes back with the next command. X.
 */
must_check int vtd_vcmd_alloc(struct vtd_unit *unit, uint32_t *pasid);
must_check int vtd_vcmd_free(struct vtd_unit *unit, uint32_t pasid);

#endif
