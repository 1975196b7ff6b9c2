/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread at a time changes the bindings of an ID and delivers its events, and handlers run without a
 * lock: shown with a second thread that tries to get in between.
 */
#include "tests/suites/svm_bench.h"

#define PAUSE_NS 5000000ull

/* A call made by a worker thread while a handler of the same ID is at work. */
struct intruder {
    struct plat_work work;
    struct svm_bench *bench;
    ioasid_t id;
    int (*call)(struct svm_bench *b, ioasid_t id);
    bool began; /* atomic, as is the next */
    bool ended;
    bool ended_inside; /* while the handler was still running */
    int result;
};

static struct intruder intruder;

static void intrude(struct plat_work *work)
{
    struct intruder *in = container_of(work, struct intruder, work);

    __atomic_store_n(&in->began, true, __ATOMIC_RELAXED);
    in->result = in->call(in->bench, in->id);
    __atomic_store_n(&in->ended, true, __ATOMIC_RELAXED);
}

static bool never(void *arg unused)
{
    return false;
}

/* In a handler: lets the intruder run, and looks whether it got through. */
static void let_in(struct svm_watcher *w, const struct ioasid_event *ev unused)
{
    struct plat_waitq wq;

    if (intruder.work.run)
        return;
    intruder.work.run = intrude;
    plat_work_queue(&intruder.work);
    plat_waitq_init(&wq);
    w->act_result = plat_wait(&wq, never, NULL, PAUSE_NS);
    intruder.ended_inside = __atomic_load_n(&intruder.ended, __ATOMIC_RELAXED);
}

static int call_unbind(struct svm_bench *b, ioasid_t id)
{
    return svm_do_unbind(b, id, 0);
}

static int call_free(struct svm_bench *b, ioasid_t id)
{
    return ioasid_free(b->set, id);
}

/* Opens a bench whose CPU subscriber, the last to hear of a BIND, lets `call` in. */
static ioasid_t open_with_intruder(struct t *t, struct svm_bench *b,
                                   int (*call)(struct svm_bench *b, ioasid_t id))
{
    ioasid_t id;

    svm_open(t, b, 1);
    svm_watch(b, IOASID_LEVEL_CPU, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND | IOASID_EVENT_FREE)->act = let_in;
    id = svm_alloc(b);
    intruder = (struct intruder){.bench = b, .id = id, .call = call};
    return id;
}

TEST(
    svm, bind_is_exclusive, .needs = SVM_NEEDS | NEED_THREADS, .rows = "18", .flaws = "S1 S2",
    .doc = "an unbind from another thread, tried while BIND is being delivered, waits until the bind is over")
{
    struct svm_bench b;
    ioasid_t id = open_with_intruder(t, &b, call_unbind);

    T_EXPECT_OK(t, svm_do_bind(&b, id, 0));
    t_settle(t);
    T_EXPECT(t, intruder.began);
    T_EXPECT(t, !intruder.ended_inside);
    T_EXPECT(t, intruder.ended);
    T_EXPECT_OK(t, intruder.result);
    T_ASSERT_EQ(t, b.note_count, 2u);
    T_EXPECT_EQ(t, (unsigned)b.notes[0].type, (unsigned)IOASID_EVENT_BIND);
    T_EXPECT_EQ(t, (unsigned)b.notes[1].type, (unsigned)IOASID_EVENT_UNBIND);
    T_EXPECT_EQ(t, b.notes[1].present, 1u);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(svm, free_does_not_wait, .needs = SVM_NEEDS | NEED_THREADS, .rows = "36 40", .flaws = "S5 S4",
     .doc = "free from another thread returns while BIND is being delivered; its FREE comes behind the BIND, "
            "and cleans up")
{
    struct svm_bench b;
    ioasid_t id = open_with_intruder(t, &b, call_free);
    int rc;

    rc = svm_do_bind(&b, id, 0);
    T_EXPECT(t, rc == 0 || rc == -EBUSY);
    T_EXPECT(t, intruder.ended_inside);
    T_EXPECT_ERR(t, intruder.result, -EINPROGRESS);
    t_settle(t);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_BIND), 1u);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_FREE), 1u);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_UNBIND), 0u);
    T_EXPECT_EQ(t, (unsigned)b.notes[0].type, (unsigned)IOASID_EVENT_BIND);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_ERR(t, ioasid_refs(b.set, id), -ENOENT);
    svm_close(&b);
}

TEST(svm, second_unbind_waits_or_misses, .needs = SVM_NEEDS | NEED_THREADS, .rows = "20 41", .flaws = "C9",
     .doc = "a second unbind, tried while the first delivers UNBIND, is -ENOENT: one UNBIND, one tear-down")
{
    struct svm_bench b;
    ioasid_t id = open_with_intruder(t, &b, call_unbind);

    b.watchers[0].act = NULL;
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    b.watchers[0].act = let_in;
    b.note_count = 0;
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    t_settle(t);
    T_EXPECT(t, intruder.ended);
    T_EXPECT_ERR(t, intruder.result, -ENOENT);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_UNBIND), 1u);
    T_EXPECT(t, svm_zero(&b, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}
