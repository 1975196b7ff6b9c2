/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order, sets: rows of the ordering table (docs/rules/rows.tsv) in which two guests or the end of one
 * matter. Each guest is an owner with a set of its own; a step compares its result, the events, and what each
 * device really reaches.
 *
 * A call that is let through for a stranger, or an ID that a dying guest leaves behind, turns a row red.
 */
#include "tests/suites/play.h"

#define TWO_GUESTS (NEED_DMA | NEED_DMA_2)

static const struct play_step bound[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}};

/* Two guests with a device each; id 0 of both is bound. */
static void open_guests(struct t *t, struct play *a, struct play *b)
{
    struct dma_dev *second = t_dev(t, 1);

    play_open(t, a, 1);
    play_open_with(t, b, &second, 1);
    play_steps(a, bound, ARRAY_SIZE(bound));
    play_steps(b, bound, ARRAY_SIZE(bound));
}

/* The other guest was not disturbed: no event, its device goes on. */
static void undisturbed(struct play *p)
{
    play_events(p, "");
    play_reach(p, "0");
}

static struct ioasid_bind_cfg cfg_of(const struct owner *o)
{
    return (struct ioasid_bind_cfg){
        .stage = o->stage, .table = o->spaces[0].table, .guest = true, .spid = IOASID_NO_SPID};
}

/* ---- Strangers ---- */

TEST(order, bind_of_stranger, .needs = TWO_GUESTS, .lanes = PLAY_LANES, .rows = "14", .flaws = "S24",
     .negative = true,
     .doc = "a guest that binds another guest's IOASID gets -EACCES and no access; the owner goes on")
{
    static const struct play_step leave[] = {{OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}};
    struct ioasid_bind_cfg cfg;
    struct play a, b;

    open_guests(t, &a, &b);
    cfg = cfg_of(&b.owner);
    play_steps(&b, leave, 1);
    T_EXPECT_ERR(t, ioasid_bind(b.owner.set, a.owner.ids[0], b.owner.devs[0], &cfg), -EACCES);
    play_events(&b, "");
    play_reach(&b, "-");
    undisturbed(&a);
    play_close(&b);
    play_close(&a);
}

TEST(
    order, free_of_stranger, .needs = TWO_GUESTS, .lanes = PLAY_LANES, .rows = "26", .flaws = "S24",
    .negative = true,
    .doc =
        "a guest that frees, gets, puts, flushes or unbinds another guest's IOASID gets -EACCES, and nothing "
        "changes")
{
    struct play a, b;

    open_guests(t, &a, &b);
    T_EXPECT_ERR(t, ioasid_free(b.owner.set, a.owner.ids[0]), -EACCES);
    T_EXPECT_ERR(t, ioasid_get(b.owner.set, a.owner.ids[0]), -EACCES);
    T_EXPECT_ERR(t, ioasid_put(b.owner.set, a.owner.ids[0]), -EACCES);
    T_EXPECT_ERR(t, ioasid_unbind(b.owner.set, a.owner.ids[0], a.owner.devs[0]), -EACCES);
    T_EXPECT_ERR(t, ioasid_flush(b.owner.set, a.owner.ids[0], (iova_t){0}, 0, true), -EACCES);
    t_settle(t);
    T_EXPECT_EQ(t, ioasid_refs(a.owner.set, a.owner.ids[0]), 2);
    undisturbed(&a);
    undisturbed(&b);
    play_close(&b);
    play_close(&a);
}

TEST(order, unbind_number_of_stranger, .needs = TWO_GUESTS | NEED_NO_VCS, .lanes = PLAY_LANES, .rows = "30",
     .flaws = "S24", .negative = true,
     .doc = "a number that was freed and reclaimed is another guest's now: the late unbind is refused, that "
            "guest "
            "goes on")
{
    static const struct play_step reclaim[] = {{OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"}};
    static const struct play_step leave[] = {{OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}};
    struct play a, b;
    ioasid_t *theirs;
    uint32_t number;

    open_guests(t, &a, &b);
    theirs = &b.owner.ids[1];
    play_steps(&b, leave, 1);
    play_steps(&a, reclaim, 1);
    number = ioasid_number(a.owner.ids[0]);
    T_ASSERT_OK(t, ioasid_alloc(b.owner.set, number, number, theirs));
    T_ASSERT_OK(t, owner_do(&b.owner, OWNER_BIND, 1, 0));
    play_reach(&b, "1");
    T_EXPECT_ERR(t, ioasid_unbind(a.owner.set, a.owner.ids[0], b.owner.devs[0]), -ENOENT);
    T_EXPECT_ERR(t, ioasid_unbind(a.owner.set, a.owner.ids[0], a.owner.devs[0]), -ENOENT);
    T_EXPECT_ERR(t, ioasid_unbind(a.owner.set, *theirs, b.owner.devs[0]), -EACCES);
    play_reach(&b, "1");
    play_reach(&a, "-");
    T_EXPECT_OK(t, ioasid_unbind(b.owner.set, *theirs, b.owner.devs[0]));
    T_EXPECT_OK(t, ioasid_free(b.owner.set, *theirs));
    play_close(&b);
    play_close(&a);
}

TEST(order, quota_used_up, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "2", .negative = true,
     .doc = "an alloc beyond the quota is -EDQUOT and tells nobody, and what is bound goes on")
{
    struct play p;
    ioasid_t id;

    play_open(t, &p, 1);
    play_steps(&p, bound, ARRAY_SIZE(bound));
    for (unsigned i = 1; i < OWNER_QUOTA; i++)
        T_ASSERT_OK(t, ioasid_alloc(p.owner.set, 1, IOASID_NUMBERS - 1, &id));
    t_settle(t);
    play_events(&p, NULL);
    T_EXPECT_ERR(t, ioasid_alloc(p.owner.set, 1, IOASID_NUMBERS - 1, &id), -EDQUOT);
    t_settle(t);
    undisturbed(&p);
    T_EXPECT_ERR(t, owner_free_all(&p.owner), -EINPROGRESS);
    play_reach(&p, "-");
    play_close(&p);
}

/* ---- The end of a guest ---- */

TEST(order, guest_destroyed, .needs = TWO_GUESTS, .lanes = PLAY_LANES, .rows = "45 46", .flaws = "C7",
     .negative = true,
     .doc =
         "a set is destroyed with a bound IOASID: one FREE, its device is out of reach, then the handle is "
         "stale; the other guest goes on")
{
    struct play a, b;

    open_guests(t, &a, &b);
    T_EXPECT_ERR(t, owner_destroy_set(&a.owner), -EINPROGRESS);
    play_events(&a, FREE_BOUND);
    play_reach(&a, "-");
    T_EXPECT_ERR(t, owner_do(&a.owner, OWNER_UNBIND, 0, 0), -ESTALE);
    T_EXPECT_ERR(t, owner_do(&a.owner, OWNER_ALLOC, 1, 0), -ESTALE);
    T_EXPECT_ERR(t, owner_do(&a.owner, OWNER_BIND, 0, 0), -ESTALE);
    T_EXPECT_ERR(t, owner_destroy_set(&a.owner), -EALREADY);
    undisturbed(&b);
    play_reach(&a, "-");
    play_close(&b);
    play_close(&a);
}

TEST(order, guest_drains, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "45 28 31 32",
     .flaws = "C7 C22", .negative = true,
     .doc =
         "a destroyed set with a reference out drains: unbind, bind and get say so, and the last put ends it")
{
    static const struct play_step before[] = {
        {OWNER_ALLOC, 0, 0, 0, NULL, NULL},      {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
        {OWNER_GET, 0, 0, 0, NULL, NULL},        {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
        {OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"},
    };
    static const struct play_step after[] = {
        {OWNER_UNBIND, 0, 0, -ENOENT, "", "--"}, {OWNER_BIND, 0, 0, -EBUSY, "", "--"},
        {OWNER_GET, 0, 0, -EBUSY, "", NULL},     {OWNER_GET, 1, 0, -ENOENT, "", NULL},
        {OWNER_ALLOC, 2, 0, -ESTALE, "", NULL},  {OWNER_PUT, 0, 0, 1, "", NULL},
        {OWNER_PUT, 0, 0, -ESTALE, "", "--"},
    };
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, before, ARRAY_SIZE(before));
    T_EXPECT_ERR(t, owner_destroy_set(&p.owner), -EINPROGRESS);
    play_events(&p, FREE_BOUND " " FREE_BOUND);
    play_reach(&p, "--");
    play_steps(&p, after, ARRAY_SIZE(after));
    play_close(&p);
}

TEST(order, guest_killed_whole, .needs = TWO_GUESTS | NEED_NO_VCS, .lanes = PLAY_LANES, .rows = "47",
     .flaws = "C20", .negative = true,
     .doc =
         "all of a guest is freed, its device closed, then the unbinds come: each of its numbers goes to the "
         "other guest, which reaches its own page only")
{
    static const struct play_step late[] = {{OWNER_UNBIND, 0, 0, -ENOENT, "", "-"}};
    static const struct play_step leave[] = {{OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}};
    struct play a, b;
    ioasid_t *theirs;
    uint32_t number;

    open_guests(t, &a, &b);
    theirs = &b.owner.ids[1];
    number = ioasid_number(a.owner.ids[0]);
    T_EXPECT_ERR(t, owner_free_all(&a.owner), -EINPROGRESS);
    play_events(&a, FREE_BOUND);
    play_reach(&a, "-");
    undisturbed(&b);
    play_steps(&a, late, 1);
    play_steps(&b, leave, 1);
    T_ASSERT_OK(t, ioasid_alloc(b.owner.set, number, number, theirs));
    T_ASSERT_OK(t, owner_do(&b.owner, OWNER_BIND, 1, 0));
    play_reach(&b, "1");
    play_reach(&a, "-");
    T_EXPECT_ERR(t, ioasid_free(b.owner.set, *theirs), -EINPROGRESS);
    t_settle(t);
    play_reach(&b, "-");
    T_EXPECT_OK(t, owner_destroy_set(&a.owner));
    play_close(&b);
    play_close(&a);
}

TEST(
    order, native_set_stays, .needs = NEED_DMA, .lanes = PLAY_LANES, .flaws = "K4", .negative = true,
    .doc =
        "a set with an IOASID that the host itself has bound is not destroyed, nor is that one freed, before "
        "unbind")
{
    static const struct play_step leave[] = {{OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}};
    struct play p;

    play_open_native(t, &p, 1);
    play_steps(&p, bound, ARRAY_SIZE(bound));
    T_EXPECT_ERR(t, owner_destroy_set(&p.owner), -EBUSY);
    T_EXPECT_ERR(t, owner_free_all(&p.owner), -EBUSY);
    undisturbed(&p);
    play_steps(&p, leave, 1);
    T_EXPECT_OK(t, owner_destroy_set(&p.owner));
    play_close(&p);
}
