/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts in remappable format: the entry that a source gets, and what it then has to send. Pure. VT-d
 * 5.10, Interrupt Remapping.
 */
#ifndef IOMMU_VTD_IRTE_H
#define IOMMU_VTD_IRTE_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "iommu/vtd_fmt.h"

/*
 * The present entry for `intr`, usable by it alone: `sid` is the requester id of a pin's I/O APIC; a message
 * is checked by its own id, or by the buses between the bridge that speaks for it and itself. `x2apic` is
 * the table's EIME. X.
 */
struct vtd_irte vtd_irte_make(const struct plat_intr *intr, uint16_t sid, bool x2apic);

/* What a source sends to use entry `index`; `irte` is the entry, which a pin's form repeats in part. X. */
struct plat_intr_form vtd_irte_form(uint16_t index, const struct vtd_irte *irte);

#endif
