/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_prq: page requests of the strict unit, by records and descriptors in literal hex.
 */
#include "tests/host/model_bed.h"

#define QUEUE   0x106000ull
#define TABLE   0x110000ull /* second stage: levels 4 .. 1 at 113000h, 112000h, 111000h, 110000h */
#define PAGE    0x1ff000ull
#define ADDR    0x5445e5678ull
#define PQH     0xc0
#define PQT     0xc8
#define PQA     0xd0
#define PRS     0xdc
#define PECTL   0xe0
#define ALL_ON  (BED_DIR | 0x1d) /* P DTE PASIDE PRE */
#define NO_PRE  (BED_DIR | 0x0d)
#define RESPOND 0x0000000301100019ull /* PASID 3, requester 110h, PP, success */

static const struct model_page_request request = {
    .sid = BED_SID, .has_pasid = true, .pasid = 3, .read = true, .last = true, .group = 5, .addr = ADDR};

static struct bed *start(struct t *t, const struct model_config *cfg, uint64_t context)
{
    struct bed *bed = bed_open(t, cfg);

    bed_start(bed, context, 0);
    bed_pasid(bed, 3, 0x113000 | 0x89, 0x800007, 0);
    bed_store(bed, 0x113000, 0x112003);
    bed_store(bed, 0x112000 + 8 * 0x15, 0x111003);
    bed_store(bed, 0x111000 + 8 * 0x22, 0x110003);
    bed_store(bed, 0x110000 + 8 * 0x1e5, PAGE | 3);
    model_write64(bed->m, PQA, QUEUE);
    model_write32(bed->m, 0xe4, 0x41);
    model_write32(bed->m, 0xe8, 0xfee00000);
    model_write32(bed->m, PECTL, 0);
    return bed;
}

static struct bed *start_all(struct t *t)
{
    struct model_config cfg = bed_config(0, 0);

    return start(t, &cfg, ALL_ON);
}

TEST(model_prq, record, .needs = NEED_HOST, .rules = "59",
     .doc = "the record of a request; one event for as long as PPR is set")
{
    struct bed *bed = start_all(t);
    struct model_page_request other = {
        .sid = BED_SID, .has_pasid = true, .pasid = 3, .privileged = true, .write = true, .group = 0x1ff};

    model_page_request(bed->m, &request);
    T_EXPECT_EQ(t, bed_load(bed, QUEUE), 0x0000000301100101ull);
    T_EXPECT_EQ(t, bed_load(bed, QUEUE + 8), 0x00000005445e502dull);
    T_EXPECT_EQ(t, bed_load(bed, QUEUE + 16), 0ull);
    T_EXPECT_EQ(t, model_read64(bed->m, PQT), 0x20ull);
    T_EXPECT_EQ(t, model_read32(bed->m, PRS), 1u);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
    T_EXPECT_EQ(t, bed->address, 0xfee00000ull);
    T_EXPECT_EQ(t, bed->data, 0x41u);
    model_page_request(bed->m, &other);
    T_EXPECT_EQ(t, bed_load(bed, QUEUE + 32), 0x0020000301100101ull);
    T_EXPECT_EQ(t, bed_load(bed, QUEUE + 40), 0x0000000000000ffaull);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
    model_write32(bed->m, PRS, 1);
    T_EXPECT_EQ(t, model_read32(bed->m, PRS), 0u);
    other.group = 2;
    model_page_request(bed->m, &other);
    T_EXPECT_EQ(t, bed->interrupts, 2u);
    T_EXPECT_EQ(t, bed->breaches, 0u);
}

TEST(model_prq, execute, .needs = NEED_HOST,
     .doc = "VER 8: the reason 34h is for requests that translate; a page request with ER = 1 is queued")
{
    struct model_config cfg = bed_config(0, 0);
    struct model_page_request rq = request;
    struct bed *bed;

    cfg.ver = 0x80;
    rq.execute = true;
    bed = start(t, &cfg, ALL_ON);
    model_page_request(bed->m, &rq);
    T_EXPECT_EQ(t, model_read64(bed->m, PQT), 0x20ull);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0u);
}

TEST(model_prq, masked_event, .needs = NEED_HOST, .rules = "59",
     .doc = "a masked event is pending until PPR is cleared, and is sent when it is unmasked before")
{
    struct bed *bed = start_all(t);

    model_write32(bed->m, PECTL, 0x80000000);
    model_page_request(bed->m, &request);
    T_EXPECT_EQ(t, model_read32(bed->m, PECTL), 0xc0000000u);
    model_write32(bed->m, PRS, 1);
    T_EXPECT_EQ(t, model_read32(bed->m, PECTL), 0x80000000u);
    model_page_request(bed->m, &request);
    model_write32(bed->m, PECTL, 0);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
}

TEST(model_prq, response, .needs = NEED_HOST, .rules = "58",
     .doc = "a response reaches the device as it stands in the descriptor; one too many, one for another "
            "group, one to a request without LPIG and one with a strange code are breaches")
{
    struct bed *bed = start_all(t);
    struct model_page_request more = request;
    struct model_page_response got = {0};

    model_page_request(bed->m, &request);
    T_EXPECT(t, !model_page_response(bed->m, &got));
    bed_submit(bed, RESPOND, 0x28);
    T_ASSERT(t, model_page_response(bed->m, &got));
    T_EXPECT_EQ(t, got.sid, 0x110);
    T_EXPECT_EQ(t, got.has_pasid, true);
    T_EXPECT_EQ(t, got.pasid, 3u);
    T_EXPECT_EQ(t, got.group, 5);
    T_EXPECT_EQ(t, got.code, 0);
    T_EXPECT_EQ(t, bed->breaches, 0u);
    bed_submit(bed, RESPOND, 0x28);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 58: response to requester 0110, PASID 3, group 5"));
    model_page_request(bed->m, &request);
    bed_submit(bed, RESPOND, 0x30);
    T_EXPECT(t, bed_has_breach(bed, 2, "rule 58:"));
    bed_submit(bed, RESPOND - 0x10, 0x28); /* without PP */
    T_EXPECT(t, bed_has_breach(bed, 3, "rule 58:"));
    bed_submit(bed, RESPOND + 0x1000, 0x28);
    T_EXPECT_EQ(t, bed->breaches, 3u);
    more.last = false;
    model_page_request(bed->m, &more);
    bed_submit(bed, RESPOND, 0x28);
    T_EXPECT(t, bed_has_breach(bed, 4, "rule 58:"));
    model_page_request(bed->m, &request);
    bed_submit(bed, RESPOND + 0x2000, 0x28);
    T_EXPECT(t, bed_has_breach(bed, 5, "rule 58: response code 2"));
}

TEST(
    model_prq, response_order, .needs = NEED_HOST, .rules = "58",
    .doc = "several requests are answered in any order; what no device takes is forgotten from the oldest on")
{
    static const uint64_t order[] = {2, 1, 3};
    struct bed *bed = start_all(t);
    struct model_page_request rq = request;
    struct model_page_response got = {0};

    for (rq.group = 1; rq.group <= 3; rq.group++)
        model_page_request(bed->m, &rq);
    for (unsigned i = 0; i < 3; i++)
        bed_submit(bed, RESPOND, order[i] << 3);
    for (unsigned i = 0; i < 3; i++) {
        T_ASSERT(t, model_page_response(bed->m, &got));
        T_EXPECT_EQ(t, (uint64_t)got.group, order[i]);
    }
    T_EXPECT(t, !model_page_response(bed->m, &got));
    T_EXPECT_EQ(t, bed->breaches, 0u);
    bed_submit(bed, RESPOND, 3 << 3);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 58:"));
    T_EXPECT(t, model_page_response(bed->m, &got));
    bed_store(bed, BED_DIR, 0);
    cache_flush_all(bed->m);
    for (rq.group = 1; rq.group <= PRQ_RESPONSES + 6; rq.group++)
        model_page_request(bed->m, &rq);
    for (unsigned group = 7; group <= PRQ_RESPONSES + 6; group++) {
        T_ASSERT(t, model_page_response(bed->m, &got));
        T_EXPECT_EQ(t, got.group, group);
    }
    T_EXPECT(t, !model_page_response(bed->m, &got));
}

/* High half of a fault record: F, page request (T2), PP and PASID 3, requester 110h. */
#define RECORD(code) (0x8000030090000110ull | (uint64_t)(code) << 32)

TEST(model_prq, refused, .needs = NEED_HOST, .faults = "32 33 41 42 45 46 47 51 59", .rules = "60",
     .doc = "a request that the entries refuse is recorded and answered as invalid, if it asks for an answer")
{
    static const struct {
        uint64_t pa, value;
        unsigned code;
    } rows[] = {
        {BED_CTX + 0x200, NO_PRE, 0x47},
        {BED_CTX + 0x200, BED_DIR | 0x1c, 0x41},
        {BED_CTX + 0x200, BED_DIR | 0x9d, 0x42},
        {BED_CTX + 0x200, BED_DIR | 0x15, 0x45},
        {BED_DIR, 0, 0x51},
        {BED_PASIDS + 64 * 3, 0x113088, 0x59},
    };
    struct model_page_request rq = request;
    struct model_page_response got = {0};
    struct bed *bed;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        bed = start_all(t);
        bed_store(bed, rows[i].pa, rows[i].value);
        model_page_request(bed->m, &request);
        T_EXPECT_EQ(t, model_peek(bed->m, 0x408, 8), RECORD(rows[i].code));
        T_EXPECT_EQ(t, model_peek(bed->m, 0x400, 8), 0x00000005445e5000ull);
        T_ASSERT(t, model_page_response(bed->m, &got));
        T_EXPECT_EQ(t, got.code, 1);
        T_EXPECT_EQ(t, got.group, 5);
        T_EXPECT_EQ(t, model_peek(bed->m, PQT, 8), 0ull);
        rq.last = false;
        model_page_request(bed->m, &rq);
        T_EXPECT(t, !model_page_response(bed->m, &got));
    }
    bed = start_all(t);
    rq.pasid = 0x2000;
    model_page_request(bed->m, &rq);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0x46u);
    rq.has_pasid = false;
    bed->m->root = BED_ROOT;
    model_page_request(bed->m, &rq);
    T_EXPECT_EQ(t, bed_fault(bed, 1), 0x32u);
    bed->m->root = BED_ROOT | 0xc00;
    model_page_request(bed->m, &rq);
    T_EXPECT_EQ(t, bed_fault(bed, 2), 0x33u);
}

TEST(model_prq, overflow, .needs = NEED_HOST, .rules = "59 60",
     .doc = "one slot stays empty; a full queue answers by itself or forgets, and does so until PRO is "
            "cleared; PRO cleared too early and a head beyond the tail are breaches")
{
    struct bed *bed = start_all(t);
    struct model_page_request more = request;
    struct model_page_response got = {0};

    more.last = false;
    for (unsigned i = 0; i < 127; i++)
        model_page_request(bed->m, &more);
    T_EXPECT_EQ(t, model_read64(bed->m, PQT), 0xfe0ull);
    T_EXPECT_EQ(t, model_read32(bed->m, PRS), 1u);
    model_page_request(bed->m, &request);
    T_EXPECT_EQ(t, model_read64(bed->m, PQT), 0xfe0ull);
    T_EXPECT_EQ(t, model_read32(bed->m, PRS), 3u);
    T_ASSERT(t, model_page_response(bed->m, &got));
    T_EXPECT_EQ(t, got.code, 0);
    model_page_request(bed->m, &more);
    T_EXPECT(t, !model_page_response(bed->m, &got));
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0u);

    model_write64(bed->m, PQH, 0xfc0);
    model_page_request(bed->m, &request);
    T_EXPECT_EQ(t, model_read64(bed->m, PQT), 0xfe0ull);
    T_EXPECT_EQ(t, bed->breaches, 0u);
    model_write32(bed->m, PRS, 2);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 59: PRO"));
    model_page_request(bed->m, &request);
    T_EXPECT_EQ(t, model_read64(bed->m, PQT), 0ull);
    model_write64(bed->m, PQH, 0);
    T_EXPECT_EQ(t, bed->breaches, 1u);
    model_write64(bed->m, PQH, 0x20);
    T_EXPECT(t, bed_has_breach(bed, 2, "rule 59: PQH 20 goes beyond PQT 0"));
}

TEST(model_prq, overflow_emptied, .needs = NEED_HOST, .rules = "59",
     .doc = "PRO cleared when the queue is empty is no breach, and requests are taken again")
{
    struct bed *bed = start_all(t);
    struct model_page_request more = request;

    more.last = false;
    for (unsigned i = 0; i < 128; i++)
        model_page_request(bed->m, &more);
    T_EXPECT_EQ(t, model_read32(bed->m, PRS), 3u);
    model_write64(bed->m, PQH, 0xfe0);
    model_write32(bed->m, PRS, 2);
    model_page_request(bed->m, &request);
    T_EXPECT_EQ(t, model_read64(bed->m, PQT), 0ull);
    T_EXPECT_EQ(t, bed->breaches, 0u);
}

TEST(model_prq, forgets_page, .needs = NEED_HOST, .rules = "56",
     .doc = "a page request drops what the IOTLB has of its page, and no other page")
{
    struct bed *bed = start_all(t);
    uint8_t bytes[8] = {0};
    struct model_request dma = {
        .sid = BED_SID, .has_pasid = true, .pasid = 3, .addr = ADDR, .len = 8, .data = bytes};
    struct model_page_request elsewhere = request;

    bed_store(bed, 0x110000 + 8 * 0x1e5, 0x1fe003);
    T_EXPECT_EQ(t, model_dma(bed->m, &dma).status, MODEL_SUCCESS);
    T_EXPECT_EQ(t, model_cached(bed->m, MODEL_CACHE_IOTLB), 1u);
    elsewhere.addr = 0x5445e6000;
    model_page_request(bed->m, &elsewhere);
    T_EXPECT_EQ(t, model_cached(bed->m, MODEL_CACHE_IOTLB), 1u);
    model_page_request(bed->m, &request);
    T_EXPECT_EQ(t, model_cached(bed->m, MODEL_CACHE_IOTLB), 0u);

    /* Nested: the whole domain. First stage: the page of this PASID. */
    for (unsigned pgtt = 1; pgtt <= 3; pgtt += 2) {
        struct trans trans = {.pgtt = (enum vtd_pgtt)pgtt, .did = 8, .pasid = 4};
        struct leaf leaf = {.pa = PAGE, .shift = 12, .r = true, .u = true, .dirty = true};

        bed = start_all(t);
        bed_pasid(bed, 4, 0x113000 | 0x9 | (uint64_t)pgtt << 6, 0x800008, 0x110000);
        trans.generation = bed->m->generation;
        iotlb_add(bed->m, &trans, ADDR, &leaf);
        iotlb_add(bed->m, &trans, ADDR + 0x1000, &leaf);
        elsewhere = request;
        elsewhere.pasid = 4;
        model_page_request(bed->m, &elsewhere);
        T_EXPECT_EQ(t, model_cached(bed->m, MODEL_CACHE_IOTLB), pgtt == 3 ? 0u : 1u);
    }
}

TEST(model_prq, reuse, .needs = NEED_HOST, .rules = "62",
     .doc = "a PASID that gets other tables while a request of its last life is on its way, or in the queue "
            "and not taken, is a breach; once the head has gone over it, it is none")
{
    struct model_config cfg = bed_config(0, 0);
    uint8_t bytes[8] = {0};
    struct model_request dma = {
        .sid = BED_SID, .has_pasid = true, .pasid = 3, .addr = ADDR, .len = 8, .data = bytes};

    for (unsigned i = 0; i < 3; i++) {
        struct model_page_request other = request;
        struct bed *bed;

        cfg.slow = i == 0;
        bed = start(t, &cfg, ALL_ON);
        bed_pasid(bed, 4, 0x113000 | 0x89, 0x800007, 0);
        other.pasid = 4;
        if (i == 1)
            model_page_request(bed->m, &other);
        model_page_request(bed->m, &request);
        while (!way_empty(bed->m))
            way_step(bed->m);
        T_EXPECT_EQ(t, bed->m->prq.pending_count, cfg.slow ? 1u : 0u);
        if (i == 2)
            model_write64(bed->m, PQH, 0x20);
        T_EXPECT_EQ(t, (unsigned)model_dma(bed->m, &dma).status, 0u);
        T_EXPECT_EQ(t, bed->breaches, 0u);
        cache_flush_all(bed->m);
        bed_pasid(bed, 3, 0x114000 | 0x89, 0x800009, 0);
        bed_store(bed, 0x114000, 0x112003);
        T_EXPECT_EQ(t, (unsigned)model_dma(bed->m, &dma).status, 0u);
        T_EXPECT_EQ(t, bed->breaches, i == 2 ? 0u : 1u);
        if (i < 2)
            T_EXPECT(t, bed_has_breach(bed, 1, "rule 62: requester 0110, PASID 3 used anew"));
    }
}

TEST(model_prq, stop_marker, .needs = NEED_HOST, .rules = "64",
     .doc = "a stop marker comes into the queue and gets no response; a unit without SMS does not know it")
{
    struct model_config cfg = bed_config(0, 0);
    struct model_page_request marker = {
        .sid = BED_SID, .has_pasid = true, .pasid = 3, .last = true, .group = 0, .addr = 0};
    struct model_page_response got;
    struct bed *bed = start(t, &cfg, ALL_ON);

    model_page_request(bed->m, &marker);
    T_EXPECT_EQ(t, bed_load(bed, QUEUE + 8), 4ull);
    T_EXPECT(t, !model_page_response(bed->m, &got));
    bed_submit(bed, RESPOND, 0);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 58:"));
    cfg.ecap &= ~0x0400000000000000ull;
    bed = start(t, &cfg, ALL_ON);
    model_page_request(bed->m, &marker);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 64:"));
    T_EXPECT_EQ(t, model_peek(bed->m, PQT, 8), 0ull);
}

TEST(model_prq, no_queue, .needs = NEED_HOST, .rules = "14 15",
     .doc = "PRE = 1 without a queue, a queue where no memory is, and a queue moved while requests are "
            "outstanding are breaches; with translation off nothing happens")
{
    struct model_config cfg = bed_config(0, 0);
    struct model_page_response got = {0};
    struct bed *bed = start(t, &cfg, ALL_ON);

    model_page_request(bed->m, &request);
    model_write64(bed->m, PQA, QUEUE + 0x1000);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 14:"));
    bed = start(t, &cfg, ALL_ON);
    model_write64(bed->m, PQA, 0);
    T_EXPECT_EQ(t, bed->breaches, 0u);
    model_page_request(bed->m, &request);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 14:"));
    T_ASSERT(t, model_page_response(bed->m, &got));
    T_EXPECT_EQ(t, got.code, 1);
    model_write64(bed->m, PQA, 0x7f000000);
    model_page_request(bed->m, &request);
    T_EXPECT(t, bed_has_breach(bed, 2, "rule 15:"));

    bed = start(t, &cfg, NO_PRE);
    model_write32(bed->m, 0x18, 0x04000000);
    model_page_request(bed->m, &request);
    T_EXPECT(t, !model_page_response(bed->m, &got));
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0u);
}
