/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rates of the time-stamp counter and of the local APIC's timer: chosen among windows in which both were
 * measured, any of which an SMI or a busy host may have falsified, or taken from what CPUID says. Pure.
 */
#ifndef KERNEL_LIB_RATES_H
#define KERNEL_LIB_RATES_H

#include <stdbool.h>
#include <stdint.h>

#define RATES_WINDOWS 32u /* at most */

/* In Hz; 0: that one stood, or was not looked at. */
struct rates {
    uint64_t tsc_hz;
    uint64_t apic_hz;
};

/* All zero at first. */
struct rates_choice {
    unsigned windows;
    struct rates last;
    struct rates best; /* average of the two windows in a row that are least apart; of one, that one */
    uint64_t apart;    /* these two, parts per million */
};

/* Takes one more window. True: no more are needed, two in a row are close; or they have been enough. */
bool rates_add(struct rates_choice *c, struct rates window);

/* `best` can be believed, be it that the windows were many. */
bool rates_agree(const struct rates_choice *c);

/*
 * From CPUID leaf 15h: EBX / EAX is the TSC's ratio to the crystal of ECX Hz, which is the APIC timer's clock
 * too (Intel SDM volume 3, 11.5.4). False: the leaf does not say all of it.
 */
bool rates_of_cpuid(uint32_t eax, uint32_t ebx, uint32_t ecx, struct rates *out);

#endif
