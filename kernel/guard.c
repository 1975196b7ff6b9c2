/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guarded runs. The caller of guard_run() waits for the end with the deadline as its timeout, so a hang with
 * interrupts on ends by the timer; the watchdog's NMI ends one with interrupts off.
 *
 * Whoever finds the bad end (trap, panic, NMI) fills the report in, wakes the caller, and gives up what it
 * was doing: a thread goes to thread_exit() on its own emptied stack, an interrupt handler goes back to its
 * dispatcher. Nothing is unwound. All else is the caller's thread's business, in order, with interrupts on.
 */
#include "kernel/guard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "iommu/platform.h"
#include "kernel/backtrace.h"
#include "kernel/cpu.h"
#include "kernel/epoch.h"
#include "kernel/irq.h"
#include "kernel/libc_lock.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/workq.h"

struct guard {
    struct guard *parent; /* the run that this one is nested in */
    struct thread *thread;
    void (*fn)(void *arg);
    void *arg;
    struct guard_report *report;
    uint64_t deadline;
    bool ended; /* the report is complete; atomic */
    struct plat_waitq done;
};

/* Changed by the thread that calls guard_run() only; that thread is always of the run that is innermost. */
static struct guard *innermost;

static bool libc_cut; /* something was given up inside newlib; atomic */

const char *guard_end_name(enum guard_end end)
{
    static const char *const names[] = {"returned", "trapped", "hung", "panicked"};

    return names[end];
}

uint64_t guard_deadline(void)
{
    return innermost ? innermost->deadline : TIME_NEVER;
}

/* The guarded run that what this CPU does right now belongs to; NULL: none. */
static struct guard *current_guard(void)
{
    struct thread *self = thread_self();

    if (!innermost || !self)
        return NULL;
    if (irq_in_handler() || workq_is_worker(self) || epoch_is_worker(self))
        return innermost;
    return self->guard;
}

bool guard_active(void)
{
    return current_guard() != NULL;
}

/* The first end counts. The report is filled in by the caller between the two. */
static bool may_end(const struct guard *g)
{
    return !__atomic_load_n(&g->ended, __ATOMIC_ACQUIRE);
}

static void end_run(struct guard *g, enum guard_end end)
{
    g->report->end = end;
    __atomic_store_n(&g->ended, true, __ATOMIC_RELEASE);
    plat_waitq_wake_all(&g->done);
}

static void say_where(struct guard_report *r, const char *what)
{
    size_t n = strlen(r->text);

    snprintf(r->text + n, sizeof(r->text) - n, ", %s '%s'", what, thread_self()->name);
}

static const char *here(void)
{
    return irq_in_handler() ? "in an interrupt handler over thread" : "in thread";
}

/* newlib's lock is not left behind by what is given up. */
static void drop_libc(void)
{
    if (libc_lock_drop())
        __atomic_store_n(&libc_cut, true, __ATOMIC_RELAXED);
}

/* Leads the frame away from what it interrupted, for good. */
static void leave_at(struct trap_frame *f)
{
    drop_libc();
    if (irq_in_handler()) {
        irq_abandon_at(f);
        return;
    }
    f->rip = (uint64_t)(uintptr_t)thread_exit;
    f->rsp = thread_stack_top(thread_self()) - 8;
    f->rbp = 0;
    f->rflags &= ~RFLAGS_IF;
}

bool guard_trap(struct trap_frame *f)
{
    struct guard *g = current_guard();

    if (!g || cpu_this()->spins)
        return false;
    if (may_end(g)) {
        trap_describe(f, g->report->text, sizeof(g->report->text));
        say_where(g->report, here());
        g->report->depth = backtrace_trap(f, g->report->trace, GUARD_TRACE_DEPTH);
        end_run(g, GUARD_TRAPPED);
    }
    leave_at(f);
    return true;
}

void guard_panic(const char *fmt, va_list ap)
{
    struct guard *g = current_guard();

    if (!g || cpu_this()->spins)
        return;
    cpu_cli();
    if (may_end(g)) {
        vsnprintf(g->report->text, sizeof(g->report->text), fmt, ap);
        say_where(g->report, here());
        g->report->depth = backtrace_here(g->report->trace, GUARD_TRACE_DEPTH);
        end_run(g, GUARD_PANICKED);
    }
    drop_libc();
    if (irq_in_handler())
        irq_abandon();
    thread_exit();
}

bool guard_hung(struct trap_frame *f)
{
    struct guard *g = current_guard();

    if (!g || cpu_this()->spins)
        return false;
    if (may_end(g)) {
        snprintf(g->report->text, sizeof(g->report->text), "hung with interrupts off");
        say_where(g->report, here());
        g->report->depth = backtrace_trap(f, g->report->trace, GUARD_TRACE_DEPTH);
        end_run(g, GUARD_HUNG);
    }
    leave_at(f);
    return true;
}

/* ---- The caller's side ---- */

static void case_main(void *arg)
{
    struct guard *g = arg;

    g->fn(g->arg);
    cpu_cli();
    if (may_end(g))
        end_run(g, GUARD_RETURNED);
    thread_exit();
}

static bool has_ended(void *arg)
{
    return !may_end(arg);
}

/* A thread of the run, or a worker, that was ready to go on. NULL: all of them wait. */
static const struct thread *find_runner(const struct guard *g)
{
    if (g->thread->state == THREAD_READY)
        return g->thread;
    for (unsigned i = 0; i < THREAD_MAX; i++) {
        const struct thread *t = thread_slot(i);

        if (t->state == THREAD_READY && (t->guard || workq_is_worker(t) || epoch_is_worker(t)))
            return t;
    }
    return NULL;
}

static void report_hang(struct guard *g, uint64_t timeout_ns)
{
    const struct thread *runner = find_runner(g), *t = runner ? runner : g->thread;
    uint64_t flags = irq_save();

    if (may_end(g)) {
        snprintf(g->report->text, sizeof(g->report->text), "no end after %llu ms, thread '%s' %s",
                 (unsigned long long)(timeout_ns / NS_PER_MS), t->name, runner ? "runs" : "waits");
        g->report->depth = thread_trace(t, g->report->trace, GUARD_TRACE_DEPTH);
        end_run(g, GUARD_HUNG);
    }
    irq_restore(flags);
}

/* The run and those nested in it, innermost first. */
static unsigned kill_threads(struct guard *g)
{
    unsigned killed = 0;

    for (;;) {
        killed += thread_kill_guarded(innermost);
        if (innermost == g)
            break;
        innermost = innermost->parent;
    }
    innermost = g->parent;
    return killed;
}

static void clean_up(struct guard *g)
{
    struct guard_report *r = g->report;

    if (r->end == GUARD_RETURNED) {
        if (thread_join(g->thread, TIME_NEVER))
            plat_panic("guard: the case has ended, its thread has not");
        r->strays = kill_threads(g);
        return;
    }
    kill_threads(g);
    r->dropped = workq_discard();
    if (__atomic_exchange_n(&libc_cut, false, __ATOMIC_RELAXED))
        log_line(LOG_WARN, "guard: the run ended inside malloc or stdio; the heap is suspect from here on");
}

int guard_run(void (*fn)(void *arg), void *arg, uint64_t timeout_ns, struct guard_report *out)
{
    struct guard g = {
        .parent = innermost, .fn = fn, .arg = arg, .report = out, .deadline = time_deadline(timeout_ns)};
    uint64_t start = time_now_ns();

    plat_assert(thread_self()->guard == innermost && !irq_in_handler() && plat_locks_held() == 0);
    memset(out, 0, sizeof(*out));
    plat_waitq_init(&g.done);
    innermost = &g;
    g.thread = thread_create_guarded("case", case_main, &g, &g);
    if (!g.thread) {
        innermost = g.parent;
        return -ENOMEM;
    }
    if (plat_wait(&g.done, has_ended, &g, timeout_ns))
        report_hang(&g, timeout_ns);
    clean_up(&g);
    out->elapsed_ns = time_now_ns() - start;
    return 0;
}
