/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind a failed check: registers, recent descriptors, fault records, tables; and whose fault it
 * is, judged from what is in memory and not from what the driver believes.
 */
#ifndef TESTS_HARNESS_EVIDENCE_H
#define TESTS_HARNESS_EVIDENCE_H

#include <stdbool.h>

#include "iommu/types.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/harness.h"

/* Notes the state of every unit, and the tables of the instance's first device. */
void evidence_take(struct t *t);

/* Forgets what earlier cases reached. */
void evidence_reset(void);
/* A device has just reached memory: from here on its translation may be cached. */
void evidence_reached(struct t *t, const struct dma_dev *dev, iova_t iova, bool write);

/*
 * A request did not do what it should (`allowed`: reach `pa`). Walks the tables. They allow it rightly, yet
 * it was refused: platform. They refuse it, and everything cached since it last reached was invalidated and
 * waited for, yet it was served: platform. Otherwise: driver.
 */
void evidence_blame(struct t *t, const struct dma_dev *dev, iova_t iova, bool write, bool allowed,
                    paddr_t pa);

#endif
