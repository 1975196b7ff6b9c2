/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a requester to its PASID entry, in the steps of the specification, one 128-bit read at a time: root
 * entry, context entry, PASID directory entry, PASID entry. The checks of each are in entry_check.c, legacy
 * mode is in entry_legacy.c. VT-d 5.10, Scalable-Mode Address Translation; rules 37, 43, 45..48.
 */
#include <string.h>

#include "tests/model/model_priv.h"

enum state { BEGIN, ROOT, CONTEXT, DIRECTORY, PASID, LEGACY };

static bool fail(struct entry_walk *w, uint8_t code)
{
    w->fault = code;
    return true;
}

static bool reads_snooped(const struct model *m)
{
    return ECAP(m, C);
}

void entry_begin(struct entry_walk *w)
{
    w->state = BEGIN;
    w->piece = 0;
    w->fault = 0;
    w->fpd = false;
    w->ctx_cached = false;
    w->trans = (struct trans){0};
}

/* ---- Step 1: the root table address. Codes 30..34 ---- */

static uint8_t check_mode(const struct model *m, const struct entry_walk *w)
{
    uint64_t ttm = FIELD_GET(VTD_RTADDR_TTM, m->root);
    bool legacy = ttm == VTD_TTM_LEGACY;

    if (ttm == VTD_TTM_RESERVED || (ttm == VTD_TTM_ABORT && !ECAP(m, ADMS)) ||
        (ttm == VTD_TTM_SCALABLE && !ECAP(m, SMTS)))
        return VTD_FR_RTA_1;
    if (legacy && FIELD_GET(VTD_RTADDR_SSIRWE, m->root))
        return VTD_FR_RTA_1;
    if (legacy && w->has_pasid)
        return VTD_FR_RTA_2;
    if (legacy && w->kind == ENTRY_PAGE_REQUEST)
        return VTD_FR_RTA_3;
    if (ttm == VTD_TTM_ABORT)
        return VTD_FR_RTA_4;
    if (m->cfg.ver >= 0x80 && w->has_pasid && w->execute && w->kind != ENTRY_PAGE_REQUEST)
        return VTD_FR_RTA_5;
    return 0;
}

/* ---- The end: a PASID entry, cached or fresh, becomes a translation ---- */

static unsigned aw_levels(uint64_t aw)
{
    return (unsigned)aw + 2;
}

static void make_trans(const struct model *m, struct entry_walk *w)
{
    const struct vtd_pasid_entry *pe = &w->pe;

    w->trans = (struct trans){
        .pgtt = (enum vtd_pgtt)entry_get(pe, VTD_PASID_PGTT),
        .did = (uint16_t)entry_get(pe, VTD_PASID_DID),
        .pasid = w->index,
        .priv = w->has_pasid ? w->privileged : entry_get(&w->ctx, VTD_CTX_RID_PRIV),
        .fpd = w->fpd,
        .ss_levels = aw_levels(entry_get(pe, VTD_PASID_AW)),
        .ss_table = entry_get_addr(pe, VTD_PASID_SSPTPTR),
        .ssade = entry_get(pe, VTD_PASID_SSADE),
        .ssirwe = FIELD_GET(VTD_RTADDR_SSIRWE, m->root),
        .fs_levels = entry_get(pe, VTD_PASID_FSPM) == VTD_FSPM_5LEVEL ? 5 : 4,
        .fs_table = entry_get_addr(pe, VTD_PASID_FSPTPTR),
        .sre = entry_get(pe, VTD_PASID_SRE),
        .wpe = entry_get(pe, VTD_PASID_WPE),
        .eafe = entry_get(pe, VTD_PASID_EAFE),
        .snooped = ECAP(m, SMPWCS) && entry_get(pe, VTD_PASID_PWSNP),
        .pgsnp = entry_get(pe, VTD_PASID_PGSNP),
        .generation = w->generation,
    };
}

/* Rule 43: P = 0 first, and nothing else until no unit reads the entry any more. */
static void check_torn(struct model *m, const struct entry_walk *w)
{
    struct vtd_pasid_entry now;

    if (!mem_read(m, w->pa, &now, sizeof(now), true))
        return;
    if (!contract_same_but_present(now.q, w->pe.q, ARRAY_SIZE(now.q)))
        breach(m, "rule 43: PASID entry at %llx (requester %04x, PASID %x) changed while the unit read it",
               (unsigned long long)w->pa, w->sid, w->index);
}

/* CM = 1: entries that are not present or in error are cached too, under domain 0 (rule 48). */
static void remember(struct model *m, const struct entry_walk *w)
{
    bool valid = w->fault == 0;
    const struct cached c = {.kind = MODEL_CACHE_PASID,
                             .sid = w->sid,
                             .has_pasid = w->has_pasid,
                             .pasid = w->index,
                             .did = valid ? (uint16_t)entry_get(&w->pe, VTD_PASID_DID) : 0,
                             .entry_pa = w->pa,
                             .fpd = w->fpd,
                             .rid_priv = entry_get(&w->ctx, VTD_CTX_RID_PRIV),
                             .pe = w->pe};

    if (w->generation != m->generation || (!valid && !CAP(m, CM)))
        return;
    if (valid)
        contract_pasid_cached(m, &c, &w->trans);
    cache_add(m, &c);
}

/* An emulator's deviation: with the context entry cached, P of the PASID entry does not count. */
static bool is_used_all_the_same(const struct model *m, const struct entry_walk *w)
{
    return m->cfg.pasid_p_ignored && w->ctx_cached && entry_get(&w->pe, VTD_PASID_PGTT) != 0;
}

static uint8_t judge_pasid_entry(struct model *m, struct entry_walk *w)
{
    uint8_t code = entry_check_pasid(m, w);

    return code == VTD_FR_SPT_2 && is_used_all_the_same(m, w) ? 0 : code;
}

/* Step 6: what the entry allows to this request, as against what the entry is. */
static uint8_t judge_request(const struct model *m, const struct entry_walk *w)
{
    if (w->kind == ENTRY_TRANSLATED || w->kind == ENTRY_PAGE_REQUEST)
        return 0;
    if (m->cfg.ver < 0x80 && w->has_pasid && w->execute && !ECAP(m, ERS))
        return VTD_FR_SPT_5;
    if (w->trans.priv && !w->trans.sre)
        return VTD_FR_SPT_6;
    return 0;
}

/* ---- Step 5: PASID entry, in four pieces ---- */

static bool read_pasid_piece(struct model *m, struct entry_walk *w)
{
    if (!mem_walk(m, w->pa + 16 * w->piece, &w->pe.q[2 * w->piece], 16, reads_snooped(m)))
        return fail(w, VTD_FR_SPT_1);
    w->piece++;
    if (w->piece < 4 && (entry_get(&w->pe, VTD_PASID_P) || m->cfg.pasid_p_ignored))
        return false;
    w->fpd |= entry_get(&w->pe, VTD_PASID_FPD);
    w->fault = judge_pasid_entry(m, w);
    if (entry_get(&w->pe, VTD_PASID_P))
        check_torn(m, w);
    if (w->fault == 0)
        make_trans(m, w);
    remember(m, w);
    if (w->fault == 0)
        w->fault = judge_request(m, w);
    return true;
}

static void go_to_pasid_entry(struct entry_walk *w, uint64_t table)
{
    w->pa = table + FIELD_GET(VTD_PASID_INDEX, w->index) * sizeof(struct vtd_pasid_entry);
    w->state = PASID;
    w->piece = 0;
    memset(&w->pe, 0, sizeof(w->pe));
}

/* ---- Step 4: PASID directory entry ---- */

static bool read_directory(struct model *m, struct entry_walk *w)
{
    struct vtd_pasid_dir_entry e;
    uint8_t code;

    w->pa = entry_get_addr(&w->ctx, VTD_CTX_PASIDDIRPTR) + FIELD_GET(VTD_PASID_PDIR, w->index) * sizeof(e);
    if (!mem_walk(m, w->pa, &e, sizeof(e), reads_snooped(m)))
        return fail(w, VTD_FR_SPD_1);
    w->fpd |= entry_get(&e, VTD_PDIR_FPD);
    code = entry_check_directory(m, &e);
    if (code != 0)
        return fail(w, code);
    go_to_pasid_entry(w, entry_get_addr(&e, VTD_PDIR_SMPTBLPTR));
    return false;
}

/* ---- Step 3: context entry, in two pieces ---- */

static bool use_context(struct model *m, struct entry_walk *w)
{
    uint8_t code;

    w->fpd |= entry_get(&w->ctx, VTD_CTX_FPD);
    code = entry_check_context(m, w);
    if (code != 0)
        return fail(w, code);
    w->index = w->has_pasid ? w->pasid : (uint32_t)entry_get(&w->ctx, VTD_CTX_RID_PASID);
    w->state = DIRECTORY;
    return false;
}

static bool read_context_piece(struct model *m, struct entry_walk *w)
{
    struct cached c = {.kind = MODEL_CACHE_CONTEXT, .sid = w->sid, .entry_pa = w->pa};

    if (!mem_walk(m, w->pa + 16 * w->piece, &w->ctx.q[2 * w->piece], 16, reads_snooped(m)))
        return fail(w, VTD_FR_SCT_1);
    w->piece++;
    if (w->piece < 2 && entry_get(&w->ctx, VTD_CTX_P))
        return false;
    c.ctx = w->ctx;
    if (w->generation == m->generation && (entry_get(&w->ctx, VTD_CTX_P) || CAP(m, CM)))
        cache_add(m, &c);
    return use_context(m, w);
}

/* ---- Step 2: root entry ---- */

static bool read_root(struct model *m, struct entry_walk *w)
{
    struct vtd_root_entry e;
    bool upper = FIELD_GET(VTD_DEVFN_UPPER, w->sid);
    uint8_t code;

    w->pa = FIELD_GET_ADDR(VTD_RTADDR_RTA, m->root) + w->sid / 256u * sizeof(e);
    if (!mem_walk(m, w->pa, &e, sizeof(e), reads_snooped(m)))
        return fail(w, VTD_FR_SRT_1);
    code = entry_check_root(m, &e, upper);
    if (code != 0)
        return fail(w, code);
    w->pa = upper ? entry_get_addr(&e, VTD_ROOT_UCTP) : entry_get_addr(&e, VTD_ROOT_LCTP);
    w->pa += FIELD_GET(VTD_DEVFN_INDEX, w->sid) * sizeof(struct vtd_context_entry);
    w->state = CONTEXT;
    w->piece = 0;
    memset(&w->ctx, 0, sizeof(w->ctx));
    return false;
}

/* ---- Caches come first ---- */

/* The PASID cache is tagged by requester and PASID: a hit asks for no context entry. */
static bool use_cached_pasid(struct model *m, struct entry_walk *w, const struct cached *c)
{
    w->index = c->pasid;
    w->pe = c->pe;
    w->pa = c->entry_pa;
    w->fpd = c->fpd;
    memset(&w->ctx, 0, sizeof(w->ctx));
    entry_set(&w->ctx, VTD_CTX_RID_PRIV, c->rid_priv);
    w->fault = judge_pasid_entry(m, w);
    if (w->fault != 0)
        return true;
    make_trans(m, w);
    w->fault = judge_request(m, w);
    return true;
}

/* What only the context entry can tell has to be looked at for ATS and for other kinds of requests. */
static bool needs_context(const struct entry_walk *w)
{
    return w->kind != ENTRY_UNTRANSLATED;
}

static bool begin(struct model *m, struct entry_walk *w)
{
    const struct cached *pasid = pasid_find(m, w->sid, w->has_pasid, w->pasid);
    const struct cached *context = context_find(m, w->sid);
    uint8_t code = check_mode(m, w);

    w->generation = m->generation;
    if (code != 0)
        return fail(w, code);
    if (FIELD_GET(VTD_RTADDR_TTM, m->root) == VTD_TTM_LEGACY) {
        w->state = LEGACY;
        return false;
    }
    if (pasid != NULL && !needs_context(w))
        return use_cached_pasid(m, w, pasid);
    if (context == NULL) {
        w->state = ROOT;
        return false;
    }
    w->ctx = context->ctx;
    w->ctx_cached = true;
    return use_context(m, w);
}

bool entry_step(struct model *m, struct entry_walk *w)
{
    switch ((enum state)w->state) {
    case BEGIN:
        return begin(m, w);
    case ROOT:
        return read_root(m, w);
    case CONTEXT:
        return read_context_piece(m, w);
    case DIRECTORY:
        return read_directory(m, w);
    case PASID:
        return read_pasid_piece(m, w);
    case LEGACY:
        return entry_legacy(m, w);
    }
    return true;
}

uint8_t entry_resolve(struct model *m, struct entry_walk *w)
{
    entry_begin(w);
    while (!entry_step(m, w))
        ;
    return w->fault;
}
