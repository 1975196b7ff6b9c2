/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_cache: the model keeps what a unit may keep, and gives up what an invalidation names and
 * nothing else. A driver that leaves an invalidation out is caught because of this.
 */
#include <string.h>

#include "tests/host/model_rig.h"

/* Descriptors, by hand: VT-d 5.10, Invalidation Descriptors. Domain 1. */
#define CC_DEVICE      0x0000001000000031ull
#define PC_PASID_0     0x0000000000010017ull
#define PC_DOMAIN      0x0000000000010007ull
#define PIOTLB_PASID_0 0x0000000000010026ull
#define PIOTLB_PAGE    0x0000000000010036ull
#define PIOTLB_OTHER   0x0000000000020026ull /* domain 2 */
#define PIOTLB_PASID_5 0x0000000500010026ull
#define IOTLB_DOMAIN   0x0000000000010022ull
#define IOTLB_PAGE     0x0000000000010032ull
#define IOTLB_GLOBAL   0x0000000000000012ull
#define PAGE_HERE      MRIG_ADDR
#define PAGE_HERE_IH   (MRIG_ADDR | 0x40)
#define PAGE_ELSEWHERE (MRIG_ADDR + 0x1000)

#define OTHER_PAGE MRIG_FREE
#define LEAF       MRIG_FS + 3, 0x123
#define SECOND     0xa089 /* slot 0: second stage, 4 levels, top table in page 10 */

static struct mrig rig;

/* Does a read at MRIG_ADDR come from the page of data, from the other page, or from nowhere (0)? */
static unsigned reads_from(struct t *t)
{
    uint64_t value = 0;
    struct model_request rq = mrig_read();
    struct model_completion c;

    t_reached(t);
    rig.mem[MRIG_DATA][0] = MRIG_DATA;
    rig.mem[OTHER_PAGE][0] = OTHER_PAGE;
    rq.data = &value;
    c = mrig_dma(&rig, rq);
    while (mrig_fault(&rig, NULL) != 0)
        ;
    return c.status == MODEL_SUCCESS ? (unsigned)value : 0;
}

static void flush(struct t *t, uint64_t q0, uint64_t q1)
{
    mrig_put(&rig, q0, q1);
    T_ASSERT(t, mrig_wait(&rig));
}

static void open_first(struct t *t)
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    T_ASSERT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
}

static void open_second(struct t *t)
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    mrig_poke(&rig, MRIG_PASIDS, 0, SECOND);
    T_ASSERT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
}

TEST(model_cache, leaf, .rules = "50",
     .doc = "another page in the leaf is not seen before its own invalidation; neighbours, domains, PASIDs "
            "do not count")
{
    open_first(t);
    mrig_poke(&rig, LEAF, OTHER_PAGE * 4096 + 7);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, PIOTLB_PAGE, PAGE_ELSEWHERE);
    flush(t, PIOTLB_OTHER, 0);
    flush(t, PIOTLB_PASID_5, 0);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, PIOTLB_PAGE, PAGE_HERE);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)OTHER_PAGE);
    mrig_close(&rig);
}

TEST(model_cache, leaf_second, .rules = "51",
     .doc = "second stage: iotlb page removes the leaf, p_iotlb page does not")
{
    open_second(t);
    mrig_poke(&rig, MRIG_SS + 3, 0x123, OTHER_PAGE * 4096 + 3);
    flush(t, PIOTLB_PAGE, PAGE_HERE);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, IOTLB_PAGE, PAGE_ELSEWHERE);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, IOTLB_PAGE, PAGE_HERE);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)OTHER_PAGE);
    mrig_close(&rig);
}

TEST(model_cache, structure, .rules = "28",
     .doc = "a table unlinked above the leaf is still walked after IH = 1, and no longer after IH = 0")
{
    open_first(t);
    rig.mem[MRIG_FREE + 1][0x123] = OTHER_PAGE * 4096 + 7;
    mrig_poke(&rig, MRIG_FS + 2, 0, (MRIG_FREE + 1) * 4096 + 7);
    flush(t, PIOTLB_PAGE, PAGE_HERE_IH);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, PIOTLB_PAGE, PAGE_HERE);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)OTHER_PAGE);
    mrig_close(&rig);
}

TEST(model_cache, structure_second, .rules = "28",
     .doc = "tables of the second stage outlive every p_iotlb, and iotlb page with IH = 1")
{
    open_second(t);
    rig.mem[MRIG_FREE + 1][0x123] = OTHER_PAGE * 4096 + 3;
    mrig_poke(&rig, MRIG_SS + 2, 0, (MRIG_FREE + 1) * 4096 + 3);
    flush(t, PIOTLB_PASID_0, 0);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, IOTLB_PAGE, PAGE_HERE_IH);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, IOTLB_DOMAIN, 0);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)OTHER_PAGE);
    mrig_close(&rig);
}

TEST(model_cache, pasid_entry, .rules = "26 41",
     .doc = "P = 0 is not seen before pc_inv; cc_inv and p_iotlb do not help")
{
    open_first(t);
    mrig_poke(&rig, MRIG_PASIDS, 0, 0x40);
    flush(t, CC_DEVICE, 0);
    flush(t, PIOTLB_PASID_0, 0);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, PC_PASID_0, 0);
    T_EXPECT_EQ(t, reads_from(t), 0u);
    mrig_close(&rig);
}

TEST(model_cache, context_entry, .rules = "26 38", .flaws = "H17",
     .doc = "P = 0 in the context entry: the PASID cache answers without it until pc_inv comes behind cc_inv")
{
    open_first(t);
    mrig_poke(&rig, MRIG_CTX_LOW, 64, 0x4000);
    flush(t, CC_DEVICE, 0);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, PC_DOMAIN, 0);
    T_EXPECT_EQ(t, reads_from(t), 0u);
    mrig_close(&rig);
}

TEST(model_cache, context_alone, .rules = "26 38",
     .doc = "a new PASID is found through the cached context entry, whatever memory says, until cc_inv")
{
    struct model_request rq = mrig_read();

    open_first(t);
    mrig_poke(&rig, MRIG_CTX_LOW, 64, 0x4000);
    flush(t, PC_PASID_0, 0);
    flush(t, IOTLB_GLOBAL, 0);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, PC_PASID_0, 0);
    flush(t, CC_DEVICE, 0);
    flush(t, PC_PASID_0, 0);
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_UR);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x41);
    mrig_close(&rig);
}

TEST(
    model_cache, requesters, .rules = "45 46 47", .flaws = "S10",
    .doc =
        "an IOTLB entry serves another requester with the same domain and PASID, whose own table has nothing")
{
    struct model_request rq = mrig_read();
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    T_ASSERT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    rq.sid = 0x18; /* 00:03.0, with a directory and a PASID table of its own */
    mrig_poke(&rig, MRIG_CTX_LOW, 96, MRIG_FREE * 4096 + 1);
    mrig_poke(&rig, MRIG_FREE, 0, (MRIG_FREE + 1) * 4096 + 1);
    mrig_poke(&rig, MRIG_FREE + 1, 1, 0x800001);
    mrig_poke(&rig, MRIG_FREE + 1, 2, (MRIG_FREE + 2) * 4096);
    mrig_poke(&rig, MRIG_FREE + 1, 0, 0x41);
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_SUCCESS);
    T_EXPECT(t, mrig_breached(&rig, "rule 45: domain 1, PASID 0"));
    mrig_close(&rig);
}

TEST(model_cache, few,
     .doc = "no cache holds more than it was made with, and what was given up is read again")
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_read();

    config.cache_max = 2;
    mrig_open(t, &rig, &config);
    for (unsigned i = 0; i < 8; i++) {
        rig.mem[MRIG_FS + 3][0x123 + i] = MRIG_DATA * 4096 + 7;
        mrig_publish(&rig, MRIG_FS + 3, 0x123 + i, 1);
    }
    for (unsigned i = 0; i < 8; i++) {
        rq.addr = MRIG_ADDR + i * 4096;
        T_EXPECT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_SUCCESS);
    }
    T_EXPECT_EQ(t, model_cached(rig.m, MODEL_CACHE_IOTLB), 2u);
    T_EXPECT_EQ(t, model_cached(rig.m, MODEL_CACHE_FS), 2u);
    T_EXPECT_EQ(t, model_cached(rig.m, MODEL_CACHE_CONTEXT), 1u);
    T_EXPECT_EQ(t, model_cached(rig.m, MODEL_CACHE_PASID), 1u);
    mrig_close(&rig);
}

TEST(model_cache, unsnooped, .rules = "10", .flaws = "H18",
     .doc = "ECAP.C = 0: an entry that was not written back is not there, whatever CPUs see")
{
    struct model_config config = mrig_config();

    config.ecap &= ~1ull;
    mrig_open(t, &rig, &config);
    rig.stale = true;
    mrig_set(&rig, MRIG_PASIDS, 0, 0x40);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, PC_PASID_0, 0);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    T_EXPECT(t, mrig_breached(&rig, "rule 10: a table was walked at 5000"));
    mrig_publish(&rig, MRIG_PASIDS, 0, 1);
    flush(t, PC_PASID_0, 0);
    T_EXPECT_EQ(t, reads_from(t), 0u);
    mrig_close(&rig);
}

TEST(model_cache, unsnooped_walk, .rules = "10", .flaws = "H18",
     .doc = "PWSNP = 0: the walk sees what was written back; A and D have to be set before, else 90h")
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_read();

    mrig_open(t, &rig, &config);
    mrig_poke(&rig, MRIG_PASIDS, 1, 1);
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_UR);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x90);
    for (unsigned level = 0; level < 4; level++) {
        unsigned word = level == 1 ? 0x152 : level == 3 ? 0x123 : 0;

        mrig_set(&rig, MRIG_FS + level, word, rig.mem[MRIG_FS + level][word] | 0x60);
    }
    rig.stale = true;
    mrig_set(&rig, LEAF, 0);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    flush(t, PIOTLB_PAGE, PAGE_HERE);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    T_EXPECT(t, mrig_breached(&rig, "rule 10: a table was walked at 9918"));
    mrig_publish(&rig, MRIG_FS + 3, 0x123, 1);
    flush(t, PIOTLB_PAGE, PAGE_HERE);
    T_EXPECT_EQ(t, reads_from(t), 0u);
    mrig_close(&rig);
}

TEST(model_cache, unsnooped_absent, .rules = "10",
     .doc = "an absent entry whose other bits change says the same to the unit, written back or not")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    mrig_poke(&rig, MRIG_PASIDS, 1, 1);
    mrig_set(&rig, LEAF, 0);
    rig.stale = true;
    mrig_set(&rig, LEAF, 0x6000);
    T_EXPECT_EQ(t, reads_from(t), 0u);
    T_EXPECT(t, !mrig_breached(&rig, "rule 10"));
    mrig_close(&rig);
}

TEST(model_cache, absence, .rules = "35 48 52",
     .doc = "CM = 1: that an entry is absent is kept, under domain 0; that a page of the second stage is, "
            "under its own")
{
    struct model_config config = mrig_config();

    config.cap |= 0x80;
    mrig_open(t, &rig, &config);
    mrig_poke(&rig, MRIG_PASIDS, 0, 0);
    T_EXPECT_EQ(t, reads_from(t), 0u);
    mrig_poke(&rig, MRIG_SS + 3, 0x123, 0);
    mrig_poke(&rig, MRIG_PASIDS, 0, SECOND);
    flush(t, PC_PASID_0, 0);
    T_EXPECT_EQ(t, reads_from(t), 0u);
    flush(t, 0x07, 0); /* pc_inv, domain 0 */
    T_EXPECT_EQ(t, reads_from(t), 0u);
    mrig_poke(&rig, MRIG_SS + 3, 0x123, MRIG_DATA * 4096 + 3);
    T_EXPECT_EQ(t, reads_from(t), 0u);
    flush(t, IOTLB_PAGE, PAGE_HERE);
    T_EXPECT_EQ(t, reads_from(t), (unsigned)MRIG_DATA);
    mrig_close(&rig);
}

/* ---- Entries read in pieces ---- */

TEST(model_cache, torn, .rules = "37 43", .flaws = "H7",
     .doc = "a PASID entry zeroed at once while it is read: its first piece is used with the rest gone, and "
            "rule 43 told")
{
    struct model_config config = mrig_config();
    struct model_completion c;
    struct model_request rq = mrig_read();
    unsigned torn = 0;
    int dma;

    config.tear = true;
    for (unsigned after = 0; after < 600; after += 3) {
        config.seed = after;
        mrig_open(t, &rig, &config);
        dma = model_dma_start(rig.m, &rq);
        model_step(rig.m, after);
        memset(rig.mem[MRIG_PASIDS], 0, 64);
        mrig_publish(&rig, MRIG_PASIDS, 0, 8);
        for (unsigned i = 0; i < 10000 && !model_dma_end(rig.m, dma, &c); i++)
            model_step(rig.m, 1);
        for (unsigned i = 0; i < rig.breaches; i++)
            torn += strstr(rig.breach[i], "changed while the unit read it") != NULL;
        rig.breaches = 0;
        mrig_close(&rig);
    }
    t_note(t, "torn %u times", torn);
    T_EXPECT_GE(t, torn, 5u);
    T_EXPECT_LT(t, torn, 195u);
}

TEST(
    model_cache, under_way, .rules = "24 54", .flaws = "S11",
    .doc =
        "a write that was translated reaches memory before the wait of its invalidation is over, never after")
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_write();
    struct model_completion c;
    uint64_t value = 0x77;
    unsigned late = 0;
    int dma;

    rq.data = &value;
    config.slow = true;
    for (unsigned after = 0; after < 100; after++) {
        config.seed = after;
        mrig_open(t, &rig, &config);
        dma = model_dma_start(rig.m, &rq);
        model_step(rig.m, after);
        mrig_poke(&rig, LEAF, 0);
        flush(t, PIOTLB_PAGE, PAGE_HERE);
        late += rig.mem[MRIG_DATA][0] == value;
        rig.mem[MRIG_DATA][0] = 0;
        for (unsigned i = 0; i < 10000 && !model_dma_end(rig.m, dma, &c); i++)
            model_step(rig.m, 1);
        T_EXPECT_EQ(t, rig.mem[MRIG_DATA][0], 0ull);
        mrig_close(&rig);
    }
    t_note(t, "%u of 100 had arrived", late);
    T_EXPECT_GE(t, late, 5u);
    T_EXPECT_LT(t, late, 95u);
}

/* A write is translated; then iotlb_inv and its wait. What memory holds after the wait. */
static uint64_t written_at_wait(struct t *t, uint32_t ver, uint64_t drain)
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_write();
    uint64_t value = 0x77, seen;
    struct model_completion c;
    int dma;

    config.ver = ver;
    rq.data = &value;
    mrig_open(t, &rig, &config);
    dma = model_dma_start(rig.m, &rq);
    for (unsigned i = 0; i < 10000 && !model_dma_translated(rig.m, dma); i++)
        model_step(rig.m, 1);
    flush(t, IOTLB_PAGE | drain, PAGE_HERE);
    seen = rig.mem[MRIG_DATA][0];
    for (unsigned i = 0; i < 10000 && !model_dma_end(rig.m, dma, &c); i++)
        model_step(rig.m, 1);
    T_EXPECT_EQ(t, rig.mem[MRIG_DATA][0], 0x77ull);
    mrig_close(&rig);
    return seen;
}

TEST(model_cache, drain, .rules = "24",
     .doc = "before VER 2 iotlb_inv drains writes only with DW = 1; from then on always")
{
    T_EXPECT_EQ(t, written_at_wait(t, 0x10, 0), 0ull);
    T_EXPECT_EQ(t, written_at_wait(t, 0x10, 0x80), 0ull);
    T_EXPECT_EQ(t, written_at_wait(t, 0x10, 0x40), 0x77ull);
    T_EXPECT_EQ(t, written_at_wait(t, 0x20, 0), 0x77ull);
}
