/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite prq: devices that ask for more than they may (iommu_ats.c), without end or without an answer. The
 * driver keeps VTD_PRQ_GROUPS groups of a function and no more.
 */
#include "tests/host/page_bench.h"

#define GROUP_NUMBERS 512u /* PRG indices that there are */

/* Groups 0 .. count-1, one request each, in pieces that the queue takes. */
static void ask_many(struct page_bench *b, unsigned count, bool last)
{
    for (unsigned n = 0; n < count; n++) {
        page_ask(b, (uint16_t)n, n, last);
        if (n % 64 == 63)
            page_settle(b);
    }
    page_settle(b);
}

TEST(prq, never_complete, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "58",
     .negative = true,
     .doc = "a device begins group after group and ends none: the oldest are given up, what it ends is "
            "served, and nothing is left of it")
{
    struct page_bench b;
    uint64_t beyond;

    page_open(t, &b, PAGE_MAP);
    page_bind(&b, true);
    beyond = b.unit->prq.stats.beyond;
    ask_many(&b, GROUP_NUMBERS, false);
    T_EXPECT_EQ(t, b.unit->prq.groups, VTD_PRQ_GROUPS);
    T_EXPECT_EQ(t, b.unit->prq.stats.beyond - beyond, (uint64_t)(GROUP_NUMBERS - VTD_PRQ_GROUPS));
    page_ask(&b, 0, 0, true);
    page_settle(&b);
    T_EXPECT_EQ(t, b.groups, 1u);
    T_EXPECT_EQ(t, b.last.count, 1u);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_SUCCESS), 1u);
    page_unbind(&b);
    T_EXPECT_EQ(t, b.unit->prq.groups, 0u);
    page_close(&b);
}

TEST(prq, never_waits, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "58",
     .negative = true,
     .doc = "a device asks on and on while its owner answers nothing: what is too much is sent back as if "
            "the queue had been full, and unbind answers the rest")
{
    struct page_bench b;

    page_open(t, &b, PAGE_HOLD);
    page_bind(&b, true);
    ask_many(&b, VTD_PRQ_GROUPS + 20, true);
    T_EXPECT_EQ(t, b.held_count, VTD_PRQ_GROUPS);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_SUCCESS), 20u);
    page_unbind(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), VTD_PRQ_GROUPS);
    while (b.held_count > 0)
        iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_PRESENT);
    T_EXPECT_EQ(t, b.unit->prq.groups, 0u);
    page_close(&b);
}
