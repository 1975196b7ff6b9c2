/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subscribers, and the delivery of one event in order, by whoever has the turn on the ID (ioasid_turn.c).
 *
 * The core lock is held while the list is looked at and never while a handler runs; a running handler's
 * subscriber cannot leave the list, so the walk goes on from it.
 */
#include "iommu/notifier.h"

#include <errno.h>

#include "iommu/ioasid_core.h"

static const enum ioasid_event_type event_types[] = {IOASID_EVENT_ALLOC, IOASID_EVENT_BIND,
                                                     IOASID_EVENT_UNBIND, IOASID_EVENT_FREE};

void notifier_core_init(struct ioasid_core *core)
{
    list_init(&core->notifiers);
    list_init(&core->turns);
    plat_waitq_init(&core->turn_over);
    plat_waitq_init(&core->reclaimed);
}

static struct ioasid_notifier *notifier_of(struct list *link)
{
    return list_entry(link, struct ioasid_notifier, link);
}

/* ---- Registration ---- */

static void count_wanted(struct ioasid_core *core, const struct ioasid_notifier *nb, int by)
{
    for (size_t i = 0; i < ARRAY_SIZE(event_types); i++) {
        if (nb->events & event_types[i])
            core->wanted[i] += (unsigned)by;
    }
    core->quiescers += nb->quiesce ? (unsigned)by : 0;
    ioasid_ring_update(core);
}

static bool is_registered(struct ioasid_core *core, const struct ioasid_notifier *nb)
{
    list_for_each (pos, &core->notifiers) {
        if (notifier_of(pos) == nb)
            return true;
    }
    return false;
}

/* The first subscriber of a later level, or the head: a new one goes in front of it. */
static struct list *place_for(struct ioasid_core *core, enum ioasid_level level)
{
    list_for_each (pos, &core->notifiers) {
        if (notifier_of(pos)->level > level)
            return pos;
    }
    return &core->notifiers;
}

/* IDs whose events `nb` would hear: live now, in its scope. -ESTALE: the scope is a set that is no more. */
static int live_in_scope(struct ioasid_core *core, const struct ioasid_notifier *nb)
{
    const struct ioasid_slot *slot;

    if (nb->scope == IOASID_ANY_SET)
        return (int)ioasid_live_count(core);
    slot = nb->scope ? ioasid_slot_of(nb->scope) : ioasid_slot_by_token(core, nb->token_type, nb->token);
    if (!slot)
        return 0;
    if (nb->scope && slot->open != nb->scope)
        return -ESTALE;
    return (int)slot->live;
}

static int add(struct ioasid_core *core, struct ioasid_notifier *nb)
{
    int live = live_in_scope(core, nb);

    if (live)
        return live < 0 ? live : -EBUSY;
    nb->since = core->sequence;
    nb->running = 0;
    nb->leaving = false;
    list_insert_before(place_for(core, nb->level), &nb->link);
    count_wanted(core, nb, 1);
    return 0;
}

/* With the scope as given; `nb` is looked at only where it is not registered already. */
static int subscribe(struct ioasid_core *core, struct ioasid_notifier *nb, struct ioasid_set *scope,
                     enum ioasid_token_type type, const void *token)
{
    int rc = -EEXIST;

    if (!nb->handler || !(nb->events & IOASID_EVENT_ALL) || nb->level > IOASID_LEVEL_IOMMU)
        return -EINVAL;
    plat_lock(&core->lock);
    if (!is_registered(core, nb)) {
        nb->scope = scope;
        nb->token_type = type;
        nb->token = token;
        rc = add(core, nb);
    }
    plat_unlock(&core->lock);
    return rc;
}

int ioasid_notifier_register(struct ioasid_core *core, struct ioasid_set *scope, struct ioasid_notifier *nb)
{
    if (!scope)
        return -EINVAL;
    return subscribe(core, nb, scope, IOASID_TOKEN_NONE, NULL);
}

int ioasid_notifier_register_token(struct ioasid_core *core, enum ioasid_token_type type, const void *token,
                                   struct ioasid_notifier *nb)
{
    if (type != IOASID_TOKEN_MM || !token)
        return -EINVAL;
    return subscribe(core, nb, NULL, type, token);
}

struct leaver {
    struct ioasid_core *core;
    struct ioasid_notifier *nb;
};

static bool nobody_runs(void *arg)
{
    struct leaver *l = arg;
    bool idle;

    plat_lock(&l->core->lock);
    idle = l->nb->running == 0;
    plat_unlock(&l->core->lock);
    return idle;
}

static bool runs_in_this_thread(struct ioasid_core *core, const struct ioasid_notifier *nb)
{
    list_for_each (pos, &core->turns) {
        const struct ioasid_turn *turn = list_entry(pos, struct ioasid_turn, link);

        if (turn->handler == nb && turn->thread == plat_self())
            return true;
    }
    return false;
}

bool notifier_in_handler(struct ioasid_core *core)
{
    list_for_each (pos, &core->turns) {
        const struct ioasid_turn *turn = list_entry(pos, struct ioasid_turn, link);

        if (turn->handler && turn->thread == plat_self())
            return true;
    }
    return false;
}

int ioasid_notifier_unregister(struct ioasid_core *core, struct ioasid_notifier *nb)
{
    struct leaver l = {core, nb};
    int rc = 0;

    plat_lock(&core->lock);
    if (!is_registered(core, nb) || nb->leaving)
        rc = -ENOENT;
    else if (runs_in_this_thread(core, nb))
        rc = -EDEADLK;
    else
        nb->leaving = true;
    plat_unlock(&core->lock);
    if (rc)
        return rc;
    /* Without a bound by contract: the caller takes its memory back after this. */
    while (plat_wait(&core->turn_over, nobody_runs, &l, IOASID_LEAVE_WARN_NS) != 0)
        plat_log(LOG_WARN, "notifier %s: waiting for a handler that does not return", nb->name);
    plat_lock(&core->lock);
    list_del(&nb->link);
    count_wanted(core, nb, -1);
    plat_unlock(&core->lock);
    return 0;
}

/* ---- Delivery ---- */

/* What of `type` this subscriber is told. FREE of a bound ID ends a binding too, for those who know only
 * UNBIND. */
static unsigned told_as(const struct ioasid_notifier *nb, unsigned type, bool bound)
{
    if (nb->events & type)
        return type;
    if (type == IOASID_EVENT_FREE && bound && nb->events & IOASID_EVENT_UNBIND)
        return IOASID_EVENT_UNBIND;
    return 0;
}

static bool in_scope(const struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    if (nb->scope)
        return nb->scope == IOASID_ANY_SET || nb->scope == ev->set;
    return nb->token == ev->token && nb->token_type == ioasid_slot_of(ev->set)->type;
}

static bool concerns(const struct ioasid_notifier *nb, const struct ioasid_event *ev, bool bound)
{
    return !nb->leaving && nb->since < ev->sequence && in_scope(nb, ev) && told_as(nb, ev->type, bound) != 0;
}

/* A walk over the subscribers of one event; `at` is where it stands, the head before the start and at the
 * end. */
struct walk {
    struct ioasid_core *core;
    struct ioasid_turn *turn; /* NULL: for quiesce hooks, which call nobody */
    const struct ioasid_event *event;
    bool bound;
    bool forward;  /* tear-down order */
    unsigned also; /* only subscribers that want these events as well */
    struct list *at;
    struct ioasid_notifier *held;
};

/* The next subscriber concerned, held so that it stays on the list; lets go of the one before. */
static struct ioasid_notifier *walk_next(struct walk *w)
{
    struct ioasid_core *core = w->core;
    struct ioasid_notifier *before = w->held;
    bool leaving;

    plat_lock(&core->lock);
    w->held = NULL;
    for (w->at = w->forward ? w->at->next : w->at->prev; w->at != &core->notifiers;
         w->at = w->forward ? w->at->next : w->at->prev) {
        if (concerns(notifier_of(w->at), w->event, w->bound) &&
            (notifier_of(w->at)->events & w->also) == w->also) {
            w->held = notifier_of(w->at);
            w->held->running++;
            break;
        }
    }
    if (before)
        before->running--;
    leaving = before && before->leaving; /* once unlocked, its memory is its owner's */
    if (w->turn)
        w->turn->handler = w->held;
    plat_unlock(&core->lock);
    if (leaving)
        plat_waitq_wake_all(&core->turn_over);
    return w->held;
}

/* The event as the subscriber that the walk has come to is told of it. */
static struct ioasid_event seen_by(const struct walk *w)
{
    struct ioasid_event seen = *w->event;

    seen.type = told_as(w->held, w->event->type, w->bound);
    return seen;
}

static int call(struct walk *w)
{
    struct ioasid_core *core = w->core;
    struct ioasid_event seen = seen_by(w);
    int rc;

    plat_assert(plat_locks_held() == 0); /* V7 */
    rc = w->held->handler(w->held, &seen);
    plat_assert(plat_locks_held() == 0);
    plat_lock(&core->lock);
    core->stats.events++;
    core->stats.refused += rc != 0;
    plat_unlock(&core->lock);
    if (rc)
        plat_log(LOG_INFO, "notifier %s: event %u of ioasid %u returned %d", w->held->name, seen.type,
                 ioasid_number(seen.id), rc);
    return rc;
}

static struct walk walk_of(struct ioasid_core *core, struct ioasid_turn *turn, const struct ioasid_event *ev,
                           bool forward)
{
    return (struct walk){.core = core, .turn = turn, .event = ev, .forward = forward, .at = &core->notifiers};
}

/* The quiesce hooks from where `w` stands on. */
static void quiesce_from(struct walk w)
{
    struct ioasid_notifier *nb;

    w.turn = NULL;
    while ((nb = walk_next(&w)) != NULL) {
        struct ioasid_event seen = seen_by(&w);

        if (nb->quiesce)
            nb->quiesce(nb, &seen);
    }
}

/* After every level has been told: subscribers that deferred something to the end of the event. */
static void call_done(struct walk w)
{
    struct ioasid_notifier *nb;

    while ((nb = walk_next(&w)) != NULL) {
        struct ioasid_event seen = seen_by(&w);

        if (nb->done)
            nb->done(nb, &seen);
    }
}

/* The handlers from where `from` stands on; nobody can stop it. */
static void tear_down_from(struct walk from)
{
    struct walk w = from;
    unsigned failed = 0;

    while (walk_next(&w) != NULL)
        failed += call(&w) != 0;
    if (failed)
        ioasid_note_failure(from.turn);
    call_done(from);
}

void notifier_quiesce(struct ioasid_core *core, const struct ioasid_event *ev, bool bound)
{
    struct walk w = walk_of(core, NULL, ev, true);

    w.bound = bound;
    quiesce_from(w);
}

void notifier_deliver_teardown(struct ioasid_turn *turn, const struct ioasid_event *ev, bool bound)
{
    struct walk w = walk_of(turn->core, turn, ev, true);

    w.bound = bound;
    tear_down_from(w);
}

/* UNBIND to those who had agreed to the BIND that `refused` refused: all that follow it in tear-down order.
 */
static void take_back(const struct walk *refused)
{
    struct ioasid_event ev;
    bool owed = ioasid_unbind_owed(refused->turn, &ev);
    struct walk w = walk_of(refused->core, refused->turn, &ev, true);

    plat_assert(owed);
    w.also = IOASID_EVENT_BIND;
    w.at = refused->at;
    quiesce_from(w);
    tear_down_from(w);
}

/* Set-up order, up to the first refusal. */
int notifier_deliver_setup(struct ioasid_turn *turn, const struct ioasid_event *ev)
{
    struct walk w = walk_of(turn->core, turn, ev, false);

    while (walk_next(&w) != NULL) {
        int rc = call(&w);

        if (rc && ev->type == IOASID_EVENT_BIND) {
            take_back(&w);
            plat_lock(&turn->core->lock);
            w.held->running--;
            turn->handler = NULL;
            plat_unlock(&turn->core->lock);
            plat_waitq_wake_all(&turn->core->turn_over);
            return rc;
        }
    }
    return 0;
}
