/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edges of the IOASID core, host only: allocators that answer nonsense, more events than one round
 * delivers, memory and slots that run out in the middle, counters at their end.
 */
#include "iommu/ioasid_core.h"
#include "tests/host/host.h"
#include "tests/suites/core_bench.h"

/* ---- Custom allocators ---- */

struct vendor {
    struct ioasid_allocator a;
    uint32_t number; /* handed out next, whatever was asked for */
    int free_error;
    unsigned allocs, frees;
    uint32_t freed; /* the last one */
};

static int vendor_alloc(struct ioasid_allocator *a, unused uint32_t min, unused uint32_t max,
                        uint32_t *number)
{
    struct vendor *v = container_of(a, struct vendor, a);

    v->allocs++;
    *number = v->number;
    return 0;
}

static int vendor_free(struct ioasid_allocator *a, uint32_t number)
{
    struct vendor *v = container_of(a, struct vendor, a);

    v->frees++;
    v->freed = number;
    return v->free_error;
}

static const struct ioasid_allocator_ops ops = {vendor_alloc, vendor_free};
static const struct ioasid_allocator_ops no_alloc = {NULL, vendor_free};
static const struct ioasid_allocator_ops no_free = {vendor_alloc, NULL};

static struct vendor vendor(uint32_t number)
{
    return (struct vendor){.a = {.ops = &ops, .name = "vendor"}, .number = number};
}

TEST(alloc, incomplete, .needs = NEED_HOST,
     .doc = "an allocator without functions, without the one or the other: -EINVAL, and it does not serve")
{
    struct core_bench c;
    struct vendor v = vendor(40);

    core_open(t, &c, 8);
    v.a.ops = NULL;
    T_EXPECT_ERR(t, ioasid_allocator_register(c.core, &v.a), -EINVAL);
    v.a.ops = &no_alloc;
    T_EXPECT_ERR(t, ioasid_allocator_register(c.core, &v.a), -EINVAL);
    v.a.ops = &no_free;
    T_EXPECT_ERR(t, ioasid_allocator_register(c.core, &v.a), -EINVAL);
    T_EXPECT_OK(t, ioasid_free(c.system, core_alloc(&c, c.system)));
    T_EXPECT_EQ(t, v.allocs, 0u);
    core_close(&c);
}

TEST(alloc, outside, .needs = NEED_HOST, .rows = "59",
     .doc = "an allocator that knows no range hands out a number below or above what was asked for, or none "
            "that an ID can have: -ENOSPC, nothing is live, and it has the number back at once")
{
    static const uint32_t outside[] = {9, 21, 0, 256, UINT32_MAX};
    struct core_bench c;
    struct vendor v = vendor(20);
    ioasid_t id;

    core_open(t, &c, 8);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    for (unsigned i = 0; i < ARRAY_SIZE(outside); i++) {
        v.number = outside[i];
        T_EXPECT_ERR(t, ioasid_alloc(c.system, 10, 20, &id), -ENOSPC);
        T_EXPECT_EQ(t, v.frees, i + 1);
        T_EXPECT_EQ(t, v.freed, outside[i]);
        core_audit(&c, 0);
    }
    v.number = 20;
    T_EXPECT_OK(t, ioasid_alloc(c.system, 10, 20, &id));
    T_EXPECT_EQ(t, v.frees, 5u);
    core_audit(&c, 1);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_settle(&c);
    T_EXPECT_EQ(t, v.frees, 6u);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    core_close(&c);
}

TEST(alloc, outside_and_out, .needs = NEED_HOST, .rows = "59", .flaws = "C4",
     .doc = "an allocator hands out a number that is live already, outside what was asked for or inside: it "
            "does not have it back before its owner lets go")
{
    struct core_bench c;
    struct vendor v = vendor(9);
    ioasid_t id, other;

    core_open(t, &c, 8);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    T_ASSERT_OK(t, ioasid_alloc(c.system, 1, 20, &id));
    T_EXPECT_ERR(t, ioasid_alloc(c.system, 10, 20, &other), -ENOSPC);
    T_EXPECT_ERR(t, ioasid_alloc(c.system, 1, 20, &other), -ENOSPC);
    T_EXPECT_EQ(t, v.frees, 0u);
    v.number = 0; /* which is no ID's, though it is never free */
    T_EXPECT_ERR(t, ioasid_alloc(c.system, 10, 20, &other), -ENOSPC);
    T_EXPECT_EQ(t, v.frees, 1u);
    core_audit(&c, 1);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_settle(&c);
    T_EXPECT_EQ(t, v.frees, 2u);
    T_EXPECT_EQ(t, v.freed, 9u);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    core_close(&c);
}

TEST(alloc, no_memory_for_record, .needs = NEED_HOST, .rows = "59",
     .doc =
         "no memory for the record of a number that an allocator handed out: -ENOMEM, the number goes back "
         "to it, and the next try works")
{
    struct core_bench c;
    struct vendor v = vendor(40);
    ioasid_t id;

    core_open(t, &c, 8);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    (void)host_fail_allocation(1);
    T_EXPECT_ERR(t, ioasid_alloc(c.system, 1, c.last, &id), -ENOMEM);
    T_EXPECT_EQ(t, host_fail_allocation(0), 0u);
    T_EXPECT_EQ(t, v.frees, 1u);
    core_audit(&c, 0);
    T_EXPECT_OK(t, ioasid_alloc(c.system, 1, c.last, &id));
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_settle(&c);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    core_close(&c);
}

TEST(alloc, two_of_a_kind, .needs = NEED_HOST, .rows = "59 60",
     .doc = "two allocators of one space: the first may go while its numbers are out, the second serves and "
            "takes them back; one that refuses when nothing is available costs nobody's quota")
{
    struct core_bench c;
    struct vendor a = vendor(3), b = vendor(4);
    struct ioasid_set *set;
    ioasid_t first, second;

    core_open(t, &c, 3);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &a.a));
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &b.a));
    set = core_set(&c, c.last);
    first = core_alloc(&c, set);
    T_EXPECT_EQ(t, a.allocs, 1u);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &a.a));
    second = core_alloc(&c, set);
    T_EXPECT_EQ(t, b.allocs, 1u);
    T_EXPECT_ERR(t, ioasid_allocator_unregister(c.core, &b.a), -EBUSY);
    b.free_error = -EIO;
    T_EXPECT_OK(t, ioasid_free(set, second));
    core_settle(&c);
    T_EXPECT_EQ(t, core_stats(&c).quarantined, 1u);
    core_audit(&c, 1);
    b.free_error = 0;
    T_EXPECT_OK(t, ioasid_free(set, first));
    core_settle(&c);
    T_EXPECT_EQ(t, b.frees, 2u);
    T_EXPECT_EQ(t, a.frees, 0u);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &b.a));
    core_close(&c);
}

TEST(alloc, held_out_of_range, .needs = NEED_HOST, .rows = "59",
     .doc = "lazy: what is held and not in the range asked for stays held, in its order")
{
    struct core_bench c;
    ioasid_t id[7], again;

    core_open(t, &c, 3);
    ioasid_set_lazy(c.core, true);
    for (unsigned i = 0; i < ARRAY_SIZE(id); i++)
        id[i] = core_alloc(&c, c.system);
    T_EXPECT_OK(t, ioasid_free(c.system, id[2]));
    T_EXPECT_OK(t, ioasid_free(c.system, id[1]));
    core_settle(&c);
    T_EXPECT_EQ(t, core_stats(&c).held, 2u);
    T_EXPECT_ERR(t, ioasid_alloc(c.system, 4, 7, &again), -ENOSPC);
    T_EXPECT_EQ(t, core_stats(&c).held, 2u);
    T_EXPECT_OK(t, ioasid_alloc(c.system, 2, 7, &again));
    T_EXPECT_EQ(t, ioasid_number(again), ioasid_number(id[2]));
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    core_close(&c);
}

/* ---- Events ---- */

TEST(notifier, many_events, .needs = NEED_HOST,
     .doc = "more events of one set than a round of its dispatcher delivers: all of them arrive")
{
    struct core_bench c;
    struct core_ear *ear;

    core_open(t, &c, 12);
    ear = core_listen(&c, 0, IOASID_ANY_SET, IOASID_LEVEL_CPU, IOASID_EVENT_ALLOC);
    for (unsigned i = 0; i < 1500; i++)
        (void)core_alloc(&c, c.system);
    core_settle(&c);
    T_EXPECT_EQ(t, ear->heard, 1500u);
    core_audit(&c, 1500);
    T_EXPECT_OK(t, ioasid_free_all(c.system));
    core_close(&c);
}

/* An ID that lives and dies, and leaves its number spare. */
static void spend(struct core_bench *c, struct ioasid_set *set)
{
    T_EXPECT_OK(c->t, ioasid_free(set, core_alloc(c, set)));
    core_settle(c);
    T_EXPECT_EQ(c->t, ioasid_spare_count(c->core), 1u);
}

TEST(notifier, spare_is_told, .needs = NEED_HOST, .flaws = "K7",
     .doc = "a number that was spare when a subscriber to ALLOC came, one that became spare while it was "
            "there, one after it has gone: it hears of the first two, and only of these")
{
    struct core_bench c;
    struct ioasid_set *set;
    struct core_ear *ear;
    ioasid_t keep;

    core_open(t, &c, 8);
    keep = core_alloc(&c, c.system); /* without a live ID nothing stays spare */
    set = core_set(&c, 1);
    spend(&c, set);
    ear = core_listen(&c, 0, set, IOASID_LEVEL_CPU, IOASID_EVENT_ALLOC);
    spend(&c, set);
    T_EXPECT_EQ(t, ear->heard, 1u);
    spend(&c, set);
    T_EXPECT_EQ(t, ear->heard, 2u);
    core_deafen(ear);
    spend(&c, set);
    T_EXPECT_EQ(t, ear->heard, 2u);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    T_EXPECT_OK(t, ioasid_free(c.system, keep));
    core_close(&c);
}

TEST(notifier, malformed, .needs = NEED_HOST,
     .doc = "a subscriber without handler, without events, of no level: -EINVAL; one that refuses an ALLOC "
            "changes nothing")
{
    struct core_bench c;
    struct core_ear *ear;
    ioasid_t id;

    core_open(t, &c, 8);
    ear = core_ear(&c, 0, IOASID_LEVEL_CPU, 0);
    T_EXPECT_ERR(t, ioasid_notifier_register(c.core, IOASID_ANY_SET, &ear->nb), -EINVAL);
    ear = core_ear(&c, 0, IOASID_LEVEL_CPU, IOASID_EVENT_ALLOC);
    ear->nb.handler = NULL;
    T_EXPECT_ERR(t, ioasid_notifier_register(c.core, IOASID_ANY_SET, &ear->nb), -EINVAL);
    ear = core_ear(&c, 0, IOASID_LEVEL_CPU, IOASID_EVENT_ALLOC);
    ear->nb.level = IOASID_LEVEL_IOMMU + 1;
    T_EXPECT_ERR(t, ioasid_notifier_register(c.core, IOASID_ANY_SET, &ear->nb), -EINVAL);
    ear = core_listen(&c, 0, IOASID_ANY_SET, IOASID_LEVEL_CPU, IOASID_EVENT_ALLOC);
    ear->answer = -EIO;
    id = core_alloc(&c, c.system);
    core_settle(&c);
    T_EXPECT_EQ(t, ear->heard, 1u);
    T_EXPECT_EQ(t, core_stats(&c).refused, 1ull);
    core_audit(&c, 1);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    core_close(&c);
}

/* ---- Sets, SPIDs, the core ---- */

TEST(ioasid, no_slot, .needs = NEED_HOST, .rows = "5",
     .doc = "no memory for another page of sets, and no slot left at all: -ENOMEM, -ENOSPC, and nothing of "
            "the capacity is lost")
{
    struct core_bench c;
    struct ioasid_set *sets[SLOTS_PER_PAGE], *set;
    uint32_t count;

    core_open(t, &c, 8);
    for (unsigned i = 1; i < SLOTS_PER_PAGE; i++)
        sets[i] = core_set(&c, 1);
    (void)host_fail_allocation(1);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, NULL, 1, &set), -ENOMEM);
    (void)host_fail_allocation(0);
    count = c.core->slot_count;
    c.core->slot_count = SLOTS;
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, NULL, 1, &set), -ENOSPC);
    c.core->slot_count = count;
    core_audit(&c, 0);
    set = core_set(&c, 1);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    for (unsigned i = 1; i < SLOTS_PER_PAGE; i++)
        T_EXPECT_OK(t, ioasid_set_destroy(sets[i]));
    core_close(&c);
}

TEST(ioasid, most_sets, .needs = NEED_HOST, .rows = "5",
     .doc = "4095 sets beside that of the host: the next one is -ENOSPC, and works when one has gone")
{
    static struct ioasid_set *sets[4095];
    struct ioasid_set *more;
    struct core_bench c;

    core_open(t, &c, 13);
    for (unsigned i = 0; i < ARRAY_SIZE(sets); i++)
        sets[i] = core_set(&c, 1);
    T_EXPECT_ERR(t, ioasid_set_create(c.core, IOASID_TOKEN_NONE, NULL, 1, &more), -ENOSPC);
    T_EXPECT_OK(t, ioasid_set_destroy(sets[7]));
    core_settle(&c);
    sets[7] = core_set(&c, 1);
    core_audit(&c, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(sets); i++)
        T_EXPECT_OK(t, ioasid_set_destroy(sets[i]));
    core_close(&c);
}

TEST(ioasid, free_all_again, .needs = NEED_HOST, .rows = "23",
     .doc = "free_all over an ID that is pending already: -EINPROGRESS, and it goes with its last reference")
{
    struct core_bench c;
    struct ioasid_set *set;
    ioasid_t id;

    core_open(t, &c, 8);
    set = core_set(&c, 4);
    id = core_alloc_used(&c, set);
    T_EXPECT_ERR(t, ioasid_free(set, id), -EINPROGRESS);
    T_EXPECT_ERR(t, ioasid_free_all(set), -EINPROGRESS);
    core_settle(&c);
    T_EXPECT_ERR(t, ioasid_put(set, id), 1);
    T_EXPECT_OK(t, ioasid_free_all(set));
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_close(&c);
}

TEST(ioasid, spid_edges, .needs = NEED_HOST,
     .doc = "no memory for a second leaf of SPIDs: the first stays as it is; an SPID that cannot be names "
            "nobody")
{
    struct core_bench c;
    struct ioasid_set *set;
    ioasid_t id, other, found;

    core_open(t, &c, 8);
    set = core_set(&c, 4);
    id = core_alloc(&c, set);
    other = core_alloc(&c, set);
    T_ASSERT_OK(t, ioasid_spid_attach(c.core, id, 7));
    (void)host_fail_allocation(1);
    T_EXPECT_ERR(t, ioasid_spid_attach(c.core, other, 7 + SPIDS_PER_LEAF), -ENOMEM);
    (void)host_fail_allocation(0);
    T_EXPECT_OK(t, ioasid_spid_find(set, 7, false, &found));
    T_EXPECT(t, ioasid_eq(found, id));
    T_EXPECT_ERR(t, ioasid_spid_find(set, IOASID_NUMBERS, false, &found), -ENOENT);
    T_EXPECT_OK(t, ioasid_spid_attach(c.core, other, 7 + SPIDS_PER_LEAF));
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_close(&c);
}

TEST(ioasid, busy_core, .needs = NEED_HOST,
     .doc = "a core is not destroyed while an ID lives, or a set or an allocator is there")
{
    struct core_bench c;
    struct vendor v = vendor(40);
    struct ioasid_set *set;
    ioasid_t id;

    core_open(t, &c, 8);
    id = core_alloc(&c, c.system);
    T_EXPECT_ERR(t, ioasid_core_destroy(c.core), -EBUSY);
    T_EXPECT_OK(t, ioasid_free(c.system, id));
    set = core_set(&c, 1);
    T_EXPECT_ERR(t, ioasid_core_destroy(c.core), -EBUSY);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    core_settle(&c);
    T_ASSERT_OK(t, ioasid_allocator_register(c.core, &v.a));
    T_EXPECT_ERR(t, ioasid_core_destroy(c.core), -EBUSY);
    T_EXPECT_OK(t, ioasid_allocator_unregister(c.core, &v.a));
    core_close(&c);
}
