/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two events of a unit, each a message with a vector of its own that is never remapped: faults (and what
 * stops the queue), and invalidation waits that are done. VT-d 5.10, Fault Event Control Register and
 * Invalidation Event Control Register; rules 23, 65, 71.
 */
#ifndef IOMMU_VTD_EVENT_H
#define IOMMU_VTD_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/platform.h"

struct vtd_unit;

struct vtd_event {
    struct plat_msi msi;
    bool on;        /* it has a vector, and the unit its message */
    uint64_t taken; /* interrupts that came; by the handler */
};

enum vtd_event_kind { VTD_EVENT_FAULT, VTD_EVENT_QUEUE };

/*
 * Both events on, unmasked. One that gets no vector stays masked, which is logged: then records are polled
 * for and waits do not sleep. T.
 */
void vtd_event_start(struct vtd_unit *unit);

/* Both masked; no handler runs any more at return, and the vectors are free. Of a unit that does not obey,
 * too. T. */
void vtd_event_stop(struct vtd_unit *unit);

/* Masks an event, or lets it out again: what came meanwhile is sent then (rule 71). X. */
void vtd_event_mask(struct vtd_unit *unit, enum vtd_event_kind kind, bool masked);

#endif
