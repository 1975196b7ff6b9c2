/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts by vector: allocation for messages (MSI), dispatch, and what happens when a handler goes wrong.
 * Handlers run with interrupts off on the interrupted thread's stack and do not nest.
 */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "kernel/traps.h"

#define IRQ_VECTOR_MSI_FIRST 0x40
#define IRQ_VECTOR_MSI_LAST  0xdf
#define IRQ_VECTOR_TIMER     0xe0
#define IRQ_VECTOR_RESCHED   0xe1
#define IRQ_VECTOR_SPURIOUS  0xff

/* Takes vectors 32..255 over. Needs trap_init() and apic_init(). Once. */
void irq_init(void);

/* plat_msi_alloc and plat_msi_free of the seam. */
must_check int irq_msi_alloc(void (*handler)(void *arg), void *arg, struct plat_msi *out);
void irq_msi_free(const struct plat_msi *msi);

/* Interrupts served by the executing CPU so far: the watchdog's sign of life. X. */
uint64_t irq_count(void);

/* Interrupts that nobody had asked for, by number. */
uint64_t irq_stray_count(void);

/* An interrupt handler is under way on the executing CPU. X. */
bool irq_in_handler(void);

/*
 * Gives the handler under way up: its locks and read sections are forgotten, and its interrupt returns as if
 * it had finished. irq_abandon_at() makes the trap frame of that handler do so on return. X.
 */
noreturn void irq_abandon(void);
void irq_abandon_at(struct trap_frame *f);

#endif
