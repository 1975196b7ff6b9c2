/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bindings across a suspend: what is bound is the record from which entries come back. An ID that is dying by
 * then gets none; its tear-down finds nothing left to retire.
 */
#include <errno.h>

#include "iommu/svm_space.h"
#include "iommu/vtd_unit.h"

/* Calls `fn` for every binding, with svm->lock held, until it returns true. */
static bool each_binding(struct svm *svm, bool (*fn)(struct svm_binding *b, void *arg), void *arg)
{
    bool stop = false;

    plat_lock(&svm->lock);
    list_for_each (d, &svm->iommu->devs) {
        struct iommu_dev *dev = list_entry(d, struct iommu_dev, link);

        list_for_each (pos, &dev->bindings)
            stop = stop || (svm_binding_on(pos)->space && fn(svm_binding_on(pos), arg));
    }
    plat_unlock(&svm->lock);
    return stop;
}

static bool lose(struct svm_binding *b, unused void *arg)
{
    if (b->dev->vtd->unit->suspended)
        b->entry = SVM_ENTRY_LOST;
    return false;
}

void svm_lose(struct svm *svm)
{
    (void)each_binding(svm, lose, NULL);
}

struct which {
    struct ioasid_set *set;
    ioasid_t id;
};

static bool first_lost(struct svm_binding *b, void *arg)
{
    struct which *w = arg;

    if (b->entry != SVM_ENTRY_LOST)
        return false;
    *w = (struct which){b->space->set, b->space->id};
    return true;
}

static bool leave_out(struct svm_binding *b, void *arg)
{
    const struct which *w = arg;

    if (b->entry == SVM_ENTRY_LOST && ioasid_eq(b->space->id, w->id))
        b->entry = SVM_ENTRY_LEFT_OUT;
    return false;
}

/* The turn delivers what is pending for the ID first: a FREE ends its bindings here and now. */
static int restore_one(struct svm *svm, struct which *w)
{
    struct ioasid_turn turn;
    void *data;
    int rc = ioasid_turn_begin(w->set, w->id, &turn);

    if (rc)
        return rc == -ENOENT || rc == -ESTALE ? 0 : rc; /* it went meanwhile, or its whole set */
    if (ioasid_data_find(w->set, w->id, &data) == 0)
        rc = svm_space_restore(data);
    else /* dying, perhaps since a moment ago: one look decides, since free goes on meanwhile */
        (void)each_binding(svm, leave_out, w);
    ioasid_turn_end(&turn);
    return rc;
}

int svm_restore(struct svm *svm)
{
    struct which w = {0}, before;
    int rc = 0;

    for (before = w; rc == 0 && each_binding(svm, first_lost, &w); before = w) {
        plat_assert(!ioasid_eq(w.id, before.id)); /* a turn leaves its ID without lost bindings, or fails */
        rc = restore_one(svm, &w);
    }
    return rc;
}
