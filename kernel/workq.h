/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work queues: one worker thread per queue runs the work in the order in which it was queued. The seam's
 * queue is workq_default(); a subscriber scope may have one of its own.
 */
#ifndef KERNEL_WORKQ_H
#define KERNEL_WORKQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "kernel/lib/compiler.h"

struct workq;

/* Makes the default queue. Needs thread_start(). Panics without memory. */
void workq_init(void);
struct workq *workq_default(void);

/*
 * A further queue; NULL without memory or threads. `name` stays the caller's. It ends with the guarded run
 * that made it if that ends by force. T.
 */
must_check struct workq *workq_create(const char *name);
/* Waits until its work is done and ends its worker. 0, -ETIMEDOUT (it lives on). T. */
must_check int workq_destroy(struct workq *q, uint64_t timeout_ns);

/* Runs `work->run` once in the worker. False when it is already waiting there. X. */
bool workq_queue(struct workq *q, struct plat_work *work);

/* Work that waits or runs on any queue. */
size_t workq_outstanding(void);

/*
 * After a guarded run was ended by force: stops all workers, forgets all waiting and deferred work, and gives
 * every queue a new worker; then nothing is owed. Returns how many pieces were dropped. T.
 */
unsigned workq_discard(void);

/* Empties a list of work and marks each piece as not queued; stops at one whose memory is spoilt. Returns how
 * many. */
unsigned workq_forget(struct list *works);

/* `t` is a worker of some queue. X. */
struct thread;
bool workq_is_worker(const struct thread *t);

/* ---- End of a step ---- */

/* Counts a piece of work that somebody else (the epoch) owes, and its end. X. */
void workq_owe(void);
void workq_paid(void);

/* plat_idle_wait of the seam. */
must_check int workq_idle_wait(uint64_t timeout_ns);

#endif
