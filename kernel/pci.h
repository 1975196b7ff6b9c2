/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI Express functions: configuration access (ECAM through the MCFG, else ports CF8h/CFCh), what is there,
 * and what the bridges above do to requester ids. PCI Express 6.0 chapter 7, PCI-to-PCI Bridge 1.2.
 */
#ifndef KERNEL_PCI_H
#define KERNEL_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "kernel/intr.h"
#include "kernel/lib/compiler.h"

#define PCI_FUNCTIONS_MAX 2048u
#define PCI_BARS          6u

#define PCI_COMMAND_MEM    0x0002u
#define PCI_COMMAND_MASTER 0x0004u

#define PCI_CAP_MSI  0x05
#define PCI_CAP_PCIE 0x10
#define PCI_CAP_MSIX 0x11

enum pci_kind {
    PCI_ENDPOINT,       /* PCI Express, root complex integrated ones included */
    PCI_CONVENTIONAL,   /* no PCI Express capability */
    PCI_PORT,           /* root, upstream or downstream port: requester ids pass unchanged */
    PCI_EXPRESS_TO_PCI, /* bridge that speaks for all below it as (secondary bus):00.0 */
    PCI_TO_PCI,         /* conventional bridge (or PCI to PCI Express): speaks as itself */
};

struct pci_bar {
    uint64_t base; /* 0: not there or not assigned */
    uint64_t size;
    bool io;
    bool wide; /* 64-bit: the next BAR is its upper half */
};

struct pci_function {
    struct pci_id id;
    uint16_t vendor;
    uint16_t device;
    uint32_t class; /* base class, sub-class, interface: 0x010802 */
    uint8_t revision;
    uint8_t header; /* 0 device, 1 bridge; bit 7 dropped */
    enum pci_kind kind;
    struct pci_bar bars[PCI_BARS];
    uint16_t cap_msi; /* offsets of capabilities, 0 absent */
    uint16_t cap_msix;
    uint16_t cap_pcie;
    uint8_t secondary; /* buses behind a bridge; 0 when there are none */
    uint8_t subordinate;
    struct pci_function *parent; /* bridge above, NULL on a root bus */
    bool mastered;               /* the firmware left Bus Master Enable set */
    struct intr_source intr;     /* its message; in use from pci_msi_enable() on */
};

/* Finds all functions. Needs acpi_init() and the heap. T. */
void pci_init(void);

/* All functions in order of segment and requester id, parents before children: NULL gives the first. X. */
struct pci_function *pci_next(const struct pci_function *prev);
struct pci_function *pci_by_id(struct pci_id id);
/* The next function after `prev` (NULL: the first) with that vendor and device. X. */
struct pci_function *pci_find(const struct pci_function *prev, uint16_t vendor, uint16_t device);

/* Configuration space; as plat_pci_* of the seam. X. */
uint32_t pci_read32(struct pci_id id, uint16_t offset);
uint16_t pci_read16(struct pci_id id, uint16_t offset);
uint8_t pci_read8(struct pci_id id, uint16_t offset);
void pci_write32(struct pci_id id, uint16_t offset, uint32_t value);
void pci_write16(struct pci_id id, uint16_t offset, uint16_t value);

/* Offset of a capability, or of an extended one (at 100h and up); 0 when the function has none. X. */
uint16_t pci_cap(struct pci_id id, uint8_t cap);
uint16_t pci_ext_cap(struct pci_id id, uint16_t cap);

/* Maps memory BAR `bar`. 0, -ENOENT (none, an I/O BAR, or not assigned), -ENOMEM. T. */
must_check int pci_bar_map(const struct pci_function *fn, unsigned bar, struct plat_mmio *out);

/* Memory decode and bus mastering on or off. X. */
void pci_enable(const struct pci_function *fn, bool mem, bool master);

/*
 * Ends DMA that the firmware left running: Bus Master Enable off in every endpoint. Bridges keep it, as they
 * pass on what others send; so do display controllers, which only read what the screen shows. What is to do
 * DMA is switched on by pci_enable(). After pci_init(). T.
 */
void pci_quiesce(void);
/* Bus Master Enable in every endpoint as pci_quiesce() found it. T. */
void pci_restore(void);

/*
 * Routes the function's interrupts to one message: MSI, else entry 0 of MSI-X with all others masked; INTx
 * off. `msi` is of xAPIC format; while interrupts are remapped the function sends by an entry that has the
 * same vector. 0, -ENOENT (neither), -ENOMEM (MSI-X table cannot be mapped), -ENOSPC. T.
 */
must_check int pci_msi_enable(struct pci_function *fn, const struct plat_msi *msi);
void pci_msi_disable(struct pci_function *fn);

/*
 * Requester ids under which requests of `fn` can reach an IOMMU: what the bridges above it make of them
 * first, its own last. Returns how many of `max` were filled in; 1 means its own only. X.
 */
unsigned pci_aliases(const struct pci_function *fn, struct pci_id *out, unsigned max);

/* The bridge that `fn` shares a requester id behind, NULL when it has one of its own. X. */
const struct pci_function *pci_alias_bridge(const struct pci_function *fn);

/* "root port", "PCIe-PCI bridge", ... */
const char *pci_kind_name(enum pci_kind kind);

#endif
