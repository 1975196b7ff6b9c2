/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work queues, and the count of everything that is still owed: queued, deferred or running. A piece of work
 * is counted before the one that queued it ends, so the count reaches zero only when nothing is left.
 */
#include "kernel/workq.h"

#include <errno.h>

#include "kernel/cpu.h"
#include "kernel/epoch.h"
#include "kernel/guard.h"
#include "kernel/log.h"
#include "kernel/spin.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/vm.h"

struct workq {
    struct spin lock;
    struct list works; /* struct plat_work.link, next first; under `lock` */
    bool busy;         /* the worker is inside a piece of work; under `lock` */
    bool stop;         /* under `lock` */
    struct plat_waitq wake;
    struct thread *worker;
    const char *name;
    const struct guard *guard; /* run that it ends with; NULL: none */
    struct list all;           /* in `queues`, under `queues_lock` */
};

static struct workq default_queue;
static struct list queues = LIST_INIT(queues);
static struct spin queues_lock = SPIN_INIT("work queues");

static size_t owed; /* atomic */
static struct plat_waitq nothing_owed;

size_t workq_outstanding(void)
{
    return __atomic_load_n(&owed, __ATOMIC_ACQUIRE);
}

void workq_owe(void)
{
    __atomic_add_fetch(&owed, 1, __ATOMIC_RELAXED);
}

void workq_paid(void)
{
    if (__atomic_sub_fetch(&owed, 1, __ATOMIC_ACQ_REL) == 0)
        plat_waitq_wake_all(&nothing_owed);
}

/* ---- Workers ---- */

static bool has_work(void *arg)
{
    struct workq *q = arg;
    uint64_t flags = spin_lock(&q->lock);
    bool yes = !list_empty(&q->works) || q->stop;

    spin_unlock(&q->lock, flags);
    return yes;
}

/* The next piece, no longer queued: it may be queued again from its own function. NULL: none. */
static struct plat_work *take(struct workq *q)
{
    struct plat_work *work = NULL;
    uint64_t flags = spin_lock(&q->lock);

    if (!list_empty(&q->works)) {
        work = list_first(&q->works, struct plat_work, link);
        list_del(&work->link);
        work->queued = false;
        q->busy = true;
    }
    spin_unlock(&q->lock, flags);
    return work;
}

/* In one step, so that a worker stopped meanwhile has either paid or is still busy. */
static void done(struct workq *q)
{
    uint64_t flags = spin_lock(&q->lock);

    q->busy = false;
    workq_paid();
    spin_unlock(&q->lock, flags);
}

static void worker_main(void *arg)
{
    struct workq *q = arg;
    struct plat_work *work;

    for (;;) {
        if (plat_wait(&q->wake, has_work, q, TIME_NEVER))
            panic("work queue '%s': waited for ever in vain", q->name);
        work = take(q);
        if (!work && q->stop)
            return;
        if (!work)
            continue;
        work->run(work);
        plat_assert(plat_locks_held() == 0);
        done(q);
    }
}

static int start_worker(struct workq *q)
{
    q->worker = thread_create_guarded(q->name, worker_main, q, NULL);
    return q->worker ? 0 : -ENOMEM;
}

/* ---- Queues ---- */

static int setup(struct workq *q, const char *name)
{
    uint64_t flags;
    int err;

    q->lock = (struct spin)SPIN_INIT("work queue");
    list_init(&q->works);
    plat_waitq_init(&q->wake);
    q->name = name;
    q->guard = thread_self()->guard;
    err = start_worker(q);
    if (err)
        return err;
    flags = spin_lock(&queues_lock);
    list_add_tail(&queues, &q->all);
    spin_unlock(&queues_lock, flags);
    return 0;
}

void workq_init(void)
{
    plat_waitq_init(&nothing_owed);
    if (setup(&default_queue, "work"))
        panic("work queue: no memory for the worker");
}

struct workq *workq_default(void)
{
    return &default_queue;
}

struct workq *workq_create(const char *name)
{
    struct workq *q = plat_alloc(sizeof(*q), OWNER_KERNEL);

    if (!q)
        return NULL;
    if (setup(q, name)) {
        plat_free(q);
        return NULL;
    }
    return q;
}

int workq_destroy(struct workq *q, uint64_t timeout_ns)
{
    uint64_t flags = spin_lock(&q->lock);
    int err;

    q->stop = true;
    spin_unlock(&q->lock, flags);
    plat_waitq_wake_all(&q->wake);
    err = thread_join(q->worker, timeout_ns);
    if (err) {
        q->stop = false;
        return err;
    }
    flags = spin_lock(&queues_lock);
    list_del(&q->all);
    spin_unlock(&queues_lock, flags);
    plat_free(q);
    return 0;
}

bool workq_queue(struct workq *q, struct plat_work *work)
{
    /* A dangling pointer traps here, before the queue's lock is held. */
    void (*run)(struct plat_work * work) = __atomic_load_n(&work->run, __ATOMIC_RELAXED);
    uint64_t flags;

    plat_assert(run);
    flags = spin_lock(&q->lock);
    if (work->queued) {
        spin_unlock(&q->lock, flags);
        return false;
    }
    work->queued = true;
    list_add_tail(&q->works, &work->link);
    workq_owe();
    spin_unlock(&q->lock, flags);
    plat_waitq_wake_all(&q->wake);
    return true;
}

bool workq_is_worker(const struct thread *t)
{
    return t->fn == worker_main; /* not by the list: its queues come and go on other CPUs */
}

/* ---- After a forced end ---- */

/* The first piece, unless its memory is not what it was: freed by the case that queued it. */
static struct plat_work *first_whole(const struct list *works)
{
    struct list *link = works->next;

    if (!vm_readable((uint64_t)(uintptr_t)link, sizeof(struct plat_work)) || link->prev != works)
        return NULL;
    if (!vm_readable((uint64_t)(uintptr_t)link->next, sizeof(struct list)) || link->next->prev != link)
        return NULL;
    return list_entry(link, struct plat_work, link);
}

unsigned workq_forget(struct list *works)
{
    struct plat_work *work;
    unsigned n = 0;

    while (!list_empty(works) && (work = first_whole(works))) {
        list_del(&work->link);
        work->queued = false;
        n++;
    }
    list_init(works);
    return n;
}

/* Empties a queue whose worker stands still; a new worker serves it, unless it goes with its run. */
static unsigned discard(struct workq *q)
{
    uint64_t flags = spin_lock(&q->lock);
    unsigned dropped = workq_forget(&q->works) + q->busy;

    q->busy = false;
    spin_unlock(&q->lock, flags);
    thread_kill(q->worker);
    if (!guard_lasts(q->guard)) {
        list_del(&q->all); /* its memory is left to the quarantine of that run */
        return dropped;
    }
    if (start_worker(q))
        panic("work queue '%s': no thread for a new worker", q->name);
    return dropped;
}

/* All workers stand still before anything is dropped: one queue's work may fill another. */
unsigned workq_discard(void)
{
    unsigned dropped;

    epoch_stop();
    list_for_each (pos, &queues)
        thread_stop(list_entry(pos, struct workq, all)->worker);
    dropped = epoch_discard();
    list_for_each_safe (pos, &queues)
        dropped += discard(list_entry(pos, struct workq, all));
    __atomic_store_n(&owed, 0, __ATOMIC_RELEASE);
    plat_waitq_wake_all(&nothing_owed);
    return dropped;
}

/* ---- End of a step ---- */

static bool is_idle(void *arg)
{
    (void)arg;
    return workq_outstanding() == 0;
}

int workq_idle_wait(uint64_t timeout_ns)
{
    plat_assert(!workq_is_worker(thread_self()) && !epoch_is_worker(thread_self()));
    return plat_wait(&nothing_owed, is_idle, NULL, timeout_ns);
}
