/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of the recording unit. VT-d 5.10, Register Descriptions; rules 1-5, 12, 18-22, 65-72.
 */
#include "tests/host/stub_unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_UNITS 4

#define LEVEL_BITS                                                                                           \
    (SPAN_MASK(VTD_GCMD_TE) | SPAN_MASK(VTD_GCMD_QIE) | SPAN_MASK(VTD_GCMD_IRE) | SPAN_MASK(VTD_GCMD_CFI))
#define ONE_SHOT_BITS (SPAN_MASK(VTD_GCMD_SRTP) | SPAN_MASK(VTD_GCMD_SIRTP) | SPAN_MASK(VTD_GCMD_WBF))
#define FSTS_W1C                                                                                             \
    (SPAN_MASK(VTD_FSTS_PFO) | SPAN_MASK(VTD_FSTS_IQE) | SPAN_MASK(VTD_FSTS_ICE) | SPAN_MASK(VTD_FSTS_ITE))
#define FSTS_EVENTS (FSTS_W1C | SPAN_MASK(VTD_FSTS_PPF))
#define QUEUE_STOPS (SPAN_MASK(VTD_FSTS_IQE) | SPAN_MASK(VTD_FSTS_ITE))

static struct stub_unit *units[MAX_UNITS];
static unsigned unit_count;

void stub_breach(struct stub_unit *unit, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    if (unit->breach_count < STUB_BREACH_MAX)
        vsnprintf(unit->breaches[unit->breach_count], sizeof(unit->breaches[0]), fmt, args);
    va_end(args);
    unit->breach_count++;
}

uint64_t stub_reg(const struct stub_unit *unit, uint32_t offset, unsigned width)
{
    uint64_t value = 0;

    memcpy(&value, (const uint8_t *)unit->regs + offset, width);
    return value;
}

void stub_set_reg(struct stub_unit *unit, uint32_t offset, unsigned width, uint64_t value)
{
    memcpy((uint8_t *)unit->regs + offset, &value, width);
}

static uint64_t get32(const struct stub_unit *unit, uint32_t offset)
{
    return stub_reg(unit, offset, 4);
}

static void set32(struct stub_unit *unit, uint32_t offset, uint64_t value)
{
    stub_set_reg(unit, offset, 4, value);
}

/* ---- Events ---- */

/* The message of an event register group: control, data, address, upper address follow each other. */
static void send_event(struct stub_unit *unit, uint32_t control)
{
    uint64_t value = get32(unit, control);

    if (FIELD_GET(VTD_EVENT_IM, value)) {
        set32(unit, control, value | SPAN_MASK(VTD_EVENT_IP));
        return;
    }
    set32(unit, control, FIELD_SET(VTD_EVENT_IP, value, 0));
    host_msi_send((uint32_t)get32(unit, control + 8), (uint32_t)get32(unit, control + 4));
}

static void write_event_control(struct stub_unit *unit, uint32_t control, uint64_t value)
{
    uint64_t old = get32(unit, control);

    set32(unit, control, FIELD_SET(VTD_EVENT_IM, old, FIELD_GET(VTD_EVENT_IM, value)));
    if (FIELD_GET(VTD_EVENT_IP, old) && !FIELD_GET(VTD_EVENT_IM, value))
        send_event(unit, control);
}

void stub_raise(struct stub_unit *unit, uint64_t causes)
{
    uint64_t fsts = get32(unit, VTD_OFF_FSTS);

    set32(unit, VTD_OFF_FSTS, fsts | causes);
    if ((fsts & FSTS_EVENTS) == 0)
        send_event(unit, VTD_OFF_FECTL);
}

void stub_raise_completion(struct stub_unit *unit)
{
    uint64_t ics = get32(unit, VTD_OFF_ICS);

    set32(unit, VTD_OFF_ICS, ics | SPAN_MASK(VTD_ICS_IWC));
    if (!FIELD_GET(VTD_ICS_IWC, ics))
        send_event(unit, VTD_OFF_IECTL);
}

static void write_ics(struct stub_unit *unit, uint64_t value)
{
    uint64_t ics = get32(unit, VTD_OFF_ICS) & ~(value & SPAN_MASK(VTD_ICS_IWC));
    uint64_t iectl = get32(unit, VTD_OFF_IECTL);

    set32(unit, VTD_OFF_ICS, ics);
    if (!FIELD_GET(VTD_ICS_IWC, ics))
        set32(unit, VTD_OFF_IECTL, FIELD_SET(VTD_EVENT_IP, iectl, 0));
}

static void causes_cleared(struct stub_unit *unit)
{
    uint64_t fectl = get32(unit, VTD_OFF_FECTL);

    if ((get32(unit, VTD_OFF_FSTS) & FSTS_EVENTS) == 0)
        set32(unit, VTD_OFF_FECTL, FIELD_SET(VTD_EVENT_IP, fectl, 0));
}

static void write_fsts(struct stub_unit *unit, uint64_t value)
{
    uint64_t clear = value & FSTS_W1C;

    set32(unit, VTD_OFF_FSTS, get32(unit, VTD_OFF_FSTS) & ~clear);
    if ((clear & QUEUE_STOPS) != 0 && (get32(unit, VTD_OFF_FSTS) & QUEUE_STOPS) == 0 &&
        !unit->faults.sticky_iqe) {
        unit->stopped = false;
        stub_run_queue(unit);
    }
    causes_cleared(unit);
}

/* ---- Fault records ---- */

static unsigned record_count(const struct stub_unit *unit)
{
    return (unsigned)FIELD_GET(VTD_CAP_NFR, unit->cfg.cap) + 1;
}

static bool record_pending(const struct stub_unit *unit, unsigned n)
{
    return FIELD_GET(VTD_FRCD_TOP_F, get32(unit, vtd_reg_frcd_top(unit->cfg.cap, n).off));
}

void stub_record_fault(struct stub_unit *unit, const struct vtd_frcd *record)
{
    unsigned n = unit->fault_next;
    uint64_t fsts = get32(unit, VTD_OFF_FSTS);

    if (FIELD_GET(VTD_FSTS_PFO, fsts))
        return;
    if (record_pending(unit, n)) {
        stub_raise(unit, SPAN_MASK(VTD_FSTS_PFO));
        return;
    }
    stub_set_reg(unit, vtd_reg_frcd_low(unit->cfg.cap, n).off, 8, record->q[0]);
    stub_set_reg(unit, vtd_reg_frcd_high(unit->cfg.cap, n).off, 8, record->q[1] | SPAN_MASK(VTD_FRCD_F));
    if (!FIELD_GET(VTD_FSTS_PPF, fsts))
        set32(unit, VTD_OFF_FSTS, FIELD_SET(VTD_FSTS_FRI, fsts, n));
    unit->fault_next = (n + 1) % record_count(unit);
    stub_raise(unit, SPAN_MASK(VTD_FSTS_PPF));
}

/* FRI goes on to the next pending record, PPF follows the records. */
static void clear_record(struct stub_unit *unit, unsigned n)
{
    uint32_t top = vtd_reg_frcd_top(unit->cfg.cap, n).off;
    uint64_t fsts = get32(unit, VTD_OFF_FSTS);
    unsigned next = n;

    set32(unit, top, FIELD_SET(VTD_FRCD_TOP_F, get32(unit, top), 0));
    for (unsigned i = 0; i < record_count(unit) && !record_pending(unit, next); i++)
        next = (next + 1) % record_count(unit);
    fsts = FIELD_SET(VTD_FSTS_PPF, fsts, record_pending(unit, next));
    if (FIELD_GET(VTD_FSTS_PPF, fsts))
        fsts = FIELD_SET(VTD_FSTS_FRI, fsts, next);
    set32(unit, VTD_OFF_FSTS, fsts);
    causes_cleared(unit);
}

/* True if the offset is the top dword of a fault record; then `n` is its number. */
static bool is_record_top(const struct stub_unit *unit, uint32_t offset, unsigned *n)
{
    uint32_t first = vtd_reg_frcd_top(unit->cfg.cap, 0).off;

    *n = (offset - first) / 16;
    return offset >= first && (offset - first) % 16 == 0 && *n < record_count(unit);
}

/* ---- Commands ---- */

static void check_enable(struct stub_unit *unit, uint32_t bit)
{
    uint64_t iqa = stub_reg(unit, VTD_OFF_IQA, 8);

    if (bit == SPAN_MASK(VTD_GCMD_TE) && !FIELD_GET(VTD_GSTS_RTPS, get32(unit, VTD_OFF_GSTS)))
        stub_breach(unit, "rule 5: TE without SRTP before");
    if (bit == SPAN_MASK(VTD_GCMD_QIE) && stub_reg(unit, VTD_OFF_IQT, 8) != 0)
        stub_breach(unit, "rule 18: QIE while IQT is not 0");
    if (bit == SPAN_MASK(VTD_GCMD_QIE) && !FIELD_GET(VTD_IQA_DW, iqa))
        stub_breach(unit, "rule 19: queue of 128-bit descriptors");
}

static void check_disable(struct stub_unit *unit, uint32_t bit)
{
    bool empty = stub_reg(unit, VTD_OFF_IQH, 8) == stub_reg(unit, VTD_OFF_IQT, 8);

    if (bit == SPAN_MASK(VTD_GCMD_QIE) && (!empty || !unit->last_was_wait))
        stub_breach(unit, "rule 22: QIE off with %s",
                    empty ? "a descriptor other than a wait last" : "a full queue");
}

static void root_table_set(struct stub_unit *unit)
{
    uint64_t now = FIELD_GET(VTD_RTADDR_TTM, stub_reg(unit, VTD_OFF_RTADDR, 8));

    if (now != FIELD_GET(VTD_RTADDR_TTM, unit->root) && !FIELD_GET(VTD_CAP_ESRTPS, unit->cfg.cap) &&
        FIELD_GET(VTD_GSTS_TES, get32(unit, VTD_OFF_GSTS)))
        stub_breach(unit, "rule 6: RTADDR.TTM changed with TES = 1 and ESRTPS = 0");
    unit->root = stub_reg(unit, VTD_OFF_RTADDR, 8);
    if (FIELD_GET(VTD_RTADDR_TTM, unit->root) == VTD_TTM_RESERVED)
        stub_breach(unit, "RTADDR.TTM is reserved");
}

static void command_done(struct stub_unit *unit)
{
    uint32_t bit = unit->command & ~unit->faults.ignored_commands;
    uint64_t gsts = get32(unit, VTD_OFF_GSTS);

    unit->command = 0;
    if (bit == SPAN_MASK(VTD_GCMD_SRTP))
        root_table_set(unit);
    if (bit == SPAN_MASK(VTD_GCMD_SIRTP))
        stub_intr_table_set(unit);
    if (bit == SPAN_MASK(VTD_GCMD_IRE))
        stub_intr_enabled(unit, !FIELD_GET(VTD_GSTS_IRES, gsts));
    if (bit == SPAN_MASK(VTD_GCMD_WBF))
        set32(unit, VTD_OFF_GSTS, gsts & ~SPAN_MASK(VTD_GSTS_WBFS));
    else
        set32(unit, VTD_OFF_GSTS, (bit & LEVEL_BITS) != 0 ? gsts ^ bit : gsts | bit);
    if (bit == SPAN_MASK(VTD_GCMD_QIE)) {
        stub_set_reg(unit, VTD_OFF_IQH, 8, 0);
        unit->stopped = false;
        unit->last_was_wait = true; /* or there is none: a queue that was not used */
    }
}

static void write_gcmd(struct stub_unit *unit, uint32_t value)
{
    uint64_t gsts = get32(unit, VTD_OFF_GSTS);
    uint32_t changed = (uint32_t)(((value ^ gsts) & LEVEL_BITS) | (value & ONE_SHOT_BITS));

    unit->commands++;
    if (unit->command != 0)
        stub_breach(unit, "rule 1: GCMD %08x while %08x is under way", value, unit->command);
    if (__builtin_popcount(changed) > 1)
        stub_breach(unit, "rule 2: GCMD %08x changes more than one bit of %08x", value, (unsigned)gsts);
    if ((value & ~(LEVEL_BITS | ONE_SHOT_BITS)) != 0)
        stub_breach(unit, "reserved bit in GCMD %08x", value);
    if (changed == 0)
        return;
    if ((changed & LEVEL_BITS & value) != 0)
        check_enable(unit, changed);
    else
        check_disable(unit, changed);
    if (changed == SPAN_MASK(VTD_GCMD_SRTP) || changed == SPAN_MASK(VTD_GCMD_SIRTP))
        set32(unit, VTD_OFF_GSTS, gsts & ~(uint64_t)changed);
    if (changed == SPAN_MASK(VTD_GCMD_WBF))
        set32(unit, VTD_OFF_GSTS, gsts | changed);
    unit->command = changed;
    unit->command_left = unit->faults.command_ticks;
    if (unit->command_left == 0 && (changed & unit->faults.ignored_commands) == 0)
        command_done(unit);
}

/* ---- The queue's registers ---- */

static bool queue_is_on(const struct stub_unit *unit)
{
    return FIELD_GET(VTD_GSTS_QIES, get32(unit, VTD_OFF_GSTS));
}

void stub_run_queue(struct stub_unit *unit)
{
    if (queue_is_on(unit) && !unit->faults.hold_queue && !unit->stopped)
        stub_queue_run(unit, unit->faults.per_tick);
}

static void write_tail(struct stub_unit *unit, uint64_t value)
{
    stub_set_reg(unit, VTD_OFF_IQT, 8, value & SPAN_MASK(VTD_IQT_QT));
    if (unit->faults.sticky_iqe && (get32(unit, VTD_OFF_FSTS) & QUEUE_STOPS) == 0)
        unit->stopped = false;
    if (unit->faults.per_tick == 0)
        stub_run_queue(unit);
}

static void write_queue_address(struct stub_unit *unit, uint64_t value)
{
    if (queue_is_on(unit))
        stub_breach(unit, "IQA changed while the queue is on");
    stub_set_reg(unit, VTD_OFF_IQA, 8, value);
}

/* ---- Access ---- */

/* Width in bytes of the register that starts at `offset`; 0 where none starts. */
static unsigned register_width(const struct stub_unit *unit, uint32_t offset)
{
    unsigned n;

    switch (offset) {
#define REGISTER_WIDTH(width, name, off, text)                                                               \
    case off:                                                                                                \
        return (width) / 8;
        VTD_REGS(REGISTER_WIDTH)
    }
    if (is_record_top(unit, offset, &n))
        return 4;
    if (is_record_top(unit, offset + 4, &n) || is_record_top(unit, offset + 12, &n))
        return 8;
    return 0;
}

static void check_access(struct stub_unit *unit, uint32_t offset, unsigned width, const char *what)
{
    if (register_width(unit, offset) != width)
        stub_breach(unit, "%s of %u bytes at %03x", what, width, offset);
}

static uint32_t read32(void *ctx, uint32_t offset)
{
    struct stub_unit *unit = ctx;

    check_access(unit, offset, 4, "read");
    return offset == VTD_OFF_GCMD ? 0 : (uint32_t)get32(unit, offset);
}

static uint64_t read64(void *ctx, uint32_t offset)
{
    struct stub_unit *unit = ctx;

    check_access(unit, offset, 8, "read");
    return stub_reg(unit, offset, 8);
}

static void write_plain(struct stub_unit *unit, uint32_t offset, uint64_t value)
{
    unsigned n;

    if (is_record_top(unit, offset, &n) && FIELD_GET(VTD_FRCD_TOP_F, value))
        clear_record(unit, n);
}

static void write32(void *ctx, uint32_t offset, uint32_t value)
{
    struct stub_unit *unit = ctx;

    check_access(unit, offset, 4, "write");
    switch (offset) {
    case VTD_OFF_GCMD:
        write_gcmd(unit, value);
        return;
    case VTD_OFF_FSTS:
        write_fsts(unit, value);
        return;
    case VTD_OFF_FECTL:
    case VTD_OFF_IECTL:
        write_event_control(unit, offset, value);
        return;
    case VTD_OFF_ICS:
        write_ics(unit, value);
        return;
    case VTD_OFF_PMEN:
        set32(unit, offset, FIELD_GET(VTD_PMEN_EPM, value) ? value | SPAN_MASK(VTD_PMEN_PRS) : 0);
        return;
    case VTD_OFF_FEDATA:
    case VTD_OFF_IEDATA:
        set32(unit, offset, value & UINT16_MAX);
        return;
    case VTD_OFF_FEADDR:
    case VTD_OFF_FEUADDR:
    case VTD_OFF_IEADDR:
    case VTD_OFF_IEUADDR:
        set32(unit, offset, value);
        return;
    }
    write_plain(unit, offset, value);
}

static void write_vcmd(struct stub_unit *unit, uint64_t value)
{
    if (FIELD_GET(VTD_VCRSP_IP, stub_reg(unit, VTD_OFF_VCRSP, 8)))
        stub_breach(unit, "rule 1: VCMD %llx while a virtual command is under way",
                    (unsigned long long)value);
    stub_set_reg(unit, VTD_OFF_VCRSP, 8,
                 unit->faults.vcmd_stuck ? SPAN_MASK(VTD_VCRSP_IP) : unit->faults.vcmd_answer);
}

static void write64(void *ctx, uint32_t offset, uint64_t value)
{
    struct stub_unit *unit = ctx;

    check_access(unit, offset, 8, "write");
    switch (offset) {
    case VTD_OFF_IQT:
        write_tail(unit, value);
        return;
    case VTD_OFF_IQA:
        write_queue_address(unit, value);
        return;
    case VTD_OFF_RTADDR:
    case VTD_OFF_IRTA:
        stub_set_reg(unit, offset, 8, value);
        return;
    case VTD_OFF_VCMD:
        write_vcmd(unit, value);
        return;
    case VTD_OFF_CCMD:
        stub_breach(unit, "rule 21: register-based invalidation");
        return;
    }
}

/* ---- Life ---- */

void stub_tick(void)
{
    for (unsigned i = 0; i < unit_count; i++) {
        struct stub_unit *unit = units[i];

        if (unit->command != 0 && (unit->command & unit->faults.ignored_commands) == 0 &&
            (unit->command_left == 0 || --unit->command_left == 0))
            command_done(unit);
        if (unit->faults.per_tick != 0)
            stub_run_queue(unit);
    }
}

void stub_stream_clear(struct stub_unit *unit)
{
    unit->stream_count = 0;
}

static void remember(struct stub_unit *unit)
{
    for (unsigned i = 0; i < unit_count; i++) {
        if (units[i] == unit)
            return;
    }
    plat_assert(unit_count < MAX_UNITS);
    units[unit_count++] = unit;
}

void stub_unit_create(struct stub_unit *unit, const struct stub_cfg *cfg)
{
    memset(unit, 0, sizeof(*unit));
    unit->cfg = *cfg;
    unit->mmio = (struct host_mmio){.base = cfg->base,
                                    .size = STUB_REG_BYTES,
                                    .ctx = unit,
                                    .read32 = read32,
                                    .read64 = read64,
                                    .write32 = write32,
                                    .write64 = write64};
    set32(unit, VTD_OFF_VER, cfg->ver);
    stub_set_reg(unit, VTD_OFF_CAP, 8, cfg->cap);
    stub_set_reg(unit, VTD_OFF_ECAP, 8, cfg->ecap);
    set32(unit, VTD_OFF_FECTL, SPAN_MASK(VTD_EVENT_IM));
    set32(unit, VTD_OFF_IECTL, SPAN_MASK(VTD_EVENT_IM));
    set32(unit, VTD_OFF_PECTL, SPAN_MASK(VTD_EVENT_IM));
    remember(unit);
    host_mmio_add(&unit->mmio);
    host_on_tick(stub_tick);
}
