/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets of IOASIDs: quota and capacity, tokens, who owns what. Each case makes a core of its own. Nothing here
 * knows a device; order_set_test.c does the same with DMA.
 */
#include "tests/suites/core_bench.h"

static int token_a, token_b; /* addresses that nothing else has */

/* ---- Creation, tokens ---- */

TEST(set, tokens, .rows = "4", .flaws = "K8",
     .doc = "a token is unique among the sets of its type as long as its set is there, and NULL is no token")
{
    struct ioasid_set *a, *b, *none;
    struct core_bench c;

    core_open(t, &c, 8);
    T_ASSERT_OK(t, ioasid_set_create(c.core, IOASID_TOKEN_MM, &token_a, 4, &a));
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_MM, &token_a, 4, &none), -EEXIST);
    T_EXPECT_OK(t, ioasid_set_create(c.core, IOASID_TOKEN_MM, &token_b, 4, &b));
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_MM, NULL, 4, &none), -EINVAL);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, &token_a, 4, &none), -EINVAL);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, (enum ioasid_token_type)9, &token_a, 4, &none), -EINVAL);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, NULL, 0, &none), -EINVAL);
    T_EXPECT_EQ(t, core_stats(&c).sets, 3u);
    T_EXPECT_OK(t, ioasid_set_destroy(a));
    T_EXPECT_OK(t, ioasid_set_create(c.core, IOASID_TOKEN_MM, &token_a, 4, &a));
    T_EXPECT_OK(t, ioasid_set_destroy(a));
    T_EXPECT_OK(t, ioasid_set_destroy(b));
    core_close(&c);
}

TEST(set, token_of_draining, .rows = "4 45", .flaws = "K8",
     .doc = "the token of a set that drains is still taken, and free with the last reclaim")
{
    struct ioasid_set *set, *next;
    struct core_bench c;
    ioasid_t id;

    core_open(t, &c, 8);
    T_ASSERT_OK(t, ioasid_set_create(c.core, IOASID_TOKEN_MM, &token_a, 4, &set));
    id = core_alloc_used(&c, set);
    T_EXPECT_ERR(t, ioasid_set_destroy(set), -EINPROGRESS);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_MM, &token_a, 4, &next), -EEXIST);
    core_settle(&c);
    T_EXPECT_ERR(t, ioasid_put(set, id), 1);
    T_ASSERT_OK(t, ioasid_set_create(c.core, IOASID_TOKEN_MM, &token_a, 4, &next));
    T_EXPECT_NE(t, (void *)next, (void *)set);
    T_EXPECT_OK(t, ioasid_set_destroy(next));
    core_close(&c);
}

TEST(set, none_and_any, .flaws = "K8",
     .doc = "no set and any set are different values, and where one set is needed neither of them will do")
{
    struct ioasid_set *const wrong[] = {NULL, IOASID_ANY_SET};
    struct ioasid_set_info info;
    struct core_bench c;
    ioasid_t id, out;
    void *data;

    core_open(t, &c, 8);
    id = core_alloc(&c, c.system);
    T_EXPECT_NE(t, (void *)wrong[0], (void *)wrong[1]);
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        T_EXPECT_ERR(t, ioasid_alloc(wrong[i], 1, 9, &out), -EINVAL);
        T_EXPECT_ERR(t, ioasid_get(wrong[i], id), -EINVAL);
        T_EXPECT_ERR(t, ioasid_put(wrong[i], id), -EINVAL);
        T_EXPECT_ERR(t, ioasid_refs(wrong[i], id), -EINVAL);
        T_EXPECT_ERR(t, ioasid_free(wrong[i], id), -EINVAL);
        T_EXPECT_ERR(t, ioasid_free_sync(wrong[i], id, 1), -EINVAL);
        T_EXPECT_ERR(t, ioasid_data_find(wrong[i], id, &data), -EINVAL);
        T_EXPECT_ERR(t, ioasid_spid_find(wrong[i], 1, false, &out), -EINVAL);
        T_EXPECT_ERR(t, ioasid_set_adjust(wrong[i], 4), -EINVAL);
        T_EXPECT_ERR(t, ioasid_set_destroy(wrong[i]), -EINVAL);
        T_EXPECT_ERR(t, ioasid_free_all(wrong[i]), -EINVAL);
        T_EXPECT_ERR(t, ioasid_set_info(wrong[i], &info), -EINVAL);
    }
    core_ear(&c, 0, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    T_EXPECT_ERR(t, ioasid_notifier_register(c.core, NULL, &c.ears[0].nb), -EINVAL);
    T_EXPECT_ERR(t, ioasid_set_adjust(c.system, 4), -EINVAL);
    T_EXPECT_ERR(t, ioasid_set_destroy(c.system), -EINVAL);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_close(&c);
}

/* ---- Quota and capacity ---- */

TEST(set, quota, .rows = "2", .flaws = "K8 S26",
     .doc = "exactly as many IDs as the quota says, then -EDQUOT with nothing counted; a reclaimed one makes "
            "room")
{
    struct ioasid_set *set;
    struct core_bench c;
    ioasid_t ids[5], none;
    uint64_t allocs;

    core_open(t, &c, 8);
    set = core_set(&c, ARRAY_SIZE(ids));
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
        ids[i] = core_alloc(&c, set);
    allocs = core_stats(&c).allocs;
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &none), -EDQUOT);
    T_EXPECT_EQ(t, core_stats(&c).allocs, allocs);
    T_EXPECT_EQ(t, core_info(&c, set).live, 5u);
    T_EXPECT_OK(t, ioasid_free(set, ids[3]));
    ids[3] = core_alloc(&c, set);
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &none), -EDQUOT);
    T_EXPECT_OK(t, ioasid_free_all(set));
    T_EXPECT_EQ(t, core_info(&c, set).live, 0u);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_close(&c);
}

TEST(set, quota_of_failed_alloc, .rows = "2 3", .flaws = "S26 C4",
     .doc = "an alloc that fails in its range leaves the quota as it was")
{
    struct ioasid_set *set;
    struct core_bench c;
    ioasid_t id, none;

    core_open(t, &c, 8);
    set = core_set(&c, 2);
    T_ASSERT_OK(t, ioasid_alloc(set, 9, 9, &id));
    for (unsigned i = 0; i < 4; i++)
        T_EXPECT_ERR(t, ioasid_alloc(set, 9, 9, &none), -ENOSPC);
    T_EXPECT_EQ(t, core_info(&c, set).live, 1u);
    T_EXPECT_OK(t, ioasid_alloc(set, 1, 8, &none));
    T_EXPECT_OK(t, ioasid_free_all(set));
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_close(&c);
}

TEST(set, pending_counts, .rows = "2 42", .flaws = "C20",
     .doc =
         "a pending ID counts against the quota of its set, and is found by its SPID, until it is reclaimed")
{
    struct ioasid_set *set;
    struct core_bench c;
    ioasid_t id, found, none;

    core_open(t, &c, 8);
    set = core_set(&c, 1);
    id = core_alloc_used(&c, set);
    T_ASSERT_OK(t, ioasid_spid_attach(c.core, id, 7));
    T_EXPECT_ERR(t, ioasid_free_all(set), -EINPROGRESS);
    core_settle(&c);
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &none), -EDQUOT);
    T_EXPECT_OK(t, ioasid_spid_find(set, 7, false, &found));
    T_EXPECT_EQ(t, found, id);
    T_EXPECT_EQ(t, core_info(&c, set).pending, 1u);
    core_audit(&c, 1);
    T_EXPECT_ERR(t, ioasid_put(set, id), 1);
    T_EXPECT_OK(t, ioasid_free(set, core_alloc(&c, set)));
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_close(&c);
}

TEST(set, capacity, .rows = "5", .flaws = "C8 K8",
     .doc = "quotas come out of the capacity and go back to it; a set with more than is available is refused")
{
    struct ioasid_set *a, *b, *none;
    struct core_bench c;
    ioasid_t id;

    core_open(t, &c, 4);
    a = core_set(&c, 10);
    T_EXPECT_EQ(t, core_stats(&c).available, 5u);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, NULL, 6, &none), -ENOSPC);
    b = core_set(&c, 5);
    T_EXPECT_ERR(t, ioasid_alloc(c.system, 1, c.last, &id), -ENOSPC);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, NULL, 1, &none), -ENOSPC);
    T_EXPECT_OK(t, ioasid_set_destroy(a));
    T_EXPECT_EQ(t, core_stats(&c).available, 10u);
    id = core_alloc(&c, c.system);
    T_EXPECT_EQ(t, core_stats(&c).available, 9u);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, NULL, 10, &none), -ENOSPC);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    T_EXPECT_OK(t, ioasid_set_destroy(b));
    T_EXPECT_EQ(t, core_stats(&c).available, 15u);
    core_close(&c);
}

TEST(set, quota_is_guaranteed, .rows = "5", .flaws = "S26",
     .doc = "the system set uses what no quota has and not one more: every set gets all of its numbers")
{
    struct ioasid_set *set;
    struct core_bench c;
    ioasid_t id, ids[15];
    unsigned n = 0;

    core_open(t, &c, 4);
    set = core_set(&c, 6);
    while (ioasid_alloc(c.system, 1, c.last, &ids[n]) == 0)
        n++;
    T_EXPECT_EQ(t, n, 9u);
    for (unsigned i = 0; i < 6; i++)
        T_EXPECT_OK(t, ioasid_alloc(set, 1, c.last, &id));
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    core_close(&c);
}

TEST(set, reserve, .rows = "5",
     .doc = "reserved capacity is nobody's quota, and comes back by what was reserved only")
{
    struct ioasid_set *none;
    struct core_bench c;

    core_open(t, &c, 4);
    T_EXPECT_OK(t, ioasid_capacity_reserve(c.core, 12));
    T_EXPECT_ERR(t, ioasid_capacity_reserve(c.core, 4), -ENOSPC);
    T_EXPECT_ERR(t, ioasid_capacity_reserve(c.core, 0), -EINVAL);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, NULL, 4, &none), -ENOSPC);
    core_audit(&c, 0);
    T_EXPECT_ERR(t, ioasid_capacity_cancel(c.core, 13), -EINVAL);
    T_EXPECT_ERR(t, ioasid_capacity_cancel(c.core, 0), -EINVAL);
    T_EXPECT_OK(t, ioasid_capacity_cancel(c.core, 12));
    T_EXPECT_EQ(t, core_stats(&c).available, 15u);
    core_close(&c);
}

TEST(
    set, adjust, .rows = "6", .flaws = "S28",
    .doc = "a quota grows by what is available and no more, shrinks to what is live, also with an empty pool")
{
    struct ioasid_set *a, *b;
    struct core_bench c;

    core_open(t, &c, 4);
    a = core_set(&c, 8);
    b = core_set(&c, 4);
    T_EXPECT_OK(t, ioasid_set_adjust(a, 11)); /* 3 are available, 11 are not */
    T_EXPECT_EQ(t, core_stats(&c).available, 0u);
    T_EXPECT_ERR(t, ioasid_set_adjust(a, 12), -ENOSPC);
    T_EXPECT_OK(t, ioasid_set_adjust(a, 11));
    for (unsigned i = 0; i < 3; i++)
        core_alloc(&c, a);
    T_EXPECT_ERR(t, ioasid_set_adjust(a, 2), -EINVAL);
    T_EXPECT_ERR(t, ioasid_set_adjust(a, 0), -EINVAL);
    T_EXPECT_EQ(t, core_info(&c, a).quota, 11u);
    T_EXPECT_OK(t, ioasid_set_adjust(a, 3));
    T_EXPECT_EQ(t, core_stats(&c).available, 8u);
    T_EXPECT_OK(t, ioasid_set_adjust(b, 12));
    core_audit(&c, 3);
    T_EXPECT_OK(t, ioasid_set_destroy(b));
    T_EXPECT_OK(t, ioasid_set_destroy(a));
    T_EXPECT_ERR(t, ioasid_set_adjust(a, 5), -ESTALE);
    core_close(&c);
}

/* ---- Ownership ---- */

TEST(set, owner, .rows = "26", .flaws = "S24",
     .doc = "every call that names another set than the ID's is -EACCES and changes nothing")
{
    struct ioasid_set *mine, *other;
    struct core_bench c;
    ioasid_t id, found;
    void *data;
    int x;

    core_open(t, &c, 8);
    mine = core_set(&c, 4);
    other = core_set(&c, 4);
    id = core_alloc_used(&c, mine);
    T_ASSERT_OK(t, ioasid_data_set(c.core, id, &x));
    T_ASSERT_OK(t, ioasid_spid_attach(c.core, id, 3));
    for (unsigned i = 0; i < 2; i++) {
        struct ioasid_set *set = i ? c.system : other;

        T_EXPECT_ERR(t, ioasid_get(set, id), -EACCES);
        T_EXPECT_ERR(t, ioasid_put(set, id), -EACCES);
        T_EXPECT_ERR(t, ioasid_free(set, id), -EACCES);
        T_EXPECT_ERR(t, ioasid_free_sync(set, id, 1), -EACCES);
        T_EXPECT_ERR(t, ioasid_refs(set, id), -EACCES);
        plat_read_enter();
        T_EXPECT_ERR(t, ioasid_data_find(set, id, &data), -EACCES);
        plat_read_exit();
        T_EXPECT_ERR(t, ioasid_spid_find(set, 3, true, &found), -ENOENT);
    }
    T_EXPECT_EQ(t, ioasid_refs(mine, id), 2);
    plat_read_enter();
    T_EXPECT_OK(t, ioasid_data_find(mine, id, &data));
    plat_read_exit();
    T_EXPECT_ERR(t, ioasid_free(mine, id), -EINPROGRESS);
    T_EXPECT_ERR(t, ioasid_free(other, id), -EACCES);
    plat_read_enter();
    T_EXPECT_ERR(t, ioasid_data_find(mine, id, &data), -EBUSY);
    T_EXPECT_ERR(t, ioasid_data_find(other, id, &data), -EACCES);
    plat_read_exit();
    core_settle(&c);
    T_EXPECT_ERR(t, ioasid_put(mine, id), 1);
    T_EXPECT_ERR(t, ioasid_free(other, id), -ENOENT);
    T_EXPECT_OK(t, ioasid_set_destroy(mine));
    T_EXPECT_OK(t, ioasid_set_destroy(other));
    core_close(&c);
}

TEST(set, number_in_another_set, .rows = "30 29", .flaws = "S24",
     .doc = "the handle of an earlier life is -ENOENT to its set, and to the set that has the number now")
{
    struct ioasid_set *a, *b;
    struct core_bench c;
    ioasid_t old, now;

    core_open(t, &c, 8);
    a = core_set(&c, 4);
    b = core_set(&c, 4);
    T_ASSERT_OK(t, ioasid_alloc(a, 5, 5, &old));
    T_EXPECT_OK(t, ioasid_free(a, old));
    core_settle(&c);
    T_ASSERT_OK(t, ioasid_alloc(b, 5, 5, &now));
    T_EXPECT_ERR(t, ioasid_free(a, old), -ENOENT);
    T_EXPECT_ERR(t, ioasid_free(b, old), -ENOENT);
    T_EXPECT_ERR(t, ioasid_free(a, now), -EACCES);
    T_EXPECT_EQ(t, ioasid_refs(b, now), 1);
    T_EXPECT_OK(t, ioasid_set_destroy(b));
    T_EXPECT_OK(t, ioasid_set_destroy(a));
    core_close(&c);
}

TEST(set, spids, .rows = "13", .flaws = "K9 C20",
     .doc = "each set has SPIDs of its own: one name, two IDs, and each set finds its own")
{
    struct ioasid_set *a, *b;
    struct core_bench c;
    ioasid_t ia, ib, found;

    core_open(t, &c, 8);
    a = core_set(&c, 4);
    b = core_set(&c, 4);
    ia = core_alloc(&c, a);
    ib = core_alloc(&c, b);
    T_EXPECT_OK(t, ioasid_spid_attach(c.core, ia, 1));
    T_EXPECT_OK(t, ioasid_spid_attach(c.core, ib, 1));
    T_EXPECT_OK(t, ioasid_spid_find(a, 1, false, &found));
    T_EXPECT_EQ(t, found, ia);
    T_EXPECT_OK(t, ioasid_spid_find(b, 1, false, &found));
    T_EXPECT_EQ(t, found, ib);
    T_EXPECT_OK(t, ioasid_set_destroy(a));
    T_EXPECT_OK(t, ioasid_spid_find(b, 1, false, &found));
    T_EXPECT_ERR(t, ioasid_spid_find(a, 1, false, &found), -ESTALE);
    T_EXPECT_OK(t, ioasid_set_destroy(b));
    core_close(&c);
}
