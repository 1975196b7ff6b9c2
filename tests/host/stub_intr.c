/* SPDX-License-Identifier: BSD-2-Clause */
/* See stub_intr.h. */
#include <string.h>

#include "tests/host/stub_unit.h"

#define IRTE_BITS_0                                                                                          \
    (SPAN_MASK(VTD_IRTE_P) | SPAN_MASK(VTD_IRTE_FPD) | SPAN_MASK(VTD_IRTE_DM) | SPAN_MASK(VTD_IRTE_RH) |     \
     SPAN_MASK(VTD_IRTE_TM) | SPAN_MASK(VTD_IRTE_DLM) | SPAN_MASK(VTD_IRTE_AVAIL) | SPAN_MASK(VTD_IRTE_V))
#define IRTE_BITS_1 (SPAN_MASK(VTD_IRTE_SID) | SPAN_MASK(VTD_IRTE_SQ) | SPAN_MASK(VTD_IRTE_SVT))

/* ---- The cache ---- */

static void forget(struct stub_unit *unit, uint64_t first, uint64_t count)
{
    for (unsigned i = 0; i < STUB_IEC_ENTRIES; i++) {
        uint16_t index = unit->intr.cache[i].index;

        if (index >= first && index - first < count)
            unit->intr.cache[i].used = false;
    }
}

static void forget_all(struct stub_unit *unit)
{
    forget(unit, 0, UINT16_MAX + 1u);
    unit->intr.flushed = true;
}

void stub_intr_table_set(struct stub_unit *unit)
{
    unit->intr.irta = stub_reg(unit, VTD_OFF_IRTA, 8);
    unit->intr.flushed = false;
    if (FIELD_GET(VTD_CAP_ESIRTPS, unit->cfg.cap))
        forget_all(unit);
}

void stub_intr_enabled(struct stub_unit *unit, bool on)
{
    if (on && !FIELD_GET(VTD_GSTS_IRTPS, stub_reg(unit, VTD_OFF_GSTS, 4)))
        stub_breach(unit, "rule 78: IRE without SIRTP before");
    else if (on && !unit->intr.flushed)
        stub_breach(unit, "rule 8: IRE without a global iec_inv after SIRTP");
    if (!on && FIELD_GET(VTD_CAP_ESIRTPS, unit->cfg.cap))
        forget_all(unit);
}

void stub_intr_invalidate(struct stub_unit *unit, const struct vtd_desc *d)
{
    uint64_t count = pow2((unsigned)entry_get(d, VTD_QI_IEC_IM));

    if (entry_get(d, VTD_QI_IEC_G) == VTD_IEC_GRAN_GLOBAL)
        forget_all(unit);
    else
        forget(unit, entry_get(d, VTD_QI_IEC_IIDX) / count * count, count);
}

static bool fetch(struct stub_unit *unit, uint16_t index, struct vtd_irte *out)
{
    struct stub_intr *intr = &unit->intr;
    paddr_t pa = {FIELD_GET_ADDR(VTD_IRTA_IRTA, intr->irta) + index * sizeof(*out)};

    for (unsigned i = 0; i < STUB_IEC_ENTRIES; i++) {
        if (intr->cache[i].used && intr->cache[i].index == index) {
            *out = intr->cache[i].entry;
            return true;
        }
    }
    if (!host_phys_ok(pa, sizeof(*out)))
        return false;
    memcpy(out, plat_va(pa), sizeof(*out));
    if (entry_get(out, VTD_IRTE_P)) {
        intr->cache[intr->next].used = true;
        intr->cache[intr->next].index = index;
        intr->cache[intr->next].entry = *out;
        intr->next = (intr->next + 1) % STUB_IEC_ENTRIES;
    }
    return true;
}

/* ---- One interrupt ---- */

static bool source_ok(const struct vtd_irte *e, uint16_t sid)
{
    static const uint16_t compared[] = {0xffff, 0xfffb, 0xfff9, 0xfff8};
    uint64_t want = entry_get(e, VTD_IRTE_SID);

    switch (entry_get(e, VTD_IRTE_SVT)) {
    case VTD_SVT_SID:
        return ((sid ^ want) & compared[entry_get(e, VTD_IRTE_SQ)]) == 0;
    case VTD_SVT_BUS:
        return rid_bus(sid) >= FIELD_GET(VTD_SID_BUS_FIRST, want) &&
               rid_bus(sid) <= FIELD_GET(VTD_SID_BUS_LAST, want);
    default:
        return true;
    }
}

/* Reason to block it, or 0. */
static unsigned judge(struct stub_unit *unit, uint16_t sid, unsigned index, struct vtd_irte *e)
{
    if (index >= pow2((unsigned)FIELD_GET(VTD_IRTA_S, unit->intr.irta) + 1))
        return VTD_FR_IR_INDEX;
    if (!fetch(unit, (uint16_t)index, e))
        return VTD_FR_IR_ACCESS;
    if (!entry_get(e, VTD_IRTE_P))
        return VTD_FR_IR_NOT_PRESENT;
    if ((e->q[0] & ~(IRTE_BITS_0 | SPAN_MASK(VTD_IRTE_DST))) != 0 || (e->q[1] & ~IRTE_BITS_1) != 0 ||
        entry_get(e, VTD_IRTE_SVT) > VTD_SVT_BUS)
        return VTD_FR_IR_RESERVED_ENTRY;
    return source_ok(e, sid) ? 0 : VTD_FR_IR_SOURCE;
}

static unsigned blocked(struct stub_unit *unit, uint16_t sid, unsigned index, unsigned reason)
{
    struct vtd_frcd record = {{0}};

    entry_set(&record, VTD_FRCD_INDEX, index);
    entry_set(&record, VTD_FRCD_SID, sid);
    entry_set(&record, VTD_FRCD_FR, reason);
    stub_record_fault(unit, &record);
    return reason;
}

static void deliver(struct stub_unit *unit, const struct vtd_irte *e)
{
    bool x2apic = FIELD_GET(VTD_IRTA_EIME, unit->intr.irta);
    uint64_t dest = x2apic ? entry_get(e, VTD_IRTE_DST) : entry_get(e, VTD_IRTE_DST_XAPIC);

    if (entry_get(e, VTD_IRTE_DLM) == VTD_DLM_NMI)
        unit->intr.nmis++;
    else
        host_msi_send((uint32_t)(0xfee00000 + dest % 256 * 0x1000), (uint32_t)entry_get(e, VTD_IRTE_V));
}

unsigned stub_interrupt(struct stub_unit *unit, uint16_t sid, uint32_t address, uint32_t data)
{
    uint64_t gsts = stub_reg(unit, VTD_OFF_GSTS, 4);
    unsigned index, reason;
    struct vtd_irte e;

    if (!FIELD_GET(VTD_GSTS_IRES, gsts)) {
        host_msi_send(address, data);
        return 0;
    }
    if (!FIELD_GET(VTD_MSI_FORMAT, address)) {
        if (!FIELD_GET(VTD_GSTS_CFIS, gsts) || FIELD_GET(VTD_IRTA_EIME, unit->intr.irta))
            return blocked(unit, sid, 0, VTD_FR_IR_COMPATIBILITY);
        host_msi_send(address, data);
        return 0;
    }
    index = (unsigned)(FIELD_PREP(VTD_HANDLE_LOW, FIELD_GET(VTD_MSI_HANDLE_LOW, address)) |
                       FIELD_PREP(VTD_HANDLE_HIGH, FIELD_GET(VTD_MSI_HANDLE_HIGH, address)));
    if (FIELD_GET(VTD_MSI_SHV, address))
        index += data & 0xffff;
    reason = judge(unit, sid, index, &e);
    if (reason)
        return blocked(unit, sid, index, reason);
    deliver(unit, &e);
    return 0;
}

unsigned stub_interrupt_pin(struct stub_unit *unit, uint16_t sid, uint64_t rte)
{
    uint64_t address = FIELD_PREP(VTD_MSI_FEE, VTD_MSI_FEE_VALUE) |
                       FIELD_PREP(VTD_MSI_FORMAT, FIELD_GET(VTD_RTE_FORMAT, rte)) |
                       FIELD_PREP(VTD_MSI_HANDLE_LOW, FIELD_GET(VTD_RTE_HANDLE_LOW, rte)) |
                       FIELD_PREP(VTD_MSI_HANDLE_HIGH, FIELD_GET(VTD_RTE_HANDLE_HIGH, rte));

    return stub_interrupt(unit, sid, (uint32_t)address, (uint32_t)FIELD_GET(VTD_RTE_V, rte));
}
