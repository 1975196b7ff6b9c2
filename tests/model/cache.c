/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Caches: context, PASID, IOTLB, paging structures. Each holds few entries, gives them up by chance, and
 * keeps all that an invalidation does not name. An entry that was given up stays on the list as one that some
 * unit would still have: it answers nothing, but software's duties go on. VT-d 5.10, Caching Translation
 * Information; Invalidation Descriptors; rules 26..28, 45..48.
 */
#include "tests/model/model_priv.h"

/* ---- The list ---- */

static unsigned count_live(const struct model *m, enum model_cache kind)
{
    unsigned n = 0;

    for (unsigned i = 0; i < m->cache_end; i++)
        n += m->cache[i].used && m->cache[i].live && m->cache[i].kind == kind;
    return n;
}

unsigned model_cached(const struct model *m, enum model_cache which)
{
    return which == MODEL_CACHE_IEC ? intr_cached(m) : count_live(m, which);
}

/* The n-th live entry of a kind is given up. */
static void give_up(struct model *m, enum model_cache kind, unsigned n)
{
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];

        if (c->used && c->live && c->kind == kind && n-- == 0) {
            c->live = false;
            return;
        }
    }
}

/* A free place, or that of the oldest entry that was given up. */
static struct cached *place(struct model *m)
{
    struct cached *oldest = NULL;

    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];

        if (!c->used)
            return c;
        if (!c->live && (oldest == NULL || c->age < oldest->age))
            oldest = c;
    }
    return m->cache_end < CACHE_ENTRIES ? &m->cache[m->cache_end++] : oldest;
}

/* After an invalidation. */
static void shorten(struct model *m)
{
    while (m->cache_end > 0 && !m->cache[m->cache_end - 1].used)
        m->cache_end--;
}

/* The entry that says the same, to be replaced. Two requesters may have one each in the PASID cache only. */
static bool same_place(const struct cached *a, const struct cached *b)
{
    return a->used && a->kind == b->kind && a->sid == b->sid && a->did == b->did && a->pasid == b->pasid &&
           a->has_pasid == b->has_pasid && a->level == b->level && a->addr == b->addr &&
           a->shift == b->shift && a->first == b->first;
}

struct cached *cache_add(struct model *m, const struct cached *what)
{
    struct cached *c = NULL;

    for (unsigned i = 0; i < m->cache_end && c == NULL; i++) {
        if (same_place(&m->cache[i], what))
            c = &m->cache[i];
    }
    if (c == NULL) {
        unsigned live = count_live(m, what->kind);

        if (live >= m->cfg.cache_max)
            give_up(m, what->kind, rnd(m, live));
        c = place(m);
    }
    *c = *what;
    c->used = true;
    c->live = true;
    c->age = ++m->age;
    return c;
}

bool trans_is_old(const struct model *m, const struct trans *t)
{
    return t->generation != m->generation;
}

uint64_t trans_root(const struct trans *t, enum model_cache stage)
{
    if (stage == MODEL_CACHE_SS || t->pgtt == VTD_PGTT_SECOND)
        return t->ss_table;
    return t->pgtt == VTD_PGTT_PASSTHROUGH ? 0 : t->fs_table;
}

/* ---- Lookups ---- */

struct cached *context_find(struct model *m, uint16_t sid)
{
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];

        if (c->used && c->live && c->kind == MODEL_CACHE_CONTEXT && c->sid == sid)
            return c;
    }
    return NULL;
}

struct cached *pasid_find(struct model *m, uint16_t sid, bool has_pasid, uint32_t pasid)
{
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];

        if (c->used && c->live && c->kind == MODEL_CACHE_PASID && c->sid == sid &&
            c->has_pasid == has_pasid && (!has_pasid || c->pasid == pasid))
            return c;
    }
    return NULL;
}

static bool covers(const struct cached *c, uint64_t addr)
{
    return align_down(addr, pow2(c->shift)) == c->addr;
}

const struct leaf *iotlb_find(struct model *m, const struct trans *t, uint64_t addr, const struct want *want)
{
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];

        if (c->used && c->live && c->kind == MODEL_CACHE_IOTLB && c->did == t->did && c->pasid == t->pasid &&
            covers(c, addr))
            return want->w && c->leaf.w && !c->leaf.dirty ? NULL : &c->leaf;
    }
    return NULL;
}

/* A large page may be kept in pieces of 4 KiB: an invalidation of one piece leaves the others. */
void iotlb_add(struct model *m, const struct trans *t, uint64_t addr, const struct leaf *leaf)
{
    struct cached c = {.kind = MODEL_CACHE_IOTLB,
                       .did = t->did,
                       .pasid = t->pasid,
                       .first = t->pgtt == VTD_PGTT_FIRST || t->pgtt == VTD_PGTT_NESTED,
                       .anywhere = t->pgtt == VTD_PGTT_PASSTHROUGH,
                       .shift = leaf->shift,
                       .root = trans_root(t, MODEL_CACHE_IOTLB),
                       .leaf = *leaf};

    if (trans_is_old(m, t))
        return;
    if (leaf->shift > 12 && rnd(m, 2) == 0) {
        c.shift = 12;
        c.leaf.shift = 12;
        c.leaf.pa = leaf->pa + (align_down(addr, PAGE_SIZE) - align_down(addr, pow2(leaf->shift)));
    }
    c.addr = align_down(addr, pow2(c.shift));
    cache_add(m, &c);
}

bool psc_find(struct model *m, enum model_cache stage, const struct trans *t, uint64_t addr,
              struct psc_hit *out)
{
    const struct cached *best = NULL;

    for (unsigned i = 0; i < m->cache_end; i++) {
        const struct cached *c = &m->cache[i];

        if (!c->used || !c->live || c->kind != stage || c->did != t->did || !covers(c, addr) ||
            (stage == MODEL_CACHE_FS && c->pasid != t->pasid))
            continue;
        if (best == NULL || c->level < best->level)
            best = c;
    }
    if (best == NULL)
        return false;
    *out = (struct psc_hit){
        .level = best->level, .table = best->table, .r = best->r, .w = best->w, .u = best->u};
    return true;
}

void psc_add(struct model *m, enum model_cache stage, const struct trans *t, uint64_t addr,
             const struct psc_hit *hit)
{
    struct cached c = {.kind = stage,
                       .did = t->did,
                       .pasid = stage == MODEL_CACHE_FS ? t->pasid : 0,
                       .level = hit->level,
                       .shift = 12 + 9 * hit->level,
                       .table = hit->table,
                       .anywhere = stage == MODEL_CACHE_FS && t->pgtt == VTD_PGTT_NESTED,
                       .root = trans_root(t, stage),
                       .r = hit->r,
                       .w = hit->w,
                       .u = hit->u};

    if (trans_is_old(m, t))
        return;
    c.addr = align_down(addr, pow2(c.shift));
    cache_add(m, &c);
}

/* ---- Invalidations ---- */

/* VT-d 5.10, Context-Cache Invalidate Descriptor, FM: bits of the requester id that do not count. */
static uint16_t ignored_bits(unsigned fm)
{
    static const uint16_t bits[] = {0, 4, 6, 7};

    return bits[fm];
}

/* Domain ids count in legacy mode only: entries of scalable mode have none, and "domain" means all. */
void cache_cc(struct model *m, enum vtd_cc_gran g, uint16_t did, uint16_t sid, unsigned fm)
{
    bool legacy = FIELD_GET(VTD_RTADDR_TTM, m->root) == VTD_TTM_LEGACY;

    m->generation++;
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];

        if (c->kind != MODEL_CACHE_CONTEXT || (legacy && g != VTD_CC_GRAN_GLOBAL && c->did != did) ||
            (g == VTD_CC_GRAN_DEVICE && ((c->sid ^ sid) & ~ignored_bits(fm)) != 0))
            continue;
        c->used = false;
    }
    shorten(m);
}

void cache_pc(struct model *m, enum vtd_pc_gran g, uint16_t did, uint32_t pasid)
{
    m->generation++;
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];

        if (c->kind == MODEL_CACHE_PASID &&
            (g == VTD_PC_GRAN_GLOBAL || (c->did == did && (g == VTD_PC_GRAN_DOMAIN || c->pasid == pasid))))
            c->used = false;
    }
    shorten(m);
}

/* Does an invalidation of 2^am pages at `addr` meet the entry's range? */
static bool meets(const struct cached *c, uint64_t addr, unsigned am)
{
    unsigned shift = c->shift > 12 + am ? c->shift : 12 + am;

    return shift >= 64 || align_down(addr, pow2(shift)) == align_down(c->addr, pow2(shift));
}

static bool is_paging(const struct cached *c)
{
    return c->used &&
           (c->kind == MODEL_CACHE_IOTLB || c->kind == MODEL_CACHE_FS || c->kind == MODEL_CACHE_SS);
}

/* VT-d 5.10, what each invalidation removes: the rows "iotlb". */
void cache_iotlb(struct model *m, enum vtd_iotlb_gran g, uint16_t did, uint64_t addr, unsigned am, bool ih)
{
    m->generation++;
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];
        bool by_domain = g == VTD_IOTLB_GRAN_DOMAIN || c->kind == MODEL_CACHE_FS || c->first;

        if (!is_paging(c) || (g != VTD_IOTLB_GRAN_GLOBAL && c->did != did))
            continue;
        if (g == VTD_IOTLB_GRAN_GLOBAL || by_domain ||
            (meets(c, addr, am) && !(c->kind == MODEL_CACHE_SS && ih)))
            c->used = false;
    }
    shorten(m);
}

/* The rows "p_iotlb". */
void cache_piotlb(struct model *m, enum vtd_piotlb_gran g, uint16_t did, uint32_t pasid, uint64_t addr,
                  unsigned am, bool ih)
{
    m->generation++;
    for (unsigned i = 0; i < m->cache_end; i++) {
        struct cached *c = &m->cache[i];
        bool is_fs = c->kind == MODEL_CACHE_FS || c->first;

        if (!is_paging(c) || c->kind == MODEL_CACHE_SS || c->did != did || c->pasid != pasid)
            continue;
        if (g == VTD_PIOTLB_GRAN_PASID || (is_fs && meets(c, addr, am) && !(c->kind == MODEL_CACHE_FS && ih)))
            c->used = false;
    }
    shorten(m);
}

void cache_flush_all(struct model *m)
{
    m->generation++;
    for (unsigned i = 0; i < m->cache_end; i++)
        m->cache[i].used = false;
    m->cache_end = 0;
}
