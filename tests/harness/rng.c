/* SPDX-License-Identifier: BSD-2-Clause */
/* xoshiro256** with a state made from seed, name and round. */
#include <string.h>

#include "tests/harness/rng.h"

static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

void rng_seed(struct rng *rng, uint64_t seed, const char *name, unsigned round)
{
    uint64_t x = 0xcbf29ce484222325u; /* FNV-1a of the name */

    for (; *name; name++)
        x = (x ^ (uint8_t)*name) * 0x100000001b3u;
    x ^= splitmix64(&seed) + round;
    for (unsigned i = 0; i < 4; i++)
        rng->s[i] = splitmix64(&x);
}

static inline uint64_t next(uint64_t *s)
{
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t rng_next(struct rng *rng)
{
    return next(rng->s);
}

uint64_t rng_below(struct rng *rng, uint64_t limit)
{
    uint64_t tail = (UINT64_MAX % limit + 1) % limit; /* numbers at the top that would favour small results */

    for (unsigned i = 0; i < 64; i++) {
        uint64_t v = rng_next(rng);

        if (v <= UINT64_MAX - tail)
            return v % limit;
    }
    return 0;
}
