/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite event: a unit's two interrupts. A fault is taken out of the unit by the first and kept until somebody
 * asks; a wait that sleeps is ended by the second. VT-d 5.10, Fault Event Control Register, Invalidation
 * Event Control Register, Invalidation Wait Descriptor; rules 23, 65, 71.
 *
 * The counters are those of the handlers: an event that stays masked, one that is not acknowledged, or a
 * handler that leaves a cause behind turns a case red.
 */
#include "tests/harness/env.h"
#include "tests/suites/bench_dev.h"
#include "tests/suites/rig.h"

/* Until the event of a wait is pending at last. */
#define HELD_NS 1000000000ull
/* Until another CPU has taken an interrupt. */
#define TAKEN_NS 500000000ull
/* At a queue that takes its time. */
#define LOOKS 1000

static uint64_t reg_bit(struct vtd_unit *unit, struct reg32 reg, uint64_t mask)
{
    return vtd_read(&unit->io, reg) & mask;
}

/*
 * A handler has taken n interrupts since `before`; it may do so on another CPU, a moment later. No more
 * either, unless units send some without a cause, or the device has given more causes: one transfer can be
 * many requests, each a cause of its own once another CPU has taken the one before.
 */
static void took(struct t *t, const struct vtd_event *event, uint64_t before, uint64_t n)
{
    uint64_t end = plat_now_ns() + TAKEN_NS;

    while (event->taken - before < n && plat_now_ns() < end)
        plat_relax();
    if (env_has_strays() || (n && t->dma && (t->dma->asks_again || env_cpus() > 1)))
        T_EXPECT_GE(t, event->taken - before, n);
    else
        T_EXPECT_EQ(t, event->taken - before, n);
}

/* ---- Fault event ---- */

/* A refused write of the n-th page; the memory stays as it is. */
static void refused(struct t *t, struct rig *r, const struct t_mem *mem, unsigned n)
{
    struct dma_xfer x = {
        .dir = DMA_TO_MEM, .iova = {RIG_IOVA + n * PAGE_SIZE}, .len = 64, .believed = mem->pa};

    T_ASSERT_OK(t, dma_run(r->dma, &x));
}

static void open_empty(struct t *t, struct rig *r, struct dma_dev *dma)
{
    rig_open(t, r, dma);
    rig_publish(r);
    t_faults_forget(t);
}

/* With another device that the unit of `first` serves. */
static void open_beside(struct t *t, struct rig *r, const struct rig *first)
{
    for (unsigned n = 1;; n++) {
        open_empty(t, r, t_dev(t, n));
        if (r->unit == first->unit)
            return;
        rig_close(r);
    }
}

TEST(event, fault, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "65", .negative = true,
     .doc = "each fault is an interrupt that leaves nothing pending in the unit, and one record that whoever "
            "polls gets once")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f[12];
    bool overflow = true;
    struct rig r;
    uint64_t taken;

    open_empty(t, &r, t->dma);
    taken = r.unit->fault_event.taken;
    for (unsigned i = 0; i < 3; i++) {
        refused(t, &r, &mem, i);
        took(t, &r.unit->fault_event, taken, i + 1);
        T_EXPECT_EQ(t, reg_bit(r.unit, VTD_FSTS, SPAN_MASK(VTD_FSTS_PPF)), 0ull);
    }
    T_ASSERT_EQ(t, t_faults_once(t->dma, f, vtd_fault_poll(r.unit, f, 12, &overflow)), 3u);
    T_EXPECT(t, !overflow);
    for (unsigned i = 0; i < 3; i++) {
        T_EXPECT_EQ(t, f[i].sid, t->dma->rids[0]);
        T_EXPECT_EQ(t, f[i].address, (uint64_t)RIG_IOVA + i * PAGE_SIZE);
    }
    T_EXPECT_EQ(t, vtd_fault_poll(r.unit, f, 4, NULL), 0u);
    rig_close(&r);
}

TEST(event, fault_masked, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "71",
     .negative = true,
     .doc = "masked, the event is kept as IP and the record in the unit; unmasked, it comes")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f[2];
    struct rig r;
    uint64_t taken;

    open_empty(t, &r, t->dma);
    taken = r.unit->fault_event.taken;
    vtd_event_mask(r.unit, VTD_EVENT_FAULT, true);
    refused(t, &r, &mem, 0);
    took(t, &r.unit->fault_event, taken, 0);
    T_EXPECT_NE(t, reg_bit(r.unit, VTD_FSTS, SPAN_MASK(VTD_FSTS_PPF)), 0ull);
    T_EXPECT_NE(t, reg_bit(r.unit, VTD_FECTL, SPAN_MASK(VTD_EVENT_IP)), 0ull);
    vtd_event_mask(r.unit, VTD_EVENT_FAULT, false);
    T_EXPECT_EQ(t, reg_bit(r.unit, VTD_FECTL, SPAN_MASK(VTD_EVENT_IP)), 0ull);
    took(t, &r.unit->fault_event, taken, 1);
    T_EXPECT_EQ(t, reg_bit(r.unit, VTD_FSTS, SPAN_MASK(VTD_FSTS_PPF)), 0ull);
    T_EXPECT_EQ(t, vtd_fault_poll(r.unit, f, 2, NULL), 1u);
    rig_close(&r);
}

TEST(event, fault_polled, .needs = NEED_DMA | NEED_DMA_BYTES, .lanes = RIG_LANES, .rules = "71",
     .negative = true, .xfail = "E-050",
     .doc =
         "a record that was polled for while the event was masked is not told again: IP goes with its cause")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f[2];
    struct rig r;
    uint64_t taken, pending;

    open_empty(t, &r, t->dma);
    taken = r.unit->fault_event.taken;
    vtd_event_mask(r.unit, VTD_EVENT_FAULT, true);
    refused(t, &r, &mem, 0);
    T_ASSERT_EQ(t, vtd_fault_poll(r.unit, f, 2, NULL), 1u);
    pending = reg_bit(r.unit, VTD_FECTL, SPAN_MASK(VTD_EVENT_IP));
    T_DEVIATES(t, "E-050", T_EXPECT_EQ(t, pending, 0ull));
    vtd_event_mask(r.unit, VTD_EVENT_FAULT, false);
    T_DEVIATES(t, "E-050", took(t, &r.unit->fault_event, taken, 0));
    T_EXPECT_EQ(t, vtd_fault_poll(r.unit, f, 2, NULL), 0u);
    rig_close(&r);
}

TEST(event, fault_of_two, .needs = NEED_DMA | NEED_DMA_BYTES | NEED_DMA_2, .lanes = RIG_LANES, .rules = "65",
     .negative = true,
     .doc = "nothing is lost between two requesters, though the unit may have one record only")
{
    struct t_mem mem = t_mem(t, 1);
    struct vtd_fault f[8];
    bool overflow = true;
    struct rig a, b;
    uint64_t taken;

    open_empty(t, &a, t_dev(t, 0));
    open_beside(t, &b, &a);
    taken = a.unit->fault_event.taken;
    refused(t, &a, &mem, 0);
    took(t, &a.unit->fault_event, taken, 1);
    refused(t, &b, &mem, 0);
    took(t, &a.unit->fault_event, taken, 2);
    T_ASSERT_EQ(t, t_faults_once(t->dma, f, vtd_fault_poll(a.unit, f, 8, &overflow)), 2u);
    T_EXPECT_EQ(t, f[0].sid, a.dma->rids[0]);
    T_EXPECT_EQ(t, f[1].sid, b.dma->rids[0]);
    T_EXPECT(t, !overflow);
    rig_close(&a);
    rig_close(&b);
}

TEST(event, queue_error, .needs = NEED_IOMMU, .rules = "31 65",
     .doc = "a descriptor that the unit refuses, with nobody waiting: the fault event mends the queue")
{
    struct vtd_unit *unit = bench_unit(t);
    const struct vtd_desc bad = {{0xf}};
    uint64_t taken = unit->fault_event.taken, refusals = unit->stats.refused;

    T_ASSERT_OK(t, vtd_qi_submit_raw(unit, &bad, 1, false));
    for (unsigned i = 0; i < LOOKS && unit->stats.refused == refusals; i++)
        plat_relax();
    took(t, &unit->fault_event, taken, 1);
    T_EXPECT_EQ(t, unit->stats.refused, refusals + 1);
    T_EXPECT_EQ(t, reg_bit(unit, VTD_FSTS, SPAN_MASK(VTD_FSTS_IQE)), 0ull);
}

/* ---- Completion event ---- */

static int submit_asleep(struct vtd_unit *unit)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    vtd_batch_sleep(&batch);
    vtd_batch_add(&batch, vtd_inv_iotlb_global());
    return vtd_batch_submit_wait(&batch);
}

TEST(event, wait, .needs = NEED_IOMMU, .rules = "23",
     .doc = "a wait that sleeps ends by one interrupt, acknowledged: the next one sends again")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_qi_stats before = unit->stats;
    uint64_t taken = unit->queue_event.taken;

    T_ASSERT(t, unit->queue_event.on);
    for (unsigned i = 1; i <= 3; i++) {
        T_ASSERT_OK(t, submit_asleep(unit));
        took(t, &unit->queue_event, taken, i);
        T_EXPECT_EQ(t, unit->stats.slept, before.slept + i);
        T_EXPECT_EQ(t, reg_bit(unit, VTD_ICS, SPAN_MASK(VTD_ICS_IWC)), 0ull);
    }
    T_EXPECT_EQ(t, unit->stats.missed, before.missed);
}

/* What runs while the case's own thread sleeps in its wait. */
static struct {
    struct plat_work work;
    struct vtd_unit *unit;
    bool done;  /* the wait has returned */
    bool slept; /* the batch was complete, its interrupt held, and the thread still waiting */
} other;

static bool event_is_held(unused void *arg)
{
    return reg_bit(other.unit, VTD_IECTL, SPAN_MASK(VTD_EVENT_IP)) != 0;
}

static void let_event_out(unused struct plat_work *work)
{
    struct plat_waitq wq;

    plat_waitq_init(&wq);
    if (plat_wait(&wq, event_is_held, NULL, HELD_NS))
        return;
    other.slept = !__atomic_load_n(&other.done, __ATOMIC_ACQUIRE) &&
                  reg_bit(other.unit, VTD_ICS, SPAN_MASK(VTD_ICS_IWC));
    vtd_event_mask(other.unit, VTD_EVENT_QUEUE, false);
}

TEST(event, wait_sleeps, .needs = NEED_IOMMU, .rules = "23 71",
     .doc =
         "with the event masked a thread sleeps on, though its status was written; unmasked, IP sends, and "
         "it wakes")
{
    struct vtd_unit *unit = bench_unit(t);
    uint64_t taken = unit->queue_event.taken, slept = unit->stats.slept;

    vtd_event_mask(unit, VTD_EVENT_QUEUE, true);
    other.unit = unit;
    other.done = other.slept = false;
    other.work = (struct plat_work){.run = let_event_out};
    list_init(&other.work.link);
    T_ASSERT(t, plat_work_queue(&other.work));
    T_EXPECT_OK(t, submit_asleep(unit));
    __atomic_store_n(&other.done, true, __ATOMIC_RELEASE);
    t_settle(t);
    T_EXPECT(t, other.slept);
    took(t, &unit->queue_event, taken, 1);
    T_EXPECT_EQ(t, unit->stats.slept, slept + 1);
}
