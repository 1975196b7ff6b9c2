/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite pgtable, host only: what a unit that does not snoop would see while tables are built, and what is
 * left when memory runs out at every possible place.
 */
#include "iommu/pgtable.h"
#include "kernel/lib/bits.h"
#include "tests/harness/harness.h"
#include "tests/host/host.h"

static const struct pgtable_cfg cfg = {
    .stage = PGTABLE_SECOND, .levels = 4, .haw = 46, .page_sizes = PGTABLE_4K | PGTABLE_2M | PGTABLE_1G};

/* Number of the first event that writes back all of [pa, pa + size), the count of events if there is none. */
static unsigned written_back(uint64_t pa, uint64_t size)
{
    unsigned count = host_trace_count();

    for (unsigned n = 0; n < count; n++) {
        const struct host_event *e = host_trace(n);

        if (e->kind == HOST_PUBLISH && !e->snooped && e->pa <= pa && pa + size <= e->pa + e->size)
            return n;
    }
    return count;
}

TEST(pgtable, written_back_before_linked, .needs = NEED_HOST, .rules = "10", .flaws = "H18",
     .doc = "a unit that does not snoop meets a new table complete, zeros included, before the entry that "
            "links it")
{
    struct pgtable *pt;
    struct pgtable_walk w;
    uint64_t table;

    host_trace_start();
    T_ASSERT_OK(t, pgtable_create(&cfg, &pt));
    table = pgtable_root(pt).v;
    T_EXPECT_EQ(t, written_back(table, PAGE_SIZE), 0u);
    T_ASSERT_OK(t, pgtable_map(pt, (iova_t){0x7f1234567000}, (paddr_t){0x5000}, 0x2000, PGTABLE_RW));
    host_trace_stop();
    T_ASSERT_OK(t, pgtable_walk(pt, (iova_t){0x7f1234567000}, &w));
    T_ASSERT(t, w.present);
    for (unsigned level = 4; level > 1; level--) {
        uint64_t lower = align_down(w.entry[level - 1], PAGE_SIZE);
        unsigned whole = written_back(lower, PAGE_SIZE);
        uint64_t index = 0x7f1234567000 / (PAGE_SIZE * pow2(9 * (level - 1))) % 512;
        bool linked = false;

        T_EXPECT_LT(t, whole, host_trace_count());
        for (unsigned n = 0; n < host_trace_count(); n++) {
            const struct host_event *e = host_trace(n);

            if (e->kind != HOST_PUBLISH || e->pa != table + 8 * index || e->words[0] == 0)
                continue;
            T_EXPECT_GT(t, n, whole);
            T_EXPECT_EQ(t, e->words[0], w.entry[level - 1]);
            linked = true;
        }
        /* A table below a new one is linked by the write-back of that whole page. */
        T_EXPECT(t, linked || written_back(table, PAGE_SIZE) > whole);
        table = lower;
    }
    pgtable_destroy(pt);
}

TEST(pgtable, unmap_written_back, .needs = NEED_HOST, .rules = "10",
     .doc = "cleared leaves and links are written back before an unmap returns")
{
    struct pgtable *pt;
    struct pgtable_walk w;

    T_ASSERT_OK(t, pgtable_create(&cfg, &pt));
    T_ASSERT_OK(t, pgtable_map(pt, (iova_t){0x1000}, (paddr_t){0x5000}, 0x1000, PGTABLE_RW));
    T_ASSERT_OK(t, pgtable_walk(pt, (iova_t){0x1000}, &w));
    host_trace_start();
    T_ASSERT_OK(t, pgtable_unmap(pt, (iova_t){0x1000}, 0x1000));
    host_trace_stop();
    /* Entry 1 of the lowest table, then entry 0 of each above it. */
    for (unsigned level = 1; level <= 4; level++) {
        uint64_t table = level == 4 ? pgtable_root(pt).v : align_down(w.entry[level], PAGE_SIZE);
        unsigned n = written_back(table + (level == 1 ? 8 : 0), 8);

        T_ASSERT_LT(t, n, host_trace_count());
        T_EXPECT_EQ(t, host_trace(n)->words[0], 0ull);
    }
    pgtable_gc(pt);
    pgtable_destroy(pt);
}

/* 4 KiB, 2 MiB, 1 GiB, 2 MiB, 4 KiB: five new tables. */
#define SWEEP_IOVA 0x1ff000ull
#define SWEEP_PA   0x401ff000ull
#define SWEEP_SIZE 0x80002000ull

static int sweep_map(struct pgtable *pt)
{
    return pgtable_map(pt, (iova_t){SWEEP_IOVA}, (paddr_t){SWEEP_PA}, SWEEP_SIZE, PGTABLE_RW);
}

TEST(pgtable, no_memory, .needs = NEED_HOST,
     .doc = "whichever allocation fails, nothing stays mapped and nothing is lost")
{
    struct pgtable *pt;
    int err = -ENOMEM;

    for (unsigned nth = 1; nth <= 2; nth++) {
        host_fail_allocation(nth);
        T_EXPECT_ERR(t, pgtable_create(&cfg, &pt), -ENOMEM);
    }
    host_fail_allocation(0);
    T_ASSERT_OK(t, pgtable_create(&cfg, &pt));
    for (unsigned nth = 1; err == -ENOMEM; nth++) {
        struct pgtable_walk w;

        T_ASSERT_LT(t, nth, 20u);
        host_fail_allocation(nth);
        err = sweep_map(pt);
        host_fail_allocation(0);
        for (uint64_t iova = SWEEP_IOVA; err && iova < SWEEP_IOVA + SWEEP_SIZE; iova += PGTABLE_2M) {
            T_ASSERT_OK(t, pgtable_walk(pt, (iova_t){iova}, &w));
            T_ASSERT(t, !w.present);
        }
        pgtable_gc(pt);
        T_EXPECT_EQ(t, pt->pages, err ? 1u : 6u);
    }
    T_ASSERT_OK(t, err);
    T_EXPECT_ERR(t, sweep_map(pt), -EEXIST);
    pgtable_destroy(pt);
}
