/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk of first-stage paging structures, in host memory or, nested, in a guest's. What it uses it may keep:
 * each non-leaf entry goes to the paging-structure cache. VT-d 5.10, First-Stage Paging Entries; First-Stage
 * Translation; codes 70 .. 77, 80, 81, 85, 86, 90, 91.
 */
#include "tests/model/model_priv.h"

#define RETRIES 16

struct first {
    struct model *m;
    const struct trans *t;
    uint64_t addr;
    bool early;     /* A is set, and entries are kept, as soon as they are used */
    unsigned level; /* of the table being read */
    bool top;       /* it is the one that FSPTPTR leads to */
    uint64_t table; /* nested: guest physical */
    uint64_t at;    /* of the entry, likewise */
    uint64_t entry;
    bool w, u; /* what all levels so far allow */
    struct walk_used used[VTD_PAGING_LEVELS_MAX];
    unsigned used_count;
};

/* Bits 63 .. the highest one that is translated are all alike. */
static bool is_canonical(uint64_t addr, unsigned levels)
{
    uint64_t high = align_down(addr, pow2(11 + 9 * levels));

    return high == 0 || high == align_down(UINT64_MAX, pow2(11 + 9 * levels));
}

/* ---- One entry ---- */

static bool is_leaf(const struct first *f)
{
    return f->level == 1 || (f->level <= 3 && FIELD_GET(VTD_FS_PS, f->entry));
}

static uint64_t reserved_bits(const struct first *f)
{
    uint64_t bits = walk_above_haw(f->m);

    if (f->level >= 4 || (f->level == 3 && !CAP(f->m, FS1GP)))
        bits |= SPAN_MASK(VTD_FS_PS);
    if (f->level > 1 && is_leaf(f))
        bits |= walk_size(f->level) - PAGE_SIZE - SPAN_MASK(VTD_FS_PAT_LARGE);
    return bits;
}

static uint64_t entry_address(const struct first *f)
{
    uint64_t addr = FIELD_GET_ADDR(VTD_FS_ADDR, f->entry);

    return is_leaf(f) ? align_down(addr, walk_size(f->level)) : addr;
}

static uint8_t read_entry(struct first *f)
{
    uint64_t pa;
    uint8_t why;

    f->at = f->table + walk_index(f->addr, f->level) * sizeof(f->entry);
    why = nested_entry(f->m, f->t, f->at, f->top ? NESTED_TOP : NESTED_ENTRY, &pa);
    if (why != 0)
        return why;
    if (!mem_walk_entry(f->m, pa, &f->entry, SPAN_MASK(VTD_FS_P), f->t->snooped))
        return f->top ? VTD_FR_SFS_4 : VTD_FR_SFS_1;
    return 0;
}

static uint8_t check_entry(const struct first *f)
{
    if (!FIELD_GET(VTD_FS_P, f->entry))
        return VTD_FR_SFS_2;
    if ((f->entry & reserved_bits(f)) != 0)
        return VTD_FR_SFS_3;
    return nested_beyond(f->m, f->t, entry_address(f)) ? VTD_FR_SFS_5 : 0;
}

/* ---- Rights: VT-d 5.10, Access Rights. That supervisors may come at all (SRE) has been checked ---- */

static uint8_t check_rights(const struct first *f, const struct want *want)
{
    bool supervisor = f->t->priv;

    if (!supervisor && !f->u)
        return VTD_FR_SGN_2;
    if (want->w && !f->w && !(supervisor && !f->t->wpe))
        return VTD_FR_SGN_6;
    return 0;
}

/* ---- A, EA and D ---- */

static uint64_t accessed(const struct first *f)
{
    return SPAN_MASK(VTD_FS_A) | (f->t->eafe ? SPAN_MASK(VTD_FS_EA) : 0);
}

/* The entry at `at` has been read as `e`: sets flags in one atomic operation, where one is missing. */
static uint8_t set_flags(struct first *f, uint64_t at, uint64_t e, uint64_t flags)
{
    uint64_t pa;
    uint8_t why;

    if ((e & flags) == flags)
        return 0;
    if (!f->t->snooped)
        return VTD_FR_SFS_9;
    why = nested_entry(f->m, f->t, at, NESTED_UPDATE, &pa);
    if (why != 0)
        return why;
    return mem_cas64(f->m, pa, e, e | flags) ? 0 : VTD_FR_SFS_10;
}

/* The entries used since the last call: A is set in each, and each may be kept from then on. */
static uint8_t settle(struct first *f)
{
    uint8_t why = 0;

    for (unsigned i = 0; i < f->used_count && why == 0; i++) {
        why = set_flags(f, f->used[i].pa, f->used[i].entry, accessed(f));
        if (why == 0)
            psc_add(f->m, MODEL_CACHE_FS, f->t, f->addr, &f->used[i].hit);
    }
    f->used_count = 0;
    return why;
}

/* ---- The walk ---- */

static void begin(struct first *f)
{
    struct psc_hit hit;

    f->early = rnd(f->m, 2) == 0;
    f->top = !psc_find(f->m, MODEL_CACHE_FS, f->t, f->addr, &hit);
    if (f->top)
        hit = (struct psc_hit){.level = f->t->fs_levels, .table = f->t->fs_table, .w = true, .u = true};
    f->level = hit.level;
    f->table = hit.table;
    f->w = hit.w;
    f->u = hit.u;
}

static uint8_t descend(struct first *f)
{
    f->level--;
    f->top = false;
    f->table = FIELD_GET_ADDR(VTD_FS_ADDR, f->entry);
    f->used[f->used_count++] =
        (struct walk_used){.pa = f->at,
                           .entry = f->entry,
                           .hit = {.level = f->level, .table = f->table, .r = true, .w = f->w, .u = f->u}};
    return f->early ? settle(f) : 0;
}

/* Reads entries down to a leaf; its rights are not judged yet. */
static uint8_t find_leaf(struct first *f)
{
    uint8_t why;

    for (begin(f);;) {
        why = read_entry(f);
        if (why == 0)
            why = check_entry(f);
        if (why != 0)
            return why;
        f->w = f->w && FIELD_GET(VTD_FS_RW, f->entry);
        f->u = f->u && FIELD_GET(VTD_FS_US, f->entry);
        if (is_leaf(f))
            return 0;
        why = descend(f);
        if (why != 0)
            return why;
    }
}

static struct leaf make_leaf(const struct first *f, const struct want *want)
{
    return (struct leaf){.pa = entry_address(f),
                         .shift = log2_floor(walk_size(f->level)),
                         .r = true,
                         .w = f->w,
                         .u = f->u,
                         .dirty = want->w || FIELD_GET(VTD_FS_D, f->entry),
                         .snoop = f->t->pgsnp};
}

/* Both stages allow what both of them allow; a page that the second one does not have at all comes first. */
static uint8_t ask_below(struct first *f, const struct want *want, uint8_t why, struct leaf *out)
{
    struct want rest = {.r = want->r, .w = want->w && why == 0, .zero_length = want->zero_length};
    uint8_t below = nested_page(f->m, f->t, f->addr, &rest, out);
    bool is_right = below == VTD_FR_SGN_6 || below == VTD_FR_SGN_7;

    return why != 0 && (below == 0 || is_right) ? why : below;
}

static uint8_t use_leaf(struct first *f, const struct want *want, struct leaf *out)
{
    uint64_t flags = accessed(f) | (want->w ? SPAN_MASK(VTD_FS_D) : 0);
    uint8_t why = check_rights(f, want);

    *out = make_leaf(f, want);
    if (why != 0 && f->early && f->t->snooped)
        set_flags(f, f->at, f->entry, accessed(f)); /* of a request that ends here: it may be set */
    if (why == VTD_FR_SGN_2)
        return why;
    why = ask_below(f, want, why, out);
    if (why == 0)
        why = settle(f);
    return why != 0 ? why : set_flags(f, f->at, f->entry, flags);
}

uint8_t walk_first(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
                   struct leaf *out)
{
    struct first f = {.m = m, .t = t, .addr = addr};
    uint8_t why = VTD_FR_SFS_10;

    if (!is_canonical(addr, t->fs_levels))
        return VTD_FR_SGN_1;
    /* An entry that changes between read and update is read again; in the end the update has failed. */
    for (unsigned i = 0; i < RETRIES && why == VTD_FR_SFS_10; i++) {
        why = find_leaf(&f);
        if (why == 0)
            why = use_leaf(&f, want, out);
    }
    return why;
}
