/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts that pass a recording unit: looked up in its table, checked and delivered as VT-d 5.10,
 * Interrupt Remapping, says. The unit caches every present entry that it has read, so that a change without
 * invalidation shows.
 */
#ifndef TESTS_HOST_STUB_INTR_H
#define TESTS_HOST_STUB_INTR_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_fmt.h"

struct stub_unit;

#define STUB_IEC_ENTRIES 8

/* The interrupt entry cache, and what was delivered other than by message. */
struct stub_intr {
    uint64_t irta; /* at the last SIRTP */
    struct {
        bool used;
        uint16_t index;
        struct vtd_irte entry;
    } cache[STUB_IEC_ENTRIES];
    unsigned next;
    bool flushed; /* globally, since the last SIRTP */
    unsigned nmis;
};

/* A function with requester id `sid` writes `data` to `address`. 0: delivered; else the fault reason, which
 * was recorded. */
unsigned stub_interrupt(struct stub_unit *unit, uint16_t sid, uint32_t address, uint32_t data);
/* A pin with this redirection entry is asserted. */
unsigned stub_interrupt_pin(struct stub_unit *unit, uint16_t sid, uint64_t rte);

/* For stub_unit.c and stub_queue.c: SIRTP; IRE on or off; an iec_inv is executed. */
void stub_intr_table_set(struct stub_unit *unit);
void stub_intr_enabled(struct stub_unit *unit, bool on);
void stub_intr_invalidate(struct stub_unit *unit, const struct vtd_desc *d);

#endif
