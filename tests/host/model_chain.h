/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables for the strict unit's walks: one chain of entries in literal hex, and what a PASID entry would say
 * of it. For model_walk_test.c and model_nested_test.c.
 */
#ifndef TESTS_HOST_MODEL_CHAIN_H
#define TESTS_HOST_MODEL_CHAIN_H

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

static inline uint64_t slot_of(unsigned level)
{
    return TABLE(level) + 8 * (ADDR >> (12 + 9 * (level - 1)) & 511);
}

/* A chain of entries from `levels` down; [level]. */
static inline void chain(struct bed *bed, unsigned levels, const uint64_t *entries)
{
    for (unsigned level = 1; level <= levels; level++)
        bed_store(bed, slot_of(level), entries[level]);
}

static inline struct trans first_stage(void)
{
    return (struct trans){.pgtt = VTD_PGTT_FIRST,
                          .did = DID,
                          .pasid = PASID,
                          .fs_levels = 4,
                          .fs_table = TABLE(4),
                          .snooped = true};
}

static inline struct trans second_stage(void)
{
    return (struct trans){.pgtt = VTD_PGTT_SECOND,
                          .did = DID,
                          .pasid = PASID,
                          .ss_levels = 4,
                          .ss_table = TABLE(4),
                          .snooped = true};
}

static const struct want read unused = {.r = true};
static const struct want write unused = {.w = true};
static const struct want both unused = {.r = true, .w = true};
static const struct want zero unused = {.zero_length = true};

/* All flags are set already: nothing to update. */
static const uint64_t first_full[] unused = {0, PAGE | 0x67, 0x101027, 0x102027, 0x103027, 0x104027};
static const uint64_t second_full[] unused = {0, PAGE | 3, 0x101003, 0x102003, 0x103003, 0x104003};

static inline struct bed *open_seed(struct t *t, uint64_t cap, uint64_t ecap, unsigned seed)
{
    struct model_config cfg = bed_config(cap, ecap);

    cfg.seed = seed;
    return bed_open(t, &cfg);
}

#endif
