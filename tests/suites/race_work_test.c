/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's CPUs that submit and run work while another one ends the IOASID: rows 17, 18, 23 and 41 with all
 * three parties. When the device side's own handler has returned nothing of the device may be on its way,
 * started or about to be: a listener behind it, at the same level, with the entry still in place, paints the
 * page anew and lingers. Not one byte of it may change.
 */
#include <errno.h>
#include <string.h>

#include "tests/suites/guest.h"
#include "tests/suites/race.h"

#define ROUNDS    60u
#define SUBMITS   400u    /* of one CPU in a round, at most */
#define LINGER_NS 200000u /* of the listener: time enough for a transfer that is late and done at once */

struct shift {
    struct t *t;
    struct race race;
    struct guest guest;
    struct ioasid_notifier behind;
    uint8_t late[PAGE_SIZE]; /* the page from the device side's handler on */
    unsigned told;           /* UNBIND or FREE of this round; by the listener */
    unsigned odd;            /* submissions that ended as none may; atomic */
    unsigned refused;        /* CPUs that were told of the end; atomic */
};

static struct shift shift;

static int paint(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct shift *s = container_of(nb, struct shift, behind);
    uint64_t until = plat_now_ns() + LINGER_NS;

    (void)ev;
    if (s->told++)
        return 0;
    memcpy(owner_page(&s->guest.p.owner, 0), s->late, PAGE_SIZE);
    plat_wmb();
    while (plat_now_ns() < until)
        env_thread_pause();
    return 0;
}

static void step(struct shift *s, enum owner_op op)
{
    T_ASSERT_OK(s->t, owner_do(&s->guest.p.owner, op, 0, 0));
}

static void bind(struct shift *s)
{
    step(s, OWNER_ALLOC);
    step(s, OWNER_BIND);
    T_ASSERT_OK(s->t, worker_program(&s->guest.workers[0], s->guest.p.owner.ids[0]));
}

/* What a round left of the ID: its owner's reference, or nothing. */
static void bury(struct shift *s)
{
    struct owner *o = &s->guest.p.owner;

    if (ioasid_refs(o->set, o->ids[0]) == 1)
        step(s, OWNER_FREE);
    T_ASSERT_ERR(s->t, ioasid_refs(o->set, o->ids[0]), -ENOENT);
}

static void open_shift(struct t *t, struct shift *s)
{
    memset(s, 0, sizeof(*s));
    s->t = t;
    guest_open(t, &s->guest, 1, 1, IOASID_LEVEL_DEVICE);
    bind(s);
    guest_reaches(&s->guest, 0, 0, 0);
    step(s, OWNER_UNBIND);
    bury(s);
    s->behind = (struct ioasid_notifier){.handler = paint,
                                         .level = IOASID_LEVEL_DEVICE,
                                         .events = IOASID_EVENT_UNBIND | IOASID_EVENT_FREE,
                                         .name = "behind the worker"};
    T_ASSERT_OK(t, ioasid_notifier_register(t->iommu->ioasids, s->guest.p.owner.set, &s->behind));
    race_open(t, &s->race, 4);
}

static void close_shift(struct shift *s)
{
    race_close(&s->race);
    T_EXPECT_OK(s->t, ioasid_notifier_unregister(s->t->iommu->ioasids, &s->behind));
    guest_close(&s->guest);
}

/* Works for the guest until its number is a fault. */
static int act_work(struct racer *r)
{
    struct shift *s = r->arg;
    int rc = 0;

    for (unsigned i = 0; i < SUBMITS && (rc == 0 || rc == -EAGAIN); i++) {
        rc = guest_submit(&s->guest, 0, 0, 0);
        worker_run(&s->guest.workers[0]);
    }
    if (rc == -EFAULT)
        race_count(&s->refused);
    else if (rc != 0 && rc != -EAGAIN)
        race_count(&s->odd);
    return 0;
}

static int act_unbind(struct racer *r)
{
    struct shift *s = r->arg;

    race_pause(r, 100);
    return owner_do_nowait(&s->guest.p.owner, OWNER_UNBIND, 0, 0);
}

static int act_free(struct racer *r)
{
    struct shift *s = r->arg;

    race_pause(r, 100);
    return owner_do_nowait(&s->guest.p.owner, OWNER_FREE, 0, 0);
}

static void begin_round(struct shift *s)
{
    bind(s);
    s->told = 0;
    t_rand_fill(s->t, s->late, PAGE_SIZE);
    t_faults_forget(s->t);
}

/* The device side was quiet when its handler returned, and has been since. */
static void end_round(struct shift *s)
{
    const struct worker_counts *c = &s->guest.workers[0].counts;
    struct t *t = s->t;

    t_settle(t);
    plat_rmb();
    T_ASSERT_GT(t, s->told, 0u);
    T_ASSERT_MEM(t, owner_page(&s->guest.p.owner, 0), s->late, PAGE_SIZE);
    t_proved(t, false);
    t_expect_no_fault(t);
    T_ASSERT_EQ(t, s->odd + c->rejected + c->failed, 0u);
    T_ASSERT_EQ(t, c->accepted, c->aborted + c->done);
}

static void tell_counts(struct shift *s)
{
    const struct worker_counts *c = &s->guest.workers[0].counts;

    t_tell(s->t, "%u submitted, %u done, %u aborted; %u times a CPU was told of the end", c->accepted,
           c->done, c->aborted, s->refused);
}

/* Work was done, by more than the opening, and cut short. */
static bool seen(const struct shift *s)
{
    return s->guest.workers[0].counts.done > 1 && s->refused;
}

/* Rounds in which `end` meets the others' work; the first racers do `end`, `count` of them. */
static void work_against(struct t *t, int (*const *end)(struct racer *r), unsigned count,
                         bool (*sound)(const struct race *race))
{
    struct shift *s = &shift;

    open_shift(t, s);
    for (unsigned i = 0; i < s->race.count; i++)
        race_set(&s->race, i, i < count ? end[i] : act_work, s);
    while (race_until(&s->race, ROUNDS, seen(s))) {
        begin_round(s);
        race_round(&s->race);
        end_round(s);
        T_ASSERT(t, sound(&s->race));
        bury(s);
    }
    tell_counts(s);
    T_EXPECT(t, seen(s));
    close_shift(s);
}

static bool unbind_sound(const struct race *race)
{
    return race->racers[0].result == 0;
}

static bool free_sound(const struct race *race)
{
    return race->racers[0].result == -EINPROGRESS;
}

static bool both_sound(const struct race *race)
{
    int freed = race->racers[0].result, unbound = race->racers[1].result;

    return (freed == 0 && unbound == 0) || (freed == -EINPROGRESS && (unbound == 0 || unbound == -ENOENT));
}

TEST(race, work_unbind, .needs = NEED_DMA | NEED_CPUS_2, .lanes = PLAY_LANES, .negative = true,
     .timeout_ms = 60000, .rows = "17 18", .flaws = "S14 S18",
     .doc =
         "unbind while other CPUs submit and run the device's work: what was started arrives, and when the "
         "device side's handler has returned no byte arrives any more")
{
    work_against(t, (int (*const[])(struct racer *)){act_unbind}, 1, unbind_sound);
}

TEST(race, work_free, .needs = NEED_DMA | NEED_CPUS_2, .lanes = PLAY_LANES, .negative = true,
     .timeout_ms = 60000, .rows = "23", .flaws = "S14 S15",
     .doc = "free before unbind while other CPUs submit and run the device's work: the same")
{
    work_against(t, (int (*const[])(struct racer *)){act_free}, 1, free_sound);
}

TEST(race, work_free_unbind, .needs = NEED_DMA | NEED_CPUS_4, .lanes = PLAY_LANES, .negative = true,
     .timeout_ms = 60000, .rows = "41", .flaws = "S14 C9",
     .doc = "free against unbind while two more CPUs submit and run the device's work: the same, once")
{
    work_against(t, (int (*const[])(struct racer *)){act_free, act_unbind}, 2, both_sound);
}
