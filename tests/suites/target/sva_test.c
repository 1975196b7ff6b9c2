/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite sva: a device uses a process's addresses through the process's own page tables (shared virtual
 * addressing). First stage: the very table that CR3 holds; second stage: the same low half under a root of
 * its own. The CPU unmaps as a listener of the memory manager does: clear, invalidate, wait, then free. VT-d
 * 5.10, First-Stage and Second-Stage Paging Entries; rules 50-55.
 *
 * A flush that is left out, too small or too late turns a case red by memory that the device still changes.
 */
#include "tests/suites/target/sva.h"

/* The unit may still have what was there: all of the old page, or nothing. */
static void may_reach(struct sva *s, uint64_t va, const struct t_mem *mem)
{
    enum t_reach reach = t_dma_write(s->t, s->dma[0], at(va), mem, 0, 64, NULL);

    T_EXPECT_NE(s->t, (int)reach, (int)T_GARBLED);
    t_note(s->t, "no invalidation: %s", reach == T_REACHED ? "old memory still reached" : "nothing reached");
    if (reach != T_GARBLED)
        t_proved(s->t, reach == T_REACHED);
}

/* ---- The same addresses on both sides ---- */

TEST(sva, device_writes, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .rules = "36 46",
     .doc = "what the device writes to a virtual address the CPU reads at that address, and the other way "
            "round")
{
    struct t_mem mem = t_mem(t, 1);
    uint8_t bytes[256], back[256];
    struct sva s;

    sva_open(t, &s, 0, 1);
    sva_map(&s, VA, &mem, 0);
    t_dma_write_allowed(t, t->dma, at(VA + 128), &mem, 128, sizeof(back));
    T_ASSERT_OK(t, space_read(s.space, VA + 128, back, sizeof(back)));
    T_EXPECT_MEM(t, back, mem.va + 128, sizeof(back));
    t_rand_fill(t, bytes, sizeof(bytes));
    T_ASSERT_OK(t, space_write(s.space, VA + 1024, bytes, sizeof(bytes)));
    T_EXPECT_MEM(t, mem.va + 1024, bytes, sizeof(bytes));
    sva_close(&s);
}

TEST(sva, device_copies, .needs = NEED_DMA | NEED_DMA_BYTES | NEED_DMA_READ | NEED_TARGET,
     .lanes = PLAY_LANES,
     .doc = "the CPU writes at one virtual address, the device copies to another, the CPU reads it there")
{
    struct dma_xfer in = {.dir = DMA_FROM_MEM, .iova = at(VA), .len = 512};
    struct dma_xfer out = {.dir = DMA_TO_MEM, .iova = at(FAR_VA + 64), .len = 512};
    uint8_t bytes[512], back[512];
    struct t_mem mem = t_mem(t, 2);
    struct sva s;

    sva_open(t, &s, 0, 1);
    sva_map(&s, VA, &mem, 1);
    sva_map(&s, FAR_VA, &mem, 0);
    t_rand_fill(t, bytes, sizeof(bytes));
    T_ASSERT_OK(t, space_write(s.space, VA, bytes, sizeof(bytes)));
    out.believed = (paddr_t){mem.pa.v + 64};
    T_ASSERT_OK(t, dma_run(t->dma, &in));
    T_ASSERT_OK(t, dma_run(t->dma, &out));
    T_ASSERT_OK(t, space_read(s.space, FAR_VA + 64, back, sizeof(back)));
    T_ASSERT_MEM(t, back, bytes, sizeof(bytes));
    t_proved(t, true);
    t_expect_no_fault(t);
    sva_close(&s);
}

TEST(sva, read_only, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .negative = true,
     .doc = "a page that the process may only read, neither CPU nor device writes")
{
    struct t_mem mem = t_mem(t, 1);
    uint8_t byte = 1;
    struct sva s;

    sva_open(t, &s, 0, 1);
    T_ASSERT_OK(t, space_map(s.space, VA, mem.pa.v, VM_4K, false));
    T_EXPECT_ERR(t, space_write(s.space, VA, &byte, 1), -EFAULT);
    T_EXPECT_OK(t, space_read(s.space, VA, &byte, 1));
    t_dma_write_denied(t, t->dma, at(VA), &mem, 0, 64);
    sva_close(&s);
}

TEST(sva, kernel_half, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .negative = true,
     .doc = "the kernel's half of the CPU's table is no way for a device, neither canonical nor cut to the "
            "second stage's width")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t alias = (uint64_t)(uintptr_t)mem.va;
    struct sva s;

    sva_open(t, &s, 0, 1);
    sva_warm(&s, VA, &mem, 0);
    T_ASSERT_OK(t, space_read(s.space, VA, &(uint8_t){0}, 1)); /* the kernel's entries are in the table now */
    t_dma_write_denied(t, t->dma, at(alias), &mem, 0, 64);
    t_dma_write_denied(t, t->dma, at(alias % (2 * SPACE_END)), &mem, 0, 64);
    t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    sva_close(&s);
}

TEST(sva, two_devices, .needs = NEED_DMA | NEED_DMA_2 | NEED_TARGET, .lanes = PLAY_LANES, .rows = "9 16",
     .flaws = "H26", .negative = true,
     .doc = "two devices share a process: an unmap stops both, an unbind only its own")
{
    struct t_mem mem = t_mem(t, 2);
    struct sva s;

    sva_open(t, &s, 0, 2);
    sva_map(&s, VA, &mem, 0);
    sva_map(&s, FAR_VA, &mem, 1);
    for (unsigned n = 0; n < 2; n++) {
        t_dma_write_allowed(t, s.dma[n], at(VA), &mem, 0, 64);
        t_dma_write_allowed(t, s.dma[n], at(FAR_VA), &mem, PAGE_SIZE, 64);
    }
    sva_unmap(&s, VA);
    sva_notify(&s, VA, PAGE_SIZE);
    t_dma_write_denied(t, s.dma[0], at(VA), &mem, 0, 64);
    t_dma_write_denied(t, s.dma[1], at(VA), &mem, 0, 64);
    sva_unbind(&s, 0);
    t_dma_write_denied(t, s.dma[0], at(FAR_VA), &mem, PAGE_SIZE, 64);
    t_dma_write_allowed(t, s.dma[1], at(FAR_VA), &mem, PAGE_SIZE, 64);
    sva_unbind(&s, 1);
    sva_detach(&s);
}

/* ---- The CPU unmaps ---- */

TEST(sva, unmap, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .rules = "50 51 54", .negative = true,
     .doc = "unmap, invalidate, free: the device is stopped, and whoever gets the page next is safe; its "
            "neighbour goes on")
{
    struct t_mem mem = t_mem(t, 1), stays = t_mem(t, 1), next;
    struct sva s;

    sva_open(t, &s, 0, 1);
    sva_warm(&s, VA, &mem, 0);
    sva_warm(&s, VA + PAGE_SIZE, &stays, 0);
    sva_unmap(&s, VA);
    sva_notify(&s, VA, PAGE_SIZE);
    t_dma_write_denied(t, t->dma, at(VA), &mem, 0, 64);
    t_mem_free(t, &mem);
    next = t_mem(t, 1); /* most often the same page */
    t_dma_write_denied(t, t->dma, at(VA), &next, 0, 64);
    t_dma_write_allowed(t, t->dma, at(VA + PAGE_SIZE), &stays, 0, 64);
    sva_close(&s);
}

TEST(sva, unmap_unflushed, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .rules = "50 51",
     .negative = true, .doc = "without the invalidation the old memory may still be reached; after it, never")
{
    struct t_mem mem = t_mem(t, 1);
    struct sva s;

    sva_open(t, &s, 0, 1);
    sva_warm(&s, VA, &mem, 0);
    sva_unmap(&s, VA);
    may_reach(&s, VA, &mem);
    sva_notify(&s, VA, PAGE_SIZE);
    t_dma_write_denied(t, t->dma, at(VA), &mem, 0, 64);
    sva_close(&s);
}

TEST(sva, table_reused, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .rules = "28 54",
     .flaws = "H29", .negative = true,
     .doc = "a table page goes to somebody else after the invalidation only: what is in it then is not "
            "walked")
{
    struct t_mem mem = t_mem(t, 1), trap = t_mem(t, 1);
    uint64_t *table, *leaf, kept, link;
    struct sva s;

    sva_open(t, &s, 0, 1);
    sva_warm(&s, VA, &mem, 0);
    table = space_leaf_table(s.space, VA);
    leaf = &table[VA / PAGE_SIZE % 512];
    kept = *leaf;
    sva_unmap(&s, VA);
    T_ASSERT(t, space_has_garbage(s.space));
    may_reach(&s, VA, &mem);
    T_ASSERT_OK(t, ioasid_flush(s.set, s.id, at(VA), PAGE_SIZE, false));
    /* As a new owner of the page would, with entries that lead to the trap. */
    link = *leaf;
    *leaf = kept - mem.pa.v + trap.pa.v;
    plat_publish(leaf, sizeof(*leaf), false);
    t_dma_write_denied(t, t->dma, at(VA), &trap, 0, 64);
    t_dma_write_denied(t, t->dma, at(VA), &mem, 0, 64);
    *leaf = link;
    space_gc(s.space);
    sva_close(&s);
}

TEST(sva, page_size, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .rules = "53",
     .doc = "4 KiB pages become one of 2 MiB and the other way round, by clear, invalidate, set: the device "
            "reaches what is mapped now")
{
    const unsigned probe = 300; /* a page in the middle */
    struct t_mem mem = t_mem(t, 512);
    struct t_mem page = {mem.va + probe * PAGE_SIZE, {mem.pa.v + probe * PAGE_SIZE}, 1};
    struct t_mem other = {mem.va + PAGE_SIZE, {mem.pa.v + PAGE_SIZE}, 1};
    struct sva s;

    sva_open(t, &s, 0, 1);
    if (!(s.table.page_sizes & PGTABLE_2M)) {
        sva_close(&s);
        t_skip(t, "CAP.SSLPS bit 0 = 0");
    }
    sva_warm(&s, VA + probe * PAGE_SIZE, &mem, 1);
    sva_unmap(&s, VA + probe * PAGE_SIZE);
    sva_notify(&s, VA, VM_2M);
    T_ASSERT_OK(t, space_map(s.space, VA, mem.pa.v, VM_2M, true));
    t_dma_write_allowed(t, t->dma, at(VA + probe * PAGE_SIZE), &page, 0, 64);
    t_dma_write_allowed(t, t->dma, at(VA + PAGE_SIZE), &other, 0, 64);
    sva_unmap(&s, VA);
    sva_notify(&s, VA, VM_2M);
    sva_map(&s, VA + probe * PAGE_SIZE, &mem, 1);
    sva_map(&s, VA + PAGE_SIZE, &mem, probe);
    t_dma_write_allowed(t, t->dma, at(VA + probe * PAGE_SIZE), &other, 0, 64);
    t_dma_write_allowed(t, t->dma, at(VA + PAGE_SIZE), &page, 0, 64);
    sva_close(&s);
}

TEST(sva, everything, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .rules = "27", .flaws = "H16",
     .negative = true,
     .doc = "ranges that mean the whole address space flush it, in every way to say so: 0 bytes, all bytes, "
            "more than there are")
{
    static const struct {
        uint64_t va, size;
    } ranges[] = {{0, 0}, {0, UINT64_MAX}, {VA, UINT64_MAX}, {FAR_VA, UINT64_MAX - PAGE_SIZE}};
    struct t_mem mem = t_mem(t, 1), far = t_mem(t, 1);
    struct sva s;

    sva_open(t, &s, 0, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        sva_warm(&s, VA, &mem, 0);
        sva_warm(&s, FAR_VA, &far, 0);
        sva_unmap(&s, VA);
        sva_unmap(&s, FAR_VA);
        sva_notify(&s, ranges[i].va, ranges[i].size);
        t_note(t, "range 0x%llx + 0x%llx", (unsigned long long)ranges[i].va,
               (unsigned long long)ranges[i].size);
        t_dma_write_denied(t, t->dma, at(VA), &mem, 0, 64);
        t_dma_write_denied(t, t->dma, at(FAR_VA), &far, 0, 64);
    }
    sva_close(&s);
}

/* ---- Processes come and go ---- */

TEST(sva, process_dies, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .flaws = "H1 K4",
     .negative = true,
     .doc = "a process ends before its device is unbound: nothing is in reach, and its number is given to "
            "nobody until then")
{
    struct t_mem mem = t_mem(t, 1);
    uint32_t number;
    ioasid_t other;
    struct sva s;

    sva_open(t, &s, 0, 1);
    number = ioasid_number(s.id);
    sva_warm(&s, VA, &mem, 0);
    sva_unmap(&s, VA);
    sva_notify(&s, 0, 0);
    t_dma_write_denied(t, t->dma, at(VA), &mem, 0, 64);
    T_EXPECT_ERR(t, ioasid_free(s.set, s.id), -EBUSY);
    T_EXPECT_ERR(t, ioasid_alloc(s.set, number, number, &other), -ENOSPC);
    sva_unbind(&s, 0);
    t_dma_write_denied(t, t->dma, at(VA), &mem, 0, 64);
    sva_detach(&s);
    t_settle(t); /* a number comes back after a grace period */
    T_ASSERT_OK(t, ioasid_alloc(s.set, number, number, &other));
    T_ASSERT_OK(t, ioasid_free(s.set, other));
}

static void exchange(struct sva *a, struct sva *b)
{
    struct iommu_dev *dev = a->devs[0];
    struct dma_dev *dma = a->dma[0];

    a->devs[0] = b->devs[0];
    a->dma[0] = b->dma[0];
    b->devs[0] = dev;
    b->dma[0] = dma;
}

TEST(sva, two_processes, .needs = NEED_DMA | NEED_DMA_2 | NEED_TARGET, .lanes = PLAY_LANES, .rules = "45 46",
     .negative = true,
     .doc = "one address in two processes: a device reaches the page of the process that it is bound to, "
            "after an exchange too")
{
    struct t_mem mem = t_mem(t, 2);
    struct sva a, b;

    sva_open(t, &a, 0, 1);
    sva_open(t, &b, 1, 1);
    sva_map_own(&a, b.dma[0]);
    sva_map_own(&b, a.dma[0]);
    sva_map(&a, VA, &mem, 0);
    sva_map(&b, VA, &mem, 1);
    for (unsigned round = 0; round < 2; round++) {
        t_dma_write_allowed(t, a.dma[0], at(VA), &mem, 0, 64);
        t_dma_write_allowed(t, b.dma[0], at(VA), &mem, PAGE_SIZE, 64);
        sva_unbind(&a, 0);
        sva_unbind(&b, 0);
        exchange(&a, &b);
        sva_bind(&a, 0);
        sva_bind(&b, 0);
    }
    sva_close(&b);
    sva_close(&a);
}
