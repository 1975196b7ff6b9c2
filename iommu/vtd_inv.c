/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation descriptors put together and taken apart. VT-d 5.10, Invalidation Descriptors.
 */
#include "iommu/vtd_inv.h"

#include "iommu/platform.h"
#include "kernel/lib/text.h"

static struct vtd_desc of_type(enum vtd_qi_type type)
{
    struct vtd_desc d = {{0}};

    entry_set(&d, VTD_QI_TYPE, type);
    return d;
}

struct vtd_desc vtd_inv_cc_global(void)
{
    struct vtd_desc d = of_type(VTD_QI_CC);

    entry_set(&d, VTD_QI_CC_G, VTD_CC_GRAN_GLOBAL);
    return d;
}

struct vtd_desc vtd_inv_cc_device(uint16_t sid)
{
    struct vtd_desc d = of_type(VTD_QI_CC);

    entry_set(&d, VTD_QI_CC_G, VTD_CC_GRAN_DEVICE);
    entry_set(&d, VTD_QI_CC_SID, sid);
    return d;
}

struct vtd_desc vtd_inv_pc_global(void)
{
    struct vtd_desc d = of_type(VTD_QI_PC);

    entry_set(&d, VTD_QI_PC_G, VTD_PC_GRAN_GLOBAL);
    return d;
}

struct vtd_desc vtd_inv_pc_domain(did_t did)
{
    struct vtd_desc d = of_type(VTD_QI_PC);

    entry_set(&d, VTD_QI_PC_G, VTD_PC_GRAN_DOMAIN);
    entry_set(&d, VTD_QI_PC_DID, did.v);
    return d;
}

struct vtd_desc vtd_inv_pc_pasid(did_t did, uint32_t pasid)
{
    struct vtd_desc d = of_type(VTD_QI_PC);

    entry_set(&d, VTD_QI_PC_G, VTD_PC_GRAN_PASID);
    entry_set(&d, VTD_QI_PC_DID, did.v);
    entry_set(&d, VTD_QI_PC_PASID, pasid);
    return d;
}

static struct vtd_desc iotlb(enum vtd_iotlb_gran granularity)
{
    struct vtd_desc d = of_type(VTD_QI_IOTLB);

    entry_set(&d, VTD_QI_IOTLB_G, granularity);
    entry_set(&d, VTD_QI_IOTLB_DW, 1);
    entry_set(&d, VTD_QI_IOTLB_DR, 1);
    return d;
}

struct vtd_desc vtd_inv_iotlb_global(void)
{
    return iotlb(VTD_IOTLB_GRAN_GLOBAL);
}

struct vtd_desc vtd_inv_iotlb_domain(did_t did)
{
    struct vtd_desc d = iotlb(VTD_IOTLB_GRAN_DOMAIN);

    entry_set(&d, VTD_QI_IOTLB_DID, did.v);
    return d;
}

static bool range_is_aligned(iova_t iova, unsigned am)
{
    return is_aligned(iova.v, pow2(am) * PAGE_SIZE);
}

struct vtd_desc vtd_inv_iotlb_page(did_t did, iova_t iova, unsigned am, bool leaf_only)
{
    struct vtd_desc d = iotlb(VTD_IOTLB_GRAN_PAGE);

    plat_assert(range_is_aligned(iova, am));
    entry_set(&d, VTD_QI_IOTLB_DID, did.v);
    entry_set(&d, VTD_QI_IOTLB_AM, am);
    entry_set(&d, VTD_QI_IOTLB_IH, leaf_only);
    entry_set_addr(&d, VTD_QI_IOTLB_ADDR, iova.v);
    return d;
}

static struct vtd_desc piotlb(enum vtd_piotlb_gran granularity, did_t did, uint32_t pasid)
{
    struct vtd_desc d = of_type(VTD_QI_PIOTLB);

    entry_set(&d, VTD_QI_PIOTLB_G, granularity);
    entry_set(&d, VTD_QI_PIOTLB_DID, did.v);
    entry_set(&d, VTD_QI_PIOTLB_PASID, pasid);
    return d;
}

struct vtd_desc vtd_inv_piotlb_pasid(did_t did, uint32_t pasid)
{
    return piotlb(VTD_PIOTLB_GRAN_PASID, did, pasid);
}

struct vtd_desc vtd_inv_piotlb_page(did_t did, uint32_t pasid, iova_t iova, unsigned am, bool leaf_only)
{
    struct vtd_desc d = piotlb(VTD_PIOTLB_GRAN_PAGE, did, pasid);

    plat_assert(range_is_aligned(iova, am));
    entry_set(&d, VTD_QI_PIOTLB_AM, am);
    entry_set(&d, VTD_QI_PIOTLB_IH, leaf_only);
    entry_set_addr(&d, VTD_QI_PIOTLB_ADDR, iova.v);
    return d;
}

/* The address field that names 2^am pages together with S: the lowest 0 bit from bit 12 on gives the size. */
static uint64_t devtlb_address(iova_t iova, unsigned am)
{
    plat_assert(range_is_aligned(iova, am));
    return am == 0 ? iova.v : iova.v + (pow2(am - 1) - 1) * PAGE_SIZE;
}

/* How many invalidations may be pending at the device: 0 is the field's way to say 32. */
static unsigned max_pending(const struct vtd_ats *ats)
{
    plat_assert(ats->qdep >= 1 && ats->qdep <= 32);
    return ats->qdep % 32;
}

static struct vtd_desc devtlb(const struct vtd_ats *ats, uint64_t address, bool sized)
{
    struct vtd_desc d = of_type(VTD_QI_DEVTLB);

    entry_set(&d, VTD_QI_DEVTLB_PFSID_LOW, FIELD_GET(VTD_PFSID_LOW, ats->pfsid));
    entry_set(&d, VTD_QI_DEVTLB_PFSID_HIGH, FIELD_GET(VTD_PFSID_HIGH, ats->pfsid));
    entry_set(&d, VTD_QI_DEVTLB_MIP, max_pending(ats));
    entry_set(&d, VTD_QI_DEVTLB_SID, ats->sid);
    entry_set(&d, VTD_QI_DEVTLB_S, sized);
    entry_set_addr(&d, VTD_QI_DEVTLB_ADDR, address);
    return d;
}

struct vtd_desc vtd_inv_devtlb_all(const struct vtd_ats *ats)
{
    return devtlb(ats, VTD_DEVTLB_ALL, true);
}

struct vtd_desc vtd_inv_devtlb_range(const struct vtd_ats *ats, iova_t iova, unsigned am)
{
    return devtlb(ats, devtlb_address(iova, am), am > 0);
}

static struct vtd_desc pdevtlb(const struct vtd_ats *ats, uint32_t pasid, uint64_t address, bool sized)
{
    struct vtd_desc d = of_type(VTD_QI_PDEVTLB);

    entry_set(&d, VTD_QI_PDEVTLB_PFSID_LOW, FIELD_GET(VTD_PFSID_LOW, ats->pfsid));
    entry_set(&d, VTD_QI_PDEVTLB_PFSID_HIGH, FIELD_GET(VTD_PFSID_HIGH, ats->pfsid));
    entry_set(&d, VTD_QI_PDEVTLB_MIP, max_pending(ats));
    entry_set(&d, VTD_QI_PDEVTLB_SID, ats->sid);
    entry_set(&d, VTD_QI_PDEVTLB_PASID, pasid);
    entry_set(&d, VTD_QI_PDEVTLB_S, sized);
    entry_set_addr(&d, VTD_QI_PDEVTLB_ADDR, address);
    return d;
}

struct vtd_desc vtd_inv_pdevtlb_all(const struct vtd_ats *ats, uint32_t pasid)
{
    return pdevtlb(ats, pasid, VTD_DEVTLB_ALL, true);
}

struct vtd_desc vtd_inv_pdevtlb_global(const struct vtd_ats *ats)
{
    struct vtd_desc d = pdevtlb(ats, 0, VTD_DEVTLB_ALL, true);

    entry_set(&d, VTD_QI_PDEVTLB_GI, 1);
    return d;
}

struct vtd_desc vtd_inv_pdevtlb_range(const struct vtd_ats *ats, uint32_t pasid, iova_t iova, unsigned am)
{
    return pdevtlb(ats, pasid, devtlb_address(iova, am), am > 0);
}

struct vtd_desc vtd_inv_iec_global(void)
{
    struct vtd_desc d = of_type(VTD_QI_IEC);

    entry_set(&d, VTD_QI_IEC_G, VTD_IEC_GRAN_GLOBAL);
    return d;
}

struct vtd_desc vtd_inv_iec_index(uint16_t index)
{
    struct vtd_desc d = of_type(VTD_QI_IEC);

    entry_set(&d, VTD_QI_IEC_G, VTD_IEC_GRAN_INDEX);
    entry_set(&d, VTD_QI_IEC_IIDX, index);
    return d;
}

struct vtd_desc vtd_inv_wait(paddr_t status, uint32_t data)
{
    struct vtd_desc d = of_type(VTD_QI_WAIT);

    entry_set(&d, VTD_QI_WAIT_SW, 1);
    entry_set(&d, VTD_QI_WAIT_DATA, data);
    entry_set_addr(&d, VTD_QI_WAIT_ADDR, status.v);
    return d;
}

struct vtd_desc vtd_inv_wait_fence(paddr_t status, uint32_t data)
{
    struct vtd_desc d = vtd_inv_wait(status, data);

    entry_set(&d, VTD_QI_WAIT_FN, 1);
    return d;
}

struct vtd_desc vtd_inv_wait_event(void)
{
    struct vtd_desc d = of_type(VTD_QI_WAIT);

    entry_set(&d, VTD_QI_WAIT_IF, 1);
    return d;
}

/* ---- Text ---- */

static void add_field(struct text *t, const char *name, uint64_t value)
{
    text_add(t, " ");
    text_add(t, name);
    text_add(t, "=");
    text_hex(t, value, 1);
}

static void add_sid(struct text *t, uint64_t sid)
{
    text_add(t, " sid=");
    text_rid(t, (uint16_t)sid);
}

static void text_cc(struct text *t, const struct vtd_desc *d)
{
    static const char *const names[] = {"?", "global", "domain", "device"};

    text_add(t, "cc_inv ");
    text_add(t, names[entry_get(d, VTD_QI_CC_G)]);
    if (entry_get(d, VTD_QI_CC_G) == VTD_CC_GRAN_DOMAIN)
        add_field(t, "did", entry_get(d, VTD_QI_CC_DID));
    if (entry_get(d, VTD_QI_CC_G) == VTD_CC_GRAN_DEVICE)
        add_sid(t, entry_get(d, VTD_QI_CC_SID));
}

static void text_iotlb(struct text *t, const struct vtd_desc *d)
{
    static const char *const names[] = {"?", "global", "domain", "page"};

    text_add(t, "iotlb_inv ");
    text_add(t, names[entry_get(d, VTD_QI_IOTLB_G)]);
    if (entry_get(d, VTD_QI_IOTLB_G) != VTD_IOTLB_GRAN_GLOBAL)
        add_field(t, "did", entry_get(d, VTD_QI_IOTLB_DID));
    if (entry_get(d, VTD_QI_IOTLB_G) == VTD_IOTLB_GRAN_PAGE) {
        add_field(t, "addr", entry_get_addr(d, VTD_QI_IOTLB_ADDR));
        add_field(t, "am", entry_get(d, VTD_QI_IOTLB_AM));
        add_field(t, "ih", entry_get(d, VTD_QI_IOTLB_IH));
    }
}

static void text_pc(struct text *t, const struct vtd_desc *d)
{
    static const char *const names[] = {"domain", "pasid", "?", "global"};

    text_add(t, "pc_inv ");
    text_add(t, names[entry_get(d, VTD_QI_PC_G)]);
    if (entry_get(d, VTD_QI_PC_G) != VTD_PC_GRAN_GLOBAL)
        add_field(t, "did", entry_get(d, VTD_QI_PC_DID));
    if (entry_get(d, VTD_QI_PC_G) == VTD_PC_GRAN_PASID)
        add_field(t, "pasid", entry_get(d, VTD_QI_PC_PASID));
}

static void text_piotlb(struct text *t, const struct vtd_desc *d)
{
    static const char *const names[] = {"?", "?", "pasid", "page"};

    text_add(t, "p_iotlb_inv ");
    text_add(t, names[entry_get(d, VTD_QI_PIOTLB_G)]);
    add_field(t, "did", entry_get(d, VTD_QI_PIOTLB_DID));
    add_field(t, "pasid", entry_get(d, VTD_QI_PIOTLB_PASID));
    if (entry_get(d, VTD_QI_PIOTLB_G) == VTD_PIOTLB_GRAN_PAGE) {
        add_field(t, "addr", entry_get_addr(d, VTD_QI_PIOTLB_ADDR));
        add_field(t, "am", entry_get(d, VTD_QI_PIOTLB_AM));
        add_field(t, "ih", entry_get(d, VTD_QI_PIOTLB_IH));
    }
}

static void text_devtlb(struct text *t, const struct vtd_desc *d)
{
    text_add(t, "dev_tlb_inv");
    add_sid(t, entry_get(d, VTD_QI_DEVTLB_SID));
    add_field(t, "addr", entry_get_addr(d, VTD_QI_DEVTLB_ADDR));
    add_field(t, "s", entry_get(d, VTD_QI_DEVTLB_S));
}

static void text_pdevtlb(struct text *t, const struct vtd_desc *d)
{
    text_add(t, "p_dev_tlb_inv");
    add_sid(t, entry_get(d, VTD_QI_PDEVTLB_SID));
    add_field(t, "pasid", entry_get(d, VTD_QI_PDEVTLB_PASID));
    add_field(t, "addr", entry_get_addr(d, VTD_QI_PDEVTLB_ADDR));
    add_field(t, "s", entry_get(d, VTD_QI_PDEVTLB_S));
    add_field(t, "gi", entry_get(d, VTD_QI_PDEVTLB_GI));
}

static void text_iec(struct text *t, const struct vtd_desc *d)
{
    bool index = entry_get(d, VTD_QI_IEC_G) == VTD_IEC_GRAN_INDEX;

    text_add(t, index ? "iec_inv index" : "iec_inv global");
    if (index) {
        add_field(t, "index", entry_get(d, VTD_QI_IEC_IIDX));
        add_field(t, "im", entry_get(d, VTD_QI_IEC_IM));
    }
}

static void text_wait(struct text *t, const struct vtd_desc *d)
{
    text_add(t, "inv_wait");
    if (entry_get(d, VTD_QI_WAIT_SW)) {
        add_field(t, "status", entry_get_addr(d, VTD_QI_WAIT_ADDR));
        add_field(t, "data", entry_get(d, VTD_QI_WAIT_DATA));
    }
    add_field(t, "if", entry_get(d, VTD_QI_WAIT_IF));
    add_field(t, "fn", entry_get(d, VTD_QI_WAIT_FN));
    add_field(t, "pd", entry_get(d, VTD_QI_WAIT_PD));
}

static void text_words(struct text *t, const struct vtd_desc *d)
{
    text_add(t, "descriptor");
    for (unsigned i = 0; i < ARRAY_SIZE(d->q); i++) {
        text_add(t, " ");
        text_hex(t, d->q[i], 16);
    }
}

const char *vtd_inv_text(const struct vtd_desc *desc, char *text, size_t size)
{
    static void (*const known[])(struct text *, const struct vtd_desc *) = {
        [VTD_QI_CC] = text_cc,           [VTD_QI_IOTLB] = text_iotlb,   [VTD_QI_DEVTLB] = text_devtlb,
        [VTD_QI_WAIT] = text_wait,       [VTD_QI_PIOTLB] = text_piotlb, [VTD_QI_PC] = text_pc,
        [VTD_QI_PDEVTLB] = text_pdevtlb, [VTD_QI_IEC] = text_iec,
    };
    uint64_t type = entry_get(desc, VTD_QI_TYPE);
    struct text t = text_in(text, size);

    if (type < ARRAY_SIZE(known) && known[type] != NULL && entry_get(desc, VTD_QI_TYPE_HIGH) == 0)
        known[type](&t, desc);
    else
        text_words(&t, desc);
    return text;
}
