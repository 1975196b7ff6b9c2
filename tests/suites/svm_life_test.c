/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite svm: what a whole life leaves behind, by every way that it can end, and how long its owner has to
 * stay. Judged from statistics, the tables in memory and the events.
 */
#include "iommu/ioasid_set.h"
#include "tests/suites/svm_bench.h"

#define LOOPS 40u

/* ---- Nothing is left of a life ---- */

/* One way through a life, from an ID that is allocated to one that is reclaimed. */
typedef void life_fn(struct svm_bench *b, ioasid_t id);

static void unbind_first(struct svm_bench *b, ioasid_t id)
{
    T_ASSERT_OK(b->t, svm_do_bind(b, id, 0));
    T_ASSERT_OK(b->t, svm_do_bind(b, id, 1));
    T_ASSERT_OK(b->t, svm_do_unbind(b, id, 0));
    T_ASSERT_OK(b->t, svm_do_unbind(b, id, 1));
    T_ASSERT_OK(b->t, ioasid_free(b->set, id));
}

static void free_first(struct svm_bench *b, ioasid_t id)
{
    T_ASSERT_OK(b->t, svm_do_bind(b, id, 1));
    T_ASSERT_OK(b->t, svm_do_bind(b, id, 0));
    T_ASSERT_ERR(b->t, ioasid_free(b->set, id), -EINPROGRESS);
}

static void bound_again(struct svm_bench *b, ioasid_t id)
{
    for (unsigned i = 0; i < 3; i++) {
        T_ASSERT_OK(b->t, svm_do_bind(b, id, i % 2));
        T_ASSERT_OK(b->t, svm_do_unbind(b, id, i % 2));
    }
    T_ASSERT_OK(b->t, ioasid_free(b->set, id));
}

static void refused(struct svm_bench *b, ioasid_t id)
{
    b->watchers[0].answer_to_bind = -EPERM;
    T_ASSERT_ERR(b->t, svm_do_bind(b, id, 0), -EPERM);
    b->watchers[0].answer_to_bind = 0;
    T_ASSERT_OK(b->t, ioasid_free(b->set, id));
}

static void ended_by_a_user(struct svm_bench *b, ioasid_t id)
{
    T_ASSERT_OK(b->t, ioasid_get(b->set, id));
    T_ASSERT_OK(b->t, svm_do_bind(b, id, 0));
    T_ASSERT_ERR(b->t, ioasid_free(b->set, id), -EINPROGRESS);
    t_settle(b->t);
    T_ASSERT_EQ(b->t, ioasid_put(b->set, id), 1);
}

/* What may not grow from one life to the next. */
struct rest {
    struct ioasid_stats core;
    unsigned dids[SVM_DEVS];
};

static struct rest what_is_left(struct svm_bench *b)
{
    struct rest rest = {0};

    t_settle(b->t);
    ioasid_stats(b->core, &rest.core);
    for (unsigned i = 0; i < SVM_DEVS; i++)
        rest.dids[i] = b->devs[i] ? vtd_did_count(b->devs[i]->vtd->unit) : 0;
    return rest;
}

TEST(svm, lives_leave_nothing, .needs = SVM_NEEDS | NEED_NO_VCS, .rows = "18 23 33", .flaws = "H3 C2 C13",
     .doc = "many lives, ended in turn by unbind, free, a refusal, a last put: after each no ID is live, "
            "pending or "
            "waiting, as many domain ids are taken as before, and the number is there for the next")
{
    static life_fn *const ways[] = {unbind_first, free_first, bound_again, refused, ended_by_a_user};
    struct rest before, after;
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 2);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_BIND);
    b.cfg.spid = 9;
    id = svm_alloc(&b);
    before = what_is_left(&b);
    for (unsigned i = 0; i < LOOPS; i++) {
        uint32_t number = ioasid_number(id);

        ways[i % ARRAY_SIZE(ways)](&b, id);
        after = what_is_left(&b);
        T_ASSERT_EQ(t, after.core.live, before.core.live - 1);
        T_ASSERT_EQ(t, after.core.pending + after.core.limbo, 0u);
        T_ASSERT_EQ(t, after.core.available, before.core.available + 1);
        T_ASSERT_EQ(t, after.core.reclaims, before.core.reclaims + i + 1);
        T_ASSERT_MEM(t, after.dids, before.dids, sizeof(before.dids));
        T_ASSERT_OK(t, ioasid_alloc(b.set, number, number, &id));
    }
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

/* ---- The owner outlives what the hardware knows of it ---- */

struct owned {
    struct svm_bench b;
    struct ioasid_set *set;
    unsigned asked; /* handlers that looked */
    unsigned alive; /* and found the owner, whole */
};

/* Whoever is told that the ID ends finds its set there, its token taken and its quota used. */
static void look_at_owner(struct svm_watcher *w, unused const struct ioasid_event *ev)
{
    struct owned *o = container_of(w->bench, struct owned, b);
    struct ioasid_set_info info;
    struct ioasid_set *other;

    o->asked++;
    if (ioasid_set_create(o->b.core, IOASID_TOKEN_MM, o, 1, &other) == -EEXIST &&
        ioasid_set_info(o->set, &info) == 0 && info.live == 1)
        o->alive++;
}

TEST(svm, owner_outlives_entry, .needs = SVM_NEEDS, .rows = "4 45", .flaws = "H28 C7",
     .doc = "a set is destroyed with a device bound: it is there, its token and quota are taken, for every "
            "subscriber "
            "and until nothing of its ID is in the tables; only then another set has the token")
{
    struct svm_watcher *w;
    struct owned o = {0};
    ioasid_t id;

    svm_open(t, &o.b, 2);
    T_ASSERT_OK(t, ioasid_set_create(o.b.core, IOASID_TOKEN_MM, &o, 4, &o.set));
    o.b.set = o.set;
    w = svm_watch(&o.b, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    w->act = look_at_owner;
    w = svm_watch(&o.b, IOASID_LEVEL_IOMMU, IOASID_EVENT_FREE);
    w->act = look_at_owner;
    id = svm_alloc(&o.b);
    T_ASSERT_OK(t, svm_do_bind(&o.b, id, 0));
    T_ASSERT_OK(t, svm_do_bind(&o.b, id, 1));
    T_EXPECT_ERR(t, ioasid_set_destroy(o.set), -EINPROGRESS);
    t_settle(t);
    T_ASSERT_EQ(t, o.b.note_count, 2u);
    T_EXPECT_EQ(t, o.b.notes[0].present, 3u);
    T_EXPECT_EQ(t, o.b.notes[1].present, 0u);
    T_EXPECT_EQ(t, o.asked, 2u);
    T_EXPECT_EQ(t, o.alive, 2u);
    T_EXPECT_ERR(t, ioasid_set_destroy(o.set), -EALREADY);
    T_EXPECT_OK(t, ioasid_set_create(o.b.core, IOASID_TOKEN_MM, &o, 1, &o.set));
    T_EXPECT_OK(t, ioasid_set_destroy(o.set));
    svm_close(&o.b);
}
