/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults: what is recorded, what is not, and what the requester hears. VT-d 5.10, Fault Recording Registers,
 * Fault Status Register, Translation Fault Conditions; rules 65..71.
 */
#include "tests/model/model_priv.h"

#define M(field)    SPAN_MASK(field)
#define FSTS_EVENTS (M(VTD_FSTS_PFO) | M(VTD_FSTS_PPF) | M(VTD_FSTS_IQE) | M(VTD_FSTS_ICE) | M(VTD_FSTS_ITE))

/* ---- Properties of the reasons ---- */

/* 'Y' of each code; one that the list does not have counts as not qualified. */
#define QUALIFIED(number, qualified, name, text, what) [number] = (qualified),
static const char qualified_codes[256] = {VTD_FAULT_REASONS(QUALIFIED)};
#undef QUALIFIED

static bool is_qualified(uint8_t code)
{
    return qualified_codes[code] == 'Y';
}

/* Columns T and Tp: success without any right. */
static bool answers_nothing(uint8_t code)
{
    return code == VTD_FR_LGN_1 || code == VTD_FR_SPD_2 || code == VTD_FR_SPT_2 || code == VTD_FR_SPT_5 ||
           code == VTD_FR_SPT_6 || (code >= VTD_FR_SFS_1 && code <= VTD_FR_SFS_8) || code == VTD_FR_SSS_2 ||
           (code >= VTD_FR_SGN_1 && code <= VTD_FR_SGN_5) || code == VTD_FR_SFS_9 || code == VTD_FR_SFS_10;
}

static bool answers_effective(uint8_t code)
{
    return code == VTD_FR_LGN_2 || code == VTD_FR_LGN_3 || code == VTD_FR_SGN_6 || code == VTD_FR_SGN_7;
}

/* Columns T and Tp: unsupported request. */
static bool blocks_ats(uint8_t code)
{
    switch (code) {
    case VTD_FR_LCT_5:
    case VTD_FR_RTA_2:
    case VTD_FR_RTA_4:
    case VTD_FR_RTA_5:
    case VTD_FR_SRT_2:
    case VTD_FR_SCT_2:
    case VTD_FR_SCT_5:
    case VTD_FR_SCT_6:
    case VTD_FR_SCT_7:
    case VTD_FR_SCT_9:
    case VTD_FR_SGN_10:
        return true;
    default:
        return false;
    }
}

/* Columns X and Xp: completer abort where the PASID structures are bad. */
static bool aborts_translated(uint8_t code)
{
    return code == VTD_FR_SPD_1 || code == VTD_FR_SPD_3 || code == VTD_FR_SPT_1 || code == VTD_FR_SPT_3 ||
           code == VTD_FR_SPT_4;
}

enum fault_answer fault_answer(uint8_t code, const struct model_request *rq)
{
    if (rq->at == VTD_AT_TRANSLATED)
        return aborts_translated(code) ? ANSWER_CA : ANSWER_UR;
    if (rq->at != VTD_AT_TRANSLATION)
        return ANSWER_UR;
    if (answers_effective(code))
        return ANSWER_EFFECTIVE;
    if (answers_nothing(code))
        return ANSWER_NOTHING;
    return blocks_ats(code) ? ANSWER_UR : ANSWER_CA;
}

bool fault_is_recoverable(uint8_t code, const struct model_request *rq)
{
    enum fault_answer answer = fault_answer(code, rq);

    return (answer == ANSWER_NOTHING || answer == ANSWER_EFFECTIVE) && code != VTD_FR_SFS_10;
}

/* ---- Fault status ---- */

void fault_raise(struct model *m, uint64_t causes)
{
    uint64_t fsts = get32(m, FSTS);

    set32(m, FSTS, fsts | causes);
    if ((fsts & FSTS_EVENTS) == 0)
        event_send(m, VTD_OFF_FECTL);
}

static void causes_cleared(struct model *m)
{
    if ((get32(m, FSTS) & FSTS_EVENTS) == 0)
        event_drop(m, VTD_OFF_FECTL);
}

void fault_status_written(struct model *m, uint64_t clear)
{
    uint64_t stops = M(VTD_FSTS_IQE) | M(VTD_FSTS_ITE);

    if (m->cfg.no_fault_cap)
        clear &= M(VTD_FSTS_PFO) | M(VTD_FSTS_IQE);
    clear &= get32(m, FSTS);
    set32(m, FSTS, get32(m, FSTS) & ~clear);
    causes_cleared(m);
    if ((clear & stops) != 0)
        queue_error_cleared(m);
}

/* ---- Records ---- */

static unsigned records(const struct model *m)
{
    return (unsigned)CAP(m, NFR) + 1;
}

static struct vtd_frcd record(const struct model *m, unsigned n)
{
    return (struct vtd_frcd){{reg_get(m, vtd_reg_frcd_low(m->cfg.cap, n).off, 8),
                              reg_get(m, vtd_reg_frcd_high(m->cfg.cap, n).off, 8)}};
}

static bool is_pending(const struct model *m, unsigned n)
{
    struct vtd_frcd r = record(m, n);

    return entry_get(&r, VTD_FRCD_F);
}

/* Rule 68: while a record of the same requester is pending, the new fault may go into it. */
static bool collapses(struct model *m, uint16_t sid)
{
    for (unsigned i = 0; i < records(m); i++) {
        struct vtd_frcd r = record(m, i);

        if (entry_get(&r, VTD_FRCD_F) && entry_get(&r, VTD_FRCD_SID) == sid)
            return m->cfg.collapse;
    }
    return false;
}

static struct vtd_frcd make_record(const struct fault *f)
{
    struct vtd_frcd r = {{0}};

    entry_set_addr(&r, VTD_FRCD_FI, align_down(f->info, PAGE_SIZE));
    entry_set(&r, VTD_FRCD_SID, f->sid);
    entry_set(&r, VTD_FRCD_FR, f->code);
    entry_set(&r, VTD_FRCD_AT, f->at);
    entry_set(&r, VTD_FRCD_T1, f->type / 2u);
    entry_set(&r, VTD_FRCD_T2, f->type % 2u);
    entry_set(&r, VTD_FRCD_PP, f->has_pasid);
    entry_set(&r, VTD_FRCD_PV, f->has_pasid ? f->pasid : 0);
    entry_set(&r, VTD_FRCD_EXE, f->has_pasid && f->execute);
    entry_set(&r, VTD_FRCD_PRIV, f->has_pasid && f->privileged);
    entry_set(&r, VTD_FRCD_F, 1);
    return r;
}

void fault_record(struct model *m, const struct fault *f)
{
    uint64_t fsts = get32(m, FSTS);
    unsigned n = m->fault_next;
    struct vtd_frcd r = make_record(f);

    if ((f->fpd && is_qualified(f->code)) || FIELD_GET(VTD_FSTS_PFO, fsts) || collapses(m, f->sid))
        return;
    if (is_pending(m, n)) {
        fault_raise(m, M(VTD_FSTS_PFO));
        return;
    }
    reg_set(m, vtd_reg_frcd_low(m->cfg.cap, n).off, 8, r.q[0]);
    reg_set(m, vtd_reg_frcd_high(m->cfg.cap, n).off, 8, r.q[1]);
    if (!FIELD_GET(VTD_FSTS_PPF, fsts))
        set32(m, FSTS, FIELD_SET(VTD_FSTS_FRI, fsts, n));
    m->fault_next = (n + 1) % records(m);
    fault_raise(m, M(VTD_FSTS_PPF));
}

/* FRI goes on to the next pending record, PPF follows the records. */
void fault_top_written(struct model *m, unsigned n)
{
    uint64_t fsts = get32(m, FSTS);
    unsigned next = n;

    for (unsigned i = 0; i < records(m) && !is_pending(m, next); i++)
        next = (next + 1) % records(m);
    fsts = FIELD_SET(VTD_FSTS_PPF, fsts, is_pending(m, next));
    if (FIELD_GET(VTD_FSTS_PPF, fsts))
        fsts = FIELD_SET(VTD_FSTS_FRI, fsts, next);
    set32(m, FSTS, fsts);
    causes_cleared(m);
}

void fault_restart(struct model *m)
{
    m->fault_next = 0;
}

static enum vtd_fault_type type_of(const struct model_request *rq)
{
    static const enum vtd_fault_type types[] = {VTD_FAULT_READ, VTD_FAULT_WRITE, VTD_FAULT_ATOMIC};

    return types[rq->access];
}

void fault_of_request(struct model *m, const struct model_request *rq, uint64_t addr, uint8_t code, bool fpd)
{
    struct fault f = {.code = code,
                      .sid = rq->sid,
                      .has_pasid = rq->has_pasid,
                      .privileged = rq->privileged,
                      .execute = rq->execute,
                      .pasid = rq->pasid,
                      .type = type_of(rq),
                      .at = rq->at,
                      .info = addr,
                      .fpd = fpd};

    fault_record(m, &f);
}

void fault_of_interrupt(struct model *m, uint16_t sid, uint16_t index, uint8_t code, bool fpd)
{
    struct fault f = {
        .code = code, .sid = sid, .info = index * pow2(48), .type = VTD_FAULT_WRITE, .fpd = fpd};

    fault_record(m, &f);
}
