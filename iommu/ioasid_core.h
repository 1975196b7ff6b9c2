/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the IOASID core, shared by the files ioasid*.c and notifier.c, and by svm.c (the binding, which
 * is the one user that may emit BIND and UNBIND). Nobody else includes it.
 *
 * One lock, `core->lock`: nothing of ours is called with it held, of the platform only what needs no lock of
 * ours. What a lookup needs (`struct ioasid_hot`) may be read without it inside a read section, because
 * chunks and numbers are given back after a grace period only.
 */
#ifndef IOMMU_IOASID_CORE_H
#define IOMMU_IOASID_CORE_H

#include <errno.h>

#include "iommu/ioasid.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/idpool.h"

/* Waiting for a function of somebody else's to return is said this often. */
#define IOASID_LEAVE_WARN_NS 10000000000ull

/* ---- Records ---- */

enum ioasid_flag {
    REC_DYING = 1,         /* ioasid_free was called */
    REC_BOUND = 2,         /* one of the references is svm.c's */
    REC_NATIVE = 4,        /* bound natively: no free before unbind */
    REC_TOLD = 8,          /* BIND is being delivered, or was; UNBIND or FREE is owed */
    REC_EV_ALLOC = 16,     /* ALLOC is waiting for delivery */
    REC_EV_FREE = 32,      /* FREE is waiting for delivery */
    REC_TURN = 64,         /* a thread has the turn on this ID */
    REC_QUEUED = 128,      /* on the pending list of its set, which holds a pin */
    REC_SPID = 256,        /* `spid` is attached */
    REC_FAILED = 512,      /* a tear-down failed: what keeps the ID alive may never be given back */
    REC_SPID_BOUND = 1024, /* and is the binding's, with which it goes */
};

/*
 * What a lookup reads. `key` is the handle of the life with the index of the ID's set folded into the number
 * (which the position says): one comparison judges both. What no index has is folded in likewise: KEY_DYING,
 * and KEY_USED once the rest of the record counts; before that nothing but alloc has happened to the ID.
 * A number that is not live has a generation of 0, KEY_DYING, and no data.
 */
struct ioasid_hot {
    uint64_t key;
    void *data;
};

#define KEY_DYING (IOASID_NUMBERS / 2)
#define KEY_USED  (IOASID_NUMBERS / 4)

/* The rest of a record, read and written with the core lock held. What is written while it does not count is
 * `next`. */
#define REFS_MAX INT32_MAX /* ioasid_refs tells the count as an int */
struct ioasid_rec {
    uint32_t refs;
    uint32_t spid;
    uint32_t next; /* number of the next record on whatever list this one is on */
    uint16_t flags;
    uint16_t pins; /* threads that use the record without a reference; it is not reclaimed meanwhile */
};
_Static_assert(sizeof(struct ioasid_hot) == 16 && sizeof(struct ioasid_rec) == 16,
               "a million of them take 32 MB, and what belongs together is found as in ioasid_rec_beside");

#define CHUNK_IDS   1024u
#define CHUNKS      (IOASID_NUMBERS / CHUNK_IDS)
#define HALF_BYTES  (CHUNK_IDS * sizeof(struct ioasid_hot))
#define CHUNK_PAGES (2 * HALF_BYTES / PAGE_SIZE)
#define NO_NUMBER   0u /* 0 is never an ID, so it ends lists of numbers */

/*
 * Records of CHUNK_IDS numbers, and which of these are out of the pool; there while one of them is. What
 * lookups read is one half of a block that is aligned to its size, the rest of the records the other half.
 */
struct ioasid_chunk {
    void *block;
    struct ioasid_hot *hot;    /* also in core->hot, until the chunk is out of reach */
    struct ioasid_chunk *next; /* on the list of the dead */
    struct idpool pool;
    uint64_t words[CHUNK_IDS / IDPOOL_WORD_BITS + IDPOOL_LEVELS - 1]; /* of `pool` */
};

/* Numbers chained through their records. */
struct number_list {
    uint32_t head;
    uint32_t tail;
    uint32_t count;
};

/*
 * Numbers between two lives, by their records, in the order in which they were freed: spare ones from `take`
 * on, from `ripe` on those that the running grace period is for, from `late` on those that were freed since
 * it began. Positions only grow; they count modulo RING_IDS.
 */
#define RING_IDS 256u
struct number_ring {
    uint64_t take;
    uint64_t ripe;
    uint64_t late;
    uint64_t put;   /* the end */
    uint64_t stop;  /* as long as `put` is not here, there is room and a grace period is running */
    uint64_t quick; /* as long as `take` is lower, there is a spare one and no ALLOC is to be told */
    struct ioasid_hot *at[RING_IDS];
};

/* ---- Sets ---- */

/*
 * The memory of a set. It is never given back while the core lives, and used again for up to SLOT_LIVES sets
 * one after the other: `handle` is the address of one byte of the slot, another one for each, so that the
 * handle of a destroyed set is recognised whatever became of the slot (docs/decisions/009).
 */
#define SLOT_BYTES     256u
#define SLOT_LIVES     (SLOT_BYTES - 1)
#define SLOTS_PER_PAGE (PAGE_SIZE / SLOT_BYTES)
#define SLOT_PAGES     256u
#define SLOTS          (SLOT_PAGES * SLOTS_PER_PAGE)
#define SYSTEM_SLOT    0u

#define SPIDS_PER_LEAF 1024u

struct ioasid_slot {
    struct ioasid_set *handle; /* NULL: no set */
    struct ioasid_set *open;   /* the same until the set begins to die, then NULL */
    struct ioasid_core *core;
    struct ioasid_hot **hot; /* the core's: saves a lookup one load */
    const void *token;
    enum ioasid_token_type type;
    uint32_t index;
    uint32_t lives; /* sets that have been here */
    uint32_t quota; /* of the system set: all that no other set has and nobody has reserved (V6) */
    uint32_t live;  /* IDs not yet reclaimed, the pending ones included (V5) */
    uint32_t pending;
    uint32_t natives;          /* IDs bound natively */
    uint32_t holds;            /* threads that walk over the set's IDs; it is not given up meanwhile */
    uint32_t audit_live;       /* for ioasid_audit */
    struct number_list events; /* IDs that have an event to deliver */
    struct plat_workq *queue;  /* of the dispatcher; NULL: the common one */
    struct plat_work dispatch;
    struct plat_work retire;
    uint32_t **spids; /* leaves of SPIDS_PER_LEAF numbers; NULL while no SPID is attached */
    uint32_t spid_count;
    struct list link; /* among the free slots */
};
_Static_assert(sizeof(struct ioasid_slot) <= SLOT_BYTES, "a slot holds a set");

/* ---- The core ---- */

struct ioasid_core {
    struct plat_lock lock;
    uint32_t last; /* numbers are 1 .. last */
    uint64_t life; /* of the latest ID: its generation, and what else a dead key lacks to be a handle */
    uint64_t sequence;

    struct ioasid_hot *hot[CHUNKS]; /* NULL where there is no chunk: read without the lock */
    struct ioasid_chunk *chunks[CHUNKS];
    struct idpool full; /* chunks without a free number */
    uint64_t full_words[CHUNKS / IDPOOL_WORD_BITS + IDPOOL_LEVELS - 1];
    uint32_t out;            /* numbers that are not in the pool, whatever they are */
    uint32_t asking;         /* a custom allocator is being asked for a number */
    uint32_t giving;         /* numbers that one is being offered back, and has not handed out again */
    struct list offers;      /* struct offer of ioasid_custom.c */
    struct number_ring ring; /* spare and in limbo; the former go first where any will do */
    struct number_list held; /* returned in lazy mode: last to be handed out, oldest first */
    bool lazy;

    struct number_list limbo;     /* those that were freed while the ring was full, back to the pool */
    struct number_list limbo_now; /* when the grace period after this one is over; and after this one */
    struct ioasid_chunk *dead;    /* chunks without a number that is out */
    struct ioasid_chunk *dead_now;
    struct plat_work grace;
    bool grace_running;

    struct ioasid_slot *slots[SLOT_PAGES];
    uint32_t slot_count; /* ever used */
    struct list free_slots;
    uint32_t sets; /* the system set included */
    uint32_t reserved;
    uint32_t lost; /* quarantined numbers that were taken out of the capacity */

    struct list allocators;                 /* struct ioasid_allocator in the order of registration */
    const struct ioasid_allocator_ops *ops; /* whose numbers are in use; NULL: our own */

    struct list notifiers; /* ordered CPU, DEVICE, IOMMU; within a level by registration */
    unsigned wanted[4];    /* subscribers of each event type */
    unsigned quiescers;    /* subscribers with a quiesce hook */
    struct list turns;     /* struct ioasid_turn of every thread that works on an ID */
    struct plat_waitq turn_over;
    struct plat_waitq reclaimed;
    unsigned sync_waiters; /* threads in ioasid_free_sync */
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

/* The set in the slot was destroyed and drains; false also where there is none. */
static inline bool ioasid_slot_dying(const struct ioasid_slot *slot)
{
    return slot->handle != slot->open;
}

/* ---- Finding records; all but the first two with the core lock held ---- */

/* The slot that a handle is in, whether or not its set is still there; NULL for no set and for any set, which
 * are lower than any address. */
static inline struct ioasid_slot *ioasid_slot_of(struct ioasid_set *set)
{
    uintptr_t at = (uintptr_t)set;

    return (struct ioasid_slot *)(at - at % SLOT_BYTES);
}

/* `set` is the set in `slot`, dying or not; else it is stale. The core lock is held, or an ID is found as
 * well. */
static inline bool ioasid_slot_has(const struct ioasid_slot *slot, const struct ioasid_set *set)
{
    return __atomic_load_n(&slot->handle, __ATOMIC_RELAXED) == set;
}

/* Key of the life that `id` names, as long as it is not dying, in the set at `index`. */
static inline uint64_t ioasid_key(ioasid_t id, uint32_t index)
{
    return id.raw ^ index;
}

/* Index of the set, and whether KEY_DYING or KEY_USED is folded in, from the key of a live number. */
static inline uint32_t ioasid_key_index(uint64_t key, uint32_t number)
{
    return (uint32_t)(key ^ number) % KEY_USED;
}

static inline bool ioasid_key_has(uint64_t key, uint32_t number, uint32_t bit)
{
    return ((uint32_t)key ^ number) & bit;
}

/* `key` is of the life that `id` names, used or not, and not dying, in the set at `index`. */
static inline bool ioasid_key_fits(uint64_t key, ioasid_t id, uint32_t index)
{
    return ((key ^ ioasid_key(id, index)) & ~(uint64_t)KEY_USED) == 0;
}

/* Key of a number that is not live. */
static inline uint64_t ioasid_key_dead(uint32_t number)
{
    return number ^ KEY_DYING;
}

static inline bool ioasid_key_live(uint64_t key)
{
    return key >= IOASID_NUMBERS;
}

/* The number of a record that is not live. */
static inline uint32_t ioasid_dead_number(const struct ioasid_hot *hot)
{
    return (uint32_t)hot->key ^ KEY_DYING;
}

static inline struct ioasid_hot *ioasid_hot_at(struct ioasid_core *core, uint32_t number)
{
    struct ioasid_hot *hot = core->hot[number / CHUNK_IDS];

    return hot ? &hot[number % CHUNK_IDS] : NULL;
}

/* The rest of a record, in the other half of the chunk's block: found without another load. */
static inline struct ioasid_rec *ioasid_rec_beside(const struct ioasid_hot *hot)
{
    return (struct ioasid_rec *)((uintptr_t)hot ^ HALF_BYTES);
}

/* Where the number that follows this one on a list is kept. */
static inline uint32_t *ioasid_next_at(struct ioasid_core *core, uint32_t number)
{
    return &ioasid_rec_beside(ioasid_hot_at(core, number))->next;
}

/* The record of a live number, which counts from now on. */
static inline struct ioasid_rec *ioasid_rec_at(struct ioasid_core *core, uint32_t number)
{
    struct ioasid_hot *hot = ioasid_hot_at(core, number);
    struct ioasid_rec *rec = ioasid_rec_beside(hot);

    if (!ioasid_key_has(hot->key, number, KEY_USED)) {
        *rec = (struct ioasid_rec){.refs = 1};
        __atomic_store_n(&hot->key, hot->key ^ KEY_USED, __ATOMIC_RELAXED);
    }
    return rec;
}

/* The handle of a live number. */
static inline ioasid_t ioasid_id_at(struct ioasid_core *core, uint32_t number)
{
    return ioasid_make(number, ioasid_hot_at(core, number)->key / IOASID_NUMBERS);
}

static inline struct ioasid_slot *ioasid_slot_at(struct ioasid_core *core, uint32_t index)
{
    return (struct ioasid_slot *)((char *)core->slots[index / SLOTS_PER_PAGE] +
                                  index % SLOTS_PER_PAGE * SLOT_BYTES);
}

/* The set of a live number. */
static inline struct ioasid_slot *ioasid_slot_of_number(struct ioasid_core *core, uint32_t number)
{
    return ioasid_slot_at(core, ioasid_key_index(ioasid_hot_at(core, number)->key, number));
}

/* Puts a number at the end of a list that is chained through its record. */
static inline void ioasid_list_append(struct ioasid_core *core, struct number_list *list, uint32_t number)
{
    if (list->count++ == 0)
        list->head = number;
    else
        *ioasid_next_at(core, list->tail) = number;
    list->tail = number;
}

/* Takes the first one off; NO_NUMBER when there is none. */
static inline uint32_t ioasid_list_pop(struct ioasid_core *core, struct number_list *list)
{
    uint32_t number = list->head;

    if (list->count == 0)
        return NO_NUMBER;
    list->count--;
    list->head = *ioasid_next_at(core, number);
    return number;
}

static inline uint32_t ioasid_spare_count(const struct ioasid_core *core)
{
    return (uint32_t)(core->ring.ripe - core->ring.take);
}

/* After `ripe` or the count of those who want ALLOC has changed. */
static inline void ioasid_ring_update(struct ioasid_core *core)
{
    core->ring.quick = core->wanted[0] ? 0 : core->ring.ripe;
}

/* Numbers that wait for a grace period. */
static inline uint32_t ioasid_limbo_count(const struct ioasid_core *core)
{
    return (uint32_t)(core->ring.put - core->ring.ripe) + core->limbo.count + core->limbo_now.count;
}

/* IDs not yet reclaimed, the pending ones included (V5). */
static inline uint32_t ioasid_live_count(const struct ioasid_core *core)
{
    return core->out - ioasid_spare_count(core) - ioasid_limbo_count(core) - core->held.count -
           core->stats.quarantined - core->giving;
}

/* Record of a live handle; NULL when it is stale or never lived. */
static inline struct ioasid_rec *ioasid_rec_of(struct ioasid_core *core, ioasid_t id)
{
    const struct ioasid_hot *hot = ioasid_hot_at(core, ioasid_number(id));

    if (!hot || !ioasid_key_live(hot->key) || hot->key / IOASID_NUMBERS != ioasid_generation(id))
        return NULL;
    return ioasid_rec_at(core, ioasid_number(id));
}

/* The same, and set and ownership checked: 0, -ESTALE, -ENOENT, -EACCES. `slot` is the one of `set`. */
must_check static inline int ioasid_rec_in(const struct ioasid_slot *slot, const struct ioasid_set *set,
                                           ioasid_t id, struct ioasid_rec **rec)
{
    if (!ioasid_slot_has(slot, set))
        return -ESTALE;
    *rec = ioasid_rec_of(slot->core, id);
    if (!*rec)
        return -ENOENT;
    return ioasid_slot_of_number(slot->core, ioasid_number(id)) == slot ? 0 : -EACCES;
}

/* Numbers that are in nobody's quota, not reserved and not used by the system set. */
static inline uint32_t ioasid_available(const struct ioasid_core *core)
{
    const struct ioasid_slot *system = core->slots[0];

    return system->quota - system->live;
}

/* ---- ioasid.c, ioasid_free.c ---- */

/*
 * The one place where an ID starts to die. 0: reclaimed; -EINPROGRESS, -EALREADY, -EBUSY (bound natively).
 * Called with the core lock held, which it gives up for the time of a quiesce hook.
 */
must_check int ioasid_kill(struct ioasid_slot *slot, uint32_t number);

/* Reclaims a dying ID without references and pins. Core lock held. */
bool ioasid_maybe_reclaim(struct ioasid_core *core, uint32_t number);
/* Lets go of a pin; the last one of a dying ID without references reclaims it. Core lock held. */
void ioasid_unpin(struct ioasid_core *core, uint32_t number);
/* Starts a grace period for what has gathered, unless one is running or there is nothing. Core lock held. */
void ioasid_grace_start(struct ioasid_core *core);
/* plat_work function of the grace period: limbo back to the pool. */
void ioasid_grace_over(struct plat_work *work);

/*
 * svm.c's reference, at most one per ID: taken for the first binding, given back after the last one is torn
 * down, with the SPID that ioasid_bound_spid has attached (which answers as ioasid_spid_attach). 0, -ENOENT,
 * -EBUSY (dying, or its set is), -EOVERFLOW. X.
 */
must_check int ioasid_bound_get(struct ioasid_core *core, ioasid_t id, bool native);
must_check int ioasid_bound_spid(struct ioasid_core *core, ioasid_t id, uint32_t spid);
void ioasid_bound_put(struct ioasid_core *core, ioasid_t id);
bool ioasid_is_dying(struct ioasid_core *core, ioasid_t id);

/* ---- ioasid_number.c; core lock held ---- */

/* Gives back chunks that nobody can reach any more; without the core lock. */
void ioasid_chunks_free(struct ioasid_chunk *chunk);
void ioasid_numbers_destroy(struct ioasid_core *core);
/* The lowest free number in min..max, of all a spare one if there is one; with memory behind its record. 0,
 * -ENOSPC, -ENOMEM. */
must_check int ioasid_number_take(struct ioasid_core *core, uint32_t min, uint32_t max, uint32_t *number);
/* Numbers whose grace period is over. */
void ioasid_numbers_return(struct ioasid_core *core);
void ioasid_number_return(struct ioasid_core *core, uint32_t number);
/* Spare and held numbers go back to the pool. */
void ioasid_numbers_spill(struct ioasid_core *core);
/* Whether a number is out of the pool, for whatever reason. */
bool ioasid_number_is_out(struct ioasid_core *core, uint32_t number);

/* ---- ioasid_custom.c ---- */

/*
 * As ioasid_number_take, from the active allocator; -ESTALE: the set began to die meanwhile. Called with the
 * core lock held, which it gives up for the time of the allocator's own function.
 */
must_check int ioasid_custom_take(struct ioasid_slot *slot, uint32_t min, uint32_t max, uint32_t *number);
/* The same as ioasid_numbers_return, back to the active allocator. The lock as above. */
void ioasid_custom_return(struct ioasid_core *core);

/* ---- ioasid_set.c ---- */

must_check int ioasid_sets_create(struct ioasid_core *core);
void ioasid_sets_destroy(struct ioasid_core *core);
/* The end of a dying set without IDs. True when it is over. Core lock held. */
bool ioasid_slot_settle(struct ioasid_slot *slot);
/* Queues the dispatcher of a set that has events, so that it cannot be over. Core lock held. */
void ioasid_slot_dispatch(struct ioasid_slot *slot);
/* The set, dying or not, that has this token; NULL. Core lock held. */
struct ioasid_slot *ioasid_slot_by_token(struct ioasid_core *core, enum ioasid_token_type type,
                                         const void *token);

/* ---- ioasid_data.c, ioasid_spid.c ---- */

/* Clears the private pointer at once; the caller gives the object back after a grace period. NULL if none. X.
 */
void *ioasid_data_clear(struct ioasid_core *core, ioasid_t id);
/* Detaches the SPID of a record, which has one. Core lock held. */
void ioasid_spid_clear(struct ioasid_slot *slot, struct ioasid_rec *rec);
void ioasid_spids_destroy(struct ioasid_slot *slot);

/* ---- notifier.c, ioasid_turn.c ---- */

void notifier_core_init(struct ioasid_core *core);

/*
 * One event to all whom it concerns. Set-up order stops at the first refusal of a BIND, takes it back from
 * those who had agreed, and returns the errno. Tear-down order goes on whatever handlers return, and notes
 * failures; `bound`: FREE ends a binding, so that those who know only UNBIND are told. T, with the turn.
 */
must_check int notifier_deliver_setup(struct ioasid_turn *turn, const struct ioasid_event *ev);
void notifier_deliver_teardown(struct ioasid_turn *turn, const struct ioasid_event *ev, bool bound);
/* The quiesce hooks of all whom a tear-down concerns, in tear-down order. X, without the core lock. */
void notifier_quiesce(struct ioasid_core *core, const struct ioasid_event *ev, bool bound);
/* The running thread is inside a handler of this core. Core lock held. */
bool notifier_in_handler(struct ioasid_core *core);

/* Fills an event of a live ID. Core lock held; the record is pinned as long as the event is used. */
struct ioasid_event ioasid_event_make(struct ioasid_core *core, uint32_t number, enum ioasid_event_type type);

/* Notes an event for delivery by the set's dispatcher. Core lock held. */
void notifier_post(struct ioasid_slot *slot, uint32_t number, enum ioasid_flag event);
/* plat_work function of a set: delivers what is pending. */
void notifier_dispatch(struct plat_work *work);

/*
 * Waits for the turn on `id`, then delivers the events that are pending for it. Taken again by the thread
 * that has it (a handler that calls back in) it returns at once, `turn->nested` set, and delivers nothing. 0,
 * -EINVAL, -ESTALE, -ENOENT, -EACCES, -EBUSY (too many threads), -ETIMEDOUT (a handler of this ID does not
 * come back). T.
 */
must_check int ioasid_turn_begin(struct ioasid_set *set, ioasid_t id, struct ioasid_turn *turn);
void ioasid_turn_end(struct ioasid_turn *turn);

/*
 * BIND in set-up order; after a refusal UNBIND to those who had agreed, and the errno. UNBIND in tear-down
 * order; its handlers' errors are noted only; false when no UNBIND is owed, and then nobody is told. Both
 * need the turn, not nested. T.
 */
must_check int ioasid_emit_bind(struct ioasid_turn *turn);
must_check bool ioasid_emit_unbind(struct ioasid_turn *turn);
/* BIND is being delivered, or was, and UNBIND or FREE is still to come. With the turn. X. */
must_check bool ioasid_is_told(const struct ioasid_turn *turn);
/* The UNBIND that is owed, and is not from now on. False: none was. With the turn. X. */
must_check bool ioasid_unbind_owed(const struct ioasid_turn *turn, struct ioasid_event *ev);
/* A handler or a unit failed to let go of the ID: it is counted until it is reclaimed. With the turn. X. */
void ioasid_note_failure(const struct ioasid_turn *turn);

#endif
