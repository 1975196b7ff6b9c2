/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Subscribers of the IOASID core: who is told, in which order, with what, and what a handler may do. ALLOC
 * and FREE come from the core itself; BIND and UNBIND need a device and are in svm_test.c and order_test.c.
 */
#include "iommu/ioasid.h"
#include "iommu/platform.h"
#include "tests/harness/harness.h"

#define SETTLE_NS 2000000000ull
#define LISTENERS 6

struct bench;

/* A subscriber that writes down what it is told, and does one thing more if `act` says so. */
struct listener {
    struct ioasid_notifier nb;
    struct bench *bench;
    int answer;
    void (*act)(struct listener *l, const struct ioasid_event *ev);
    int act_result;
};

struct seen {
    const struct listener *who;
    struct ioasid_event event;
    unsigned locks;
};

struct bench {
    struct t *t;
    struct ioasid_core *core;
    struct ioasid_set *set;
    struct listener listeners[LISTENERS];
    struct seen seen[32];
    unsigned count;
};

static int listen(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct listener *l = container_of(nb, struct listener, nb);
    struct bench *b = l->bench;

    if (b->count < ARRAY_SIZE(b->seen))
        b->seen[b->count++] = (struct seen){l, *ev, plat_locks_held()};
    if (l->act)
        l->act(l, ev);
    return l->answer;
}

static void bench_open(struct t *t, struct bench *b)
{
    *b = (struct bench){.t = t};
    T_ASSERT_OK(t, ioasid_core_create(6, &b->core));
    b->set = ioasid_system_set(b->core);
}

static struct listener *subscribe(struct bench *b, unsigned n, enum ioasid_level level, unsigned events)
{
    struct listener *l = &b->listeners[n];

    *l = (struct listener){.nb = {.handler = listen, .level = level, .events = events, .name = "listener"}};
    l->bench = b;
    T_ASSERT_OK(b->t, ioasid_notifier_register(b->core, IOASID_ANY_SET, &l->nb));
    return l;
}

static ioasid_t alloc(struct bench *b)
{
    ioasid_t id = IOASID_INVALID;

    T_ASSERT_OK(b->t, ioasid_alloc(b->set, 1, 63, &id));
    return id;
}

/* An ID with one user, freed: FREE has been delivered, the user's reference is still out. */
static ioasid_t alloc_and_free(struct bench *b)
{
    ioasid_t id = alloc(b);

    T_ASSERT_OK(b->t, ioasid_get(b->set, id));
    T_ASSERT_ERR(b->t, ioasid_free(b->set, id), -EINPROGRESS);
    T_ASSERT_OK(b->t, plat_idle_wait(SETTLE_NS));
    return id;
}

static void bench_close(struct bench *b)
{
    char text[160] = "";

    T_ASSERT_OK(b->t, plat_idle_wait(SETTLE_NS));
    if (!T_EXPECT_OK(b->t, ioasid_audit(b->core, 0, text, sizeof(text))))
        t_note(b->t, "%s", text);
    for (unsigned i = 0; i < LISTENERS; i++) {
        if (b->listeners[i].nb.handler)
            T_EXPECT_OK(b->t, ioasid_notifier_unregister(b->core, &b->listeners[i].nb));
    }
    T_ASSERT_OK(b->t, ioasid_core_destroy(b->core));
}

TEST(notifier, teardown_order, .flaws = "S14 C17",
     .doc = "FREE runs CPU, DEVICE, IOMMU whatever the order of registration: all six are tried")
{
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (unsigned o = 0; o < 6; o++) {
        struct bench b;
        ioasid_t id;

        bench_open(t, &b);
        for (unsigned i = 0; i < 3; i++)
            subscribe(&b, i, (enum ioasid_level)orders[o][i], IOASID_EVENT_FREE);
        id = alloc_and_free(&b);
        T_ASSERT_EQ(t, b.count, 3u);
        for (unsigned i = 0; i < 3; i++)
            T_EXPECT_EQ(t, (unsigned)b.seen[i].who->nb.level, i);
        T_EXPECT_ERR(t, ioasid_put(b.set, id), 1);
        bench_close(&b);
    }
}

TEST(notifier, event_is_complete, .flaws = "S27 K7 S9",
     .doc = "every field of every event is filled, and the handler runs without a lock")
{
    struct bench b;
    ioasid_t id;
    int data;

    bench_open(t, &b);
    subscribe(&b, 0, IOASID_LEVEL_DEVICE, IOASID_EVENT_ALL);
    id = alloc(&b);
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_ASSERT_OK(t, ioasid_get(b.set, id));
    T_ASSERT_OK(t, ioasid_data_set(b.core, id, &data));
    T_ASSERT_OK(t, ioasid_spid_attach(b.core, id, 41));
    T_ASSERT_ERR(t, ioasid_free(b.set, id), -EINPROGRESS);
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_ASSERT_EQ(t, b.count, 2u);
    T_EXPECT_EQ(t, (unsigned)b.seen[0].event.type, (unsigned)IOASID_EVENT_ALLOC);
    T_EXPECT_EQ(t, (unsigned)b.seen[1].event.type, (unsigned)IOASID_EVENT_FREE);
    T_EXPECT_EQ(t, b.seen[0].event.spid, IOASID_NO_SPID);
    T_EXPECT_EQ(t, b.seen[1].event.spid, 41u);
    T_EXPECT_EQ(t, b.seen[1].event.data, (void *)&data);
    T_EXPECT_LT(t, b.seen[0].event.sequence, b.seen[1].event.sequence);
    for (unsigned i = 0; i < 2; i++) {
        T_EXPECT_EQ(t, b.seen[i].event.id, id);
        T_EXPECT_EQ(t, (void *)b.seen[i].event.set, (void *)b.set);
        T_EXPECT_EQ(t, b.seen[i].event.token, (const void *)NULL);
        T_EXPECT_EQ(t, b.seen[i].locks, 0u);
    }
    T_EXPECT_ERR(t, ioasid_put(b.set, id), 1);
    bench_close(&b);
}

TEST(notifier, only_what_was_asked_for, .flaws = "K6 S1",
     .doc = "a subscriber sees the events of its mask and no others, and none of them changes what the next "
            "one sees")
{
    struct bench b;
    ioasid_t id;

    bench_open(t, &b);
    subscribe(&b, 0, IOASID_LEVEL_CPU, IOASID_EVENT_ALLOC);
    subscribe(&b, 1, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE);
    subscribe(&b, 2, IOASID_LEVEL_DEVICE, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND);
    id = alloc_and_free(&b);
    T_ASSERT_EQ(t, b.count, 2u);
    T_EXPECT_EQ(t, (const void *)b.seen[0].who, (const void *)&b.listeners[0]);
    T_EXPECT_EQ(t, (const void *)b.seen[1].who, (const void *)&b.listeners[1]);
    T_EXPECT_ERR(t, ioasid_put(b.set, id), 1);
    bench_close(&b);
}

TEST(notifier, free_once, .rows = "24", .flaws = "C1",
     .doc = "however often free is called, FREE is delivered once")
{
    struct bench b;
    ioasid_t id;

    bench_open(t, &b);
    subscribe(&b, 0, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    id = alloc_and_free(&b);
    for (int i = 0; i < 3; i++)
        T_EXPECT_ERR(t, ioasid_free(b.set, id), -EALREADY);
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_EXPECT_EQ(t, b.count, 1u);
    T_EXPECT_ERR(t, ioasid_put(b.set, id), 1);
    bench_close(&b);
}

TEST(notifier, silent_free, .rows = "21", .doc = "free of an ID without users tells nobody")
{
    struct bench b;

    bench_open(t, &b);
    subscribe(&b, 0, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    T_EXPECT_OK(t, ioasid_free(b.set, alloc(&b)));
    T_ASSERT_OK(t, plat_idle_wait(SETTLE_NS));
    T_EXPECT_EQ(t, b.count, 0u);
    bench_close(&b);
}

TEST(notifier, failure_does_not_stop_free, .rows = "49", .flaws = "S20 C6",
     .doc = "a handler that fails on FREE is counted and everybody behind it is told all the same")
{
    struct ioasid_stats stats;
    struct bench b;
    ioasid_t id;

    bench_open(t, &b);
    subscribe(&b, 0, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->answer = -EIO;
    subscribe(&b, 1, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE);
    subscribe(&b, 2, IOASID_LEVEL_IOMMU, IOASID_EVENT_FREE);
    id = alloc_and_free(&b);
    T_EXPECT_EQ(t, b.count, 3u);
    ioasid_stats(b.core, &stats);
    T_EXPECT_EQ(t, stats.refused, 1u);
    T_EXPECT_EQ(t, stats.pending, 1u);
    T_EXPECT_ERR(t, ioasid_put(b.set, id), 1);
    bench_close(&b);
}

TEST(notifier, registration, .rows = "56 57", .flaws = "K7",
     .doc = "twice is refused, incomplete is refused, with live IDs is refused, and gone is gone")
{
    struct listener late = {.nb = {.handler = listen, .events = IOASID_EVENT_FREE, .name = "late"}};
    struct bench b;
    ioasid_t id;

    bench_open(t, &b);
    late.bench = &b;
    subscribe(&b, 0, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    T_EXPECT_ERR(t, ioasid_notifier_register(b.core, IOASID_ANY_SET, &b.listeners[0].nb), -EEXIST);
    late.nb.events = 0;
    T_EXPECT_ERR(t, ioasid_notifier_register(b.core, IOASID_ANY_SET, &late.nb), -EINVAL);
    late.nb.events = IOASID_EVENT_FREE;
    late.nb.handler = NULL;
    T_EXPECT_ERR(t, ioasid_notifier_register(b.core, IOASID_ANY_SET, &late.nb), -EINVAL);
    late.nb.handler = listen;
    T_EXPECT_ERR(t, ioasid_notifier_unregister(b.core, &late.nb), -ENOENT);
    id = alloc(&b);
    T_EXPECT_ERR(t, ioasid_notifier_register(b.core, IOASID_ANY_SET, &late.nb), -EBUSY);
    T_EXPECT_ERR(t, ioasid_notifier_register(b.core, b.set, &late.nb), -EBUSY);
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    T_EXPECT_OK(t, ioasid_notifier_register(b.core, b.set, &late.nb));
    T_EXPECT_OK(t, ioasid_notifier_unregister(b.core, &late.nb));
    T_EXPECT_ERR(t, ioasid_notifier_unregister(b.core, &late.nb), -ENOENT);
    bench_close(&b);
}

static void put_it(struct listener *l, const struct ioasid_event *ev)
{
    l->act_result = ioasid_put(ev->set, ev->id);
}

/* The number of the event is still that of this life. */
static void look_up(struct listener *l, const struct ioasid_event *ev)
{
    ioasid_t now;

    l->act_result = ioasid_lookup(l->bench->core, ioasid_number(ev->id), &now);
    if (l->act_result == 0 && !ioasid_eq(now, ev->id))
        l->act_result = -ESTALE;
}

TEST(notifier, put_in_handler, .rows = "35", .flaws = "S9 C19",
     .doc = "a handler may drop the last reference: event and ID stay valid for those behind it, then the ID "
            "is reclaimed")
{
    struct bench b;
    ioasid_t id;
    ioasid_t again;

    bench_open(t, &b);
    subscribe(&b, 0, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->act = put_it;
    subscribe(&b, 1, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE)->act = look_up;
    id = alloc_and_free(&b);
    T_EXPECT_EQ(t, b.listeners[0].act_result, 1);
    T_EXPECT_OK(t, b.listeners[1].act_result);
    T_ASSERT_EQ(t, b.count, 2u);
    T_EXPECT_EQ(t, b.seen[1].event.id, id);
    T_EXPECT_ERR(t, ioasid_put(b.set, id), -ENOENT);
    T_ASSERT_OK(t, ioasid_alloc(b.set, ioasid_number(id), ioasid_number(id), &again));
    T_EXPECT_OK(t, ioasid_free(b.set, again));
    bench_close(&b);
}

/* Calls everything that a handler could want, on this ID and on another one. */
static void call_back(struct listener *l, const struct ioasid_event *ev)
{
    struct t *t = l->bench->t;
    ioasid_t other = IOASID_INVALID;

    T_EXPECT_ERR(t, ioasid_get(ev->set, ev->id), -EBUSY);
    T_EXPECT_ERR(t, ioasid_free(ev->set, ev->id), -EALREADY);
    T_EXPECT_OK(t, ioasid_alloc(ev->set, 1, 63, &other));
    T_EXPECT_OK(t, ioasid_get(ev->set, other));
    T_EXPECT_ERR(t, ioasid_put(ev->set, other), 0);
    T_EXPECT_OK(t, ioasid_free(ev->set, other));
    l->act_result = ioasid_notifier_unregister(l->bench->core, &l->nb);
}

TEST(notifier, handler_calls_back, .rows = "37 38", .flaws = "S3 S4",
     .doc = "a handler may call the whole API: no deadlock, and taking itself out is refused as such")
{
    struct bench b;
    ioasid_t id;

    bench_open(t, &b);
    subscribe(&b, 0, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->act = call_back;
    subscribe(&b, 1, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE);
    id = alloc_and_free(&b);
    T_EXPECT_ERR(t, b.listeners[0].act_result, -EDEADLK);
    T_EXPECT_EQ(t, b.count, 2u);
    T_EXPECT_ERR(t, ioasid_put(b.set, id), 1);
    bench_close(&b);
}

static void drop_next(struct listener *l, const struct ioasid_event *ev unused)
{
    l->act_result = ioasid_notifier_unregister(l->bench->core, &l->bench->listeners[1].nb);
    l->bench->listeners[1].nb.handler = NULL;
}

TEST(notifier, handler_removes_another, .rows = "38", .flaws = "S6",
     .doc = "a handler takes its successor out: that one is told nothing more, the walk goes on behind it")
{
    struct bench b;
    ioasid_t id;

    bench_open(t, &b);
    subscribe(&b, 0, IOASID_LEVEL_CPU, IOASID_EVENT_FREE)->act = drop_next;
    subscribe(&b, 1, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE);
    subscribe(&b, 2, IOASID_LEVEL_IOMMU, IOASID_EVENT_FREE);
    id = alloc_and_free(&b);
    T_EXPECT_OK(t, b.listeners[0].act_result);
    T_ASSERT_EQ(t, b.count, 2u);
    T_EXPECT_EQ(t, (const void *)b.seen[1].who, (const void *)&b.listeners[2]);
    T_EXPECT_ERR(t, ioasid_put(b.set, id), 1);
    bench_close(&b);
}
