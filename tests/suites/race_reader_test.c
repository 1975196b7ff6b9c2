/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers without locks against those who give away what they read: the private pointer of an ID, and the
 * driver's own object. Readers look at plain memory: what they found is whole, and stays so until their
 * section ends. Without the grace period they read what has been given back, without the barrier behind what
 * is published they read what is not there yet.
 */
#include <errno.h>

#include "tests/suites/race.h"
#include "tests/suites/svm_bench.h"

#define ROUNDS 20u
#define STEPS  50u
#define LOOKS  200u /* of each reader in a round */

/* ---- The private pointer of one ID ---- */

struct thing {
    uint64_t mark;
    ioasid_t id;
};

struct shelf {
    struct ioasid_core *core;
    struct ioasid_set *set;
    ioasid_t id;
    unsigned torn, odd, found; /* atomic */
};

static int put_and_take(struct racer *r)
{
    struct shelf *s = r->arg;

    for (unsigned i = 0; i < STEPS; i++) {
        struct thing *thing = plat_alloc(sizeof(*thing), OWNER_TEST);
        void *old = NULL;

        if (!thing)
            return -ENOMEM;
        *thing = (struct thing){~s->id.raw, s->id};
        if (ioasid_data_set(s->core, s->id, thing))
            race_count(&s->odd);
        race_pause(r, 16);
        if (ioasid_data_take(s->core, s->id, &old) || old != thing)
            race_count(&s->odd);
        thing->mark = 0;
        plat_free(thing);
    }
    return 0;
}

static int look_up(struct racer *r)
{
    struct shelf *s = r->arg;

    for (unsigned i = 0; i < LOOKS; i++) {
        void *data;

        plat_read_enter();
        if (ioasid_data_find(s->set, s->id, &data) == 0) {
            const struct thing *thing = data;

            race_count(&s->found);
            race_pause(r, 8);
            if (thing->mark != ~s->id.raw || !ioasid_eq(thing->id, s->id))
                race_count(&s->torn);
        }
        plat_read_exit();
    }
    return 0;
}

TEST(race, private_pointer, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .rows = "7",
     .flaws = "S7 S25",
     .doc = "one CPU gives an ID its private object and takes it back, the others read it: whole when it is "
            "found, and until they are done")
{
    struct shelf s = {.core = t->iommu->ioasids, .set = ioasid_system_set(t->iommu->ioasids)};
    struct race race;

    T_ASSERT_OK(t, ioasid_alloc(s.set, 1, IOASID_NUMBERS - 1, &s.id));
    race_open(t, &race, 4);
    race_set(&race, 0, put_and_take, &s);
    for (unsigned i = 1; i < race.count; i++)
        race_set(&race, i, look_up, &s);
    while (race_until(&race, ROUNDS, s.found) && !s.torn && !s.odd)
        race_round(&race);
    race_close(&race);
    T_EXPECT_EQ(t, s.torn, 0u);
    T_EXPECT_EQ(t, s.odd, 0u);
    T_EXPECT_GT(t, s.found, 0u);
    T_EXPECT_OK(t, ioasid_free(s.set, s.id));
}

/* ---- The driver's object ---- */

struct scene {
    struct svm_bench bench;
    uint64_t id;               /* atomic */
    unsigned torn, odd, found; /* atomic */
};

static ioasid_t current(const struct scene *s)
{
    return (ioasid_t){__atomic_load_n(&s->id, __ATOMIC_ACQUIRE)};
}

/* A life after the other: bound twice, and ended by unbind and free, or by free alone. */
static int live_and_die(struct racer *r)
{
    struct scene *s = r->arg;
    struct svm_bench *b = &s->bench;

    for (unsigned i = 0; i < STEPS / 4; i++) {
        ioasid_t id;

        if (ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &id))
            return -ENOSPC;
        __atomic_store_n(&s->id, id.raw, __ATOMIC_RELEASE);
        if (svm_do_bind(b, id, 0) || svm_do_bind(b, id, 1))
            race_count(&s->odd);
        race_pause(r, 16);
        if (i % 2 == 0 && (svm_do_unbind(b, id, 0) || svm_do_unbind(b, id, 1)))
            race_count(&s->odd);
        if (ioasid_free(b->set, id) != (i % 2 == 0 ? 0 : -EINPROGRESS))
            race_count(&s->odd);
        if (plat_idle_wait(UINT32_MAX))
            race_count(&s->odd);
    }
    return 0;
}

static int look_inside(struct racer *r)
{
    struct scene *s = r->arg;

    for (unsigned i = 0; i < LOOKS; i++) {
        ioasid_t id = current(s);
        void *data;

        plat_read_enter();
        if (ioasid_data_find(s->bench.set, id, &data) == 0) {
            const struct svm_space *space = data;

            race_count(&s->found);
            race_pause(r, 8);
            if (space->tag != SVM_SPACE_TAG || !ioasid_eq(space->id, id) || space->set != s->bench.set)
                race_count(&s->torn);
        }
        plat_read_exit();
    }
    return 0;
}

TEST(race, driver_object, .needs = SVM_NEEDS | NEED_CPUS_2, .timeout_ms = 60000, .rows = "18 23",
     .flaws = "S7 S8",
     .doc = "IDs are bound, unbound and freed on one CPU while the others read the driver's object: it stays "
            "whole for who found it")
{
    struct scene s = {.id = IOASID_INVALID.raw};
    struct race race;

    svm_open(t, &s.bench, 2);
    race_open(t, &race, 4);
    race_set(&race, 0, live_and_die, &s);
    for (unsigned i = 1; i < race.count; i++)
        race_set(&race, i, look_inside, &s);
    while (race_until(&race, ROUNDS, s.found) && !s.torn && !s.odd)
        race_round(&race);
    race_close(&race);
    T_EXPECT_EQ(t, s.torn, 0u);
    T_EXPECT_EQ(t, s.odd, 0u);
    T_EXPECT_GT(t, s.found, 0u);
    svm_expect_audit(&s.bench, 0);
    svm_close(&s.bench);
}
