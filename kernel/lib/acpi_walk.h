/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables as bytes: every read checked against the length that is really there, nothing mapped, nothing
 * allocated, so that the same code meets hostile tables on the host. ACPI 6.5, chapter 5.2.
 */
#ifndef KERNEL_LIB_ACPI_WALK_H
#define KERNEL_LIB_ACPI_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

#define ACPI_HEADER_SIZE 36u        /* 5.2.6 */
#define ACPI_TABLE_MAX   (1u << 24) /* no honest table is larger */
#define ACPI_RSDP_MAX    36u        /* 5.2.5.3, revision 2 */

/* A table in memory: header included, `length` bytes are readable. */
struct acpi_bytes {
    const uint8_t *at;
    uint32_t length;
};

/* What the RSDP says: the address of the XSDT (64-bit entries) or of the RSDT (32-bit entries). */
struct acpi_root {
    uint64_t table;
    bool wide;
};

/* Generic Address Structure (5.2.3.2), `space` 0 memory, 1 I/O ports. address 0: there is none. */
struct acpi_gas {
    uint8_t space;
    uint8_t width;  /* bits */
    uint8_t access; /* 0 undefined, 1 byte .. 4 qword */
    uint64_t address;
};

/* One entry of a MADT, MADT-like list: type, its bytes (type and length included). */
struct acpi_entry {
    uint8_t type;
    struct acpi_bytes bytes;
};

/* One range of configuration space (PCI Firmware 3.3, table 4-3). */
struct acpi_ecam {
    uint64_t base; /* of bus 0, also when start_bus is higher */
    uint16_t segment;
    uint8_t start_bus;
    uint8_t end_bus;
};

/* Little-endian value of `size` 1..8 bytes at `offset`; 0 when it is not all inside. */
uint64_t acpi_get(struct acpi_bytes t, uint32_t offset, unsigned size);

/* True when the bytes add up to zero (5.2.2). */
bool acpi_sum_ok(const uint8_t *at, uint32_t length);

/* Judges `length` bytes that start with "RSD PTR ". 0, -EINVAL (signature, short), -EILSEQ (checksum). */
must_check int acpi_rsdp_parse(const uint8_t *at, uint32_t length, struct acpi_root *out);

/* True when the signature of the table is `sig` (four characters). */
bool acpi_is(struct acpi_bytes t, const char *sig);

/* Addresses in an RSDT or XSDT: how many, and the one of `index` (0 when out of range). */
uint32_t acpi_root_count(struct acpi_bytes root, bool wide);
uint64_t acpi_root_entry(struct acpi_bytes root, bool wide, uint32_t index);

/*
 * Walks {type, length} lists: `*offset` starts at the first entry (44 in a MADT) and is moved on. False at
 * the end and at the first entry that does not fit into the table.
 */
bool acpi_next_entry(struct acpi_bytes t, uint32_t *offset, struct acpi_entry *out);

/*
 * APIC ids of the CPUs that a MADT lists as enabled (5.2.12.2, 5.2.12.12), in its order and each once, be it
 * listed as local APIC and as local x2APIC; `max` at most. Returns how many that are.
 */
unsigned acpi_madt_cpus(struct acpi_bytes madt, uint32_t *ids, unsigned max);

/* Range `index` of an MCFG. False when there is none or it makes no sense (end before start). */
bool acpi_mcfg_range(struct acpi_bytes mcfg, uint32_t index, struct acpi_ecam *out);

/* Address structure at `offset`; all zero where the table is too short. */
struct acpi_gas acpi_get_gas(struct acpi_bytes t, uint32_t offset);

/* PM timer of a FADT (5.2.9): the X_ form where present, else the I/O port. `*wide` 32 instead of 24 bits. */
struct acpi_gas acpi_fadt_pm_timer(struct acpi_bytes fadt, bool *wide);

/* Registers of the first 16550 of an SPCR or a DBG2. False when the table describes none. */
bool acpi_spcr_serial(struct acpi_bytes spcr, struct acpi_gas *out);
bool acpi_dbg2_serial(struct acpi_bytes dbg2, struct acpi_gas *out);

#endif
