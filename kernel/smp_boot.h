/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The code that a further CPU starts with, and the block of values behind it. Both are copied to a page below
 * 1 MiB; smp_boot.S knows the offsets.
 */
#ifndef KERNEL_SMP_BOOT_H
#define KERNEL_SMP_BOOT_H

#include <stddef.h>
#include <stdint.h>

struct smp_boot_values {
    uint64_t gdt[4];         /* null, 32-bit code, data, 64-bit code */
    uint16_t gdt_pointer[4]; /* limit, low and high half of the address, nothing */
    uint32_t far32, far32_selector;
    uint32_t far64, far64_selector;
    uint32_t ticket; /* 1: whoever takes it may go on; the others halt */
    uint32_t cr0, cr3, cr4;
    uint64_t index, stack, entry;
};

_Static_assert(offsetof(struct smp_boot_values, gdt_pointer) == 32 &&
                   offsetof(struct smp_boot_values, far32) == 40 &&
                   offsetof(struct smp_boot_values, far64) == 48 &&
                   offsetof(struct smp_boot_values, ticket) == 56 &&
                   offsetof(struct smp_boot_values, cr0) == 60 &&
                   offsetof(struct smp_boot_values, index) == 72 && sizeof(struct smp_boot_values) == 96,
               "smp_boot.S uses the same offsets");

extern const uint8_t smp_boot_start[], smp_boot_code32[], smp_boot_code64[], smp_boot_values[],
    smp_boot_end[];

#endif
