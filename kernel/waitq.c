/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wait queues of the seam. A waiter is on the queue before it looks at its condition, so a wake between the
 * look and the sleep is remembered by the thread (thread_prepare_block) and not lost.
 */
#include <errno.h>

#include "iommu/platform.h"
#include "kernel/cpu.h"
#include "kernel/jitter.h"
#include "kernel/lockdep.h"
#include "kernel/thread.h"
#include "kernel/time.h"

void plat_waitq_init(struct plat_waitq *wq)
{
    plat_lock_init(&wq->lock, "wait queue");
    list_init(&wq->waiters);
}

void plat_waitq_wake_all(struct plat_waitq *wq)
{
    jitter();
    plat_lock(&wq->lock);
    while (!list_empty(&wq->waiters)) {
        struct thread *t = list_first(&wq->waiters, struct thread, waiter);

        list_del(&t->waiter);
        thread_wake(t);
    }
    plat_unlock(&wq->lock);
}

/* On the queue, and every wake from now on counts. */
static void enqueue(struct plat_waitq *wq, struct thread *self)
{
    plat_lock(&wq->lock);
    thread_prepare_block();
    self->waits_on = wq;
    if (list_empty(&self->waiter))
        list_add_tail(&wq->waiters, &self->waiter);
    plat_unlock(&wq->lock);
}

static void dequeue(struct plat_waitq *wq, struct thread *self)
{
    plat_lock(&wq->lock);
    list_del(&self->waiter);
    self->waits_on = NULL;
    plat_unlock(&wq->lock);
}

int plat_wait(struct plat_waitq *wq, bool (*ready)(void *arg), void *arg, uint64_t timeout_ns)
{
    uint64_t deadline = time_deadline(timeout_ns);
    struct thread *self = thread_self();
    int err = 0;

    jitter();
    lockdep_may_block("plat_wait");
    plat_assert(self && !self->waits_on);
    for (;;) {
        enqueue(wq, self);
        if (ready(arg))
            break;
        if (time_now_ns() >= deadline) {
            err = -ETIMEDOUT;
            break;
        }
        thread_block(deadline);
    }
    dequeue(wq, self);
    return err;
}
