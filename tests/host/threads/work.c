/* SPDX-License-Identifier: BSD-2-Clause */
/* Read sections and grace periods, work queues, and the threads behind them. */
#include <errno.h>
#include <stdlib.h>

#include "tests/harness/env.h"
#include "tests/host/threads/threads.h"

/* ---- Read sections ---- */

static uint64_t epoch = 1; /* atomic */
static char sections;      /* read sections are over before a grace period is */

void plat_read_enter(void)
{
    struct threads_self *me = threads_self();

    if (me->held.reads++ == 0)
        __atomic_exchange_n(&me->epoch, __atomic_load_n(&epoch, __ATOMIC_ACQUIRE), __ATOMIC_SEQ_CST);
    threads_jitter();
}

void plat_read_exit(void)
{
    struct threads_self *me = threads_self();

    threads_jitter();
    plat_assert(me->held.reads > 0);
    if (--me->held.reads > 0)
        return;
    __tsan_release(&sections);
    __atomic_store_n(&me->epoch, 0, __ATOMIC_SEQ_CST);
}

static bool wait_for(struct threads_self *thread, void *arg)
{
    uint64_t begun = *(uint64_t *)arg, at;

    while ((at = __atomic_load_n(&thread->epoch, __ATOMIC_SEQ_CST)) != 0 && at < begun)
        plat_relax();
    return true;
}

/* Sections that begin from now on are of a later epoch. */
static void grace(void)
{
    uint64_t begun = __atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST);

    threads_each(wait_for, &begun);
    __tsan_acquire(&sections);
}

void plat_grace_wait(void)
{
    threads_assert_may_block("plat_grace_wait");
    threads_jitter();
    grace();
}

/* ---- Queues ---- */

struct plat_workq {
    struct threads_bolt bolt;
    struct list works; /* under `bolt`, as is the next */
    bool stop;
    uint32_t wakes;
    bool deferred; /* each batch after a grace period */
    struct env_thread *thread;
};

static struct plat_workq system_queue = {.works = LIST_INIT(system_queue.works)};
static struct plat_workq deferred = {.works = LIST_INIT(deferred.works), .deferred = true};
static uint32_t owed;      /* pieces of work that are queued, deferred or running; atomic */
static uint32_t settlings; /* times it was 0 */
static char settled;

static struct plat_work *take(struct plat_workq *q)
{
    struct plat_work *work = NULL;

    threads_take(&q->bolt);
    if (!list_empty(&q->works)) {
        work = list_first(&q->works, struct plat_work, link);
        list_del(&work->link);
        work->queued = false;
    }
    threads_give(&q->bolt);
    return work;
}

static void paid(void)
{
    __tsan_release(&settled);
    if (__atomic_sub_fetch(&owed, 1, __ATOMIC_SEQ_CST) == 0)
        threads_wake(&settlings);
}

static void run(struct plat_work *work)
{
    const struct host_thread *held = &threads_self()->held;

    __tsan_acquire(work);
    work->run(work);
    if (held->locks != 0 || held->reads != 0)
        plat_panic("work item left %u locks and %u read sections behind", held->locks, held->reads);
    paid();
}

/* Grace periods of work that was deferred when the last one was over: one for all of it. */
static void run_batch(struct plat_workq *q)
{
    struct list batch = LIST_INIT(batch);
    struct plat_work *work;

    while ((work = take(q)) != NULL)
        list_add_tail(&batch, &work->link);
    if (q->deferred && !list_empty(&batch))
        grace();
    while (!list_empty(&batch)) {
        work = list_first(&batch, struct plat_work, link);
        list_del(&work->link);
        run(work);
    }
}

static void worker(void *arg)
{
    struct plat_workq *q = arg;
    uint32_t seen;
    struct plat_work *work;

    for (;;) {
        seen = __atomic_load_n(&q->wakes, __ATOMIC_ACQUIRE);
        if (q->deferred)
            run_batch(q);
        while (!q->deferred && (work = take(q)) != NULL)
            run(work);
        if (__atomic_load_n(&q->stop, __ATOMIC_ACQUIRE))
            return;
        threads_sleep(&q->wakes, seen, UINT64_MAX);
    }
}

static bool put(struct plat_workq *q, struct plat_work *work)
{
    bool fresh;

    threads_jitter();
    threads_take(&q->bolt);
    fresh = !work->queued;
    __tsan_release(work);
    if (fresh) {
        work->queued = true;
        list_add_tail(&q->works, &work->link);
        __atomic_add_fetch(&owed, 1, __ATOMIC_SEQ_CST);
    }
    threads_give(&q->bolt);
    threads_wake(&q->wakes);
    threads_jitter();
    return fresh;
}

bool plat_work_queue(struct plat_work *work)
{
    return put(&system_queue, work);
}

bool plat_work_queue_on(struct plat_workq *q, struct plat_work *work)
{
    return put(q, work);
}

void plat_defer(struct plat_work *work)
{
    plat_assert(put(&deferred, work));
}

struct plat_workq *plat_workq_create(unused const char *name)
{
    struct plat_workq *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    list_init(&q->works);
    q->thread = threads_start(worker, q);
    plat_assert(q->thread);
    return q;
}

void plat_workq_destroy(struct plat_workq *q)
{
    threads_assert_may_block("plat_workq_destroy");
    __atomic_store_n(&q->stop, true, __ATOMIC_RELEASE);
    threads_wake(&q->wakes);
    plat_assert(env_thread_join(q->thread, UINT64_MAX) == 0);
    free(q);
}

int plat_idle_wait(uint64_t timeout_ns)
{
    uint64_t begin = plat_now_ns();

    threads_assert_may_block("plat_idle_wait");
    for (;;) {
        uint32_t seen = __atomic_load_n(&settlings, __ATOMIC_ACQUIRE);
        uint64_t passed = plat_now_ns() - begin;

        if (__atomic_load_n(&owed, __ATOMIC_SEQ_CST) == 0) {
            __tsan_acquire(&settled);
            return 0;
        }
        if (passed >= timeout_ns)
            return -ETIMEDOUT;
        threads_sleep(&settlings, seen, timeout_ns - passed);
    }
}

static void forget(struct plat_workq *q)
{
    while (take(q) != NULL)
        paid();
}

void host_abandon_work(void)
{
    forget(&system_queue);
    forget(&deferred);
}

void threads_begin_work(void)
{
    system_queue.thread = threads_start(worker, &system_queue);
    deferred.thread = threads_start(worker, &deferred);
    plat_assert(system_queue.thread && deferred.thread);
}
