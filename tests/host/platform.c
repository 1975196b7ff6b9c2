/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iommu/platform.h in a Linux process: locks that only check themselves, a clock, work run while somebody
 * waits, words.
 */
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/host.h"

/* What one look at the clock's hands costs: fine enough for order, coarse enough for a time-out in many
 * steps. */
#define RELAX_NS 10000
/* And a barrier, where somebody looks on. */
#define TOUCH_NS 100

#define MAX_TICKS 8

static struct host_thread current = {.self = 1};
static uintptr_t last_self = 1;
static uint64_t now_ns;
static struct list queued = LIST_INIT(queued);
static struct list queues = LIST_INIT(queues); /* struct plat_workq.link */
static struct list deferred = LIST_INIT(deferred);
static void (*ticks[MAX_TICKS])(void);
static unsigned tick_count;
static void (*relax_hook)(void);
static enum plat_log log_level = LOG_WARN;
static host_sink *log_sink;
static void (*panic_hook)(const char *words);
static const struct host_watch *watcher;

/* ---- Visibility ---- */

void host_watch(const struct host_watch *watch)
{
    watcher = watch;
}

const struct host_watch *host_watcher(void)
{
    return watcher;
}

static void touch(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (watcher == NULL)
        return;
    now_ns += TOUCH_NS;
    watcher->touched();
}

void plat_publish(const void *va, size_t size, bool unit_snoops)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    host_trace_publish(va, size, unit_snoops);
    if (watcher != NULL)
        watcher->published(va, size, unit_snoops);
}

void plat_wmb(void)
{
    touch();
    host_trace_wmb();
}

void plat_rmb(void)
{
    touch();
}

/* ---- One thread at a time ---- */

const struct host_home host_home = {.cpus = 1, .time = "simulated", .binary = "build/host/pasidcheck"};

void host_enter(void)
{
}

void host_leave(void)
{
}

void host_wrote(void)
{
}

void host_msi_pend(void)
{
    host_msi_deliver();
}

void host_msi_wait(void)
{
}

void host_given_back(unused void *va, unused size_t size)
{
}

void host_given_out(unused void *va, unused size_t size)
{
}

const char *host_race(void)
{
    return NULL;
}

/* ---- Time ---- */

uint64_t plat_now_ns(void)
{
    return now_ns;
}

void plat_relax(void)
{
    now_ns += RELAX_NS;
    for (unsigned i = 0; i < tick_count; i++)
        ticks[i]();
    host_msi_deliver();
    if (relax_hook != NULL && current.locks == 0)
        relax_hook();
}

void host_on_relax(void (*fn)(void))
{
    relax_hook = fn;
}

void host_on_tick(void (*fn)(void))
{
    for (unsigned i = 0; i < tick_count; i++) {
        if (ticks[i] == fn)
            return;
    }
    plat_assert(tick_count < MAX_TICKS);
    ticks[tick_count++] = fn;
}

/* ---- Exclusion. One thread runs at a time and gives up only where it waits, so a taken lock is a deadlock.
 * ---- */

void plat_lock_init(struct plat_lock *lock, const char *name)
{
    *lock = (struct plat_lock){.name = name};
}

void plat_lock(struct plat_lock *lock)
{
    if (lock->state != 0)
        plat_panic("deadlock on lock \"%s\"", lock->name != NULL ? lock->name : "?");
    lock->state = 1;
    current.locks++;
}

void plat_unlock(struct plat_lock *lock)
{
    plat_assert(lock->state == 1 && current.locks > 0);
    lock->state = 0;
    current.locks--;
    host_msi_deliver();
}

unsigned plat_locks_held(void)
{
    return current.locks;
}

uintptr_t plat_self(void)
{
    return current.self;
}

struct host_thread host_thread_save(void)
{
    return current;
}

void host_thread_restore(struct host_thread saved)
{
    current = saved;
}

void plat_read_enter(void)
{
    current.reads++;
}

void plat_read_exit(void)
{
    plat_assert(current.reads > 0);
    current.reads--;
}

/* ---- Work ---- */

/* Runs one item as a thread of its own, on top of whoever waits. */
static void run_item(struct list *from)
{
    struct plat_work *work = list_first(from, struct plat_work, link);
    struct host_thread waiting = current;

    list_del(&work->link);
    work->queued = false;
    current = (struct host_thread){.self = ++last_self, .running = waiting.running + 1};
    work->run(work);
    if (current.locks != 0 || current.reads != 0)
        plat_panic("work item left %u locks and %u read sections behind", current.locks, current.reads);
    current = waiting;
}

/* A queue of its own: no piece of its work starts while another one is under way. */
struct plat_workq {
    struct list link;
    struct list works;
    bool busy;
};

/* Runs something of a queue whose thread is free. */
static bool run_one_of_own(void)
{
    list_for_each (pos, &queues) {
        struct plat_workq *q = list_entry(pos, struct plat_workq, link);

        if (q->busy || list_empty(&q->works))
            continue;
        q->busy = true;
        run_item(&q->works);
        q->busy = false;
        return true;
    }
    return false;
}

/* Something for the dispatcher to do; deferred items only when nothing else is left, so nobody reads
 * meanwhile. */
static bool run_one(void)
{
    if (!list_empty(&queued))
        run_item(&queued);
    else if (run_one_of_own())
        return true;
    else if (!list_empty(&deferred))
        run_item(&deferred);
    else
        return false;
    return true;
}

static void assert_may_block(const char *what)
{
    if (current.locks != 0 || current.reads != 0)
        plat_panic("%s with %u locks held and %u read sections open", what, current.locks, current.reads);
}

static bool enqueue(struct list *to, struct plat_work *work)
{
    if (work->queued)
        return false;
    work->queued = true;
    list_add_tail(to, &work->link);
    return true;
}

bool plat_work_queue(struct plat_work *work)
{
    return enqueue(&queued, work);
}

struct plat_workq *plat_workq_create(unused const char *name)
{
    struct plat_workq *q = plat_alloc(sizeof(*q), OWNER_IOASID);

    if (!q)
        return NULL;
    list_init(&q->works);
    list_add_tail(&queues, &q->link);
    return q;
}

bool plat_work_queue_on(struct plat_workq *q, struct plat_work *work)
{
    return enqueue(&q->works, work);
}

void plat_workq_destroy(struct plat_workq *q)
{
    assert_may_block("plat_workq_destroy");
    while (q->busy || !list_empty(&q->works)) {
        if (!run_one())
            plat_panic("plat_workq_destroy: its own work waits for it");
    }
    list_del(&q->link);
    plat_free(q);
}

void plat_defer(struct plat_work *work)
{
    plat_assert(enqueue(&deferred, work));
}

void plat_grace_wait(void)
{
    assert_may_block("plat_grace_wait");
    while (!list_empty(&deferred))
        run_item(&deferred);
}

int plat_idle_wait(uint64_t timeout_ns)
{
    uint64_t deadline = now_ns + timeout_ns;

    assert_may_block("plat_idle_wait");
    while (run_one()) {
        if (now_ns >= deadline)
            return -ETIMEDOUT;
        plat_relax();
    }
    return current.running > 0 ? -ETIMEDOUT : 0;
}

void host_abandon_work(void)
{
    list_init(&queued);
    list_init(&deferred);
    list_init(&queues);
}

void plat_waitq_init(struct plat_waitq *wq)
{
    plat_lock_init(&wq->lock, "wait queue");
    list_init(&wq->waiters);
}

void plat_waitq_wake_all(unused struct plat_waitq *wq)
{
}

int plat_wait(unused struct plat_waitq *wq, bool (*ready)(void *arg), void *arg, uint64_t timeout_ns)
{
    uint64_t deadline = timeout_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + timeout_ns;

    assert_may_block("plat_wait");
    while (!ready(arg)) {
        if (now_ns >= deadline)
            return -ETIMEDOUT;
        if (!run_one())
            plat_relax();
    }
    return 0;
}

/* ---- Words ---- */

void host_log_level(enum plat_log level)
{
    log_level = level;
}

host_sink *host_log_sink(host_sink *sink)
{
    host_sink *before = log_sink;

    log_sink = sink;
    return before;
}

void plat_log(enum plat_log level, const char *fmt, ...)
{
    char line[512];
    va_list args;

    if (level > log_level)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (log_sink != NULL)
        log_sink(level, line);
    else
        fprintf(stderr, "%s\n", line);
}

void host_on_panic(void (*fn)(const char *words))
{
    panic_hook = fn;
}

void plat_panic(const char *fmt, ...)
{
    char words[512];
    void *trace[32];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    if (panic_hook != NULL)
        panic_hook(words);
    fprintf(stderr, "panic: %s\n", words);
    backtrace_symbols_fd(trace, backtrace(trace, ARRAY_SIZE(trace)), 2);
    abort();
}
