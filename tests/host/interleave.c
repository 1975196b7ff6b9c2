/* SPDX-License-Identifier: BSD-2-Clause */
/* Pairs of calls and the judgement of interleave.h. */
#include "tests/host/interleave.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/harness.h"
#include "tests/suites/order_view.h"
#include "tests/suites/play.h"

#define OP(call, dev)                                                                                        \
    {                                                                                                        \
        SPEC_##call, 0, dev                                                                                  \
    }

static const struct prelude {
    const char *words;
    unsigned count;
    struct spec_op ops[4];
} preludes[INTERLEAVE_PRELUDES] = {
    {"alloc", 1, {OP(ALLOC, 0)}},
    {"alloc, get", 2, {OP(ALLOC, 0), OP(GET, 0)}},
    {"alloc, bind 0", 2, {OP(ALLOC, 0), OP(BIND, 0)}},
    {"alloc, get, bind 0", 3, {OP(ALLOC, 0), OP(GET, 0), OP(BIND, 0)}},
    {"alloc, bind 0, bind 1", 3, {OP(ALLOC, 0), OP(BIND, 0), OP(BIND, 1)}},
    {"alloc, get, bind 0, bind 1", 4, {OP(ALLOC, 0), OP(GET, 0), OP(BIND, 0), OP(BIND, 1)}},
    {"alloc, get, free", 3, {OP(ALLOC, 0), OP(GET, 0), OP(FREE, 0)}},
};

/* Beside the machine's calls: a subscriber comes or goes. */
enum { SPEC_REGISTER = SPEC_CALLS, SPEC_UNREGISTER };

static const struct spec_op calls[] = {OP(GET, 0),    OP(PUT, 0),      OP(BIND, 0),
                                       OP(BIND, 1),   OP(FREE, 0),     OP(UNBIND, 0),
                                       OP(UNBIND, 1), OP(REGISTER, 0), OP(UNREGISTER, 0)};

/* The subscriber that comes or goes. */
static struct visitor {
    struct ioasid_notifier nb;
    bool registered; /* atomic, as is the next */
    bool late;       /* its handler ran when unregister had returned */
} visitor;

/* The pair under way. */
static struct pair {
    struct order_run *run;
    const struct prelude *prelude;
    struct spec_op ops[2];
    int results[2];
    struct spec before;
    char events[200];
    const char *why;
} pair;

const char *interleave_prelude(unsigned n)
{
    return preludes[n].words;
}

static bool has_call(const struct pair *p, unsigned call)
{
    return p->ops[0].call == call || p->ops[1].call == call;
}

/* ---- The visitor ---- */

static void set_registered(bool yes)
{
    __atomic_store_n(&visitor.registered, yes, __ATOMIC_RELAXED);
}

static void look_late(void)
{
    if (!__atomic_load_n(&visitor.registered, __ATOMIC_RELAXED))
        __atomic_store_n(&visitor.late, true, __ATOMIC_RELAXED);
}

static int visit(unused struct ioasid_notifier *nb, unused const struct ioasid_event *ev)
{
    look_late();
    plat_wmb(); /* where others may go on */
    look_late();
    return 0;
}

static int come(struct ioasid_core *core)
{
    int rc;

    visitor.nb = (struct ioasid_notifier){
        .handler = visit, .level = IOASID_LEVEL_DEVICE, .events = IOASID_EVENT_ALL, .name = "visitor"};
    set_registered(true); /* it may be called before the call returns */
    rc = ioasid_notifier_register(core, IOASID_ANY_SET, &visitor.nb);
    set_registered(rc == 0);
    return rc;
}

static int go(struct ioasid_core *core)
{
    int rc = ioasid_notifier_unregister(core, &visitor.nb);

    set_registered(visitor.registered && rc != 0);
    return rc;
}

/* ---- What may come of it ---- */

/* The machine's answer, or that to a visitor: nobody comes while an IOASID lives (row 56). */
static int answer(struct spec *s, const struct spec_rules *rules, struct spec_op op)
{
    if (op.call == SPEC_UNREGISTER)
        return 0;
    if (op.call == SPEC_REGISTER)
        return spec_alive(s, 0) ? -EBUSY : 0;
    return spec_step(s, rules, op).result;
}

/* The two in this order: results and events as they are, and the state after them. */
static bool one_after_the_other(const struct pair *p, unsigned first, struct spec *after)
{
    struct spec s = p->before;

    for (unsigned i = 0; i < 2; i++) {
        unsigned n = i == 0 ? first : 1 - first;

        if (answer(&s, &p->run->rules, p->ops[n]) != p->results[n])
            return false;
    }
    *after = s;
    return true;
}

/* What a call answers between the moment when free has set the dying bit and the end of all deliveries. */
static int answer_of_dying(struct spec *s, struct spec_op op)
{
    switch (op.call) {
    case SPEC_GET:
    case SPEC_BIND:
    case SPEC_REGISTER:
        return -EBUSY; /* rows 40, 56 */
    case SPEC_UNREGISTER:
        return 0;
    case SPEC_FREE:
        return -EALREADY; /* row 39 */
    case SPEC_UNBIND:
        return spec_reaches(s, op.dev, op.id) ? 0 : -ENOENT; /* rows 27, 41: it has claimed its binding */
    case SPEC_PUT:
        if (s->ids[op.id].users == 0)
            return -EINVAL;
        s->ids[op.id].users--;
        return s->ids[op.id].users || s->ids[op.id].bound ? 0 : 1;
    default:
        return -EINVAL;
    }
}

/* The other call came while the free, number n, was under way. */
static bool meets_free(const struct pair *p, unsigned n, struct spec *after)
{
    const struct spec_op *other = &p->ops[1 - n];
    struct spec s = p->before, freed = p->before;
    bool told = p->results[n] == -EINPROGRESS;

    if (p->ops[n].call != SPEC_FREE || s.ids[0].life != SPEC_LIVE)
        return false;
    /* A bind that is under way has its reference already, or not yet. */
    if (spec_step(&freed, &p->run->rules, p->ops[n]).result != p->results[n] &&
        !(told && other->call == SPEC_BIND))
        return false;
    if (answer_of_dying(&s, *other) != p->results[1 - n])
        return false;
    freed.ids[0].users = s.ids[0].users;
    freed.ids[0].life = s.ids[0].users ? SPEC_PENDING : SPEC_GONE;
    *after = freed;
    return true;
}

static bool state_is(struct order_run *run, const struct spec *s)
{
    struct order_view v;

    run->spec = *s;
    order_look(run, &v);
    return order_agrees(run, &v);
}

static bool is_allowed(struct pair *p)
{
    for (unsigned first = 0; first < 2; first++) {
        struct spec after;

        if ((one_after_the_other(p, first, &after) || meets_free(p, first, &after)) &&
            state_is(p->run, &after))
            return true;
    }
    return false;
}

/* ---- Events ---- */

static bool is_one_of(const char *events, const char *const *words, unsigned count, unsigned *which)
{
    for (*which = 0; *which < count; ++*which) {
        if (strncmp(events, words[*which], strlen(words[*which])) == 0)
            return true;
    }
    return false;
}

/*
 * Whole events only, each told to all in its order; BIND and UNBIND by turns, a FREE that ends a binding as
 * an UNBIND; at most one FREE, which is the last (V4); and what was told is the state that is left.
 */
static bool events_are_sound(const struct pair *p)
{
    enum { BIND, UNBIND, FREE_ENDS, FREE };
    static const char *const words[] = {BIND_EVENT, UNBIND_EVENT, FREE_BOUND, FREE_UNBOUND};
    bool bound = p->before.ids[0].bound, freed = false;
    const char *at = p->events;

    while (*at) {
        unsigned which;

        if (freed || !is_one_of(at, words, ARRAY_SIZE(words), &which))
            return false;
        if (which != FREE && bound == (which == BIND))
            return false;
        if (which == FREE && bound)
            return false;
        bound = which == BIND;
        freed = which >= FREE_ENDS;
        at += strlen(words[which]);
        at += *at == ' ';
    }
    return bound == (p->run->spec.ids[0].bound != 0) || p->run->spec.ids[0].life == SPEC_GONE;
}

/* A free that says that users remain has told them, any other one nobody. */
static bool free_is_told(const struct pair *p)
{
    bool pending = false;

    for (unsigned n = 0; n < 2; n++)
        pending = pending || (p->ops[n].call == SPEC_FREE && p->results[n] == -EINPROGRESS);
    return pending == (strstr(p->events, "FREE:") != NULL);
}

/* ---- One pair ---- */

static bool prepare(void *ctx)
{
    struct pair *p = ctx;

    struct ioasid_core *core = p->run->owner.iommu->ioasids;

    p->why = "cannot begin";
    if (!order_rest(p->run) || (visitor.registered && go(core)))
        return false;
    visitor.late = false;
    if (has_call(p, SPEC_UNREGISTER) && come(core))
        return false;
    for (unsigned i = 0; i < p->prelude->count; i++) {
        if (!order_step(p->run, p->prelude->ops[i], false))
            return false;
    }
    p->before = p->run->spec;
    return true;
}

static int call(const struct pair *p, unsigned n)
{
    struct ioasid_core *core = p->run->owner.iommu->ioasids;

    if (p->ops[n].call == SPEC_REGISTER)
        return come(core);
    if (p->ops[n].call == SPEC_UNREGISTER)
        return go(core);
    return owner_do_nowait(&p->run->owner, order_owner_op(p->ops[n]), 0, p->ops[n].dev);
}

static void first_call(void *ctx)
{
    struct pair *p = ctx;

    p->results[0] = call(p, 0);
}

static void second_call(void *ctx)
{
    struct pair *p = ctx;

    p->results[1] = call(p, 1);
}

static bool judge(void *ctx, bool stuck)
{
    struct pair *p = ctx;
    char sound[96];

    p->why = NULL;
    if (stuck)
        p->why = "threads wait for each other";
    else if (!owner_events_sound(&p->run->owner, sound, sizeof(sound)))
        p->why = "an event is incomplete, or came with a lock held";
    else if (visitor.late)
        p->why = "a handler ran when unregister had returned";
    owner_events(&p->run->owner, p->events, sizeof(p->events));
    if (!p->why && !is_allowed(p))
        p->why = "results and state are not those of one call after the other";
    if (!p->why && (!events_are_sound(p) || !free_is_told(p)))
        p->why = "the events do not fit";
    return !p->why;
}

static bool try_pair(struct interleave *il)
{
    struct fibers f = {.preemptions = il->preemptions,
                       .runs_max = il->runs_max,
                       .seed = il->seed + il->pairs,
                       .prepare = prepare,
                       .body = {first_call, second_call},
                       .judge = judge,
                       .ctx = &pair};
    bool ok = fibers_explore(&f);

    il->pairs++;
    il->runs += f.runs;
    il->points = f.points > il->points ? f.points : il->points;
    return ok;
}

/* Tables that the first bind of a device makes are there for all runs: the same choices give the same run. */
static bool warm_up(struct order_run *run)
{
    static const struct spec_op ops[] = {OP(ALLOC, 0), OP(BIND, 0), OP(BIND, 1)};

    for (unsigned i = 0; i < ARRAY_SIZE(ops); i++) {
        if (!order_step(run, ops[i], true))
            return false;
    }
    return order_rest(run);
}

bool interleave_all(struct order_run *run, struct interleave *il)
{
    il->pairs = il->points = 0;
    il->runs = 0;
    if (!order_rest(run) || !warm_up(run))
        return false;
    for (unsigned a = 0; a < ARRAY_SIZE(calls); a++) {
        for (unsigned b = a; b < ARRAY_SIZE(calls); b++) {
            if (calls[a].call >= SPEC_CALLS) /* there is one visitor */
                continue;
            pair = (struct pair){.run = run, .prelude = &preludes[il->prelude], .ops = {calls[a], calls[b]}};
            if (!try_pair(il))
                return false;
        }
    }
    return order_rest(run) && (!visitor.registered || go(run->owner.iommu->ioasids) == 0);
}

/* ---- Words ---- */

static const char *call_name(unsigned call)
{
    return call == SPEC_REGISTER ? "register" : call == SPEC_UNREGISTER ? "unregister" : spec_call_name(call);
}

void interleave_words(void (*line)(void *ctx, const char *text), void *ctx)
{
    char text[400];

    if (!pair.prelude) {
        line(ctx, "before the first pair");
        return;
    }
    snprintf(text, sizeof(text), "after %s: %s", pair.prelude->words, pair.why ? pair.why : "stopped");
    line(ctx, text);
    for (unsigned n = 0; n < 2; n++) {
        snprintf(text, sizeof(text), "%c: %s 0, device %u: %s", 'A' + n, call_name(pair.ops[n].call),
                 pair.ops[n].dev, t_errno_name(pair.results[n]));
        line(ctx, text);
    }
    snprintf(text, sizeof(text), "events: %s", pair.events);
    line(ctx, text);
    strcpy(text, "turns: ");
    fibers_words(text + strlen(text), sizeof(text) - strlen(text));
    line(ctx, text);
}
