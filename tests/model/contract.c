/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Software's duties that hardware cannot report: what may still be cached does not change, is not freed, and
 * goes with what else is cached. VT-d 5.10; rules 17, 38 .. 48, 54.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tests/model/model_priv.h"

#define PRESENT_AND_FPD (SPAN_MASK(VTD_PASID_P) | SPAN_MASK(VTD_PASID_FPD))

void breach(struct model *m, const char *fmt, ...)
{
    char words[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    m->breaches++;
    m->host.breach(m->host.ctx, words);
}

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

/* ---- Entries that change while they may be cached: rules 43, 44 ---- */

bool contract_same_but_present(const uint64_t *now, const uint64_t *before, size_t words)
{
    if ((now[0] & ~PRESENT_AND_FPD) != (before[0] & ~PRESENT_AND_FPD))
        return false;
    for (size_t i = 1; i < words; i++) {
        if (now[i] != before[i])
            return false;
    }
    return true;
}

static void check_entry(struct model *m, struct cached *c, const uint64_t *before, size_t words,
                        const char *what)
{
    uint64_t now[8];

    if (c->told || !bit_is_set(before[0], 0) || !mem_read(m, c->entry_pa, now, words * 8, true) ||
        contract_same_but_present(now, before, words))
        return;
    c->told = true;
    if (bit_is_set(now[0], 0))
        breach(m,
               "rule 44: %s entry of requester %04x, PASID %x changed while it is present and may be cached",
               what, c->sid, c->pasid);
    else
        breach(m,
               "rule 43: %s entry of requester %04x, PASID %x: more than P and FPD changed before the wait",
               what, c->sid, c->pasid);
}

/* Legacy context entries have 128 bits, kept in the first half. */
static size_t context_words(const struct model *m)
{
    return FIELD_GET(VTD_RTADDR_TTM, m->root) == VTD_TTM_LEGACY ? 2 : 4;
}

void model_published(struct model *m, uint64_t pa, uint64_t size)
{
    reach_published(m, pa, size);
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];

        if (!c->used || !overlaps(c->entry_pa, 64, pa, size))
            continue;
        if (c->kind == MODEL_CACHE_PASID)
            check_entry(m, c, c->pe.q, ARRAY_SIZE(c->pe.q), "PASID");
        if (c->kind == MODEL_CACHE_CONTEXT)
            check_entry(m, c, c->ctx.q, context_words(m), "context");
    }
    intr_memory_changed(m, pa, size, false);
    if (m->cfg.slow)
        model_step(m, rnd(m, 4));
}

/* ---- Memory given back while a cached entry leads there: rules 38, 40, 43, 54 ---- */

static uint64_t directory_size(const struct vtd_context_entry *ctx)
{
    return VTD_PDIR_ENTRIES((unsigned)entry_get(ctx, VTD_CTX_PDTS)) * sizeof(struct vtd_pasid_dir_entry);
}

static bool context_leads(const struct cached *c, uint64_t pa, uint64_t size)
{
    return entry_get(&c->ctx, VTD_CTX_P) &&
           overlaps(entry_get_addr(&c->ctx, VTD_CTX_PASIDDIRPTR), directory_size(&c->ctx), pa, size);
}

static bool pasid_leads(const struct cached *c, uint64_t pa, uint64_t size)
{
    uint64_t pgtt = entry_get(&c->pe, VTD_PASID_PGTT);

    if (!entry_get(&c->pe, VTD_PASID_P))
        return false;
    if (pgtt == VTD_PGTT_FIRST)
        return overlaps(entry_get_addr(&c->pe, VTD_PASID_FSPTPTR), PAGE_SIZE, pa, size);
    return (pgtt == VTD_PGTT_SECOND || pgtt == VTD_PGTT_NESTED) &&
           overlaps(entry_get_addr(&c->pe, VTD_PASID_SSPTPTR), PAGE_SIZE, pa, size);
}

static void check_freed(struct model *m, const struct cached *c, uint64_t pa, uint64_t size)
{
    unsigned long long at = pa;

    switch (c->kind) {
    case MODEL_CACHE_CONTEXT:
        if (overlaps(c->entry_pa, 32, pa, size) || context_leads(c, pa, size))
            breach(m, "rule 38: %llx freed while a context entry of requester %04x may be cached", at,
                   c->sid);
        return;
    case MODEL_CACHE_PASID:
        if (overlaps(c->entry_pa, 64, pa, size) || pasid_leads(c, pa, size))
            breach(m, "rule 43: %llx freed while a PASID entry of requester %04x, PASID %x may be cached", at,
                   c->sid, c->pasid);
        return;
    case MODEL_CACHE_IOTLB:
        if (!c->anywhere && (c->leaf.r || c->leaf.w) && overlaps(c->leaf.pa, pow2(c->shift), pa, size))
            breach(m,
                   "rule 54: %llx freed while the IOTLB may lead there (domain %u, PASID %x, address %llx)",
                   at, c->did, c->pasid, (unsigned long long)c->addr);
        return;
    case MODEL_CACHE_FS:
    case MODEL_CACHE_SS:
        if (!c->anywhere && overlaps(c->table, PAGE_SIZE, pa, size))
            breach(
                m,
                "rule 54: table %llx freed while walks may begin there (domain %u, PASID %x, address %llx)",
                at, c->did, c->pasid, (unsigned long long)c->addr);
        return;
    case MODEL_CACHE_IEC:
    case MODEL_CACHE_COUNT:
        return;
    }
}

void model_freed(struct model *m, uint64_t pa, uint64_t size)
{
    reach_freed(m, pa, size);
    if (reg_status(m, SPAN_MASK(VTD_GSTS_TES)) &&
        overlaps(FIELD_GET_ADDR(VTD_RTADDR_RTA, m->root), PAGE_SIZE, pa, size))
        breach(m, "rule 80: root table %llx freed while translation is on", (unsigned long long)pa);
    for (unsigned i = 0; i < m->cache_end; i++) {
        if (m->cache[i].used)
            check_freed(m, &m->cache[i], pa, size);
    }
    ats_memory_freed(m, pa, size);
    intr_memory_changed(m, pa, size, true);
}

/* ---- Domain ids: rules 45 .. 47 ---- */

static bool is_second(enum vtd_pgtt pgtt)
{
    return pgtt == VTD_PGTT_SECOND || pgtt == VTD_PGTT_NESTED;
}

/* Two PASID entries with one domain id. */
static void check_pair(struct model *m, const struct vtd_pasid_entry *a, uint32_t a_pasid,
                       const struct vtd_pasid_entry *b, uint32_t b_pasid)
{
    enum vtd_pgtt a_type = (enum vtd_pgtt)entry_get(a, VTD_PASID_PGTT);
    enum vtd_pgtt b_type = (enum vtd_pgtt)entry_get(b, VTD_PASID_PGTT);
    unsigned did = (unsigned)entry_get(a, VTD_PASID_DID);

    if (is_second(a_type) != is_second(b_type))
        breach(m, "rule 46: domain %u is used by a second stage, and by first stage or pass-through", did);
    else if (is_second(a_type) &&
             (entry_get_addr(a, VTD_PASID_SSPTPTR) != entry_get_addr(b, VTD_PASID_SSPTPTR) ||
              entry_get(a, VTD_PASID_AW) != entry_get(b, VTD_PASID_AW)))
        breach(m, "rule 46: domain %u has two second-stage tables", did);
    else if (a_pasid == b_pasid &&
             (a_type != b_type ||
              entry_get_addr(a, VTD_PASID_FSPTPTR) != entry_get_addr(b, VTD_PASID_FSPTPTR) ||
              entry_get(a, VTD_PASID_FSPM) != entry_get(b, VTD_PASID_FSPM)))
        breach(m, "rule 47: PASID %x of domain %u has two first-stage tables", a_pasid, did);
}

/* Two PASID entries that are nested over one second stage, whatever their domain ids. */
static void check_views(struct model *m, const struct vtd_pasid_entry *a, const struct vtd_pasid_entry *b)
{
    if (entry_get(a, VTD_PASID_PGTT) != VTD_PGTT_NESTED || entry_get(b, VTD_PASID_PGTT) != VTD_PGTT_NESTED ||
        entry_get_addr(a, VTD_PASID_SSPTPTR) != entry_get_addr(b, VTD_PASID_SSPTPTR) ||
        entry_get_addr(a, VTD_PASID_FSPTPTR) != entry_get_addr(b, VTD_PASID_FSPTPTR))
        return;
    if (entry_get(a, VTD_PASID_FSPM) != entry_get(b, VTD_PASID_FSPM) ||
        entry_get(a, VTD_PASID_EAFE) != entry_get(b, VTD_PASID_EAFE))
        breach(m, "rule 47: first stage at %llx is walked in two ways (FSPM, EAFE)",
               (unsigned long long)entry_get_addr(a, VTD_PASID_FSPTPTR));
}

/* What an earlier owner of the domain id left behind. */
static bool is_left_over(const struct cached *c, const struct trans *t)
{
    if (c->did != t->did)
        return false;
    if (c->kind == MODEL_CACHE_SS)
        return !is_second(t->pgtt) || c->root != t->ss_table;
    return (c->kind == MODEL_CACHE_IOTLB || c->kind == MODEL_CACHE_FS) && c->pasid == t->pasid &&
           c->root != trans_root(t, c->kind);
}

void contract_pasid_cached(struct model *m, const struct cached *what, const struct trans *t)
{
    prq_pasid_cached(m, what, t);
    for (unsigned i = 0; i < m->cache_end; i++) {
        const struct cached *c = &m->cache[i];

        if (!c->used)
            continue;
        if (c->kind == MODEL_CACHE_PASID && entry_get(&c->pe, VTD_PASID_P))
            check_views(m, &what->pe, &c->pe);
        if (c->kind == MODEL_CACHE_PASID && c->did == what->did && entry_get(&c->pe, VTD_PASID_P))
            check_pair(m, &what->pe, what->pasid, &c->pe, c->pasid);
        else if (is_left_over(c, t))
            breach(
                m,
                "rule 45: domain %u, PASID %x used for another table while entries of the last may be cached",
                t->did, t->pasid);
    }
}
