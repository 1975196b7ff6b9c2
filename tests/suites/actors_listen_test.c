/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite actors, the listeners: none, one, many; one that dies early; and ones that do what they should not.
 * The owner's calls, the device and the other listeners have to come out of it as if nothing were.
 *
 * A publisher that counts on a listener, or a listener that is left behind, turns a case red by a result, a
 * reference or a page that differs.
 */
#include "tests/suites/guest.h"

static struct guest g;

static struct ioasid_stats stats(struct t *t)
{
    struct ioasid_stats s;

    ioasid_stats(t->iommu->ioasids, &s);
    return s;
}

static int refs(unsigned id)
{
    return ioasid_refs(g.p.owner.set, g.p.owner.ids[id]);
}

/* ---- None, one, many ---- */

TEST(actors, how_many_listen, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "8 18 23", .flaws = "K6 K1",
     .negative = true,
     .doc =
         "none, one and three CPU sides: the same results, and the device reaches the same; each holds one "
         "reference and lets go of it")
{
    for (unsigned n = 0; n <= GUEST_CPUS; n++) {
        if (n == 2)
            continue;
        t_note(t, "%u CPU sides", n);
        guest_open(t, &g, n, 1, IOASID_LEVEL_DEVICE);
        guest_start(&g, 0, 0);
        T_EXPECT_EQ(t, refs(0), 3 + (int)n);
        play_reach(&g.p, "0");
        for (unsigned i = 0; i < n; i++)
            T_EXPECT_EQ(t, cpu_translate(&g.cpus[i], g.p.owner.spids[0]),
                        (int64_t)ioasid_number(g.p.owner.ids[0]));
        guest_do(&g, OWNER_UNBIND, 0, 0, 0);
        T_EXPECT_EQ(t, refs(0), 1);
        play_reach(&g.p, "-");
        guest_do(&g, OWNER_BIND, 0, 0, 0);
        play_reach(&g.p, "0");
        guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
        T_EXPECT_ERR(t, refs(0), -ENOENT);
        play_reach(&g.p, "-");
        for (unsigned i = 0; i < n; i++) {
            T_EXPECT_EQ(t, g.cpus[i].mapped, 0u);
            T_EXPECT_EQ(t, g.cpus[i].binds, 2u);
            T_EXPECT_EQ(t, g.cpus[i].unbinds, 2u);
        }
        guest_close(&g);
    }
}

TEST(actors, registered_twice, .needs = NEED_DMA, .rows = "57", .negative = true,
     .doc = "a CPU side that registers a second time is refused and gets each event once: one reference, one "
            "entry")
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    T_EXPECT_ERR(t, ioasid_notifier_register(g.cpus[0].core, g.cpus[0].set, &g.cpus[0].nb), -EEXIST);
    T_EXPECT_ERR(t, ioasid_notifier_register(g.cpus[0].core, IOASID_ANY_SET, &g.cpus[0].nb), -EEXIST);
    guest_start(&g, 0, 0);
    T_EXPECT_EQ(t, refs(0), 4);
    T_EXPECT_EQ(t, g.cpus[0].binds, 1u);
    guest_reaches(&g, 0, 0, 0);
    guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
    T_EXPECT_EQ(t, g.cpus[0].unbinds, 1u);
    T_EXPECT_ERR(t, refs(0), -ENOENT);
    guest_close(&g);
}

/* ---- The CPU side dies first ---- */

static void kill_cpu(struct t *t)
{
    T_ASSERT_OK(t, cpu_close(&g.cpus[0]));
    g.cpu_count = 0;
}

TEST(actors, cpu_dies_first, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "48", .negative = true,
     .doc = "the CPU side goes while an IOASID is bound: its reference goes, the device works on; unbind and "
            "free do as ever, without it")
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    guest_reaches(&g, 0, 0, 0);
    kill_cpu(t);
    T_EXPECT_EQ(t, refs(0), 3);
    play_reach(&g.p, "0");
    guest_do(&g, OWNER_UNBIND, 0, 0, 0);
    T_EXPECT_EQ(t, refs(0), 1);
    play_reach(&g.p, "-");
    guest_do(&g, OWNER_FREE, 0, 0, 0);
    guest_close(&g);
}

TEST(actors, cpu_dies_before_free, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "48 23", .negative = true,
     .doc = "the same with free before unbind: the IOASID is reclaimed, since nobody else holds it")
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    kill_cpu(t);
    play_reach(&g.p, "0");
    guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
    T_EXPECT_ERR(t, refs(0), -ENOENT);
    play_reach(&g.p, "-");
    guest_close(&g);
}

/* ---- Listeners that misbehave ---- */

static int fail_teardown(struct cpu *c, const struct ioasid_event *ev)
{
    (void)c;
    return ev->type == IOASID_EVENT_BIND ? 0 : -EIO;
}

TEST(actors, cpu_fails, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "49", .flaws = "S20 C6",
     .negative = true,
     .doc = "a CPU side that answers UNBIND and FREE with an error stops nobody: the device side drains, the "
            "entry goes, the errors are counted")
{
    uint64_t refused;

    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    g.cpus[0].hook = fail_teardown;
    refused = stats(t).refused;
    guest_start(&g, 0, 0);
    guest_do(&g, OWNER_UNBIND, 0, 0, 0);
    T_EXPECT_EQ(t, stats(t).refused, refused + 1);
    play_reach(&g.p, "-");
    guest_do(&g, OWNER_BIND, 0, 0, 0);
    guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
    T_EXPECT_EQ(t, stats(t).refused, refused + 2);
    T_EXPECT_EQ(t, g.workers[0].teardowns, 1u);
    T_EXPECT_ERR(t, refs(0), -ENOENT);
    play_reach(&g.p, "-");
    guest_close(&g);
}

TEST(actors, cpu_keeps_reference, .needs = NEED_DMA | NEED_NO_VCS, .lanes = PLAY_LANES, .rows = "49 42 22",
     .flaws = "S13 C20", .negative = true,
     .doc = "a CPU side that does not let go: out of the device's reach, but pending, counted as such, and "
            "its number is nobody's until it lets go")
{
    uint32_t number;
    ioasid_t other;

    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    g.cpus[0].keeps = true;
    guest_start(&g, 0, 0);
    number = ioasid_number(g.p.owner.ids[0]);
    guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
    T_EXPECT_EQ(t, refs(0), 1);
    T_EXPECT_EQ(t, stats(t).pending, 1u);
    T_EXPECT_ERR(t, ioasid_alloc(g.p.owner.set, number, number, &other), -ENOSPC);
    play_reach(&g.p, "-");
    guest_misses(&g, 0, 0, 0);
    cpu_let_go(&g.cpus[0]);
    t_settle(t);
    T_EXPECT_EQ(t, stats(t).pending, 0u);
    T_EXPECT_ERR(t, refs(0), -ENOENT);
    T_ASSERT_OK(t, ioasid_alloc(g.p.owner.set, number, number, &other));
    T_ASSERT_OK(t, ioasid_free(g.p.owner.set, other));
    guest_close(&g);
}

static int refuse_bind(struct cpu *c, const struct ioasid_event *ev)
{
    (void)c;
    return ev->type == IOASID_EVENT_BIND ? -EPERM : 0;
}

TEST(actors, cpu_refuses, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "12", .flaws = "S19 C13",
     .negative = true,
     .doc = "one of three CPU sides refuses BIND: the others take their entries back, nothing is in reach, "
            "and the next bind works")
{
    guest_open(t, &g, 3, 1, IOASID_LEVEL_DEVICE);
    g.cpus[1].hook = refuse_bind;
    guest_do(&g, OWNER_ALLOC, 0, 0, 0);
    guest_do(&g, OWNER_BIND, 0, 0, -EPERM);
    T_EXPECT_EQ(t, refs(0), 1);
    play_reach(&g.p, "-");
    for (unsigned i = 0; i < 3; i++)
        guest_misses(&g, i, 0, 0);
    g.cpus[1].hook = NULL;
    guest_do(&g, OWNER_BIND, 0, 0, 0);
    T_ASSERT_OK(t, worker_program(&g.workers[0], g.p.owner.ids[0]));
    for (unsigned i = 0; i < 3; i++)
        guest_reaches(&g, i, 0, 0);
    guest_close(&g);
}

static int free_it(struct cpu *c, const struct ioasid_event *ev)
{
    if (ev->type == IOASID_EVENT_BIND)
        *(int *)c->arg = ioasid_free(c->set, ev->id);
    return 0;
}

TEST(actors, cpu_frees_in_bind, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "36", .flaws = "S3 S4",
     .negative = true,
     .doc = "a CPU side frees the IOASID from its BIND handler: bind is -EBUSY, and no entry of any table is "
            "left")
{
    int result = 0;

    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    g.cpus[0].hook = free_it;
    g.cpus[0].arg = &result;
    guest_do(&g, OWNER_ALLOC, 0, 0, 0);
    guest_do(&g, OWNER_BIND, 0, 0, -EBUSY);
    T_EXPECT_ERR(t, result, -EINPROGRESS);
    T_EXPECT_ERR(t, refs(0), -ENOENT);
    guest_misses(&g, 0, 0, 0);
    play_reach(&g.p, "-");
    guest_close(&g);
}

/* All that a handler could want, on its own IOASID and on another one. */
static int call_back(struct cpu *c, const struct ioasid_event *ev)
{
    bool dying = ev->type != IOASID_EVENT_BIND;
    ioasid_t other = IOASID_INVALID;
    ioasid_t found = IOASID_INVALID;
    struct t *t = c->arg;

    T_EXPECT_ERR(t, ioasid_get(c->set, ev->id), dying ? -EBUSY : 0);
    if (!dying)
        T_EXPECT_OK(t, ioasid_put(c->set, ev->id));
    T_EXPECT_OK(t, ioasid_spid_find(c->set, ev->spid, false, &found));
    T_EXPECT_EQ(t, found, ev->id);
    T_EXPECT_ERR(t, owner_do_nowait(&g.p.owner, OWNER_BIND, 0, 0), -EBUSY);
    T_EXPECT_ERR(t, owner_do_nowait(&g.p.owner, OWNER_UNBIND, 0, 0), dying ? 0 : -EBUSY);
    T_EXPECT_ERR(t, owner_do_nowait(&g.p.owner, OWNER_BIND, 0, 0), -EBUSY);
    T_EXPECT_OK(t, ioasid_alloc(c->set, 1, IOASID_NUMBERS - 1, &other));
    T_EXPECT_OK(t, ioasid_free(c->set, other));
    T_EXPECT_ERR(t, ioasid_notifier_unregister(c->core, &c->nb), -EDEADLK);
    return 0;
}

TEST(actors, cpu_calls_back, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "37 38 27", .flaws = "S4 S3",
     .negative = true,
     .doc = "a CPU side calls the whole interface from its handlers, unbind included: no deadlock, each with "
            "its documented result, and the device is out of reach in the end")
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    g.cpus[0].hook = call_back;
    g.cpus[0].arg = t;
    guest_do(&g, OWNER_ALLOC, 0, 0, 0);
    guest_do(&g, OWNER_BIND, 0, 0, 0);
    play_reach(&g.p, "0");
    guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
    T_EXPECT_ERR(t, refs(0), -ENOENT);
    T_EXPECT_EQ(t, g.cpus[0].unbinds, 1u);
    play_reach(&g.p, "-");
    guest_close(&g);
}
