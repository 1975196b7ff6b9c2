/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite rmrr: memory that the DMAR reserves for a device stays within its reach at its own address, and no
 * other memory does. VT-d 5.10, Reserved Memory Region Reporting Structure; rule 75. The machine's own table
 * is given one more structure, which names the engine's device and pages of the case's; units are handed
 * over to an object made of that and back.
 */
#include "tests/suites/more_dmar.h"
#include "tests/suites/rig.h"

struct reserved {
    struct t *t;
    struct dma_dev *dma;
    struct t_mem mem;    /* the region */
    struct t_mem beside; /* not in it */
    struct more_dmar more;
    struct iommu *iommu;
    struct iommu_dev *dev;
};

static void open(struct t *t, struct reserved *r)
{
    uint8_t structure[32];
    size_t size;

    *r = (struct reserved){.t = t, .dma = t->dma, .mem = t_mem(t, 4), .beside = t_mem(t, 1)};
    if (r->dma->own_pages || r->dma->rid_count != 1)
        t_skip(t, "an engine with pages or requester ids beside its own");
    size = more_dmar_structure(structure, DMAR_RMRR, 24, 0, r->dma);
    more_dmar_put(structure + 8, r->mem.pa.v, 8);
    more_dmar_put(structure + 16, r->mem.pa.v + r->mem.pages * PAGE_SIZE - 1, 8);
    more_dmar_open(t, &r->more, structure, size);
    r->iommu = r->more.iommu;
}

static void close(struct reserved *r)
{
    more_dmar_close(&r->more);
}

static void reaches(struct reserved *r, bool region)
{
    iova_t last = {r->mem.pa.v + 2 * PAGE_SIZE};

    if (region)
        t_dma_write_allowed(r->t, r->dma, last, &r->mem, 2 * PAGE_SIZE, 64);
    else
        t_dma_write_denied(r->t, r->dma, last, &r->mem, 2 * PAGE_SIZE, 64);
    t_dma_write_denied(r->t, r->dma, (iova_t){r->beside.pa.v}, &r->beside, 0, 64);
}

static void attach(struct reserved *r)
{
    T_ASSERT_OK(
        r->t, iommu_dev_attach(r->iommu, r->dma->id, r->dma->rids, r->dma->rid_count, IOASID_BITS, &r->dev));
}

static void is_held(struct reserved *r)
{
    struct t *t = r->t;

    reaches(r, true);
    T_ASSERT_OK(t, iommu_suspend(r->iommu));
    T_ASSERT_OK(t, iommu_resume(r->iommu));
    reaches(r, true);
    attach(r);
    reaches(r, false);
    T_ASSERT_OK(t, iommu_dev_detach(r->dev));
    reaches(r, true);
}

/* Tables that the device cannot be bound to, until the region is in it. */
static void refused_until_mapped(struct reserved *r, struct ioasid_set *set, ioasid_t id,
                                 const struct ioasid_bind_cfg *cfg, struct pgtable *table)
{
    uint64_t at = r->mem.pa.v;
    struct t *t = r->t;

    T_EXPECT_ERR(t, ioasid_bind(set, id, r->dev, cfg), -EINVAL);
    T_ASSERT_OK(t, pgtable_map(table, (iova_t){at + PAGE_SIZE}, r->beside.pa, PAGE_SIZE, PGTABLE_RW));
    T_EXPECT_ERR(t, iommu_dev_map_reserved(r->dev, table), -EEXIST);
    T_EXPECT_ERR(t, ioasid_bind(set, id, r->dev, cfg), -EINVAL);
    T_ASSERT_OK(t, pgtable_unmap(table, (iova_t){at + PAGE_SIZE}, PAGE_SIZE));
    T_ASSERT_OK(t, pgtable_map(table, (iova_t){at}, r->mem.pa, 4 * PAGE_SIZE, PGTABLE_R));
    T_EXPECT_ERR(t, ioasid_bind(set, id, r->dev, cfg), -EINVAL);
    T_ASSERT_OK(t, pgtable_unmap(table, (iova_t){at}, 4 * PAGE_SIZE));
    T_ASSERT_OK(t, iommu_dev_map_reserved(r->dev, table));
}

static void is_bound_with_it(struct reserved *r)
{
    struct ioasid_bind_cfg cfg = {.guest = true, .spid = IOASID_NO_SPID};
    struct ioasid_set *set = ioasid_system_set(r->iommu->ioasids);
    struct pgtable_cfg table_cfg;
    struct pgtable *table;
    struct t *t = r->t;
    ioasid_t id;

    attach(r);
    table_cfg =
        rig_table_cfg(r->dev->vtd, rig_unit_stage(r->dev->vtd->unit), rig_unit_levels(r->dev->vtd->unit));
    T_ASSERT_OK(t, pgtable_create(&table_cfg, &table));
    T_ASSERT_OK(t, pgtable_map(table, (iova_t){RIG_IOVA}, r->beside.pa, PAGE_SIZE, PGTABLE_RW));
    T_ASSERT_OK(t, ioasid_alloc(set, 1, IOASID_NUMBERS - 1, &id));
    cfg.stage = rig_unit_stage(r->dev->vtd->unit) == VTD_PGTT_FIRST ? IOMMU_FIRST_STAGE : IOMMU_SECOND_STAGE;
    cfg.table = table;
    refused_until_mapped(r, set, id, &cfg, table);
    T_ASSERT_OK(t, ioasid_bind(set, id, r->dev, &cfg));
    reaches(r, true);
    t_dma_write_allowed(t, r->dma, (iova_t){RIG_IOVA}, &r->beside, 0, 64);
    T_ASSERT_OK(t, ioasid_unbind(set, id, r->dev));
    reaches(r, false);
    T_ASSERT_OK(t, iommu_dev_detach(r->dev));
    T_EXPECT_OK(t, ioasid_free(set, id));
    T_ASSERT_OK(t, plat_idle_wait(1000000000));
    pgtable_destroy(table);
}

TEST(rmrr, held_and_bound, .needs = NEED_DMA, .lanes = RIG_LANES, .one_engine = true, .rules = "75",
     .negative = true,
     .doc =
         "a device of the firmware's: from start on it reaches its region and nothing else, after a "
         "suspend too; once attached it is blocked, once detached it is as before. A bind to a table that "
         "does not map the region, or maps it elsewhere or to read only, is -EINVAL; with the region in it "
         "the device reaches that and what the table maps")
{
    struct reserved r;

    open(t, &r);
    is_held(&r);
    is_bound_with_it(&r);
    close(&r);
}

TEST(rmrr, nested, .needs = NEED_DMA | NEED_NEST, .lanes = RIG_LANES, .rules = "75", .negative = true,
     .doc = "a guest's tables may lose the region at any time: a nested bind is -EINVAL, even over a second "
            "stage "
            "that maps it")
{
    struct ioasid_bind_cfg cfg = {
        .stage = IOMMU_NESTED, .first = {.levels = 4}, .guest = true, .spid = IOASID_NO_SPID};
    struct pgtable_cfg table_cfg;
    struct ioasid_set *set;
    struct pgtable *table;
    struct reserved r;
    ioasid_t id;

    open(t, &r);
    attach(&r);
    table_cfg = rig_table_cfg(r.dev->vtd, VTD_PGTT_SECOND, 3);
    T_ASSERT_OK(t, pgtable_create(&table_cfg, &table));
    T_ASSERT_OK(t, iommu_dev_map_reserved(r.dev, table));
    set = ioasid_system_set(r.iommu->ioasids);
    T_ASSERT_OK(t, ioasid_alloc(set, 1, IOASID_NUMBERS - 1, &id));
    cfg.table = table;
    T_EXPECT_ERR(t, ioasid_bind(set, id, r.dev, &cfg), -EINVAL);
    reaches(&r, false);
    T_ASSERT_OK(t, iommu_dev_detach(r.dev));
    T_EXPECT_OK(t, ioasid_free(set, id));
    T_ASSERT_OK(t, plat_idle_wait(1000000000));
    pgtable_destroy(table);
    close(&r);
}
