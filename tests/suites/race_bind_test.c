/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of their own on every CPU: what IDs share is the unit, its domain ids, its tables, its queue and
 * its fault records.
 */
#include "tests/suites/race.h"
#include "tests/suites/svm_bench.h"

#define ROUNDS  20u
#define STEPS   12u
#define FREE_NS 5000000000ull

struct desks {
    struct svm_bench bench;
    unsigned odd, served; /* atomic */
};

static void expect(struct desks *d, int rc, int wanted)
{
    if (rc != wanted)
        __atomic_add_fetch(&d->odd, 1, __ATOMIC_RELAXED);
}

/* One life after the other on the racer's own device, ended by unbind and free, or by free alone. */
static int serve(struct racer *r)
{
    struct desks *d = r->arg;
    struct svm_bench *b = &d->bench;

    for (unsigned i = 0; i < STEPS; i++) {
        ioasid_t id;
        int rc = ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &id);

        expect(d, rc, 0);
        if (rc)
            return rc;
        expect(d, svm_do_bind(b, id, r->index), 0);
        race_pause(r, 8);
        expect(d, ioasid_flush(b->set, id, (iova_t){0}, i % 3 * PAGE_SIZE, false), 0);
        if (i % 2 == 0)
            expect(d, svm_do_unbind(b, id, r->index), 0);
        expect(d, ioasid_free_sync(b->set, id, FREE_NS), 0);
        __atomic_add_fetch(&d->served, 1, __ATOMIC_RELAXED);
    }
    return 0;
}

/* Looks at what the others change. */
static int look_on(struct racer *r)
{
    struct desks *d = r->arg;
    struct iommu *iommu = d->bench.t->iommu;

    for (unsigned i = 0; i < STEPS * 4; i++) {
        struct vtd_unit *unit = iommu->units[i % iommu->unit_count];
        struct vtd_fault fault;
        struct vtd_desc recent[4];
        ioasid_t id;

        expect(d, (int)vtd_fault_poll(unit, &fault, 1, NULL), 0);
        expect(d, vtd_did_count(unit) <= SVM_DEVS ? 0 : 1, 0);
        (void)vtd_qi_recent(unit, recent, ARRAY_SIZE(recent));
        (void)!ioasid_lookup(d->bench.core, i, &id);
        race_pause(r, 16);
    }
    return 0;
}

TEST(race, own_devices, .needs = SVM_NEEDS | NEED_CPUS_4, .timeout_ms = 60000, .rows = "8 18 23",
     .flaws = "S4 S10 S11 H19",
     .doc = "every CPU binds, flushes, unbinds and frees on a device of its own while one looks on: domain "
            "ids, tables and queues of the units stay whole")
{
    struct desks d = {.odd = 0};
    struct race race;

    svm_open(t, &d.bench, SVM_DEVS);
    race_open(t, &race, SVM_DEVS + 1);
    for (unsigned i = 0; i < race.count; i++)
        race_set(&race, i, i < SVM_DEVS ? serve : look_on, &d);
    while (race_more(&race, ROUNDS) && !d.odd) {
        race_round(&race);
        t_settle(t);
        svm_expect_audit(&d.bench, 0);
    }
    race_close(&race);
    T_EXPECT_EQ(t, d.odd, 0u);
    T_EXPECT_GT(t, d.served, 0u);
    T_EXPECT_EQ(t, svm_presence(&d.bench), 0u);
    svm_close(&d.bench);
}
