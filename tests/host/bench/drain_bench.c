/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the drain of page requests costs an unbind: one device with ATS and page requests behind a strict
 * unit, unbound while it has asked for nothing, for some pages, and for more than the queue takes. Lines:
 * requests, waits of the drain (those of the unbind but for the retire's one), times that the queue was found
 * overflown, answers, separated by tabs; bench.py reads them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "iommu/iommu.h"
#include "iommu/pgtable.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/host/host.h"
#include "tests/host/model_engine.h"
#include "tests/host/stub_machine.h"

#define PROFILE   "model-server"
#define PAGE_IOVA 0x7654321000ull
#define SETTLE_NS 5000000000ull

#define ARRIVAL_LOOKS 100

static const unsigned request_counts[] = {0, 1, 10, 100, VTD_PRQ_SLOTS + 20};

struct bench {
    struct iommu *iommu;
    struct dma_dev *dma;
    struct iommu_dev *dev;
    struct vtd_unit *unit;
    struct ioasid_set *set;
    struct pgtable *table;
    struct iommu_pager pager;
};

static void must(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "drain_bench: %s: %d\n", what, rc);
    exit(1);
}

static void refuse(unused struct iommu_pager *pager, struct iommu_page_group *group)
{
    iommu_page_answer(group, IOMMU_PAGES_INVALID);
}

static void open(struct bench *b)
{
    struct pgtable_cfg cfg = {.stage = PGTABLE_FIRST, .levels = 4, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    char why[160] = "";
    const void *dmar;
    size_t size;

    *b = (struct bench){.pager.serve = refuse};
    must(stub_machine_create(PROFILE), "stub_machine_create");
    dmar = stub_machine_dmar(&size);
    must(iommu_create(dmar, size, &b->iommu, why, sizeof(why)), why);
    must(iommu_quiet(b->iommu), "iommu_quiet");
    must(dma_discover(""), "dma_discover");
    must(iommu_start(b->iommu), "iommu_start");
    b->dma = dma_dev_get(DMA_ATS, 0);
    must(iommu_dev_attach(b->iommu, b->dma->id, b->dma->rids, b->dma->rid_count, IOASID_BITS, &b->dev),
         "attach");
    b->unit = b->dev->vtd->unit;
    must(b->dev->vtd->pri ? 0 : -ENODEV, "page requests");
    cfg.haw = b->unit->caps.haw;
    cfg.unit_snoops = b->dev->vtd->pwsnp;
    must(pgtable_create(&cfg, &b->table), "pgtable_create");
    b->set = ioasid_system_set(b->iommu->ioasids);
}

static void close(struct bench *b)
{
    must(iommu_dev_detach(b->dev), "detach");
    pgtable_destroy(b->table);
    must(iommu_stop(b->iommu), "iommu_stop");
    must(iommu_destroy(b->iommu), "iommu_destroy");
}

static void ask(struct bench *b, unsigned n)
{
    const struct model_page_request rq = {
        .write = true, .last = true, .group = (uint16_t)n, .addr = PAGE_IOVA + n * PAGE_SIZE};

    model_engine_ask(b->dma, &rq);
}

static unsigned answers(struct bench *b)
{
    struct model_page_response response;
    unsigned n = 0;

    while (model_engine_heard(b->dma, &response))
        n++;
    return n;
}

static void measure(struct bench *b, unsigned requests)
{
    const struct ioasid_bind_cfg cfg = {
        .stage = IOMMU_FIRST_STAGE, .table = b->table, .pager = &b->pager, .spid = IOASID_NO_SPID};
    uint64_t waits, overflows;
    ioasid_t id;

    must(ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &id), "alloc");
    must(ioasid_bind(b->set, id, b->dev, &cfg), "bind");
    vtd_event_mask(b->unit, VTD_EVENT_PAGES, true); /* they are there, and nobody has looked */
    for (unsigned n = 0; n < requests; n++)
        ask(b, n);
    for (unsigned n = 0; n < ARRIVAL_LOOKS; n++)
        plat_relax();
    vtd_event_mask(b->unit, VTD_EVENT_PAGES, false);
    waits = b->unit->stats.waits;
    overflows = vtd_prq_overflows(b->unit);
    must(ioasid_unbind(b->set, id, b->dev), "unbind");
    waits = b->unit->stats.waits - waits - 1;
    overflows = vtd_prq_overflows(b->unit) - overflows;
    printf("%u\t%u\t%u\t%u\n", requests, (unsigned)waits, (unsigned)overflows, answers(b));
    must(ioasid_free(b->set, id), "free");
    must(plat_idle_wait(SETTLE_NS), "idle");
}

int main(void)
{
    struct bench b;

    open(&b);
    for (unsigned i = 0; i < ARRAY_SIZE(request_counts); i++)
        measure(&b, request_counts[i]);
    close(&b);
    return 0;
}
