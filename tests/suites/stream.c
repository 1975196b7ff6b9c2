/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See stream.h.
 */
#include "tests/suites/stream.h"

#include <string.h>

#define STREAM_MAX 64

static uint64_t total(const struct vtd_unit *unit)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < VTD_DESC_TYPES; i++)
        sum += unit->stats.descriptors[i];
    return sum;
}

struct stream stream_mark(struct vtd_unit *unit)
{
    return (struct stream){.unit = unit, .descriptors = total(unit), .waits = unit->stats.waits};
}

uint64_t stream_descriptors(const struct stream *s)
{
    return total(s->unit) - s->descriptors;
}

uint64_t stream_waits(const struct stream *s)
{
    return s->unit->stats.waits - s->waits;
}

static void compare(struct t *t, unsigned n, const struct vtd_desc *got, const struct vtd_desc *want)
{
    char seen[128], expected[128];

    if (memcmp(got, want, sizeof(*got)) == 0)
        return;
    t_note(t, "descriptor %u of the stream: %s, wanted %s", n, vtd_inv_text(got, seen, sizeof(seen)),
           vtd_inv_text(want, expected, sizeof(expected)));
    T_EXPECT_MEM(t, got, want, sizeof(*got));
}

void stream_expect(struct t *t, const struct stream *s, const struct vtd_desc *want, unsigned count)
{
    unsigned got_count = (unsigned)stream_descriptors(s);
    struct vtd_desc got[STREAM_MAX];
    char text[128];

    T_ASSERT_LT(t, got_count, STREAM_MAX);
    (void)vtd_qi_recent(s->unit, got, got_count);
    for (unsigned i = 0; got_count != (count == 0 ? 0 : count + 1) && i < got_count; i++)
        t_note(t, "stream %u: %s", i, vtd_inv_text(&got[i], text, sizeof(text)));
    T_EXPECT_EQ(t, stream_waits(s), count == 0 ? 0ull : 1ull);
    T_ASSERT_EQ(t, got_count, count == 0 ? 0 : count + 1);
    for (unsigned i = 0; i < count; i++)
        compare(t, i, &got[i], &want[i]);
    if (count > 0)
        T_EXPECT_EQ(t, entry_get(&got[count], VTD_QI_TYPE), (uint64_t)VTD_QI_WAIT);
}
