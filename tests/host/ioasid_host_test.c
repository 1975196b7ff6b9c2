/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOASID core without memory: each allocation of a call fails in turn. The call says so, leaves nothing
 * behind, and works the next time.
 */
#include "tests/host/host.h"
#include "tests/suites/core_bench.h"

#define MOST 8 /* allocations of one call */

struct state {
    struct core_bench c;
    struct ioasid_set *set;
    ioasid_t id;
};

static int make_core(struct state *s)
{
    struct ioasid_core *core;
    int rc = ioasid_core_create(8, &core);

    if (rc == 0)
        T_ASSERT_OK(s->c.t, ioasid_core_destroy(core));
    return rc;
}

static int make_set(struct state *s)
{
    struct ioasid_set *set;
    int rc = ioasid_set_create(s->c.core, IOASID_TOKEN_MM, s, 4, &set);

    if (rc == 0)
        T_ASSERT_OK(s->c.t, ioasid_set_destroy(set));
    return rc;
}

static int make_id(struct state *s)
{
    ioasid_t id;
    int rc = ioasid_alloc(s->set, 1, s->c.last, &id);

    if (rc == 0)
        T_ASSERT_OK(s->c.t, ioasid_free(s->set, id));
    return rc;
}

static int make_spid(struct state *s)
{
    int rc = ioasid_spid_attach(s->c.core, s->id, 7);

    if (rc == 0)
        T_ASSERT_OK(s->c.t, ioasid_spid_detach(s->c.core, s->id));
    return rc;
}

/* Fails the first, the second ... allocation until the call needs no more; how many it needed. */
static int starve(struct state *s, int (*call)(struct state *s))
{
    for (int n = 1; n <= MOST; n++) {
        int rc;

        core_settle(&s->c);
        host_fail_allocation((unsigned)n);
        rc = call(s);
        host_fail_allocation(0);
        if (rc == 0)
            return n - 1;
        T_ASSERT_ERR(s->c.t, rc, -ENOMEM);
        T_ASSERT_OK(s->c.t, call(s));
        core_settle(&s->c);
        core_audit(&s->c, core_stats(&s->c).live);
        T_ASSERT_EQ(s->c.t, core_info(&s->c, s->set).live, core_stats(&s->c).live);
    }
    t_fail(s->c.t, "more than %d allocations", MOST);
}

TEST(ioasid, no_memory, .rows = "3 5", .flaws = "C4 S26",
     .doc = "whichever allocation fails, of a core, a set, an IOASID or an SPID: -ENOMEM, nothing is left, "
            "the next works")
{
    struct state s;

    core_open(t, &s.c, 8);
    s.set = core_set(&s.c, 4);
    T_EXPECT_EQ(t, starve(&s, make_core), 2);
    T_EXPECT_EQ(t, starve(&s, make_set), 1);
    T_EXPECT_EQ(t, starve(&s, make_id), 2);
    s.id = core_alloc(&s.c, s.set);
    T_EXPECT_EQ(t, starve(&s, make_spid), 2);
    T_EXPECT_OK(t, ioasid_set_destroy(s.set));
    core_close(&s.c);
}

TEST(ioasid, pointer_of_one_life, .needs = NEED_HOST, .rows = "7 29",
     .doc =
         "a private pointer that was left behind is found neither in the next life of the number, nor by a "
         "handle of no life, before or after")
{
    struct core_bench c;
    struct ioasid_set *set;
    ioasid_t keeper, id, next; /* the first keeps the memory of the others' records there */
    void *data;

    core_open(t, &c, 2);
    set = core_set(&c, 1);
    T_ASSERT_OK(t, ioasid_alloc(c.system, 3, 3, &keeper));
    for (unsigned lives = 0; lives < 2; lives++) {
        struct ioasid_set *owner = lives ? c.system : set; /* index 1, the number; index 0 */

        if (lives)
            T_ASSERT_OK(t, ioasid_set_destroy(set));
        T_EXPECT_ERR(t, ioasid_data_find(owner, ioasid_make(1, 0), &data), -ENOENT);
        id = core_alloc(&c, owner);
        T_ASSERT_OK(t, ioasid_data_set(c.core, id, &c));
        T_EXPECT_OK(t, ioasid_free(owner, id));
        T_EXPECT_ERR(t, ioasid_data_find(owner, id, &data), -ENOENT);
        T_EXPECT_ERR(t, ioasid_data_find(owner, ioasid_make(1, 0), &data), -ENOENT);
        T_EXPECT_ERR(t, ioasid_free(owner, ioasid_make(1, 0)), -ENOENT);
        core_settle(&c);
        next = core_alloc(&c, owner);
        T_ASSERT_EQ(t, ioasid_number(next), ioasid_number(id));
        T_EXPECT_ERR(t, ioasid_data_find(owner, next, &data), -ENOENT);
        T_EXPECT_OK(t, ioasid_data_set(c.core, next, t));
        T_EXPECT_OK(t, ioasid_free(owner, next));
        core_settle(&c);
    }
    T_EXPECT_OK(t, ioasid_free(c.system, keeper));
    core_close(&c);
}

/* Allocates `count` IDs and frees them again, in the order of their numbers. */
static void come_and_go(struct core_bench *c, unsigned count)
{
    static ioasid_t ids[1u << 10];

    for (unsigned i = 0; i < count; i++)
        ids[i] = core_alloc(c, c->system);
    for (unsigned i = 0; i < count; i++)
        T_EXPECT_OK(c->t, ioasid_free(c->system, ids[i]));
}

TEST(ioasid, many_in_limbo, .needs = NEED_HOST, .rows = "43",
     .doc = "all numbers are freed while one grace period lasts: every one waits for it, and every one comes "
            "back, once; the same in lazy mode")
{
    struct core_bench c;
    ioasid_t one;

    core_open(t, &c, 10);
    for (unsigned lazy = 0; lazy < 2; lazy++) {
        ioasid_set_lazy(c.core, lazy);
        for (unsigned round = 0; round < 3; round++) {
            plat_read_enter();
            come_and_go(&c, c.last);
            T_EXPECT_EQ(t, core_stats(&c).limbo, c.last);
            T_EXPECT_ERR(t, ioasid_alloc(c.system, 1, c.last, &one), -ENOSPC);
            plat_read_exit();
            core_audit(&c, 0);
            core_settle(&c);
            core_audit(&c, 0);
            T_EXPECT_EQ(t, core_stats(&c).limbo, 0u);
        }
    }
    come_and_go(&c, c.last);
    core_close(&c);
}
