/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enumeration. The firmware has numbered the buses and assigned the BARs; this only reads what it did. The
 * root buses of a segment are those that no bridge leads to; every bus is looked at once, so bridges that lie
 * about their buses cannot make it run for ever.
 */
#include "kernel/pci.h"

#include <errno.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/pci_config.h"
#include "kernel/vm.h"

enum {
    SEGMENTS_MAX = 16,
    BUSES = 256,

    REG_VENDOR = 0x00,
    REG_COMMAND = 0x04,
    REG_CLASS = 0x08,
    REG_HEADER = 0x0c, /* dword: header type in bits 23:16 */
    REG_BAR = 0x10,
    REG_BUSES = 0x18, /* dword: primary, secondary, subordinate */

    COMMAND_IO = 1 << 0,
    HEADER_MULTI = 1 << 7,
    HEADER_BRIDGE = 1,
    BRIDGE_BARS = 2,

    BAR_IO = 1 << 0,
    BAR_TYPE = 3 << 1,
    BAR_TYPE_64 = 2 << 1,

    EXP_FLAGS = 2, /* capability register, device type in bits 7:4 */
    EXP_TYPE_ROOT_PORT = 4,
    EXP_TYPE_UPSTREAM = 5,
    EXP_TYPE_DOWNSTREAM = 6,
    EXP_TYPE_TO_PCI = 7,
    EXP_TYPE_FROM_PCI = 8,
};

#define CLASS_HOST_BRIDGE 0x060000u
#define CLASS_MASK        0xffff00u

static struct pci_function functions[PCI_FUNCTIONS_MAX];
static unsigned function_count;
static uint8_t seen[BUSES / 8]; /* buses of the segment under way */

static bool see(uint8_t bus)
{
    bool before = seen[bus / 8] & (1u << bus % 8);

    seen[bus / 8] |= (uint8_t)(1u << bus % 8);
    return before;
}

/* ---- One function ---- */

static enum pci_kind kind_of(const struct pci_function *fn)
{
    bool bridge = fn->header == HEADER_BRIDGE;

    if (!fn->cap_pcie)
        return bridge ? PCI_TO_PCI : PCI_CONVENTIONAL;
    switch (pci_read16(fn->id, fn->cap_pcie + EXP_FLAGS) >> 4 & 0xf) {
    case EXP_TYPE_ROOT_PORT:
    case EXP_TYPE_UPSTREAM:
    case EXP_TYPE_DOWNSTREAM:
        return PCI_PORT;
    case EXP_TYPE_TO_PCI:
        return PCI_EXPRESS_TO_PCI;
    case EXP_TYPE_FROM_PCI:
        return PCI_TO_PCI;
    default:
        return PCI_ENDPOINT;
    }
}

/* All ones into the register, decode being off, tells the size; the old value goes back. */
static uint32_t probe_bar(struct pci_id id, uint16_t reg)
{
    uint32_t old = pci_read32(id, reg), mask;

    pci_write32(id, reg, UINT32_MAX);
    mask = pci_read32(id, reg);
    pci_write32(id, reg, old);
    return mask;
}

/* Reads the BAR at `i`; returns how many registers it takes. */
static unsigned read_bar(struct pci_function *fn, unsigned i, unsigned count)
{
    uint16_t reg = (uint16_t)(REG_BAR + 4 * i);
    uint32_t low = pci_read32(fn->id, reg), mask = probe_bar(fn->id, reg);
    struct pci_bar *bar = &fn->bars[i];
    uint64_t size;

    if (mask == 0 || mask == UINT32_MAX)
        return 1;
    bar->io = low & BAR_IO;
    if (bar->io) {
        bar->base = low & ~3u;
        bar->size = (~(mask & ~3u) & 0xffff) + 1;
        return 1;
    }
    bar->wide = (low & BAR_TYPE) == BAR_TYPE_64 && i + 1 < count;
    bar->base = low & ~0xfu;
    size = mask & ~0xfu;
    if (bar->wide) {
        bar->base |= (uint64_t)pci_read32(fn->id, reg + 4) << 32;
        size |= (uint64_t)probe_bar(fn->id, reg + 4) << 32;
    } else {
        size |= 0xffffffffull << 32;
    }
    bar->size = ~size + 1;
    return bar->wide ? 2 : 1;
}

/* Interrupts off: nobody uses the device while it decodes nothing. A host bridge keeps decoding. */
static void read_bars(struct pci_function *fn)
{
    unsigned count = fn->header == 0 ? PCI_BARS : fn->header == HEADER_BRIDGE ? BRIDGE_BARS : 0;
    uint16_t command = pci_read16(fn->id, REG_COMMAND);
    uint64_t flags;

    if ((fn->class & CLASS_MASK) == CLASS_HOST_BRIDGE)
        return;
    flags = irq_save();
    pci_write16(fn->id, REG_COMMAND, command & (uint16_t) ~(COMMAND_IO | PCI_COMMAND_MEM));
    for (unsigned i = 0; i < count;)
        i += read_bar(fn, i, count);
    pci_write16(fn->id, REG_COMMAND, command);
    irq_restore(flags);
}

/* NULL when no function answers, or when the table is full. `*multi`: the device has more than this one. */
static struct pci_function *add_function(struct pci_id id, struct pci_function *parent, bool *multi)
{
    uint32_t ids = pci_read32(id, REG_VENDOR), header;
    struct pci_function *fn = &functions[function_count];

    if (ids == UINT32_MAX || (ids & 0xffff) == 0)
        return NULL;
    header = pci_read32(id, REG_HEADER) >> 16 & 0xff;
    *multi = header & HEADER_MULTI;
    if (function_count == PCI_FUNCTIONS_MAX) {
        log_line(LOG_WARN, "pci: more than %u functions, %02x:%02x.%u left out", PCI_FUNCTIONS_MAX,
                 rid_bus(id.rid), rid_dev(id.rid), rid_fn(id.rid));
        return NULL;
    }
    function_count++;
    *fn = (struct pci_function){.id = id,
                                .vendor = (uint16_t)ids,
                                .device = (uint16_t)(ids >> 16),
                                .class = pci_read32(id, REG_CLASS) >> 8,
                                .revision = (uint8_t)pci_read32(id, REG_CLASS),
                                .header = header & 0x7f,
                                .parent = parent,
                                .cap_msi = pci_cap(id, PCI_CAP_MSI),
                                .cap_msix = pci_cap(id, PCI_CAP_MSIX),
                                .cap_pcie = pci_cap(id, PCI_CAP_PCIE)};
    fn->kind = kind_of(fn);
    read_bars(fn);
    return fn;
}

/* ---- Buses ---- */

/* Adds the functions of one bus; bridges among them get their bus numbers. */
static void scan_bus(uint16_t segment, uint8_t bus, struct pci_function *parent)
{
    pci_config_map(segment, bus);
    for (unsigned dev = 0; dev < 32; dev++) {
        bool multi = false;

        for (unsigned f = 0; f < (multi ? 8u : 1u); f++) {
            struct pci_id id = {segment, RID(bus, dev, f)};
            bool more = false;
            struct pci_function *fn = add_function(id, parent, &more);
            uint32_t buses;

            if (f == 0)
                multi = more;
            if (!fn || fn->header != HEADER_BRIDGE)
                continue;
            buses = pci_read32(id, REG_BUSES);
            fn->secondary = (uint8_t)(buses >> 8);
            fn->subordinate = (uint8_t)(buses >> 16);
        }
    }
}

/* Everything below the functions from `first` on; the table itself is the queue, so there is no recursion. */
static void scan_below(unsigned first)
{
    for (unsigned i = first; i < function_count; i++) {
        struct pci_function *fn = &functions[i];

        if (fn->header != HEADER_BRIDGE || fn->secondary == 0)
            continue;
        if (fn->secondary > fn->subordinate || see(fn->secondary)) {
            log_line(LOG_WARN, "pci: bridge %02x:%02x.%u leads to buses %02x-%02x, which cannot be",
                     rid_bus(fn->id.rid), rid_dev(fn->id.rid), rid_fn(fn->id.rid), fn->secondary,
                     fn->subordinate);
            continue;
        }
        scan_bus(fn->id.segment, fn->secondary, fn);
    }
}

/* Bus 0 and what is below it first; a bus that is still unseen then and has functions is a further root. */
static void scan_segment(uint16_t segment)
{
    memset(seen, 0, sizeof(seen));
    for (unsigned bus = 0; bus < BUSES; bus++) {
        unsigned first = function_count;

        if (see((uint8_t)bus))
            continue;
        if (bus > 0 && !pci_config_answers(segment, (uint8_t)bus))
            continue;
        scan_bus(segment, (uint8_t)bus, NULL);
        scan_below(first);
    }
}

static bool before(const struct pci_function *a, const struct pci_function *b)
{
    return a->id.segment != b->id.segment ? a->id.segment < b->id.segment : a->id.rid < b->id.rid;
}

const char *pci_kind_name(enum pci_kind kind)
{
    static const char *const names[] = {"PCIe function", "PCI function", "PCIe port", "PCIe-PCI bridge",
                                        "PCI bridge"};

    return names[kind];
}

void pci_init(void)
{
    uint16_t segments[SEGMENTS_MAX];
    unsigned count;

    pci_config_init();
    count = pci_config_segments(segments, SEGMENTS_MAX);
    for (unsigned i = 0; i < count; i++)
        scan_segment(segments[i]);
    for (const struct pci_function *fn = NULL; (fn = pci_next(fn));)
        log_line(LOG_DEBUG, "pci: %04x:%02x:%02x.%u %04x:%04x class %06x %s", fn->id.segment,
                 rid_bus(fn->id.rid), rid_dev(fn->id.rid), rid_fn(fn->id.rid), fn->vendor, fn->device,
                 fn->class, pci_kind_name(fn->kind));
}

/* ---- Looking functions up ---- */

struct pci_function *pci_next(const struct pci_function *prev)
{
    struct pci_function *next = NULL;

    for (unsigned i = 0; i < function_count; i++) {
        struct pci_function *fn = &functions[i];

        if ((!prev || before(prev, fn)) && (!next || before(fn, next)))
            next = fn;
    }
    return next;
}

struct pci_function *pci_by_id(struct pci_id id)
{
    for (unsigned i = 0; i < function_count; i++) {
        if (functions[i].id.segment == id.segment && functions[i].id.rid == id.rid)
            return &functions[i];
    }
    return NULL;
}

struct pci_function *pci_find(const struct pci_function *prev, uint16_t vendor, uint16_t device)
{
    struct pci_function *fn = pci_next(prev);

    while (fn && (fn->vendor != vendor || fn->device != device))
        fn = pci_next(fn);
    return fn;
}

/* ---- Using them ---- */

int pci_bar_map(const struct pci_function *fn, unsigned bar, struct plat_mmio *out)
{
    const struct pci_bar *b = &fn->bars[bar < PCI_BARS ? bar : 0];
    void *va;

    if (bar >= PCI_BARS || b->size == 0 || b->base == 0 || b->io)
        return -ENOENT;
    va = vm_map_mmio(b->base, b->size);
    if (!va)
        return -ENOMEM;
    *out = (struct plat_mmio){.va = (uintptr_t)va, .size = b->size};
    return 0;
}

void pci_enable(const struct pci_function *fn, bool mem, bool master)
{
    uint16_t command = pci_read16(fn->id, REG_COMMAND) & (uint16_t) ~(PCI_COMMAND_MEM | PCI_COMMAND_MASTER);

    pci_write16(fn->id, REG_COMMAND,
                (uint16_t)(command | (mem ? PCI_COMMAND_MEM : 0) | (master ? PCI_COMMAND_MASTER : 0)));
}
