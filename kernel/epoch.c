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
 * Why every section that began before the scan has ended then. Let R be a reader, U the store that unlinked
 * what the period protects; U is before the scan in program order or by a lock.
 *  1. R runs on the scanning CPU or does not run. A thread that does not run was switched out under the
 * scheduler's lock; the counter is the thread's, not the CPU's, so it stays up while R waits for its turn, on
 * whatever CPU that comes. The scan sees it as of R's last instruction. If that is in the middle of
 * epoch_enter(), before its store, the scan sees 0, but R has loaded no pointer yet, and what it will load
 * was unlinked before (compiler barrier; taking the scheduler's lock to run again orders the rest).
 *  2. R runs on another CPU meanwhile. epoch_enter() has a full fence between its store and all loads of the
 * section; epoch_scan() has one between U and its loads of the counters. In the one order of the two fences
 * either the scan's comes later, then it sees the counter up and R is a blocker; or R's comes later, then R
 * sees U and loads nothing that the period protects. One CPU alone needs no fence, and pays none.
 *  3. A mark is never lost. epoch_exit() stores the counter, fences, looks for a mark; epoch_scan() stores
 * the mark, fences, looks at the counter again. One of them sees the other's store and takes R off the list;
 * both may, under the epoch lock.
 *  4. A section of an interrupt handler counts on the interrupted thread, an idle one if need be: it is
 * covered by 1 to 3 like any other. What it adds it takes away before that thread goes on.
 */
#include "kernel/epoch.h"

#include <errno.h>

#include "kernel/cpu.h"
#include "kernel/lockdep.h"
#include "kernel/log.h"
#include "kernel/smp.h"
#include "kernel/spin.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/workq.h"

#define barrier() __asm__ volatile("" : : : "memory")

/* Orders stores before it with loads behind it as other CPUs see them, where there are any. */
static void fence(void)
{
    barrier();
    if (smp_cpus() > 1)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static struct spin lock = SPIN_INIT("epoch");
static uint64_t period; /* number of the last grace period begun; under `lock` */
static struct list blockers =
    LIST_INIT(blockers); /* struct thread.blocker, smallest number first; under `lock` */
static struct list waiting = LIST_INIT(waiting); /* deferred work, under `lock` */
static struct list batch = LIST_INIT(batch);     /* what the worker has taken, under `lock` */
static bool running;                             /* it is inside a piece of work; under `lock` */
static struct plat_waitq changed;                /* a blocker left */
static struct plat_waitq work_came;
static struct thread *worker;

void epoch_enter(void)
{
    struct thread *self = thread_self();

    if (self)
        self->read_depth++;
    fence();
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
    if (self->read_depth)
        return;
    fence();
    if (__atomic_load_n(&self->blocks_since, __ATOMIC_RELAXED))
        unblock(self);
}

void epoch_restore(struct thread *t, unsigned depth)
{
    t->read_depth = depth;
    fence();
    if (!depth && __atomic_load_n(&t->blocks_since, __ATOMIC_RELAXED))
        unblock(t);
}

void epoch_forget(struct thread *t)
{
    epoch_restore(t, 0);
}

/* `t` blocks period `n` if it is in a read section, and no longer if it has left it meanwhile. */
static void mark(struct thread *t, uint64_t n)
{
    if (__atomic_load_n(&t->read_depth, __ATOMIC_RELAXED) == 0 || t->blocks_since)
        return;
    list_add_tail(&blockers, &t->blocker);
    __atomic_store_n(&t->blocks_since, n, __ATOMIC_RELAXED);
    fence();
    if (__atomic_load_n(&t->read_depth, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&t->blocks_since, 0, __ATOMIC_RELAXED);
    list_del(&t->blocker);
}

/* Begins a grace period; returns its number. */
static uint64_t epoch_scan(void)
{
    uint64_t flags = spin_lock(&lock), n = ++period;

    fence();
    for (unsigned i = 0; i < THREAD_MAX; i++)
        mark(thread_slot(i), n);
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

    lockdep_may_block("plat_grace_wait");
    plat_assert(thread_self()->read_depth == 0);
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
    spin_unlock(&lock, flags);
}

/* The next piece of the batch; NULL: it is done. */
static struct plat_work *next_of_batch(void)
{
    struct plat_work *work = NULL;
    uint64_t flags = spin_lock(&lock);

    running = !list_empty(&batch);
    if (running) {
        work = list_first(&batch, struct plat_work, link);
        list_del(&work->link);
        work->queued = false;
    }
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

void epoch_stop(void)
{
    thread_stop(worker);
}

unsigned epoch_discard(void)
{
    uint64_t flags = spin_lock(&lock);
    unsigned dropped = workq_forget(&waiting) + workq_forget(&batch) + running;

    running = false;
    spin_unlock(&lock, flags);
    thread_kill(worker);
    start_worker();
    return dropped;
}
