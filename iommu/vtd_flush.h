/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation after a paging structure changed, for every (device, slot) that uses it. VT-d 5.10, Guidance
 * to Software for Invalidations; rules 27-30, 50-54.
 */
#ifndef IOMMU_VTD_FLUSH_H
#define IOMMU_VTD_FLUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/types.h"
#include "kernel/lib/compiler.h"

struct vtd_dev;

/* One place where the table is in use. */
struct vtd_use {
    struct vtd_dev *dev;
    uint32_t slot;
};

/*
 * Removes what units and device TLBs may hold of [iova, iova+size); size 0, or an end beyond the last address
 * there is, means all of it; `leaf_only`: no
 * entry above the leaves changed. Domain id and stage are those of each PASID entry; one that is not present
 * is skipped. One batch with one wait per unit touched. Page frames and table pages may be freed after it
 * returned 0 (rule 54). 0, -EIO, -ETIMEDOUT. X, without locks.
 */
must_check int vtd_flush_range(const struct vtd_use *uses, unsigned count, iova_t iova, uint64_t size,
                               bool leaf_only);

/*
 * The same after the second stage below nested entries changed; [iova, iova+size) are addresses that the
 * first stage gives out. All translations of their domains go, and all that the devices' TLBs hold of their
 * slots: neither says by which of those addresses it came about. As vtd_flush_range where an entry has no
 * first stage.
 */
must_check int vtd_flush_below(const struct vtd_use *uses, unsigned count, iova_t iova, uint64_t size,
                               bool leaf_only);

#endif
