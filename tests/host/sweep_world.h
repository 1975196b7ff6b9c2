/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What sweeps are about: one driver object on the two units of the machine, three devices on both of them,
 * one IOASID with a table; the steps that make and use them, and what has to be true in between.
 */
#ifndef TESTS_HOST_SWEEP_WORLD_H
#define TESTS_HOST_SWEEP_WORLD_H

#include "iommu/iommu.h"
#include "tests/host/sweep.h"
#include "tests/suites/dmar_blob.h"

#define WORLD_DEVS  3
#define WORLD_UNITS 2

/* After how many steps something is there; n-th device: so many more. */
struct world_plan {
    unsigned start, attach, live, bind;
    unsigned bind_step; /* 0: all at once */
    unsigned asleep;    /* 0: never */
};

struct world {
    enum iommu_stage stage;
    enum iommu_lane lane;
    enum { ONE_BY_ONE, FREE_FIRST, TABLE_FIRST } end;
    bool ats;      /* functions with device TLBs, that ask for pages where units have queues for that */
    bool reserved; /* the first device is firmware's: an RMRR names it */
    const struct world_plan *plan;

    /* Made by world_open. */
    unsigned levels;
    struct t_mem mem;
    struct dmar_blob dmar;
    struct iommu *outside;       /* runs these units otherwise */
    uint64_t found[WORLD_UNITS]; /* GSTS */
    struct iommu_pager pager;

    struct iommu *iommu;
    struct iommu_dev *devs[WORLD_DEVS];
    ioasid_t id;
    struct pgtable *table;
};

/* The units are stopped for it, and started again. */
void world_open(struct t *t, struct world *w);
void world_close(struct t *t, struct world *w);

/* ---- Steps, each with what undoes it ---- */

sweep_fn world_create, world_destroy, world_start, world_stop;
sweep_fn world_attach, world_detach; /* device n */
sweep_fn world_alloc, world_free;    /* the IOASID */
sweep_fn world_table, world_no_table;
sweep_fn world_map, world_unmap;
sweep_fn world_bind, world_unbind; /* device n */
sweep_fn world_grow, world_shrink; /* the table of bound devices */
sweep_fn world_bind_all, world_end_all;
sweep_fn world_suspend, world_resume; /* in between units are reset, or firmware uses them */

/* For struct sweep. */
void world_check(struct t *t, void *world, unsigned done);

#endif
