/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of the ordering table that name two CPUs: free against free, bind and unbind of one ID, and the end of
 * a subscriber against its own handler. Many rounds with seeded delays; after each the results have to be
 * possible together, the events have to be counted out, and tables and references have to agree.
 */
#include <string.h>

#include "tests/actors/owner.h"
#include "tests/dev/dma_dev.h"
#include "tests/suites/play.h"
#include "tests/suites/race.h"

#define ROUNDS      100u
#define FREE_ROUNDS 300u
#define DMA_EVERY   10u /* rounds, where a transfer takes its time */
#define HANDLER_LEN 40u /* pauses */
#define WANTED      (IOASID_EVENT_BIND | IOASID_EVENT_UNBIND | IOASID_EVENT_FREE)

/* ---- One ID, an owner, two subscribers ---- */

struct duel {
    struct t *t;
    struct race race;
    struct play play;
    struct race_ear all;   /* hears FREE as FREE */
    struct race_ear binds; /* hears a FREE that ends a binding as UNBIND */
    unsigned devs;
};

/* As many devices as there are, two at most. */
static void open_duel(struct t *t, struct duel *d, unsigned devs)
{
    memset(d, 0, sizeof(*d));
    d->t = t;
    d->devs = devs;
    play_open(t, &d->play, devs);
    race_ear_init(&d->all, IOASID_LEVEL_DEVICE, WANTED);
    race_ear_init(&d->binds, IOASID_LEVEL_CPU, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND);
    T_ASSERT_OK(t, ioasid_notifier_register(t->iommu->ioasids, IOASID_ANY_SET, &d->all.nb));
    T_ASSERT_OK(t, ioasid_notifier_register(t->iommu->ioasids, IOASID_ANY_SET, &d->binds.nb));
    race_open(t, &d->race, 4);
}

static void close_duel(struct duel *d)
{
    race_close(&d->race);
    T_EXPECT_EQ(d->t, d->all.locked + d->binds.locked, 0u);
    T_EXPECT_OK(d->t, ioasid_notifier_unregister(d->t->iommu->ioasids, &d->all.nb));
    T_EXPECT_OK(d->t, ioasid_notifier_unregister(d->t->iommu->ioasids, &d->binds.nb));
    play_close(&d->play);
}

static int step(struct duel *d, enum owner_op op, unsigned dev)
{
    return owner_do_nowait(&d->play.owner, op, 0, dev);
}

static int act_free(struct racer *r)
{
    return step(r->arg, OWNER_FREE, 0);
}

static int act_bind_0(struct racer *r)
{
    return step(r->arg, OWNER_BIND, 0);
}

static int act_bind_1(struct racer *r)
{
    return step(r->arg, OWNER_BIND, 1);
}

static int act_unbind_0(struct racer *r)
{
    return step(r->arg, OWNER_UNBIND, 0);
}

static int act_unbind_1(struct racer *r)
{
    return step(r->arg, OWNER_UNBIND, 1);
}

static int act_get_put(struct racer *r)
{
    int rc = step(r->arg, OWNER_GET, 0);

    race_pause(r, 8);
    if (rc == 0)
        rc = step(r->arg, OWNER_PUT, 0);
    return rc == 1 ? 0 : rc; /* 1: the last one of a dying ID */
}

static void assign(struct duel *d, unsigned racer, int (*act)(struct racer *r))
{
    if (racer < d->race.count)
        race_set(&d->race, racer, act, d);
}

/* A racer's result, -ENOSYS when there is no such CPU. */
static int result(const struct duel *d, unsigned racer)
{
    return racer < d->race.count ? d->race.racers[racer].result : -ENOSYS;
}

static bool is_one_of(int rc, int a, int b, int c)
{
    return rc == a || rc == b || rc == c || rc == -ENOSYS;
}

/* The ID of this round is gone, with all that hung on it, and no device reaches its page. */
static void check_gone(struct duel *d)
{
    struct t *t = d->t;

    t_settle(t);
    T_EXPECT_ERR(t, ioasid_refs(d->play.owner.set, d->play.owner.ids[0]), -ENOENT);
    race_audit(t, 0);
    if (d->play.dma[0]->queued && d->race.round % DMA_EVERY != 1)
        return;
    play_reach(&d->play, d->devs == 2 ? "--" : "-");
}

static void note_results(struct duel *d)
{
    for (unsigned i = 0; i < d->race.count; i++)
        t_note(d->t, "round %u: CPU %u: %s", d->race.round, i, t_errno_name(d->race.racers[i].result));
    t_note(d->t, "round %u: BIND %u UNBIND %u FREE %u, without FREE: BIND %u UNBIND %u", d->race.round,
           race_heard(&d->all, IOASID_EVENT_BIND), race_heard(&d->all, IOASID_EVENT_UNBIND),
           race_heard(&d->all, IOASID_EVENT_FREE), race_heard(&d->binds, IOASID_EVENT_BIND),
           race_heard(&d->binds, IOASID_EVENT_UNBIND));
}

static void begin_round(struct duel *d)
{
    race_ear_forget(&d->all);
    race_ear_forget(&d->binds);
    T_ASSERT_OK(d->t, step(d, OWNER_ALLOC, 0));
}

/* Ends the case at the first round that went wrong. */
static void end_round(struct duel *d, bool good)
{
    if (T_EXPECT(d->t, good))
        return;
    note_results(d);
    t_fail(d->t, "results and events do not go together");
}

/* ---- Row 39 ---- */

static int free_id(struct racer *r)
{
    const ioasid_t *id = r->arg;

    return ioasid_free(ioasid_system_set(r->race->t->iommu->ioasids), *id);
}

static unsigned count_result(const struct race *race, int rc)
{
    unsigned n = 0;

    for (unsigned i = 0; i < race->count; i++)
        n += race->racers[i].result == rc;
    return n;
}

/* One ID, freed by every CPU; with a user's reference or without. */
static bool free_by_all(struct t *t, struct race *race, struct race_ear *ear, bool used)
{
    struct ioasid_set *set = ioasid_system_set(t->iommu->ioasids);
    unsigned winners, losers;
    ioasid_t id;

    race_ear_forget(ear);
    T_ASSERT_OK(t, ioasid_alloc(set, 1, IOASID_NUMBERS - 1, &id));
    if (used)
        T_ASSERT_OK(t, ioasid_get(set, id));
    for (unsigned i = 0; i < race->count; i++)
        race_set(race, i, free_id, &id);
    race_round(race);
    t_settle(t);
    winners = count_result(race, used ? -EINPROGRESS : 0);
    losers = count_result(race, -EALREADY) + count_result(race, -ENOENT);
    if (used)
        T_EXPECT_ERR(t, ioasid_put(set, id), 1);
    T_EXPECT_ERR(t, ioasid_refs(set, id), -ENOENT);
    T_EXPECT_EQ(t, race_heard(ear, IOASID_EVENT_FREE), used ? 1u : 0u);
    return T_EXPECT_EQ(t, winners, 1u) && T_EXPECT_EQ(t, losers, race->count - 1) && race_audit(t, 0);
}

TEST(race, free_free, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .rows = "39",
     .doc = "free on all CPUs at once: one wins, the others are told so, FREE is sent once or not at all")
{
    struct race_ear ear;
    struct race race;
    bool good = true;

    race_ear_init(&ear, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    T_ASSERT_OK(t, ioasid_notifier_register(t->iommu->ioasids, IOASID_ANY_SET, &ear.nb));
    race_open(t, &race, 4);
    while (good && race_more(&race, FREE_ROUNDS))
        good = free_by_all(t, &race, &ear, race.round % 2);
    race_close(&race);
    T_EXPECT_OK(t, ioasid_notifier_unregister(t->iommu->ioasids, &ear.nb));
}

/* ---- Row 40 ---- */

/* Sent BINDs and what ended them; a bind that was told -EBUSY after its BIND is ended by FREE as well. */
static bool free_bind_sound(const struct duel *d)
{
    unsigned binds = race_heard(&d->all, IOASID_EVENT_BIND), frees = race_heard(&d->all, IOASID_EVENT_FREE);
    int freed = result(d, 0);

    return (freed == 0 || freed == -EINPROGRESS) && frees == (freed == -EINPROGRESS ? 1u : 0u) &&
           is_one_of(result(d, 1), 0, -EBUSY, -ENOENT) && is_one_of(result(d, 2), 0, -EBUSY, -ENOENT) &&
           is_one_of(result(d, 3), 0, -EBUSY, -ENOENT) && (result(d, 1) != 0 || binds == 1) && binds <= 1 &&
           race_heard(&d->all, IOASID_EVENT_UNBIND) == 0 &&
           race_heard(&d->binds, IOASID_EVENT_BIND) == binds &&
           race_heard(&d->binds, IOASID_EVENT_UNBIND) == binds && (binds == 0 || frees == 1);
}

static void free_bind(struct t *t, unsigned devs)
{
    struct duel d;

    open_duel(t, &d, devs);
    assign(&d, 0, act_free);
    assign(&d, 1, act_bind_0);
    assign(&d, 2, devs == 2 ? act_bind_1 : act_get_put);
    assign(&d, 3, act_get_put);
    while (race_more(&d.race, ROUNDS)) {
        begin_round(&d);
        race_round(&d.race);
        t_settle(t);
        end_round(&d, free_bind_sound(&d));
        check_gone(&d);
    }
    close_duel(&d);
}

TEST(
    race, free_bind, .needs = NEED_DMA | NEED_CPUS_2, .lanes = PLAY_LANES, .negative = true,
    .timeout_ms = 60000, .rows = "40", .rules = "40", .flaws = "S4 S5",
    .doc = "free against bind: the bind works and FREE takes it down, or it is refused; nothing stays behind")
{
    free_bind(t, 1);
}

TEST(race, free_bind_two, .needs = NEED_DMA | NEED_DMA_2 | NEED_CPUS_4, .lanes = PLAY_LANES, .negative = true,
     .timeout_ms = 60000, .rows = "40", .flaws = "S4 S17",
     .doc = "free against the binds of two devices: both are blocked afterwards, BIND is sent once at most")
{
    free_bind(t, 2);
}

/* ---- Row 41 ---- */

/* The binding ends once: by UNBIND, or by FREE, which tells it to those who know only UNBIND. */
static bool free_unbind_sound(const struct duel *d)
{
    unsigned unbinds = race_heard(&d->all, IOASID_EVENT_UNBIND);
    unsigned frees = race_heard(&d->all, IOASID_EVENT_FREE);
    int freed = result(d, 0);

    return (freed == 0 || freed == -EINPROGRESS) && frees == (freed == -EINPROGRESS ? 1u : 0u) &&
           is_one_of(result(d, 1), 0, -ENOENT, 0) && is_one_of(result(d, 2), 0, -EBUSY, -ENOENT) &&
           is_one_of(result(d, 3), 0, -EBUSY, -ENOENT) && unbinds <= 1 && unbinds + frees >= 1 &&
           (freed != 0 || result(d, 1) == 0) && race_heard(&d->all, IOASID_EVENT_BIND) == 1 &&
           race_heard(&d->binds, IOASID_EVENT_UNBIND) == 1;
}

static void free_unbind(struct t *t, unsigned devs)
{
    struct duel d;

    open_duel(t, &d, devs);
    assign(&d, 0, act_free);
    assign(&d, 1, act_unbind_0);
    assign(&d, 2, devs == 2 ? act_unbind_1 : act_get_put);
    assign(&d, 3, act_get_put);
    while (race_more(&d.race, ROUNDS)) {
        begin_round(&d);
        for (unsigned dev = 0; dev < devs; dev++)
            T_ASSERT_OK(t, step(&d, OWNER_BIND, dev));
        race_round(&d.race);
        t_settle(t);
        end_round(&d, free_unbind_sound(&d));
        check_gone(&d);
    }
    close_duel(&d);
}

TEST(race, free_unbind, .needs = NEED_DMA | NEED_CPUS_2, .lanes = PLAY_LANES, .negative = true,
     .timeout_ms = 60000, .rows = "41", .rules = "40", .flaws = "C9",
     .doc = "free against the last unbind: the binding ends once, whoever comes first")
{
    free_unbind(t, 1);
}

TEST(race, free_unbind_two, .needs = NEED_DMA | NEED_DMA_2 | NEED_CPUS_4, .lanes = PLAY_LANES,
     .negative = true, .timeout_ms = 60000, .rows = "41", .flaws = "C9 S17",
     .doc = "free against the unbinds of two devices: UNBIND or FREE ends it for all, once")
{
    free_unbind(t, 2);
}

/* ---- Row 58 ---- */

struct farewell {
    struct race_ear ear, after; /* `after` is the ear at the moment when unregister returned */
    ioasid_t id;
};

static int act_free_farewell(struct racer *r)
{
    const struct farewell *f = r->arg;

    return ioasid_free(ioasid_system_set(r->race->t->iommu->ioasids), f->id);
}

/* Waits a while, so that the handler may have begun. */
static int act_unregister(struct racer *r)
{
    struct farewell *f = r->arg;
    int rc;

    race_pause(r, 400);
    rc = ioasid_notifier_unregister(r->race->t->iommu->ioasids, &f->ear.nb);
    f->after = f->ear;
    return rc;
}

TEST(race, unregister, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .rows = "58", .flaws = "C5",
     .doc = "unregister against FREE: it returns when no handler of that subscriber runs, and nobody writes "
            "to its memory any more")
{
    struct ioasid_set *set = ioasid_system_set(t->iommu->ioasids);
    struct farewell f;
    struct race race;

    race_open(t, &race, 2);
    race_set(&race, 0, act_free_farewell, &f);
    race_set(&race, 1, act_unregister, &f);
    while (race_more(&race, FREE_ROUNDS)) {
        race_ear_init(&f.ear, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
        f.ear.pauses = HANDLER_LEN;
        T_ASSERT_OK(t, ioasid_notifier_register(t->iommu->ioasids, IOASID_ANY_SET, &f.ear.nb));
        T_ASSERT_OK(t, ioasid_alloc(set, 1, IOASID_NUMBERS - 1, &f.id));
        T_ASSERT_OK(t, ioasid_get(set, f.id));
        race_round(&race);
        T_ASSERT_EQ(t, f.after.inside, 0u);
        t_settle(t);
        T_ASSERT_MEM(t, &f.ear, &f.after, sizeof(f.ear));
        T_EXPECT_ERR(t, race.racers[0].result, -EINPROGRESS);
        T_ASSERT_OK(t, race.racers[1].result);
        T_ASSERT_ERR(t, ioasid_put(set, f.id), 1);
        t_settle(t);
    }
    race_close(&race);
    race_audit(t, 0);
}
