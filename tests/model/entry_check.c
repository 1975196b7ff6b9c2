/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is an entry one that the unit can use? Reserved bits depend on the capabilities. VT-d 5.10, Scalable-Mode
 * Root / Context / PASID Directory / PASID Table Entry; Translation Fault Conditions, codes 39 .. 5B, 89.
 */
#include "tests/model/model_priv.h"

/* Bits of quadword n of an entry that are set although they are in none of its fields. */
#define OUTSIDE(entry, n, fields) (((entry)->q[n] & ~(uint64_t)(fields)) != 0)

/* An address field points beyond memory. */
static bool too_high(const struct model *m, uint64_t addr)
{
    return addr >= haw_end(m);
}

uint8_t entry_check_root(const struct model *m, const struct vtd_root_entry *e, bool upper)
{
    if (upper) {
        if (!entry_get(e, VTD_ROOT_UP))
            return VTD_FR_SRT_2;
        if (OUTSIDE(e, 1, SPAN_MASK(VTD_ROOT_UP) | SPAN_MASK(VTD_ROOT_UCTP)) ||
            too_high(m, entry_get_addr(e, VTD_ROOT_UCTP)))
            return VTD_FR_SRT_3;
        return 0;
    }
    if (!entry_get(e, VTD_ROOT_LP))
        return VTD_FR_SRT_2;
    if (OUTSIDE(e, 0, SPAN_MASK(VTD_ROOT_LP) | SPAN_MASK(VTD_ROOT_LCTP)) ||
        too_high(m, entry_get_addr(e, VTD_ROOT_LCTP)))
        return VTD_FR_SRT_3;
    return 0;
}

/* ---- Context entry ---- */

static bool context_reserved(const struct model *m, const struct vtd_context_entry *e)
{
    uint64_t q0 = SPAN_MASK(VTD_CTX_P) | SPAN_MASK(VTD_CTX_FPD) | SPAN_MASK(VTD_CTX_PDTS) |
                  SPAN_MASK(VTD_CTX_PASIDDIRPTR);
    uint64_t q1 = 0;

    q0 |= ECAP(m, DT) ? SPAN_MASK(VTD_CTX_DTE) : 0;
    q0 |= ECAP(m, PASID) ? SPAN_MASK(VTD_CTX_PASIDE) : 0;
    q0 |= ECAP(m, PRS) ? SPAN_MASK(VTD_CTX_PRE) : 0;
    q0 |= ECAP(m, PTRS) ? SPAN_MASK(VTD_CTX_EPTR) : 0;
    q1 |= ECAP(m, RPS) ? SPAN_MASK(VTD_CTX_RID_PASID) : 0;
    q1 |= ECAP(m, RPRIVS) ? SPAN_MASK(VTD_CTX_RID_PRIV) : 0;
    return OUTSIDE(e, 0, q0) || OUTSIDE(e, 1, q1) || OUTSIDE(e, 2, 0) || OUTSIDE(e, 3, 0) ||
           too_high(m, entry_get_addr(e, VTD_CTX_PASIDDIRPTR));
}

/* Codes 44 .. 49 and 89: this request does not go with this entry. */
static uint8_t context_refuses(const struct model *m, const struct entry_walk *w)
{
    const struct vtd_context_entry *e = &w->ctx;
    bool ats = w->kind == ENTRY_TRANSLATION || w->kind == ENTRY_TRANSLATED;

    if (ats && !entry_get(e, VTD_CTX_DTE))
        return VTD_FR_SCT_5;
    if (w->has_pasid && !entry_get(e, VTD_CTX_PASIDE))
        return VTD_FR_SCT_6;
    if (w->has_pasid && w->pasid >= VTD_PDIR_PASIDS((unsigned)entry_get(e, VTD_CTX_PDTS)))
        return VTD_FR_SCT_7;
    if (w->kind == ENTRY_PAGE_REQUEST && !entry_get(e, VTD_CTX_PRE))
        return VTD_FR_SCT_8;
    if (w->has_pasid && w->pasid == entry_get(e, VTD_CTX_RID_PASID))
        return VTD_FR_SCT_9;
    if (w->has_pasid && w->kind == ENTRY_TRANSLATED && !entry_get(e, VTD_CTX_EPTR))
        return VTD_FR_SCT_10;
    if (w->has_pasid && w->kind != ENTRY_PAGE_REQUEST && w->pasid >= pow2((unsigned)ECAP(m, PSS) + 1))
        return VTD_FR_SGN_10;
    return 0;
}

uint8_t entry_check_context(const struct model *m, const struct entry_walk *w)
{
    const struct vtd_context_entry *e = &w->ctx;

    if (!entry_get(e, VTD_CTX_P))
        return VTD_FR_SCT_2;
    if (context_reserved(m, e))
        return VTD_FR_SCT_3;
    if (!entry_get(e, VTD_CTX_DTE) && entry_get(e, VTD_CTX_PRE))
        return VTD_FR_SCT_4;
    if (entry_get(e, VTD_CTX_RID_PASID) >= VTD_PDIR_PASIDS((unsigned)entry_get(e, VTD_CTX_PDTS)))
        return VTD_FR_SCT_4;
    if (entry_get(e, VTD_CTX_EPTR) && !entry_get(e, VTD_CTX_PASIDE))
        return VTD_FR_SCT_4;
    return context_refuses(m, w);
}

/* ---- PASID directory entry ---- */

uint8_t entry_check_directory(const struct model *m, const struct vtd_pasid_dir_entry *e)
{
    if (!entry_get(e, VTD_PDIR_P))
        return VTD_FR_SPD_2;
    if (OUTSIDE(e, 0, SPAN_MASK(VTD_PDIR_P) | SPAN_MASK(VTD_PDIR_FPD) | SPAN_MASK(VTD_PDIR_SMPTBLPTR)) ||
        too_high(m, entry_get_addr(e, VTD_PDIR_SMPTBLPTR)))
        return VTD_FR_SPD_3;
    return 0;
}

/* ---- PASID entry ---- */

static bool is_nested(const struct vtd_pasid_entry *e)
{
    return entry_get(e, VTD_PASID_PGTT) == VTD_PGTT_NESTED;
}

static bool uses_second(const struct vtd_pasid_entry *e)
{
    return entry_get(e, VTD_PASID_PGTT) == VTD_PGTT_SECOND || is_nested(e);
}

static bool uses_first(const struct vtd_pasid_entry *e)
{
    return entry_get(e, VTD_PASID_PGTT) == VTD_PGTT_FIRST || is_nested(e);
}

static uint64_t pasid_fields_0(const struct model *m)
{
    uint64_t q = SPAN_MASK(VTD_PASID_P) | SPAN_MASK(VTD_PASID_FPD) | SPAN_MASK(VTD_PASID_PGTT);

    if (ECAP(m, SSTS))
        q |= SPAN_MASK(VTD_PASID_AW) | SPAN_MASK(VTD_PASID_SSPTPTR);
    if (m->cfg.aw_in_first_stage)
        q |= SPAN_MASK(VTD_PASID_AW);
    if (ECAP(m, SSTS) && ECAP(m, SSADS))
        q |= SPAN_MASK(VTD_PASID_SSADE);
    return q;
}

static uint64_t pasid_fields_1(const struct model *m)
{
    uint64_t q = pow2(4 + 2 * (unsigned)CAP(m, ND)) - 1;

    q |= ECAP(m, SMPWCS) ? SPAN_MASK(VTD_PASID_PWSNP) : 0;
    q |= ECAP(m, SC) ? SPAN_MASK(VTD_PASID_PGSNP) : 0;
    return q;
}

static uint64_t pasid_fields_2(const struct model *m)
{
    uint64_t q = SPAN_MASK(BITS(134, 133)); /* ignored */

    q |= ECAP(m, SRS) ? SPAN_MASK(VTD_PASID_SRE) : 0;
    q |= ECAP(m, EAFS) ? SPAN_MASK(VTD_PASID_EAFE) : 0;
    if (ECAP(m, FSTS))
        q |= SPAN_MASK(VTD_PASID_FSPM) | SPAN_MASK(VTD_PASID_WPE) | SPAN_MASK(VTD_PASID_FSPTPTR);
    return q;
}

static bool pasid_reserved(const struct model *m, const struct vtd_pasid_entry *e)
{
    if (OUTSIDE(e, 0, pasid_fields_0(m)) || OUTSIDE(e, 1, pasid_fields_1(m)) ||
        OUTSIDE(e, 2, pasid_fields_2(m)))
        return true;
    for (unsigned i = 3; i < ARRAY_SIZE(e->q); i++) {
        if (e->q[i] != 0)
            return true;
    }
    if (uses_second(e) && too_high(m, entry_get_addr(e, VTD_PASID_SSPTPTR)))
        return true;
    /* Rule 48: with caching mode domain 0 tags what is not present. */
    if (CAP(m, CM) && entry_get(e, VTD_PASID_DID) == 0)
        return true;
    return uses_first(e) && !is_nested(e) && too_high(m, entry_get_addr(e, VTD_PASID_FSPTPTR));
}

static bool pgtt_ok(const struct model *m, const struct vtd_pasid_entry *e)
{
    switch (entry_get(e, VTD_PASID_PGTT)) {
    case VTD_PGTT_FIRST:
        return ECAP(m, FSTS);
    case VTD_PGTT_SECOND:
        return ECAP(m, SSTS);
    case VTD_PGTT_NESTED:
        return ECAP(m, NEST);
    case VTD_PGTT_PASSTHROUGH:
        return ECAP(m, PT);
    default:
        return false;
    }
}

static bool modes_ok(const struct model *m, const struct vtd_pasid_entry *e)
{
    uint64_t aw = entry_get(e, VTD_PASID_AW);
    uint64_t fspm = entry_get(e, VTD_PASID_FSPM);

    if (uses_second(e) && (aw > VTD_AW_57 || !bit_is_set(CAP(m, SAGAW) & 0xe, (unsigned)aw)))
        return false;
    if (uses_first(e) && (fspm > VTD_FSPM_5LEVEL || (fspm == VTD_FSPM_5LEVEL && !CAP(m, FS5LP))))
        return false;
    return !is_nested(e) || entry_get_addr(e, VTD_PASID_FSPTPTR) < ss_end(m, (unsigned)aw + 2);
}

uint8_t entry_check_pasid(const struct model *m, const struct entry_walk *w)
{
    const struct vtd_pasid_entry *e = &w->pe;

    if (!entry_get(e, VTD_PASID_P))
        return VTD_FR_SPT_2;
    if (pasid_reserved(m, e))
        return VTD_FR_SPT_3;
    return pgtt_ok(m, e) && modes_ok(m, e) ? 0 : VTD_FR_SPT_4;
}
