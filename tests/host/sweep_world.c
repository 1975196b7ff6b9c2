/* SPDX-License-Identifier: BSD-2-Clause */
/* See sweep_world.h. */
#include "tests/host/sweep_world.h"

#include <errno.h>
#include <string.h>

#include "iommu/iommu_rmrr.h"
#include "iommu/pgtable.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/host/model_engine.h"
#include "tests/host/model_machine.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"

#define SPID         77
#define IOVA         0x5480000000ull
#define IOVA_MORE    0x1234567000ull
#define TIMEOUT_NS   5000000ull
#define REST_NS      1000000000ull
#define REST_LOOKS   16
#define FIRMWARE_RID RID(0, 0x1f, 2)

#define ARRIVAL_LOOKS 50

/* Which device of which unit: on one unit, one of them behind a bridge with a requester id of its own, and on
 * the other. With device TLBs there is none behind a bridge. */
static const struct {
    unsigned unit, n;
} places[WORLD_DEVS] = {{0, 0}, {0, 2}, {1, 0}}, ats_places[WORLD_DEVS] = {{0, 0}, {0, 1}, {1, 0}};

static const struct stub_dev *place_of(const struct world *w, unsigned n)
{
    return w->ats ? stub_machine_ats_dev(ats_places[n].unit, ats_places[n].n)
                  : stub_machine_dev(places[n].unit, places[n].n);
}

/* ---- Page requests and their answers ---- */

static void refuse(unused struct iommu_pager *pager, struct iommu_page_group *group)
{
    iommu_page_answer(group, IOMMU_PAGES_INVALID);
}

/* What is under way arrives, and what was heard is forgotten. */
static void rest(const struct world *w)
{
    struct dma_dev *dma;

    for (unsigned i = 0; w->ats && i < REST_LOOKS; i++)
        plat_relax();
    plat_assert(plat_idle_wait(REST_NS) == 0);
    for (unsigned i = 0; w->ats && (dma = dma_dev_get(DMA_ATS, i)) != NULL; i++)
        model_engine_forget(dma);
}

/* One group that is complete, and one that is not; they are at the unit when this is over. */
static void ask(const struct world *w, unsigned n)
{
    struct model_page_request rq = {.sid = place_of(w, n)->rids[0],
                                    .has_pasid = w->lane == IOMMU_LANE_PASID,
                                    .pasid = ioasid_number(w->id),
                                    .read = true,
                                    .addr = IOVA_MORE};
    struct model *m = model_machine_unit(places[n].unit);

    if (m == NULL || !w->devs[n]->vtd->pri)
        return;
    model_machine_enter();
    for (rq.group = 7; rq.group < 9; rq.group++) {
        rq.last = rq.group == 7;
        model_page_request(m, &rq);
    }
    model_machine_leave();
    for (unsigned i = 0; i < ARRIVAL_LOOKS && model_page_requests_late(m, rq.sid) > 0; i++)
        plat_relax();
}

/* ---- Steps ---- */

int world_create(void *world, unused unsigned n)
{
    struct world *w = world;
    char why[160];
    int err = iommu_create(w->dmar.bytes, w->dmar.size, &w->iommu, why, sizeof(why));

    for (unsigned i = 0; err == 0 && i < w->iommu->unit_count; i++)
        w->iommu->units[i]->timeout_ns = TIMEOUT_NS;
    return err ? err : iommu_set_lane(w->iommu, w->lane);
}

int world_destroy(void *world, unused unsigned n)
{
    struct world *w = world;

    return iommu_destroy(w->iommu);
}

/* Without memory it has touched no unit. */
int world_start(void *world, unused unsigned n)
{
    struct world *w = world;
    int err;

    host_trace_start();
    err = iommu_start(w->iommu);
    host_trace_stop();
    for (unsigned i = 0; err == -ENOMEM && i < host_trace_count(); i++) {
        if (host_trace(i)->kind == HOST_MMIO32 || host_trace(i)->kind == HOST_MMIO64)
            return -EINVAL;
    }
    return err;
}

int world_stop(void *world, unused unsigned n)
{
    struct world *w = world;

    return iommu_stop(w->iommu);
}

int world_attach(void *world, unsigned n)
{
    struct world *w = world;
    const struct stub_dev *d = place_of(w, n);

    return iommu_dev_attach(w->iommu, d->id, d->rids, d->rid_count, IOASID_BITS, &w->devs[n]);
}

/* Firmware's device is its again; what that needs memory for may come later, and it is blocked so long. */
int world_detach(void *world, unsigned n)
{
    struct world *w = world;
    struct vtd_unit *unit = w->devs[n]->vtd->unit;
    int err = iommu_dev_detach(w->devs[n]);

    if (err == 0 && w->reserved && n == 0)
        err = iommu_rmrr_hold_all(w->iommu, unit);
    return err;
}

static struct ioasid_set *set_of(const struct world *w)
{
    return ioasid_system_set(w->iommu->ioasids);
}

int world_alloc(void *world, unused unsigned n)
{
    struct world *w = world;

    return ioasid_alloc(set_of(w), 1, IOASID_NUMBERS - 1, &w->id);
}

int world_free(void *world, unused unsigned n)
{
    struct world *w = world;

    return ioasid_free(set_of(w), w->id);
}

int world_table(void *world, unused unsigned n)
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

int world_no_table(void *world, unused unsigned n)
{
    struct world *w = world;

    pgtable_destroy(w->table);
    return 0;
}

int world_unmap(void *world, unused unsigned n)
{
    struct world *w = world;
    int err = pgtable_unmap(w->table, (iova_t){IOVA}, PAGE_SIZE);

    if (err == 0 && w->reserved)
        err = pgtable_unmap(w->table, (iova_t){w->mem.pa.v}, PAGE_SIZE);
    pgtable_gc(w->table);
    return err;
}

int world_map(void *world, unsigned n)
{
    struct world *w = world;
    int err = pgtable_map(w->table, (iova_t){IOVA}, w->mem.pa, PAGE_SIZE, PGTABLE_RW);

    if (err == 0 && w->reserved)
        err = iommu_dev_map_reserved(w->devs[0], w->table);
    if (err && world_unmap(w, n) != 0)
        return -EINVAL;
    return err;
}

int world_bind(void *world, unsigned n)
{
    struct world *w = world;
    struct ioasid_bind_cfg cfg = {.stage = w->stage,
                                  .table = w->table,
                                  .guest = w->end == FREE_FIRST,
                                  .spid = SPID,
                                  .pager = &w->pager};

    return ioasid_bind(set_of(w), w->id, w->devs[n], &cfg);
}

/* The device asks for pages until the end. */
int world_unbind(void *world, unsigned n)
{
    struct world *w = world;

    ask(w, n);
    return ioasid_unbind(set_of(w), w->id, w->devs[n]);
}

/* The table of bound devices shrinks: flush, then collect. */
int world_shrink(void *world, unused unsigned n)
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
int world_grow(void *world, unsigned n)
{
    struct world *w = world;
    int err = pgtable_map(w->table, (iova_t){IOVA_MORE}, w->mem.pa, PAGE_SIZE, PGTABLE_RW);

    if (err == 0)
        err = ioasid_flush(set_of(w), w->id, (iova_t){IOVA_MORE}, PAGE_SIZE, true);
    if (err && world_shrink(w, n) != 0)
        return -EINVAL;
    return err;
}

/* A number bound to all devices may go before they do, or its table. */
int world_end_all(void *world, unsigned n)
{
    struct world *w = world;
    int first = w->end == TABLE_FIRST  ? ioasid_table_gone(set_of(w), w->id)
                : w->end == FREE_FIRST ? world_free(w, n)
                                       : 0;

    if (first == -EINPROGRESS || first == -EALREADY || first == -ENOENT)
        first = 0;
    if (first == 0)
        first = plat_idle_wait(REST_NS);
    for (unsigned i = 0; first == 0 && i < WORLD_DEVS; i++) {
        int err = world_unbind(w, i);

        first = err == -ENOENT ? 0 : err;
    }
    return first || w->end == FREE_FIRST ? first : world_free(w, n);
}

int world_bind_all(void *world, unsigned n)
{
    struct world *w = world;
    int err = world_alloc(w, n);

    if (err)
        return err;
    for (unsigned i = 0; err == 0 && i < WORLD_DEVS; i++)
        err = world_bind(w, i);
    for (unsigned i = 0; err && i < WORLD_DEVS; i++) {
        int undone = world_unbind(w, i);

        if (undone && undone != -ENOENT)
            return undone;
    }
    if (err && world_free(w, n) != 0)
        return -EINVAL;
    return err;
}

/* All registers have their values after power-on again. */
static void reset(struct stub_unit *stub)
{
    static const uint32_t off[] = {VTD_OFF_RTADDR, VTD_OFF_IQA, VTD_OFF_IQH, VTD_OFF_IQT, VTD_OFF_IRTA};

    for (unsigned i = 0; i < ARRAY_SIZE(off); i++)
        stub_set_reg(stub, off[i], 8, 0);
    stub_set_reg(stub, VTD_OFF_GSTS, 4, 0);
    stub->root = 0;
}

/* Nothing of firmware's fails. */
static void firmware_runs(struct model *m)
{
    unsigned left[MODEL_FAIL_COUNT];

    for (unsigned i = 0; i < MODEL_FAIL_COUNT; i++)
        left[i] = model_fail(m, i, 0);
    model_firmware_ran(m, FIRMWARE_RID);
    for (unsigned i = 0; i < MODEL_FAIL_COUNT; i++)
        (void)model_fail(m, i, left[i]);
}

int world_suspend(void *world, unused unsigned n)
{
    struct world *w = world;
    int err = iommu_suspend(w->iommu);

    if (err)
        return err;
    model_machine_enter();
    for (unsigned i = 0; i < WORLD_UNITS; i++) {
        if (model_machine_unit(i) == NULL)
            reset(stub_machine_unit(i));
        else if (i == 0)
            firmware_runs(model_machine_unit(i));
    }
    model_machine_leave();
    return 0;
}

int world_resume(void *world, unused unsigned n)
{
    struct world *w = world;

    return iommu_resume(w->iommu);
}

/* ---- What has to be true ---- */

/* Does a request of the device reach the page, through its own TLB if it has one? Only strict units tell. */
static bool reaches(const struct world *w, unsigned n, uint16_t rid, uint64_t addr, bool tagged)
{
    uint64_t data = 0;
    const struct model_request rq = {.sid = rid,
                                     .has_pasid = tagged,
                                     .pasid = tagged ? ioasid_number(w->id) : 0,
                                     .access = MODEL_READ,
                                     .addr = addr,
                                     .len = sizeof(data),
                                     .data = &data};
    struct model_completion c;

    model_machine_enter();
    c = model_device_dma(model_machine_unit(places[n].unit), &rq);
    model_machine_leave();
    return c.status == MODEL_SUCCESS;
}

static void check_reach(struct t *t, const struct world *w, unsigned n, uint16_t rid, bool attached,
                        bool bound)
{
    bool tagged = w->lane == IOMMU_LANE_PASID;
    bool firmware = w->reserved && n == 0;

    T_EXPECT_EQ(t, reaches(w, n, rid, IOVA, tagged), bound);
    if (tagged)
        T_EXPECT(t, !reaches(w, n, rid, IOVA, false));
    if (w->reserved)
        T_EXPECT_EQ(t, reaches(w, n, rid, w->mem.pa.v, false), firmware ? !attached || bound : bound);
}

static void check_device(struct t *t, const struct world *w, unsigned n, bool attached, bool bound)
{
    const struct stub_dev *d = place_of(w, n);
    struct vtd_unit *unit = w->iommu->units[places[n].unit];
    struct vtd_context_entry context;

    for (unsigned i = 0; i < d->rid_count; i++) {
        vtd_context_read(unit, d->rids[i], &context);
        if (!attached && !(w->reserved && n == 0))
            T_EXPECT_EQ(t, context.q[0] | context.q[1], 0ull);
        if (model_machine_unit(0) != NULL)
            check_reach(t, w, n, d->rids[i], attached, bound);
    }
}

/* Units that are not ours are as they were found. */
static void check_found(struct t *t, const struct world *w)
{
    for (unsigned i = 0; i < WORLD_UNITS; i++)
        T_EXPECT_EQ(t, vtd_read(&w->outside->units[i]->io, VTD_GSTS), w->found[i]);
}

void world_check(struct t *t, void *world, unsigned done)
{
    const struct world *w = world;
    const struct world_plan *p = w->plan;
    bool asleep = p->asleep != 0 && done >= p->asleep;
    char text[160] = "";

    rest(w);
    if (done < p->start) {
        check_found(t, w);
        return;
    }
    if (!T_EXPECT_OK(t, iommu_audit(w->iommu, done >= p->live, text, sizeof(text))))
        t_note(t, "%s", text);
    for (unsigned n = 0; n < WORLD_DEVS && !asleep; n++)
        check_device(t, w, n, done >= p->attach + n, done >= p->bind + n * p->bind_step);
    rest(w);
}

/* ---- Life ---- */

/* VT-d 5.10, Reserved Memory Region Reporting Structure: type 1, base, limit, one function. */
static void reserve(struct world *w)
{
    const struct stub_dev *d = place_of(w, 0);
    uint32_t at = blob_struct(&w->dmar, 1, 24);

    blob_put(&w->dmar, at + 8, w->mem.pa.v, 8);
    blob_put(&w->dmar, at + 16, w->mem.pa.v + PAGE_SIZE - 1, 8);
    (void)blob_function(&w->dmar, 1, 0, rid_bus(d->id.rid), rid_dev(d->id.rid), rid_fn(d->id.rid));
}

void world_open(struct t *t, struct world *w)
{
    const unsigned sagaw = t->iommu->units[0]->caps.sagaw & t->iommu->units[1]->caps.sagaw;
    const void *dmar;
    size_t size;

    w->levels = w->stage == IOMMU_FIRST_STAGE || FIELD_GET(VTD_SAGAW_4LEVEL, sagaw) ? 4 : 3;
    w->mem = t_mem(t, 1);
    w->pager.serve = refuse;
    w->outside = t->iommu;
    dmar = stub_machine_dmar(&size);
    plat_assert(size <= sizeof(w->dmar.bytes));
    memcpy(w->dmar.bytes, dmar, size);
    w->dmar.size = (uint32_t)size;
    if (w->reserved)
        reserve(w);
    T_ASSERT_OK(t, iommu_stop(t->iommu));
    for (unsigned i = 0; i < WORLD_UNITS; i++)
        w->found[i] = vtd_read(&t->iommu->units[i]->io, VTD_GSTS);
}

void world_close(struct t *t, struct world *w)
{
    T_ASSERT_OK(t, iommu_start(w->outside));
}
