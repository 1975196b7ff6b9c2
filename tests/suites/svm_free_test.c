/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FREE that comes before unbind, handlers that call back in, private data that is not what it should be:
 * judged from the tables in memory. What devices reach is shown by order_test.c.
 */
#include "tests/suites/svm_bench.h"

/* ---- Free before unbind ---- */

TEST(svm, free_before_unbind, .needs = SVM_NEEDS, .rows = "23 28 31", .flaws = "K1 S6 S14 S15 C2 C12",
     .doc = "FREE tears down every device, CPU and DEVICE first; who listens to UNBIND only gets one; then "
            "all is over")
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 3);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND);
    svm_watch(&b, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE | IOASID_EVENT_UNBIND);
    svm_watch(&b, IOASID_LEVEL_IOMMU, IOASID_EVENT_FREE);
    id = svm_alloc(&b);
    for (unsigned i = 0; i < 3; i++)
        T_ASSERT_OK(t, svm_do_bind(&b, id, i));
    T_ASSERT_OK(t, ioasid_get(b.set, id));
    b.note_count = 0;
    T_EXPECT_ERR(t, ioasid_free(b.set, id), -EINPROGRESS);
    t_settle(t);
    T_ASSERT_EQ(t, b.note_count, 3u);
    for (unsigned i = 0; i < 3; i++) {
        T_EXPECT_EQ(t, (unsigned)b.notes[i].who->nb.level, i);
        T_EXPECT_EQ(t, b.notes[i].present, i < 2 ? 7u : 0u);
        T_EXPECT_EQ(t, (unsigned)b.notes[i].type,
                    (unsigned)(i == 0 ? IOASID_EVENT_UNBIND : IOASID_EVENT_FREE));
        T_EXPECT(t, svm_zero(&b, i));
    }
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 1);
    T_EXPECT_ERR(t, svm_do_unbind(&b, id, 0), -ENOENT);
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -EBUSY);
    svm_expect_audit(&b, 1);
    T_EXPECT_ERR(t, ioasid_put(b.set, id), 1);
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -ENOENT);
    T_EXPECT_ERR(t, svm_do_unbind(&b, id, 0), -ENOENT);
    T_EXPECT_EQ(t, b.note_count, 3u);
    svm_close(&b);
}

TEST(svm, free_without_other_subscribers, .needs = SVM_NEEDS | NEED_NO_VCS, .rows = "23",
     .flaws = "K1 K6 S21 S13",
     .doc = "nobody but the driver listens: FREE still tears down all devices, and the number comes back "
            "only then")
{
    struct svm_bench b;
    ioasid_t id, again;

    svm_open(t, &b, 2);
    id = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_ASSERT_OK(t, svm_do_bind(&b, id, 1));
    T_EXPECT_ERR(t, ioasid_notifier_register(b.core, IOASID_ANY_SET, &t->iommu->svm->subscriber), -EEXIST);
    T_EXPECT_ERR(t, ioasid_free(b.set, id), -EINPROGRESS);
    t_settle(t);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT(t, svm_zero(&b, 1));
    T_EXPECT_ERR(t, ioasid_refs(b.set, id), -ENOENT);
    T_ASSERT_OK(t, ioasid_alloc(b.set, ioasid_number(id), ioasid_number(id), &again));
    T_EXPECT_OK(t, svm_do_bind(&b, again, 0));
    T_EXPECT_ERR(t, svm_do_unbind(&b, id, 0), -ENOENT);
    T_EXPECT(t, svm_present(&b, 0));
    T_EXPECT_OK(t, svm_do_unbind(&b, again, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, again));
    svm_close(&b);
}

TEST(svm, unbind_beats_cleanup, .needs = SVM_NEEDS, .flaws = "S23 C9 C21",
     .doc = "unbind right after free: whoever is first tears down, once; FREE once, no UNBIND "
            "besides")
{
    struct svm_bench b;
    ioasid_t id;
    int rc;

    svm_open(t, &b, 2);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_ALL);
    id = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_ASSERT_OK(t, svm_do_bind(&b, id, 1));
    t_settle(t);
    b.note_count = 0;
    T_EXPECT_ERR(t, ioasid_free(b.set, id), -EINPROGRESS);
    rc = svm_do_unbind(&b, id, 0);
    T_EXPECT(t, rc == 0 || rc == -ENOENT);
    T_EXPECT(t, svm_zero(&b, 0));
    t_settle(t);
    T_EXPECT(t, svm_zero(&b, 1));
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_FREE), 1u);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_UNBIND), 0u);
    T_EXPECT_ERR(t, ioasid_refs(b.set, id), -ENOENT);
    svm_close(&b);
}

TEST(svm, native_is_not_freed_first, .needs = SVM_NEEDS, .flaws = "K4",
     .doc = "free of a natively bound ID is -EBUSY and changes nothing; after unbind it works")
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 1);
    b.cfg.guest = false;
    id = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_EXPECT_ERR(t, ioasid_free(b.set, id), -EBUSY);
    T_EXPECT(t, svm_present(&b, 0));
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 2);
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

/* ---- Handlers that call back in ---- */

static void free_it(struct svm_watcher *w, const struct ioasid_event *ev)
{
    w->act_result = ioasid_free(ev->set, ev->id);
}

TEST(svm, free_from_bind_handler, .needs = SVM_NEEDS, .rows = "36", .flaws = "S2",
     .doc = "an ID freed from its own BIND handler: BIND ends first, bind is -EBUSY, FREE then takes the "
            "entry away")
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 1);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    svm_watch(&b, IOASID_LEVEL_DEVICE, IOASID_EVENT_BIND)->act = free_it;
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_BIND);
    id = svm_alloc(&b);
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -EBUSY);
    T_EXPECT_ERR(t, b.watchers[1].act_result, -EINPROGRESS);
    t_settle(t);
    T_ASSERT_EQ(t, b.note_count, 3u);
    T_EXPECT_EQ(t, (unsigned)b.notes[1].type, (unsigned)IOASID_EVENT_BIND);
    T_EXPECT_EQ(t, (unsigned)b.notes[2].type, (unsigned)IOASID_EVENT_FREE);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_ERR(t, ioasid_refs(b.set, id), -ENOENT);
    svm_close(&b);
}

static void unbind_and_bind(struct svm_watcher *w, const struct ioasid_event *ev)
{
    struct svm_bench *b = w->bench;

    T_EXPECT_ERR(b->t, svm_do_bind(b, ev->id, 1), -EBUSY);
    T_EXPECT_ERR(b->t, ioasid_get(ev->set, ev->id), -EBUSY);
    w->act_result = svm_do_unbind(b, ev->id, 0);
}

TEST(
    svm, unbind_from_free_handler, .needs = SVM_NEEDS, .rows = "27 37", .flaws = "S3 S4",
    .doc = "from a FREE handler bind and get are -EBUSY, unbind does the work at once, and nothing deadlocks")
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 2);
    svm_watch(&b, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE)->act = unbind_and_bind;
    id = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_EXPECT_ERR(t, ioasid_free(b.set, id), -EINPROGRESS);
    t_settle(t);
    T_EXPECT_OK(t, b.watchers[0].act_result);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_ERR(t, ioasid_refs(b.set, id), -ENOENT);
    svm_close(&b);
}

static void read_data(struct svm_watcher *w, const struct ioasid_event *ev)
{
    const struct svm_space *space = ev->data;

    w->act_result = space && space->tag == SVM_SPACE_TAG && ioasid_eq(space->id, ev->id);
}

TEST(svm, data_outlives_the_event, .needs = SVM_NEEDS, .rows = "23 18", .flaws = "S7 S9 S8 S18",
     .doc = "a subscriber behind the driver still finds the private object of the event whole, on FREE and "
            "on UNBIND")
{
    struct svm_bench b;
    ioasid_t id;

    for (int round = 0; round < 2; round++) {
        svm_open(t, &b, 2);
        svm_watch(&b, IOASID_LEVEL_IOMMU, IOASID_EVENT_FREE | IOASID_EVENT_UNBIND)->act = read_data;
        id = svm_alloc(&b);
        T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
        if (round == 0)
            T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
        T_EXPECT_ERR(t, ioasid_free(b.set, id), round == 0 ? 0 : -EINPROGRESS);
        t_settle(t);
        T_EXPECT_EQ(t, b.note_count, 1u);
        T_EXPECT(t, b.watchers[0].act_result);
        svm_close(&b);
    }
}

/* ---- Private data that is not what it should be ---- */

TEST(svm, broken_private_data, .needs = SVM_NEEDS, .flaws = "K2",
     .doc = "FREE finds a half-built private object: reported, counted, entry and ID stay; mended, the "
            "unbind ends it")
{
    struct ioasid_stats before, after;
    struct svm_space *space;
    struct svm_bench b;
    ioasid_t id;
    void *data;

    svm_open(t, &b, 1);
    id = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_ASSERT_OK(t, ioasid_data_find(b.set, id, &data));
    space = data;
    ioasid_stats(b.core, &before);
    space->svm = NULL;
    T_EXPECT_ERR(t, ioasid_free(b.set, id), -EINPROGRESS);
    t_settle(t);
    space->svm = t->iommu->svm;
    ioasid_stats(b.core, &after);
    T_EXPECT_EQ(t, after.refused, before.refused + 1);
    T_EXPECT_EQ(t, after.pending, before.pending + 1);
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 1);
    T_EXPECT(t, svm_present(&b, 0));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_ERR(t, ioasid_refs(b.set, id), -ENOENT);
    svm_close(&b);
}

TEST(svm, foreign_private_data, .needs = SVM_NEEDS, .flaws = "K3 S30",
     .doc = "FREE of an ID with another owner's data, or with none, is not the driver's: it looks at "
            "nothing, and says so")
{
    struct svm_space decoy = {0}, untouched = {0};
    struct ioasid_stats before, after;
    struct svm_bench b;
    ioasid_t with, without;

    svm_open(t, &b, 1);
    with = svm_alloc(&b);
    without = svm_alloc(&b);
    T_ASSERT_OK(t, ioasid_data_set(b.core, with, &decoy));
    T_ASSERT_OK(t, ioasid_get(b.set, with));
    T_ASSERT_OK(t, ioasid_get(b.set, without));
    ioasid_stats(b.core, &before);
    T_EXPECT_ERR(t, ioasid_free(b.set, with), -EINPROGRESS);
    T_EXPECT_ERR(t, ioasid_free(b.set, without), -EINPROGRESS);
    t_settle(t);
    ioasid_stats(b.core, &after);
    T_EXPECT_EQ(t, after.refused, before.refused);
    T_EXPECT_MEM(t, &decoy, &untouched, sizeof(decoy));
    T_EXPECT_ERR(t, ioasid_put(b.set, with), 1);
    T_EXPECT_ERR(t, ioasid_put(b.set, without), 1);
    svm_close(&b);
}
