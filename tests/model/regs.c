/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register file: which registers there are, what a write changes, what follows from it. Commands to GCMD
 * are in command.c. VT-d 5.10, Register Map and Register Descriptions; rules 18, 21, 65..72.
 */
#include <string.h>

#include "tests/model/model_priv.h"

#define M(field) SPAN_MASK(field)

#define EVENT_ADDR_BITS 0xfffffffcu
#define EVENT_DATA_BITS 0xffffu
#define LOWER_HALF      (uint64_t) UINT32_MAX
#define RSVD_P          0x7fffffffu /* of the control registers: preserved, so no breach when written */

/* A register as software sees it: bits that a write sets, that writing 1 clears, that may be written in vain.
 */
struct reg {
    uint32_t off;
    unsigned width;
    uint64_t rw;
    uint64_t w1c;
    uint64_t vain;
    uint64_t reset;
};

static const struct reg common[] = {
    {VTD_OFF_VER, 4, 0, 0, 0, 0},
    {VTD_OFF_CAP, 8, 0, 0, 0, 0},
    {VTD_OFF_ECAP, 8, 0, 0, 0, 0},
    {VTD_OFF_GCMD, 4, 0, 0, UINT32_MAX, 0},
    {VTD_OFF_GSTS, 4, 0, 0, 0, 0},
    {VTD_OFF_RTADDR, 8, M(VTD_RTADDR_RTA) | M(VTD_RTADDR_TTM), 0, 0, 0},
    {VTD_OFF_CCMD, 8, M(VTD_CCMD_CIRG) | M(VTD_CCMD_DID) | M(VTD_CCMD_SID) | M(VTD_CCMD_FM), 0,
     M(VTD_CCMD_ICC) | M(VTD_CCMD_CAIG), 0},
    {VTD_OFF_FSTS, 4, 0, M(VTD_FSTS_PFO) | M(VTD_FSTS_IQE) | M(VTD_FSTS_ICE) | M(VTD_FSTS_ITE),
     M(VTD_FSTS_FRI) | M(VTD_FSTS_PPF) | M(VTD_FSTS_PRO), 0},
    {VTD_OFF_FECTL, 4, M(VTD_EVENT_IM), 0, RSVD_P, M(VTD_EVENT_IM)},
    {VTD_OFF_FEDATA, 4, EVENT_DATA_BITS, 0, 0, 0},
    {VTD_OFF_FEADDR, 4, EVENT_ADDR_BITS, 0, 0, 0},
    {VTD_OFF_FEUADDR, 4, UINT32_MAX, 0, 0, 0},
};

static const struct reg protect[] = {
    {VTD_OFF_PMEN, 4, M(VTD_PMEN_EPM), 0, UINT32_MAX, 0}, {VTD_OFF_PLMBASE, 4, 0xfff00000, 0, 0, 0},
    {VTD_OFF_PLMLIMIT, 4, 0xfff00000, 0, 0, 0},           {VTD_OFF_PHMBASE, 8, 0xfffffffffff00000, 0, 0, 0},
    {VTD_OFF_PHMLIMIT, 8, 0xfffffffffff00000, 0, 0, 0},
};

static const struct reg queue[] = {
    {VTD_OFF_IQH, 8, 0, 0, 0, 0},
    {VTD_OFF_IQT, 8, M(VTD_IQT_QT), 0, 0, 0},
    {VTD_OFF_IQA, 8, M(VTD_IQA_IQA) | M(VTD_IQA_DW) | M(VTD_IQA_QS), 0, 0, 0},
    {VTD_OFF_ICS, 4, 0, M(VTD_ICS_IWC), 0, 0},
    {VTD_OFF_IECTL, 4, M(VTD_EVENT_IM), 0, RSVD_P, M(VTD_EVENT_IM)},
    {VTD_OFF_IEDATA, 4, EVENT_DATA_BITS, 0, 0, 0},
    {VTD_OFF_IEADDR, 4, EVENT_ADDR_BITS, 0, 0, 0},
    {VTD_OFF_IEUADDR, 4, UINT32_MAX, 0, 0, 0},
    {VTD_OFF_IQERCD, 8, 0, 0, 0, 0},
};

static const struct reg remap[] = {
    {VTD_OFF_IRTA, 8, M(VTD_IRTA_IRTA) | M(VTD_IRTA_EIME) | M(VTD_IRTA_S), 0, 0, 0},
};

static const struct reg requests[] = {
    {VTD_OFF_PQH, 8, M(VTD_PQH_PQH), 0, 0, 0},
    {VTD_OFF_PQT, 8, M(VTD_PQT_PQT), 0, 0, 0},
    {VTD_OFF_PQA, 8, M(VTD_PQA_PQA) | M(VTD_PQA_PQS), 0, 0, 0},
    {VTD_OFF_PRS, 4, 0, M(VTD_PRS_PRO) | M(VTD_PRS_PPR), 0, 0},
    {VTD_OFF_PECTL, 4, M(VTD_EVENT_IM), 0, RSVD_P, M(VTD_EVENT_IM)},
    {VTD_OFF_PEDATA, 4, EVENT_DATA_BITS, 0, 0, 0},
    {VTD_OFF_PEADDR, 4, EVENT_ADDR_BITS, 0, 0, 0},
    {VTD_OFF_PEUADDR, 4, UINT32_MAX, 0, 0, 0},
};

/* ---- Which register lies at an offset ---- */

static const struct reg *find_in(const struct reg *set, size_t count, uint32_t offset)
{
    for (size_t i = 0; i < count; i++) {
        if (offset >= set[i].off && offset < set[i].off + set[i].width)
            return &set[i];
    }
    return NULL;
}

#define FIND_IN(set, offset) find_in(set, ARRAY_SIZE(set), offset)

/* Those whose place the capabilities tell: fault records (each as two registers of 64 bits), IVA, IOTLB. */
static bool find_placed(const struct model *m, uint32_t offset, struct reg *out)
{
    uint32_t first = vtd_reg_frcd_low(m->cfg.cap, 0).off;
    uint32_t end = vtd_reg_frcd_low(m->cfg.cap, (unsigned)CAP(m, NFR) + 1).off;
    uint32_t iva = vtd_reg_iva(m->cfg.ecap).off;

    if (offset >= first && offset < end) {
        bool high = (offset - first) % 16 >= 8;

        *out = (struct reg){.off = (uint32_t)align_down(offset, 8), .width = 8, .vain = UINT64_MAX};
        out->w1c = high ? M(VTD_FRCD_F) : 0;
        return true;
    }
    if (offset >= iva && offset < iva + 16) {
        *out = (struct reg){.off = (uint32_t)align_down(offset, 8), .width = 8, .vain = UINT64_MAX};
        if (out->off == iva)
            out->rw = M(VTD_IVA_ADDR) | M(VTD_IVA_IH) | M(VTD_IVA_AM);
        else
            out->rw = M(VTD_IOTLB_IIRG) | M(VTD_IOTLB_DR) | M(VTD_IOTLB_DW) | M(VTD_IOTLB_DID);
        return true;
    }
    if (vcmd_owns(m, offset)) {
        *out = (struct reg){.off = (uint32_t)align_down(offset, 8), .width = 8, .rw = UINT64_MAX};
        return true;
    }
    return false;
}

static bool find(const struct model *m, uint32_t offset, struct reg *out)
{
    const struct reg *r = FIND_IN(common, offset);

    if (r == NULL && (CAP(m, PLMR) || CAP(m, PHMR)))
        r = FIND_IN(protect, offset);
    if (r == NULL && ECAP(m, QI))
        r = FIND_IN(queue, offset);
    if (r == NULL && ECAP(m, IR))
        r = FIND_IN(remap, offset);
    if (r == NULL && ECAP(m, PRS))
        r = FIND_IN(requests, offset);
    if (r == NULL)
        return find_placed(m, offset, out);
    *out = *r;
    /* Fields that a capability makes reserved. */
    if (r->off == VTD_OFF_RTADDR && ECAP(m, SSIRWS))
        out->rw |= M(VTD_RTADDR_SSIRWE);
    if (r->off == VTD_OFF_IRTA && !ECAP(m, EIM))
        out->rw &= ~M(VTD_IRTA_EIME);
    if (!ECAP(m, EIM) &&
        (r->off == VTD_OFF_FEUADDR || r->off == VTD_OFF_IEUADDR || r->off == VTD_OFF_PEUADDR))
        out->rw = 0;
    return true;
}

/* ---- Contents ---- */

uint64_t reg_get(const struct model *m, uint32_t offset, unsigned width)
{
    uint64_t value = 0;

    memcpy(&value, (const uint8_t *)m->regs + offset, width);
    return value;
}

void reg_set(struct model *m, uint32_t offset, unsigned width, uint64_t value)
{
    memcpy((uint8_t *)m->regs + offset, &value, width);
}

uint64_t model_peek(const struct model *m, uint32_t offset, unsigned width)
{
    return reg_get(m, offset, width);
}

uint32_t model_regs_size(const struct model *m)
{
    return vtd_regs_size(m->cfg.cap, m->cfg.ecap);
}

bool reg_status(const struct model *m, uint64_t gsts_mask)
{
    return (get32(m, GSTS) & gsts_mask) != 0;
}

void regs_reset(struct model *m)
{
    static const struct {
        const struct reg *set;
        size_t count;
    } sets[] = {{common, ARRAY_SIZE(common)},
                {protect, ARRAY_SIZE(protect)},
                {queue, ARRAY_SIZE(queue)},
                {remap, ARRAY_SIZE(remap)},
                {requests, ARRAY_SIZE(requests)}};
    struct reg r;

    for (size_t s = 0; s < ARRAY_SIZE(sets); s++) {
        for (size_t i = 0; i < sets[s].count; i++) {
            if (find(m, sets[s].set[i].off, &r))
                reg_set(m, r.off, r.width, r.reset);
        }
    }
    set32(m, VER, m->cfg.ver);
    set64(m, CAP, m->cfg.cap);
    set64(m, ECAP, m->cfg.ecap);
}

/* ---- What follows from a write ---- */

/* IQA and RTADDR may change only while nothing depends on them. */
static void check_address(struct model *m, const struct reg *r, uint64_t value)
{
    if (r->off == VTD_OFF_IQA && reg_status(m, M(VTD_GSTS_QIES)))
        breach(m, "rule 18: IQA written while the queue is on");
    if (r->off == VTD_OFF_IRTA && reg_status(m, M(VTD_GSTS_IRES)) &&
        FIELD_GET(VTD_IRTA_EIME, value) != FIELD_GET(VTD_IRTA_EIME, get64(m, IRTA)))
        breach(m, "rule 78: EIME changed while interrupts are remapped");
    if ((r->off == VTD_OFF_IQA || r->off == VTD_OFF_RTADDR || r->off == VTD_OFF_IRTA ||
         r->off == VTD_OFF_PQA) &&
        (value & M(VTD_RTADDR_RTA)) >= haw_end(m))
        breach(m, "rule 15: register %03x points beyond the host address width", r->off);
    if ((r->off >= VTD_OFF_PLMBASE && r->off <= VTD_OFF_PHMLIMIT) && FIELD_GET(VTD_PMEN_PRS, get32(m, PMEN)))
        breach(m, "rule 72: protected memory moved while it is on");
}

static void written(struct model *m, const struct reg *r, uint64_t value, uint64_t bytes)
{
    uint32_t frcd = vtd_reg_frcd_low(m->cfg.cap, 0).off;

    switch (r->off) {
    case VTD_OFF_GCMD:
        command_written(m, (uint32_t)value);
        return;
    case VTD_OFF_FSTS:
        fault_status_written(m, value & r->w1c);
        return;
    case VTD_OFF_FECTL:
    case VTD_OFF_IECTL:
    case VTD_OFF_PECTL:
        event_control_written(m, r->off);
        return;
    case VTD_OFF_IQT:
        queue_tail_written(m);
        return;
    case VTD_OFF_ICS:
        event_drop(m, VTD_OFF_IECTL);
        return;
    case VTD_OFF_PRS:
    case VTD_OFF_PQH:
    case VTD_OFF_PQT:
    case VTD_OFF_PQA:
        prq_written(m, r->off);
        return;
    case VTD_OFF_PMEN:
        command_by_register(m, COMMAND_PMEN);
        return;
    }
    if (r->w1c != 0 && r->off >= frcd && (value & bytes & r->w1c) != 0)
        fault_top_written(m, (r->off - frcd) / 16);
    else if (r->off == VTD_OFF_CCMD && FIELD_GET(VTD_CCMD_ICC, value & bytes))
        command_by_register(m, COMMAND_CCMD);
    else if (r->off == vtd_reg_iotlb(m->cfg.ecap).off && FIELD_GET(VTD_IOTLB_IVT, value & bytes))
        command_by_register(m, COMMAND_IOTLB);
    else if (vcmd_owns(m, r->off))
        vcmd_write(m, r->off, bytes);
}

/* `value` in the register's own bit numbers; `bytes`: the bits that were written. */
static void write_reg(struct model *m, const struct reg *r, uint64_t value, uint64_t bytes)
{
    uint64_t old = reg_get(m, r->off, r->width);
    uint64_t now = (old & ~(r->rw & bytes)) | (value & r->rw & bytes);

    if ((value & bytes & ~(r->rw | r->w1c | r->vain)) != 0 && (value & bytes) != (old & bytes))
        breach(m, "reserved bits of register %03x written: %llx", r->off, (unsigned long long)value);
    check_address(m, r, now);
    if (r->off != VTD_OFF_FSTS)
        now &= ~(value & r->w1c & bytes);
    reg_set(m, r->off, r->width, now);
    written(m, r, value, bytes);
}

/* ---- Accesses ---- */

/* The register that an access of `width` bytes may touch: itself, or half of one with 64 bits. */
static bool access_ok(struct model *m, uint32_t offset, unsigned width, bool write, struct reg *r)
{
    bool known = find(m, offset, r);

    if (known && (width == r->width || (width == 4 && r->width == 8)) && is_aligned(offset, width))
        return true;
    if (known || write)
        breach(m, "%s of %u bytes at register offset %03x", write ? "write" : "read", width, offset);
    return false;
}

/* Time that passes in, or between, the dwords of an access. */
static void pass(struct model *m)
{
    if (m->cfg.slow)
        model_step(m, rnd(m, 3));
}

/* A slow unit may take 64 bits as two dwords, the lower one first. Not those whose lower half is a command
 * with an operand in the upper one: these are 64 bits, or two accesses in the other order. */
static bool is_split(struct model *m, uint32_t offset)
{
    return m->cfg.slow && !vcmd_owns(m, offset) && rnd(m, 2) == 0;
}

static uint64_t read_reg(struct model *m, uint32_t offset, unsigned width)
{
    struct reg r;

    if (!access_ok(m, offset, width, false, &r))
        return 0;
    pass(m);
    if (r.off == VTD_OFF_GCMD)
        return rnd(m, UINT32_MAX); /* write-only: anything may come */
    if (r.off == VTD_OFF_IQERCD && m->cfg.no_iqercd)
        return 0;
    if (width == 8 && is_split(m, offset)) {
        uint64_t low = reg_get(m, offset, 4);

        pass(m);
        return reg_get(m, offset + 4, 4) * pow2(32) + low;
    }
    return reg_get(m, offset, width);
}

uint32_t model_read32(struct model *m, uint32_t offset)
{
    return (uint32_t)read_reg(m, offset, 4);
}

uint64_t model_read64(struct model *m, uint32_t offset)
{
    return read_reg(m, offset, 8);
}

void model_write32(struct model *m, uint32_t offset, uint32_t value)
{
    struct reg r;

    if (!access_ok(m, offset, 4, true, &r))
        return;
    if (offset == r.off)
        write_reg(m, &r, value, LOWER_HALF);
    else
        write_reg(m, &r, (uint64_t)value * pow2(32), ~LOWER_HALF);
}

void model_write64(struct model *m, uint32_t offset, uint64_t value)
{
    struct reg r;

    if (!access_ok(m, offset, 8, true, &r))
        return;
    if (!is_split(m, offset)) {
        write_reg(m, &r, value, UINT64_MAX);
        return;
    }
    write_reg(m, &r, value, LOWER_HALF);
    pass(m);
    write_reg(m, &r, value, ~LOWER_HALF);
}
