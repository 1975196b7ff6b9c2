/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite interleave, resume: IDs are freed, and destroyed with their set, while the machine wakes up, in all
 * interleavings of the two. Whoever decides first, no entry of a freed ID is left. Ordering table, row 62.
 */
#include "iommu/svm_space.h"
#include "iommu/vtd_table.h"
#include "tests/harness/env.h"
#include "tests/harness/harness.h"
#include "tests/host/fibers.h"
#include "tests/host/stub_machine.h"

#define PREEMPTIONS 1
#define WALK_NS     25000000000ull
#define CASE_MS     30000u

static struct waking {
    struct iommu *iommu;
    struct iommu_dev *dev;
    struct ioasid_set *set;
    ioasid_t id;
    bool whole_set; /* it is destroyed, with the ID in it */
    int resumed, freed;
    const char *why;
    struct fibers f;
    bool passed;
} w;

static const struct ioasid_bind_cfg pass = {
    .stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};

static bool prepare(unused void *ctx)
{
    w.why = "cannot begin";
    w.set = ioasid_system_set(w.iommu->ioasids);
    if (w.whole_set && ioasid_set_create(w.iommu->ioasids, IOASID_TOKEN_NONE, NULL, 1, &w.set))
        return false;
    return ioasid_alloc(w.set, 1, IOASID_NUMBERS - 1, &w.id) == 0 &&
           ioasid_bind(w.set, w.id, w.dev, &pass) == 0 && iommu_suspend(w.iommu) == 0;
}

static void resume(unused void *ctx)
{
    w.resumed = iommu_resume(w.iommu);
}

static void end(unused void *ctx)
{
    w.freed = w.whole_set ? ioasid_set_destroy(w.set) : ioasid_free(w.set, w.id);
}

static bool is_present(void)
{
    struct vtd_pasid_entry e;

    return vtd_pasid_read(w.dev->vtd, 0, &e) == 0 && entry_get(&e, VTD_PASID_P);
}

static bool judge(unused void *ctx, bool stuck)
{
    ioasid_t id;

    w.why = NULL;
    if (stuck)
        w.why = "threads wait for each other";
    else if (w.resumed || (w.freed && w.freed != -EINPROGRESS))
        w.why = "a call failed";
    else if (ioasid_lookup(w.iommu->ioasids, ioasid_number(w.id), &id) == 0 || is_present())
        w.why = "the ID is there still, or its entry";
    return !w.why;
}

static void explore(unused void *arg)
{
    w.passed = fibers_explore(&w.f);
}

static void wake_up(struct t *t, bool whole_set)
{
    const struct stub_dev *d = stub_machine_dev(0, 0);
    struct env_guard guard;
    char turns[400];

    w = (struct waking){.iommu = t->iommu,
                        .whole_set = whole_set,
                        .f = {.preemptions = t_depth(t, PREEMPTIONS),
                              .prepare = prepare,
                              .body = {resume, end},
                              .judge = judge}};
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, d->id, d->rids, d->rid_count, IOASID_BITS, &w.dev));
    T_ASSERT(t, prepare(NULL)); /* what the first bind makes is there for all runs */
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    end(NULL);
    T_ASSERT_ERR(t, w.freed, -EINPROGRESS);
    t_settle(t);
    env_guard(explore, NULL, WALK_NS, &guard);
    t_reached(t);
    if (guard.end != ENV_RETURNED || !w.passed) {
        fibers_leave();
        fibers_words(turns, sizeof(turns));
        t_note(t, "turns: %s", turns);
        t_fail(t, "%s", guard.end == ENV_RETURNED ? w.why : guard.text);
    }
    t_tell(t, "%llu interleavings with up to %u preemptions", (unsigned long long)w.f.runs, w.f.preemptions);
    T_ASSERT_OK(t, iommu_dev_detach(w.dev));
}

TEST(interleave, resume_free, .needs = NEED_HOST | NEED_IOMMU | NEED_PT, .timeout_ms = CASE_MS, .rows = "62",
     .rules = "74",
     .doc =
         "an ID is freed while the machine wakes up, in all interleavings: both calls succeed, the ID goes "
         "and leaves no entry")
{
    wake_up(t, false);
}

TEST(interleave, resume_destroy, .needs = NEED_HOST | NEED_IOMMU | NEED_PT, .timeout_ms = CASE_MS,
     .rows = "45 62", .rules = "74", .doc = "the same with the ID's whole set")
{
    wake_up(t, true);
}
