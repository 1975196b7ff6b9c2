/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite flush: the driver's own invalidations judged by what the device still reaches. Everything is in the
 * unit's caches when it goes, and what has gone is given back at once. VT-d 5.10, Guidance to Software for
 * Invalidations; rules 27, 28, 38, 50, 51, 54.
 */
#include "tests/suites/rig.h"

#define PAGES 8

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

static uint64_t page_at(unsigned n)
{
    return RIG_IOVA + n * (uint64_t)PAGE_SIZE;
}

/* The device uses these pages: caches, however small, have the last of them. */
static void warm(struct rig *r, const struct t_mem *mem, unsigned first, unsigned end)
{
    for (unsigned n = first; n < end; n++)
        t_dma_write_allowed(r->t, r->dma, at(page_at(n)), mem, n * PAGE_SIZE, 64);
}

/* A published table with PAGES pages, every one of which the device has used. */
static void open_warm(struct t *t, struct rig *r, const struct t_mem *mem)
{
    rig_open(t, r, t->dma);
    rig_map(r, RIG_IOVA, mem, 0, PAGES, PGTABLE_RW);
    rig_publish(r);
    warm(r, mem, 0, PAGES);
}

/* By the driver: the range that was unmapped, then the tables that are no longer linked are given back. */
static void flush(struct rig *r, uint64_t iova, uint64_t size)
{
    struct vtd_use use = {.dev = r->dev, .slot = r->slot};

    T_ASSERT_OK(r->t, vtd_flush_range(&use, 1, at(iova), size, !pgtable_has_garbage(r->table)));
    pgtable_gc(r->table);
}

static void expect_pages(struct rig *r, const struct t_mem *mem, unsigned first_gone, unsigned end_gone)
{
    for (unsigned n = 0; n < PAGES; n++) {
        if (n >= first_gone && n < end_gone)
            t_dma_write_denied(r->t, r->dma, at(page_at(n)), mem, n * PAGE_SIZE, 64);
        else
            t_dma_write_allowed(r->t, r->dma, at(page_at(n)), mem, n * PAGE_SIZE, 64);
    }
}

TEST(flush, range, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "27 28 50 51", .negative = true,
     .doc = "pages out of the middle: they are out of reach, their neighbours are not")
{
    static const struct {
        unsigned first, count;
    } ranges[] = {{3, 1}, {1, 2}, {3, 3}, {0, PAGES}};

    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        struct t_mem mem = t_mem(t, PAGES);
        struct rig r;

        open_warm(t, &r, &mem);
        warm(&r, &mem, ranges[i].first, ranges[i].first + ranges[i].count);
        rig_unmap(&r, page_at(ranges[i].first), ranges[i].count * (uint64_t)PAGE_SIZE);
        flush(&r, page_at(ranges[i].first), ranges[i].count * (uint64_t)PAGE_SIZE);
        expect_pages(&r, &mem, ranges[i].first, ranges[i].first + ranges[i].count);
        rig_close(&r);
        t_mem_free(t, &mem);
    }
}

TEST(flush, whole_space, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "27", .flaws = "H16",
     .negative = true,
     .doc = "no bytes, all bytes, and a range that ends beyond the last address all reach the page that went")
{
    static const struct {
        uint64_t iova, size;
    } ranges[] = {{0, 0}, {RIG_IOVA, 0}, {0, UINT64_MAX}, {PAGE_SIZE, UINT64_MAX}};

    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        struct t_mem mem = t_mem(t, PAGES);
        struct rig r;

        open_warm(t, &r, &mem);
        warm(&r, &mem, 5, 6);
        rig_unmap(&r, page_at(5), PAGE_SIZE);
        flush(&r, ranges[i].iova, ranges[i].size);
        expect_pages(&r, &mem, 5, 6);
        rig_close(&r);
        t_mem_free(t, &mem);
    }
}

TEST(flush, tables_given_back, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "28 54", .flaws = "H29",
     .negative = true,
     .doc =
         "tables unlinked by an unmap are given back after the flush and used again: no walk begins in them")
{
    struct t_mem mem = t_mem(t, PAGES);
    struct t_mem again[4];
    struct rig r;

    open_warm(t, &r, &mem);
    rig_unmap(&r, RIG_IOVA, PAGES * (uint64_t)PAGE_SIZE);
    flush(&r, RIG_IOVA, PAGES * (uint64_t)PAGE_SIZE);
    /* Whoever gets the pages now fills them with entries that lead to `mem`. */
    for (unsigned i = 0; i < ARRAY_SIZE(again); i++) {
        uint64_t *words;

        again[i] = t_mem(t, 1);
        words = (uint64_t *)(void *)again[i].va;
        for (unsigned w = 0; w < PAGE_SIZE / 8; w++)
            words[w] = mem.pa.v + 7;
        plat_publish(again[i].va, PAGE_SIZE, false);
    }
    expect_pages(&r, &mem, 0, PAGES);
    rig_close(&r);
}

TEST(flush, detach_published, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "38 43", .flaws = "H17",
     .negative = true,
     .doc = "a device goes while an entry of its directory is present: nothing of it answers afterwards")
{
    const uint16_t neighbour = t->dma->rids[0] ^ RID(0, 1, 0);
    struct t_mem mem = t_mem(t, PAGES);
    struct iommu_dev *back;
    struct vtd_dev *beside;
    struct rig r;

    open_warm(t, &r, &mem);
    /* Without somebody else in this half of the bus everything would be flushed. */
    T_ASSERT_OK(t,
                vtd_dev_attach(r.unit, &(struct vtd_dev_cfg){.rids = &neighbour, .rid_count = 1}, &beside));
    T_ASSERT_OK(t, iommu_dev_detach(r.idev));
    expect_pages(&r, &mem, 0, PAGES);
    vtd_did_free(r.unit, r.did);
    pgtable_destroy(r.table);
    T_ASSERT_OK(t,
                iommu_dev_attach(t->iommu, t->dma->id, t->dma->rids, t->dma->rid_count, IOASID_BITS, &back));
    expect_pages(&r, &mem, 0, PAGES);
    T_ASSERT_OK(t, iommu_dev_detach(back));
    T_ASSERT_OK(t, vtd_dev_detach(beside));
}
