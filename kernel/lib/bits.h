/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bit fields in the numbers that a specification prints: BITS(79, 64) of a 512-bit entry is its 79:64, and
 * the quadword, shift and mask follow from that. Also the arithmetic on powers of two that keeps shifts and
 * masks out of other files.
 *
 * A span is a null pointer of type `char (*)[hi + 1][lo + 1]`: its two numbers live in the type, so every
 * property of it is an integer constant expression (static_assert, case labels, initializers), and a span
 * never passes for a number nor a number for a span. hi < lo, or a span over a quadword's border, does not
 * compile.
 */
#ifndef KERNEL_LIB_BITS_H
#define KERNEL_LIB_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

/* 0, as a constant expression, if `cond` holds; else the compiler stops with `message`. */
#define BITS_REQUIRE(cond, message)                                                                          \
    (0 * sizeof(struct {                                                                                     \
         _Static_assert(cond, message);                                                                      \
         char c;                                                                                             \
     }))

/* Bits hi:lo of an object made of 64-bit words, numbered from bit 0 of word 0. BIT(n) is the single bit n. */
#define BITS(hi, lo)                                                                                         \
    ((const char(*)[(hi) + 1 + BITS_REQUIRE((hi) >= (lo), "BITS(hi, lo): hi is below lo") +                  \
                    BITS_REQUIRE((hi) / 64 == (lo) / 64, "BITS(hi, lo): crosses a 64-bit word")]             \
                   [(lo) + 1])0)
#define BIT(n) BITS(n, n)

/* What a span says. SPAN_MASK is the mask inside its word, SPAN_MAX the largest value that fits. */
#define SPAN_HI(span)    (sizeof(*(span)) / sizeof((*(span))[0]) - 1)
#define SPAN_LO(span)    (sizeof((*(span))[0]) - 1)
#define SPAN_WORD(span)  (SPAN_LO(span) / 64)
#define SPAN_SHIFT(span) (SPAN_LO(span) % 64)
#define SPAN_WIDTH(span) (SPAN_HI(span) - SPAN_LO(span) + 1)
#define SPAN_MAX(span)   (UINT64_MAX >> (64 - SPAN_WIDTH(span)))
#define SPAN_MASK(span)  (SPAN_MAX(span) << SPAN_SHIFT(span))

/* Our own bug, found below everything that could print: an illegal instruction, which traps with a
 * back-trace. */
static inline void bits_require(bool ok)
{
    if (!ok)
        __builtin_trap();
}

static inline uint64_t bits_checked(uint64_t value, uint64_t set)
{
    bits_require((value & ~set) == 0);
    return value;
}

/* 1 if `x` is an integer constant expression: only then is its product with 0 a null pointer constant. */
#define BITS_IS_CONST(x) _Generic((1 ? (void *)((uintptr_t)(x)*0) : (int *)0), int * : 1, default : 0)

/* `value` as a uint64_t without bits outside of `set`: a constant is refused by the compiler, any other value
 * traps. */
#define BITS_WITHIN(set, value)                                                                              \
    (__builtin_choose_expr(BITS_IS_CONST(value),                                                             \
                           (uint64_t)((value) + BITS_REQUIRE((BITS_OR_ZERO(value) & ~(uint64_t)(set)) == 0,  \
                                                             "value does not fit into its field")),          \
                           bits_checked(value, set)))
#define BITS_OR_ZERO(value) __builtin_choose_expr(BITS_IS_CONST(value), value, 0)

/*
 * One field of one word (a register, or the right quadword of an entry). A value wider than the field is
 * refused: at compile time when it is a constant, else by a trap. With constant arguments the results are
 * constant expressions.
 */
#define FIELD_GET(span, word)   (((uint64_t)(word)&SPAN_MASK(span)) >> SPAN_SHIFT(span))
#define FIELD_PREP(span, value) (BITS_WITHIN(SPAN_MAX(span), value) << SPAN_SHIFT(span))
/* The word with that field replaced. */
#define FIELD_SET(span, word, value) (((uint64_t)(word) & ~SPAN_MASK(span)) | FIELD_PREP(span, value))

/*
 * Fields that keep the bits of an address (or byte offset) in their own places, e.g. 63:12 of a table
 * pointer: the value is the whole address, and must have no bit outside the field.
 */
#define FIELD_GET_ADDR(span, word)  ((uint64_t)(word)&SPAN_MASK(span))
#define FIELD_PREP_ADDR(span, addr) BITS_WITHIN(SPAN_MASK(span), addr)

/* The same on entries: `entry` points to a structure whose member q[] is its words; a span outside it is an
 * error. */
#define ENTRY_WORD(entry, span)                                                                              \
    ((entry)->q[SPAN_WORD(span) +                                                                            \
                BITS_REQUIRE(SPAN_WORD(span) < ARRAY_SIZE((entry)->q), "field lies outside of this entry")])
#define entry_get(entry, span)      FIELD_GET(span, ENTRY_WORD(entry, span))
#define entry_get_addr(entry, span) FIELD_GET_ADDR(span, ENTRY_WORD(entry, span))
#define entry_set(entry, span, value)                                                                        \
    ((void)(ENTRY_WORD(entry, span) = FIELD_SET(span, ENTRY_WORD(entry, span), value)))
#define entry_set_addr(entry, span, addr)                                                                    \
    ((void)(ENTRY_WORD(entry, span) =                                                                        \
                (ENTRY_WORD(entry, span) & ~SPAN_MASK(span)) | FIELD_PREP_ADDR(span, addr)))

/* One whole access that the compiler neither splits nor repeats, for words that hardware reads or writes
 * meanwhile. */
static inline uint64_t load64(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline void store64(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
}

/* ---- Powers of two ---- */

#define PAGE_SIZE 4096u

/* 2^n, n 0..63. */
static inline uint64_t pow2(unsigned n)
{
    bits_require(n < 64);
    return 1ull << n;
}

static inline bool is_pow2(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

/* Largest n with 2^n <= v; v is not 0. */
static inline unsigned log2_floor(uint64_t v)
{
    bits_require(v != 0);
    return 63 - (unsigned)__builtin_clzll(v);
}

/* Smallest n with 2^n >= v; v is 1..2^63. */
static inline unsigned log2_ceil(uint64_t v)
{
    bits_require(v != 0 && v <= 1ull << 63);
    return v == 1 ? 0 : log2_floor(v - 1) + 1;
}

/* True if bit `n` (0..63) of `v` is set. */
static inline bool bit_is_set(uint64_t v, unsigned n)
{
    return (v & pow2(n)) != 0;
}

/* Multiples of `size`, which is a power of two. align_up wraps to 0 past the last multiple below 2^64. */
static inline bool is_aligned(uint64_t v, uint64_t size)
{
    bits_require(is_pow2(size));
    return (v & (size - 1)) == 0;
}

static inline uint64_t align_down(uint64_t v, uint64_t size)
{
    bits_require(is_pow2(size));
    return v & ~(size - 1);
}

static inline uint64_t align_up(uint64_t v, uint64_t size)
{
    return align_down(v + (size - 1), size);
}

#endif
