/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O APICs of the MADT (ACPI 6.5, 5.2.12.3 and .5) through their index and data registers. Everything is
 * masked; pins are opened one by one by who needs them.
 */
#include "kernel/ioapic.h"

#include <errno.h>

#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/intr.h"
#include "kernel/log.h"
#include "kernel/spin.h"
#include "kernel/vm.h"

enum {
    IOAPICS_MAX = 16,
    PINS_MAX = 240,
    ISA_IRQS = 16,

    MADT_FIRST = 44,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,

    REG_VERSION = 0x01,
    REG_ENTRY = 0x10,

    ENTRY_NMI = 4 << 8,
    ENTRY_MASKED = 1 << 16,
    ENTRY_DEST_SHIFT = 56,
};

static struct ioapic {
    volatile uint32_t *regs; /* index at 0, data at 10h */
    uint8_t id;              /* in the MADT, and in the DMAR */
    uint32_t gsi;
    uint32_t pins;
} ioapics[IOAPICS_MAX];
static unsigned ioapic_count;
static struct spin lock = SPIN_INIT("ioapic"); /* index and data belong together */

/* Global interrupt + 1 of each ISA interrupt that the MADT moves, 0 where it stays. */
static uint32_t overrides[ISA_IRQS];

static uint32_t reg_read(const struct ioapic *io, unsigned reg)
{
    io->regs[0] = reg;
    return io->regs[4];
}

static void reg_write(const struct ioapic *io, unsigned reg, uint32_t value)
{
    io->regs[0] = reg;
    io->regs[4] = value;
}

/* Masked first and opened last, so that no half-written entry is ever live. */
static void entry_write(const struct ioapic *io, uint32_t pin, uint64_t entry)
{
    reg_write(io, REG_ENTRY + 2 * pin, ENTRY_MASKED);
    reg_write(io, REG_ENTRY + 2 * pin + 1, (uint32_t)(entry >> 32));
    reg_write(io, REG_ENTRY + 2 * pin, (uint32_t)entry);
}

static void add_ioapic(struct acpi_bytes e)
{
    struct ioapic *io = &ioapics[ioapic_count];
    uint64_t base = acpi_get(e, 4, 4);

    if (ioapic_count == IOAPICS_MAX || base == 0)
        return;
    io->regs = vm_map_mmio(base, 0x20);
    if (!io->regs || reg_read(io, REG_VERSION) == UINT32_MAX) {
        log_line(LOG_WARN, "ioapic: none answers at 0x%llx", (unsigned long long)base);
        return;
    }
    io->id = (uint8_t)acpi_get(e, 2, 1);
    io->gsi = (uint32_t)acpi_get(e, 8, 4);
    io->pins = (reg_read(io, REG_VERSION) >> 16 & 0xff) + 1;
    if (io->pins > PINS_MAX)
        io->pins = PINS_MAX;
    for (uint32_t pin = 0; pin < io->pins; pin++)
        entry_write(io, pin, ENTRY_MASKED);
    ioapic_count++;
}

void ioapic_init(void)
{
    struct acpi_bytes madt;
    struct acpi_entry e;

    if (!acpi_find("APIC", 0, &madt)) {
        log_line(LOG_WARN, "ioapic: the machine has no MADT");
        return;
    }
    for (uint32_t at = MADT_FIRST; acpi_next_entry(madt, &at, &e);) {
        if (e.type == MADT_IOAPIC)
            add_ioapic(e.bytes);
        else if (e.type == MADT_OVERRIDE && acpi_get(e.bytes, 3, 1) < ISA_IRQS)
            overrides[acpi_get(e.bytes, 3, 1)] = (uint32_t)acpi_get(e.bytes, 4, 4) + 1;
    }
}

uint32_t ioapic_isa_gsi(uint8_t isa)
{
    return isa < ISA_IRQS && overrides[isa] ? overrides[isa] - 1 : isa;
}

static const struct ioapic *ioapic_of(uint32_t gsi)
{
    for (unsigned i = 0; i < ioapic_count; i++) {
        if (gsi >= ioapics[i].gsi && gsi - ioapics[i].gsi < ioapics[i].pins)
            return &ioapics[i];
    }
    return NULL;
}

int ioapic_read(uint32_t gsi, uint64_t *entry)
{
    const struct ioapic *io = ioapic_of(gsi);
    uint64_t flags;

    if (!io)
        return -ENOENT;
    flags = spin_lock(&lock);
    *entry = reg_read(io, REG_ENTRY + 2 * (gsi - io->gsi));
    *entry |= (uint64_t)reg_read(io, REG_ENTRY + 2 * (gsi - io->gsi) + 1) << 32;
    spin_unlock(&lock, flags);
    return 0;
}

static int write(uint32_t gsi, uint64_t entry)
{
    const struct ioapic *io = ioapic_of(gsi);
    uint64_t flags;

    if (!io)
        return -ENOENT;
    flags = spin_lock(&lock);
    entry_write(io, gsi - io->gsi, entry);
    spin_unlock(&lock, flags);
    return 0;
}

/* ---- The pin in use ---- */

static struct nmi_pin {
    struct intr_source source;
    uint32_t gsi;
} nmi_pin;

static int program(struct intr_source *source, const struct plat_intr_form *form)
{
    return write(container_of(source, struct nmi_pin, source)->gsi, form ? form->rte : ENTRY_MASKED);
}

int ioapic_route_nmi(uint32_t gsi, uint32_t cpu)
{
    const struct ioapic *io = ioapic_of(gsi);

    if (cpu > UINT8_MAX)
        return -EINVAL;
    if (!io)
        return -ENOENT;
    if (intr_source_used(&nmi_pin.source))
        return -EBUSY;
    nmi_pin = (struct nmi_pin){
        .source = {.intr = {.is_pin = true, .nmi = true, .ioapic = io->id, .dest = cpu},
                   .own = {.rte = (uint64_t)cpu << ENTRY_DEST_SHIFT | ENTRY_NMI},
                   .program = program},
        .gsi = gsi,
    };
    return intr_source_add(&nmi_pin.source);
}
