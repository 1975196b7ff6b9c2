/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load from all CPUs at once: many IDs that come and go under their readers, subscribers that come and go
 * under events, and grace periods under readers on every CPU. Objects are poisoned when they are given back,
 * so whoever still reads one is found out.
 */
#include <string.h>

#include "iommu/ioasid_core.h"
#include "tests/suites/race.h"

#define ROUNDS 20u
#define STEPS  200u /* of each racer in a round */

/* ---- Many IDs ---- */

#define IDS   32u
#define ALIVE 0x51deb00bu
#define DEAD  0xdeadbeefu

struct thing {
    uint32_t state; /* ALIVE until nobody can read it any more */
    ioasid_t id;
};

struct market {
    struct t *t;
    struct ioasid_core *core;
    struct ioasid_set *set;
    uint64_t ids[IDS]; /* handles, some of them stale; atomic */
    unsigned torn;     /* objects that were dead or another's when read; atomic */
    unsigned odd;      /* results that no order of the calls explains; atomic */
    unsigned done[4];  /* allocs, frees, gets, finds that worked; atomic */
};

enum { DID_ALLOC, DID_FREE, DID_GET, DID_FIND };

static ioasid_t pick(const struct market *m, unsigned slot)
{
    return (ioasid_t){__atomic_load_n(&m->ids[slot], __ATOMIC_ACQUIRE)};
}

static void expect_one(struct market *m, int rc, int a, int b, int c)
{
    if (rc != a && rc != b && rc != c)
        race_count(&m->odd);
}

/* Gives an object back the way every owner has to: out of the record, a grace period, then poison. */
static void drop_thing(struct market *m, ioasid_t id)
{
    void *old;
    int rc = ioasid_data_take(m->core, id, &old);
    struct thing *thing = old;

    if (rc) {
        expect_one(m, rc, -ENOENT, -EBUSY, -ENOENT);
        return;
    }
    __atomic_store_n(&thing->state, DEAD, __ATOMIC_RELEASE);
    plat_free(thing);
}

static void do_alloc(struct market *m, unsigned slot)
{
    struct thing *thing = plat_alloc(sizeof(*thing), OWNER_TEST);
    ioasid_t id;

    if (!thing)
        return;
    if (ioasid_alloc(m->set, 1, IOASID_NUMBERS - 1, &id)) {
        plat_free(thing);
        return;
    }
    *thing = (struct thing){ALIVE, id};
    if (ioasid_data_set(m->core, id, thing))
        race_count(&m->odd);
    race_count(&m->done[DID_ALLOC]);
    id.raw = __atomic_exchange_n(&m->ids[slot], id.raw, __ATOMIC_ACQ_REL);
    if (ioasid_eq(id, IOASID_INVALID))
        return;
    drop_thing(m, id);
    expect_one(m, ioasid_free(m->set, id), 0, -EINPROGRESS, -EALREADY);
}

/* The slot keeps the handle: others will meet it stale. */
static void do_free(struct market *m, unsigned slot)
{
    ioasid_t id = pick(m, slot);
    int rc;

    if (ioasid_eq(id, IOASID_INVALID) ||
        !__atomic_compare_exchange_n(&m->ids[slot], &id.raw, IOASID_INVALID.raw, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return;
    drop_thing(m, id);
    rc = ioasid_free(m->set, id);
    expect_one(m, rc, 0, -EINPROGRESS, 0);
    race_count(&m->done[DID_FREE]);
}

static void do_get_put(struct market *m, struct racer *r, ioasid_t id)
{
    int rc = ioasid_get(m->set, id);

    expect_one(m, rc, 0, -ENOENT, -EBUSY);
    if (rc)
        return;
    race_count(&m->done[DID_GET]);
    race_pause(r, 4);
    if (ioasid_refs(m->set, id) < 1)
        race_count(&m->odd);
    expect_one(m, ioasid_put(m->set, id), 0, 1, 0);
}

static void do_find(struct market *m, struct racer *r, ioasid_t id)
{
    void *data;
    int rc;

    plat_read_enter();
    rc = ioasid_data_find(m->set, id, &data);
    expect_one(m, rc, 0, -ENOENT, -EBUSY);
    if (rc == 0) {
        const struct thing *thing = data;

        race_count(&m->done[DID_FIND]);
        race_pause(r, 4);
        if (__atomic_load_n(&thing->state, __ATOMIC_ACQUIRE) != ALIVE || !ioasid_eq(thing->id, id))
            race_count(&m->torn);
    }
    plat_read_exit();
}

static int trade(struct racer *r)
{
    struct market *m = r->arg;

    for (unsigned i = 0; i < STEPS; i++) {
        unsigned slot = (unsigned)race_rand(r, IDS);

        switch (race_rand(r, 8)) {
        case 0:
            do_alloc(m, slot);
            break;
        case 1:
            do_free(m, slot);
            break;
        case 2:
        case 3:
            do_get_put(m, r, pick(m, slot));
            break;
        default:
            do_find(m, r, pick(m, slot));
        }
    }
    return 0;
}

static void close_market(struct market *m)
{
    for (unsigned i = 0; i < IDS; i++) {
        if (!ioasid_eq(pick(m, i), IOASID_INVALID))
            do_free(m, i);
    }
}

TEST(race, many_ids, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .flaws = "S25",
     .doc = "find, get, put and free against alloc on many IDs: no object is read after its grace period, no "
            "reference is lost")
{
    struct market m = {.t = t, .core = t->iommu->ioasids, .set = ioasid_system_set(t->iommu->ioasids)};
    struct race race;

    for (unsigned i = 0; i < IDS; i++)
        m.ids[i] = IOASID_INVALID.raw;
    race_open(t, &race, RACE_MAX);
    for (unsigned i = 0; i < race.count; i++)
        race_set(&race, i, trade, &m);
    while (race_more(&race, ROUNDS) && !m.torn && !m.odd) {
        race_round(&race);
        close_market(&m);
        t_settle(t);
        race_audit(t, 0);
    }
    race_close(&race);
    T_EXPECT_EQ(t, m.torn, 0u);
    T_EXPECT_EQ(t, m.odd, 0u);
    t_note(t, "allocs %u, frees %u, gets %u, finds %u", m.done[0], m.done[1], m.done[2], m.done[3]);
    for (unsigned i = 0; i < ARRAY_SIZE(m.done); i++)
        T_EXPECT_GT(t, m.done[i], 0u);
}

/* ---- Subscribers that come and go ---- */

struct traffic {
    struct ioasid_core *core;
    struct ioasid_set *set;
    unsigned freed; /* IDs freed in use; atomic */
    unsigned odd;   /* atomic */
    unsigned registered, refused;
    struct race_ear constant; /* registered all the time */
    struct race_ear passing[RACE_MAX];
};

static int make_events(struct racer *r)
{
    struct traffic *x = r->arg;

    for (unsigned i = 0; i < STEPS / 4; i++) {
        ioasid_t id;

        if (ioasid_alloc(x->set, 1, IOASID_NUMBERS - 1, &id))
            return -ENOSPC;
        if (ioasid_get(x->set, id) || ioasid_free(x->set, id) != -EINPROGRESS)
            race_count(&x->odd);
        race_count(&x->freed);
        race_pause(r, 8);
        if (ioasid_put(x->set, id) != 1 && ioasid_refs(x->set, id) != -ENOENT)
            race_count(&x->odd);
    }
    return 0;
}

/* Registering is refused while an ID lives; one that got in leaves again, events or not. */
static int come_and_go(struct racer *r)
{
    struct traffic *x = r->arg;
    struct race_ear *ear = &x->passing[r->index];

    for (unsigned i = 0; i < STEPS; i++) {
        int rc = ioasid_notifier_register(x->core, r->index % 2 ? IOASID_ANY_SET : x->set, &ear->nb);

        race_pause(r, 16);
        if (rc == -EBUSY) {
            race_count(&x->refused);
            continue;
        }
        race_count(&x->registered);
        if (rc || ioasid_notifier_unregister(x->core, &ear->nb) || ear->inside)
            race_count(&x->odd);
    }
    return 0;
}

TEST(race, subscribers, .needs = NEED_IOMMU | NEED_CPUS_2, .timeout_ms = 60000, .rows = "58",
     .flaws = "C5 S25",
     .doc = "register and unregister on some CPUs against FREE from another: every FREE reaches who stays, "
            "no lock is taken in two orders")
{
    struct traffic x = {.core = t->iommu->ioasids, .set = ioasid_system_set(t->iommu->ioasids)};
    struct race race;

    race_ear_init(&x.constant, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE);
    T_ASSERT_OK(t, ioasid_notifier_register(x.core, IOASID_ANY_SET, &x.constant.nb));
    race_open(t, &race, 4);
    race_set(&race, 0, make_events, &x);
    for (unsigned i = 1; i < race.count; i++) {
        race_ear_init(&x.passing[i], i % 3, IOASID_EVENT_ALL);
        race_set(&race, i, come_and_go, &x);
    }
    while (race_until(&race, ROUNDS, x.registered)) {
        race_round(&race);
        t_settle(t);
    }
    race_close(&race);
    T_EXPECT_EQ(t, x.odd, 0u);
    T_EXPECT_EQ(t, race_heard(&x.constant, IOASID_EVENT_FREE), x.freed);
    T_EXPECT_EQ(t, x.constant.locked, 0u);
    T_EXPECT_GT(t, x.registered, 0u);
    T_EXPECT_OK(t, ioasid_notifier_unregister(x.core, &x.constant.nb));
    race_audit(t, 0);
}

/* ---- Grace periods ---- */

#define PAGES 20u /* of each round: every one costs a grace period */

struct book {
    struct thing *page; /* atomic */
    bool closed;        /* atomic */
    unsigned torn, reads;
};

static int read_book(struct racer *r)
{
    struct book *b = r->arg;

    while (!__atomic_load_n(&b->closed, __ATOMIC_ACQUIRE)) {
        plat_read_enter();
        for (unsigned n = (unsigned)race_rand(r, 4); n; n--) {
            const struct thing *page = __atomic_load_n(&b->page, __ATOMIC_ACQUIRE);

            race_pause(r, 16);
            if (__atomic_load_n(&page->state, __ATOMIC_ACQUIRE) != ALIVE)
                race_count(&b->torn);
            race_count(&b->reads);
        }
        plat_read_exit();
    }
    return 0;
}

static int write_book(struct racer *r)
{
    struct book *b = r->arg;

    for (unsigned i = 0; i < PAGES; i++) {
        struct thing *fresh = plat_alloc(sizeof(*fresh), OWNER_TEST), *old;

        if (!fresh)
            break;
        fresh->state = ALIVE;
        old = __atomic_exchange_n(&b->page, fresh, __ATOMIC_ACQ_REL);
        plat_grace_wait();
        __atomic_store_n(&old->state, DEAD, __ATOMIC_RELEASE);
        plat_free(old);
    }
    __atomic_store_n(&b->closed, true, __ATOMIC_RELEASE);
    return 0;
}

TEST(race, grace, .needs = NEED_TARGET | NEED_CPUS_2, .timeout_ms = 60000, .flaws = "S25",
     .doc = "a grace period waits for the read sections of every CPU")
{
    struct book b = {.page = plat_alloc(sizeof(struct thing), OWNER_TEST)};
    struct race race;

    T_ASSERT(t, b.page);
    b.page->state = ALIVE;
    race_open(t, &race, RACE_MAX);
    race_set(&race, 0, write_book, &b);
    for (unsigned i = 1; i < race.count; i++)
        race_set(&race, i, read_book, &b);
    while (race_until(&race, ROUNDS, b.reads)) {
        b.closed = false;
        race_round(&race);
    }
    race_close(&race);
    T_EXPECT_EQ(t, b.torn, 0u);
    T_EXPECT_GT(t, b.reads, 0u);
    plat_free(b.page);
}
