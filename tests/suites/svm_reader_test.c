/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What readers without locks may rely on: an object found in a read section is there until the section ends,
 * whatever FREE and unbind do meanwhile. And two things that a subscriber must not take on trust or too late.
 */
#include "tests/suites/svm_bench.h"

#define PATIENCE_NS 100000000ull
#define PAUSE_NS    5000000ull

/* In a read section: looks on while other threads work, until `ready` or for a while. */
static bool look_on(bool (*ready)(void *arg), void *arg, uint64_t for_ns)
{
    uint64_t end = plat_now_ns() + for_ns;

    while (!ready(arg)) {
        if (plat_now_ns() >= end)
            return false;
        plat_relax();
    }
    return true;
}

static bool never(void *arg unused)
{
    return false;
}

struct subject {
    struct svm_bench *bench;
    ioasid_t id;
};

static bool is_gone(void *arg)
{
    const struct subject *s = arg;

    return ioasid_refs(s->bench->set, s->id) == -ENOENT;
}

TEST(svm, reader_keeps_space, .needs = SVM_NEEDS | NEED_THREADS, .rows = "23", .flaws = "S6 S7 S8",
     .doc = "the driver's object of an ID that is freed, torn down and reclaimed meanwhile stays whole for "
            "who found it")
{
    const struct svm_space *space;
    struct svm_bench b;
    struct subject s;
    void *data = NULL;

    svm_open(t, &b, 2);
    s = (struct subject){&b, svm_alloc(&b)};
    T_ASSERT_OK(t, svm_do_bind(&b, s.id, 0));
    T_ASSERT_OK(t, svm_do_bind(&b, s.id, 1));
    plat_read_enter();
    T_EXPECT_OK(t, ioasid_data_find(b.set, s.id, &data));
    space = data;
    T_EXPECT_ERR(t, ioasid_free(b.set, s.id), -EINPROGRESS);
    T_EXPECT(t, look_on(is_gone, &s, PATIENCE_NS));
    T_EXPECT(t, !look_on(never, NULL, PAUSE_NS));
    T_EXPECT_EQ(t, space->tag, SVM_SPACE_TAG);
    T_EXPECT_EQ(t, space->id, s.id);
    T_EXPECT_ERR(t, ioasid_data_find(b.set, s.id, &data), -ENOENT);
    plat_read_exit();
    svm_close(&b);
}

/* Ends a binding in a thread of its own. */
struct ender {
    struct plat_work work;
    struct subject subject;
    int result;
};

static void end_binding(struct plat_work *work)
{
    struct ender *e = container_of(work, struct ender, work);

    e->result = svm_do_unbind(e->subject.bench, e->subject.id, 0);
}

/* The binding's device reaches nothing any more. */
static bool is_unbound(void *arg)
{
    const struct subject *s = arg;

    return svm_zero(s->bench, 0) && ioasid_refs(s->bench->set, s->id) <= 1;
}

/* One of two bindings ends, by unbind or by free, while a reader holds its record. */
static void binding_outlives(struct t *t, bool by_free)
{
    static struct ender e;
    const struct svm_binding *binding;
    struct iommu_dev *dev;
    struct svm_bench b;
    void *data = NULL;

    svm_open(t, &b, 1);
    e = (struct ender){.work.run = end_binding, .subject = {&b, svm_alloc(&b)}};
    T_ASSERT_OK(t, svm_do_bind(&b, e.subject.id, 0));
    plat_read_enter();
    T_EXPECT_OK(t, ioasid_data_find(b.set, e.subject.id, &data));
    binding = svm_binding_of(((struct svm_space *)data)->bindings.next);
    dev = binding->dev;
    if (by_free)
        T_EXPECT_ERR(t, ioasid_free(b.set, e.subject.id), -EINPROGRESS);
    else
        plat_work_queue(&e.work);
    T_EXPECT(t, look_on(is_unbound, &e.subject, PATIENCE_NS));
    T_EXPECT(t, !look_on(never, NULL, PAUSE_NS));
    T_EXPECT(t, binding->dev == dev);
    plat_read_exit();
    t_settle(t);
    T_EXPECT_OK(t, e.result);
    if (!by_free)
        T_EXPECT_OK(t, ioasid_free(b.set, e.subject.id));
    svm_close(&b);
}

TEST(svm, reader_keeps_binding, .needs = SVM_NEEDS | NEED_THREADS, .rows = "23", .flaws = "S6 S8",
     .doc = "the record of a binding that FREE takes off its list stays whole for who found it there")
{
    binding_outlives(t, true);
}

TEST(svm, reader_keeps_unbound, .needs = SVM_NEEDS | NEED_THREADS, .rows = "18", .flaws = "C9 S8",
     .doc = "and that of one which unbind takes off")
{
    binding_outlives(t, false);
}

/* Takes the private pointer in a thread of its own. */
struct taker {
    struct plat_work work;
    struct subject subject;
    void *old;
    bool began, ended; /* atomic */
};

static void take(struct plat_work *work)
{
    struct taker *k = container_of(work, struct taker, work);

    __atomic_store_n(&k->began, true, __ATOMIC_RELEASE);
    if (ioasid_data_take(k->subject.bench->core, k->subject.id, &k->old))
        k->old = NULL;
    __atomic_store_n(&k->ended, true, __ATOMIC_RELEASE);
}

static bool found_nothing(void *arg)
{
    const struct taker *k = arg;
    void *data;

    return ioasid_data_find(k->subject.bench->set, k->subject.id, &data) == -ENOENT;
}

TEST(svm, reader_holds_up_take, .needs = NEED_IOMMU | NEED_THREADS, .rows = "7", .flaws = "S7 S25",
     .doc = "who takes a private pointer out gets it only when all who may have found it are done")
{
    static struct taker k;
    struct svm_bench b;
    void *data = NULL;
    int object;

    svm_open(t, &b, 1);
    k = (struct taker){.work.run = take, .subject = {&b, svm_alloc(&b)}};
    T_ASSERT_OK(t, ioasid_data_set(b.core, k.subject.id, &object));
    plat_read_enter();
    T_EXPECT_OK(t, ioasid_data_find(b.set, k.subject.id, &data));
    plat_work_queue(&k.work);
    T_EXPECT(t, look_on(found_nothing, &k, PATIENCE_NS));
    T_EXPECT(t, !look_on(never, NULL, PAUSE_NS));
    T_EXPECT(t, __atomic_load_n(&k.began, __ATOMIC_ACQUIRE));
    T_EXPECT(t, !__atomic_load_n(&k.ended, __ATOMIC_ACQUIRE));
    plat_read_exit();
    t_settle(t);
    T_EXPECT(t, k.ended);
    T_EXPECT_EQ(t, k.old, (void *)&object);
    T_EXPECT_OK(t, ioasid_free(b.set, k.subject.id));
    svm_close(&b);
}

/* ---- Subscribers ---- */

TEST(svm, forged_free, .needs = SVM_NEEDS, .flaws = "S29",
     .doc =
         "a FREE that the core did not send tears nothing down: the ID was not freed, and its device goes on")
{
    struct ioasid_event ev = {.type = IOASID_EVENT_FREE, .spid = IOASID_NO_SPID};
    struct ioasid_notifier *nb;
    struct svm_bench b;

    svm_open(t, &b, 1);
    nb = &t->iommu->svm->subscriber;
    ev.id = svm_alloc(&b);
    ev.set = b.set;
    T_ASSERT_OK(t, svm_do_bind(&b, ev.id, 0));
    plat_read_enter();
    T_ASSERT_OK(t, ioasid_data_find(b.set, ev.id, &ev.data));
    plat_read_exit();
    T_EXPECT_ERR(t, nb->handler(nb, &ev), -EPERM);
    T_EXPECT(t, svm_present(&b, 0));
    svm_expect_audit(&b, 1);
    T_EXPECT_OK(t, svm_do_unbind(&b, ev.id, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, ev.id));
    svm_close(&b);
}

static unsigned quiesced_with; /* notes of the bench when the hook ran, plus 1 */

static void count_notes(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    const struct svm_bench *b = container_of(nb, struct svm_watcher, nb)->bench;

    if (ev->type == IOASID_EVENT_UNBIND && svm_present(b, 0))
        quiesced_with = b->note_count + 1;
}

TEST(svm, quiesce_before_unbind, .needs = SVM_NEEDS, .rows = "18", .flaws = "S18",
     .doc = "the quiesce hook of the last level runs before the first level hears UNBIND, and the entry is "
            "there still")
{
    struct svm_watcher late = {.answer_to_bind = 0};
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 1);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_UNBIND);
    late.bench = &b;
    late.nb = b.watchers[0].nb;
    late.nb.level = IOASID_LEVEL_IOMMU;
    late.nb.quiesce = count_notes;
    T_ASSERT_OK(t, ioasid_notifier_register(b.core, b.set, &late.nb));
    id = svm_alloc(&b);
    quiesced_with = 0;
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_EQ(t, quiesced_with, 1u);
    T_EXPECT_EQ(t, svm_heard(&b, IOASID_EVENT_UNBIND), 2u);
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    T_EXPECT_OK(t, ioasid_notifier_unregister(b.core, &late.nb));
    svm_close(&b);
}
