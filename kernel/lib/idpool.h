/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pool of small numbers: which of 0 .. capacity-1 are taken. A bitmap with two levels of summary above it, so
 * that the lowest free number at or above a bound is found in a handful of steps whatever the pool holds.
 *
 * Pure and without locks: the caller brings the memory (all zero means all free) and the exclusion.
 */
#ifndef KERNEL_LIB_IDPOOL_H
#define KERNEL_LIB_IDPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

#define IDPOOL_WORD_BITS 64u
#define IDPOOL_LEVELS    3

struct idpool {
    uint32_t capacity;
    uint32_t used;
    uint64_t *level[IDPOOL_LEVELS]; /* [0] one bit a number; above: one bit a full word below */
};

/* Bytes of zeroed memory that a pool of `capacity` numbers needs; capacity 1 .. 2^24. */
size_t idpool_memory(uint32_t capacity);

/* Starts a pool in `memory` (zeroed, idpool_memory(capacity) bytes, 8-byte aligned), every number free. */
void idpool_init(struct idpool *pool, uint32_t capacity, void *memory);

/* The lowest free number in min..max (inclusive). 0, or -ENOSPC when none of them is free. */
must_check int idpool_find(const struct idpool *pool, uint32_t min, uint32_t max, uint32_t *number);
/* The same, and takes it. 0, or -ENOSPC when none of them is free. */
must_check int idpool_take(struct idpool *pool, uint32_t min, uint32_t max, uint32_t *number);

/* Gives a number back. It has to be taken: giving back twice is the caller's bug and reported as false. */
must_check bool idpool_give(struct idpool *pool, uint32_t number);

/* Whether a number is out of the pool; false beyond the capacity. */
bool idpool_taken(const struct idpool *pool, uint32_t number);

#endif
