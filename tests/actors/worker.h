/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device side of a guest's work, as a virtual device composition has it: a work queue in front of one DMA
 * engine, programmed with one IOASID, which it holds a reference to. It takes descriptors that carry the
 * number of that IOASID and no others. At UNBIND or FREE it stops taking work, aborts what is queued, waits
 * for what was started or is just being started by another thread, and only then gives its reference back:
 * the entry may go after that, since nothing of the device is on its way any more.
 */
#ifndef TESTS_ACTORS_WORKER_H
#define TESTS_ACTORS_WORKER_H

#include "iommu/iommu.h"
#include "kernel/lib/compiler.h"
#include "tests/dev/dma_dev.h"

#define WORKER_DEPTH 8

/* What the CPU writes to the queue's portal. */
struct worker_desc {
    uint32_t number; /* the IOASID's, as the CPU translated it */
    struct dma_xfer xfer;
};

/* What became of descriptors; each that was accepted ends in one of the other four. */
struct worker_counts {
    unsigned accepted;
    unsigned rejected; /* another number than the one programmed, or none was */
    unsigned aborted;  /* queued, never started */
    unsigned done;
    unsigned failed; /* started, and the engine was refused or did not end */
};

enum worker_state {
    WORKER_IDLE,
    WORKER_STARTING, /* its engine is being told: on the bus before long, or refused */
    WORKER_STARTED,  /* a transfer is on its way */
};

struct worker {
    struct ioasid_notifier nb;
    struct ioasid_core *core;
    struct ioasid_set *set;
    struct dma_dev *dma;
    bool tags;                 /* transfers carry the number of their descriptor */
    struct plat_lock lock;     /* all below; leaf */
    struct plat_waitq changed; /* `state` did */
    ioasid_t id;               /* IOASID_INVALID: takes no work */
    struct worker_desc queue[WORKER_DEPTH];
    unsigned head, tail; /* queue[head % WORKER_DEPTH] is the next; never wrap */
    enum worker_state state;
    bool waited_for; /* somebody waits for the end of the started one */
    struct worker_counts counts;
    unsigned teardowns;
};

/*
 * Registers for UNBIND and FREE of `set` at `level`, which is IOASID_LEVEL_DEVICE but for cases about a
 * subscriber in the wrong place. Errors of ioasid_notifier_register. Thread.
 */
must_check int worker_open(struct worker *w, struct ioasid_set *set, struct dma_dev *dma,
                           enum ioasid_level level);

/* Lets go of the IOASID as at UNBIND, and unregisters. ioasid_notifier_unregister's errors. Thread. */
must_check int worker_close(struct worker *w);

/* The guest programs the queue: takes a reference. 0, -EBUSY (programmed already), ioasid_get's errors.
 * Thread. */
must_check int worker_program(struct worker *w, ioasid_t id);

/* One descriptor into the queue. 0; -EACCES (not the number programmed); -EAGAIN (full). Any context. */
must_check int worker_push(struct worker *w, const struct worker_desc *desc);

/* Starts the next descriptor. 0; -ENOENT (none); -EBUSY (one is on its way); dma_start's errors. Thread. */
must_check int worker_start(struct worker *w);

/* Waits for the end of the one that is started or about to be, if there is one. Thread. */
void worker_finish(struct worker *w);

/* Works until the queue is empty. Thread. */
void worker_run(struct worker *w);

#endif
