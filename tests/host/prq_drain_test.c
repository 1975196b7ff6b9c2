/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite prq: what is on its way while a binding ends. Requests and answers of a strict unit come late, unless
 * the device's TLB has confirmed an invalidation behind them (tests/model/way.c); what the device has heard
 * when unbind returns is what the drain has brought there. VT-d 5.10, Software Steps to Drain Page Requests
 * and Responses.
 */
#include "tests/host/own_unit.h"
#include "tests/host/page_bench.h"

#define ROUNDS 8

/* Answers to what was accepted that have not reached the device. */
static unsigned late(const struct page_bench *b)
{
    return model_page_responses_late(model_engine_unit(b->dma), b->dma->rids[0]);
}

/* The number's next life on the device: it hears nothing that it has not asked for. */
static void live_again(struct page_bench *b)
{
    page_reuse_number(b);
    b->policy = PAGE_REFUSE;
    b->groups = 0;
    page_bind(b, true);
    page_settle(b);
    T_EXPECT_EQ(b->t, b->groups, 0u);
    T_EXPECT_EQ(b->t, page_heard(b, VTD_PRESP_INVALID), 0u);
    page_ask(b, 1, 0, true);
    page_settle(b);
    T_EXPECT_EQ(b->t, page_heard(b, VTD_PRESP_INVALID), 1u);
    page_unbind(b);
}

TEST(prq, answers_arrive, .needs = PAGE_NEEDS | NEED_NO_VCS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES,
     .rows = "52 53", .rules = "61 62 63", .flaws = "S13 H5 H9", .negative = true,
     .doc = "requests on their way, at the unit, and in its queue when unbind starts: when it returns the "
            "device has "
            "heard an answer to each, and the next owner's life begins without one")
{
    enum { ASKED = 100 };
    struct page_bench b;

    page_open(t, &b, PAGE_REFUSE);
    for (unsigned round = 0; round < ROUNDS; round++) {
        page_bind(&b, true);
        vtd_event_mask(b.unit, VTD_EVENT_PAGES, true);
        for (unsigned n = 0; n < ASKED; n++)
            page_ask(&b, (uint16_t)n, n, true);
        if (round % 2 == 0)
            page_arrive(&b);
        page_unbind(&b);
        T_EXPECT_EQ(t, late(&b), 0u);
        T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), (unsigned)ASKED);
        vtd_event_mask(b.unit, VTD_EVENT_PAGES, false);
        live_again(&b);
    }
    page_close(&b);
}

TEST(prq, held_answers_arrive, .needs = PAGE_NEEDS | NEED_NO_VCS, .engines = T_BIT(DMA_ATS),
     .lanes = PAGE_LANES, .rows = "52 54", .rules = "61 63", .flaws = "S13 H12", .negative = true,
     .doc = "answers in the stead of an owner who keeps the groups: they have arrived when unbind returns")
{
    struct page_bench b;

    page_open(t, &b, PAGE_HOLD);
    for (unsigned round = 0; round < ROUNDS; round++) {
        b.policy = PAGE_HOLD;
        page_bind(&b, true);
        for (uint16_t n = 0; n < 12; n++)
            page_ask(&b, n, n, true);
        page_settle(&b);
        T_ASSERT_EQ(t, b.held_count, 12u);
        page_unbind(&b);
        T_EXPECT_EQ(t, late(&b), 0u);
        T_EXPECT_EQ(t, page_heard(&b, VTD_PRESP_INVALID), 12u);
        while (b.held_count > 0)
            iommu_page_answer(b.held[--b.held_count], IOMMU_PAGES_PRESENT);
        live_again(&b);
    }
    page_close(&b);
}

/* All of the device's answers, whatever they say. */
static unsigned heard_any(struct page_bench *b)
{
    struct model_page_response r;
    unsigned n = 0;

    while (model_engine_heard(b->dma, &r))
        n++;
    return n;
}

TEST(
    prq, overflow_in_drain, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = PAGE_LANES, .rows = "52",
    .rules = "60 61 63", .flaws = "H22", .negative = true,
    .doc =
        "more requests are at the unit than the queue takes, so that it overflows while the drain waits: the "
        "unit's own answers have arrived too when unbind returns")
{
    enum { MANY = 3 * VTD_PRQ_SLOTS };
    struct page_bench b;
    uint64_t before;

    page_open(t, &b, PAGE_REFUSE);
    before = vtd_prq_overflows(b.unit);
    for (unsigned round = 0; round < ROUNDS; round++) {
        page_bind(&b, true);
        vtd_event_mask(b.unit, VTD_EVENT_PAGES, true);
        for (unsigned n = 0; n < MANY; n++)
            page_ask(&b, (uint16_t)n, n, true);
        page_arrive(&b);
        page_unbind(&b);
        T_EXPECT_EQ(t, late(&b), 0u);
        T_EXPECT_EQ(t, heard_any(&b), (unsigned)MANY);
        vtd_event_mask(b.unit, VTD_EVENT_PAGES, false);
    }
    T_EXPECT_GT(t, vtd_prq_overflows(b.unit) - before, ROUNDS / 2ull);
    page_close(&b);
}

/* Those to requests with this PASID. */
static unsigned heard_by(struct page_bench *b, uint32_t pasid)
{
    struct model_page_response r;
    unsigned n = 0;

    while (model_engine_heard(b->dma, &r))
        n += r.pasid == pasid;
    return n;
}

TEST(prq, overflow_by_another, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS), .lanes = T_BIT(T_LANE_PASID),
     .rows = "52", .rules = "60 61 63", .flaws = "H22", .negative = true,
     .doc = "while a number is drained another one's requests fill the queue: the unit's own answers to "
            "those of the "
            "first one, of which the driver never knew, have arrived when unbind returns")
{
    enum { ASKED = 10, OTHERS = 3 * VTD_PRQ_SLOTS };
    const struct ioasid_bind_cfg cfg = {.stage = IOMMU_PASS_THROUGH, .spid = IOASID_NO_SPID};
    struct model_page_request rq = {.has_pasid = true, .read = true}; /* that want no answer */
    struct page_bench b;
    ioasid_t other;

    page_open(t, &b, PAGE_REFUSE);
    T_ASSERT_OK(t, ioasid_alloc(b.set, 1, IOASID_NUMBERS - 1, &other));
    T_ASSERT_OK(t, ioasid_bind(b.set, other, b.dev, &cfg));
    rq.pasid = ioasid_number(other);
    for (unsigned round = 0; round < ROUNDS; round++) {
        page_bind(&b, true);
        vtd_event_mask(b.unit, VTD_EVENT_PAGES, true);
        for (rq.group = 0; rq.group < OTHERS; rq.group++)
            model_engine_ask(b.dma, &rq);
        for (unsigned n = 0; n < ASKED; n++)
            page_ask(&b, (uint16_t)n, n, true);
        page_arrive(&b);
        page_unbind(&b);
        T_EXPECT_EQ(t, heard_by(&b, ioasid_number(b.id)), (unsigned)ASKED);
        vtd_event_mask(b.unit, VTD_EVENT_PAGES, false);
        page_settle(&b);
        T_EXPECT_EQ(t, heard_by(&b, ioasid_number(b.id)), 0u);
    }
    T_ASSERT_OK(t, ioasid_unbind(b.set, other, b.dev));
    T_ASSERT_OK(t, ioasid_free(b.set, other));
    page_close(&b);
}

/* ---- The descriptors themselves ---- */

#define SLOT 0x25u

/* The steps of a drain, from the fence on. */
static void expect_steps(struct t *t, const struct stub_unit *stub, enum vtd_qi_type iotlb,
                         enum vtd_qi_type device_tlb)
{
    const enum vtd_qi_type types[] = {VTD_QI_WAIT, iotlb, device_tlb, VTD_QI_WAIT};
    const struct vtd_desc *d = stub->stream;
    unsigned first = 0;

    while (first < stub->stream_count && entry_get(&d[first], VTD_QI_TYPE) != VTD_QI_WAIT)
        first++;
    T_ASSERT_EQ(t, stub->stream_count, first + ARRAY_SIZE(types));
    d += first;
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        T_EXPECT_EQ(t, entry_get(&d[i], VTD_QI_TYPE), (uint64_t)types[i]);
    T_EXPECT_EQ(t, entry_get(&d[0], VTD_QI_WAIT_FN), 1ull);
    T_EXPECT_EQ(t, entry_get(&d[3], VTD_QI_WAIT_PD), 1ull);
    T_EXPECT_EQ(t, entry_get(&d[3], VTD_QI_WAIT_SW), 1ull);
}

TEST(prq, drain_steps, .needs = NEED_HOST, .rules = "61",
     .doc = "the steps as the specification has them, for requests without PASID and with one, by domain and "
            "by PASID: "
            "a wait with FN, an invalidation of the IOTLB and of the device's TLB, a wait with PD and SW")
{
    static const struct {
        uint32_t slot;
        enum vtd_pgtt pgtt;
        enum vtd_qi_type iotlb, device_tlb;
    } rows[] = {
        {0, VTD_PGTT_SECOND, VTD_QI_IOTLB, VTD_QI_DEVTLB},
        {0, VTD_PGTT_PASSTHROUGH, VTD_QI_IOTLB,
         VTD_QI_DEVTLB}, /* a dev_tlb_inv is ordered behind no p_iotlb_inv */
        {SLOT, VTD_PGTT_SECOND, VTD_QI_IOTLB, VTD_QI_PDEVTLB},
        {SLOT, VTD_PGTT_PASSTHROUGH, VTD_QI_PIOTLB, VTD_QI_PDEVTLB},
    };
    const uint16_t rid = OWN_RID;
    const struct vtd_dev_cfg dev_cfg = {.rids = &rid,
                                        .rid_count = 1,
                                        .pasid = true,
                                        .pasid_bits = 20,
                                        .ats = true,
                                        .pri = true,
                                        .ats_qdep = 1};
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_dev *dev;

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PRS) | SPAN_MASK(VTD_ECAP_PDS), true);
    cfg.ecap |= SPAN_MASK(VTD_ECAP_PASID) | FIELD_PREP(VTD_ECAP_PSS, 19);
    own_start(t, &own, &cfg);
    T_ASSERT_OK(t, vtd_dev_attach(own.unit, &dev_cfg, &dev));
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct vtd_pasid_cfg entry = {
            .pgtt = rows[i].pgtt, .did = {3}, .ss_root = {0x1000}, .ss_levels = 4};

        T_ASSERT_OK(t, vtd_pasid_publish(dev, rows[i].slot, &entry));
        stub_stream_clear(own.stub);
        T_ASSERT_OK(t, vtd_pasid_retire(dev, rows[i].slot, VTD_RETIRE_LAST_OF_DID));
        expect_steps(t, own.stub, rows[i].iotlb, rows[i].device_tlb);
    }
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}
