/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue of a unit. What is submitted (vtd_batch.h) is complete when its own status word was
 * written, never because head met tail. VT-d 5.10, Queued Invalidation Interface; rules 18-34.
 *
 * The queue's lock is a leaf, held around slots, descriptors and the tail only; polling happens without it.
 */
#ifndef IOMMU_VTD_QI_H
#define IOMMU_VTD_QI_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "iommu/vtd_batch.h"
#include "iommu/vtd_fmt.h"

struct vtd_unit;

/* Four pages: 512 descriptors of 256 bits, of which 511 can be pending (rule 20). */
#define VTD_QUEUE_PAGES 4
#define VTD_QUEUE_SLOTS (VTD_QUEUE_PAGES * PAGE_SIZE / sizeof(struct vtd_desc))

#define VTD_STATUS_WORDS (PAGE_SIZE / sizeof(uint32_t))

struct vtd_queue {
    struct plat_lock lock;
    struct vtd_desc *ring;
    uint32_t *status; /* one page: word 0 belongs to nobody, the others to one pending batch each */
    uint64_t status_used[VTD_STATUS_WORDS / 64]; /* a word whose batch timed out is not used again */
    struct vtd_desc *spare;                      /* for one long batch at a time */
    bool spare_taken;
    unsigned replaced; /* slot of the last descriptor that was replaced, plus 1; 0: none */
    bool rests;        /* the unit caches nothing: what is submitted counts as done */
    bool dead;         /* the unit refuses even a plain wait: nothing is waited for any more */
    unsigned head;     /* as last read from IQH */
    unsigned tail;
    uint32_t sequence;
    struct list pending;
    struct plat_waitq sleepers; /* batches that wait for the completion event */
};

/* How many descriptors of each type, and how many waits, have been submitted since start. Never reset. */
#define VTD_DESC_TYPES 16
struct vtd_qi_stats {
    uint64_t descriptors[VTD_DESC_TYPES]; /* by type field; waits included */
    uint64_t waits;
    uint64_t refused; /* IQE */
    uint64_t aborted; /* ITE */
    uint64_t timeouts;
    uint64_t slept;  /* waits that the completion event ended */
    uint64_t missed; /* waits that were done without it */
};

/* Locks and lists of a queue that is off. */
void vtd_qi_init(struct vtd_queue *queue);

/* Memory of the queue, which rests until vtd_qi_start. 0; -ENOMEM, and vtd_qi_free takes what there is. T. */
must_check int vtd_qi_alloc(struct vtd_unit *unit);

/*
 * Registers of the queue: 256-bit descriptors, QIE on (rules 18, 19). Its memory is there, and the unit's
 * queue off. 0, -ETIMEDOUT. T.
 */
must_check int vtd_qi_start(struct vtd_unit *unit);

/*
 * Repairs the queue if it hangs at a bad descriptor, waits until it is empty, QIE off (rule 22). Memory stays
 * until vtd_qi_free. Does nothing for a queue that is off. 0, -ETIMEDOUT, -EIO. T.
 */
must_check int vtd_qi_stop(struct vtd_unit *unit);

/* The queue that is on is ours: not firmware's, which a unit that does not obey may still have. X. */
bool vtd_qi_is_on(const struct vtd_unit *unit);

/* From now on nothing new goes in, until vtd_qi_start: the unit holds nothing that could be invalidated. X.
 */
void vtd_qi_rest(struct vtd_unit *unit);

/* Its memory goes; the queue is off. T. */
void vtd_qi_free(struct vtd_unit *unit);

/* Forgets threads that wait, and locks that they hold: before vtd_qi_stop by force. T. */
void vtd_qi_reset(struct vtd_unit *unit);

/* Ends errors that stop the queue, for all who wait (rules 31-33). X. */
void vtd_qi_service(struct vtd_unit *unit);
/* What the completion event asks for: IWC is acknowledged, and sleepers whose status was written wake. X. */
void vtd_qi_completed(struct vtd_unit *unit);

/*
 * Submits batch->descs[0 .. count-1] and one wait, and waits for it; vtd_batch_submit_wait without the
 * bookkeeping. 0, -EIO, -ETIMEDOUT. X.
 */
must_check int vtd_qi_submit(struct vtd_batch *batch);

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
