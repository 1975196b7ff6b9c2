/* SPDX-License-Identifier: BSD-2-Clause */
/* See pci_ats.h. */
#include "iommu/pci_ats.h"

#include "iommu/platform.h"
#include "kernel/lib/bits.h"

/* Configuration space: list of capabilities, that of PCI Express, and the list of extended ones. */
#define STATUS_DWORD    0x04
#define STATUS_HAS_CAPS BIT(20)
#define CAPS_DWORD      0x34
#define CAPS_FIRST      BITS(7, 2)
#define CAP_ID          BITS(7, 0)
#define CAP_NEXT        BITS(15, 10)
#define CAP_ID_EXPRESS  0x10
#define EXPRESS_TYPE    BITS(23, 20)
#define TYPE_INTEGRATED 9

#define EXT_FIRST    0x100
#define EXT_ID       BITS(15, 0)
#define EXT_NEXT     BITS(31, 22) /* dwords */
#define EXT_ID_ATS   0x0f
#define EXT_ID_PRI   0x13
#define EXT_ID_PASID 0x1b

/* A list ends at 0, or with the functions that configuration space has room for. */
#define CAPS_MAX 48
#define EXT_MAX  480

/* Address Translation Services: capability and control in one dword */
#define ATS_CONTROL  6
#define ATS_QDEP     BITS(4, 0)
#define ATS_ENABLE   BIT(15)
#define ATS_QDEP_MAX 32

/* Page Request Interface */
#define PRI_CONTROL    4
#define PRI_ENABLE     BIT(0)
#define PRI_RESET      BIT(1)
#define PRI_CAPACITY   8
#define PRI_ALLOCATION 12

/* PASID: capability and control in one dword */
#define PASID_CONTROL 6
#define PASID_WIDTH   BITS(12, 8)
#define PASID_ENABLE  BIT(0)

static bool is_integrated(struct pci_id fn)
{
    uint16_t at = 0;

    if (FIELD_GET(STATUS_HAS_CAPS, plat_pci_read32(fn, STATUS_DWORD)))
        at = (uint16_t)(4 * FIELD_GET(CAPS_FIRST, plat_pci_read32(fn, CAPS_DWORD)));
    for (unsigned i = 0; at != 0 && i < CAPS_MAX; i++) {
        uint32_t cap = plat_pci_read32(fn, at);

        if (FIELD_GET(CAP_ID, cap) == CAP_ID_EXPRESS)
            return FIELD_GET(EXPRESS_TYPE, cap) == TYPE_INTEGRATED;
        at = (uint16_t)(4 * FIELD_GET(CAP_NEXT, cap));
    }
    return false;
}

static void note(struct pci_ats *pci, uint64_t id, uint16_t at)
{
    uint32_t caps = plat_pci_read32(pci->fn, (uint16_t)(at + 4));

    if (id == EXT_ID_PASID) {
        pci->pasid = at;
        pci->pasid_bits = (unsigned)FIELD_GET(PASID_WIDTH, caps);
    } else if (id == EXT_ID_ATS) {
        pci->ats = at;
        pci->qdep = (uint8_t)FIELD_GET(ATS_QDEP, caps);
        if (pci->qdep == 0)
            pci->qdep = ATS_QDEP_MAX;
    } else if (id == EXT_ID_PRI) {
        pci->pri = at;
    }
}

void pci_ats_find(struct pci_id fn, struct pci_ats *out)
{
    uint16_t at = EXT_FIRST;

    *out = (struct pci_ats){.fn = fn, .integrated = is_integrated(fn)};
    for (unsigned i = 0; at >= EXT_FIRST && i < EXT_MAX; i++) {
        uint32_t header = plat_pci_read32(fn, at);

        if (header == UINT32_MAX)
            return;
        note(out, FIELD_GET(EXT_ID, header), at);
        at = (uint16_t)(4 * FIELD_GET(EXT_NEXT, header));
    }
}

void pci_pasid_set(const struct pci_ats *pci, bool on)
{
    plat_pci_write16(pci->fn, (uint16_t)(pci->pasid + PASID_CONTROL), (uint16_t)FIELD_PREP(PASID_ENABLE, on));
}

void pci_ats_set(const struct pci_ats *pci, bool on)
{
    plat_pci_write16(pci->fn, (uint16_t)(pci->ats + ATS_CONTROL), (uint16_t)FIELD_PREP(ATS_ENABLE, on));
}

void pci_pri_set(const struct pci_ats *pci, bool on, unsigned outstanding)
{
    uint32_t capacity = plat_pci_read32(pci->fn, (uint16_t)(pci->pri + PRI_CAPACITY));
    uint16_t control = (uint16_t)(pci->pri + PRI_CONTROL);

    plat_pci_write16(pci->fn, control, 0);
    if (!on)
        return;
    plat_pci_write16(pci->fn, control, (uint16_t)SPAN_MASK(PRI_RESET));
    plat_pci_write32(pci->fn, (uint16_t)(pci->pri + PRI_ALLOCATION),
                     capacity < outstanding ? capacity : outstanding);
    plat_pci_write16(pci->fn, control, (uint16_t)SPAN_MASK(PRI_ENABLE));
}
