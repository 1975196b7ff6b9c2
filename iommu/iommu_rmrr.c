/* SPDX-License-Identifier: BSD-2-Clause */
/* See iommu_rmrr.h. */
#include "iommu/iommu_rmrr.h"

#include <errno.h>

#include "iommu/vtd_unit.h"
#include "kernel/lib/bits.h"

/* One function held. */
struct hold {
    struct list link;
    struct vtd_unit *unit;
    uint16_t rid;
    struct vtd_dev *dev;
    struct pgtable *table;
    did_t did;
    bool ending; /* it was to end, and the unit did not confirm that: the device is blocked */
};

/* Any function of the device: one requester id stands for all that share it. */
static bool names(const struct dmar *dmar, const struct dmar_struct *s, const struct vtd_dev *dev)
{
    for (unsigned i = 0; i < dev->rid_count; i++) {
        struct pci_id fn = {dev->unit->segment, dev->rids[i]};

        if (s->type == DMAR_RMRR && dmar_covers(dmar, s, fn, iommu_read_config, NULL))
            return true;
    }
    return false;
}

/* ---- Tables ---- */

static struct pgtable_cfg table_cfg(const struct vtd_dev *dev)
{
    const struct vtd_caps *caps = &dev->unit->caps;
    bool four = caps->fsts || FIELD_GET(VTD_SAGAW_4LEVEL, caps->sagaw);

    return (struct pgtable_cfg){.stage = caps->fsts ? PGTABLE_FIRST : PGTABLE_SECOND,
                                .levels = four ? 4 : 3,
                                .input_bits = caps->fsts ? 0 : caps->mgaw,
                                .haw = caps->haw,
                                .page_sizes = PGTABLE_4K + (caps->fsts ? PGTABLE_2M : 0),
                                .unit_snoops = dev->pwsnp};
}

static int map_regions(const struct iommu *iommu, const struct vtd_dev *dev, struct pgtable *table)
{
    int err = 0;

    dmar_for_each(s, &iommu->dmar)
    {
        if (!err && names(&iommu->dmar, &s, dev))
            err = pgtable_map(table, (iova_t){s.base.v}, s.base, s.length, PGTABLE_RW);
    }
    return err;
}

static bool maps_region(const struct pgtable *table, const struct dmar_struct *s)
{
    struct pgtable_walk w;

    for (uint64_t a = s->base.v; a < s->base.v + s->length; a = align_down(a, w.size) + w.size) {
        if (pgtable_walk(table, (iova_t){a}, &w) || !w.present || !w.user || w.prot != PGTABLE_RW ||
            w.pa.v != a)
            return false;
    }
    return true;
}

bool iommu_rmrr_fits(const struct iommu_dev *dev, const struct ioasid_bind_cfg *cfg)
{
    const struct dmar *dmar = &dev->iommu->dmar;

    if (cfg->stage == IOMMU_PASS_THROUGH || dev->lane == IOMMU_LANE_PASID)
        return true;
    dmar_for_each(s, dmar)
    {
        if (names(dmar, &s, dev->vtd) && (cfg->stage == IOMMU_NESTED || !maps_region(cfg->table, &s)))
            return false;
    }
    return true;
}

int iommu_dev_map_reserved(const struct iommu_dev *dev, struct pgtable *table)
{
    return map_regions(dev->iommu, dev->vtd, table);
}

/* ---- Holds ---- */

static void end(struct hold *h)
{
    list_del(&h->link);
    pgtable_destroy(h->table);
    plat_free(h);
}

static int make_table(const struct iommu *iommu, struct hold *h)
{
    struct pgtable_cfg cfg = table_cfg(h->dev);
    int err = pgtable_create(&cfg, &h->table);

    return err ? err : map_regions(iommu, h->dev, h->table);
}

/* Table and domain id are there. */
static int publish(const struct hold *h)
{
    struct vtd_pasid_cfg entry = {.pgtt = VTD_PGTT_FIRST,
                                  .did = h->did,
                                  .fs_root = pgtable_root(h->table),
                                  .fs_levels = h->table->levels};

    if (h->table->stage == PGTABLE_SECOND)
        entry = (struct vtd_pasid_cfg){.pgtt = VTD_PGTT_SECOND,
                                       .did = h->did,
                                       .ss_root = pgtable_root(h->table),
                                       .ss_levels = h->table->levels};
    return vtd_pasid_publish(h->dev, 0, &entry);
}

/* Ends a hold, of which an entry may be there or not. What the unit may still know of stays with it. */
static int take_back(struct hold *h)
{
    int err = vtd_pasid_retire(h->dev, 0, VTD_RETIRE_LAST_OF_DID | VTD_RETIRE_DMA_LIVE);

    h->ending = true;
    if (!err || err == -ENOENT)
        err = vtd_dev_detach(h->dev);
    if (err)
        return err;
    if (h->did.v != 0)
        vtd_did_free(h->unit, h->did);
    end(h);
    return 0;
}

static int hold(struct iommu *iommu, struct vtd_unit *unit, uint16_t rid)
{
    const struct vtd_dev_cfg cfg = {.rids = &rid, .rid_count = 1, .pasid_bits = 1};
    struct hold *h = plat_alloc(sizeof(*h), OWNER_TABLE);
    int err = h ? vtd_dev_attach(unit, &cfg, &h->dev) : -ENOMEM;

    if (err) {
        plat_free(h);
        return err;
    }
    h->unit = unit;
    h->rid = rid;
    list_add_tail(&iommu->holds, &h->link);
    err = make_table(iommu, h);
    if (!err)
        err = vtd_did_alloc(unit, &h->did);
    if (!err)
        err = publish(h);
    if (err && take_back(h))
        plat_log(LOG_ERROR, "%s: a region of firmware's is not mapped", unit->name);
    return err;
}

/* Those of one RMRR that are this unit's and free. */
static int hold_scopes(struct iommu *iommu, struct vtd_unit *unit, const struct dmar_struct *s)
{
    uint16_t rid;
    int err = 0;

    dmar_for_each_scope(scope, &iommu->dmar, s)
    {
        if (err || dmar_scope_rid(s, &scope, iommu_read_config, NULL, &rid))
            continue;
        if (iommu_unit_of(iommu, (struct pci_id){s->segment, rid}) == unit && !vtd_dev_find(unit, rid))
            err = hold(iommu, unit, rid);
    }
    return err;
}

/* A unit that was suspended has lost the entries. */
static int restore(struct iommu *iommu, const struct vtd_unit *unit)
{
    int err = 0;

    list_for_each (pos, &iommu->holds) {
        struct hold *h = list_entry(pos, struct hold, link);

        if (!err && h->unit == unit)
            err = publish(h);
    }
    return err;
}

/* Those that should have ended do. */
static int end_late(struct iommu *iommu, const struct vtd_unit *unit)
{
    int err = 0;

    list_for_each_safe (pos, &iommu->holds) {
        struct hold *h = list_entry(pos, struct hold, link);

        if (!err && h->unit == unit && h->ending)
            err = take_back(h);
    }
    return err;
}

int iommu_rmrr_hold_all(struct iommu *iommu, struct vtd_unit *unit)
{
    int err = end_late(iommu, unit);

    if (!err && unit->suspended)
        err = restore(iommu, unit);
    dmar_for_each(s, &iommu->dmar)
    {
        if (!err && s.type == DMAR_RMRR)
            err = hold_scopes(iommu, unit, &s);
    }
    return err;
}

void iommu_rmrr_forget(struct iommu *iommu, const struct vtd_unit *unit)
{
    list_for_each_safe (pos, &iommu->holds) {
        struct hold *h = list_entry(pos, struct hold, link);

        if (h->unit != unit)
            continue;
        vtd_dev_forget(h->dev);
        end(h);
    }
}

int iommu_rmrr_release(struct iommu *iommu, const struct vtd_unit *unit, const uint16_t *rids, unsigned count)
{
    int err = 0;

    list_for_each_safe (pos, &iommu->holds) {
        struct hold *h = list_entry(pos, struct hold, link);
        bool mine = false;

        for (unsigned i = 0; i < count; i++)
            mine = mine || (h->unit == unit && h->rid == rids[i]);
        if (mine && !err)
            err = take_back(h);
    }
    return err;
}

unsigned iommu_rmrr_holds(const struct iommu *iommu, const struct vtd_unit *unit)
{
    unsigned count = 0;

    list_for_each (pos, &iommu->holds)
        count += list_entry(pos, struct hold, link)->unit == unit &&
                 list_entry(pos, struct hold, link)->did.v != 0;
    return count;
}
