/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the page request queue: vtd_prq.c (the ring), vtd_prq_group.c (groups and their
 * answers), vtd_prq_pager.c (who serves them). Nobody else includes it. All with the lock of the queue held,
 * but for vtd_prq_serve.
 */
#ifndef IOMMU_VTD_PRQ_PRIV_H
#define IOMMU_VTD_PRQ_PRIV_H

#include "iommu/vtd_prq.h"

/* One request out of the ring, from a device that may lie: part of a group, the end of one, or a stop marker.
 */
void vtd_prq_take(struct vtd_unit *unit, const struct vtd_page_request *request);

/* Did `dev` send the group? */
bool vtd_prq_is_from(const struct iommu_page_group *group, const struct vtd_dev *dev);
/* Slot of the PASID table of `dev` that the group is about. */
uint32_t vtd_prq_slot_of(const struct iommu_page_group *group, const struct vtd_dev *dev);

/* Who serves the group; NULL: nobody. */
struct vtd_pager *vtd_prq_pager_of(struct vtd_prq *prq, const struct iommu_page_group *group);

/* Work of the queue (`prq->work`): empties the ring and hands out what is complete. T, without locks. */
void vtd_prq_serve(struct plat_work *work);

#endif
