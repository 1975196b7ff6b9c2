/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Catches a guarded run that hangs with interrupts off: PIT channel 0 raises an NMI through the I/O APIC 73
 * times a second, and every CPU looks at itself then. (With interrupts on, the deadline of guard_run() is
 * enough.)
 */
#ifndef KERNEL_WATCHDOG_H
#define KERNEL_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/traps.h"

/* Starts it. Where the machine has no PIT that counts or no pin for it, there is none, which is reported. */
void watchdog_init(void);

/* It was started, and how often it has looked. */
bool watchdog_running(void);
uint64_t watchdog_ticks(void);

/* All CPUs are idle: it rests; one is not: it goes on. Interrupts off, one call at a time. */
void watchdog_idle(bool idle);
/* Whether it does; it does from the start. For what counts its NMIs in a sleep. */
void watchdog_may_rest(bool yes);

/* On every CPU while a case is overdue: ends it if this CPU hangs in it with interrupts off. In an NMI. */
void watchdog_look(struct trap_frame *f);

/* Called for every NMI that no CPU sent. False: not the watchdog's; the frame may have been led elsewhere as
 * by guard_trap().
 */
bool watchdog_nmi(struct trap_frame *f);

#endif
