/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite fault: each condition that blocks a request, made by bending one field of otherwise working tables,
 * with the reason code that VT-d 5.10 (Translation Fault Conditions) gives to it. Here: root, context and
 * PASID structures. Paging structures are in walk_test.c, records and registers in record_test.c.
 *
 * Every case first shows that the unbent tables work, so that a case cannot pass because nothing worked at
 * all; then that memory is untouched, and the code. An entry bent in the wrong place, or a unit that does not
 * check the field, turns it red.
 */
#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

/* One page mapped and the entry published. */
static void work(struct rig *r, const struct t_mem *mem)
{
    rig_map(r, RIG_IOVA, mem, 0, 1, PGTABLE_RW);
    rig_publish(r);
    t_dma_write_allowed(r->t, r->dma, at(RIG_IOVA), mem, 0, 64);
    t_faults_forget(r->t);
}

static void open_working(struct t *t, struct rig *r, const struct t_mem *mem)
{
    rig_open(t, r, t->dma);
    work(r, mem);
}

/* Errata by which a bent field is not looked at, and by which the refusal has another code only. */
#define NOT_CHECKED "E-007 E-008 E-028"
#define OTHER_CODE  "E-003 E-005 E-006"

/* Bends one word of a working rig, shows that DMA is blocked for `reason`, and puts the word back. */
static void bent(struct rig *r, const struct t_mem *mem, uint64_t *word, uint64_t value, unsigned reason)
{
    uint64_t old = rig_bend(r, word, value);

    T_DEVIATES(r->t, NOT_CHECKED, t_dma_write_denied(r->t, r->dma, at(RIG_IOVA), mem, 0, 64));
    T_DEVIATES(r->t, NOT_CHECKED " " OTHER_CODE, t_expect_fault(r->t, r->dma, reason));
    rig_bend(r, word, old);
    t_dma_write_allowed(r->t, r->dma, at(RIG_IOVA), mem, 0, 64);
}

/* ---- Root and context ---- */

TEST(fault, root_absent, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "39", .rules = "39",
     .negative = true, .xfail = "E-003", .doc = "LP (or UP) = 0 in the root entry: 39h")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t *root;
    struct rig r;

    open_working(t, &r, &mem);
    root = rig_root_word(&r);
    bent(&r, &mem, root, FIELD_SET(VTD_ROOT_LP, *root, 0), 0x39);
    rig_close(&r);
}

TEST(fault, context_absent, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "41", .rules = "38",
     .negative = true, .xfail = "E-003", .doc = "P = 0 in the context entry: 41h")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_context_entry *ctx;
    struct rig r;

    open_working(t, &r, &mem);
    ctx = rig_context_entry(&r);
    bent(&r, &mem, &ctx->q[0], FIELD_SET(VTD_CTX_P, ctx->q[0], 0), 0x41);
    rig_close(&r);
}

TEST(fault, context_reserved, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "42", .negative = true,
     .xfail = "E-003", .doc = "reserved bit 8 set in the context entry: 42h")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_context_entry *ctx;
    struct rig r;

    open_working(t, &r, &mem);
    ctx = rig_context_entry(&r);
    bent(&r, &mem, &ctx->q[0], FIELD_SET(BIT(8), ctx->q[0], 1), 0x42);
    rig_close(&r);
}

TEST(fault, context_is_blocked, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "38", .negative = true,
     .doc = "P = 0 in the context entry blocks the device, whatever the record calls it")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_context_entry *ctx;
    struct rig r;
    uint64_t old;

    open_working(t, &r, &mem);
    ctx = rig_context_entry(&r);
    old = rig_bend(&r, &ctx->q[0], FIELD_SET(VTD_CTX_P, ctx->q[0], 0));
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    T_EXPECT_GE(t, t_faults(t), 1u);
    rig_bend(&r, &ctx->q[0], old);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

/* ---- PASID directory ---- */

TEST(fault, directory_absent, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "51", .rules = "40",
     .negative = true, .xfail = "E-006", .doc = "P = 0 in the PASID directory entry: 51h")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_pasid_dir_entry *dir;
    struct rig r;

    open_working(t, &r, &mem);
    dir = rig_dir_entry(&r);
    bent(&r, &mem, &dir->q[0], FIELD_SET(VTD_PDIR_P, dir->q[0], 0), 0x51);
    rig_close(&r);
}

TEST(fault, directory_reserved, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "52", .negative = true,
     .xfail = "E-008", .doc = "reserved bit 2 set in the PASID directory entry: 52h")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_pasid_dir_entry *dir;
    struct rig r;

    open_working(t, &r, &mem);
    dir = rig_dir_entry(&r);
    bent(&r, &mem, &dir->q[0], FIELD_SET(BIT(2), dir->q[0], 1), 0x52);
    rig_close(&r);
}

TEST(fault, nothing_published, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "51", .negative = true,
     .xfail = "E-006", .rows = "1",
     .doc = "an attached device without any binding: its directory is empty, 51h, and memory stays as it is")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    T_DEVIATES(t, OTHER_CODE, t_expect_fault(t, t->dma, 0x51));
    t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    rig_close(&r);
}

/* ---- PASID entry ---- */

TEST(fault, entry_absent, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "59", .rules = "41 43",
     .negative = true, .xfail = "E-006",
     .doc = "P = 0 in the PASID entry, all else valid, after a flush of everything: 59h")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_pasid_entry *entry;
    struct rig r;

    open_working(t, &r, &mem);
    entry = rig_pasid_entry(&r);
    bent(&r, &mem, &entry->q[0], FIELD_SET(VTD_PASID_P, entry->q[0], 0), 0x59);
    rig_close(&r);
}

TEST(fault, entry_zero, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "59", .negative = true,
     .xfail = "E-005 E-006", .doc = "a PASID entry that is all zero: 59h, since P is looked at first")
{
    struct vtd_pasid_entry entry;
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    entry = rig_entry(&r);
    T_ASSERT_OK(t, vtd_pasid_publish_entry(r.dev, 1, &entry)); /* makes the table that slot 0 is in */
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    T_DEVIATES(t, OTHER_CODE, t_expect_fault(t, t->dma, 0x59));
    T_ASSERT_OK(t, vtd_pasid_retire(r.dev, 1, VTD_RETIRE_LAST_OF_DID));
    rig_close(&r);
}

/* Bends one field of the entry: `reason` is expected. */
#define BENT_ENTRY(r, mem, span, value, reason)                                                              \
    do {                                                                                                     \
        struct vtd_pasid_entry *e_ = rig_pasid_entry(r);                                                     \
        bent(r, mem, &e_->q[SPAN_WORD(span)], FIELD_SET(span, e_->q[SPAN_WORD(span)], value), reason);       \
    } while (0)

TEST(fault, entry_type_reserved, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "5b", .negative = true,
     .xfail = "E-006", .doc = "PGTT = 111b: 5Bh")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem);
    BENT_ENTRY(&r, &mem, VTD_PASID_PGTT, 7, 0x5b);
    rig_close(&r);
}

TEST(fault, entry_type_zero, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "5b", .negative = true,
     .xfail = "E-006", .doc = "PGTT = 000b with P = 1: 5Bh")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem);
    BENT_ENTRY(&r, &mem, VTD_PASID_PGTT, 0, 0x5b);
    rig_close(&r);
}

TEST(fault, entry_no_second_stage, .needs = NEED_DMA | NEED_NO_SS, .lanes = RIG_LANES, .faults = "5b",
     .negative = true, .doc = "PGTT = 010b where the unit has no second stage: 5Bh")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem);
    BENT_ENTRY(&r, &mem, VTD_PASID_PGTT, VTD_PGTT_SECOND, 0x5b);
    rig_close(&r);
}

TEST(fault, entry_no_first_stage, .needs = NEED_DMA | NEED_NO_FS, .lanes = RIG_LANES, .faults = "5b",
     .negative = true, .xfail = "E-028", .doc = "PGTT = 001b where the unit has no first stage: 5Bh")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem);
    BENT_ENTRY(&r, &mem, VTD_PASID_PGTT, VTD_PGTT_FIRST, 0x5b);
    rig_close(&r);
}

TEST(fault, entry_no_nesting, .needs = NEED_DMA | NEED_NO_NEST, .lanes = RIG_LANES, .faults = "5b",
     .negative = true, .xfail = "E-028", .doc = "PGTT = 011b where the unit does not nest: 5Bh")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem);
    BENT_ENTRY(&r, &mem, VTD_PASID_PGTT, VTD_PGTT_NESTED, 0x5b);
    rig_close(&r);
}

TEST(fault, entry_width, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES, .faults = "5b", .negative = true,
     .xfail = "E-006", .doc = "AW = 111b in a second-stage entry: 5Bh")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_SECOND, 3);
    work(&r, &mem);
    BENT_ENTRY(&r, &mem, VTD_PASID_AW, 7, 0x5b);
    rig_close(&r);
}

TEST(fault, entry_paging_mode, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "5b",
     .negative = true, .doc = "FSPM = 10b, a reserved value, in a first-stage entry: 5Bh")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem);
    BENT_ENTRY(&r, &mem, VTD_PASID_FSPM, 2, 0x5b);
    rig_close(&r);
}

TEST(fault, entry_reserved_low, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "5a", .negative = true,
     .xfail = "E-007", .doc = "reserved bit 10 of the PASID entry: 5Ah")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem);
    BENT_ENTRY(&r, &mem, BIT(10), 1, 0x5a);
    rig_close(&r);
}

TEST(fault, entry_reserved_high, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "5a", .negative = true,
     .xfail = "E-007", .doc = "reserved bit 500 of the PASID entry: 5Ah")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem);
    BENT_ENTRY(&r, &mem, BIT(500), 1, 0x5a);
    rig_close(&r);
}
