/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between thread.c and sched.c: the ready queue, the deadlines, the switch. Not for anybody else.
 */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include <stdint.h>

struct thread;
struct trap_frame;

/* The scheduler's lock: interrupts off, held across a switch and let go by whoever runs next. */
uint64_t sched_lock(void);
void sched_unlock(uint64_t flags);

/* Makes the running context thread `idle` of this CPU, which takes part from now on. Interrupts off. */
void sched_init_cpu(struct thread *idle);

/* With the lock held: gives the CPU to the next ready thread; the running one's new state is already set. */
void sched_switch(void);
/* With the lock held: as thread_wake(). */
void sched_wake(struct thread *t);
/* With the lock held: takes a thread that is not running off the ready queue and the deadlines. */
void sched_remove(struct thread *t);

/* In an NMI: leads the frame away from a thread that thread_stop() waits for and that has interrupts off. */
void sched_evict(struct trap_frame *f);

#endif
