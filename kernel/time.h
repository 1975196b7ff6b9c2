/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: the time-stamp counter, calibrated once against a clock of the machine's whose rate is known (ACPI PM
 * timer, HPET, PIT), or by what CPUID says.
 */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

#define NS_PER_US  1000ull
#define NS_PER_MS  1000000ull
#define NS_PER_SEC 1000000000ull

/* A deadline that never comes. */
#define TIME_NEVER UINT64_MAX

/*
 * Measures the TSC; takes about 10 ms, longer while something interrupts. Needs acpi_init() (for PM timer and
 * HPET) and apic_init() (the local APIC's timer is measured in the same window). Panics when no clock of the
 * machine moves and CPUID does not know. Interrupts off.
 */
void time_init(void);

/* Nanoseconds since time_init(), monotonic. Before it only differences mean something, and only roughly (1
 * GHz is assumed). X. */
uint64_t time_now_ns(void);

/* now + `ns`, TIME_NEVER instead of an overflow. X. */
uint64_t time_deadline(uint64_t ns);

/*
 * Measures the TSC once more, in Hz, against the n-th of the clocks that move; about 10 ms, up to 0.2 s.
 * Returns the clock's name, NULL: there are fewer. `*err` is 0, -EAGAIN when something came between all the
 * time, -ENODEV when that clock does not move any more. Thread.
 */
must_check const char *time_measure(unsigned n, uint64_t *hz, int *err);

/* What CPUID leaf 15h says of TSC and APIC timer, in Hz. False: nothing. X. */
must_check bool time_cpuid(uint64_t *tsc_hz, uint64_t *apic_hz);

/* What was found out by time_init(), and by what: "PM timer", "HPET", "PIT", "CPUID"; and whether two windows
 * agreed. */
uint64_t time_tsc_hz(void);
const char *time_source(void);
bool time_agreed(void);

/* Spins for `ns` without giving the CPU away. X. */
void time_delay(uint64_t ns);

/*
 * The kernel's bounded wait for hardware: spins until `ready(arg)` or until `ns` have gone by, looks once
 * more then, and says whether it was ready. X.
 */
must_check bool time_poll(bool (*ready)(void *arg), void *arg, uint64_t ns);

#endif
