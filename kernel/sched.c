/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who runs: one ready queue for all CPUs, round robin in slices of 1 ms; a thread may be bound to one CPU.
 * Each CPU has its list of deadlines, of the threads that went to sleep on it. There is no periodic tick: a
 * CPU's timer is armed for the earliest thing that is due there, and, unless the CPU goes idle, left alone
 * when it is armed for something earlier; so an idle emulator under virtual time jumps straight to the next
 * event. An interrupt that came too early just arms it again.
 *
 * A thread that becomes ready goes to the CPU that woke it if that is idle, else to another idle one, which
 * is told by an interrupt. One lock protects all of it.
 */
#include "kernel/sched.h"

#include <stddef.h>

#include "iommu/platform.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/guard.h"
#include "kernel/irq.h"
#include "kernel/lockdep.h"
#include "kernel/log.h"
#include "kernel/smp.h"
#include "kernel/spin.h"
#include "kernel/switch.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/watchdog.h"

#define SLICE_NS NS_PER_MS

static struct spin lock = SPIN_INIT("scheduler");
static struct list ready = LIST_INIT(ready); /* struct thread.ready, next first */
static uint64_t switches;
static unsigned busy; /* CPUs that run a thread; under `lock` */

/* Per CPU, under `lock`. */
static struct {
    struct thread *idle;
    struct list sleepers; /* struct thread.sleeper, earliest first */
    uint64_t slice_end;
    uint64_t armed; /* when the timer fires, TIME_NEVER: it is not armed */
    bool told;      /* an interrupt is on its way there, it will look at the ready queue */
} cpus[CPU_MAX];

uint64_t sched_lock(void)
{
    return spin_lock(&lock);
}

void sched_unlock(uint64_t flags)
{
    spin_unlock(&lock, flags);
}

uint64_t thread_switch_count(void)
{
    return switches;
}

static bool is_idle(unsigned cpu)
{
    return cpu_get(cpu)->thread == cpus[cpu].idle;
}

static bool may_run(const struct thread *t, unsigned cpu)
{
    return t->bound == THREAD_ANY_CPU || t->bound == cpu;
}

/* The next thread for the executing CPU, NULL: none. */
static struct thread *next_ready(void)
{
    list_for_each (pos, &ready) {
        struct thread *t = list_entry(pos, struct thread, ready);

        if (may_run(t, cpu_index()))
            return t;
    }
    return NULL;
}

static uint64_t next_due(void)
{
    const struct list *sleepers = &cpus[cpu_index()].sleepers;
    uint64_t due = TIME_NEVER;

    if (!list_empty(sleepers))
        due = list_first(sleepers, struct thread, sleeper)->wake_at;
    if (cpus[cpu_index()].slice_end < due && next_ready())
        due = cpus[cpu_index()].slice_end;
    return due;
}

static void arm_timer_for(uint64_t due)
{
    uint64_t now = time_now_ns();

    apic_timer_arm(due > now ? due - now : 0);
    cpus[cpu_index()].armed = due;
}

static void arm_timer(void)
{
    uint64_t due = next_due();

    if (due < cpus[cpu_index()].armed)
        arm_timer_for(due);
}

/* For a CPU that goes idle: an interrupt for something that is off the list would end its halt for nothing.
 */
static void arm_timer_for_idle(void)
{
    uint64_t due = next_due();

    if (due != cpus[cpu_index()].armed)
        arm_timer_for(due);
}

static void start_slice(void)
{
    cpus[cpu_index()].slice_end = time_now_ns() + SLICE_NS;
}

void sched_init_cpu(struct thread *idle)
{
    uint64_t flags = sched_lock();

    idle->state = THREAD_RUNNING;
    idle->cpu = idle->bound = cpu_index();
    cpus[cpu_index()].idle = idle;
    cpus[cpu_index()].armed = TIME_NEVER;
    list_init(&cpus[cpu_index()].sleepers);
    cpu_this()->thread = idle;
    sched_unlock(flags);
}

void sched_remove(struct thread *t)
{
    list_del(&t->ready);
    list_del(&t->sleeper);
    t->sleeping = false;
}

static void tell(unsigned cpu)
{
    if (cpus[cpu].told)
        return;
    cpus[cpu].told = true;
    apic_send_ipi(cpu_get(cpu)->apic_id, IRQ_VECTOR_RESCHED);
}

/* Another CPU that has nothing to do and may run `t` is told. False: there is none. */
static bool offer(const struct thread *t)
{
    for (unsigned cpu = 0; cpu < smp_cpus(); cpu++) {
        if (cpu == cpu_index() || !may_run(t, cpu) || !is_idle(cpu) || cpus[cpu].told)
            continue;
        tell(cpu);
        return true;
    }
    return false;
}

static void make_ready(struct thread *t)
{
    unsigned self = cpu_index();

    sched_remove(t);
    if (t->stopped) {
        t->state = THREAD_BLOCKED;
        return;
    }
    if (!next_ready())
        start_slice();
    t->state = THREAD_READY;
    list_add_tail(&ready, &t->ready);
    if (!may_run(t, self))
        tell(t->bound);
    else if (is_idle(self))
        cpu_this()->resched = true;
    else if (!offer(t))
        arm_timer();
}

void sched_wake(struct thread *t)
{
    t->woken = true;
    if (t->state == THREAD_BLOCKED)
        make_ready(t);
}

static struct thread *pick_next(void)
{
    struct thread *t = next_ready();

    if (!t)
        return cpus[cpu_index()].idle;
    list_del(&t->ready);
    return t;
}

/* The watchdog rests while no CPU has anything to do. */
static void count_idle(const struct thread *prev, const struct thread *next)
{
    const struct thread *idle = cpus[cpu_index()].idle;

    if (prev == idle && busy++ == 0)
        watchdog_idle(false);
    else if (next == idle && --busy == 0)
        watchdog_idle(true);
}

void sched_switch(void)
{
    struct cpu *cpu = cpu_this();
    struct thread *prev = cpu->thread, *next = pick_next();

    cpu->resched = false;
    next->state = THREAD_RUNNING;
    next->cpu = cpu->index;
    start_slice();
    if (next == cpus[cpu->index].idle)
        arm_timer_for_idle();
    else
        arm_timer();
    if (next == prev)
        return;
    count_idle(prev, next);
    cpu->thread = next;
    switches++;
    switch_stack(&prev->sp, next->sp);
}

/* The running thread goes to the end of the queue, unless it is to be stopped. */
static void requeue_self(void)
{
    struct thread *self = cpu_this()->thread;

    self->state = self->stopped ? THREAD_BLOCKED : THREAD_READY;
    if (self->stopped || is_idle(cpu_index()))
        return;
    list_add_tail(&ready, &self->ready);
    (void)offer(self);
}

void thread_yield(void)
{
    uint64_t flags = sched_lock();

    if (next_ready()) {
        requeue_self();
        sched_switch();
    }
    sched_unlock(flags);
}

void thread_irq_exit(const struct trap_frame *f)
{
    struct thread *self = cpu_this()->thread;
    uint64_t flags;

    if (!self || !(cpu_this()->resched || __atomic_load_n(&self->stopped, __ATOMIC_RELAXED)))
        return;
    flags = sched_lock();
    self->preempted = f;
    requeue_self();
    sched_switch();
    self->preempted = NULL;
    sched_unlock(flags);
}

void thread_resched_irq(void)
{
    uint64_t flags = sched_lock();

    cpus[cpu_index()].told = false;
    if (next_ready() && is_idle(cpu_index()))
        cpu_this()->resched = true;
    else
        arm_timer();
    sched_unlock(flags);
}

void thread_wake(struct thread *t)
{
    uint64_t flags = sched_lock();

    sched_wake(t);
    sched_unlock(flags);
}

void thread_prepare_block(void)
{
    uint64_t flags = sched_lock();

    cpu_this()->thread->woken = false;
    sched_unlock(flags);
}

static void add_sleeper(struct thread *t, uint64_t deadline)
{
    struct list *sleepers = &cpus[cpu_index()].sleepers, *pos = sleepers->next;

    while (pos != sleepers && list_entry(pos, struct thread, sleeper)->wake_at <= deadline)
        pos = pos->next;
    t->wake_at = deadline;
    t->sleeping = true;
    list_insert_before(pos, &t->sleeper);
}

void thread_block(uint64_t deadline)
{
    struct thread *self = thread_self();
    uint64_t flags;

    lockdep_may_block("thread_block");
    flags = sched_lock();
    if (!self->woken && deadline > time_now_ns()) {
        self->state = THREAD_BLOCKED;
        if (deadline != TIME_NEVER)
            add_sleeper(self, deadline);
        sched_switch();
    }
    sched_unlock(flags);
}

void thread_sleep(uint64_t ns)
{
    uint64_t deadline = time_deadline(ns);

    while (time_now_ns() < deadline) {
        thread_prepare_block();
        thread_block(deadline);
    }
}

static void wake_due(uint64_t now)
{
    struct list *sleepers = &cpus[cpu_index()].sleepers;

    while (!list_empty(sleepers)) {
        struct thread *t = list_first(sleepers, struct thread, sleeper);

        if (t->wake_at > now)
            return;
        make_ready(t);
    }
}

void thread_timer_irq(void)
{
    uint64_t flags = sched_lock(), now = time_now_ns();

    cpus[cpu_index()].armed = TIME_NEVER;
    wake_due(now);
    if (now >= cpus[cpu_index()].slice_end && next_ready())
        cpu_this()->resched = true;
    else
        arm_timer();
    sched_unlock(flags);
}

/* ---- Taking the CPU away for good ---- */

#define STOP_POLITE_NS (5 * NS_PER_MS)
#define STOP_ROUND_NS  (10 * NS_PER_MS)
#define STOP_ROUNDS    1000u
/* NMIs that find interrupts off: by then nothing short is under way there. */
#define STOP_STRIKES 3u

static bool runs(const struct thread *t)
{
    return __atomic_load_n(&t->state, __ATOMIC_ACQUIRE) == THREAD_RUNNING && t->stopped;
}

static bool is_off(void *arg)
{
    return !runs(arg);
}

/* From now on it does not become ready. True: it runs, on *cpu. */
static bool begin_stop(struct thread *t, unsigned *cpu)
{
    uint64_t flags = sched_lock();
    bool running = t->state == THREAD_RUNNING;

    __atomic_store_n(&t->stopped, t->state != THREAD_FREE && t->state != THREAD_DEAD, __ATOMIC_RELAXED);
    t->stop_strikes = 0;
    if (t->state == THREAD_READY) {
        list_del(&t->ready);
        t->state = THREAD_BLOCKED;
    }
    *cpu = t->cpu;
    if (running)
        apic_send_ipi(cpu_get(*cpu)->apic_id, IRQ_VECTOR_RESCHED);
    sched_unlock(flags);
    return running;
}

void thread_stop(struct thread *t)
{
    unsigned cpu;

    plat_assert(t != thread_self());
    if (!begin_stop(t, &cpu) || time_poll(is_off, t, STOP_POLITE_NS))
        return;
    for (unsigned i = 0; i < STOP_ROUNDS; i++) {
        smp_evict(cpu);
        if (time_poll(is_off, t, STOP_ROUND_NS))
            return;
    }
    panic("thread '%s' cannot be taken off CPU %u", t->name, cpu);
}

void sched_evict(struct trap_frame *f)
{
    struct thread *self = cpu_this()->thread;

    if (!self->stopped || (f->rflags & RFLAGS_IF) || cpu_this()->spins || cpu_this()->in_firmware)
        return;
    if (++self->stop_strikes == STOP_STRIKES && !guard_hung(f))
        guard_leave(f);
}
