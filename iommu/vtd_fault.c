/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fault records: a ring of CAP.NFR + 1 registers that the unit fills and software empties. VT-d 5.10,
 * Fault Recording Registers; rules 65-71.
 */
#include "iommu/vtd_fault.h"

#include "iommu/vtd_fmt.h"
#include "iommu/vtd_unit.h"
#include "kernel/lib/text.h"

#define REASON_NAME(code, qualified, name, text, what) {code, text, what},

static const struct reason {
    uint8_t code;
    const char *name;
    const char *what;
} reasons[] = {VTD_FAULT_REASONS(REASON_NAME)};

static const struct reason unknown_reason = {0, "?", "reason that the specification does not list"};

static const struct reason *reason_of(uint8_t code)
{
    for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (reasons[i].code == code)
            return &reasons[i];
    }
    return &unknown_reason;
}

static bool is_interrupt_reason(uint8_t code)
{
    return code >= VTD_FR_IR_RESERVED_REQUEST && code <= VTD_FR_IR_DISABLED;
}

void vtd_fault_decode(const struct vtd_frcd *raw, struct vtd_fault *out)
{
    uint8_t code = (uint8_t)entry_get(raw, VTD_FRCD_FR);

    *out = (struct vtd_fault){
        .reason = code,
        .name = reason_of(code)->name,
        .sid = (uint16_t)entry_get(raw, VTD_FRCD_SID),
        .pp = entry_get(raw, VTD_FRCD_PP),
        .pasid = (uint32_t)entry_get(raw, VTD_FRCD_PV),
        .interrupt = is_interrupt_reason(code),
        .type = (enum vtd_fault_type)(2 * entry_get(raw, VTD_FRCD_T1) + entry_get(raw, VTD_FRCD_T2)),
        .at = (enum vtd_at)entry_get(raw, VTD_FRCD_AT),
        .exe = entry_get(raw, VTD_FRCD_EXE),
        .priv = entry_get(raw, VTD_FRCD_PRIV),
        .raw = *raw,
    };
    if (out->interrupt)
        out->index = (uint16_t)entry_get(raw, VTD_FRCD_INDEX);
    else
        out->address = entry_get_addr(raw, VTD_FRCD_FI);
}

/* True if record `n` holds a fault. The dword with F comes first, which hardware writes last (rule 66): 64
 * bits may be read in two halves, the lower one first, and a fault may arrive in between. */
static bool read_record(struct vtd_unit *unit, unsigned n, struct vtd_frcd *out)
{
    uint64_t top = vtd_read(&unit->io, vtd_reg_frcd_top(unit->caps.cap, n));

    if (!FIELD_GET(VTD_FRCD_TOP_F, top))
        return false;
    out->q[0] = vtd_read(&unit->io, vtd_reg_frcd_low(unit->caps.cap, n));
    out->q[1] = vtd_read(&unit->io, vtd_reg_frcd_high(unit->caps.cap, n));
    return true;
}

static void clear_record(struct vtd_unit *unit, unsigned n)
{
    vtd_write(&unit->io, vtd_reg_frcd_top(unit->caps.cap, n), SPAN_MASK(VTD_FRCD_TOP_F));
}

static bool log_full(const struct vtd_fault_log *log)
{
    return log->count == VTD_FAULT_LOG;
}

/* Takes records from FRI on up to the first free one; how many. */
static unsigned take_records(struct vtd_unit *unit, unsigned first)
{
    struct vtd_fault_log *log = &unit->faults;
    unsigned taken = 0;

    while (taken < unit->caps.nfr && !log_full(log)) {
        unsigned n = (first + taken) % unit->caps.nfr;

        if (!read_record(unit, n, &log->records[(log->first + log->count) % VTD_FAULT_LOG]))
            break;
        clear_record(unit, n);
        log->count++;
        taken++;
    }
    return taken;
}

/* Where the first pending record is; false: there is none. */
static bool records_pending(struct vtd_unit *unit, unsigned *first)
{
    uint64_t fsts = vtd_read(&unit->io, VTD_FSTS);

    *first = (unsigned)FIELD_GET(VTD_FSTS_FRI, fsts);
    return FIELD_GET(VTD_FSTS_PPF, fsts);
}

/* Until PPF is 0, for only then the next fault sends an event (rule 65); each round takes a record. */
static void collect(struct vtd_unit *unit)
{
    unsigned first;

    while (records_pending(unit, &first)) {
        if (take_records(unit, first) == 0)
            return;
    }
    if (FIELD_GET(VTD_FSTS_PFO, vtd_read(&unit->io, VTD_FSTS))) {
        unit->faults.overflow = true;
        vtd_write(&unit->io, VTD_FSTS, SPAN_MASK(VTD_FSTS_PFO));
    }
}

void vtd_fault_collect(struct vtd_unit *unit)
{
    plat_lock(&unit->fault_lock);
    collect(unit);
    plat_unlock(&unit->fault_lock);
}

unsigned vtd_fault_poll(struct vtd_unit *unit, struct vtd_fault *out, unsigned max, bool *overflow)
{
    struct vtd_fault_log *log = &unit->faults;
    unsigned count = 0;
    bool lost = false;

    plat_lock(&unit->fault_lock);
    collect(unit);
    while (count < max && log->count > 0) {
        vtd_fault_decode(&log->records[log->first], &out[count]);
        out[count++].segment = unit->segment;
        log->first = (log->first + 1) % VTD_FAULT_LOG;
        log->count--;
    }
    if (log->count == 0) {
        lost = log->overflow;
        log->overflow = false;
    }
    plat_unlock(&unit->fault_lock);
    if (overflow != NULL)
        *overflow = lost;
    return count;
}

void vtd_fault_clear(struct vtd_unit *unit)
{
    struct vtd_frcd raw;

    plat_lock(&unit->fault_lock);
    for (unsigned n = 0; n < unit->caps.nfr; n++) {
        if (read_record(unit, n, &raw))
            clear_record(unit, n);
    }
    unit->faults = (struct vtd_fault_log){0};
    vtd_write(&unit->io, VTD_FSTS,
              SPAN_MASK(VTD_FSTS_PFO) | SPAN_MASK(VTD_FSTS_IQE) | SPAN_MASK(VTD_FSTS_ICE) |
                  SPAN_MASK(VTD_FSTS_ITE));
    plat_unlock(&unit->fault_lock);
}

/* ---- Text ---- */

static const char *type_name(enum vtd_fault_type type)
{
    static const char *const names[] = {
        [VTD_FAULT_WRITE] = "write",
        [VTD_FAULT_PAGE_REQUEST] = "page request",
        [VTD_FAULT_READ] = "read",
        [VTD_FAULT_ATOMIC] = "atomic",
    };

    return names[type];
}

static const char *at_name(enum vtd_at at)
{
    static const char *const names[] = {
        [VTD_AT_UNTRANSLATED] = "",
        [VTD_AT_TRANSLATION] = " translation-request",
        [VTD_AT_TRANSLATED] = " translated",
    };

    return at <= VTD_AT_TRANSLATED ? names[at] : " at=3";
}

const char *vtd_fault_text(const struct vtd_fault *fault, char *text, size_t size)
{
    struct text t = text_in(text, size);

    text_hex(&t, fault->reason, 2);
    text_add(&t, "h ");
    if (fault->name[0] != '\0') {
        text_add(&t, fault->name);
        text_add(&t, " ");
    }
    text_add(&t, "sid ");
    text_function(&t, fault->segment, fault->sid);
    if (fault->pp) {
        text_add(&t, " pasid ");
        text_hex(&t, fault->pasid, 1);
    }
    if (fault->interrupt) {
        text_add(&t, " interrupt index ");
        text_hex(&t, fault->index, 1);
    } else {
        text_add(&t, " ");
        text_add(&t, type_name(fault->type));
        text_add(&t, " ");
        text_hex(&t, fault->address, 1);
    }
    text_add(&t, at_name(fault->at));
    text_add(&t, fault->exe ? " exe" : "");
    text_add(&t, fault->priv ? " priv" : "");
    text_add(&t, ": ");
    text_add(&t, reason_of(fault->reason)->what);
    return text;
}
