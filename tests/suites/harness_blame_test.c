/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose fault it is: each way in which a request can do what it should not, played with tables and
 * descriptors and without a device, and what the harness makes of it.
 */
#include <stdio.h>
#include <string.h>

#include "tests/harness/evidence.h"
#include "tests/harness/runner.h"
#include "tests/suites/bench_dev.h"

#define DID  ((did_t){9})
#define SLOT 0
#define ADDR 0x12345000ull

/* A device that is said to do DMA, and the state of the case that would have seen it. */
struct play {
    struct vtd_unit *unit;
    struct vtd_dev *dev;
    struct dma_dev dma;
    struct t_state *st;
};

static struct t_state inner; /* too large for a stack */

/* Pass-through: what the device sends to ADDR reaches ADDR. */
static void start(struct t *t, struct play *p)
{
    uint16_t rid = RID(BENCH_BUS, 3, 0);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, DID, (paddr_t){0});

    memset(p, 0, sizeof(*p));
    p->unit = bench_unit(t);
    p->dev = bench_attach(t, p->unit, rid);
    p->dma = (struct dma_dev){.name = "played", .id = {p->unit->segment, rid}, .rids = {rid}, .rid_count = 1};
    p->st = &inner;
    state_reset(p->st, t->state->run, t->state->inst, 0);
    p->st->t.iommu = t->iommu;
    T_ASSERT_OK(t, vtd_pasid_publish(p->dev, SLOT, &cfg));
    evidence_reset();
    evidence_reached(&p->st->t, &p->dma, (iova_t){ADDR}, true);
}

/* A write to `iova` did the opposite of `allowed`. */
static void judge(struct t *t, struct play *p, uint64_t iova, bool allowed, enum t_blame who, const char *why)
{
    evidence_blame(&p->st->t, &p->dma, (iova_t){iova}, true, allowed, (paddr_t){ADDR});
    t_note(t, "blame: %d, %s", (int)p->st->blame, p->st->blame_why);
    T_EXPECT(t, p->st->blamed);
    T_EXPECT_EQ(t, (unsigned)p->st->blame, (unsigned)who);
    T_EXPECT(t, strstr(p->st->blame_why, why) != NULL);
}

static void finish(struct t *t, struct play *p)
{
    T_ASSERT_OK(t, vtd_dev_detach(p->dev));
    evidence_reset();
}

static void clear(struct t *t, struct play *p)
{
    T_ASSERT_OK(t, vtd_pasid_clear_present(p->dev, SLOT, false));
    T_ASSERT_OK(t, vtd_pasid_zero(p->dev, SLOT));
}

static void submit(struct t *t, struct play *p, const struct vtd_desc *descs, unsigned count)
{
    T_ASSERT_OK(t, vtd_qi_submit_raw(p->unit, descs, count, true));
}

TEST(harness, blame_present, .needs = NEED_IOMMU | NEED_PT,
     .doc = "served, and the tables still allow it: driver")
{
    struct play p;

    start(t, &p);
    judge(t, &p, ADDR, false, T_DRIVER, "the tables in memory allow it");
    clear(t, &p);
    finish(t, &p);
}

TEST(harness, blame_not_flushed, .needs = NEED_IOMMU | NEED_PT,
     .doc = "served, the tables refuse it, nothing was invalidated: driver")
{
    struct play p;

    start(t, &p);
    clear(t, &p);
    judge(t, &p, ADDR, false, T_DRIVER, "was not invalidated");
    finish(t, &p);
}

TEST(harness, blame_half_flushed, .needs = NEED_IOMMU | NEED_PT,
     .doc = "served, only one of the two caches was emptied, or another domain's: driver")
{
    const struct vtd_desc only_pc[] = {vtd_inv_pc_pasid(DID, SLOT)};
    const struct vtd_desc only_iotlb[] = {vtd_inv_piotlb_pasid(DID, SLOT)};
    const struct vtd_desc wrong_order[] = {vtd_inv_piotlb_pasid(DID, SLOT), vtd_inv_pc_pasid(DID, SLOT)};
    const struct vtd_desc wrong_domain[] = {vtd_inv_pc_pasid((did_t){10}, SLOT),
                                            vtd_inv_piotlb_pasid((did_t){10}, SLOT)};
    const struct {
        const struct vtd_desc *descs;
        unsigned count;
    } rows[] = {{only_pc, 1}, {only_iotlb, 1}, {wrong_order, 2}, {wrong_domain, 2}};

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct play p;

        t_note(t, "row: %u", i);
        start(t, &p);
        clear(t, &p);
        submit(t, &p, rows[i].descs, rows[i].count);
        judge(t, &p, ADDR, false, T_DRIVER, "was not invalidated");
        finish(t, &p);
    }
}

TEST(
    harness, blame_flushed, .needs = NEED_IOMMU | NEED_PT,
    .doc =
        "served although the tables refuse it and everything cached was invalidated and waited for: platform")
{
    struct play p;

    start(t, &p);
    T_ASSERT_OK(t, vtd_pasid_retire(p.dev, SLOT, VTD_RETIRE_KEEP_DID));
    judge(t, &p, ADDR, false, T_PLATFORM, "nothing cached was left");
    finish(t, &p);
}

TEST(harness, blame_flushed_before, .needs = NEED_IOMMU | NEED_PT,
     .doc = "an invalidation from before the last use does not count: driver")
{
    const struct vtd_desc both[] = {vtd_inv_pc_pasid(DID, SLOT), vtd_inv_piotlb_pasid(DID, SLOT)};
    struct play p;

    start(t, &p);
    submit(t, &p, both, 2);
    evidence_reached(&p.st->t, &p.dma, (iova_t){ADDR}, true);
    clear(t, &p);
    judge(t, &p, ADDR, false, T_DRIVER, "was not invalidated");
    finish(t, &p);
}

TEST(harness, blame_refused, .needs = NEED_IOMMU | NEED_PT,
     .doc = "refused although the tables lead to the right page: platform; no entry, or another page: driver")
{
    struct play p;

    start(t, &p);
    judge(t, &p, ADDR, true, T_PLATFORM, "the tables in memory allow it");
    state_reset(p.st, t->state->run, t->state->inst, 0);
    p.st->t.iommu = t->iommu;
    judge(t, &p, ADDR + 4096, true, T_DRIVER, "lead elsewhere");
    state_reset(p.st, t->state->run, t->state->inst, 0);
    p.st->t.iommu = t->iommu;
    T_ASSERT_OK(t, vtd_pasid_retire(p.dev, SLOT, VTD_RETIRE_KEEP_DID));
    judge(t, &p, ADDR, true, T_DRIVER, "refuse it");
    finish(t, &p);
}
