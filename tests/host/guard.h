/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guarded calls in the host process: a panic, a trap or a time-out ends the innermost call of env_guard().
 * Everything runs in one thread, so an end is a jump, and what the "threads" of host.h held is put back.
 */
#ifndef TESTS_HOST_GUARD_H
#define TESTS_HOST_GUARD_H

/* Installs the signal handlers and the panic hook. Once. */
void guard_init(void);

#endif
