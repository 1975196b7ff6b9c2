/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a life: free, reclaim, grace. When the count is 0, nobody pins the record and free was called,
 * the handle goes stale at once; the number waits in limbo for a grace period, so that nobody who found the
 * record in a read section meets its next life. All that gathers while one grace period runs shares the next.
 */
#include <errno.h>

#include "iommu/ioasid_core.h"

/* ---- Reclaim ---- */

static inline void ring_put(struct number_ring *ring, struct ioasid_hot *hot)
{
    uint64_t at = ring->put++;

    ring->at[at % RING_IDS] = hot;
}

/* The ring is full, or there is no grace period under way that is for what comes next. Core lock held. */
static cold_path void bury_last(struct ioasid_core *core, struct ioasid_hot *hot)
{
    struct number_ring *ring = &core->ring;

    ring->stop = ring->take + RING_IDS;
    if (ring->put == ring->stop)
        ioasid_list_append(core, &core->limbo, ioasid_dead_number(hot));
    else
        ring_put(ring, hot);
    ioasid_grace_start(core);
}

/* False: the number is left to bury_last, which the caller of the usual path does apart from it. Core lock
 * held. */
must_check static inline bool end_life(struct ioasid_core *core, struct ioasid_slot *slot,
                                       struct ioasid_hot *hot, uint32_t number)
{
    __atomic_store_n(&hot->key, ioasid_key_dead(number), __ATOMIC_RELAXED);
    __atomic_store_n(&hot->data, NULL, __ATOMIC_RELAXED);
    slot->live--;
    if (core->ring.put == core->ring.stop)
        return false;
    ring_put(&core->ring, hot);
    return true;
}

/* Of an ID whose record counts. Core lock held. */
static void reclaim(struct ioasid_slot *slot, uint32_t number)
{
    struct ioasid_core *core = slot->core;
    struct ioasid_hot *hot = ioasid_hot_at(core, number);
    struct ioasid_rec *rec = ioasid_rec_at(core, number);

    core->stats.failed -= rec->flags & REC_FAILED ? 1 : 0;
    if (rec->flags & REC_SPID)
        ioasid_spid_clear(slot, rec);
    if (!end_life(core, slot, hot, number))
        bury_last(core, hot);
    ioasid_slot_settle(slot);
}

bool ioasid_maybe_reclaim(struct ioasid_core *core, uint32_t number)
{
    struct ioasid_slot *slot = ioasid_slot_of_number(core, number);
    struct ioasid_rec *rec = ioasid_rec_at(core, number);

    if (rec->refs != 0 || rec->pins != 0)
        return false;
    /* V1: whoever bound the ID has torn everything down, or it would still hold its reference. */
    plat_assert(!(rec->flags & (REC_BOUND | REC_TURN | REC_QUEUED)));
    core->stats.pending--;
    slot->pending--;
    reclaim(slot, number);
    if (core->sync_waiters)
        plat_waitq_wake_all(&core->reclaimed);
    return true;
}

void ioasid_unpin(struct ioasid_core *core, uint32_t number)
{
    struct ioasid_rec *rec = ioasid_rec_at(core, number);

    plat_assert(rec->pins > 0);
    rec->pins--;
    ioasid_maybe_reclaim(core, number);
}

/* ---- Free ---- */

/* FREE is on its way; whoever can stop at once does so first. Core lock held, and given up for that. */
static void announce_free(struct ioasid_slot *slot, uint32_t number, struct ioasid_rec *rec)
{
    struct ioasid_core *core = slot->core;

    rec->pins++; /* the last put may come meanwhile */
    if (core->quiescers) {
        struct ioasid_event ev = ioasid_event_make(core, number, IOASID_EVENT_FREE);
        bool bound = rec->flags & REC_TOLD;

        plat_unlock(&core->lock);
        notifier_quiesce(core, &ev, bound);
        plat_lock(&core->lock);
    }
    notifier_post(slot, number, REC_EV_FREE);
    ioasid_unpin(core, number);
}

/* Core lock held. */
int ioasid_kill(struct ioasid_slot *slot, uint32_t number)
{
    struct ioasid_core *core = slot->core;
    struct ioasid_hot *hot = ioasid_hot_at(core, number);
    struct ioasid_rec *rec = ioasid_rec_at(core, number);

    if (rec->flags & REC_DYING)
        return -EALREADY;
    if (rec->flags & REC_NATIVE)
        return -EBUSY;
    if (rec->refs == 1 && rec->pins == 0) {
        reclaim(slot, number);
        return 0;
    }
    rec->flags |= REC_DYING;
    __atomic_store_n(&hot->key, hot->key ^ KEY_DYING, __ATOMIC_RELEASE);
    rec->refs--;
    core->stats.pending++;
    slot->pending++;
    if (rec->refs == 0) /* somebody is delivering an event: reclaimed when that is over */
        return 0;
    announce_free(slot, number, rec);
    return -EINPROGRESS;
}

/* Of any ID. Core lock held, and given back. */
static cold_path int free_any(struct ioasid_slot *slot, const struct ioasid_set *set, ioasid_t id)
{
    struct ioasid_core *core = slot->core;
    struct ioasid_rec *rec;
    int rc = ioasid_rec_in(slot, set, id, &rec);

    if (rc == 0)
        rc = ioasid_kill(slot, ioasid_number(id));
    plat_unlock(&core->lock);
    return rc;
}

/* A call whose return ioasid_free does not wait for, so that it keeps nothing on the stack for it. Core lock
 * held, and given back. */
static cold_path int free_last(struct ioasid_core *core, struct ioasid_hot *hot)
{
    bury_last(core, hot);
    plat_unlock(&core->lock);
    return 0;
}

/* What most frees are, of an ID that nobody ever used, is told from all else by one comparison. */
int ioasid_free(struct ioasid_set *set, ioasid_t id)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    struct ioasid_core *core;
    struct ioasid_hot *hot;

    if (!slot)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    core = slot->core;
    hot = ioasid_hot_at(core, ioasid_number(id));
    if (!hot || hot->key != ioasid_key(id, slot->index) || slot->open != set)
        return free_any(slot, set, id);
    if (!end_life(core, slot, hot, ioasid_number(id)))
        return free_last(core, hot);
    plat_unlock(&core->lock);
    return 0;
}

struct sync {
    struct ioasid_core *core;
    ioasid_t id;
};

static bool is_reclaimed(void *arg)
{
    struct sync *s = arg;
    bool gone;

    plat_lock(&s->core->lock);
    gone = ioasid_rec_of(s->core, s->id) == NULL;
    plat_unlock(&s->core->lock);
    return gone;
}

static void wait_for(struct ioasid_core *core, int by)
{
    plat_lock(&core->lock);
    core->sync_waiters += (unsigned)by;
    plat_unlock(&core->lock);
}

int ioasid_free_sync(struct ioasid_set *set, ioasid_t id, uint64_t timeout_ns)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    struct sync s = {.id = id};
    bool inside;
    int rc;

    if (!slot)
        return -EINVAL;
    s.core = slot->core;
    plat_lock(&s.core->lock);
    inside = notifier_in_handler(s.core);
    plat_unlock(&s.core->lock);
    if (inside)
        return -EDEADLK;
    rc = ioasid_free(set, id);
    if ((rc && rc != -EINPROGRESS) || is_reclaimed(&s))
        return rc == -EINPROGRESS ? 0 : rc;
    wait_for(s.core, 1);
    rc = plat_wait(&s.core->reclaimed, is_reclaimed, &s, timeout_ns);
    wait_for(s.core, -1);
    return rc;
}

/* ---- Grace: numbers back to where they came from, empty chunks back to the platform ---- */

void ioasid_grace_start(struct ioasid_core *core)
{
    struct number_ring *ring = &core->ring;

    if (core->grace_running || (ring->put == ring->ripe && core->limbo.count == 0 && !core->dead))
        return;
    ring->late = ring->put;
    core->limbo_now = core->limbo;
    core->limbo = (struct number_list){0};
    core->dead_now = core->dead;
    core->dead = NULL;
    core->grace_running = true;
    plat_defer(&core->grace);
}

void ioasid_grace_over(struct plat_work *work)
{
    struct ioasid_core *core = container_of(work, struct ioasid_core, grace);
    struct ioasid_chunk *dead;

    plat_lock(&core->lock);
    if (core->ops)
        ioasid_custom_return(core);
    else
        ioasid_numbers_return(core);
    dead = core->dead_now;
    core->dead_now = NULL;
    core->grace_running = false;
    core->ring.stop = core->ring.put;
    ioasid_grace_start(core);
    plat_unlock(&core->lock);
    ioasid_chunks_free(dead);
}
