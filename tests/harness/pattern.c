/* SPDX-License-Identifier: BSD-2-Clause */
/* See pattern.h. */
#include "tests/harness/pattern.h"

#include <string.h>

struct pattern pattern_make(struct rng *rng)
{
    struct pattern p = {.at = rng_next(rng)};

    p.step = rng_next(rng) | 1;
    return p;
}

void pattern_fill(struct pattern p, void *out, size_t size)
{
    uint8_t *to = out;
    uint64_t word;

    for (; size >= sizeof(word); size -= sizeof(word), to += sizeof(word), p.at += p.step) {
        word = pattern_word(p);
        __builtin_memcpy(to, &word, sizeof(word));
    }
    word = pattern_word(p);
    memcpy(to, &word, size);
}
