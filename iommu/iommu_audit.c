/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The audit: what the tables in memory say against what is bound. V1: where nothing is bound nothing is
 * present, nor half torn down. V2: what is present has a binding, with its domain id. Domain ids in use are
 * those of bindings.
 */
#include <errno.h>

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
    text_rid(&line, dev->id.rid);
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
    const struct svm_binding *binding;
    bool seen;
};

static void check_entry(void *arg, uint32_t slot, const struct vtd_pasid_entry *entry)
{
    struct entry_check *c = arg;
    bool bound = c->binding && c->binding->slot == slot;

    if (!bound) {
        found(c->finding, c->dev, slot, "an entry is there and nothing is bound (V1)");
        return;
    }
    c->seen = true;
    if (c->binding->space->gone && (entry_get(entry, VTD_PASID_P) || !entry_get(entry, VTD_PASID_FPD)))
        found(c->finding, c->dev, slot, "its table has gone, and the entry is not silent and not present");
    else if (!c->binding->space->gone && !entry_get(entry, VTD_PASID_P))
        found(c->finding, c->dev, slot, "bound, and the entry is not present");
    else if (entry_get(entry, VTD_PASID_DID) != c->binding->domain->did.v)
        found(c->finding, c->dev, slot, "the entry has another domain id than its binding");
}

static void check_dev(struct iommu_dev *dev, struct finding *finding)
{
    struct entry_check c = {.finding = finding, .dev = dev};

    plat_lock(&dev->iommu->svm->lock);
    c.binding = dev->binding;
    plat_unlock(&dev->iommu->svm->lock);
    vtd_pasid_each(dev->vtd, check_entry, &c);
    if (c.binding && !c.seen)
        found(finding, dev, c.binding->slot, "bound, and there is no entry");
    if (c.binding && (!dev->vtd->context_present || dev->vtd->rid_pasid != c.binding->slot))
        found(finding, dev, c.binding->slot, "bound, and its requests use another slot");
}

/* First device of its unit with this domain id, so that a shared one counts once. */
static bool counts_domain(struct iommu *iommu, const struct iommu_dev *dev)
{
    const struct svm_binding *mine = dev->binding;

    if (!mine)
        return false;
    list_for_each (pos, &iommu->devs) {
        const struct iommu_dev *other = list_entry(pos, struct iommu_dev, link);
        const struct svm_binding *its = other->binding;

        if (other == dev)
            return true;
        if (its && its->domain == mine->domain)
            return false;
    }
    return true;
}

static void check_unit(struct iommu *iommu, struct vtd_unit *unit, struct finding *finding)
{
    unsigned domains = 0;

    list_for_each (pos, &iommu->devs) {
        const struct iommu_dev *dev = list_entry(pos, struct iommu_dev, link);

        domains += dev->vtd->unit == unit && counts_domain(iommu, dev);
    }
    if (vtd_did_count(unit) != domains)
        found_unit(finding, unit, "domain ids in use that no binding has, or the other way round");
    if (iommu->started && !vtd_unit_translates(unit))
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
