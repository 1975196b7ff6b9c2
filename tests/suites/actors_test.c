/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite actors: a guest's work through all three parties. The CPU side translates the guest's number in its
 * table, the device side takes the descriptor and does the DMA, the driver's entry lets it through; and at
 * the end they let go in that order. What is shown is memory and fault records, not who was called when.
 *
 * "Under way" means here what the engine can: edu translates when its delay is over (queued), a drive that is
 * held back has translated already and writes later (translated), the others are done at once, and their work
 * waits in the device side's own queue.
 *
 * A party that is told too late, lets go too early or not at all turns a case red by a record of a fault, by
 * memory that changes behind the end, or by a stale number that still leads somewhere.
 */
#include "tests/suites/guest.h"

#define HELD_NEEDS (NEED_DMA | NEED_DMA_HELD)

static struct guest g;

static ioasid_t id_of(unsigned id)
{
    return g.p.owner.ids[id];
}

/* ---- A whole life ---- */

TEST(actors, life, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "8 18", .flaws = "K1 S17 C2",
     .negative = true,
     .doc = "alloc, bind, a submission by the guest's own number arrives; after unbind it is a fault to the "
            "submitter, and no party holds a reference")
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_misses(&g, 0, 0, 0);
    for (unsigned round = 0; round < 2; round++) {
        guest_start(&g, 0, 0);
        T_EXPECT_EQ(t, ioasid_refs(g.p.owner.set, id_of(0)), 4);
        guest_reaches(&g, 0, 0, 0);
        guest_misses(&g, 0, 1, 0);
        guest_do(&g, OWNER_UNBIND, 0, 0, 0);
        T_EXPECT_EQ(t, ioasid_refs(g.p.owner.set, id_of(0)), 1);
        T_EXPECT_EQ(t, g.cpus[0].mapped, 0u);
        guest_misses(&g, 0, 0, 0);
        play_reach(&g.p, "-");
        guest_do(&g, OWNER_FREE, 0, 0, 0);
    }
    T_EXPECT_EQ(t, g.workers[0].counts.done, 2u);
    guest_close(&g);
}

static int submitted_in_bind;

/* At the DEVICE level: the entry is there, the CPU side has not been told. */
static int submit_in_bind(struct owner *o, const struct ioasid_event *ev)
{
    (void)o;
    (void)ev;
    play_reach(&g.p, "0");
    submitted_in_bind = guest_submit(&g, 0, 0, 0);
    return 0;
}

TEST(actors, bind_order, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "8", .flaws = "C17",
     .doc = "while BIND is under way the device reaches memory and the guest's number is a fault still: the "
            "CPU side comes last")
{
    struct owner_listener *device;

    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    device = owner_listener(&g.p.owner, 'D');
    device->hook = submit_in_bind;
    device->hook_on = IOASID_EVENT_BIND;
    submitted_in_bind = 0;
    guest_start(&g, 0, 0);
    T_EXPECT_EQ(t, device->hooked, 1u);
    T_EXPECT_ERR(t, submitted_in_bind, -EFAULT);
    guest_reaches(&g, 0, 0, 0);
    guest_close(&g);
}

TEST(actors, two_ids, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "8 16", .flaws = "K9",
     .negative = true,
     .doc = "guest numbers that differ in bit 19 alone lead to two IOASIDs, each to its own page; a number "
            "that another device is programmed with is turned away by the device side")
{
    guest_open(t, &g, 1, 2, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    guest_start(&g, 1, 1);
    guest_reaches(&g, 0, 0, 0);
    guest_reaches(&g, 0, 1, 1);
    T_EXPECT_ERR(t, guest_submit(&g, 0, 1, 0), -EACCES);
    T_EXPECT_EQ(t, g.workers[0].counts.rejected, 1u);
    guest_do(&g, OWNER_UNBIND, 0, 0, 0);
    guest_misses(&g, 0, 0, 0);
    guest_reaches(&g, 0, 1, 1);
    guest_close(&g);
}

/* ---- Tear-down with work queued and under way ---- */

/* Everything that was accepted has ended, and one way or the other only. */
static void expect_all_ended(struct t *t, const struct worker_counts *c)
{
    T_EXPECT_EQ(t, c->accepted, c->aborted + c->done + c->failed);
}

/* The device side was quiet before the entry went: nothing refused, nothing late. */
static void expect_tidy(struct t *t)
{
    struct guest_end end = guest_ended(&g);
    const struct worker_counts *c = &g.workers[0].counts;

    T_EXPECT(t, end.seen);
    T_EXPECT(t, end.landed);
    T_EXPECT(t, end.unchanged);
    T_EXPECT_ERR(t, end.submitted, -EFAULT);
    T_EXPECT_EQ(t, c->done, 1u);
    T_EXPECT_EQ(t, c->failed, 0u);
    T_EXPECT_EQ(t, c->aborted, 2u);
    expect_all_ended(t, c);
    t_expect_no_fault(t);
    t_proved(t, true);
}

static void unbind_with_work(struct t *t)
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    guest_take_off(&g, 0, 0);
    guest_watch(&g, IOASID_EVENT_UNBIND, 0, 0);
    guest_do(&g, OWNER_UNBIND, 0, 0, 0);
    expect_tidy(t);
    guest_misses(&g, 0, 0, 0);
    play_reach(&g.p, "-");
    guest_close(&g);
}

static void free_with_work(struct t *t)
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    guest_take_off(&g, 0, 0);
    guest_watch(&g, IOASID_EVENT_FREE, 0, 0);
    guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
    expect_tidy(t);
    T_EXPECT_ERR(t, ioasid_refs(g.p.owner.set, id_of(0)), -ENOENT);
    T_EXPECT_EQ(t, g.cpus[0].unbinds, 1u);
    guest_misses(&g, 0, 0, 0);
    play_reach(&g.p, "-");
    guest_close(&g);
}

TEST(actors, unbind_with_work, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "17 18", .flaws = "S14 S18",
     .negative = true,
     .doc = "unbind with one transfer under way (queued in the engine where it queues) and two in the device "
            "side's queue: the first arrives, the others never start, no fault, nothing late")
{
    unbind_with_work(t);
}

TEST(actors, unbind_with_work_held, .needs = HELD_NEEDS, .lanes = PLAY_LANES, .rows = "17 18",
     .flaws = "S14 S18", .negative = true,
     .doc = "the same with a transfer that is translated and held back for a second")
{
    unbind_with_work(t);
}

TEST(actors, free_with_work, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "23", .flaws = "S14 S15 C16",
     .negative = true,
     .doc =
         "free before unbind with one transfer under way (queued in the engine where it queues) and two in "
         "the device side's queue: the same, and every party lets go")
{
    free_with_work(t);
}

TEST(actors, free_with_work_held, .needs = HELD_NEEDS, .lanes = PLAY_LANES, .rows = "23", .flaws = "S14 C16",
     .negative = true, .doc = "the same with a transfer that is translated and held back for a second")
{
    free_with_work(t);
}

/* ---- The device side in the wrong place: what the order is good for ---- */

/* The entry went first: work that nobody stopped ended in faults, or came late. */
static void expect_untidy(struct t *t)
{
    struct guest_end end = guest_ended(&g);
    const struct worker_counts *c = &g.workers[0].counts;
    unsigned faults = t_faults(t);

    t_note(t, "%u fault records, %u done, %u failed, %u aborted", faults, c->done, c->failed, c->aborted);
    T_EXPECT(t, end.seen);
    T_EXPECT(t, faults > 0 || !end.unchanged);
    T_EXPECT_EQ(t, c->aborted, 0u);
    expect_all_ended(t, c);
    t_proved(t, !end.unchanged);
}

static void unbind_misplaced(struct t *t)
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_IOMMU);
    guest_start(&g, 0, 0);
    guest_take_off(&g, 0, 0);
    guest_watch(&g, IOASID_EVENT_UNBIND, 0, 0);
    guest_do(&g, OWNER_UNBIND, 0, 0, 0);
    expect_untidy(t);
    guest_close(&g);
}

static void free_misplaced(struct t *t)
{
    guest_open(t, &g, 1, 1, IOASID_LEVEL_IOMMU);
    guest_start(&g, 0, 0);
    guest_take_off(&g, 0, 0);
    guest_watch(&g, IOASID_EVENT_FREE, 0, 0);
    guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
    expect_untidy(t);
    guest_close(&g);
}

TEST(actors, misplaced_unbind, .needs = NEED_DMA, .lanes = PLAY_LANES, .negative = true,
     .doc =
         "a device side that registered behind the IOMMU goes on when the entry has gone: its work ends in "
         "faults")
{
    unbind_misplaced(t);
}

TEST(actors, misplaced_unbind_held, .needs = HELD_NEEDS, .lanes = PLAY_LANES, .negative = true,
     .doc = "the same with a translated transfer: faults, or memory that is written late")
{
    unbind_misplaced(t);
}

TEST(actors, misplaced_free, .needs = NEED_DMA, .lanes = PLAY_LANES, .negative = true,
     .doc = "free before unbind with a device side behind the IOMMU: its work ends in faults")
{
    free_misplaced(t);
}

TEST(actors, misplaced_free_held, .needs = HELD_NEEDS, .lanes = PLAY_LANES, .negative = true,
     .doc = "the same with a translated transfer: faults, or memory that is written late")
{
    free_misplaced(t);
}

/* ---- Numbers that live again ---- */

TEST(actors, stale_number, .needs = NEED_DMA | NEED_NO_VCS, .lanes = PLAY_LANES, .rows = "23 29",
     .flaws = "S15 S13", .negative = true,
     .doc = "free before unbind, and the number lives again on the same device: the guest's old name for it "
            "leads nowhere, the new one to the new page")
{
    uint32_t number;

    guest_open(t, &g, 1, 1, IOASID_LEVEL_DEVICE);
    guest_start(&g, 0, 0);
    guest_reaches(&g, 0, 0, 0);
    number = ioasid_number(id_of(0));
    guest_do(&g, OWNER_FREE, 0, 0, -EINPROGRESS);
    guest_start(&g, 1, 0);
    T_EXPECT_EQ(t, ioasid_number(id_of(1)), number);
    guest_misses(&g, 0, 0, 0);
    guest_reaches(&g, 0, 1, 0);
    guest_close(&g);
}

TEST(actors, guest_killed, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS, .lanes = PLAY_LANES, .rows = "47",
     .flaws = "S13 S15", .negative = true,
     .doc =
         "a guest dies with work queued on two devices: all is freed at once, then the devices are closed, "
         "then unbound; no fault, and its numbers serve the next guest alone")
{
    uint32_t numbers[2];

    guest_open(t, &g, 1, 2, IOASID_LEVEL_DEVICE);
    for (unsigned i = 0; i < 2; i++) {
        guest_start(&g, i, i);
        numbers[i] = ioasid_number(id_of(i));
    }
    guest_take_off(&g, 1, 1);
    guest_take_off(&g, 0, 0);
    for (unsigned i = 0; i < 2; i++)
        T_ASSERT_ERR(t, owner_do_nowait(&g.p.owner, OWNER_FREE, i, 0), -EINPROGRESS);
    t_settle(t);
    for (unsigned i = 0; i < 2; i++) {
        T_EXPECT_EQ(t, g.workers[i].counts.aborted, 2u);
        T_EXPECT_EQ(t, g.workers[i].counts.failed, 0u);
    }
    t_expect_no_fault(t);
    for (unsigned i = 0; i < 2; i++) /* the devices are closed, and the next guest opens them */
        T_ASSERT_OK(t, worker_close(&g.workers[i]));
    guest_do(&g, OWNER_UNBIND, 0, 0, -ENOENT);
    guest_do(&g, OWNER_UNBIND, 1, 1, -ENOENT);
    play_reach(&g.p, "--");
    for (unsigned i = 0; i < 2; i++)
        guest_open_worker(&g, i, IOASID_LEVEL_DEVICE);
    guest_start(&g, 2, 1);
    T_EXPECT(t, ioasid_number(id_of(2)) == numbers[0] || ioasid_number(id_of(2)) == numbers[1]);
    guest_misses(&g, 0, 0, 0);
    guest_misses(&g, 0, 1, 1);
    guest_reaches(&g, 0, 2, 1);
    guest_close(&g);
}
