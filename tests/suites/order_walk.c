/* SPDX-License-Identifier: BSD-2-Clause */
/* The walks of order_walk.h. */
#include "tests/suites/order_walk.h"

#include <errno.h>
#include <string.h>

/* ---- All sequences ---- */

/* Calls of a sequence, with those that are left in and those that end its lives, stay below ORDER_STEPS. */
#define REFUSED_MOST (ORDER_STEPS / 2)

#define REDRAWS 4

struct level {
    struct spec_op op;
    struct spec_names names; /* used up to and including it */
};

struct descent {
    struct order_run *run;
    struct order_all *all;
    struct level path[ORDER_DEPTH_MAX];
};

/* From nothing through the first `depth` steps of the path. */
static bool replay(struct descent *d, unsigned depth)
{
    if (!order_rest(d->run))
        return false;
    for (unsigned i = 0; i < depth; i++) {
        if (!order_step(d->run, d->path[i].op, false))
            return false;
    }
    return true;
}

/* The next step of a sequence of `depth` steps that may come. */
static bool next_op(const struct descent *d, unsigned depth, const struct spec *s, unsigned *n,
                    struct level *out)
{
    for (; *n < SPEC_OPS; ++*n) {
        out->op = spec_op(*n);
        out->names = depth ? d->path[depth - 1].names : (struct spec_names){0};
        if (spec_may(s, out->op) && spec_first_use(&out->names, out->op)) {
            ++*n;
            return true;
        }
    }
    return false;
}

/* Sequences are dealt by their first two steps. */
static bool is_ours(const struct order_all *all, unsigned depth, unsigned nth)
{
    return all->parts == 0 || depth != 1 || nth % all->parts == all->part;
}

/* After a step from this state: is the next step from it one without a way? */
static bool may_stay(const struct order_run *run, enum order_mode mode, const struct spec *state)
{
    return mode == ORDER_REFUSED_STAY && memcmp(state, &run->spec, sizeof(*state)) == 0 &&
           run->count < REFUSED_MOST;
}

/* The run is where a sequence of `depth` steps has brought it: goes on by every step that may come. */
static bool descend(struct descent *d, unsigned depth)
{
    struct spec here = d->run->spec;
    bool there = true;
    unsigned n = 0;

    while (next_op(d, depth, &here, &n, &d->path[depth])) {
        if (!is_ours(d->all, depth, n))
            continue;
        if (!there && !replay(d, depth))
            return false;
        if (!order_step(d->run, d->path[depth].op, true))
            return false;
        d->all->sequences += depth > 0 || d->all->part == 0;
        there = may_stay(d->run, d->all->mode, &here) && depth + 1 == d->all->depth;
        if (depth + 1 < d->all->depth && !descend(d, depth + 1))
            return false;
    }
    return true;
}

bool order_all(struct order_run *run, struct order_all *all)
{
    struct descent d = {.run = run, .all = all};

    all->sequences = 0;
    return order_rest(run) && descend(&d, 0) && order_rest(run);
}

/* ---- Every step of every state ---- */

static bool known(const struct order_edges *e, const struct spec *s)
{
    uint64_t key = spec_key(s);

    for (unsigned i = 0; i < e->states; i++) {
        if (spec_key(&e->nodes[i].state) == key)
            return true;
    }
    return false;
}

/* Brings the run from nothing to a node. */
static bool go_to(struct order_run *run, const struct order_edges *e, unsigned node)
{
    struct spec_op way[UINT8_MAX];
    unsigned depth = e->nodes[node].depth;

    for (unsigned i = depth; i-- > 0; node = e->nodes[node].from)
        way[i] = e->nodes[node].last;
    if (!order_rest(run))
        return false;
    for (unsigned i = 0; i < depth; i++) {
        if (!order_step(run, way[i], false))
            return false;
    }
    return true;
}

static void add_node(struct order_edges *e, const struct spec *s, struct spec_op last, unsigned from)
{
    if (known(e, s))
        return;
    e->full = e->full || e->states == e->room;
    if (!e->full)
        e->nodes[e->states++] = (struct order_node){
            .state = *s, .last = last, .depth = (uint8_t)(e->nodes[from].depth + 1), .from = (uint16_t)from};
}

static bool leave_node(struct order_run *run, struct order_edges *e, unsigned node)
{
    bool there = false;

    for (unsigned n = 0; n < SPEC_OPS; n++) {
        struct spec_op op = spec_op(n);

        if (!spec_may(&e->nodes[node].state, op))
            continue;
        if ((!there && !go_to(run, e, node)) || !order_step(run, op, true))
            return false;
        there = may_stay(run, e->mode, &e->nodes[node].state);
        e->sequences++;
        add_node(e, &run->spec, op, node);
    }
    return true;
}

bool order_edges(struct order_run *run, struct order_edges *e)
{
    e->nodes[0] = (struct order_node){0};
    e->states = 1;
    e->sequences = 0;
    e->full = false;
    for (unsigned i = 0; i < e->states && e->nodes[i].depth < e->depth; i++) {
        if (!leave_node(run, e, i))
            return false;
    }
    return order_rest(run) && !e->full;
}

/* ---- Random ones ---- */

static bool is_refused(const struct order_run *run, struct spec_op op)
{
    struct spec s = run->spec;
    int result = spec_step(&s, &run->rules, op).result;

    return result < 0 && result != -EINPROGRESS;
}

/* Two in three are refused nearly always, so those are drawn again, a few times. */
static struct spec_op draw_op(const struct order_run *run, unsigned (*draw)(void *ctx, unsigned below),
                              void *ctx)
{
    struct spec_op op;
    unsigned tries = 0;

    do {
        op = spec_op(draw(ctx, SPEC_OPS));
    } while (!spec_may(&run->spec, op) || (is_refused(run, op) && tries++ < REDRAWS));
    return op;
}

bool order_random(struct order_run *run, unsigned length, unsigned (*draw)(void *ctx, unsigned below),
                  void *ctx)
{
    if (!order_rest(run))
        return false;
    for (unsigned i = 0; i < length; i++) {
        if (!order_step(run, draw_op(run, draw, ctx), true))
            return false;
    }
    return order_rest(run);
}
