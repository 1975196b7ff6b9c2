/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite walk: conditions met in paging structures, made by bending one entry at one level, with the reason
 * code of VT-d 5.10 (Translation Fault Conditions, first and second stage). The two stages have cases of
 * their own, because their codes differ and a unit may have one of them only.
 *
 * An entry's condition looked for at one level only, or a permission not combined over the levels, turns a
 * case red.
 */
#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

static void open_working(struct t *t, struct rig *r, const struct t_mem *mem, enum vtd_pgtt stage)
{
    rig_open_as(t, r, t->dma, stage, 4);
    rig_map(r, RIG_IOVA, mem, 0, 1, PGTABLE_RW);
    rig_publish(r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), mem, 0, 64);
    t_faults_forget(t);
}

/* Erratum by which the refusal has another code. */
#define OTHER_CODE "E-004"

/* One bent entry: blocked for `reason`, then straightened and working again. */
static void bent(struct rig *r, const struct t_mem *mem, unsigned level, uint64_t value, unsigned reason)
{
    uint64_t *entry = rig_paging_entry(r, RIG_IOVA, level);
    uint64_t old = rig_bend(r, entry, value);

    t_note(r->t, "level %u entry %016llx instead of %016llx", level, (unsigned long long)value,
           (unsigned long long)old);
    t_dma_write_denied(r->t, r->dma, at(RIG_IOVA), mem, 0, 64);
    T_DEVIATES(r->t, OTHER_CODE, t_expect_fault(r->t, r->dma, reason));
    rig_bend(r, entry, old);
    t_dma_write_allowed(r->t, r->dma, at(RIG_IOVA), mem, 0, 64);
}

/* Sets one field at one level of an otherwise working walk. */
#define WALK_BENT(t, stage, level, span, value, reason)                                                      \
    do {                                                                                                     \
        struct t_mem mem_ = t_mem(t, 1);                                                                     \
        struct rig r_;                                                                                       \
        open_working(t, &r_, &mem_, stage);                                                                  \
        bent(&r_, &mem_, level, FIELD_SET(span, *rig_paging_entry(&r_, RIG_IOVA, level), value), reason);    \
        rig_close(&r_);                                                                                      \
    } while (0)

/* An address that nothing maps. */
static void unmapped(struct t *t, enum vtd_pgtt stage, unsigned reason)
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem, stage);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + PGTABLE_1G), &mem, 0, 64);
    T_DEVIATES(t, OTHER_CODE, t_expect_fault(t, t->dma, reason));
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + PAGE_SIZE), &mem, 0, 64);
    T_DEVIATES(t, OTHER_CODE, t_expect_fault(t, t->dma, reason));
    rig_close(&r);
}

/* A read that is refused: nothing of the page gets to the device. */
static void read_refused(struct t *t, struct rig *r, const struct t_mem *mem, unsigned reason)
{
    struct t_mem scratch = t_mem(t, 1);
    struct t_route via = {at(RIG_IOVA + PGTABLE_1G), &scratch};

    rig_map(r, via.iova.v, &scratch, 0, 1, PGTABLE_RW);
    t_dma_read_denied(t, t->dma, at(RIG_IOVA), mem, 0, 64, &via, NULL, NULL);
    T_DEVIATES(t, OTHER_CODE, t_expect_fault(t, t->dma, reason));
}

/* ---- First stage ---- */

TEST(walk, fs_unmapped, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "71", .negative = true,
     .doc = "addresses that no table and no leaf maps: 71h")
{
    unmapped(t, VTD_PGTT_FIRST, 0x71);
}

TEST(walk, fs_leaf_absent, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "71", .negative = true,
     .doc = "P = 0 in the PTE: 71h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 1, VTD_FS_P, 0, 0x71);
}

TEST(walk, fs_pde_absent, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "71", .negative = true,
     .doc = "P = 0 in the PDE: 71h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 2, VTD_FS_P, 0, 0x71);
}

TEST(walk, fs_pdpe_absent, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "71", .negative = true,
     .doc = "P = 0 in the PDPE: 71h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 3, VTD_FS_P, 0, 0x71);
}

TEST(walk, fs_pml4e_absent, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "71", .negative = true,
     .doc = "P = 0 in the PML4E: 71h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 4, VTD_FS_P, 0, 0x71);
}

TEST(walk, fs_read_absent, .needs = NEED_DMA | NEED_DMA_READ | NEED_FS, .lanes = RIG_LANES, .faults = "71",
     .negative = true, .doc = "a read through P = 0: 71h, and the device learns nothing of the page")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t *leaf;
    struct rig r;

    open_working(t, &r, &mem, VTD_PGTT_FIRST);
    leaf = rig_paging_entry(&r, RIG_IOVA, 1);
    rig_bend(&r, leaf, FIELD_SET(VTD_FS_P, *leaf, 0));
    read_refused(t, &r, &mem, 0x71);
    rig_close(&r);
}

TEST(walk, fs_read_only, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "85", .negative = true,
     .doc = "a write where R/W = 0 in the PTE: 85h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 1, VTD_FS_RW, 0, 0x85);
}

TEST(walk, fs_read_only_above, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "85",
     .negative = true,
     .doc = "a write where R/W = 0 in the PDPE alone: 85h, permissions combine over the levels")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 3, VTD_FS_RW, 0, 0x85);
}

TEST(walk, fs_supervisor, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "81", .negative = true,
     .doc = "U/S = 0 in the PTE: requests without PASID are user requests, 81h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 1, VTD_FS_US, 0, 0x81);
}

TEST(walk, fs_supervisor_above, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "81",
     .negative = true, .doc = "U/S = 0 in the PML4E alone: 81h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 4, VTD_FS_US, 0, 0x81);
}

TEST(walk, fs_read_only_pde, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "85",
     .negative = true, .doc = "a write where R/W = 0 in the PDE alone: 85h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 2, VTD_FS_RW, 0, 0x85);
}

TEST(walk, fs_read_only_pml4e, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "85",
     .negative = true, .doc = "a write where R/W = 0 in the PML4E alone: 85h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 4, VTD_FS_RW, 0, 0x85);
}

TEST(walk, fs_supervisor_pde, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "81",
     .negative = true, .doc = "U/S = 0 in the PDE alone: 81h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 2, VTD_FS_US, 0, 0x81);
}

TEST(walk, fs_supervisor_pdpe, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "81",
     .negative = true, .doc = "U/S = 0 in the PDPE alone: 81h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 3, VTD_FS_US, 0, 0x81);
}

/* One bit of a large leaf, which holds memory around a page of the case's, goes and comes back. */
static void large_bent(struct t *t, unsigned level, uint64_t bit, unsigned reason)
{
    uint64_t size = level == 2 ? PGTABLE_2M : PGTABLE_1G, *leaf;
    struct t_mem mem = t_mem(t, 1);
    uint64_t base = align_down(mem.pa.v, size);
    iova_t iova = at(RIG_IOVA + (mem.pa.v - base));
    struct rig r;

    rig_open_as(t, &r, t->dma, VTD_PGTT_FIRST, 4);
    rig_map_pa(&r, RIG_IOVA, (paddr_t){base}, size, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, iova, &mem, 0, 64);
    t_faults_forget(t);
    leaf = rig_paging_entry(&r, RIG_IOVA, level);
    rig_bend(&r, leaf, *leaf & ~bit);
    t_dma_write_denied(t, t->dma, iova, &mem, 0, 64);
    T_DEVIATES(t, OTHER_CODE, t_expect_fault(t, t->dma, reason));
    rig_bend(&r, leaf, *leaf | bit);
    t_dma_write_allowed(t, t->dma, iova, &mem, 0, 64);
    rig_close(&r);
}

TEST(walk, fs_absent_2m, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "71", .negative = true,
     .doc = "P = 0 in a PDE that is a leaf: 71h")
{
    large_bent(t, 2, SPAN_MASK(VTD_FS_P), 0x71);
}

TEST(walk, fs_read_only_2m, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "85", .negative = true,
     .doc = "a write where R/W = 0 in a PDE that is a leaf: 85h")
{
    large_bent(t, 2, SPAN_MASK(VTD_FS_RW), 0x85);
}

TEST(walk, fs_supervisor_2m, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "81",
     .negative = true, .doc = "U/S = 0 in a PDE that is a leaf: 81h")
{
    large_bent(t, 2, SPAN_MASK(VTD_FS_US), 0x81);
}

TEST(walk, fs_absent_1g, .needs = NEED_DMA | NEED_FS | NEED_FS1G, .lanes = RIG_LANES, .faults = "71",
     .negative = true, .doc = "P = 0 in a PDPE that is a leaf: 71h")
{
    large_bent(t, 3, SPAN_MASK(VTD_FS_P), 0x71);
}

TEST(walk, fs_read_only_1g, .needs = NEED_DMA | NEED_FS | NEED_FS1G, .lanes = RIG_LANES, .faults = "85",
     .negative = true, .doc = "a write where R/W = 0 in a PDPE that is a leaf: 85h")
{
    large_bent(t, 3, SPAN_MASK(VTD_FS_RW), 0x85);
}

TEST(walk, fs_supervisor_1g, .needs = NEED_DMA | NEED_FS | NEED_FS1G, .lanes = RIG_LANES, .faults = "81",
     .negative = true, .doc = "U/S = 0 in a PDPE that is a leaf: 81h")
{
    large_bent(t, 3, SPAN_MASK(VTD_FS_US), 0x81);
}

/* Bit 51 of an address in the leaf: reserved unless memory is that wide. */
static void high_address_bit(struct t *t, enum vtd_pgtt stage, unsigned reason)
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;
    unsigned haw;

    open_working(t, &r, &mem, stage);
    haw = r.unit->caps.haw;
    if (haw > 51) {
        rig_close(&r);
        t_skip(t, "host address width %u: no reserved address bit", haw);
    }
    bent(&r, &mem, 1, FIELD_SET(BIT(51), *rig_paging_entry(&r, RIG_IOVA, 1), 1), reason);
    rig_close(&r);
}

TEST(walk, fs_reserved, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "72", .negative = true,
     .doc = "an address bit at or above the host's width in the PTE: 72h")
{
    high_address_bit(t, VTD_PGTT_FIRST, 0x72);
}

TEST(walk, fs_reserved_top, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "72", .negative = true,
     .doc = "bit 7 in the PML4E, where no leaf can be: 72h")
{
    WALK_BENT(t, VTD_PGTT_FIRST, 4, BIT(7), 1, 0x72);
}

TEST(walk, fs_not_canonical, .needs = NEED_DMA | NEED_FS, .lanes = RIG_LANES, .faults = "80",
     .negative = true, .doc = "an address whose bits 63:47 differ: 80h")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem, VTD_PGTT_FIRST);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + pow2(47)), &mem, 0, 64);
    t_expect_fault(t, t->dma, 0x80);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + pow2(50)), &mem, 0, 64);
    t_expect_fault(t, t->dma, 0x80);
    rig_close(&r);
}

/* ---- Second stage ---- */

TEST(walk, ss_unmapped, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES, .faults = "79", .negative = true,
     .xfail = "E-004", .doc = "addresses that no table and no leaf maps: 79h")
{
    unmapped(t, VTD_PGTT_SECOND, 0x79);
}

TEST(walk, ss_blocked, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES, .negative = true,
     .doc = "R = W = 0 at each level in turn blocks, whatever the record calls it")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem, VTD_PGTT_SECOND);
    for (unsigned level = 1; level <= 4; level++) {
        uint64_t *entry = rig_paging_entry(&r, RIG_IOVA, level);
        uint64_t old = rig_bend(&r, entry, *entry - FIELD_GET(BITS(1, 0), *entry));

        t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
        rig_bend(&r, entry, old);
        t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    }
    rig_close(&r);
}

TEST(walk, ss_read_only, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES, .faults = "85", .negative = true,
     .xfail = "E-004", .doc = "a write where W = 0, R = 1 in the leaf: 85h")
{
    WALK_BENT(t, VTD_PGTT_SECOND, 1, VTD_SS_W, 0, 0x85);
}

TEST(walk, ss_read_only_above, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES, .negative = true,
     .doc = "W = 0 in the level-3 entry alone blocks a write: permissions combine over the levels")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t *entry;
    struct rig r;

    open_working(t, &r, &mem, VTD_PGTT_SECOND);
    entry = rig_paging_entry(&r, RIG_IOVA, 3);
    rig_bend(&r, entry, FIELD_SET(VTD_SS_W, *entry, 0));
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}

TEST(walk, ss_write_only, .needs = NEED_DMA | NEED_DMA_READ | NEED_SS, .lanes = RIG_LANES, .faults = "86",
     .negative = true, .xfail = "E-004", .doc = "a read where R = 0, W = 1 in the leaf: 86h")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t *leaf;
    struct rig r;

    open_working(t, &r, &mem, VTD_PGTT_SECOND);
    leaf = rig_paging_entry(&r, RIG_IOVA, 1);
    rig_bend(&r, leaf, FIELD_SET(VTD_SS_R, *leaf, 0));
    read_refused(t, &r, &mem, 0x86);
    rig_close(&r);
}

TEST(walk, ss_reserved, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES, .faults = "7a", .negative = true,
     .xfail = "E-004", .doc = "an address bit at or above the host's width in the leaf: 7Ah")
{
    high_address_bit(t, VTD_PGTT_SECOND, 0x7a);
}

TEST(walk, ss_too_wide, .needs = NEED_DMA | NEED_SS, .lanes = RIG_LANES, .faults = "84", .negative = true,
     .xfail = "E-004", .doc = "an address beyond the table's width: 84h")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    open_working(t, &r, &mem, VTD_PGTT_SECOND);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA + pow2(48)), &mem, 0, 64);
    T_DEVIATES(t, OTHER_CODE, t_expect_fault(t, t->dma, 0x84));
    rig_close(&r);
}

/* ---- Either ---- */

TEST(walk, interrupt_range, .needs = NEED_DMA, .lanes = RIG_LANES, .faults = "87", .negative = true,
     .doc = "a leaf that leads to FEEx_xxxxh: 87h, no interrupt is made from a translated write")
{
    struct t_mem mem = t_mem(t, 1);
    uint64_t *leaf;
    struct rig r;
    uint64_t old;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    leaf = rig_paging_entry(&r, RIG_IOVA, 1);
    old = rig_bend(&r, leaf, FIELD_GET(BITS(11, 0), *leaf) + 0xfee00000);
    t_faults_forget(t);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 4);
    t_expect_fault(t, t->dma, 0x87);
    rig_bend(&r, leaf, old);
    rig_close(&r);
}

TEST(walk, wrong_table, .needs = NEED_DMA, .lanes = RIG_LANES, .negative = true,
     .doc = "an entry whose leaf table is another, empty one reaches nothing")
{
    struct t_mem mem = t_mem(t, 1);
    struct t_mem empty = t_mem(t, 1);
    uint64_t *entry;
    struct rig r;
    uint64_t old;

    plat_publish(empty.va, PAGE_SIZE, false);
    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    entry = rig_paging_entry(&r, RIG_IOVA, 2);
    old = rig_bend(&r, entry, FIELD_GET(BITS(11, 0), *entry) + empty.pa.v);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_bend(&r, entry, old);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    rig_close(&r);
}
