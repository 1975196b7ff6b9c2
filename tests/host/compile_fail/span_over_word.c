/* SPDX-License-Identifier: BSD-2-Clause */
/* A field over the border of a quadword. */
/* expect: crosses a 64-bit word */
#include "kernel/lib/bits.h"

uint64_t probe(uint64_t word);

uint64_t probe(uint64_t word)
{
#ifdef WRONG
    return FIELD_GET(BITS(70, 60), word);
#else
    return FIELD_GET(BITS(70, 64), word);
#endif
}
