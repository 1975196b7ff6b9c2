/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of threads: slots, stacks, start, end, join, kill. Who runs next is decided in sched.c.
 *
 * Slots and stacks are used again and again; a stack stays with its slot, so that a guarded case costs no
 * page-table work. newlib asks for its per-thread state through __getreent().
 */
#include "kernel/thread.h"

#include <errno.h>
#include <reent.h>
#include <stdio.h>
#include <string.h>

#include "kernel/backtrace.h"
#include "kernel/cpu.h"
#include "kernel/epoch.h"
#include "kernel/lockdep.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "kernel/smp.h"
#include "kernel/switch.h"
#include "kernel/time.h"
#include "kernel/traps.h"
#include "kernel/vm.h"

static struct thread slots[THREAD_MAX];
static struct _reent reents[THREAD_MAX];

struct _reent *__getreent(void)
{
    struct thread *t = thread_self();

    return t ? &reents[t - slots] : _impure_ptr;
}

struct thread *thread_self(void)
{
    return CPU_READ(thread);
}

struct thread *thread_slot(unsigned index)
{
    return &slots[index];
}

uint64_t thread_stack_top(const struct thread *t)
{
    return (uint64_t)(uintptr_t)t->stack + (uint64_t)THREAD_STACK_PAGES * PAGE_SIZE;
}

/* First code of every thread; the scheduler's lock is held, as after any switch. */
static void thread_main(void)
{
    struct thread *t = thread_self();

    sched_unlock(RFLAGS_IF);
    t->fn(t->arg);
    thread_exit();
}

/* What switch_stack() expects to find: as if thread_main() had been called from address 0. */
static void prepare_stack(struct thread *t)
{
    uint64_t *top = (uint64_t *)(uintptr_t)thread_stack_top(t);
    struct switch_frame *frame = (struct switch_frame *)(top - 1) - 1;

    top[-1] = 0;
    *frame = (struct switch_frame){.rip = (uint64_t)(uintptr_t)thread_main};
    t->sp = (uint64_t)(uintptr_t)frame;
}

/* Takes a free slot; it is on no queue yet. */
static struct thread *take_slot(struct guard *guard)
{
    struct thread *t = NULL;
    uint64_t flags = sched_lock();

    for (unsigned i = 0; i < THREAD_MAX && !t; i++) {
        if (slots[i].state == THREAD_FREE)
            t = &slots[i];
    }
    if (t) {
        t->state = THREAD_NEW;
        t->stopped = false;
        t->guard = guard;
    }
    sched_unlock(flags);
    return t;
}

static void reset_slot(struct thread *t, const char *name)
{
    t->woken = t->detached = t->sleeping = false;
    t->preempted = NULL;
    t->locks_held = t->read_depth = t->relax_count = 0;
    t->blocks_since = t->relax_last = 0;
    t->waits_on = NULL;
    t->joiner = NULL;
    snprintf(t->name, sizeof(t->name), "%s", name);
    if (!t->libc_ready)
        _REENT_INIT_PTR(&reents[t - slots]);
    t->libc_ready = true;
}

static struct thread *create(const char *name, void (*fn)(void *arg), void *arg, struct guard *guard,
                             unsigned cpu)
{
    struct thread *t = take_slot(guard);
    uint64_t flags;

    if (!t)
        return NULL;
    if (!t->stack)
        t->stack = vm_stack_alloc(THREAD_STACK_PAGES);
    if (!t->stack) {
        t->state = THREAD_FREE;
        return NULL;
    }
    reset_slot(t, name);
    t->fn = fn;
    t->arg = arg;
    t->bound = cpu;
    prepare_stack(t);
    flags = sched_lock();
    t->state = THREAD_BLOCKED;
    sched_wake(t);
    sched_unlock(flags);
    return t;
}

struct thread *thread_create_guarded(const char *name, void (*fn)(void *arg), void *arg, struct guard *guard)
{
    return create(name, fn, arg, guard, THREAD_ANY_CPU);
}

static struct guard *own_guard(void)
{
    struct thread *self = thread_self();

    return self ? self->guard : NULL;
}

struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg)
{
    return create(name, fn, arg, own_guard(), THREAD_ANY_CPU);
}

struct thread *thread_create_on(const char *name, void (*fn)(void *arg), void *arg, unsigned cpu)
{
    plat_assert(cpu < smp_cpus());
    return create(name, fn, arg, own_guard(), cpu);
}

void thread_detach(struct thread *t)
{
    uint64_t flags = sched_lock();

    t->detached = true;
    if (t->state == THREAD_DEAD)
        t->state = THREAD_FREE;
    sched_unlock(flags);
}

/* Nobody waits for the locks and read sections of a thread that is no more. */
static void forget_holdings(struct thread *t)
{
    t->locks_held = 0;
    epoch_forget(t);
}

noreturn void thread_exit(void)
{
    struct thread *t = thread_self();

    cpu_cli();
    lockdep_forget();
    forget_holdings(t);
    sched_lock();
    t->state = t->detached ? THREAD_FREE : THREAD_DEAD;
    if (t->joiner)
        sched_wake(t->joiner);
    sched_switch();
    panic("thread: '%s' ran on after its end", t->name);
}

static bool is_dead(const struct thread *t)
{
    return __atomic_load_n(&t->state, __ATOMIC_ACQUIRE) == THREAD_DEAD;
}

static void set_joiner(struct thread *t, struct thread *joiner)
{
    uint64_t flags = sched_lock();

    t->joiner = joiner;
    sched_unlock(flags);
}

int thread_join(struct thread *t, uint64_t timeout_ns)
{
    uint64_t deadline = time_deadline(timeout_ns), flags;

    lockdep_may_block("thread_join");
    plat_assert(t != thread_self() && !t->detached);
    set_joiner(t, thread_self());
    thread_prepare_block();
    while (!is_dead(t)) {
        if (time_now_ns() >= deadline) {
            set_joiner(t, NULL);
            return -ETIMEDOUT;
        }
        thread_block(deadline);
        thread_prepare_block();
    }
    /* With the scheduler's lock it is certain that the thread has left its stack. */
    flags = sched_lock();
    t->state = THREAD_FREE;
    sched_unlock(flags);
    return 0;
}

void thread_kill(struct thread *t)
{
    struct plat_waitq *wq = t->waits_on;
    uint64_t flags;

    plat_assert(t != thread_self() && t->state != THREAD_RUNNING);
    if (t->state == THREAD_FREE)
        return;
    t->libc_ready = false;
    if (wq) {
        plat_lock(&wq->lock);
        list_del(&t->waiter);
        plat_unlock(&wq->lock);
        t->waits_on = NULL;
    }
    forget_holdings(t);
    flags = sched_lock();
    sched_remove(t);
    t->state = THREAD_FREE;
    if (t->joiner)
        sched_wake(t->joiner);
    sched_unlock(flags);
}

static bool is_other_of(const struct thread *t, const struct guard *guard)
{
    return t->guard == guard && t->state != THREAD_FREE && t != thread_self();
}

/* A running one may make further ones until it is stopped. */
static void stop_guarded(const struct guard *guard)
{
    bool again = true;

    for (unsigned pass = 0; again && pass < THREAD_MAX; pass++) {
        again = false;
        for (unsigned i = 0; i < THREAD_MAX; i++) {
            if (!is_other_of(&slots[i], guard) || slots[i].stopped || slots[i].state == THREAD_DEAD)
                continue;
            thread_stop(&slots[i]);
            again = true;
        }
    }
}

unsigned thread_kill_guarded(const struct guard *guard)
{
    unsigned killed = 0;

    stop_guarded(guard);
    for (unsigned i = 0; i < THREAD_MAX; i++) {
        struct thread *t = &slots[i];

        if (!is_other_of(t, guard))
            continue;
        killed += t->state != THREAD_DEAD;
        thread_kill(t);
    }
    return killed;
}

size_t thread_trace(const struct thread *t, uint64_t *out, size_t max)
{
    const struct switch_frame *frame = (const struct switch_frame *)(uintptr_t)t->sp;

    if (t->preempted)
        return backtrace_trap(t->preempted, out, max);
    return t->sp ? backtrace_from(frame->rip, frame->rbp, out, max) : 0;
}

/* An interrupt that makes a thread ready switches to it before it returns here. */
noreturn void thread_idle(void)
{
    for (;;) {
        thread_yield();
        cpu_sti_hlt();
    }
}

static struct thread *idles[CPU_MAX];

struct thread *thread_create_idle(unsigned index)
{
    char name[THREAD_NAME_BYTES];
    struct thread *t = idles[index];

    if (t)
        return t;
    t = take_slot(NULL);
    if (!t)
        return NULL;
    snprintf(name, sizeof(name), "idle %u", index);
    reset_slot(t, name);
    if (index && !t->stack)
        t->stack = vm_stack_alloc(THREAD_STACK_PAGES);
    if (index && !t->stack) {
        t->state = THREAD_FREE;
        return NULL;
    }
    idles[index] = t;
    return t;
}

void thread_adopt_idle(unsigned index)
{
    sched_init_cpu(idles[index]);
}

noreturn void thread_start(void (*fn)(void *arg), void *arg)
{
    struct thread *t;

    for (unsigned i = 0; i < THREAD_MAX; i++) {
        list_init(&slots[i].ready);
        list_init(&slots[i].sleeper);
        list_init(&slots[i].waiter);
        list_init(&slots[i].blocker);
    }
    if (!thread_create_idle(0))
        panic("thread: no slot for the first one");
    thread_adopt_idle(0);
    t = thread_create_guarded("main", fn, arg, NULL);
    if (!t)
        panic("thread: no memory for the first stack");
    thread_detach(t);
    thread_idle();
}
