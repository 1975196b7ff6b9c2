/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite place, changes: what a device reached and reaches no longer, at each place where a device can sit.
 * Entries are looked up by requester id, and what the unit has cached of them is too, so that a retire, a
 * flush or a permission has to be right for both halves of a context table, for a bus of its own, and for the
 * id that a bridge puts in its place. VT-d 5.10, Hardware Processing of Root and Context Entries.
 *
 * An invalidation that names another requester than the tables do turns the cases of that place red alone.
 */
#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

/* The device works through page 0 of `mem`. */
static void open_working(struct t *t, struct rig *r, const struct t_mem *mem, struct dma_dev *dma)
{
    rig_open(t, r, dma);
    rig_map(r, RIG_IOVA, mem, 0, 1, PGTABLE_RW);
    rig_publish(r);
    t_dma_write_allowed(t, dma, at(RIG_IOVA), mem, 0, 64);
}

static void read_only(struct t *t, struct dma_dev *dma)
{
    struct t_mem mem = t_mem(t, 2);
    struct rig r;

    open_working(t, &r, &mem, dma);
    rig_map(&r, RIG_IOVA + PAGE_SIZE, &mem, 1, 1, PGTABLE_R);
    t_dma_write_denied(t, dma, at(RIG_IOVA + PAGE_SIZE), &mem, PAGE_SIZE, 64);
    T_ASSERT_GE(t, t_faults(t), 1u);
    T_EXPECT_EQ(t, t_fault(t, 0)->sid, dma->rids[0]);
    rig_close(&r);
}

static void retired(struct t *t, struct dma_dev *dma)
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem, dma);
    rig_retire(&r);
    t_dma_write_denied(t, dma, at(RIG_IOVA), &mem, 0, 64);
    rig_publish(&r);
    t_dma_write_allowed(t, dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

static void unmapped(struct t *t, struct dma_dev *dma)
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem, dma);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    rig_flush_page(&r, RIG_IOVA);
    t_dma_write_denied(t, dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

static void moved(struct t *t, struct dma_dev *dma)
{
    struct t_mem mem = t_mem(t, 2);
    struct rig r;

    open_working(t, &r, &mem, dma);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    rig_flush_page(&r, RIG_IOVA);
    rig_map(&r, RIG_IOVA, &mem, 1, 1, PGTABLE_RW);
    t_dma_write_allowed(t, dma, at(RIG_IOVA), &mem, PAGE_SIZE, 64);
    rig_close(&r);
}

static void pass_through(struct t *t, struct dma_dev *dma)
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, dma);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, dma, at(mem.pa.v), &mem, 0, 64);
    rig_retire(&r);
    t_dma_write_denied(t, dma, at(mem.pa.v), &mem, 0, 64);
    rig_close(&r);
}

static void attached_again(struct t *t, struct dma_dev *dma)
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem, dma);
    rig_close(&r);
    t_dma_write_denied(t, dma, at(RIG_IOVA), &mem, 0, 64);
    open_working(t, &r, &mem, dma);
    rig_close(&r);
}

/* ---- Lower half of a context table ---- */

TEST(place, lower_half_read_only, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a device of number 0..15 is refused what its table maps to read only, under its own id, while "
            "the page beside it works")
{
    read_only(t, rig_dev_at(t, DMA_ON_ROOT_BUS));
}

TEST(place, lower_half_retired, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "41 43", .negative = true,
     .doc = "a device of number 0..15 reaches nothing once its entry is retired, and its page again once it "
            "is published again")
{
    retired(t, rig_dev_at(t, DMA_ON_ROOT_BUS));
}

TEST(place, lower_half_unmapped, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "50 51", .negative = true,
     .doc = "a device of number 0..15 loses a page that is unmapped and flushed")
{
    unmapped(t, rig_dev_at(t, DMA_ON_ROOT_BUS));
}

TEST(place, lower_half_moved, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "50 51",
     .doc = "a device of number 0..15 reaches the new page of its address and no longer the old one, after a "
            "flush between")
{
    moved(t, rig_dev_at(t, DMA_ON_ROOT_BUS));
}

TEST(place, lower_half_pass_through, .needs = NEED_DMA | NEED_PT, .lanes = RIG_LANES, .rules = "41",
     .negative = true,
     .doc = "a device of number 0..15 passes through to any address, and is blocked by the retire of that")
{
    pass_through(t, rig_dev_at(t, DMA_ON_ROOT_BUS));
}

TEST(place, lower_half_attached_again, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "38", .negative = true,
     .doc = "a device of number 0..15 is blocked from its detach on, and works when it is attached again")
{
    attached_again(t, rig_dev_at(t, DMA_ON_ROOT_BUS));
}

/* ---- Upper half of a context table ---- */

TEST(place, upper_half_read_only, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a device of number 16..31 is refused what its table maps to read only, under its own id, while "
            "the page beside it works")
{
    read_only(t, rig_dev_upper(t));
}

TEST(place, upper_half_retired, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "41 43", .negative = true,
     .doc = "a device of number 16..31 reaches nothing once its entry is retired, and its page again once it "
            "is published again")
{
    retired(t, rig_dev_upper(t));
}

TEST(place, upper_half_unmapped, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "50 51", .negative = true,
     .doc = "a device of number 16..31 loses a page that is unmapped and flushed")
{
    unmapped(t, rig_dev_upper(t));
}

TEST(place, upper_half_moved, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "50 51",
     .doc = "a device of number 16..31 reaches the new page of its address and no longer the old one, after "
            "a flush between")
{
    moved(t, rig_dev_upper(t));
}

TEST(place, upper_half_pass_through, .needs = NEED_DMA | NEED_PT, .lanes = RIG_LANES, .rules = "41",
     .negative = true,
     .doc = "a device of number 16..31 passes through to any address, and is blocked by the retire of that")
{
    pass_through(t, rig_dev_upper(t));
}

TEST(place, upper_half_attached_again, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "38", .negative = true,
     .doc = "a device of number 16..31 is blocked from its detach on, and works when it is attached again")
{
    attached_again(t, rig_dev_upper(t));
}

/* ---- A bus of its own ---- */

TEST(place, root_port_read_only, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a device behind a root port is refused what its table maps to read only, under its own id, "
            "while the page beside it works")
{
    read_only(t, rig_dev_at(t, DMA_AT_ROOT_PORT));
}

TEST(place, root_port_retired, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "41 43", .negative = true,
     .doc = "a device behind a root port reaches nothing once its entry is retired, and its page again once "
            "it is published again")
{
    retired(t, rig_dev_at(t, DMA_AT_ROOT_PORT));
}

TEST(place, root_port_unmapped, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "50 51", .negative = true,
     .doc = "a device behind a root port loses a page that is unmapped and flushed")
{
    unmapped(t, rig_dev_at(t, DMA_AT_ROOT_PORT));
}

TEST(place, root_port_moved, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "50 51",
     .doc = "a device behind a root port reaches the new page of its address and no longer the old one, "
            "after a flush between")
{
    moved(t, rig_dev_at(t, DMA_AT_ROOT_PORT));
}

TEST(place, root_port_pass_through, .needs = NEED_DMA | NEED_PT, .lanes = RIG_LANES, .rules = "41",
     .negative = true,
     .doc = "a device behind a root port passes through to any address, and is blocked by the retire of that")
{
    pass_through(t, rig_dev_at(t, DMA_AT_ROOT_PORT));
}

TEST(place, root_port_attached_again, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "38", .negative = true,
     .doc = "a device behind a root port is blocked from its detach on, and works when it is attached again")
{
    attached_again(t, rig_dev_at(t, DMA_AT_ROOT_PORT));
}

/* ---- A bridge's id ---- */

TEST(place, bridge_read_only, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "a device behind a bridge is refused what its table maps to read only, under the bridge's id, "
            "while the page beside it works")
{
    read_only(t, rig_dev_at(t, DMA_BEHIND_BRIDGE));
}

TEST(place, bridge_retired, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "41 43", .negative = true,
     .doc = "a device behind a bridge reaches nothing once its entry is retired, and its page again once it "
            "is published again")
{
    retired(t, rig_dev_at(t, DMA_BEHIND_BRIDGE));
}

TEST(place, bridge_unmapped, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "50 51", .negative = true,
     .doc = "a device behind a bridge loses a page that is unmapped and flushed")
{
    unmapped(t, rig_dev_at(t, DMA_BEHIND_BRIDGE));
}

TEST(place, bridge_moved, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "50 51",
     .doc = "a device behind a bridge reaches the new page of its address and no longer the old one, after a "
            "flush between")
{
    moved(t, rig_dev_at(t, DMA_BEHIND_BRIDGE));
}

TEST(place, bridge_pass_through, .needs = NEED_DMA | NEED_PT, .lanes = RIG_LANES, .rules = "41",
     .negative = true,
     .doc = "a device behind a bridge passes through to any address, and is blocked by the retire of that")
{
    pass_through(t, rig_dev_at(t, DMA_BEHIND_BRIDGE));
}

TEST(place, bridge_attached_again, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "38", .negative = true,
     .doc = "a device behind a bridge is blocked from its detach on, and works when it is attached again")
{
    attached_again(t, rig_dev_at(t, DMA_BEHIND_BRIDGE));
}
