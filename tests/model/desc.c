/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an invalidation descriptor may look like. VT-d 5.10, Invalidation Descriptors; Invalidation Queue
 * Error Record Register, IQEI; rules 13, 17, 27, 48.
 */
#include "tests/model/model_priv.h"

#define B(span) SPAN_MASK(span)

/* Bits that software may set in each type; everything else is reserved. */
static const struct vtd_desc allowed[] = {
    [VTD_QI_CC] = {{B(VTD_QI_TYPE) | B(VTD_QI_CC_G) | B(VTD_QI_CC_DID) | B(VTD_QI_CC_SID) | B(VTD_QI_CC_FM),
                    0}},
    [VTD_QI_IOTLB] = {{B(VTD_QI_TYPE) | B(VTD_QI_IOTLB_G) | B(VTD_QI_IOTLB_DW) | B(VTD_QI_IOTLB_DR) |
                           B(VTD_QI_IOTLB_DID),
                       B(VTD_QI_IOTLB_AM) | B(VTD_QI_IOTLB_IH) | B(VTD_QI_IOTLB_ADDR)}},
    [VTD_QI_DEVTLB] = {{B(VTD_QI_TYPE) | B(VTD_QI_DEVTLB_PFSID_LOW) | B(VTD_QI_DEVTLB_MIP) |
                            B(VTD_QI_DEVTLB_SID) | B(VTD_QI_DEVTLB_PFSID_HIGH),
                        B(VTD_QI_DEVTLB_S) | B(VTD_QI_DEVTLB_ADDR)}},
    [VTD_QI_IEC] = {{B(VTD_QI_TYPE) | B(VTD_QI_IEC_G) | B(VTD_QI_IEC_IM) | B(VTD_QI_IEC_IIDX), 0}},
    [VTD_QI_WAIT] = {{B(VTD_QI_TYPE) | B(VTD_QI_WAIT_IF) | B(VTD_QI_WAIT_SW) | B(VTD_QI_WAIT_FN) |
                          B(VTD_QI_WAIT_PD) | B(VTD_QI_WAIT_DATA),
                      B(VTD_QI_WAIT_ADDR)}},
    [VTD_QI_PIOTLB] = {{B(VTD_QI_TYPE) | B(VTD_QI_PIOTLB_G) | B(VTD_QI_PIOTLB_DID) | B(VTD_QI_PIOTLB_PASID),
                        B(VTD_QI_PIOTLB_AM) | B(VTD_QI_PIOTLB_IH) | B(VTD_QI_PIOTLB_ADDR)}},
    [VTD_QI_PC] = {{B(VTD_QI_TYPE) | B(VTD_QI_PC_G) | B(VTD_QI_PC_DID) | B(VTD_QI_PC_PASID), 0}},
    [VTD_QI_PDEVTLB] = {{B(VTD_QI_TYPE) | B(VTD_QI_PDEVTLB_MIP) | B(VTD_QI_PDEVTLB_PFSID_LOW) |
                             B(VTD_QI_PDEVTLB_SID) | B(VTD_QI_PDEVTLB_PASID) | B(VTD_QI_PDEVTLB_PFSID_HIGH),
                         B(VTD_QI_PDEVTLB_GI) | B(VTD_QI_PDEVTLB_S) | B(VTD_QI_PDEVTLB_ADDR)}},
    /* Bit 66 is ignored: it was LPIG. */
    [VTD_QI_PRESP] = {{B(VTD_QI_TYPE) | B(VTD_QI_PRESP_PP) | B(VTD_QI_PRESP_RC) | B(VTD_QI_PRESP_RID) |
                           B(VTD_QI_PRESP_PASID),
                       B(VTD_QI_PRESP_PRGI) | 4}},
};

static bool is_device_tlb(uint64_t type)
{
    return type == VTD_QI_DEVTLB || type == VTD_QI_PDEVTLB;
}

/* Types beyond 5 exist only with 256 bits, and only in scalable and abort mode. */
static enum vtd_iqei check_type(const struct model *m, const struct vtd_desc *d)
{
    uint64_t ttm = FIELD_GET(VTD_RTADDR_TTM, m->root);
    uint64_t type = entry_get(d, VTD_QI_TYPE);

    if (ttm == VTD_TTM_RESERVED)
        return VTD_IQEI_TTM;
    if (entry_get(d, VTD_QI_TYPE_HIGH) != 0 || type >= ARRAY_SIZE(allowed) || allowed[type].q[0] == 0)
        return VTD_IQEI_TYPE;
    if (type > VTD_QI_WAIT && ttm == VTD_TTM_LEGACY)
        return VTD_IQEI_TYPE;
    if ((is_device_tlb(type) && !ECAP(m, DT)) || (type == VTD_QI_PRESP && !ECAP(m, PRS)))
        return VTD_IQEI_TYPE;
    return VTD_IQEI_NONE;
}

/* Values that a field may not have. */
static bool values_ok(const struct model *m, const struct vtd_desc *d)
{
    uint64_t pfsid;

    switch (entry_get(d, VTD_QI_TYPE)) {
    case VTD_QI_CC:
        return entry_get(d, VTD_QI_CC_G) != 0;
    case VTD_QI_IOTLB:
        if (entry_get(d, VTD_QI_IOTLB_G) != VTD_IOTLB_GRAN_PAGE)
            return entry_get(d, VTD_QI_IOTLB_G) != 0;
        return CAP(m, PSI) && entry_get(d, VTD_QI_IOTLB_AM) <= CAP(m, MAMV);
    case VTD_QI_PIOTLB:
        return entry_get(d, VTD_QI_PIOTLB_G) >= VTD_PIOTLB_GRAN_PASID;
    case VTD_QI_PC:
        return entry_get(d, VTD_QI_PC_G) != 2;
    case VTD_QI_IEC:
        return entry_get(d, VTD_QI_IEC_IM) <= ECAP(m, MHMV);
    case VTD_QI_WAIT:
        return !entry_get(d, VTD_QI_WAIT_PD) || ECAP(m, PDS);
    case VTD_QI_DEVTLB:
        pfsid = entry_get(d, VTD_QI_DEVTLB_PFSID_LOW) | entry_get(d, VTD_QI_DEVTLB_PFSID_HIGH);
        return pfsid == 0 || ECAP(m, DIT);
    case VTD_QI_PDEVTLB:
        pfsid = entry_get(d, VTD_QI_PDEVTLB_PFSID_LOW) | entry_get(d, VTD_QI_PDEVTLB_PFSID_HIGH);
        return pfsid == 0 || ECAP(m, DIT);
    default:
        return true;
    }
}

enum vtd_iqei desc_check(const struct model *m, const struct vtd_desc *d)
{
    enum vtd_iqei why = check_type(m, d);

    if (why != VTD_IQEI_NONE)
        return why;
    for (unsigned i = 0; i < ARRAY_SIZE(d->q); i++) {
        if ((d->q[i] & ~allowed[entry_get(d, VTD_QI_TYPE)].q[i]) != 0)
            return VTD_IQEI_RESERVED_FIELD;
    }
    return values_ok(m, d) ? VTD_IQEI_NONE : VTD_IQEI_RESERVED_FIELD;
}

/* Domain id of a descriptor that aims at one domain; 0 where it does not. */
static uint64_t domain_of(const struct vtd_desc *d)
{
    switch (entry_get(d, VTD_QI_TYPE)) {
    case VTD_QI_IOTLB:
        return entry_get(d, VTD_QI_IOTLB_G) != VTD_IOTLB_GRAN_GLOBAL ? entry_get(d, VTD_QI_IOTLB_DID) : 0;
    case VTD_QI_PIOTLB:
        return entry_get(d, VTD_QI_PIOTLB_DID);
    case VTD_QI_PC:
        return entry_get(d, VTD_QI_PC_G) != VTD_PC_GRAN_GLOBAL ? entry_get(d, VTD_QI_PC_DID) : 0;
    default:
        return 0;
    }
}

/* Does a range of 2^am pages begin at a multiple of its size? */
static bool range_ok(uint64_t addr, uint64_t am)
{
    return am >= 52 || is_aligned(addr, pow2(12 + (unsigned)am));
}

static bool is_page_range(const struct vtd_desc *d, uint64_t *addr, uint64_t *am)
{
    uint64_t type = entry_get(d, VTD_QI_TYPE);

    /* Both types have AM and ADDR in the same place. */
    *addr = entry_get_addr(d, VTD_QI_IOTLB_ADDR);
    *am = entry_get(d, VTD_QI_IOTLB_AM);
    return (type == VTD_QI_IOTLB && entry_get(d, VTD_QI_IOTLB_G) == VTD_IOTLB_GRAN_PAGE) ||
           (type == VTD_QI_PIOTLB && entry_get(d, VTD_QI_PIOTLB_G) == VTD_PIOTLB_GRAN_PAGE);
}

void desc_check_rules(struct model *m, const struct vtd_desc *d)
{
    uint64_t type = entry_get(d, VTD_QI_TYPE);
    uint64_t addr, am;

    if (is_device_tlb(type) && !reg_status(m, SPAN_MASK(VTD_GSTS_TES)))
        breach(m, "rule 13: device-TLB invalidation while translation is off");
    if (domain_of(d) >= pow2(4 + 2 * (unsigned)CAP(m, ND)))
        breach(m, "rule 17: invalidation for domain %llu, more than CAP.ND has",
               (unsigned long long)domain_of(d));
    if (is_page_range(d, &addr, &am) && !range_ok(addr, am))
        breach(m, "rule 28: invalidation of 2^%u pages at %llx, not aligned to its size", (unsigned)am,
               (unsigned long long)addr);
    if (type == VTD_QI_WAIT && !entry_get(d, VTD_QI_WAIT_SW) && !entry_get(d, VTD_QI_WAIT_IF) &&
        !entry_get(d, VTD_QI_WAIT_FN))
        breach(m, "rule 23: wait that tells nobody");
}
