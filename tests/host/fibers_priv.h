/* SPDX-License-Identifier: BSD-2-Clause */
/* What the scheduler (fibers.c) and the seam that it takes over (fibers_seam.c) share. */
#ifndef TESTS_HOST_FIBERS_PRIV_H
#define TESTS_HOST_FIBERS_PRIV_H

#include "iommu/platform.h"

enum { WORKER = 2, FIBERS };
enum { NOBODY = -1 };

/* A stack that is not run on: its pointer, and what AddressSanitizer keeps of it. */
struct stack {
    uint64_t sp;
    void *fake;
};

struct fiber {
    struct stack stack;
    bool at_start;                 /* of its next run; else its stack has what was left by force */
    const struct plat_lock *wants; /* held by another one */
    bool asleep;                   /* until somebody wakes */
    bool wants_grace;
    bool done;
    unsigned locks, reads;
};

extern struct fiber fibers_all[FIBERS];
extern int fibers_running; /* NOBODY: the caller of fibers_explore, or nobody explores */
extern struct list fibers_queued, fibers_deferred; /* work for WORKER */

/* A seam call of the running thread: it, or another one, goes on. Nothing where NOBODY runs. */
void fibers_point(const char *where);

#endif
