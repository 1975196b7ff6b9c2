/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paging structures of both stages: see pgtable.h for the contract. What an entry looks like is in
 * pgtable_fmt.h; all here works on either stage, recursing once per level.
 */
#include <errno.h>

#include "iommu/pgtable.h"
#include "iommu/pgtable_fmt.h"

/* ---- Life ---- */

static bool cfg_valid(const struct pgtable_cfg *cfg)
{
    bool first = cfg->stage == PGTABLE_FIRST;
    uint64_t all = PGTABLE_4K | PGTABLE_2M | PGTABLE_1G;
    uint64_t least = first ? PGTABLE_4K | PGTABLE_2M : PGTABLE_4K;

    if (cfg->levels < (first ? 4 : 3) || cfg->levels > VTD_PAGING_LEVELS_MAX)
        return false;
    if ((cfg->page_sizes & ~all) != 0 || (cfg->page_sizes & least) != least)
        return false;
    if (first && cfg->leaf_snoop)
        return false;
    return cfg->haw >= 32 && cfg->haw <= SPAN_HI(VTD_FS_ADDR) + 1;
}

/* First-stage input is canonical; of its two halves the lower one is used. */
static uint64_t input_end(const struct pgtable_cfg *cfg)
{
    unsigned bits = 12 + 9 * cfg->levels - (cfg->stage == PGTABLE_FIRST ? 1 : 0);

    return pow2(cfg->input_bits != 0 && cfg->input_bits < bits ? cfg->input_bits : bits);
}

static uint64_t *table_alloc(struct pgtable *pt)
{
    uint64_t *table = plat_pages_alloc(1, OWNER_PGTABLE);

    if (table)
        pt->pages++;
    return table;
}

static void table_free(struct pgtable *pt, uint64_t *table)
{
    pt->pages--;
    plat_pages_free(table, 1);
}

static struct pgtable describe(const struct pgtable_cfg *cfg)
{
    return (struct pgtable){.stage = cfg->stage,
                            .levels = cfg->levels,
                            .haw = cfg->haw,
                            .page_sizes = cfg->page_sizes,
                            .unit_snoops = cfg->unit_snoops,
                            .leaf_snoop = cfg->leaf_snoop,
                            .input_end = input_end(cfg)};
}

int pgtable_adopt(struct pgtable *pt, const struct pgtable_cfg *cfg, paddr_t root)
{
    if (!cfg_valid(cfg))
        return -EINVAL;
    *pt = describe(cfg);
    pt->root = plat_va(root);
    return 0;
}

int pgtable_create(const struct pgtable_cfg *cfg, struct pgtable **out)
{
    struct pgtable *pt;

    if (!cfg_valid(cfg))
        return -EINVAL;
    pt = plat_alloc(sizeof(*pt), OWNER_PGTABLE);
    if (!pt)
        return -ENOMEM;
    *pt = describe(cfg);
    pt->root = table_alloc(pt);
    if (!pt->root) {
        plat_free(pt);
        return -ENOMEM;
    }
    plat_publish(pt->root, PAGE_SIZE, cfg->unit_snoops);
    *out = pt;
    return 0;
}

/* Most entries are zero: they are looked at four at a time. */
static void free_tree(struct pgtable *pt, uint64_t *table, unsigned level)
{
    for (unsigned i = 0; level > 1 && i < VTD_PAGING_ENTRIES; i += 4) {
        if ((table[i] | table[i + 1] | table[i + 2] | table[i + 3]) == 0)
            continue;
        for (unsigned k = i; k < i + 4; k++) {
            if (entry_is_table(table[k], level))
                free_tree(pt, entry_table(table[k]), level - 1);
        }
    }
    table_free(pt, table);
}

void pgtable_destroy(struct pgtable *pt)
{
    if (!pt)
        return;
    pgtable_gc(pt);
    free_tree(pt, pt->root, pt->levels);
    plat_assert(pt->pages == 0);
    plat_free(pt);
}

paddr_t pgtable_root(const struct pgtable *pt)
{
    return plat_pa(pt->root);
}

/* ---- Garbage ---- */

/*
 * The chain runs through the first entry of each page: an empty table stays an empty table for a unit that
 * still walks it, because a page's address has no bit where an entry says present.
 */
static void garbage_add(struct pgtable *pt, uint64_t *table)
{
    store64(&table[0], pt->garbage.v);
    pt->garbage = plat_pa(table);
    pt->pages--;
}

bool pgtable_has_garbage(const struct pgtable *pt)
{
    return pt->garbage.v != 0;
}

void pgtable_gc(struct pgtable *pt)
{
    while (pt->garbage.v != 0) {
        uint64_t *table = plat_va(pt->garbage);

        pt->garbage.v = table[0];
        plat_pages_free(table, 1);
    }
}

/* ---- Ranges ---- */

/* The part of [pos, end) that lies in one entry of `level`, the one that covers `pos`. */
struct part {
    uint64_t end;
    bool whole; /* it is all that the entry covers */
};

static struct part part_of(uint64_t pos, uint64_t end, unsigned level)
{
    uint64_t size = level_size(level);
    uint64_t entry_end = align_down(pos, size) + size;
    uint64_t part_end = entry_end < end ? entry_end : end;

    return (struct part){.end = part_end, .whole = part_end - pos == size};
}

static int check_range(const struct pgtable *pt, uint64_t iova, uint64_t size)
{
    if (size == 0 || !is_aligned(iova, PGTABLE_4K) || !is_aligned(size, PGTABLE_4K))
        return -EINVAL;
    return iova < pt->input_end && size <= pt->input_end - iova ? 0 : -ERANGE;
}

struct found {
    bool present; /* a present leaf in the range */
    bool cut;     /* a leaf that the range covers in part */
};

/* Looks at [pos, end), which the table covers. */
static void scan(const struct pgtable *pt, const uint64_t *table, unsigned level, uint64_t pos, uint64_t end,
                 struct found *found)
{
    while (pos < end) {
        struct part p = part_of(pos, end, level);
        uint64_t entry = table[index_at(pos, level)];

        if (entry_is_table(entry, level)) {
            scan(pt, entry_table(entry), level - 1, pos, p.end, found);
        } else if (entry_present(pt, entry)) {
            found->present = true;
            found->cut |= !p.whole;
        }
        pos = p.end;
    }
}

static bool table_empty(const uint64_t *table)
{
    for (unsigned i = 0; i < VTD_PAGING_ENTRIES; i++)
        if (table[i] != 0)
            return false;
    return true;
}

static void publish_entries(const struct pgtable *pt, const uint64_t *table, unsigned first, unsigned count)
{
    plat_publish(&table[first], count * sizeof(table[0]), pt->unit_snoops);
}

/* Clears [pos, end), which the table covers and no leaf sticks out of. */
static void clear(struct pgtable *pt, uint64_t *table, unsigned level, uint64_t pos, uint64_t end)
{
    unsigned first = index_at(pos, level);
    unsigned count = 0;

    while (pos < end) {
        struct part p = part_of(pos, end, level);
        uint64_t *slot = &table[first + count++];

        if (entry_is_table(*slot, level)) {
            uint64_t *lower = entry_table(*slot);

            clear(pt, lower, level - 1, pos, p.end);
            if (table_empty(lower)) {
                store64(slot, 0);
                garbage_add(pt, lower);
            }
        } else if (*slot != 0) {
            store64(slot, 0);
        }
        pos = p.end;
    }
    publish_entries(pt, table, first, count);
}

int pgtable_unmap(struct pgtable *pt, iova_t iova, uint64_t size)
{
    int err = check_range(pt, iova.v, size);
    struct found found = {0};

    if (err)
        return err;
    scan(pt, pt->root, pt->levels, iova.v, iova.v + size, &found);
    if (found.cut)
        return -EINVAL;
    clear(pt, pt->root, pt->levels, iova.v, iova.v + size);
    return 0;
}

/* ---- Mapping ---- */

/* What is left to map: `pos` and `pa` move on with every leaf. */
struct job {
    uint64_t pos;
    uint64_t pa;
    unsigned prot;
};

static int fill_lower(struct pgtable *pt, uint64_t *slot, unsigned level, struct job *job, uint64_t end);

/* Maps up to `end`, which the table covers. */
static int fill(struct pgtable *pt, uint64_t *table, unsigned level, struct job *job, uint64_t end)
{
    uint64_t size = level_size(level);
    unsigned first = index_at(job->pos, level);
    unsigned count = 0;
    int err = 0;

    while (job->pos < end && !err) {
        struct part p = part_of(job->pos, end, level);
        uint64_t *slot = &table[first + count++];
        bool fits = p.whole && (pt->page_sizes & size) != 0 && is_aligned(job->pa, size);

        if (fits && !entry_is_table(*slot, level)) {
            store64(slot, leaf_make(pt, job->pa, level, job->prot));
            job->pos += size;
            job->pa += size;
        } else {
            err = fill_lower(pt, slot, level, job, p.end);
        }
    }
    publish_entries(pt, table, first, count);
    return err;
}

/* The same one level down, through the table in `slot` or a new one, which is linked when it is complete. */
static int fill_lower(struct pgtable *pt, uint64_t *slot, unsigned level, struct job *job, uint64_t end)
{
    bool fresh = !entry_is_table(*slot, level);
    uint64_t *lower = fresh ? table_alloc(pt) : entry_table(*slot);
    int err;

    if (!lower)
        return -ENOMEM;
    err = fill(pt, lower, level - 1, job, end);
    if (!fresh)
        return err;
    if (err && table_empty(lower)) {
        table_free(pt, lower);
        return err;
    }
    plat_publish(lower, PAGE_SIZE, pt->unit_snoops);
    store64(slot, table_make(pt, lower));
    return err;
}

int pgtable_map(struct pgtable *pt, iova_t iova, paddr_t pa, uint64_t size, unsigned prot)
{
    struct job job = {.pos = iova.v, .pa = pa.v, .prot = prot};
    uint64_t host_end = pow2(pt->haw);
    struct found found = {0};
    int err = check_range(pt, iova.v, size);

    if (err)
        return err;
    if (!is_aligned(pa.v, PGTABLE_4K) || prot == 0 || (prot & ~PGTABLE_RW) != 0)
        return -EINVAL;
    if (pt->stage == PGTABLE_FIRST && prot == PGTABLE_W)
        return -EINVAL;
    if (pa.v >= host_end || size > host_end - pa.v)
        return -ERANGE;
    scan(pt, pt->root, pt->levels, iova.v, iova.v + size, &found);
    if (found.present)
        return -EEXIST;
    err = fill(pt, pt->root, pt->levels, &job, iova.v + size);
    if (err && job.pos != iova.v)
        clear(pt, pt->root, pt->levels, iova.v, job.pos);
    return err;
}

/* ---- Looking ---- */

int pgtable_walk(const struct pgtable *pt, iova_t iova, struct pgtable_walk *out)
{
    const uint64_t *table = pt->root;
    struct pgtable_walk w = {.prot = PGTABLE_RW, .user = true};
    uint64_t entry;

    if (iova.v >= pt->input_end)
        return -ERANGE;
    for (w.level = pt->levels;; w.level--) {
        entry = load64(&table[index_at(iova.v, w.level)]);
        w.entry[w.level - 1] = entry;
        w.prot &= entry_prot(pt, entry);
        w.user &= entry_user(pt, entry);
        if (!entry_present(pt, entry) || !entry_is_table(entry, w.level))
            break;
        table = entry_table(entry);
    }
    w.present = entry_present(pt, entry) && w.level <= LEAF_LEVEL_MAX;
    if (w.present) {
        w.size = level_size(w.level);
        w.pa.v = leaf_pa(entry, w.level) + iova.v % w.size;
    }
    *out = w;
    return 0;
}

int pgtable_set_raw(struct pgtable *pt, iova_t iova, unsigned level, uint64_t raw, uint64_t *old)
{
    uint64_t *table = pt->root;
    uint64_t *slot;

    if (iova.v >= pt->input_end)
        return -ERANGE;
    if (level == 0 || level > pt->levels)
        return -ENOENT;
    for (unsigned l = pt->levels; l > level; l--) {
        uint64_t entry = table[index_at(iova.v, l)];

        if (!entry_is_table(entry, l))
            return -ENOENT;
        table = entry_table(entry);
    }
    slot = &table[index_at(iova.v, level)];
    if (entry_is_table(*slot, level) != entry_is_table(raw, level))
        return -EINVAL;
    if (entry_is_table(raw, level) && entry_table(raw) != entry_table(*slot))
        return -EINVAL;
    *old = *slot;
    store64(slot, raw);
    publish_entries(pt, slot, 0, 1);
    return 0;
}
