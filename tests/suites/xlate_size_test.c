/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite xlate, sizes: large pages, numbers of levels, ends of the address range. VT-d 5.10, first-stage and
 * second-stage translation.
 *
 * A leaf taken at the wrong level, or address bits cut off by unit or engine, turns a case red.
 */
#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

/* ---- Large pages ---- */

static void require_size(struct rig *r, uint64_t size, const char *field)
{
    if (r->table->page_sizes & size)
        return;
    rig_close(r);
    t_skip(r->t, "%s = 0", field);
}

TEST(xlate, leaf_2m, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES,
     .doc = "a 2 MiB leaf serves its first, a middle and its last page")
{
    static const unsigned pages[] = {0, 257, 511};
    struct t_mem mem = t_mem(t, 512);
    struct pgtable_walk walk;
    struct rig r;

    rig_open(t, &r, t->dma);
    require_size(&r, PGTABLE_2M, "CAP.SSLPS bit 0");
    rig_map(&r, RIG_IOVA, &mem, 0, 512, PGTABLE_RW);
    T_ASSERT_OK(t, pgtable_walk(r.table, at(RIG_IOVA), &walk));
    T_ASSERT_EQ(t, walk.size, PGTABLE_2M);
    rig_publish(&r);
    for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
        struct t_mem page = {mem.va + pages[i] * PAGE_SIZE, {mem.pa.v + pages[i] * PAGE_SIZE}, 1};

        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + pages[i] * PAGE_SIZE + 8), &page, 8, 200);
    }
    rig_close(&r);
}

TEST(xlate, leaf_2m_ends, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .negative = true,
     .doc = "behind the last byte of a 2 MiB leaf nothing is mapped, although memory goes on")
{
    struct t_mem mem = t_mem(t, 1024);
    struct t_mem behind = {mem.va + 512 * PAGE_SIZE, {mem.pa.v + 512 * PAGE_SIZE}, 1};
    struct rig r;

    rig_open(t, &r, t->dma);
    require_size(&r, PGTABLE_2M, "CAP.SSLPS bit 0");
    rig_map(&r, RIG_IOVA, &mem, 0, 512, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + PGTABLE_2M), &behind, 0, 64);
    rig_close(&r);
}

TEST(xlate, leaf_1g, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES,
     .doc = "a 1 GiB leaf reaches a page by the low 30 bits of its address")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t base = align_down(mem.pa.v, PGTABLE_1G);
    struct pgtable_walk walk;
    struct rig r;

    rig_open(t, &r, t->dma);
    require_size(&r, PGTABLE_1G, r.stage == VTD_PGTT_FIRST ? "CAP.FS1GP" : "CAP.SSLPS bit 1");
    rig_map_pa(&r, RIG_IOVA, (paddr_t){base}, PGTABLE_1G, PGTABLE_RW);
    T_ASSERT_OK(t, pgtable_walk(r.table, at(RIG_IOVA), &walk));
    T_ASSERT_EQ(t, walk.size, PGTABLE_1G);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + (mem.pa.v - base)), &mem, 0, 300);
    rig_close(&r);
}

TEST(xlate, mixed_sizes, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES,
     .doc = "4 KiB leaves directly below and above a 2 MiB leaf keep their own pages")
{
    struct t_mem big = t_mem(t, 512);
    struct t_mem small = t_mem(t, 2);
    struct t_mem inside = {big.va, big.pa, 1};
    struct rig r;

    rig_open(t, &r, t->dma);
    require_size(&r, PGTABLE_2M, "CAP.SSLPS bit 0");
    rig_map(&r, RIG_IOVA - PAGE_SIZE, &small, 0, 1, PGTABLE_RW);
    rig_map(&r, RIG_IOVA, &big, 0, 512, PGTABLE_RW);
    rig_map(&r, RIG_IOVA + PGTABLE_2M, &small, 1, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA - PAGE_SIZE), &small, 0, 64);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &inside, 0, 64);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + PGTABLE_2M), &small, PAGE_SIZE, 64);
    rig_close(&r);
}

/* ---- Widths and levels ---- */

TEST(xlate, first_stage_top, .needs = NEED_DMA | NEED_FS, .lanes = RIG_BOTH_LANES,
     .doc = "the last page of the lower canonical half of 48 bits, and an engine that keeps all address bits")
{
    uint64_t top = pow2(47) - PAGE_SIZE;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_FIRST, 4);
    rig_map(&r, top, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(top), &mem, 0, 256);
    rig_close(&r);
}

TEST(xlate, second_stage_top, .needs = NEED_DMA | NEED_SS, .lanes = RIG_BOTH_LANES,
     .doc = "the last page below the second stage's width, and an engine that keeps all address bits")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    uint64_t top;

    rig_open_as(t, &r, t->dma, VTD_PGTT_SECOND, 4);
    top = r.table->input_end - PAGE_SIZE;
    rig_map(&r, top, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(top), &mem, 0, 256);
    rig_close(&r);
}

TEST(xlate, second_stage_3_levels, .needs = NEED_DMA | NEED_SS, .lanes = RIG_BOTH_LANES,
     .doc = "AW = 001b: a table of three levels, its first and its last address")
{
    struct t_mem mem = t_mem(t, 2);
    uint64_t top = pow2(39) - PAGE_SIZE;
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_SECOND, 3);
    rig_map(&r, 0, &mem, 0, 1, PGTABLE_RW);
    rig_map(&r, top, &mem, 1, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(0), &mem, 0, 128);
    t_dma_write_allowed(t, t->dma, at(top), &mem, PAGE_SIZE, 128);
    rig_close(&r);
}

TEST(xlate, random_pages, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES,
     .doc = "one page at a random address in each eighth of the width: each reaches its own")
{
    enum { PAGES = 8 };
    struct t_mem mem = t_mem(t, PAGES);
    uint64_t iova[PAGES];
    uint64_t share;
    struct rig r;

    rig_open(t, &r, t->dma);
    share = r.table->input_end / PAGES;
    for (unsigned i = 0; i < PAGES; i++) {
        iova[i] = i * share + align_down(t_rand_below(t, share), PAGE_SIZE);
        rig_map(&r, iova[i], &mem, i, 1, PGTABLE_RW);
    }
    rig_publish(&r);
    for (unsigned i = 0; i < PAGES; i++)
        t_dma_write_allowed(t, t->dma, at(iova[i] + 16), &mem, i * PAGE_SIZE + 16, 48);
    rig_close(&r);
}
