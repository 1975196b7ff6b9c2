/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOASID core alone: numbers, generations, references, private data, SPIDs, and what every call says in
 * every state. Each case makes a core of its own, so that small ranges can be used up. Nothing here knows a
 * device.
 */
#include "iommu/ioasid.h"
#include "iommu/platform.h"
#include "tests/harness/harness.h"

#define SETTLE_NS 2000000000ull

struct core {
    struct ioasid_core *core;
    struct ioasid_set *set;
};

static struct core core_open(struct t *t, unsigned bits)
{
    struct core c;

    T_ASSERT_OK(t, ioasid_core_create(bits, &c.core));
    c.set = ioasid_system_set(c.core);
    return c;
}

/* Audits that nothing is live, and gives the core back. */
static void core_close(struct t *t, struct core *c)
{
    char text[160] = "";

    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    if (!T_EXPECT_OK(t, ioasid_audit(c->core, 0, text, sizeof(text))))
        t_note(t, "%s", text);
    T_ASSERT_OK(t, ioasid_core_destroy(c->core));
}

static ioasid_t alloc(struct t *t, struct core *c, uint32_t min, uint32_t max)
{
    ioasid_t id = IOASID_INVALID;

    T_ASSERT_OK(t, ioasid_alloc(c->set, min, max, &id));
    return id;
}

TEST(ioasid, alloc_range, .rows = "1 3", .flaws = "C4",
     .doc = "the lowest free number of the range is handed out, and a range that is none is refused")
{
    struct core c = core_open(t, 20);
    ioasid_t a = alloc(t, &c, 100, 200);
    ioasid_t b = alloc(t, &c, 100, 200);
    ioasid_t top = alloc(t, &c, IOASID_NUMBERS - 1, IOASID_NUMBERS - 1);
    ioasid_t none;

    T_EXPECT_EQ(t, ioasid_number(a), 100u);
    T_EXPECT_EQ(t, ioasid_number(b), 101u);
    T_EXPECT_EQ(t, ioasid_number(top), IOASID_NUMBERS - 1);
    T_EXPECT_ERR(t, ioasid_alloc(c.set, 0, 5, &none), -EINVAL);
    T_EXPECT_ERR(t, ioasid_alloc(c.set, 6, 5, &none), -EINVAL);
    T_EXPECT_ERR(t, ioasid_alloc(c.set, 1, IOASID_NUMBERS, &none), -EINVAL);
    T_EXPECT_ERR(t, ioasid_alloc(c.set, 100, 101, &none), -ENOSPC);
    T_EXPECT_EQ(t, ioasid_refs(c.set, a), 1);
    T_EXPECT_OK(t, ioasid_free(c.set, a));
    T_EXPECT_OK(t, ioasid_free(c.set, b));
    T_EXPECT_OK(t, ioasid_free(c.set, top));
    core_close(t, &c);
}

TEST(ioasid, all_numbers, .rows = "3 25",
     .doc = "every number but 0 is handed out once, then -ENOSPC, and all return")
{
    struct core c = core_open(t, 10);
    ioasid_t ids[1024] = {{0}};
    ioasid_t none;

    for (uint32_t i = 1; i < 1024; i++) {
        ids[i] = alloc(t, &c, 1, 1023);
        T_ASSERT_EQ(t, ioasid_number(ids[i]), i);
    }
    T_EXPECT_ERR(t, ioasid_alloc(c.set, 1, 1023, &none), -ENOSPC);
    for (uint32_t i = 1; i < 1024; i++)
        T_ASSERT_OK(t, ioasid_free(c.set, ids[i]));
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    ids[0] = alloc(t, &c, 1, 1023);
    T_EXPECT_EQ(t, ioasid_number(ids[0]), 1u);
    T_EXPECT_ERR(t, ioasid_free(c.set, ids[1]), -ENOENT);
    T_EXPECT_OK(t, ioasid_free(c.set, ids[0]));
    core_close(t, &c);
}

TEST(ioasid, generation, .rows = "25 29", .flaws = "S13",
     .doc = "a handle of an earlier life names nothing, whatever became of its number")
{
    struct core c = core_open(t, 4);
    ioasid_t first = alloc(t, &c, 5, 5);
    ioasid_t second;
    void *data;

    T_EXPECT_OK(t, ioasid_free(c.set, first));
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    second = alloc(t, &c, 5, 5);
    T_ASSERT_EQ(t, ioasid_number(first), ioasid_number(second));
    T_EXPECT_NE(t, ioasid_generation(first), ioasid_generation(second));
    T_EXPECT_ERR(t, ioasid_free(c.set, first), -ENOENT);
    T_EXPECT_ERR(t, ioasid_get(c.set, first), -ENOENT);
    T_EXPECT_ERR(t, ioasid_put(c.set, first), -ENOENT);
    T_EXPECT_ERR(t, ioasid_data_set(c.core, first, &c), -ENOENT);
    T_EXPECT_ERR(t, ioasid_data_find(c.set, first, &data), -ENOENT);
    T_EXPECT_ERR(t, ioasid_spid_attach(c.core, first, 1), -ENOENT);
    T_EXPECT_EQ(t, ioasid_refs(c.set, second), 1);
    T_EXPECT_OK(t, ioasid_free(c.set, second));
    core_close(t, &c);
}

TEST(ioasid, never_lived, .flaws = "K3", .doc = "handles that never were anything are -ENOENT to every call")
{
    struct core c = core_open(t, 8);
    const ioasid_t strange[] = {
        {0}, {1}, {UINT64_MAX}, ioasid_make(255, 1), ioasid_make(IOASID_NUMBERS - 1, 7)};
    ioasid_t out;
    void *data;

    for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
        T_EXPECT_ERR(t, ioasid_get(c.set, strange[i]), -ENOENT);
        T_EXPECT_ERR(t, ioasid_put(c.set, strange[i]), -ENOENT);
        T_EXPECT_ERR(t, ioasid_free(c.set, strange[i]), -ENOENT);
        T_EXPECT_ERR(t, ioasid_data_find(c.set, strange[i], &data), -ENOENT);
        T_EXPECT_ERR(t, ioasid_data_take(c.core, strange[i], &data), -ENOENT);
        T_EXPECT_ERR(t, ioasid_spid_detach(c.core, strange[i]), -ENOENT);
    }
    T_EXPECT_ERR(t, ioasid_lookup(c.core, 17, &out), -ENOENT);
    T_EXPECT_ERR(t, ioasid_lookup(c.core, UINT32_MAX, &out), -ENOENT);
    T_EXPECT_ERR(t, ioasid_spid_find(c.set, 3, false, &out), -ENOENT);
    core_close(t, &c);
}

TEST(ioasid, free_without_users, .rows = "21 25",
     .doc = "free of an ID that nobody uses reclaims it; again is -ENOENT")
{
    struct core c = core_open(t, 8);
    ioasid_t id = alloc(t, &c, 1, 255);
    struct ioasid_stats stats;

    T_EXPECT_OK(t, ioasid_free(c.set, id));
    T_EXPECT_ERR(t, ioasid_free(c.set, id), -ENOENT);
    ioasid_stats(c.core, &stats);
    T_EXPECT_EQ(t, stats.live, 0u);
    T_EXPECT_EQ(t, stats.pending, 0u);
    core_close(t, &c);
}

TEST(ioasid, free_with_users, .rows = "24 32 33", .flaws = "C1 S13",
     .doc = "free with users left is pending: no new references, a second free changes nothing, the last put "
            "reclaims")
{
    struct core c = core_open(t, 8);
    ioasid_t id = alloc(t, &c, 1, 255);
    ioasid_t found, same;
    void *data;

    T_ASSERT_OK(t, ioasid_get(c.set, id));
    T_ASSERT_OK(t, ioasid_get(c.set, id));
    T_ASSERT_OK(t, ioasid_spid_attach(c.core, id, 9));
    T_EXPECT_ERR(t, ioasid_free(c.set, id), -EINPROGRESS);
    T_EXPECT_EQ(t, ioasid_refs(c.set, id), 2);
    T_EXPECT_ERR(t, ioasid_free(c.set, id), -EALREADY);
    T_EXPECT_EQ(t, ioasid_refs(c.set, id), 2);
    T_EXPECT_ERR(t, ioasid_get(c.set, id), -EBUSY);
    T_EXPECT_ERR(t, ioasid_alloc(c.set, ioasid_number(id), ioasid_number(id), &same), -ENOSPC);
    T_EXPECT_ERR(t, ioasid_spid_find(c.set, 9, true, &found), -EBUSY);
    T_EXPECT_OK(t, ioasid_spid_find(c.set, 9, false, &found));
    T_EXPECT_EQ(t, found, id);
    T_EXPECT_ERR(t, ioasid_data_set(c.core, id, &c), -EBUSY);
    T_EXPECT_ERR(t, ioasid_data_find(c.set, id, &data), -EBUSY);
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_EXPECT_ERR(t, ioasid_put(c.set, id), 0);
    T_EXPECT_ERR(t, ioasid_put(c.set, id), 1);
    T_EXPECT_ERR(t, ioasid_put(c.set, id), -ENOENT);
    T_EXPECT_ERR(t, ioasid_spid_find(c.set, 9, false, &found), -ENOENT);
    core_close(t, &c);
}

TEST(ioasid, put_too_often, .rows = "34", .flaws = "C2",
     .doc = "the owner's reference is given back by free alone: put without a user reference is refused")
{
    struct core c = core_open(t, 8);
    ioasid_t id = alloc(t, &c, 1, 255);

    T_EXPECT_ERR(t, ioasid_put(c.set, id), -EINVAL);
    T_ASSERT_OK(t, ioasid_get(c.set, id));
    T_EXPECT_ERR(t, ioasid_put(c.set, id), 0);
    T_EXPECT_ERR(t, ioasid_put(c.set, id), -EINVAL);
    T_EXPECT_EQ(t, ioasid_refs(c.set, id), 1);
    T_EXPECT_OK(t, ioasid_free(c.set, id));
    core_close(t, &c);
}

TEST(ioasid, pending_number_stays, .rows = "42 43", .flaws = "S13",
     .doc =
         "a number is not handed out while it is pending, nor with an exact range, and is after its reclaim")
{
    struct core c = core_open(t, 2);
    ioasid_t a = alloc(t, &c, 1, 1);
    ioasid_t b = alloc(t, &c, 1, 3);
    ioasid_t other = alloc(t, &c, 1, 3);
    ioasid_t again;

    T_ASSERT_EQ(t, ioasid_number(b), 2u);
    T_ASSERT_EQ(t, ioasid_number(other), 3u);
    T_ASSERT_OK(t, ioasid_get(c.set, a));
    T_EXPECT_ERR(t, ioasid_free(c.set, a), -EINPROGRESS);
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_EXPECT_ERR(t, ioasid_alloc(c.set, 1, 3, &again), -ENOSPC);
    T_EXPECT_ERR(t, ioasid_alloc(c.set, 1, 1, &again), -ENOSPC);
    T_EXPECT_ERR(t, ioasid_put(c.set, a), 1);
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_EXPECT_OK(t, ioasid_alloc(c.set, 1, 3, &again));
    T_EXPECT_EQ(t, ioasid_number(again), 1u);
    T_EXPECT_OK(t, ioasid_free(c.set, again));
    T_EXPECT_OK(t, ioasid_free(c.set, b));
    T_EXPECT_OK(t, ioasid_free(c.set, other));
    core_close(t, &c);
}

TEST(ioasid, grace_before_reuse, .flaws = "S25 S8",
     .doc = "a reader who is in a read section keeps the number out of the pool, however long ago it was "
            "reclaimed")
{
    struct core c = core_open(t, 1);
    ioasid_t id = alloc(t, &c, 1, 1);
    ioasid_t again;

    plat_read_enter();
    T_EXPECT_OK(t, ioasid_free(c.set, id));
    T_EXPECT_ERR(t, ioasid_alloc(c.set, 1, 1, &again), -ENOSPC);
    plat_read_exit();
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_EXPECT_OK(t, ioasid_alloc(c.set, 1, 1, &again));
    T_EXPECT_OK(t, ioasid_free(c.set, again));
    core_close(t, &c);
}

TEST(ioasid, data, .rows = "7",
     .doc = "one private pointer: a second is refused, the first is found and taken back once")
{
    struct core c = core_open(t, 8);
    ioasid_t id = alloc(t, &c, 1, 255);
    int first, second;
    void *data = NULL;

    T_EXPECT_ERR(t, ioasid_data_find(c.set, id, &data), -ENOENT);
    T_EXPECT_OK(t, ioasid_data_set(c.core, id, &first));
    T_EXPECT_ERR(t, ioasid_data_set(c.core, id, &second), -EBUSY);
    plat_read_enter();
    T_EXPECT_OK(t, ioasid_data_find(c.set, id, &data));
    plat_read_exit();
    T_EXPECT_EQ(t, data, (void *)&first);
    T_EXPECT_OK(t, ioasid_data_take(c.core, id, &data));
    T_EXPECT_EQ(t, data, (void *)&first);
    T_EXPECT_ERR(t, ioasid_data_take(c.core, id, &data), -ENOENT);
    T_EXPECT_OK(t, ioasid_free(c.set, id));
    core_close(t, &c);
}

TEST(ioasid, spid, .rows = "13", .flaws = "C14 K9",
     .doc =
         "an SPID names one ID of the set, an ID has at most one, and both ends are free again after detach")
{
    struct core c = core_open(t, 8);
    ioasid_t a = alloc(t, &c, 1, 255);
    ioasid_t b = alloc(t, &c, 1, 255);
    ioasid_t found;

    T_EXPECT_OK(t, ioasid_spid_attach(c.core, a, 0));
    T_EXPECT_ERR(t, ioasid_spid_attach(c.core, b, 0), -EEXIST);
    T_EXPECT_ERR(t, ioasid_spid_attach(c.core, a, 1), -EBUSY);
    T_EXPECT_ERR(t, ioasid_spid_attach(c.core, b, IOASID_NUMBERS), -EINVAL);
    T_EXPECT_OK(t, ioasid_spid_attach(c.core, b, ioasid_number(b)));
    T_EXPECT_OK(t, ioasid_spid_find(c.set, ioasid_number(b), true, &found));
    T_EXPECT_EQ(t, found, b);
    T_EXPECT_EQ(t, ioasid_refs(c.set, b), 2);
    T_EXPECT_ERR(t, ioasid_put(c.set, b), 0);
    T_EXPECT_OK(t, ioasid_spid_detach(c.core, a));
    T_EXPECT_ERR(t, ioasid_spid_detach(c.core, a), -ENOENT);
    T_EXPECT_ERR(t, ioasid_spid_find(c.set, 0, false, &found), -ENOENT);
    T_EXPECT_OK(t, ioasid_spid_detach(c.core, b));
    T_EXPECT_OK(t, ioasid_spid_attach(c.core, b, 0));
    T_EXPECT_OK(t, ioasid_free(c.set, a));
    T_EXPECT_OK(t, ioasid_free(c.set, b));
    core_close(t, &c);
}

TEST(ioasid, lookup, .doc = "the number that hardware reports leads back to the live handle, dying or not")
{
    struct core c = core_open(t, 8);
    ioasid_t id = alloc(t, &c, 33, 33);
    ioasid_t found;

    T_EXPECT_OK(t, ioasid_lookup(c.core, 33, &found));
    T_EXPECT_EQ(t, found, id);
    T_ASSERT_OK(t, ioasid_get(c.set, id));
    T_EXPECT_ERR(t, ioasid_free(c.set, id), -EINPROGRESS);
    T_EXPECT_OK(t, ioasid_lookup(c.core, 33, &found));
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_EXPECT_ERR(t, ioasid_put(c.set, id), 1);
    T_EXPECT_ERR(t, ioasid_lookup(c.core, 33, &found), -ENOENT);
    core_close(t, &c);
}

/* The slow twin of the core: an array of reference counts. */
struct shadow {
    ioasid_t id;
    unsigned users;
    bool live, dying;
};

#define SHADOWS 15

static void random_step(struct t *t, struct core *c, struct shadow *s)
{
    switch (t_rand_below(t, 4)) {
    case 0:
        if (!s->live && ioasid_alloc(c->set, 1, SHADOWS, &s->id) == 0)
            *s = (struct shadow){.id = s->id, .live = true};
        break;
    case 1:
        T_ASSERT_ERR(t, ioasid_get(c->set, s->id), !s->live ? -ENOENT : s->dying ? -EBUSY : 0);
        s->users += s->live && !s->dying;
        break;
    case 2:
        T_ASSERT_ERR(t, ioasid_put(c->set, s->id),
                     !s->live        ? -ENOENT
                     : s->users == 0 ? -EINVAL
                                     : s->dying && s->users == 1);
        s->users -= s->live && s->users > 0;
        s->live = s->live && !(s->dying && s->users == 0);
        break;
    default:
        T_ASSERT_ERR(t, ioasid_free(c->set, s->id),
                     !s->live    ? -ENOENT
                     : s->dying  ? -EALREADY
                     : !s->users ? 0
                                 : -EINPROGRESS);
        s->dying = s->live;
        s->live = s->live && s->users > 0;
        break;
    }
}

TEST(ioasid, random_walk, .rows = "24 25 33 34", .flaws = "C1 C2",
     .doc = "random calls on 15 IDs answer like a table of counts, and the audit agrees after every one")
{
    struct core c = core_open(t, 4);
    struct shadow shadows[SHADOWS] = {0};
    char text[160];

    for (unsigned i = 0; i < t_depth(t, 1000); i++) {
        uint32_t live = 0;

        random_step(t, &c, &shadows[t_rand_below(t, SHADOWS)]);
        T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
        for (int k = 0; k < SHADOWS; k++)
            live += shadows[k].live;
        if (!T_EXPECT_OK(t, ioasid_audit(c.core, live, text, sizeof(text))))
            t_fail(t, "after step %u: %s", i, text);
    }
    for (int k = 0; k < SHADOWS; k++) {
        if (shadows[k].live && !shadows[k].dying)
            T_EXPECT_ERR(t, ioasid_free(c.set, shadows[k].id), shadows[k].users ? -EINPROGRESS : 0);
        for (; shadows[k].users; shadows[k].users--)
            T_EXPECT_ERR(t, ioasid_put(c.set, shadows[k].id), shadows[k].users == 1);
    }
    core_close(t, &c);
}
