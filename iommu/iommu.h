/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The face of iommu/: one object that holds everything, from the parsed DMAR to the last binding. It is
 * created from the bytes of a DMAR table, started (translation on, every device blocked until bound), stopped
 * (machine as found) or dropped by force when a case has left it in pieces.
 */
#ifndef IOMMU_IOMMU_H
#define IOMMU_IOMMU_H

#include "iommu/dmar.h"
#include "iommu/ioasid.h"
#include "iommu/pci_ats.h"
#include "iommu/platform.h"
#include "iommu/svm.h"
#include "iommu/types.h"

#define IOMMU_MAX_UNITS 64

struct vtd_unit;
struct vtd_dev;

/* How requests reach the tables of the IOASID that their device is bound to. */
enum iommu_lane {
    IOMMU_LANE_RID,       /* by slot 0 of the device's own directory */
    IOMMU_LANE_RID_PASID, /* by the slot that is the IOASID's number, which RID_PASID names while bound */
    IOMMU_LANE_PASID, /* they do not: requests carry the IOASID's number as their PASID, and those that carry
                         none are blocked */
};

/* One requester as the IOMMU sees it: a function, or a group of functions behind one PCI bridge. */
struct iommu_dev {
    struct iommu *iommu;
    struct vtd_dev *vtd;
    struct pci_id id; /* as first attached */
    enum iommu_lane lane;
    unsigned pasid_bits;
    unsigned users;       /* attach calls; under iommu->lock */
    struct list bindings; /* of svm.c, under its lock; one at most but in lane pasid */
    struct pci_ats pci;
    bool ats_ended;    /* for the time of a suspend */
    void *empty_table; /* of slot 0, see iommu_ats_start(); NULL: it has none */
    did_t empty_did;
    struct list link;
};

/* A unit of the DMAR that is left as it is, and why. */
struct iommu_refusal {
    paddr_t base;
    const char *why;
};

struct iommu {
    struct dmar dmar;
    void *dmar_bytes; /* our own copy, which `dmar` reads */
    struct vtd_unit *units[IOMMU_MAX_UNITS];
    unsigned unit_count;
    struct iommu_refusal refused[IOMMU_MAX_UNITS]; /* the first of them */
    unsigned refused_count;
    struct ioasid_core *ioasids;
    struct svm *svm;
    bool quiet; /* iommu_quiet was called, and neither start nor stop since */
    bool started;
    bool suspended;        /* iommu_suspend was called, and no iommu_resume has succeeded since */
    bool remaps;           /* interrupts, in at least one unit */
    enum iommu_lane lane;  /* of the devices attached from now on */
    struct plat_lock lock; /* device list; leaf */
    struct list devs;
    struct list holds; /* of iommu_rmrr.c */
};

/*
 * Parses the table, maps and reads every unit, makes the IOASID core, whose numbers are the host's where
 * units have virtual commands (iommu_vcmd.h). Touches no register that changes anything. What of the table is
 * faulty or cannot be run, while something is left that can, is logged and left out. 0; -EINVAL
 * (malformed table), -ENODEV (no unit, or one that cannot do scalable mode with queued invalidation),
 * -ENOMEM; `why` says which and at what offset, in words. T.
 */
must_check int iommu_create(const void *dmar, size_t size, struct iommu **out, char *why, size_t why_size);

/* The unit that translates a function, the one whose registers are at `base`; NULL: none of ours. X. */
struct vtd_unit *iommu_unit_of(struct iommu *iommu, struct pci_id fn);
struct vtd_unit *iommu_unit_at(struct iommu *iommu, paddr_t base);

/* Configuration space, as the paths of DMAR scopes are walked through it (a dmar_cfg_read); `ctx` is not
 * used. X. */
uint32_t iommu_read_config(void *ctx, struct pci_id fn, uint16_t offset);

/*
 * The first half of a start: ends what firmware has left on in the units, protected memory included, so that
 * devices reach all of memory until iommu_start: for those who have to talk to a device before. After create;
 * undone by iommu_stop. 0; -ENOMEM, -ETIMEDOUT, -EIO: as if it had not been called. T.
 */
must_check int iommu_quiet(struct iommu *iommu);

/* Takes every unit over: queue, root table, events, translation on; interrupt remapping where it is. 0;
 * -ENOMEM: no unit was touched; -ETIMEDOUT, -EIO. T.
 */
must_check int iommu_start(struct iommu *iommu);

/* After iommu_start or iommu_quiet: translation off, machine as it was found. -EBUSY while a device is
 * attached. 0; -EIO, -ETIMEDOUT: a unit did not obey, call again. T. */
must_check int iommu_stop(struct iommu *iommu);

/*
 * Before the machine sleeps, or a unit is reset: ATS of devices off, then interrupt remapping, translation
 * and queues of all units. The caller has ended all DMA, and attaches and detaches nothing until
 * iommu_resume; unbind, free and flush go on (they find nothing cached), bind is -EAGAIN. 0; -EINVAL (not
 * started, or suspended already); -ETIMEDOUT, -EIO: as if it had not been called. T.
 */
must_check int iommu_suspend(struct iommu *iommu);

/*
 * All units on again, from whatever state they are in: taken over as at start, tables and queues made anew
 * from what is attached and bound. An IOASID that is dying gets no entry back (ordering table, row 62). 0;
 * -EINVAL (not suspended); -EIO, -ETIMEDOUT: what does not work yet is blocked, or as the unit found itself;
 * -ENOMEM, of functions with ATS and PASIDs only: they are blocked; call again. T.
 */
must_check int iommu_resume(struct iommu *iommu);

/* Gives everything back after iommu_stop (or without a start). -EBUSY when IDs live, notifiers are
 * registered, or a group of page requests has not been answered. T. */
must_check int iommu_destroy(struct iommu *iommu);

/* By force: units off, no memory looked at nor given back (the platform quarantines it). Never fails. T. */
void iommu_drop(struct iommu *iommu);

/*
 * Announces a function: `aliases` are all requester ids under which its DMA can arrive (1..4, itself included
 * where it is one; a function behind a PCI bridge has the bridge's). Functions that share an alias are one
 * iommu_dev. `pasid_bits` (1..20) is what it can carry. ATS and page requests are turned on where device,
 * unit and DMAR allow (iommu_ats.h). 0, -EINVAL, -ENODEV (no unit translates it), -ENOTSUP (it cannot send
 * what the lane asks for), -ENOMEM, -EIO, -ETIMEDOUT. T.
 */
must_check int iommu_dev_attach(struct iommu *iommu, struct pci_id fn, const uint16_t *aliases,
                                unsigned alias_count, unsigned pasid_bits, struct iommu_dev **out);

/*
 * Lane of the devices that are attached from now on; IOMMU_LANE_RID at first. 0; -ENOTSUP: a unit does not
 * use RID_PASID (see vtd_unit_uses_rid_pasid), or takes no requests with PASID (ECAP.PASID). T.
 */
must_check int iommu_set_lane(struct iommu *iommu, enum iommu_lane lane);

/*
 * The function was pulled out of its slot: from now on nothing is sent to its device TLB. Bindings stay until
 * unbind or free, which do all the rest, and so does the attach. X.
 */
void iommu_dev_gone(struct iommu_dev *dev);

/*
 * Maps the regions that the DMAR's RMRRs reserve for the device, at their own addresses: what every table
 * needs before the device can be bound to it. Nothing, for most devices. pgtable_map's errors; -EEXIST:
 * something else is mapped there. The caller has the table to itself.
 */
must_check int iommu_dev_map_reserved(const struct iommu_dev *dev, struct pgtable *table);

/* The last detach blocks the device again and frees its directory. -EBUSY while it is bound. 0; -EIO,
 * -ETIMEDOUT: it stays attached, call again. T. */
must_check int iommu_dev_detach(struct iommu_dev *dev);

/*
 * The whole audit: V1-V8 against the tables in memory: an entry is present exactly where a binding says so,
 * with its domain id; no reference or ID is left but `live_expected`. 0, or -EINVAL with the first finding in
 * words. T.
 */
must_check int iommu_audit(struct iommu *iommu, uint32_t live_expected, char *text, size_t size);

#endif
