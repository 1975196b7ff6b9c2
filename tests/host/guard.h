/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guarded calls in the host process: a panic, a trap or a time-out ends the innermost call of env_guard().
 * Everything runs in one thread, so an end is a jump.
 */
#ifndef TESTS_HOST_GUARD_H
#define TESTS_HOST_GUARD_H

#include "kernel/lib/compiler.h"

/* Where plat_panic() of the host's platform ends up. Outside of any guarded call: prints and exits with 4. */
noreturn void guard_panicked(const char *text);

/* Installs the signal handlers. Once. */
void guard_init(void);

#endif
