/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One remapping unit: its registers, and how it is taken over, run and given back. VT-d 5.10, Register
 * Descriptions; rules 1-21, 72, 73.
 *
 * Locks, none of which is ever held together with another: `command_lock` around one command from its write
 * to its status (rule 1), `table_lock` around edits of root, context and PASID tables and the owners of
 * interrupt entries, `fault_lock` around the fault records, and the queue's own. All are leaves.
 */
#ifndef IOMMU_VTD_UNIT_H
#define IOMMU_VTD_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "iommu/types.h"
#include "iommu/vtd_caps.h"
#include "iommu/vtd_cmd.h"
#include "iommu/vtd_event.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_fmt.h"
#include "iommu/vtd_intr.h"
#include "iommu/vtd_qi.h"
#include "iommu/vtd_quirk.h"
#include "iommu/vtd_regs.h"

/* Registers as firmware left them, put back by vtd_unit_stop. */
struct vtd_saved {
    uint32_t gsts;
    uint32_t pmen;
    uint32_t fectl;
    uint32_t fedata;
    uint32_t feaddr;
    uint32_t feuaddr;
    uint32_t iectl;
    uint32_t iedata;
    uint32_t ieaddr;
    uint32_t ieuaddr;
    uint64_t rtaddr;
    uint64_t iqa;
    uint64_t irta;
};

struct vtd_unit {
    struct plat_mmio io;
    paddr_t base;
    uint16_t segment;
    char name[16]; /* "unit fed90000", for messages */
    struct vtd_caps caps;
    struct vtd_quirks quirks;
    uint64_t timeout_ns; /* of every wait for this unit; VTD_TIMEOUT_NS unless a test shortens it */
    bool taken;          /* `saved` is valid: there is something to give back */
    bool started;        /* runs */

    struct plat_lock command_lock;
    struct plat_lock fault_lock;
    struct vtd_fault_log faults;
    struct vtd_event fault_event;
    struct vtd_event queue_event;
    struct vtd_queue queue;
    struct vtd_qi_stats stats;
    struct vtd_saved saved;

    struct plat_lock table_lock;
    struct vtd_root_entry *root;
    uint64_t *did_used; /* bit per domain id */
    unsigned did_first; /* no word before this one has a free id */
    struct list devs;   /* struct vtd_dev.link */
    struct vtd_intr intr;
};

/* Longest wait for one command or batch: far above what silicon needs, a device-TLB time-out excepted (ITE).
 */
#define VTD_TIMEOUT_NS 2000000000ull

/*
 * Maps the registers at `base` (`size` bytes by the DRHD, at least a page; more is mapped where CAP and ECAP
 * name registers above) and reads what the unit can do. Writes nothing. `haw` is the host address width in
 * bits. 0, -ENOMEM, -EINVAL, or -ENODEV: not a unit this driver can run, and *why says so in words. T.
 */
must_check int vtd_unit_create(paddr_t base, size_t size, uint16_t segment, unsigned haw,
                               struct vtd_unit **out, const char **why);

/*
 * Takes the unit over: notes and ends what firmware left on, clears old faults, then queue, root table
 * without any entry, events, translation on, protected memory off (rules 1-8, 18, 19, 72, 73). Every device
 * is blocked at return. 0, -ENOMEM, -ETIMEDOUT, -EIO: nothing of ours is left on. T.
 */
must_check int vtd_unit_start(struct vtd_unit *unit);

/* Events, interrupt remapping, translation and queue off, registers as they were found; tables freed (rule
 * 80). No device may be attached. 0; first error otherwise, and then the memory that the unit may still read
 * is kept. T. */
must_check int vtd_unit_stop(struct vtd_unit *unit);

/* Gives the unit back; it is stopped, or was never started. T. */
void vtd_unit_destroy(struct vtd_unit *unit);

/*
 * By force, from any state, locks held by dead threads included: repairs and ends the queue, ends
 * translation, looks at no table and gives no memory back. Never fails; a unit that does not obey is logged.
 * T.
 */
void vtd_unit_drop(struct vtd_unit *unit);

/*
 * Requests without PASID go by RID_PASID of their context entry: ECAP.RPS = 1, or the quirk RID_PASID_USED.
 * Elsewhere RID_PASID is a reserved field (fault 42h). X.
 */
bool vtd_unit_uses_rid_pasid(const struct vtd_unit *unit);

/* Translation is on (GSTS.TES). X. */
bool vtd_unit_translates(struct vtd_unit *unit);

#endif
