/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The executing CPU's local APIC, through its page (xAPIC) or through MSRs where the firmware left x2APIC on,
 * and its timer; also silences the two 8259 controllers. Intel SDM volume 3, chapter 11.
 */
#ifndef KERNEL_APIC_H
#define KERNEL_APIC_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

/* Masks the 8259s and every local interrupt source, enables the APIC. On the first CPU; panics when there is
 * none. */
void apic_init(void);

/* The same on a further CPU, its timer ready to be armed. False: its APIC is in x2APIC mode, the first CPU's
 * is not. */
must_check bool apic_init_cpu(void);

/* Ids have 32 bits: the APICs are in x2APIC mode. X. */
bool apic_is_x2(void);

/* "xAPIC" or "x2APIC". */
const char *apic_mode(void);

/* Id of the executing CPU, as an interrupt message names it. X. */
uint32_t apic_id(void);

/* End of the interrupt being served. X. */
void apic_eoi(void);

/* The timer's raw counter, for calibration: starts it from all ones with its interrupt masked; reads it. */
void apic_timer_measure(void);
uint32_t apic_timer_count(void);
/* Tells how fast that counter runs. */
void apic_timer_set_hz(uint64_t hz);
uint64_t apic_timer_hz(void);

/*
 * One interrupt (IRQ_VECTOR_TIMER) after `ns`, replacing an earlier one; may come early when `ns` is more
 * than the counter holds. X, interrupts off.
 */
void apic_timer_arm(uint64_t ns);

/* ---- Messages to other CPUs, by APIC id ---- */

/* Ids of 255 and more need x2APIC mode. X. */
bool apic_can_reach(uint32_t id);
/* An interrupt, an NMI. X, NMI handlers included. */
void apic_send_ipi(uint32_t id, unsigned vector);
void apic_send_nmi(uint32_t id);
/* INIT; and start-up at a page below 1 MiB, in real mode (Intel SDM volume 3, 9.4). */
void apic_send_init(uint32_t id);
void apic_send_startup(uint32_t id, uint64_t page_pa);

#endif
