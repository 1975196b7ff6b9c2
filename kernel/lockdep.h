/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of how locks are used, always on. Locks of one name are one class. The order in which classes are
 * nested is learned; a nesting against it, or of a class in itself, is reported before the CPU spins, with
 * both chains. Blocking with a lock held, in an interrupt handler or with interrupts off is reported too. A
 * report is a panic, so it ends the running case.
 *
 * All locks keep interrupts off, so what is held belongs to the CPU.
 */
#ifndef KERNEL_LOCKDEP_H
#define KERNEL_LOCKDEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

#define LOCK_CLASSES   64u /* one bit each in a word */
#define LOCK_CHAIN_MAX 8u
#define LOCK_NO_CLASS  0u

/* What a CPU holds, outermost first. */
struct lock_chain {
    unsigned count;
    struct lock_held {
        const void *lock;
        uint64_t at; /* return address of the call that took it */
        uint32_t class;
    } held[LOCK_CHAIN_MAX];
};

/* Class of locks called `name` (alive for ever), LOCK_NO_CLASS when there are too many names. X. */
uint32_t lockdep_class(const char *name);

/* Before a lock is waited for: judges the nesting. Interrupts off. */
void lockdep_check(const void *lock, uint32_t class, uint64_t at);
/* The lock has been taken, or is given back, by the executing CPU. Interrupts off. */
void lockdep_push(const void *lock, uint32_t class, uint64_t at);
void lockdep_pop(const void *lock);

/* What the executing CPU holds is forgotten: whoever held it is given up. Interrupts off. */
void lockdep_forget(void);

/* No more reports: the machine is being stopped. X. */
void lockdep_off(void);

/* A point where the running thread may block, also when it does not today; `what` names the function. T. */
void lockdep_may_block(const char *what);

/* Locks that the executing CPU holds, as " 'name' (taken in function+0x12)", outermost first. X. */
void lockdep_describe(char *out, size_t size);

#endif
