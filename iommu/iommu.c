/* SPDX-License-Identifier: BSD-2-Clause */
/* The one object: from the bytes of a DMAR table to running units, and the devices announced to them. */
#include "iommu/iommu.h"

#include <errno.h>
#include <string.h>

#include "iommu/iommu_ats.h"
#include "iommu/iommu_intr.h"
#include "iommu/iommu_rmrr.h"
#include "iommu/iommu_sidp.h"
#include "iommu/iommu_vcmd.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/text.h"

#define DMAR_MAX 65536u

/* ---- Create and destroy ---- */

static void tell_faults(const struct dmar *dmar)
{
    struct dmar_struct s = {0};
    const char *what;
    char words[128];

    while (dmar_next_faulty(dmar, &s, &what)) {
        dmar_struct_text(dmar, &s, words, sizeof(words));
        plat_log(LOG_WARN, "iommu: DMAR: passed over, %s: %s", what, words);
    }
}

static int parse(struct iommu *iommu, const void *bytes, size_t size, struct text *why)
{
    struct dmar_error error;
    char words[128];
    int rc;

    if (size > DMAR_MAX) {
        text_add(why, "DMAR: larger than 64 KiB");
        return -EINVAL;
    }
    iommu->dmar_bytes = plat_alloc(size ? size : 1, OWNER_TABLE);
    if (!iommu->dmar_bytes) {
        text_add(why, "no memory for a copy of the DMAR");
        return -ENOMEM;
    }
    memcpy(iommu->dmar_bytes, bytes, size);
    rc = dmar_parse(iommu->dmar_bytes, size, &iommu->dmar, &error);
    if (rc) {
        dmar_error_text(&error, words, sizeof(words));
        text_add(why, "DMAR: ");
        text_add(why, words);
    } else {
        tell_faults(&iommu->dmar);
    }
    return rc;
}

/* What is in a unit's tables before translation goes on. */
static int fill(struct vtd_unit *unit, void *arg)
{
    return iommu_rmrr_hold_all(arg, unit);
}

/* Of a unit that we cannot run, which is no error: it is named, and left as it is. */
static void refuse(struct iommu *iommu, paddr_t base, const char *why, struct text *words)
{
    *words = text_in(words->buf, words->size);
    text_add(words, "unit at ");
    text_hex(words, base.v, 8);
    text_add(words, ": ");
    text_add(words, why);
    plat_log(LOG_WARN, "iommu: %s", words->buf);
    if (iommu->refused_count < IOMMU_MAX_UNITS)
        iommu->refused[iommu->refused_count] = (struct iommu_refusal){base, why};
    iommu->refused_count++;
}

/* One DRHD. */
static int add_unit(struct iommu *iommu, const struct dmar_struct *drhd, struct text *why)
{
    const char *refusal = "one more than there is room for";
    struct vtd_unit *unit;
    int rc = -ENODEV;

    if (iommu->unit_count < IOMMU_MAX_UNITS)
        rc = vtd_unit_create(drhd->base, drhd->length, drhd->segment, iommu->dmar.haw, &unit, &refusal);
    if (rc) {
        refuse(iommu, drhd->base, refusal, why);
        return rc == -ENODEV ? 0 : rc;
    }
    unit->fill = fill;
    unit->fill_arg = iommu;
    iommu->units[iommu->unit_count++] = unit;
    return 0;
}

static int add_units(struct iommu *iommu, struct text *why)
{
    int rc;

    text_add(why, "the DMAR has no DRHD");
    dmar_for_each(s, &iommu->dmar)
    {
        if (s.type != DMAR_DRHD)
            continue;
        rc = add_unit(iommu, &s, why);
        if (rc)
            return rc;
    }
    return iommu->unit_count ? 0 : -ENODEV;
}

static void give_back(struct iommu *iommu)
{
    for (unsigned i = 0; i < iommu->unit_count; i++) {
        if (!iommu->units[i]->taken) /* one that did not obey may still read its memory */
            vtd_unit_destroy(iommu->units[i]);
    }
    plat_free(iommu->dmar_bytes);
    plat_free(iommu);
}

static int add_ioasids(struct iommu *iommu, struct text *why)
{
    int rc = ioasid_core_create(IOASID_BITS, &iommu->ioasids);

    if (rc == 0) {
        rc = svm_create(iommu, iommu->ioasids, &iommu->svm);
        if (rc)
            plat_assert(ioasid_core_destroy(iommu->ioasids) == 0);
    }
    if (rc) {
        *why = text_in(why->buf, why->size);
        text_add(why, "no memory for the IOASID core");
    }
    return rc;
}

int iommu_create(const void *dmar, size_t size, struct iommu **out, char *why, size_t why_size)
{
    struct iommu *iommu = plat_alloc(sizeof(*iommu), OWNER_TABLE);
    struct text words = text_in(why, why_size);
    int rc;

    if (!iommu) {
        text_add(&words, "no memory");
        return -ENOMEM;
    }
    plat_lock_init(&iommu->lock, "iommu devices");
    list_init(&iommu->devs);
    list_init(&iommu->holds);
    rc = parse(iommu, dmar, size, &words);
    if (rc == 0)
        rc = add_units(iommu, &words);
    if (rc == 0)
        rc = add_ioasids(iommu, &words);
    if (rc) {
        give_back(iommu);
        return rc;
    }
    iommu_vcmd_begin(iommu);
    *out = iommu;
    return 0;
}

/* An owner has groups of page requests that it has not answered. */
static bool has_page_groups(const struct iommu *iommu)
{
    for (unsigned i = 0; i < iommu->unit_count; i++) {
        if (iommu->units[i]->prq.groups > 0)
            return true;
    }
    return false;
}

int iommu_destroy(struct iommu *iommu)
{
    struct ioasid_stats stats;
    int rc;

    if (iommu->started || iommu->quiet || !list_empty(&iommu->devs))
        return -EBUSY;
    ioasid_stats(iommu->ioasids, &stats);
    if (stats.live != 0 || has_page_groups(iommu))
        return -EBUSY;
    svm_destroy(iommu->svm);
    rc = iommu_vcmd_end(iommu);
    if (rc == 0)
        rc = ioasid_core_destroy(iommu->ioasids);
    if (rc) {
        plat_assert(svm_create(iommu, iommu->ioasids, &iommu->svm) == 0);
        iommu_vcmd_begin(iommu);
        return rc;
    }
    give_back(iommu);
    return 0;
}

/* ---- Start and stop ---- */

/* From any state to one from which it can be started. One that does not obey may still read its tables. */
static int stop_unit(struct iommu *iommu, struct vtd_unit *unit)
{
    int rc = unit->taken ? vtd_unit_stop(unit) : 0;

    if (unit->taken)
        return rc;
    vtd_unit_unprepare(unit);
    iommu_rmrr_forget(iommu, unit);
    return rc;
}

/* By force where they do not obey. */
static void undo_start(struct iommu *iommu)
{
    for (unsigned i = iommu->unit_count; i-- > 0;) {
        if (stop_unit(iommu, iommu->units[i]))
            vtd_unit_drop(iommu->units[i]);
    }
}

/* All memory first: without it no unit is touched. */
static int prepare(struct iommu *iommu)
{
    int rc = 0;

    for (unsigned i = 0; i < iommu->unit_count && rc == 0; i++)
        rc = stop_unit(iommu, iommu->units[i]); /* an earlier start may have left it as it is */
    for (unsigned i = 0; i < iommu->unit_count && rc == 0; i++)
        rc = vtd_unit_prepare(iommu->units[i]);
    return rc ? rc : iommu_intr_alloc(iommu);
}

int iommu_quiet(struct iommu *iommu)
{
    int rc = prepare(iommu);

    for (unsigned i = 0; i < iommu->unit_count && rc == 0; i++)
        rc = vtd_unit_quiet(iommu->units[i]);
    if (rc)
        undo_start(iommu);
    iommu->quiet = rc == 0;
    return rc;
}

int iommu_start(struct iommu *iommu)
{
    int rc = iommu->quiet ? 0 : prepare(iommu);

    iommu->quiet = false;
    for (unsigned i = 0; i < iommu->unit_count && rc == 0; i++)
        rc = vtd_unit_start(iommu->units[i]);
    if (rc == 0)
        rc = iommu_intr_start(iommu);
    if (rc)
        undo_start(iommu);
    iommu->started = rc == 0;
    return rc;
}

int iommu_stop(struct iommu *iommu)
{
    int first = 0;

    if (!list_empty(&iommu->devs))
        return -EBUSY;
    iommu_intr_hold(iommu);
    for (unsigned i = 0; i < iommu->unit_count; i++) {
        int rc = stop_unit(iommu, iommu->units[i]);

        if (!first)
            first = rc;
    }
    iommu_intr_free(iommu);
    iommu->quiet = false;
    iommu->started = first != 0;
    return first;
}

void iommu_drop(struct iommu *iommu)
{
    iommu_intr_hold(iommu);
    for (unsigned i = 0; i < iommu->unit_count; i++)
        vtd_unit_drop(iommu->units[i]);
    iommu_intr_free(iommu);
}

/* ---- Devices ---- */

uint32_t iommu_read_config(unused void *ctx, struct pci_id fn, uint16_t offset)
{
    return plat_pci_read32(fn, offset);
}

struct vtd_unit *iommu_unit_at(struct iommu *iommu, paddr_t base)
{
    for (unsigned i = 0; i < iommu->unit_count; i++) {
        if (iommu->units[i]->base.v == base.v)
            return iommu->units[i];
    }
    return NULL;
}

struct vtd_unit *iommu_unit_of(struct iommu *iommu, struct pci_id fn)
{
    struct dmar_struct drhd;

    if (dmar_unit_for(&iommu->dmar, fn, iommu_read_config, NULL, &drhd))
        return NULL;
    return iommu_unit_at(iommu, drhd.base);
}

/* The device that already answers for one of these requester ids. */
static struct iommu_dev *find_group(struct iommu *iommu, struct vtd_unit *unit, const uint16_t *aliases,
                                    unsigned count)
{
    list_for_each (pos, &iommu->devs) {
        struct iommu_dev *dev = list_entry(pos, struct iommu_dev, link);

        for (unsigned i = 0; i < count; i++) {
            if (vtd_dev_find(unit, aliases[i]) == dev->vtd)
                return dev;
        }
    }
    return NULL;
}

/* What of an empty slot 0 the unit did not confirm goes with the context entry. */
static void undo_attach(struct iommu_dev *dev)
{
    struct vtd_unit *unit = dev->vtd->unit;

    if (vtd_dev_detach(dev->vtd))
        plat_log(LOG_ERROR, "%s: a device stays attached to nobody", unit->name);
    else
        iommu_ats_forget(dev, unit);
}

static int attach_new(struct iommu *iommu, struct vtd_unit *unit, struct pci_id fn, struct vtd_dev_cfg *cfg,
                      struct iommu_dev **out)
{
    struct iommu_dev *dev = plat_alloc(sizeof(*dev), OWNER_TABLE);
    int rc;

    if (!dev)
        return -ENOMEM;
    pci_ats_find(fn, &dev->pci);
    iommu_sidp_choose(iommu, unit, cfg);
    rc = iommu_ats_choose(iommu, unit, &dev->pci, cfg);
    if (rc == 0)
        rc = vtd_dev_attach(unit, cfg, &dev->vtd);
    if (rc == 0) {
        rc = iommu_ats_start(dev);
        if (rc)
            undo_attach(dev);
    }
    if (rc) {
        plat_free(dev);
        return rc;
    }
    dev->iommu = iommu;
    dev->id = fn;
    dev->pasid_bits = cfg->pasid_bits;
    dev->lane = iommu->lane;
    list_init(&dev->bindings);
    dev->users = 1;
    plat_lock(&iommu->lock);
    list_add_tail(&iommu->devs, &dev->link);
    plat_unlock(&iommu->lock);
    *out = dev;
    return 0;
}

/* Memory of firmware's is this device's again: nobody has it. */
static void leave_to_firmware(struct iommu *iommu, struct vtd_unit *unit)
{
    if (iommu_rmrr_hold_all(iommu, unit))
        plat_log(LOG_ERROR, "%s: a device that firmware uses is blocked", unit->name);
}

static int take_and_attach(struct iommu *iommu, struct vtd_unit *unit, struct pci_id fn,
                           struct vtd_dev_cfg *cfg, struct iommu_dev **out)
{
    int rc = iommu_rmrr_release(iommu, unit, cfg->rids, cfg->rid_count);

    if (rc == 0)
        rc = attach_new(iommu, unit, fn, cfg, out);
    if (rc)
        leave_to_firmware(iommu, unit);
    return rc;
}

int iommu_set_lane(struct iommu *iommu, enum iommu_lane lane)
{
    for (unsigned i = 0; i < iommu->unit_count; i++) {
        if (lane == IOMMU_LANE_RID_PASID && !vtd_unit_uses_rid_pasid(iommu->units[i]))
            return -ENOTSUP;
        if (lane == IOMMU_LANE_PASID && !iommu->units[i]->caps.pasid)
            return -ENOTSUP;
    }
    iommu->lane = lane;
    return 0;
}

int iommu_dev_attach(struct iommu *iommu, struct pci_id fn, const uint16_t *aliases, unsigned alias_count,
                     unsigned pasid_bits, struct iommu_dev **out)
{
    struct vtd_dev_cfg cfg = {.rids = aliases, .rid_count = alias_count, .pasid_bits = pasid_bits};
    struct vtd_unit *unit = iommu_unit_of(iommu, fn);
    struct iommu_dev *dev;

    if (alias_count == 0 || pasid_bits == 0 || pasid_bits > IOASID_BITS)
        return -EINVAL;
    if (!unit || !iommu->started)
        return -ENODEV;
    plat_lock(&iommu->lock);
    dev = find_group(iommu, unit, aliases, alias_count);
    if (dev)
        dev->users++;
    plat_unlock(&iommu->lock);
    if (!dev)
        return take_and_attach(iommu, unit, fn, &cfg, out);
    *out = dev;
    return 0;
}

void iommu_dev_gone(struct iommu_dev *dev)
{
    vtd_dev_gone(dev->vtd);
}

int iommu_dev_detach(struct iommu_dev *dev)
{
    struct iommu *iommu = dev->iommu;
    struct vtd_unit *unit;
    bool last;
    int rc = 0;

    plat_lock(&iommu->lock);
    last = dev->users == 1;
    if (!last)
        dev->users--;
    else if (!list_empty(&dev->bindings))
        rc = -EBUSY;
    else
        list_del(
            &dev->link); /* nobody finds it any more; its requester ids stay taken until it is detached */
    plat_unlock(&iommu->lock);
    if (!last || rc)
        return rc;
    unit = dev->vtd->unit;
    rc = iommu_ats_stop(dev);
    if (rc == 0)
        rc = vtd_dev_detach(dev->vtd);
    if (rc) {
        plat_lock(&iommu->lock);
        list_add_tail(&iommu->devs, &dev->link);
        plat_unlock(&iommu->lock);
        return rc;
    }
    leave_to_firmware(iommu, unit);
    plat_free(dev);
    return 0;
}
