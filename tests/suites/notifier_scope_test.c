/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose events a subscriber hears (all, a set, a token), and who waits for whom: quiesce hooks, a free that
 * waits, a subscriber that does not come back.
 */
#include "tests/suites/core_bench.h"

static int token_a, token_b; /* addresses that nothing else has */

static struct ioasid_set *set_with(struct core_bench *c, const void *token)
{
    struct ioasid_set *set = NULL;

    T_ASSERT_OK(c->t, ioasid_set_create(c->core, IOASID_TOKEN_MM, token, 4, &set));
    return set;
}

/* An ID that somebody uses is freed: FREE has been delivered, the reference given back. */
static void free_used(struct core_bench *c, struct ioasid_set *set)
{
    ioasid_t id = core_alloc_used(c, set);

    T_ASSERT_ERR(c->t, ioasid_free(set, id), -EINPROGRESS);
    core_settle(c);
    T_ASSERT_ERR(c->t, ioasid_put(set, id), 1);
}

/* ---- Scope ---- */

TEST(scope, set_or_all, .flaws = "C6 K6",
     .doc = "who listens to one set hears that one, who listens to all hears both, each event once")
{
    struct ioasid_set *a, *b;
    struct core_bench c;

    core_open(t, &c, 8);
    a = core_set(&c, 4);
    b = core_set(&c, 4);
    core_listen(&c, 0, a, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    core_listen(&c, 1, b, IOASID_LEVEL_CPU, IOASID_EVENT_FREE | IOASID_EVENT_ALLOC);
    core_listen(&c, 2, IOASID_ANY_SET, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    free_used(&c, a);
    free_used(&c, b);
    free_used(&c, b);
    free_used(&c, c.system);
    T_EXPECT_EQ(t, c.ears[0].heard, 1u);
    T_EXPECT_EQ(t, c.ears[1].heard, 4u);
    T_EXPECT_EQ(t, c.ears[2].heard, 4u);
    T_EXPECT_OK(t, ioasid_set_destroy(a));
    T_EXPECT_OK(t, ioasid_set_destroy(b));
    core_close(&c);
}

TEST(scope, token_before_set, .rows = "55 44", .flaws = "C5 K8",
     .doc = "a subscriber for a token hears its set from the first ALLOC on, and the next set with that "
            "token too")
{
    struct ioasid_set *set, *other;
    struct core_bench c;
    struct core_ear *ear;

    core_open(t, &c, 8);
    ear = core_ear(&c, 0, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    T_ASSERT_OK(t, ioasid_notifier_register_token(c.core, IOASID_TOKEN_MM, &token_a, &ear->nb));
    ear->registered = true;
    T_EXPECT_ERR(t, ioasid_notifier_register_token(c.core, IOASID_TOKEN_MM, &token_a, &ear->nb), -EEXIST);
    other = set_with(&c, &token_b);
    free_used(&c, other);
    free_used(&c, c.system);
    T_EXPECT_EQ(t, ear->heard, 0u);
    for (unsigned i = 1; i <= 2; i++) {
        set = set_with(&c, &token_a);
        free_used(&c, set);
        T_EXPECT_EQ(t, ear->heard, i * 2);
        T_EXPECT_EQ(t, (unsigned)c.notes[i * 2 - 2].event.type, (unsigned)IOASID_EVENT_ALLOC);
        T_EXPECT_EQ(t, (void *)c.notes[i * 2 - 1].event.set, (void *)set);
        T_EXPECT_EQ(t, c.notes[i * 2 - 1].event.token, (const void *)&token_a);
        T_EXPECT_OK(t, ioasid_set_destroy(set));
    }
    T_EXPECT_OK(t, ioasid_set_destroy(other));
    core_close(&c);
}

TEST(scope, refused, .rows = "55 56 57",
     .doc = "no subscription to a set with live IDs, by handle or by token; nor to no token; and a draining "
            "set is stale")
{
    struct ioasid_set *set;
    struct core_bench c;
    struct core_ear *ear;
    ioasid_t id;

    core_open(t, &c, 8);
    ear = core_ear(&c, 0, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    set = set_with(&c, &token_a);
    id = core_alloc_used(&c, set);
    T_EXPECT_ERR(t, ioasid_notifier_register(c.core, set, &ear->nb), -EBUSY);
    T_EXPECT_ERR(t, ioasid_notifier_register_token(c.core, IOASID_TOKEN_MM, &token_a, &ear->nb), -EBUSY);
    T_EXPECT_ERR(t, ioasid_notifier_register_token(c.core, IOASID_TOKEN_MM, NULL, &ear->nb), -EINVAL);
    T_EXPECT_ERR(t, ioasid_notifier_register_token(c.core, IOASID_TOKEN_NONE, &token_a, &ear->nb), -EINVAL);
    T_EXPECT_ERR(t, ioasid_set_destroy(set), -EINPROGRESS);
    T_EXPECT_ERR(t, ioasid_notifier_register(c.core, set, &ear->nb), -ESTALE);
    core_settle(&c);
    T_EXPECT_ERR(t, ioasid_put(set, id), 1);
    T_EXPECT_OK(t, ioasid_notifier_register_token(c.core, IOASID_TOKEN_MM, &token_a, &ear->nb));
    T_EXPECT_OK(t, ioasid_notifier_unregister(c.core, &ear->nb));
    core_close(&c);
}

TEST(scope, outlives_its_set, .rows = "44", .flaws = "C5 C15",
     .doc = "a subscriber stays when its set is destroyed, hears nothing of the next set in its place, and "
            "leaves at any time")
{
    struct ioasid_set *set;
    struct core_bench c;

    core_open(t, &c, 8);
    set = core_set(&c, 4);
    core_listen(&c, 0, set, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_settle(&c);
    for (unsigned i = 0; i < 3; i++) {
        set = core_set(&c, 4);
        free_used(&c, set);
        T_EXPECT_OK(t, ioasid_set_destroy(set));
        core_settle(&c);
    }
    T_EXPECT_EQ(t, c.ears[0].heard, 0u);
    core_deafen(&c.ears[0]);
    T_EXPECT_ERR(t, ioasid_notifier_unregister(c.core, &c.ears[0].nb), -ENOENT);
    core_close(&c);
}

/* ---- Quiesce ---- */

TEST(scope, quiesce_first, .rows = "23", .flaws = "S5 S14",
     .doc = "quiesce hooks run before free returns, CPU first, without a lock, and before the first handler")
{
    struct core_bench c;
    ioasid_t id;

    core_open(t, &c, 8);
    for (unsigned i = 0; i < 3; i++) {
        core_ear(&c, i, (enum ioasid_level)(2 - i), IOASID_EVENT_FREE)->nb.quiesce =
            i == 1 ? NULL : core_quiesce;
        T_ASSERT_OK(t, ioasid_notifier_register(c.core, IOASID_ANY_SET, &c.ears[i].nb));
        c.ears[i].registered = true;
    }
    id = core_alloc_used(&c, c.system);
    plat_read_enter(); /* as an interrupt handler: nothing may block here */
    T_EXPECT_ERR(t, ioasid_free(c.system, id), -EINPROGRESS);
    plat_read_exit();
    T_EXPECT_GE(t, c.note_count, 2u);
    core_settle(&c);
    T_ASSERT_EQ(t, c.note_count, 5u);
    T_EXPECT_EQ(t, (unsigned)c.notes[0].who->nb.level, (unsigned)IOASID_LEVEL_CPU);
    T_EXPECT_EQ(t, (unsigned)c.notes[1].who->nb.level, (unsigned)IOASID_LEVEL_IOMMU);
    for (unsigned i = 0; i < 5; i++) {
        T_EXPECT_EQ(t, c.notes[i].quiesce, i < 2);
        T_EXPECT_EQ(t, c.notes[i].event.id, id);
        T_EXPECT_EQ(t, c.notes[i].locks, 0u);
    }
    T_EXPECT_ERR(t, ioasid_put(c.system, id), 1);
    T_EXPECT_OK(t, ioasid_free(c.system, core_alloc(&c, c.system)));
    T_EXPECT_EQ(t, c.note_count, 5u);
    core_close(&c);
}

static void put_at_once(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct core_ear *ear = container_of(nb, struct core_ear, nb);

    core_quiesce(nb, ev);
    ear->act_result = ioasid_put(ev->set, ev->id);
}

TEST(scope, put_in_quiesce, .rows = "35 33", .flaws = "C19 S9",
     .doc = "the last reference may go in a quiesce hook: FREE is delivered all the same, once, and then the "
            "ID is gone")
{
    struct core_bench c;
    ioasid_t id;

    core_open(t, &c, 8);
    core_ear(&c, 0, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->nb.quiesce = put_at_once;
    T_ASSERT_OK(t, ioasid_notifier_register(c.core, IOASID_ANY_SET, &c.ears[0].nb));
    c.ears[0].registered = true;
    id = core_alloc_used(&c, c.system);
    T_EXPECT_ERR(t, ioasid_free(c.system, id), -EINPROGRESS);
    core_settle(&c);
    T_EXPECT_EQ(t, c.ears[0].act_result, 1);
    T_EXPECT_EQ(t, c.ears[0].heard, 1u);
    T_EXPECT_ERR(t, ioasid_put(c.system, id), -ENOENT);
    core_close(&c);
}

/* ---- A free that waits ---- */

static void put_it(struct core_ear *ear, const struct ioasid_event *ev)
{
    ear->act_result = ioasid_put(ev->set, ev->id);
}

static void free_sync_it(struct core_ear *ear, const struct ioasid_event *ev)
{
    ioasid_t other = core_alloc(ear->bench, ev->set);

    ear->act_result = ioasid_free_sync(ev->set, other, CORE_SETTLE_NS);
    T_EXPECT_EQ(ear->bench->t, ioasid_refs(ev->set, other), 1);
    T_EXPECT_OK(ear->bench->t, ioasid_free(ev->set, other));
}

TEST(scope, free_sync, .rows = "23 24", .flaws = "C18",
     .doc = "returns 0 when the last user is gone; times out on one who stays, and the ID stays pending")
{
    struct core_bench c;
    ioasid_t id;

    core_open(t, &c, 8);
    core_listen(&c, 0, IOASID_ANY_SET, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->act = put_it;
    T_EXPECT_OK(t, ioasid_free_sync(c.system, core_alloc(&c, c.system), 0));
    id = core_alloc_used(&c, c.system);
    T_EXPECT_OK(t, ioasid_free_sync(c.system, id, CORE_SETTLE_NS));
    T_EXPECT_EQ(t, c.ears[0].heard, 1u);
    T_EXPECT_ERR(t, ioasid_refs(c.system, id), -ENOENT);
    c.ears[0].act = NULL;
    id = core_alloc_used(&c, c.system);
    T_EXPECT_ERR(t, ioasid_free_sync(c.system, id, 1000000), -ETIMEDOUT);
    T_EXPECT_ERR(t, ioasid_free_sync(c.system, id, 1000000), -EALREADY);
    T_EXPECT_ERR(t, ioasid_get(c.system, id), -EBUSY);
    T_EXPECT_EQ(t, core_stats(&c).pending, 1u);
    T_EXPECT_ERR(t, ioasid_put(c.system, id), 1);
    T_EXPECT_ERR(t, ioasid_free_sync(c.system, id, 0), -ENOENT);
    core_close(&c);
}

TEST(scope, free_sync_before_alloc, .rows = "1 21", .flaws = "C18 C19",
     .doc =
         "an ID is freed before its ALLOC has been delivered: free says 0 at once, and the wait for its end "
         "is one for ALLOC too")
{
    struct core_bench c;
    ioasid_t id;

    core_open(t, &c, 8);
    core_listen(&c, 0, IOASID_ANY_SET, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    for (unsigned i = 1; i <= 8; i++) {
        id = core_alloc(&c, c.system);
        T_EXPECT_OK(t, ioasid_free_sync(c.system, id, CORE_SETTLE_NS));
        T_EXPECT_ERR(t, ioasid_refs(c.system, id), -ENOENT);
        T_EXPECT_EQ(t, core_stats(&c).live, 0u);
        T_EXPECT_EQ(t, __atomic_load_n(&c.ears[0].heard, __ATOMIC_ACQUIRE), i);
    }
    core_alloc(&c, c.system);
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    core_settle(&c);
    T_EXPECT_EQ(t, core_stats(&c).live, 0u);
    core_close(&c);
}

TEST(scope, free_sync_in_handler, .rows = "37", .flaws = "C18",
     .doc = "from a handler it is -EDEADLK at once, and the ID is as it was")
{
    struct core_bench c;

    core_open(t, &c, 8);
    core_listen(&c, 0, IOASID_ANY_SET, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->act = free_sync_it;
    free_used(&c, c.system);
    T_EXPECT_EQ(t, c.ears[0].heard, 1u);
    T_EXPECT_ERR(t, c.ears[0].act_result, -EDEADLK);
    core_close(&c);
}

/* ---- Who does not come back ---- */

static bool second_has_heard(void *arg)
{
    struct core_bench *c = arg;

    return __atomic_load_n(&c->ears[1].heard, __ATOMIC_ACQUIRE) > 0;
}

static void wait_for_second(struct core_ear *ear, const struct ioasid_event *ev unused)
{
    struct plat_waitq wq;

    plat_waitq_init(&wq);
    ear->act_result = plat_wait(&wq, second_has_heard, ear->bench, CORE_SETTLE_NS);
}

/* `a`'s subscriber does not come back before `b`'s has heard its FREE. */
static void stuck_beside(struct core_bench *c, struct ioasid_set *a, struct ioasid_set *b)
{
    ioasid_t ia, ib;

    core_listen(c, 0, a, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->act = wait_for_second;
    core_listen(c, 1, b, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->act = put_it;
    ia = core_alloc_used(c, a);
    ib = core_alloc_used(c, b);
    T_EXPECT_ERR(c->t, ioasid_free(a, ia), -EINPROGRESS);
    T_EXPECT_ERR(c->t, ioasid_free(b, ib), -EINPROGRESS);
    T_ASSERT_OK(c->t, plat_idle_wait(3 * CORE_SETTLE_NS));
    T_EXPECT_OK(c->t, c->ears[0].act_result);
    T_EXPECT_ERR(c->t, ioasid_refs(b, ib), -ENOENT);
    T_EXPECT_ERR(c->t, ioasid_put(a, ia), 1);
    core_deafen(&c->ears[0]);
    core_deafen(&c->ears[1]);
}

TEST(scope, stuck_delays_nobody, .flaws = "C18 S4",
     .doc = "while a subscriber of one set does not come back, another set's FREE is delivered and its ID "
            "reclaimed")
{
    struct ioasid_set *a, *b;
    struct core_bench c;

    core_open(t, &c, 8);
    a = core_set(&c, 4);
    b = core_set(&c, 4);
    stuck_beside(&c, a, b);
    stuck_beside(&c, b, a);
    stuck_beside(&c, c.system, a);
    stuck_beside(&c, b, c.system);
    T_EXPECT_OK(t, ioasid_set_destroy(a));
    T_EXPECT_OK(t, ioasid_set_destroy(b));
    core_close(&c);
}

TEST(scope, failed_is_counted, .rows = "49", .flaws = "K2 S20",
     .doc = "an ID whose FREE a handler failed is counted as such until it is reclaimed, if ever")
{
    struct core_bench c;
    ioasid_t id;

    core_open(t, &c, 8);
    core_listen(&c, 0, IOASID_ANY_SET, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->answer = -EIO;
    core_listen(&c, 1, IOASID_ANY_SET, IOASID_LEVEL_IOMMU, IOASID_EVENT_FREE);
    id = core_alloc_used(&c, c.system);
    T_EXPECT_ERR(t, ioasid_free(c.system, id), -EINPROGRESS);
    core_settle(&c);
    T_EXPECT_EQ(t, core_stats(&c).failed, 1u);
    T_EXPECT_EQ(t, core_stats(&c).refused, 1u);
    T_EXPECT_EQ(t, c.ears[1].heard, 1u);
    T_EXPECT_ERR(t, ioasid_put(c.system, id), 1);
    T_EXPECT_EQ(t, core_stats(&c).failed, 0u);
    core_close(&c);
}
