/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite prq: page requests, from a device's first fault to the last answer. The device and the unit are the
 * strict model's, which counts a second answer, one nobody asked for, and a PRO cleared too early as
 * breaches.
 */
#include <errno.h>

#include "tests/host/own_unit.h"
#include "tests/host/page_bench.h"

/* In which all of a flood arrives. */
#define FLOOD_LOOKS 100

static uint64_t waits(const struct page_bench *b)
{
    return b->unit->stats.waits;
}

/* Caching mode: an entry that was silent is forgotten with a wait of its own. */
static uint64_t extra(const struct page_bench *b)
{
    return b->unit->caps.cm;
}

/* ---- Served ---- */

TEST(prq, served, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "57 58 59",
     .negative = true,
     .doc = "a device writes where nothing is mapped, its owner maps the page, the write arrives")
{
    struct page_bench b;

    page_open(t, &b, PAGE_MAP);
    page_bind(&b, true);
    t_dma_write_allowed(t, b.dma, (iova_t){PAGE_IOVA}, &b.mem, 0, 64);
    T_EXPECT_EQ(t, b.groups, 1u);
    T_EXPECT_EQ(t, b.last.count, 1u);
    T_EXPECT_EQ(t, b.last.pages[0].iova.v, PAGE_IOVA);
    T_EXPECT_EQ(t, b.last.rid, b.dma->rids[0]);
    T_EXPECT_EQ(t, b.last.has_pasid, t->lane == T_LANE_PASID);
    page_unbind(&b);
    t_dma_write_denied(t, b.dma, (iova_t){PAGE_IOVA}, &b.mem, 0, 64);
    page_settle(&b);
    model_engine_forget(b.dma);
    page_close(&b);
}

TEST(prq, refused, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "58",
     .negative = true,
     .doc = "its owner says that there is no such page: the write does not arrive, and the device goes on")
{
    struct page_bench b;

    page_open(t, &b, PAGE_REFUSE);
    page_bind(&b, true);
    t_dma_write_denied(t, b.dma, (iova_t){PAGE_IOVA}, &b.mem, 0, 64);
    T_EXPECT_EQ(t, b.groups > 0, true);
    b.policy = PAGE_MAP;
    t_dma_write_allowed(t, b.dma, (iova_t){PAGE_IOVA}, &b.mem, 0, 64);
    page_unbind(&b);
    page_close(&b);
}

TEST(prq, nobody, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "58",
     .negative = true, .doc = "bound without a pager: requests are answered invalid, one answer each")
{
    struct page_bench b;

    page_open(t, &b, PAGE_MAP);
    page_bind(&b, false);
    t_dma_write_denied(t, b.dma, (iova_t){PAGE_IOVA}, &b.mem, 0, 64);
    for (uint16_t n = 0; n < 3; n++)
        page_ask(&b, 40 + n, n, true);
    page_settle(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 3u);
    T_EXPECT_EQ(t, b.groups, 0u);
    page_unbind(&b);
    page_close(&b);
}

/* ---- Nobody's ---- */

/* Puts a record into the queue of a unit that only records. */
static void put_record(struct own_unit *own, unsigned slot, uint64_t q0, uint64_t q1)
{
    own->unit->prq.ring[slot] = (struct vtd_page_request){{q0, q1, 0, 0}};
    stub_set_reg(own->stub, VTD_OFF_PQT, 8, 32 * (slot + 1));
    stub_set_reg(own->stub, VTD_OFF_PRS, 4, 1);
}

TEST(prq, unknown_requester, .needs = NEED_HOST, .rows = "53", .rules = "58", .flaws = "H21 H24",
     .negative = true,
     .doc =
         "requests of a device that is not there any more: answered invalid, each with its own requester id, "
         "PASID and group; what is no request, and what wants no answer, is not")
{
    const struct vtd_desc want[] = {vtd_inv_page_response(0x1234, true, 0x56789, 0x1ab, VTD_PRESP_INVALID),
                                    vtd_inv_page_response(0x0800, false, 0, 3, VTD_PRESP_INVALID)};
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PRS) | SPAN_MASK(VTD_ECAP_PDS), true);
    own_start(t, &own, &cfg);
    stub_stream_clear(own.stub);
    put_record(&own, 0, 0x0005678912340101, 0x1000d5d); /* read, last, group 1abh */
    put_record(&own, 1, 0x0000000008000001, 0x100001e); /* write, last, group 3 */
    put_record(&own, 2, 0x0005678912340101, 0x1000d5c); /* stop marker */
    put_record(&own, 3, 0x0005678912340102, 0x1000d5d); /* type 2 */
    put_record(&own, 4, 0x0000000008000001, 0x1000019); /* read, not last */
    vtd_prq_collect(own.unit);
    T_ASSERT_EQ(t, own.stub->stream_count, 2u);
    for (unsigned i = 0; i < 2; i++)
        T_EXPECT_MEM(t, &own.stub->stream[i], &want[i], sizeof(want[i]));
    T_EXPECT_EQ(t, own.stub->stream[0].q[0], 0x0005678912341019ull);
    T_EXPECT_EQ(t, own.stub->stream[0].q[1], 0x0000000000000d58ull);
    T_EXPECT_EQ(t, own.unit->prq.head, 5u);
    put_record(&own, 5, 0x0000000008000001, 0x100001d); /* and its last */
    vtd_prq_collect(own.unit);
    T_EXPECT_EQ(t, own.stub->stream_count, 3u);
    T_EXPECT_EQ(t, own.unit->prq.groups, 0u);
    own_close(t, &own);
}

/* ---- Groups ---- */

TEST(prq, groups, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "58",
     .negative = true,
     .doc = "two groups whose requests mix: each is handed out once, complete, and answered once")
{
    struct page_bench b;

    page_open(t, &b, PAGE_HOLD);
    page_bind(&b, true);
    page_ask(&b, 7, 0, false);
    page_ask(&b, 8, 9, false);
    page_ask(&b, 7, 1, false);
    page_ask(&b, 8, 10, true);
    page_settle(&b);
    T_ASSERT_EQ(t, b.held_count, 1u);
    T_EXPECT_EQ(t, b.held[0]->index, 8);
    T_EXPECT_EQ(t, b.held[0]->count, 2u);
    page_ask(&b, 7, 2, true);
    page_settle(&b);
    T_ASSERT_EQ(t, b.held_count, 2u);
    T_EXPECT_EQ(t, b.held[1]->index, 7);
    T_EXPECT_EQ(t, b.held[1]->count, 3u);
    T_EXPECT_EQ(t, b.held[1]->pages[1].iova.v, PAGE_IOVA + PAGE_SIZE);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_SUCCESS), 0u);
    while (b.held_count > 0)
        iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_PRESENT);
    page_settle(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_SUCCESS), 2u);
    page_unbind(&b);
    page_close(&b);
}

TEST(prq, long_group, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "58",
     .negative = true,
     .doc = "a group of more pages than are kept: the last one is among those handed out, one answer")
{
    struct page_bench b;

    page_open(t, &b, PAGE_REFUSE);
    page_bind(&b, true);
    for (unsigned n = 0; n < IOMMU_GROUP_PAGES + 4; n++)
        page_ask(&b, 3, n, n == IOMMU_GROUP_PAGES + 3);
    page_settle(&b);
    T_EXPECT_EQ(t, b.groups, 1u);
    T_EXPECT_EQ(t, b.last.count, (unsigned)IOMMU_GROUP_PAGES);
    T_EXPECT_EQ(t, b.last.pages[IOMMU_GROUP_PAGES - 1].iova.v,
                PAGE_IOVA + (uint64_t)(IOMMU_GROUP_PAGES + 3) * PAGE_SIZE);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    page_unbind(&b);
    page_close(&b);
}

TEST(prq, stop_marker, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = T_BIT(T_LANE_PASID),
     .rules = "58 64", .flaws = "H21", .negative = true,
     .doc = "a stop marker is handed to nobody and not answered; the group that it cuts off neither")
{
    struct model_page_request marker = {.has_pasid = true, .last = true};
    struct page_bench b;

    page_open(t, &b, PAGE_REFUSE);
    page_bind(&b, true);
    if (!FIELD_GET(VTD_ECAP_SMS, b.unit->caps.ecap)) {
        page_unbind(&b);
        page_close(&b);
        t_skip(t, "ECAP.SMS = 0");
    }
    marker.pasid = ioasid_number(b.id);
    page_ask(&b, 5, 0, false);
    model_engine_ask(b.dma, &marker);
    page_settle(&b);
    T_EXPECT_EQ(t, b.groups, 0u);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 0u);
    T_EXPECT_EQ(t, b.unit->prq.groups, 0u);
    page_ask(&b, 5, 1, true);
    page_settle(&b);
    T_EXPECT_EQ(t, b.last.count, 1u);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    page_unbind(&b);
    page_close(&b);
}

TEST(prq, prefetch, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "58",
     .negative = true,
     .doc = "a page that the device only would like to have is part of its group, neither read nor write")
{
    struct model_page_request hint = {.group = 6, .addr = PAGE_IOVA + 5 * PAGE_SIZE};
    struct page_bench b;

    page_open(t, &b, PAGE_REFUSE);
    page_bind(&b, true);
    hint.has_pasid = t->lane == T_LANE_PASID;
    hint.pasid = ioasid_number(b.id);
    model_engine_ask(b.dma, &hint);
    page_settle(&b);
    T_EXPECT_EQ(t, b.groups, 0u);
    page_ask(&b, 6, 0, true);
    page_settle(&b);
    T_ASSERT_EQ(t, b.last.count, 2u);
    T_EXPECT(t, !b.last.pages[0].read && !b.last.pages[0].write);
    T_EXPECT_EQ(t, b.last.pages[0].iova.v, hint.addr);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    page_unbind(&b);
    page_close(&b);
}

/* ---- Unbind ---- */

TEST(prq, unbind_idle, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "16 18",
     .rules = "61 62", .flaws = "H5 H9", .negative = true,
     .doc = "nothing asked: an unbind is two waits, the retire's and the drain's")
{
    struct page_bench b;
    uint64_t before;

    page_open(t, &b, PAGE_REFUSE);
    page_bind(&b, true);
    before = waits(&b);
    page_unbind(&b);
    T_EXPECT_EQ(t, waits(&b) - before, 2 + extra(&b));
    page_close(&b);
}

TEST(prq, unbind_queued, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "52 18",
     .rules = "58 61 62 63", .flaws = "H5 H9 H12", .negative = true,
     .doc =
         "requests on their way when unbind starts: each has its one answer when it returns, after at most "
         "three waits")
{
    struct page_bench b;
    uint64_t before;

    page_open(t, &b, PAGE_REFUSE);
    page_bind(&b, true);
    vtd_event_mask(b.unit, VTD_EVENT_PAGES, true);
    for (uint16_t n = 0; n < 10; n++)
        page_ask(&b, n, n, true);
    page_arrive(&b);
    before = waits(&b);
    page_unbind(&b);
    T_EXPECT_LE(t, waits(&b) - before, 3 + extra(&b));
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 10u);
    T_EXPECT_EQ(t, b.unit->prq.groups, 0u);
    vtd_event_mask(b.unit, VTD_EVENT_PAGES, false);
    page_close(&b);
}

TEST(prq, unbind_held, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "52 54",
     .rules = "58", .flaws = "H6 H12 H25", .negative = true,
     .doc =
         "its owner has groups and does not answer: unbind waits for nobody, the device is told invalid, and "
         "the owner's own answer is one too many and goes nowhere")
{
    struct page_bench b;

    page_open(t, &b, PAGE_HOLD);
    page_bind(&b, true);
    for (uint16_t n = 0; n < 3; n++)
        page_ask(&b, n, n, true);
    page_settle(&b);
    T_ASSERT_EQ(t, b.held_count, 3u);
    page_unbind(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 3u);
    while (b.held_count > 0)
        iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_PRESENT);
    page_close(&b);
}

TEST(prq, unbind_by_server, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "54",
     .flaws = "H6", .negative = true,
     .doc = "who serves a page request unbinds the device: it waits for no lock, nor for itself")
{
    struct page_bench b;

    page_open(t, &b, PAGE_UNBIND);
    page_bind(&b, true);
    b.unbound = 1;
    page_ask(&b, 2, 0, true);
    page_settle(&b);
    T_EXPECT_ERR(t, b.unbound, 0);
    T_EXPECT_LT(t, b.unbinding_ns, VTD_TIMEOUT_NS / 2);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    page_close(&b);
}

TEST(prq, free_held, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "23 52",
     .flaws = "S12 H12", .negative = true,
     .doc = "free comes first: FREE drains as unbind does, without waiting for the owner's answers")
{
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};
    struct page_bench b;

    page_open(t, &b, PAGE_HOLD);
    cfg.pager = &b.pager;
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &cfg));
    page_ask(&b, 1, 0, true);
    page_settle(&b);
    page_ask(&b, 2, 0, true);
    page_arrive(&b);
    T_ASSERT_ERR(t, ioasid_free(b.set, b.id), -EINPROGRESS);
    page_settle(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 2u);
    T_EXPECT(t, b.held_count >= 1);
    while (b.held_count > 0)
        iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_PRESENT);
    T_ASSERT_OK(t, ioasid_alloc(b.set, 1, IOASID_NUMBERS - 1, &b.id));
    page_close(&b);
}

TEST(prq, table_gone, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "51 52",
     .rules = "61", .flaws = "H10 H11", .negative = true,
     .doc =
         "the table goes first, without a drain; the unbind that finds the entry silent drains all the same")
{
    struct page_bench b;
    uint64_t before;

    page_open(t, &b, PAGE_HOLD);
    page_bind(&b, true);
    page_ask(&b, 4, 0, true);
    page_settle(&b);
    before = waits(&b);
    T_ASSERT_OK(t, ioasid_table_gone(b.set, b.id));
    T_EXPECT_EQ(t, waits(&b) - before, 1ull);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 0u);
    before = waits(&b);
    page_unbind(&b);
    T_EXPECT_EQ(t, waits(&b) - before, 2 + extra(&b));
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    T_ASSERT_EQ(t, b.held_count, 1u);
    iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_PRESENT);
    page_close(&b);
}

TEST(prq, suspended, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "62",
     .rules = "58 62 74", .flaws = "H12", .negative = true,
     .doc = "asleep over requests that nobody has answered: each was answered before ATS went off, an answer "
            "given meanwhile goes nowhere, and awake again the device is served")
{
    struct page_bench b;

    page_open(t, &b, PAGE_HOLD);
    page_bind(&b, true);
    for (uint16_t n = 0; n < 3; n++)
        page_ask(&b, n, n, true);
    page_settle(&b);
    T_ASSERT_EQ(t, b.held_count, 3u);
    page_ask(&b, 8, 0, true);
    page_ask(&b, 9, 0, false);
    page_arrive(&b);
    T_ASSERT_OK(t, iommu_suspend(t->iommu));
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 4u);
    while (b.held_count > 0)
        iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_PRESENT);
    T_EXPECT_EQ(t, b.unit->prq.groups, 0u);
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    page_ask(&b, 9, 1, true);
    page_settle(&b);
    T_ASSERT_EQ(t, b.held_count, 1u);
    T_EXPECT_EQ(t, b.held[0]->count, 1u);
    iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_INVALID);
    page_settle(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    page_unbind(&b);
    page_close(&b);
}

/* ---- Reuse ---- */

TEST(prq, number_reused, .needs = PAGE_NEEDS | NEED_NO_VCS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES,
     .rows = "53", .rules = "62", .flaws = "S13 H5", .negative = true,
     .doc = "requests of a number's last life, the last of a group still missing: its next owner on the same "
            "device hears nothing of them")
{
    struct page_bench b;

    page_open(t, &b, PAGE_HOLD);
    page_bind(&b, true);
    page_ask(&b, 1, 0, true);
    page_ask(&b, 2, 0, false);
    page_ask(&b, 3, 0, true);
    page_arrive(&b);
    page_unbind(&b);
    while (b.held_count > 0)
        iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_PRESENT);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 2u);
    page_ask(&b, 9, 0, true); /* while nothing is bound: the unit itself answers */
    page_settle(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    page_reuse_number(&b);
    b.groups = 0;
    page_bind(&b, true);
    page_settle(&b);
    T_EXPECT_EQ(t, b.groups, 0u);
    page_ask(&b, 2, 5, true);
    page_settle(&b);
    T_ASSERT_EQ(t, b.held_count, 1u);
    T_EXPECT_EQ(t, b.held[0]->count, 1u);
    iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_INVALID);
    page_unbind(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    page_close(&b);
}

/* ---- Overflow ---- */

/* More requests than the queue takes, while nobody looks; returns how many have been answered with success by
 * the unit itself. */
static unsigned flood(struct page_bench *b)
{
    struct model_page_response r;
    unsigned n = 0;

    vtd_event_mask(b->unit, VTD_EVENT_PAGES, true);
    for (unsigned i = 0; i < VTD_PRQ_SLOTS + 20; i++)
        page_ask(b, (uint16_t)i, i, true);
    for (unsigned i = 0; i < FLOOD_LOOKS; i++)
        plat_relax();
    T_ASSERT(b->t, FIELD_GET(VTD_PRS_PRO, vtd_read(&b->unit->io, VTD_PRS)) == 1);
    while (model_engine_heard(b->dma, &r)) {
        T_EXPECT_EQ(b->t, (unsigned)r.code, (unsigned)VTD_PRESP_SUCCESS);
        n++;
    }
    vtd_event_mask(b->unit, VTD_EVENT_PAGES, false);
    return n;
}

TEST(prq, overflow, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rules = "59 60",
     .flaws = "H22", .negative = true,
     .doc =
         "more requests than the queue takes: what was in it is served, PRO goes when it is empty, and the "
         "next request is served")
{
    struct page_bench b;
    unsigned lost;

    page_open(t, &b, PAGE_REFUSE);
    page_bind(&b, true);
    lost = flood(&b);
    page_settle(&b);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID) + lost, (unsigned)VTD_PRQ_SLOTS + 20);
    T_EXPECT_EQ(t, b.groups, (unsigned)VTD_PRQ_SLOTS - 1);
    T_EXPECT_EQ(t, FIELD_GET(VTD_PRS_PRO, vtd_read(&b.unit->io, VTD_PRS)), 0ull);
    T_EXPECT_EQ(t, vtd_prq_overflows(b.unit) > 0, true);
    page_ask(&b, 1, 1, true);
    page_settle(&b);
    T_EXPECT_EQ(t, b.groups, (unsigned)VTD_PRQ_SLOTS);
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 1u);
    page_unbind(&b);
    page_close(&b);
}

TEST(prq, unbind_overflown, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "52",
     .rules = "59 60 61", .flaws = "H22 H5", .negative = true,
     .doc = "unbind over a queue that overflowed: it is emptied, nothing is left, and it ends")
{
    struct page_bench b;
    uint64_t before;
    unsigned lost;

    page_open(t, &b, PAGE_REFUSE);
    page_bind(&b, true);
    lost = flood(&b);
    before = waits(&b);
    page_unbind(&b);
    T_EXPECT_LE(t, waits(&b) - before, 4 + extra(&b));
    T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID) + lost, (unsigned)VTD_PRQ_SLOTS + 20);
    T_EXPECT_EQ(t, FIELD_GET(VTD_PRS_PRO, vtd_read(&b.unit->io, VTD_PRS)), 0ull);
    page_close(&b);
}
