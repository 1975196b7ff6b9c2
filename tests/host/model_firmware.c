/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What firmware leaves behind on a strict unit: translation on in legacy mode with an empty root table, a
 * queue of 128-bit descriptors, all memory protected, a fault record. VT-d 5.10; rules 66, 72, 73.
 */
#include <string.h>

#include "iommu/vtd_regs.h"
#include "kernel/lib/bits.h"
#include "tests/host/model_machine.h"

#define STEPS 4000

static void settle(struct model *m)
{
    for (unsigned i = 0; i < STEPS && !model_idle(m); i++)
        model_step(m, 1);
}

static void command(struct model *m, uint64_t bit)
{
    uint64_t gsts = model_peek(m, VTD_OFF_GSTS, 4) & VTD_GSTS_TO_GCMD;

    model_write32(m, VTD_OFF_GCMD, (uint32_t)(gsts | bit));
    settle(m);
}

/* Context and IOTLB, both of everything, and a wait for them. */
static void flush(struct model *m, uint64_t *queue)
{
    queue[0] = FIELD_PREP(VTD_QI_TYPE, VTD_QI_CC) | FIELD_PREP(VTD_QI_CC_G, VTD_CC_GRAN_GLOBAL);
    queue[2] = FIELD_PREP(VTD_QI_TYPE, VTD_QI_IOTLB) | FIELD_PREP(VTD_QI_IOTLB_G, VTD_IOTLB_GRAN_GLOBAL) |
               SPAN_MASK(VTD_QI_IOTLB_DR) | SPAN_MASK(VTD_QI_IOTLB_DW);
    queue[4] = FIELD_PREP(VTD_QI_TYPE, VTD_QI_WAIT) | SPAN_MASK(VTD_QI_WAIT_SW);
    queue[5] = plat_pa(&queue[256]).v;
    model_write64(m, VTD_OFF_IQT, 3 * 16);
    settle(m);
}

static void protect(struct model *m)
{
    uint64_t cap = model_config(m)->cap;

    if (FIELD_GET(VTD_CAP_PLMR, cap))
        model_write32(m, VTD_OFF_PLMLIMIT, 0xfff00000);
    if (FIELD_GET(VTD_CAP_PHMR, cap)) {
        model_write64(m, VTD_OFF_PHMBASE, 0x100000000);
        model_write64(m, VTD_OFF_PHMLIMIT, 0xfffffffff00000);
    }
    if (FIELD_GET(VTD_CAP_PLMR, cap) || FIELD_GET(VTD_CAP_PHMR, cap))
        model_write32(m, VTD_OFF_PMEN, (uint32_t)SPAN_MASK(VTD_PMEN_EPM));
    settle(m);
}

static void leave_record(struct model *m, uint16_t rid)
{
    uint64_t bytes = 0;
    struct model_request rq = {.sid = rid, .access = MODEL_READ, .len = sizeof(bytes), .data = &bytes};

    (void)model_dma(m, &rq);
}

void model_firmware_ran(struct model *m, uint16_t rid)
{
    static uint8_t *pages; /* root table, queue with a status word */

    if (pages == NULL)
        pages = plat_pages_alloc(2, OWNER_KERNEL);
    plat_assert(pages != NULL);
    plat_publish(pages, 2 * PAGE_SIZE, false);
    model_write64(m, VTD_OFF_IQA, plat_pa(pages + PAGE_SIZE).v);
    model_write64(m, VTD_OFF_IQT, 0);
    command(m, SPAN_MASK(VTD_GCMD_QIE));
    model_write64(m, VTD_OFF_RTADDR, plat_pa(pages).v);
    command(m, SPAN_MASK(VTD_GCMD_SRTP));
    flush(m, (uint64_t *)(void *)(pages + PAGE_SIZE));
    command(m, SPAN_MASK(VTD_GCMD_TE));
    protect(m);
    leave_record(m, rid);
}
