/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every function that a subscriber may call, called from a handler of every event, on the very ID that the
 * event is about: what it answers, that it answers at all, and that nothing is left behind. tests/tools/
 * handler_calls_test.py looks that no function of the headers is missing here.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/env.h"
#include "tests/suites/svm_bench.h"

#define QUOTA     4u
#define SPID      7u
#define EVENTS    4u
#define FREE_NS   1000000000ull
#define SETTLE_NS 3000000000ull
#define SECOND_NS 1000000000ull
#define LONG_NS   30000000000ull

/* One life of one ID, with a user's reference, in a set of its own; device 0 is bound to it, device 1 is
 * not. */
struct scene {
    struct svm_bench bench;
    struct ioasid_core *core, *second;
    struct ioasid_set *set;
    ioasid_t id;
    bool used;  /* the user's reference is out */
    bool taken; /* or would be, if it could be had; atomic */
    struct ioasid_notifier nb;
    const struct call *call;
    enum ioasid_event_type on;
    unsigned called;
    int result;
};

/* A function, and what it answers in handlers of ALLOC, BIND, UNBIND and FREE. */
struct call {
    const char *name;
    int (*make)(struct scene *s);
    int want[EVENTS];
};

/* ---- Cores ---- */

/* It goes when no handler runs any more: to destroy a core is to wait for all work. */
static int call_ioasid_core_create(struct scene *s)
{
    return ioasid_core_create(4, &s->second);
}

static int call_ioasid_core_destroy(struct scene *s)
{
    return ioasid_core_destroy(s->core);
}

static int call_ioasid_system_set(struct scene *s)
{
    return ioasid_system_set(s->core) ? 0 : -ENOENT;
}

static int call_ioasid_core_of(struct scene *s)
{
    return ioasid_core_of(s->set) == s->core ? 0 : -ENOENT;
}

static int call_ioasid_set_lazy(struct scene *s)
{
    ioasid_set_lazy(s->core, false);
    return 0;
}

static int call_ioasid_stats(struct scene *s)
{
    struct ioasid_stats stats;

    ioasid_stats(s->core, &stats);
    return stats.live == 1 ? 0 : -EINVAL;
}

/* Which finds the event under way. */
static int call_ioasid_audit(struct scene *s)
{
    char text[160];

    return ioasid_audit(s->core, 1, text, sizeof(text));
}

/* ---- The ID ---- */

static int call_ioasid_alloc(struct scene *s)
{
    ioasid_t other;
    int rc = ioasid_alloc(s->set, 1, IOASID_NUMBERS - 1, &other);

    return rc ? rc : ioasid_free(s->set, other);
}

static int call_ioasid_get(struct scene *s)
{
    int rc = ioasid_get(s->set, s->id);

    return rc ? rc : ioasid_put(s->set, s->id);
}

static int call_ioasid_put(struct scene *s)
{
    s->used = false;
    return ioasid_put(s->set, s->id);
}

static int call_ioasid_free(struct scene *s)
{
    return ioasid_free(s->set, s->id);
}

static int call_ioasid_free_sync(struct scene *s)
{
    return ioasid_free_sync(s->set, s->id, FREE_NS);
}

static int call_ioasid_refs(struct scene *s)
{
    int rc = ioasid_refs(s->set, s->id);

    return rc > 0 ? 0 : rc;
}

static int call_ioasid_lookup(struct scene *s)
{
    ioasid_t id;
    int rc = ioasid_lookup(s->core, ioasid_number(s->id), &id);

    return rc == 0 && !ioasid_eq(id, s->id) ? -ESTALE : rc;
}

static int call_ioasid_data_set(struct scene *s)
{
    void *old;
    int rc = ioasid_data_set(s->core, s->id, s);

    return rc ? rc : ioasid_data_take(s->core, s->id, &old);
}

/* Of another ID: this one's is the driver's. */
static int call_ioasid_data_take(struct scene *s)
{
    ioasid_t other;
    void *old;
    int rc = ioasid_alloc(s->set, 1, IOASID_NUMBERS - 1, &other);

    if (rc == 0)
        rc = ioasid_data_set(s->core, other, s);
    if (rc == 0)
        rc = ioasid_data_take(s->core, other, &old);
    return rc ? rc : ioasid_free(s->set, other);
}

static int call_ioasid_data_find(struct scene *s)
{
    void *data;
    int rc;

    plat_read_enter();
    rc = ioasid_data_find(s->set, s->id, &data);
    plat_read_exit();
    return rc;
}

static int call_ioasid_spid_attach(struct scene *s)
{
    int rc = ioasid_spid_attach(s->core, s->id, SPID);

    return rc ? rc : ioasid_spid_detach(s->core, s->id);
}

static int call_ioasid_spid_detach(struct scene *s)
{
    return ioasid_spid_detach(s->core, s->id);
}

static int call_ioasid_spid_find(struct scene *s)
{
    ioasid_t id;

    return ioasid_spid_find(s->set, SPID, true, &id);
}

/* ---- Sets ---- */

static int call_ioasid_set_create(struct scene *s)
{
    struct ioasid_set *set;
    int rc = ioasid_set_create(s->core, IOASID_TOKEN_MM, &s->core, 1, &set);

    return rc ? rc : ioasid_set_destroy(set);
}

static int call_ioasid_set_adjust(struct scene *s)
{
    return ioasid_set_adjust(s->set, QUOTA + 1);
}

static int call_ioasid_set_destroy(struct scene *s)
{
    return ioasid_set_destroy(s->set);
}

static int call_ioasid_set_info(struct scene *s)
{
    struct ioasid_set_info info;

    return ioasid_set_info(s->set, &info);
}

static int call_ioasid_free_all(struct scene *s)
{
    return ioasid_free_all(s->set);
}

static int call_ioasid_capacity_reserve(struct scene *s)
{
    int rc = ioasid_capacity_reserve(s->core, 1);

    return rc ? rc : ioasid_capacity_cancel(s->core, 1);
}

static int call_ioasid_capacity_cancel(struct scene *s)
{
    return ioasid_capacity_cancel(s->core, 1);
}

/* ---- Allocators and subscribers ---- */

static int take_none(unused struct ioasid_allocator *a, unused uint32_t min, unused uint32_t max,
                     unused uint32_t *number)
{
    return -ENOSPC;
}

static int give_none(unused struct ioasid_allocator *a, unused uint32_t number)
{
    return -EINVAL;
}

static const struct ioasid_allocator_ops ops = {.alloc = take_none, .free = give_none};
static struct ioasid_allocator allocator = {.ops = &ops, .name = "empty"};

static int call_ioasid_allocator_register(struct scene *s)
{
    return ioasid_allocator_register(s->core, &allocator);
}

static int call_ioasid_allocator_unregister(struct scene *s)
{
    return ioasid_allocator_unregister(s->core, &allocator);
}

static int hear_nothing(unused struct ioasid_notifier *nb, unused const struct ioasid_event *ev)
{
    return 0;
}

static struct ioasid_notifier newcomer = {
    .handler = hear_nothing, .level = IOASID_LEVEL_DEVICE, .events = IOASID_EVENT_ALL, .name = "newcomer"};

static int call_ioasid_notifier_register(struct scene *s)
{
    return ioasid_notifier_register(s->core, s->set, &newcomer);
}

/* Of a token that no set has. */
static int call_ioasid_notifier_register_token(struct scene *s)
{
    int rc = ioasid_notifier_register_token(s->core, IOASID_TOKEN_MM, &newcomer, &newcomer);

    return rc ? rc : ioasid_notifier_unregister(s->core, &newcomer);
}

static int call_ioasid_notifier_unregister(struct scene *s)
{
    return ioasid_notifier_unregister(s->core, &s->nb);
}

/* ---- Bindings ---- */

static int call_ioasid_bind(struct scene *s)
{
    int rc = ioasid_bind(s->set, s->id, s->bench.devs[1], &s->bench.cfg);

    return rc ? rc : ioasid_unbind(s->set, s->id, s->bench.devs[1]);
}

static int call_ioasid_unbind(struct scene *s)
{
    return ioasid_unbind(s->set, s->id, s->bench.devs[0]);
}

static int call_ioasid_flush(struct scene *s)
{
    return ioasid_flush(s->set, s->id, (iova_t){0}, 0, false);
}

static int call_ioasid_flush_below(struct scene *s)
{
    return ioasid_flush_below(s->set, s->id, (iova_t){0}, 0, false);
}

static int call_ioasid_table_gone(struct scene *s)
{
    return ioasid_table_gone(s->set, s->id);
}

/* ---- The table ---- */

#define CALL(function, alloc, bind, unbind, free)                                                            \
    {                                                                                                        \
#function, call_##function,                                                                          \
        {                                                                                                    \
            alloc, bind, unbind, free                                                                        \
        }                                                                                                    \
    }

static const struct call calls[] = {
    CALL(ioasid_core_create, 0, 0, 0, 0),
    CALL(ioasid_core_destroy, -EBUSY, -EBUSY, -EBUSY, -EBUSY),
    CALL(ioasid_system_set, 0, 0, 0, 0),
    CALL(ioasid_core_of, 0, 0, 0, 0),
    CALL(ioasid_set_lazy, 0, 0, 0, 0),
    CALL(ioasid_stats, 0, 0, 0, 0),
    CALL(ioasid_audit, -EINVAL, -EINVAL, -EINVAL, -EINVAL),
    CALL(ioasid_alloc, 0, 0, 0, 0),
    CALL(ioasid_get, 0, 0, 0, -EBUSY),
    CALL(ioasid_put, 0, 0, 0, 0),
    CALL(ioasid_free, -EINPROGRESS, -EINPROGRESS, -EINPROGRESS, -EALREADY),
    CALL(ioasid_free_sync, -EDEADLK, -EDEADLK, -EDEADLK, -EDEADLK),
    CALL(ioasid_refs, 0, 0, 0, 0),
    CALL(ioasid_lookup, 0, 0, 0, 0),
    CALL(ioasid_data_set, 0, -EBUSY, -EBUSY, -EBUSY),
    CALL(ioasid_data_take, 0, 0, 0, 0),
    CALL(ioasid_data_find, -ENOENT, 0, 0, -EBUSY),
    CALL(ioasid_spid_attach, 0, 0, 0, -EBUSY),
    CALL(ioasid_spid_detach, -ENOENT, -ENOENT, -ENOENT, -ENOENT),
    CALL(ioasid_spid_find, -ENOENT, -ENOENT, -ENOENT, -ENOENT),
    CALL(ioasid_set_create, 0, 0, 0, 0),
    CALL(ioasid_set_adjust, 0, 0, 0, 0),
    CALL(ioasid_set_destroy, -EINPROGRESS, -EINPROGRESS, -EINPROGRESS, -EINPROGRESS),
    CALL(ioasid_set_info, 0, 0, 0, 0),
    CALL(ioasid_free_all, -EINPROGRESS, -EINPROGRESS, -EINPROGRESS, -EINPROGRESS),
    CALL(ioasid_capacity_reserve, 0, 0, 0, 0),
    CALL(ioasid_capacity_cancel, -EINVAL, -EINVAL, -EINVAL, -EINVAL),
    CALL(ioasid_allocator_register, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN),
    CALL(ioasid_allocator_unregister, -ENOENT, -ENOENT, -ENOENT, -ENOENT),
    CALL(ioasid_notifier_register, -EBUSY, -EBUSY, -EBUSY, -EBUSY),
    CALL(ioasid_notifier_register_token, 0, 0, 0, 0),
    CALL(ioasid_notifier_unregister, -EDEADLK, -EDEADLK, -EDEADLK, -EDEADLK),
    CALL(ioasid_bind, -EBUSY, 0, 0, -EBUSY),
    CALL(ioasid_unbind, -ENOENT, -EBUSY, -ENOENT, 0),
    CALL(ioasid_flush, -ENOENT, 0, 0, -EBUSY),
    CALL(ioasid_flush_below, -ENOENT, 0, 0, -EBUSY),
    CALL(ioasid_table_gone, -ENOENT, 0, 0, -EBUSY),
};

/* ---- One life ---- */

static int hear(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct scene *s = container_of(nb, struct scene, nb);
    uint64_t end = plat_now_ns() + SECOND_NS;

    if (ev->type != s->on || s->called)
        return 0;
    s->called++;
    s->id = ev->id; /* of an ALLOC that comes before the call has returned */
    while (!__atomic_load_n(&s->taken, __ATOMIC_ACQUIRE) && plat_now_ns() < end)
        plat_relax();
    s->result = s->call->make(s);
    return 0;
}

static void settle(struct scene *s)
{
    T_ASSERT_OK(s->bench.t, plat_idle_wait(SETTLE_NS));
}

/* From alloc to free, whatever the handler has done to it; a call that it made vain has failed by then. */
static void live(struct scene *s)
{
    __atomic_store_n(&s->taken, false, __ATOMIC_RELAXED);
    (void)!ioasid_alloc(s->set, 1, IOASID_NUMBERS - 1, &s->id);
    s->used = ioasid_get(s->set, s->id) == 0;
    __atomic_store_n(&s->taken, true, __ATOMIC_RELEASE); /* the handler may run on another CPU meanwhile */
    settle(s);
    (void)!ioasid_bind(s->set, s->id, s->bench.devs[0], &s->bench.cfg);
    settle(s);
    if (s->on == IOASID_EVENT_UNBIND)
        (void)!ioasid_unbind(s->set, s->id, s->bench.devs[0]);
    (void)!ioasid_free(s->set, s->id);
    settle(s);
    (void)!ioasid_unbind(s->set, s->id, s->bench.devs[0]);
    if (s->used)
        (void)!ioasid_put(s->set, s->id);
    settle(s);
}

static void try_call(struct scene *s, const struct call *call, unsigned event)
{
    struct t *t = s->bench.t;
    int rc;

    s->call = call;
    s->on = (enum ioasid_event_type)pow2(event);
    s->called = 0;
    s->result = -ENOSYS;
    T_ASSERT_OK(t, ioasid_set_create(s->core, IOASID_TOKEN_MM, s, QUOTA, &s->set));
    live(s);
    rc = ioasid_set_destroy(s->set);
    settle(s);
    if (s->second)
        T_EXPECT_OK(t, ioasid_core_destroy(s->second));
    s->second = NULL;
    if (T_EXPECT_EQ(t, s->called, 1u) && T_EXPECT_ERR(t, s->result, call->want[event]) &&
        T_EXPECT(t, rc == 0 || rc == -EALREADY || rc == -ESTALE) &&
        T_EXPECT_EQ(t, svm_presence(&s->bench), 0u))
        return;
    t_note(t, "%s in a handler of event %u: %s, the set then %s", call->name, (unsigned)s->on,
           t_errno_name(s->result), t_errno_name(rc));
}

static void every_call(struct t *t, unsigned event)
{
    struct scene s = {.nb = {.handler = hear, .level = IOASID_LEVEL_CPU, .events = IOASID_EVENT_ALL}};

    svm_open(t, &s.bench, 2);
    s.core = s.bench.core;
    T_ASSERT_OK(t, ioasid_notifier_register_token(s.core, IOASID_TOKEN_MM, &s, &s.nb));
    for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
        try_call(&s, &calls[i], event);
    T_EXPECT_OK(t, ioasid_notifier_unregister(s.core, &s.nb));
    svm_expect_audit(&s.bench, 0);
    svm_close(&s.bench);
}

TEST(
    handler, calls_in_alloc, .needs = SVM_NEEDS, .rows = "38", .flaws = "S3 S4",
    .doc = "a handler of ALLOC may call every function, on the ID itself: each has its answer, nothing stays")
{
    every_call(t, 0);
}

TEST(handler, calls_in_bind, .needs = SVM_NEEDS, .rows = "36 38", .flaws = "S3 S4",
     .doc = "the same in a handler of BIND")
{
    every_call(t, 1);
}

TEST(handler, calls_in_unbind, .needs = SVM_NEEDS, .rows = "38", .flaws = "S3 S4",
     .doc = "the same in a handler of UNBIND")
{
    every_call(t, 2);
}

TEST(handler, calls_in_free, .needs = SVM_NEEDS, .rows = "35 37 38", .flaws = "S3 S4",
     .doc = "the same in a handler of FREE")
{
    every_call(t, 3);
}

/* ---- Handlers that take their time ---- */

/* What another thread does while a handler is at work. */
struct visit {
    struct plat_work work;
    struct svm_bench *bench;
    ioasid_t id;
    bool knocks; /* asks for the turn on the handler's ID too */
    int knocked, lived;
    bool ended; /* atomic */
};

static struct visit visit;

static void pay_visit(unused struct plat_work *work)
{
    struct svm_bench *b = visit.bench;
    ioasid_t other;

    visit.lived = ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &other);
    if (visit.lived == 0)
        visit.lived = svm_do_bind(b, other, 1);
    if (visit.lived == 0)
        visit.lived = svm_do_unbind(b, other, 1);
    if (visit.lived == 0)
        visit.lived = ioasid_free(b->set, other);
    if (visit.knocks)
        visit.knocked = ioasid_flush(b->set, visit.id, (iova_t){0}, 0, false);
    __atomic_store_n(&visit.ended, true, __ATOMIC_RELEASE);
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
    struct plat_waitq wq;

    if (!ioasid_eq(ev->id, visit.id) || visit.work.run)
        return;
    plat_waitq_init(&wq);
    visit.work.run = pay_visit;
    plat_work_queue(&visit.work);
    w->act_result = plat_wait(&wq, visit.knocks ? has_left : never, NULL, visit.knocks ? LONG_NS : SECOND_NS);
}

/* A handler of BIND takes its time, in the thread that binds. */
static void slow_handler(struct t *t, bool for_ever)
{
    struct svm_bench b;

    svm_open(t, &b, 2);
    svm_watch(&b, IOASID_LEVEL_CPU, IOASID_EVENT_BIND)->act = take_time;
    visit = (struct visit){.bench = &b, .id = svm_alloc(&b), .knocks = for_ever};
    T_EXPECT_OK(t, svm_do_bind(&b, visit.id, 0));
    T_EXPECT(t, __atomic_load_n(&visit.ended, __ATOMIC_ACQUIRE));
    T_EXPECT_ERR(t, b.watchers[0].act_result, for_ever ? 0 : -ETIMEDOUT);
    T_EXPECT_OK(t, visit.lived);
    if (for_ever)
        T_EXPECT_ERR(t, visit.knocked, -ETIMEDOUT);
    T_EXPECT_OK(t, ioasid_flush(b.set, visit.id, (iova_t){0}, 0, false));
    T_EXPECT_OK(t, svm_do_unbind(&b, visit.id, 0));
    T_EXPECT_OK(t, ioasid_free(b.set, visit.id));
    svm_expect_audit(&b, 0);
    svm_close(&b);
}

TEST(handler, runs_a_second, .needs = SVM_NEEDS, .rows = "58", .flaws = "S4 C18",
     .doc = "while a handler runs for a second another ID lives its whole life")
{
    slow_handler(t, false);
}

TEST(handler, never_returns, .needs = SVM_NEEDS, .timeout_ms = 60000, .flaws = "S4",
     .doc = "who wants an ID whose handler does not come back is told so in bounded time; other IDs go on, "
            "and so does this one afterwards")
{
    if (env_is_host() && !env_has_stubs())
        t_skip(t, "ten seconds of strict units take long, and are those of units that record");
    slow_handler(t, true);
}
