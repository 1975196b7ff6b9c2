/* SPDX-License-Identifier: BSD-2-Clause */
/* See vtd_irte.h. */
#include "iommu/vtd_irte.h"

struct vtd_irte vtd_irte_make(const struct plat_intr *intr, uint16_t sid, bool x2apic)
{
    struct vtd_irte e = {{0}};
    bool bridged = !intr->is_pin && intr->alias != intr->fn.rid;

    entry_set(&e, VTD_IRTE_P, 1);
    entry_set(&e, VTD_IRTE_DLM, intr->nmi ? VTD_DLM_NMI : VTD_DLM_FIXED);
    entry_set(&e, VTD_IRTE_V, intr->nmi ? 0 : intr->vector);
    if (x2apic)
        entry_set(&e, VTD_IRTE_DST, intr->dest);
    else
        entry_set(&e, VTD_IRTE_DST_XAPIC, intr->dest);
    entry_set(&e, VTD_IRTE_SVT, bridged ? VTD_SVT_BUS : VTD_SVT_SID);
    if (bridged)
        entry_set(&e, VTD_IRTE_SID,
                  FIELD_PREP(VTD_SID_BUS_FIRST, rid_bus(intr->alias)) |
                      FIELD_PREP(VTD_SID_BUS_LAST, rid_bus(intr->fn.rid)));
    else
        entry_set(&e, VTD_IRTE_SID, intr->is_pin ? sid : intr->fn.rid);
    return e;
}

struct plat_intr_form vtd_irte_form(uint16_t index, const struct vtd_irte *irte)
{
    uint64_t low = FIELD_GET(VTD_HANDLE_LOW, index);
    uint64_t high = FIELD_GET(VTD_HANDLE_HIGH, index);

    return (struct plat_intr_form){
        .msi.address =
            (uint32_t)(FIELD_PREP(VTD_MSI_FEE, VTD_MSI_FEE_VALUE) | SPAN_MASK(VTD_MSI_FORMAT) |
                       FIELD_PREP(VTD_MSI_HANDLE_LOW, low) | FIELD_PREP(VTD_MSI_HANDLE_HIGH, high)),
        .rte = SPAN_MASK(VTD_RTE_FORMAT) | FIELD_PREP(VTD_RTE_HANDLE_LOW, low) |
               FIELD_PREP(VTD_RTE_HANDLE_HIGH, high) | FIELD_PREP(VTD_RTE_TM, entry_get(irte, VTD_IRTE_TM)) |
               FIELD_PREP(VTD_RTE_V, entry_get(irte, VTD_IRTE_V)),
    };
}
