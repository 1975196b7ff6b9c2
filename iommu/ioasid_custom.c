/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Custom allocators. Their functions are called without the core lock; meanwhile the number is charged to its
 * set, or still in limbo, so that the space in use cannot change under them.
 */
#include <errno.h>

#include "iommu/ioasid_core.h"

static struct ioasid_allocator *allocator_of(struct list *link)
{
    return list_entry(link, struct ioasid_allocator, link);
}

/* The first one that serves the space of `ops`, or any space where that is NULL; but for `except`. */
static struct ioasid_allocator *server_of(struct ioasid_core *core, const struct ioasid_allocator_ops *ops,
                                          const struct ioasid_allocator *except)
{
    list_for_each (pos, &core->allocators) {
        struct ioasid_allocator *a = allocator_of(pos);

        if (!a->leaving && a != except && (!ops || a->ops == ops))
            return a;
    }
    return NULL;
}

/* A number of the space in use is live, in limbo, or on its way from or to an allocator. */
static bool numbers_are_out(const struct ioasid_core *core)
{
    return ioasid_live_count(core) || core->asking || core->giving || ioasid_limbo_count(core);
}

/* ---- Calls into an allocator; the core lock is held before and after ---- */

static struct ioasid_allocator *call_begin(struct ioasid_core *core)
{
    struct ioasid_allocator *a = server_of(core, core->ops, NULL);

    plat_assert(a);
    a->calls++;
    plat_unlock(&core->lock);
    return a;
}

static void call_end(struct ioasid_core *core, struct ioasid_allocator *a)
{
    plat_lock(&core->lock);
    if (--a->calls == 0 && a->leaving)
        plat_waitq_wake_all(&core->turn_over);
}

/* Offers a number back. False when that was refused. */
static bool give(struct ioasid_core *core, uint32_t number)
{
    struct ioasid_allocator *a = call_begin(core);
    int rc = a->ops->free(a, number);

    if (rc)
        plat_log(LOG_WARN, "ioasid: %s does not take number %u back (%d): never used again", a->name, number,
                 rc);
    call_end(core, a);
    return rc == 0;
}

/* A number that its allocator is just being offered; on the stack of who offers it. */
struct offer {
    struct list link;
    uint32_t number;
    bool again; /* it is handed out already, to a new life */
};

/*
 * The end of a number that is out, and no longer in limbo. Its allocator may hand it out again before the
 * function that takes it has returned. One that was refused stays out for ever, and nobody is promised it.
 */
static void give_back(struct ioasid_core *core, uint32_t number)
{
    struct offer offer = {.number = number};
    bool taken;

    list_add_tail(&core->offers, &offer.link);
    core->giving++;
    taken = give(core, number);
    list_del(&offer.link);
    if (offer.again)
        return;
    core->giving--;
    if (taken) {
        ioasid_number_return(core, number);
        return;
    }
    core->stats.quarantined++;
    if (ioasid_available(core)) {
        core->slots[0]->quota--;
        core->lost++;
    }
}

/* A number that is out: live, in limbo, on offer, or refused by its allocator. */
static bool is_ours(struct ioasid_core *core, uint32_t number)
{
    return number != 0 && number <= core->last && ioasid_number_is_out(core, number);
}

/* A number that its allocator was offered and hands out again. */
static bool take_offer(struct ioasid_core *core, uint32_t number)
{
    list_for_each (pos, &core->offers) {
        struct offer *offer = list_entry(pos, struct offer, link);

        if (offer->number == number && !offer->again) {
            offer->again = true;
            core->giving--;
            return true;
        }
    }
    return false;
}

/* Makes a number that an allocator handed out ours: one that is out already is nobody's to give. */
static int adopt(struct ioasid_core *core, uint32_t min, uint32_t max, uint32_t number)
{
    uint32_t same;

    if (number < min || number > max)
        return -ENOSPC;
    return take_offer(core, number) ? 0 : ioasid_number_take(core, number, number, &same);
}

int ioasid_custom_take(struct ioasid_slot *slot, uint32_t min, uint32_t max, uint32_t *number)
{
    struct ioasid_core *core = slot->core;
    struct ioasid_allocator *a;
    int rc;

    core->asking++;
    a = call_begin(core);
    rc = a->ops->alloc(a, min, max, number);

    call_end(core, a);
    core->asking--;
    if (rc)
        return rc;
    rc = adopt(core, min, max, *number);
    if (rc && !is_ours(core, *number))
        give(core, *number); /* one that is refused is lost to its allocator, not to us */
    if (rc == 0 && ioasid_slot_dying(slot)) {
        give_back(core, *number);
        return -ESTALE;
    }
    return rc;
}

/* None of them is ever spare. */
void ioasid_custom_return(struct ioasid_core *core)
{
    struct number_ring *ring = &core->ring;

    while (ring->ripe != ring->late) {
        uint32_t number = ioasid_dead_number(ring->at[ring->ripe % RING_IDS]);

        ring->take = ++ring->ripe;
        give_back(core, number);
    }
    while (core->limbo_now.count)
        give_back(core, ioasid_list_pop(core, &core->limbo_now));
}

/* ---- Registration ---- */

static bool is_registered(struct ioasid_core *core, const struct ioasid_allocator *a)
{
    list_for_each (pos, &core->allocators) {
        if (allocator_of(pos) == a)
            return true;
    }
    return false;
}

int ioasid_allocator_register(struct ioasid_core *core, struct ioasid_allocator *a)
{
    int rc = 0;

    if (!a->ops || !a->ops->alloc || !a->ops->free)
        return -EINVAL;
    plat_lock(&core->lock);
    if (is_registered(core, a)) {
        rc = -EEXIST;
    } else if (!core->ops && numbers_are_out(core)) {
        rc = -EAGAIN;
    } else {
        a->calls = 0;
        a->leaving = false;
        list_add_tail(&core->allocators, &a->link);
        ioasid_numbers_spill(core);
        if (!core->ops)
            core->ops = a->ops;
    }
    plat_unlock(&core->lock);
    return rc;
}

struct leaver {
    struct ioasid_core *core;
    struct ioasid_allocator *a;
};

static bool no_call_runs(void *arg)
{
    struct leaver *l = arg;
    bool idle;

    plat_lock(&l->core->lock);
    idle = l->a->calls == 0;
    plat_unlock(&l->core->lock);
    return idle;
}

/* Takes `a` out of service; after the last of its space another space serves. Core lock held. */
static int leave(struct ioasid_core *core, struct ioasid_allocator *a)
{
    const struct ioasid_allocator *next;

    if (!is_registered(core, a) || a->leaving)
        return -ENOENT;
    if (a->ops == core->ops && !server_of(core, a->ops, a)) {
        if (numbers_are_out(core))
            return -EBUSY;
        next = server_of(core, NULL, a);
        core->ops = next ? next->ops : NULL;
    }
    a->leaving = true;
    return 0;
}

int ioasid_allocator_unregister(struct ioasid_core *core, struct ioasid_allocator *a)
{
    struct leaver l = {core, a};
    int rc;

    plat_lock(&core->lock);
    rc = leave(core, a);
    plat_unlock(&core->lock);
    if (rc)
        return rc;
    /* Without a bound by contract: the caller takes its memory back after this. */
    while (plat_wait(&core->turn_over, no_call_runs, &l, IOASID_LEAVE_WARN_NS) != 0)
        plat_log(LOG_WARN, "ioasid: allocator %s: waiting for a call that does not return", a->name);
    plat_lock(&core->lock);
    list_del(&a->link);
    plat_unlock(&core->lock);
    return 0;
}
