/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI DMAR table (VT-d 5.10, DMA Remapping Reporting Structure): which units there are, which devices
 * each of them translates, which memory firmware wants to stay reachable. Pure: bytes in, values out; no
 * platform call, no allocation, no limit on the number of structures. dmar_parse checks everything once; all
 * else reads the same bytes again in place, so they must outlive the struct dmar and not change.
 *
 * Tolerated: structure and scope types that are not known (skipped by their length, counted), structures out
 * of the prescribed ascending order, a clear INCLUDE_PCI_ALL everywhere. A fault of the firmware's that
 * leaves everything else readable is passed over, and named: reserved memory that cannot be. All functions
 * may be called in any context.
 */
#ifndef IOMMU_DMAR_H
#define IOMMU_DMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/types.h"
#include "kernel/lib/compiler.h"

/* VT-d 5.10, Remapping Structure Types */
enum dmar_type {
    DMAR_DRHD = 0, /* a remapping unit */
    DMAR_RMRR = 1, /* memory that stays identity mapped for its devices */
    DMAR_ATSR = 2, /* root ports that support ATS */
    DMAR_RHSA = 3, /* proximity domain of a unit */
    DMAR_ANDD = 4, /* device that only the ACPI namespace knows */
    DMAR_SATC = 5, /* integrated devices with ATS */
    DMAR_SIDP = 6, /* properties of integrated devices; where there is one, SATC is ignored */
    DMAR_TYPES
};

/* VT-d 5.10, Device Scope Structure, Type */
enum dmar_scope_type {
    DMAR_SCOPE_ENDPOINT = 1,
    DMAR_SCOPE_BRIDGE = 2, /* with everything below it */
    DMAR_SCOPE_IOAPIC = 3,
    DMAR_SCOPE_HPET = 4,
    DMAR_SCOPE_NAMESPACE = 5,
};

/* The table as a whole. */
struct dmar {
    const uint8_t *bytes;
    uint32_t size; /* by its header */
    uint8_t revision;
    uint8_t haw; /* host address width in bits */
    bool intr_remap;
    bool x2apic_opt_out;
    bool dma_ctrl_opt_in;
    unsigned count[DMAR_TYPES];
    unsigned unknown; /* structures of other types */
    unsigned faulty;  /* passed over: see dmar_next_faulty(); not in `count` */
};

/* What is wrong with a table: `offset` is that of the structure or scope, `what` is a fixed string. */
struct dmar_error {
    int err;
    uint32_t offset;
    const char *what;
};

/* One structure. A zeroed one stands before the first. Fields that its type does not have are 0. */
struct dmar_struct {
    uint16_t type; /* enum dmar_type, or an unknown one */
    uint32_t offset;
    uint32_t size;
    uint32_t scopes; /* offset of the device scopes; 0: it has none */
    uint16_t segment;
    bool include_all;      /* DRHD: every device of the segment that no other unit claims */
    bool all_ports;        /* ATSR */
    bool atc_required;     /* SATC */
    paddr_t base;          /* DRHD, RHSA: registers; RMRR: first byte */
    uint64_t length;       /* DRHD: bytes of registers; RMRR: bytes of memory */
    uint32_t proximity;    /* RHSA */
    uint8_t acpi_device;   /* ANDD: number that scopes of type NAMESPACE refer to */
    const char *acpi_name; /* ANDD: path in the namespace */
};

/* One device scope. A zeroed one stands before the first. */
struct dmar_scope {
    uint8_t type; /* enum dmar_scope_type, or an unknown one */
    uint32_t offset;
    uint32_t size;
    uint8_t flags; /* SIDP only: bits of enum dmar_sidp_flag */
    uint8_t id;    /* IOAPIC, HPET: its number; NAMESPACE: of the ANDD */
    uint8_t start_bus;
    unsigned path_len;   /* 1 .. 124 pairs; unknown types may have none */
    const uint8_t *path; /* device, function, device, function, ... */
};

/* VT-d 5.10, SoC Integrated Device Property: flags of its scopes, by bit number */
enum dmar_sidp_flag {
    DMAR_SIDP_NO_NESTED = 0, /* no nested translation for requests without PASID */
    DMAR_SIDP_NO_PWSNP = 1,
    DMAR_SIDP_NO_PGSNP = 2,
    DMAR_SIDP_ATC_HARDENED = 3,
    DMAR_SIDP_ATC_REQUIRED = 4,
};

/*
 * Checks `size` bytes (the header's length may be less) and fills `out`. 0; else the same negative value as
 * in error->err: -EINVAL for what is malformed (signature, checksum, lengths, a unit's alignment, a path that
 * cannot be), -EEXIST for two units that claim the same registers or the same device. `out` is valid only
 * after 0.
 */
must_check int dmar_parse(const void *bytes, size_t size, struct dmar *out, struct dmar_error *error);

/* Steps to the next structure, the next scope of `s`. False behind the last one. What is faulty is passed
 * over. */
bool dmar_next(const struct dmar *dmar, struct dmar_struct *s);
bool dmar_next_scope(const struct dmar *dmar, const struct dmar_struct *s, struct dmar_scope *scope);

/* Steps through those that dmar_next() passes over; `*what` is a fixed string. */
bool dmar_next_faulty(const struct dmar *dmar, struct dmar_struct *s, const char **what);

#define dmar_for_each(s, dmar) for (struct dmar_struct s = {0}; dmar_next(dmar, &s);)
#define dmar_for_each_scope(scope, dmar, s)                                                                  \
    for (struct dmar_scope scope = {0}; dmar_next_scope(dmar, s, &scope);)

/* Aligned dword of configuration space, all ones where no function answers; `ctx` is the caller's. */
typedef uint32_t dmar_cfg_read(void *ctx, struct pci_id fn, uint16_t offset);

/*
 * The requester id that a scope's path leads to: for every pair but the last the bus goes on to the secondary
 * bus of that bridge, as it is numbered now. 0, or -ENODEV when a bridge on the way is not there (or the
 * scope is of an unknown type and has no path). Scopes of type IOAPIC, HPET and NAMESPACE name a source id,
 * no path to walk: their last pair on the start bus.
 */
must_check int dmar_scope_rid(const struct dmar_struct *s, const struct dmar_scope *scope,
                              dmar_cfg_read *read, void *ctx, uint16_t *rid);

/*
 * Whether a scope of `s` covers the function: names it, or a bridge above it (IOAPIC and HPET scopes do not
 * count). Virtual functions and ARI functions are asked for by their physical function, bridged ones by their
 * own id.
 */
bool dmar_covers(const struct dmar *dmar, const struct dmar_struct *s, struct pci_id fn, dmar_cfg_read *read,
                 void *ctx);

/*
 * The unit that translates the function: the one whose scopes cover it, else the segment's INCLUDE_PCI_ALL
 * unit. 0, or -ENODEV.
 */
must_check int dmar_unit_for(const struct dmar *dmar, struct pci_id fn, dmar_cfg_read *read, void *ctx,
                             struct dmar_struct *out);

/*
 * The unit that remaps the interrupts of the I/O APIC with that number in the MADT, and the requester id that
 * they carry. 0, or -ENODEV.
 */
must_check int dmar_unit_for_ioapic(const struct dmar *dmar, uint8_t id, struct dmar_struct *out,
                                    uint16_t *rid);

/* One line for reports: of the table's header, of one structure with its scopes. Cut off at `size` (1 or
 * more). */
void dmar_text(const struct dmar *dmar, char *out, size_t size);
void dmar_struct_text(const struct dmar *dmar, const struct dmar_struct *s, char *out, size_t size);
/* "scope leaves its structure at offset 68". */
void dmar_error_text(const struct dmar_error *error, char *out, size_t size);

#endif
