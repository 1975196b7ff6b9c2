/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Further CPUs: bringing them up, and what one CPU may ask of the others at any time. Requests travel as NMI,
 * so they are served also where interrupts are off, and waiting for them cannot deadlock with a lock.
 */
#ifndef KERNEL_SMP_H
#define KERNEL_SMP_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cpu.h"
#include "kernel/traps.h"

/*
 * Starts every CPU that the MADT calls enabled, up to CPU_MAX; one that does not come up is reported and left
 * alone. Needs thread_start(), acpi_init(), apic_init(). Once. T.
 */
void smp_init(void);

/* CPUs that run, the first one included; their indices are 0 .. smp_cpus()-1. X. */
unsigned smp_cpus(void);
/* The executing CPU is one of them from now on. For smp_start.c. */
void smp_count_up(void);
/* CPUs that the MADT calls enabled; at least 1. */
unsigned smp_cpus_listed(void);

/* All other CPUs forget what they know of the page tables; returns when they have. X. */
void smp_flush_tlb(void);

/* Every other CPU looks at itself with watchdog_look(). X, NMI handlers included. */
void smp_watchdog_all(void);

/* CPU `index` gives the thread that it runs up if that is to be stopped (sched_evict()). X. */
void smp_evict(unsigned index);

/* Stops all other CPUs for good and waits a moment for that. X. */
void smp_stop_others(void);

/* Called first for every NMI. False: nobody sent it. */
bool smp_nmi(struct trap_frame *f);

#endif
