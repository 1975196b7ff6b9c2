/* SPDX-License-Identifier: BSD-2-Clause */
/* The fixture of sva.h. */
#include "tests/suites/target/sva.h"

#include "tests/suites/rig.h"

/* The table that devices walk for this space, in the stage of their unit. */
static void adopt(struct sva *s)
{
    const struct vtd_dev *dev = s->devs[0]->vtd;
    enum vtd_pgtt stage = rig_unit_stage(dev->unit);
    struct pgtable_cfg cfg = rig_table_cfg(dev, stage, 4);
    bool first = stage == VTD_PGTT_FIRST;

    if (!first && !FIELD_GET(VTD_SAGAW_4LEVEL, dev->unit->caps.sagaw))
        t_skip(s->t, "CAP.SAGAW = %x: no second stage with 4 levels", dev->unit->caps.sagaw);
    T_ASSERT_OK(s->t, pgtable_adopt(&s->table, &cfg,
                                    (paddr_t){first ? space_root(s->space) : space_low_root(s->space)}));
    s->cfg = (struct ioasid_bind_cfg){
        .stage = first ? IOMMU_FIRST_STAGE : IOMMU_SECOND_STAGE, .table = &s->table, .spid = IOASID_NO_SPID};
}

void sva_bind(struct sva *s, unsigned n)
{
    T_ASSERT_OK(s->t, ioasid_bind(s->set, s->id, s->devs[n], &s->cfg));
}

void sva_unbind(struct sva *s, unsigned n)
{
    T_ASSERT_OK(s->t, ioasid_unbind(s->set, s->id, s->devs[n]));
}

void sva_map_own(struct sva *s, const struct dma_dev *dma)
{
    for (unsigned i = 0; i < dma->own_pages; i++) {
        uint64_t pa = dma->own.v + i * PAGE_SIZE;

        T_ASSERT_OK(s->t, space_map(s->space, pa, pa, VM_4K, true));
    }
}

void sva_open(struct t *t, struct sva *s, unsigned first, unsigned devs)
{
    *s = (struct sva){.t = t, .set = ioasid_system_set(t->iommu->ioasids), .dev_count = devs};
    for (unsigned n = 0; n < devs; n++) {
        struct dma_dev *dma = s->dma[n] = t_dev(t, first + n);

        T_ASSERT_OK(t,
                    iommu_dev_attach(t->iommu, dma->id, dma->rids, dma->rid_count, IOASID_BITS, &s->devs[n]));
    }
    T_ASSERT_OK(t, space_create(&s->space));
    for (unsigned n = 0; n < devs; n++)
        sva_map_own(s, s->dma[n]);
    adopt(s);
    T_ASSERT_OK(t, ioasid_alloc(s->set, 1, IOASID_NUMBERS - 1, &s->id));
    for (unsigned n = 0; n < devs; n++)
        sva_bind(s, n);
}

void sva_detach(struct sva *s)
{
    T_ASSERT_OK(s->t, ioasid_free(s->set, s->id));
    for (unsigned n = 0; n < s->dev_count; n++)
        T_ASSERT_OK(s->t, iommu_dev_detach(s->devs[n]));
    if (s->space)
        space_destroy(s->space);
}

void sva_close(struct sva *s)
{
    for (unsigned n = 0; n < s->dev_count; n++)
        sva_unbind(s, n);
    sva_detach(s);
}

void sva_map(struct sva *s, uint64_t va, const struct t_mem *mem, unsigned page)
{
    T_ASSERT_OK(s->t, space_map(s->space, va, mem->pa.v + page * PAGE_SIZE, VM_4K, true));
}

void sva_unmap(struct sva *s, uint64_t va)
{
    T_ASSERT_OK(s->t, space_unmap(s->space, va));
}

void sva_notify(struct sva *s, uint64_t va, uint64_t size)
{
    T_ASSERT_OK(s->t, ioasid_flush(s->set, s->id, at(va), size, !space_has_garbage(s->space)));
    space_gc(s->space);
}

void sva_warm(struct sva *s, uint64_t va, const struct t_mem *mem, unsigned page)
{
    sva_map(s, va, mem, page);
    t_dma_write_allowed(s->t, s->dma[0], at(va), mem, page * PAGE_SIZE, 64);
}
