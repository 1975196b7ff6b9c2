/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interleavings on demand. An emulator with virtual time runs one CPU until it waits, halts or says PAUSE; so
 * the seam's calls say PAUSE now and then, as often as a seed wants it. The same seed gives the same
 * interleaving there. On a machine whose CPUs run at the same time the pauses move them against each other.
 */
#ifndef KERNEL_JITTER_H
#define KERNEL_JITTER_H

#include <stdbool.h>
#include <stdint.h>

/* From now on, for every thread, until the next call; 0 switches it off. X. */
void jitter_set(uint64_t seed);

extern bool jitter_on;
/* Says PAUSE a few times, or not, as the seed wants it. X. */
void jitter_pause(void);

/* A place where another CPU may get ahead. X. */
static inline void jitter(void)
{
    if (__builtin_expect(jitter_on, 0))
        jitter_pause();
}

#endif
