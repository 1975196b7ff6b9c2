/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault sweeps: a sequence of steps that can be undone, in which the first, then the second, then the third
 * ... allocation, status of a wait or descriptor fails, until nothing is left that could. After each failure
 * all has to be as it was before the step, and the step has to work at the next try.
 */
#ifndef TESTS_HOST_SWEEP_H
#define TESTS_HOST_SWEEP_H

#include "tests/harness/harness.h"

/* 0 or a negative errno; called again after an error. */
typedef int sweep_fn(void *world, unsigned n);

struct sweep_step {
    const char *name;
    sweep_fn *act;
    sweep_fn *undo;
    unsigned n; /* for both */
    /* Tables that the step makes on its way may stay until an earlier step is undone. */
    bool keeps_tables;
    /* Undone, something comes back that was given up; this may take memory. */
    bool takes_back;
};

struct sweep {
    void *world;
    const struct sweep_step *steps;
    unsigned count;
    /* Checks that what `done` steps have made is there, and nothing else. */
    void (*check)(struct t *t, void *world, unsigned done);
};

/* Does all steps and undoes them, failing everything that can fail on the way. */
void sweep_run(struct t *t, const struct sweep *s);

#endif
