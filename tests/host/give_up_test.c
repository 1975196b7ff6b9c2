/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Units that stop obeying in the middle, host only: each command of each phase, from whatever firmware left
 * on; waits that never end while something is half done; what can be done then, and that it works again once
 * the unit does.
 */
#include <string.h>

#include "iommu/iommu_rmrr.h"
#include "iommu/vtd_flush.h"
#include "iommu/vtd_prq.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"
#include "tests/suites/dmar_blob.h"

/* What happens at the next tick of the clock; NULL: nothing. */
static void (*at_tick)(void);
static struct own_unit *ticked;

static void tick(void)
{
    if (at_tick != NULL)
        at_tick();
}

static void on_tick(void (*fn)(void), struct own_unit *own)
{
    host_on_tick(tick);
    at_tick = fn;
    ticked = own;
}

/* ---- Commands ---- */

static const uint32_t commands[] = {
    (uint32_t)SPAN_MASK(VTD_GCMD_TE),  (uint32_t)SPAN_MASK(VTD_GCMD_SRTP),
    (uint32_t)SPAN_MASK(VTD_GCMD_QIE), (uint32_t)SPAN_MASK(VTD_GCMD_IRE),
    (uint32_t)SPAN_MASK(VTD_GCMD_CFI), (uint32_t)SPAN_MASK(VTD_GCMD_SIRTP),
};

enum phase { START, STOP, RESUME, PHASES };

/* Everything on, as firmware may have it. */
static void firmware_on(struct own_unit *own)
{
    stub_set_reg(own->stub, VTD_OFF_RTADDR, 8, 0x7ff0400);
    stub_set_reg(own->stub, VTD_OFF_IRTA, 8, 0x7ff200f);
    stub_set_reg(own->stub, VTD_OFF_IQA, 8, 0x7ff1800);
    stub_set_reg(own->stub, VTD_OFF_IQH, 8, 0);
    stub_set_reg(own->stub, VTD_OFF_IQT, 8, 0);
    stub_set_reg(own->stub, VTD_OFF_GSTS, 4, 0xc7800000);
    own->stub->root = 0x7ff0400;
    own->stub->last_was_wait = true;
}

static int go(struct own_unit *own, enum phase phase)
{
    if (phase == START)
        return vtd_unit_start(own->unit);
    return phase == STOP ? vtd_unit_stop(own->unit) : vtd_unit_resume(own->unit);
}

static void obey(struct own_unit *own, bool obeys, uint32_t command)
{
    own->stub->faults.ignored_commands = obeys ? 0 : command;
    if (obeys)
        own->stub->command = 0;
    own->stub->breach_count = 0; /* a command that never ended */
}

static void one_command(struct t *t, enum phase phase, uint32_t command)
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    int err;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_ESRTPS), false);
    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_IR), true);
    own_create(t, &own, &cfg);
    firmware_on(&own);
    if (phase != START)
        T_ASSERT_OK(t, vtd_unit_start(own.unit));
    if (phase == RESUME)
        T_ASSERT_OK(t, vtd_unit_suspend(own.unit));
    if (phase == RESUME)
        firmware_on(&own);
    obey(&own, false, command);
    own_log_begin();
    err = go(&own, phase);
    own_log_end();
    T_EXPECT(t, err == 0 || err == -ETIMEDOUT);
    obey(&own, true, command);
    if (err && phase == STOP && !own.unit->taken) { /* ours is off, and firmware's not on again */
        own_close(t, &own);
        return;
    }
    if (err && phase == START && own.unit->taken) /* given back only now */
        T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    if (err)
        T_ASSERT_OK(t, go(&own, phase));
    own.stub->breach_count = 0; /* about queue and pointers of firmware's, which are left as they are */
    T_EXPECT_EQ(t, own.unit->started, phase != STOP);
    T_EXPECT_EQ(t, FIELD_GET(VTD_GSTS_TES, stub_reg(own.stub, VTD_OFF_GSTS, 4)), 1ull);
    if (phase != STOP)
        T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    T_EXPECT_EQ(t, own.stub->root, 0x7ff0400ull); /* firmware's again */
    own_close(t, &own);
}

TEST(unit, every_command_dead, .needs = NEED_HOST, .rules = "3 6 74",
     .doc = "each command that a start, a stop or a resume gives, from a unit with everything on, has no "
            "effect once: -ETIMEDOUT or not needed; the next try works and firmware gets its tables back")
{
    for (unsigned phase = START; phase < PHASES; phase++) {
        for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
            one_command(t, (enum phase)phase, commands[i]);
    }
}

/* Once the root table is not taken, the queue does not go off either. */
static void refuse_all(void)
{
    stub_machine_unit(1)->faults.ignored_commands |= (uint32_t)SPAN_MASK(VTD_GCMD_QIE);
}

TEST(refuse, neither_on_nor_off, .needs = NEED_IOMMU | NEED_HOST, .rules = "3",
     .doc =
         "a unit that takes neither its root table nor its queue off: start is -ETIMEDOUT, says that it is "
         "neither, and the next start works")
{
    struct stub_unit *stub = stub_machine_unit(1);

    T_ASSERT_OK(t, iommu_stop(t->iommu));
    stub->faults.ignored_commands = (uint32_t)SPAN_MASK(VTD_GCMD_SRTP);
    own_log_begin();
    on_tick(refuse_all, NULL);
    T_EXPECT_ERR(t, iommu_start(t->iommu), -ETIMEDOUT);
    on_tick(NULL, NULL);
    T_EXPECT(t, own_log_has("neither started nor given back"));
    T_EXPECT(t, own_log_has("does not obey while it is dropped"));
    own_log_end();
    T_EXPECT(t, !t->iommu->started);
    stub->faults.ignored_commands = 0;
    stub->command = 0;
    stub->breach_count = 0;
    T_ASSERT_OK(t, iommu_start(t->iommu));
}

/* ---- Waits ---- */

TEST(table, half_detached, .needs = NEED_HOST, .rules = "38 39",
     .doc =
         "a detach that was not confirmed: the bus is nobody's until it has been repeated, -EBUSY; so is a "
         "context entry that was to get another RID_PASID")
{
    const uint16_t rid = OWN_RID + 8;
    const struct vtd_dev_cfg beside = {.rids = &rid, .rid_count = 1};
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_dev *dev, *other;

    own_start(t, &own, &cfg);
    dev = own_attach(t, &own);
    own.stub->faults.lose_wait = 1;
    own_log_begin();
    T_EXPECT_ERR(t, vtd_dev_set_rid_pasid(dev, 5), -ETIMEDOUT);
    own_log_end();
    T_EXPECT(t, !dev->context_present);
    T_EXPECT_OK(t, vtd_dev_set_rid_pasid(dev, 5));
    T_EXPECT(t, dev->context_present && dev->rid_pasid == 5);
    own.stub->faults.lose_wait = 1;
    own_log_begin();
    T_EXPECT_ERR(t, vtd_dev_detach(dev), -ETIMEDOUT);
    own_log_end();
    T_EXPECT_ERR(t, vtd_dev_attach(own.unit, &beside, &other), -EBUSY);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    T_ASSERT_OK(t, vtd_dev_attach(own.unit, &beside, &other));
    T_ASSERT_OK(t, vtd_dev_detach(other));
    own_close(t, &own);
}

TEST(queue, sleeper_not_woken, .needs = NEED_HOST, .rules = "23",
     .doc =
         "a sleeping wait whose queue stands still: -ETIMEDOUT, with the slot at its head in words; a queue "
         "that is out of order: -EIO at once")
{
    struct vtd_desc d = vtd_inv_iotlb_global();
    struct stub_cfg cfg = own_cfg();
    struct vtd_batch batch;
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.stub->faults.hold_queue = true;
    vtd_batch_init(&batch, own.unit);
    vtd_batch_sleep(&batch);
    vtd_batch_add(&batch, d);
    own_log_begin();
    T_EXPECT_ERR(t, vtd_batch_submit_wait(&batch), -ETIMEDOUT);
    T_EXPECT(t, own_log_has("at the head: iotlb_inv global"));
    own_log_end();
    own.stub->faults.hold_queue = false;
    stub_run_queue(own.stub);
    own.unit->queue.dead = true;
    own_log_begin();
    T_EXPECT_ERR(t, vtd_qi_submit_raw(own.unit, &d, 1, false), -EIO);
    T_EXPECT_ERR(t, vtd_qi_submit_raw(own.unit, &d, 1, true), -EIO);
    T_EXPECT(t, own_log_has("queue is out of order"));
    own_log_end();
    own.unit->queue.dead = false;
    T_EXPECT_OK(t, vtd_qi_submit_raw(own.unit, &d, 1, true));
    own_close(t, &own);
}

/* A page request arrives while a drain pushes. */
static void arrive_in_drain(void)
{
    struct vtd_prq *prq = &ticked->unit->prq;
    struct vtd_page_request r = {{0}};

    if (list_empty(&prq->drains))
        return;
    at_tick = NULL;
    entry_set(&r, VTD_PRQ_TYPE, VTD_PRQ_TYPE_REQUEST);
    entry_set(&r, VTD_PRQ_RID, OWN_RID);
    entry_set(&r, VTD_PRQ_RDR, 1);
    entry_set(&r, VTD_PRQ_LPIG, 1);
    prq->ring[prq->head] = r;
    stub_set_reg(ticked->stub, VTD_OFF_PQT, 8, (prq->head + 1) % VTD_PRQ_SLOTS * sizeof(r));
}

TEST(
    prq, arrives_in_drain, .needs = NEED_HOST, .rules = "61 63",
    .doc =
        "a request that arrives while the drain of its slot pushes: it is answered, and the answer is pushed "
        "by one more invalidation of the device's TLB and its wait")
{
    const uint16_t rid = OWN_RID;
    const struct vtd_dev_cfg dev_cfg = {
        .rids = &rid, .rid_count = 1, .ats = true, .pri = true, .ats_qdep = 1};
    const struct vtd_pasid_cfg entry = {.pgtt = VTD_PGTT_PASSTHROUGH, .did = {3}};
    unsigned response = 0, last_tlb = 0, last_wait = 0;
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_dev *dev;

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PRS) | SPAN_MASK(VTD_ECAP_PDS), true);
    own_start(t, &own, &cfg);
    T_ASSERT_OK(t, vtd_dev_attach(own.unit, &dev_cfg, &dev));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &entry));
    stub_stream_clear(own.stub);
    own.stub->faults.per_tick = 1;
    on_tick(arrive_in_drain, &own);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_LAST_OF_DID));
    T_EXPECT(t, at_tick == NULL);
    on_tick(NULL, NULL);
    own.stub->faults.per_tick = 0;
    for (unsigned i = 0; i < own.stub->stream_count; i++) {
        uint64_t type = entry_get(&own.stub->stream[i], VTD_QI_TYPE);

        response = type == VTD_QI_PRESP ? i : response;
        last_tlb = type == VTD_QI_DEVTLB ? i : last_tlb;
        last_wait = type == VTD_QI_WAIT ? i : last_wait;
    }
    T_EXPECT(t, response > 0 && response < last_tlb && last_tlb < last_wait);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

/* ---- Tables ---- */

TEST(flush, below, .needs = NEED_HOST, .rules = "50",
     .doc = "after a change below, nested entries are flushed by their domain, which is one invalidation for "
            "two of "
            "it; a first-stage entry beside them by domain and PASID")
{
    const struct vtd_pasid_cfg nested = {.pgtt = VTD_PGTT_NESTED,
                                         .did = {3},
                                         .fs_root = {0x1000},
                                         .fs_levels = 4,
                                         .ss_root = {0x2000},
                                         .ss_levels = 4};
    const struct vtd_pasid_cfg first = {
        .pgtt = VTD_PGTT_FIRST, .did = {4}, .fs_root = {0x1000}, .fs_levels = 4};
    struct stub_cfg cfg = own_cfg();
    struct vtd_use uses[3];
    struct own_unit own;
    struct vtd_dev *dev;

    own_start(t, &own, &cfg);
    dev = own_attach(t, &own);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 4, &nested));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 5, &nested));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 6, &first));
    for (unsigned i = 0; i < ARRAY_SIZE(uses); i++)
        uses[i] = (struct vtd_use){dev, 4 + i};
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_flush_below(uses, ARRAY_SIZE(uses), (iova_t){0x5000}, PAGE_SIZE, true));
    T_ASSERT_EQ(t, own.stub->stream_count, 3u);
    T_EXPECT_EQ(t, entry_get(&own.stub->stream[0], VTD_QI_TYPE), (uint64_t)VTD_QI_IOTLB);
    T_EXPECT_EQ(t, entry_get(&own.stub->stream[1], VTD_QI_TYPE), (uint64_t)VTD_QI_PIOTLB);
    for (unsigned i = 0; i < ARRAY_SIZE(uses); i++)
        T_ASSERT_OK(t, vtd_pasid_retire(dev, 4 + i, i == 0 ? VTD_RETIRE_KEEP_DID : VTD_RETIRE_LAST_OF_DID));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

#define REGION 0x7a000000ull
#define BRIDGE RID(0x50, 1, 0)
#define BEHIND RID(0x51, 2, 0)

TEST(rmrr, fits, .needs = NEED_HOST, .rules = "75",
     .doc = "a device behind a bridge whose memory firmware reserves: a table that has not got it, has it "
            "elsewhere, for reading only or in part does not fit; nobody else is concerned")
{
    static const uint8_t path[] = {1, 0, 2, 0};
    const struct pgtable_cfg cfg = {
        .stage = PGTABLE_FIRST, .levels = 4, .haw = 46, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    struct iommu iommu = {.lane = IOMMU_LANE_RID};
    struct vtd_unit unit = {.segment = 0};
    struct vtd_dev vtd = {.unit = &unit, .rids = {BEHIND}, .rid_count = 1};
    struct iommu_dev dev = {.iommu = &iommu, .vtd = &vtd};
    struct ioasid_bind_cfg bind = {.stage = IOMMU_FIRST_STAGE};
    const struct ioasid_bind_cfg pass = {.stage = IOMMU_PASS_THROUGH};
    struct dmar_error error;
    struct dmar_blob blob;
    struct pgtable *pt;
    uint32_t at;

    host_pci_add((struct pci_id){0, BRIDGE}, 0x1234, 0x5678, 0x060400, rid_bus(BEHIND));
    blob_begin(&blob);
    at = blob_struct(&blob, 1, 24);
    blob_put(&blob, at + 8, REGION, 8);
    blob_put(&blob, at + 16, REGION + 2 * PAGE_SIZE - 1, 8);
    blob_scope(&blob, 1, 0, rid_bus(BRIDGE), path, 2);
    T_ASSERT_OK(t, dmar_parse(blob.bytes, blob.size, &iommu.dmar, &error));
    T_ASSERT_OK(t, pgtable_create(&cfg, &pt));
    bind.table = pt;
    T_EXPECT(t, !iommu_rmrr_fits(&dev, &bind));
    T_ASSERT_OK(t, pgtable_map(pt, (iova_t){REGION}, (paddr_t){REGION}, PAGE_SIZE, PGTABLE_RW));
    T_EXPECT(t, !iommu_rmrr_fits(&dev, &bind));
    T_ASSERT_OK(t, pgtable_map(pt, (iova_t){REGION + PAGE_SIZE}, (paddr_t){REGION}, PAGE_SIZE, PGTABLE_RW));
    T_EXPECT(t, !iommu_rmrr_fits(&dev, &bind));
    T_ASSERT_OK(t, pgtable_unmap(pt, (iova_t){REGION + PAGE_SIZE}, PAGE_SIZE));
    T_ASSERT_OK(t, pgtable_map(pt, (iova_t){REGION + PAGE_SIZE}, (paddr_t){REGION + PAGE_SIZE}, PAGE_SIZE,
                               PGTABLE_R));
    T_EXPECT(t, !iommu_rmrr_fits(&dev, &bind));
    vtd.rids[0] = BEHIND + 1;
    T_EXPECT(t, iommu_rmrr_fits(&dev, &bind));
    vtd.rids[0] = BEHIND;
    T_ASSERT_OK(t, pgtable_unmap(pt, (iova_t){REGION}, 2 * PAGE_SIZE));
    T_ASSERT_OK(t, iommu_dev_map_reserved(&dev, pt));
    T_EXPECT(t, iommu_rmrr_fits(&dev, &bind));
    T_EXPECT(t, iommu_rmrr_fits(&dev, &pass));
    pgtable_destroy(pt);

    blob.bytes[blob.size - 4]++; /* no bridge is there: nobody can be held */
    blob_seal(&blob);
    T_ASSERT_OK(t, dmar_parse(blob.bytes, blob.size, &iommu.dmar, &error));
    list_init(&iommu.holds);
    T_EXPECT_OK(t, iommu_rmrr_hold_all(&iommu, &unit));
    T_EXPECT(t, list_empty(&iommu.holds));
}
