/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite sweep: from a DMAR table to three bound devices on two units and back, where everything that can fail
 * fails once (sweep.h). Strict units show by requests of the devices that nothing stays open.
 */
#include "iommu/iommu.h"
#include "iommu/pgtable.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/host/model_machine.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"
#include "tests/host/sweep.h"

#define DEVS       3
#define SPID       77
#define IOVA       0x5480000000ull
#define IOVA_MORE  0x1234567000ull
#define TIMEOUT_NS 5000000ull
#define REST_NS    1000000000ull

/* On one unit, beside a bridge's secondary bus as a second requester id, and on the other unit. */
static const struct {
    unsigned unit, n;
} places[DEVS] = {{0, 0}, {0, 2}, {1, 0}};

struct world {
    enum iommu_stage stage;
    enum iommu_lane lane;
    enum { ONE_BY_ONE, FREE_FIRST, TABLE_FIRST } end;
    unsigned levels;
    struct t_mem mem;
    struct iommu *iommu;
    struct iommu_dev *devs[DEVS];
    ioasid_t id;
    struct pgtable *table;
};

static const struct stub_dev *place_of(unsigned n)
{
    return stub_machine_dev(places[n].unit, places[n].n);
}

/* ---- Steps ---- */

static int create(void *world, unused unsigned n)
{
    struct world *w = world;
    char why[160];
    size_t size;
    const void *dmar = stub_machine_dmar(&size);
    int err = iommu_create(dmar, size, &w->iommu, why, sizeof(why));

    for (unsigned i = 0; err == 0 && i < w->iommu->unit_count; i++)
        w->iommu->units[i]->timeout_ns = TIMEOUT_NS;
    return err ? err : iommu_set_lane(w->iommu, w->lane);
}

static int destroy(void *world, unused unsigned n)
{
    struct world *w = world;

    return iommu_destroy(w->iommu);
}

static int start(void *world, unused unsigned n)
{
    struct world *w = world;

    return iommu_start(w->iommu);
}

static int stop(void *world, unused unsigned n)
{
    struct world *w = world;

    return iommu_stop(w->iommu);
}

static int attach(void *world, unsigned n)
{
    struct world *w = world;
    const struct stub_dev *d = place_of(n);

    return iommu_dev_attach(w->iommu, d->id, d->rids, d->rid_count, IOASID_BITS, &w->devs[n]);
}

static int detach(void *world, unsigned n)
{
    struct world *w = world;

    return iommu_dev_detach(w->devs[n]);
}

static struct ioasid_set *set_of(const struct world *w)
{
    return ioasid_system_set(w->iommu->ioasids);
}

static int alloc_id(void *world, unused unsigned n)
{
    struct world *w = world;

    return ioasid_alloc(set_of(w), 1, IOASID_NUMBERS - 1, &w->id);
}

static int free_id(void *world, unused unsigned n)
{
    struct world *w = world;

    return ioasid_free(set_of(w), w->id);
}

static int make_table(void *world, unused unsigned n)
{
    struct world *w = world;
    const struct vtd_caps *caps = &w->iommu->units[0]->caps;
    bool first = w->stage == IOMMU_FIRST_STAGE;
    struct pgtable_cfg cfg = {.stage = first ? PGTABLE_FIRST : PGTABLE_SECOND,
                              .levels = w->levels,
                              .input_bits = first ? 0 : caps->mgaw,
                              .haw = caps->haw,
                              .page_sizes = PGTABLE_4K + (first ? PGTABLE_2M : 0)};

    return pgtable_create(&cfg, &w->table);
}

static int drop_table(void *world, unused unsigned n)
{
    struct world *w = world;

    pgtable_destroy(w->table);
    return 0;
}

static int map(void *world, unused unsigned n)
{
    struct world *w = world;
    int err = pgtable_map(w->table, (iova_t){IOVA}, w->mem.pa, PAGE_SIZE, PGTABLE_RW);

    if (err)
        pgtable_gc(w->table);
    return err;
}

static int unmap(void *world, unused unsigned n)
{
    struct world *w = world;
    int err = pgtable_unmap(w->table, (iova_t){IOVA}, PAGE_SIZE);

    pgtable_gc(w->table);
    return err;
}

static int bind(void *world, unsigned n)
{
    struct world *w = world;
    struct ioasid_bind_cfg cfg = {
        .stage = w->stage, .table = w->table, .guest = w->end == FREE_FIRST, .spid = SPID};

    return ioasid_bind(set_of(w), w->id, w->devs[n], &cfg);
}

static int unbind(void *world, unsigned n)
{
    struct world *w = world;

    return ioasid_unbind(set_of(w), w->id, w->devs[n]);
}

/* The table of bound devices shrinks: flush, then collect. */
static int shrink(void *world, unused unsigned n)
{
    struct world *w = world;
    int err = pgtable_unmap(w->table, (iova_t){IOVA_MORE}, PAGE_SIZE);

    if (err == 0)
        err = ioasid_flush(set_of(w), w->id, (iova_t){IOVA_MORE}, PAGE_SIZE, false);
    if (err == 0)
        pgtable_gc(w->table);
    return err;
}

/* And grows; new entries are flushed too, for caching mode. */
static int grow(void *world, unsigned n)
{
    struct world *w = world;
    int err = pgtable_map(w->table, (iova_t){IOVA_MORE}, w->mem.pa, PAGE_SIZE, PGTABLE_RW);

    if (err == 0)
        err = ioasid_flush(set_of(w), w->id, (iova_t){IOVA_MORE}, PAGE_SIZE, true);
    if (err && shrink(w, n) != 0)
        return -EINVAL;
    return err;
}

/* A number bound to all devices goes before they do, or its table does. */
static int end_all(void *world, unsigned n)
{
    struct world *w = world;
    int first = w->end == TABLE_FIRST ? ioasid_table_gone(set_of(w), w->id) : free_id(w, n);

    if (first == -EINPROGRESS || first == -EALREADY || first == -ENOENT)
        first = 0;
    if (first == 0)
        first = plat_idle_wait(REST_NS);
    for (unsigned i = 0; first == 0 && i < DEVS; i++) {
        int err = unbind(w, i);

        first = err == -ENOENT ? 0 : err;
    }
    return first || w->end == FREE_FIRST ? first : free_id(w, n);
}

static int bind_all(void *world, unsigned n)
{
    struct world *w = world;
    int err = alloc_id(w, n);

    if (err)
        return err;
    for (unsigned i = 0; err == 0 && i < DEVS; i++)
        err = bind(w, i);
    for (unsigned i = 0; err && i < DEVS; i++) {
        int undone = unbind(w, i);

        if (undone && undone != -ENOENT)
            return undone;
    }
    if (err && free_id(w, n) != 0)
        return -EINVAL;
    return err;
}

static const struct sweep_step steps[] = {
    {"create", create, destroy, 0, false},       {"start", start, stop, 0, false},
    {"attach 0", attach, detach, 0, false},      {"attach 1", attach, detach, 1, false},
    {"attach 2", attach, detach, 2, false},      {"alloc", alloc_id, free_id, 0, false},
    {"table", make_table, drop_table, 0, false}, {"map", map, unmap, 0, false},
    {"bind 0", bind, unbind, 0, true},           {"bind 1", bind, unbind, 1, true},
    {"bind 2", bind, unbind, 2, true},           {"grow", grow, shrink, 0, false},
};
enum { AFTER_START = 2, AFTER_ATTACH = 3, AFTER_ALLOC = 6, AFTER_BIND = 9 };

static const struct sweep_step steps_at_once[] = {
    {"create", create, destroy, 0, false},  {"start", start, stop, 0, false},
    {"attach 0", attach, detach, 0, false}, {"attach 1", attach, detach, 1, false},
    {"attach 2", attach, detach, 2, false}, {"table", make_table, drop_table, 0, false},
    {"map", map, unmap, 0, false},          {"bind all", bind_all, end_all, 0, true},
};

/* ---- What has to be true ---- */

/* Does a request of the device reach the page? Only strict units tell. */
static bool reaches(unsigned n, uint16_t rid)
{
    uint64_t data = 0;
    const struct model_request rq = {
        .sid = rid, .access = MODEL_READ, .addr = IOVA, .len = sizeof(data), .data = &data};
    struct model_completion c;

    model_machine_enter();
    c = model_dma(model_machine_unit(places[n].unit), &rq);
    model_machine_leave();
    return c.status == MODEL_SUCCESS;
}

static void check_device(struct t *t, struct world *w, unsigned n, bool attached, bool bound)
{
    const struct stub_dev *d = place_of(n);
    struct vtd_unit *unit = w->iommu->units[places[n].unit];
    struct vtd_context_entry context;

    for (unsigned i = 0; i < d->rid_count; i++) {
        vtd_context_read(unit, d->rids[i], &context);
        if (!attached)
            T_EXPECT_EQ(t, context.q[0] | context.q[1], 0ull);
        if (model_machine_unit(0) != NULL && w->stage != IOMMU_PASS_THROUGH)
            T_EXPECT_EQ(t, reaches(n, d->rids[i]), bound);
    }
}

static void check(struct t *t, void *world, unsigned done)
{
    struct world *w = world;
    bool all = done == ARRAY_SIZE(steps_at_once);
    bool live = w->end == ONE_BY_ONE ? done >= AFTER_ALLOC : all;
    char text[160] = "";

    if (done < AFTER_START)
        return;
    if (!T_EXPECT_OK(t, iommu_audit(w->iommu, live, text, sizeof(text))))
        t_note(t, "%s", text);
    for (unsigned n = 0; n < DEVS; n++)
        check_device(t, w, n, done >= AFTER_ATTACH + n, w->end == ONE_BY_ONE ? done >= AFTER_BIND + n : all);
}

/* ---- Cases ---- */

static void run(struct t *t, struct world w)
{
    const unsigned sagaw = t->iommu->units[0]->caps.sagaw & t->iommu->units[1]->caps.sagaw;
    bool four = w.stage == IOMMU_FIRST_STAGE || FIELD_GET(VTD_SAGAW_4LEVEL, sagaw);
    struct sweep s = {&w, steps, ARRAY_SIZE(steps), check};

    if (w.end != ONE_BY_ONE)
        s = (struct sweep){&w, steps_at_once, ARRAY_SIZE(steps_at_once), check};
    w.levels = four ? 4 : 3;
    w.mem = t_mem(t, 1);
    T_ASSERT_OK(t, iommu_stop(t->iommu));
    own_log_begin();
    sweep_run(t, &s);
    own_log_end();
    T_ASSERT_OK(t, iommu_start(t->iommu));
}

#define SWEEP(name_, needs_, doc_, ...)                                                                      \
    TEST(sweep, name_, .needs = NEED_IOMMU | NEED_UNITS_2 | (needs_), .rules = "7 43 45 54",                 \
         .flaws = "C4 C16", .negative = true, .timeout_ms = 120000, .doc = doc_)                             \
    {                                                                                                        \
        run(t, (struct world){__VA_ARGS__});                                                                 \
    }

SWEEP(first_stage, NEED_FS,
      "first stage: each allocation, status and descriptor from create to bind and back fails once: what is "
      "documented comes back, nothing is left, the next try works",
      .stage = IOMMU_FIRST_STAGE)
SWEEP(second_stage, NEED_SS, "the same with second-stage tables", .stage = IOMMU_SECOND_STAGE)
SWEEP(first_by_number, NEED_FS | NEED_RPS,
      "the same where RID_PASID names the slot, which takes context entries along",
      .stage = IOMMU_FIRST_STAGE, .lane = IOMMU_LANE_RID_PASID)
SWEEP(second_by_number, NEED_SS | NEED_RPS, "the same with second-stage tables", .stage = IOMMU_SECOND_STAGE,
      .lane = IOMMU_LANE_RID_PASID)
SWEEP(free_first, NEED_FS,
      "the number of three bound devices is freed first: what its clean-up could not do, unbind does",
      .stage = IOMMU_FIRST_STAGE, .end = FREE_FIRST)
SWEEP(free_first_second, NEED_SS, "the same with second-stage tables", .stage = IOMMU_SECOND_STAGE,
      .end = FREE_FIRST)
SWEEP(table_first, NEED_FS, "the table of three bound devices goes first; calls that failed are repeated",
      .stage = IOMMU_FIRST_STAGE, .end = TABLE_FIRST)
SWEEP(table_first_second, NEED_SS, "the same with second-stage tables", .stage = IOMMU_SECOND_STAGE,
      .end = TABLE_FIRST)
