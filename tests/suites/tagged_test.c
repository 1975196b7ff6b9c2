/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite tagged: one device, several PASIDs alive in its directory at a time, and slot 0 for requests without.
 * VT-d 5.10, requests-with-PASID; rules 16, 41, 43, 47. For engines whose requests can carry a PASID.
 */
#include "iommu/pgtable.h"
#include "tests/suites/rig.h"

#define SLOTS 3

/* Slot 0, a number in the same table of the directory, one far away. */
static const uint32_t slots[SLOTS] = {0, 5, 0x12345};

struct tags {
    struct t *t;
    struct vtd_dev *dev;
    struct dma_dev *dma;
    struct t_mem mem[SLOTS];
    struct pgtable *table[SLOTS];
    did_t did[SLOTS];
};

static void publish(struct tags *g, unsigned n)
{
    enum vtd_pgtt stage = rig_unit_stage(g->dev->unit);
    unsigned levels = rig_unit_levels(g->dev->unit);
    struct pgtable_cfg cfg = rig_table_cfg(g->dev, stage, levels);
    struct vtd_pasid_cfg entry = {.pgtt = stage};

    T_ASSERT_OK(g->t, pgtable_create(&cfg, &g->table[n]));
    T_ASSERT_OK(g->t, pgtable_map(g->table[n], (iova_t){RIG_IOVA}, g->mem[n].pa, PAGE_SIZE, PGTABLE_RW));
    T_ASSERT_OK(g->t, vtd_did_alloc(g->dev->unit, &entry.did));
    g->did[n] = entry.did;
    if (stage == VTD_PGTT_FIRST) {
        entry.fs_root = pgtable_root(g->table[n]);
        entry.fs_levels = levels;
    } else {
        entry.ss_root = pgtable_root(g->table[n]);
        entry.ss_levels = levels;
    }
    T_ASSERT_OK(g->t, vtd_pasid_publish(g->dev, slots[n], &entry));
}

static void open_tags(struct t *t, struct tags *g)
{
    struct vtd_dev_cfg cfg = {
        .rids = t->dma->rids, .rid_count = t->dma->rid_count, .pasid_bits = VTD_PASID_BITS, .pasid = true};
    struct pci_ats pci;

    *g = (struct tags){.t = t, .dma = t->dma};
    for (unsigned u = 0; g->dev == NULL && u < t->iommu->unit_count; u++) {
        struct iommu_dev *probe;

        T_ASSERT_OK(t, iommu_dev_attach(t->iommu, t->dma->id, t->dma->rids, t->dma->rid_count, 20, &probe));
        bool here = probe->vtd->unit == t->iommu->units[u];
        T_ASSERT_OK(t, iommu_dev_detach(probe));
        if (here)
            T_ASSERT_OK(t, vtd_dev_attach(t->iommu->units[u], &cfg, &g->dev));
    }
    if (g->dev == NULL)
        t_error(t, "no unit serves %s", t->dma->name);
    pci_ats_find(t->dma->id, &pci);
    pci_pasid_set(&pci, true);
    for (unsigned n = 0; n < SLOTS; n++)
        g->mem[n] = t_mem(t, 1);
}

/* A write as the n-th slot reaches its own page or nothing. */
static void expect(struct tags *g, unsigned n, bool allowed)
{
    g->dma->tagged = slots[n] != 0;
    g->dma->pasid = slots[n];
    if (allowed)
        t_dma_write_allowed(g->t, g->dma, (iova_t){RIG_IOVA}, &g->mem[n], 0, 64);
    else
        t_dma_write_denied(g->t, g->dma, (iova_t){RIG_IOVA}, &g->mem[n], 0, 64);
    g->dma->tagged = false;
}

static void retire(struct tags *g, unsigned n)
{
    T_ASSERT_OK(g->t, vtd_pasid_retire(g->dev, slots[n], VTD_RETIRE_LAST_OF_DID));
    vtd_did_free(g->dev->unit, g->did[n]);
    pgtable_destroy(g->table[n]);
}

TEST(
    tagged, side_by_side, .needs = NEED_DMA | NEED_DMA_TAG | NEED_PASID, .lanes = RIG_LANES,
    .rules = "16 41 43 47", .negative = true,
    .doc =
        "three slots of one device, the same address in each: every tag reaches its own page, and goes alone")
{
    struct tags g;

    open_tags(t, &g);
    for (unsigned n = 0; n < SLOTS; n++) {
        expect(&g, n, false);
        publish(&g, n);
    }
    for (unsigned n = 0; n < SLOTS; n++)
        expect(&g, n, true);
    for (unsigned n = 0; n < SLOTS; n++) {
        retire(&g, n);
        for (unsigned other = 0; other < SLOTS; other++)
            expect(&g, other, other > n);
    }
    T_ASSERT_OK(t, vtd_dev_detach(g.dev));
}

TEST(tagged, beyond, .needs = NEED_DMA | NEED_DMA_TAG | NEED_PASID, .lanes = RIG_LANES, .rules = "16",
     .faults = "51", .negative = true,
     .doc = "a tag that nobody published is refused, and so is slot 0 by its number")
{
    struct tags g;

    open_tags(t, &g);
    publish(&g, 1);
    expect(&g, 1, true);
    expect(&g, 2, false);
    t_expect_fault(t, g.dma, 0x51);
    expect(&g, 0, false);
    retire(&g, 1);
    T_ASSERT_OK(t, vtd_dev_detach(g.dev));
}
