/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands by registers of their own: protected memory, and invalidation without a queue. VT-d 5.10,
 * Protected Memory Enable Register, Context Command Register, IOTLB Invalidate Register; rules 1, 7, 21, 72.
 */
#include "tests/model/model_priv.h"

#define M(field) SPAN_MASK(field)

/* Only for legacy mode without a queue, on units before VER 6. */
static bool is_usable(const struct model *m)
{
    return !reg_status(m, M(VTD_GSTS_QIES)) && m->cfg.ver < 0x60 &&
           FIELD_GET(VTD_RTADDR_TTM, m->root) == VTD_TTM_LEGACY;
}

/* ---- CCMD ---- */

static uint64_t flush_context(struct model *m, uint64_t value)
{
    enum vtd_cc_gran g = (enum vtd_cc_gran)FIELD_GET(VTD_CCMD_CIRG, value);

    if (!is_usable(m) || g == 0)
        return 0;
    cache_cc(m, g, (uint16_t)FIELD_GET(VTD_CCMD_DID, value), (uint16_t)FIELD_GET(VTD_CCMD_SID, value),
             (unsigned)FIELD_GET(VTD_CCMD_FM, value));
    command_paid(m, VTD_QI_CC, g == VTD_CC_GRAN_GLOBAL);
    return g;
}

static void ccmd_done(struct model *m)
{
    uint64_t value = get64(m, CCMD);

    value = FIELD_SET(VTD_CCMD_CAIG, value, flush_context(m, value));
    set64(m, CCMD, FIELD_SET(VTD_CCMD_ICC, value, 0));
}

/* ---- IOTLB, with IVA ---- */

/* Granularity performed; 0: error. */
static uint64_t flush_iotlb(struct model *m, uint64_t value)
{
    uint64_t iva = reg_get(m, vtd_reg_iva(m->cfg.ecap).off, 8);
    enum vtd_iotlb_gran g = (enum vtd_iotlb_gran)FIELD_GET(VTD_IOTLB_IIRG, value);
    unsigned am = (unsigned)FIELD_GET(VTD_IVA_AM, iva);

    if (!is_usable(m) || g == 0 || (g == VTD_IOTLB_GRAN_PAGE && (!CAP(m, PSI) || am > CAP(m, MAMV))))
        return 0;
    cache_iotlb(m, g, (uint16_t)FIELD_GET(VTD_IOTLB_DID, value), FIELD_GET_ADDR(VTD_IVA_ADDR, iva), am,
                FIELD_GET(VTD_IVA_IH, iva));
    dma_drain(m, m->cfg.ver >= 0x20 || (CAP(m, DRD) && FIELD_GET(VTD_IOTLB_DR, value)),
              m->cfg.ver >= 0x20 || (CAP(m, DWD) && FIELD_GET(VTD_IOTLB_DW, value)));
    command_paid(m, VTD_QI_IOTLB, g == VTD_IOTLB_GRAN_GLOBAL);
    return g;
}

static void iotlb_done(struct model *m)
{
    uint32_t off = vtd_reg_iotlb(m->cfg.ecap).off;
    uint64_t value = reg_get(m, off, 8);

    value = FIELD_SET(VTD_IOTLB_IAIG, value, flush_iotlb(m, value));
    reg_set(m, off, 8, FIELD_SET(VTD_IOTLB_IVT, value, 0));
}

/* ---- All of them ---- */

static uint32_t offset_of(const struct model *m, enum command what)
{
    static const uint32_t offsets[] = {[COMMAND_PMEN] = VTD_OFF_PMEN, [COMMAND_CCMD] = VTD_OFF_CCMD};

    return what == COMMAND_IOTLB ? vtd_reg_iotlb(m->cfg.ecap).off : offsets[what];
}

void command_by_register(struct model *m, enum command what)
{
    uint32_t off = offset_of(m, what);

    if (m->command != 0)
        breach(m, "rule 1: register %03x written while %s is under way", off, command_name(m));
    if (what != COMMAND_PMEN && reg_status(m, M(VTD_GSTS_QIES)))
        breach(m, "rule 21: invalidation by register while the queue is on");
    if (what != COMMAND_PMEN) /* ICC and IVT are the same bit */
        reg_set(m, off, 8, FIELD_SET(VTD_CCMD_ICC, reg_get(m, off, 8), 1));
    command_begin(m, what, false);
}

void command_register_done(struct model *m, enum command what)
{
    if (what == COMMAND_PMEN)
        set32(m, PMEN, FIELD_SET(VTD_PMEN_PRS, get32(m, PMEN), FIELD_GET(VTD_PMEN_EPM, get32(m, PMEN))));
    else if (what == COMMAND_CCMD)
        ccmd_done(m);
    else
        iotlb_done(m);
}
