/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite xlate: what a device reaches through each translation type, page size and direction. VT-d 5.10, DMA
 * Remapping; first-stage and second-stage translation. Places of devices are in place_test.c.
 *
 * Every case compares memory on both sides of a transfer, so an entry with a wrong address, size or
 * permission turns it red, and so does a table walk that takes an index from the wrong bits.
 */
#include <string.h>

#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

/* ---- Pass-through ---- */

TEST(xlate, pass_through_write, .needs = NEED_DMA | NEED_PT, .lanes = RIG_BOTH_LANES, .rules = "35 37",
     .doc = "PGTT = 100b: a write arrives at the physical address that the device puts on the bus")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v), &mem, 0, 256);
    rig_close(&r);
}

TEST(xlate, pass_through_read, .needs = NEED_DMA | NEED_DMA_READ | NEED_PT, .lanes = RIG_BOTH_LANES,
     .doc = "PGTT = 100b: a read brings what is at the physical address")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish_pass_through(&r);
    t_dma_read_allowed(t, t->dma, at(mem.pa.v + 64), &mem, 64, 512);
    rig_close(&r);
}

/* ---- 4 KiB pages ---- */

TEST(xlate, write_page, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "35 36",
     .doc =
         "a write through a 4 KiB leaf of the unit's own stage arrives in the page it maps, and nowhere else")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 1024);
    t_expect_no_fault(t);
    rig_close(&r);
}

TEST(xlate, read_page, .needs = NEED_DMA | NEED_DMA_READ, .lanes = RIG_BOTH_LANES,
     .doc = "a read through a 4 KiB leaf brings what is in the page it maps")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_read_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 1024);
    t_expect_no_fault(t);
    rig_close(&r);
}

TEST(xlate, byte_exact, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_BOTH_LANES,
     .doc = "offset bits pass unchanged: odd starts and lengths hit exactly the bytes aimed at")
{
    static const struct {
        unsigned offset, len;
    } spans[] = {{0, 1}, {1, 1}, {3, 2}, {4095, 1}, {1234, 77}};
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    for (unsigned i = 0; i < ARRAY_SIZE(spans); i++)
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + spans[i].offset), &mem, spans[i].offset, spans[i].len);
    rig_close(&r);
}

TEST(xlate, whole_page, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_BOTH_LANES,
     .doc = "the longest transfer within one page, up to its last byte")
{
    unsigned len = t->dma->max_len < PAGE_SIZE ? t->dma->max_len : PAGE_SIZE;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + PAGE_SIZE - len), &mem, PAGE_SIZE - len, len);
    rig_close(&r);
}

TEST(xlate, iova_zero, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES,
     .doc = "address 0 is an address like any other: mapped, it works")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, 0, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(0), &mem, 0, 64);
    rig_close(&r);
}

TEST(xlate, every_level, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES,
     .doc = "addresses that differ in one level's index only reach pages of their own, at every level")
{
    struct t_mem mem = t_mem(t, 8);
    unsigned levels = 0;
    struct rig r;

    rig_open(t, &r, t->dma);
    /* CAP.MGAW may end below the top level. */
    while (levels < r.levels && RIG_IOVA + pow2(12 + 9 * levels) < r.table->input_end)
        levels++;
    for (unsigned l = 0; l < levels; l++)
        rig_map(&r, RIG_IOVA + pow2(12 + 9 * l), &mem, l, 1, PGTABLE_RW);
    rig_map(&r, RIG_IOVA, &mem, r.levels, 1, PGTABLE_RW);
    rig_publish(&r);
    for (unsigned l = 0; l < levels; l++)
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + pow2(12 + 9 * l)), &mem, l * PAGE_SIZE, 64);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, r.levels * PAGE_SIZE, 64);
    rig_close(&r);
}

TEST(xlate, reversed_neighbours, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES,
     .doc = "adjacent addresses mapped to pages in reverse order: no entry serves its neighbour")
{
    struct t_mem mem = t_mem(t, 4);
    struct rig r;

    rig_open(t, &r, t->dma);
    for (unsigned i = 0; i < 4; i++)
        rig_map(&r, RIG_IOVA + i * PAGE_SIZE, &mem, 3 - i, 1, PGTABLE_RW);
    rig_publish(&r);
    for (unsigned i = 0; i < 4; i++)
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + i * PAGE_SIZE), &mem, (3 - i) * PAGE_SIZE, 100);
    rig_close(&r);
}

TEST(xlate, two_addresses_one_page, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES,
     .doc = "two addresses of one page both reach it; one unmapped before first use does not")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_map(&r, RIG_IOVA + 5 * PAGE_SIZE, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 128);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + 5 * PAGE_SIZE), &mem, 0, 128);
    rig_close(&r);
}

TEST(
    xlate, map_after_use, .needs = NEED_DMA | NEED_NO_CM, .lanes = RIG_BOTH_LANES, .rules = "36 52",
    .doc =
        "without caching mode a page mapped while the entry is in use works at once, without an invalidation")
{
    struct t_mem mem = t_mem(t, 2);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_map(&r, RIG_IOVA + PAGE_SIZE, &mem, 1, 1, PGTABLE_RW);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + PAGE_SIZE), &mem, PAGE_SIZE, 64);
    rig_close(&r);
}

TEST(xlate, map_after_refusal, .needs = NEED_DMA | NEED_NO_CM, .lanes = RIG_BOTH_LANES, .rules = "36 52",
     .negative = true,
     .doc = "without caching mode a refusal is not cached: the same address works once it is mapped")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

/* ---- Transfers over a page's end ---- */

/* Loads the engine with bytes that the case knows: what it holds afterwards, in `out`. */
static void load(struct t *t, uint64_t iova, const struct t_mem *mem, uint8_t *out, unsigned len)
{
    if (dma_fixed_pattern(t->dma, out, len))
        return;
    T_ASSERT_EQ(t, t_dma_read(t, t->dma, at(iova), mem, 0, len, NULL), T_REACHED);
    memcpy(out, mem->va, len);
}

TEST(xlate, crossing_write, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_BOTH_LANES,
     .doc = "a write over a page's end goes on in the page that the next address maps, not in the next one "
            "of memory")
{
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = at(RIG_IOVA + PAGE_SIZE - 40), .len = 104};
    struct t_mem mem = t_mem(t, 4);
    struct t_mem want = t_mem(t, 4);
    uint8_t sent[104];
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 2, 1, PGTABLE_RW);
    rig_map(&r, RIG_IOVA + PAGE_SIZE, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    load(t, RIG_IOVA + PAGE_SIZE, &mem, sent, sizeof(sent));
    t_rand_fill(t, mem.va, 4 * PAGE_SIZE);
    memcpy(want.va, mem.va, 4 * PAGE_SIZE);
    memcpy(want.va + 3 * PAGE_SIZE - 40, sent, 40);
    memcpy(want.va, sent + 40, 64);
    x.believed = mem.pa;
    T_ASSERT_OK(t, dma_run(t->dma, &x));
    T_ASSERT_MEM(t, mem.va, want.va, 4 * PAGE_SIZE);
    t_proved(t, true);
    rig_close(&r);
}

TEST(xlate, crossing_denied_tail, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_BOTH_LANES,
     .negative = true,
     .doc = "a write from a mapped page into an unmapped one changes nothing behind the first page's end")
{
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = at(RIG_IOVA + PAGE_SIZE - 40), .len = 104};
    struct t_mem mem = t_mem(t, 2);
    struct t_mem before = t_mem(t, 2);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_rand_fill(t, mem.va, 2 * PAGE_SIZE);
    memcpy(before.va, mem.va, 2 * PAGE_SIZE);
    x.believed = mem.pa;
    T_ASSERT_OK(t, dma_run(t->dma, &x));
    /* The 40 bytes in front of the end may have been written: the request is split there. */
    T_ASSERT_MEM(t, mem.va, before.va, PAGE_SIZE - 40);
    T_ASSERT_MEM(t, mem.va + PAGE_SIZE, before.va + PAGE_SIZE, PAGE_SIZE);
    t_proved(t, false);
    rig_close(&r);
}

TEST(xlate, long_transfer, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_BOTH_LANES,
     .doc =
         "one transfer as long as the engine can, over up to eight pages mapped one by one, fills all of it")
{
    unsigned len = t->dma->max_len < 8 * PAGE_SIZE ? t->dma->max_len : 8 * PAGE_SIZE;
    unsigned first = (8 * PAGE_SIZE - len) / 2;
    struct t_mem mem = t_mem(t, 8);
    struct rig r;

    rig_open(t, &r, t->dma);
    for (unsigned i = 0; i < 8; i++)
        rig_map(&r, RIG_IOVA + i * PAGE_SIZE, &mem, i, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + first), &mem, first, len);
    rig_close(&r);
}

/* ---- Permissions ---- */

TEST(xlate, read_only, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .negative = true,
     .doc = "a page without write permission is not written")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_R);
    rig_publish(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(xlate, read_only_is_read, .needs = NEED_DMA | NEED_DMA_READ, .lanes = RIG_BOTH_LANES, .negative = true,
     .doc = "a page without write permission is read, and not written, by the same device")
{
    struct t_mem mem = t_mem(t, 1);
    struct t_mem scratch = t_mem(t, 1);
    struct t_route via = {at(RIG_IOVA + PGTABLE_2M), &scratch};
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_R);
    rig_map(&r, via.iova.v, &scratch, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    T_ASSERT_EQ(t, t_dma_read(t, t->dma, at(RIG_IOVA), &mem, 0, 128, &via), T_REACHED);
    t_proved(t, true);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 128);
    rig_close(&r);
}

TEST(xlate, second_stage_write_only, .needs = NEED_DMA | NEED_DMA_READ | NEED_SS, .lanes = RIG_BOTH_LANES,
     .negative = true, .doc = "a second-stage page with W alone is written, and not read")
{
    struct t_mem mem = t_mem(t, 1);
    struct t_mem scratch = t_mem(t, 1);
    struct t_route via = {at(RIG_IOVA + PGTABLE_2M), &scratch};
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_SECOND, 4);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_W);
    rig_map(&r, via.iova.v, &scratch, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed_via(t, t->dma, at(RIG_IOVA), &mem, 0, 128, &via);
    t_dma_read_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 128, &via, NULL, NULL);
    rig_close(&r);
}

/* ---- The entry ---- */

TEST(xlate, publish_again, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "35 43",
     .doc = "an entry that was retired can be published again, with the same domain id, and works")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    for (unsigned i = 0; i < 3; i++) {
        rig_publish(&r);
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
        rig_retire(&r);
    }
    rig_close(&r);
}

TEST(xlate, other_slot, .needs = NEED_DMA | NEED_NO_RPS, .lanes = RIG_BOTH_LANES, .negative = true,
     .doc = "requests without PASID are served by slot 0 alone: an entry in slot 5 gives them nothing")
{
    struct vtd_pasid_entry entry;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    entry = rig_entry(&r);
    T_ASSERT_OK(t, vtd_pasid_publish_entry(r.dev, 5, &entry));
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    T_ASSERT_OK(t, vtd_pasid_retire(r.dev, 5, VTD_RETIRE_LAST_OF_DID));
    rig_close(&r);
}
