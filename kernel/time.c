/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time from the TSC. Its rate, and that of the local APIC's timer, are measured once over a window of 10 ms
 * against the ACPI power management timer (ACPI 6.5, 4.8.2.1: 3.579545 MHz, 24 or 32 bits), or, where there
 * is none that moves, against channel 2 of the PIT.
 */
#include "kernel/time.h"

#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/vm.h"

enum {
    PM_HZ = 3579545,
    PM_TICKS = PM_HZ / 100, /* 10 ms */
    PM_MASK = 0xffffff,     /* the low 24 bits are there on every machine */

    PIT_HZ = 1193182,
    PIT_TICKS = PIT_HZ / 100,
    PIT_CHANNEL2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61, /* bit 0 gate of channel 2, bit 1 speaker, bit 5 its output */
    PIT_CH2_MODE0 = 0xb0,

    /* More looks than any machine makes in 10 ms: a clock that stands still ends here. */
    MAX_LOOKS = 20000000,
    /* A moving PM timer shows within this many reads. */
    PM_PROBE_LOOKS = 1000,
};

static struct {
    uint64_t base;
    uint64_t hz;
    uint64_t mult; /* ns per tick, 32.32 */
    const char *source;
} tsc = {.mult = 1ull << 32, .source = "none"};

static struct acpi_gas pm;
static const volatile uint32_t *pm_va;

uint64_t time_now_ns(void)
{
    return (uint64_t)(((unsigned __int128)(rdtsc() - tsc.base) * tsc.mult) >> 32);
}

uint64_t time_deadline(uint64_t ns)
{
    uint64_t now = time_now_ns();

    return ns >= TIME_NEVER - now ? TIME_NEVER : now + ns;
}

uint64_t time_tsc_hz(void)
{
    return tsc.hz;
}

const char *time_source(void)
{
    return tsc.source;
}

void time_delay(uint64_t ns)
{
    uint64_t start = time_now_ns();

    while (time_now_ns() - start < ns)
        cpu_pause();
}

bool time_poll(bool (*ready)(void *arg), void *arg, uint64_t ns)
{
    uint64_t start = time_now_ns();

    while (!ready(arg)) {
        if (time_now_ns() - start >= ns)
            return ready(arg);
        cpu_pause();
    }
    return true;
}

static uint32_t pm_read(void)
{
    return (pm_va ? *pm_va : inl((uint16_t)pm.address)) & PM_MASK;
}

/* Finds the PM timer and sees it move. */
static bool pm_probe(void)
{
    struct acpi_bytes fadt;
    bool wide;
    uint32_t first;

    if (!acpi_find("FACP", 0, &fadt))
        return false;
    pm = acpi_fadt_pm_timer(fadt, &wide);
    if (pm.address == 0 || (pm.space == 1 && pm.address > UINT16_MAX) || pm.space > 1)
        return false;
    if (pm.space == 0) {
        pm_va = vm_map_mmio(pm.address, sizeof(*pm_va));
        if (!pm_va)
            return false;
    }
    first = pm_read();
    for (unsigned i = 0; i < PM_PROBE_LOOKS; i++) {
        if (pm_read() != first)
            return true;
    }
    return false;
}

/* Both ends of the window: TSC and APIC timer, read right beside the reference clock. */
struct window {
    uint64_t tsc;
    uint32_t apic;
};

static struct window window_now(void)
{
    return (struct window){.tsc = rdtsc(), .apic = apic_timer_count()};
}

/* Some microseconds at most without a look at any clock: an emulator leaves its translated code for each. */
static void pass_time(void)
{
    for (unsigned i = 0; i < 2048; i++)
        __asm__ volatile("");
}

/* The PM timer and both clocks at one of its changes, so that all windows lie equally far behind one. */
static bool pm_change(uint32_t *count, struct window *at, unsigned *looks)
{
    uint32_t before = pm_read();

    do {
        *count = pm_read();
    } while (*count == before && (*looks)++ < MAX_LOOKS);
    *at = window_now();
    return *looks < MAX_LOOKS;
}

static bool measure_pm(struct window *start, struct window *end, uint32_t *ticks)
{
    uint32_t first, last;
    unsigned looks = 0;

    if (!pm_change(&first, start, &looks))
        return false;
    while (((pm_read() - first) & PM_MASK) < PM_TICKS && looks++ < MAX_LOOKS)
        pass_time();
    if (!pm_change(&last, end, &looks))
        return false;
    *ticks = (last - first) & PM_MASK;
    return true;
}

/* Channel 2 counts down once from PIT_TICKS; its output rises at the end. */
static bool measure_pit(struct window *start, struct window *end)
{
    uint8_t gate = inb(PIT_GATE) & 0xfc;
    unsigned looks = 0;

    outb(PIT_GATE, gate | 1);
    outb(PIT_COMMAND, PIT_CH2_MODE0);
    outb(PIT_CHANNEL2, PIT_TICKS & 0xff);
    outb(PIT_CHANNEL2, PIT_TICKS >> 8);
    *start = window_now();
    while (!(inb(PIT_GATE) & 0x20) && looks < MAX_LOOKS)
        looks++;
    *end = window_now();
    outb(PIT_GATE, gate);
    return looks < MAX_LOOKS;
}

static void set_rates(struct window start, struct window end, uint64_t ticks, uint64_t hz)
{
    uint64_t cycles = end.tsc - start.tsc;
    uint64_t apic = start.apic - end.apic;

    if (cycles == 0 || start.apic <= end.apic)
        panic("time: the TSC or the APIC timer stood still for %llu ticks of the %s",
              (unsigned long long)ticks, tsc.source);
    tsc.base = start.tsc;
    tsc.hz = cycles * hz / ticks;
    tsc.mult = (NS_PER_SEC << 32) / tsc.hz;
    apic_timer_set_hz(apic * hz / ticks);
}

void time_init(void)
{
    struct window start, end;
    uint32_t ticks = 0;

    apic_timer_measure();
    if (pm_probe() && measure_pm(&start, &end, &ticks)) {
        tsc.source = "PM timer";
        set_rates(start, end, ticks, PM_HZ);
    } else if (measure_pit(&start, &end)) {
        tsc.source = "PIT";
        set_rates(start, end, PIT_TICKS, PIT_HZ);
    } else {
        panic("time: neither the ACPI PM timer nor the PIT moves, the TSC cannot be measured");
    }
    log_line(LOG_INFO, "time: TSC %llu kHz, APIC timer %llu kHz, measured against the %s",
             (unsigned long long)(tsc.hz / 1000), (unsigned long long)(apic_timer_hz() / 1000), tsc.source);
}
