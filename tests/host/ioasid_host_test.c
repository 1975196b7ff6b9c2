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
