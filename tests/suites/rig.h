/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of the suites that look at the hardware below the IOASIDs: one device attached, one table, one
 * domain id, and the entry of one slot published, retired and bent as a case likes. Goes through the driver's
 * named operations; the raw pointers are for cases that want a table which the driver refuses to write.
 *
 * Every function ends the case when what it asks of the driver fails; what is left then is cleaned up by
 * force.
 */
#ifndef TESTS_SUITES_RIG_H
#define TESTS_SUITES_RIG_H

#include "iommu/iommu.h"
#include "iommu/pgtable.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_flush.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/harness.h"

/*
 * The rig programs the slot that the case's lane goes by: slot 0 of a device's own directory, or a number
 * whose indexes in directory and table are wide and not 0. RIG_LANES and RIG_SLOT are for cases about slot 0
 * alone.
 */
#define RIG_LANES      T_BIT(T_LANE_RID)
#define RIG_BOTH_LANES (T_BIT(T_LANE_RID) | T_BIT(T_LANE_RID_PASID))
#define RIG_SLOT       0u
#define RIG_NUMBER     0xabcdeu

/* An address in the middle of nowhere: none of its four indexes is 0, and it is aligned to 1 GiB. */
#define RIG_IOVA 0x5480000000ull

struct rig {
    struct t *t;
    struct dma_dev *dma;
    struct iommu_dev *idev;
    struct vtd_dev *dev;
    struct vtd_unit *unit;
    uint32_t slot;
    enum vtd_pgtt stage; /* of `table`: FIRST or SECOND */
    unsigned levels;
    struct pgtable *table;
    did_t did;
    bool published;
};

/* The stage that this unit translates with: the first if it has both. */
enum vtd_pgtt rig_unit_stage(const struct vtd_unit *unit);
/* And the levels of its tables: 4 where it can, else 3. */
unsigned rig_unit_levels(const struct vtd_unit *unit);

/* How a table for this device has to look. */
struct pgtable_cfg rig_table_cfg(const struct vtd_dev *dev, enum vtd_pgtt stage, unsigned levels);

/*
 * Attaches the device; a table of the unit's stage, empty but for the engine's own pages; a domain id.
 * Nothing is published: DMA is blocked.
 */
void rig_open(struct t *t, struct rig *r, struct dma_dev *dma);
/* The same with a stage and a number of levels; skips the case if the unit has not got them. */
void rig_open_as(struct t *t, struct rig *r, struct dma_dev *dma, enum vtd_pgtt stage, unsigned levels);
/* Retires, detaches, and gives table and domain id back. */
void rig_close(struct rig *r);

/* Maps pages `first` .. `first + count - 1` of `mem` from `iova` on. `prot` is PGTABLE_R, _W, _RW. */
void rig_map(struct rig *r, uint64_t iova, const struct t_mem *mem, unsigned first, unsigned count,
             unsigned prot);
/* Maps `size` bytes at a physical address; leaves of the largest size that fits. */
void rig_map_pa(struct rig *r, uint64_t iova, paddr_t pa, uint64_t size, unsigned prot);
/* Maps the engine's own pages: for a second device that works through this table, or a table of the case's
 * own. */
void rig_map_own(struct rig *r, const struct dma_dev *dma);
/* Takes a mapping out of the table. Nothing is flushed. */
void rig_unmap(struct rig *r, uint64_t iova, uint64_t size);

/* Publishes the slot with the rig's table, or as pass-through. */
void rig_publish(struct rig *r);
void rig_publish_pass_through(struct rig *r);
/* Publishes an entry that the driver would refuse to build. */
void rig_publish_raw(struct rig *r, const struct vtd_pasid_entry *entry);
/* The entry that rig_publish writes, to be bent. */
struct vtd_pasid_entry rig_entry(struct rig *r);
/* The driver's retire of the slot, as the last use of the domain id. */
void rig_retire(struct rig *r);

/* A table in memory, as it is: whatever the driver thinks of it. Written by rig_store and rig_bend. */
uint64_t *
rig_root_word(struct rig *r); /* the half of the root entry that this device is in; bit 0 is its P */
struct vtd_pasid_entry *rig_pasid_entry(struct rig *r);
struct vtd_pasid_dir_entry *rig_dir_entry(struct rig *r);
struct vtd_context_entry *rig_context_entry(struct rig *r);
/* Paging entry of `iova` at `level`: 1 is the leaf of 4 KiB, r->levels the top. */
uint64_t *rig_paging_entry(struct rig *r, uint64_t iova, unsigned level);
/* Stores one word of such an entry and makes it visible to the unit; returns the old value. Nothing is
 * flushed. */
uint64_t rig_store(struct rig *r, uint64_t *word, uint64_t value);
/* The same, and then everything that the unit may hold of it is flushed. */
uint64_t rig_bend(struct rig *r, uint64_t *word, uint64_t value);

/* Descriptors as they are, and one wait. */
void rig_submit(struct rig *r, const struct vtd_desc *descs, unsigned count);
/* Removes everything that the unit can hold, of any device. */
void rig_flush_everything(struct rig *r);
/* The invalidation that the specification asks for after a leaf at `iova` changed (rules 50, 51). */
void rig_flush_page(struct rig *r, uint64_t iova);
/* The same for all of the slot: p_iotlb PASID or iotlb domain. */
void rig_flush_slot(struct rig *r);
/* After an entry of a published table became present: needed only where absence may be cached (CAP.CM = 1,
 * second stage, rule 52). */
void rig_flush_new(struct rig *r);

/* Device A (rig a) may be told from device B by their requester ids: the n-th device of the case's engine at
 * a place, or the case is skipped. */
struct dma_dev *rig_dev_at(struct t *t, enum dma_place place);
/* One with a number of 16 or more on the root bus: the upper half of its context table. */
struct dma_dev *rig_dev_upper(struct t *t);

#endif
