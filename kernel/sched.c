/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who runs: one ready queue, round robin in slices of 1 ms, and one list of deadlines. There is no periodic
 * tick: the timer is armed for the earliest thing that is due, and left alone when it is armed for something
 * earlier; so an idle emulator under virtual time jumps straight to the next event. An interrupt that came
 * too early just arms it again.
 */
#include "kernel/sched.h"

#include <stddef.h>

#include "iommu/platform.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/switch.h"
#include "kernel/thread.h"
#include "kernel/time.h"

#define SLICE_NS NS_PER_MS

static struct spin lock;
static struct list ready = LIST_INIT(ready);       /* struct thread.ready, next first */
static struct list sleepers = LIST_INIT(sleepers); /* struct thread.sleeper, earliest first */
static uint64_t switches;

/* Per CPU, under `lock`. */
static struct {
    struct thread *idle;
    uint64_t slice_end;
    uint64_t armed; /* when the timer fires, TIME_NEVER: it is not armed */
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

static bool is_idle(const struct thread *t)
{
    return t == cpus[cpu_index()].idle;
}

static uint64_t next_due(void)
{
    uint64_t due = TIME_NEVER;

    if (!list_empty(&sleepers))
        due = list_first(&sleepers, struct thread, sleeper)->wake_at;
    if (!list_empty(&ready) && cpus[cpu_index()].slice_end < due)
        due = cpus[cpu_index()].slice_end;
    return due;
}

static void arm_timer(void)
{
    uint64_t due = next_due(), now;

    if (due >= cpus[cpu_index()].armed)
        return;
    now = time_now_ns();
    apic_timer_arm(due > now ? due - now : 0);
    cpus[cpu_index()].armed = due;
}

static void start_slice(void)
{
    cpus[cpu_index()].slice_end = time_now_ns() + SLICE_NS;
}

void sched_init_cpu(struct thread *idle)
{
    cpus[cpu_index()].idle = idle;
    cpus[cpu_index()].armed = TIME_NEVER;
    cpu_this()->thread = idle;
}

void sched_remove(struct thread *t)
{
    list_del(&t->ready);
    list_del(&t->sleeper);
    t->sleeping = false;
}

static void make_ready(struct thread *t)
{
    bool first = list_empty(&ready);

    sched_remove(t);
    t->state = THREAD_READY;
    list_add_tail(&ready, &t->ready);
    if (first)
        start_slice();
    if (is_idle(cpu_this()->thread))
        cpu_this()->resched = true;
    else
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
    struct thread *t;

    if (list_empty(&ready))
        return cpus[cpu_index()].idle;
    t = list_first(&ready, struct thread, ready);
    list_del(&t->ready);
    return t;
}

void sched_switch(void)
{
    struct cpu *cpu = cpu_this();
    struct thread *prev = cpu->thread, *next = pick_next();

    cpu->resched = false;
    next->state = THREAD_RUNNING;
    start_slice();
    arm_timer();
    if (next == prev)
        return;
    cpu->thread = next;
    switches++;
    switch_stack(&prev->sp, next->sp);
}

/* The running thread goes to the end of the queue. */
static void requeue_self(void)
{
    struct thread *self = cpu_this()->thread;

    self->state = THREAD_READY;
    if (!is_idle(self))
        list_add_tail(&ready, &self->ready);
}

void thread_yield(void)
{
    uint64_t flags = sched_lock();

    if (!list_empty(&ready)) {
        requeue_self();
        sched_switch();
    }
    sched_unlock(flags);
}

void thread_irq_exit(const struct trap_frame *f)
{
    struct thread *self = cpu_this()->thread;
    uint64_t flags;

    if (!cpu_this()->resched || !self)
        return;
    flags = sched_lock();
    self->preempted = f;
    requeue_self();
    sched_switch();
    self->preempted = NULL;
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

    thread_self()->woken = false;
    sched_unlock(flags);
}

static void add_sleeper(struct thread *t, uint64_t deadline)
{
    struct list *pos = sleepers.next;

    while (pos != &sleepers && list_entry(pos, struct thread, sleeper)->wake_at <= deadline)
        pos = pos->next;
    t->wake_at = deadline;
    t->sleeping = true;
    list_insert_before(pos, &t->sleeper);
}

void thread_block(uint64_t deadline)
{
    struct thread *self = thread_self();
    uint64_t flags = sched_lock();

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
    while (!list_empty(&sleepers)) {
        struct thread *t = list_first(&sleepers, struct thread, sleeper);

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
    if (!list_empty(&ready) && now >= cpus[cpu_index()].slice_end)
        cpu_this()->resched = true;
    else
        arm_timer();
    sched_unlock(flags);
}
