/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read sections and grace periods. The argument why a grace period has passed is in epoch.c.
 */
#ifndef KERNEL_EPOCH_H
#define KERNEL_EPOCH_H

#include "iommu/platform.h"

struct thread;

/* Starts the thread that runs deferred work. Needs thread_start(). */
void epoch_init(void);

/* plat_read_enter, plat_read_exit, plat_defer, plat_grace_wait of the seam. */
void epoch_enter(void);
void epoch_exit(void);
void epoch_defer(struct plat_work *work);
void epoch_grace_wait(void);

/* `t` is gone or gave its read sections up: nobody waits for it any longer. X. */
void epoch_forget(struct thread *t);

/* An interrupt handler over `t` was given up: its read sections are `depth` deep, as before. X. */
void epoch_restore(struct thread *t, unsigned depth);

/* Parts of workq_discard(): stops the worker; forgets deferred work and replaces the worker, returns how many
 * pieces. T. */
void epoch_stop(void);
unsigned epoch_discard(void);

/* `t` is the thread that runs deferred work. X. */
bool epoch_is_worker(const struct thread *t);

#endif
