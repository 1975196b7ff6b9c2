/* SPDX-License-Identifier: BSD-2-Clause */
/* See page_bench.h. */
#include "tests/host/page_bench.h"

#include "tests/suites/rig.h"

#define SETTLE_LOOKS 200

/* ---- The pager ---- */

static void map_page(struct page_bench *b)
{
    T_EXPECT_OK(b->t, pgtable_map(b->table, (iova_t){PAGE_IOVA}, b->mem.pa, PAGE_SIZE, PGTABLE_RW));
}

static void serve(struct iommu_pager *pager, struct iommu_page_group *group)
{
    struct page_bench *b = container_of(pager, struct page_bench, pager);

    b->groups++;
    b->pages += group->count;
    b->last = *group;
    T_EXPECT_EQ(b->t, plat_locks_held(), 0u);
    T_EXPECT(b->t, ioasid_eq(group->id, b->id));
    switch (b->policy) {
    case PAGE_UNBIND:
        b->unbinding_ns = plat_now_ns();
        b->unbound = ioasid_unbind(b->set, b->id, b->dev);
        b->unbinding_ns = plat_now_ns() - b->unbinding_ns;
        iommu_page_answer(group, IOMMU_PAGES_PRESENT);
        return;
    case PAGE_MAP:
        map_page(b);
        iommu_page_answer(group, IOMMU_PAGES_PRESENT);
        return;
    case PAGE_REFUSE:
        iommu_page_answer(group, IOMMU_PAGES_INVALID);
        return;
    case PAGE_HOLD:
        T_ASSERT_LT(b->t, b->held_count, (unsigned)PAGE_HELD);
        b->held[b->held_count++] = group;
        return;
    }
}

/* ---- Life ---- */

void page_open(struct t *t, struct page_bench *b, enum page_policy policy)
{
    struct pgtable_cfg cfg;

    *b = (struct page_bench){.t = t, .dma = t->dma, .pager.serve = serve, .policy = policy};
    T_ASSERT_OK(
        t, iommu_dev_attach(t->iommu, b->dma->id, b->dma->rids, b->dma->rid_count, IOASID_BITS, &b->dev));
    b->unit = b->dev->vtd->unit;
    T_ASSERT(t, b->dev->vtd->pri);
    cfg = rig_table_cfg(b->dev->vtd, rig_unit_stage(b->unit), rig_unit_levels(b->unit));
    T_ASSERT_OK(t, pgtable_create(&cfg, &b->table));
    b->set = ioasid_system_set(t->iommu->ioasids);
    T_ASSERT_OK(t, ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &b->id));
    b->mem = t_mem(t, 1);
    if (t->lane == T_LANE_PASID)
        dma_tag(b->dma, ioasid_number(b->id));
    model_engine_forget(b->dma);
}

void page_close(struct page_bench *b)
{
    page_settle(b);
    T_EXPECT_EQ(b->t, page_heard(b, VTD_PRESP_SUCCESS), 0u);
    T_EXPECT_EQ(b->t, b->held_count, 0u);
    T_ASSERT_OK(b->t, ioasid_free(b->set, b->id));
    T_ASSERT_OK(b->t, iommu_dev_detach(b->dev));
    pgtable_destroy(b->table);
}

void page_bind(struct page_bench *b, bool paged)
{
    struct ioasid_bind_cfg cfg = {.stage = rig_unit_stage(b->unit) == VTD_PGTT_FIRST ? IOMMU_FIRST_STAGE
                                                                                     : IOMMU_SECOND_STAGE,
                                  .table = b->table,
                                  .pager = paged ? &b->pager : NULL,
                                  .spid = IOASID_NO_SPID};

    T_ASSERT_OK(b->t, ioasid_bind(b->set, b->id, b->dev, &cfg));
}

void page_unbind(struct page_bench *b)
{
    T_ASSERT_OK(b->t, ioasid_unbind(b->set, b->id, b->dev));
}

void page_reuse_number(struct page_bench *b)
{
    uint32_t number = ioasid_number(b->id);

    T_ASSERT_OK(b->t, ioasid_free(b->set, b->id));
    t_settle(b->t);
    T_ASSERT_OK(b->t, ioasid_alloc(b->set, number, number, &b->id));
}

/* ---- Requests ---- */

void page_ask(struct page_bench *b, uint16_t group, unsigned page, bool last)
{
    const struct model_page_request rq = {.has_pasid = b->t->lane == T_LANE_PASID,
                                          .pasid = ioasid_number(b->id),
                                          .write = true,
                                          .last = last,
                                          .group = group,
                                          .addr = PAGE_IOVA + (uint64_t)page * PAGE_SIZE};

    model_engine_ask(b->dma, &rq);
}

void page_arrive(struct page_bench *b)
{
    const struct model *m = model_engine_unit(b->dma);

    for (unsigned i = 0; i < SETTLE_LOOKS && model_page_requests_late(m, b->dma->rids[0]) > 0; i++)
        plat_relax();
}

void page_settle(struct page_bench *b)
{
    for (unsigned i = 0; i < SETTLE_LOOKS; i++)
        plat_relax();
    t_settle(b->t);
    for (unsigned i = 0; i < SETTLE_LOOKS; i++)
        plat_relax();
}

unsigned page_heard(struct page_bench *b, enum vtd_presp_code code)
{
    struct model_page_response r;
    unsigned n = 0;

    while (model_engine_heard(b->dma, &r)) {
        T_EXPECT_EQ(b->t, (unsigned)r.code, (unsigned)code);
        T_EXPECT_EQ(b->t, r.has_pasid, b->t->lane == T_LANE_PASID);
        n += r.code == (uint8_t)code;
    }
    return n;
}
