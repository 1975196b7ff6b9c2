/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The turn on an ID, and what is delivered under it.
 *
 * The turn serialises everything that concerns one ID and may block: one thread at a time delivers its events
 * or changes its bindings, while other IDs go on. A handler that calls back in has the turn already (nested).
 * Events that ioasid_alloc and ioasid_free post from any context are delivered by the dispatcher of the set
 * or by whoever gets the turn first, so that nothing overtakes them.
 */
#include <errno.h>

#include "iommu/ioasid_core.h"

#define TURN_TIMEOUT_NS 10000000000ull
#define DISPATCH_BATCH  256

struct ioasid_event ioasid_event_make(struct ioasid_core *core, uint32_t number, enum ioasid_event_type type)
{
    const struct ioasid_slot *slot = ioasid_slot_of_number(core, number);
    const struct ioasid_rec *rec = ioasid_rec_at(core, number);

    return (struct ioasid_event){
        .type = type,
        .id = ioasid_id_at(core, number),
        .spid = rec->flags & REC_SPID ? rec->spid : IOASID_NO_SPID,
        .set = slot->handle,
        .token = slot->token,
        .data = ioasid_hot_at(core, number)->data,
        .sequence = ++core->sequence,
    };
}

/* The event of a turn's own ID. The core lock is held; the record is pinned by the turn. */
static struct ioasid_event make_event(const struct ioasid_turn *turn, enum ioasid_event_type type)
{
    return ioasid_event_make(turn->core, ioasid_number(turn->id), type);
}

bool ioasid_is_told(const struct ioasid_turn *turn)
{
    bool told;

    plat_lock(&turn->core->lock);
    told = ioasid_rec_of(turn->core, turn->id)->flags & REC_TOLD;
    plat_unlock(&turn->core->lock);
    return told;
}

void ioasid_note_failure(const struct ioasid_turn *turn)
{
    struct ioasid_core *core = turn->core;
    struct ioasid_rec *rec;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, turn->id);
    core->stats.failed += rec->flags & REC_FAILED ? 0 : 1;
    rec->flags |= REC_FAILED;
    plat_unlock(&core->lock);
}

int ioasid_emit_bind(struct ioasid_turn *turn)
{
    struct ioasid_core *core = turn->core;
    struct ioasid_rec *rec;
    struct ioasid_event ev;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, turn->id);
    plat_assert(!turn->nested && !(rec->flags & REC_TOLD)); /* V4 */
    rec->flags |= REC_TOLD; /* by now: a free that comes meanwhile ends this binding too */
    ev = make_event(turn, IOASID_EVENT_BIND);
    plat_unlock(&core->lock);
    return notifier_deliver_setup(turn, &ev);
}

bool ioasid_unbind_owed(const struct ioasid_turn *turn, struct ioasid_event *ev)
{
    struct ioasid_core *core = turn->core;
    struct ioasid_rec *rec;
    bool owed;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, turn->id);
    owed = rec->flags & REC_TOLD; /* V4 */
    rec->flags &= (uint16_t)~REC_TOLD;
    *ev = make_event(turn, IOASID_EVENT_UNBIND);
    plat_unlock(&core->lock);
    return owed;
}

bool ioasid_emit_unbind(struct ioasid_turn *turn)
{
    struct ioasid_event ev;

    plat_assert(!turn->nested);
    if (!ioasid_unbind_owed(turn, &ev))
        return false;
    notifier_quiesce(turn->core, &ev, false);
    notifier_deliver_teardown(turn, &ev, false);
    return true;
}

/* ---- Pending events ---- */

/* Puts the ID on the list of its set and wakes the dispatcher; the list holds a pin. Core lock held. */
static void enqueue(struct ioasid_slot *slot, uint32_t number)
{
    struct ioasid_rec *rec = ioasid_rec_at(slot->core, number);

    if (rec->flags & REC_QUEUED)
        return;
    rec->flags |= REC_QUEUED;
    rec->pins++;
    ioasid_list_append(slot->core, &slot->events, number);
    ioasid_slot_dispatch(slot);
}

void notifier_post(struct ioasid_slot *slot, uint32_t number, enum ioasid_flag event)
{
    ioasid_rec_at(slot->core, number)->flags |= (uint16_t)event;
    enqueue(slot, number);
}

static void deliver_alloc(struct ioasid_turn *turn)
{
    struct ioasid_core *core = turn->core;
    struct ioasid_event ev;

    plat_lock(&core->lock);
    ev = make_event(turn, IOASID_EVENT_ALLOC);
    plat_unlock(&core->lock);
    plat_assert(notifier_deliver_setup(turn, &ev) == 0); /* only a BIND can be refused */
}

static void deliver_free(struct ioasid_turn *turn)
{
    struct ioasid_core *core = turn->core;
    struct ioasid_rec *rec;
    struct ioasid_event ev;
    bool bound;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, turn->id);
    bound = rec->flags & REC_TOLD;
    rec->flags &= (uint16_t)~REC_TOLD;
    ev = make_event(turn, IOASID_EVENT_FREE);
    plat_unlock(&core->lock);
    notifier_deliver_teardown(turn, &ev, bound);
}

/* Takes one pending event off the record; 0 when there is none. */
static unsigned take_pending(struct ioasid_turn *turn)
{
    struct ioasid_rec *rec;
    unsigned event;

    plat_lock(&turn->core->lock);
    rec = ioasid_rec_of(turn->core, turn->id);
    event = rec->flags & REC_EV_ALLOC ? REC_EV_ALLOC : rec->flags & REC_EV_FREE;
    rec->flags &= (uint16_t)~event;
    plat_unlock(&turn->core->lock);
    return event;
}

/* An ID has at most an ALLOC and a FREE to deliver. */
static void deliver_pending(struct ioasid_turn *turn)
{
    for (int i = 0; i < 2; i++) {
        switch (take_pending(turn)) {
        case REC_EV_ALLOC:
            deliver_alloc(turn);
            break;
        case REC_EV_FREE:
            deliver_free(turn);
            break;
        default:
            return;
        }
    }
}

/* The head of the list of events, its pin handed to the caller. */
static bool pop_pending(struct ioasid_slot *slot, ioasid_t *id)
{
    struct ioasid_core *core = slot->core;
    uint32_t number;

    plat_lock(&core->lock);
    number = ioasid_list_pop(core, &slot->events);
    if (number != NO_NUMBER) {
        ioasid_rec_at(core, number)->flags &= (uint16_t)~REC_QUEUED;
        *id = ioasid_id_at(core, number);
    }
    plat_unlock(&core->lock);
    return number != NO_NUMBER;
}

/* ---- The dispatcher of a set ---- */

static bool try_turn(void *arg)
{
    struct ioasid_turn *turn = arg;
    struct ioasid_rec *rec;
    bool mine;

    plat_lock(&turn->core->lock);
    rec = ioasid_rec_of(turn->core, turn->id);
    mine = !(rec->flags & REC_TURN);
    if (mine) {
        rec->flags |= REC_TURN;
        list_add_tail(&turn->core->turns, &turn->link);
    }
    plat_unlock(&turn->core->lock);
    return mine;
}

static void unpin(struct ioasid_core *core, ioasid_t id)
{
    plat_lock(&core->lock);
    ioasid_unpin(core, ioasid_number(id));
    plat_unlock(&core->lock);
}

/*
 * Delivers what is pending for IDs whose turn is free. Where it is not, whoever has it is at work in a
 * handler or in hardware; it puts the ID back on the list when its turn ends, and the other IDs do not wait
 * for it.
 */
void notifier_dispatch(struct plat_work *work)
{
    struct ioasid_slot *slot = container_of(work, struct ioasid_slot, dispatch);
    ioasid_t id;

    for (int i = 0; i < DISPATCH_BATCH; i++) {
        struct ioasid_turn turn = {.core = slot->core, .thread = plat_self()};

        if (!pop_pending(slot, &id))
            return;
        turn.id = id;
        if (try_turn(&turn)) {
            deliver_pending(&turn);
            ioasid_turn_end(&turn); /* gives the list's pin back */
        } else {
            unpin(slot->core, id);
        }
    }
    plat_lock(&slot->core->lock);
    if (slot->events.count)
        ioasid_slot_dispatch(slot);
    plat_unlock(&slot->core->lock);
}

/* ---- The turn ---- */

static bool has_turn(struct ioasid_core *core, ioasid_t id)
{
    list_for_each (pos, &core->turns) {
        const struct ioasid_turn *turn = list_entry(pos, struct ioasid_turn, link);

        if (turn->thread == plat_self() && ioasid_eq(turn->id, id))
            return true;
    }
    return false;
}

int ioasid_turn_begin(struct ioasid_set *set, ioasid_t id, struct ioasid_turn *turn)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    struct ioasid_core *core;
    struct ioasid_rec *rec;
    int rc;

    if (!slot)
        return -EINVAL;
    core = slot->core;
    *turn = (struct ioasid_turn){.core = core, .thread = plat_self(), .id = id};
    plat_lock(&core->lock);
    rc = ioasid_rec_in(slot, set, id, &rec);
    if (rc == 0 && rec->pins == UINT16_MAX)
        rc = -EBUSY;
    if (rc == 0) {
        rec->pins++;
        turn->nested = has_turn(core, id);
        if (turn->nested)
            list_add_tail(&core->turns, &turn->link);
    }
    plat_unlock(&core->lock);
    if (rc || turn->nested)
        return rc;
    rc = plat_wait(&core->turn_over, try_turn, turn, TURN_TIMEOUT_NS);
    if (rc) {
        unpin(core, id);
        return rc;
    }
    deliver_pending(turn);
    return 0;
}

void ioasid_turn_end(struct ioasid_turn *turn)
{
    struct ioasid_core *core = turn->core;
    uint32_t number = ioasid_number(turn->id);
    struct ioasid_rec *rec;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, turn->id);
    list_del(&turn->link);
    if (!turn->nested) {
        rec->flags &= (uint16_t)~REC_TURN;
        if (rec->flags & (REC_EV_ALLOC | REC_EV_FREE))
            enqueue(ioasid_slot_of_number(core, number), number);
    }
    ioasid_unpin(core, number);
    plat_unlock(&core->lock);
    plat_waitq_wake_all(&core->turn_over);
}
