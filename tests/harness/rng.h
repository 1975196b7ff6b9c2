/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers that depend on a seed and a name only, so that one case replayed alone sees what it saw in
 * the whole run. Generator: xoshiro256** (Blackman and Vigna), seeded by splitmix64.
 */
#ifndef TESTS_HARNESS_RNG_H
#define TESTS_HARNESS_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *rng, uint64_t seed, const char *name, unsigned round);
uint64_t rng_next(struct rng *rng);
/* 0 .. limit-1, every value equally likely; limit > 0. */
uint64_t rng_below(struct rng *rng, uint64_t limit);

#endif
