/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the IOASID core, shared by ioasid.c (life), ioasid_data.c (private data, SPID), notifier.c
 * (events) and svm.c (the binding, which is the one user that may emit BIND and UNBIND). Nobody else includes
 * it.
 *
 * One lock, `core->lock`: nothing of ours is called with it held, of the platform only what needs no lock of
 * ours. A record may be read without it inside a read section (ioasid_data_find), because chunks are given
 * back after a grace period only.
 */
#ifndef IOMMU_IOASID_CORE_H
#define IOMMU_IOASID_CORE_H

#include "iommu/ioasid.h"
#include "kernel/lib/idpool.h"

enum ioasid_flag {
    REC_DYING = 1,     /* ioasid_free was called */
    REC_BOUND = 2,     /* one of the references is svm.c's */
    REC_NATIVE = 4,    /* bound natively: no free before unbind */
    REC_TOLD = 8,      /* BIND was delivered, UNBIND or FREE is owed */
    REC_EV_ALLOC = 16, /* ALLOC is waiting for delivery */
    REC_EV_FREE = 32,  /* FREE is waiting for delivery */
    REC_TURN = 64,     /* a thread has the turn on this ID */
    REC_QUEUED = 128,  /* on the pending list of its set, which holds a pin */
};

/* One live ID. The number is the position; 32 bytes, so a million of them take 32 MB. */
struct ioasid_rec {
    uint64_t key; /* the handle's raw value; 0 when the number is not live */
    void *data;
    uint32_t refs;
    uint32_t spid;
    uint32_t next; /* number of the next record on the pending list or in limbo */
    uint16_t set;
    uint8_t flags;
    uint8_t pins; /* threads that use the record without a reference; it is not reclaimed meanwhile */
};
_Static_assert(sizeof(struct ioasid_rec) == 32, "a million of them take 32 MB");

#define RECS_PER_CHUNK  (4096u / sizeof(struct ioasid_rec))
#define CHUNK_MAX       (IOASID_NUMBERS / RECS_PER_CHUNK)
#define SPIDS_PER_LEAF  1024u
#define NO_NUMBER       0u /* 0 is never an ID, so it ends lists of numbers */
#define IOASID_MAX_SETS 2u

struct number_list {
    uint32_t head;
    uint32_t tail;
};

struct ioasid_set {
    struct ioasid_core *core;
    const void *token;
    uint16_t index;
    uint32_t live;
    struct number_list pending; /* IDs that have an event to deliver */
    struct plat_work dispatch;
    uint32_t **spids; /* SPIDS_PER_LEAF leaves of as many numbers; NULL while no SPID is attached */
    uint32_t spid_count;
};

struct ioasid_core {
    struct plat_lock lock;
    uint32_t limit; /* numbers are 1 .. limit-1 */
    uint64_t generation;
    uint64_t sequence;
    struct idpool pool;
    void *pool_memory;
    unsigned pool_pages;
    struct ioasid_rec **chunks;
    uint8_t *chunk_live; /* numbers of each chunk that are out of the pool */
    struct ioasid_set *sets[IOASID_MAX_SETS];

    struct number_list limbo;     /* reclaimed since the running grace period began */
    struct number_list limbo_now; /* back to the pool when it is over */
    struct ioasid_rec *dead;      /* chunks without a live number, chained through .data */
    struct ioasid_rec *dead_now;
    struct plat_work grace;
    bool grace_running;

    struct list notifiers; /* ordered CPU, DEVICE, IOMMU; within a level by registration */
    unsigned wanted[4];    /* subscribers of each event type */
    struct list turns;     /* struct ioasid_turn of every thread that works on an ID */
    struct plat_waitq turn_over;
    struct ioasid_stats stats;
};

/* The right to deliver events of one ID and to change its bindings; lives on the holder's stack. */
struct ioasid_turn {
    struct list link;
    struct ioasid_core *core;
    uintptr_t thread;
    ioasid_t id;
    struct ioasid_notifier *handler; /* running on behalf of this turn */
    bool nested;                     /* the thread had the turn already, further up its stack */
};

/* ---- ioasid.c ---- */

/* The record of a number, live or not; NULL where its chunk is not there. Core lock held. */
struct ioasid_rec *ioasid_rec_at(struct ioasid_core *core, uint32_t number);
/* Puts a number at the end of a list that is chained through its record. Core lock held. */
void ioasid_list_append(struct ioasid_core *core, struct number_list *list, uint32_t number);
/* Record of a live handle, with the core lock held; NULL when it is stale or never lived. */
struct ioasid_rec *ioasid_rec_of(struct ioasid_core *core, ioasid_t id);
/* The same and its set checked: 0, -ENOENT, -EACCES. Core lock held. */
must_check int ioasid_rec_in(struct ioasid_set *set, ioasid_t id, struct ioasid_rec **rec);
/* Lets go of a pin; the last one of a dying ID without references reclaims it. Core lock held. */
void ioasid_unpin(struct ioasid_core *core, struct ioasid_rec *rec);

/*
 * svm.c's reference, at most one per ID: taken for the first binding, given back after the last one is torn
 * down. 0, -ENOENT, -EBUSY (dying), -EOVERFLOW. X.
 */
must_check int ioasid_bound_get(struct ioasid_core *core, ioasid_t id, bool native);
void ioasid_bound_put(struct ioasid_core *core, ioasid_t id);
/* plat_work function of the grace period: limbo back to the pool. */
void ioasid_grace_over(struct plat_work *work);
bool ioasid_is_dying(struct ioasid_core *core, ioasid_t id);

/* ---- ioasid_data.c ---- */

/* Clears the private pointer at once; the caller gives the object back after a grace period. NULL if none. X.
 */
void *ioasid_data_clear(struct ioasid_core *core, ioasid_t id);
/* Detaches the SPID of a record if it has one. Core lock held. */
void ioasid_spid_clear(struct ioasid_core *core, struct ioasid_rec *rec);
void ioasid_spids_destroy(struct ioasid_set *set);

/* ---- notifier.c, ioasid_turn.c ---- */

void notifier_core_init(struct ioasid_core *core);

/*
 * One event to all whom it concerns. Set-up order stops at the first refusal of a BIND, takes it back from
 * those who had agreed, and returns the errno. Tear-down order goes on whatever handlers return; `bound`:
 * FREE ends a binding, so that those who know only UNBIND are told. T, with the turn.
 */
must_check int notifier_deliver_setup(struct ioasid_turn *turn, const struct ioasid_event *ev);
void notifier_deliver_teardown(struct ioasid_turn *turn, const struct ioasid_event *ev, bool bound);

/* Notes an event for delivery by the set's dispatcher. Core lock held; true: queue set->dispatch after
 * unlocking. */
must_check bool notifier_post(struct ioasid_set *set, struct ioasid_rec *rec, enum ioasid_flag event);
/* plat_work function of a set: delivers what is pending. */
void notifier_dispatch(struct plat_work *work);

/*
 * Waits for the turn on `id`, then delivers the events that are pending for it. Taken again by the thread
 * that has it (a handler that calls back in) it returns at once, `turn->nested` set, and delivers nothing. 0,
 * -ENOENT, -EACCES, -ETIMEDOUT (a handler of this ID does not come back). T.
 */
must_check int ioasid_turn_begin(struct ioasid_set *set, ioasid_t id, struct ioasid_turn *turn);
void ioasid_turn_end(struct ioasid_turn *turn);

/*
 * BIND in set-up order; after a refusal UNBIND to those who had agreed, and the errno. UNBIND in tear-down
 * order; its handlers' errors are counted only; false when no UNBIND is owed, and then nobody is told. Both
 * need the turn, not nested. T.
 */
must_check int ioasid_emit_bind(struct ioasid_turn *turn);
must_check bool ioasid_emit_unbind(struct ioasid_turn *turn);

#endif
