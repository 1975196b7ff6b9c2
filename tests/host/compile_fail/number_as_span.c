/* SPDX-License-Identifier: BSD-2-Clause */
/* A mask where a field is expected. */
/* expect: unary|indirection */
#include "kernel/lib/bits.h"

uint64_t probe(uint64_t word);

uint64_t probe(uint64_t word)
{
#ifdef WRONG
    return FIELD_GET(0xff00, word);
#else
    return FIELD_GET(BITS(15, 8), word);
#endif
}
