/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_walk: the strict unit's walks, by tables in literal hex against fault codes in literal hex.
 * Each row runs under several seeds, because a unit may set A early and may keep entries of walks that
 * failed.
 */
#include "tests/host/model_bed.h"

/* Table of level n at 10n000h; the page. The address selects entry 0 in levels 5 and 4, and entries 15h, 22h,
 * 1e5h in 3, 2, 1. */
#define TABLE(level) (0x100000ull + (level)*0x1000ull)
#define ADDR         0x5445e5678ull
#define PAGE         0x1ff000ull
#define NOWHERE      0x7f000000ull
#define DID          7
#define PASID        5

#define SEEDS 6

static uint64_t slot_of(unsigned level)
{
    return TABLE(level) + 8 * (ADDR >> (12 + 9 * (level - 1)) & 511);
}

/* A chain of entries from `levels` down; [level]. */
static void chain(struct bed *bed, unsigned levels, const uint64_t *entries)
{
    for (unsigned level = 1; level <= levels; level++)
        bed_store(bed, slot_of(level), entries[level]);
}

static struct trans first_stage(void)
{
    return (struct trans){.pgtt = VTD_PGTT_FIRST,
                          .did = DID,
                          .pasid = PASID,
                          .fs_levels = 4,
                          .fs_table = TABLE(4),
                          .snooped = true};
}

static struct trans second_stage(void)
{
    return (struct trans){.pgtt = VTD_PGTT_SECOND,
                          .did = DID,
                          .pasid = PASID,
                          .ss_levels = 4,
                          .ss_table = TABLE(4),
                          .snooped = true};
}

static const struct want read = {.r = true};
static const struct want write = {.w = true};
static const struct want both = {.r = true, .w = true};
static const struct want zero = {.zero_length = true};

/* All flags are set already: nothing to update. */
static const uint64_t first_full[] = {0, PAGE | 0x67, 0x101027, 0x102027, 0x103027, 0x104027};
static const uint64_t second_full[] = {0, PAGE | 3, 0x101003, 0x102003, 0x103003, 0x104003};

static struct bed *open_seed(struct t *t, uint64_t cap, uint64_t ecap, unsigned seed)
{
    struct model_config cfg = bed_config(cap, ecap);

    cfg.seed = seed;
    return bed_open(t, &cfg);
}

/* ---- First stage ---- */

struct row {
    unsigned level; /* whose entry is replaced; 0: none */
    uint64_t entry;
    const struct want *want;
    unsigned code;
    bool priv, wpe;
};

TEST(model_walk, first_codes, .needs = NEED_HOST, .faults = "70 71 72 81 85",
     .doc = "each reason of a first-stage walk, entry by entry")
{
    static const struct row rows[] = {
        {0, 0, &read, 0, false, false},
        {0, 0, &both, 0, false, false},
        {4, 0x103026, &read, 0x71, false, false},
        {3, 0, &read, 0x71, false, false},
        {2, 0x101026, &read, 0x71, false, false},
        {1, 0, &write, 0x71, false, false},
        {3, NOWHERE | 0x27, &read, 0x70, false, false},
        {2, NOWHERE | 0x27, &read, 0x70, false, false},
        {4, 0x1030a7, &read, 0x72, false, false},        /* bit 7 of a PML4E */
        {2, 0x2000e7, &read, 0, false, false},           /* 2 MiB */
        {2, 0x2020e7, &read, 0x72, false, false},        /* bit 13 of it */
        {2, 0x2010e7, &read, 0, false, false},           /* bit 12 of it is PAT */
        {3, 0x400000e7, &read, 0, false, false},         /* 1 GiB */
        {3, 0x402000e7, &read, 0x72, false, false},      /* bit 21 of it */
        {1, 0x000f0000001ff067, &read, 0, false, false}, /* HAW = 52: not memory, but no reserved bit */
        {1, 0xfff00000001fffe7, &both, 0, false, false}, /* every bit that is ignored */
        {4, 0x103023, &read, 0x81, false, false},        /* U/S */
        {1, PAGE | 0x63, &write, 0x81, false, false},    /* before R/W */
        {1, PAGE | 0x65, &read, 0, false, false},        /* R/W */
        {1, PAGE | 0x65, &write, 0x85, false, false},    /* R/W */
        {3, 0x102025, &both, 0x85, false, false},        /* R/W, further up */
        {1, PAGE | 0x63, &both, 0, true, true},          /* a supervisor needs no U/S */
        {1, PAGE | 0x61, &write, 0x85, true, true},      /* R/W counts with WPE */
        {1, PAGE | 0x61, &write, 0, true, false},        /* and not without */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows) * SEEDS; i++) {
        const struct row *row = &rows[i / SEEDS];
        struct bed *bed = open_seed(t, 0, 0, i % SEEDS + 1);
        struct trans trans = first_stage();
        struct leaf leaf;
        unsigned code;

        trans.priv = row->priv;
        trans.wpe = row->wpe;
        chain(bed, 4, first_full);
        if (row->level != 0)
            bed_store(bed, slot_of(row->level), row->entry);
        code = walk(bed->m, &trans, ADDR, row->want, &leaf);
        if (code != row->code)
            t_note(t, "row %u, seed %u", i / SEEDS, i % SEEDS + 1);
        T_EXPECT_EQ(t, code, row->code);
    }
}

TEST(model_walk, first_edges, .needs = NEED_HOST, .faults = "73 80 72",
     .doc = "canonical addresses of 4 and 5 levels; top table; what capabilities and HAW make reserved")
{
    struct model_config cfg = bed_config(0, 0);
    struct trans trans = first_stage();
    struct leaf leaf;
    struct bed *bed;

    bed = bed_open(t, &cfg);
    chain(bed, 5, first_full);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0x0000800000000000, &read, &leaf), 0x80);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0xffff000000000000, &read, &leaf), 0x80);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0xffff800000000000, &read, &leaf), 0x71);
    trans.fs_levels = 5;
    trans.fs_table = TABLE(5);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0x0100000000000000, &read, &leaf), 0x80);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0xff00000000000000, &read, &leaf), 0x71);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0x1ff000ull);
    bed_store(bed, slot_of(5), 0x1040a7);
    trans.pasid++;
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x72);
    trans.fs_table = NOWHERE;
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x73);

    cfg.haw = 39;
    cfg.cap &= ~0x0100000000000000ull; /* FS1GP */
    bed = bed_open(t, &cfg);
    trans = first_stage();
    chain(bed, 4, first_full);
    bed_store(bed, slot_of(1), 0x80001ff067);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x72);
    bed_store(bed, slot_of(3), 0x400000e7);
    trans.pasid++;
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x72);
}

TEST(model_walk, first_flags, .needs = NEED_HOST, .faults = "90 91", .rules = "55",
     .doc = "A in every entry used, EA with it, D in the leaf on a write only; none by a walk that does not "
            "snoop; an update that always loses; an entry that changes meanwhile")
{
    static const uint64_t clear[] = {0, PAGE | 7, 0x101007, 0x102007, 0x103007};

    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct bed *bed = open_seed(t, 0, 0, seed);
        struct trans trans = first_stage();
        struct leaf leaf;

        chain(bed, 4, clear);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(4)), 0x103027ull);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(3)), 0x102027ull);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(2)), 0x101027ull);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(1)), 0x1ff027ull);
        T_EXPECT_EQ(t, leaf.dirty, false);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(1)), 0x1ff067ull);
        T_EXPECT_EQ(t, leaf.dirty, true);

        bed = open_seed(t, 0, 0, seed);
        trans.eafe = true;
        chain(bed, 4, clear);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(4)), 0x103427ull);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(1)), 0x1ff467ull);

        bed = open_seed(t, 0, 0, seed);
        trans.eafe = false;
        trans.snooped = false;
        chain(bed, 4, clear);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x90);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(4)), 0x103007ull);
        chain(bed, 4, first_full);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &both, &leaf), 0);
        bed_store(bed, slot_of(1), PAGE | 0x27);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &both, &leaf), 0x90);

        bed = open_seed(t, 0, 0, seed);
        trans.snooped = true;
        bed->cas_fails = true;
        chain(bed, 4, clear);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x91);
        bed->cas_fails = false;
        chain(bed, 4, first_full);
        bed_store(bed, slot_of(1), PAGE | 7);
        bed->race_pa = slot_of(1);
        bed->race_value = 0x1fe007;
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0);
        T_EXPECT_EQ(t, leaf.pa, 0x1fe000ull);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(1)), 0x1fe067ull);
    }
}

TEST(model_walk, refused_flags, .needs = NEED_HOST, .rules = "55",
     .doc = "a write that is refused never sets D; A it sets under some seeds and under others not")
{
    static const uint64_t first[] = {0, PAGE | 5, 0x101007, 0x102007, 0x103007};
    static const uint64_t second[] = {0, PAGE | 1, 0x101003, 0x102003, 0x103003};
    unsigned with = 0, without = 0;

    for (unsigned seed = 1; seed <= 32; seed++) {
        struct bed *bed = open_seed(t, 0, 0, seed);
        struct trans trans = first_stage();
        struct leaf leaf;
        uint64_t entry;

        chain(bed, 4, first);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0x85);
        entry = bed_load(bed, slot_of(1));
        T_EXPECT(t, entry == 0x1ff005 || entry == 0x1ff025);
        with += entry == 0x1ff025;
        without += entry == 0x1ff005 && bed_load(bed, slot_of(4)) == 0x103007;

        bed = open_seed(t, 0, 0, seed);
        trans = second_stage();
        trans.ssade = true;
        chain(bed, 4, second);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0x85);
        entry = bed_load(bed, slot_of(1));
        T_EXPECT(t, entry == 0x1ff001 || entry == 0x1ff101);
        with += entry == 0x1ff101;
        without += entry == 0x1ff001 && bed_load(bed, slot_of(4)) == 0x103003;
    }
    T_EXPECT_GT(t, with, 8u);
    T_EXPECT_GT(t, without, 8u);
}

/* ---- Second stage ---- */

TEST(model_walk, second_codes, .needs = NEED_HOST, .faults = "78 79 7a 85 86",
     .doc = "each reason of a second-stage walk, entry by entry; no reserved bit counts in an entry without "
            "rights")
{
    static const struct row rows[] = {
        {0, 0, &both, 0, false, false},
        {4, 0, &read, 0x79, false, false},
        {1, 0xfffffffffffffffc, &read, 0x79, false, false},
        {2, 0, &write, 0x79, false, false},
        {3, NOWHERE | 3, &read, 0x78, false, false},
        {2, NOWHERE | 3, &read, 0x78, false, false},
        {4, 0x103083, &read, 0x7a, false, false},  /* bit 7 of a PML4E */
        {4, 0x103803, &read, 0x7a, false, false},  /* bit 11 of no leaf */
        {1, PAGE | 0x803, &read, 0, false, false}, /* SNP */
        {1, PAGE | 0x883, &read, 0, false, false}, /* bit 7 of a PTE is ignored */
        {1, PAGE | 3 | 1ull << 62, &read, 0x7a, false, false},
        {1, PAGE | 3 | 1ull << 61, &read, 0, false, false},
        {1, 0xbff00000001ff7ff, &both, 0, false, false}, /* every bit that is ignored, EMT, A, D */
        {2, 0x200083, &read, 0, false, false},           /* 2 MiB */
        {2, 0x201083, &read, 0x7a, false, false},        /* bit 12 of it */
        {3, 0x40000083, &read, 0, false, false},         /* 1 GiB */
        {3, 0x40200083, &read, 0x7a, false, false},      /* bit 21 of it */
        {1, PAGE | 1, &read, 0, false, false},
        {1, PAGE | 1, &write, 0x85, false, false},
        {1, PAGE | 1, &both, 0x85, false, false},
        {1, PAGE | 2, &write, 0, false, false},
        {1, PAGE | 2, &read, 0x86, false, false},
        {1, PAGE | 2, &both, 0x86, false, false},
        {3, 0x102001, &write, 0x85, false, false}, /* further up */
        {3, 0x102002, &read, 0x86, false, false},
        {1, PAGE | 2, &zero, 0x86, false, false}, /* ZLR = 0 */
        {1, PAGE | 1, &zero, 0, false, false},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows) * SEEDS; i++) {
        const struct row *row = &rows[i / SEEDS];
        struct bed *bed = open_seed(t, 0, 0, i % SEEDS + 1);
        struct trans trans = second_stage();
        struct leaf leaf;
        unsigned code;

        chain(bed, 4, second_full);
        if (row->level != 0)
            bed_store(bed, slot_of(row->level), row->entry);
        code = walk(bed->m, &trans, ADDR, row->want, &leaf);
        if (code != row->code)
            t_note(t, "row %u, seed %u", i / SEEDS, i % SEEDS + 1);
        T_EXPECT_EQ(t, code, row->code);
    }
}

TEST(model_walk, second_edges, .needs = NEED_HOST, .faults = "79 7a 7b 84",
     .doc = "width of addresses, top table, rights that no level has together, SSIRWE, ZLR, and what "
            "capabilities make reserved")
{
    struct model_config cfg = bed_config(0x400000 /* ZLR */, 0);
    struct trans trans = second_stage();
    struct leaf leaf;
    struct bed *bed = bed_open(t, &cfg);

    chain(bed, 4, second_full);
    bed_store(bed, slot_of(1), PAGE | 2);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &zero, &leaf), 0);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0x1000000000000, &read, &leaf), 0x84);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0xffffffffffff, &read, &leaf), 0x79);
    trans.ss_levels = 3;
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0x8000000000, &read, &leaf), 0x84);
    trans = second_stage();
    trans.ss_table = NOWHERE;
    trans.did++;
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x7b);

    bed = bed_open(t, &cfg);
    trans = second_stage();
    chain(bed, 4, second_full);
    bed_store(bed, slot_of(3), 0x102001);
    bed_store(bed, slot_of(2), 0x101002);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x79);

    /* Bits 61 and 62 are the rights, bits 0 and 1 none. */
    bed = bed_open(t, &cfg);
    trans.ssirwe = true;
    chain(bed, 4, second_full);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x79);
    for (unsigned level = 1; level <= 4; level++)
        bed_store(bed, slot_of(level), (second_full[level] - 3) | 0x6000000000000000);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &both, &leaf), 0);
    bed_store(bed, slot_of(1), PAGE | 0x2000000000000002);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0x85);

    cfg.cap = (cfg.cap & ~0x3c00000000ull) | 0x400000000; /* SSLPS: 2 MiB only */
    cfg.ecap &= ~0x80ull;                                 /* SC */
    cfg.haw = 39;
    bed = bed_open(t, &cfg);
    trans = second_stage();
    chain(bed, 4, second_full);
    bed_store(bed, slot_of(1), PAGE | 0x803);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x7a);
    bed_store(bed, slot_of(1), 0x80001ff003);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x7a);
    bed_store(bed, slot_of(2), 0x200083);
    cache_flush_all(bed->m);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    bed_store(bed, slot_of(3), 0x40000083);
    cache_flush_all(bed->m);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x7a);
}

TEST(model_walk, second_flags, .needs = NEED_HOST, .faults = "7c 7d", .rules = "55",
     .doc =
         "A and D of the second stage with SSADE, none without; a walk that does not snoop; an update that "
         "always loses; an entry that changes meanwhile")
{
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct bed *bed = open_seed(t, 0, 0, seed);
        struct trans trans = second_stage();
        struct leaf leaf;

        chain(bed, 4, second_full);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &both, &leaf), 0);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(1)), 0x1ff003ull);
        T_EXPECT_EQ(t, leaf.dirty, true);

        bed = open_seed(t, 0, 0, seed);
        trans.ssade = true;
        chain(bed, 4, second_full);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(4)), 0x103103ull);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(3)), 0x102103ull);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(2)), 0x101103ull);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(1)), 0x1ff103ull);
        T_EXPECT_EQ(t, leaf.dirty, false);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(1)), 0x1ff303ull);

        bed = open_seed(t, 0, 0, seed);
        trans.snooped = false;
        chain(bed, 4, second_full);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x7c);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(4)), 0x103003ull);

        bed = open_seed(t, 0, 0, seed);
        trans.snooped = true;
        bed->cas_fails = true;
        chain(bed, 4, second_full);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x7d);
        bed->cas_fails = false;
        bed->race_pa = slot_of(3);
        bed->race_value = 0;
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0x79);
        T_EXPECT_EQ(t, bed_load(bed, slot_of(1)), 0x1ff003ull);
    }
}

TEST(model_walk, legacy_codes, .needs = NEED_HOST, .faults = "03 04 05 06 07 0c",
     .doc = "the same walk in legacy mode has the codes of legacy mode")
{
    static const struct row rows[] = {
        {0, 0, &both, 0, false, false},           {1, 0, &read, 0x06, false, false},
        {4, 0, &write, 0x05, false, false},       {1, PAGE | 1, &write, 0x05, false, false},
        {1, PAGE | 2, &read, 0x06, false, false}, {3, NOWHERE | 3, &read, 0x07, false, false},
        {4, 0x103083, &read, 0x0c, false, false},
    };
    struct trans trans = second_stage();
    struct leaf leaf;
    struct bed *bed;

    trans.legacy = true;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        bed = open_seed(t, 0, 0, 1);
        chain(bed, 4, second_full);
        if (rows[i].level != 0)
            bed_store(bed, slot_of(rows[i].level), rows[i].entry);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, rows[i].want, &leaf), rows[i].code);
    }
    bed = open_seed(t, 0, 0, 1);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0x1000000000000, &read, &leaf), 0x04);
    trans.ss_table = NOWHERE;
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x03);
    trans.pgtt = VTD_PGTT_PASSTHROUGH;
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0xfffffffffffff, &both, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0xffffffffff000ull);
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0x10000000000000, &read, &leaf), 0x04);
    trans.legacy = false;
    T_EXPECT_EQ(t, walk(bed->m, &trans, 0x10000000000000, &read, &leaf), 0x83);
}

TEST(model_walk, snooping, .needs = NEED_HOST, .rules = "10",
     .doc = "a walk that snoops sees what CPUs see, one that does not sees what was written back")
{
    struct model_config cfg = bed_config(0, 0);
    struct trans trans = second_stage();
    struct leaf leaf;
    struct bed *bed = bed_open(t, &cfg);

    chain(bed, 4, second_full);
    bed_store_cached(bed, slot_of(1), 0x1fe003);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0x1fe000ull);
    trans.snooped = false;
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0x1ff000ull);
}

/* ---- Both ---- */

/* Guest addresses: first-stage table of level n at 1n000h, page at 1f000h; second stage, 3 levels from
 * 113000h on, maps them to 12n000h and 1ff000h. */
#define BELOW(n)    (0x111000ull + 8 * (n)) /* second-stage entry of guest page n */
#define GUEST(n)    (0x120000ull + (n)*0x1000ull)
#define GUEST_ENTRY (GUEST(1) + 8 * 0x1e5)

static struct trans nested(struct bed *bed)
{
    static const uint64_t first[] = {0, 0x1f067, 0x11027, 0x12027, 0x13027};

    bed_store(bed, 0x113000, 0x112003);
    bed_store(bed, 0x112000, 0x111003);
    for (unsigned level = 1; level <= 4; level++) {
        bed_store(bed, BELOW(0x10 + level), GUEST(level) | 3);
        bed_store(bed, GUEST(level) + (slot_of(level) - TABLE(level)), first[level]);
    }
    bed_store(bed, BELOW(0x1f), PAGE | 3);
    return (struct trans){.pgtt = VTD_PGTT_NESTED,
                          .did = DID,
                          .pasid = PASID,
                          .fs_levels = 4,
                          .fs_table = 0x14000,
                          .ss_levels = 3,
                          .ss_table = 0x113000,
                          .snooped = true};
}

TEST(model_walk, nested_codes, .needs = NEED_HOST, .faults = "74 75 76 77 78 79 7a 85 86", .rules = "49",
     .doc = "reasons of a nested walk: of the first stage, of the second for the page, of the second for a "
            "table of the first")
{
    static const struct {
        uint64_t pa, value;
        const struct want *want;
        unsigned code;
    } rows[] = {
        {0, 0, &both, 0},
        {GUEST_ENTRY, 0x1f066, &read, 0x71},
        {GUEST_ENTRY, 0x1f065, &write, 0x85},
        {GUEST_ENTRY, 0x800001f067, &read, 0x74}, /* beyond 39 bits */
        {GUEST(3) + 8 * 0x15, 0x8000012027, &read, 0x74},
        {BELOW(0x14), GUEST(4) | 2, &read, 0x75},
        {BELOW(0x13), GUEST(3) | 2, &read, 0x76},
        {BELOW(0x11), GUEST(1) | 2, &read, 0x76},
        {BELOW(0x12), 0, &read, 0x79},
        {BELOW(0x12), GUEST(2) | 3 | 1ull << 62, &read, 0x7a},
        {0x112000, NOWHERE | 3, &read, 0x78},
        {BELOW(0x1f), 0, &read, 0x79},
        {BELOW(0x1f), PAGE | 1, &write, 0x85},
        {BELOW(0x1f), PAGE | 2, &read, 0x86},
        {BELOW(0x1f), PAGE | 2, &write, 0},
        {BELOW(0x11), GUEST(1) | 1, &read, 0}, /* nothing to update: no write */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows) * SEEDS; i++) {
        struct bed *bed = open_seed(t, 0, 0, i % SEEDS + 1);
        struct trans trans = nested(bed);
        struct leaf leaf = {0};
        unsigned code;

        if (rows[i / SEEDS].pa != 0)
            bed_store(bed, rows[i / SEEDS].pa, rows[i / SEEDS].value);
        code = walk(bed->m, &trans, ADDR, rows[i / SEEDS].want, &leaf);
        if (code != rows[i / SEEDS].code)
            t_note(t, "row %u, seed %u", i / SEEDS, i % SEEDS + 1);
        T_EXPECT_EQ(t, code, rows[i / SEEDS].code);
        if (code == 0)
            T_EXPECT_EQ(t, leaf.pa, 0x1ff000ull);
    }
}

TEST(model_walk, nested_flags, .needs = NEED_HOST, .faults = "77",
     .doc = "flags of both stages; the second has to allow the update of the first; the smaller page counts")
{
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct bed *bed = open_seed(t, 0, 0, seed);
        struct trans trans = nested(bed);
        struct leaf leaf;

        bed_store(bed, GUEST_ENTRY, 0x1f007);
        bed_store(bed, BELOW(0x11), GUEST(1) | 1);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x77);
        T_EXPECT_EQ(t, bed_load(bed, GUEST_ENTRY), 0x1f007ull);

        bed = open_seed(t, 0, 0, seed);
        trans = nested(bed);
        trans.ssade = true;
        bed_store(bed, GUEST_ENTRY, 0x1f007);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0);
        T_EXPECT_EQ(t, bed_load(bed, GUEST_ENTRY), 0x1f067ull);
        T_EXPECT_EQ(t, bed_load(bed, BELOW(0x1f)), 0x1ff303ull);
        T_EXPECT_EQ(t, bed_load(bed, BELOW(0x11)), 0x121303ull); /* written: the table has its own D */
        T_EXPECT_EQ(t, bed_load(bed, BELOW(0x12)), 0x122103ull);

        bed = open_seed(t, 0, 0, seed);
        trans = nested(bed);
        bed_store(bed, GUEST(2) + 8 * 0x22, 0xe7); /* 2 MiB at guest 0, in pages of 4 KiB below */
        bed_store(bed, BELOW(0x1e5), PAGE | 1);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &both, &leaf), 0x85);
        T_EXPECT_EQ(t, leaf.pa, 0x1ff000ull);
        T_EXPECT_EQ(t, leaf.shift, 12u);
        T_EXPECT_EQ(t, leaf.r, true);
        T_EXPECT_EQ(t, leaf.w, false);
    }
}

/* ---- Caches ---- */

TEST(model_walk, stale_tables, .needs = NEED_HOST, .rules = "28 50 51",
     .doc = "a changed table pointer is not seen until its own invalidation; IH = 1 keeps it")
{
    struct model_config cfg = bed_config(0, 0);
    struct trans trans = second_stage();
    struct leaf leaf;
    struct bed *bed = bed_open(t, &cfg);
    uint64_t other = 0x110000 + (slot_of(1) - TABLE(1));

    chain(bed, 4, second_full);
    bed_store(bed, other, 0x1fe003);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, model_cached(bed->m, MODEL_CACHE_SS), 3u);
    bed_store(bed, slot_of(2), 0x110003);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0x1ff000ull);
    cache_iotlb(bed->m, VTD_IOTLB_GRAN_PAGE, DID, ADDR, 0, true);
    cache_piotlb(bed->m, VTD_PIOTLB_GRAN_PASID, DID, PASID, 0, 0, false);
    trans.generation = bed->m->generation;
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0x1ff000ull);
    cache_iotlb(bed->m, VTD_IOTLB_GRAN_PAGE, DID, ADDR, 0, false);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0x1fe000ull);

    bed = bed_open(t, &cfg);
    trans = first_stage();
    chain(bed, 4, first_full);
    bed_store(bed, other, 0x1fe067);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, model_cached(bed->m, MODEL_CACHE_FS), 3u);
    bed_store(bed, slot_of(2), 0x110027);
    cache_piotlb(bed->m, VTD_PIOTLB_GRAN_PAGE, DID, PASID, ADDR, 0, true);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0x1ff000ull);
    cache_piotlb(bed->m, VTD_PIOTLB_GRAN_PAGE, DID, PASID, ADDR, 0, false);
    T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
    T_EXPECT_EQ(t, leaf.pa, 0x1fe000ull);
}

TEST(model_walk, stale_rights, .needs = NEED_HOST, .rules = "50",
     .doc = "rights that levels above gave stay with a cached table; a walk that failed leaves tables behind "
            "under some seeds")
{
    unsigned kept = 0;

    for (unsigned seed = 1; seed <= 32; seed++) {
        struct bed *bed = open_seed(t, 0, 0, seed);
        struct trans trans = first_stage();
        struct leaf leaf;

        chain(bed, 4, first_full);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0);
        bed_store(bed, slot_of(3), 0x102021);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0);
        cache_flush_all(bed->m);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0x81);

        bed = open_seed(t, 0, 0, seed);
        bed_store(bed, slot_of(4), first_full[4]);
        bed_store(bed, slot_of(3), first_full[3]);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x71);
        kept += model_cached(bed->m, MODEL_CACHE_FS) == 2;
    }
    T_EXPECT_GT(t, kept, 8u);
    T_EXPECT_LT(t, kept, 24u);
}
