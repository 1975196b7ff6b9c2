/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite sweep: from a DMAR table to three bound devices on two units and back, to sleep and to firmware's
 * memory, where everything that can fail fails once (sweep.h). Strict units show by requests of the devices
 * that nothing stays open.
 */
#include "tests/host/own_unit.h"
#include "tests/host/sweep_world.h"

#define STEP(name, act, undo, n)                                                                             \
    {                                                                                                        \
        name, world_##act, world_##undo, n, false, false                                                     \
    }
#define STEP_BIND(name, act, undo, n)                                                                        \
    {                                                                                                        \
        name, world_##act, world_##undo, n, true, false                                                      \
    }

static const struct sweep_step steps[] = {
    STEP("create", create, destroy, 0),   STEP("start", start, stop, 0),
    STEP("attach 0", attach, detach, 0),  STEP("attach 1", attach, detach, 1),
    STEP("attach 2", attach, detach, 2),  STEP("alloc", alloc, free, 0),
    STEP("table", table, no_table, 0),    STEP("map", map, unmap, 0),
    STEP_BIND("bind 0", bind, unbind, 0), STEP_BIND("bind 1", bind, unbind, 1),
    STEP_BIND("bind 2", bind, unbind, 2), STEP("grow", grow, shrink, 0),
};
static const struct world_plan plan = {.start = 2, .attach = 3, .live = 6, .bind = 9, .bind_step = 1};

static const struct sweep_step steps_at_once[] = {
    STEP("create", create, destroy, 0),  STEP("start", start, stop, 0),
    STEP("attach 0", attach, detach, 0), STEP("attach 1", attach, detach, 1),
    STEP("attach 2", attach, detach, 2), STEP("table", table, no_table, 0),
    STEP("map", map, unmap, 0),          STEP_BIND("bind all", bind_all, end_all, 0),
};
static const struct world_plan plan_at_once = {.start = 2, .attach = 3, .live = 8, .bind = 8};

static const struct sweep_step steps_asleep[] = {
    STEP("create", create, destroy, 0),  STEP("start", start, stop, 0),
    STEP("attach 0", attach, detach, 0), STEP("attach 1", attach, detach, 1),
    STEP("attach 2", attach, detach, 2), STEP("table", table, no_table, 0),
    STEP("map", map, unmap, 0),          STEP_BIND("bind all", bind_all, end_all, 0),
    STEP("suspend", suspend, resume, 0),
};
static const struct world_plan plan_asleep = {.start = 2, .attach = 3, .live = 8, .bind = 8, .asleep = 9};

static void run(struct t *t, struct world *w, const struct sweep *s)
{
    world_open(t, w);
    own_log_begin();
    sweep_run(t, s);
    own_log_end();
    world_close(t, w);
}

static void run_steps(struct t *t, struct world w)
{
    struct sweep s = {&w, steps, ARRAY_SIZE(steps), world_check};

    w.plan = &plan;
    if (w.end != ONE_BY_ONE) {
        w.plan = &plan_at_once;
        s = (struct sweep){&w, steps_at_once, ARRAY_SIZE(steps_at_once), world_check};
    }
    run(t, &w, &s);
}

/* Slot 0 of functions with device TLBs and PASIDs comes back with a table of its own. */
static void run_asleep(struct t *t, struct world w)
{
    struct sweep_step mine[ARRAY_SIZE(steps_asleep)];
    struct sweep s = {&w, mine, ARRAY_SIZE(mine), world_check};

    for (unsigned i = 0; i < ARRAY_SIZE(mine); i++)
        mine[i] = steps_asleep[i];
    mine[ARRAY_SIZE(mine) - 1].takes_back = w.ats && w.lane == IOMMU_LANE_PASID;
    w.plan = &plan_asleep;
    run(t, &w, &s);
}

#define SWEEP(how_, name_, needs_, rules_, doc_, ...)                                                        \
    TEST(sweep, name_, .needs = NEED_IOMMU | NEED_UNITS_2 | (needs_), .rules = rules_, .flaws = "C4 C16",    \
         .negative = true, .timeout_ms = 120000, .doc = doc_)                                                \
    {                                                                                                        \
        how_(t, (struct world){__VA_ARGS__});                                                                \
    }

#define BOUND       "7 43 45 54"
#define DEVICE_TLBS BOUND " 13 29 30 32 57 61 63"

SWEEP(run_steps, first_stage, NEED_FS, BOUND,
      "first stage: each allocation, status and descriptor from create to bind and back fails once: what is "
      "documented comes back, nothing is left, the next try works",
      .stage = IOMMU_FIRST_STAGE)
SWEEP(run_steps, second_stage, NEED_SS, BOUND, "the same with second-stage tables",
      .stage = IOMMU_SECOND_STAGE)
SWEEP(run_steps, first_by_number, NEED_FS | NEED_RPS, BOUND,
      "the same where RID_PASID names the slot, which takes context entries along",
      .stage = IOMMU_FIRST_STAGE, .lane = IOMMU_LANE_RID_PASID)
SWEEP(run_steps, second_by_number, NEED_SS | NEED_RPS, BOUND, "the same with second-stage tables",
      .stage = IOMMU_SECOND_STAGE, .lane = IOMMU_LANE_RID_PASID)
SWEEP(run_steps, free_first, NEED_FS, BOUND,
      "the number of three bound devices is freed first: what its clean-up could not do, unbind does",
      .stage = IOMMU_FIRST_STAGE, .end = FREE_FIRST)
SWEEP(run_steps, free_first_second, NEED_SS, BOUND, "the same with second-stage tables",
      .stage = IOMMU_SECOND_STAGE, .end = FREE_FIRST)
SWEEP(run_steps, table_first, NEED_FS, BOUND,
      "the table of three bound devices goes first; calls that failed are repeated",
      .stage = IOMMU_FIRST_STAGE, .end = TABLE_FIRST)
SWEEP(run_steps, table_first_second, NEED_SS, BOUND, "the same with second-stage tables",
      .stage = IOMMU_SECOND_STAGE, .end = TABLE_FIRST)

/* ---- Device TLBs and page requests ---- */

SWEEP(run_steps, pages, NEED_FS | NEED_DT, DEVICE_TLBS,
      "functions with device TLBs that ask for pages until they are unbound: an answer of theirs fails too",
      .stage = IOMMU_FIRST_STAGE, .ats = true)
SWEEP(run_steps, pages_tagged, NEED_FS | NEED_DT | NEED_PASID, DEVICE_TLBS,
      "the same by requests with PASID, with an entry in slot 0 that leads nowhere",
      .stage = IOMMU_FIRST_STAGE, .lane = IOMMU_LANE_PASID, .ats = true)
SWEEP(run_steps, pages_free_first, NEED_SS | NEED_DT | NEED_PASID | NEED_NO_VCS, DEVICE_TLBS,
      "the same when the number is freed first", .stage = IOMMU_SECOND_STAGE, .lane = IOMMU_LANE_PASID,
      .ats = true, .end = FREE_FIRST)

/* ---- To sleep and back; units are reset, or firmware's, in between ---- */

SWEEP(run_asleep, asleep, NEED_FS, BOUND " 74",
      "suspend and resume of three bound devices: a suspend that fails has not been, a resume that fails is "
      "repeated, and takes no memory",
      .stage = IOMMU_FIRST_STAGE)
SWEEP(run_asleep, asleep_second, NEED_SS, BOUND " 74", "the same with second-stage tables",
      .stage = IOMMU_SECOND_STAGE)
SWEEP(run_asleep, asleep_by_number, NEED_SS | NEED_RPS | NEED_NO_VCS, BOUND " 74",
      "the same where RID_PASID names the slot", .stage = IOMMU_SECOND_STAGE, .lane = IOMMU_LANE_RID_PASID)
SWEEP(run_asleep, asleep_pages, NEED_FS | NEED_DT | NEED_PASID | NEED_NO_VCS, DEVICE_TLBS " 74",
      "the same of functions with device TLBs, page requests and PASIDs", .stage = IOMMU_FIRST_STAGE,
      .lane = IOMMU_LANE_PASID, .ats = true)

/* ---- Memory of firmware's ---- */

SWEEP(run_asleep, reserved, NEED_FS, BOUND " 74 75",
      "a device that firmware uses is held from start on: its region stays within reach but while somebody "
      "has it",
      .stage = IOMMU_FIRST_STAGE, .reserved = true)
SWEEP(run_asleep, reserved_second, NEED_SS, BOUND " 74 75", "the same with second-stage tables",
      .stage = IOMMU_SECOND_STAGE, .reserved = true)
