/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of the suites about page requests: one device of engine `ats`, one IOASID with a table of its own,
 * and a pager that notes every group and does with it what the case says.
 */
#ifndef TESTS_HOST_PAGE_BENCH_H
#define TESTS_HOST_PAGE_BENCH_H

#include "iommu/iommu.h"
#include "iommu/vtd_unit.h"
#include "tests/harness/harness.h"
#include "tests/host/model_engine.h"

#define PAGE_LANES (T_BIT(T_LANE_RID) | T_BIT(T_LANE_RID_PASID) | T_BIT(T_LANE_PASID))
#define PAGE_NEEDS (NEED_DMA | NEED_DT | NEED_PRS | NEED_PDS)
#define PAGE_HELD  160

/* Where the table has, or gets, the bench's memory. */
#define PAGE_IOVA 0x7654321000ull

enum page_policy {
    PAGE_MAP,    /* maps the page and says so */
    PAGE_REFUSE, /* says that there is none */
    PAGE_HOLD,   /* keeps the group */
    PAGE_UNBIND, /* unbinds the device first, then answers as PAGE_MAP does */
};

struct page_bench {
    struct t *t;
    struct dma_dev *dma;
    struct iommu_dev *dev;
    struct vtd_unit *unit;
    struct ioasid_set *set;
    ioasid_t id;
    struct pgtable *table;
    struct t_mem mem;
    struct iommu_pager pager;
    enum page_policy policy;
    unsigned groups; /* handed out so far */
    unsigned pages;
    struct iommu_page_group last; /* a copy */
    struct iommu_page_group *held[PAGE_HELD];
    unsigned held_count;
    int unbound;           /* result of PAGE_UNBIND */
    uint64_t unbinding_ns; /* and how long it took */
};

/* Attached, with an IOASID that is not bound; nothing is mapped. */
void page_open(struct t *t, struct page_bench *b, enum page_policy policy);
/* Everything given back; no response is left over, and none is owed. */
void page_close(struct page_bench *b);

/* With the bench's pager, or without. */
void page_bind(struct page_bench *b, bool paged);
void page_unbind(struct page_bench *b);
/* The IOASID ends, and another one of the same number begins. */
void page_reuse_number(struct page_bench *b);

/* A request of the device for the page at PAGE_IOVA + `page` pages, as its lane has them. */
void page_ask(struct page_bench *b, uint16_t group, unsigned page, bool last);
/* All that the device has asked for is at the unit, which has written little of it. */
void page_arrive(struct page_bench *b);
/* The unit, the pager and the responses come to rest. */
void page_settle(struct page_bench *b);
/* Takes the responses that came: how many with this code; others fail the case. */
unsigned page_heard(struct page_bench *b, enum vtd_presp_code code);

#endif
