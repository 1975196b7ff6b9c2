/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite interleave: two calls on one IOASID at the same time, in all interleavings of their seam calls. Under
 * sanitizers with one preemption; `make check` has two without.
 */
#include "tests/host/interleave.h"
#include "tests/host/stub_machine.h"
#include "tests/suites/order_judge.h"
#include "tests/suites/play.h"
#include "iommu/vtd_table.h"
#include "tests/harness/env.h"
#include "tests/suites/rig.h"

#define PREEMPTIONS 1
#define WALK_NS     25000000000ull
#define CASE_MS     30000u
#define STRICT_RUNS 3u

struct walk {
    struct interleave il;
    uint64_t runs;
};

static bool walk_preludes(struct order_run *run, void *arg)
{
    struct walk *w = arg;

    for (w->il.prelude = 0; w->il.prelude < INTERLEAVE_PRELUDES; w->il.prelude++) {
        bool ok = interleave_all(run, &w->il);

        w->runs += w->il.runs;
        if (!ok)
            return false;
    }
    return true;
}

static void note(void *ctx, const char *line)
{
    t_note(ctx, "%s", line);
}

struct guarded {
    struct order_run *run;
    struct walk walk;
    bool passed;
};

static void walk_guarded(void *arg)
{
    struct guarded *g = arg;

    g->passed = walk_preludes(g->run, &g->walk);
}

/* On the driver that the judge has opened. */
static void play_all(struct t *t, struct order_judge *judge, unsigned runs_max)
{
    struct guarded g = {
        .run = &judge->run,
        .walk.il = {.preemptions = t_depth(t, PREEMPTIONS), .runs_max = runs_max, .seed = t_rand64(t)}};
    struct env_guard guard;

    env_guard(walk_guarded, &g, WALK_NS, &guard);
    t_reached(t);
    if (guard.end != ENV_RETURNED || !g.passed) {
        fibers_leave();
        interleave_words(note, t);
        t_fail(t, "%s", guard.end == ENV_RETURNED ? "an interleaving that may not be" : guard.text);
    }
    t_tell(t, "%llu interleavings with up to %u preemptions", (unsigned long long)g.walk.runs,
           g.walk.il.preemptions);
    order_judge_close(judge);
}

static struct order_judge judge; /* large for a stack */

static void interleave(struct t *t, bool two_units)
{
    struct order_dev devs[SPEC_DEVS];
    struct vtd_dev any = {.unit = t->iommu->units[0]};
    struct pgtable_cfg table = rig_table_cfg(&any, rig_unit_stage(any.unit), rig_unit_levels(any.unit));

    for (unsigned d = 0; d < SPEC_DEVS; d++) {
        const struct stub_dev *dev = stub_machine_dev(two_units ? d : 0, two_units ? 0 : d);

        devs[d] = (struct order_dev){dev->id, dev->rids, dev->rid_count};
    }
    order_judge_open_tables(t, &judge, devs, &table, false);
    play_all(t, &judge, 0);
}

TEST(interleave, one_unit, .needs = NEED_HOST | NEED_IOMMU, .timeout_ms = CASE_MS,
     .rows = "27 39 40 41 48 56 58", .flaws = "S1 S2 S3 S25 C5 C9 H27",
     .doc = "every pair of get, put, bind, unbind, free, register and unregister, from seven states, in all "
            "interleavings with up to depth= preemptions (1): results, events and state are allowed, nobody "
            "waits for ever")
{
    interleave(t, false);
}

TEST(interleave, two_units, .needs = NEED_HOST | NEED_IOMMU, .timeout_ms = CASE_MS,
     .rows = "27 39 40 41 48 56 58", .flaws = "S1 S2 S3 S25 C5 C9 H27",
     .doc = "the same with each device on a unit of its own")
{
    interleave(t, true);
}

TEST(interleave, by_dma, .needs = NEED_DMA | NEED_DMA_2 | NEED_NO_VCS,
     .lanes = T_BIT(T_LANE_RID) | T_BIT(T_LANE_PASID), .engines = T_BIT(DMA_MODEL), .timeout_ms = CASE_MS,
     .rows = "27 39 40 41 48 56", .flaws = "S1 S2 S3 S25 C5 C9 H27", .negative = true,
     .doc = "the same in front of strict units, which walk and keep what they may at every seam call; what "
            "both devices reach afterwards is found out by DMA")
{
    order_judge_open(t, &judge, false);
    play_all(t, &judge, STRICT_RUNS);
}
