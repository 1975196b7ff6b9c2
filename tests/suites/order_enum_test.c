/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order, every ordering there is: all sequences of alloc, get, put, bind, unbind and free of two
 * IOASIDs on two devices up to a length, and long random ones, each step against the abstract machine of
 * order_spec.h and by DMA of both devices.
 *
 * A wrong result, event, reference, entry or reach in any of these sequences turns a case red, and is printed
 * as a short row.
 */
#include "tests/suites/order_judge.h"
#include "tests/suites/play.h"

/* Longer ones are for asking: each further step is about fifteen times as many sequences. */
#define DEPTH        3
#define DEPTH_MS     1200000u
#define EDGES_DEPTH  5
#define NATIVE_DEPTH 4
#define NODES        512u

/* What is moved by an engine that takes its time is drawn shorter. */
#define RANDOM_WALKS  4u
#define RANDOM_LENGTH 24u
#define SLOW_LENGTH   16u

/* Translated at the start: what a device reaches right after a step is what counts. */
#define SYNCHRONOUS (T_BIT(DMA_TESTDEV) | T_BIT(DMA_MODEL))
/* The same, but a refusal costs a reset. */
#define RECORDS (T_BIT(DMA_NVME_ID) | T_BIT(DMA_XHCI))

static struct order_judge judge; /* large for a stack */

/* ---- All sequences ---- */

static bool walk_all(struct order_run *run, void *arg)
{
    return order_all(run, arg);
}

TEST(order, enum, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS, .lanes = PLAY_LANES, .engines = SYNCHRONOUS,
     .rows = "1 8 9 10 16 18 19 20 21 22 23 24 25 28 29 31 32 33 34 42", .negative = true,
     .timeout_ms = DEPTH_MS,
     .doc = "all sequences of up to depth= steps (3) over two IOASIDs and two devices do what the abstract "
            "machine "
            "does, and both devices reach what it says after each")
{
    struct order_all all = {.depth = t_depth(t, DEPTH), .mode = ORDER_REFUSED_STAY};

    if (all.depth > ORDER_DEPTH_MAX)
        t_skip(t, "depth = %u: %d is the most", all.depth, ORDER_DEPTH_MAX);
    order_judge_open(t, &judge, false);
    order_judge(&judge, walk_all, &all);
    t_tell(t, "%llu sequences of up to %u steps", (unsigned long long)all.sequences, all.depth);
    order_judge_close(&judge);
}

/* ---- Every step of every state ---- */

static bool walk_edges(struct order_run *run, void *arg)
{
    return order_edges(run, arg);
}

static void walk_states(struct t *t, unsigned depth, bool native)
{
    static struct order_node nodes[NODES];
    struct order_edges e = {
        .depth = t_depth(t, depth), .mode = ORDER_REFUSED_STAY, .nodes = nodes, .room = NODES};

    if (e.depth > ORDER_DEPTH_MAX)
        t_skip(t, "depth = %u: %d is the most", e.depth, ORDER_DEPTH_MAX);
    order_judge_open(t, &judge, native);
    order_judge(&judge, walk_edges, &e);
    t_tell(t, "%u states, %llu steps out of them", e.states, (unsigned long long)e.sequences);
    order_judge_close(&judge);
}

TEST(order, edges, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS, .lanes = PLAY_LANES, .engines = SYNCHRONOUS,
     .rows = "1 8 9 10 16 18 19 20 21 22 23 24 25 28 29 31 32 33 34 42", .flaws = "S6 S10 C2",
     .negative = true, .timeout_ms = DEPTH_MS,
     .doc = "every step of every state that sequences of up to depth= steps (5) reach, behind a shortest way "
            "to it")
{
    walk_states(t, EDGES_DEPTH, false);
}

TEST(order, edges_native, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS, .engines = SYNCHRONOUS, .flaws = "K4",
     .negative = true, .timeout_ms = DEPTH_MS,
     .doc = "the same with bindings of the host's own (4): free comes after unbind")
{
    walk_states(t, NATIVE_DEPTH, true);
}

/* ---- Long ones ---- */

static unsigned draw(void *ctx, unsigned below)
{
    return (unsigned)t_rand_below(ctx, below);
}

struct drawn {
    struct t *t;
    unsigned length;
};

static bool walk_randomly(struct order_run *run, void *arg)
{
    const struct drawn *d = arg;

    for (unsigned i = 0; i < RANDOM_WALKS; i++) {
        if (!order_random(run, d->length, draw, d->t))
            return false;
    }
    return true;
}

static void walk_drawn(struct t *t)
{
    struct drawn drawn = {t, t->dma->queued || t->dma->record_len ? SLOW_LENGTH : RANDOM_LENGTH};

    order_judge_open(t, &judge, false);
    order_judge(&judge, walk_randomly, &drawn);
    t_tell(t, "%u sequences of %u steps", RANDOM_WALKS, drawn.length);
    order_judge_close(&judge);
}

TEST(order, random, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS,
     .lanes = T_BIT(T_LANE_RID) | T_BIT(T_LANE_PASID), .engines = SYNCHRONOUS | RECORDS | T_BIT(DMA_ATS),
     .rows = "9 10 16 18 22 23 24 28 29 31 32 33 34 42", .negative = true,
     .doc = "long sequences, drawn by seed=, do what the abstract machine does")
{
    walk_drawn(t);
}

TEST(order, random_rid_pasid, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS, .lanes = T_BIT(T_LANE_RID_PASID),
     .engines = SYNCHRONOUS | RECORDS | T_BIT(DMA_ATS) | T_BIT(DMA_EDU), .rows = "9 10 16 18 23 29 31",
     .negative = true, .doc = "the same by RID_PASID")
{
    walk_drawn(t);
}
