/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's ACPI tables, found through RSDP and XSDT (RSDT where there is no XSDT), mapped read only.
 * A table whose length or checksum is wrong is reported and left out. Parsing is kernel/lib/acpi_walk.h.
 */
#ifndef KERNEL_ACPI_H
#define KERNEL_ACPI_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/acpi_walk.h"
#include "kernel/lib/compiler.h"

/*
 * Finds and maps all tables. `rsdp` is its physical address; 0 or a bad one leaves the machine without
 * tables, which is reported. Needs vm_init(). Once.
 */
void acpi_init(uint64_t rsdp);

/* Table number `index` (from 0, in the order of the XSDT) with signature `sig`. False when there is none. X.
 */
must_check bool acpi_find(const char *sig, unsigned index, struct acpi_bytes *out);

/* How many good tables carry `sig`, and how many were left out as bad. X. */
unsigned acpi_count(const char *sig);
unsigned acpi_bad_count(const char *sig);

/* DMAR number `index`: 0 and its bytes, valid for ever; -ENOENT when there are fewer. X. */
must_check int acpi_dmar(unsigned index, const void **table, uint32_t *length);

/*
 * Serial port that the firmware names: SPCR first, DBG2 else. `*source` becomes "SPCR" or "DBG2". False when
 * neither describes a 16550. X.
 */
must_check bool acpi_serial(struct acpi_gas *out, const char **source);

#endif
