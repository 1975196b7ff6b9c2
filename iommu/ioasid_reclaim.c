/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a life. When the count is 0, nobody pins the record and free was called, the handle goes stale at
 * once; the number waits in limbo for a grace period, so that nobody who found the record in a read section
 * meets its next life. All that gathers while one grace period runs shares the next.
 */
#include <errno.h>

#include "iommu/ioasid_core.h"

/*
 * V1: whoever bound the ID has torn everything down, or it would still hold its reference. Core lock held.
 */
static void reclaim(struct ioasid_core *core, uint32_t number, struct ioasid_rec *rec)
{
    struct ioasid_slot *slot = ioasid_slot_of_number(core, number);

    plat_assert(!(rec->flags & (REC_BOUND | REC_TURN | REC_QUEUED)));
    ioasid_spid_clear(slot, rec);
    __atomic_store_n(&ioasid_hot_at(core, number)->key, 0, __ATOMIC_RELEASE);
    core->stats.failed -= rec->flags & REC_FAILED ? 1 : 0;
    rec->flags = 0;
    core->stats.pending--;
    slot->pending--;
    ioasid_uncharge(slot);
    ioasid_list_append(core, &core->limbo, number);
    ioasid_grace_start(core);
    if (slot->dying)
        ioasid_slot_settle(slot);
    if (core->sync_waiters)
        plat_waitq_wake_all(&core->reclaimed);
}

bool ioasid_maybe_reclaim(struct ioasid_core *core, uint32_t number)
{
    struct ioasid_rec *rec = ioasid_rec_at(core, number);

    if (rec->refs != 0 || rec->pins != 0)
        return false;
    reclaim(core, number, rec);
    return true;
}

void ioasid_unpin(struct ioasid_core *core, uint32_t number)
{
    struct ioasid_rec *rec = ioasid_rec_at(core, number);

    plat_assert(rec->pins > 0);
    rec->pins--;
    ioasid_maybe_reclaim(core, number);
}

/* ---- Grace: numbers back to where they came from, empty chunks back to the platform ---- */

void ioasid_grace_start(struct ioasid_core *core)
{
    if (core->grace_running || (core->limbo.count == 0 && !core->dead))
        return;
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
        ioasid_custom_return(core, &core->limbo_now);
    else
        ioasid_numbers_return(core, &core->limbo_now);
    core->limbo_now = (struct number_list){0};
    dead = core->dead_now;
    core->dead_now = NULL;
    core->grace_running = false;
    ioasid_grace_start(core);
    plat_unlock(&core->lock);
    ioasid_chunks_free(dead);
}

/* ---- Free, and wait ---- */

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
    if (rc != -EINPROGRESS)
        return rc;
    wait_for(s.core, 1);
    rc = plat_wait(&s.core->reclaimed, is_reclaimed, &s, timeout_ns);
    wait_for(s.core, -1);
    return rc;
}
