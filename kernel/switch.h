/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What switch.S offers: threads change stacks with it, and interrupt handlers that went wrong are left with
 * it.
 */
#ifndef KERNEL_SWITCH_H
#define KERNEL_SWITCH_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

/* The words that switch_stack() leaves on a stack, lowest address first. */
struct switch_frame {
    uint64_t r15, r14, r13, r12, rbx, rbp, rip;
};

/* Saves this stack's pointer through `save` and goes on where the stack at `load` was left. Interrupts off.
 */
void switch_stack(uint64_t *save, uint64_t load);

/* A place to come back to; valid while the function that saved it has not returned. */
struct context {
    uint64_t rip, rsp, rbp, rbx, r12, r13, r14, r15;
};

/* False; and true, once more, after context_restore(). */
__attribute__((returns_twice)) bool context_save(struct context *c);
noreturn void context_restore(const struct context *c);

#endif
