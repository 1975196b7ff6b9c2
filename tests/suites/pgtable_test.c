/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite pgtable: the builder of paging structures without any unit. Entries are compared with words worked
 * out by hand from VT-d 5.10, First-Stage and Second-Stage Paging Entries; ranges with a plain array that
 * says page by page what is mapped. Mapped addresses are numbers here, no memory stands behind them.
 */
#include "iommu/pgtable.h"
#include "kernel/lib/bits.h"
#include "tests/harness/harness.h"

#define ALL_SIZES (PGTABLE_4K | PGTABLE_2M | PGTABLE_1G)

static const struct pgtable_cfg first_cfg = {
    .stage = PGTABLE_FIRST, .levels = 4, .haw = 46, .page_sizes = ALL_SIZES, .unit_snoops = true};
static const struct pgtable_cfg second_cfg = {
    .stage = PGTABLE_SECOND, .levels = 4, .haw = 46, .page_sizes = ALL_SIZES, .unit_snoops = true};

static iova_t at(uint64_t v)
{
    return (iova_t){v};
}

static paddr_t pa(uint64_t v)
{
    return (paddr_t){v};
}

static struct pgtable *make(struct t *t, const struct pgtable_cfg *cfg)
{
    struct pgtable *pt = NULL;

    T_ASSERT_OK(t, pgtable_create(cfg, &pt));
    return pt;
}

static struct pgtable_walk walk(struct t *t, const struct pgtable *pt, uint64_t iova)
{
    struct pgtable_walk w = {0};

    T_EXPECT_OK(t, pgtable_walk(pt, at(iova), &w));
    return w;
}

/* `iova` is mapped to `to`, by a page of `size`. */
static void maps(struct t *t, const struct pgtable *pt, uint64_t iova, uint64_t to, uint64_t size)
{
    struct pgtable_walk w = walk(t, pt, iova);

    T_EXPECT(t, w.present);
    T_EXPECT_EQ(t, w.pa.v, to);
    T_EXPECT_EQ(t, w.size, size);
}

TEST(pgtable, configuration, .doc = "only levels, widths and page sizes that the stage has make a table")
{
    struct pgtable_cfg bad[] = {first_cfg,  first_cfg,  first_cfg,  second_cfg, second_cfg,
                                second_cfg, second_cfg, second_cfg, first_cfg};
    struct pgtable *pt;

    bad[0].levels = 3;
    bad[1].levels = 6;
    bad[2].page_sizes = PGTABLE_4K;
    bad[3].levels = 2;
    bad[4].page_sizes = PGTABLE_2M;
    bad[5].page_sizes = ALL_SIZES + 0x2000;
    bad[6].haw = 53;
    bad[7].haw = 0;
    bad[8].leaf_snoop = true;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        T_EXPECT_ERR(t, pgtable_create(&bad[i], &pt), -EINVAL);
    for (unsigned levels = 3; levels <= 5; levels++) {
        struct pgtable_cfg good = second_cfg;

        good.levels = levels;
        pt = make(t, &good);
        T_EXPECT_EQ(t, pt->pages, 1u);
        T_EXPECT(t, is_aligned(pgtable_root(pt).v, PAGE_SIZE));
        pgtable_destroy(pt);
    }
    pgtable_destroy(NULL);
}

TEST(pgtable, first_stage_entries, .rules = "15",
     .doc = "first-stage entries are the words of the format, with U/S everywhere and A and D preset")
{
    struct pgtable *pt = make(t, &first_cfg);
    struct pgtable_walk w;

    T_ASSERT_OK(t, pgtable_map(pt, at(0x7f1234560000), pa(0x12345000), PGTABLE_4K, PGTABLE_RW));
    T_ASSERT_OK(t, pgtable_map(pt, at(0x7f1234561000), pa(0x12346000), PGTABLE_4K, PGTABLE_R));
    T_ASSERT_OK(t, pgtable_map(pt, at(0x7f1234600000), pa(0x40200000), PGTABLE_2M, PGTABLE_RW));
    T_ASSERT_OK(t, pgtable_map(pt, at(0x7f1280000000), pa(0x80000000), PGTABLE_1G, PGTABLE_R));

    /* Tables P, R/W, U/S, A = 27h; leaf adds D = 67h, without R/W and D 25h; PS 80h. */
    w = walk(t, pt, 0x7f1234560abc);
    T_EXPECT_EQ(t, w.entry[0], 0x12345067ull);
    T_EXPECT_EQ(t, w.entry[1] % PAGE_SIZE, 0x27ull);
    T_EXPECT_EQ(t, w.entry[2] % PAGE_SIZE, 0x27ull);
    T_EXPECT_EQ(t, w.entry[3] % PAGE_SIZE, 0x27ull);
    T_EXPECT_EQ(t, w.level, 1u);
    T_EXPECT_EQ(t, w.pa.v, 0x12345abcull);
    T_EXPECT_EQ(t, w.prot, PGTABLE_RW);
    T_EXPECT(t, w.user);
    w = walk(t, pt, 0x7f1234561000);
    T_EXPECT_EQ(t, w.entry[0], 0x12346025ull);
    T_EXPECT_EQ(t, w.prot, PGTABLE_R);
    w = walk(t, pt, 0x7f1234601234);
    T_EXPECT_EQ(t, w.entry[1], 0x402000e7ull);
    T_EXPECT_EQ(t, w.entry[0], 0ull);
    T_EXPECT_EQ(t, w.pa.v, 0x40201234ull);
    w = walk(t, pt, 0x7f12bfffffff);
    T_EXPECT_EQ(t, w.entry[2], 0x800000a5ull);
    T_EXPECT_EQ(t, w.pa.v, 0xbfffffffull);
    T_EXPECT_EQ(t, pt->pages, 4u);
    pgtable_destroy(pt);
}

TEST(pgtable, second_stage_entries,
     .doc = "second-stage entries are the words of the format, SNP where it is asked for")
{
    struct pgtable_cfg snoop = second_cfg;
    struct pgtable *pt = make(t, &second_cfg);
    struct pgtable_walk w;

    T_ASSERT_OK(t, pgtable_map(pt, at(0xfffffffff000), pa(0x3ffffffff000), PGTABLE_4K, PGTABLE_RW));
    T_ASSERT_OK(t, pgtable_map(pt, at(0xffffffffd000), pa(0x1000), PGTABLE_4K, PGTABLE_W));
    T_ASSERT_OK(t, pgtable_map(pt, at(0x200000), pa(0x200000), PGTABLE_2M, PGTABLE_R));
    w = walk(t, pt, 0xffffffffffff);
    T_EXPECT_EQ(t, w.entry[0], 0x3ffffffff003ull);
    T_EXPECT_EQ(t, w.entry[1] % PAGE_SIZE, 3ull);
    T_EXPECT_EQ(t, w.entry[3] % PAGE_SIZE, 3ull);
    w = walk(t, pt, 0xffffffffd000);
    T_EXPECT_EQ(t, w.entry[0], 0x1002ull);
    T_EXPECT_EQ(t, w.prot, PGTABLE_W);
    T_EXPECT_EQ(t, walk(t, pt, 0x200000).entry[1], 0x200081ull);
    T_EXPECT(t, !walk(t, pt, 0xffffffffe000).present);
    pgtable_destroy(pt);

    snoop.leaf_snoop = true;
    snoop.levels = 3;
    pt = make(t, &snoop);
    T_ASSERT_OK(t, pgtable_map(pt, at(0), pa(0), PGTABLE_2M + PGTABLE_4K, PGTABLE_RW));
    T_EXPECT_EQ(t, walk(t, pt, 0).entry[1], 0x883ull);
    T_EXPECT_EQ(t, walk(t, pt, 0).entry[2] % PAGE_SIZE, 3ull);
    T_EXPECT_EQ(t, walk(t, pt, 0x200000).entry[0], 0x200803ull);
    pgtable_destroy(pt);
}

TEST(pgtable, largest_pages,
     .doc = "each part of a range gets the largest page that alignment and the unit allow")
{
    struct pgtable_cfg small = second_cfg;
    struct pgtable *pt = make(t, &second_cfg);

    /* 4 KiB, then 2 MiB, then 1 GiB, then 2 MiB, then 4 KiB: borders at 200000h, 40000000h, 80000000h,
     * 80200000h. */
    T_ASSERT_OK(t, pgtable_map(pt, at(0x1ff000), pa(0x401ff000), 0x80201000 - 0x1fe000 - 0x1000, PGTABLE_RW));
    maps(t, pt, 0x1ff000, 0x401ff000, PGTABLE_4K);
    maps(t, pt, 0x200000, 0x40200000, PGTABLE_2M);
    maps(t, pt, 0x3fffffff, 0x7fffffff, PGTABLE_2M);
    maps(t, pt, 0x40000000, 0x80000000, PGTABLE_1G);
    maps(t, pt, 0x80000000, 0xc0000000, PGTABLE_2M);
    maps(t, pt, 0x80200000, 0xc0200000, PGTABLE_4K);
    T_EXPECT(t, !walk(t, pt, 0x80201000).present);
    T_EXPECT(t, !walk(t, pt, 0x1fe000).present);
    /* The address mapped to decides as well: 2 MiB of input on an output that is off by a page. */
    T_ASSERT_OK(t, pgtable_map(pt, at(0x100000000), pa(0x1000), PGTABLE_2M, PGTABLE_RW));
    maps(t, pt, 0x1001ff000, 0x200000, PGTABLE_4K);
    pgtable_destroy(pt);

    small.page_sizes = PGTABLE_4K | PGTABLE_2M;
    pt = make(t, &small);
    T_ASSERT_OK(t, pgtable_map(pt, at(0), pa(0), PGTABLE_1G, PGTABLE_RW));
    maps(t, pt, 0x3fffffff, 0x3fffffff, PGTABLE_2M);
    T_EXPECT_EQ(t, pt->pages, 3u);
    pgtable_destroy(pt);
}

TEST(pgtable, refusals, .doc = "ranges that cannot be are refused by the right code and change nothing")
{
    struct pgtable_cfg narrow = second_cfg;
    struct pgtable *first = make(t, &first_cfg);
    struct pgtable *second;
    struct pgtable_walk w;

    narrow.input_bits = 39;
    second = make(t, &narrow);
    T_EXPECT_ERR(t, pgtable_map(first, at(0x800), pa(0), PGTABLE_4K, PGTABLE_RW), -EINVAL);
    T_EXPECT_ERR(t, pgtable_map(first, at(0), pa(0x800), PGTABLE_4K, PGTABLE_RW), -EINVAL);
    T_EXPECT_ERR(t, pgtable_map(first, at(0), pa(0), 0x800, PGTABLE_RW), -EINVAL);
    T_EXPECT_ERR(t, pgtable_map(first, at(0), pa(0), 0, PGTABLE_RW), -EINVAL);
    T_EXPECT_ERR(t, pgtable_map(first, at(0), pa(0), PGTABLE_4K, 0), -EINVAL);
    T_EXPECT_ERR(t, pgtable_map(first, at(0), pa(0), PGTABLE_4K, 4), -EINVAL);
    T_EXPECT_ERR(t, pgtable_map(first, at(0), pa(0), PGTABLE_4K, PGTABLE_W), -EINVAL);
    /* Input: the lower half of 48 canonical bits, 39 bits by the configuration. Output: 46 bits. */
    T_EXPECT_ERR(t, pgtable_map(first, at(0x800000000000), pa(0), PGTABLE_4K, PGTABLE_R), -ERANGE);
    T_EXPECT_ERR(t, pgtable_map(first, at(0x7ffffffff000), pa(0), 0x2000, PGTABLE_R), -ERANGE);
    T_EXPECT_ERR(t, pgtable_map(first, at(0x1000), pa(0), 0xfffffffffffff000, PGTABLE_R), -ERANGE);
    T_EXPECT_ERR(t, pgtable_map(second, at(0x8000000000), pa(0), PGTABLE_4K, PGTABLE_R), -ERANGE);
    T_EXPECT_ERR(t, pgtable_map(second, at(0), pa(0x400000000000), PGTABLE_4K, PGTABLE_R), -ERANGE);
    T_EXPECT_ERR(t, pgtable_map(second, at(0), pa(0x3ffffffff000), 0x2000, PGTABLE_R), -ERANGE);
    T_EXPECT_OK(t, pgtable_map(second, at(0x7ffffff000), pa(0x3ffffffff000), PGTABLE_4K, PGTABLE_W));
    T_EXPECT_ERR(t, pgtable_unmap(second, at(0x8000000000), PGTABLE_4K), -ERANGE);
    T_EXPECT_ERR(t, pgtable_unmap(second, at(0), 0), -EINVAL);
    T_EXPECT_ERR(t, pgtable_walk(second, at(0x8000000000), &w), -ERANGE);
    T_EXPECT_EQ(t, first->pages, 1u);
    T_EXPECT(t, !pgtable_has_garbage(first) && !pgtable_has_garbage(second));
    pgtable_destroy(first);
    pgtable_destroy(second);
}

TEST(pgtable, no_overwrite, .rules = "53",
     .doc = "a range with a present page in it is refused and left as it was")
{
    struct pgtable *pt = make(t, &first_cfg);
    unsigned pages;

    T_ASSERT_OK(t, pgtable_map(pt, at(0x202000), pa(0x5000), PGTABLE_4K, PGTABLE_R));
    T_ASSERT_OK(t, pgtable_map(pt, at(0x400000), pa(0x600000), PGTABLE_2M, PGTABLE_RW));
    pages = pt->pages;
    T_EXPECT_ERR(t, pgtable_map(pt, at(0x202000), pa(0x5000), PGTABLE_4K, PGTABLE_R), -EEXIST);
    T_EXPECT_ERR(t, pgtable_map(pt, at(0x200000), pa(0x200000), PGTABLE_2M, PGTABLE_RW), -EEXIST);
    T_EXPECT_ERR(t, pgtable_map(pt, at(0), pa(0), PGTABLE_1G, PGTABLE_RW), -EEXIST);
    T_EXPECT_ERR(t, pgtable_map(pt, at(0x5ff000), pa(0), 0x2000, PGTABLE_RW), -EEXIST);
    T_EXPECT(t, !walk(t, pt, 0x200000).present && !walk(t, pt, 0x600000).present && !walk(t, pt, 0).present);
    maps(t, pt, 0x202000, 0x5000, PGTABLE_4K);
    T_EXPECT_EQ(t, pt->pages, pages);
    T_EXPECT(t, !pgtable_has_garbage(pt));
    pgtable_destroy(pt);
}

TEST(pgtable, unmap_and_garbage, .rules = "28 54",
     .doc = "unlinked tables stay readable, and empty for a unit, until they are given back")
{
    struct pgtable *pt = make(t, &second_cfg);
    const uint64_t *lowest;
    uint64_t entry;

    T_ASSERT_OK(t, pgtable_map(pt, at(0x40000000), pa(0), 0x2000, PGTABLE_RW));
    T_ASSERT_OK(t, pgtable_map(pt, at(0x80000000), pa(0), PGTABLE_4K, PGTABLE_RW));
    T_EXPECT_EQ(t, pt->pages, 6u);
    entry = walk(t, pt, 0x40000000).entry[1];
    lowest = plat_va(pa(align_down(entry, PAGE_SIZE)));

    T_ASSERT_OK(t, pgtable_unmap(pt, at(0x40001000), PGTABLE_4K));
    T_EXPECT(t, !pgtable_has_garbage(pt));
    maps(t, pt, 0x40000000, 0, PGTABLE_4K);
    T_ASSERT_OK(t, pgtable_unmap(pt, at(0x40000000), PGTABLE_1G));
    T_EXPECT(t, pgtable_has_garbage(pt));
    T_EXPECT_EQ(t, pt->pages, 4u);
    T_EXPECT_EQ(t, walk(t, pt, 0x40000000).level, 3u);
    for (unsigned i = 0; i < VTD_PAGING_ENTRIES; i++)
        T_EXPECT_EQ(t, FIELD_GET(BITS(1, 0), lowest[i]), 0ull);
    maps(t, pt, 0x80000000, 0, PGTABLE_4K);

    /* The range is free again at once, with another size of page, and garbage does not get in the way. */
    T_ASSERT_OK(t, pgtable_map(pt, at(0x40000000), pa(0x40000000), PGTABLE_1G, PGTABLE_R));
    pgtable_gc(pt);
    T_EXPECT(t, !pgtable_has_garbage(pt));
    maps(t, pt, 0x40000000, 0x40000000, PGTABLE_1G);
    /* Garbage that nobody collected goes with the table. */
    T_ASSERT_OK(t, pgtable_unmap(pt, at(0), 0x100000000));
    T_EXPECT(t, pgtable_has_garbage(pt));
    T_EXPECT_EQ(t, pt->pages, 1u);
    pgtable_destroy(pt);
}

TEST(pgtable, large_pages_stay_whole, .rules = "53",
     .doc = "a large page is never split nor cut by an unmap of a part")
{
    struct pgtable *pt = make(t, &first_cfg);

    T_ASSERT_OK(t, pgtable_map(pt, at(0x1ff000), pa(0x1ff000), PGTABLE_2M + PGTABLE_4K, PGTABLE_RW));
    T_EXPECT_ERR(t, pgtable_unmap(pt, at(0x1ff000), 0x2000), -EINVAL);
    T_EXPECT_ERR(t, pgtable_unmap(pt, at(0x3ff000), PGTABLE_4K), -EINVAL);
    maps(t, pt, 0x1ff000, 0x1ff000, PGTABLE_4K);
    maps(t, pt, 0x200000, 0x200000, PGTABLE_2M);
    T_ASSERT_OK(t, pgtable_unmap(pt, at(0x100000), PGTABLE_2M + PGTABLE_1G - 0x100000));
    T_EXPECT(t, !walk(t, pt, 0x200000).present && !walk(t, pt, 0x1ff000).present);
    pgtable_destroy(pt);
}

TEST(pgtable, raw_entries, .doc = "tests may spoil entries, but cannot lose or invent tables")
{
    struct pgtable *pt = make(t, &first_cfg);
    struct pgtable_walk w;
    uint64_t old;
    uint64_t leaf;

    T_ASSERT_OK(t, pgtable_map(pt, at(0x3000), pa(0x7000), PGTABLE_4K, PGTABLE_RW));
    T_ASSERT_OK(t, pgtable_map(pt, at(0x200000), pa(0x200000), PGTABLE_2M, PGTABLE_RW));
    w = walk(t, pt, 0x3000);
    /* Leaf without U/S, and with bit 51, which is reserved above the host's width. */
    T_ASSERT_OK(t, pgtable_set_raw(pt, at(0x3000), 1, 0x7063, &leaf));
    T_EXPECT_EQ(t, leaf, 0x7067ull);
    T_EXPECT(t, !walk(t, pt, 0x3000).user);
    T_ASSERT_OK(t, pgtable_set_raw(pt, at(0x3000), 1, 0x0008000000007067, &old));
    T_EXPECT_EQ(t, old, 0x7063ull);
    /* A table that is read-only, then not present: its lower levels stay known. */
    T_ASSERT_OK(t, pgtable_set_raw(pt, at(0x3000), 2, w.entry[1] - 2, &old));
    T_EXPECT_EQ(t, walk(t, pt, 0x3000).prot, PGTABLE_R);
    T_ASSERT_OK(t, pgtable_set_raw(pt, at(0x3000), 2, w.entry[1] - 1, &old));
    T_EXPECT(t, !walk(t, pt, 0x3000).present);
    T_EXPECT_EQ(t, walk(t, pt, 0x3000).level, 2u);
    T_EXPECT_ERR(t, pgtable_map(pt, at(0), pa(0), PGTABLE_2M, PGTABLE_RW), -EEXIST);
    T_ASSERT_OK(t, pgtable_set_raw(pt, at(0x3000), 2, w.entry[1], &old));
    T_ASSERT_OK(t, pgtable_set_raw(pt, at(0x3000), 1, leaf, &old));
    maps(t, pt, 0x3000, 0x7000, PGTABLE_4K);

    T_EXPECT_ERR(t, pgtable_set_raw(pt, at(0x3000), 2, 0, &old), -EINVAL);
    T_EXPECT_ERR(t, pgtable_set_raw(pt, at(0x3000), 2, w.entry[1] + 0x1000, &old), -EINVAL);
    T_EXPECT_ERR(t, pgtable_set_raw(pt, at(0x200000), 2, 0x200067, &old), -EINVAL);
    T_EXPECT_ERR(t, pgtable_set_raw(pt, at(0x200000), 1, 0, &old), -ENOENT);
    T_EXPECT_ERR(t, pgtable_set_raw(pt, at(0x200000), 5, 0, &old), -ENOENT);
    T_EXPECT_ERR(t, pgtable_set_raw(pt, at(0x200000), 0, 0, &old), -ENOENT);
    T_EXPECT_ERR(t, pgtable_set_raw(pt, at(0x800000000000), 1, 0, &old), -ERANGE);
    pgtable_destroy(pt);
}

/* ---- Against a plain array ---- */

#define TWIN_PAGES 1536u
#define TWIN_BASE  (PGTABLE_1G - PGTABLE_2M) /* so that a border of each level lies inside */

/* What each page of the window maps to; 0 nothing. */
struct twin {
    uint64_t pa[TWIN_PAGES];
};

static void twin_compare(struct t *t, const struct pgtable *pt, const struct twin *twin)
{
    for (unsigned i = 0; i < TWIN_PAGES; i++) {
        struct pgtable_walk w;

        T_ASSERT_OK(t, pgtable_walk(pt, at(TWIN_BASE + i * PGTABLE_4K), &w));
        if (w.present != (twin->pa[i] != 0) || (w.present && w.pa.v != twin->pa[i]))
            t_fail(t, "page %u: present %d pa %llx, want %llx", i, w.present, (unsigned long long)w.pa.v,
                   (unsigned long long)twin->pa[i]);
    }
    t_reached(t);
}

/* Whether a large page sticks out of [iova, iova + size): its neighbours in the array do not show that. */
static bool twin_cut(struct t *t, const struct pgtable *pt, uint64_t iova, uint64_t size)
{
    struct pgtable_walk first = walk(t, pt, iova);
    struct pgtable_walk last = walk(t, pt, iova + size - 1);

    return (first.present && !is_aligned(iova, first.size)) ||
           (last.present && !is_aligned(iova + size, last.size));
}

/* One random step on both; the builder's answer must be what the array says. */
static void twin_step(struct t *t, struct pgtable *pt, struct twin *twin)
{
    unsigned first = (unsigned)t_rand_below(t, TWIN_PAGES);
    unsigned count = 1 + (unsigned)t_rand_below(t, TWIN_PAGES - first);
    uint64_t iova = TWIN_BASE + first * PGTABLE_4K;
    /* Congruent to the input modulo 2 MiB in one of two cases: then large pages come up. */
    uint64_t to = t_rand_below(t, 2) ? 0x100000000 + iova : 0x200000000 + iova + PGTABLE_4K;
    bool taken = false;

    if (t_rand_below(t, 2))
        count = count % 8 + 1 <= TWIN_PAGES - first ? count % 8 + 1 : 1;
    for (unsigned i = first; i < first + count; i++)
        taken |= twin->pa[i] != 0;
    if (t_rand_below(t, 3) != 0) {
        T_ASSERT_ERR(t, pgtable_map(pt, at(iova), pa(to), count * PGTABLE_4K, PGTABLE_RW),
                     taken ? -EEXIST : 0);
        for (unsigned i = 0; i < count && !taken; i++)
            twin->pa[first + i] = to + i * PGTABLE_4K;
    } else {
        bool cut = twin_cut(t, pt, iova, count * PGTABLE_4K);

        T_ASSERT_ERR(t, pgtable_unmap(pt, at(iova), count * PGTABLE_4K), cut ? -EINVAL : 0);
        for (unsigned i = 0; i < count && !cut; i++)
            twin->pa[first + i] = 0;
    }
    if (t_rand_below(t, 4) == 0)
        pgtable_gc(pt);
}

static void twin_run(struct t *t, const struct pgtable_cfg *cfg)
{
    static struct twin twin;
    struct pgtable *pt = make(t, cfg);

    twin = (struct twin){0};
    for (unsigned i = 0; i < t_depth(t, 200); i++) {
        twin_step(t, pt, &twin);
        if (i % 10 == 0)
            twin_compare(t, pt, &twin);
    }
    twin_compare(t, pt, &twin);
    T_EXPECT_OK(t, pgtable_unmap(pt, at(0), 2 * PGTABLE_1G));
    T_EXPECT_EQ(t, pt->pages, 1u);
    pgtable_destroy(pt);
}

TEST(pgtable, twin_first_stage, .doc = "random maps and unmaps of a first stage agree with a plain array")
{
    twin_run(t, &first_cfg);
}

TEST(pgtable, twin_second_stage, .doc = "random maps and unmaps of a second stage agree with a plain array")
{
    struct pgtable_cfg cfg = second_cfg;

    cfg.levels = 3;
    cfg.page_sizes = PGTABLE_4K | PGTABLE_2M;
    twin_run(t, &cfg);
}
