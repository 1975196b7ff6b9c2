/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Legacy mode: root entry, context entry. VT-d 5.10, Root Entry, Context Entry, Legacy-Mode Address
 * Translation; codes 01 .. 0D.
 */
#include "tests/model/model_priv.h"

/* VT-d 5.10, Root Entry */
#define ROOT_P   BIT(0)
#define ROOT_CTP BITS(63, 12)

/* VT-d 5.10, Context Entry */
#define CTX_P       BIT(0)
#define CTX_FPD     BIT(1)
#define CTX_TT      BITS(3, 2)
#define CTX_SSPTPTR BITS(63, 12)
#define CTX_AW      BITS(66, 64)
#define CTX_IGNORED BITS(70, 67)
#define CTX_DID     BITS(87, 72)

enum { TT_UNTRANSLATED, TT_ALL, TT_PASSTHROUGH, TT_RESERVED };

struct legacy_entry {
    uint64_t q[2];
};

static uint8_t check_root(const struct model *m, const struct legacy_entry *e)
{
    if (!entry_get(e, ROOT_P))
        return VTD_FR_LRT_2;
    if ((e->q[0] & ~(SPAN_MASK(ROOT_P) | SPAN_MASK(ROOT_CTP))) != 0 || e->q[1] != 0 ||
        entry_get_addr(e, ROOT_CTP) >= haw_end(m))
        return VTD_FR_LRT_3;
    return 0;
}

static bool reserved(const struct model *m, const struct legacy_entry *e)
{
    uint64_t q0 = SPAN_MASK(CTX_P) | SPAN_MASK(CTX_FPD) | SPAN_MASK(CTX_TT) | SPAN_MASK(CTX_SSPTPTR);
    uint64_t q1 = SPAN_MASK(CTX_AW) | SPAN_MASK(CTX_IGNORED) | SPAN_MASK(CTX_DID);

    if ((e->q[0] & ~q0) != 0 || (e->q[1] & ~q1) != 0)
        return true;
    /* Rule 48: with caching mode domain 0 tags what is not present. */
    return entry_get(e, CTX_DID) >= pow2(4 + 2 * (unsigned)CAP(m, ND)) ||
           (CAP(m, CM) && entry_get(e, CTX_DID) == 0) ||
           (entry_get(e, CTX_TT) != TT_PASSTHROUGH && entry_get_addr(e, CTX_SSPTPTR) >= haw_end(m));
}

static bool type_ok(const struct model *m, const struct legacy_entry *e)
{
    uint64_t aw = entry_get(e, CTX_AW);
    uint64_t tt = entry_get(e, CTX_TT);

    if (tt == TT_RESERVED || (tt == TT_ALL && !ECAP(m, DT)) || (tt == TT_PASSTHROUGH && !ECAP(m, PT)))
        return false;
    return bit_is_set(CAP(m, SAGAW) & 0xe, (unsigned)aw);
}

static uint8_t check_context(const struct model *m, const struct entry_walk *w, const struct legacy_entry *e)
{
    if (!entry_get(e, CTX_P))
        return VTD_FR_LCT_2;
    if (reserved(m, e))
        return VTD_FR_LCT_3;
    if (!type_ok(m, e))
        return VTD_FR_LCT_4;
    if (w->kind != ENTRY_UNTRANSLATED && entry_get(e, CTX_TT) != TT_ALL)
        return VTD_FR_LCT_5;
    return 0;
}

static void make_trans(const struct model *m, struct entry_walk *w, const struct legacy_entry *e)
{
    w->trans = (struct trans){
        .pgtt = entry_get(e, CTX_TT) == TT_PASSTHROUGH ? VTD_PGTT_PASSTHROUGH : VTD_PGTT_SECOND,
        .legacy = true,
        .did = (uint16_t)entry_get(e, CTX_DID),
        .fpd = w->fpd,
        .ss_levels = (unsigned)entry_get(e, CTX_AW) + 2,
        .ss_table = entry_get_addr(e, CTX_SSPTPTR),
        .snooped = ECAP(m, C),
        .generation = w->generation,
    };
}

static bool finish(const struct model *m, struct entry_walk *w, const struct legacy_entry *e)
{
    w->fpd |= entry_get(e, CTX_FPD);
    w->fault = check_context(m, w, e);
    if (w->fault == 0)
        make_trans(m, w, e);
    return true;
}

/* Software's duty that no fault tells of: pass-through has the largest AW that there is. */
static void check_width(struct model *m, const struct entry_walk *w, const struct legacy_entry *e)
{
    unsigned aw = (unsigned)entry_get(e, CTX_AW);

    if (entry_get(e, CTX_TT) == TT_PASSTHROUGH && (CAP(m, SAGAW) & 0xe) >= pow2(aw + 1))
        breach(m, "legacy context entry of requester %04x: pass-through with AW %u, not the largest", w->sid,
               aw);
}

/* Both entries have 128 bits: neither is ever torn. */
bool entry_legacy(struct model *m, struct entry_walk *w)
{
    const struct cached *hit = context_find(m, w->sid);
    struct cached c = {.kind = MODEL_CACHE_CONTEXT, .sid = w->sid};
    struct legacy_entry e;

    if (hit != NULL) {
        e = (struct legacy_entry){{hit->ctx.q[0], hit->ctx.q[1]}};
        return finish(m, w, &e);
    }
    w->pa = FIELD_GET_ADDR(VTD_RTADDR_RTA, m->root) + w->sid / 256u * sizeof(e);
    if (!mem_walk(m, w->pa, &e, sizeof(e), ECAP(m, C))) {
        w->fault = VTD_FR_LRT_1;
        return true;
    }
    w->fault = check_root(m, &e);
    if (w->fault != 0)
        return true;
    w->pa = entry_get_addr(&e, ROOT_CTP) + w->sid % 256u * sizeof(e);
    if (!mem_walk(m, w->pa, &e, sizeof(e), ECAP(m, C))) {
        w->fault = VTD_FR_LCT_1;
        return true;
    }
    finish(m, w, &e);
    if (w->fault == 0)
        check_width(m, w, &e);
    c.did = w->fault == 0 ? w->trans.did : 0; /* as in scalable mode, what is absent or in error has 0 */
    c.entry_pa = w->pa;
    c.ctx = (struct vtd_context_entry){{e.q[0], e.q[1], 0, 0}};
    if (w->generation == m->generation && (w->fault == 0 || CAP(m, CM)))
        cache_add(m, &c);
    return true;
}
