/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver keeps of one bound IOASID. A space is its private object: stage and table, the devices
 * bound, and one domain id per unit for the life of the IOASID's binding there. A binding is one device in
 * it; the unit is the device's own, never the space's.
 *
 * Whoever has the turn on the ID (ioasid_core.h) may change its space. svm->lock guards what is looked at
 * from elsewhere: a device's bindings, and who has claimed a binding for unbind. Tear-down
 * allocates nothing: the arrays that retire and flush need grow when a device is added. Of svm.c only.
 */
#ifndef IOMMU_SVM_SPACE_H
#define IOMMU_SVM_SPACE_H

#include "iommu/ioasid_core.h"
#include "iommu/iommu.h"
#include "iommu/vtd_flush.h"
#include "iommu/vtd_table.h"

#define SVM_SPACE_TAG 0x53504143u

struct svm {
    struct iommu *iommu;
    struct ioasid_core *core;
    struct ioasid_notifier subscriber;
    struct plat_lock lock; /* iommu_dev.bindings, svm_binding.space and .claimed, spaces; leaf */
    struct list spaces;
};

/* One domain id: the tag of all that a unit caches for this space. */
struct svm_domain {
    struct list link;
    struct vtd_unit *unit;
    did_t did;
    unsigned bindings;
};

/* Whether a binding's entry is in the tables. */
enum svm_entry {
    SVM_ENTRY_THERE,
    SVM_ENTRY_LOST,     /* its unit was suspended: to be published again */
    SVM_ENTRY_LEFT_OUT, /* and never will be: the ID is dying, or its table has gone */
};

struct svm_binding {
    struct list link;        /* in the space */
    struct list dev_link;    /* in the device */
    struct svm_space *space; /* NULL until set up, and once torn down */
    struct iommu_dev *dev;
    struct svm_domain *domain;
    uint32_t slot;          /* by the device's lane: 0, or the IOASID's number */
    struct vtd_pager pager; /* page requests of the device; in use if `paged` */
    bool paged;
    bool leaving; /* to be retired by the unbind that has the turn */
    enum svm_entry entry;
    const struct vtd_retire *retire; /* its item in space->retires; valid during a retire */
    bool claimed;                    /* an unbind is under way and gives the record back */
    struct plat_work reap;
};

struct svm_space {
    uint32_t tag; /* first member: tells this object from another owner's private data */
    struct svm *svm;
    struct list svm_link;
    struct ioasid_set *set;
    ioasid_t id;
    struct ioasid_bind_cfg cfg;
    bool gone; /* its table is: entries are not present and silent, and wait for their unbind */
    struct list bindings;
    struct list domains;
    unsigned count;
    unsigned capacity;
    struct vtd_retire *retires; /* capacity each; of whoever has the turn */
    struct vtd_use *uses;
    struct plat_work reap;
};

/* The binding that this node of dev->bindings is in. */
static inline struct svm_binding *svm_binding_on(struct list *link)
{
    return list_entry(link, struct svm_binding, dev_link);
}

/* The binding that this node of space->bindings is in. */
static inline struct svm_binding *svm_binding_of(struct list *link)
{
    return list_entry(link, struct svm_binding, link);
}

/*
 * Makes the private object of an ID that has none: reference, SPID, pointer. 0, -EBUSY (dying, or private
 * data of another owner), -EEXIST (SPID), -ENOENT, -ENOMEM, -EINVAL (another space has the same two tables
 * and takes them otherwise); nothing is left on an error. T.
 */
must_check int svm_space_create(struct svm *svm, struct ioasid_set *set, ioasid_t id,
                                const struct ioasid_bind_cfg *cfg, struct svm_space **out);

/* The end of a space without bindings: SPID, pointer, reference; memory after a grace period. X. */
void svm_space_release(struct svm_space *space);

/*
 * SETUP of one device: domain id, entry, record. 0; -EINVAL (a table that the device's unit cannot walk); the
 * errno of vtd_did_alloc and vtd_pasid_publish. Nothing is left on an error, unless the unit confirmed
 * neither the entry nor its removal: then binding->space is set and the device stays bound, so that the next
 * tear-down tries again. T.
 */
must_check int svm_space_add(struct svm_space *space, struct svm_binding *binding);

/*
 * CLEAR and DRAIN of every binding, or of the leaving ones only: one batch and one wait per unit touched.
 * What a unit did not confirm stays bound. 0, or the first error. Allocates nothing. X.
 */
must_check int svm_space_retire(struct svm_space *space, bool leaving_only);

/*
 * The space's table goes away: CLEAR of every binding without DRAIN, one wait per unit. All stay bound, and
 * no binding is added any more. 0, or the first error: a unit that did not confirm may still walk the table.
 * Allocates nothing. X.
 */
must_check int svm_space_stop(struct svm_space *space);

/* Publishes the entries that are lost; none where the table has gone. 0, or the first error as of
 * svm_space_add. T, with the turn. */
must_check int svm_space_restore(struct svm_space *space);

typedef int svm_flush(const struct vtd_use *uses, unsigned count, iova_t iova, uint64_t size, bool leaf_only);
/* Flushes on every unit; `how`: vtd_flush_range as for ioasid_flush, or vtd_flush_below. */
must_check int svm_space_flush(struct svm_space *space, svm_flush *how, iova_t iova, uint64_t size,
                               bool leaf_only);

#endif
