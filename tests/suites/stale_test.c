/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite stale: translations that a unit keeps after their tables changed. Each case warms the unit by a
 * transfer, changes one thing, looks what the device reaches without an invalidation or with one that does
 * not match, then invalidates as VT-d 5.10 asks (Guidance to Software for Invalidations; rules 35-55) and
 * shows that old memory is out of reach.
 *
 * A unit that has just been seen to keep what nobody invalidated has to keep it here too: an invalidation too
 * many turns a case red, as do a wrong domain id, PASID, address or granularity, or one left out.
 */
#include <string.h>

#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

static void open_warm(struct t *t, struct rig *r, struct dma_dev *dma, const struct t_mem *mem)
{
    rig_open(t, r, dma);
    rig_map(r, RIG_IOVA, mem, 0, 1, PGTABLE_RW);
    rig_publish(r);
    t_dma_write_allowed(t, dma, at(RIG_IOVA), mem, 0, 64);
}

/*
 * Does the unit go by `word` as it was, once it is `value` and nothing was invalidated? Afterwards all is as
 * before.
 */
static bool unit_keeps(struct rig *r, uint64_t *word, uint64_t value, const struct t_mem *mem)
{
    uint64_t old = rig_store(r, word, value);
    enum t_reach reach = t_dma_write(r->t, r->dma, at(RIG_IOVA), mem, 0, 64, NULL);

    rig_bend(r, word, old);
    t_dma_write_allowed(r->t, r->dma, at(RIG_IOVA), mem, 0, 64);
    t_note(r->t, "the unit %s what was not invalidated", reach == T_REACHED ? "keeps" : "does not keep");
    return reach == T_REACHED;
}

static bool keeps_leaves(struct rig *r, const struct t_mem *mem)
{
    return unit_keeps(r, rig_paging_entry(r, RIG_IOVA, 1), 0, mem);
}

/* Units may invalidate more than they are asked to; emulators of version 1.0 are known to be exact. */
static bool is_exact(const struct rig *r)
{
    uint64_t version = vtd_read(&r->unit->io, VTD_VER);

    return FIELD_GET(VTD_VER_MAX, version) == 1 && FIELD_GET(VTD_VER_MIN, version) == 0;
}

/*
 * What the device reaches while a stale translation may be in use: all of the old page if the unit `keeps`
 * it, else that or nothing of it. A proof of either counts; anything else fails.
 */
static void stale_reach(struct t *t, struct dma_dev *dma, const struct t_mem *mem, bool keeps,
                        const char *what)
{
    enum t_reach reach = t_dma_write(t, dma, at(RIG_IOVA), mem, 0, 64, NULL);

    t_note(t, "%s: %s", what, reach == T_REACHED ? "old memory still reached" : "nothing reached");
    if (T_EXPECT(t, reach == T_REACHED || (!keeps && reach == T_UNTOUCHED)))
        t_proved(t, reach == T_REACHED);
}

/* ---- Leaves ---- */

TEST(stale, unmap_page, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "50 51 54", .negative = true,
     .doc = "a page taken out of the table is out of reach after a page-selective invalidation")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    bool keeps;

    open_warm(t, &r, t->dma, &mem);
    keeps = keeps_leaves(&r, &mem);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    stale_reach(t, t->dma, &mem, keeps, "unmapped, no invalidation");
    rig_flush_page(&r, RIG_IOVA);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, unmap_all, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "50 51 54", .negative = true,
     .doc = "the same after an invalidation of the whole slot (PASID-selective, or domain-selective)")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_warm(t, &r, t->dma, &mem);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    rig_flush_slot(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, unmap_global, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .negative = true,
     .doc = "the same after a global IOTLB invalidation")
{
    struct vtd_desc d = vtd_inv_iotlb_global();
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_warm(t, &r, t->dma, &mem);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    rig_submit(&r, &d, 1);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, unmap_by_driver, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "27 28 50 51",
     .negative = true,
     .doc = "vtd_flush_range over one page of four: that page is out of reach, the others go on")
{
    struct t_mem mem = t_mem(t, 4);
    struct vtd_use use;
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 4, PGTABLE_RW);
    rig_publish(&r);
    for (unsigned i = 0; i < 4; i++)
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + i * PAGE_SIZE), &mem, i * PAGE_SIZE, 64);
    rig_unmap(&r, RIG_IOVA + PAGE_SIZE, PAGE_SIZE);
    use = (struct vtd_use){r.dev, r.slot};
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, at(RIG_IOVA + PAGE_SIZE), PAGE_SIZE, true));
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + PAGE_SIZE), &mem, PAGE_SIZE, 64);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + 3 * PAGE_SIZE), &mem, 3 * PAGE_SIZE, 64);
    rig_close(&r);
}

TEST(stale, flush_range_sizes, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "27 28", .negative = true,
     .doc = "vtd_flush_range over ranges of odd start and length covers every page of them")
{
    static const struct {
        unsigned first, count;
    } ranges[] = {{1, 1}, {3, 2}, {1, 3}, {0, 8}, {5, 3}};
    struct t_mem mem = t_mem(t, 8);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish(&r);
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        unsigned first = ranges[i].first, last = first + ranges[i].count - 1;
        struct vtd_use use = {r.dev, r.slot};

        rig_map(&r, RIG_IOVA, &mem, 0, 8, PGTABLE_RW);
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + first * PAGE_SIZE), &mem, first * PAGE_SIZE, 16);
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA + last * PAGE_SIZE), &mem, last * PAGE_SIZE, 16);
        rig_unmap(&r, RIG_IOVA + first * PAGE_SIZE, ranges[i].count * PAGE_SIZE);
        T_ASSERT_OK(t, vtd_flush_range(&use, 1, at(RIG_IOVA + first * PAGE_SIZE), ranges[i].count * PAGE_SIZE,
                                       !pgtable_has_garbage(r.table)));
        pgtable_gc(r.table);
        t_dma_write_denied(t, t->dma, at(RIG_IOVA + first * PAGE_SIZE), &mem, first * PAGE_SIZE, 16);
        t_dma_write_denied(t, t->dma, at(RIG_IOVA + last * PAGE_SIZE), &mem, last * PAGE_SIZE, 16);
        rig_unmap(&r, RIG_IOVA, 8 * PAGE_SIZE);
        T_ASSERT_OK(t, vtd_flush_range(&use, 1, at(0), 0, false));
        pgtable_gc(r.table);
    }
    rig_close(&r);
}

TEST(stale, move_page, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "50 51 53", .negative = true,
     .doc =
         "an address moved to another page (unmap, invalidate, map) reaches the new page and not the old one")
{
    struct t_mem mem = t_mem(t, 2);
    struct t_mem old = {mem.va, mem.pa, 1};
    struct rig r;

    open_warm(t, &r, t->dma, &old);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    rig_flush_page(&r, RIG_IOVA);
    rig_map(&r, RIG_IOVA, &mem, 1, 1, PGTABLE_RW);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, PAGE_SIZE, 64);
    rig_close(&r);
}

TEST(stale, write_permission, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "50 51", .negative = true,
     .doc = "write permission taken away counts after the invalidation")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t *leaf;
    struct rig r;
    bool keeps;

    open_warm(t, &r, t->dma, &mem);
    keeps = keeps_leaves(&r, &mem);
    leaf = rig_paging_entry(&r, RIG_IOVA, 1);
    /* R/W of the first stage and W of the second are the same bit. */
    rig_store(&r, leaf, FIELD_SET(VTD_FS_RW, *leaf, 0));
    stale_reach(t, t->dma, &mem, keeps, "read only, no invalidation");
    rig_flush_page(&r, RIG_IOVA);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, large_page, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "28", .negative = true,
     .doc = "a 2 MiB page taken out: one invalidation with AM = 9 ends its first and its last page")
{
    struct t_mem mem = t_mem(t, 512);
    struct t_mem first = {mem.va, mem.pa, 1};
    struct t_mem last = {mem.va + 511 * PAGE_SIZE, {mem.pa.v + 511 * PAGE_SIZE}, 1};
    struct vtd_use use;
    struct rig r;

    rig_open(t, &r, t->dma);
    if (!(r.table->page_sizes & PGTABLE_2M)) {
        rig_close(&r);
        t_skip(t, "CAP.SSLPS bit 0 = 0");
    }
    rig_map(&r, RIG_IOVA, &mem, 0, 512, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &first, 0, 64);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA + 511 * PAGE_SIZE), &last, 0, 64);
    rig_unmap(&r, RIG_IOVA, PGTABLE_2M);
    use = (struct vtd_use){r.dev, r.slot};
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, at(RIG_IOVA), PGTABLE_2M, false));
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &first, 0, 64);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + 511 * PAGE_SIZE), &last, 0, 64);
    rig_close(&r);
}

/* ---- Invalidations that miss ---- */

/* Unmaps, then flushes what does not match, then what does. */
static void missed(struct t *t, struct vtd_desc wrong(const struct rig *r), const char *what)
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_desc d;
    struct rig r;
    bool keeps;

    open_warm(t, &r, t->dma, &mem);
    keeps = keeps_leaves(&r, &mem) && is_exact(&r);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    d = wrong(&r);
    rig_submit(&r, &d, 1);
    stale_reach(t, t->dma, &mem, keeps, what);
    rig_flush_page(&r, RIG_IOVA);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

static struct vtd_desc wrong_did(const struct rig *r)
{
    did_t did = {(uint16_t)(r->did.v + 1)};

    return r->stage == VTD_PGTT_FIRST ? vtd_inv_piotlb_pasid(did, r->slot) : vtd_inv_iotlb_domain(did);
}

static struct vtd_desc wrong_pasid(const struct rig *r)
{
    return vtd_inv_piotlb_pasid(r->did, r->slot + 1);
}

static struct vtd_desc wrong_address(const struct rig *r)
{
    /* Other in its low bits too: QEMU 7.2 compares eight bits of the page number only. */
    iova_t far = at(RIG_IOVA + PGTABLE_1G + PAGE_SIZE);

    return r->stage == VTD_PGTT_FIRST ? vtd_inv_piotlb_page(r->did, r->slot, far, 0, true)
                                      : vtd_inv_iotlb_page(r->did, far, 0, true);
}

TEST(stale, wrong_did, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "45", .negative = true,
     .doc = "an invalidation under another domain id promises nothing; the right one ends it")
{
    missed(t, wrong_did, "wrong domain id");
}

TEST(stale, wrong_pasid, .needs = NEED_DMA | NEED_FS, .lanes = RIG_BOTH_LANES, .negative = true,
     .doc = "an invalidation under another PASID promises nothing; the right one ends it")
{
    missed(t, wrong_pasid, "wrong PASID");
}

TEST(stale, wrong_address, .needs = NEED_DMA | NEED_PSI, .lanes = RIG_BOTH_LANES, .negative = true,
     .doc = "an invalidation of another page promises nothing; the right one ends it")
{
    missed(t, wrong_address, "wrong address");
}

/* ---- Tables ---- */

TEST(stale, table_page_reused, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "28 54", .negative = true,
     .doc = "a table page freed after its invalidation may hold anything: it is not walked any more")
{
    struct t_mem mem = t_mem(t, 1);
    struct t_mem trap = t_mem(t, 1);
    uint64_t *table, leaf;
    struct rig r;

    open_warm(t, &r, t->dma, &mem);
    table = rig_paging_entry(&r, RIG_IOVA, 1);
    leaf = *table;
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    T_ASSERT_EQ(t, pgtable_has_garbage(r.table), true);
    rig_flush_page(&r, RIG_IOVA);
    /* As a new owner of the page would, with entries that lead to the trap. */
    rig_store(&r, table, leaf - mem.pa.v + trap.pa.v);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &trap, 0, 64);
    rig_store(&r, table, 0);
    rig_close(&r);
}

TEST(stale, non_leaf, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "28", .negative = true,
     .doc = "an entry above the leaves cleared: everything below it is out of reach after the invalidation "
            "with IH = 0")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t *entry, old;
    struct rig r;
    bool keeps;

    open_warm(t, &r, t->dma, &mem);
    keeps = keeps_leaves(&r, &mem);
    entry = rig_paging_entry(&r, RIG_IOVA, 3);
    old = rig_store(&r, entry, 0);
    stale_reach(t, t->dma, &mem, keeps, "level 3 cleared, no invalidation");
    rig_flush_slot(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_store(&r, entry, old);
    rig_flush_new(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

/* ---- PASID entry ---- */

/* The word of the PASID entry with the root of r->table, and its value with another root. */
static uint64_t *root_pointer(struct rig *r, paddr_t root, uint64_t *value)
{
    struct vtd_pasid_entry *entry = rig_pasid_entry(r), other = *entry;
    bool first = r->stage == VTD_PGTT_FIRST;
    unsigned word = first ? SPAN_WORD(VTD_PASID_FSPTPTR) : SPAN_WORD(VTD_PASID_SSPTPTR);

    if (first)
        entry_set_addr(&other, VTD_PASID_FSPTPTR, root.v);
    else
        entry_set_addr(&other, VTD_PASID_SSPTPTR, root.v);
    *value = other.q[word];
    return &entry->q[word];
}

TEST(stale, entry_root, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "42", .negative = true,
     .doc = "the root in the PASID entry replaced by an empty one: it counts after the invalidation")
{
    struct t_mem mem = t_mem(t, 1), empty = t_mem(t, 1);
    uint64_t *word, old, value;
    struct rig r;
    bool keeps;

    open_warm(t, &r, t->dma, &mem);
    keeps = keeps_leaves(&r, &mem);
    memset(empty.va, 0, PAGE_SIZE);
    plat_publish(empty.va, PAGE_SIZE, false);
    word = root_pointer(&r, empty.pa, &value);
    t_break_rules(t, true);
    old = rig_store(&r, word, value);
    stale_reach(t, t->dma, &mem, keeps, "empty root, no invalidation");
    rig_flush_everything(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_bend(&r, word, old);
    t_break_rules(t, false);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, context_entry, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "38", .negative = true,
     .doc = "P = 0 in the context entry counts after a context-cache invalidation, and no other promises it")
{
    struct vtd_desc others[] = {vtd_inv_pc_global(), vtd_inv_iotlb_global()};
    struct t_mem mem = t_mem(t, 1);
    struct vtd_context_entry *ctx;
    uint64_t old, absent;
    struct rig r;
    bool keeps;

    open_warm(t, &r, t->dma, &mem);
    ctx = rig_context_entry(&r);
    absent = FIELD_SET(VTD_CTX_P, ctx->q[0], 0);
    keeps = unit_keeps(&r, &ctx->q[0], absent, &mem) && is_exact(&r);
    old = rig_store(&r, &ctx->q[0], absent);
    rig_submit(&r, others, ARRAY_SIZE(others));
    stale_reach(t, t->dma, &mem, keeps, "no context-cache invalidation");
    rig_flush_everything(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_bend(&r, &ctx->q[0], old);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, retire, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "41 43", .negative = true,
     .doc = "the driver's retire: the old page is out of reach at its return, with P = 0 before it in reach "
            "or not")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    bool keeps;

    open_warm(t, &r, t->dma, &mem);
    keeps = keeps_leaves(&r, &mem);
    T_ASSERT_OK(t, vtd_pasid_clear_present(r.dev, r.slot, false));
    stale_reach(t, t->dma, &mem, keeps, "P = 0, no invalidation");
    rig_retire(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, retire_pass_through, .needs = NEED_DMA | NEED_PT, .lanes = RIG_BOTH_LANES, .rules = "41 43",
     .negative = true, .doc = "the same for pass-through: physical memory is out of reach")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    rig_retire(&r);
    t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, pass_through_to_table, .needs = NEED_DMA | NEED_PT, .lanes = RIG_BOTH_LANES, .rules = "42 44",
     .negative = true, .doc = "a table after pass-through is enforced: physical addresses are out of reach")
{
    struct t_mem mem = t_mem(t, 2);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 1, 1, PGTABLE_RW);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    rig_retire(&r);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, PAGE_SIZE, 64);
    t_dma_write_denied(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, table_to_pass_through, .needs = NEED_DMA | NEED_PT, .lanes = RIG_BOTH_LANES, .rules = "42 44",
     .doc =
         "pass-through after a table: an address that the table had mapped elsewhere goes to physical memory")
{
    struct t_mem mem = t_mem(t, 2);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map_pa(&r, mem.pa.v, (paddr_t){mem.pa.v + PAGE_SIZE}, PAGE_SIZE, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v), &mem, PAGE_SIZE, 64);
    rig_retire(&r);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, context_gone, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "38", .negative = true,
     .doc = "a device detached is blocked, and attached again it starts empty")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_warm(t, &r, t->dma, &mem);
    rig_close(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_open(t, &r, t->dma);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(stale, detach_with_entry, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "38", .negative = true,
     .doc = "a detach over a present PASID entry takes the entry along: nothing is left in reach")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_warm(t, &r, t->dma, &mem);
    r.published = false; /* the detach has to do it */
    rig_close(&r);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
}
