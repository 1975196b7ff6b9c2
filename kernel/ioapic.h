/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O APICs as the MADT lists them. All pins are masked at start; devices use MSI. Only the watchdog routes a
 * pin.
 */
#ifndef KERNEL_IOAPIC_H
#define KERNEL_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

/* Maps them and masks every pin. Needs acpi_init() and vm_init(). A machine without any is left as it is. */
void ioapic_init(void);

/* Global system interrupt that ISA interrupt `isa` arrives at: 2 for the PIT on most machines (MADT
 * overrides). */
uint32_t ioapic_isa_gsi(uint8_t isa);

/*
 * Delivers `gsi` as NMI, edge triggered, to the CPU with APIC id `cpu` (0..255); through a remapping entry
 * while interrupts are remapped. One pin only. 0, -ENOENT (no I/O APIC has that pin), -EINVAL, -EBUSY. T.
 */
must_check int ioapic_route_nmi(uint32_t gsi, uint32_t cpu);

/* The pin's 64-bit redirection entry as it is. 0, -ENOENT. X. */
must_check int ioapic_read(uint32_t gsi, uint64_t *entry);

#endif
