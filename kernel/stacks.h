/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stacks that exist from the first instruction on: that of kernel_main() and the interrupt stacks of CPU 0.
 * Each has a page below it which vm_init() takes away.
 */
#ifndef KERNEL_STACKS_H
#define KERNEL_STACKS_H

#include <stdint.h>

#include "kernel/cpu.h"

#define STACK_PAGES 4
#define STACK_PAGE  4096

struct kernel_stack {
    uint8_t guard[STACK_PAGE];
    uint8_t room[STACK_PAGES * STACK_PAGE];
};

_Static_assert(sizeof(struct kernel_stack) == 5 * 4096 && IST_COUNT == 6, "stack_area.S lays out the same");

/* [0] belongs to kernel_main(), [n] is CPU 0's interrupt stack n (enum ist). */
extern struct kernel_stack kernel_stacks[IST_COUNT];

#endif
