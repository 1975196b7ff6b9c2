/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builder of first- and second-stage paging structures (VT-d 5.10, First-Stage and Second-Stage Paging
 * Entries). It knows tables, not units: invalidation is the caller's duty, and so is the order
 *
 *     pgtable_unmap -> invalidate and wait on every unit -> pgtable_gc
 *
 * because a table page that was unlinked may still be walked until the wait is over. Levels count from 1
 * (entries that map 4 KiB) to the root's; the specification's PTE, PDE, PDPE, PML4E, PML5E are levels 1 to 5.
 *
 * One thread at a time may work on a pgtable: the caller excludes. Devices may walk it all the while: every
 * entry is one 64-bit store, a new table is complete and written back before it is linked. None of these
 * functions blocks.
 */
#ifndef IOMMU_PGTABLE_H
#define IOMMU_PGTABLE_H

#include "iommu/platform.h"
#include "iommu/types.h"
#include "iommu/vtd_fmt.h"

enum pgtable_stage { PGTABLE_FIRST, PGTABLE_SECOND };

/* Sizes of pages; a set of them is their sum. */
#define PGTABLE_4K 0x1000ull
#define PGTABLE_2M 0x200000ull
#define PGTABLE_1G 0x40000000ull

/* What a mapping permits. The first stage knows no write-only pages. */
#define PGTABLE_R  1u
#define PGTABLE_W  2u
#define PGTABLE_RW (PGTABLE_R | PGTABLE_W)

struct pgtable_cfg {
    enum pgtable_stage stage;
    unsigned levels;     /* first stage: 4 (or 5 with CAP.FS5LP); second stage: 3, 4 or 5 by CAP.SAGAW */
    unsigned input_bits; /* IOVA width to stay in (CAP.MGAW); 0: all that the levels and the stage allow */
    unsigned haw;        /* host address width: mapped addresses stay below 2^haw */
    uint64_t page_sizes; /* 4 KiB, and what FS1GP or SSLPS allow; a first stage always has 2 MiB too */
    bool unit_snoops;    /* the walk snoops caches (ECAP.SMPWCS and PWSNP = 1): nothing to write back */
    bool leaf_snoop;     /* second stage: set SNP in every leaf (needs ECAP.SC) */
};

struct pgtable {
    enum pgtable_stage stage; /* this and the next five as in the configuration */
    unsigned levels;
    unsigned haw;
    uint64_t page_sizes;
    bool unit_snoops;
    bool leaf_snoop;
    uint64_t *root;
    uint64_t input_end; /* first IOVA that is too large */
    unsigned pages;     /* table pages in use, root included, garbage not */
    paddr_t garbage;    /* unlinked pages, chained; 0: none */
};

/*
 * Makes an empty table, its root page included. 0; -EINVAL: levels, widths or page sizes that the stage does
 * not have; -ENOMEM.
 */
must_check int pgtable_create(const struct pgtable_cfg *cfg, struct pgtable **out);

/* Frees all pages and the object. The caller has cut every device off and waited. NULL is allowed. */
void pgtable_destroy(struct pgtable *pt);

/*
 * Describes a table that somebody else builds and keeps, the CPU's own one (SVA): an object to bind and to
 * walk, and nothing else. Its keeper sees to what this builder would: U/S at all levels and A and D preset
 * for a first stage, absent entries all zero for a second one, stores written back where units do not snoop,
 * invalidation before a page is used for something else. 0; -EINVAL as pgtable_create.
 */
must_check int pgtable_adopt(struct pgtable *pt, const struct pgtable_cfg *cfg, paddr_t root);

/* Address of the root page, for SSPTPTR or FSPTPTR. */
paddr_t pgtable_root(const struct pgtable *pt);

/*
 * Maps [iova, iova + size) to [pa, pa + size) with `prot`, in the largest pages that fit. First-stage entries
 * get U/S, and A and D preset, so that no unit has to write to the table (fault 90h). 0; -EINVAL: something
 * is not a multiple of 4 KiB, size is 0, or prot is impossible; -ERANGE: beyond input or host width; -EEXIST:
 * a page in the range is present; -ENOMEM. After an error the mappings are as before, but table pages may
 * have become garbage: after -ENOMEM, treat it as an unmap.
 */
must_check int pgtable_map(struct pgtable *pt, iova_t iova, paddr_t pa, uint64_t size, unsigned prot);

/*
 * Clears every leaf in [iova, iova + size); holes are allowed. Tables that become empty are unlinked and kept
 * as garbage. Allocates nothing. 0; -EINVAL: not in 4 KiB, size is 0, or a large page is covered in part
 * (then nothing was changed); -ERANGE.
 */
must_check int pgtable_unmap(struct pgtable *pt, iova_t iova, uint64_t size);

/* True if non-leaf entries were cleared since the last pgtable_gc: then an invalidation may not set IH. */
bool pgtable_has_garbage(const struct pgtable *pt);

/* Frees the garbage. Only after the wait that covers the invalidation of everything unmapped so far (rule
 * 54). */
void pgtable_gc(struct pgtable *pt);

/* What a walk for one address meets; for evidence, checks and reports. */
struct pgtable_walk {
    uint64_t entry[VTD_PAGING_LEVELS_MAX]; /* entry[level - 1], 0 where the walk did not get */
    unsigned level;                        /* of the last entry read */
    bool present;                          /* that entry is a present leaf; the rest is valid only then */
    unsigned prot;                         /* PGTABLE_R, PGTABLE_W: permitted by all levels together */
    bool user;                             /* first stage: U/S is set at all levels; second stage: true */
    paddr_t pa;                            /* that `iova` itself translates to */
    uint64_t size;                         /* of the page */
};

/*
 * Walks as a unit would, reading only; reserved bits are not looked at. 0, or -ERANGE when `iova` is outside
 * of the input width.
 */
must_check int pgtable_walk(const struct pgtable *pt, iova_t iova, struct pgtable_walk *out);

/*
 * For tests: replaces the entry of `level` that `iova` selects by `raw` as it is, and gives back the old
 * value. 0; -ENOENT: no table of that level there; -EINVAL: `raw` would lose a lower table (its address and
 * size bit must stay) or make up one; -ERANGE.
 */
must_check int pgtable_set_raw(struct pgtable *pt, iova_t iova, unsigned level, uint64_t raw, uint64_t *old);

#endif
