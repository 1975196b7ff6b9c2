/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time from the TSC. Its rate, and that of the local APIC's timer, are measured over windows of 5 ms against
 * the ACPI power management timer (ACPI 6.5, 4.8.2.1: 3.579545 MHz, 24 or 32 bits), or, where there is none
 * that moves, against channel 2 of the PIT. An SMI, or the scheduler of a busy host, between two reads at the
 * end of a window falsifies it, so two windows in a row have to agree.
 */
#include "kernel/time.h"

#include <errno.h>

#include "kernel/acpi.h"
#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/vm.h"

enum {
    PM_HZ = 3579545,
    PM_TICKS = PM_HZ / 200, /* 5 ms */
    PM_MASK = 0xffffff,     /* the low 24 bits are there on every machine */

    PIT_HZ = 1193182,
    PIT_TICKS = PIT_HZ / 200,
    PIT_CHANNEL2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61, /* bit 0 gate of channel 2, bit 1 speaker, bit 5 its output */
    PIT_CH2_MODE0 = 0xb0,

    /* More looks than any machine makes in a window: a clock that stands still ends here. */
    MAX_LOOKS = 20000000,
    /* A moving PM timer shows within this many reads. */
    PM_PROBE_LOOKS = 1000,

    MAX_WINDOWS = 32,
    AGREE = 128, /* two windows agree when they differ by less than one part in this many */
};

/* What one window says. */
struct rates {
    uint64_t tsc_hz;
    uint64_t apic_hz; /* 0: the timer stood */
};

static struct {
    uint64_t base;
    uint64_t hz;
    uint64_t mult; /* ns per tick, 32.32 */
    const char *source;
    bool (*measure)(struct rates *rates); /* one window; false: the clock does not move */
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

/* An end of a window: TSC and APIC timer, read right beside the reference clock. */
struct edge {
    uint64_t tsc;
    uint32_t apic;
};

static struct edge edge_now(void)
{
    return (struct edge){.tsc = rdtsc(), .apic = apic_timer_count()};
}

/* Some microseconds at most without a look at any clock: an emulator leaves its translated code for each. */
static void pass_time(void)
{
    for (unsigned i = 0; i < 2048; i++)
        __asm__ volatile("");
}

/* The PM timer and both clocks at one of its changes, so that all windows lie equally far behind one. */
static bool pm_change(uint32_t *count, struct edge *at, unsigned *looks)
{
    uint32_t before = pm_read();

    do {
        *count = pm_read();
    } while (*count == before && (*looks)++ < MAX_LOOKS);
    *at = edge_now();
    return *looks < MAX_LOOKS;
}

static uint64_t per_second(uint64_t counts, uint64_t ticks, uint64_t hz)
{
    return counts * hz / ticks;
}

static struct rates rates_of(struct edge start, struct edge end, uint64_t ticks, uint64_t hz)
{
    uint64_t apic = start.apic > end.apic ? start.apic - end.apic : 0;

    return (struct rates){per_second(end.tsc - start.tsc, ticks, hz), per_second(apic, ticks, hz)};
}

static bool measure_pm(struct rates *rates)
{
    uint32_t first, last;
    struct edge start, end;
    unsigned looks = 0;

    if (!pm_change(&first, &start, &looks))
        return false;
    while (((pm_read() - first) & PM_MASK) < PM_TICKS && looks++ < MAX_LOOKS)
        pass_time();
    if (!pm_change(&last, &end, &looks))
        return false;
    *rates = rates_of(start, end, (last - first) & PM_MASK, PM_HZ);
    return true;
}

/* Channel 2 counts down once from PIT_TICKS; its output rises at the end. */
static bool measure_pit(struct rates *rates)
{
    uint8_t gate = inb(PIT_GATE) & 0xfc;
    struct edge start, end;
    unsigned looks = 0;

    outb(PIT_GATE, gate | 1);
    outb(PIT_COMMAND, PIT_CH2_MODE0);
    outb(PIT_CHANNEL2, PIT_TICKS & 0xff);
    outb(PIT_CHANNEL2, PIT_TICKS >> 8);
    start = edge_now();
    while (!(inb(PIT_GATE) & 0x20) && looks < MAX_LOOKS)
        looks++;
    end = edge_now();
    outb(PIT_GATE, gate);
    *rates = rates_of(start, end, PIT_TICKS, PIT_HZ);
    return looks < MAX_LOOKS;
}

/* ---- Two windows that agree ---- */

static bool near(uint64_t a, uint64_t b)
{
    uint64_t apart = a > b ? a - b : b - a;

    return apart <= a / AGREE;
}

/*
 * 0, -EAGAIN when no two windows agreed, -ENODEV when the clock does not move. The APIC timer counts from its
 * highest value with `apic`, else it is in use and has no say.
 */
static int measure_agreed(bool (*measure)(struct rates *), bool apic, struct rates *rates)
{
    struct rates last = {0};

    for (unsigned i = 0; i < MAX_WINDOWS; i++) {
        if (!measure(rates))
            return -ENODEV;
        if (i && near(rates->tsc_hz, last.tsc_hz) && (!apic || near(rates->apic_hz, last.apic_hz)))
            return 0;
        last = *rates;
    }
    return -EAGAIN;
}

int time_measure(uint64_t *hz)
{
    struct rates rates;
    int err = measure_agreed(tsc.measure, false, &rates);

    *hz = err ? 0 : rates.tsc_hz;
    return err;
}

/* The PM timer, or else the PIT. */
static int measure_first(struct rates *rates)
{
    int err = pm_probe() ? measure_agreed(measure_pm, true, rates) : -ENODEV;

    tsc.source = "PM timer";
    tsc.measure = measure_pm;
    if (err != -ENODEV)
        return err;
    tsc.source = "PIT";
    tsc.measure = measure_pit;
    return measure_agreed(measure_pit, true, rates);
}

void time_init(void)
{
    struct rates rates;
    int err;

    apic_timer_measure();
    err = measure_first(&rates);
    if (err == -ENODEV)
        panic("time: neither the ACPI PM timer nor the PIT moves, the TSC cannot be measured");
    if (err)
        log_line(LOG_WARN, "time: %u measurements of the TSC against the %s, and no two in a row agree",
                 MAX_WINDOWS, tsc.source);
    if (rates.tsc_hz == 0 || rates.apic_hz == 0)
        panic("time: the TSC or the APIC timer stood still while the %s moved", tsc.source);
    tsc.base = rdtsc();
    tsc.hz = rates.tsc_hz;
    tsc.mult = (NS_PER_SEC << 32) / tsc.hz;
    apic_timer_set_hz(rates.apic_hz);
    log_line(LOG_INFO, "time: TSC %llu kHz, APIC timer %llu kHz, measured against the %s",
             (unsigned long long)(tsc.hz / 1000), (unsigned long long)(apic_timer_hz() / 1000), tsc.source);
}
