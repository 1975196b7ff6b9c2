/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page request queue of a unit: requests become groups, groups go to whoever serves the (device, slot)
 * that they name, answers go back as descriptors. What names nobody is answered invalid. VT-d 5.10, Page
 * Request Queue; rules 57-64.
 *
 * A request is handed out in a thread of the work queue, one group of a unit at a time and with no lock held.
 * Whoever drains a slot empties the queue itself and waits for no server: it answers what that slot still
 * has in their stead. `lock` guards everything here, and is held while a response is put into the
 * invalidation queue, so that a drain which has taken the lock sees no response still to come.
 */
#ifndef IOMMU_VTD_PRQ_H
#define IOMMU_VTD_PRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/page_group.h"
#include "iommu/platform.h"
#include "iommu/vtd_fmt.h"

struct vtd_unit;
struct vtd_dev;

/* One page: 128 requests, of which 127 can be in the queue. */
#define VTD_PRQ_SLOTS (PAGE_SIZE / sizeof(struct vtd_page_request))

/* Groups of one function that are kept: four times the requests that it is allowed to have open. */
#define VTD_PRQ_GROUPS 128u

/* Who serves the requests of a device for one slot. Lives in the binding. */
struct vtd_pager {
    const struct vtd_dev *dev;
    uint32_t slot;
    struct iommu_pager *owner;
    ioasid_t id;
    struct list link;
};

/* A drain under way: what arrives for it is answered invalid, and counted. */
struct vtd_prq_drain {
    const struct vtd_dev *dev;
    uint32_t slot;
    bool whole_device; /* every slot */
    unsigned responses;
    struct list link;
};

/* Numbers since start, never reset. */
struct vtd_prq_stats {
    uint64_t requests;
    uint64_t markers;      /* stop markers: never answered */
    uint64_t overflows;    /* times that PRO was seen */
    uint64_t strange;      /* descriptors of no known type */
    uint64_t beyond;       /* groups begun by functions that had VTD_PRQ_GROUPS of them */
    uint64_t responses[3]; /* by enum iommu_page_answer */
};

struct vtd_prq {
    struct plat_lock lock;
    struct vtd_page_request *ring; /* NULL: the unit takes no page requests */
    unsigned head;
    struct list pagers;  /* struct vtd_pager.link */
    struct list drains;  /* struct vtd_prq_drain.link */
    struct list partial; /* groups that are not complete */
    struct list ready;   /* complete, not yet handed out */
    struct list out;     /* handed out, not yet answered */
    unsigned groups;     /* that exist, answered ones that their owner still has included */
    struct plat_work work;
    unsigned pending;                /* work queued or running */
    const struct vtd_pager *serving; /* its server runs, in this thread: */
    uintptr_t server;
    struct plat_waitq waiters; /* for the end of either */
    struct vtd_prq_stats stats;
};

/* Locks and lists of a queue that is off. */
void vtd_prq_init(struct vtd_unit *unit);

/* Can devices of this unit send page requests? Not without PDS: nothing could be drained. X. */
bool vtd_prq_usable(const struct vtd_unit *unit);

/* Memory, if the unit is usable. 0, -ENOMEM. T. */
must_check int vtd_prq_alloc(struct vtd_unit *unit);
/* Registers, if it has memory; its event comes after (vtd_event.h). T. */
void vtd_prq_start(struct vtd_unit *unit);
/* No work is under way any more at return. Its event is off and no device is attached. T. */
void vtd_prq_stop(struct vtd_unit *unit);
void vtd_prq_free(struct vtd_unit *unit);

/* What the event asks for: the queue is emptied and its groups handed out, in a thread. X. */
void vtd_prq_wake(struct vtd_unit *unit);

/* Requests for (pager->dev, pager->slot) go to `pager` from now on; one per slot. X. */
void vtd_pager_add(struct vtd_pager *pager);
/* No longer: its slot has been drained. Its server may still run at return. X. */
void vtd_pager_remove(struct vtd_pager *pager);
/* Waits until the server of `pager` has returned, unless this thread is in it. T, without locks. */
void vtd_pager_wait(struct vtd_unit *unit, const struct vtd_pager *pager);

/*
 * Takes over everything that is in the queue; groups that nobody serves are answered invalid, the others wait
 * for the work queue. X, without locks.
 */
void vtd_prq_collect(struct vtd_unit *unit);

/* How often vtd_prq_collect, whoever called it, has found that requests were lost for want of room. X. */
uint64_t vtd_prq_overflows(struct vtd_unit *unit);

/*
 * Between the two, groups that match `drain` are answered invalid: those that are there at once, handed-out
 * ones included, others as they come. X, without locks.
 */
void vtd_prq_drain_begin(struct vtd_prq_drain *drain);
/* How many were answered since the begin, or since the last call. Their answers are in the invalidation
 * queue: what is submitted from here on comes behind them. X, without locks. */
unsigned vtd_prq_drain_answers(struct vtd_prq_drain *drain);
void vtd_prq_drain_end(struct vtd_prq_drain *drain);

#endif
