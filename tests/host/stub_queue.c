/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The recording unit's invalidation queue: fetch, check, record, complete. VT-d 5.10, Queued Invalidation
 * Interface and Invalidation Descriptors; rules 13, 20, 23, 31-33.
 */
#include <string.h>

#include "tests/host/stub_unit.h"

/* Bits that software may set in each type; everything else is reserved. */
#define DESC_BITS(b0, b1)                                                                                    \
    {                                                                                                        \
        {                                                                                                    \
            (b0), (b1), 0, 0                                                                                 \
        }                                                                                                    \
    }
#define B(span) SPAN_MASK(span)

static const struct vtd_desc allowed[] = {
    [VTD_QI_CC] =
        DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_CC_G) | B(VTD_QI_CC_DID) | B(VTD_QI_CC_SID) | B(VTD_QI_CC_FM), 0),
    [VTD_QI_IOTLB] = DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_IOTLB_G) | B(VTD_QI_IOTLB_DW) | B(VTD_QI_IOTLB_DR) |
                                   B(VTD_QI_IOTLB_DID),
                               B(VTD_QI_IOTLB_AM) | B(VTD_QI_IOTLB_IH) | B(VTD_QI_IOTLB_ADDR)),
    [VTD_QI_DEVTLB] = DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_DEVTLB_PFSID_LOW) | B(VTD_QI_DEVTLB_MIP) |
                                    B(VTD_QI_DEVTLB_SID) | B(VTD_QI_DEVTLB_PFSID_HIGH),
                                B(VTD_QI_DEVTLB_S) | B(VTD_QI_DEVTLB_ADDR)),
    [VTD_QI_IEC] = DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_IEC_G) | B(VTD_QI_IEC_IM) | B(VTD_QI_IEC_IIDX), 0),
    [VTD_QI_WAIT] = DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_WAIT_IF) | B(VTD_QI_WAIT_SW) | B(VTD_QI_WAIT_FN) |
                                  B(VTD_QI_WAIT_PD) | B(VTD_QI_WAIT_DATA),
                              B(VTD_QI_WAIT_ADDR)),
    [VTD_QI_PIOTLB] =
        DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_PIOTLB_G) | B(VTD_QI_PIOTLB_DID) | B(VTD_QI_PIOTLB_PASID),
                  B(VTD_QI_PIOTLB_AM) | B(VTD_QI_PIOTLB_IH) | B(VTD_QI_PIOTLB_ADDR)),
    [VTD_QI_PRESP] = DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_PRESP_PP) | B(VTD_QI_PRESP_RC) |
                                   B(VTD_QI_PRESP_RID) | B(VTD_QI_PRESP_PASID),
                               B(VTD_QI_PRESP_PRGI)),
    [VTD_QI_PC] = DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_PC_G) | B(VTD_QI_PC_DID) | B(VTD_QI_PC_PASID), 0),
    [VTD_QI_PDEVTLB] =
        DESC_BITS(B(VTD_QI_TYPE) | B(VTD_QI_PDEVTLB_MIP) | B(VTD_QI_PDEVTLB_PFSID_LOW) |
                      B(VTD_QI_PDEVTLB_SID) | B(VTD_QI_PDEVTLB_PASID) | B(VTD_QI_PDEVTLB_PFSID_HIGH),
                  B(VTD_QI_PDEVTLB_GI) | B(VTD_QI_PDEVTLB_S) | B(VTD_QI_PDEVTLB_ADDR)),
};

/* ---- Checks ---- */

static bool is_device_tlb(const struct vtd_desc *d)
{
    uint64_t type = entry_get(d, VTD_QI_TYPE);

    return type == VTD_QI_DEVTLB || type == VTD_QI_PDEVTLB;
}

static bool type_ok(const struct stub_unit *unit, const struct vtd_desc *d)
{
    uint64_t type = entry_get(d, VTD_QI_TYPE);

    if (entry_get(d, VTD_QI_TYPE_HIGH) != 0 || type >= ARRAY_SIZE(allowed) || allowed[type].q[0] == 0)
        return false;
    if (type == VTD_QI_PRESP)
        return FIELD_GET(VTD_ECAP_PRS, unit->cfg.ecap);
    return !is_device_tlb(d) || FIELD_GET(VTD_ECAP_DT, unit->cfg.ecap);
}

static bool granularity_ok(const struct stub_unit *unit, const struct vtd_desc *d)
{
    switch (entry_get(d, VTD_QI_TYPE)) {
    case VTD_QI_CC:
        return entry_get(d, VTD_QI_CC_G) != 0;
    case VTD_QI_IOTLB:
        if (entry_get(d, VTD_QI_IOTLB_G) == VTD_IOTLB_GRAN_PAGE)
            return FIELD_GET(VTD_CAP_PSI, unit->cfg.cap) &&
                   entry_get(d, VTD_QI_IOTLB_AM) <= FIELD_GET(VTD_CAP_MAMV, unit->cfg.cap);
        return entry_get(d, VTD_QI_IOTLB_G) != 0;
    case VTD_QI_PIOTLB:
        return entry_get(d, VTD_QI_PIOTLB_G) >= VTD_PIOTLB_GRAN_PASID;
    case VTD_QI_PC:
        return entry_get(d, VTD_QI_PC_G) != 2;
    case VTD_QI_WAIT:
        return !entry_get(d, VTD_QI_WAIT_PD) || FIELD_GET(VTD_ECAP_PDS, unit->cfg.ecap);
    default:
        return true;
    }
}

static enum vtd_iqei check(const struct stub_unit *unit, const struct vtd_desc *d)
{
    if (!type_ok(unit, d))
        return VTD_IQEI_TYPE;
    for (unsigned i = 0; i < ARRAY_SIZE(d->q); i++) {
        if ((d->q[i] & ~allowed[entry_get(d, VTD_QI_TYPE)].q[i]) != 0)
            return VTD_IQEI_RESERVED_FIELD;
    }
    return granularity_ok(unit, d) ? VTD_IQEI_NONE : VTD_IQEI_RESERVED_FIELD;
}

/* Rules that the unit cannot tell software about. */
static void check_rules(struct stub_unit *unit, const struct vtd_desc *d)
{
    bool on = FIELD_GET(VTD_GSTS_TES, stub_reg(unit, VTD_OFF_GSTS, 4));

    if (is_device_tlb(d) && !on)
        stub_breach(unit, "rule 13: device-TLB invalidation while translation is off");
    if (entry_get(d, VTD_QI_TYPE) == VTD_QI_IOTLB && unit->cfg.ver < 0x20 &&
        !(entry_get(d, VTD_QI_IOTLB_DR) && entry_get(d, VTD_QI_IOTLB_DW)))
        stub_breach(unit, "iotlb_inv without DR and DW");
    if (entry_get(d, VTD_QI_TYPE) == VTD_QI_CC && entry_get(d, VTD_QI_CC_DID) != 0)
        stub_breach(unit, "cc_inv with a domain id in scalable mode");
}

/* ---- Execution ---- */

static void stop(struct stub_unit *unit, uint64_t cause, enum vtd_iqei why, uint16_t sid)
{
    uint64_t record = FIELD_PREP(VTD_IQERCD_IQEI, why) | FIELD_PREP(VTD_IQERCD_ITESID, sid);

    unit->stopped = true;
    if (!unit->faults.no_iqercd)
        stub_set_reg(unit, VTD_OFF_IQERCD, 8, record);
    stub_raise(unit, cause);
}

static void complete_wait(struct stub_unit *unit, const struct vtd_desc *d)
{
    paddr_t status = {entry_get_addr(d, VTD_QI_WAIT_ADDR)};
    uint32_t data = (uint32_t)entry_get(d, VTD_QI_WAIT_DATA);

    if (unit->faults.lose_wait > 0 && --unit->faults.lose_wait == 0)
        return;
    if (entry_get(d, VTD_QI_WAIT_SW)) {
        if (host_phys_ok(status, sizeof(data)))
            memcpy(plat_va(status), &data, sizeof(data));
        else
            stub_breach(unit, "status word at %llx, where no memory is", (unsigned long long)status.v);
    }
    if (entry_get(d, VTD_QI_WAIT_IF))
        stub_raise_completion(unit);
}

static uint16_t device_of(const struct vtd_desc *d)
{
    return (uint16_t)(entry_get(d, VTD_QI_TYPE) == VTD_QI_DEVTLB ? entry_get(d, VTD_QI_DEVTLB_SID)
                                                                 : entry_get(d, VTD_QI_PDEVTLB_SID));
}

static void execute(struct stub_unit *unit, const struct vtd_desc *d)
{
    static uint16_t late;

    if (is_device_tlb(d)) {
        if (unit->faults.device_timeouts > 0) {
            unit->faults.device_timeouts--;
            unit->device_late = !unit->faults.abort_early;
            late = device_of(d);
            if (unit->faults.abort_early)
                stop(unit, SPAN_MASK(VTD_FSTS_ITE), VTD_IQEI_NONE, late);
        }
        if (unit->faults.device_error > 0 && --unit->faults.device_error == 0)
            stub_raise(unit, SPAN_MASK(VTD_FSTS_ICE));
    }
    if (entry_get(d, VTD_QI_TYPE) == VTD_QI_IEC)
        stub_intr_invalidate(unit, d);
    unit->last_was_wait = entry_get(d, VTD_QI_TYPE) == VTD_QI_WAIT;
    if (!unit->last_was_wait)
        return;
    if (unit->device_late) {
        unit->device_late = false;
        stop(unit, SPAN_MASK(VTD_FSTS_ITE), VTD_IQEI_NONE, late);
    } else {
        complete_wait(unit, d);
    }
}

static void record(struct stub_unit *unit, const struct vtd_desc *d)
{
    if (unit->stream_count < STUB_STREAM_MAX)
        unit->stream[unit->stream_count] = *d;
    unit->stream_count++;
}

static bool refused(struct stub_unit *unit)
{
    return unit->faults.refuse > 0 && --unit->faults.refuse == 0;
}

/* One descriptor; false when the queue has stopped at it. */
static bool step(struct stub_unit *unit, uint64_t iqa, uint64_t head, uint64_t size)
{
    paddr_t pa = {FIELD_GET_ADDR(VTD_IQA_IQA, iqa) + head};
    struct vtd_desc d;
    enum vtd_iqei why;

    if (refused(unit) || !host_phys_ok(pa, sizeof(d))) {
        stop(unit, SPAN_MASK(VTD_FSTS_IQE), VTD_IQEI_FETCH, 0);
        return false;
    }
    memcpy(&d, plat_va(pa), sizeof(d));
    why = check(unit, &d);
    if (why != VTD_IQEI_NONE) {
        stop(unit, SPAN_MASK(VTD_FSTS_IQE), why, 0);
        return false;
    }
    check_rules(unit, &d);
    record(unit, &d);
    stub_set_reg(unit, VTD_OFF_IQH, 8, (head + sizeof(d)) % size);
    execute(unit, &d);
    return !unit->stopped;
}

void stub_queue_run(struct stub_unit *unit, unsigned most)
{
    uint64_t iqa = stub_reg(unit, VTD_OFF_IQA, 8);
    uint64_t size = pow2((unsigned)FIELD_GET(VTD_IQA_QS, iqa)) * PAGE_SIZE;
    uint64_t tail = stub_reg(unit, VTD_OFF_IQT, 8);

    if (tail >= size || !is_aligned(tail, sizeof(struct vtd_desc))) {
        stop(unit, SPAN_MASK(VTD_FSTS_IQE), tail >= size ? VTD_IQEI_TAIL : VTD_IQEI_TAIL_ALIGNMENT, 0);
        return;
    }
    for (unsigned n = 0; most == 0 || n < most; n++) {
        uint64_t head = stub_reg(unit, VTD_OFF_IQH, 8);

        if (head == tail || !step(unit, iqa, head, size))
            return;
    }
}
