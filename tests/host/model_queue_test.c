/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_queue: the model's registers and invalidation queue, against numbers: reset values, kinds of
 * access, commands, errors, order, and breaches that a driver would have to commit.
 */
#include <string.h>

#include "tests/host/model_rig.h"

#define GCMD 0x18
#define GSTS 0x1c
#define FSTS 0x34
#define IQH  0x80
#define IQT  0x88
#define IQA  0x90
#define ERCD 0xb0

static struct mrig rig;

/* ---- Registers ---- */

TEST(model_queue, reset, .doc = "values after power-on, and the read-only ones")
{
    static const struct {
        uint32_t offset, value;
    } words[] = {{0x00, 0x60}, {0x1c, 0},          {0x34, 0}, {0x38, 0x80000000}, {0x3c, 0}, {0x40, 0},
                 {0x9c, 0},    {0xa0, 0x80000000}, {0xdc, 0}, {0xe0, 0x80000000}, {0x80, 0}, {0x88, 0},
                 {0x90, 0},    {0xb8, 0},          {0xc0, 0}, {0x20, 0},          {0x40c, 0}};
    struct model_config config = mrig_config();

    mrig_create(t, &rig, &config);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        t_note(t, "register %03x", words[i].offset);
        T_EXPECT_EQ(t, model_read32(rig.m, words[i].offset), words[i].value);
    }
    T_EXPECT_EQ(t, model_read64(rig.m, 0x08), config.cap);
    T_EXPECT_EQ(t, model_read64(rig.m, 0x10), config.ecap);
    T_EXPECT_EQ(t, model_read32(rig.m, 0x14), (uint32_t)(config.ecap >> 32));
    mrig_close(&rig);
}

TEST(model_queue, accesses,
     .doc = "halves of 64-bit registers yes; other widths, holes and reserved bits are breaches")
{
    struct model_config config = mrig_config();

    mrig_create(t, &rig, &config);
    model_write32(rig.m, 0x20, 0x1000);
    model_write32(rig.m, 0x24, 1);
    T_EXPECT_EQ(t, model_read64(rig.m, 0x20), 0x100001000ull);
    T_EXPECT_EQ(t, rig.breaches, 0u);
    model_write64(rig.m, 0x38, 0);
    T_EXPECT(t, mrig_breached(&rig, "write of 8 bytes at register offset 038"));
    (void)model_read64(rig.m, 0x1c);
    T_EXPECT(t, mrig_breached(&rig, "read of 8 bytes at register offset 01c"));
    model_write32(rig.m, 0x2f0, 0);
    T_EXPECT(t, mrig_breached(&rig, "write of 4 bytes at register offset 2f0"));
    model_write32(rig.m, 0x34, 4);
    T_EXPECT(t, mrig_breached(&rig, "reserved bits of register 034"));
    model_write64(rig.m, 0x20, 0x2100);
    T_EXPECT(t, mrig_breached(&rig, "reserved bits of register 020"));
    mrig_close(&rig);
}

/* ---- Abort mode ---- */

TEST(model_queue, abort_mode, .rules = "6 11 19", .faults = "33",
     .doc = "TTM = 11b: every request is 33h until an SRTP to another mode; with a queue of 128-bit "
            "descriptors the "
            "SRTP is a breach")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, mrig_read()).status, (int)MODEL_SUCCESS);
    model_write64(rig.m, 0x20, 0x1c00);
    mrig_command(&rig, 1u << 30, true);
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, mrig_read()).status, (int)MODEL_UR);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x33);
    mrig_flush(&rig);
    T_EXPECT_EQ(t, model_read32(rig.m, FSTS) & 0x10, 0u);
    model_write64(rig.m, 0x20, 0x1400);
    mrig_command(&rig, 1u << 30, true);
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, mrig_read()).status, (int)MODEL_SUCCESS);
    mrig_close(&rig);
    mrig_create(t, &rig, &config);
    model_write64(rig.m, IQA, 0xf000);
    mrig_command(&rig, 1u << 26, true);
    model_write64(rig.m, 0x20, 0x1c00);
    mrig_command(&rig, 1u << 30, true);
    T_EXPECT(t, mrig_breached(&rig, "rule 19: SRTP to scalable or abort mode"));
    mrig_close(&rig);
}

/* ---- Commands ---- */

TEST(model_queue, commands, .rules = "1 2 3 5 18 19 22",
     .doc = "one at a time, one bit, in order: what goes against it is a breach with the number of its rule")
{
    struct model_config config = mrig_config();

    config.slow = true;
    mrig_create(t, &rig, &config);
    model_write64(rig.m, IQA, 0xf800);
    model_write32(rig.m, GCMD, 1u << 26);
    model_write32(rig.m, GCMD, 1u << 26 | 1u << 30);
    T_EXPECT(t, mrig_breached(&rig, "rule 2: GCMD") || mrig_breached(&rig, "rule 1: GCMD"));
    for (unsigned i = 0; i < 1000 && !model_idle(rig.m); i++)
        model_step(rig.m, 1);
    T_EXPECT_EQ(t, model_read32(rig.m, GSTS) & 1u << 26, 1u << 26);
    model_write64(rig.m, IQA, 0xf000);
    T_EXPECT(t, mrig_breached(&rig, "rule 18: IQA"));
    mrig_close(&rig);
    config.slow = false;
    mrig_create(t, &rig, &config);
    model_write32(rig.m, GCMD, 1u << 31);
    T_EXPECT(t, mrig_breached(&rig, "rule 5: TE"));
    mrig_close(&rig);
    mrig_create(t, &rig, &config);
    model_write64(rig.m, 0x20, 0x1400);
    model_write32(rig.m, GCMD, 1u << 30);
    T_EXPECT(t, mrig_breached(&rig, "rule 19: SRTP"));
    mrig_close(&rig);
    mrig_open(t, &rig, &config);
    mrig_put(&rig, 0x12, 0);
    mrig_command(&rig, 1u << 26, false);
    T_EXPECT(t, mrig_breached(&rig, "rule 22: QIE off after a descriptor other than a wait"));
    mrig_close(&rig);
    mrig_open(t, &rig, &config);
    model_write32(rig.m, GCMD, 1u << 31 | 1u << 26 | 1u << 30 | 1u << 27);
    T_EXPECT(t, mrig_breached(&rig, "rule 2: GCMD"));
    mrig_close(&rig);
}

TEST(model_queue, global_flush_owed, .rules = "7",
     .doc = "ESRTPS = 0: TE before the global invalidations behind SRTP is a breach, and stale entries "
            "survive SRTP")
{
    struct model_config config = mrig_config();

    config.cap &= ~(1ull << 63);
    mrig_create(t, &rig, &config);
    model_write64(rig.m, IQA, 0xf800);
    mrig_command(&rig, 1u << 26, true);
    model_write64(rig.m, 0x20, 0x1400);
    mrig_command(&rig, 1u << 30, true);
    mrig_put(&rig, 0x11, 0);
    mrig_put(&rig, 0x37, 0);
    T_ASSERT(t, mrig_wait(&rig));
    mrig_command(&rig, 1u << 31, true);
    T_EXPECT(t, mrig_breached(&rig, "rule 7: TE"));
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, mrig_read()).status, (int)MODEL_SUCCESS);
    model_write64(rig.m, 0x20, MRIG_FREE * 4096 + 0x400);
    mrig_command(&rig, 1u << 30, true);
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, mrig_read()).status, (int)MODEL_SUCCESS);
    mrig_flush(&rig);
    T_EXPECT_EQ(t, (int)mrig_dma(&rig, mrig_read()).status, (int)MODEL_UR);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x39);
    mrig_close(&rig);
}

/* ---- Errors ---- */

/* A descriptor stops the queue for a reason; replaced by one that is right, and with IQE cleared, it goes on.
 */
static void stops(struct t *t, uint64_t q0, uint64_t q1, unsigned reason)
{
    uint64_t head;

    t_note(t, "descriptor %llx %llx", (unsigned long long)q0, (unsigned long long)q1);
    head = model_read64(rig.m, IQH);
    mrig_put(&rig, q0, q1);
    T_EXPECT_EQ(t, model_read32(rig.m, FSTS) & 0x7f, 0x10u);
    T_EXPECT_EQ(t, model_read64(rig.m, ERCD) & 15, (uint64_t)reason);
    T_EXPECT_EQ(t, model_read64(rig.m, IQH), head);
    rig.mem[MRIG_QUEUE][head / 8] = 0x12;
    rig.mem[MRIG_QUEUE][head / 8 + 1] = 0;
    model_write32(rig.m, FSTS, 0x10);
    T_EXPECT_EQ(t, model_read32(rig.m, FSTS), 0u);
    T_EXPECT(t, mrig_wait(&rig));
}

TEST(model_queue, errors, .rules = "27 31",
     .doc = "IQE with its reason: unknown types, reserved fields, granularities that do not exist; the head "
            "stays")
{
    static const struct {
        uint64_t q0, q1;
        unsigned reason;
    } rows[] = {
        {0x0, 0, 3},                    /* type 0 */
        {0xa, 0, 3},                    /* hpt_inv without HPTS */
        {0x212, 0, 3},                  /* type bit 4 */
        {0x01, 0, 4},                   /* cc_inv, G = 00 */
        {0x11, 1, 4},                   /* cc_inv, bit 64 */
        {0x02, 0, 4},                   /* iotlb_inv, G = 00 */
        {0x32, 19, 4},                  /* AM = 19, MAMV is 18 */
        {0x16, 0, 4},                   /* p_iotlb_inv, G = 01 */
        {0x27, 0, 4},                   /* pc_inv, G = 10 */
        {0x105, MRIG_STATUS * 4096, 4}, /* inv_wait, bit 8 */
        {0x25, MRIG_STATUS * 4096 + 1, 4},
    };
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        stops(t, rows[i].q0, rows[i].q1, rows[i].reason);
    mrig_close(&rig);
    config.ecap &= ~(1ull << 2 | 1ull << 29 | 1ull << 33 | 1ull << 41 | 1ull << 42 | 1ull << 58);
    mrig_open(t, &rig, &config);
    stops(t, 0x3, 0x7ffffffffffff001, 3);  /* dev_tlb_inv without DT */
    stops(t, 0x9, 0, 3);                   /* page_grp_resp without PRS */
    stops(t, 0xa5, MRIG_STATUS * 4096, 4); /* PD without PDS */
    mrig_close(&rig);
}

TEST(model_queue, tail_errors, .rules = "19 31",
     .doc = "a tail beyond the queue, a tail off the grid, narrow slots")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    model_write64(rig.m, IQT, 0x1000);
    T_EXPECT_EQ(t, model_read64(rig.m, ERCD) & 15, 1ull);
    mrig_close(&rig);
    mrig_open(t, &rig, &config);
    model_write64(rig.m, IQT, model_peek(rig.m, IQT, 8) + 0x10);
    T_EXPECT_EQ(t, model_read64(rig.m, ERCD) & 15, 6ull);
    mrig_close(&rig);
    mrig_create(t, &rig, &config);
    model_write64(rig.m, IQA, 0xf000); /* 128 bits */
    mrig_command(&rig, 1u << 26, true);
    model_write64(rig.m, 0x20, 0x1400);
    mrig_command(&rig, 1u << 30, true);
    T_EXPECT(t, mrig_breached(&rig, "rule 19:"));
    rig.mem[MRIG_QUEUE][0] = 0x12;
    model_write64(rig.m, IQT, 0x10);
    T_EXPECT_EQ(t, model_read64(rig.m, ERCD) & 15, 5ull);
    mrig_close(&rig);
    mrig_create(t, &rig, &config);
    model_write64(rig.m, IQA, 0x10000800);
    mrig_command(&rig, 1u << 26, true);
    model_write64(rig.m, IQT, 0x20);
    T_EXPECT_EQ(t, model_read64(rig.m, ERCD) & 15, 2ull);
    mrig_close(&rig);
}

/* ---- Order ---- */

TEST(
    model_queue, order, .rules = "25",
    .doc =
        "rule 25 holds however late descriptors take effect: cc, pc, iotlb in one batch leave nothing behind")
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_read();
    unsigned reached = 0;

    config.slow = true;
    for (unsigned i = 0; i < 100; i++) {
        config.seed = i;
        mrig_open(t, &rig, &config);
        T_EXPECT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_SUCCESS);
        mrig_set(&rig, MRIG_PASIDS, 0, 0x40);
        mrig_put(&rig, 0x0000001000000031, 0);
        mrig_put(&rig, 0x0000000000010017, 0);
        mrig_put(&rig, 0x0000000000010026, 0);
        reached += mrig_dma(&rig, rq).status == MODEL_SUCCESS;
        T_EXPECT(t, mrig_wait(&rig));
        T_EXPECT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_UR);
        mrig_close(&rig);
    }
    T_EXPECT_GE(t, reached, 50u);
}

TEST(model_queue, wrong_order, .rules = "25 26",
     .doc = "iotlb before pc: what the PASID cache still had may come back into the IOTLB and stay")
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_read();
    unsigned stale = 0;

    config.slow = true;
    for (unsigned i = 0; i < 100; i++) {
        config.seed = i;
        mrig_open(t, &rig, &config);
        T_EXPECT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_SUCCESS);
        mrig_poke(&rig, MRIG_PASIDS, 2, MRIG_FREE * 4096); /* another table */
        mrig_put(&rig, 0x0000000000010026, 0);
        T_EXPECT(t, mrig_wait(&rig));
        (void)mrig_dma(&rig, rq);
        mrig_put(&rig, 0x0000000000010017, 0);
        T_EXPECT(t, mrig_wait(&rig));
        stale += mrig_dma(&rig, rq).status == MODEL_SUCCESS;
        rig.breaches = 0;
        mrig_close(&rig);
    }
    T_EXPECT_EQ(t, stale, 100u);
}

TEST(model_queue, waits, .rules = "23 24",
     .doc = "a status word and an interrupt at the end; no second interrupt while IWC is 1")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    model_write32(rig.m, 0xa4, 0x55);
    model_write32(rig.m, 0xa8, 0xfee00000);
    model_write32(rig.m, 0xa0, 0);
    mrig_put(&rig, 0xabcd00000035, MRIG_STATUS * 4096 + 8); /* IF and SW */
    T_EXPECT_EQ(t, rig.mem[MRIG_STATUS][1], 0xabcdull);
    T_EXPECT_EQ(t, model_read32(rig.m, 0x9c), 1u);
    T_EXPECT_EQ(t, rig.msis, 1u);
    mrig_put(&rig, 0x15, 0);
    T_EXPECT_EQ(t, rig.msis, 1u);
    model_write32(rig.m, 0x9c, 1);
    mrig_put(&rig, 0x15, 0);
    T_EXPECT_EQ(t, rig.msis, 2u);
    mrig_put(&rig, 0x05, 0);
    T_EXPECT(t, mrig_breached(&rig, "rule 23: wait that tells nobody"));
    mrig_put(&rig, 0x25, 0x10000000);
    T_EXPECT(t, mrig_breached(&rig, "rule 23: status word"));
    mrig_close(&rig);
}

/* ---- Duties ---- */

TEST(model_queue, contract, .rules = "13 17 28 38 43 44 46 47 54 80", .flaws = "H7 H8",
     .doc = "what software does to entries and memory that may be cached is told with the number of its rule")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    T_ASSERT_EQ(t, (int)mrig_dma(&rig, mrig_read()).status, (int)MODEL_SUCCESS);
    mrig_set(&rig, MRIG_PASIDS, 0, 0x43);
    mrig_set(&rig, MRIG_PASIDS, 0, 0x42);
    T_EXPECT_EQ(t, rig.breaches, 0u); /* FPD, then P = 0 */
    mrig_set(&rig, MRIG_PASIDS, 2, 0);
    T_EXPECT(t, mrig_breached(&rig, "rule 43: PASID entry of requester 0010, PASID 0"));
    mrig_close(&rig);

    mrig_open(t, &rig, &config);
    T_ASSERT_EQ(t, (int)mrig_dma(&rig, mrig_read()).status, (int)MODEL_SUCCESS);
    mrig_set(&rig, MRIG_PASIDS, 2, MRIG_FREE * 4096);
    T_EXPECT(t, mrig_breached(&rig, "rule 44: PASID entry of requester 0010, PASID 0"));
    mrig_set(&rig, MRIG_CTX_LOW, 64, 0x15001);
    T_EXPECT(t, mrig_breached(&rig, "rule 44: context entry of requester 0010"));
    model_freed(rig.m, 4 * 4096, 4096);
    T_EXPECT(t, mrig_breached(&rig, "rule 38: 4000 freed while a context entry of requester 0010"));
    model_freed(rig.m, 5 * 4096, 4096);
    T_EXPECT(t, mrig_breached(&rig, "rule 43: 5000 freed while a PASID entry of requester 0010"));
    model_freed(rig.m, 8 * 4096, 4096);
    T_EXPECT(t, mrig_breached(&rig, "rule 54: table 8000 freed while walks may begin there"));
    model_freed(rig.m, 14 * 4096, 4096);
    T_EXPECT(t, mrig_breached(&rig, "rule 54: e000 freed while the IOTLB may lead there"));
    model_freed(rig.m, MRIG_ROOT * 4096, 4096);
    T_EXPECT(t, mrig_breached(&rig, "rule 80: root table 1000 freed while translation is on"));
    mrig_command(&rig, 1u << 31, false);
    for (unsigned page = 0; page < MRIG_PAGES; page++)
        model_freed(rig.m, page * 4096, 4096);
    T_EXPECT_EQ(t, rig.breaches, 0u);
    mrig_close(&rig);

    mrig_open(t, &rig, &config);
    mrig_put(&rig, 0x0000000000010036, MRIG_ADDR + 1);
    T_EXPECT(t, mrig_breached(&rig, "rule 28: invalidation of 2^1 pages"));
    mrig_command(&rig, 1u << 31, false);
    mrig_put(&rig, 0x3, 0x7ffffffffffff001);
    T_EXPECT(t, mrig_breached(&rig, "rule 13: device-TLB invalidation while translation is off"));
    rig.breaches = 0;
    mrig_close(&rig);
}

/* Slot 0 and another requester's slot 0, with one domain id. */
static void two_entries(struct t *t, uint64_t q0, uint64_t q1, uint64_t q2)
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_read();

    mrig_open(t, &rig, &config);
    T_ASSERT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_SUCCESS);
    mrig_poke(&rig, MRIG_CTX_LOW, 96, MRIG_FREE * 4096 + 1);
    mrig_poke(&rig, MRIG_FREE, 0, (MRIG_FREE + 1) * 4096 + 1);
    mrig_poke(&rig, MRIG_FREE + 1, 1, q1);
    mrig_poke(&rig, MRIG_FREE + 1, 2, q2);
    mrig_poke(&rig, MRIG_FREE + 1, 0, q0);
    rq.sid = 0x18;
    (void)mrig_dma(&rig, rq);
    (void)mrig_fault(&rig, NULL);
}

TEST(model_queue, domain_ids, .rules = "45 46 47",
     .doc = "one domain id for two tables, or for two stages, is told; for the same table it is not")
{
    two_entries(t, 0x41, 0x800001, MRIG_FS * 4096);
    T_EXPECT_EQ(t, rig.breaches, 0u);
    mrig_close(&rig);
    two_entries(t, 0xa089, 0x800001, 0);
    T_EXPECT_GE(t, rig.breaches, 1u);
    T_EXPECT(t, strncmp(rig.breach[0], "rule 46:", 8) == 0 || strncmp(rig.breach[0], "rule 45:", 8) == 0);
    rig.breaches = 0;
    mrig_close(&rig);
    two_entries(t, 0x41, 0x800001, MRIG_FREE * 4096);
    T_EXPECT(t, strncmp(rig.breach[0], "rule 47:", 8) == 0 || strncmp(rig.breach[0], "rule 45:", 8) == 0);
    rig.breaches = 0;
    mrig_close(&rig);
}
