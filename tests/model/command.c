/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Global commands: one at a time, one bit at a time, done when the status says so. VT-d 5.10, Global Command
 * Register, Global Status Register; rules 1..9, 12, 18, 19, 22, 72, 78.
 */
#include "tests/model/model_priv.h"

#define M(field) SPAN_MASK(field)

#define LEVEL_BITS    (uint32_t)(M(VTD_GCMD_TE) | M(VTD_GCMD_QIE) | M(VTD_GCMD_IRE) | M(VTD_GCMD_CFI))
#define ONE_SHOT_BITS (uint32_t)(M(VTD_GCMD_SRTP) | M(VTD_GCMD_SIRTP) | M(VTD_GCMD_WBF))
#define SLOWEST       12

static uint64_t ttm_of(uint64_t rtaddr)
{
    return FIELD_GET(VTD_RTADDR_TTM, rtaddr);
}

/* ---- Duties ---- */

static void check_root_table(struct model *m)
{
    uint64_t ttm = ttm_of(get64(m, RTADDR));

    if (reg_status(m, M(VTD_GSTS_TES)) && ttm != ttm_of(m->root) && !CAP(m, ESRTPS))
        breach(m, "rule 6: TTM changed while translation is on and CAP.ESRTPS = 0");
    if ((ttm == VTD_TTM_SCALABLE || ttm == VTD_TTM_ABORT) && !FIELD_GET(VTD_IQA_DW, get64(m, IQA)))
        breach(m, "rule 19: SRTP to scalable or abort mode with IQA.DW = 0");
}

static void check_on(struct model *m, uint32_t bit)
{
    if (bit == M(VTD_GCMD_TE) && (!reg_status(m, M(VTD_GSTS_RTPS)) || m->root_used))
        breach(m, "rule 5: TE without a new SRTP");
    if (bit == M(VTD_GCMD_TE) && (m->owed & ~pow2(VTD_QI_IEC)) != 0)
        breach(m, "rule 7: TE before the global invalidations that follow SRTP (missing: %x)", m->owed);
    if (bit == M(VTD_GCMD_IRE) && !reg_status(m, M(VTD_GSTS_IRTPS)))
        breach(m, "rule 78: IRE without SIRTP");
    if (bit == M(VTD_GCMD_IRE) && bit_is_set(m->owed, VTD_QI_IEC))
        breach(m, "rule 8: IRE before the global iec_inv that follows SIRTP");
    if (bit == M(VTD_GCMD_QIE) && get64(m, IQT) != 0)
        breach(m, "rule 18: QIE while IQT is not 0");
}

static void check_off(struct model *m, uint32_t bit)
{
    if (bit != M(VTD_GCMD_QIE))
        return;
    if (!queue_idle(m) || get64(m, IQH) != get64(m, IQT))
        breach(m, "rule 22: QIE off while the queue is not empty");
    else if (!m->last_was_wait)
        breach(m, "rule 22: QIE off after a descriptor other than a wait");
}

const char *command_name(const struct model *m)
{
    switch (m->command) {
    case COMMAND_PMEN:
        return "PMEN";
    case COMMAND_CCMD:
        return "CCMD";
    case COMMAND_IOTLB:
        return "IOTLB";
    default:
        return "GCMD";
    }
}

static void check_write(struct model *m, uint32_t value, uint32_t changed)
{
    if (m->command != 0)
        breach(m, "rule 1: GCMD %08x while %s is under way", value, command_name(m));
    if (__builtin_popcount(changed) > 1)
        breach(m, "rule 2: GCMD %08x changes more than one bit of %08llx", value,
               (unsigned long long)get32(m, GSTS));
    if ((value & ~(LEVEL_BITS | ONE_SHOT_BITS)) != 0)
        breach(m, "rule 2: reserved bit in GCMD %08x", value);
}

/* ---- Effects ---- */

static void root_table_set(struct model *m)
{
    bool legacy;

    m->root = get64(m, RTADDR);
    m->root_used = false;
    legacy = ttm_of(m->root) == VTD_TTM_LEGACY;
    if (CAP(m, ESRTPS)) {
        cache_flush_all(m);
        dma_drain(m, true, true);
        return;
    }
    /* In legacy mode no PASID is looked up, and the next SRTP asks for it again. */
    m->owed &= ~(unsigned)pow2(VTD_QI_PC);
    m->owed |= (unsigned)(pow2(VTD_QI_CC) | pow2(VTD_QI_IOTLB) | (legacy ? 0 : pow2(VTD_QI_PC)));
}

/* In this order (rule 7): what is emptied too early may be filled from the caches before it. */
void command_paid(struct model *m, enum vtd_qi_type type, bool global)
{
    unsigned before = 0;

    if (type == VTD_QI_PC || type == VTD_QI_IOTLB)
        before |= (unsigned)pow2(VTD_QI_CC);
    if (type == VTD_QI_IOTLB)
        before |= (unsigned)pow2(VTD_QI_PC);
    if (global && (m->owed & before) == 0)
        m->owed &= ~(unsigned)pow2(type);
}

static void translation_switched(struct model *m, bool on)
{
    if (!on && ECAP(m, SMTS))
        cache_flush_all(m);
    dma_drain(m, true, true);
    if (on)
        return;
    m->root_used = true;
    if (!reg_status(m, M(VTD_GSTS_IRES)))
        fault_restart(m);
}

static void remapping_table_set(struct model *m)
{
    intr_table_set(m);
    if (CAP(m, ESIRTPS))
        intr_flush(m);
    else
        m->owed |= (unsigned)pow2(VTD_QI_IEC);
}

static void remapping_switched(struct model *m, bool on)
{
    if (!on && CAP(m, ESIRTPS))
        intr_flush(m);
    if (!on && !reg_status(m, M(VTD_GSTS_TES)))
        fault_restart(m);
}

/* The status bit first: what follows may look at it. */
static void global_done(struct model *m, uint32_t bit, bool on)
{
    uint64_t gsts = get32(m, GSTS);

    if (bit == M(VTD_GCMD_WBF))
        on = false;
    set32(m, GSTS, on ? gsts | bit : gsts & ~(uint64_t)bit);
    if (bit == M(VTD_GCMD_SRTP))
        root_table_set(m);
    else if (bit == M(VTD_GCMD_TE))
        translation_switched(m, on);
    else if (bit == M(VTD_GCMD_QIE))
        queue_enabled(m, on);
    else if (bit == M(VTD_GCMD_SIRTP))
        remapping_table_set(m);
    else if (bit == M(VTD_GCMD_IRE))
        remapping_switched(m, on);
    if (bit == M(VTD_GCMD_SRTP) || bit == M(VTD_GCMD_TE))
        reach_changed(m);
}

static void done(struct model *m, uint32_t what, bool on)
{
    if (what == COMMAND_PMEN || what == COMMAND_CCMD || what == COMMAND_IOTLB)
        command_register_done(m, what);
    else
        global_done(m, what, on);
}

void command_begin(struct model *m, uint32_t what, bool on)
{
    if (!m->cfg.slow || m->command != 0) {
        done(m, what, on);
        return;
    }
    m->command = what;
    m->command_on = on;
    m->command_left = 1 + rnd(m, SLOWEST);
}

static void start(struct model *m, uint32_t bit)
{
    uint64_t gsts = get32(m, GSTS);

    if (bit == M(VTD_GCMD_SRTP))
        check_root_table(m);
    else if ((bit & LEVEL_BITS) != 0 && (gsts & bit) == 0)
        check_on(m, bit);
    else if ((bit & LEVEL_BITS) != 0)
        check_off(m, bit);
    if (bit == M(VTD_GCMD_SRTP) || bit == M(VTD_GCMD_SIRTP))
        set32(m, GSTS, gsts & ~(uint64_t)bit);
    if (bit == M(VTD_GCMD_WBF))
        set32(m, GSTS, gsts | bit);
}

void command_written(struct model *m, uint32_t value)
{
    uint32_t changed = (uint32_t)(((value ^ get32(m, GSTS)) & LEVEL_BITS) | (value & ONE_SHOT_BITS));

    check_write(m, value, changed);
    /* A breach above: the unit does them one after the other, lowest bit first. */
    while (changed != 0) {
        uint32_t bit = changed & -changed;

        changed &= ~bit;
        start(m, bit);
        if (changed == 0)
            command_begin(m, bit, (value & bit) != 0);
        else
            done(m, bit, (value & bit) != 0);
    }
}

void regs_step(struct model *m)
{
    uint32_t bit = m->command;

    if (bit == 0 || --m->command_left > 0)
        return;
    m->command = 0;
    done(m, bit, m->command_on);
}
