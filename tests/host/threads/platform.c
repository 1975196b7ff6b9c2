/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated machine under threads: one thing at a time in it, time that passes, interrupts on a thread of
 * their own. Words. */
#include <execinfo.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/host/threads/threads.h"

#define MAX_TICKS   8
#define TICK_US     50
#define CPUS        4
#define STOPPED_FOR 20000000000ull

const struct host_home host_home = {
    .cpus = CPUS, .threads = true, .time = "real", .binary = "build/tsan/pasidcheck"};

static void (*ticks[MAX_TICKS])(void);
static unsigned tick_count;
static void (*relax_hook)(void);
static const struct host_watch *watcher;
static enum plat_log log_level = LOG_WARN;
static host_sink *log_sink;
static void (*panic_hook)(const char *words);

/* ---- In the machine ---- */

static struct threads_bolt machine;
static uintptr_t inside; /* whose it is; atomic */
static unsigned depth;

void host_enter(void)
{
    uintptr_t me = threads_self()->held.self;

    if (__atomic_load_n(&inside, __ATOMIC_RELAXED) != me) {
        threads_take(&machine);
        __atomic_store_n(&inside, me, __ATOMIC_RELAXED);
        AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    }
    depth++;
}

void host_leave(void)
{
    if (--depth > 0)
        return;
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    __atomic_store_n(&inside, 0, __ATOMIC_RELAXED);
    threads_give(&machine);
}

/* A race with whoever still reads it. Of zeros, with which that one goes on: the report is the verdict, and
 * not a crash. */
void host_given_back(void *va, size_t size)
{
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    memset(va, 0, size);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    __tsan_release(va);
}

void host_given_out(void *va, unused size_t size)
{
    __tsan_acquire(va);
}

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
    host_enter();
    watcher->touched();
    host_leave();
}

void plat_publish(const void *va, size_t size, bool unit_snoops)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    threads_jitter();
    host_enter();
    host_trace_publish(va, size, unit_snoops);
    if (watcher != NULL)
        watcher->published(va, size, unit_snoops);
    host_leave();
}

void plat_wmb(void)
{
    touch();
    threads_jitter();
}

void plat_rmb(void)
{
    touch();
}

/* ---- Time ---- */

uint64_t plat_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void tick(void)
{
    host_enter();
    for (unsigned i = 0; i < tick_count; i++)
        ticks[i]();
    host_leave();
}

void plat_relax(void)
{
    tick();
    sched_yield();
    if (relax_hook != NULL && plat_locks_held() == 0)
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

/* Hardware goes on while nobody looks. */
static void clock_main(unused void *arg)
{
    for (;;) {
        usleep(TICK_US);
        tick();
    }
}

/* ---- Interrupts ---- */

static uint32_t messages, quiet; /* sent; a handler has returned */
static bool handling;            /* atomic */
static struct threads_self *handler;
static char stores; /* before a register was written, seen by handlers */
static char handled;

void host_wrote(void)
{
    threads_jitter();
    __tsan_release(&stores);
}

void host_msi_pend(void)
{
    threads_wake(&messages);
}

static void interrupts_main(unused void *arg)
{
    handler = threads_self();
    for (;;) {
        uint32_t seen = __atomic_load_n(&messages, __ATOMIC_ACQUIRE);

        __atomic_store_n(&handling, true, __ATOMIC_SEQ_CST);
        __tsan_acquire(&stores);
        host_msi_deliver();
        __tsan_release(&handled);
        __atomic_store_n(&handling, false, __ATOMIC_SEQ_CST);
        threads_wake(&quiet);
        threads_sleep(&messages, seen, UINT64_MAX);
    }
}

void host_msi_wait(void)
{
    while (threads_self() != handler) {
        uint32_t seen = __atomic_load_n(&quiet, __ATOMIC_ACQUIRE);

        if (!__atomic_load_n(&handling, __ATOMIC_SEQ_CST))
            break;
        threads_sleep(&quiet, seen, STOPPED_FOR);
    }
    __tsan_acquire(&handled);
}

__attribute__((constructor)) static void begin(void)
{
    threads_begin_work();
    if (!threads_start(clock_main, NULL) || !threads_start(interrupts_main, NULL))
        abort();
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
    host_enter();
    if (log_sink != NULL)
        log_sink(level, line);
    else
        dprintf(2, "%s\n", line);
    host_leave();
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
    dprintf(1, "Bail out! panic: %s\n", words);
    backtrace_symbols_fd(trace, backtrace(trace, 32), 2);
    _exit(4);
}
