/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of the invalidation queue: one constructor per granularity, and their text. Pure. VT-d 5.10,
 * Invalidation Descriptors.
 */
#ifndef IOMMU_VTD_INV_H
#define IOMMU_VTD_INV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/types.h"
#include "iommu/vtd_fmt.h"

/* All are complete values. X. */
struct vtd_desc vtd_inv_cc_global(void);
struct vtd_desc vtd_inv_cc_device(uint16_t sid);
struct vtd_desc vtd_inv_pc_global(void);
struct vtd_desc vtd_inv_pc_domain(did_t did);
struct vtd_desc vtd_inv_pc_pasid(did_t did, uint32_t pasid);
/* IOTLB invalidations drain reads and writes (DR = DW = 1). */
struct vtd_desc vtd_inv_iotlb_global(void);
struct vtd_desc vtd_inv_iotlb_domain(did_t did);
/* 2^am pages of 4 KiB at `iova`, aligned to that; `leaf_only` is IH (rule 28). Needs CAP.PSI and am <= MAMV.
 */
struct vtd_desc vtd_inv_iotlb_page(did_t did, iova_t iova, unsigned am, bool leaf_only);
struct vtd_desc vtd_inv_piotlb_pasid(did_t did, uint32_t pasid);
struct vtd_desc vtd_inv_piotlb_page(did_t did, uint32_t pasid, iova_t iova, unsigned am, bool leaf_only);

/* A function with a device TLB, as its invalidations name it. */
struct vtd_ats {
    uint16_t sid;
    uint16_t pfsid; /* requester id of its physical function, or its own; 0 where ECAP.DIT = 0 */
    uint8_t qdep;   /* queue depth of its ATS capability, 1..32 */
};

/* Everything, or 2^am pages at `iova`: requests without PASID, and those with `pasid`. */
struct vtd_desc vtd_inv_devtlb_all(const struct vtd_ats *ats);
struct vtd_desc vtd_inv_devtlb_range(const struct vtd_ats *ats, iova_t iova, unsigned am);
struct vtd_desc vtd_inv_pdevtlb_all(const struct vtd_ats *ats, uint32_t pasid);
/* Everything, whatever the PASID (GI). */
struct vtd_desc vtd_inv_pdevtlb_global(const struct vtd_ats *ats);
struct vtd_desc vtd_inv_pdevtlb_range(const struct vtd_ats *ats, uint32_t pasid, iova_t iova, unsigned am);
struct vtd_desc vtd_inv_iec_global(void);
/* One entry of the interrupt-remapping table. */
struct vtd_desc vtd_inv_iec_index(uint16_t index);
/* Writes `data` to the dword at `status` when everything before it is done. */
struct vtd_desc vtd_inv_wait(paddr_t status, uint32_t data);
/* The same, and nothing behind it is begun before (FN). */
struct vtd_desc vtd_inv_wait_fence(paddr_t status, uint32_t data);
/* Sets ICS.IWC, and sends the completion event if it was 0 (IF); writes nothing. */
struct vtd_desc vtd_inv_wait_event(void);

/* "pc_inv pasid did=5 pasid=0": type, granularity and fields in words. Returns `text`. X. */
const char *vtd_inv_text(const struct vtd_desc *desc, char *text, size_t size);

#endif
