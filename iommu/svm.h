/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device x IOASID: the only place that knows both halves. Binding makes a device translate an IOASID: the
 * PASID-table entry of (device, slot) is published, and retired by whichever of unbind and FREE gets there
 * first.
 */
#ifndef IOMMU_SVM_H
#define IOMMU_SVM_H

#include "iommu/ioasid.h"
#include "iommu/page_group.h"
#include "iommu/pgtable.h"
#include "iommu/types.h"

struct iommu;
struct iommu_dev;

enum iommu_stage { IOMMU_FIRST_STAGE, IOMMU_SECOND_STAGE, IOMMU_PASS_THROUGH, IOMMU_NESTED };

/*
 * A first stage that somebody else keeps (a guest) on top of a second stage of ours. What it names, its own
 * tables included, are addresses that the second stage translates. Its keeper writes it as a unit may walk it
 * (pgtable_adopt says what that takes).
 */
struct iommu_guest_table {
    uint64_t root;        /* 4 KiB aligned, within the second stage's width */
    unsigned levels;      /* 4, or 5 with CAP.FS5LP */
    bool supervisor;      /* SRE: supervisor requests are let in (ECAP.SRS), */
    bool write_protect;   /* WPE: and write only where R/W says so */
    bool extended_access; /* EAFE: EA is set beside A (ECAP.EAFS, and walks that snoop) */
};

struct ioasid_bind_cfg {
    enum iommu_stage stage;
    const struct pgtable *table; /* NULL for pass-through, nested: the second stage; outlives the binding */
    struct iommu_guest_table first; /* nested: what is on top of it */
    bool guest;                     /* may be freed before unbind; a native binding may not (-EBUSY) */
    struct iommu_pager *pager;      /* serves page requests; NULL: they are answered invalid */
    uint32_t spid;                  /* attached for the time of the binding, and not detached meanwhile;
                                       IOASID_NO_SPID: none */
};

/*
 * Makes `dev` translate `id`. The first device emits BIND (IOMMU, DEVICE, CPU) after its entry works; a
 * handler's error undoes everything. All devices of an ID share one stage and table (VT-d 5.10, rule 47). 0,
 * -EINVAL (number 0 or wider than the device takes, stage or table unfit or not that of the other devices;
 * nested: a first stage that would make the unit fault whatever is in it, rule 49, or that differs in levels
 * or EAFE from another one at the same place, rule 47; a device whose requests without PASID must not be
 * nested, or have memory reserved),
 * -ENOENT, -EACCES, -EBUSY (dying; device bound already, to this ID or, in lanes other than pasid, to
 * another; another owner's private data; from a handler of the ID, where BIND would have to be sent), -EAGAIN
 * (suspended), -EEXIST (SPID in use), -ENOSPC (no domain id), -ENOMEM, -EIO, -ETIMEDOUT (from a unit, or in
 * 10 s no turn on the ID), a handler's errno. What is wrong with the device, `cfg` or the number alone is
 * told before set and handle are looked at. After -EIO or -ETIMEDOUT from a unit the device may stay bound,
 * untold, until ioasid_unbind or a free ends it. T.
 */
must_check int ioasid_bind(struct ioasid_set *set, ioasid_t id, struct iommu_dev *dev,
                           const struct ioasid_bind_cfg *cfg);

/*
 * Stops it again: at return the device reaches nothing through `id`. The last device emits UNBIND (CPU,
 * DEVICE, IOMMU; the entry goes at the IOMMU level). 0; -ENOENT (not bound, or already torn down by FREE),
 * -EACCES, -EBUSY (the last device, from a handler of the ID other than FREE's); -EIO, -ETIMEDOUT: the unit
 * did not confirm, the binding stays and keeps the ID alive: call again. T.
 */
must_check int ioasid_unbind(struct ioasid_set *set, ioasid_t id, struct iommu_dev *dev);

/*
 * Flushes what units may have cached of [iova, iova+size) for `id`, after its table changed; nested: its
 * first stage. Size 0, or an end beyond the last address there is, is everything. `leaf_only`: no table above
 * the leaves changed. One wait per unit. 0, -EINVAL, -ESTALE (the set), -ENOENT (not bound), -EACCES, -EBUSY
 * (free was called: its clean-up flushes all there is, and where a unit does not confirm that, ioasid_unbind
 * does; or 65535 threads use the ID), -EIO, -ETIMEDOUT (from a unit, or in 10 s no turn on the ID). T.
 */
must_check int ioasid_flush(struct ioasid_set *set, ioasid_t id, iova_t iova, uint64_t size, bool leaf_only);

/*
 * The same after the second stage below a nested one changed; [iova, iova+size) are addresses of its own.
 * Everything goes that units and device TLBs may have cached for `id` through both. To be called for every
 * IOASID on top of the table. As ioasid_flush where nothing is nested. T.
 */
must_check int ioasid_flush_below(struct ioasid_set *set, ioasid_t id, iova_t iova, uint64_t size,
                                  bool leaf_only);

/*
 * The table of `id` is about to be given back while devices are still bound, as when a process ends before
 * its devices are closed: at return no device reaches anything through it, and their faults are not recorded.
 * Nothing is drained and nobody is told; the bindings stay, and with them the number, until unbind, which
 * drains and ends the silence. A bind of another device is -EBUSY from now on. 0, -ENOENT (not bound),
 * -EACCES, -EBUSY (free was called: its clean-up ends the bindings), -EIO, -ETIMEDOUT (a unit did not confirm
 * and may still walk the table: keep it and call again). Allocates nothing. T.
 */
must_check int ioasid_table_gone(struct ioasid_set *set, ioasid_t id);

/* Of iommu.c and iommu_power.c only. T. Create: the driver's subscriber. */
struct svm;
must_check int svm_create(struct iommu *iommu, struct ioasid_core *core, struct svm **out);
void svm_destroy(struct svm *svm);

/* The entries of all bindings on suspended units are lost: before such a unit is resumed. */
void svm_lose(struct svm *svm);
/* And are published again, but for those of IDs that are dying or whose table has gone. 0, or the first error
 * of a publish; can be repeated. */
must_check int svm_restore(struct svm *svm);

#endif
