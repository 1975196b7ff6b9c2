/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes that nobody else has: words of 8 bytes made of an arithmetic progression whose start and step are
 * random. As unlikely to be met elsewhere as random bytes, but cheap, and made again from any word on: each
 * byte of each proof is filled and compared, most of what a run computes.
 */
#ifndef TESTS_HARNESS_PATTERN_H
#define TESTS_HARNESS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "tests/harness/rng.h"

struct pattern {
    uint64_t at;
    uint64_t step; /* odd */
};

/* A new one, by two numbers of `rng`. */
struct pattern pattern_make(struct rng *rng);

/* Its first `size` bytes; of a last word that is not whole, the low ones. */
void pattern_fill(struct pattern p, void *out, size_t size);

/* What begins `words` words further on. */
static inline struct pattern pattern_from(struct pattern p, size_t words)
{
    return (struct pattern){.at = p.at + words * p.step, .step = p.step};
}

/* The first word. Each of its bytes depends on several of `at`: progressions in step would agree in whole
 * columns. */
static inline uint64_t pattern_word(struct pattern p)
{
    return (p.at ^ p.at >> 32) * 0x9e3779b97f4a7c15u;
}

#endif
