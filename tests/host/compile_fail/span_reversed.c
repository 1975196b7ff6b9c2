/* SPDX-License-Identifier: BSD-2-Clause */
/* A field whose bits are given low to high. */
/* expect: hi is below lo */
#include "kernel/lib/bits.h"

uint64_t probe(uint64_t word);

uint64_t probe(uint64_t word)
{
#ifdef WRONG
    return FIELD_GET(BITS(64, 79), word);
#else
    return FIELD_GET(BITS(79, 64), word);
#endif
}
