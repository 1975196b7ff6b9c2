/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite unit, host only: take-over and give-back on a recording unit, write by write; commands that are late
 * or never done; memory that runs out.
 */
#include <string.h>

#include "iommu/vtd_fault.h"
#include "tests/host/own_unit.h"

/* Values written to GCMD since the trace began. */
static unsigned gcmd_writes(uint64_t base, uint32_t *out, unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < host_trace_count(); i++) {
        const struct host_event *e = host_trace(i);

        if (e->kind == HOST_MMIO32 && e->pa == base + VTD_OFF_GCMD && n < max)
            out[n++] = (uint32_t)e->value;
    }
    return n;
}

TEST(unit, gcmd_writes, .needs = NEED_HOST, .rules = "1 2 5",
     .doc =
         "start writes QIE, SRTP, TE and stop takes TE and QIE back: one bit per write, no one-shot repeated")
{
    static const uint32_t want[] = {0x04000000, 0x44000000, 0x84000000, 0x04000000, 0};
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    uint32_t got[8];

    own_create(t, &own, &cfg);
    host_trace_start();
    T_ASSERT_OK(t, vtd_unit_start(own.unit));
    T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    host_trace_stop();
    T_ASSERT_EQ(t, gcmd_writes(cfg.base.v, got, 8), (unsigned)ARRAY_SIZE(want));
    T_EXPECT_MEM(t, got, want, sizeof(want));
    own_close(t, &own);
}

TEST(unit, invalidation_after_srtp, .needs = NEED_HOST, .rules = "7",
     .doc = "ESRTPS = 0: cc, pc and iotlb global with a wait follow SRTP; ESRTPS = 1: nothing does")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_start(t, &own, &cfg);
    T_EXPECT_EQ(t, own.stub->stream_count, 0u);
    own_close(t, &own);

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_ESRTPS), false);
    own_start(t, &own, &cfg);
    T_ASSERT_EQ(t, own.stub->stream_count, 4u);
    T_EXPECT_EQ(t, own.stub->stream[0].q[0], 0x11ull);
    T_EXPECT_EQ(t, own.stub->stream[1].q[0], 0x37ull);
    T_EXPECT_EQ(t, own.stub->stream[2].q[0], 0xd2ull);
    own_close(t, &own);
}

/* Registers that firmware may have used, and what it left there. */
static const struct left_over {
    uint32_t offset;
    unsigned width;
    uint64_t value;
} left_over[] = {
    {VTD_OFF_RTADDR, 8, 0x7ff0000}, {VTD_OFF_IQA, 8, 0x7ff1800},   {VTD_OFF_IRTA, 8, 0x7ff200f},
    {VTD_OFF_FECTL, 4, 0},          {VTD_OFF_FEDATA, 4, 0x41},     {VTD_OFF_FEADDR, 4, 0xfee01000},
    {VTD_OFF_PMEN, 4, 0x80000001},  {VTD_OFF_GSTS, 4, 0xc7800000},
};

TEST(unit, firmware_left_it_on, .needs = NEED_HOST, .rules = "72 73",
     .doc = "translation, queue, interrupt remapping and protected memory on at start: ended, and put back "
            "at stop")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_PLMR), true);
    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_IR), true);
    own_create(t, &own, &cfg);
    own.stub->last_was_wait = true;
    for (unsigned i = 0; i < ARRAY_SIZE(left_over); i++)
        stub_set_reg(own.stub, left_over[i].offset, left_over[i].width, left_over[i].value);

    T_ASSERT_OK(t, vtd_unit_start(own.unit));
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4), 0xc5000000ull);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_PMEN, 4), 0ull);
    T_EXPECT_EQ(t, own.stub->root, plat_pa(own.unit->root).v + 0x400);
    T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    for (unsigned i = 0; i < ARRAY_SIZE(left_over); i++)
        T_EXPECT_EQ(t, stub_reg(own.stub, left_over[i].offset, left_over[i].width), left_over[i].value);
    T_EXPECT_EQ(t, own.stub->root, 0x7ff0000ull);
    own_close(t, &own);
}

static void leave_on(struct own_unit *own)
{
    own->stub->last_was_wait = true;
    for (unsigned i = 0; i < ARRAY_SIZE(left_over); i++)
        stub_set_reg(own->stub, left_over[i].offset, left_over[i].width, left_over[i].value);
}

static void expect_left_on(struct t *t, const struct own_unit *own)
{
    for (unsigned i = 0; i < ARRAY_SIZE(left_over); i++)
        T_EXPECT_EQ(t, stub_reg(own->stub, left_over[i].offset, left_over[i].width), left_over[i].value);
}

TEST(unit, firmware_quiet, .needs = NEED_HOST, .rules = "72 73",
     .doc =
         "what firmware left on goes off before the unit is started, and comes back at stop: after a start, "
         "without one, and where the unit did not obey")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_PLMR), true);
    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_IR), true);
    own_create(t, &own, &cfg);
    (void)host_fail_allocation(1);
    T_EXPECT_ERR(t, vtd_unit_quiet(own.unit), -ENOMEM);
    for (unsigned started = 0; started < 2; started++) {
        leave_on(&own);
        T_ASSERT_OK(t, vtd_unit_quiet(own.unit));
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4) & 0x86800000, 0x04000000ull); /* our queue */
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_PMEN, 4), 0ull);
        if (started)
            T_ASSERT_OK(t, vtd_unit_start(own.unit));
        T_ASSERT_OK(t, vtd_unit_stop(own.unit));
        expect_left_on(t, &own);
    }
    own.unit->timeout_ns = 5000000;
    own.stub->faults.ignored_commands = (uint32_t)SPAN_MASK(VTD_GCMD_TE);
    T_EXPECT_ERR(t, vtd_unit_quiet(own.unit), -ETIMEDOUT);
    T_EXPECT(t, !own.unit->quiet);
    own.stub->faults.ignored_commands = 0;
    own.stub->command = 0;
    if (own.unit->taken)
        T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    own.stub->breach_count = 0; /* commands behind one that is not over */
    expect_left_on(t, &own);
    own_close(t, &own);
}

/* Place in the trace of the last write of `value` to a register of 32 bits; 0 if there was none. */
static unsigned last_write(uint64_t pa, uint64_t value)
{
    unsigned at = 0;

    for (unsigned i = 0; i < host_trace_count(); i++) {
        const struct host_event *e = host_trace(i);

        if (e->kind == HOST_MMIO32 && e->pa == pa && e->value == value)
            at = i + 1;
    }
    return at;
}

TEST(unit, firmware_memory_protected, .needs = NEED_HOST, .rules = "4 72",
     .doc = "protected memory of the firmware goes off after TE came on, and is on again before TE goes off")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    uint64_t pmen;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_PHMR), true);
    own_create(t, &own, &cfg);
    pmen = own.stub->cfg.base.v + VTD_OFF_PMEN;
    stub_set_reg(own.stub, VTD_OFF_PMEN, 4, 0x80000001);
    host_trace_start();
    T_ASSERT_OK(t, vtd_unit_start(own.unit));
    T_EXPECT_GT(t, last_write(pmen, 1), last_write(pmen - VTD_OFF_PMEN + VTD_OFF_GCMD, 0x84000000));
    T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    host_trace_stop();
    T_EXPECT_LT(t, last_write(pmen, 0x80000000), last_write(pmen - VTD_OFF_PMEN + VTD_OFF_GCMD, 0x04000000));
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_PMEN, 4), 0x80000001ull);
    own_close(t, &own);
}

TEST(unit, firmware_root_comes_back, .needs = NEED_HOST, .rules = "6 7 8 22",
     .doc = "ESRTPS = ESIRTPS = 0: translation in legacy mode was on, the mode changes with TES = 0 only; on "
            "the way out what is cached of our tables is invalidated by our queue, with what its mode allows")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_ESRTPS), false);
    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_IR), true);
    own_create(t, &own, &cfg);
    stub_set_reg(own.stub, VTD_OFF_RTADDR, 8, 0x7ff0000);
    stub_set_reg(own.stub, VTD_OFF_IRTA, 8, 0x7ff200f);
    stub_set_reg(own.stub, VTD_OFF_GSTS, 4, 0xc3000000);
    own.stub->root = 0x7ff0000;
    T_ASSERT_OK(t, vtd_unit_start(own.unit));
    stub_stream_clear(own.stub);
    T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    T_ASSERT_EQ(t, own.stub->stream_count, 6u); /* iec, wait; cc, iotlb, wait; a wait ends the queue */
    T_EXPECT_EQ(t, own.stub->stream[0].q[0], 0x04ull);
    T_EXPECT_EQ(t, own.stub->stream[2].q[0], 0x11ull);
    T_EXPECT_EQ(t, own.stub->stream[3].q[0], 0xd2ull);
    T_EXPECT_EQ(t, own.stub->root, 0x7ff0000ull);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4), 0xc3000000ull);
    own_close(t, &own);
}

/* A queue as firmware may leave it: two descriptors, stopped at the first by `cause`. */
static void leave_queue(struct own_unit *own, struct vtd_desc *ring, uint64_t cause)
{
    stub_set_reg(own->stub, VTD_OFF_IQA, 8, plat_pa(ring).v | SPAN_MASK(VTD_IQA_DW));
    stub_set_reg(own->stub, VTD_OFF_IQT, 8, 2 * sizeof(*ring));
    stub_set_reg(own->stub, VTD_OFF_GSTS, 4, SPAN_MASK(VTD_GSTS_QIES));
    stub_set_reg(own->stub, VTD_OFF_FSTS, 4, cause);
    own->stub->stopped = true;
}

TEST(unit, firmware_queue_stuck, .needs = NEED_HOST, .rules = "22 31 32",
     .doc = "a queue left stopped: by a time-out it is set going and drained; at a descriptor that the unit "
            "refuses it is turned off all the same, and a line says so")
{
    struct vtd_desc *ring = plat_pages_alloc(1, OWNER_TEST);
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    if (ring == NULL)
        t_error(t, "no memory");
    for (unsigned refused = 0; refused < 2; refused++) {
        ring[0] = refused ? (struct vtd_desc){{0xf}} : vtd_inv_pc_global();
        ring[1] = vtd_inv_wait((paddr_t){plat_pa(ring).v + PAGE_SIZE / 2}, 1);
        own_create(t, &own, &cfg);
        own.stub->faults.sticky_iqe = true;
        leave_queue(&own, ring, refused ? SPAN_MASK(VTD_FSTS_IQE) : SPAN_MASK(VTD_FSTS_ITE));
        own_log_begin();
        T_EXPECT_OK(t, vtd_unit_start(own.unit));
        own_log_end();
        T_EXPECT_EQ(t, own.stub->stream_count, refused ? 0u : 2u);
        T_EXPECT_EQ(t, own_log_has("queue of the firmware's is stuck"), refused == 1);
        T_EXPECT_EQ(t, own.stub->breach_count, refused); /* rule 22 cannot be kept */
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FSTS, 4), 0ull);
        own.stub->breach_count = 0;
        own_close(t, &own);
    }
    plat_pages_free(ring, 1);
}

TEST(unit, old_faults_go, .needs = NEED_HOST, .rules = "4 66",
     .doc = "records, overflow and queue errors of an earlier life are cleared by start")
{
    const struct vtd_frcd record = {{0x1000, 0x0000005900000810}};
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_fault f;

    own_create(t, &own, &cfg);
    for (unsigned i = 0; i < 6; i++)
        stub_record_fault(own.stub, &record);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FSTS, 4), 3ull);
    T_ASSERT_OK(t, vtd_unit_start(own.unit));
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FSTS, 4) & 0xff, 0ull);
    T_EXPECT_EQ(t, vtd_fault_poll(own.unit, &f, 1, NULL), 0u);
    own_close(t, &own);
}

TEST(unit, late_command, .needs = NEED_HOST, .rules = "1 3",
     .doc = "every command takes its time; none is written early")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_create(t, &own, &cfg);
    own.stub->faults.command_ticks = 300;
    T_ASSERT_OK(t, vtd_unit_start(own.unit));
    T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    own_close(t, &own);
}

TEST(unit, dead_command, .needs = NEED_HOST, .rules = "3",
     .doc = "a command without effect: -ETIMEDOUT, a line that names it, and nothing of ours is left on or "
            "allocated")
{
    static const struct {
        uint64_t bit;
        const char *words;
    } rows[] = {
        {SPAN_MASK(VTD_GCMD_QIE), "no change of GSTS.QIES within"},
        {SPAN_MASK(VTD_GCMD_SRTP), "no GSTS.RTPS = 1 within"},
        {SPAN_MASK(VTD_GCMD_TE), "no change of GSTS.TES within"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t tables = host_pages(OWNER_TABLE), queues = host_pages(OWNER_QUEUE);
        struct stub_cfg cfg = own_cfg();
        struct own_unit own;

        own_create(t, &own, &cfg);
        own.stub->faults.ignored_commands = (uint32_t)rows[i].bit;
        own_log_begin();
        T_EXPECT_ERR(t, vtd_unit_start(own.unit), -ETIMEDOUT);
        own_log_end();
        T_EXPECT(t, own_log_has(rows[i].words));
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4) & 0x86000000, 0ull);
        T_EXPECT_EQ(t, host_pages(OWNER_TABLE), tables);
        T_EXPECT_EQ(t, host_pages(OWNER_QUEUE), queues);
        T_EXPECT(t, !own.unit->taken);
        own.stub->breach_count = 0; /* the command that never ended is under way for ever */
        own_close(t, &own);
    }
}

TEST(unit, refused, .needs = NEED_HOST,
     .doc = "no scalable mode, no registers: -ENODEV with the reason, nothing written or kept")
{
    struct stub_cfg cfg = own_cfg();
    size_t objects = host_objects(OWNER_TABLE);
    struct vtd_unit *unit = NULL;
    struct stub_unit *stub;
    const char *why = NULL;
    struct own_unit own;

    own_create(t, &own, &cfg);
    own_close(t, &own);
    stub = own.stub;
    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_SMTS), false);
    stub_unit_create(stub, &cfg);
    T_EXPECT_ERR(t, vtd_unit_create(cfg.base, PAGE_SIZE, 0, OWN_HAW, &unit, &why), -ENODEV);
    T_EXPECT_EQ(t, why, "no scalable mode (ECAP.SMTS = 0)");
    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_QI), false);
    stub_unit_create(stub, &cfg);
    T_EXPECT_ERR(t, vtd_unit_create(cfg.base, PAGE_SIZE, 0, OWN_HAW, &unit, &why), -ENODEV);
    T_EXPECT_EQ(t, why, "no queued invalidation (ECAP.QI = 0)");
    T_EXPECT_ERR(t, vtd_unit_create((paddr_t){0xfedb0000}, PAGE_SIZE, 0, OWN_HAW, &unit, &why), -ENODEV);
    T_EXPECT_EQ(t, why, "no unit answers: registers read all ones");
    T_EXPECT_EQ(t, stub->commands, 0ull);
    T_EXPECT_EQ(t, host_objects(OWNER_TABLE), objects);
}

TEST(unit, far_registers, .needs = NEED_HOST,
     .doc = "fault records beyond the first page are mapped, though the DRHD names one page")
{
    const struct vtd_frcd record = {{0x5000, 0x0000005900000810}};
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_fault f;

    cfg.cap = FIELD_SET(VTD_CAP_FRO, cfg.cap, 0x110);
    own_start(t, &own, &cfg);
    stub_record_fault(own.stub, &record);
    T_ASSERT_EQ(t, vtd_fault_poll(own.unit, &f, 1, NULL), 1u);
    T_EXPECT_EQ(t, f.address, 0x5000ull);
    own_close(t, &own);
}

TEST(unit, no_memory, .needs = NEED_HOST,
     .doc = "every single allocation of start fails once: -ENOMEM, all off, nothing kept")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    unsigned n = 1;
    int err;

    own_create(t, &own, &cfg);
    for (;; n++) {
        size_t tables = host_pages(OWNER_TABLE), queues = host_pages(OWNER_QUEUE);

        host_fail_allocation(n);
        err = vtd_unit_start(own.unit);
        host_fail_allocation(0);
        if (err == 0)
            break;
        T_ASSERT_ERR(t, err, -ENOMEM);
        T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4) & 0x86000000, 0ull);
        T_EXPECT_EQ(t, host_pages(OWNER_TABLE), tables);
        T_EXPECT_EQ(t, host_pages(OWNER_QUEUE), queues);
    }
    T_EXPECT_EQ(t, n, 6u); /* root, domain ids, ring, spare, status words */
    own_close(t, &own);
}

TEST(unit, drop_running, .needs = NEED_HOST,
     .doc = "dropped while it runs, a lock held and a batch pending: all off, registers as found")
{
    struct stub_cfg cfg = own_cfg();
    uint64_t mark = host_mark();
    struct own_unit own;

    own_start(t, &own, &cfg);
    (void)own_attach(t, &own);
    vtd_event_mask(own.unit, VTD_EVENT_FAULT, true); /* its handler would wait for the locks */
    own.stub->faults.hold_queue = true;
    T_ASSERT_OK(t, vtd_qi_submit_raw(own.unit, &(struct vtd_desc){{0xf}}, 1, false));
    own.unit->command_lock.state = 1; /* of a thread that is no more */
    own.unit->queue.lock.state = 1;
    own.stub->faults.hold_queue = false;
    stub_run_queue(own.stub);
    own_log_begin();
    vtd_unit_drop(own.unit);
    own_log_end();
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4) & 0x86000000, 0ull);
    T_EXPECT_EQ(t, own.stub->breach_count, 0u);
    host_quarantine(mark);
    own_start(t, &own, &cfg); /* a new object takes the unit over */
    own_close(t, &own);
}

TEST(unit, drop_dead, .needs = NEED_HOST,
     .doc = "dropped while it obeys nothing: no hang, and a line that says so")
{
    struct stub_cfg cfg = own_cfg();
    uint64_t mark = host_mark();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.stub->faults.ignored_commands = UINT32_MAX;
    own_log_begin();
    vtd_unit_drop(own.unit);
    own_log_end();
    T_EXPECT(t, own_log_has("does not obey while it is dropped"));
    host_quarantine(mark);
}

/* ---- Fault records ---- */

static struct vtd_frcd fault_of(unsigned n)
{
    return (struct vtd_frcd){{(uint64_t)n * PAGE_SIZE, 0x0000005900000000 + n}};
}

TEST(unit, record_ring, .needs = NEED_HOST, .rules = "66 67",
     .doc = "records come oldest first, across the end of the ring, as many as asked for; the rest stays")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_fault f[8];
    bool overflow = true;
    unsigned n = 1;

    own_start(t, &own, &cfg);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 3; i++)
            stub_record_fault(own.stub, &(struct vtd_frcd){{fault_of(n + i).q[0], fault_of(n + i).q[1]}});
        T_ASSERT_EQ(t, vtd_fault_poll(own.unit, f, 2, &overflow), 2u);
        T_EXPECT_EQ(t, f[0].sid, n);
        T_EXPECT_EQ(t, f[1].sid, n + 1);
        T_ASSERT_EQ(t, vtd_fault_poll(own.unit, f, 8, &overflow), 1u);
        T_EXPECT_EQ(t, f[0].address, (uint64_t)(n + 2) * PAGE_SIZE);
        T_EXPECT(t, !overflow);
        n += 3;
    }
    T_EXPECT_EQ(t, vtd_fault_poll(own.unit, f, 8, &overflow), 0u);
    own_close(t, &own);
}

TEST(unit, record_overflow, .needs = NEED_HOST, .rules = "67",
     .doc = "more faults than records: the loss is told once everything was read, and recording resumes")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    struct vtd_fault f[8];
    bool overflow = true;

    own_start(t, &own, &cfg);
    vtd_event_mask(own.unit, VTD_EVENT_FAULT, true);
    for (unsigned i = 1; i <= 6; i++)
        stub_record_fault(own.stub, &(struct vtd_frcd){{fault_of(i).q[0], fault_of(i).q[1]}});
    T_ASSERT_EQ(t, vtd_fault_poll(own.unit, f, 3, &overflow), 3u);
    T_EXPECT(t, !overflow);
    T_ASSERT_EQ(t, vtd_fault_poll(own.unit, f, 3, &overflow), 1u);
    T_EXPECT(t, overflow);
    T_EXPECT_EQ(t, f[0].sid, 4u);
    stub_record_fault(own.stub, &(struct vtd_frcd){{fault_of(9).q[0], fault_of(9).q[1]}});
    T_ASSERT_EQ(t, vtd_fault_poll(own.unit, f, 3, &overflow), 1u);
    T_EXPECT_EQ(t, f[0].sid, 9u);
    T_EXPECT(t, !overflow);
    own_close(t, &own);
}
