/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every pair of calls on one IOASID and two devices, from every state that a few calls reach, in all
 * interleavings of their seam calls (fibers.h). What came of it has to be what one after the other can give,
 * or one of the few things that the ordering table allows beside.
 */
#ifndef TESTS_HOST_INTERLEAVE_H
#define TESTS_HOST_INTERLEAVE_H

#include "tests/host/fibers.h"
#include "tests/suites/order_run.h"

#define INTERLEAVE_PRELUDES 7

struct interleave {
    unsigned preemptions;
    unsigned prelude;  /* 0 .. INTERLEAVE_PRELUDES - 1: the state that the pairs begin in */
    unsigned runs_max; /* of each pair, drawn, in front of units that make choices of their own; 0: all */
    uint64_t seed;     /* as in struct fibers */
    unsigned pairs;    /* out */
    uint64_t runs;     /* out */
    unsigned points;   /* out: seam calls of the longest run */
};

/* False: interleave_words() say what failed, and the run is good for nothing. Thread. */
must_check bool interleave_all(struct order_run *run, struct interleave *il);
/* The run under way, or the failed one: calls, results, events, turns. */
void interleave_words(void (*line)(void *ctx, const char *text), void *ctx);
/* "alloc, bind 0" */
const char *interleave_prelude(unsigned n);

#endif
