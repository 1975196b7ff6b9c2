/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite record: what a unit writes down about a request that it blocked, and when it keeps silent. VT-d 5.10,
 * Fault Recording Registers, Fault Status Register; rules 65-71.
 *
 * A field read from the wrong bits, a record that is not cleared, or a Fault Processing Disable that does not
 * reach the walk turns a case red.
 */
#include <string.h>

#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

/* One attempt that must leave `mem` as it is; in contrast to t_dma_write_denied nothing else is transferred.
 */
static void attempt(struct t *t, struct dma_dev *dma, enum dma_dir dir, uint64_t iova,
                    const struct t_mem *mem)
{
    struct dma_xfer x = {.dir = dir, .iova = at(iova), .len = 64, .believed = mem->pa};
    struct t_mem before = t_mem(t, mem->pages);

    t_rand_fill(t, mem->va, mem->pages * PAGE_SIZE);
    memcpy(before.va, mem->va, mem->pages * PAGE_SIZE);
    T_ASSERT_OK(t, dma_run(dma, &x));
    T_ASSERT_MEM(t, mem->va, before.va, mem->pages * PAGE_SIZE);
    if (dir == DMA_TO_MEM)
        t_proved(t, false);
}

/* A rig with an entry whose table maps nothing. */
static void open_empty(struct t *t, struct rig *r, struct dma_dev *dma)
{
    rig_open(t, r, dma);
    rig_publish(r);
    t_faults_forget(t);
}

/* The same, with the records left to who polls. */
static void open_polled(struct t *t, struct rig *r, struct dma_dev *dma)
{
    open_empty(t, r, dma);
    vtd_event_mask(r->unit, VTD_EVENT_FAULT, true);
}

static void close_polled(struct rig *r)
{
    vtd_event_mask(r->unit, VTD_EVENT_FAULT, false);
    rig_close(r);
}

/* The same with another device that the unit of `first` serves. */
static void open_beside(struct t *t, struct rig *r, const struct rig *first)
{
    for (unsigned n = 1;; n++) {
        open_polled(t, r, t_dev(t, n));
        if (r->unit == first->unit)
            return;
        close_polled(r);
    }
}

TEST(record, write, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "66", .negative = true,
     .doc = "a refused write: requester id, page of the address, type write, untranslated")
{
    struct t_mem mem = t_mem(t, 1);
    const struct vtd_fault *f;
    struct rig r;

    open_empty(t, &r, t->dma);
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA + 0x234, &mem);
    T_ASSERT_EQ(t, t_faults(t), 1u);
    f = t_fault(t, 0);
    T_EXPECT_EQ(t, f->sid, t->dma->rids[0]);
    T_EXPECT_EQ(t, f->address, (uint64_t)RIG_IOVA);
    T_EXPECT_EQ(t, (unsigned)f->type, (unsigned)VTD_FAULT_WRITE);
    T_EXPECT_EQ(t, (unsigned)f->at, (unsigned)VTD_AT_UNTRANSLATED);
    T_EXPECT_EQ(t, f->interrupt, false);
    rig_close(&r);
}

TEST(record, read, .needs = NEED_DMA | NEED_DMA_BYTES | NEED_DMA_READ, .lanes = RIG_LANES, .rules = "66",
     .negative = true, .doc = "a refused read: type read, the page of its own address")
{
    struct t_mem mem = t_mem(t, 1);
    const struct vtd_fault *f;
    struct rig r;

    open_empty(t, &r, t->dma);
    attempt(t, t->dma, DMA_FROM_MEM, RIG_IOVA + 5 * PAGE_SIZE, &mem);
    T_ASSERT_EQ(t, t_faults(t), 1u);
    f = t_fault(t, 0);
    T_EXPECT_EQ(t, f->sid, t->dma->rids[0]);
    T_EXPECT_EQ(t, f->address, (uint64_t)RIG_IOVA + 5 * PAGE_SIZE);
    T_EXPECT_EQ(t, (unsigned)f->type, (unsigned)VTD_FAULT_READ);
    rig_close(&r);
}

TEST(record, no_pasid, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .negative = true,
     .xfail = "E-019", .doc = "a request without PASID is recorded without one: PP = 0")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_empty(t, &r, t->dma);
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA, &mem);
    T_ASSERT_EQ(t, t_faults(t), 1u);
    T_DEVIATES(t, "E-019", T_EXPECT_EQ(t, t_fault(t, 0)->pp, false));
    rig_close(&r);
}

TEST(record, second_page, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .negative = true,
     .doc = "a transfer from a mapped page into an unmapped one is recorded with the second page's address")
{
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = at(RIG_IOVA + PAGE_SIZE - 16), .len = 32};
    struct t_mem mem = t_mem(t, 2);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_faults_forget(t);
    x.believed = mem.pa;
    T_ASSERT_OK(t, dma_run(t->dma, &x));
    T_ASSERT_EQ(t, t_faults(t), 1u);
    T_EXPECT_EQ(t, t_fault(t, 0)->address, (uint64_t)RIG_IOVA + PAGE_SIZE);
    rig_close(&r);
}

TEST(record, cleared, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "66 69",
     .negative = true,
     .doc = "a record that was read and cleared is gone, and the next fault is recorded again")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f[8];
    struct rig r;

    open_empty(t, &r, t->dma);
    for (unsigned i = 0; i < 3; i++) {
        attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA + i * PAGE_SIZE, &mem);
        T_ASSERT_EQ(t, t_faults_once(t->dma, f, vtd_fault_poll(r.unit, f, 8, NULL)), 1u);
        T_EXPECT_EQ(t, f[0].address, (uint64_t)RIG_IOVA + i * PAGE_SIZE);
        T_ASSERT_EQ(t, vtd_fault_poll(r.unit, f, 8, NULL), 0u);
    }
    rig_close(&r);
}

TEST(record, status_follows, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "65 69",
     .negative = true, .doc = "FSTS.PPF is 1 while a record is pending and 0 once it is cleared")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f;
    struct rig r;

    open_polled(t, &r, t->dma);
    T_ASSERT_EQ(t, FIELD_GET(VTD_FSTS_PPF, vtd_read(&r.unit->io, VTD_FSTS)), 0ull);
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA, &mem);
    T_ASSERT_EQ(t, FIELD_GET(VTD_FSTS_PPF, vtd_read(&r.unit->io, VTD_FSTS)), 1ull);
    T_ASSERT_EQ(t, vtd_fault_poll(r.unit, &f, 1, NULL), 1u);
    T_ASSERT_EQ(t, FIELD_GET(VTD_FSTS_PPF, vtd_read(&r.unit->io, VTD_FSTS)), 0ull);
    close_polled(&r);
}

TEST(record, same_requester_twice, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "68",
     .negative = true,
     .doc = "two faults of one requester before the first is read: one or two records, the first one first")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f[3];
    struct rig r;
    unsigned n;

    open_polled(t, &r, t->dma);
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA, &mem);
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA + PAGE_SIZE, &mem);
    n = vtd_fault_poll(r.unit, f, 3, NULL);
    T_ASSERT_GE(t, n, 1u);
    T_ASSERT_LE(t, n, 2u);
    T_EXPECT_EQ(t, f[0].address, (uint64_t)RIG_IOVA);
    close_polled(&r);
}

TEST(record, two_requesters, .needs = NEED_DMA | NEED_DMA_BYTES | NEED_DMA_2, .lanes = RIG_LANES,
     .rules = "67", .negative = true,
     .doc = "two requesters blocked before the first record is read: both recorded, or the loss shown by PFO")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f[4];
    bool overflow = false;
    struct rig a, b;
    unsigned n;

    open_polled(t, &a, t_dev(t, 0));
    open_beside(t, &b, &a);
    attempt(t, a.dma, DMA_TO_MEM, RIG_IOVA, &mem);
    attempt(t, b.dma, DMA_TO_MEM, RIG_IOVA, &mem);
    n = vtd_fault_poll(a.unit, f, 4, &overflow);
    T_ASSERT_GE(t, n, 1u);
    T_EXPECT_EQ(t, f[0].sid, a.dma->rids[0]);
    if (a.unit->caps.nfr == 1)
        T_EXPECT_EQ(t, overflow, true);
    else
        T_EXPECT_EQ(t, n, 2u);
    close_polled(&a);
    close_polled(&b);
}

TEST(record, after_overflow, .needs = NEED_DMA | NEED_DMA_BYTES | NEED_DMA_2, .lanes = RIG_LANES,
     .rules = "67", .negative = true,
     .doc = "once an overflow is cleared, the next fault is recorded, of either requester")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f[4];
    bool overflow = false;
    struct rig a, b;

    open_polled(t, &a, t_dev(t, 0));
    open_beside(t, &b, &a);
    for (unsigned i = 0; i < 2; i++) {
        attempt(t, a.dma, DMA_TO_MEM, RIG_IOVA, &mem);
        attempt(t, b.dma, DMA_TO_MEM, RIG_IOVA, &mem);
        T_ASSERT_GE(t, vtd_fault_poll(a.unit, f, 4, &overflow), 1u);
        attempt(t, b.dma, DMA_TO_MEM, RIG_IOVA + PAGE_SIZE, &mem);
        T_ASSERT_EQ(t, vtd_fault_poll(a.unit, f, 4, &overflow), 1u);
        T_EXPECT_EQ(t, f[0].sid, b.dma->rids[0]);
        T_EXPECT_EQ(t, f[0].address, (uint64_t)RIG_IOVA + PAGE_SIZE);
        T_EXPECT_EQ(t, overflow, false);
    }
    close_polled(&a);
    close_polled(&b);
}

TEST(record, does_not_block, .needs = NEED_DMA | NEED_DMA_BYTES | NEED_DMA_2, .lanes = RIG_LANES,
     .negative = true, .doc = "a pending record of one device does not keep another from working")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig a, b;

    open_empty(t, &a, t_dev(t, 0));
    rig_open(t, &b, t_dev(t, 1));
    rig_map(&b, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&b);
    attempt(t, a.dma, DMA_TO_MEM, RIG_IOVA, &mem);
    t_dma_write_allowed(t, b.dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&a);
    rig_close(&b);
}

/* ---- Fault Processing Disable ---- */

TEST(record, silent_entry, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "70",
     .doc = "FPD in a present PASID entry: an unmapped address is blocked without a record")
{
    struct vtd_pasid_entry *entry;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_empty(t, &r, t->dma);
    entry = rig_pasid_entry(&r);
    rig_bend(&r, &entry->q[0], FIELD_SET(VTD_PASID_FPD, entry->q[0], 1));
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA, &mem);
    t_expect_no_fault(t);
    rig_close(&r);
}

TEST(record, silent_context, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "70",
     .doc = "FPD in a present context entry reaches down to the page walk")
{
    struct vtd_context_entry *ctx;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_empty(t, &r, t->dma);
    ctx = rig_context_entry(&r);
    rig_bend(&r, &ctx->q[0], FIELD_SET(VTD_CTX_FPD, ctx->q[0], 1));
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA, &mem);
    t_expect_no_fault(t);
    rig_close(&r);
}

TEST(record, silent_absent_context, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "70",
     .doc = "FPD counts although P = 0: a context entry that is not present, without a record")
{
    struct vtd_context_entry *ctx;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    uint64_t old;

    open_empty(t, &r, t->dma);
    ctx = rig_context_entry(&r);
    old = rig_bend(&r, &ctx->q[0], FIELD_SET(VTD_CTX_FPD, FIELD_SET(VTD_CTX_P, ctx->q[0], 0), 1));
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA, &mem);
    t_expect_no_fault(t);
    rig_bend(&r, &ctx->q[0], old);
    rig_close(&r);
}

TEST(record, silent_absent_entry, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "70",
     .negative = true, .xfail = "E-002",
     .doc = "FPD counts although P = 0: a PASID entry that is not present, without a record")
{
    struct vtd_pasid_entry *entry;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_empty(t, &r, t->dma);
    entry = rig_pasid_entry(&r);
    rig_bend(&r, &entry->q[0], FIELD_SET(VTD_PASID_FPD, FIELD_SET(VTD_PASID_P, entry->q[0], 0), 1));
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA, &mem);
    T_DEVIATES(t, "E-002", t_expect_no_fault(t));
    rig_bend(&r, &entry->q[0], FIELD_SET(VTD_PASID_FPD, FIELD_SET(VTD_PASID_P, entry->q[0], 1), 0));
    rig_close(&r);
}

TEST(record, silent_device_only, .needs = NEED_DMA | NEED_DMA_BYTES | NEED_DMA_2, .lanes = RIG_LANES,
     .rules = "70", .negative = true, .doc = "FPD of one device's entry leaves the records of another alone")
{
    struct vtd_pasid_entry *entry;
    struct t_mem mem = t_mem(t, 1);
    struct rig a, b;

    open_empty(t, &a, t_dev(t, 0));
    open_beside(t, &b, &a);
    entry = rig_pasid_entry(&a);
    rig_bend(&a, &entry->q[0], FIELD_SET(VTD_PASID_FPD, entry->q[0], 1));
    attempt(t, a.dma, DMA_TO_MEM, RIG_IOVA, &mem);
    attempt(t, b.dma, DMA_TO_MEM, RIG_IOVA, &mem);
    T_ASSERT_EQ(t, t_faults(t), 1u);
    T_EXPECT_EQ(t, t_fault(t, 0)->sid, b.dma->rids[0]);
    rig_close(&a);
    rig_close(&b);
}

TEST(record, root_is_not_silenced, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "70",
     .negative = true,
     .doc = "a condition found before any FPD is met is recorded: LP (or UP) = 0 in the root entry")
{
    uint64_t *root;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    uint64_t old;

    open_empty(t, &r, t->dma);
    root = rig_root_word(&r);
    old = rig_bend(&r, root, FIELD_SET(VTD_ROOT_LP, *root, 0));
    attempt(t, t->dma, DMA_TO_MEM, RIG_IOVA, &mem);
    T_EXPECT_EQ(t, t_faults(t), 1u);
    rig_bend(&r, root, old);
    rig_close(&r);
}
