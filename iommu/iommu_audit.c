/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit: what the tables in memory say against what is bound. V1: where nothing is bound nothing is
 * present, nor half torn down. V2: what is present has a binding, with its domain id. Domain ids in use are
 * those of bindings.
 */
#include <errno.h>

#include "iommu/iommu_rmrr.h"
#include "iommu/svm_space.h"
#include "iommu/vtd_unit.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/text.h"

struct finding {
    char *text;
    size_t size;
    bool any;
};

static void found(struct finding *f, const struct iommu_dev *dev, uint32_t slot, const char *what)
{
    struct text line;

    if (f->any)
        return;
    f->any = true;
    line = text_in(f->text, f->size);
    text_add(&line, "device ");
    text_function(&line, dev->id.segment, dev->id.rid);
    text_add(&line, " slot ");
    text_dec(&line, slot);
    text_add(&line, ": ");
    text_add(&line, what);
}

static void found_unit(struct finding *f, const struct vtd_unit *unit, const char *what)
{
    struct text line;

    if (f->any)
        return;
    f->any = true;
    line = text_in(f->text, f->size);
    text_add(&line, "unit at ");
    text_hex(&line, unit->base.v, 8);
    text_add(&line, ": ");
    text_add(&line, what);
}

struct entry_check {
    struct finding *finding;
    const struct iommu_dev *dev;
    unsigned seen; /* bindings that have their entries */
};

static const struct svm_binding *binding_at(const struct iommu_dev *dev, uint32_t slot)
{
    list_for_each (pos, &dev->bindings) {
        if (svm_binding_on(pos)->slot == slot)
            return svm_binding_on(pos);
    }
    return NULL;
}

static void check_entry(void *arg, uint32_t slot, const struct vtd_pasid_entry *entry)
{
    struct entry_check *c = arg;
    const struct svm_binding *binding = binding_at(c->dev, slot);

    if (slot == 0 && c->dev->empty_table)
        return;
    if (!binding || binding->entry != SVM_ENTRY_THERE) {
        found(c->finding, c->dev, slot, "an entry is there and nothing is bound (V1)");
        return;
    }
    c->seen++;
    if (binding->space->gone && (entry_get(entry, VTD_PASID_P) || !entry_get(entry, VTD_PASID_FPD)))
        found(c->finding, c->dev, slot, "its table has gone, and the entry is not silent and not present");
    else if (!binding->space->gone && !entry_get(entry, VTD_PASID_P))
        found(c->finding, c->dev, slot, "bound, and the entry is not present");
    else if (entry_get(entry, VTD_PASID_DID) != binding->domain->did.v)
        found(c->finding, c->dev, slot, "the entry has another domain id than its binding");
}

static void check_dev(struct iommu_dev *dev, struct finding *finding)
{
    struct entry_check c = {.finding = finding, .dev = dev};

    unsigned bound = 0;

    vtd_pasid_each(dev->vtd, check_entry, &c);
    list_for_each (pos, &dev->bindings) {
        uint32_t used = dev->lane == IOMMU_LANE_PASID ? svm_binding_on(pos)->slot : dev->vtd->rid_pasid;

        if (svm_binding_on(pos)->entry != SVM_ENTRY_THERE)
            continue;
        bound++;
        if (!dev->vtd->context_present || svm_binding_on(pos)->slot != used)
            found(finding, dev, used, "bound, and its requests use another slot");
    }
    if (c.seen != bound)
        found(finding, dev, 0, "bound, and there is no entry");
}

/* Is this the device's first binding with its domain id, and the first device with it? So that one that is
 * shared counts once. */
static bool counts_domain(struct iommu *iommu, const struct svm_binding *mine)
{
    list_for_each (pos, &iommu->devs) {
        const struct iommu_dev *dev = list_entry(pos, struct iommu_dev, link);

        list_for_each (b, &dev->bindings) {
            if (svm_binding_on(b)->domain == mine->domain)
                return svm_binding_on(b) == mine;
        }
    }
    return false;
}

static void check_unit(struct iommu *iommu, struct vtd_unit *unit, struct finding *finding)
{
    unsigned domains = iommu_rmrr_holds(iommu, unit);

    list_for_each (pos, &iommu->devs) {
        const struct iommu_dev *dev = list_entry(pos, struct iommu_dev, link);

        domains += dev->vtd->unit == unit && dev->empty_table;
        list_for_each (b, &dev->bindings)
            domains += dev->vtd->unit == unit && counts_domain(iommu, svm_binding_on(b));
    }
    if (vtd_did_count(unit) != domains)
        found_unit(finding, unit, "domain ids in use that no binding has, or the other way round");
    if (iommu->started && !iommu->suspended && !vtd_unit_translates(unit))
        found_unit(finding, unit, "translation is off");
}

int iommu_audit(struct iommu *iommu, uint32_t live_expected, char *text, size_t size)
{
    struct finding finding = {text, size, false};

    list_for_each (pos, &iommu->devs)
        check_dev(list_entry(pos, struct iommu_dev, link), &finding);
    for (unsigned i = 0; i < iommu->unit_count; i++)
        check_unit(iommu, iommu->units[i], &finding);
    if (finding.any)
        return -EINVAL;
    return ioasid_audit(iommu->ioasids, live_expected, text, size);
}
