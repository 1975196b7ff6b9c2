/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order, a device that is pulled out while it is bound: row 50 of the ordering table. The device is one
 * that no other case uses, because nothing puts it back.
 *
 * A tear-down that waits for the dead device, or skips what the living ones need, turns the case red.
 */
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/suites/play.h"

/* Descriptors that went to device TLBs (VT-d 5.10, Queued Invalidation Descriptors: types 3 and 8). */
static uint64_t device_tlb_descriptors(const struct vtd_unit *unit)
{
    return unit->stats.descriptors[3] + unit->stats.descriptors[8];
}

static void expect_no_entry(struct t *t, const struct vtd_dev *dev)
{
    struct vtd_pasid_entry entry;

    T_ASSERT_OK(t, vtd_pasid_read(dev, 0, &entry));
    for (unsigned i = 0; i < ARRAY_SIZE(entry.q); i++)
        T_EXPECT_EQ(t, entry.q[i], 0ull);
}

/* Pulls device 0 out with a transfer under way, which never gets to memory. */
static void unplug(struct play *p)
{
    uint8_t *page = owner_page(&p->owner, 0), before[64];
    struct dma_xfer x = {
        .dir = DMA_TO_MEM, .iova = {OWNER_IOVA}, .len = sizeof(before), .believed = plat_pa(page)};

    t_rand_fill(p->t, page, sizeof(before));
    for (unsigned i = 0; i < sizeof(before); i++)
        before[i] = page[i];
    T_ASSERT_OK(p->t, dma_start(p->dma[0], &x));
    T_ASSERT_OK(p->t, dma_unplug(p->dma[0]));
    iommu_dev_gone(p->owner.devs[0]);
    play_reach(p, "?1"); /* takes longer than the transfer would have */
    play_reach(p, "?1");
    T_ASSERT_MEM(p->t, page, before, sizeof(before));
    t_proved(p->t, false);
}

TEST(order, unplug_bound, .needs = NEED_DMA | NEED_DMA_QUEUED, .lanes = T_BIT(T_LANE_RID),
     .engines = T_BIT(DMA_EDU), .rows = "50", .flaws = "H31", .negative = true,
     .doc =
         "a device is pulled out while it is bound and sends: unbind is 0 with its UNBIND, the entry goes, "
         "no device-TLB step; another device goes on and takes the IOASID over")
{
    static const struct play_step before[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                              {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
                                              {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
                                              {OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"}};
    static const struct play_step after[] = {{OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "?1"},
                                             {OWNER_UNBIND, 0, 0, -ENOENT, "", "?1"},
                                             {OWNER_UNBIND, 1, 1, 0, UNBIND_EVENT, "?-"},
                                             {OWNER_BIND, 0, 1, 0, BIND_EVENT, "?0"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "?-"}};
    struct dma_dev *dma[] = {dma_dev_at(DMA_EDU, DMA_AT_ROOT_PORT, 1), t->dma};
    const struct vtd_dev *dev;
    uint64_t to_device_tlbs;
    struct play p;

    if (!dma[0])
        t_skip(t, "no edu device of its own to pull out");
    play_open_with(t, &p, dma, 2);
    dev = p.owner.devs[0]->vtd;
    play_steps(&p, before, ARRAY_SIZE(before));
    to_device_tlbs = device_tlb_descriptors(dev->unit);
    unplug(&p);
    play_steps(&p, after, ARRAY_SIZE(after));
    expect_no_entry(t, dev);
    T_EXPECT_EQ(t, device_tlb_descriptors(dev->unit), to_device_tlbs);
    play_close(&p);
}
