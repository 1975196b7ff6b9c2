/* SPDX-License-Identifier: BSD-2-Clause */
/* See rates.h. Two windows on a machine that nothing disturbs are some 50 parts per million apart. */
#include "kernel/lib/rates.h"

#define MILLION     1000000u
#define CLOSE_PPM   1000u
#define BELIEVE_PPM 8000u

static uint64_t apart_ppm(uint64_t a, uint64_t b)
{
    uint64_t high = a > b ? a : b, low = a > b ? b : a;

    return high ? (uint64_t)((unsigned __int128)(high - low) * MILLION / high) : 0;
}

/* As far as the two that are further apart. */
static uint64_t rates_apart(struct rates a, struct rates b)
{
    uint64_t tsc = apart_ppm(a.tsc_hz, b.tsc_hz), apic = apart_ppm(a.apic_hz, b.apic_hz);

    return tsc > apic ? tsc : apic;
}

bool rates_add(struct rates_choice *c, struct rates window)
{
    struct rates last = c->windows ? c->last : window;
    uint64_t apart = c->windows ? rates_apart(last, window) : MILLION;

    if (c->windows < 2 || apart < c->apart) {
        c->apart = apart;
        c->best.tsc_hz = last.tsc_hz / 2 + window.tsc_hz / 2;
        c->best.apic_hz = last.apic_hz / 2 + window.apic_hz / 2;
    }
    c->last = window;
    return ++c->windows == RATES_WINDOWS || apart <= CLOSE_PPM;
}

bool rates_agree(const struct rates_choice *c)
{
    return c->windows > 1 && c->apart <= BELIEVE_PPM;
}

bool rates_of_cpuid(uint32_t eax, uint32_t ebx, uint32_t ecx, struct rates *out)
{
    if (!eax || !ebx || !ecx)
        return false;
    *out = (struct rates){.tsc_hz = (uint64_t)ecx * ebx / eax, .apic_hz = ecx};
    return true;
}
