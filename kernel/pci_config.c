/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space: a bus is mapped from its ECAM range when the enumeration first looks at it; what is
 * not mapped is reached through ports CF8h/CFCh, which know segment 0 and the first 256 bytes only. PCI
 * Express 6.0, 7.2.
 */
#include "kernel/pci_config.h"

#include <stddef.h>

#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/pci.h"
#include "kernel/spin.h"
#include "kernel/vm.h"

enum {
    RANGES_MAX = 16,
    BUSES = 256,
    DEVICES = 32,
    BUS_BYTES = 1 << 20,
    FUNCTION_BYTES = 4096,

    PORT_ADDRESS = 0xcf8,
    PORT_DATA = 0xcfc,
    PORT_SPACE = 256,

    CAP_FIRST = 0x34,
    CAP_STATUS = 0x06,
    CAP_STATUS_LIST = 1 << 4,
    CAPS_MAX = 48, /* as many as fit below 100h */
    EXT_CAP_FIRST = 0x100,
    EXT_CAPS_MAX = 480,
};

#define PORT_ENABLE 0x80000000u

static struct range {
    struct acpi_ecam ecam;
    volatile uint8_t *bus[BUSES]; /* NULL: not mapped */
} ranges[RANGES_MAX];
static unsigned range_count;
static struct spin port_lock = SPIN_INIT("pci ports");

void pci_config_init(void)
{
    struct acpi_bytes mcfg;
    struct acpi_ecam e;

    if (!acpi_find("MCFG", 0, &mcfg)) {
        log_line(LOG_WARN, "pci: no MCFG, configuration space ends at 256 bytes");
        return;
    }
    for (uint32_t i = 0; range_count < RANGES_MAX && acpi_mcfg_range(mcfg, i, &e); i++)
        ranges[range_count++].ecam = e;
}

unsigned pci_config_segments(uint16_t *out, unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < range_count; i++) {
        bool seen = false;

        for (unsigned j = 0; j < n; j++)
            seen |= out[j] == ranges[i].ecam.segment;
        if (!seen && n < max)
            out[n++] = ranges[i].ecam.segment;
    }
    if (n == 0 && max > 0)
        out[n++] = 0;
    return n;
}

static struct range *range_of(uint16_t segment, uint8_t bus)
{
    for (unsigned i = 0; i < range_count; i++) {
        const struct acpi_ecam *e = &ranges[i].ecam;

        if (e->segment == segment && bus >= e->start_bus && bus <= e->end_bus)
            return &ranges[i];
    }
    return NULL;
}

void pci_config_map(uint16_t segment, uint8_t bus)
{
    struct range *r = range_of(segment, bus);

    if (!r || r->bus[bus])
        return;
    r->bus[bus] = vm_map_mmio(r->ecam.base + (uint64_t)bus * BUS_BYTES, BUS_BYTES);
    if (!r->bus[bus])
        log_line(LOG_WARN, "pci: bus %04x:%02x cannot be mapped", segment, bus);
}

bool pci_config_answers(uint16_t segment, uint8_t bus)
{
    struct range *r = segment ? range_of(segment, bus) : NULL;
    bool answers = false;

    /* Segment 0 through the ports: no page tables for buses that are not there. */
    if (segment && !r)
        return false;
    if (r)
        pci_config_map(segment, bus);
    for (unsigned dev = 0; dev < DEVICES && !answers; dev++)
        answers = pci_read32((struct pci_id){segment, RID(bus, dev, 0)}, 0) != UINT32_MAX;
    if (r && r->bus[bus]) {
        vm_unmap_io(r->bus[bus], BUS_BYTES);
        r->bus[bus] = NULL;
    }
    return answers;
}

/* Where the register is in memory; NULL: nowhere. */
static volatile void *ecam_at(struct pci_id id, uint16_t offset)
{
    struct range *r = range_of(id.segment, rid_bus(id.rid));
    volatile uint8_t *bus = r ? r->bus[rid_bus(id.rid)] : NULL;

    return bus ? bus + (uint32_t)rid_devfn(id.rid) * FUNCTION_BYTES + offset : NULL;
}

static bool port_reaches(struct pci_id id, uint16_t offset)
{
    return id.segment == 0 && offset < PORT_SPACE;
}

static void port_select(struct pci_id id, uint16_t offset)
{
    outl(PORT_ADDRESS, PORT_ENABLE | (uint32_t)id.rid << 8 | (offset & 0xfcu));
}

uint32_t pci_read32(struct pci_id id, uint16_t offset)
{
    const volatile uint32_t *at = ecam_at(id, offset);
    uint64_t flags;
    uint32_t value;

    plat_assert(offset % 4 == 0 && offset < FUNCTION_BYTES);
    if (at)
        return *at;
    if (!port_reaches(id, offset))
        return UINT32_MAX;
    flags = spin_lock(&port_lock);
    port_select(id, offset);
    value = inl(PORT_DATA);
    spin_unlock(&port_lock, flags);
    return value;
}

uint16_t pci_read16(struct pci_id id, uint16_t offset)
{
    return (uint16_t)(pci_read32(id, offset & 0xffcu) >> (offset % 4 * 8));
}

uint8_t pci_read8(struct pci_id id, uint16_t offset)
{
    return (uint8_t)(pci_read32(id, offset & 0xffcu) >> (offset % 4 * 8));
}

void pci_write32(struct pci_id id, uint16_t offset, uint32_t value)
{
    volatile uint32_t *at = ecam_at(id, offset);
    uint64_t flags;

    plat_assert(offset % 4 == 0 && offset < FUNCTION_BYTES);
    if (at) {
        *at = value;
        return;
    }
    if (!port_reaches(id, offset))
        return;
    flags = spin_lock(&port_lock);
    port_select(id, offset);
    outl(PORT_DATA, value);
    spin_unlock(&port_lock, flags);
}

void pci_write16(struct pci_id id, uint16_t offset, uint16_t value)
{
    volatile uint16_t *at = ecam_at(id, offset);
    uint64_t flags;

    plat_assert(offset % 2 == 0 && offset < FUNCTION_BYTES);
    if (at) {
        *at = value;
        return;
    }
    if (!port_reaches(id, offset))
        return;
    flags = spin_lock(&port_lock);
    port_select(id, offset);
    outw((uint16_t)(PORT_DATA + (offset & 2u)), value);
    spin_unlock(&port_lock, flags);
}

uint16_t pci_cap(struct pci_id id, uint8_t cap)
{
    uint8_t at;

    if (!(pci_read16(id, CAP_STATUS) & CAP_STATUS_LIST))
        return 0;
    at = pci_read8(id, CAP_FIRST) & 0xfc;
    for (unsigned i = 0; at && i < CAPS_MAX; i++) {
        uint16_t head = pci_read16(id, at);

        if ((head & 0xff) == cap)
            return at;
        at = head >> 8 & 0xfc;
    }
    return 0;
}

uint16_t pci_ext_cap(struct pci_id id, uint16_t cap)
{
    uint16_t at = EXT_CAP_FIRST;

    for (unsigned i = 0; at >= EXT_CAP_FIRST && i < EXT_CAPS_MAX; i++) {
        uint32_t head = pci_read32(id, at);

        if (head == 0 || head == UINT32_MAX)
            return 0;
        if ((head & 0xffff) == cap)
            return at;
        at = head >> 20 & 0xffc;
    }
    return 0;
}
