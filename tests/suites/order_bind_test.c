/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order, bind and unbind: rows of the ordering table (docs/rules/rows.tsv) played with real devices. A
 * step compares its result, the events with the order of their receivers, and what each device really
 * reaches.
 *
 * An entry published or retired at the wrong time, or an event too many, turns a row red.
 */
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/suites/play.h"

/* ---- Alloc and bind ---- */

TEST(order, alloc, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "1", .negative = true,
     .doc = "an IOASID that was only allocated gives no device anything")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, "ALLOC:IDC", "--"}, NEIGHBOUR,
         {OWNER_ALLOC, 1, 0, 0, "ALLOC:IDC", "-2"});
}

TEST(order, bind_first, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "8", .negative = true,
     .flaws = "K1 S16",
     .doc = "the first bind sends BIND once, IOMMU first and CPU last, and the device works from its return")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, "-"}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"});
}

TEST(order, bind_second, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "9", .flaws = "K9 S17",
     .negative = true,
     .doc = "a second device gets an entry of its own, both work, and no second BIND is sent")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, "--"}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0-"},
         {OWNER_BIND, 0, 1, 0, "", "00"});
}

TEST(order, bind_third, .needs = NEED_DMA | NEED_DMA_3, .lanes = PLAY_LANES, .rows = "9", .negative = true,
     .doc = "and a third one")
{
    PLAY(t, 3, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
         {OWNER_BIND, 0, 1, 0, "", "00-"}, {OWNER_BIND, 0, 2, 0, "", "000"});
}

TEST(order, bind_two_ids, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "8",
     .doc = "two IOASIDs on two devices: the same address reaches two pages, each device its own")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL}, {OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, NULL}, {OWNER_UNBIND, 1, 1, 0, UNBIND_EVENT, NULL},
         {OWNER_BIND, 1, 0, 0, BIND_EVENT, NULL}, {OWNER_BIND, 0, 1, 0, BIND_EVENT, "10"});
}

TEST(order, bind_again, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_ONE_LANES, .rows = "10",
     .negative = true,
     .doc =
         "binding a bound device again is -EBUSY and changes nothing, with the same IOASID and with another")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "02"}, {OWNER_BIND, 0, 0, -EBUSY, "", "02"},
         {OWNER_BIND, 1, 0, -EBUSY, "", "02"}, {OWNER_BIND, 2, 0, -EBUSY, "", "02"});
}

TEST(order, bind_again_beside, .needs = NEED_DMA | NEED_DMA_2, .lanes = T_BIT(T_LANE_PASID),
     .rows = "8 10 16 18", .flaws = "H13", .negative = true,
     .doc = "requests that carry PASIDs: two IOASIDs of one device work at a time, each reaches its own "
            "page, one "
            "goes and the other stays; the same one twice is -EBUSY")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "02"}, {OWNER_BIND, 1, 0, 0, BIND_EVENT, "12"},
         {OWNER_BIND, 0, 0, -EBUSY, "", "02"}, {OWNER_BIND, 2, 0, 0, "", "22"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "12"}, {OWNER_UNBIND, 2, 0, 0, "", "12"},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "02"}, {OWNER_FREE, 1, 0, -EINPROGRESS, FREE_BOUND, "02"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-2"});
}

TEST(order, bind_fails, .needs = NEED_DMA | NEED_DMA_2 | NEED_PT, .lanes = PLAY_LANES, .rows = "11",
     .flaws = "S22 C3 C13", .negative = true,
     .doc = "a bind whose entry cannot be written leaves no event, no reference and no access; the next one "
            "works")
{
    struct vtd_pasid_cfg cfg = {.pgtt = VTD_PGTT_PASSTHROUGH};
    static const struct play_step before[] = {NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, "-2"}};
    static const struct play_step fails[] = {{OWNER_BIND, 0, 0, -EBUSY, "", NULL}};
    static const struct play_step after[] = {{OWNER_BIND, 0, 0, 0, BIND_EVENT, "02"}};
    struct vtd_dev *dev;
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, before, ARRAY_SIZE(before));
    dev = p.owner.devs[0]->vtd;
    /* Somebody else's entry is in the way. */
    T_ASSERT_OK(t, vtd_did_alloc(dev->unit, &cfg.did));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, play_slot(&p, 0), &cfg));
    play_steps(&p, fails, 1);
    T_EXPECT_EQ(t, ioasid_refs(p.owner.set, p.owner.ids[0]), 1);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, play_slot(&p, 0), VTD_RETIRE_LAST_OF_DID));
    vtd_did_free(dev->unit, cfg.did);
    play_reach(&p, "-2");
    play_steps(&p, after, 1);
    play_close(&p);
}

TEST(order, bind_refused, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "12", .flaws = "S19",
     .negative = true,
     .doc = "a listener refuses BIND: those who agreed get UNBIND, the entry goes, the caller gets the errno")
{
    static const struct play_step before[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                              {OWNER_BIND, 0, 0, -EPERM, "BIND:IDKC UNBIND:KDI", "-"}};
    static const struct play_step after[] = {{OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}};
    struct play p;

    play_open(t, &p, 1);
    owner_listener(&p.owner, 'C')->refuse = IOASID_EVENT_BIND;
    play_steps(&p, before, 2);
    T_EXPECT_EQ(t, ioasid_refs(p.owner.set, p.owner.ids[0]), 1);
    owner_listener(&p.owner, 'C')->refuse = 0;
    play_steps(&p, after, 1);
    play_close(&p);
}

TEST(order, bind_too_wide, .needs = NEED_DMA | NEED_DMA_2 | NEED_PT | NEED_NO_VCS, .lanes = PLAY_ONE_LANES,
     .rows = "15", .negative = true,
     .doc = "a number wider than the device takes is -EINVAL and the device stays blocked; one that takes it "
            "goes on")
{
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};
    struct ioasid_set *set = ioasid_system_set(t->iommu->ioasids);
    struct dma_dev *wide_dma = t_dev(t, 1);
    struct t_mem mem = t_mem(t, 1);
    struct iommu_dev *dev, *wide;
    ioasid_t id, fits;

    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, t->dma->id, t->dma->rids, t->dma->rid_count, 4, &dev));
    T_ASSERT_OK(
        t, iommu_dev_attach(t->iommu, wide_dma->id, wide_dma->rids, wide_dma->rid_count, IOASID_BITS, &wide));
    T_ASSERT_OK(t, ioasid_alloc(set, 16, IOASID_NUMBERS - 1, &id));
    T_ASSERT_OK(t, ioasid_bind(set, id, wide, &cfg));
    T_EXPECT_ERR(t, ioasid_bind(set, id, dev, &cfg), -EINVAL);
    t_dma_write_denied(t, t->dma, (iova_t){mem.pa.v}, &mem, 0, 64);
    t_dma_write_allowed(t, wide_dma, (iova_t){mem.pa.v}, &mem, 0, 64);
    T_ASSERT_OK(t, ioasid_alloc(set, 15, 15, &fits));
    T_ASSERT_OK(t, ioasid_bind(set, fits, dev, &cfg));
    t_dma_write_allowed(t, t->dma, (iova_t){mem.pa.v}, &mem, 0, 64);
    T_ASSERT_OK(t, ioasid_unbind(set, fits, dev));
    T_ASSERT_OK(t, ioasid_free(set, fits));
    T_ASSERT_OK(t, iommu_dev_detach(dev));
    t_dma_write_allowed(t, wide_dma, (iova_t){mem.pa.v}, &mem, 0, 64);
    T_ASSERT_OK(t, ioasid_unbind(set, id, wide));
    T_ASSERT_OK(t, ioasid_free(set, id));
    T_ASSERT_OK(t, iommu_dev_detach(wide));
}

TEST(order, bind_wide_number, .needs = NEED_DMA | NEED_PT | NEED_NO_VCS, .lanes = T_BIT(T_LANE_RID_PASID),
     .rows = "1 15", .negative = true,
     .doc = "numbers of 20 bits: each leads to memory while it is bound, and nowhere before and after")
{
    static const uint32_t numbers[] = {0x40, 0x2000, 0xabcde, 0xfffff};
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};
    struct ioasid_set *set = ioasid_system_set(t->iommu->ioasids);
    struct t_mem mem = t_mem(t, 1);
    iova_t iova = {mem.pa.v};
    struct iommu_dev *dev;
    ioasid_t id;

    T_ASSERT_OK(t,
                iommu_dev_attach(t->iommu, t->dma->id, t->dma->rids, t->dma->rid_count, IOASID_BITS, &dev));
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        T_ASSERT_OK(t, ioasid_alloc(set, numbers[i], numbers[i], &id));
        T_ASSERT_OK(t, vtd_dev_set_rid_pasid(dev->vtd, numbers[i]));
        t_dma_write_denied(t, t->dma, iova, &mem, 0, 64);
        T_ASSERT_OK(t, ioasid_bind(set, id, dev, &cfg));
        t_dma_write_allowed(t, t->dma, iova, &mem, 0, 64);
        T_ASSERT_OK(t, ioasid_unbind(set, id, dev));
        T_ASSERT_OK(t, vtd_dev_set_rid_pasid(dev->vtd, numbers[i]));
        t_dma_write_denied(t, t->dma, iova, &mem, 0, 64);
        T_ASSERT_OK(t, ioasid_free(set, id));
    }
    T_ASSERT_OK(t, iommu_dev_detach(dev));
}

/* ---- Unbind ---- */

TEST(order, unbind_one_of_two, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "16",
     .negative = true,
     .doc = "unbinding one of two devices stops that one, leaves the other, and sends nothing")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
         {OWNER_BIND, 0, 1, 0, "", "00"}, {OWNER_UNBIND, 0, 0, 0, "", "-0"});
}

TEST(order, unbind_last, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "18", .flaws = "S18",
     .negative = true,
     .doc = "the last unbind sends UNBIND once, CPU first and IOMMU last; nothing is in reach")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
         {OWNER_BIND, 0, 1, 0, "", "00"}, {OWNER_UNBIND, 0, 0, 0, "", "-0"},
         {OWNER_UNBIND, 0, 1, 0, UNBIND_EVENT, "--"});
}

TEST(order, unbind_never_bound, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "19",
     .flaws = "K9", .negative = true,
     .doc = "unbinding a device that was never bound is -ENOENT and disturbs nobody")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_UNBIND, 0, 1, -ENOENT, "", NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0-"}, {OWNER_UNBIND, 0, 1, -ENOENT, "", "0-"});
}

TEST(order, unbind_twice, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "20", .negative = true,
     .doc = "a second unbind is -ENOENT, and UNBIND was sent once")
{
    PLAY(t, 2, NEIGHBOUR, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "02"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-2"}, {OWNER_UNBIND, 0, 0, -ENOENT, "", "-2"});
}

TEST(order, unbind_wrong_id, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .rows = "19",
     .doc = "unbinding a device from an IOASID that another device has is -ENOENT, both go on")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL}, {OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"},
         {OWNER_UNBIND, 1, 0, -ENOENT, "", NULL}, {OWNER_UNBIND, 0, 1, -ENOENT, "", "01"});
}

TEST(order, rebind, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "8 18", .negative = true,
     .doc = "bind and unbind alternate: every first bind and every last unbind has its event and its effect")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"});
}

TEST(order, switch_ids, .needs = NEED_DMA, .lanes = PLAY_LANES, .rows = "8 18", .negative = true,
     .doc = "one device goes from IOASID to IOASID and reaches the page of the current one only")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_ALLOC, 2, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, NULL, "0"},
         {OWNER_UNBIND, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 1, 0, 0, NULL, "1"},
         {OWNER_UNBIND, 1, 0, 0, NULL, NULL}, {OWNER_BIND, 2, 0, 0, NULL, "2"},
         {OWNER_UNBIND, 2, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, NULL, "0"});
}
