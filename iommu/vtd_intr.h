/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A unit's interrupt-remapping table, and who has which entry. VT-d 5.10, Interrupt Remapping; rules 8, 10,
 * 78.
 */
#ifndef IOMMU_VTD_INTR_H
#define IOMMU_VTD_INTR_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "iommu/vtd_irte.h"
#include "kernel/lib/compiler.h"

struct vtd_unit;

/* One page. */
#define VTD_IRT_ENTRIES (PAGE_SIZE / sizeof(struct vtd_irte))

struct vtd_intr {
    struct vtd_irte *table;                          /* NULL: the unit does not remap interrupts */
    const struct plat_intr *owners[VTD_IRT_ENTRIES]; /* NULL: the entry is free; under table_lock */
    bool x2apic;                                     /* IRTA.EIME */
};

/* Memory of the table, unless it has some. 0, -ENOMEM. T. */
must_check int vtd_intr_alloc(struct vtd_unit *unit);

/* Table emptied, SIRTP, and the global invalidation that ESIRTPS = 0 asks for (rule 8); remapping stays off.
 * Its memory is there, the queue is on. 0, -ETIMEDOUT, -EIO. T. */
must_check int vtd_intr_start(struct vtd_unit *unit);

/* IRE on, compatibility format blocked (CFI = 0). 0, -ETIMEDOUT. T. */
must_check int vtd_intr_enable(struct vtd_unit *unit);

/* IRE off, IRTA as it was found; a table that firmware had in use is set again while our queue can still
 * invalidate (rule 8). 0, -ETIMEDOUT, -EIO. T. */
must_check int vtd_intr_stop(struct vtd_unit *unit, uint64_t irta, bool was_on);

/* Gives the table back; IRES is 0. T. */
void vtd_intr_free(struct vtd_unit *unit);

/* Finds an entry for a source, fills it and says what the source sends. 0, -ENOSPC, -ERANGE (a destination
 * that does not fit the entry), -EIO, -ETIMEDOUT. T. */
must_check int vtd_intr_add(struct vtd_unit *unit, const struct plat_intr *intr, uint16_t sid,
                            struct plat_intr_form *form);

/* Takes the source's entry away: not present, invalidated, zeroed. 0, -ENOENT, -EIO, -ETIMEDOUT. T. */
must_check int vtd_intr_remove(struct vtd_unit *unit, const struct plat_intr *intr);

/* Replaces an entry by way of P = 0, each step invalidated by index and waited for (rule 78). 0, -EIO,
 * -ETIMEDOUT. T. */
must_check int vtd_intr_set(struct vtd_unit *unit, uint16_t index, const struct vtd_irte *entry);

/* The entry of a function's message, or of the first pin: 0, -ENOENT. X. */
must_check int vtd_intr_find(struct vtd_unit *unit, struct pci_id fn, uint16_t *index);
must_check int vtd_intr_find_pin(struct vtd_unit *unit, uint16_t *index);

#endif
