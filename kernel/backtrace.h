/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Back-traces over the frame-pointer chain, and names for code addresses from the ELF symbols that the boot
 * part kept. Every address is checked against the page tables before it is read, so a trace of a ruined stack
 * ends early.
 */
#ifndef KERNEL_BACKTRACE_H
#define KERNEL_BACKTRACE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/boot_info.h"
#include "kernel/traps.h"

/* Remembers where the symbols are. Until then symbol_of() knows none. */
void backtrace_init(const struct boot_info *info);

/*
 * Return addresses, innermost first, starting with `rip` itself; `rbp` is the frame pointer there. Returns
 * how many of `max` were filled in. X.
 */
size_t backtrace_from(uint64_t rip, uint64_t rbp, uint64_t *out, size_t max);

/* As backtrace_from, for the code that a trap interrupted; also sees the caller of a function without a
 * frame. X. */
size_t backtrace_trap(const struct trap_frame *f, uint64_t *out, size_t max);

/* As backtrace_from, for the caller. */
size_t backtrace_here(uint64_t *out, size_t max);

/* Function that covers `addr` and the distance from its start; NULL when no symbol does. X. */
const char *symbol_of(uint64_t addr, uint64_t *offset);

/* Prints each address as a line `prefix` "#n 0x... name+0x...". X. */
void backtrace_print(const char *prefix, const uint64_t *trace, size_t depth);

#endif
