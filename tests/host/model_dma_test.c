/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_dma: requests that cross into the interrupt address range, or out of memory into it. VT-d 5.10,
 * Interrupt Address Range; codes 29, 87.
 */
#include "tests/host/model_bed.h"

#define BELOW 0xfedffffcull /* the last four bytes below FEEx_xxxx */
#define PAGE  0x1ff000ull

/* Slot 0: second stage, domain 7, three tables down to the pages below and at FEE0_0000. */
static struct bed *start(struct t *t)
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed = bed_open(t, &cfg);

    bed_start(bed, BED_DIR | 1, 0);
    bed_pasid(bed, 0, 0x113000 | 0x89, 0x800007, 0);
    bed_store(bed, 0x113000, 0x112003);
    bed_store(bed, 0x112000 + 8 * 3, 0x111003);
    bed_store(bed, 0x111000 + 8 * 0x1f6, 0x110003); /* FECx to FEDF_FFFF */
    bed_store(bed, 0x110000 + 8 * 0x1ff, PAGE | 3);
    bed_store(bed, 0x111000 + 8 * 0x1f7, 0x10f003); /* FEE0_0000 on */
    bed_store(bed, 0x10f000, (PAGE - 0x1000) | 3);
    return bed;
}

TEST(model_dma, across, .needs = NEED_HOST, .faults = "29",
     .doc =
         "a write that crosses into FEEx_xxxx reaches memory below it; the rest is an interrupt, or refused, "
         "and never translated")
{
    struct bed *bed = start(t);
    uint64_t words[2] = {0x0000004111223344, 0x55};
    struct model_request rq = {.sid = BED_SID, .access = MODEL_WRITE, .addr = BELOW, .len = 8, .data = words};
    struct model_completion c = model_dma(bed->m, &rq);

    T_EXPECT_EQ(t, (unsigned)c.status, (unsigned)MODEL_SUCCESS);
    T_EXPECT_EQ(t, c.moved, 8u);
    T_EXPECT_EQ(t, bed_load(bed, PAGE + 0xff8), 0x1122334400000000ull);
    T_EXPECT_EQ(t, bed_load(bed, PAGE - 0x1000), 0ull);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
    T_EXPECT_EQ(t, bed->address, 0xfee00000ull);
    T_EXPECT_EQ(t, bed->data, 0x41u);
    rq.len = 12;
    c = model_dma(bed->m, &rq);
    T_EXPECT_EQ(t, c.fault, 0x29);
    T_EXPECT_EQ(t, c.moved, 4u);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0x29u);
    rq.access = MODEL_READ;
    rq.len = 8;
    T_EXPECT_EQ(t, model_dma(bed->m, &rq).fault, 0x29);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
    T_EXPECT_EQ(t, bed->breaches, 0u);
}
