/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads: preempted round robin, on any CPU or on the one they are bound to, each on a stack with a guard
 * page below it. No tick: the local APIC's timer is armed for the next thing that is due, which is the end of
 * the running thread's slice when another one is ready, else the earliest timeout; with nothing to do the CPU
 * sleeps in HLT.
 */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"

#define THREAD_MAX         64u
#define THREAD_STACK_PAGES 8u
#define THREAD_NAME_BYTES  20u
#define THREAD_ANY_CPU     UINT32_MAX

struct guard;
struct trap_frame;

enum thread_state {
    THREAD_FREE,    /* slot not in use */
    THREAD_NEW,     /* being made */
    THREAD_READY,   /* on the ready queue */
    THREAD_RUNNING, /* on a CPU */
    THREAD_BLOCKED, /* waiting for a wake or a deadline */
    THREAD_DEAD,    /* ended; waits for thread_join() */
};

/* (s) scheduler lock, (o) the thread itself, (w) lock of the wait queue it is on, (e) epoch lock. */
struct thread {
    uint64_t sp;             /* stack pointer while not running (s) */
    enum thread_state state; /* (s) */
    bool woken;              /* a wake came since the last thread_prepare_block() (s) */
    bool detached;           /* nobody joins it (s) */
    bool sleeping;           /* `sleeper` is on the list of deadlines (s) */
    bool stopped;            /* taken off its CPU, or about to be: runs no more (s) */
    unsigned stop_strikes;   /* NMIs that found it with interrupts off (its CPU's NMI handler) */
    unsigned cpu;            /* where it runs, or ran last (s) */
    unsigned bound;          /* the only CPU it may run on, THREAD_ANY_CPU; set before it starts */
    bool libc_ready;         /* newlib's state of this slot is good for use (o) */
    const struct trap_frame
        *preempted;        /* where an interrupt took the CPU away, NULL: it gave it up itself (o) */
    unsigned locks_held;   /* plat_locks (o) */
    unsigned read_depth;   /* nested read sections (o) */
    uint64_t blocks_since; /* first grace period that waits for this thread's read section, 0 none (e) */
    struct list blocker;   /* in the list of those (e) */
    struct list ready;     /* (s) */
    struct list sleeper;   /* (s) */
    uint64_t wake_at;      /* deadline while `sleeping` (s) */
    struct plat_waitq *waits_on; /* (o) */
    struct list waiter;          /* in waits_on->waiters (w) */
    struct guard *guard;   /* guarded run that this thread belongs to, NULL none; set before it starts */
    struct thread *joiner; /* (s) */
    uint64_t relax_last;   /* plat_relax(): when, how often in a row (o) */
    unsigned relax_count;
    void (*fn)(void *arg);
    void *arg;
    uint8_t *stack; /* lowest address, kept when the slot is free */
    char name[THREAD_NAME_BYTES];
};

/*
 * Makes the caller's context the idle thread of this CPU, runs `fn(arg)` in a first thread, and never
 * returns. Interrupts off at entry. Needs irq_init() and time_init().
 */
noreturn void thread_start(void (*fn)(void *arg), void *arg);

/*
 * A new thread, ready to run, of the creator's guarded run. It has to be joined, or detached. NULL: no free
 * slot or no memory for its stack. X.
 */
must_check struct thread *thread_create(const char *name, void (*fn)(void *arg), void *arg);
/* As thread_create, for `guard` (may be NULL) instead. X. */
must_check struct thread *thread_create_guarded(const char *name, void (*fn)(void *arg), void *arg,
                                                struct guard *guard);

/* As thread_create, to run on CPU `cpu` (below smp_cpus()) only: work handed to that CPU. X. */
must_check struct thread *thread_create_on(const char *name, void (*fn)(void *arg), void *arg, unsigned cpu);

/* Nobody will join it: its slot is free as soon as it ends. X. */
void thread_detach(struct thread *t);

/* Waits for the end of `t` and frees its slot. 0, -ETIMEDOUT (still to be joined). T. */
must_check int thread_join(struct thread *t, uint64_t timeout_ns);

/* Ends the running thread. */
noreturn void thread_exit(void);

/*
 * Takes `t` off its CPU: it keeps its stack and what it holds, and never runs again; thread_kill() is all
 * that is left to do with it. One that has interrupts off is made to leave what it does, by NMI; its guarded
 * run ends as hung. T.
 */
void thread_stop(struct thread *t);

/*
 * Ends `t`, which does not run and is not about to (thread_stop() sees to that), wherever it is: off its
 * queues, its locks and read sections forgotten, slot free. The caller answers for what it left half done. X.
 */
void thread_kill(struct thread *t);

/* Stops and kills every thread of `guard` apart from the running one; returns how many there were. T. */
unsigned thread_kill_guarded(const struct guard *guard);

/* The running thread, NULL before thread_start(). X. */
struct thread *thread_self(void);

/* Lets the other ready threads run first. T. */
void thread_yield(void);

/* T. */
void thread_sleep(uint64_t ns);

/* ---- For wait queues ---- */

/* From here on a wake of the running thread is remembered. X. */
void thread_prepare_block(void);
/* Sleeps until woken, or until `deadline`; at once when a wake was remembered. */
void thread_block(uint64_t deadline);
/* Wakes `t` from thread_block(). X. */
void thread_wake(struct thread *t);

/* ---- For a CPU that comes up ---- */

/* The thread that CPU `index` will be idle in; made once. NULL: no slot, no memory for its stack. T. */
must_check struct thread *thread_create_idle(unsigned index);
/* The executing CPU, on that thread's stack, is ready to be given threads. Interrupts off. */
void thread_adopt_idle(unsigned index);
/* Runs other threads for ever. */
noreturn void thread_idle(void);

/* ---- For interrupts ---- */

/* The timer's interrupt: wakes what is due, notes an ended slice. */
void thread_timer_irq(void);
/* Another CPU's interrupt: there may be something to run, or to arm the timer for. */
void thread_resched_irq(void);
/* Called last in an interrupt, end-of-interrupt already sent: switches when a switch is due. `f` is the
 * interrupt's frame. */
void thread_irq_exit(const struct trap_frame *f);

/* ---- For reports ---- */

/* Return addresses of `t`, which is not running, innermost first; returns how many. X. */
size_t thread_trace(const struct thread *t, uint64_t *out, size_t max);
/* Switches between threads so far. */
uint64_t thread_switch_count(void);
/* The thread at `index` of the table of THREAD_MAX, free slots included. */
struct thread *thread_slot(unsigned index);
/* Top of a thread's stack, 16-byte aligned. */
uint64_t thread_stack_top(const struct thread *t);

#endif
