/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite conf: what VT-d 5.10 promises and platforms are known to break. Most cases here are expected failures
 * somewhere (docs/errata.md); where they pass, the platform keeps the rule. The driver does not rely on any
 * of it.
 *
 * T_DEVIATES() marks the check that fails where the deviation is; a platform that is mended shows as an
 * unexpected pass.
 */
#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

static void open_warm(struct t *t, struct rig *r, const struct t_mem *mem)
{
    rig_open(t, r, t->dma);
    rig_map(r, RIG_IOVA, mem, 0, 1, PGTABLE_RW);
    rig_publish(r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), mem, 0, 64);
}

/* ---- Retire by the book ---- */

/* The invalidation that rule 41 asks for after P was cleared, and not one descriptor more. */
static void flush_as_specified(struct rig *r, bool pass_through)
{
    struct vtd_desc d[2] = {vtd_inv_pc_pasid(r->did, RIG_SLOT)};

    d[1] = r->stage == VTD_PGTT_FIRST || pass_through ? vtd_inv_piotlb_pasid(r->did, RIG_SLOT)
                                                      : vtd_inv_iotlb_domain(r->did);
    rig_submit(r, d, 2);
}

/* Puts the rig back into the driver's hands after the case retired its entry alone. */
static void hand_back(struct rig *r)
{
    rig_flush_everything(r);
    T_ASSERT_OK(r->t, vtd_pasid_zero(r->dev, RIG_SLOT));
    rig_flush_everything(r);
    r->published = false;
    rig_close(r);
}

TEST(conf, retire_spec_only, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "41 43", .negative = true,
     .xfail = "E-001",
     .doc = "P = 0, then exactly the specified invalidation: the device is blocked, without help of a "
            "context flush")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_warm(t, &r, &mem);
    T_ASSERT_OK(t, vtd_pasid_clear_present(r.dev, RIG_SLOT, false));
    flush_as_specified(&r, false);
    T_DEVIATES(t, "E-001", t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64));
    hand_back(&r);
}

TEST(conf, retire_spec_only_pass_through, .needs = NEED_DMA | NEED_PT, .lanes = RIG_LANES, .rules = "41 43",
     .negative = true, .xfail = "E-001", .doc = "the same for pass-through")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    T_ASSERT_OK(t, vtd_pasid_clear_present(r.dev, RIG_SLOT, false));
    flush_as_specified(&r, true);
    T_DEVIATES(t, "E-001", t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64));
    hand_back(&r);
}

TEST(conf, silent_between, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "43 70", .negative = true,
     .xfail = "E-002",
     .doc = "P = 0 with FPD = 1 and everything flushed: requests that are still on their way leave no record")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_warm(t, &r, &mem);
    T_ASSERT_OK(t, vtd_pasid_clear_present(r.dev, RIG_SLOT, true));
    rig_flush_everything(&r);
    t_faults_forget(t);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    T_DEVIATES(t, "E-002", t_expect_no_fault(t));
    hand_back(&r);
}

TEST(conf, pasid_cache_flush, .needs = NEED_DMA | NEED_PT, .lanes = RIG_LANES, .rules = "26 42",
     .negative = true, .xfail = "E-015 E-039",
     .doc = "pass-through replaced by an empty table in place: pc and p_iotlb alone make the table count")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_pasid_entry *entry, next;
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    next = rig_entry(&r);
    entry = rig_pasid_entry(&r);
    T_ASSERT_OK(t, vtd_pasid_clear_present(r.dev, RIG_SLOT, false));
    flush_as_specified(&r, true);
    for (unsigned i = 7; i > 0; i--)
        rig_store(&r, &entry->q[i], next.q[i]);
    rig_store(&r, &entry->q[0], next.q[0]);
    T_DEVIATES(t, "E-015 E-039", t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64));
    rig_flush_everything(&r);
    t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    rig_close(&r);
}

TEST(conf, piotlb_flush, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES, .rules = "26", .negative = true,
     .xfail = "E-014", .doc = "p_iotlb_inv, PASID-selective, removes second-stage entries of its PASID too")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_desc d;
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_SECOND, 4);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    /* The leaf alone: tables above it stay, since p_iotlb keeps second-stage structure caches. */
    rig_store(&r, rig_paging_entry(&r, RIG_IOVA, 1), 0);
    d = vtd_inv_piotlb_pasid(r.did, RIG_SLOT);
    rig_submit(&r, &d, 1);
    T_DEVIATES(t, "E-014", t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64));
    rig_close(&r);
}

/* ---- Bits that depend on a capability ---- */

/* Sets one bit of the context entry that this unit has to refuse with 42h. */
static void context_bit(struct t *t, unsigned word, uint64_t bit)
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_context_entry *ctx;
    struct rig r;
    uint64_t old;

    open_warm(t, &r, &mem);
    t_faults_forget(t);
    ctx = rig_context_entry(&r);
    old = rig_bend(&r, &ctx->q[word], ctx->q[word] | bit);
    T_DEVIATES(t, "E-009", t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64));
    T_DEVIATES(t, "E-009 E-018", t_expect_fault(t, t->dma, 0x42));
    rig_bend(&r, &ctx->q[word], old);
    rig_close(&r);
}

TEST(conf, context_dte, .needs = NEED_DMA | NEED_NO_DT, .lanes = RIG_LANES, .faults = "42", .negative = true,
     .xfail = "E-009", .doc = "DTE = 1 where ECAP.DT = 0 is a reserved bit: 42h")
{
    context_bit(t, 0, FIELD_PREP(VTD_CTX_DTE, 1));
}

TEST(conf, context_pre, .needs = NEED_DMA | NEED_NO_PRS, .lanes = RIG_LANES, .faults = "42", .negative = true,
     .xfail = "E-009", .doc = "PRE = 1 where ECAP.PRS = 0 is a reserved bit: 42h")
{
    context_bit(t, 0, FIELD_PREP(VTD_CTX_PRE, 1));
}

TEST(conf, context_rid_pasid, .needs = NEED_DMA | NEED_NO_RPS, .lanes = RIG_LANES, .faults = "42",
     .negative = true, .xfail = "E-018 E-009",
     .doc = "RID_PASID = 1 where ECAP.RPS = 0 is a reserved field: 42h")
{
    context_bit(t, 1, FIELD_PREP(VTD_CTX_RID_PASID, 1));
}

TEST(conf, entry_snoop, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "5a", .negative = true,
     .xfail = "E-007", .doc = "PGSNP = 1 where ECAP.SC = 0, else a bit that is reserved everywhere: 5Ah")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_pasid_entry *entry;
    struct rig r;
    uint64_t old;

    open_warm(t, &r, &mem);
    t_faults_forget(t);
    entry = rig_pasid_entry(&r);
    old = rig_bend(&r, &entry->q[1],
                   r.unit->caps.sc ? FIELD_SET(BIT(80), entry->q[1], 1)
                                   : FIELD_SET(VTD_PASID_PGSNP, entry->q[1], 1));
    T_DEVIATES(t, "E-007", t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64));
    T_DEVIATES(t, "E-007", t_expect_fault(t, t->dma, 0x5a));
    rig_bend(&r, &entry->q[1], old);
    rig_close(&r);
}

/* ---- Accessed and dirty ---- */

TEST(conf, fs_accessed, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "90", .negative = true,
     .xfail = "E-036",
     .doc = "A = 0 in a first-stage leaf whose walk is not snooped: 90h, in place of an update")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t *leaf;
    struct rig r;

    open_warm(t, &r, &mem);
    if (r.dev->pwsnp) {
        rig_close(&r);
        t_skip(t, "PWSNP = 1: the walk is snooped");
    }
    t_faults_forget(t);
    leaf = rig_paging_entry(&r, RIG_IOVA, 1);
    rig_bend(&r, leaf, FIELD_SET(VTD_FS_A, *leaf, 0));
    T_DEVIATES(t, "E-036", t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64));
    T_DEVIATES(t, "E-036", t_expect_fault(t, t->dma, 0x90));
    rig_close(&r);
}

TEST(conf, fs_preset, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES,
     .doc = "A and D preset: a transfer changes no bit of the leaf, nor of the tables above it")
{
    struct t_mem mem = t_mem(t, 1);
    struct pgtable_walk before, after;
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_FIRST, 4);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    T_ASSERT_OK(t, pgtable_walk(r.table, at(RIG_IOVA), &before));
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    T_ASSERT_OK(t, pgtable_walk(r.table, at(RIG_IOVA), &after));
    T_ASSERT_MEM(t, after.entry, before.entry, sizeof(before.entry));
    rig_close(&r);
}

TEST(conf, ss_untouched, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES,
     .doc = "SSADE = 0: a transfer changes no bit of a second-stage table")
{
    struct t_mem mem = t_mem(t, 1);
    struct pgtable_walk before, after;
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_SECOND, 4);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    T_ASSERT_OK(t, pgtable_walk(r.table, at(RIG_IOVA), &before));
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    T_ASSERT_OK(t, pgtable_walk(r.table, at(RIG_IOVA), &after));
    T_ASSERT_MEM(t, after.entry, before.entry, sizeof(before.entry));
    rig_close(&r);
}

/* ---- Descriptors ---- */

static uint64_t fsts_iqe(struct vtd_unit *unit)
{
    return FIELD_GET(VTD_FSTS_IQE, vtd_read(&unit->io, VTD_FSTS));
}

/* A descriptor that the unit must stop at: reported, taken out, and the queue goes on. */
static void refused(struct t *t, struct vtd_desc bad)
{
    struct vtd_unit *unit = t->iommu->units[0];
    struct vtd_desc good = vtd_inv_iotlb_global();

    T_DEVIATES(t, "E-016 E-017", T_EXPECT_ERR(t, vtd_qi_submit_raw(unit, &bad, 1, true), -EIO));
    T_ASSERT_OK(t, vtd_qi_submit_raw(unit, &good, 1, true));
    T_EXPECT_EQ(t, fsts_iqe(unit), 0ull);
}

TEST(conf, bad_type, .needs = NEED_IOMMU, .rules = "31", .negative = true,
     .doc = "a descriptor of a type that does not exist stops the queue (IQE); replaced, the queue goes on")
{
    refused(t, (struct vtd_desc){.q = {FIELD_PREP(VTD_QI_TYPE, 15)}});
}

TEST(conf, bad_type_zero, .needs = NEED_IOMMU, .rules = "31", .negative = true,
     .doc = "type 0, as a slot that was never written has it, is an error and not a no-op")
{
    refused(t, (struct vtd_desc){.q = {0}});
}

TEST(conf, bad_granularity, .needs = NEED_IOMMU, .rules = "31", .negative = true,
     .doc = "iotlb_inv with granularity 00b is refused")
{
    refused(t, (struct vtd_desc){.q = {FIELD_PREP(VTD_QI_TYPE, VTD_QI_IOTLB)}});
}

TEST(conf, bad_reserved, .needs = NEED_IOMMU, .rules = "31", .negative = true,
     .doc = "iotlb_inv with a reserved bit set (bit 40) is refused")
{
    struct vtd_desc d = vtd_inv_iotlb_global();

    d.q[0] = FIELD_SET(BIT(40), d.q[0], 1);
    refused(t, d);
}

TEST(conf, device_tlb_without_dt, .needs = NEED_IOMMU | NEED_NO_DT, .rules = "31", .negative = true,
     .xfail = "E-016", .doc = "dev_tlb_inv where ECAP.DT = 0 is no valid type")
{
    struct vtd_ats ats = {.sid = 0x10, .qdep = 1};

    refused(t, vtd_inv_devtlb_all(&ats));
}

TEST(conf, page_response_without_prs, .needs = NEED_IOMMU | NEED_NO_PRS, .rules = "31", .negative = true,
     .xfail = "E-017", .doc = "page_grp_resp where ECAP.PRS = 0 is no valid type")
{
    struct vtd_desc d = {.q = {FIELD_PREP(VTD_QI_TYPE, VTD_QI_PRESP) | FIELD_PREP(VTD_QI_PRESP_PP, 1) |
                               FIELD_PREP(VTD_QI_PRESP_RID, 0x10)}};

    refused(t, d);
}

TEST(conf, wait_fence_only, .needs = NEED_IOMMU, .rules = "24", .negative = true, .xfail = "E-013",
     .doc = "inv_wait with FN = 1 alone is a fence and no error")
{
    struct vtd_unit *unit = t->iommu->units[0];
    struct vtd_desc d = {.q = {FIELD_PREP(VTD_QI_TYPE, VTD_QI_WAIT) | FIELD_PREP(VTD_QI_WAIT_FN, 1)}};

    T_DEVIATES(t, "E-013", T_EXPECT_OK(t, vtd_qi_submit_raw(unit, &d, 1, true)));
    T_EXPECT_EQ(t, fsts_iqe(unit), 0ull);
}

TEST(conf, queue_wraps, .needs = NEED_IOMMU, .rules = "20 23",
     .doc =
         "three queues' worth of invalidations, each with its wait: the tail goes round and no slot is lost")
{
    struct vtd_unit *unit = t->iommu->units[0];
    uint64_t before = unit->stats.descriptors[VTD_QI_IOTLB];

    for (unsigned i = 0; i < 3 * VTD_QUEUE_SLOTS / 8; i++) {
        struct vtd_desc d[7];

        for (unsigned j = 0; j < 7; j++)
            d[j] = vtd_inv_iotlb_global();
        T_ASSERT_OK(t, vtd_qi_submit_raw(unit, d, 7, true));
    }
    T_EXPECT_EQ(t, unit->stats.descriptors[VTD_QI_IOTLB] - before, 7ull * (3 * VTD_QUEUE_SLOTS / 8));
}

TEST(conf, fs_without_aw, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .xfail = "E-037",
     .doc = "a first-stage entry with AW = 0, a field of the second stage, translates all 48 bits")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_pasid_entry entry;
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_FIRST, 4);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    entry = rig_entry(&r);
    entry_set(&entry, VTD_PASID_AW, 0);
    rig_publish_raw(&r, &entry);
    T_DEVIATES(t, "E-037", t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64));
    T_DEVIATES(t, "E-037", t_expect_no_fault(t));
    rig_close(&r);
}

/* ---- Abort mode ---- */

/* Root table and mode anew, with translation off in between. */
static void set_root(struct rig *r, uint64_t rtaddr)
{
    T_ASSERT_OK(r->t, vtd_cmd(r->unit, VTD_CMD_TE, false));
    vtd_write(&r->unit->io, VTD_RTADDR, rtaddr);
    T_ASSERT_OK(r->t, vtd_cmd(r->unit, VTD_CMD_SRTP, true));
    rig_flush_everything(r);
    T_ASSERT_OK(r->t, vtd_cmd(r->unit, VTD_CMD_TE, true));
}

TEST(conf, abort_mode, .needs = NEED_DMA | NEED_ADMS, .lanes = RIG_LANES, .faults = "33", .rules = "5 11 19",
     .negative = true,
     .doc = "TTM = 11b and SRTP with a queue of 256-bit descriptors: whatever the tables say is blocked, "
            "until an "
            "SRTP back to scalable mode")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    uint64_t rtaddr;

    open_warm(t, &r, &mem);
    rtaddr = vtd_read(&r.unit->io, VTD_RTADDR);
    T_ASSERT_EQ(t, FIELD_GET(VTD_IQA_DW, vtd_read(&r.unit->io, VTD_IQA)), 1ull);
    set_root(&r, FIELD_SET(VTD_RTADDR_TTM, rtaddr, VTD_TTM_ABORT));
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    t_expect_fault(t, t->dma, 0x33);
    set_root(&r, rtaddr);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}
