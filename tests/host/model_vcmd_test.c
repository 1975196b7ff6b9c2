/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_vcmd: virtual commands of the strict unit, by registers in literal hex.
 */
#include "tests/host/model_bed.h"

#define VCMD  0xe00
#define VCRSP 0xe10
#define VCCAP 0xe30

static struct model_config config(uint64_t vccap)
{
    struct model_config cfg = bed_config(0, 0x0000100000000000);

    cfg.vccap = vccap;
    return cfg;
}

TEST(model_vcmd, allocate, .needs = NEED_HOST,
     .doc = "PASIDs are given out until none is left, each once and none of them 0; one given back is given "
            "out again; one that is not out cannot be given back")
{
    struct model_config cfg = config(7);
    unsigned seen[16] = {0};
    struct bed *bed;
    uint64_t pasid = 0;

    cfg.ecap = (cfg.ecap & ~0xf800000000ull) | 0x1800000000; /* PSS = 3: 4 bits */
    bed = bed_open(t, &cfg);
    T_EXPECT_EQ(t, model_read64(bed->m, VCCAP), 7ull);
    for (unsigned i = 0; i < 15; i++) {
        model_write64(bed->m, VCMD, 1);
        T_EXPECT_EQ(t, model_read64(bed->m, VCRSP) & 0xffff, 0ull);
        pasid = model_read64(bed->m, VCRSP) >> 16;
        T_ASSERT(t, pasid >= 1 && pasid <= 15);
        T_EXPECT_EQ(t, seen[pasid]++, 0u);
    }
    model_write64(bed->m, VCMD, 1);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0x20ull);
    model_write64(bed->m, VCMD, 0x70002);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0ull);
    model_write64(bed->m, VCMD, 0x70002);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0x20ull);
    model_write64(bed->m, VCMD, 1);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0x70000ull);
    model_write64(bed->m, VCMD, 0x2);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0x20ull);
    T_EXPECT_EQ(t, bed->breaches, 0u);

    cfg.vcmd_pasids = 1;
    bed = bed_open(t, &cfg);
    model_write64(bed->m, VCMD, 1);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP) & 0xffff, 0ull);
    model_write64(bed->m, VCMD, 1);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0x20ull);
}

TEST(model_vcmd, order, .needs = NEED_HOST, .doc = "PASIDs of 20 bits come in no order")
{
    struct model_config cfg = config(7);
    struct bed *bed = bed_open(t, &cfg);
    uint64_t last = 0;
    unsigned down = 0;

    for (unsigned i = 0; i < 64; i++) {
        uint64_t pasid;

        model_write64(bed->m, VCMD, 1);
        pasid = model_read64(bed->m, VCRSP) >> 16;
        T_EXPECT(t, pasid >= 1 && pasid <= 0xfffff);
        down += pasid < last;
        last = pasid;
    }
    T_EXPECT_GT(t, down, 16u);
}

TEST(model_vcmd, commands, .needs = NEED_HOST,
     .doc = "commands that VCCAP does not have, and the null command; the upper half alone starts nothing")
{
    struct model_config cfg = config(2);
    struct bed *bed = bed_open(t, &cfg);

    model_write64(bed->m, VCMD, 0);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 2ull);
    model_write64(bed->m, VCMD, 0x10002);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 2ull);
    model_write64(bed->m, VCMD, 3);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 2ull);
    model_write64(bed->m, VCMD, 1);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP) & 0xffff, 0ull);

    cfg = config(7);
    bed = bed_open(t, &cfg);
    model_write64(bed->m, VCMD, 0x30002);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0x20ull);
    model_write64(bed->m, VCMD, 0);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0ull);
    model_write32(bed->m, VCMD, 0xffff0002);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0x20ull);
    model_write32(bed->m, VCMD, 0);
    model_write32(bed->m, VCMD + 4, 1);
    T_EXPECT_EQ(t, model_read64(bed->m, VCRSP), 0ull);
}

TEST(model_vcmd, slow, .needs = NEED_HOST, .rules = "1",
     .doc = "IP is 1 until a command is over; a command before that is a breach and does not count, as is a "
            "write to what can only be read")
{
    struct model_config cfg = config(7);
    unsigned long_ones = 0;

    cfg.slow = true;
    for (unsigned seed = 1; seed <= 16; seed++) {
        struct bed *bed;
        uint64_t first;

        cfg.seed = seed;
        bed = bed_open(t, &cfg);
        model_write64(bed->m, VCMD, 1);
        T_EXPECT_EQ(t, model_peek(bed->m, VCRSP, 8), 1ull);
        T_EXPECT_EQ(t, model_idle(bed->m), false);
        model_write64(bed->m, VCMD, 0);
        T_EXPECT(t, bed_has_breach(bed, 1, "rule 1:"));
        model_step(bed->m, 3);
        long_ones += model_peek(bed->m, VCRSP, 8) == 1;
        for (unsigned i = 0; i < 1000 && model_peek(bed->m, VCRSP, 8) == 1; i++)
            model_step(bed->m, 1);
        first = model_peek(bed->m, VCRSP, 8);
        T_EXPECT(t, (first & 0xffff) == 0 && first != 0);
        model_write64(bed->m, VCRSP, 0);
        T_EXPECT_EQ(t, bed->breaches, 2u);
        T_EXPECT_EQ(t, model_peek(bed->m, VCRSP, 8), first);
        model_write64(bed->m, VCCAP, 0);
        T_EXPECT_EQ(t, bed->breaches, 3u);
        T_EXPECT_EQ(t, model_peek(bed->m, VCCAP, 8), 7ull);
    }
    T_EXPECT_GT(t, long_ones, 8u);
}

TEST(model_vcmd, absent, .needs = NEED_HOST, .doc = "without ECAP.VCS there are no such registers")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed = bed_open(t, &cfg);

    T_EXPECT_EQ(t, model_read64(bed->m, VCCAP), 0ull);
    model_write64(bed->m, VCMD, 1);
    T_EXPECT_EQ(t, bed->breaches, 1u);
}
