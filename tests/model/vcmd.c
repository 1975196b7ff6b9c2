/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual commands: PASIDs that the unit's owner gives out. VT-d 5.10, Virtual Command Register, Virtual
 * Command Response Register, Virtual Command Capability Register; rule 1.
 */
#include "tests/model/model_priv.h"

#define M(field)      SPAN_MASK(field)
#define STEPS_AT_MOST 8

bool vcmd_owns(const struct model *m, uint32_t offset)
{
    uint32_t reg = (uint32_t)align_down(offset, 8);

    return ECAP(m, VCS) &&
           (reg == VTD_OFF_VCMD || reg == VTD_OFF_VCMD_EO || reg == VTD_OFF_VCRSP || reg == VTD_OFF_VCCAP);
}

void vcmd_reset(struct model *m)
{
    if (!ECAP(m, VCS))
        return;
    set64(m, VCCAP, m->cfg.vccap);
    set64(m, VCRSP, 0);
}

/* ---- PASIDs: none is 0, and they come in no order ---- */

static uint32_t end_of_pasids(const struct model *m)
{
    return (uint32_t)pow2((unsigned)ECAP(m, PSS) + 1);
}

static uint32_t pasids_at_most(const struct model *m)
{
    return m->cfg.vcmd_pasids != 0 ? m->cfg.vcmd_pasids : end_of_pasids(m) - 1;
}

static bool is_allocated(const struct model *m, uint32_t pasid)
{
    return bit_is_set(m->vcmd.allocated[pasid / 64], pasid % 64);
}

static void turn(struct model *m, uint32_t pasid)
{
    m->vcmd.allocated[pasid / 64] ^= pow2(pasid % 64);
}

static uint64_t response(enum vtd_vcrsp_sc status, uint32_t pasid)
{
    return FIELD_PREP(VTD_VCRSP_SC, status) | FIELD_PREP(VTD_VCRSP_PASID, pasid);
}

static uint64_t allocate(struct model *m)
{
    uint32_t count = end_of_pasids(m) - 1;
    uint32_t at = rnd(m, count);

    if (m->vcmd.count >= pasids_at_most(m))
        return response(VTD_VCRSP_SC_FAILED, 0);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pasid = 1 + (at + i) % count;

        if (is_allocated(m, pasid))
            continue;
        turn(m, pasid);
        m->vcmd.count++;
        return response(VTD_VCRSP_SC_OK, pasid);
    }
    return response(VTD_VCRSP_SC_FAILED, 0);
}

static uint64_t give_back(struct model *m, uint32_t pasid)
{
    if (!is_allocated(m, pasid))
        return response(VTD_VCRSP_SC_FAILED, 0);
    turn(m, pasid);
    m->vcmd.count--;
    return response(VTD_VCRSP_SC_OK, 0);
}

/* ---- Commands ---- */

static uint64_t execute(struct model *m, uint64_t command)
{
    switch (FIELD_GET(VTD_VCMD_CMD, command)) {
    case VTD_VCMD_NULL:
        return response(FIELD_GET(VTD_VCCAP_NS, m->cfg.vccap) ? VTD_VCRSP_SC_OK : VTD_VCRSP_SC_UNDEFINED, 0);
    case VTD_VCMD_ALLOC_PASID:
        if (FIELD_GET(VTD_VCCAP_PAS, m->cfg.vccap))
            return allocate(m);
        break;
    case VTD_VCMD_FREE_PASID:
        if (FIELD_GET(VTD_VCCAP_FPS, m->cfg.vccap))
            return give_back(m, (uint32_t)FIELD_GET(VTD_VCMD_PASID, command));
        break;
    }
    return response(VTD_VCRSP_SC_UNDEFINED, 0);
}

static void set_response(struct model *m, uint64_t value)
{
    m->vcmd.response = value;
    set64(m, VCRSP, value);
}

static void start(struct model *m)
{
    m->vcmd.command = get64(m, VCMD);
    m->vcmd.left = 1 + (m->cfg.slow ? rnd(m, STEPS_AT_MOST) : 0);
    set_response(m, M(VTD_VCRSP_IP));
    if (!m->cfg.slow)
        vcmd_step(m);
}

void vcmd_step(struct model *m)
{
    if (m->vcmd.left > 0 && --m->vcmd.left == 0)
        set_response(m, execute(m, m->vcmd.command));
}

void vcmd_write(struct model *m, uint32_t offset, uint64_t bytes)
{
    if (offset == VTD_OFF_VCRSP || offset == VTD_OFF_VCCAP) {
        breach(m, "register %03x written, which can only be read", offset);
        set64(m, VCCAP, m->cfg.vccap);
        set64(m, VCRSP, m->vcmd.response);
    } else if (m->vcmd.left > 0) {
        breach(m, "rule 1: register %03x written while a virtual command is under way", offset);
        set64(m, VCMD, m->vcmd.command);
    } else if (offset == VTD_OFF_VCMD && FIELD_GET_ADDR(VTD_VCMD_CMD, bytes) != 0) {
        start(m); /* by its low half: the upper one may be written before */
    }
}
