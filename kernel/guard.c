/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guarded runs. The caller of guard_run() waits for the end with the deadline as its timeout, so a hang with
 * interrupts on ends by the timer; the watchdog's NMI ends one with interrupts off.
 *
 * Whoever finds the bad end (trap, panic, NMI) fills the report in, wakes the caller, and gives up what it
 * was doing: a thread goes to thread_exit() on its own emptied stack, an interrupt handler goes back to its
 * dispatcher. Nothing is unwound. All else is the caller's thread's business, in order, with interrupts on;
 * it begins with taking the run's other threads off their CPUs.
 *
 * Ends may come from several CPUs at once, or when the run is over already: `lock` is held from the question
 * whose run it is to the finished report, and while the innermost run changes.
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
#include "kernel/lockdep.h"
#include "kernel/log.h"
#include "kernel/spin.h"
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

static struct spin lock = SPIN_INIT("guard");

/* Changed by the thread that calls guard_run() only; that thread is always of the run that is innermost. */
static struct guard *innermost;        /* under `lock` */
static uint64_t deadline = TIME_NEVER; /* its; atomic */

static bool libc_cut; /* something was given up inside newlib; atomic */

const char *guard_end_name(enum guard_end end)
{
    static const char *const names[] = {"returned", "trapped", "hung", "panicked"};

    return names[end];
}

uint64_t guard_deadline(void)
{
    return __atomic_load_n(&deadline, __ATOMIC_RELAXED);
}

static void set_innermost(struct guard *g)
{
    uint64_t flags = spin_lock(&lock);

    innermost = g;
    __atomic_store_n(&deadline, g ? g->deadline : TIME_NEVER, __ATOMIC_RELAXED);
    spin_unlock(&lock, flags);
}

/* The guarded run that what this CPU does right now belongs to; NULL: none. Stays while `lock` is held. */
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

bool guard_lasts(const struct guard *g)
{
    const struct guard *at = innermost;

    while (at && at != g)
        at = at->parent;
    return at == g;
}

/* The first end counts. The report is filled in by the caller between the two, under `lock`. */
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

/* newlib's lock is not left behind by what is given up. */
static void drop_libc(void)
{
    if (libc_lock_drop())
        __atomic_store_n(&libc_cut, true, __ATOMIC_RELAXED);
}

/*
 * Before a report: what the given-up code held does not count any more, and nobody else reports. NULL: there
 * is no run to end, or what is under way cannot be given up. Interrupts off.
 */
static struct guard *begin_end(uint64_t *flags)
{
    struct guard *g;

    if (cpu_this()->spins || !current_guard())
        return NULL;
    lockdep_forget();
    drop_libc(); /* who reports on another CPU may want it */
    *flags = spin_lock(&lock);
    g = current_guard();
    if (!g)
        spin_unlock(&lock, *flags);
    return g;
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

/* Leads the frame away from what it interrupted, for good. */
void guard_leave(struct trap_frame *f)
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

static bool end_at(struct trap_frame *f, enum guard_end end)
{
    uint64_t flags;
    struct guard *g = begin_end(&flags);

    if (!g)
        return false;
    if (may_end(g)) {
        if (end == GUARD_TRAPPED)
            trap_describe(f, g->report->text, sizeof(g->report->text));
        else
            snprintf(g->report->text, sizeof(g->report->text), "hung with interrupts off");
        say_where(g->report, here());
        g->report->depth = backtrace_trap(f, g->report->trace, GUARD_TRACE_DEPTH);
        end_run(g, end);
    }
    spin_unlock(&lock, flags);
    guard_leave(f);
    return true;
}

bool guard_trap(struct trap_frame *f)
{
    return end_at(f, GUARD_TRAPPED);
}

bool guard_hung(struct trap_frame *f)
{
    return end_at(f, GUARD_HUNG);
}

void guard_panic(const char *fmt, va_list ap)
{
    uint64_t was = irq_save(), flags;
    struct guard *g = begin_end(&flags);

    if (!g) {
        irq_restore(was);
        return;
    }
    if (may_end(g)) {
        vsnprintf(g->report->text, sizeof(g->report->text), fmt, ap);
        say_where(g->report, here());
        g->report->depth = backtrace_here(g->report->trace, GUARD_TRACE_DEPTH);
        end_run(g, GUARD_PANICKED);
    }
    spin_unlock(&lock, flags);
    if (irq_in_handler())
        irq_abandon();
    thread_exit();
}

/* ---- The caller's side ---- */

static void case_main(void *arg)
{
    struct guard *g = arg;
    uint64_t flags;

    g->fn(g->arg);
    cpu_cli();
    flags = spin_lock(&lock);
    if (may_end(g))
        end_run(g, GUARD_RETURNED);
    spin_unlock(&lock, flags);
    thread_exit();
}

static bool has_ended(void *arg)
{
    return !may_end(arg);
}

static bool could_run(const struct thread *t)
{
    return t->state == THREAD_READY || (t->state == THREAD_RUNNING && t != thread_self());
}

static bool belongs(const struct thread *t, const struct guard *g)
{
    for (const struct guard *at = innermost; at != g->parent; at = at->parent) {
        if (t->guard == at)
            return true;
    }
    return workq_is_worker(t) || epoch_is_worker(t);
}

/* A thread of the run, or a worker, that runs or was ready to go on. NULL: all of them wait. */
static struct thread *find_runner(const struct guard *g)
{
    if (could_run(g->thread))
        return g->thread;
    for (unsigned i = 0; i < THREAD_MAX; i++) {
        struct thread *t = thread_slot(i);

        if (could_run(t) && belongs(t, g))
            return t;
    }
    return NULL;
}

/* One that has interrupts off reports itself while it is stopped. */
static void report_hang(struct guard *g, uint64_t timeout_ns)
{
    struct thread *runner = find_runner(g), *t = runner ? runner : g->thread;
    uint64_t flags;

    thread_stop(t);
    flags = spin_lock(&lock);
    if (may_end(g)) {
        snprintf(g->report->text, sizeof(g->report->text), "no end after %llu ms, thread '%s' %s",
                 (unsigned long long)(timeout_ns / NS_PER_MS), t->name, runner ? "runs" : "waits");
        g->report->depth = thread_trace(t, g->report->trace, GUARD_TRACE_DEPTH);
        end_run(g, GUARD_HUNG);
    }
    spin_unlock(&lock, flags);
}

/* The run and those nested in it, innermost first. */
static unsigned kill_threads(struct guard *g)
{
    unsigned killed = 0;

    for (struct guard *at = innermost; at != g->parent; at = at->parent)
        killed += thread_kill_guarded(at);
    set_innermost(g->parent);
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
    set_innermost(&g);
    g.thread = thread_create_guarded("case", case_main, &g, &g);
    if (!g.thread) {
        set_innermost(g.parent);
        return -ENOMEM;
    }
    if (plat_wait(&g.done, has_ended, &g, timeout_ns))
        report_hang(&g, timeout_ns);
    clean_up(&g);
    out->elapsed_ns = time_now_ns() - start;
    return 0;
}
