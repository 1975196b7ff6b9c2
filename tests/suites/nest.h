/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of suite nested: a guest with a little memory, the second stage that puts it somewhere, and
 * first-stage tables that the guest keeps in it, written entry by entry. One IOASID and one set of guest
 * tables per device. Ends the case when something fails that is no subject of it.
 *
 * The guest's memory begins at NEST_GPA and lies backwards in the host's: an address that misses a stage
 * meets another page, or none.
 */
#ifndef TESTS_SUITES_NEST_H
#define TESTS_SUITES_NEST_H

#include "iommu/iommu.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/harness.h"

#define NEST_DEVS  2u
#define NEST_PAGES 64u
#define NEST_GPA   0x3000000000ull
#define NEST_GVA   0x5480000000ull
#define NEST_LANES (T_BIT(T_LANE_RID) | T_BIT(T_LANE_RID_PASID) | T_BIT(T_LANE_PASID))

/* Entries of the guest's: all that levels above a leaf need, a page that may be written. */
#define NEST_FULL                                                                                            \
    (SPAN_MASK(VTD_FS_P) | SPAN_MASK(VTD_FS_RW) | SPAN_MASK(VTD_FS_US) | SPAN_MASK(VTD_FS_A) |               \
     SPAN_MASK(VTD_FS_D))

struct nest {
    struct t *t;
    struct ioasid_set *set;
    struct pgtable *second;
    struct t_mem ram;
    unsigned used; /* pages of it that are in use, counted from NEST_GPA */
    unsigned devs;
    struct dma_dev *dma[NEST_DEVS];
    struct iommu_dev *dev[NEST_DEVS];
    ioasid_t id[NEST_DEVS];
    uint64_t root[NEST_DEVS]; /* of the guest's tables */
};

/* Devices attached, IOASIDs allocated, empty guest tables but for the engine's own pages. Nothing is bound.
 */
void nest_open(struct t *t, struct nest *n, unsigned devs);
/* The same with a second stage of 3 or 4 levels; skips the case if the unit has not got them. */
void nest_open_as(struct t *t, struct nest *n, unsigned devs, unsigned levels);
/* Unbinds what is bound, frees, detaches. */
void nest_close(struct nest *n);

/* How device `d` is bound to an IOASID of its own, or to another's. */
struct ioasid_bind_cfg nest_cfg(const struct nest *n, unsigned d);
void nest_bind(struct nest *n, unsigned d);
void nest_unbind(struct nest *n, unsigned d);
/* Transfers of device `d` carry the IOASID's number where the lane wants it. */
void nest_tag(struct nest *n, unsigned d, ioasid_t id);

/* A page of the guest's memory that is nothing yet: its address there; where an address is in ours. */
uint64_t nest_page(struct nest *n);
struct t_mem nest_mem(const struct nest *n, uint64_t gpa);

/* The guest maps a page, in the tables of device `d`. Flags of the leaf. */
void nest_map(struct nest *n, unsigned d, uint64_t gva, uint64_t gpa, uint64_t flags);
/* Address of the guest's entry of that level (1 is the leaf's), and of the table that it is in. */
uint64_t nest_entry(struct nest *n, unsigned d, uint64_t gva, unsigned level);
/* The guest writes a word; returns what was there. Nothing is flushed. */
uint64_t nest_store(struct nest *n, uint64_t gpa, uint64_t value);
uint64_t nest_load(const struct nest *n, uint64_t gpa);

/* The host takes a page of the guest's away, or gives it (back) with these rights, from one of its own. A
 * second stage that may cache absence (CAP.CM) is flushed when something comes; nothing is when it goes. */
void nest_take(struct nest *n, uint64_t gpa);
void nest_give(struct nest *n, uint64_t gpa, paddr_t pa, unsigned prot);
/* And back where it was. */
void nest_give_back(struct nest *n, uint64_t gpa);

/* The driver's flushes for the IOASID of device `d`: of a page of the first stage, of the second. */
void nest_flush(struct nest *n, unsigned d, uint64_t gva);
void nest_flush_below(struct nest *n, unsigned d, uint64_t gpa);

#endif
