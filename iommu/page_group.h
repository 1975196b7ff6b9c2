/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages that a device asks for, and the one answer to them. A group is what hardware calls a page request
 * group: all of it is answered at once. VT-d 5.10, Page Request Descriptor and Page Group Response
 * Descriptor; rules 57-60.
 */
#ifndef IOMMU_PAGE_GROUP_H
#define IOMMU_PAGE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/types.h"
#include "kernel/lib/list.h"

/* Requests of one group that are kept. Further ones are forgotten but for the last: a device that does not
 * find its page asks again. */
#define IOMMU_GROUP_PAGES 16

enum iommu_page_answer {
    IOMMU_PAGES_PRESENT, /* try again */
    IOMMU_PAGES_INVALID, /* there is nothing: the device gives the access up */
    IOMMU_PAGES_FAILED,  /* the device is to ask for no page any more, of nobody's */
};

/* One page. Neither read nor write: the device would like to have it, and does not wait for it. */
struct iommu_page {
    iova_t iova;
    bool read, write, execute, privileged;
};

struct vtd_unit;
struct vtd_pager;
struct iommu_pager;

struct iommu_page_group {
    ioasid_t id;      /* that the device is bound to */
    uint16_t segment; /* who asks: of its unit, */
    uint16_t rid;     /* and its requester id there */
    bool has_pasid;
    uint32_t pasid;
    uint16_t index; /* the device's number of the group */
    unsigned count;
    struct iommu_page pages[IOMMU_GROUP_PAGES];
    /* Of vtd_prq.c: */
    struct vtd_unit *unit;
    struct iommu_pager *owner;
    const struct vtd_pager *pager; /* a name only: it may be gone */
    bool answered;                 /* by the driver, in the owner's stead */
    struct list link;
};

/* Who makes pages present: the owner of IOASIDs that are bound with this (struct ioasid_bind_cfg). */
struct iommu_pager {
    /*
     * Gets a group, to be answered now or later. May block; page requests of the same unit wait meanwhile.
     * May still run when the binding goes by a FREE, and has returned when it goes by unbind, unless it is it
     * who called that. T, without locks.
     */
    void (*serve)(struct iommu_pager *pager, struct iommu_page_group *group);
};

/*
 * The answer; `group` is gone at return. To be called once for each group that was handed out, now or later,
 * before the iommu is destroyed. Does nothing but forget a group whose binding has been drained meanwhile:
 * the device has been told IOMMU_PAGES_INVALID then. X, without locks.
 */
void iommu_page_answer(struct iommu_page_group *group, enum iommu_page_answer answer);

#endif
