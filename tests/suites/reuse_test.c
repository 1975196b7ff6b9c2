/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite reuse: what a domain id, a slot, a table root and a page were used for must not shine through when
 * they are used again. VT-d 5.10, rules 43-47, 54.
 *
 * A retire that skips the domain's invalidation, or one that runs before P is cleared, shows here as a write
 * that arrives in the memory of the life before.
 */
#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

/* Publishes a table of its own that maps RIG_IOVA to page `n` of `mem`, under the rig's domain id. */
static void new_life(struct rig *r, const struct t_mem *mem, unsigned n)
{
    struct pgtable_cfg cfg = rig_table_cfg(r->dev, r->stage, r->levels);

    pgtable_destroy(r->table);
    T_ASSERT_OK(r->t, pgtable_create(&cfg, &r->table));
    rig_map_own(r, r->dma);
    rig_map(r, RIG_IOVA, mem, n, 1, PGTABLE_RW);
    rig_publish(r);
}

TEST(reuse, slot, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "43", .flaws = "S13", .negative = true,
     .doc = "the same slot with another table and another domain id reaches the new page only")
{
    struct t_mem mem = t_mem(t, 2);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_retire(&r);
    vtd_did_free(r.unit, r.did);
    T_ASSERT_OK(t, vtd_did_alloc(r.unit, &r.did));
    new_life(&r, &mem, 1);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, PAGE_SIZE, 64);
    rig_close(&r);
}

TEST(
    reuse, did_same_device, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "45 46", .negative = true,
    .doc =
        "the same domain id with another table on the same device reaches the new page only, four times over")
{
    struct t_mem mem = t_mem(t, 4);
    struct rig r;

    rig_open(t, &r, t->dma);
    for (unsigned life = 0; life < 4; life++) {
        new_life(&r, &mem, life);
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, life * PAGE_SIZE, 64);
        rig_retire(&r);
    }
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 3 * PAGE_SIZE, 64);
    rig_close(&r);
}

TEST(reuse, did_other_device, .needs = NEED_DMA | NEED_DMA_2, .lanes = RIG_BOTH_LANES, .rules = "45 46 47",
     .negative = true,
     .doc = "a domain id that one device's table had goes to another device's table: neither reaches the old "
            "page")
{
    struct vtd_pasid_entry entry;
    struct t_mem mem = t_mem(t, 2);
    struct rig a, b;

    rig_open(t, &a, t_dev(t, 0));
    rig_open(t, &b, t_dev(t, 1));
    rig_map(&a, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_map(&b, RIG_IOVA, &mem, 1, 1, PGTABLE_RW);
    rig_publish(&a);
    t_dma_write_allowed(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
    rig_retire(&a);
    entry = rig_entry(&b);
    entry_set(&entry, VTD_PASID_DID, a.did.v);
    rig_publish_raw(&b, &entry);
    t_dma_write_allowed(t, b.dma, at(RIG_IOVA), &mem, PAGE_SIZE, 64);
    t_dma_write_denied(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&b);
    rig_close(&a);
}

TEST(reuse, did_is_given_back, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "17 45",
     .doc = "domain ids go round: after 64 attach, publish, retire and detach as many are free as before")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    unsigned before;

    rig_open(t, &r, t->dma);
    before = vtd_did_count(r.unit);
    rig_close(&r);
    for (unsigned i = 0; i < 64; i++) {
        rig_open(t, &r, t->dma);
        rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
        rig_publish(&r);
        rig_close(&r);
    }
    rig_open(t, &r, t->dma);
    T_ASSERT_EQ(t, vtd_did_count(r.unit), before);
    T_ASSERT_NE(t, r.did.v, 0);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(
    reuse, page, .needs = NEED_DMA, .lanes = RIG_BOTH_LANES, .rules = "54", .negative = true,
    .doc = "a page given back after the invalidation and taken by somebody else is out of the device's reach")
{
    struct t_mem mem = t_mem(t, 1);
    struct t_mem next;
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_unmap(&r, RIG_IOVA, PAGE_SIZE);
    rig_flush_page(&r, RIG_IOVA);
    t_mem_free(t, &mem);
    next = t_mem(t, 1); /* most often the same page */
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &next, 0, 64);
    rig_close(&r);
}

TEST(reuse, keep_did, .needs = NEED_DMA | NEED_DMA_2, .lanes = RIG_BOTH_LANES, .rules = "41 47",
     .negative = true,
     .doc = "a retire that keeps the domain id ends its own (device, slot), and the other user stays warm "
            "and right")
{
    struct vtd_pasid_entry entry;
    struct t_mem mem = t_mem(t, 1);
    struct rig a, b;

    rig_open(t, &a, t_dev(t, 0));
    rig_open(t, &b, t_dev(t, 1));
    rig_map(&a, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_map_own(&a, b.dma);
    rig_publish(&a);
    entry = rig_entry(&a);
    rig_publish_raw(&b, &entry);
    t_dma_write_allowed(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_allowed(t, b.dma, at(RIG_IOVA), &mem, 0, 64);
    T_ASSERT_OK(t, vtd_pasid_retire(a.dev, a.slot, VTD_RETIRE_KEEP_DID));
    a.published = false;
    t_dma_write_denied(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_allowed(t, b.dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&b);
    rig_close(&a);
}

TEST(reuse, retire_two_devices, .needs = NEED_DMA | NEED_DMA_2, .lanes = RIG_BOTH_LANES, .rules = "41 43 45",
     .flaws = "S10", .negative = true,
     .doc =
         "one call retires the bindings of two devices: one wait for their unit, both blocked at its return")
{
    struct vtd_pasid_entry entry;
    struct t_mem mem = t_mem(t, 1);
    struct vtd_retire items[2];
    struct rig a, b;
    uint64_t waits;

    rig_open(t, &a, t_dev(t, 0));
    rig_open(t, &b, t_dev(t, 1));
    rig_map(&a, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_map_own(&a, b.dma);
    rig_publish(&a);
    entry = rig_entry(&a);
    rig_publish_raw(&b, &entry);
    t_dma_write_allowed(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_allowed(t, b.dma, at(RIG_IOVA), &mem, 0, 64);
    items[0] = (struct vtd_retire){.dev = a.dev, .slot = a.slot, .flags = VTD_RETIRE_LAST_OF_DID};
    items[1] = (struct vtd_retire){.dev = b.dev, .slot = b.slot, .flags = VTD_RETIRE_LAST_OF_DID};
    waits = a.unit->stats.waits;
    T_ASSERT_OK(t, vtd_pasid_retire_many(items, 2));
    if (a.unit == b.unit)
        T_EXPECT_EQ(t, a.unit->stats.waits - waits, 1ull);
    a.published = b.published = false;
    t_dma_write_denied(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_denied(t, b.dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&b);
    rig_close(&a);
}

TEST(reuse, bind_costs_no_wait, .needs = NEED_DMA | NEED_NO_CM, .lanes = RIG_BOTH_LANES, .rules = "35",
     .doc =
         "without caching mode a publish needs no invalidation, not even after another life, and still works")
{
    struct t_mem mem = t_mem(t, 2);
    struct rig r;
    uint64_t waits;

    rig_open(t, &r, t->dma);
    new_life(&r, &mem, 0);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_retire(&r);
    waits = r.unit->stats.waits;
    new_life(&r, &mem, 1);
    T_EXPECT_EQ(t, r.unit->stats.waits, waits);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, PAGE_SIZE, 64);
    rig_close(&r);
}
