/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_nested: the strict unit's walks of two stages, and what stays of walks in its caches. Tables
 * and codes in literal hex.
 */
#include "tests/host/model_chain.h"

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

TEST(model_nested, codes, .needs = NEED_HOST, .faults = "74 75 76 77 78 79 7a 85 86", .rules = "49",
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

TEST(model_nested, flags, .needs = NEED_HOST, .faults = "77",
     .doc = "flags of both stages; the second has to allow the update of the first; the smaller page and the "
            "rights of both count")
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
        trans.ssade = true;
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0);
        T_EXPECT_EQ(t, leaf.dirty, false);
        bed_store(bed, GUEST_ENTRY, 0x1f065);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0x85);
        T_EXPECT_EQ(t, bed_load(bed, BELOW(0x1f)), 0x1ff103ull); /* never to be written: no D below */
        bed_store(bed, GUEST_ENTRY, 0x1f063);
        bed_store(bed, BELOW(0x1f), 0);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x81);

        bed = open_seed(t, 0, 0, seed);
        trans = nested(bed);
        bed_store(bed, BELOW(0x1f), PAGE | 2);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0);
        T_EXPECT(t, leaf.w && !leaf.r);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &read, &leaf), 0x86);
        T_EXPECT_EQ(t, leaf.pa, 0x1ff000ull);
        T_EXPECT(t, leaf.w && !leaf.r);
        bed_store(bed, GUEST_ENTRY, 0x1f065);
        bed_store(bed, BELOW(0x1f), 0);
        T_EXPECT_EQ(t, walk(bed->m, &trans, ADDR, &write, &leaf), 0x79);

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

TEST(model_nested, stale_tables, .needs = NEED_HOST, .rules = "28 50 51",
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

TEST(model_nested, stale_rights, .needs = NEED_HOST, .rules = "50",
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
