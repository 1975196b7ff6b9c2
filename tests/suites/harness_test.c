/* SPDX-License-Identifier: BSD-2-Clause */
/* The harness's own parts: arguments, globs, errata, random numbers, values, read-back of tables. */
#include <string.h>

#include "tests/harness/runner.h"
#include "tests/harness/walk.h"

TEST(harness, args_all, .doc = "every word of the argument line is understood")
{
    struct args a;
    char why[64];

    T_ASSERT_OK(
        t,
        args_parse(" list only=a.*,b?c skip=x seed=0x10 depth=7\trepeat=3 format=ktap platform=qemu-11.1.3 "
                   "machine=new-fs dmar=1 nvme=S12 log=debug exit=halt ",
                   &a, why, sizeof(why)));
    T_EXPECT(t, a.list && a.ktap);
    T_EXPECT_EQ(t, (const char *)a.only, "a.*,b?c");
    T_EXPECT_EQ(t, (const char *)a.skip, "x");
    T_EXPECT_EQ(t, a.seed, 16u);
    T_EXPECT_EQ(t, a.depth, 7u);
    T_EXPECT_EQ(t, a.repeat, 3u);
    T_EXPECT_EQ(t, (const char *)a.platform, "qemu-11.1.3");
    T_EXPECT_EQ(t, (const char *)a.machine, "new-fs");
    T_EXPECT_EQ(t, a.dmar, 1u);
    T_EXPECT_EQ(t, (const char *)a.log, "debug");
    T_EXPECT_EQ(t, (const char *)a.exit, "halt");
}

TEST(harness, args_default, .doc = "without words everything runs once, with the fixed seed")
{
    struct args a;
    char why[64];

    T_ASSERT_OK(t, args_parse("", &a, why, sizeof(why)));
    T_EXPECT_EQ(t, a.seed, ARGS_DEFAULT_SEED);
    T_EXPECT_EQ(t, a.repeat, 1u);
    T_EXPECT(t, !a.list && !a.ktap && !a.only[0] && !a.skip[0] && !a.platform[0]);
}

TEST(harness, args_unknown,
     .doc = "a word that is not known, or a value that makes no sense, is an error that names it")
{
    static const char *const lines[] = {"nonsense",
                                        "only=a nonsense=1",
                                        "list=1",
                                        "seed=",
                                        "seed=12x",
                                        "seed=-1",
                                        "repeat=0",
                                        "format=xml",
                                        "dmar=900",
                                        "only=",
                                        "depth=0",
                                        "platform",
                                        "seed=99999999999999999999"};
    struct args a;
    char why[64];

    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
        t_note(t, "line: %s", lines[i]);
        T_EXPECT_ERR(t, args_parse(lines[i], &a, why, sizeof(why)), -EINVAL);
    }
    T_ASSERT_ERR(t, args_parse("seed=1 foo=bar", &a, why, sizeof(why)), -EINVAL);
    T_EXPECT(t, strstr(why, "\"foo=bar\"") != NULL);
}

TEST(harness, globs, .doc = "globs match whole names, stars go over dots and slashes, lists are alternatives")
{
    static const struct {
        const char *glob, *text;
        bool match;
    } rows[] = {
        {"bind.*", "bind.second/rid/edu", true},
        {"bind", "bind.second", false},
        {"*edu", "bind.a/rid/edu", true},
        {"*/rid/*", "bind.a/rid/edu", true},
        {"b?nd.a", "bind.a", true},
        {"b?nd.a", "bnd.a", false},
        {"x,bind.a", "bind.a", true},
        {"x,,y", "", false},
        {"", "a", false},
        {"*", "", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"**", "anything", true},
        {"abc", "abcd", false},
        {"abcd", "abc", false},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        t_note(t, "glob: %s on %s", rows[i].glob, rows[i].text);
        T_EXPECT_EQ(t, args_glob_list(rows[i].glob, rows[i].text), rows[i].match);
    }
}

static const struct erratum some_errata[] = {
    {"E-901", "qemu", {7, 2, 0, 0}, {7, 2, 13, 0}, "r1", "first range"},
    {"E-901", "qemu", {8, 0, 0, 0}, {9, 0, 99, 0}, "r1", "second range"},
    {"E-902", "qemu", {7, 2, 0, 0}, {11, 1, 99, 0}, "r2", "long range"},
};

static const char *erratum(const char *ids, const char *platform)
{
    const struct erratum *e = errata_find(some_errata, ARRAY_SIZE(some_errata), ids, platform);

    return e ? e->text : "none";
}

TEST(harness, errata_ranges,
     .doc = "a row applies to its platform from its first to its last version, micro version included")
{
    T_EXPECT_EQ(t, erratum("E-901", "qemu-7.2.0"), "first range");
    T_EXPECT_EQ(t, erratum("E-901", "qemu-7.2.13"), "first range");
    T_EXPECT_EQ(t, erratum("E-901", "qemu-7.2.14"), "none");
    T_EXPECT_EQ(t, erratum("E-901", "qemu-8.2"), "second range");
    T_EXPECT_EQ(t, erratum("E-901", "qemu-10.0.2"), "none");
    T_EXPECT_EQ(t, erratum("E-902", "qemu-11.1.3"), "long range");
    T_EXPECT_EQ(t, erratum("E-902", "qemu-11.2.0"), "none");
    T_EXPECT_EQ(t, erratum("E-901 E-902", "qemu-7.2.22"), "long range");
    T_EXPECT_EQ(t, erratum("E-902", "kvm-7.2.22"), "none");
    T_EXPECT_EQ(t, erratum("E-902", "qemu"), "none");
    T_EXPECT_EQ(t, erratum("E-902", ""), "none");
    T_EXPECT_EQ(t, erratum("E-90", "qemu-7.2.0"), "none");
    T_EXPECT_EQ(t, erratum(NULL, "qemu-7.2.0"), "none");
}

TEST(harness, errata_table, .doc = "the compiled table is not empty, sorted, and every range is one")
{
    T_ASSERT_GT(t, errata_count, 0u);
    for (size_t i = 0; i < errata_count; i++) {
        const struct erratum *e = &errata_table[i];

        T_EXPECT(t, memcmp(e->first, e->last, sizeof(e->first)) != 0 || e->first[0]);
        if (i)
            T_EXPECT_LE(t, strcmp(errata_table[i - 1].id, e->id), 0);
    }
}

TEST(harness, random, .doc = "random numbers repeat for the same seed, case and round, and differ otherwise")
{
    struct rng a, b;

    rng_seed(&a, 1, "suite.case", 0);
    rng_seed(&b, 1, "suite.case", 0);
    for (unsigned i = 0; i < 16; i++)
        T_EXPECT_EQ(t, rng_next(&a), rng_next(&b));
    rng_seed(&b, 1, "suite.case", 1);
    T_EXPECT_NE(t, rng_next(&a), rng_next(&b));
    rng_seed(&a, 2, "suite.case", 1);
    rng_seed(&b, 1, "suite.case", 1);
    T_EXPECT_NE(t, rng_next(&a), rng_next(&b));
    for (unsigned i = 0; i < 1000; i++)
        T_EXPECT_LT(t, rng_below(&a, 7), 7u);
    T_EXPECT_EQ(t, rng_below(&a, 1), 0u);
}

TEST(
    harness, pattern,
    .doc =
        "a pattern from its middle on is the rest of it, an odd end its low bytes; another one has few bytes "
        "like it, in whichever place they stand")
{
    struct rng rng;
    uint8_t whole[4096], other[4096];
    unsigned alike = 0;

    rng_seed(&rng, 5, "x", 0);
    for (unsigned round = 0; round < 20; round++) {
        struct pattern p = pattern_make(&rng);

        pattern_fill(p, whole, sizeof(whole));
        pattern_fill(pattern_from(p, 100), other, 1003);
        T_EXPECT_MEM(t, other, whole + 800, 1003);
        pattern_fill(pattern_make(&rng), other, sizeof(other));
        for (unsigned column = 0; column < 8; column++, alike = 0) {
            for (unsigned i = column; i < sizeof(whole); i += 8)
                alike += whole[i] == other[i];
            T_EXPECT_LT(t, alike, 16u);
        }
    }
}

TEST(harness, errno_names, .doc = "result codes are printed by name")
{
    T_EXPECT_EQ(t, t_errno_name(-EBUSY), "-EBUSY");
    T_EXPECT_EQ(t, t_errno_name(-EINPROGRESS), "-EINPROGRESS");
    T_EXPECT_EQ(t, t_errno_name(0), "0");
    T_EXPECT_EQ(t, t_errno_name(1), "1");
    T_EXPECT_EQ(t, t_errno_name(-99999), "-99999");
}

TEST(harness, values, .doc = "numbers are compared by value whatever their type and sign")
{
    T_EXPECT_EQ(t, (uint8_t)200, 200);
    T_EXPECT_LT(t, -1, 0u);
    T_EXPECT_GT(t, UINT64_MAX, -1);
    T_EXPECT_LT(t, -2, -1);
    T_EXPECT_GE(t, (int8_t)-1, -1);
    T_EXPECT_NE(t, "a", "b");
    T_EXPECT_EQ(t, true, 1 == 1);
    T_EXPECT_EQ(t, (did_t){7}, (did_t){7});
    T_EXPECT_EQ(t, (void *)t, (void *)t);
}

/* ---- Read-back: tables written here by hand, bit positions by the specification ---- */

struct tables {
    uint64_t *root, *context, *directory, *entries, *paging[4];
};

static uint64_t *page(struct t *t)
{
    return (uint64_t *)t_mem(t, 1).va;
}

static uint64_t at(const void *va)
{
    return plat_pa(va).v;
}

/* Requester 01:02.3 (rid 0113h), slot 0, domain 9, address 0x8040201000 -> page `target`. */
static void build(struct t *t, struct tables *x, bool first, uint64_t target)
{
    uint64_t flags = first ? 7 : 3;

    x->root = page(t);
    x->context = page(t);
    x->directory = page(t);
    x->entries = page(t);
    for (unsigned i = 0; i < 4; i++)
        x->paging[i] = page(t);
    x->root[1 * 2] = at(x->context) | 1;
    x->context[0x13 * 4] = at(x->directory) | 1;
    x->directory[0] = at(x->entries) | 1;
    if (first) {
        x->entries[0] = 1 | 1 << 6;
        x->entries[2] = at(x->paging[0]);
    } else {
        x->entries[0] = 1 | 2 << 2 | 2 << 6 | at(x->paging[0]);
    }
    x->entries[1] = 9;
    for (unsigned i = 0; i < 3; i++)
        x->paging[i][1] = at(x->paging[i + 1]) | flags;
    x->paging[3][1] = target | flags;
}

#define WALK_RID  0x0113
#define WALK_IOVA ((iova_t){0x8040201234ull})

static struct walk walked(const struct tables *x, bool write)
{
    struct walk w;

    walk_request(at(x->root), false, WALK_RID, WALK_IOVA, write, &w);
    return w;
}

static void check_reached(struct t *t, const struct tables *x, uint64_t pa, unsigned pgtt)
{
    struct walk w = walked(x, true);

    T_EXPECT(t, w.reaches);
    T_EXPECT_EQ(t, w.pa, (paddr_t){pa});
    T_EXPECT_EQ(t, w.did, 9u);
    T_EXPECT_EQ(t, w.pgtt, pgtt);
}

TEST(harness, walk_first,
     .doc = "the read-back of tables follows first-stage tables and names the entry that refuses")
{
    struct tables x;

    build(t, &x, true, 0x123456000);
    check_reached(t, &x, 0x123456234, 1);
    x.paging[3][1] &= ~2ull;
    T_EXPECT_EQ(t, walked(&x, true).fault, 0x85u);
    T_EXPECT(t, walked(&x, false).reaches);
    x.paging[2][1] &= ~4ull;
    T_EXPECT_EQ(t, walked(&x, false).fault, 0x81u);
    x.paging[1][1] = 0;
    T_EXPECT_EQ(t, walked(&x, false).fault, 0x71u);
    x.entries[0] &= ~1ull;
    T_EXPECT_EQ(t, walked(&x, false).fault, 0x59u);
    x.directory[0] = 0;
    T_EXPECT_EQ(t, walked(&x, false).fault, 0x51u);
    x.context[0x13 * 4] = 0;
    T_EXPECT_EQ(t, walked(&x, false).fault, 0x41u);
    x.root[2] = 0;
    T_EXPECT_EQ(t, walked(&x, false).fault, 0x39u);
}

TEST(harness, walk_second,
     .doc = "the read-back of tables follows second-stage tables, large pages and pass-through")
{
    struct tables x;

    build(t, &x, false, 0x123456000);
    check_reached(t, &x, 0x123456234, 2);
    x.paging[2][1] = 0x40000000 | 0x80 | 3;
    check_reached(t, &x, 0x40001234, 2);
    x.paging[2][1] = 0x40000000 | 0x80 | 1;
    T_EXPECT_EQ(t, walked(&x, true).fault, 0x85u);
    x.entries[0] = 1 | 2 << 2 | 4 << 6;
    check_reached(t, &x, WALK_IOVA.v, 4);
    x.entries[0] = 1 | 3 << 6;
    T_EXPECT_EQ(t, walked(&x, false).fault, 0x5bu);
}

TEST(harness, walk_garbage,
     .doc = "the read-back of tables that are garbage ends, and follows no pointer out of memory")
{
    struct tables x;

    build(t, &x, true, 0x1000);
    for (unsigned round = 0; round < 64; round++) {
        uint64_t *pages[] = {x.root, x.context, x.directory, x.entries, x.paging[0], x.paging[1]};
        uint64_t *victim = pages[round % ARRAY_SIZE(pages)];

        t_rand_fill(t, victim, 4096);
        walked(&x, round & 1);
        t_reached(t);
    }
}
