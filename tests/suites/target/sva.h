/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of the cases about shared virtual addressing: a process, its IOASID, and devices bound to its own
 * page tables. First stage: the very table that CR3 holds; second stage: the same low half under a root of
 * its own. What it cannot set up ends the case.
 */
#ifndef TESTS_SUITES_TARGET_SVA_H
#define TESTS_SUITES_TARGET_SVA_H

#include "kernel/space.h"
#include "kernel/vm.h"
#include "kernel/vm_tables.h"
#include "tests/suites/play.h"

/* In the middle of nowhere, aligned to 2 MiB. */
#define VA       0x7f1234400000ull
#define FAR_VA   0x1234567000ull
#define SVA_DEVS 2

struct sva {
    struct t *t;
    struct space *space;
    struct pgtable table;
    struct ioasid_set *set;
    ioasid_t id;
    struct dma_dev *dma[SVA_DEVS];
    struct iommu_dev *devs[SVA_DEVS];
    unsigned dev_count;
    struct ioasid_bind_cfg cfg;
};

static inline iova_t at(uint64_t va)
{
    return (iova_t){va};
}

/* An empty process, its IOASID, and `devs` devices bound to it, the case's `first` one and those behind it.
 */
void sva_open(struct t *t, struct sva *s, unsigned first, unsigned devs);
/* Unbinds every device, then sva_detach. */
void sva_close(struct sva *s);
/* Frees the IOASID, detaches the devices, and ends the process if it is alive. */
void sva_detach(struct sva *s);

void sva_bind(struct sva *s, unsigned n);
void sva_unbind(struct sva *s, unsigned n);

/* Maps what the engine itself needs in reach: for a device that is bound later. */
void sva_map_own(struct sva *s, const struct dma_dev *dma);
/* Maps one page of `mem`, and takes a page out again; nothing is flushed. */
void sva_map(struct sva *s, uint64_t va, const struct t_mem *mem, unsigned page);
void sva_unmap(struct sva *s, uint64_t va);
/* sva_map, and the first device uses it. */
void sva_warm(struct sva *s, uint64_t va, const struct t_mem *mem, unsigned page);
/* What the process's memory manager tells its listeners: [va, va + size) changed. */
void sva_notify(struct sva *s, uint64_t va, uint64_t size);

#endif
