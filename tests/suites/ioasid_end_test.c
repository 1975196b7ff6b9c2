/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a set of IOASIDs, and of all IDs in one: what is freed, who is told, what the handle is good for
 * meanwhile and for ever after. Each case makes a core of its own; order_set_test.c does the same with DMA.
 */
#include "tests/suites/core_bench.h"

TEST(set, destroy_empty, .rows = "44", .flaws = "K8 C8",
     .doc = "an empty set is destroyed at once and in silence, and its quota is back")
{
    struct ioasid_set *set;
    struct core_bench c;

    core_open(t, &c, 8);
    core_listen(&c, 0, IOASID_ANY_SET, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    for (unsigned i = 0; i < 3; i++) {
        set = core_set(&c, 200);
        T_EXPECT_OK(t, ioasid_set_destroy(set));
        T_EXPECT_EQ(t, core_stats(&c).available, 255u);
    }
    core_settle(&c);
    T_EXPECT_EQ(t, c.note_count, 0u);
    core_close(&c);
}

TEST(
    set, destroy_live, .rows = "45 46", .flaws = "C7 K8",
    .doc = "FREE once for each ID with users and none for the others; the set answers until its last reclaim")
{
    struct ioasid_set *set;
    struct core_bench c;
    ioasid_t used[3], unused_id, found, none;
    int x;

    core_open(t, &c, 8);
    set = core_set(&c, 16);
    core_listen(&c, 0, set, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    for (unsigned i = 0; i < 3; i++)
        used[i] = core_alloc_used(&c, set);
    unused_id = core_alloc(&c, set);
    T_ASSERT_OK(t, ioasid_spid_attach(c.core, used[0], 5));
    T_ASSERT_OK(t, ioasid_data_set(c.core, used[0], &x));
    T_EXPECT_ERR(t, ioasid_set_destroy(set), -EINPROGRESS);
    core_settle(&c);
    T_EXPECT_EQ(t, c.note_count, 3u);
    for (unsigned i = 0; i < 3; i++)
        T_EXPECT_EQ(t, (void *)c.notes[i].event.set, (void *)set);
    T_EXPECT_ERR(t, ioasid_set_destroy(set), -EALREADY);
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &none), -ESTALE);
    T_EXPECT_ERR(t, ioasid_set_adjust(set, 20), -ESTALE);
    T_EXPECT_ERR(t, ioasid_get(set, used[0]), -EBUSY);
    T_EXPECT_ERR(t, ioasid_free(set, used[0]), -EALREADY);
    T_EXPECT_ERR(t, ioasid_free(set, unused_id), -ENOENT);
    T_EXPECT_EQ(t, ioasid_refs(set, used[0]), 1);
    T_EXPECT_OK(t, ioasid_spid_find(set, 5, false, &found));
    T_EXPECT_EQ(t, core_info(&c, set).pending, 3u);
    T_EXPECT_EQ(t, core_stats(&c).available, 255u - 16u);
    for (unsigned i = 0; i < 3; i++)
        T_EXPECT_ERR(t, ioasid_put(set, used[i]), 1);
    T_EXPECT_EQ(t, core_stats(&c).available, 255u);
    T_EXPECT_ERR(t, ioasid_put(set, used[0]), -ESTALE);
    T_EXPECT_ERR(t, ioasid_set_destroy(set), -EALREADY);
    core_close(&c);
}

TEST(set, stale_handles, .rows = "46", .flaws = "C7",
     .doc = "the handle of a destroyed set is -ESTALE to every call, however many sets its memory has served "
            "since")
{
    struct ioasid_set *old, *set;
    struct ioasid_set_info info;
    struct core_bench c;
    ioasid_t id, out;
    void *data;

    core_open(t, &c, 8);
    old = core_set(&c, 4);
    T_EXPECT_OK(t, ioasid_set_destroy(old));
    for (unsigned i = 0; i < 600; i++) { /* more than one slot has lives */
        core_settle(&c);
        set = core_set(&c, 4);
        T_ASSERT_NE(t, (void *)set, (void *)old);
        id = core_alloc(&c, set);
        T_ASSERT_ERR(t, ioasid_free(old, id), -ESTALE);
        T_ASSERT_ERR(t, ioasid_alloc(old, 1, c.last, &out), -ESTALE);
        T_ASSERT_OK(t, ioasid_set_destroy(set));
    }
    set = core_set(&c, 4);
    id = core_alloc(&c, set);
    T_EXPECT_ERR(t, ioasid_get(old, id), -ESTALE);
    T_EXPECT_ERR(t, ioasid_put(old, id), -ESTALE);
    T_EXPECT_ERR(t, ioasid_refs(old, id), -ESTALE);
    T_EXPECT_ERR(t, ioasid_free_sync(old, id, 1), -ESTALE);
    T_EXPECT_ERR(t, ioasid_data_find(old, id, &data), -ESTALE);
    T_EXPECT_ERR(t, ioasid_spid_find(old, 1, false, &out), -ESTALE);
    T_EXPECT_ERR(t, ioasid_free_all(old), -ESTALE);
    T_EXPECT_ERR(t, ioasid_set_info(old, &info), -ESTALE);
    T_EXPECT_ERR(t, ioasid_set_destroy(old), -EALREADY);
    core_ear(&c, 0, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    T_EXPECT_ERR(t, ioasid_notifier_register(c.core, old, &c.ears[0].nb), -ESTALE);
    T_EXPECT_EQ(t, ioasid_refs(set, id), 1);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_close(&c);
}

TEST(set, last_id_leaves_set, .rows = "45", .flaws = "C7 C15",
     .doc = "the set of an owner who did not destroy it outlives its last ID and its last subscriber")
{
    struct ioasid_set *set;
    struct core_bench c;

    core_open(t, &c, 8);
    set = core_set(&c, 4);
    for (unsigned i = 0; i < 3; i++) {
        core_listen(&c, 0, set, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
        core_deafen(&c.ears[0]);
        T_EXPECT_OK(t, ioasid_free(set, core_alloc(&c, set)));
        core_settle(&c);
        T_EXPECT_OK(t, ioasid_free_all(set));
    }
    T_EXPECT_EQ(t, core_info(&c, set).quota, 4u);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_close(&c);
}

TEST(set, free_all, .rows = "45 47", .flaws = "C7",
     .doc = "free_all frees every ID of its set across chunks of records, and none of another set")
{
    struct ioasid_set *set, *other;
    struct core_bench c;
    ioasid_t id, mine[4], theirs;

    core_open(t, &c, 16);
    set = core_set(&c, 100);
    other = core_set(&c, 100);
    for (unsigned i = 0; i < ARRAY_SIZE(mine); i++)
        T_ASSERT_OK(t, ioasid_alloc(set, 1 + i * 9000, c.last, &mine[i]));
    T_ASSERT_OK(t, ioasid_alloc(other, 9002, c.last, &theirs));
    T_ASSERT_OK(t, ioasid_get(set, mine[2]));
    T_EXPECT_ERR(t, ioasid_free_all(set), -EINPROGRESS);
    core_settle(&c);
    T_EXPECT_EQ(t, core_info(&c, set).live, 1u);
    T_EXPECT_EQ(t, ioasid_refs(other, theirs), 1);
    T_EXPECT_ERR(t, ioasid_put(set, mine[2]), 1);
    T_EXPECT_OK(t, ioasid_alloc(set, 1, c.last, &id));
    T_EXPECT_OK(t, ioasid_free_all(set));
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    T_EXPECT_OK(t, ioasid_set_destroy(other));
    core_close(&c);
}

static void put_it(struct core_ear *ear, const struct ioasid_event *ev)
{
    ear->act_result = ioasid_put(ev->set, ev->id);
}

TEST(set, drained_by_handler, .rows = "35 45", .flaws = "C7 C19",
     .doc = "handlers give back the last references of all IDs while the set is destroyed: nothing is lost")
{
    struct ioasid_set *set;
    struct core_bench c;
    int rc;

    core_open(t, &c, 8);
    set = core_set(&c, 20);
    core_listen(&c, 0, set, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->act = put_it;
    for (unsigned i = 0; i < 20; i++)
        core_alloc_used(&c, set);
    rc = ioasid_set_destroy(set);
    T_EXPECT(t, rc == -EINPROGRESS || rc == 0);
    core_settle(&c);
    T_EXPECT_EQ(t, c.note_count, 20u);
    T_EXPECT_EQ(t, c.ears[0].act_result, 1);
    T_EXPECT_EQ(t, core_stats(&c).sets, 1u);
    T_EXPECT_EQ(t, core_stats(&c).available, 255u);
    core_close(&c);
}
