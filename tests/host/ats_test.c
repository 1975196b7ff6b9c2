/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite ats: functions with a device TLB, from the capability in configuration space to the last
 * invalidation. The device keeps what it has translated until it is told otherwise, so that an invalidation
 * which is forgotten, misdirected or in the wrong form becomes a write to memory that is the device's no
 * more.
 */
#include <errno.h>

#include "iommu/iommu_ats.h"
#include "tests/host/own_unit.h"
#include "tests/host/page_bench.h"
#include "tests/host/stub_machine.h"

static void open_mapped(struct t *t, struct page_bench *b)
{
    page_open(t, b, PAGE_REFUSE);
    T_ASSERT_OK(t, pgtable_map(b->table, (iova_t){PAGE_IOVA}, b->mem.pa, PAGE_SIZE, PGTABLE_RW));
    page_bind(b, false);
    t_dma_write_allowed(t, b->dma, (iova_t){PAGE_IOVA}, &b->mem, 0, 64);
    T_ASSERT(t, model_engine_entries(b->dma) > 0);
}

static void refused_and_close(struct page_bench *b)
{
    t_dma_write_denied(b->t, b->dma, (iova_t){PAGE_IOVA}, &b->mem, 0, 64);
    page_settle(b);
    model_engine_forget(b->dma);
    page_close(b);
}

static uint64_t device_tlb_descs(const struct page_bench *b)
{
    return b->unit->stats.descriptors[VTD_QI_DEVTLB] + b->unit->stats.descriptors[VTD_QI_PDEVTLB];
}

TEST(ats, unbind, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "18",
     .rules = "29 30 41", .flaws = "H14", .negative = true,
     .doc = "what the device's own TLB holds is gone when unbind returns")
{
    struct page_bench b;

    open_mapped(t, &b);
    page_unbind(&b);
    T_EXPECT_EQ(t, model_engine_entries(b.dma), 0u);
    refused_and_close(&b);
}

TEST(ats, flush, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "29 50 51 54",
     .flaws = "H14 H16", .negative = true,
     .doc = "a page that was taken out of the table and flushed is out of the device's TLB as well, for one "
            "page and "
            "for all addresses there are")
{
    struct page_bench b;

    open_mapped(t, &b);
    for (unsigned all = 0; all < 2; all++) {
        T_ASSERT_OK(t, pgtable_unmap(b.table, (iova_t){PAGE_IOVA}, PAGE_SIZE));
        T_ASSERT_OK(
            t, ioasid_flush(b.set, b.id, (iova_t){all ? 0 : PAGE_IOVA}, all ? UINT64_MAX : PAGE_SIZE, !all));
        t_dma_write_denied(t, b.dma, (iova_t){PAGE_IOVA}, &b.mem, 0, 64);
        T_ASSERT_OK(t, pgtable_map(b.table, (iova_t){PAGE_IOVA}, b.mem.pa, PAGE_SIZE, PGTABLE_RW));
        t_dma_write_allowed(t, b.dma, (iova_t){PAGE_IOVA}, &b.mem, 0, 64);
    }
    page_unbind(&b);
    refused_and_close(&b);
}

TEST(ats, slow_device, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "24 29",
     .negative = true,
     .doc = "a device that takes its time to answer an invalidation: unbind returns after it")
{
    struct page_bench b;

    open_mapped(t, &b);
    model_engine_answers(b.dma, false, 500);
    page_unbind(&b);
    T_EXPECT_EQ(t, model_engine_entries(b.dma), 0u);
    model_engine_answers(b.dma, false, 0);
    refused_and_close(&b);
}

TEST(ats, mute_device, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "32",
     .negative = true,
     .doc = "a device that does not answer: unbind fails and keeps the binding; it ends when the device "
            "answers again")
{
    struct page_bench b;

    open_mapped(t, &b);
    model_engine_answers(b.dma, true, 0);
    T_EXPECT_ERR(t, ioasid_unbind(b.set, b.id, b.dev), -ETIMEDOUT);
    T_EXPECT_EQ(t, ioasid_refs(b.set, b.id), 2);
    model_engine_answers(b.dma, false, 0);
    page_unbind(&b);
    T_EXPECT_EQ(t, model_engine_entries(b.dma), 0u);
    refused_and_close(&b);
}

TEST(ats, gone, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "50",
     .flaws = "H31", .negative = true,
     .doc = "a device that was pulled out and answers nothing any more: no invalidation is sent to it, and "
            "unbind and "
            "detach end")
{
    struct page_bench b;
    uint64_t before;

    open_mapped(t, &b);
    model_engine_answers(b.dma, true, 0);
    iommu_dev_gone(b.dev);
    before = device_tlb_descs(&b);
    page_unbind(&b);
    page_close(&b);
    T_EXPECT_EQ(t, device_tlb_descs(&b), before);
    model_engine_answers(b.dma, false, 0);
}

TEST(ats, on_and_off, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES,
     .rules = "57 76 77", .flaws = "H31", .negative = true,
     .doc = "attach: DTE and PRE are there, then ATS and page requests are on; detach: the TLB is emptied "
            "before ATS "
            "goes off, and nothing is sent to it afterwards")
{
    struct vtd_context_entry context;
    struct vtd_desc d[32];
    unsigned n, cc = 0;
    struct page_bench b;

    page_open(t, &b, PAGE_REFUSE);
    vtd_context_read(b.unit, b.dma->rids[0], &context);
    T_EXPECT_EQ(t, context.q[0] % 0x20, t->lane == T_LANE_PASID ? 0x1dull : 0x15ull);
    T_EXPECT_EQ(t, plat_pci_read32(b.dma->id, STUB_ATS_CONTROL), 0x80000028u);
    T_EXPECT_EQ(t, plat_pci_read32(b.dma->id, STUB_PRI_CONTROL) % 0x10000, 1u);
    T_EXPECT_EQ(t, plat_pci_read32(b.dma->id, STUB_PRI_ROOM), 32u);
    T_EXPECT_EQ(t, plat_pci_read32(b.dma->id, STUB_PASID_CONTROL),
                t->lane == T_LANE_PASID ? 0x11400u : 0x1400u);
    page_close(&b);
    T_EXPECT_EQ(t, plat_pci_read32(b.dma->id, STUB_ATS_CONTROL), 0x28u);
    T_EXPECT_EQ(t, plat_pci_read32(b.dma->id, STUB_PRI_CONTROL) % 0x10000, 0u);
    T_EXPECT_EQ(t, plat_pci_read32(b.dma->id, STUB_PASID_CONTROL), 0x1400u);
    n = vtd_qi_recent(b.unit, d, ARRAY_SIZE(d));
    for (unsigned i = 0; i < n; i++)
        cc = entry_get(&d[i], VTD_QI_TYPE) == VTD_QI_CC ? i : cc;
    T_ASSERT(t, cc > 0); /* of the context entry, which goes after ATS */
    for (unsigned i = cc; i < n; i++)
        T_EXPECT(t, entry_get(&d[i], VTD_QI_TYPE) != VTD_QI_DEVTLB &&
                        entry_get(&d[i], VTD_QI_TYPE) != VTD_QI_PDEVTLB);
    T_EXPECT(t, entry_get(&d[cc - 2], VTD_QI_TYPE) == VTD_QI_DEVTLB ||
                    entry_get(&d[cc - 2], VTD_QI_TYPE) == VTD_QI_PDEVTLB);
}

TEST(ats, not_named, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "76",
     .doc = "a function that no ATSR, SATC or SIDP structure names has its ATS left off, and so have those "
            "with more "
            "than one requester id")
{
    struct pci_ats pci;
    struct vtd_dev_cfg cfg = {.rids = t->dma->rids, .rid_count = 1, .pasid_bits = 20};
    struct vtd_unit *unit = iommu_unit_of(t->iommu, t->dma->id);
    struct iommu less = *t->iommu;

    pci_ats_find(t->dma->id, &pci);
    T_EXPECT(t, pci.integrated);
    T_EXPECT_EQ(t, pci.qdep, 8);
    T_EXPECT_EQ(t, pci.pasid_bits, 20u);
    T_ASSERT_OK(t, iommu_ats_choose(t->iommu, unit, &pci, &cfg));
    T_EXPECT(t, cfg.ats && cfg.pri);
    dmar_for_each(s, &t->iommu->dmar)
    {
        if (s.type == DMAR_SATC && s.offset < less.dmar.size)
            less.dmar.size = s.offset;
    }
    T_ASSERT_OK(t, iommu_ats_choose(&less, unit, &pci, &cfg));
    T_EXPECT(t, !cfg.ats && !cfg.pri);
    cfg.rid_count = 2;
    T_EXPECT_ERR(t, iommu_ats_choose(t->iommu, unit, &pci, &cfg), t->lane == T_LANE_PASID ? -ENOTSUP : 0);
    T_EXPECT(t, !cfg.ats && !cfg.pri);
}

TEST(ats, pages_need_drain, .needs = NEED_HOST, .flaws = "H23",
     .doc = "ECAP.PRS without PDS: the queue stays off and no device may send page requests")
{
    struct stub_cfg cfg = own_cfg();
    const uint16_t rid = OWN_RID;
    struct vtd_dev_cfg dev_cfg = {.rids = &rid, .rid_count = 1, .ats = true, .pri = true, .ats_qdep = 1};
    struct own_unit own;
    struct vtd_dev *dev;

    for (unsigned pds = 0; pds < 2; pds++) {
        own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PRS), true);
        own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_PDS), pds);
        own_start(t, &own, &cfg);
        T_EXPECT_EQ(t, own.unit->prq.ring != NULL, (bool)pds);
        T_EXPECT_EQ(t, own.unit->page_event.on, (bool)pds);
        T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &dev_cfg, &dev), pds ? 0 : -EINVAL);
        if (pds)
            T_ASSERT_OK(t, vtd_dev_detach(dev));
        own_close(t, &own);
    }
}
