/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite actors, two threads: a CPU side that takes its time, or that goes while its handler runs; a submitter
 * that has translated and not yet written to the portal; a free that comes while BIND is under way.
 *
 * A party that does not wait for the other one turns a case red by a result, a reference, or work that is
 * accepted behind the end.
 */
#include "tests/suites/guest.h"

#define PAUSE_NS 20000000ull

static struct guest g;

static int refs(unsigned id)
{
    return ioasid_refs(g.p.owner.set, g.p.owner.ids[id]);
}

/* A call of the owner in another thread, and a handler that is slow meanwhile. */
static struct {
    struct plat_work work;
    enum owner_op op; /* on id 0, device 0 */
    int result;
    volatile bool ended;
    volatile bool entered, let_go, left; /* the handler */
} other;

static void pause_for(uint64_t ns)
{
    uint64_t until = plat_now_ns() + ns;

    while (plat_now_ns() < until)
        plat_relax();
}

/* Bounded: what does not come is seen by the check behind it. */
static void wait_for(const volatile bool *flag)
{
    uint64_t until = plat_now_ns() + 100 * PAUSE_NS;

    while (!*flag && plat_now_ns() < until)
        plat_relax();
}

/* Until it is let go, and a moment longer. */
static int take_time(struct cpu *c, const struct ioasid_event *ev)
{
    (void)c;
    if (ev->type == IOASID_EVENT_BIND || other.entered)
        return 0;
    other.entered = true;
    wait_for(&other.let_go);
    pause_for(PAUSE_NS);
    other.left = true;
    return 0;
}

static void call(struct plat_work *work)
{
    (void)work;
    other.result = owner_do_nowait(&g.p.owner, other.op, 0, 0);
    other.ended = true;
}

static void begin(enum owner_op op)
{
    other.op = op;
    other.entered = other.let_go = other.left = other.ended = false;
    other.work = (struct plat_work){.run = call};
    plat_work_queue(&other.work);
}

TEST(actors, cpu_dies_in_handler, .needs = NEED_DMA | NEED_THREADS, .rows = "48 58", .flaws = "C5",
     .negative = true,
     .doc = "the CPU side goes while its handler runs in another thread: its end waits for the handler, and "
            "its reference is given back once")
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    guest_reaches(&g, 0, 0, 0);
    g.cpus[0].hook = take_time;
    begin(OWNER_UNBIND);
    wait_for(&other.entered);
    T_ASSERT(t, other.entered);
    T_EXPECT(t, !other.left);
    other.let_go = true;
    T_ASSERT_OK(t, cpu_close(&g.cpus[0]));
    T_EXPECT(t, other.left);
    g.cpu_count = 0;
    t_settle(t);
    T_EXPECT_OK(t, other.result);
    T_EXPECT_EQ(t, refs(0), 1);
    play_reach(&g.p, "-");
    guest_close(&g);
}

/* ---- A submitter that runs while its entry goes ---- */

static bool unbind_over_inside;

static void let_unbind_in(struct cpu *c)
{
    (void)c;
    begin(OWNER_UNBIND);
    pause_for(PAUSE_NS);
    unbind_over_inside = other.ended;
}

TEST(actors, running_submitter, .needs = NEED_DMA | NEED_THREADS, .lanes = PLAY_LANES, .rows = "18",
     .flaws = "H30", .negative = true,
     .doc = "an unbind while a submitter is between its translation and the portal waits for it: the "
            "descriptor is accepted, then aborted by the device side, and never gets to the bus")
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    guest_reaches(&g, 0, 0, 0);
    g.cpus[0].between = let_unbind_in;
    unbind_over_inside = false;
    T_EXPECT_OK(t, guest_submit(&g, 0, 0, 0));
    T_EXPECT(t, !unbind_over_inside);
    g.cpus[0].between = NULL;
    t_settle(t);
    T_EXPECT(t, other.ended);
    T_EXPECT_OK(t, other.result);
    T_EXPECT_EQ(t, g.workers[0].counts.aborted, 1u);
    T_EXPECT_EQ(t, g.workers[0].counts.rejected, 0u);
    guest_misses(&g, 0, 0, 0);
    guest_close(&g);
}

TEST(actors, cpu_is_slow, .needs = NEED_DMA | NEED_DMA_2 | NEED_THREADS, .flaws = "S4 S5", .negative = true,
     .doc = "while a CPU side takes its time over one IOASID's end, another IOASID is allocated, bound and "
            "used")
{
    guest_open(t, &g, 1, 2, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    g.cpus[0].hook = take_time;
    begin(OWNER_UNBIND);
    wait_for(&other.entered);
    T_ASSERT(t, other.entered);
    T_ASSERT_OK(t, owner_do_nowait(&g.p.owner, OWNER_ALLOC, 1, 0));
    T_ASSERT_OK(t, owner_do_nowait(&g.p.owner, OWNER_BIND, 1, 1));
    T_EXPECT(t, !other.left);
    other.let_go = true;
    T_ASSERT_OK(t, worker_program(&g.workers[1], g.p.owner.ids[1]));
    guest_reaches(&g, 0, 1, 1);
    t_settle(t);
    T_EXPECT_OK(t, other.result);
    T_EXPECT_EQ(t, refs(0), 1);
    play_reach(&g.p, "-1");
    guest_close(&g);
}

/* ---- A free that meets a bind ---- */

static bool free_over_inside;

static int let_free_in(struct cpu *c, const struct ioasid_event *ev)
{
    (void)c;
    if (ev->type != IOASID_EVENT_BIND)
        return 0;
    begin(OWNER_FREE);
    pause_for(PAUSE_NS);
    free_over_inside = other.ended;
    return 0;
}

TEST(actors, free_meets_bind, .needs = NEED_DMA | NEED_THREADS, .lanes = PLAY_LANES, .rows = "40 36",
     .flaws = "S5 S16", .negative = true,
     .doc =
         "a free from another thread while BIND is delivered does not wait; bind is -EBUSY or 0, and in the "
         "end no device, no table and no party has the IOASID")
{
    int result;

    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_do(&g, OWNER_ALLOC, 0, 0, 0);
    g.cpus[0].hook = let_free_in;
    free_over_inside = false;
    result = owner_do(&g.p.owner, OWNER_BIND, 0, 0);
    T_EXPECT(t, result == 0 || result == -EBUSY);
    T_EXPECT(t, free_over_inside);
    T_EXPECT_ERR(t, other.result, -EINPROGRESS);
    T_EXPECT_ERR(t, refs(0), -ENOENT);
    guest_misses(&g, 0, 0, 0);
    play_reach(&g.p, "-");
    guest_close(&g);
}
