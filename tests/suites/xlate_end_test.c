/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite xlate, ends: a leaf of each size serves no address that differs from its own in one bit more, and the
 * first and the last entry of the tables at each level serve their own addresses. VT-d 5.10, first-stage and
 * second-stage translation.
 *
 * A leaf's size taken too large, and an index that is one bit short, turn cases red.
 */
#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

/*
 * One leaf at RIG_IOVA, of memory around a page of the case's. The same place in what would be the next leaf,
 * or the one before, reaches nothing: not even what the leaf leads to.
 */
static void beside_leaf(struct t *t, uint64_t size, bool above)
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t base = align_down(mem.pa.v, size), offset = mem.pa.v - base;
    struct pgtable_walk walk;
    struct rig r;

    rig_open(t, &r, t->dma);
    if (!(r.table->page_sizes & size)) {
        rig_close(&r);
        t_skip(t, "%s = 0", r.stage == VTD_PGTT_FIRST ? "CAP.FS1GP" : "CAP.SSLPS");
    }
    rig_map_pa(&r, RIG_IOVA, (paddr_t){base}, size, PGTABLE_RW);
    T_ASSERT_OK(t, pgtable_walk(r.table, at(RIG_IOVA), &walk));
    T_ASSERT_EQ(t, walk.size, size);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + offset), &mem, 0, 64);
    t_dma_write_denied(t, t->dma, at((above ? RIG_IOVA + size : RIG_IOVA - size) + offset), &mem, 0, 64);
    rig_close(&r);
}

TEST(xlate, above_leaf_4k, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a leaf of 4 KiB serves no address above it")
{
    beside_leaf(t, PGTABLE_4K, true);
}

TEST(xlate, below_leaf_4k, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a leaf of 4 KiB serves no address below it")
{
    beside_leaf(t, PGTABLE_4K, false);
}

TEST(xlate, above_leaf_2m, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a leaf of 2 MiB serves no address above it")
{
    beside_leaf(t, PGTABLE_2M, true);
}

TEST(xlate, below_leaf_2m, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a leaf of 2 MiB serves no address below it")
{
    beside_leaf(t, PGTABLE_2M, false);
}

TEST(xlate, above_leaf_1g, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a leaf of 1 GiB serves no address above it")
{
    beside_leaf(t, PGTABLE_1G, true);
}

TEST(xlate, below_leaf_1g, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a leaf of 1 GiB serves no address below it")
{
    beside_leaf(t, PGTABLE_1G, false);
}

/* ---- Ends of tables ---- */

/* The level itself, or the highest one below it that addresses of this table reach. */
static unsigned reached_level(const struct rig *r, unsigned level)
{
    while (2 * pow2(12 + 9 * (level - 1)) > r->table->input_end)
        level--;
    return level;
}

/* RIG_IOVA with another index at a level. */
static uint64_t with_index(const struct rig *r, unsigned level, uint64_t index)
{
    uint64_t unit = pow2(12 + 9 * (reached_level(r, level) - 1));

    return RIG_IOVA - RIG_IOVA / unit % VTD_PAGING_ENTRIES * unit + index * unit;
}

/* The last index that an address may have there. */
static uint64_t last_index(const struct rig *r, unsigned level)
{
    uint64_t last = VTD_PAGING_ENTRIES - 1;

    while (with_index(r, level, last) >= r->table->input_end)
        last /= 2;
    return last;
}

/* The entry at one end and the one beside it lead to a page each. */
static void end_of_table(struct t *t, unsigned level, bool last)
{
    struct t_mem mem = t_mem(t, 2);
    uint64_t end, beside;
    struct rig r;

    rig_open(t, &r, t->dma);
    end = last ? last_index(&r, level) : 0;
    beside = last ? end - 1 : 1;
    rig_map(&r, with_index(&r, level, end), &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(with_index(&r, level, end)), &mem, 0, 64);
    t_dma_write_denied(t, t->dma, at(with_index(&r, level, beside)), &mem, 0, 64);
    rig_map(&r, with_index(&r, level, beside), &mem, 1, 1, PGTABLE_RW);
    t_dma_write_allowed(t, t->dma, at(with_index(&r, level, beside)), &mem, PAGE_SIZE, 64);
    rig_close(&r);
}

TEST(xlate, first_of_level_1, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the first entry of a table of level 1 serves its own address, and not that of its neighbour")
{
    end_of_table(t, 1, false);
}

TEST(xlate, last_of_level_1, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the last entry of a table of level 1 serves its own address, and not that of its neighbour")
{
    end_of_table(t, 1, true);
}

TEST(xlate, first_of_level_2, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the first entry of a table of level 2 serves its own address, and not that of its neighbour")
{
    end_of_table(t, 2, false);
}

TEST(xlate, last_of_level_2, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the last entry of a table of level 2 serves its own address, and not that of its neighbour")
{
    end_of_table(t, 2, true);
}

TEST(xlate, first_of_level_3, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the first entry of a table of level 3 serves its own address, and not that of its neighbour")
{
    end_of_table(t, 3, false);
}

TEST(xlate, last_of_level_3, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the last entry of a table of level 3 serves its own address, and not that of its neighbour")
{
    end_of_table(t, 3, true);
}

TEST(xlate, first_of_level_4, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the first entry of a table of level 4 serves its own address, and not that of its neighbour")
{
    end_of_table(t, 4, false);
}

TEST(xlate, last_of_level_4, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the last entry of a table of level 4 serves its own address, and not that of its neighbour")
{
    end_of_table(t, 4, true);
}
