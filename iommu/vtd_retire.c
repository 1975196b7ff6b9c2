/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking PASID entries back, in three steps: P goes; one batch with one wait per unit; the rest goes, page
 * requests are drained, and domain id, number and pages become free. VT-d 5.10, Guidance to Software for
 * Invalidations; rules 13, 25, 26, 29, 30, 41, 43, 45.
 */
#include <errno.h>

#include "iommu/vtd_entry.h"

/* Requests without PASID use this slot. */
static bool is_rid_slot(const struct vtd_retire *item)
{
    return item->slot == item->dev->rid_pasid;
}

/* The binding owns the RID_PASID of the context entries: they go with it, once the slot is emptied. */
static bool takes_contexts(const struct vtd_retire *item)
{
    return is_rid_slot(item) && item->slot != 0 && !(item->flags & VTD_RETIRE_STOP_ONLY);
}

static bool by_domain(const struct vtd_retire *item)
{
    return item->pgtt == VTD_PGTT_SECOND || item->pgtt == VTD_PGTT_NESTED;
}

/* All of the domain id goes: with its last use (rule 45), and with context entries (rule 38). */
static bool empties_domain(const struct vtd_retire *item)
{
    return (item->flags & VTD_RETIRE_LAST_OF_DID) || takes_contexts(item);
}

/* Faults of the time in between are not recorded. A drain that fails leaves FPD for the next call to find. */
static bool silent(const struct vtd_retire *item)
{
    return (item->flags & VTD_RETIRE_DMA_LIVE) || item->dev->pri;
}

/* ---- Step one ---- */

static int clear_present(struct vtd_retire *item)
{
    struct vtd_unit *unit = item->dev->unit;
    struct vtd_pasid_entry *entry = NULL;
    int err = -ENOENT;

    plat_lock(&unit->table_lock);
    if (vtd_entry_slot_ok(item->dev, item->slot))
        entry = vtd_entry_pasid(item->dev, item->slot);
    if (entry != NULL && !vtd_entry_is_zero(entry->q, ARRAY_SIZE(entry->q))) {
        item->did = (did_t){(uint16_t)entry_get(entry, VTD_PASID_DID)};
        item->pgtt = (enum vtd_pgtt)entry_get(entry, VTD_PASID_PGTT);
        vtd_entry_clear_present(unit, entry->q, silent(item));
        if (takes_contexts(item) && item->dev->context_present)
            vtd_dev_clear_contexts(item->dev);
        err = 0;
    }
    plat_unlock(&unit->table_lock);
    return err;
}

/* ---- Step two: the batch of one unit. Items that say the same are asked for once. ---- */

struct scope {
    struct vtd_unit *unit;
    struct vtd_retire *items;
    unsigned count;
};

static bool in_scope(const struct scope *s, const struct vtd_retire *item)
{
    return item->dev->unit == s->unit && item->err == 0;
}

/* Has an earlier item of the scope, for which `counts` holds, the same key as `item`? */
static bool seen(const struct scope *s, const struct vtd_retire *item,
                 bool (*same)(const struct vtd_retire *a, const struct vtd_retire *b),
                 bool (*counts)(const struct vtd_retire *item))
{
    for (const struct vtd_retire *i = s->items; i != item; i++) {
        if (in_scope(s, i) && counts(i) && same(i, item))
            return true;
    }
    return false;
}

static bool same_dev(const struct vtd_retire *a, const struct vtd_retire *b)
{
    return a->dev == b->dev;
}

static bool same_did(const struct vtd_retire *a, const struct vtd_retire *b)
{
    return a->did.v == b->did.v;
}

static bool same_did_and_slot(const struct vtd_retire *a, const struct vtd_retire *b)
{
    return same_did(a, b) && a->slot == b->slot;
}

static bool same_unit(const struct vtd_retire *a, const struct vtd_retire *b)
{
    return a->dev->unit == b->dev->unit;
}

static bool always(unused const struct vtd_retire *item)
{
    return true;
}

static bool needs_cc(const struct vtd_retire *item)
{
    return takes_contexts(item) || vtd_quirk_has(item->dev->unit->quirks, VTD_QUIRK_P_IGNORED);
}

/* The same of what was not present below them: it is cached under domain id 0 (rule 48). */
static bool empties_nothing(const struct vtd_retire *item)
{
    return takes_contexts(item) && item->dev->unit->caps.cm;
}

static bool needs_piotlb(const struct vtd_retire *item)
{
    return !by_domain(item);
}

/* A dev_tlb_inv has its place behind an iotlb_inv, and none behind a p_iotlb_inv (rules 25, 29). */
static bool needs_order(const struct vtd_retire *item)
{
    return is_rid_slot(item) && vtd_dev_has_tlb(item->dev);
}

static bool needs_iotlb_domain(const struct vtd_retire *item)
{
    return by_domain(item) || empties_domain(item) || needs_order(item);
}

static void add_cc(struct vtd_batch *batch, const struct vtd_retire *item)
{
    for (unsigned i = 0; i < item->dev->rid_count; i++)
        vtd_batch_add(batch, vtd_inv_cc_device(item->dev->rids[i]));
}

static void add_pc_pasid(struct vtd_batch *batch, const struct vtd_retire *item)
{
    vtd_batch_add(batch, vtd_inv_pc_pasid(item->did, item->slot));
}

static void add_pc_domain(struct vtd_batch *batch, const struct vtd_retire *item)
{
    vtd_batch_add(batch, vtd_inv_pc_domain(item->did));
}

static void add_pc_nothing(struct vtd_batch *batch, unused const struct vtd_retire *item)
{
    vtd_batch_add(batch, vtd_inv_pc_domain((did_t){0}));
}

static void add_iotlb_nothing(struct vtd_batch *batch, unused const struct vtd_retire *item)
{
    vtd_batch_add(batch, vtd_inv_iotlb_domain((did_t){0}));
}

void vtd_retire_add_iotlb(struct vtd_batch *batch, const struct vtd_retire *item)
{
    vtd_batch_add(batch, by_domain(item) || needs_order(item) ? vtd_inv_iotlb_domain(item->did)
                                                              : vtd_inv_piotlb_pasid(item->did, item->slot));
}

static void add_piotlb(struct vtd_batch *batch, const struct vtd_retire *item)
{
    vtd_batch_add(batch, vtd_inv_piotlb_pasid(item->did, item->slot));
}

static void add_iotlb_domain(struct vtd_batch *batch, const struct vtd_retire *item)
{
    vtd_batch_add(batch, vtd_inv_iotlb_domain(item->did));
}

/* In the form that the device's requests have: with or without PASID. */
void vtd_retire_add_device_tlb(struct vtd_batch *batch, const struct vtd_retire *item)
{
    struct vtd_ats ats;

    if (!vtd_dev_has_tlb(item->dev))
        return;
    ats = vtd_dev_ats(item->dev);
    vtd_batch_add(batch,
                  is_rid_slot(item) ? vtd_inv_devtlb_all(&ats) : vtd_inv_pdevtlb_all(&ats, item->slot));
}

/* One line per kind of descriptor, in the order in which hardware may execute them (rules 25, 29). */
static const struct kind {
    bool (*needed)(const struct vtd_retire *item);
    bool (*same)(const struct vtd_retire *a, const struct vtd_retire *b); /* NULL: every item for itself */
    void (*add)(struct vtd_batch *batch, const struct vtd_retire *item);
    bool to_device;
} kinds[] = {
    {needs_cc, same_dev, add_cc, false},
    {empties_nothing, same_unit, add_pc_nothing, false},
    {always, same_did_and_slot, add_pc_pasid, false},
    {empties_domain, same_did, add_pc_domain, false},
    {needs_piotlb, same_did_and_slot, add_piotlb, false},
    {needs_iotlb_domain, same_did, add_iotlb_domain, false},
    {empties_nothing, same_unit, add_iotlb_nothing, false},
    {always, NULL, vtd_retire_add_device_tlb, true},
};

static void add_kind(struct vtd_batch *batch, const struct scope *s, const struct kind *kind)
{
    for (const struct vtd_retire *i = s->items; i != s->items + s->count; i++) {
        if (!in_scope(s, i) || !kind->needed(i))
            continue;
        if (kind->same == NULL || !seen(s, i, kind->same, kind->needed))
            kind->add(batch, i);
    }
}

static bool sends_page_requests(const struct scope *s)
{
    for (const struct vtd_retire *i = s->items; i != s->items + s->count; i++) {
        if (in_scope(s, i) && i->dev->pri)
            return true;
    }
    return false;
}

/* Device TLBs are left alone while translation is off (rule 13). */
static int invalidate(const struct scope *s)
{
    bool translates = vtd_unit_translates(s->unit);
    struct vtd_batch batch;

    vtd_batch_init(&batch, s->unit);
    for (unsigned k = 0; k < ARRAY_SIZE(kinds); k++) {
        if (translates || !kinds[k].to_device)
            add_kind(&batch, s, &kinds[k]);
    }
    if (sends_page_requests(s))
        vtd_batch_fence(&batch);
    return vtd_batch_submit_wait(&batch);
}

/* ---- Step three. A unit that was suspended meanwhile has lost its tables. ---- */

static void zero(struct vtd_retire *item)
{
    struct vtd_unit *unit = item->dev->unit;
    struct vtd_pasid_entry *entry;

    plat_lock(&unit->table_lock);
    entry = vtd_entry_pasid(item->dev, item->slot);
    if (entry != NULL)
        vtd_entry_zero_but_fpd(unit, entry->q, ARRAY_SIZE(entry->q));
    if (takes_contexts(item))
        vtd_dev_zero_contexts(item->dev);
    plat_unlock(&unit->table_lock);
}

static int drain(const struct scope *s)
{
    return vtd_drain(s->unit, s->items, s->count);
}

static void zero_fpd(struct vtd_retire *item)
{
    struct vtd_unit *unit = item->dev->unit;
    struct vtd_pasid_entry *entry;

    plat_lock(&unit->table_lock);
    entry = vtd_entry_pasid(item->dev, item->slot);
    if (entry != NULL)
        vtd_entry_zero_fpd(unit, entry->q);
    plat_unlock(&unit->table_lock);
}

/*
 * Caching mode: the entry with P = 0 and FPD = 1 may be cached, and would go on to hide faults. Nothing that
 * could be reached depends on this, so a failure is only logged.
 */
static int forget_fpd(const struct scope *s)
{
    struct vtd_batch batch;

    if (!s->unit->caps.cm)
        return 0;
    vtd_batch_init(&batch, s->unit);
    for (const struct vtd_retire *i = s->items; i != s->items + s->count; i++) {
        if (!in_scope(s, i) || !silent(i) || seen(s, i, same_did_and_slot, always))
            continue;
        vtd_batch_add(&batch, vtd_inv_pc_pasid((did_t){0}, i->slot));
        vtd_batch_add(&batch, vtd_inv_pc_pasid(i->did, i->slot));
    }
    if (vtd_batch_submit_wait(&batch))
        plat_log(LOG_WARN, "%s: faults of retired entries may stay hidden", s->unit->name);
    return 0;
}

/* ---- Whole ---- */

/* One call for each unit that an item is on; an error is that of all its items. */
static void each_unit(struct vtd_retire *items, unsigned count, int (*step)(const struct scope *s))
{
    for (unsigned i = 0; i < count; i++) {
        struct scope s = {items[i].dev->unit, items, count};
        bool done = items[i].err != 0;
        int err;

        for (unsigned j = 0; j < i && !done; j++)
            done = items[j].dev->unit == s.unit && items[j].err != -ENOENT;
        if (done)
            continue;
        err = step(&s);
        for (unsigned j = i; err && j < count; j++) {
            if (in_scope(&s, &items[j]))
                items[j].err = err;
        }
    }
}

/* Steps one and two. 0, or the first error. */
static int stop_many(struct vtd_retire *items, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        items[i].err = clear_present(&items[i]);
    each_unit(items, count, invalidate);
    for (unsigned i = 0; i < count; i++) {
        if (items[i].err)
            return items[i].err;
    }
    return 0;
}

int vtd_pasid_retire_many(struct vtd_retire *items, unsigned count)
{
    int err = stop_many(items, count);

    for (unsigned i = 0; i < count; i++) {
        if (items[i].err == 0)
            zero(&items[i]);
    }
    each_unit(items, count, drain);
    for (unsigned i = 0; i < count; i++) {
        if (items[i].err == 0)
            zero_fpd(&items[i]);
        else if (err == 0)
            err = items[i].err;
    }
    each_unit(items, count, forget_fpd);
    return err;
}

int vtd_pasid_stop_many(struct vtd_retire *items, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        items[i].flags = VTD_RETIRE_STOP_ONLY | VTD_RETIRE_DMA_LIVE;
    return stop_many(items, count);
}

int vtd_pasid_retire(struct vtd_dev *dev, uint32_t slot, unsigned flags)
{
    struct vtd_retire item = {.dev = dev, .slot = slot, .flags = flags};

    return vtd_pasid_retire_many(&item, 1);
}

/* ---- The steps for tests ---- */

int vtd_pasid_clear_present(struct vtd_dev *dev, uint32_t slot, bool fpd)
{
    struct vtd_retire item = {.dev = dev, .slot = slot, .flags = fpd ? VTD_RETIRE_DMA_LIVE : 0};

    return clear_present(&item);
}

int vtd_pasid_zero(struct vtd_dev *dev, uint32_t slot)
{
    struct vtd_retire item = {.dev = dev, .slot = slot};

    if (!vtd_entry_slot_ok(dev, slot) || vtd_entry_pasid(dev, slot) == NULL)
        return -ENOENT;
    zero(&item);
    zero_fpd(&item);
    return 0;
}
