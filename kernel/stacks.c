/* SPDX-License-Identifier: BSD-2-Clause */
/* The static stacks; see stacks.h. In a section of their own behind .bss, so that they take no room in the
 * file. */
#include "kernel/stacks.h"

struct kernel_stack kernel_stacks[IST_COUNT] __attribute__((section(".stacks,\"aw\",@nobits#")))
aligned_to(STACK_PAGE);

/* What entry.S loads: the end of stack 0. */
__asm__(".globl kernel_main_stack_top\n"
        ".set kernel_main_stack_top, kernel_stacks + 5 * 4096");

_Static_assert(sizeof(struct kernel_stack) == 5 * 4096, "kernel_main_stack_top");
_Static_assert(IST_NONE == 0, "stack 0 is kernel_main's");
