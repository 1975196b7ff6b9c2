/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite sva, a process that dies first: row 51. Its page tables and pages go while a device is still bound to
 * it; the device is closed later, unbound last, and the number goes last of all. VT-d 5.10, rules 41, 43, 54,
 * 70.
 *
 * "In flight" means queued here: the engine is started before the death and translates behind it.
 *
 * An entry that stays present, an unbind that finds it gone and does nothing, or a number given out too early
 * turns a case red by memory that the device changes, or by faults that stay hidden.
 */
#include <string.h>

#include "iommu/vtd_table.h"
#include "tests/suites/target/sva.h"

#define LEN 64

/* A process with one page at VA, and `devs` devices that have used it. */
static struct t_mem live(struct t *t, struct sva *p, unsigned devs)
{
    struct t_mem mem = t_mem(t, 1);

    sva_open(t, p, 0, devs);
    sva_map(p, VA, &mem, 0);
    for (unsigned n = 0; n < devs; n++)
        t_dma_write_allowed(t, p->dma[n], at(VA), &mem, 0, LEN);
    return mem;
}

/* The address space ends: what walks it is stopped, then its tables are anybody's. */
static void die(struct sva *p)
{
    T_ASSERT_OK(p->t, ioasid_table_gone(p->set, p->id));
    space_destroy(p->space);
    p->space = NULL;
}

static void expect_entry(struct sva *p, unsigned dev, bool bound)
{
    uint32_t slot = p->t->lane == T_LANE_RID_PASID ? ioasid_number(p->id) : 0;
    struct vtd_pasid_entry e;

    T_ASSERT_OK(p->t, vtd_pasid_read(p->devs[dev]->vtd, slot, &e));
    T_EXPECT_EQ(p->t, entry_get(&e, VTD_PASID_P), 0ull);
    T_EXPECT_EQ(p->t, entry_get(&e, VTD_PASID_FPD), (uint64_t)bound);
}

/* Nothing is in reach, twice: what the first attempt leaves in caches is no help to the second. */
static void expect_dead(struct sva *p, unsigned dev, const struct t_mem *mem)
{
    for (int i = 0; i < 2; i++)
        t_dma_write_denied(p->t, p->dma[dev], at(VA), mem, 0, LEN);
}

static void expect_faults(struct sva *p, unsigned dev, const struct t_mem *mem)
{
    t_faults_forget(p->t);
    expect_dead(p, dev, mem);
    T_EXPECT_GT(p->t, t_faults(p->t), 0u);
    t_faults_forget(p->t);
}

/* The number goes last: nobody had it until now. */
static void bury(struct sva *p)
{
    uint32_t number = ioasid_number(p->id);
    ioasid_t other;

    sva_detach(p);
    t_settle(p->t);
    T_ASSERT_OK(p->t, ioasid_alloc(p->set, number, number, &other));
    T_ASSERT_OK(p->t, ioasid_free(p->set, other));
}

static void expect_number_taken(struct sva *p)
{
    ioasid_t other;

    T_EXPECT_ERR(p->t, ioasid_free(p->set, p->id), -EBUSY);
    T_EXPECT_ERR(p->t, ioasid_alloc(p->set, ioasid_number(p->id), ioasid_number(p->id), &other), -ENOSPC);
}

TEST(sva, dies_first, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .rows = "51", .rules = "41 43 54",
     .flaws = "H1 H5 H10 H11", .negative = true,
     .doc = "a process ends, then its device is closed, then unbound: blocked from its end on, faults are "
            "recorded again from unbind on, and its number is free last")
{
    struct sva p;
    struct t_mem mem = live(t, &p, 1);

    die(&p);
    expect_entry(&p, 0, true);
    expect_dead(&p, 0, &mem);
    expect_number_taken(&p);
    sva_unbind(&p, 0);
    expect_entry(&p, 0, false);
    expect_faults(&p, 0, &mem);
    bury(&p);
}

TEST(sva, dies_silently, .needs = NEED_DMA | NEED_TARGET, .lanes = PLAY_LANES, .rows = "51", .rules = "70",
     .flaws = "S31", .xfail = "E-002", .negative = true,
     .doc = "between the end of a process and its unbind what the device tries is not recorded")
{
    struct sva p;
    struct t_mem mem = live(t, &p, 1);

    die(&p);
    expect_dead(&p, 0, &mem);
    T_DEVIATES(t, "E-002", t_expect_no_fault(t));
    sva_unbind(&p, 0);
    bury(&p);
}

TEST(sva, dies_with_two, .needs = NEED_DMA | NEED_DMA_2 | NEED_TARGET, .lanes = PLAY_LANES, .rows = "51 16",
     .flaws = "H26 H11", .negative = true,
     .doc = "the same with two devices: both are blocked at once, a further bind is refused, and each unbind "
            "ends the silence of its own device")
{
    struct sva p;
    struct t_mem mem = live(t, &p, 2);

    die(&p);
    for (unsigned n = 0; n < 2; n++) {
        expect_entry(&p, n, true);
        expect_dead(&p, n, &mem);
    }
    sva_unbind(&p, 0);
    T_EXPECT_ERR(t, ioasid_bind(p.set, p.id, p.devs[0], &p.cfg), -EBUSY);
    expect_entry(&p, 0, false);
    expect_entry(&p, 1, true);
    expect_faults(&p, 0, &mem);
    expect_dead(&p, 1, &mem);
    sva_unbind(&p, 1);
    expect_faults(&p, 1, &mem);
    bury(&p);
}

TEST(sva, dies_under_way, .needs = NEED_DMA | NEED_DMA_QUEUED | NEED_TARGET, .lanes = PLAY_LANES,
     .rows = "51", .flaws = "H1", .negative = true,
     .doc = "a process ends with a transfer queued in the engine, which translates afterwards: its page, and "
            "what its tables become, stay as they are")
{
    struct t_mem tables;
    uint8_t before[LEN];
    struct sva p;
    struct t_mem mem = live(t, &p, 1);

    t_rand_fill(t, mem.va, PAGE_SIZE);
    memcpy(before, mem.va, LEN);
    T_ASSERT_OK(t, dma_start(t->dma, &(struct dma_xfer){
                                         .dir = DMA_TO_MEM, .iova = at(VA), .len = LEN, .believed = mem.pa}));
    die(&p);
    tables = t_mem(t, 1); /* most often one of them */
    memset(tables.va, 0xff, PAGE_SIZE);
    T_ASSERT_OK(t, dma_wait(t->dma, DMA_TIMEOUT_NS));
    plat_rmb();
    T_EXPECT_MEM(t, mem.va, before, LEN);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        T_EXPECT(t, tables.va[i] == 0xff);
    t_proved(t, false);
    sva_unbind(&p, 0);
    expect_faults(&p, 0, &mem);
    bury(&p);
}
