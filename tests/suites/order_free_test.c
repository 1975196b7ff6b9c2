/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order, free: rows of the ordering table (docs/rules/rows.tsv) played with real devices. A step
 * compares its result, the events with the order of their receivers, and what each device really reaches.
 *
 * A tear-down that comes too early, too late, twice or not at all turns a row red by one of the three.
 */
#include "tests/suites/play.h"

/* ---- Free ---- */

TEST(order, free_unused, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "21", .negative = true,
     .doc = "free without users: done at once, and nobody is told")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, NULL, "02"},
         {OWNER_UNBIND, 0, 0, 0, NULL, NULL}, {OWNER_FREE, 0, 0, 0, "", "-2"});
}

TEST(order, free_after_unbind, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "22 33", .negative = true,
     .doc = "free after the last unbind while somebody holds a reference: FREE, and reclaimed at the put")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}, {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_UNBOUND, "-"}, {OWNER_PUT, 0, 0, 1, "", "-"},
         {OWNER_PUT, 0, 0, -ENOENT, "", NULL});
}

TEST(order, free_bound, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "23", .flaws = "K1 S14 S15 C16",
     .negative = true,
     .doc = "free before unbind, one device: one FREE, CPU first, one UNBIND for who knows only that; out of "
            "reach")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"}, {OWNER_FREE, 0, 0, -ENOENT, "", "-"});
}

TEST(order, free_bound_two, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "23",
     .flaws = "K1 S6 S10 C2", .negative = true,
     .doc = "free before unbind, two devices: both out of reach, every reference given back")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
         {OWNER_BIND, 0, 1, 0, "", "00"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "--"},
         {OWNER_GET, 0, 0, -ENOENT, "", NULL});
}

TEST(order, free_bound_three, .needs = NEED_DMA | NEED_DMA_3, .lanes = PLAY_LANES, .rows = "23",
     .flaws = "S6 C12", .negative = true,
     .doc = "free before unbind, three devices: the walk over the bindings ends and misses none")
{
    PLAY(t, 3, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 1, 0, "", NULL}, {OWNER_BIND, 0, 2, 0, "", "000"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "---"}, {OWNER_GET, 0, 0, -ENOENT, "", NULL});
}

TEST(order, free_spares_others, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "23",
     .negative = true, .doc = "free of one bound IOASID leaves a device on another IOASID working")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 1, 1, 0, NULL, "01"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-1"});
}

TEST(order, free_native_bound, .needs = NEED_DMA, .lanes = PLAY_LANES, .flaws = "K4", .negative = true,
     .doc =
         "an IOASID bound for the host itself cannot be freed before unbind: -EBUSY, and it goes on working")
{
    static const struct play_step steps[] = {
        {OWNER_ALLOC, 0, 0, 0, NULL, NULL},  {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
        {OWNER_FREE, 0, 0, -EBUSY, "", "0"}, {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"},
        {OWNER_FREE, 0, 0, 0, "", "-"},
    };
    struct play p;

    play_open_native(t, &p, 1);
    play_steps(&p, steps, ARRAY_SIZE(steps));
    play_close(&p);
}

TEST(order, free_twice_pending, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "24",
     .flaws = "C1", .negative = true,
     .doc = "a second free while one is pending: -EALREADY, no second FREE, no reference lost")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "02"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-2"},
         {OWNER_FREE, 0, 0, -EALREADY, "", "-2"}, {OWNER_FREE, 0, 0, -EALREADY, "", NULL},
         {OWNER_PUT, 0, 0, 1, "", "-2"});
}

TEST(order, free_twice_reclaimed, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS, .lanes = PLAY_LANES,
     .rows = "25", .negative = true,
     .doc = "a free after the number went to somebody else is -ENOENT, and the new owner's device goes on")
{
    static const struct play_step first[] = {NEIGHBOUR,
                                             {OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, NULL, "02"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-2"},
                                             {OWNER_ALLOC, 1, 0, 0, NULL, NULL}};
    static const struct play_step then[] = {{OWNER_BIND, 1, 0, 0, BIND_EVENT, "12"},
                                            {OWNER_FREE, 0, 0, -ENOENT, "", "12"},
                                            {OWNER_UNBIND, 0, 0, -ENOENT, "", "12"}};
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, first, ARRAY_SIZE(first));
    T_EXPECT_EQ(t, ioasid_number(p.owner.ids[1]), ioasid_number(p.owner.ids[0]));
    play_steps(&p, then, ARRAY_SIZE(then));
    play_close(&p);
}
