/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways through the orderings: all sequences up to a length, every step of every state that the abstract
 * machine reaches, random ones; and the way back from a sequence that fails to a short one.
 */
#ifndef TESTS_SUITES_ORDER_WALK_H
#define TESTS_SUITES_ORDER_WALK_H

#include "tests/suites/order_run.h"

#define ORDER_DEPTH_MAX 16

/*
 * How often a sequence begins from nothing. EXACT: every one does. REFUSED_STAY: calls that the machine
 * refuses are left in, and the next sequence goes on from there, as nothing has happened; far fewer steps,
 * for a machine where a step is dear.
 */
enum order_mode { ORDER_EXACT, ORDER_REFUSED_STAY };

/* Part `part` of `parts` of all sequences, dealt by their first steps. */
struct order_all {
    unsigned depth; /* 1 .. ORDER_DEPTH_MAX */
    enum order_mode mode;
    unsigned part, parts; /* 0 of 0: all */
    uint64_t sequences;   /* out: walked, each compared after its last step */
};

/*
 * All sequences of 1 .. depth steps, of those that differ only in names one. A sequence is compared as a
 * whole after its last step, the steps before it by result and events (as whole sequences of their own they
 * have been compared). False: run->steps fail. Thread.
 */
must_check bool order_all(struct order_run *run, struct order_all *all);

/* A state of the machine, and the shortest way to it. */
struct order_node {
    struct spec state;
    struct spec_op last;
    uint8_t depth;
    uint16_t from; /* index of the node before the last step */
};

struct order_edges {
    unsigned depth; /* steps of the longest sequence */
    enum order_mode mode;
    struct order_node *nodes; /* memory for `room` of them */
    unsigned room;
    unsigned states;    /* out */
    uint64_t sequences; /* out: edges */
    bool full;          /* out: there are more states than room */
};

/*
 * From every state within depth - 1 steps every step, as the end of a shortest sequence. Compared as in
 * order_all. False: run->steps fail, or `full`. Thread.
 */
must_check bool order_edges(struct order_run *run, struct order_edges *edges);

/* One sequence of `length` steps, at most ORDER_STEPS, compared after each of them; numbers from `draw` below
 * its argument. False: run->steps fail. Thread. */
must_check bool order_random(struct order_run *run, unsigned length,
                             unsigned (*draw)(void *ctx, unsigned below), void *ctx);

/* A sequence that fails, made shorter as long as it goes on failing. */
struct order_case {
    struct spec_op steps[ORDER_STEPS];
    unsigned count;
    unsigned was;                 /* count before */
    char why[160];                /* of the short one */
    bool stopped;                 /* the driver stopped itself: there is no `seen` */
    struct order_view want, seen; /* after its last step */
};

/*
 * Of run->steps, which fail. False when something stays alive that no call ends: then the sequence may be no
 * shorter, and the run is good for nothing. Thread.
 */
must_check bool order_shrink(struct order_run *run, struct order_case *out);

/* Of run->steps as they are: for a driver that stopped itself at the last one. */
void order_as_it_is(const struct order_run *run, const char *why, struct order_case *out);

/*
 * Prints, line by line: the sequence as rows for PLAY() (play.h), then step by step with who is told,
 * entries, and what each device reaches, and behind the last step what was seen instead.
 */
typedef void order_line(void *ctx, const char *line);
void order_print(const struct spec_rules *rules, const struct order_case *c, order_line *line, void *ctx);

#endif
