/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_legacy: legacy mode without a queue, as firmware and old kernels run a unit: invalidation by
 * registers, and what each granularity leaves in the caches.
 */
#include "tests/host/model_rig.h"

#define CCMD         0x28
#define IVA          0x500
#define IOTLB        0x508
#define CCMD_GLOBAL  0xa000000000000000ull
#define IOTLB_GLOBAL 0x9000000000000000ull
#define OTHER_SID    0x0018
#define OTHER_PAGE   22
#define CTX          21, 32 /* of MRIG_SID, domain 1 */
#define OTHER_CTX    21, 48 /* of OTHER_SID, domain 2 */
#define LEAF         MRIG_SS + 3, 0x123

static struct mrig rig;

static void wait(void)
{
    for (unsigned i = 0; i < 1000 && !model_idle(rig.m); i++)
        model_step(rig.m, 1);
}

/* Granularity that CAIG or IAIG tells afterwards, and ICC or IVT in a bit above it. */
static unsigned by_ccmd(uint64_t command)
{
    model_write64(rig.m, CCMD, command);
    wait();
    return (unsigned)(model_peek(rig.m, CCMD, 8) >> 59) & 0x13;
}

static unsigned by_iotlb(uint64_t iva, uint64_t command)
{
    model_write64(rig.m, IVA, iva);
    model_write64(rig.m, IOTLB, command);
    wait();
    return (unsigned)(model_peek(rig.m, IOTLB, 8) >> 57) & 0x43;
}

/* VER 2, ESRTPS = 0, no queue: root table in page 20, contexts in page 21, both over one second stage. */
static void set_root(struct t *t, uint32_t ver)
{
    struct model_config config = mrig_config();

    config.ver = ver;
    config.cap &= ~(1ull << 63);
    config.slow = true;
    mrig_create(t, &rig, &config);
    mrig_poke(&rig, 20, 0, 0x15001);
    mrig_poke(&rig, 21, 32, 0xa001);
    mrig_poke(&rig, 21, 33, 0x102);
    mrig_poke(&rig, 21, 48, 0xa001);
    mrig_poke(&rig, 21, 49, 0x202);
    model_write64(rig.m, 0x20, 0x14000);
    mrig_command(&rig, 1u << 30, true);
}

static void open(struct t *t)
{
    set_root(t, 0x20);
    T_EXPECT_EQ(t, by_ccmd(CCMD_GLOBAL), 1u);
    T_EXPECT_EQ(t, by_iotlb(0, IOTLB_GLOBAL), 1u);
    mrig_command(&rig, 1u << 31, true);
}

static unsigned reads_from(uint16_t sid)
{
    uint64_t value = 0;
    struct model_request rq = mrig_read();

    rig.mem[MRIG_DATA][0] = MRIG_DATA;
    rig.mem[OTHER_PAGE][0] = OTHER_PAGE;
    rq.sid = sid;
    rq.data = &value;
    if (mrig_dma(&rig, rq).status != MODEL_SUCCESS)
        return 0;
    return (unsigned)value;
}

TEST(model_legacy, iotlb, .rules = "7",
     .doc = "IOTLB by register: a page in its domain, a domain, everything; granularity 00 does nothing and "
            "says so")
{
    open(t);
    T_EXPECT_EQ(t, reads_from(MRIG_SID), (unsigned)MRIG_DATA);
    mrig_poke(&rig, LEAF, OTHER_PAGE * 4096 + 3);
    T_EXPECT_EQ(t, by_iotlb(0, 0x8000000000000000), 0u);
    T_EXPECT_EQ(t, by_iotlb(MRIG_ADDR + 0x1000, 0xb000000100000000), 3u);
    T_EXPECT_EQ(t, by_iotlb(MRIG_ADDR, 0xb000000200000000), 3u);
    T_EXPECT_EQ(t, by_iotlb(MRIG_ADDR + 19, 0xb000000100000000), 0u); /* AM beyond MAMV */
    T_EXPECT_EQ(t, by_iotlb(0, 0xa000000200000000), 2u);
    T_EXPECT_EQ(t, reads_from(MRIG_SID), (unsigned)MRIG_DATA);
    T_EXPECT_EQ(t, by_iotlb(MRIG_ADDR, 0xb000000100000000), 3u);
    T_EXPECT_EQ(t, reads_from(MRIG_SID), (unsigned)OTHER_PAGE);
    mrig_poke(&rig, LEAF, MRIG_DATA * 4096 + 3);
    T_EXPECT_EQ(t, by_iotlb(0, 0xa000000100000000), 2u);
    T_EXPECT_EQ(t, reads_from(MRIG_SID), (unsigned)MRIG_DATA);
    mrig_close(&rig);
}

TEST(model_legacy, contexts, .faults = "02",
     .doc = "CCMD and cc: a domain, and a device in its domain, leave the contexts of the others")
{
    open(t);
    T_EXPECT_EQ(t, reads_from(MRIG_SID), (unsigned)MRIG_DATA);
    T_EXPECT_EQ(t, reads_from(OTHER_SID), (unsigned)MRIG_DATA);
    mrig_poke(&rig, CTX, 0xa000);
    mrig_poke(&rig, OTHER_CTX, 0xa000);
    T_EXPECT_EQ(t, by_ccmd(0x8000000000000000), 0u);
    T_EXPECT_EQ(t, by_ccmd(0xc000000000000002), 2u);
    T_EXPECT_EQ(t, reads_from(MRIG_SID), (unsigned)MRIG_DATA);
    T_EXPECT_EQ(t, reads_from(OTHER_SID), 0u);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x02);
    T_EXPECT_EQ(t, by_ccmd(0xe000000000180001), 3u);
    T_EXPECT_EQ(t, reads_from(MRIG_SID), (unsigned)MRIG_DATA);
    T_EXPECT_EQ(t, by_ccmd(0xe000000000100001), 3u);
    T_EXPECT_EQ(t, reads_from(MRIG_SID), 0u);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x02);
    mrig_close(&rig);
}

TEST(model_legacy, not_usable, .rules = "7 21",
     .doc = "from VER 6 on such commands fail; with the queue on they are a breach; without them TE is one")
{
    set_root(t, 0x60);
    T_EXPECT_EQ(t, by_ccmd(CCMD_GLOBAL), 0u);
    T_EXPECT_EQ(t, by_iotlb(0, IOTLB_GLOBAL), 0u);
    mrig_command(&rig, 1u << 31, true);
    T_EXPECT(t, mrig_breached(&rig, "rule 7: TE before"));
    mrig_close(&rig);
    open(t);
    model_write64(rig.m, 0x90, MRIG_QUEUE * 4096);
    mrig_command(&rig, 1u << 26, true);
    T_EXPECT_EQ(t, by_ccmd(CCMD_GLOBAL), 0u);
    T_EXPECT(t, mrig_breached(&rig, "rule 21: invalidation by register"));
    mrig_close(&rig);
}

TEST(model_legacy, pass_through, .doc = "pass-through with an AW below the largest that the unit has is told")
{
    open(t);
    mrig_poke(&rig, CTX, 0x9);
    (void)reads_from(MRIG_SID);
    T_EXPECT(t, mrig_breached(&rig, "legacy context entry of requester 0010: pass-through with AW 2"));
    mrig_poke(&rig, 21, 49, 0x203);
    mrig_poke(&rig, OTHER_CTX, 0x9);
    (void)reads_from(OTHER_SID);
    T_EXPECT_EQ(t, rig.breaches, 0u);
    mrig_close(&rig);
}
