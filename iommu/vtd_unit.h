/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One remapping unit: its registers, and how it is taken over, run and given back. VT-d 5.10, Register
 * Descriptions; rules 1-21, 72, 73.
 *
 * Locks, of which no two are held together but for the last: `command_lock` around one command from its write
 * to its status (rule 1), `vcmd.lock` the same for virtual commands, `table_lock` around edits of root,
 * context and PASID tables and the owners of interrupt entries, `fault_lock` around the fault records, and
 * the queues' own. All are leaves but that of the page request queue, under which responses are put into the
 * invalidation queue.
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
#include "iommu/vtd_prq.h"
#include "iommu/vtd_qi.h"
#include "iommu/vtd_quirk.h"
#include "iommu/vtd_regs.h"
#include "iommu/vtd_vcmd.h"

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
    uint64_t pqa;
    uint32_t pectl;
    uint32_t pedata;
    uint32_t peaddr;
    uint32_t peuaddr;
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
    bool quiet;          /* taken, and nothing but our queue is on */
    bool started;        /* runs */
    bool suspended;      /* between vtd_unit_suspend and a vtd_unit_resume that succeeds */

    struct plat_lock command_lock;
    struct plat_lock fault_lock;
    struct vtd_fault_log faults;
    struct vtd_event fault_event;
    struct vtd_event queue_event;
    struct vtd_event page_event;
    struct vtd_queue queue;
    struct vtd_qi_stats stats;
    struct vtd_prq prq;
    struct vtd_saved saved;
    struct vtd_vcmd_if vcmd;

    int (*fill)(struct vtd_unit *unit, void *arg); /* called while the queue rests; NULL: nobody */
    void *fill_arg;

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
 * bits. 0, -ENOMEM, -EINVAL, or -ENODEV: not a unit this driver can run; *why says it in words. T.
 */
must_check int vtd_unit_create(paddr_t base, size_t size, uint16_t segment, unsigned haw,
                               struct vtd_unit **out, const char **why);

/*
 * All memory that a running unit needs, and what is in its tables from the start: before anything of it is
 * touched, as without it the firmware's translation would go off for nothing, and without a queue of ours
 * there would be no way to flush what goes with the firmware's root table when it is set again (rules 5, 7).
 * 0, -ENOMEM, or what `fill` says: nothing was taken. T.
 */
must_check int vtd_unit_prepare(struct vtd_unit *unit);
/* Gives it back, of a unit that has not been started, or whose start has failed. T. */
void vtd_unit_unprepare(struct vtd_unit *unit);

/*
 * The first half of a start: what firmware left on is ended, protected memory included, and our queue is on.
 * Every request gets through until vtd_unit_start, which does the rest (rule 72 leaves memory protected as
 * long: here the caller has ended all DMA but its own). Undone by vtd_unit_stop. 0, -ENOMEM, -ETIMEDOUT,
 * -EIO: nothing of ours is left on. T.
 */
must_check int vtd_unit_quiet(struct vtd_unit *unit);

/*
 * Takes the unit over, which is prepared here if it is not yet: notes and ends what firmware left on, clears
 * old faults, then queue, root table without any entry, events, translation on, protected memory off (rules
 * 1-8, 18, 19, 72, 73). Every device is blocked at return, but for what `fill` has put into the tables. 0,
 * -ENOMEM, -ETIMEDOUT, -EIO: nothing of ours is left on. T.
 */
must_check int vtd_unit_start(struct vtd_unit *unit);

/* Of a unit that was started, or whose start could not be undone: events, interrupt remapping, translation
 * and queue off, registers as they were found; tables freed (rule 80). No device may be attached. 0; first
 * error otherwise, and then the memory that the unit may still read is kept. T. */
must_check int vtd_unit_stop(struct vtd_unit *unit);

/*
 * Off, as before the machine sleeps (rule 74): caches emptied, then interrupt remapping, translation, events
 * and queue off. What is retired or flushed from now on is done at once; what is published has to be
 * published again. No device may do DMA: nothing stops it. 0, -ETIMEDOUT, -EIO: half off; resume puts it
 * back. T.
 */
must_check int vtd_unit_suspend(struct vtd_unit *unit);

/*
 * On again, whatever state the unit is in by now: taken over like at start, with tables made anew: context
 * entries of all devices, what `fill` puts in, no other PASID entry; remapping of interrupts is off. Takes no
 * memory. 0; -ETIMEDOUT, -EIO: can be repeated. T.
 */
must_check int vtd_unit_resume(struct vtd_unit *unit);

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
