/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time from the TSC. Its rate, and that of the local APIC's timer, are measured over windows of 5 ms against
 * the first clock of kernel/time_ref.h that moves; two windows in a row have to be close to each other
 * (kernel/lib/rates.h). Where no clock moves, CPUID may name both rates.
 */
#include "kernel/time.h"

#include <errno.h>

#include "kernel/apic.h"
#include "kernel/cpu.h"
#include "kernel/lib/rates.h"
#include "kernel/log.h"
#include "kernel/time_ref.h"

enum {
    WINDOWS_PER_SEC = 200,
    /* More looks than any machine makes in a window: a clock that stands still ends here. */
    MAX_LOOKS = 20000000,
    CPUID_TSC = 0x15,
};

static struct {
    uint64_t base;
    uint64_t hz;
    uint64_t mult; /* ns per tick, 32.32 */
    const char *source;
    bool agreed;
} tsc = {.mult = 1ull << 32, .source = "none"};

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

bool time_agreed(void)
{
    return tsc.agreed;
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

/* ---- One window ---- */

/* An end of it: TSC and APIC timer, read right beside the reference clock. */
struct edge {
    uint32_t ref;
    uint64_t tsc;
    uint32_t apic;
};

/* Some microseconds at most without a look at any clock: an emulator leaves its translated code for each. */
static void pass_time(void)
{
    for (unsigned i = 0; i < 2048; i++)
        __asm__ volatile("");
}

/* At one of the clock's changes, so that all windows lie equally far behind one. */
static bool edge_at_change(const struct time_ref *ref, struct edge *at, unsigned *looks)
{
    uint32_t before = ref->read() & ref->mask;

    do {
        at->ref = ref->read() & ref->mask;
    } while (at->ref == before && (*looks)++ < MAX_LOOKS);
    at->tsc = rdtsc();
    at->apic = apic_timer_count();
    return *looks < MAX_LOOKS;
}

/* False: the clock does not move. */
static bool measure_window(const struct time_ref *ref, struct rates *out)
{
    struct edge start, end;
    unsigned looks = 0;
    uint64_t ticks;

    if (!edge_at_change(ref, &start, &looks))
        return false;
    while (((ref->read() - start.ref) & ref->mask) < ref->hz / WINDOWS_PER_SEC && looks++ < MAX_LOOKS)
        pass_time();
    if (!edge_at_change(ref, &end, &looks))
        return false;
    ticks = (end.ref - start.ref) & ref->mask;
    if (ticks == 0) /* once around, while somebody else had the CPU */
        ticks = (uint64_t)ref->mask + 1;
    out->tsc_hz = (end.tsc - start.tsc) * ref->hz / ticks;
    out->apic_hz = start.apic > end.apic ? (start.apic - end.apic) * ref->hz / ticks : 0;
    return true;
}

/* ---- As many as it takes ---- */

/*
 * 0, -EAGAIN when no two windows agreed, -ENODEV when the clock does not move. The APIC timer counts down
 * from its highest value with `apic`, else it is in use and has no say.
 */
static int measure(struct time_ref *ref, bool apic, struct rates *out)
{
    struct rates_choice choice = {0};
    struct rates window;
    bool moves = true, enough = false;

    if (!ref->begin(ref))
        return -ENODEV;
    while (moves && !enough) {
        moves = measure_window(ref, &window);
        if (!apic)
            window.apic_hz = 0;
        enough = moves && rates_add(&choice, window);
    }
    ref->end();
    *out = choice.best;
    return !moves ? -ENODEV : rates_agree(&choice) ? 0 : -EAGAIN;
}

bool time_cpuid(uint64_t *tsc_hz, uint64_t *apic_hz)
{
    struct cpuid leaf;
    struct rates rates;

    if (cpuid(0, 0).eax < CPUID_TSC)
        return false;
    leaf = cpuid(CPUID_TSC, 0);
    if (!rates_of_cpuid(leaf.eax, leaf.ebx, leaf.ecx, &rates))
        return false;
    *tsc_hz = rates.tsc_hz;
    *apic_hz = rates.apic_hz;
    return true;
}

const char *time_measure(unsigned n, uint64_t *hz, int *err)
{
    struct time_ref *ref = time_ref(n);
    struct rates rates = {0};

    if (!ref)
        return NULL;
    *err = measure(ref, false, &rates);
    *hz = rates.tsc_hz;
    return ref->name;
}

/* By the first clock that goes on moving, else by CPUID. */
static void choose_rates(struct rates *rates)
{
    struct time_ref *ref;
    int err = -ENODEV;

    for (unsigned i = 0; err == -ENODEV && (ref = time_ref(i)); i++) {
        tsc.source = ref->name;
        err = measure(ref, true, rates);
    }
    tsc.agreed = err == 0;
    if (err == -EAGAIN)
        log_line(LOG_WARN, "time: %u measurements of the TSC against the %s, and no two in a row agree",
                 RATES_WINDOWS, tsc.source);
    if (err != -ENODEV)
        return;
    if (!time_cpuid(&rates->tsc_hz, &rates->apic_hz))
        panic("time: no PM timer, HPET or PIT that moves, nor CPUID leaf 15h: the TSC's rate is unknown");
    tsc.source = "CPUID";
    tsc.agreed = true;
}

void time_init(void)
{
    struct rates rates = {0};

    time_ref_init();
    apic_timer_measure();
    choose_rates(&rates);
    if (rates.tsc_hz == 0 || rates.apic_hz == 0)
        panic("time: the TSC or the APIC timer stood still while the %s moved", tsc.source);
    tsc.base = rdtsc();
    tsc.hz = rates.tsc_hz;
    tsc.mult = (NS_PER_SEC << 32) / tsc.hz;
    apic_timer_set_hz(rates.apic_hz);
    log_line(LOG_INFO, "time: TSC %llu kHz, APIC timer %llu kHz by %s", (unsigned long long)(tsc.hz / 1000),
             (unsigned long long)(apic_timer_hz() / 1000), tsc.source);
}
