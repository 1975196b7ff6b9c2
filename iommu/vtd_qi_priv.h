/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of an invalidation queue, for vtd_qi.c (batches) and vtd_qi_error.c (what stops it). Nobody else
 * includes it. With the queue's lock held where nothing else is said.
 */
#ifndef IOMMU_VTD_QI_PRIV_H
#define IOMMU_VTD_QI_PRIV_H

#include "iommu/vtd_qi.h"

/* ---- Slots ---- */

/* The slot `count` slots on. Any context. */
unsigned vtd_qi_slot_after(unsigned slot, unsigned count);
/* Slots from `from` up to, not including, `to`. Any context. */
unsigned vtd_qi_slots_between(unsigned from, unsigned to);
/* IQH as a slot. Any context. */
unsigned vtd_qi_hardware_head(const struct vtd_unit *unit);
/* Are `count` slots free, beside the one that always is? */
bool vtd_qi_have_room(struct vtd_unit *unit, unsigned count);
/* Into the slot at the tail; the unit sees it with the next write of the tail. */
void vtd_qi_put(struct vtd_unit *unit, const struct vtd_desc *desc);
void vtd_qi_write_tail(struct vtd_unit *unit);

/* ---- Status words ---- */

/* Where a wait with that word writes its status. Any context. */
paddr_t vtd_qi_status_address(struct vtd_queue *q, unsigned index);
/* A word that no batch uses; false: there is none. */
bool vtd_qi_take_word(struct vtd_queue *q, unsigned *index);
void vtd_qi_release_word(struct vtd_queue *q, unsigned index);
/* Has the unit written the status of the batch's last wait? Any context. */
bool vtd_qi_status_written(struct vtd_queue *q, const struct vtd_batch *batch);

#endif
