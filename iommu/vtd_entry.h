/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single entries of root, context and PASID tables: where they are, and the stores that change them. For
 * vtd_dev.c, vtd_pasid.c and vtd_retire.c only, under the unit's table_lock. VT-d 5.10, Translation Structure
 * Formats; rules 10, 35, 37.
 */
#ifndef IOMMU_VTD_ENTRY_H
#define IOMMU_VTD_ENTRY_H

#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"

/* ---- Where. NULL: no table there. The _make forms add the missing table (-ENOMEM). ---- */

struct vtd_context_entry *vtd_entry_context(const struct vtd_unit *unit, uint16_t rid);
/* -EBUSY also: the table is being taken back. */
must_check int vtd_entry_context_make(struct vtd_unit *unit, uint16_t rid, struct vtd_context_entry **out);

/*
 * The root half of `rid` goes once no entry below it is present: its P (true: it did, or had gone before),
 * and, after everything was invalidated, the rest of it with the table.
 */
bool vtd_entry_root_clear_present(struct vtd_unit *unit, uint16_t rid);
void vtd_entry_root_free(struct vtd_unit *unit, uint16_t rid);

/* `slot` lies within the directory: vtd_entry_slot_ok. */
bool vtd_entry_slot_ok(const struct vtd_dev *dev, uint32_t slot);
struct vtd_pasid_entry *vtd_entry_pasid(const struct vtd_dev *dev, uint32_t slot);
must_check int vtd_entry_pasid_make(struct vtd_dev *dev, uint32_t slot, struct vtd_pasid_entry **out);
/* The first PASID table that serves `*base` or a slot behind it; *base becomes its first slot. NULL: none. */
struct vtd_pasid_entry *vtd_entry_next_table(const struct vtd_dev *dev, uint32_t *base);

/* ---- Stores. `entry` is in a table, `words` its `count` words; P is bit 0 of word 0 (as in all of them).
 * ---- */

bool vtd_entry_is_zero(const uint64_t *entry, unsigned count);

/* Fields, write-back, barrier, P, write-back. Asserts that the entry is all zero and that `words` has P. */
void vtd_entry_publish(struct vtd_unit *unit, uint64_t *entry, const uint64_t *words, unsigned count);

/* P goes, by one store that may set FPD as well; the rest stays. */
void vtd_entry_clear_present(struct vtd_unit *unit, uint64_t *entry, bool fpd);

/* Everything but FPD goes, then FPD. Asserts P = 0. */
void vtd_entry_zero_but_fpd(struct vtd_unit *unit, uint64_t *entry, unsigned count);
void vtd_entry_zero_fpd(struct vtd_unit *unit, uint64_t *entry);

/* ---- All tables of a unit that is off and whose queue rests (vtd_rebuild.c) ---- */

/* No entry of a context or PASID table is left; the tables stay where they are, for what comes back. */
void vtd_tables_empty(struct vtd_unit *unit);
/* Context entries of all devices, and no PASID entry. 0; -ENOMEM: not behind vtd_tables_empty. */
must_check int vtd_tables_rebuild(struct vtd_unit *unit);

/* ---- Context entries of a device, all at a time: P goes; the rest goes (vtd_dev.c) ---- */

/* Published: 0; -EBUSY: one is in use; -ENOMEM; caching mode: -EIO, -ETIMEDOUT: they are not present, and
 * have to be retired. */
must_check int vtd_dev_publish_contexts(struct vtd_dev *dev);
void vtd_dev_clear_contexts(struct vtd_dev *dev);
void vtd_dev_zero_contexts(struct vtd_dev *dev);

/* Its device TLB is on and can be reached. */
static inline bool vtd_dev_has_tlb(const struct vtd_dev *dev)
{
    return dev->ats && !dev->deaf;
}

/* Everything that the device's own TLB holds, as the last of a batch; never while translation is off (rule
 * 13).
 */
void vtd_dev_add_tlb(struct vtd_batch *batch, const struct vtd_dev *dev);

/*
 * Page requests of the items that are on `unit`, without an error, and whose devices send some: at return all
 * that were sent are answered (vtd_drain.c; rules 61-63). A batch whose wait was a fence has emptied their
 * TLBs. 0, -EIO, -ETIMEDOUT. T.
 */
must_check int vtd_drain(struct vtd_unit *unit, struct vtd_retire *items, unsigned count);

/* One item's IOTLB and device-TLB invalidations, in the forms that its entry and its requests have. */
void vtd_retire_add_iotlb(struct vtd_batch *batch, const struct vtd_retire *item);
void vtd_retire_add_device_tlb(struct vtd_batch *batch, const struct vtd_retire *item);

/* What its device-TLB invalidations carry. */
struct vtd_ats vtd_dev_ats(const struct vtd_dev *dev);

#endif
