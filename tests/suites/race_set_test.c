/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets from all CPUs at once: quotas that are used up, capacity that is shared out, and a set that is
 * destroyed under those who use it. After each round the sums have to be right and nothing may be left.
 */
#include "tests/suites/race.h"

#define ROUNDS 100u
#define TRIES  40u /* of each racer in a round */
#define QUOTA  50u

static bool is_one_of(int rc, int a, int b, int c)
{
    return rc == a || rc == b || rc == c;
}

/* ---- Quota ---- */

struct rush {
    struct ioasid_core *core;
    struct ioasid_set *set;
    unsigned got, refused, odd; /* atomic */
};

static int grab(struct racer *r)
{
    struct rush *x = r->arg;

    for (unsigned i = 0; i < TRIES; i++) {
        ioasid_t id;
        int rc = ioasid_alloc(x->set, 1, IOASID_NUMBERS - 1, &id);

        race_count(rc == 0 ? &x->got : rc == -EDQUOT ? &x->refused : &x->odd);
        race_pause(r, 4);
    }
    return 0;
}

TEST(race, quota, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .rows = "2", .flaws = "S26",
     .doc =
         "all CPUs allocate from one set: exactly as many succeed as its quota says, all others get -EDQUOT")
{
    struct rush x = {.core = t->iommu->ioasids};
    struct race race;

    T_ASSERT_OK(t, ioasid_set_create(x.core, IOASID_TOKEN_MM, &x, QUOTA, &x.set));
    race_open(t, &race, RACE_MAX);
    for (unsigned i = 0; i < race.count; i++)
        race_set(&race, i, grab, &x);
    while (race_more(&race, ROUNDS)) {
        x.got = x.refused = x.odd = 0;
        race_round(&race);
        T_ASSERT_EQ(t, x.got, QUOTA);
        T_ASSERT_EQ(t, x.got + x.refused, TRIES * race.count);
        race_audit(t, QUOTA);
        T_ASSERT_OK(t, ioasid_free_all(x.set));
        t_settle(t);
    }
    race_close(&race);
    T_EXPECT_EQ(t, x.odd, 0u);
    T_EXPECT_OK(t, ioasid_set_destroy(x.set));
    t_settle(t);
    race_audit(t, 0);
}

/* ---- Capacity ---- */

#define SHARE 300000u /* three of these are the capacity, and some */

struct market {
    struct ioasid_core *core;
    struct ioasid_set *sets[RACE_MAX];
    int token;
    unsigned owners; /* of the token; atomic */
    unsigned odd;    /* atomic */
};

static int share(struct racer *r)
{
    struct market *m = r->arg;

    return ioasid_set_create(m->core, IOASID_TOKEN_NONE, NULL, SHARE, &m->sets[r->index]);
}

static int claim(struct racer *r)
{
    struct market *m = r->arg;
    int rc = ioasid_set_create(m->core, IOASID_TOKEN_MM, &m->token, 1, &m->sets[r->index]);

    if (rc == 0)
        race_count(&m->owners);
    else if (rc != -EEXIST)
        race_count(&m->odd);
    return rc;
}

TEST(race, capacity, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .rows = "4 5", .flaws = "S26 K8",
     .doc =
         "all CPUs create sets: no more capacity is shared out than there is, and one of them gets the token")
{
    struct market m = {.core = t->iommu->ioasids};
    struct race race;

    race_open(t, &race, 6);
    while (race_more(&race, ROUNDS)) {
        unsigned made = 0;

        for (unsigned i = 0; i < race.count; i++)
            race_set(&race, i, race.round % 2 ? share : claim, &m);
        m.owners = 0;
        race_round(&race);
        for (unsigned i = 0; i < race.count; i++) {
            if (race.racers[i].result)
                continue;
            made++;
            T_EXPECT_OK(t, ioasid_set_destroy(m.sets[i]));
        }
        T_ASSERT_EQ(t, made, m.owners ? 1u : race.count < 3 ? race.count : 3u);
        t_settle(t);
        race_audit(t, 0);
    }
    race_close(&race);
    T_EXPECT_EQ(t, m.odd, 0u);
}

/* ---- The end of a set ---- */

struct end {
    struct ioasid_core *core;
    struct ioasid_set *set;
    struct race_ear ear; /* gives the user's reference back at FREE */
    struct race_ear passing[RACE_MAX];
    unsigned used; /* references that FREE has to give back; atomic */
    unsigned odd;  /* atomic */
    unsigned made; /* atomic */
};

/* Allocates and uses, until the set is gone. */
static int use(struct racer *r)
{
    struct end *x = r->arg;

    for (unsigned i = 0; i < TRIES; i++) {
        ioasid_t id;
        int rc = ioasid_alloc(x->set, 1, IOASID_NUMBERS - 1, &id);

        if (rc == 0)
            race_count(&x->made);
        else if (!is_one_of(rc, -EDQUOT, -ESTALE, 0))
            race_count(&x->odd);
        if (rc)
            continue;
        race_pause(r, 4);
        rc = ioasid_get(x->set, id);
        if (rc == 0)
            race_count(&x->used);
        else if (!is_one_of(rc, -EBUSY, -ENOENT, -ESTALE))
            race_count(&x->odd);
        if (i % 4 == 0 && !is_one_of(ioasid_free(x->set, id), -EINPROGRESS, -EALREADY, 0) &&
            !is_one_of(ioasid_free(x->set, id), -ENOENT, -ESTALE, 0))
            race_count(&x->odd);
    }
    return 0;
}

static int destroy(struct racer *r)
{
    struct end *x = r->arg;
    int rc;

    race_pause(r, 64);
    rc = ioasid_set_destroy(x->set);
    if (!is_one_of(rc, 0, -EINPROGRESS, -EALREADY))
        race_count(&x->odd);
    return rc;
}

/* Subscribes to a set that is being destroyed, and leaves. */
static int come_and_go(struct racer *r)
{
    struct end *x = r->arg;
    struct race_ear *ear = &x->passing[r->index];

    for (unsigned i = 0; i < TRIES; i++) {
        int rc = i % 2 ? ioasid_notifier_register(x->core, x->set, &ear->nb)
                       : ioasid_notifier_register_token(x->core, IOASID_TOKEN_MM, x, &ear->nb);

        if (!is_one_of(rc, 0, -EBUSY, -ESTALE))
            race_count(&x->odd);
        if (rc == 0 && ioasid_notifier_unregister(x->core, &ear->nb))
            race_count(&x->odd);
    }
    return 0;
}

static int give_back(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct end *x = container_of(nb, struct end, ear.nb);

    race_count(&x->ear.heard[0]);
    if (ioasid_put(ev->set, ev->id) < 0)
        race_count(&x->odd);
    return 0;
}

TEST(race, set_end, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .rows = "45 46",
     .flaws = "C7 C5 C19 C15",
     .doc = "a set is destroyed twice while others allocate, use, free and subscribe: FREE once for each ID "
            "in use, one "
            "destroy wins, nothing is left")
{
    struct end x = {.core = t->iommu->ioasids};
    struct race race;
    ioasid_t id;

    race_ear_init(&x.ear, IOASID_LEVEL_CPU, IOASID_EVENT_FREE);
    x.ear.nb.handler = give_back;
    T_ASSERT_OK(t, ioasid_notifier_register_token(x.core, IOASID_TOKEN_MM, &x, &x.ear.nb));
    race_open(t, &race, 4);
    for (unsigned i = 0; i < race.count; i++) {
        race_ear_init(&x.passing[i], i % 3, IOASID_EVENT_ALL);
        race_set(&race, i, i == 0 ? use : i == 1 ? destroy : i == 2 ? come_and_go : destroy, &x);
    }
    while (race_until(&race, ROUNDS, x.made)) {
        T_ASSERT_OK(t, ioasid_set_create(x.core, IOASID_TOKEN_MM, &x, QUOTA, &x.set));
        x.used = x.ear.heard[0] = 0;
        race_round(&race);
        t_settle(t);
        T_ASSERT_EQ(t, x.odd, 0u);
        T_ASSERT_EQ(t, x.ear.heard[0], x.used);
        T_ASSERT_ERR(t, ioasid_alloc(x.set, 1, 9, &id), -ESTALE);
        race_audit(t, 0);
    }
    race_close(&race);
    T_EXPECT_GT(t, x.made, 0u);
    T_EXPECT_OK(t, ioasid_notifier_unregister(x.core, &x.ear.nb));
}
