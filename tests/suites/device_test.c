/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite device: every kind of DMA engine at its own length, those that move nothing but a record of theirs
 * included. What it says it can do it does, what it cannot is refused, and blocked as a whole, its own pages
 * included, it comes back.
 */
#include "tests/suites/rig.h"

#define AT_OFFSET 1024u

struct shape {
    uint32_t offset, len; /* of the transfer in its page */
};

static struct shape shape_of(const struct dma_dev *dma)
{
    uint32_t len = dma_some_len(dma, 64);

    return (struct shape){len <= PAGE_SIZE - AT_OFFSET ? AT_OFFSET : 0, len};
}

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

static void open_mapped(struct t *t, struct rig *r, const struct t_mem *mem)
{
    rig_open(t, r, t->dma);
    rig_map(r, RIG_IOVA, mem, 0, 1, PGTABLE_RW);
    rig_publish(r);
}

TEST(device, write, .needs = NEED_DMA, .each_engine = true, .lanes = RIG_LANES, .rules = "36 50 51",
     .negative = true, .doc = "a write arrives while its page is mapped, and not when it is out of the table")
{
    struct shape s = shape_of(t->dma);
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_mapped(t, &r, &mem);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    rig_flush_page(&r, RIG_IOVA);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len);
    rig_close(&r);
}

TEST(device, read, .needs = NEED_DMA | NEED_DMA_READ, .each_engine = true, .lanes = RIG_LANES,
     .rules = "36 50 51", .negative = true,
     .doc = "a read brings what is there while its page is mapped, and nothing afterwards")
{
    struct shape s = shape_of(t->dma);
    struct t_mem mem = t_mem(t, 1);
    struct t_mem scratch = t_mem(t, 1);
    struct t_route via = {at(RIG_IOVA + PGTABLE_2M), &scratch};
    struct rig r;

    open_mapped(t, &r, &mem);
    rig_map(&r, via.iova.v, &scratch, 0, 1, PGTABLE_RW);
    t_dma_read_allowed(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    rig_flush_page(&r, RIG_IOVA);
    t_dma_read_denied(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len, &via, NULL, NULL);
    rig_close(&r);
}

TEST(device, pass_through, .needs = NEED_DMA | NEED_PT, .each_engine = true, .lanes = RIG_LANES,
     .rules = "41 43", .negative = true,
     .doc = "the same by physical address, allowed by pass-through and refused behind it")
{
    struct shape s = shape_of(t->dma);
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v + s.offset), &mem, s.offset, s.len);
    rig_retire(&r);
    t_dma_write_denied(t, t->dma, at(mem.pa.v + s.offset), &mem, s.offset, s.len);
    rig_close(&r);
}

TEST(device, comes_back, .needs = NEED_DMA, .each_engine = true, .lanes = RIG_LANES, .rules = "41 43",
     .negative = true,
     .doc = "blocked as a whole, detached or without an entry, a device works again once it is served again")
{
    struct shape s = shape_of(t->dma);
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    for (unsigned i = 0; i < 2; i++) {
        open_mapped(t, &r, &mem);
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len);
        rig_retire(&r);
        t_dma_write_denied(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len);
        rig_publish(&r);
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len);
        rig_close(&r);
        t_dma_write_denied(t, t->dma, at(RIG_IOVA + s.offset), &mem, s.offset, s.len);
    }
}

TEST(device, address_bits, .needs = NEED_DMA, .each_engine = true, .lanes = RIG_LANES,
     .doc = "an engine keeps all address bits up to the width of the tables")
{
    struct shape s = shape_of(t->dma);
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    uint64_t top;

    rig_open(t, &r, t->dma);
    top = r.table->input_end - PAGE_SIZE;
    rig_map(&r, top, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(top + s.offset), &mem, s.offset, s.len);
    rig_close(&r);
}

TEST(device, shapes, .needs = NEED_DMA, .each_engine = true, .lanes = RIG_LANES,
     .doc = "lengths, addresses and directions that an engine has not are refused before it is started")
{
    struct dma_dev *dma = t->dma;
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = at(RIG_IOVA)};

    T_EXPECT_ERR(t, dma_start(dma, &x), -EINVAL);
    x.len = dma->max_len + 1;
    T_EXPECT_ERR(t, dma_start(dma, &x), -EINVAL);
    if (dma->record_len) {
        x.len = dma->record_len - 1;
        T_EXPECT_ERR(t, dma_start(dma, &x), -EINVAL);
    }
    x.len = dma_some_len(dma, 64);
    if (dma->align > 1) {
        x.iova.v++;
        T_EXPECT_ERR(t, dma_start(dma, &x), -EINVAL);
        x.iova.v--;
    }
    x.dir = DMA_FROM_MEM;
    if (!dma->can_read)
        T_EXPECT_ERR(t, dma_start(dma, &x), -ENOTSUP);
    T_EXPECT_ERR(t, dma_wait(dma, DMA_TIMEOUT_NS), -EINVAL);
}
