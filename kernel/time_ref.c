/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See time_ref.h. A board may have any of them switched off: the PM timer is missing in the FADT of machines
 * with reduced hardware, the PIT's clock is gated on many. What does not move is left out.
 */
#include "kernel/time_ref.h"

#include "kernel/acpi.h"
#include "kernel/cpu.h"
#include "kernel/lib/compiler.h"
#include "kernel/vm.h"

enum {
    PIT_CHANNEL2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,      /* bit 0 gate of channel 2, bit 1 speaker */
    PIT_CH2_RATE = 0xb4,  /* mode 2, low byte then high byte */
    PIT_CH2_LATCH = 0x80, /* holds the count for the next two reads */

    HPET_BASE = 40, /* in the ACPI table: a generic address */
    HPET_SIZE = 0x400,
    HPET_PERIOD = 0x004, /* femtoseconds: upper half of the capabilities */
    HPET_CONFIG = 0x010,
    HPET_COUNTER = 0x0f0,
    HPET_ENABLE = 1,
    HPET_PERIOD_MAX = 100000000,

    /* One that moves shows within this many reads. */
    PROBE_LOOKS = 1000,
};

#define FS_PER_SEC 1000000000000000ull

/* ---- PM timer: 3.579545 MHz, of which the low 24 bits are there on every machine ---- */

static struct acpi_gas pm;
static const volatile uint32_t *pm_va;

static bool pm_begin(unused struct time_ref *ref)
{
    struct acpi_bytes fadt;
    bool wide;

    if (!acpi_find("FACP", 0, &fadt))
        return false;
    pm = acpi_fadt_pm_timer(fadt, &wide);
    if (pm.address == 0 || (pm.space == 1 && pm.address > UINT16_MAX) || pm.space > 1)
        return false;
    if (pm.space == 0 && !pm_va)
        pm_va = vm_map_mmio(pm.address, sizeof(*pm_va));
    return pm.space == 1 || pm_va;
}

static uint32_t pm_read(void)
{
    return pm_va ? *pm_va : inl((uint16_t)pm.address);
}

static void pm_end(void)
{
}

/* ---- HPET: the low 32 bits of its counter ---- */

static volatile uint8_t *hpet;
static uint32_t hpet_found; /* its configuration */

static volatile uint32_t *hpet_reg(unsigned offset)
{
    return (volatile uint32_t *)(volatile void *)(hpet + offset);
}

static bool hpet_begin(struct time_ref *ref)
{
    struct acpi_bytes table;
    struct acpi_gas gas;
    uint32_t period;

    if (!acpi_find("HPET", 0, &table))
        return false;
    gas = acpi_get_gas(table, HPET_BASE);
    if (gas.address == 0 || gas.space != 0)
        return false;
    if (!hpet)
        hpet = vm_map_mmio(gas.address, HPET_SIZE);
    period = hpet ? *hpet_reg(HPET_PERIOD) : 0;
    if (period == 0 || period > HPET_PERIOD_MAX)
        return false;
    ref->hz = FS_PER_SEC / period;
    hpet_found = *hpet_reg(HPET_CONFIG);
    *hpet_reg(HPET_CONFIG) = hpet_found | HPET_ENABLE;
    return true;
}

static uint32_t hpet_read(void)
{
    return *hpet_reg(HPET_COUNTER);
}

static void hpet_end(void)
{
    *hpet_reg(HPET_CONFIG) = hpet_found;
}

/* ---- PIT: channel 2 goes round and round, counting down 65536 ---- */

static uint8_t pit_gate;

static bool pit_begin(unused struct time_ref *ref)
{
    pit_gate = inb(PIT_GATE) & 0xf;
    outb(PIT_GATE, (pit_gate & 0xc) | 1);
    outb(PIT_COMMAND, PIT_CH2_RATE);
    outb(PIT_CHANNEL2, 0);
    outb(PIT_CHANNEL2, 0);
    return true;
}

static uint32_t pit_read(void)
{
    uint32_t low;

    outb(PIT_COMMAND, PIT_CH2_LATCH);
    low = inb(PIT_CHANNEL2);
    return 0u - (low | (uint32_t)inb(PIT_CHANNEL2) << 8);
}

static void pit_end(void)
{
    outb(PIT_GATE, pit_gate);
}

/* ---- The ones that there are ---- */

static struct time_ref refs[] = {
    {"PM timer", 3579545, 0xffffff, pm_begin, pm_read, pm_end},
    {"HPET", 0, UINT32_MAX, hpet_begin, hpet_read, hpet_end},
    {"PIT", 1193182, 0xffff, pit_begin, pit_read, pit_end},
};
static unsigned ref_count;

static bool moves(struct time_ref *ref)
{
    uint32_t first;
    bool moved = false;

    if (!ref->begin(ref))
        return false;
    first = ref->read();
    for (unsigned i = 0; i < PROBE_LOOKS && !moved; i++)
        moved = ((ref->read() ^ first) & ref->mask) != 0;
    ref->end();
    return moved;
}

void time_ref_init(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(refs); i++) {
        if (moves(&refs[i]))
            refs[ref_count++] = refs[i];
    }
}

struct time_ref *time_ref(unsigned n)
{
    return n < ref_count ? &refs[n] : NULL;
}
