/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors collected for one unit, with one wait at their end. VT-d 5.10, Queued Invalidation Interface;
 * rules 23-26.
 */
#ifndef IOMMU_VTD_BATCH_H
#define IOMMU_VTD_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_fmt.h"
#include "iommu/vtd_inv.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"

struct vtd_unit;

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
    bool sleeps;           /* waits for the completion event */
    bool woken;            /* which came after the status was written; under the queue's lock */
    bool refused;          /* the unit stopped at a descriptor of this batch (IQE); it was taken out */
    bool aborted;          /* its wait was aborted by a device-TLB time-out (ITE) */
    struct list link;      /* unit's pending batches */
    struct vtd_desc own[VTD_BATCH_INLINE];
};

/* An empty batch for a unit whose queue is on. Every batch that something was added to has to be submitted.
 * X. */
void vtd_batch_init(struct vtd_batch *batch, struct vtd_unit *unit);
/*
 * Its wait sleeps until the unit's completion event instead of polling: for waits that take long, of device
 * TLBs. vtd_batch_submit_wait then needs a thread without locks (T). Before anything is added. Where the
 * event has no vector it polls. X. */
void vtd_batch_sleep(struct vtd_batch *batch);
/* Puts one more behind those that are there. X, with the contexts of vtd_batch_submit_wait. */
void vtd_batch_add(struct vtd_batch *batch, struct vtd_desc desc);

/*
 * Submits what was collected, followed by one wait, and returns when the unit has written its status word. An
 * empty batch submits nothing. 0; -EIO: the unit refused a descriptor (logged in words; it was replaced, the
 * rest was executed) or device TLBs did not answer; -ETIMEDOUT: no answer in time. On an error nothing may be
 * assumed to be invalidated. The batch is empty afterwards. X, but not with a lock that the poll could need.
 */
must_check int vtd_batch_submit_wait(struct vtd_batch *batch);

#endif
