/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an IOASID may be freed: anywhere. The calls are made where nothing may wait, and the platform's own
 * check would end one that does; FREE is delivered afterwards, by somebody else.
 */
#include <errno.h>

#include "tests/harness/env.h"
#include "tests/suites/core_bench.h"

#define CALL_NS 1000000000ull

struct call {
    struct ioasid_set *set;
    ioasid_t id;
    struct plat_lock lock;
    int result;
};

static void in_reader(void *arg)
{
    struct call *call = arg;

    plat_read_enter();
    call->result = ioasid_free(call->set, call->id);
    plat_read_exit();
}

static void under_lock(void *arg)
{
    struct call *call = arg;

    plat_lock(&call->lock);
    call->result = ioasid_free(call->set, call->id);
    plat_unlock(&call->lock);
}

/* Its result. To have waited there fails the case. */
static int free_in(struct t *t, void (*context)(void *arg), struct ioasid_set *set, ioasid_t id)
{
    struct call call = {.set = set, .id = id};
    struct env_guard guard;

    plat_lock_init(&call.lock, "test caller");
    env_guard(context, &call, CALL_NS, &guard);
    if (guard.end != ENV_RETURNED)
        t_fail(t, "ioasid_free: %s", guard.text);
    return call.result;
}

/* All that a free can find: users who hear of it, one that was freed already, nobody, no such ID. */
static void free_all(struct t *t, void (*context)(void *arg))
{
    struct core_bench c;
    ioasid_t used, unused_id;

    core_open(t, &c, 8);
    core_listen(&c, 0, IOASID_ANY_SET, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE);
    used = core_alloc_used(&c, c.system);
    unused_id = core_alloc(&c, c.system);
    T_EXPECT_ERR(t, free_in(t, context, c.system, used), -EINPROGRESS);
    T_EXPECT_ERR(t, free_in(t, context, c.system, used), -EALREADY);
    T_EXPECT_ERR(t, free_in(t, context, c.system, unused_id), 0);
    T_EXPECT_ERR(t, free_in(t, context, c.system, unused_id), -ENOENT);
    core_settle(&c);
    T_EXPECT_EQ(t, c.ears[0].heard, 1u);
    T_EXPECT_ERR(t, ioasid_put(c.system, used), 1);
    core_close(&c);
}

TEST(ioasid, free_in_reader, .flaws = "S5",
     .doc = "free inside of a read section does not wait, for a grace period or for whoever hears of it")
{
    free_all(t, in_reader);
}

TEST(ioasid, free_under_lock, .flaws = "S5",
     .doc = "free with a lock of the caller's held does not wait either")
{
    free_all(t, under_lock);
}
