/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queued invalidation: one constructor per granularity, descriptors collected in a batch, one wait at its
 * end. A batch is complete when its own status word was written, never because head met tail. VT-d 5.10,
 * Queued Invalidation Interface; rules 18-34.
 *
 * The queue's lock is a leaf, held around slots, descriptors and the tail only; polling happens without it.
 */
#ifndef IOMMU_VTD_QI_H
#define IOMMU_VTD_QI_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "iommu/vtd_fmt.h"

struct vtd_unit;

/* ---- Descriptors. All are complete values; `did`, `sid` and `pasid` go in as they are. X. ---- */

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
    uint16_t pfsid; /* requester id of its physical function; its own for one that is no VF */
    uint8_t qdep;   /* queue depth of its ATS capability, 1..32 */
};

/* Everything, or 2^am pages at `iova`: requests without PASID, and those with `pasid`. */
struct vtd_desc vtd_inv_devtlb_all(const struct vtd_ats *ats);
struct vtd_desc vtd_inv_devtlb_range(const struct vtd_ats *ats, iova_t iova, unsigned am);
struct vtd_desc vtd_inv_pdevtlb_all(const struct vtd_ats *ats, uint32_t pasid);
struct vtd_desc vtd_inv_pdevtlb_range(const struct vtd_ats *ats, uint32_t pasid, iova_t iova, unsigned am);
struct vtd_desc vtd_inv_iec_global(void);
/* Writes `data` to the dword at `status` when everything before it is done. */
struct vtd_desc vtd_inv_wait(paddr_t status, uint32_t data);

/* "pc_inv pasid did=5 pasid=0": type, granularity and fields in words. Returns `text`. X. */
const char *vtd_desc_text(const struct vtd_desc *desc, char *text, size_t size);

/* ---- Batches ---- */

#define VTD_BATCH_INLINE 32

/*
 * Lives on the submitter's stack. Grows into the unit's one spare buffer when it gets longer than
 * VTD_BATCH_INLINE; if that is taken or full, what was collected is submitted with a wait of its own and
 * collecting goes on.
 */
struct vtd_batch {
    struct vtd_unit *unit;
    struct vtd_desc *descs; /* `own`, or the spare buffer */
    unsigned count;
    unsigned capacity;
    int err;               /* first error of a part submitted before the end */
    unsigned first;        /* slot of descs[0], while pending */
    unsigned slots;        /* slots taken, the wait included */
    uint32_t sequence;     /* what the wait writes */
    unsigned status_index; /* where */
    bool refused;          /* the unit stopped at a descriptor of this batch (IQE); it was taken out */
    bool aborted;          /* its wait was aborted by a device-TLB time-out (ITE) */
    struct list link;      /* unit's pending batches */
    struct vtd_desc own[VTD_BATCH_INLINE];
};

void vtd_batch_init(struct vtd_batch *batch, struct vtd_unit *unit);
void vtd_batch_add(struct vtd_batch *batch, struct vtd_desc desc);

/*
 * Submits what was collected, followed by one wait, and returns when the unit has written its status word. An
 * empty batch submits nothing. 0; -EIO: the unit refused a descriptor (logged in words; it was replaced, the
 * rest was executed) or device TLBs did not answer; -ETIMEDOUT: no answer in time. On an error nothing may be
 * assumed to be invalidated. The batch is empty afterwards. X, but not with a lock that the poll could need.
 */
must_check int vtd_batch_submit_wait(struct vtd_batch *batch);

/* ---- The queue ---- */

/* Four pages: 512 descriptors of 256 bits, of which 511 can be pending (rule 20). */
#define VTD_QUEUE_PAGES 4
#define VTD_QUEUE_SLOTS (VTD_QUEUE_PAGES * PAGE_SIZE / sizeof(struct vtd_desc))

struct vtd_queue {
    struct plat_lock lock;
    struct vtd_desc *ring;
    volatile uint32_t *status; /* one page of status words */
    uint64_t *status_used;     /* bit per status word */
    struct vtd_desc *spare;    /* for one long batch at a time */
    bool spare_taken;
    unsigned tail;
    uint32_t sequence;
    struct list pending;
};

/* How many descriptors of each type, and how many waits, have been submitted since start. Never reset. */
#define VTD_DESC_TYPES 16
struct vtd_qi_stats {
    uint64_t descriptors[VTD_DESC_TYPES]; /* by type field; waits included */
    uint64_t waits;
    uint64_t refused; /* IQE */
    uint64_t aborted; /* ITE */
    uint64_t timeouts;
};

/*
 * Memory and registers of the queue: 256-bit descriptors, QIE on. The unit's queue must be off. 0, -ENOMEM,
 * -ETIMEDOUT (rules 18, 19). stop: waits until it is empty, repairs it if it hangs at a bad descriptor, QIE
 * off (rule 22). 0, -ETIMEDOUT. T.
 */
must_check int vtd_qi_start(struct vtd_unit *unit);
must_check int vtd_qi_stop(struct vtd_unit *unit);

/*
 * For tests of the queue itself: puts `count` descriptors (below VTD_QUEUE_SLOTS) in as they are and moves
 * the tail. With `wait` they are followed by a wait, as in vtd_batch_submit_wait. 0, -ENOSPC (no room in
 * time), -EIO, -ETIMEDOUT.
 */
must_check int vtd_qi_submit_raw(struct vtd_unit *unit, const struct vtd_desc *descs, unsigned count,
                                 bool wait);

/* The `max` descriptors before the tail, oldest first, as they are in memory; returns how many were stored.
 * X. */
unsigned vtd_qi_recent(struct vtd_unit *unit, struct vtd_desc *out, unsigned max);

#endif
