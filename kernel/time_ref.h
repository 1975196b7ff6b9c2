/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks of the machine whose rate is known: what the TSC and the APIC timer are measured against. */
#ifndef KERNEL_TIME_REF_H
#define KERNEL_TIME_REF_H

#include <stdbool.h>
#include <stdint.h>

/* Counts up and wraps behind `mask`, which takes 50 ms or more. */
struct time_ref {
    const char *name;
    uint64_t hz;
    uint32_t mask;
    /* Finds it and lets it count. False: the machine has none. */
    bool (*begin)(struct time_ref *ref);
    uint32_t (*read)(void);
    /* As it was before. */
    void (*end)(void);
};

/*
 * Looks for them, once; needs acpi_init() and vm_init(). Left is what was seen to move, the one to be
 * preferred first: PM timer (ACPI 6.5, 4.8.2.1), HPET (IA-PC HPET 1.0a), channel 2 of the PIT.
 */
void time_ref_init(void);

/* The n-th of them; NULL: there are fewer. X. */
struct time_ref *time_ref(unsigned n);

#endif
