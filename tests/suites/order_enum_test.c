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
#define DEPTH 3

#define RANDOM_WALKS  3
#define RANDOM_LENGTH 40

/* Done at start, so that what a device reaches right after a step is what counts. */
#define SYNCHRONOUS T_BIT(DMA_TESTDEV)

static bool walk_all(struct order_run *run, void *arg)
{
    return order_all(run, arg);
}

static void enumerate(struct t *t, bool native)
{
    struct order_all all = {.depth = t_depth(t, DEPTH), .mode = ORDER_REFUSED_STAY};
    static struct order_judge j; /* large for a stack */

    if (all.depth > ORDER_DEPTH_MAX)
        t_skip(t, "depth = %u: %u is the most", all.depth, ORDER_DEPTH_MAX);
    order_judge_open(t, &j, native);
    order_judge(&j, walk_all, &all);
    t_tell(t, "%llu sequences of up to %u steps, %llu steps played, %llu compared",
           (unsigned long long)all.sequences, all.depth, (unsigned long long)j.run.played,
           (unsigned long long)j.run.compared);
    order_judge_close(&j);
}

TEST(order, enum, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .engines = SYNCHRONOUS,
     .rows = "1 8 9 10 16 18 19 20 21 22 23 24 25 28 29 31 32 33 34 42", .negative = true,
     .doc = "all sequences of up to depth= steps (3) over two IOASIDs and two devices do what the abstract "
            "machine "
            "does, and both devices reach what it says after each")
{
    enumerate(t, false);
}

TEST(order, enum_native, .needs = NEED_DMA | NEED_DMA_2, .lanes = T_BIT(T_LANE_RID), .engines = SYNCHRONOUS,
     .flaws = "K4", .negative = true,
     .doc = "the same with bindings of the host's own, which have to be unbound before free")
{
    enumerate(t, true);
}
