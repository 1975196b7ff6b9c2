/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where numbers come from: custom allocators and how they take over from each other, numbers that such an
 * allocator refuses to take back, and the lazy mode of our own pool.
 */
#include "tests/suites/core_bench.h"

/* An allocator as a hypervisor could be one: hands out what it likes. */
struct vendor {
    struct ioasid_allocator a;
    uint32_t next;   /* handed out next, if it is in range */
    int alloc_error; /* returned instead */
    int free_error;
    unsigned allocs, frees;
    uint32_t freed;            /* the last one */
    unsigned locks;            /* seen held by the caller */
    struct ioasid_set *victim; /* destroyed while a number is asked for */
    int destroyed;
    struct ioasid_set *next_user; /* allocates what is being taken back */
    ioasid_t again;
    int again_result;
};

static int vendor_alloc(struct ioasid_allocator *a, uint32_t min, uint32_t max, uint32_t *number)
{
    struct vendor *v = container_of(a, struct vendor, a);

    v->allocs++;
    v->locks += plat_locks_held();
    if (v->victim)
        v->destroyed = ioasid_set_destroy(v->victim);
    if (v->alloc_error)
        return v->alloc_error;
    if (v->next < min || v->next > max)
        return -ENOSPC;
    *number = v->next++;
    return 0;
}

static int vendor_free(struct ioasid_allocator *a, uint32_t number)
{
    struct vendor *v = container_of(a, struct vendor, a);

    v->frees++;
    v->freed = number;
    v->locks += plat_locks_held();
    if (v->next_user) {
        v->next = number;
        v->again_result = ioasid_alloc(v->next_user, 1, IOASID_NUMBERS - 1, &v->again);
        v->next_user = NULL;
    }
    return v->free_error;
}

static const struct ioasid_allocator_ops ops_a = {vendor_alloc, vendor_free};
static const struct ioasid_allocator_ops ops_b = {vendor_alloc, vendor_free};

static struct vendor vendor(const struct ioasid_allocator_ops *ops, uint32_t first)
{
    return (struct vendor){.a = {.ops = ops, .name = "vendor"}, .next = first};
}

/* What it answers from now on, and the number that it hands out next. */
static void will_answer(struct vendor *v, int alloc_error, int free_error, uint32_t next)
{
    v->alloc_error = alloc_error;
    v->free_error = free_error;
    v->next = next;
}

/* ---- Who serves ---- */

TEST(alloc, custom_serves, .rows = "59",
     .doc = "the custom allocator's numbers are handed out, each goes back to it after its grace period, no "
            "lock is "
            "held")
{
    struct core_bench c;
    struct vendor v;
    ioasid_t id;

    core_open(t, &c, 8);
    v = vendor(&ops_a, 40);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    id = core_alloc_used(&c, c.system);
    T_EXPECT_EQ(t, ioasid_number(id), 40u);
    T_EXPECT_ERR(t, ioasid_free(c.system, id), -EINPROGRESS);
    core_settle(&c);
    T_EXPECT_EQ(t, v.frees, 0u);
    plat_read_enter();
    T_EXPECT_ERR(t, ioasid_put(c.system, id), 1);
    T_EXPECT_EQ(t, v.frees, 0u);
    plat_read_exit();
    core_settle(&c);
    T_EXPECT_EQ(t, v.frees, 1u);
    T_EXPECT_EQ(t, v.freed, 40u);
    T_EXPECT_EQ(t, v.locks, 0u);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    T_EXPECT_OK(t, ioasid_free(c.system, core_alloc(&c, c.system)));
    T_EXPECT_EQ(t, v.allocs, 1u);
    core_close(&c);
}

TEST(alloc, switch_needs_silence, .rows = "59 60",
     .doc =
         "no switch while a number is out: -EAGAIN to the custom allocator, -EBUSY back, and each once it is "
         "reclaimed")
{
    struct core_bench c;
    struct vendor v;
    ioasid_t id;

    core_open(t, &c, 8);
    v = vendor(&ops_a, 40);
    id = core_alloc(&c, c.system);
    T_EXPECT_ERR(t, ioasid_allocator_register(c.core, &v.a), -EAGAIN);
    T_EXPECT_ERR(t, ioasid_allocator_unregister(c.core, &v.a), -ENOENT);
    plat_read_enter();
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    T_EXPECT_ERR(t, ioasid_allocator_register(c.core, &v.a), -EAGAIN); /* its number is not back yet */
    plat_read_exit();
    core_settle(&c);
    T_EXPECT_OK(t, ioasid_allocator_register(c.core, &v.a));
    T_EXPECT_ERR(t, ioasid_allocator_register(c.core, &v.a), -EEXIST);
    id = core_alloc(&c, c.system);
    T_EXPECT_EQ(t, ioasid_number(id), 40u);
    T_EXPECT_ERR(t, ioasid_allocator_unregister(c.core, &v.a), -EBUSY);
    T_EXPECT_EQ(t, ioasid_refs(c.system, id), 1);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_settle(&c);
    T_EXPECT_EQ(t, v.frees, 1u);
    T_EXPECT_ERR(t, ioasid_core_destroy(c.core), -EBUSY);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    core_close(&c);
}

TEST(alloc, same_functions_share, .rows = "60",
     .doc = "allocators with the same functions are one space: one of them goes with IDs live, the other "
            "serves on")
{
    struct core_bench c;
    struct vendor v, w;
    ioasid_t id;

    core_open(t, &c, 8);
    v = vendor(&ops_a, 40);
    w = vendor(&ops_a, 60);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &w.a));
    id = core_alloc(&c, c.system);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    T_EXPECT_ERR(t, ioasid_allocator_unregister(c.core, &w.a), -EBUSY);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_settle(&c);
    T_EXPECT_EQ(t, w.freed, 40u);
    T_EXPECT_OK(t, ioasid_free(c.system, core_alloc(&c, c.system)));
    core_settle(&c);
    T_EXPECT_EQ(t, w.freed, 60u);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &w.a));
    core_close(&c);
}

TEST(alloc, precedence, .rows = "60",
     .doc = "an allocator with other functions waits for the one in use to go, then takes over; our own pool "
            "is last")
{
    struct core_bench c;
    struct vendor v, w;
    ioasid_t id;

    core_open(t, &c, 8);
    v = vendor(&ops_a, 40);
    w = vendor(&ops_b, 60);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    id = core_alloc(&c, c.system);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &w.a));
    T_EXPECT_ERR(t, ioasid_allocator_unregister(c.core, &v.a), -EBUSY);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_settle(&c);
    T_EXPECT_EQ(t, w.frees, 0u);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    id = core_alloc(&c, c.system);
    T_EXPECT_EQ(t, ioasid_number(id), 60u);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_settle(&c);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &w.a));
    id = core_alloc(&c, c.system);
    T_EXPECT_EQ(t, ioasid_number(id), 1u);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_close(&c);
}

TEST(alloc, custom_hands_out_again, .rows = "59",
     .doc =
         "a number that its allocator hands out before it has returned from taking it back lives again, for "
         "somebody else")
{
    struct ioasid_set *set;
    struct core_bench c;
    struct vendor v;
    ioasid_t id;

    core_open(t, &c, IOASID_BITS);
    v = vendor(&ops_a, 40);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    set = core_set(&c, 1);
    v.next_user = set;
    v.again_result = -EINVAL;
    id = core_alloc(&c, c.system);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_settle(&c);
    T_ASSERT_OK(t, v.again_result);
    T_EXPECT_EQ(t, ioasid_number(v.again), ioasid_number(id));
    T_EXPECT_EQ(t, ioasid_refs(set, v.again), 1);
    T_EXPECT_ERR(t, ioasid_refs(c.system, id), -ENOENT);
    core_audit(&c, 1);
    T_EXPECT_ERR(t, ioasid_allocator_unregister(c.core, &v.a), -EBUSY);
    T_EXPECT_OK(t, ioasid_free(set, v.again));
    core_settle(&c);
    T_EXPECT_EQ(t, v.frees, 2u);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    core_close(&c);
}

/* ---- What goes wrong ---- */

TEST(alloc, custom_fails, .rows = "2 3", .flaws = "C4",
     .doc = "an allocator that has nothing, or hands out what is out already or outside: -ENOSPC, and "
            "nothing counted")
{
    struct ioasid_set *set;
    struct core_bench c;
    struct vendor v;
    ioasid_t id, none;

    core_open(t, &c, 8);
    v = vendor(&ops_a, 40);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    set = core_set(&c, 2);
    id = core_alloc(&c, set);
    will_answer(&v, -ENOSPC, 0, 41);
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &none), -ENOSPC);
    will_answer(&v, 0, 0, 40);
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &none), -ENOSPC);
    will_answer(&v, 0, 0, 50);
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, 45, &none), -ENOSPC);
    T_EXPECT_EQ(t, core_info(&c, set).live, 1u);
    T_EXPECT_EQ(t, ioasid_refs(set, id), 1);
    T_EXPECT_EQ(t, v.frees, 0u);
    T_EXPECT_OK(t, ioasid_alloc(set, 1, c.last, &none));
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &none), -EDQUOT);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_settle(&c);
    T_EXPECT_EQ(t, v.frees, 2u);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    core_close(&c);
}

TEST(alloc, quarantine, .rows = "61",
     .doc =
         "a number that is refused at free is counted and never handed out again, by its allocator nor by us")
{
    struct ioasid_set *set;
    struct core_bench c;
    struct vendor v;
    ioasid_t id, again;

    core_open(t, &c, 4);
    v = vendor(&ops_a, 3);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    set = core_set(&c, 1);
    id = core_alloc(&c, set);
    will_answer(&v, 0, -EIO, 4);
    T_EXPECT_OK(t, ioasid_free(set, id));
    core_settle(&c);
    T_EXPECT_EQ(t, core_stats(&c).quarantined, 1u);
    core_audit(&c, 0);
    will_answer(&v, 0, 0, 3);
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &again), -ENOSPC);
    T_EXPECT_OK(t, ioasid_alloc(set, 4, 4, &again)); /* and it does not count against the quota */
    T_EXPECT_OK(t, ioasid_free(set, again));
    core_settle(&c);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    T_EXPECT_ERR(t, ioasid_alloc(set, 3, 3, &again), -ENOSPC);
    for (uint32_t n = 1; n <= c.last; n++)
        T_EXPECT_ERR(t, ioasid_alloc(c.system, n, n, &again), n == 3 || n == c.last ? -ENOSPC : 0);
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_close(&c);
}

TEST(alloc, set_dies_meanwhile, .rows = "46", .flaws = "S26 C7",
     .doc = "a set that is destroyed while the allocator is at work gets no number: it goes back, and the "
            "set is over")
{
    struct ioasid_set *set;
    struct core_bench c;
    struct vendor v;
    ioasid_t id;

    core_open(t, &c, 8);
    v = vendor(&ops_a, 40);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    set = core_set(&c, 2);
    v.victim = set;
    T_EXPECT_ERR(t, ioasid_alloc(set, 1, c.last, &id), -ESTALE);
    T_EXPECT_ERR(t, v.destroyed, -EINPROGRESS);
    T_EXPECT_EQ(t, v.freed, 40u);
    T_EXPECT_EQ(t, core_stats(&c).sets, 1u);
    T_EXPECT_EQ(t, core_stats(&c).available, 255u);
    core_settle(&c);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    core_close(&c);
}

/* ---- Which number is next ---- */

TEST(alloc, reuse_at_once,
     .doc = "a number that was returned is the next one in its range, unless the range is exact")
{
    struct core_bench c;
    ioasid_t ids[6], id;

    core_open(t, &c, 8);
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
        ids[i] = core_alloc(&c, c.system);
    T_EXPECT_OK(t, ioasid_free(c.system, ids[2]));
    core_settle(&c);
    id = core_alloc(&c, c.system);
    T_EXPECT_EQ(t, ioasid_number(id), ioasid_number(ids[2]));
    T_EXPECT_OK(t, ioasid_free(c.system, ids[1]));
    T_EXPECT_OK(t, ioasid_free(c.system, ids[4]));
    core_settle(&c);
    T_EXPECT_OK(t, ioasid_alloc(c.system, 3, 9, &id));
    T_EXPECT_EQ(t, ioasid_number(id), ioasid_number(ids[4]));
    T_EXPECT_OK(t, ioasid_alloc(c.system, 2, 2, &id));
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    core_close(&c);
}

TEST(
    alloc, lazy, .flaws = "H2",
    .doc =
        "in lazy mode a number that was used comes after all that were not, and the one unused longest first")
{
    static const uint32_t freed[] = {2, 5, 1};
    struct core_bench c;
    ioasid_t ids[8], id;

    core_open(t, &c, 3); /* 1 .. 7 */
    ioasid_set_lazy(c.core, true);
    for (uint32_t i = 1; i <= 5; i++)
        ids[i] = core_alloc(&c, c.system);
    for (unsigned i = 0; i < ARRAY_SIZE(freed); i++) {
        T_EXPECT_OK(t, ioasid_free(c.system, ids[freed[i]]));
        core_settle(&c);
    }
    T_EXPECT_EQ(t, core_stats(&c).held, 3u);
    T_EXPECT_EQ(t, ioasid_number(core_alloc(&c, c.system)), 6u);
    T_EXPECT_EQ(t, ioasid_number(core_alloc(&c, c.system)), 7u);
    T_EXPECT_OK(t, ioasid_alloc(c.system, 3, 7, &id)); /* the oldest in its range */
    T_EXPECT_EQ(t, ioasid_number(id), 5u);
    T_EXPECT_EQ(t, ioasid_number(core_alloc(&c, c.system)), 2u);
    T_EXPECT_EQ(t, ioasid_number(core_alloc(&c, c.system)), 1u);
    T_EXPECT_ERR(t, ioasid_alloc(c.system, 1, c.last, &id), -ENOSPC);
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    core_settle(&c);
    T_EXPECT_EQ(t, core_stats(&c).held, 7u);
    core_audit(&c, 0);
    ioasid_set_lazy(c.core, false);
    T_EXPECT_EQ(t, ioasid_number(core_alloc(&c, c.system)), 1u);
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    core_close(&c);
}

/* The slow twin of the pool: an array of what is out. */
#define POOL_BITS 12
#define POOL_IDS  (1u << POOL_BITS)

static bool out[POOL_IDS]; /* live, and not reclaimed a moment ago */
static ioasid_t live[POOL_IDS];

static uint32_t lowest_free(uint32_t min, uint32_t max)
{
    while (min <= max && out[min])
        min++;
    return min <= max ? min : 0;
}

static void take_some(struct t *t, struct core_bench *c, bool whole)
{
    uint32_t min = whole ? 1 : 1 + (uint32_t)t_rand_below(t, c->last);
    uint32_t max = whole ? c->last : min + (uint32_t)t_rand_below(t, c->last - min + 1);
    uint32_t want = lowest_free(min, max);
    ioasid_t id = IOASID_INVALID;

    T_ASSERT_ERR(t, ioasid_alloc(c->system, min, max, &id), want ? 0 : -ENOSPC);
    if (!want)
        return;
    if (!whole)
        T_ASSERT_EQ(t, ioasid_number(id), want);
    T_ASSERT(t, !out[ioasid_number(id)]);
    out[ioasid_number(id)] = true;
    live[ioasid_number(id)] = id;
}

TEST(alloc, random_pool, .rows = "3 42 43", .timeout_ms = 60000,
     .doc = "random allocs in random ranges over several chunks of records, and frees, answer like an array; "
            "the audit "
            "agrees")
{
    unsigned half = t_depth(t, 2000);
    struct core_bench c;

    core_open(t, &c, POOL_BITS);
    for (uint32_t i = 0; i < POOL_IDS; i++)
        out[i] = false;
    for (unsigned i = 0; i < 2 * half; i++) {
        uint32_t n = 1 + (uint32_t)t_rand_below(t, c.last);

        if (i % half * 5 < half * 3 || t_rand_below(t, 4) == 0)
            take_some(t, &c, t_rand_below(t, 2));
        else if (out[n])
            T_ASSERT_OK(t, ioasid_free(c.system, live[n]));
        else
            continue;
        core_settle(&c);
        out[n] = out[n] && ioasid_refs(c.system, live[n]) > 0;
    }
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    core_close(&c);
}
