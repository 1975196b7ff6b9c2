/* SPDX-License-Identifier: BSD-2-Clause */
/* A failing sequence made shorter, and its words: the other half of order_walk.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/harness.h"
#include "tests/suites/order_walk.h"
#include "tests/suites/play.h"

/* ---- Shorter ---- */

static bool fails(struct order_run *run, const struct spec_op *steps, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!order_step(run, steps[i], true))
            return true;
    }
    return false;
}

static bool fails_guarded(struct order_run *run, const struct spec_op *steps, unsigned count)
{
    return run->guard ? run->guard(run, fails, steps, count) : fails(run, steps, count);
}

static void keep(struct order_case *c, const struct order_run *run)
{
    c->count = run->count;
    memcpy(c->steps, run->steps, sizeof(c->steps[0]) * run->count);
    memcpy(c->why, run->why, sizeof(c->why));
    c->stopped = run->stopped;
    c->seen = run->seen;
    order_expect(&run->rules, c->steps, c->count, &c->want);
}

void order_as_it_is(const struct order_run *run, const char *why, struct order_case *out)
{
    *out = (struct order_case){.count = run->count, .was = run->count, .stopped = true};
    memcpy(out->steps, run->steps, sizeof(out->steps));
    snprintf(out->why, sizeof(out->why), "%s", why);
    order_expect(&run->rules, out->steps, out->count, &out->want);
}

/* Tries the sequence without step `skip`. */
static bool shorter_without(struct order_run *run, struct order_case *c, unsigned skip)
{
    struct spec_op steps[ORDER_STEPS];
    unsigned count = 0;

    for (unsigned i = 0; i < c->count; i++) {
        if (i != skip)
            steps[count++] = c->steps[i];
    }
    if (!order_possible(&run->rules, steps, count) || !order_sweep(run) || !fails_guarded(run, steps, count))
        return false;
    keep(c, run);
    return true;
}

bool order_shrink(struct order_run *run, struct order_case *c)
{
    bool again = true;

    keep(c, run);
    c->was = c->count;
    while (again) {
        again = false;
        for (unsigned i = c->count; i-- > 0;)
            again = (i < c->count && shorter_without(run, c, i)) || again;
    }
    return order_sweep(run);
}

/* ---- Words ---- */

/* "bind 0 on 1" */
static void call_words(struct spec_op op, char *out, size_t size)
{
    snprintf(out, size, spec_names_device(op.call) ? "%s %u on %u" : "%s %u", spec_call_name(op.call), op.id,
             op.dev);
}

static void refs_words(const struct order_view *v, char *out, size_t size)
{
    size_t used = 0;

    for (unsigned id = 0; id < SPEC_IDS; id++) {
        used += (size_t)snprintf(out + used, size - used, id ? " " : "");
        if (v->refs[id] < 0)
            used += (size_t)snprintf(out + used, size - used, ".");
        else
            used += (size_t)snprintf(out + used, size - used, "%d", v->refs[id]);
    }
}

static void print_row(const struct spec_op op, const struct order_view *want, bool last, order_line *line,
                      void *ctx)
{
    static const char *const ops[SPEC_CALLS] = {"OWNER_ALLOC", "OWNER_GET",    "OWNER_PUT",
                                                "OWNER_BIND",  "OWNER_UNBIND", "OWNER_FREE"};
    char text[200];

    snprintf(text, sizeof(text), "{%s, %u, %u, %s, \"%s\", \"%s\"}%s", ops[op.call], op.id, op.dev,
             t_errno_name(want->result), want->events, want->reach, last ? "" : ",");
    line(ctx, text);
}

/* One line of the table; the columns are those of its head below. */
static void print_view(const char *call, const struct order_view *v, order_line *line, void *ctx)
{
    char text[240], refs[12 * SPEC_IDS];

    refs_words(v, refs, sizeof(refs));
    snprintf(text, sizeof(text), "%-20s %-13s %-7s %-7s %-5s %s", call, t_errno_name(v->result), refs,
             v->entries, v->reach, v->events);
    line(ctx, text);
}

void order_print(const struct spec_rules *rules, const struct order_case *c, order_line *line, void *ctx)
{
    struct order_view want;
    char call[32], text[240];
    int len;

    snprintf(text, sizeof(text), "%u steps%s, shortened from %u: %s", c->count,
             rules->native ? " (native)" : "", c->was, c->why);
    line(ctx, text);
    line(ctx, "as rows of play.h:");
    for (unsigned i = 0; i < c->count; i++) {
        order_expect(rules, c->steps, i + 1, &want);
        print_row(c->steps[i], &want, i + 1 == c->count, line, ctx);
    }
    line(ctx, "as it should be      result        refs    entries reach events");
    for (unsigned i = 0; i < c->count; i++) {
        order_expect(rules, c->steps, i + 1, &want);
        len = snprintf(call, sizeof(call), "order %u: ", i + 1);
        call_words(c->steps[i], call + len, sizeof(call) - (size_t)len);
        print_view(call, &want, line, ctx);
    }
    if (c->stopped)
        line(ctx, "order stopped there");
    else
        print_view("order seen:", &c->seen, line, ctx);
}
