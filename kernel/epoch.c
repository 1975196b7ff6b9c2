/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read sections and grace periods.
 *
 * A read section is one plain counter in its thread. A grace period starts with a scan: under the epoch lock
 * it gets the next number, and every thread that is inside a read section and does not block an earlier
 * period yet is marked with that number and put at the end of the list of blockers. When such a thread leaves
 * its outermost section (or ends) it takes itself off the list. Period n has passed when nobody with a number
 * up to n is left on the list.
 *
 * Why every section that began before the scan has ended then:
 *  1. A thread that is not running was switched out with interrupts off under the scheduler's lock, so the
 * scan sees its counter as of its last instruction. If it was inside, the counter is not 0 and the thread is
 * a blocker from here on (or was one already, with a smaller number, which blocks n all the same). Preemption
 * inside a section changes nothing: the counter is the thread's, not the CPU's, and stays up while the thread
 * waits for its turn.
 *  2. It may have been switched out in the middle of epoch_enter(), before its store: then it sees 0, but the
 * thread has loaded no pointer yet, since its loads follow the store in program order (compiler barrier), and
 * what it will load was unlinked before the scan. In the middle of epoch_exit() after the store it has done
 * its last load. Before the store it is marked, and finds the mark, which it looks for after the store.
 *  3. Read sections of interrupt handlers begin and end while their CPU's interrupts are off. The scan runs
 * in a thread of that CPU, so none is under way; their counting up and down on the interrupted thread is
 * balanced.
 *  4. One CPU runs, so the scanning thread is the only one that runs. With several, steps 1-3 have to hold
 * for the threads running elsewhere: the scan then runs in parts, each CPU marking the thread it runs itself,
 * in an interprocessor interrupt sent before period n is judged. An interrupt falls between two instructions,
 * so the marking CPU sees its own thread's counter as program order has it (points 1-3, word for word), and
 * it waits while that CPU has interrupts off, that is for its handlers. Taking the interrupt also orders the
 * unlinking store of the scanning CPU before all later loads of the other one. A thread that moves between
 * CPUs meanwhile is switched out, and switching is under the scheduler's lock, which the scan of threads not
 * running holds too. epoch_scan() is the only place to change.
 */
#include "kernel/epoch.h"

#include <errno.h>

#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/workq.h"

#define barrier() __asm__ volatile("" : : : "memory")

static struct spin lock;
static uint64_t period; /* number of the last grace period begun; under `lock` */
static struct list blockers =
    LIST_INIT(blockers); /* struct thread.blocker, smallest number first; under `lock` */
static struct list waiting = LIST_INIT(waiting); /* deferred work, under `lock` */
static struct list batch = LIST_INIT(batch);     /* what the worker has taken, under `lock` */
static bool busy;                                /* the worker has taken a batch; under `lock` */
static bool running;                             /* it is inside a piece of work; under `lock` */
static struct plat_waitq changed;                /* a blocker left */
static struct plat_waitq work_came;
static struct thread *worker;

void epoch_enter(void)
{
    struct thread *self = thread_self();

    if (self)
        self->read_depth++;
    barrier();
}

/* Takes `t` off the list of blockers. */
static void unblock(struct thread *t)
{
    uint64_t flags = spin_lock(&lock);

    t->blocks_since = 0;
    list_del(&t->blocker);
    spin_unlock(&lock, flags);
    plat_waitq_wake_all(&changed);
}

void epoch_exit(void)
{
    struct thread *self = thread_self();

    barrier();
    if (!self)
        return;
    plat_assert(self->read_depth > 0);
    self->read_depth--;
    barrier();
    if (self->read_depth == 0 && __atomic_load_n(&self->blocks_since, __ATOMIC_RELAXED))
        unblock(self);
}

void epoch_forget(struct thread *t)
{
    t->read_depth = 0;
    barrier();
    if (t->blocks_since)
        unblock(t);
}

/* Begins a grace period; returns its number. */
static uint64_t epoch_scan(void)
{
    uint64_t flags = spin_lock(&lock), n = ++period;

    for (unsigned i = 0; i < THREAD_MAX; i++) {
        struct thread *t = thread_slot(i);

        if (t->state == THREAD_FREE || t->read_depth == 0 || t->blocks_since)
            continue;
        t->blocks_since = n;
        list_add_tail(&blockers, &t->blocker);
    }
    spin_unlock(&lock, flags);
    return n;
}

static bool has_passed(void *arg)
{
    uint64_t n = *(uint64_t *)arg, flags = spin_lock(&lock);
    bool passed = list_empty(&blockers) || list_first(&blockers, struct thread, blocker)->blocks_since > n;

    spin_unlock(&lock, flags);
    return passed;
}

void epoch_grace_wait(void)
{
    uint64_t n;

    plat_assert(thread_self()->read_depth == 0 && plat_locks_held() == 0 && !irq_in_handler());
    n = epoch_scan();
    if (!has_passed(&n) && plat_wait(&changed, has_passed, &n, TIME_NEVER))
        panic("epoch: waited for ever in vain");
}

/* ---- Deferred work ---- */

void epoch_defer(struct plat_work *work)
{
    uint64_t flags;

    plat_assert(work->run && !work->queued);
    flags = spin_lock(&lock);
    work->queued = true;
    list_add_tail(&waiting, &work->link);
    workq_owe();
    spin_unlock(&lock, flags);
    plat_waitq_wake_all(&work_came);
}

static bool has_work(void *arg)
{
    uint64_t flags = spin_lock(&lock);
    bool yes = !list_empty(&waiting);

    (void)arg;
    spin_unlock(&lock, flags);
    return yes;
}

/* All that waits becomes the batch of one grace period. */
static void take_batch(void)
{
    uint64_t flags = spin_lock(&lock);

    while (!list_empty(&waiting)) {
        struct list *first = waiting.next;

        list_del(first);
        list_add_tail(&batch, first);
    }
    busy = true;
    spin_unlock(&lock, flags);
}

/* The next piece of the batch; NULL: it is done, and the worker is no longer busy. */
static struct plat_work *next_of_batch(void)
{
    struct plat_work *work = NULL;
    uint64_t flags = spin_lock(&lock);

    busy = !list_empty(&batch);
    if (busy) {
        work = list_first(&batch, struct plat_work, link);
        list_del(&work->link);
        work->queued = false;
    }
    running = busy;
    spin_unlock(&lock, flags);
    return work;
}

/* In one step, so that a worker killed meanwhile has either paid or still owes. */
static void done(void)
{
    uint64_t flags = spin_lock(&lock);

    running = false;
    workq_paid();
    spin_unlock(&lock, flags);
}

static void worker_main(void *arg)
{
    struct plat_work *work;

    (void)arg;
    for (;;) {
        if (plat_wait(&work_came, has_work, NULL, TIME_NEVER))
            panic("epoch: waited for ever in vain");
        take_batch();
        epoch_grace_wait();
        while ((work = next_of_batch())) {
            work->run(work);
            plat_assert(plat_locks_held() == 0);
            done();
        }
    }
}

static void start_worker(void)
{
    worker = thread_create_guarded("epoch", worker_main, NULL, NULL);
    if (!worker)
        panic("epoch: no thread for deferred work");
}

void epoch_init(void)
{
    plat_waitq_init(&changed);
    plat_waitq_init(&work_came);
    start_worker();
}

bool epoch_is_worker(const struct thread *t)
{
    return t == worker;
}

unsigned epoch_discard(void)
{
    uint64_t flags = spin_lock(&lock);
    unsigned dropped = workq_forget(&waiting) + workq_forget(&batch) + running;
    bool was_busy = busy;

    busy = running = false;
    spin_unlock(&lock, flags);
    if (was_busy) {
        thread_kill(worker);
        start_worker();
    }
    return dropped;
}
