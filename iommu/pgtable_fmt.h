/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that pgtable.c knows about the two formats of paging entries (VT-d 5.10, First-Stage Paging Entries;
 * Second-Stage Paging Entries). Private to it. Both split an address alike and keep addresses and the size
 * bit in the same places.
 */
#ifndef IOMMU_PGTABLE_FMT_H
#define IOMMU_PGTABLE_FMT_H

#include "iommu/pgtable.h"

_Static_assert(SPAN_MASK(VTD_FS_ADDR) == SPAN_MASK(VTD_SS_ADDR) &&
                   SPAN_MASK(VTD_FS_PS) == SPAN_MASK(VTD_SS_PS) &&
                   SPAN_MASK(VTD_FS_ADDR_2M) == SPAN_MASK(VTD_SS_ADDR_2M) &&
                   SPAN_MASK(VTD_FS_ADDR_1G) == SPAN_MASK(VTD_SS_ADDR_1G),
               "both stages keep addresses and the size bit in the same places");

#define PRESENT_FS SPAN_MASK(VTD_FS_P)
#define PRESENT_SS (SPAN_MASK(VTD_SS_R) | SPAN_MASK(VTD_SS_W))

/* Levels whose entries may be pages: 4 KiB, 2 MiB, 1 GiB. Above them the size bit is reserved. */
#define LEAF_LEVEL_MAX 3

/* Which of the two formats. */
static inline bool is_first(const struct pgtable *pt)
{
    return pt->stage == PGTABLE_FIRST;
}

/* Bytes that one entry of `level` covers. */
static inline uint64_t level_size(unsigned level)
{
    uint64_t size = PGTABLE_4K;

    for (unsigned l = 1; l < level; l++)
        size *= VTD_PAGING_ENTRIES;
    return size;
}

static inline unsigned index_at(uint64_t iova, unsigned level)
{
    return (unsigned)(iova / level_size(level) % VTD_PAGING_ENTRIES);
}

static inline bool entry_present(const struct pgtable *pt, uint64_t entry)
{
    return (entry & (is_first(pt) ? PRESENT_FS : PRESENT_SS)) != 0;
}

/* Whether the entry points to a table, present or not: the size bit has the same place in both stages. */
static inline bool entry_is_table(uint64_t entry, unsigned level)
{
    if (level == 1 || FIELD_GET_ADDR(VTD_FS_ADDR, entry) == 0)
        return false;
    return level > LEAF_LEVEL_MAX || FIELD_GET(VTD_FS_PS, entry) == 0;
}

static inline uint64_t *entry_table(uint64_t entry)
{
    return plat_va((paddr_t){FIELD_GET_ADDR(VTD_FS_ADDR, entry)});
}

static inline uint64_t table_make(const struct pgtable *pt, const uint64_t *table)
{
    uint64_t pa = plat_pa(table).v;

    if (is_first(pt))
        return FIELD_PREP_ADDR(VTD_FS_ADDR, pa) | FIELD_PREP(VTD_FS_P, 1) | FIELD_PREP(VTD_FS_RW, 1) |
               FIELD_PREP(VTD_FS_US, 1) | FIELD_PREP(VTD_FS_A, 1);
    return FIELD_PREP_ADDR(VTD_SS_ADDR, pa) | FIELD_PREP(VTD_SS_R, 1) | FIELD_PREP(VTD_SS_W, 1);
}

static inline uint64_t leaf_make(const struct pgtable *pt, uint64_t pa, unsigned level, unsigned prot)
{
    bool read = prot & PGTABLE_R;
    bool write = prot & PGTABLE_W;
    bool large = level > 1;

    if (is_first(pt))
        return FIELD_PREP_ADDR(VTD_FS_ADDR, pa) | FIELD_PREP(VTD_FS_P, 1) | FIELD_PREP(VTD_FS_US, 1) |
               FIELD_PREP(VTD_FS_RW, write) | FIELD_PREP(VTD_FS_A, 1) | FIELD_PREP(VTD_FS_D, write) |
               FIELD_PREP(VTD_FS_PS, large);
    return FIELD_PREP_ADDR(VTD_SS_ADDR, pa) | FIELD_PREP(VTD_SS_R, read) | FIELD_PREP(VTD_SS_W, write) |
           FIELD_PREP(VTD_SS_PS, large) | FIELD_PREP(VTD_SS_SNP, pt->leaf_snoop);
}

/* What one entry lets through; a walk permits what all of its entries do. */
static inline unsigned entry_prot(const struct pgtable *pt, uint64_t entry)
{
    bool read = is_first(pt) ? FIELD_GET(VTD_FS_P, entry) : FIELD_GET(VTD_SS_R, entry);
    bool write = is_first(pt) ? FIELD_GET(VTD_FS_RW, entry) : FIELD_GET(VTD_SS_W, entry);

    return (read ? PGTABLE_R : 0) | (write ? PGTABLE_W : 0);
}

/* First stage: whether the entry lets user requests through. The second stage does not ask. */
static inline bool entry_user(const struct pgtable *pt, uint64_t entry)
{
    return !is_first(pt) || FIELD_GET(VTD_FS_US, entry) != 0;
}

static inline uint64_t leaf_pa(uint64_t entry, unsigned level)
{
    if (level == 1)
        return FIELD_GET_ADDR(VTD_FS_ADDR, entry);
    return level == 2 ? FIELD_GET_ADDR(VTD_FS_ADDR_2M, entry) : FIELD_GET_ADDR(VTD_FS_ADDR_1G, entry);
}

#endif
