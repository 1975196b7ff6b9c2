/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk of second-stage paging structures. What it uses it may keep: each non-leaf entry goes to the
 * paging-structure cache. VT-d 5.10, Second-Stage Paging Entries; Second-Stage Translation; codes 78 .. 7D,
 * 84 .. 86, in legacy mode 03 .. 07 and 0C.
 */
#include "tests/model/model_priv.h"

#define RETRIES 16

struct second {
    struct model *m;
    const struct trans *t;
    uint64_t addr;
    bool early;     /* A is set, and entries are kept, as soon as they are used */
    unsigned level; /* of the table being read */
    bool top;       /* it is the one that SSPTPTR leads to */
    uint64_t table;
    uint64_t pa; /* of the entry */
    uint64_t entry;
    bool r, w; /* what all levels so far allow */
    struct walk_used used[VTD_PAGING_LEVELS_MAX];
    unsigned used_count;
};

static uint8_t code(const struct trans *t, uint8_t scalable, uint8_t legacy)
{
    return t->legacy ? legacy : scalable;
}

/* ---- One entry ---- */

static bool entry_r(const struct trans *t, uint64_t e)
{
    return t->ssirwe ? FIELD_GET(VTD_SS_IR, e) : FIELD_GET(VTD_SS_R, e);
}

static bool entry_w(const struct trans *t, uint64_t e)
{
    return t->ssirwe ? FIELD_GET(VTD_SS_IW, e) : FIELD_GET(VTD_SS_W, e);
}

static bool is_leaf(const struct second *s)
{
    return s->level == 1 || (s->level <= 3 && FIELD_GET(VTD_SS_PS, s->entry));
}

/* Is a leaf of this level one that CAP.SSLPS has? */
static bool size_ok(const struct model *m, unsigned level)
{
    return level == 1 || (level == 2 && (CAP(m, SSLPS) & SPAN_MASK(VTD_SSLPS_2M))) ||
           (level == 3 && (CAP(m, SSLPS) & SPAN_MASK(VTD_SSLPS_1G)));
}

static uint64_t reserved_bits(const struct second *s)
{
    uint64_t bits = walk_above_haw(s->m);

    if (!s->t->ssirwe)
        bits |= SPAN_MASK(VTD_SS_IW);
    if (!is_leaf(s)) {
        bits |= SPAN_MASK(VTD_SS_SNP);
        return s->level >= 4 ? bits | SPAN_MASK(VTD_SS_PS) : bits;
    }
    if (!ECAP(s->m, SC))
        bits |= SPAN_MASK(VTD_SS_SNP);
    if (!size_ok(s->m, s->level))
        bits |= SPAN_MASK(VTD_SS_PS);
    return bits | (walk_size(s->level) - PAGE_SIZE);
}

#define PRESENT 7ull /* R, W, X */

static uint8_t read_entry(struct second *s)
{
    const struct trans *t = s->t;

    s->pa = s->table + walk_index(s->addr, s->level) * sizeof(s->entry);
    if (mem_walk_entry(s->m, s->pa, &s->entry, PRESENT, t->snooped))
        return 0;
    return s->top ? code(t, VTD_FR_SSS_4, VTD_FR_LCT_4) : code(t, VTD_FR_SSS_1, VTD_FR_LSS_1);
}

/* ---- Rights ---- */

/* Nothing is allowed at all: scalable mode has a code for it, legacy mode that of the missing right. */
static uint8_t nothing(const struct trans *t, const struct want *want)
{
    return code(t, VTD_FR_SSS_2, want->w ? VTD_FR_LGN_2 : VTD_FR_LGN_3);
}

static uint8_t check_rights(const struct second *s, const struct want *want)
{
    if (want->w && !s->w)
        return code(s->t, VTD_FR_SGN_6, VTD_FR_LGN_2);
    if ((want->r || (want->zero_length && !CAP(s->m, ZLR))) && !s->r)
        return code(s->t, VTD_FR_SGN_7, VTD_FR_LGN_3);
    return 0;
}

/* ---- A and D ---- */

static uint8_t set_flags(struct second *s, uint64_t pa, uint64_t e, uint64_t flags)
{
    if (!s->t->ssade || (e & flags) == flags)
        return 0;
    if (!s->t->snooped)
        return VTD_FR_SSS_5;
    return mem_cas64(s->m, pa, e, e | flags) ? 0 : VTD_FR_SSS_6;
}

/* The entries used since the last call: A is set in each, and each may be kept from then on. */
static uint8_t settle(struct second *s)
{
    uint8_t why = 0;

    for (unsigned i = 0; i < s->used_count && why == 0; i++) {
        why = set_flags(s, s->used[i].pa, s->used[i].entry, SPAN_MASK(VTD_SS_A));
        if (why == 0)
            psc_add(s->m, MODEL_CACHE_SS, s->t, s->addr, &s->used[i].hit);
    }
    s->used_count = 0;
    return why;
}

/* ---- The walk ---- */

static void begin(struct second *s)
{
    struct psc_hit hit;

    s->early = !s->t->ssade || rnd(s->m, 2) == 0;
    s->top = !psc_find(s->m, MODEL_CACHE_SS, s->t, s->addr, &hit);
    if (s->top)
        hit = (struct psc_hit){.level = s->t->ss_levels, .table = s->t->ss_table, .r = true, .w = true};
    s->level = hit.level;
    s->table = hit.table;
    s->r = hit.r;
    s->w = hit.w;
}

static uint8_t descend(struct second *s)
{
    s->level--;
    s->top = false;
    s->table = FIELD_GET_ADDR(VTD_SS_ADDR, s->entry);
    s->used[s->used_count++] = (struct walk_used){
        .pa = s->pa, .entry = s->entry, .hit = {.level = s->level, .table = s->table, .r = s->r, .w = s->w}};
    return s->early ? settle(s) : 0;
}

/* Reads entries down to a leaf; its rights are not judged yet. */
static uint8_t find_leaf(struct second *s, const struct want *want)
{
    uint8_t why;

    for (begin(s);;) {
        why = read_entry(s);
        if (why != 0)
            return why;
        if (!entry_r(s->t, s->entry) && !entry_w(s->t, s->entry))
            return nothing(s->t, want);
        if ((s->entry & reserved_bits(s)) != 0)
            return code(s->t, VTD_FR_SSS_3, VTD_FR_LSS_2);
        s->r = s->r && entry_r(s->t, s->entry);
        s->w = s->w && entry_w(s->t, s->entry);
        if (!s->r && !s->w)
            return nothing(s->t, want);
        if (is_leaf(s))
            return 0;
        why = descend(s);
        if (why != 0)
            return why;
    }
}

static uint8_t use_leaf(struct second *s, const struct want *want)
{
    uint64_t flags = SPAN_MASK(VTD_SS_A) | (want->w ? SPAN_MASK(VTD_SS_D) : 0);
    uint8_t why = check_rights(s, want);

    if (why != 0 && s->early && s->t->snooped)
        set_flags(s, s->pa, s->entry, SPAN_MASK(VTD_SS_A)); /* of a request that ends here: it may be set */
    if (why == 0)
        why = settle(s);
    return why != 0 ? why : set_flags(s, s->pa, s->entry, flags);
}

static struct leaf make_leaf(const struct second *s, const struct want *want)
{
    return (struct leaf){
        .pa = align_down(FIELD_GET_ADDR(VTD_SS_ADDR, s->entry), walk_size(s->level)),
        .shift = log2_floor(walk_size(s->level)),
        .r = s->r,
        .w = s->w,
        .u = true,
        .dirty = !s->t->ssade || want->w || FIELD_GET(VTD_SS_D, s->entry),
        .snoop = s->t->pgsnp || (ECAP(s->m, SC) && FIELD_GET(VTD_SS_SNP, s->entry)),
    };
}

uint8_t walk_second(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
                    struct leaf *out)
{
    struct second s = {.m = m, .t = t, .addr = addr};
    uint8_t why = VTD_FR_SSS_6;

    if (addr >= ss_end(m, t->ss_levels))
        return code(t, VTD_FR_SGN_5, VTD_FR_LGN_1);
    /* An entry that changes between read and update is read again; in the end the update has failed. */
    for (unsigned i = 0; i < RETRIES && why == VTD_FR_SSS_6; i++) {
        why = find_leaf(&s, want);
        if (why != 0)
            continue;
        why = use_leaf(&s, want);
        *out = make_leaf(&s, want);
    }
    return why;
}
