/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault records: read, decoded, cleared. VT-d 5.10, Fault Recording Registers; rules 65-71.
 */
#ifndef IOMMU_VTD_FAULT_H
#define IOMMU_VTD_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/types.h"
#include "iommu/vtd_regs.h"
#include "kernel/lib/compiler.h"

struct vtd_unit;

struct vtd_fault {
    uint8_t reason;   /* fault reason code */
    const char *name; /* its name, "?" when the specification has none */
    uint16_t segment; /* of the unit, and with it of the requester; 0 from vtd_fault_decode */
    uint16_t sid;     /* requester id */
    bool pp;          /* `pasid` is valid */
    uint32_t pasid;
    uint64_t address; /* of the page; interrupt faults: 0, and `index` counts */
    uint16_t index;   /* of the interrupt, where `interrupt` */
    bool interrupt;   /* an interrupt-remapping fault */
    enum vtd_fault_type type;
    enum vtd_at at;
    bool exe;
    bool priv;
    struct vtd_frcd raw;
};

/* Takes one record apart. Pure. X. */
void vtd_fault_decode(const struct vtd_frcd *raw, struct vtd_fault *out);

/*
 * Records that were taken out of the unit and that nobody has asked for, oldest first: each passes from the
 * unit to here once, whether the fault event or somebody who polls takes it. Under fault_lock.
 */
#define VTD_FAULT_LOG 32u
struct vtd_fault_log {
    struct vtd_frcd records[VTD_FAULT_LOG];
    unsigned first;
    unsigned count;
    bool overflow; /* the unit lost some */
};

/*
 * Takes what the unit holds into the log until nothing is pending, then clears PFO. What does not fit stays
 * in the unit. X.
 */
void vtd_fault_collect(struct vtd_unit *unit);

/*
 * Takes records out of log and unit, oldest first, at most `max`; returns how many. Once none is left
 * *overflow (may be NULL) says that the unit lost some. IQE, ICE and ITE are left to the queue. X.
 */
unsigned vtd_fault_poll(struct vtd_unit *unit, struct vtd_fault *out, unsigned max, bool *overflow);

/* Clears all records, the log's too, and all causes in FSTS, those of the queue too: for start, and for
 * cleaning up by force. X. */
void vtd_fault_clear(struct vtd_unit *unit);

/* "59h SPT.2 sid 00:02.0 pasid 5 write 0x1000 ...": one line. Returns `text`. X. */
const char *vtd_fault_text(const struct vtd_fault *fault, char *text, size_t size);

#endif
