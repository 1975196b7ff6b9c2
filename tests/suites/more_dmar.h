/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own DMAR table and one structure more: units are handed over to an object made of that, and
 * back. VT-d 5.10, DMA Remapping Reporting Structure.
 */
#ifndef TESTS_SUITES_MORE_DMAR_H
#define TESTS_SUITES_MORE_DMAR_H

#include "iommu/iommu.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/harness.h"

struct more_dmar {
    struct t *t;
    uint8_t *table;
    struct iommu *iommu;
};

/* A structure with one scope, of type 1: up to 24 bytes of its own, the scope at `scopes`. `flags` are the
 * scope's. Returns its size. */
size_t more_dmar_structure(uint8_t *out, unsigned type, unsigned scopes, unsigned flags,
                           const struct dma_dev *dma);
/* Little endian. */
void more_dmar_put(uint8_t *at, uint64_t value, unsigned size);

/* Ends the case when anything fails. The object under test is stopped in between. */
void more_dmar_open(struct t *t, struct more_dmar *m, const uint8_t *structure, size_t size);
void more_dmar_close(struct more_dmar *m);

#endif
