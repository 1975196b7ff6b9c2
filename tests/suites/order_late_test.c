/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order, calls that come late or from handlers: rows of the ordering table (docs/rules/rows.tsv) played
 * with real devices. A step compares its result, the events with the order of their receivers, and what each
 * device really reaches.
 *
 * A handle that outlives its IOASID, or a second tear-down of one binding, turns a row red.
 */
#include "tests/suites/play.h"

/* ---- Late calls ---- */

/* From a CPU-level handler of FREE: the IOMMU level has not been there yet. */
static int unbind_first_device(struct owner *o, const struct ioasid_event *ev)
{
    return ioasid_unbind(o->set, ev->id, o->devs[0]);
}

TEST(
    order, unbind_in_free, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "27 37", .flaws = "S23 C21",
    .negative = true,
    .doc =
        "unbind after free, before the clean-up got to the device: it does the work, once, without an UNBIND")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
                                             {OWNER_UNBIND, 0, 0, -ENOENT, "", "-"}};
    struct owner_listener *c;
    struct play p;

    play_open(t, &p, 1);
    c = owner_listener(&p.owner, 'C');
    c->hook = unbind_first_device;
    c->hook_on = IOASID_EVENT_FREE;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_EQ(t, c->hooked, 1u);
    T_EXPECT_ERR(t, c->hook_result, 0);
    play_close(&p);
}

TEST(order, unbind_in_free_two, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "27",
     .negative = true,
     .doc = "the same with a second device, which the clean-up takes: each entry is retired exactly once")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
                                             {OWNER_BIND, 0, 1, 0, "", "00"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "--"}};
    struct owner_listener *c;
    struct play p;

    play_open(t, &p, 2);
    c = owner_listener(&p.owner, 'C');
    c->hook = unbind_first_device;
    c->hook_on = IOASID_EVENT_FREE;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_ERR(t, c->hook_result, 0);
    play_close(&p);
}

TEST(
    order, unbind_races_free, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "27 28 41", .flaws = "C9",
    .negative = true,
    .doc = "unbind right behind free, whoever gets there first: 0 or -ENOENT, and the device is out of reach")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}};
    struct play p;
    int result;

    play_open(t, &p, 1);
    for (unsigned i = 0; i < 4; i++) {
        play_steps(&p, steps, ARRAY_SIZE(steps));
        T_ASSERT_ERR(t, owner_do_nowait(&p.owner, OWNER_FREE, 0, 0), -EINPROGRESS);
        result = owner_do_nowait(&p.owner, OWNER_UNBIND, 0, 0);
        T_EXPECT(t, result == 0 || result == -ENOENT);
        play_reach(&p, "-");
        t_settle(t);
        play_events(&p, FREE_BOUND);
        T_EXPECT_ERR(t, ioasid_refs(p.owner.set, p.owner.ids[0]), -ENOENT);
    }
    play_close(&p);
}

TEST(order, unbind_after_free, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "28",
     .flaws = "C21", .negative = true,
     .doc = "unbind after free and its clean-up: -ENOENT, pending and reclaimed")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "02"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-2"},
         {OWNER_UNBIND, 0, 0, -ENOENT, "", "-2"}, {OWNER_PUT, 0, 0, 1, "", NULL},
         {OWNER_UNBIND, 0, 0, -ENOENT, "", "-2"});
}

TEST(order, unbind_number_reused, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS, .lanes = PLAY_LANES,
     .rows = "29", .negative = true,
     .doc = "unbind by a handle of an earlier life: -ENOENT, the device bound to the new life goes on")
{
    static const struct play_step first[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 1, 0, NULL, "00"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "--"},
                                             {OWNER_ALLOC, 1, 0, 0, NULL, NULL}};
    static const struct play_step then[] = {{OWNER_BIND, 1, 1, 0, BIND_EVENT, "-1"},
                                            {OWNER_UNBIND, 0, 0, -ENOENT, "", "-1"},
                                            {OWNER_UNBIND, 0, 1, -ENOENT, "", "-1"}};
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, first, ARRAY_SIZE(first));
    T_EXPECT_EQ(t, ioasid_number(p.owner.ids[1]), ioasid_number(p.owner.ids[0]));
    play_steps(&p, then, ARRAY_SIZE(then));
    play_close(&p);
}

TEST(order, bind_after_free, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "31",
     .flaws = "C14", .negative = true,
     .doc = "bind after free: -EBUSY while pending, -ENOENT once reclaimed, never an entry")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "0-"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "--"},
         {OWNER_BIND, 0, 0, -EBUSY, "", "--"}, {OWNER_BIND, 0, 1, -EBUSY, "", "--"},
         {OWNER_PUT, 0, 0, 1, "", NULL}, {OWNER_BIND, 0, 1, -ENOENT, "", "--"});
}

TEST(order, get_after_free, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "32",
     .negative = true,
     .doc = "get after free: -EBUSY while pending, -ENOENT once reclaimed, and the device stays out of reach")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "02"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-2"},
         {OWNER_GET, 0, 0, -EBUSY, "", "-2"}, {OWNER_PUT, 0, 0, 1, "", NULL},
         {OWNER_GET, 0, 0, -ENOENT, "", "-2"});
}

TEST(order, put_last, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "33", .negative = true,
     .doc = "the last put of a pending IOASID returns 1, and its number can be bound anew at once")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_GET, 0, 0, 0, "", NULL}, {OWNER_BIND, 0, 0, 0, NULL, "02"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-2"}, {OWNER_PUT, 0, 0, 0, "", "-2"},
         {OWNER_PUT, 0, 0, 1, "", "-2"}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 1, 0, 0, BIND_EVENT, "12"});
}

TEST(order, put_too_often, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "34", .flaws = "C2",
     .negative = true,
     .doc = "put without a reference is -EINVAL and takes nothing from the binding, which goes on")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_PUT, 0, 0, -EINVAL, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "02"}, {OWNER_PUT, 0, 0, -EINVAL, "", "02"},
         {OWNER_GET, 0, 0, 0, "", NULL}, {OWNER_PUT, 0, 0, 0, "", NULL},
         {OWNER_PUT, 0, 0, -EINVAL, "", "02"});
}

static int put_once(struct owner *o, const struct ioasid_event *ev)
{
    return ioasid_put(o->set, ev->id);
}

TEST(order, put_in_free, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "35", .flaws = "C19",
     .negative = true,
     .doc =
         "a handler gives its reference back while FREE is delivered: later levels still see the whole event")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_GET, 0, 0, 0, "", NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
                                             {OWNER_PUT, 0, 0, -ENOENT, "", "-"}};
    struct owner_listener *c;
    struct play p;

    play_open(t, &p, 1);
    c = owner_listener(&p.owner, 'C');
    c->hook = put_once;
    c->hook_on = IOASID_EVENT_FREE;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_GE(t, c->hook_result, 0);
    play_close(&p);
}

static int free_id(struct owner *o, const struct ioasid_event *ev)
{
    return ioasid_free(o->set, ev->id);
}

TEST(order, free_in_bind, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "36", .negative = true,
     .doc = "free from a BIND handler: BIND ends first, then FREE; bind returns -EBUSY, nothing is in reach")
{
    static const struct play_step steps[] = {
        {OWNER_ALLOC, 0, 0, 0, NULL, NULL},
        {OWNER_BIND, 0, 0, -EBUSY, BIND_EVENT " " FREE_BOUND, "-"},
        {OWNER_GET, 0, 0, -ENOENT, "", "-"},
    };
    struct owner_listener *d;
    struct play p;

    play_open(t, &p, 1);
    d = owner_listener(&p.owner, 'D');
    d->hook = free_id;
    d->hook_on = IOASID_EVENT_BIND;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_ERR(t, d->hook_result, -EINPROGRESS);
    play_close(&p);
}

TEST(order, alloc_while_pending, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "42", .flaws = "S13",
     .negative = true,
     .doc = "an alloc while a number is pending gets another one, and binding it gives the device that one's "
            "page")
{
    static const struct play_step steps[] = {
        {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
        {OWNER_BIND, 0, 0, 0, NULL, "0"},   {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
        {OWNER_ALLOC, 1, 0, 0, NULL, NULL}, {OWNER_BIND, 1, 0, 0, BIND_EVENT, "1"},
        {OWNER_PUT, 0, 0, 1, "", "1"}};
    struct play p;

    play_open(t, &p, 1);
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_NE(t, ioasid_number(p.owner.ids[1]), ioasid_number(p.owner.ids[0]));
    play_close(&p);
}

TEST(order, guest_killed, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "47", .negative = true,
     .doc = "a guest dies: everything is freed, then unbound, then the numbers go to another guest's devices")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 1, 1, 0, NULL, "01"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-1"},
         {OWNER_FREE, 1, 0, -EINPROGRESS, FREE_BOUND, "--"}, {OWNER_UNBIND, 0, 0, -ENOENT, "", NULL},
         {OWNER_UNBIND, 1, 1, -ENOENT, "", "--"}, {OWNER_ALLOC, 2, 0, 0, NULL, NULL},
         {OWNER_BIND, 2, 1, 0, BIND_EVENT, "-2"});
}

TEST(order, handler_fails_free, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "49", .flaws = "S20",
     .negative = true,
     .doc = "a handler that fails FREE stops nobody: all others are told and the device is out of reach")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"}};
    struct play p;

    play_open(t, &p, 1);
    owner_listener(&p.owner, 'C')->refuse = IOASID_EVENT_FREE;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_EQ(t, owner_listener(&p.owner, 'C')->refused, 1u);
    play_close(&p);
}

TEST(order, handler_fails_unbind, .needs = NEED_DMA, .lanes = PLAY_LANES, .flaws = "S20", .negative = true,
     .doc = "nor does one that fails UNBIND; the ID is counted as failed until it is freed")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
                                             {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}};
    struct ioasid_stats stats;
    struct play p;

    play_open(t, &p, 1);
    owner_listener(&p.owner, 'C')->refuse = IOASID_EVENT_UNBIND;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_EQ(t, owner_listener(&p.owner, 'C')->refused, 1u);
    ioasid_stats(t->iommu->ioasids, &stats);
    T_EXPECT_EQ(t, stats.failed, 1u);
    T_EXPECT_OK(t, owner_do_nowait(&p.owner, OWNER_FREE, 0, 0));
    ioasid_stats(t->iommu->ioasids, &stats);
    T_EXPECT_EQ(t, stats.failed, 0u);
    play_close(&p);
}
