/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guarded runs: a function in a thread of its own, which may trap, hang or panic without taking the run with
 * it.
 *
 * To a guarded run belong its first thread, all threads that these create, and, while it lasts, the workers
 * of the work queues and of the epoch. What goes wrong in any of them ends it. Then its threads are killed,
 * waiting work is dropped, and busy workers are replaced; memory, locks in memory and devices are the
 * caller's to clean up. A trap inside the kernel's own locks (newlib's is none of them), or outside any
 * guarded run, stops the machine.
 */
#ifndef KERNEL_GUARD_H
#define KERNEL_GUARD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"
#include "kernel/traps.h"

#define GUARD_TEXT_BYTES  256
#define GUARD_TRACE_DEPTH 16

enum guard_end { GUARD_RETURNED, GUARD_TRAPPED, GUARD_HUNG, GUARD_PANICKED };

struct guard_report {
    enum guard_end end;
    char text[GUARD_TEXT_BYTES];       /* one line: what happened, in which thread; "" when it returned */
    uint64_t trace[GUARD_TRACE_DEPTH]; /* return addresses, innermost first */
    size_t depth;
    uint64_t elapsed_ns;
    unsigned strays;  /* threads that outlived the function and were killed */
    unsigned dropped; /* pieces of work forgotten (never when it returned) */
};

/*
 * Runs fn(arg) guarded for at most `timeout_ns`. 0 with the report filled in, whatever the end was; -ENOMEM
 * when no thread could be made. May be called from a guarded run: what ends the inner one leaves the outer
 * one alone. T.
 */
must_check int guard_run(void (*fn)(void *arg), void *arg, uint64_t timeout_ns, struct guard_report *out);

/* "returned", "trapped", "hung", "panicked". */
const char *guard_end_name(enum guard_end end);

/* A guarded run is under way, and what the executing CPU does belongs to it. X. */
bool guard_active(void);

/*
 * Asked first for every exception. True: it ended a guarded run, and the frame now leads to where the CPU
 * goes on; the stub returns to it as always. False: nobody's; the caller stops the machine.
 */
bool guard_trap(struct trap_frame *f);

/* `g` is a guarded run that is under way; NULL, which is none, lasts for ever. T. */
struct guard;
bool guard_lasts(const struct guard *g);

/* Asked first by plat_panic(). Returns only when there is no guarded run to end. X. */
void guard_panic(const char *fmt, va_list ap) printf_like(1, 0);

/* For the watchdog: the innermost run's deadline, TIME_NEVER without one. X. */
uint64_t guard_deadline(void);
/* Ends the innermost run as hung with interrupts off, the frame showing where. As guard_trap(). */
bool guard_hung(struct trap_frame *f);
/* Leads the frame to where the CPU goes on when its thread, or its interrupt handler, is given up. */
void guard_leave(struct trap_frame *f);

#endif
