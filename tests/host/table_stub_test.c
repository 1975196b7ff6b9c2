/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suites table and retire, host only: the order in which stores become visible, what a unit that does not
 * confirm leaves behind, device TLBs, memory that runs out.
 */
#include <string.h>

#include "iommu/vtd_flush.h"
#include "tests/host/own_unit.h"

#define SLOT 0x25
#define DID  ((did_t){9})

static struct vtd_pasid_cfg pass_through(void)
{
    return (struct vtd_pasid_cfg){.pgtt = VTD_PGTT_PASSTHROUGH, .did = DID};
}

static void find_entry(void *arg, unused uint32_t slot, const struct vtd_pasid_entry *entry)
{
    *(uint64_t *)arg = plat_pa(entry).v;
}

/* Where the device's one entry is. */
static uint64_t entry_address(struct vtd_dev *dev)
{
    uint64_t pa = 0;

    vtd_pasid_each(dev, find_entry, &pa);
    return pa;
}

/* The next event from *n on that publishes something at or around `pa`; of size 0 if there is none. *n goes
 * behind it. */
static const struct host_event *next_publish(unsigned *n, uint64_t pa)
{
    static const struct host_event none;

    while (*n < host_trace_count()) {
        const struct host_event *e = host_trace((*n)++);

        if (e->kind == HOST_PUBLISH && e->pa <= pa && pa < e->pa + e->size)
            return e;
    }
    return &none;
}

/* Number of the first event from `n` on that moves the queue's tail. */
static unsigned tail_write(unsigned n, const struct own_unit *own)
{
    while (n < host_trace_count() &&
           !(host_trace(n)->kind == HOST_MMIO64 && host_trace(n)->pa == own->stub->cfg.base.v + VTD_OFF_IQT))
        n++;
    return n;
}

static bool all_zero(const struct host_event *e)
{
    for (unsigned i = 0; i < 8; i++) {
        if (e->words[i] != 0)
            return false;
    }
    return true;
}

/* ---- Publish ---- */

static void publish_order(struct t *t, bool snoops)
{
    struct stub_cfg cfg = own_cfg();
    struct vtd_pasid_cfg pc = pass_through();
    const struct host_event *zeros, *link, *fields, *present;
    struct own_unit own;
    struct vtd_dev *dev;
    unsigned n = 0;
    uint64_t pa;

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_C), snoops);
    own_start(t, &own, &cfg);
    dev = own_attach(t, &own);
    host_trace_start();
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    host_trace_stop();
    pa = entry_address(dev);

    zeros = next_publish(&n, pa);
    T_ASSERT(t, zeros->size == PAGE_SIZE && all_zero(zeros));
    link = next_publish(&n, plat_pa(dev->directory).v);
    T_ASSERT(t, link->size > 0);
    T_EXPECT_EQ(t, link->words[0], zeros->pa + 1);
    fields = next_publish(&n, pa);
    T_ASSERT(t, fields->size == 64);
    T_EXPECT_EQ(t, fields->words[0] % 2, 0ull);
    T_EXPECT_EQ(t, fields->words[1] % 0x10000, 9ull);
    T_EXPECT_EQ(t, (unsigned)host_trace(n)->kind, (unsigned)HOST_WMB);
    present = next_publish(&n, pa);
    T_ASSERT(t, present->size > 0);
    T_EXPECT_EQ(t, present->words[0], fields->words[0] + 1);
    T_EXPECT(t, next_publish(&n, pa)->size == 0);
    T_EXPECT_EQ(t, fields->snooped, snoops);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(table, publish_order, .needs = NEED_HOST, .rules = "10 35 37", .flaws = "H7 H18",
     .doc = "new table written back, then linked; fields written back, barrier, P alone; whether walks snoop "
            "or not")
{
    publish_order(t, false);
    publish_order(t, true);
}

TEST(table, attach_order, .needs = NEED_HOST, .rules = "10 35 37", .flaws = "H18",
     .doc = "directory and context table are zeros in memory before an entry leads there; P of the context "
            "entry comes last")
{
    struct stub_cfg cfg = own_cfg();
    const struct host_event *directory, *table, *root, *fields, *present;
    unsigned n = 0;
    struct own_unit own;
    struct vtd_dev *dev;
    uint64_t context;

    own_start(t, &own, &cfg);
    host_trace_start();
    dev = own_attach(t, &own);
    host_trace_stop();
    context = own.unit->root[8].q[0] - 1;

    directory = next_publish(&n, plat_pa(dev->directory).v);
    T_ASSERT(t, directory->size == PAGE_SIZE && all_zero(directory));
    table = next_publish(&n, context);
    T_ASSERT(t, table->size == PAGE_SIZE && all_zero(table));
    root = next_publish(&n, plat_pa(&own.unit->root[8]).v);
    T_ASSERT(t, root->size > 0);
    T_EXPECT_EQ(t, root->words[0], context + 1);
    fields = next_publish(&n, context);
    T_ASSERT(t, fields->size == 32);
    T_EXPECT_EQ(t, fields->words[0], plat_pa(dev->directory).v);
    present = next_publish(&n, context);
    T_ASSERT(t, present->size > 0);
    T_EXPECT_EQ(t, present->words[0], plat_pa(dev->directory).v + 1);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

/* ---- Retire ---- */

static void retire_order(struct t *t, bool live)
{
    struct stub_cfg cfg = own_cfg();
    struct vtd_pasid_cfg pc = pass_through();
    const struct host_event *cleared, *zeroed, *done;
    struct vtd_pasid_entry entry;
    unsigned n = 0, tail;
    struct own_unit own;
    struct vtd_dev *dev;
    uint64_t pa;

    own_start(t, &own, &cfg);
    dev = own_attach(t, &own);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    T_ASSERT_OK(t, vtd_pasid_read(dev, SLOT, &entry));
    pa = entry_address(dev);
    host_trace_start();
    T_ASSERT_OK(t, vtd_pasid_retire(dev, SLOT, live ? VTD_RETIRE_DMA_LIVE : 0));
    host_trace_stop();

    tail = tail_write(0, &own);
    cleared = next_publish(&n, pa);
    T_ASSERT(t, cleared->size > 0);
    T_EXPECT_EQ(t, cleared->words[0], entry.q[0] - 1 + (live ? 2 : 0));
    T_EXPECT_LT(t, n, tail);
    zeroed = next_publish(&n, pa);
    T_ASSERT(t, zeroed->size == 64);
    T_EXPECT_GT(t, n, tail);
    T_EXPECT_EQ(t, zeroed->words[0], live ? 2ull : 0ull);
    T_EXPECT_EQ(t, zeroed->words[1], 0ull);
    done = next_publish(&n, pa);
    T_ASSERT(t, done->size > 0);
    T_EXPECT_EQ(t, done->words[0], 0ull);
    T_EXPECT_EQ(t, tail_write(tail + 1, &own),
                host_trace_count()); /* one batch, and none after the zeroing */
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(
    retire, order, .needs = NEED_HOST, .rules = "10 41 43", .flaws = "H7",
    .doc = "P goes in one store and is written back before the batch; the rest goes after its wait; FPD last")
{
    retire_order(t, false);
    retire_order(t, true);
}

TEST(retire, unconfirmed, .needs = NEED_HOST, .rules = "43 45 54",
     .doc = "no answer: -ETIMEDOUT, the entry is not present and not free; the call repeated succeeds and "
            "frees it")
{
    struct stub_cfg cfg = own_cfg();
    struct vtd_pasid_cfg pc = pass_through();
    struct vtd_pasid_entry bound, entry;
    struct own_unit own;
    struct vtd_dev *dev;

    own_start(t, &own, &cfg);
    own.unit->timeout_ns = 5000000;
    dev = own_attach(t, &own);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    T_ASSERT_OK(t, vtd_pasid_read(dev, SLOT, &bound));
    own.stub->faults.lose_wait = 1;
    own_log_begin();
    T_EXPECT_ERR(t, vtd_pasid_retire(dev, SLOT, VTD_RETIRE_LAST_OF_DID), -ETIMEDOUT);
    own_log_end();
    T_ASSERT_OK(t, vtd_pasid_read(dev, SLOT, &entry));
    T_EXPECT_EQ(t, entry.q[0], bound.q[0] - 1);
    T_EXPECT_EQ(t, entry.q[1], bound.q[1]);
    T_EXPECT_ERR(t, vtd_pasid_publish(dev, SLOT, &pc), -EBUSY);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, SLOT, VTD_RETIRE_LAST_OF_DID));
    T_ASSERT_OK(t, vtd_pasid_read(dev, SLOT, &entry));
    T_EXPECT_EQ(t, entry.q[0] + entry.q[1], 0ull);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(retire, detach_unconfirmed, .needs = NEED_HOST, .rules = "38 39",
     .doc = "no answer to a detach: the device stays attached, its tables stay; repeated it succeeds and "
            "frees them")
{
    size_t pages = host_pages(OWNER_TABLE), objects = host_objects(OWNER_TABLE);
    struct stub_cfg cfg = own_cfg();
    struct vtd_pasid_cfg pc = pass_through();
    struct own_unit own;
    struct vtd_dev *dev;

    own_start(t, &own, &cfg);
    own.unit->timeout_ns = 5000000;
    dev = own_attach(t, &own);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    own.stub->faults.lose_wait = 1;
    own_log_begin();
    T_EXPECT_ERR(t, vtd_dev_detach(dev), -ETIMEDOUT);
    own_log_end();
    T_EXPECT(t, vtd_dev_find(own.unit, OWN_RID) == dev);
    T_EXPECT_NE(t, own.unit->root[8].q[0], 0ull);
    T_EXPECT_EQ(t, own.unit->root[8].q[0] % 2, 0ull);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    T_EXPECT_EQ(t, own.unit->root[8].q[0], 0ull);
    own_close(t, &own);
    T_EXPECT_EQ(t, host_pages(OWNER_TABLE), pages);
    T_EXPECT_EQ(t, host_objects(OWNER_TABLE), objects);
}

TEST(retire, caching_mode_hidden_faults, .needs = NEED_HOST,
     .doc = "CAP.CM = 1 and FPD set meanwhile: what may be cached of P = 0, FPD = 1 goes by a second batch")
{
    struct stub_cfg cfg = own_cfg();
    struct vtd_pasid_cfg pc = pass_through();
    struct own_unit own;
    struct vtd_dev *dev;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_CM), true);
    own_start(t, &own, &cfg);
    dev = own_attach(t, &own);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, SLOT, VTD_RETIRE_DMA_LIVE));
    T_ASSERT_EQ(t, own.stub->stream_count, 6u);
    T_EXPECT_EQ(t, own.stub->stream[3].q[0], vtd_inv_pc_pasid((did_t){0}, SLOT).q[0]);
    T_EXPECT_EQ(t, own.stub->stream[4].q[0], vtd_inv_pc_pasid(DID, SLOT).q[0]);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

/* ---- Device TLBs ---- */

static struct vtd_dev *attach_ats(struct t *t, struct own_unit *own)
{
    const uint16_t rid = OWN_RID;
    struct stub_cfg cfg = own_cfg();
    struct vtd_dev *dev = NULL;

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PASID) | SPAN_MASK(VTD_ECAP_DIT), true);
    own_start(t, own, &cfg);
    T_ASSERT_OK(t, vtd_dev_attach(own->unit,
                                  &(struct vtd_dev_cfg){.rids = &rid,
                                                        .rid_count = 1,
                                                        .pasid = true,
                                                        .ats = true,
                                                        .ats_pfsid = OWN_RID,
                                                        .ats_qdep = 8},
                                  &dev));
    return dev;
}

static const struct vtd_ats ats = {.sid = OWN_RID, .pfsid = OWN_RID, .qdep = 8};

static void expect_stub(struct t *t, struct own_unit *own, const struct vtd_desc *want, unsigned count)
{
    T_ASSERT_EQ(t, own->stub->stream_count, count + 1);
    for (unsigned i = 0; i < count; i++)
        T_EXPECT_MEM(t, &own->stub->stream[i], &want[i], sizeof(want[i]));
    stub_stream_clear(own->stub);
}

TEST(retire, device_gone, .needs = NEED_HOST, .rows = "50", .rules = "41", .flaws = "H31",
     .doc = "a device that was pulled out: retire, flush and detach leave its device TLB alone and do the "
            "rest")
{
    const struct vtd_desc retired[] = {vtd_inv_pc_pasid(DID, 0), vtd_inv_piotlb_pasid(DID, 0)};
    const struct vtd_desc flushed[] = {vtd_inv_piotlb_pasid(DID, SLOT)};
    const struct vtd_desc detached[] = {vtd_inv_cc_global(), vtd_inv_pc_global(), vtd_inv_iotlb_global()};
    struct vtd_pasid_cfg pc = pass_through();
    struct own_unit own;
    struct vtd_dev *dev = attach_ats(t, &own);
    struct vtd_use use = {dev, SLOT};

    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &pc));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    vtd_dev_gone(dev);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, 0));
    expect_stub(t, &own, retired, 2);
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, (iova_t){0}, 0, false));
    expect_stub(t, &own, flushed, 1);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, SLOT, 0));
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    expect_stub(t, &own, detached, 3);
    own_close(t, &own);
}

TEST(retire, device_tlb, .needs = NEED_HOST, .rules = "25 29 30 41", .flaws = "H31 H14",
     .doc = "ATS on: DTE and PASIDE set; slot 0 ends with dev_tlb all, another slot with p_dev_tlb all, "
            "behind the kind of IOTLB invalidation that each may follow")
{
    const struct vtd_desc rid_slot[] = {vtd_inv_pc_pasid(DID, 0), vtd_inv_piotlb_pasid(DID, 0),
                                        vtd_inv_iotlb_domain(DID), vtd_inv_devtlb_all(&ats)};
    const struct vtd_desc pasid_slot[] = {vtd_inv_pc_pasid(DID, SLOT), vtd_inv_piotlb_pasid(DID, SLOT),
                                          vtd_inv_pdevtlb_all(&ats, SLOT)};
    const struct vtd_desc detached[] = {vtd_inv_cc_global(), vtd_inv_pc_global(), vtd_inv_iotlb_global(),
                                        vtd_inv_devtlb_all(&ats), vtd_inv_pdevtlb_global(&ats)};
    struct vtd_pasid_cfg pc = pass_through();
    struct vtd_context_entry context;
    struct own_unit own;
    struct vtd_dev *dev = attach_ats(t, &own);

    vtd_context_read(own.unit, OWN_RID, &context);
    T_EXPECT_EQ(t, context.q[0] % 0x1000, 0xdull);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &pc));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, 0));
    expect_stub(t, &own, rid_slot, 4);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, SLOT, 0));
    expect_stub(t, &own, pasid_slot, 3);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    expect_stub(t, &own, detached, 5);
    own_close(t, &own);
}

TEST(retire, device_tlb_flush, .needs = NEED_HOST, .rules = "29 30 50",
     .doc = "a changed range reaches the device TLB too, in the form of each slot's requests")
{
    const struct vtd_desc want[] = {vtd_inv_piotlb_page(DID, 0, (iova_t){0x4000}, 2, true),
                                    vtd_inv_piotlb_page(DID, SLOT, (iova_t){0x4000}, 2, true),
                                    vtd_inv_iotlb_domain(DID),
                                    vtd_inv_devtlb_range(&ats, (iova_t){0x4000}, 2),
                                    vtd_inv_pdevtlb_range(&ats, SLOT, (iova_t){0x4000}, 2)};
    struct vtd_pasid_cfg pc = pass_through();
    struct own_unit own;
    struct vtd_dev *dev = attach_ats(t, &own);
    const struct vtd_use uses[] = {{dev, 0}, {dev, SLOT}};

    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &pc));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    T_ASSERT_OK(t, vtd_flush_range(uses, 2, (iova_t){0x4000}, 0x4000, true));
    expect_stub(t, &own, want, 5);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

TEST(retire, device_tlb_needs_translation, .needs = NEED_HOST, .rules = "13",
     .doc = "translation off: a retire, a flush and a detach leave the device TLB alone")
{
    const struct vtd_desc want[] = {vtd_inv_pc_pasid(DID, 0), vtd_inv_piotlb_pasid(DID, 0),
                                    vtd_inv_iotlb_domain(DID)};
    struct vtd_pasid_cfg pc = pass_through();
    struct own_unit own;
    struct vtd_dev *dev = attach_ats(t, &own);
    const struct vtd_use use = {dev, 0};

    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &pc));
    T_ASSERT_OK(t, vtd_cmd(own.unit, VTD_CMD_TE, false));
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, (iova_t){0}, 0, true));
    expect_stub(t, &own, &want[1], 1);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, 0));
    expect_stub(t, &own, want, 3);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

/* ---- Many devices, little memory ---- */

TEST(retire, sixty_four_devices, .needs = NEED_HOST, .rules = "20 24",
     .doc = "one ID on 64 devices of a unit: one wait, for unbinding all of them")
{
    static struct vtd_retire items[64];
    struct stub_cfg cfg = own_cfg();
    struct vtd_pasid_cfg pc = pass_through();
    struct own_unit own;

    cfg.ver = 0x10; /* an emulator: a cc for every device joins the batch */
    own_start(t, &own, &cfg);
    for (unsigned i = 0; i < 64; i++) {
        const uint16_t rids[] = {(uint16_t)(RID(8, 0, 0) + i), (uint16_t)(RID(9, 0, 0) + i)};

        items[i] = (struct vtd_retire){.flags = VTD_RETIRE_LAST_OF_DID};
        T_ASSERT_OK(
            t, vtd_dev_attach(own.unit, &(struct vtd_dev_cfg){.rids = rids, .rid_count = 2}, &items[i].dev));
        T_ASSERT_OK(t, vtd_pasid_publish(items[i].dev, 0, &pc));
    }
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_pasid_retire_many(items, 64));
    T_EXPECT_EQ(t, own.stub->stream_count, 2 * 64u + 4 + 1);
    for (unsigned i = 0; i < 64; i++)
        T_ASSERT_OK(t, vtd_dev_detach(items[i].dev));
    own_close(t, &own);
}

TEST(table, no_memory, .needs = NEED_HOST,
     .doc =
         "every single allocation of attach and publish fails once: -ENOMEM, nothing kept, nothing reachable")
{
    const uint16_t rids[] = {OWN_RID, RID(9, 17, 0)};
    struct vtd_dev_cfg dc = {.rids = rids, .rid_count = 2};
    struct stub_cfg cfg = own_cfg();
    struct vtd_pasid_cfg pc = pass_through();
    struct vtd_dev *dev = NULL;
    struct own_unit own;
    unsigned n = 0;
    int err;

    own_start(t, &own, &cfg);
    do {
        size_t pages = host_pages(OWNER_TABLE), objects = host_objects(OWNER_TABLE);

        host_fail_allocation(++n);
        err = vtd_dev_attach(own.unit, &dc, &dev);
        host_fail_allocation(0);
        T_ASSERT_ERR(t, err, err ? -ENOMEM : 0);
        if (err) {
            T_EXPECT_EQ(t, host_pages(OWNER_TABLE), pages);
            T_EXPECT_EQ(t, host_objects(OWNER_TABLE), objects);
            T_EXPECT_EQ(t, own.unit->root[8].q[0] | own.unit->root[9].q[1], 0ull);
        }
    } while (err);
    T_EXPECT_EQ(t, n, 5u); /* object, directory, two context tables; then none failed */
    host_fail_allocation(1);
    T_EXPECT_ERR(t, vtd_pasid_publish(dev, SLOT, &pc), -ENOMEM);
    host_fail_allocation(0);
    T_EXPECT_OK(t, vtd_pasid_publish(dev, SLOT, &pc));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}
