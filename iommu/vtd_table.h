/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root, context and PASID tables: publish and retire as named operations, with their barriers and
 * invalidations inside. VT-d 5.10, Translation Structure Formats; rules 35-48.
 *
 * Every device has a directory of its own. An entry that is not all zero is never written over. A retire has
 * three steps: P goes (one 64-bit store), one batch with one wait per unit, the rest goes. Calls for the same
 * (device, slot) are serialized by the caller; all others may run at the same time.
 */
#ifndef IOMMU_VTD_TABLE_H
#define IOMMU_VTD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/types.h"
#include "iommu/vtd_fmt.h"
#include "iommu/vtd_prq.h"
#include "iommu/vtd_qi.h"
#include "kernel/lib/compiler.h"

struct vtd_unit;

/* ---- Domain ids ---- */

/* The lowest free domain id, never 0 (rules 17, 48). 0, -ENOSPC. X. */
must_check int vtd_did_alloc(struct vtd_unit *unit, did_t *did);
/* Only after the last retire that used it (VTD_RETIRE_LAST_OF_DID) has returned 0 (rule 45). X. */
void vtd_did_free(struct vtd_unit *unit, did_t did);
/* Domain ids in use. X. */
unsigned vtd_did_count(struct vtd_unit *unit);

/* ---- Devices ---- */

#define VTD_DEV_MAX_RIDS 8

struct vtd_dev_cfg {
    const uint16_t *rids; /* every requester id of the device or group, its own first */
    unsigned rid_count;   /* 1..VTD_DEV_MAX_RIDS */
    unsigned pasid_bits;  /* widest slot: 0..20 bits; the directory holds at least 2^13 (PDTS = 0) */
    bool pasid;           /* sends requests-with-PASID (PASIDE); needs ECAP.PASID */
    bool ats;             /* has its device TLB on (DTE); needs ECAP.DT */
    bool pri;             /* sends page requests (PRE); needs `ats`, and vtd_prq_usable() with its event */
    uint16_t ats_pfsid;   /* as in struct vtd_ats */
    uint8_t ats_qdep;
    bool no_pwsnp; /* the DMAR's SIDP forbids PWSNP = 1 or PGSNP = 1 for this device */
    bool no_pgsnp;
};

struct vtd_dev {
    struct vtd_unit *unit;
    uint16_t rids[VTD_DEV_MAX_RIDS];
    unsigned rid_count;
    unsigned pdts;
    bool pasid;
    bool ats;
    bool pri;
    bool deaf; /* pulled out, or ATS is off: its device TLB is left alone */
    uint16_t ats_pfsid;
    uint8_t ats_qdep;
    bool pwsnp; /* table walks are snooped (PWSNP = 1): paging structures need no write-back */
    bool pgsnp;
    uint32_t rid_pasid;   /* RID_PASID of the context entries; 0 unless vtd_dev_set_rid_pasid changed it */
    bool context_present; /* context entries are there */
    struct vtd_pasid_dir_entry *directory;
    uint32_t tables_end; /* from this PASID on, no directory entry was ever written */
    struct list link;
};

/*
 * Gives the device a directory and publishes a context entry for each of its requester ids. Everything it
 * does stays blocked until vtd_pasid_publish. 0, -EINVAL, -EBUSY (a requester id has its entry already: the
 * devices are one group), -ENOMEM; -EIO or -ETIMEDOUT when an invalidation that caching mode asks for failed.
 * On an error nothing is left. T.
 */
must_check int vtd_dev_attach(struct vtd_unit *unit, const struct vtd_dev_cfg *cfg, struct vtd_dev **out);

/*
 * Retires the context entries (rule 38), with every PASID entry below them that is still present, and the
 * half of a bus that nobody uses any more (rule 39), then frees directory and tables. 0; -EIO, -ETIMEDOUT:
 * the device stays attached, its entries not present. T.
 */
must_check int vtd_dev_detach(struct vtd_dev *dev);

/* The record of a device goes, with its directory; the unit is off and its tables are gone. T. */
void vtd_dev_forget(struct vtd_dev *dev);

/*
 * Makes requests without PASID use slot `pasid` (lane rid_pasid). A present context entry with another value
 * is retired and published anew. 0; -EBUSY while a PASID entry is present; -EINVAL beyond the directory;
 * -ENOTSUP: the field is reserved on this unit (vtd_unit_uses_rid_pasid); -EIO, -ETIMEDOUT: the context
 * entries are not present, and the call can be repeated. T.
 */
must_check int vtd_dev_set_rid_pasid(struct vtd_dev *dev, uint32_t pasid);

/*
 * The device was pulled out: nothing is sent to its device TLB any more, which would only time out. All else
 * goes on: its entries are retired and its context entries detached as of any device. X.
 */
void vtd_dev_gone(struct vtd_dev *dev);

/*
 * Before ATS goes off at the device: its TLB is emptied, the pages that it has asked for are answered, and
 * nothing is sent there any more (rule 77 the other way round: a function without ATS must not be sent an
 * invalidation). The device does no DMA and asks for nothing more. 0, -EIO, -ETIMEDOUT: call again. T.
 */
must_check int vtd_dev_ats_ends(struct vtd_dev *dev);

/* ATS goes on at the device again after such an end: its TLB is not left alone any more. X. */
void vtd_dev_ats_begins(struct vtd_dev *dev);

/* The device that has `rid` among its requester ids, NULL if none. X. */
struct vtd_dev *vtd_dev_find(struct vtd_unit *unit, uint16_t rid);

/* ---- PASID entries ---- */

struct vtd_pasid_cfg {
    enum vtd_pgtt pgtt;
    paddr_t fs_root;    /* first-stage table: FIRST; NESTED: an address that the second stage translates */
    unsigned fs_levels; /* 4 or 5 */
    bool sre;           /* first stage: supervisor requests are let in (needs ECAP.SRS), */
    bool wpe;           /* and may write only where R/W says so; */
    bool eafe;          /* EA is set beside A (needs ECAP.EAFS, and walks that snoop) */
    paddr_t ss_root;    /* second-stage table: SECOND, NESTED */
    unsigned ss_levels; /* 3..5; for PASS_THROUGH the width is the widest supported */
    did_t did;
    bool fpd; /* no fault records for qualified faults */
};

/*
 * Publishes the entry of `slot`: all fields, barrier, P (rules 35, 37). 0; -EINVAL (slot beyond the
 * directory; stage, levels or flags that the unit has not; a first-stage table beyond the second stage's
 * width; domain id 0 or too wide); -EBUSY: the entry is not all
 * zero; -ENOMEM. -EIO, -ETIMEDOUT (caching mode only): the entry is present, and has to be retired. T or X.
 */
must_check int vtd_pasid_publish(struct vtd_dev *dev, uint32_t slot, const struct vtd_pasid_cfg *cfg);

/* The same with an entry as it comes, checked for nothing but P = 1: for tests of what the unit rejects. */
must_check int vtd_pasid_publish_entry(struct vtd_dev *dev, uint32_t slot,
                                       const struct vtd_pasid_entry *entry);

/* The entry that vtd_pasid_publish would write. 0, -EINVAL. X. */
must_check int vtd_pasid_build(const struct vtd_dev *dev, const struct vtd_pasid_cfg *cfg,
                               struct vtd_pasid_entry *out);

/* Flags of a retire. */
enum {
    VTD_RETIRE_KEEP_DID = 0, /* the domain id lives on, on other devices or slots of this unit */
    VTD_RETIRE_LAST_OF_DID =
        1, /* last use on this unit: flushes all of it, so that the id can be given out again */
    VTD_RETIRE_DMA_LIVE =
        2, /* the device may still send: FPD is set meanwhile, its faults are not recorded */
    VTD_RETIRE_STOP_ONLY = 4, /* of vtd_pasid_stop_many: the slot is not emptied */
};

/* One binding to retire. */
struct vtd_retire {
    struct vtd_dev *dev;
    uint32_t slot;
    unsigned flags;
    int err;                    /* out: as vtd_pasid_retire */
    did_t did;                  /* out: of the entry */
    enum vtd_pgtt pgtt;         /* out: of the entry */
    struct vtd_prq_drain drain; /* while it is drained */
};

/*
 * Stops the device from using `slot`: at return nothing of the entry is cached and the slot is empty. A slot
 * that was RID_PASID (other than 0) takes the context entries with it. Of a device that sends page requests
 * none for this slot is left, all have been answered, and the answers have arrived. 0; -ENOENT: the slot is
 * empty; -EIO, -ETIMEDOUT: the unit did not confirm, the entry is not present but not yet empty; domain id,
 * number and pages must not be reused before a repeated call succeeds. Allocates nothing. X, without locks.
 */
must_check int vtd_pasid_retire(struct vtd_dev *dev, uint32_t slot, unsigned flags);

/* All of them, with one batch and one wait per unit. 0, or the first error; each item has its own in `err`.
 */
must_check int vtd_pasid_retire_many(struct vtd_retire *items, unsigned count);

/*
 * The first half of a retire, for tables that go away at once: at return nothing of the entries is cached,
 * they are not present and silent (P = 0, FPD = 1), and context entries stay. Nothing is drained. A retire
 * has to follow, which finds domain id and type still there and does all of its work; only then may domain id
 * and number be reused. Sets the items' flags; results as vtd_pasid_retire_many, and a repeated call is
 * allowed. X.
 */
must_check int vtd_pasid_stop_many(struct vtd_retire *items, unsigned count);

/*
 * Steps one and three of a retire alone, without any invalidation: for tests that put their own in between.
 * clear: P = 0 in one store, with FPD if asked. zero: the rest goes; asserts P = 0. 0, -ENOENT.
 */
must_check int vtd_pasid_clear_present(struct vtd_dev *dev, uint32_t slot, bool fpd);
must_check int vtd_pasid_zero(struct vtd_dev *dev, uint32_t slot);

/* ---- Read-back, for evidence and audit. X. ---- */

/* The entry in memory; all zero where no table is. 0, -EINVAL (slot beyond the directory). */
must_check int vtd_pasid_read(const struct vtd_dev *dev, uint32_t slot, struct vtd_pasid_entry *out);
/* The context entry of a requester id; all zero where no table is. */
void vtd_context_read(const struct vtd_unit *unit, uint16_t rid, struct vtd_context_entry *out);
/* Calls `fn` for every entry of the device that is not all zero, in the order of slots. */
void vtd_pasid_each(const struct vtd_dev *dev,
                    void (*fn)(void *arg, uint32_t slot, const struct vtd_pasid_entry *entry), void *arg);
/* Root to PASID entry of (rid, slot) in one line of words. Returns `text`. */
const char *vtd_table_text(struct vtd_unit *unit, uint16_t rid, uint32_t slot, char *text, size_t size);

#endif
