/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks of order_walk.h as a case: under guard, so that a driver that stops itself has failed at a known
 * step; a failure is made short, printed as rows and as a table of steps, and, where there is DMA, played
 * once more by play.h, which has the whole evidence.
 */
#ifndef TESTS_SUITES_ORDER_JUDGE_H
#define TESTS_SUITES_ORDER_JUDGE_H

#include "tests/harness/harness.h"
#include "tests/suites/order_walk.h"

struct order_judge {
    struct t *t;
    struct order_run run;
    struct dma_dev *dma[SPEC_DEVS]; /* NULL: no DMA, the tables alone */
    unsigned at, len;               /* where devices write in every page */
    uint64_t background;            /* of the pages, but for there */
    struct order_cfg cfg;           /* the run was opened with */
    enum iommu_lane lane;
    uint64_t mark; /* memory before that */
};

/* The case's first two devices and its lane. Skips the case if there are fewer. */
void order_judge_open(struct t *t, struct order_judge *j, bool native);
/* Devices that do no DMA; `table` as in struct owner_cfg. */
void order_judge_open_tables(struct t *t, struct order_judge *j, const struct order_dev devs[SPEC_DEVS],
                             const struct pgtable_cfg *table, bool native);
/* Walks. A failure ends the case, when all of it has been told. */
void order_judge(struct order_judge *j, bool (*walk)(struct order_run *run, void *arg), void *arg);
/* Gives all back; nothing may be left, and nothing but the devices' targets may have changed. */
void order_judge_close(struct order_judge *j);

#endif
