/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handlers that take their time, or do not come back as far as others can tell: what goes on meanwhile, and
 * what whoever needs their ID is told. Of every event, in whatever thread it is delivered.
 */
#include "tests/harness/env.h"
#include "tests/suites/svm_bench.h"

#define SECOND_NS 1000000000ull
#define LONG_NS   30000000000ull

/* What another thread does while a handler of the slow set is at work. */
static struct visit {
    struct plat_work work;
    struct svm_bench *bench; /* of the slow set */
    ioasid_t id;             /* the handler's */
    bool knocks;             /* asks for the turn on it too */
    int knocked, lived;
    bool ended; /* atomic */
    struct plat_waitq left;
} visit;

/* A whole life of an ID of another set. */
static int live(struct svm_bench *b)
{
    struct ioasid_set *set = ioasid_system_set(b->core);
    ioasid_t other;
    int rc = ioasid_alloc(set, 1, IOASID_NUMBERS - 1, &other);

    if (rc == 0)
        rc = ioasid_bind(set, other, b->devs[1], &b->cfg);
    if (rc == 0)
        rc = ioasid_unbind(set, other, b->devs[1]);
    return rc ? rc : ioasid_free(set, other);
}

static void pay_visit(unused struct plat_work *work)
{
    visit.lived = live(visit.bench);
    if (visit.knocks)
        visit.knocked = ioasid_flush(visit.bench->set, visit.id, (iova_t){0}, 0, false);
    __atomic_store_n(&visit.ended, true, __ATOMIC_RELEASE);
    plat_waitq_wake_all(&visit.left);
}

static bool never(void *arg unused)
{
    return false;
}

static bool has_left(void *arg unused)
{
    return __atomic_load_n(&visit.ended, __ATOMIC_ACQUIRE);
}

/* One second; or, with a knocking visitor, until that one has given up: for ever, as far as it can tell. */
static void take_time(struct svm_watcher *w, const struct ioasid_event *ev)
{
    if (ev->set != w->bench->set || visit.work.run)
        return;
    plat_waitq_init(&visit.left);
    visit.id = ev->id;
    visit.work.run = pay_visit;
    plat_work_queue(&visit.work);
    w->act_result =
        plat_wait(&visit.left, visit.knocks ? has_left : never, NULL, visit.knocks ? LONG_NS : SECOND_NS);
}

/* A life with one slow handler, of this event. */
static void slow_handler(struct t *t, enum ioasid_event_type event, bool for_ever)
{
    struct svm_bench b;
    ioasid_t id;

    svm_open(t, &b, 2);
    T_ASSERT_OK(t, ioasid_set_create(b.core, IOASID_TOKEN_NONE, NULL, 1, &b.set));
    svm_watch(&b, IOASID_LEVEL_CPU, event)->act = take_time;
    visit = (struct visit){.bench = &b, .knocks = for_ever};
    id = svm_alloc(&b);
    T_ASSERT_OK(t, plat_idle_wait(LONG_NS));
    T_EXPECT_OK(t, svm_do_bind(&b, id, 0));
    if (event == IOASID_EVENT_UNBIND)
        T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    T_EXPECT_ERR(t, ioasid_free(b.set, id), event == IOASID_EVENT_UNBIND ? 0 : -EINPROGRESS);
    T_ASSERT_OK(t, plat_idle_wait(LONG_NS));
    T_EXPECT(t, has_left(NULL));
    T_EXPECT_ERR(t, b.watchers[0].act_result, for_ever ? 0 : -ETIMEDOUT);
    T_EXPECT_OK(t, visit.lived);
    if (for_ever)
        T_EXPECT_ERR(t, visit.knocked, -ETIMEDOUT);
    T_EXPECT_ERR(t, ioasid_refs(b.set, id), -ENOENT);
    T_EXPECT_EQ(t, svm_presence(&b), 0u);
    T_EXPECT_OK(t, ioasid_set_destroy(b.set));
    svm_expect_audit(&b, 0);
    svm_close(&b);
}

TEST(
    handler, runs_a_second, .needs = SVM_NEEDS, .rows = "23", .flaws = "S4 C18",
    .doc = "while a handler runs for a second, of whichever event, an ID of another set lives its whole life")
{
    slow_handler(t, IOASID_EVENT_ALLOC, false);
    slow_handler(t, IOASID_EVENT_BIND, false);
    slow_handler(t, IOASID_EVENT_UNBIND, false);
    slow_handler(t, IOASID_EVENT_FREE, false);
}

TEST(handler, never_returns, .needs = SVM_NEEDS, .timeout_ms = 60000, .flaws = "S4 C18",
     .doc =
         "who wants an ID whose handler of BIND, or of FREE, does not come back is told so in bounded time; "
         "other sets go on, and so does this ID afterwards")
{
    if (env_is_host() && !env_has_stubs())
        t_skip(t, "ten seconds of strict units take long, and are those of units that record");
    slow_handler(t, IOASID_EVENT_BIND, true);
    slow_handler(t, IOASID_EVENT_FREE, true);
}
