/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Golden vectors of bit fields: a field of the driver's headers beside the quadword and the bits that a hand
 * worked out from the bit ranges of VT-d 5.10, without the macros. Driver and reference model share the
 * headers, so a wrong bit would be wrong on both sides and show nowhere else. A field that has no line is
 * found by tests/host/golden.sh.
 */
#ifndef TESTS_SUITES_GOLD_H
#define TESTS_SUITES_GOLD_H

#include "kernel/lib/bits.h"
#include "tests/harness/harness.h"

struct gold {
    const char *name;
    unsigned word;
    uint64_t mask;
    unsigned want_word;
    uint64_t want_mask;
};

/* A field, the quadword it lies in, its bits there. */
#define G(field, word, mask)                                                                                 \
    {                                                                                                        \
#field, SPAN_WORD(VTD_##field), SPAN_MASK(VTD_##field), word, mask                                   \
    }

static inline void gold_compare(struct t *t, const struct gold *gold, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool same = gold[i].word == gold[i].want_word && gold[i].mask == gold[i].want_mask;

        if (!same)
            t_note(t, "field %s", gold[i].name);
        T_EXPECT_EQ(t, gold[i].word, gold[i].want_word);
        T_EXPECT_EQ(t, gold[i].mask, gold[i].want_mask);
    }
}

#define GOLD_COMPARE(t, table) gold_compare(t, table, ARRAY_SIZE(table))

#endif
