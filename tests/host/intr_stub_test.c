/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite intr, host only: interrupts sent through a recording unit, which caches what it may; start, stop and
 * by whom a source is remapped. Rules 8, 10, 23, 65, 67, 78.
 */
#include <string.h>

#include "iommu/iommu.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"

static unsigned arrived;

static void handler(unused void *arg)
{
    arrived++;
}

/* An own unit that remaps, with one source: a function with id OWN_RID. */
struct remapped {
    struct own_unit own;
    struct plat_msi msi;
    struct plat_intr intr;
    struct plat_intr_form form;
    uint16_t index;
};

static struct stub_cfg ir_cfg(void)
{
    struct stub_cfg cfg = own_cfg();

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_IR) | SPAN_MASK(VTD_ECAP_EIM), true);
    return cfg;
}

static void open_unit(struct t *t, struct remapped *r)
{
    struct stub_cfg cfg = ir_cfg();

    own_start(t, &r->own, &cfg);
    T_ASSERT_OK(t, vtd_intr_alloc(r->own.unit));
    T_ASSERT_OK(t, vtd_intr_start(r->own.unit));
    T_ASSERT_OK(t, vtd_intr_enable(r->own.unit));
}

static void open_remapped(struct t *t, struct remapped *r)
{
    *r = (struct remapped){.intr = {.fn = {0, OWN_RID}, .alias = OWN_RID}};
    open_unit(t, r);
    T_ASSERT_OK(t, plat_msi_alloc(handler, NULL, &r->msi));
    r->intr.vector = (uint8_t)r->msi.data;
    T_ASSERT_OK(t, vtd_intr_add(r->own.unit, &r->intr, 0, &r->form));
    T_ASSERT_OK(t, vtd_intr_find(r->own.unit, r->intr.fn, &r->index));
    arrived = 0;
}

static void close_remapped(struct t *t, struct remapped *r)
{
    plat_msi_free(&r->msi);
    own_close(t, &r->own);
}

/* The message of the source, sent by `sid`. */
static unsigned send(struct remapped *r, uint16_t sid)
{
    return stub_interrupt(r->own.stub, sid, r->form.msi.address, r->form.msi.data);
}

static void expect_record(struct t *t, struct remapped *r, unsigned reason, uint16_t sid, unsigned index)
{
    struct vtd_fault f[2];

    T_ASSERT_EQ(t, vtd_fault_poll(r->own.unit, f, 2, NULL), 1u);
    T_EXPECT_EQ(t, f[0].reason, reason);
    T_EXPECT_EQ(t, f[0].sid, sid);
    T_EXPECT_EQ(t, f[0].interrupt, true);
    T_EXPECT_EQ(t, f[0].index, index);
}

TEST(intr, source_checked, .needs = NEED_HOST, .rules = "78", .faults = "26",
     .doc = "a message arrives from its own function, and not from another function, device or bus: 26h")
{
    static const uint16_t others[] = {OWN_RID + 1, OWN_RID + 8, OWN_RID + 0x100};
    struct remapped r;

    open_remapped(t, &r);
    T_EXPECT_EQ(t, send(&r, OWN_RID), 0u);
    T_EXPECT_EQ(t, arrived, 1u);
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        send(&r, others[i]);
        expect_record(t, &r, 0x26, others[i], r.index);
    }
    T_EXPECT_EQ(t, arrived, 1u);
    close_remapped(t, &r);
}

TEST(intr, bus_range, .needs = NEED_HOST, .rules = "78", .faults = "26",
     .doc = "behind a bridge: from every bus between the bridge's and the function's, and from no other")
{
    struct remapped r;

    open_remapped(t, &r);
    T_ASSERT_OK(t, vtd_intr_remove(r.own.unit, &r.intr));
    r.intr.alias = RID(6, 0, 0);
    T_ASSERT_OK(t, vtd_intr_add(r.own.unit, &r.intr, 0, &r.form));
    for (unsigned bus = 5; bus <= 9; bus++) {
        T_EXPECT_EQ(t, send(&r, (uint16_t)RID(bus, 1, 0)), bus >= 6 && bus <= 8 ? 0u : 0x26u);
        T_EXPECT_EQ(t, vtd_fault_poll(r.own.unit, &(struct vtd_fault){0}, 1, NULL),
                    bus < 6 || bus > 8 ? 1u : 0u);
    }
    T_EXPECT_EQ(t, arrived, 3u);
    close_remapped(t, &r);
}

TEST(intr, removed, .needs = NEED_HOST, .rules = "78", .faults = "22",
     .doc =
         "an entry that was used and taken away blocks at once, 22h: its index was invalidated; it is given "
         "out again")
{
    struct remapped r;
    uint16_t index;

    open_remapped(t, &r);
    T_EXPECT_EQ(t, send(&r, OWN_RID), 0u);
    T_ASSERT_OK(t, vtd_intr_remove(r.own.unit, &r.intr));
    T_EXPECT_EQ(t, r.own.unit->intr.table[r.index].q[0] + r.own.unit->intr.table[r.index].q[1], 0ull);
    send(&r, OWN_RID);
    expect_record(t, &r, 0x22, OWN_RID, r.index);
    T_EXPECT_EQ(t, arrived, 1u);
    T_EXPECT_ERR(t, vtd_intr_remove(r.own.unit, &r.intr), -ENOENT);
    T_ASSERT_OK(t, vtd_intr_add(r.own.unit, &r.intr, 0, &r.form));
    T_ASSERT_OK(t, vtd_intr_find(r.own.unit, r.intr.fn, &index));
    T_EXPECT_EQ(t, index, r.index);
    T_EXPECT_EQ(t, send(&r, OWN_RID), 0u);
    close_remapped(t, &r);
}

TEST(intr, stub_changed, .needs = NEED_HOST, .rules = "78", .faults = "26",
     .doc = "an entry that was used and changed counts as changed: to another function, and back")
{
    struct vtd_irte entry;
    struct remapped r;

    open_remapped(t, &r);
    T_EXPECT_EQ(t, send(&r, OWN_RID), 0u);
    entry = r.own.unit->intr.table[r.index];
    entry_set(&entry, VTD_IRTE_SID, (OWN_RID + 8));
    T_ASSERT_OK(t, vtd_intr_set(r.own.unit, r.index, &entry));
    T_EXPECT_EQ(t, send(&r, OWN_RID + 8), 0u);
    T_EXPECT_EQ(t, send(&r, OWN_RID), 0x26u);
    expect_record(t, &r, 0x26, OWN_RID, r.index);
    entry_set(&entry, VTD_IRTE_SID, OWN_RID);
    T_ASSERT_OK(t, vtd_intr_set(r.own.unit, r.index, &entry));
    T_EXPECT_EQ(t, send(&r, OWN_RID), 0u);
    T_EXPECT_EQ(t, arrived, 3u);
    close_remapped(t, &r);
}

TEST(intr, stub_compatibility, .needs = NEED_HOST, .rules = "78", .faults = "25",
     .doc = "a message of compatibility format is blocked while remapping is on: 25h")
{
    struct remapped r;

    open_remapped(t, &r);
    stub_interrupt(r.own.stub, OWN_RID, r.msi.address, r.msi.data);
    expect_record(t, &r, 0x25, OWN_RID, 0);
    T_EXPECT_EQ(t, arrived, 0u);
    close_remapped(t, &r);
}

TEST(intr, stub_pin, .needs = NEED_HOST, .rules = "78", .faults = "26",
     .doc = "a pin's entry is an NMI for the I/O APIC alone; its redirection entry names it")
{
    struct plat_intr intr = {.is_pin = true, .nmi = true, .ioapic = 2};
    struct remapped r;
    uint16_t index;

    open_remapped(t, &r);
    T_ASSERT_OK(t, vtd_intr_add(r.own.unit, &intr, RID(0xf0, 0x1f, 0), &r.form));
    T_ASSERT_OK(t, vtd_intr_find_pin(r.own.unit, &index));
    T_EXPECT_NE(t, index, r.index);
    T_EXPECT_EQ(t, stub_interrupt_pin(r.own.stub, RID(0xf0, 0x1f, 0), r.form.rte), 0u);
    T_EXPECT_EQ(t, r.own.stub->intr.nmis, 1u);
    stub_interrupt_pin(r.own.stub, OWN_RID, r.form.rte);
    expect_record(t, &r, 0x26, OWN_RID, index);
    T_EXPECT_EQ(t, r.own.stub->intr.nmis, 1u);
    close_remapped(t, &r);
}

TEST(intr, stub_beyond, .needs = NEED_HOST, .rules = "78", .faults = "21",
     .doc = "the table holds 256 sources and no more; the index behind the last one is beyond it: 21h")
{
    static struct plat_intr many[VTD_IRT_ENTRIES];
    struct remapped r;

    open_remapped(t, &r);
    for (unsigned i = 1; i < VTD_IRT_ENTRIES; i++) {
        many[i] = r.intr;
        T_ASSERT_OK(t, vtd_intr_add(r.own.unit, &many[i], 0, &r.form));
    }
    T_EXPECT_EQ(t, send(&r, OWN_RID), 0u);
    T_EXPECT_ERR(t, vtd_intr_add(r.own.unit, &many[0], 0, &(struct plat_intr_form){{0}, 0}), -ENOSPC);
    r.form.msi.address += 0x20;
    send(&r, OWN_RID);
    expect_record(t, &r, 0x21, OWN_RID, 256);
    close_remapped(t, &r);
}

TEST(intr, wide_destination, .needs = NEED_HOST, .rules = "78",
     .doc = "an APIC id beyond 8 bits needs x2APIC mode: refused without, EIME = 1 and all 32 bits with")
{
    struct remapped r;

    open_remapped(t, &r);
    T_ASSERT_OK(t, vtd_intr_remove(r.own.unit, &r.intr));
    r.intr.dest = 0x100;
    T_EXPECT_ERR(t, vtd_intr_add(r.own.unit, &r.intr, 0, &r.form), -ERANGE);
    close_remapped(t, &r);

    host_x2apic(true);
    open_unit(t, &r);
    host_x2apic(false);
    T_EXPECT_EQ(t, stub_reg(r.own.stub, VTD_OFF_IRTA, 8) & 0xfff, 0x807ull);
    T_ASSERT_OK(t, vtd_intr_add(r.own.unit, &r.intr, 0, &r.form));
    T_EXPECT_EQ(t, r.own.unit->intr.table[0].q[0] & 0xffffffff00000000, 0x0000010000000000ull);
    own_close(t, &r.own);
}

/* ---- Order ---- */

TEST(intr, start_order, .needs = NEED_HOST, .rules = "8 78",
     .doc = "SIRTP, where ESIRTPS = 0 a global iec_inv with a wait, then IRE; IRE goes before the table")
{
    for (unsigned esirtps = 0; esirtps < 2; esirtps++) {
        struct stub_cfg cfg = ir_cfg();
        struct own_unit own;

        own_set(&cfg.cap, SPAN_MASK(VTD_CAP_ESIRTPS), esirtps);
        own_start(t, &own, &cfg);
        stub_stream_clear(own.stub);
        T_ASSERT_OK(t, vtd_intr_alloc(own.unit));
        T_ASSERT_OK(t, vtd_intr_start(own.unit));
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4) & 0x03000000, 0x01000000ull);
        T_EXPECT_EQ(t, own.stub->intr.irta, plat_pa(own.unit->intr.table).v | 7);
        T_ASSERT_EQ(t, own.stub->stream_count, esirtps ? 0u : 2u);
        T_EXPECT(t, esirtps || own.stub->stream[0].q[0] == 4);
        T_ASSERT_OK(t, vtd_intr_enable(own.unit));
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4) & 0x03800000, 0x03000000ull);
        T_ASSERT_OK(t, vtd_unit_stop(own.unit));
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4) & 0x02000000, 0ull);
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_IRTA, 8), 0ull);
        T_EXPECT(t, own.unit->intr.table == NULL);
        own_close(t, &own);
    }
}

TEST(intr, present_last, .needs = NEED_HOST, .rules = "10 78",
     .doc = "the half with the source is visible before the half with P; P goes alone before the rest")
{
    struct host_event made[4] = {{0}};
    struct remapped r;
    unsigned n = 0;

    open_remapped(t, &r);
    host_trace_start();
    T_ASSERT_OK(t, vtd_intr_set(r.own.unit, r.index, &(struct vtd_irte){{0x410001, 0x40810}}));
    host_trace_stop();
    for (unsigned i = 0; i < host_trace_count() && n < 4; i++) {
        const struct host_event *e = host_trace(i);

        if (e->kind == HOST_PUBLISH && e->pa == plat_pa(&r.own.unit->intr.table[r.index]).v)
            made[n++] = *e;
    }
    T_ASSERT_EQ(t, n, 4u);
    T_EXPECT(t, made[0].words[0] == 0 && made[0].words[1] != 0);
    T_EXPECT(t, made[1].words[0] == 0 && made[1].words[1] == 0);
    T_EXPECT(t, made[2].words[0] == 0 && made[2].words[1] == 0x40810);
    T_EXPECT(t, made[3].words[0] == 0x410001 && made[3].words[1] == 0x40810);
    for (unsigned i = 0; i < n; i++)
        T_EXPECT(t, !made[i].snooped);
    close_remapped(t, &r);
}

/* ---- The machine's units: who remaps whom ---- */

static struct host_intr of_function(unsigned unit, unsigned n, uint8_t vector)
{
    const struct stub_dev *dev = stub_machine_dev(unit, n);

    return (struct host_intr){.intr = {.vector = vector, .fn = dev->id, .alias = dev->rids[0]}};
}

TEST(intr, machine, .needs = NEED_HOST | NEED_IOMMU | NEED_IR, .rules = "34 78",
     .doc =
         "functions and pins use the table of their own unit; held while remapping comes and goes, without a "
         "form when it is off, and with a new one after the next start")
{
    struct host_intr sources[4] = {of_function(0, 0, 0x71), of_function(0, 2, 0x72), of_function(1, 1, 0x73)};
    unsigned nmis = stub_machine_unit(1)->intr.nmis;

    sources[3].intr = (struct plat_intr){.is_pin = true, .nmi = true, .ioapic = STUB_IOAPIC(1)};
    for (unsigned i = 0; i < ARRAY_SIZE(sources); i++)
        host_intr_add(&sources[i]);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(sources); i++)
            T_EXPECT_OK(t, sources[i].err);
        T_EXPECT_EQ(t, stub_interrupt_pin(stub_machine_unit(1), STUB_IOAPIC_RID(1), sources[3].form.rte), 0u);
        T_EXPECT_EQ(t, stub_machine_unit(1)->intr.nmis, nmis + round + 1);
        T_EXPECT_EQ(t, entry_get(&t->iommu->units[0]->intr.table[1], VTD_IRTE_SVT),
                    (uint64_t)VTD_SVT_SID + 1);
        T_ASSERT_OK(t, iommu_stop(t->iommu));
        for (unsigned i = 0; i < ARRAY_SIZE(sources); i++)
            T_EXPECT_ERR(t, sources[i].err, -ENODEV);
        T_ASSERT_OK(t, iommu_start(t->iommu));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
        host_intr_remove(&sources[i]);
        T_EXPECT_OK(t, sources[i].err);
    }
}

TEST(intr, not_remapped, .needs = NEED_HOST | NEED_IOMMU,
     .doc = "a function of no unit, and a pin of an I/O APIC of none, send as without remapping")
{
    struct host_intr stranger = {.intr = {.fn = {7, RID(0, 1, 0)}, .alias = RID(0, 1, 0)}};
    struct host_intr loose_pin = {.intr = {.is_pin = true, .ioapic = 99}};

    host_intr_add(&stranger);
    host_intr_add(&loose_pin);
    T_EXPECT_ERR(t, stranger.err, -ENODEV);
    T_EXPECT_ERR(t, loose_pin.err, -ENODEV);
    host_intr_remove(&stranger);
    host_intr_remove(&loose_pin);
}

/* ---- Events of the recording unit ---- */

TEST(event, stopped, .needs = NEED_HOST, .rules = "65 71",
     .doc =
         "unmasked while the unit runs; masked, with firmware's message, after stop and after drop, and what "
         "is recorded then interrupts nobody")
{
    const struct vtd_frcd fault = {{0x1000, 0x0000007100000810}};
    uint64_t mark = host_mark();
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    for (unsigned by_force = 0; by_force < 2; by_force++) {
        own_create(t, &own, &cfg);
        stub_set_reg(own.stub, VTD_OFF_FEDATA, 4, 0x99);
        stub_set_reg(own.stub, VTD_OFF_IEADDR, 4, 0xfee07000);
        T_ASSERT_OK(t, vtd_unit_start(own.unit));
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FECTL, 4), 0ull);
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_IECTL, 4), 0ull);
        if (by_force)
            vtd_unit_drop(own.unit);
        else
            T_ASSERT_OK(t, vtd_unit_stop(own.unit));
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FECTL, 4), 0x80000000ull);
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_IECTL, 4), 0x80000000ull);
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FEDATA, 4), 0x99ull);
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_IEADDR, 4), 0xfee07000ull);
        stub_record_fault(own.stub, &fault);
        T_EXPECT_EQ(t, own.unit->fault_event.taken, 0ull);
        if (!by_force)
            vtd_unit_destroy(own.unit);
    }
    host_quarantine(mark);
}

TEST(event, log_full, .needs = NEED_HOST, .rules = "65 67",
     .doc = "faults that nobody asks for fill the log and then the unit, whose overflow is told last; each "
            "record comes once, in order, and the event comes again")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_fault f;
    bool overflow = false;
    unsigned n = 0;

    own_start(t, &own, &cfg);
    for (unsigned i = 1; i <= VTD_FAULT_LOG + 6; i++)
        stub_record_fault(own.stub, &(struct vtd_frcd){{i * PAGE_SIZE, 0x0000007100000000 + i}});
    while (vtd_fault_poll(own.unit, &f, 1, &overflow) == 1 && !overflow)
        T_EXPECT_EQ(t, f.sid, ++n);
    T_EXPECT_EQ(t, f.sid, n + 1);
    T_EXPECT_EQ(t, n + 1, VTD_FAULT_LOG + 4);
    T_EXPECT(t, overflow);
    uint64_t taken = own.unit->fault_event.taken;
    stub_record_fault(own.stub, &(struct vtd_frcd){{0x1000, 0x0000007100000810}});
    T_EXPECT_EQ(t, own.unit->fault_event.taken, taken + 1);
    T_EXPECT_EQ(t, vtd_fault_poll(own.unit, &f, 1, &overflow), 1u);
    own_close(t, &own);
}

static struct {
    struct plat_work work;
    struct stub_unit *stub;
    uint64_t began;
} late;

static void complete(unused struct plat_work *work)
{
    for (unsigned i = 0; i < 50; i++)
        plat_relax();
    late.stub->faults.hold_queue = false;
    stub_run_queue(late.stub);
}

TEST(event, late_wait, .needs = NEED_HOST, .rules = "23",
     .doc = "a queue that takes its time: the wait sleeps, with its fence and event behind it, until the "
            "interrupt; one that never comes is noticed and the status read again")
{
    struct stub_cfg cfg = own_cfg();
    struct vtd_batch batch;
    struct own_unit own;

    own_start(t, &own, &cfg);
    for (unsigned lost = 0; lost < 2; lost++) {
        stub_stream_clear(own.stub);
        own.stub->faults.hold_queue = true;
        vtd_event_mask(own.unit, VTD_EVENT_QUEUE, lost);
        late.stub = own.stub;
        late.work = (struct plat_work){.run = complete};
        list_init(&late.work.link);
        T_ASSERT(t, plat_work_queue(&late.work));
        vtd_batch_init(&batch, own.unit);
        vtd_batch_sleep(&batch);
        vtd_batch_add(&batch, vtd_inv_iotlb_global());
        own_log_begin();
        T_EXPECT_OK(t, vtd_batch_submit_wait(&batch));
        T_EXPECT_EQ(t, own_log_has("no event"), lost == 1);
        own_log_end();
        T_ASSERT_EQ(t, own.stub->stream_count, 3u);
        T_EXPECT_EQ(t, own.stub->stream[1].q[0] & 0xffff, 0x65ull);
        T_EXPECT_EQ(t, own.stub->stream[2].q[0], 0x15ull);
        T_EXPECT_EQ(t, own.unit->stats.slept, 1ull);
        T_EXPECT_EQ(t, own.unit->stats.missed, (uint64_t)lost);
    }
    own_close(t, &own);
}
