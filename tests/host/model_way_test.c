/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_way: page requests and responses between the strict unit and a function: how late they may
 * come, and what pushes them. By descriptors in literal hex.
 */
#include "tests/host/model_bed.h"

#define QUEUE   0x106000ull
#define PQA     0xd0
#define PQT     0xc8
#define ALL_ON  (BED_DIR | 0x1d) /* P DTE PASIDE PRE */
#define SEEDS   24
#define RESPOND 0x0000000301100019ull /* PASID 3, requester 110h, PP, success */
#define DEVTLB  0x0000011000000003ull /* dev_tlb_inv to 110h */
#define PDEV    0x0000000301100008ull /* p_dev_tlb_inv to 110h, PASID 3 */
#define ELSE    0x0000000301110008ull /* p_dev_tlb_inv to 111h, PASID 3 */
#define ALL     0x7ffffffffffff800ull
#define DRAIN   0x80 /* PD of a wait */
#define LATEST  2000 /* steps in which everything arrives by itself */

static const struct model_page_request request = {.sid = BED_SID,
                                                  .has_pasid = true,
                                                  .pasid = 3,
                                                  .read = true,
                                                  .last = true,
                                                  .group = 5,
                                                  .addr = 0x5445e5000};

/* Two functions with a device TLB. PASID 3 has a second stage that maps nothing. */
static struct bed *start(struct t *t, unsigned seed)
{
    const struct model_device device = {.sid = BED_SID}, other = {.sid = BED_SID + 1};
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed;

    cfg.slow = seed > 0;
    cfg.seed = seed;
    bed = bed_open(t, &cfg);
    bed_start(bed, ALL_ON, 0);
    bed_pasid(bed, 3, 0x113000 | 0x89, 0x800007, 0);
    model_write64(bed->m, PQA, QUEUE);
    T_ASSERT_OK(t, model_device_set(bed->m, &device));
    T_ASSERT_OK(t, model_device_set(bed->m, &other));
    return bed;
}

static void ask(struct bed *bed, unsigned first, unsigned count)
{
    struct model_page_request rq = request;

    for (unsigned n = 0; n < count; n++) {
        rq.group = (uint16_t)(first + n);
        model_page_request(bed->m, &rq);
    }
}

static void respond(struct bed *bed, unsigned first, unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        bed_submit(bed, RESPOND, (uint64_t)(first + n) << 3);
}

/* In one form or the other. */
static void push(struct bed *bed, unsigned seed)
{
    if (seed % 2 == 0)
        bed_submit(bed, PDEV, ALL);
    else
        bed_submit(bed, DEVTLB, ALL & ~0x800ull);
}

/* Responses that the functions have heard since the last look. */
static unsigned heard(struct bed *bed)
{
    struct model_page_response r;
    unsigned n = 0;

    while (model_page_response(bed->m, &r))
        n++;
    return n;
}

/* `count` requests that were taken and not answered. */
static struct bed *start_asked(struct t *t, unsigned seed, unsigned count)
{
    struct bed *bed = start(t, seed);

    ask(bed, 1, count);
    bed_submit(bed, PDEV, ALL);
    T_ASSERT(t, bed_wait(bed, DRAIN));
    T_ASSERT_EQ(t, model_peek(bed->m, PQT, 8), 0x20ull * count);
    model_write64(bed->m, 0xc0, 0x20 * count);
    return bed;
}

TEST(model_way, requests, .needs = NEED_HOST, .rules = "61",
     .doc = "a slow unit gets and writes requests late: an invalidation of the function's TLB behind which "
            "comes a "
            "wait with PD = 1 covers them; the same to another function does not, nor does a wait without "
            "PD, nor "
            "one without invalidation; without any of them they come in a bounded time")
{
    unsigned no_push = 0, no_drain = 0, of_other = 0;

    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct bed *bed = start(t, seed);

        ask(bed, 0, 8);
        T_EXPECT_EQ(t, model_idle(bed->m), false);
        T_ASSERT(t, bed_wait(bed, DRAIN));
        no_push += model_peek(bed->m, PQT, 8) < 0x100;
        bed = start(t, seed);
        ask(bed, 0, 8);
        bed_submit(bed, PDEV, ALL);
        T_ASSERT(t, bed_wait(bed, 0));
        no_drain += model_peek(bed->m, PQT, 8) < 0x100;
        bed = start(t, seed);
        ask(bed, 0, 8);
        bed_submit(bed, ELSE, ALL);
        T_ASSERT(t, bed_wait(bed, DRAIN));
        of_other += model_peek(bed->m, PQT, 8) < 0x100;
        push(bed, seed);
        T_ASSERT(t, bed_wait(bed, DRAIN));
        T_EXPECT_EQ(t, model_peek(bed->m, PQT, 8), 0x100ull);
        for (unsigned i = 0; i < 8; i++)
            T_EXPECT_EQ(t, bed_load(bed, QUEUE + 0x20 * i + 8), 0x00000005445e5005ull + 8 * i);
        bed = start(t, seed);
        ask(bed, 0, 8);
        model_step(bed->m, LATEST);
        T_EXPECT_EQ(t, model_peek(bed->m, PQT, 8), 0x100ull);
        T_EXPECT_EQ(t, bed->breaches, 0u);
    }
    T_EXPECT_GT(t, no_push, SEEDS / 2);
    T_EXPECT_GT(t, no_drain, SEEDS / 2);
    T_EXPECT_GT(t, of_other, SEEDS / 2);
}

TEST(
    model_way, responses, .needs = NEED_HOST, .rules = "63",
    .doc =
        "responses that a slow unit has sent are late: an invalidation of the function's TLB behind them and "
        "a "
        "wait cover them, in either form; a wait alone does not, nor does an invalidation that was submitted "
        "before, nor one to another function; without any they arrive in a bounded time, in their order")
{
    unsigned alone = 0, before = 0, of_other = 0;
    struct model_page_response r;

    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct bed *bed = start_asked(t, seed, 4);

        respond(bed, 1, 4);
        T_ASSERT(t, bed_wait(bed, 0));
        alone += heard(bed) < 4;
        bed = start_asked(t, seed, 4);
        bed_submit(bed, PDEV, ALL);
        respond(bed, 1, 4);
        T_ASSERT(t, bed_wait(bed, 0));
        before += heard(bed) < 4;
        bed = start_asked(t, seed, 4);
        respond(bed, 1, 4);
        bed_submit(bed, ELSE, ALL);
        T_ASSERT(t, bed_wait(bed, 0));
        of_other += model_page_responses_late(bed->m, BED_SID) > 0;
        push(bed, seed);
        T_ASSERT(t, bed_wait(bed, 0));
        T_EXPECT_EQ(t, model_page_responses_late(bed->m, BED_SID), 0u);
        T_EXPECT_EQ(t, heard(bed), 4u);
        bed = start_asked(t, seed, 4);
        respond(bed, 1, 1);
        T_ASSERT(t, bed_wait(bed, 0));
        respond(bed, 2, 1);
        model_step(bed->m, LATEST);
        for (unsigned group = 1; group <= 2; group++) {
            T_ASSERT(t, model_page_response(bed->m, &r));
            T_EXPECT_EQ(t, (unsigned)r.group, group);
        }
        T_EXPECT_EQ(t, bed->breaches, 0u);
    }
    T_EXPECT_GT(t, alone, SEEDS / 2);
    T_EXPECT_GT(t, before, SEEDS / 2);
    T_EXPECT_GT(t, of_other, SEEDS / 2);
}

TEST(model_way, crowded, .needs = NEED_HOST, .rules = "61 63",
     .doc = "more is on its way than there is room for: the oldest arrives")
{
    struct bed *bed = start(t, 1);

    ask(bed, 0, WAY_REQUESTS + 8);
    T_EXPECT_EQ(t, model_page_requests_late(bed->m, BED_SID), (unsigned)WAY_REQUESTS);
    T_EXPECT_EQ(t, bed->m->prq.pending_count, 8u);
    bed = start(t, 1);
    bed_pasid(bed, 3, 0, 0, 0);
    for (unsigned n = 0; n < WAY_ANSWERS + 8; n += 8) {
        ask(bed, n, 8);
        way_push(bed->m, BED_SID, 0);
    }
    T_EXPECT_EQ(t, heard(bed), 8u);
    T_EXPECT_EQ(t, bed->m->way.answer_count, (unsigned)WAY_ANSWERS);
}

TEST(model_way, at_once, .needs = NEED_HOST, .rules = "61 63",
     .doc = "a unit that is not slow: requests and responses are there at once")
{
    struct bed *bed = start(t, 0);

    ask(bed, 1, 3);
    T_EXPECT_EQ(t, model_peek(bed->m, PQT, 8), 0x60ull);
    respond(bed, 1, 3);
    T_EXPECT_EQ(t, model_page_responses_late(bed->m, BED_SID), 0u);
    T_EXPECT_EQ(t, heard(bed), 3u);
}

TEST(model_way, refused, .needs = NEED_HOST, .rules = "61 63",
     .doc =
         "a request that arrives when its entry has gone is refused there, and the unit's own answer is late "
         "like any; it is none of a life that has ended")
{
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct bed *bed = start(t, seed);

        ask(bed, 1, 3);
        bed_pasid(bed, 3, 0x113000 | 0x88, 0x800007, 0);
        bed_submit(bed, PDEV, ALL);
        T_ASSERT(t, bed_wait(bed, DRAIN));
        T_EXPECT_EQ(t, model_page_responses_late(bed->m, BED_SID), 0u);
        bed_submit(bed, PDEV, ALL);
        T_ASSERT(t, bed_wait(bed, 0));
        T_EXPECT_EQ(t, heard(bed), 3u);
        T_EXPECT_EQ(t, bed_fault(bed, 0), 0x59u);
        T_EXPECT_EQ(t, model_peek(bed->m, PQT, 8), 0ull);
        T_EXPECT_EQ(t, bed->breaches, 0u);
    }
}

TEST(model_way, reuse, .needs = NEED_HOST, .rules = "63",
     .doc = "a PASID that gets other tables while a response of its last life is on its way is a breach; the "
            "same "
            "tables again, another PASID, and responses that were pushed are none")
{
    enum { OTHER_TABLES, SAME_TABLES, OTHER_PASID, PUSHED, WAYS };
    uint8_t bytes[8] = {0};
    unsigned breaches = 0;

    for (unsigned i = 0; i < SEEDS * WAYS; i++) {
        struct bed *bed = start_asked(t, 1 + i / WAYS, 4);
        unsigned way = i % WAYS;
        unsigned pasid = way == OTHER_PASID ? 4 : 3;
        struct model_request dma = {
            .sid = BED_SID, .has_pasid = true, .pasid = pasid, .addr = 0x1000, .len = 8, .data = bytes};

        respond(bed, 1, 4);
        T_ASSERT(t, bed_wait(bed, 0));
        bed_submit(bed, PDEV, ALL);
        if (way == PUSHED)
            T_ASSERT(t, bed_wait(bed, 0));
        cache_flush_all(bed->m);
        bed_pasid(bed, pasid, (way == SAME_TABLES ? 0x113000 : 0x114000) | 0x89, 0x800009, 0);
        T_EXPECT_EQ(t, (unsigned)model_dma(bed->m, &dma).status, (unsigned)MODEL_UR);
        if (way == OTHER_TABLES)
            breaches += bed_has_breach(bed, bed->breaches, "rule 63: requester 0110, PASID 3 used anew");
        else
            T_EXPECT_EQ(t, bed->breaches, 0u);
    }
    T_EXPECT_GT(t, breaches, SEEDS / 2);
}
