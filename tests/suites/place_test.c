/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite place: where a device sits decides which requester id the unit looks up. Both halves of a context
 * table, buses behind root ports, devices that share a bridge's id, and several devices at the same address
 * at once. VT-d 5.10, Hardware Processing of Root and Context Entries; PCI-to-PCI Bridge 1.2 for the ids.
 *
 * A context entry in the wrong half or under the wrong id turns a case red as a refusal; a table shared by
 * mistake as a write that arrives in the neighbour's page.
 */
#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

/* The device reaches its page and nothing is recorded. */
static void works(struct t *t, struct dma_dev *dma)
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, dma, at(RIG_IOVA), &mem, 0, 512);
    t_expect_no_fault(t);
    rig_close(&r);
}

/* The device reaches nothing without an entry, and the record names the id that the tables go by. */
static void is_blocked(struct t *t, struct dma_dev *dma)
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, dma);
    t_dma_write_denied(t, dma, at(mem.pa.v), &mem, 0, 512);
    T_ASSERT_GE(t, t_faults(t), 1u);
    T_EXPECT_EQ(t, t_fault(t, 0)->sid, dma->rids[0]);
    rig_close(&r);
}

TEST(place, lower_half, .needs = NEED_DMA, .lanes = RIG_LANES,
     .doc = "a device of number 0..15 on the root bus is served by the lower context table")
{
    works(t, rig_dev_at(t, DMA_ON_ROOT_BUS));
}

TEST(place, lower_half_blocked, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "an attached device without an entry reaches nothing, its own requester id is recorded")
{
    is_blocked(t, rig_dev_at(t, DMA_ON_ROOT_BUS));
}

TEST(place, upper_half, .needs = NEED_DMA, .lanes = RIG_LANES,
     .doc = "a device of number 16..31 is served by the upper context table (UP, UCTP)")
{
    works(t, rig_dev_upper(t));
}

TEST(place, upper_half_blocked, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the same without an entry: blocked, under its own requester id")
{
    is_blocked(t, rig_dev_upper(t));
}

TEST(place, root_port, .needs = NEED_DMA, .lanes = RIG_LANES,
     .doc = "a device behind a root port is looked up by its own bus: another root entry")
{
    works(t, rig_dev_at(t, DMA_AT_ROOT_PORT));
}

TEST(place, root_port_blocked, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the same without an entry: blocked, under its own requester id")
{
    is_blocked(t, rig_dev_at(t, DMA_AT_ROOT_PORT));
}

TEST(place, bridge, .needs = NEED_DMA, .lanes = RIG_LANES,
     .doc = "a device behind a PCIe-PCI bridge is served through the id that the bridge puts in its place")
{
    works(t, rig_dev_at(t, DMA_BEHIND_BRIDGE));
}

TEST(place, bridge_blocked, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "the same without an entry: blocked, and the record names the bridge's id")
{
    is_blocked(t, rig_dev_at(t, DMA_BEHIND_BRIDGE));
}

TEST(place, bridge_group, .needs = NEED_DMA | NEED_GROUP, .lanes = RIG_LANES,
     .doc = "two devices behind one bridge are one: a binding of the first serves the second as well")
{
    struct dma_dev *first = rig_dev_at(t, DMA_BEHIND_BRIDGE);
    struct dma_dev *second = t_dev_neighbour(t, first);
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, first);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, first, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_allowed(t, second, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(place, bridge_group_blocked, .needs = NEED_DMA | NEED_GROUP, .lanes = RIG_LANES, .negative = true,
     .rules = "41 43", .doc = "and its retire blocks both")
{
    struct dma_dev *first = rig_dev_at(t, DMA_BEHIND_BRIDGE);
    struct dma_dev *second = t_dev_neighbour(t, first);
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, first);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, second, at(RIG_IOVA), &mem, 0, 64);
    rig_retire(&r);
    t_dma_write_denied(t, first, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_denied(t, second, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(place, same_address_two_tables, .needs = NEED_DMA | NEED_DMA_2, .lanes = RIG_LANES, .rules = "47",
     .doc = "two devices at the same address through tables of their own reach a page of their own")
{
    struct t_mem mem = t_mem(t, 2);
    struct rig a, b;

    rig_open(t, &a, t_dev(t, 0));
    rig_open(t, &b, t_dev(t, 1));
    rig_map(&a, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_map(&b, RIG_IOVA, &mem, 1, 1, PGTABLE_RW);
    rig_publish(&a);
    rig_publish(&b);
    for (unsigned i = 0; i < 2; i++) {
        t_dma_write_allowed(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
        t_dma_write_allowed(t, b.dma, at(RIG_IOVA), &mem, PAGE_SIZE, 64);
    }
    rig_close(&a);
    rig_close(&b);
}

TEST(place, one_table_two_devices, .needs = NEED_DMA | NEED_DMA_2, .lanes = RIG_LANES, .rules = "46 47",
     .doc = "two devices share a table under one domain id; retiring one leaves the other working")
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
    T_ASSERT_OK(t, vtd_pasid_retire(b.dev, RIG_SLOT, VTD_RETIRE_KEEP_DID));
    b.published = false;
    t_dma_write_allowed(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&b);
    rig_close(&a);
}

TEST(place, neighbour_stays_blocked, .needs = NEED_DMA | NEED_DMA_2, .lanes = RIG_LANES, .negative = true,
     .doc = "a binding of one device gives nothing to another, warm or cold")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig a, b;

    rig_open(t, &a, t_dev(t, 0));
    rig_open(t, &b, t_dev(t, 1));
    rig_map(&a, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    t_dma_write_denied(t, b.dma, at(RIG_IOVA), &mem, 0, 64);
    rig_publish(&a);
    t_dma_write_denied(t, b.dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_allowed(t, a.dma, at(RIG_IOVA), &mem, 0, 64);
    t_dma_write_denied(t, b.dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&a);
    rig_close(&b);
}

TEST(place, pass_through_beside_table, .needs = NEED_DMA | NEED_DMA_2 | NEED_PT, .lanes = RIG_LANES,
     .negative = true, .doc = "pass-through of one device opens nothing for a translated one")
{
    struct t_mem mem = t_mem(t, 2);
    struct rig a, b;

    rig_open(t, &a, t_dev(t, 0));
    rig_open(t, &b, t_dev(t, 1));
    rig_map(&b, RIG_IOVA, &mem, 1, 1, PGTABLE_RW);
    rig_publish_pass_through(&a);
    rig_publish(&b);
    t_dma_write_allowed(t, a.dma, at(mem.pa.v), &mem, 0, 64);
    t_dma_write_allowed(t, b.dma, at(RIG_IOVA), &mem, PAGE_SIZE, 64);
    t_dma_write_denied(t, b.dma, at(mem.pa.v), &mem, 0, 64);
    rig_close(&a);
    rig_close(&b);
}

TEST(place, three_devices, .needs = NEED_DMA | NEED_DMA_3, .lanes = RIG_LANES,
     .doc = "three devices, three tables, one address: each reaches its own page, in every order")
{
    struct t_mem mem = t_mem(t, 4);
    struct rig r[3];

    for (unsigned i = 0; i < 3; i++) {
        rig_open(t, &r[i], t_dev(t, i));
        rig_map(&r[i], RIG_IOVA, &mem, i, 1, PGTABLE_RW);
        rig_publish(&r[i]);
    }
    for (unsigned i = 0; i < 6; i++) {
        unsigned n = i < 3 ? i : 5 - i;

        t_dma_write_allowed(t, r[n].dma, at(RIG_IOVA), &mem, n * PAGE_SIZE, 64);
    }
    for (unsigned i = 0; i < 3; i++)
        rig_close(&r[i]);
}

TEST(
    place, bus_master_off, .needs = NEED_DMA, .lanes = RIG_LANES, .engines = T_BIT(DMA_EDU),
    .doc =
        "a bound device whose Bus Master Enable is clear writes nothing, and that is no fault of translation")
{
    struct t_mem mem = t_mem(t, 1);
    uint32_t command = plat_pci_read32(t->dma->id, 4) % 65536;
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    /* Its interrupt is a DMA write too and does not come: the engine's wait ends by looking. */
    plat_pci_write16(t->dma->id, 4, (uint16_t)(command & ~4u));
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    plat_pci_write16(t->dma->id, 4, (uint16_t)command);
    t_expect_no_fault(t);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}
