/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A controlled scheduler: two calls and the dispatcher as threads of their own, each on its own stack, of
 * which one runs at a time. At every call of the seam another one may go on; all choices are tried in turn,
 * with a limit on how often a thread that could go on is made to wait (preemptions). The same choices give
 * the same run.
 *
 * The seam is taken over at link time (--wrap): outside of fibers_explore() the calls go through to the
 * platform.
 */
#ifndef TESTS_HOST_FIBERS_H
#define TESTS_HOST_FIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

struct fibers {
    unsigned preemptions; /* at most, in one run */
    /* 0: the same choices give the same run, or the program stops. Else the hardware behind the seam makes
     * choices of its own: where a run has fewer ways than the one before the last of them is taken, and after
     * so many runs it is enough. With a `seed` these are drawn, else they are the first. */
    unsigned runs_max;
    /* Before each run, on the caller's stack. False ends it all. */
    bool (*prepare)(void *ctx);
    void (*body[2])(void *ctx);
    /* After each run, when nothing is queued any more. `stuck`: threads wait for each other. False ends it
     * all. */
    bool (*judge)(void *ctx, bool stuck);
    void *ctx;
    uint64_t seed;   /* for homes that draw: host/threads */
    uint64_t runs;   /* out */
    unsigned points; /* out: seam calls of the longest run */
};

/* True: all runs were judged well. */
must_check bool fibers_explore(struct fibers *f);

/* After an exploration that was left by force (a guarded call): the seam is the platform's again. */
void fibers_leave(void);

/* Where threads took turns in the run under way or the last one: "A>B at plat_lock 17, ...". */
void fibers_words(char *out, size_t size);

#endif
