/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Range invalidation for all users of a paging structure. See vtd_flush.h.
 */
#include "iommu/vtd_flush.h"

#include "iommu/vtd_entry.h"

/* What is to go: 2^am pages at `iova`, or everything. */
struct range {
    bool below; /* of the second stage of nested entries */
    bool all;
    iova_t iova;
    unsigned am;
    bool leaf_only;
};

/* The smallest power of two of pages, aligned to itself, around [iova, iova+size). */
static struct range range_of(iova_t iova, uint64_t size, bool leaf_only)
{
    uint64_t first = align_down(iova.v, PAGE_SIZE);
    uint64_t last = iova.v + (size - 1);
    struct range r = {.all = size == 0 || last < iova.v, .leaf_only = leaf_only};
    const unsigned am_max = 52; /* all of a 64-bit address */

    while (!r.all && align_down(first, pow2(r.am) * PAGE_SIZE) != align_down(last, pow2(r.am) * PAGE_SIZE)) {
        if (++r.am == am_max)
            r.all = true;
    }
    if (!r.all)
        r.iova = (iova_t){align_down(first, pow2(r.am) * PAGE_SIZE)};
    return r;
}

/* One use with what its entry says. */
struct target {
    struct vtd_dev *dev;
    uint32_t slot;
    did_t did;
    bool by_domain; /* the second stage has changed: tagged by domain alone */
    bool mapped;    /* the device's own addresses are those of the range */
};

static bool target_of(const struct vtd_use *use, const struct range *r, struct target *out)
{
    struct vtd_pasid_entry e;
    bool below;

    if (vtd_pasid_read(use->dev, use->slot, &e) || !entry_get(&e, VTD_PASID_P))
        return false;
    below = r->below && entry_get(&e, VTD_PASID_PGTT) == VTD_PGTT_NESTED;
    *out = (struct target){.dev = use->dev,
                           .slot = use->slot,
                           .did = {(uint16_t)entry_get(&e, VTD_PASID_DID)},
                           .by_domain = below || entry_get(&e, VTD_PASID_PGTT) == VTD_PGTT_SECOND,
                           .mapped = !below};
    return true;
}

/* The whole domain where the unit has no page selection or not that large (rule 27). */
static struct vtd_desc iotlb(const struct target *t, const struct range *r)
{
    const struct vtd_caps *caps = &t->dev->unit->caps;

    if (r->all || !caps->psi || r->am > caps->mamv)
        return vtd_inv_iotlb_domain(t->did);
    return vtd_inv_iotlb_page(t->did, r->iova, r->am, r->leaf_only);
}

/* A dev_tlb_inv has its place behind an iotlb_inv, and none behind a p_iotlb_inv (rules 25, 29). */
static bool needs_order(const struct target *t)
{
    return !t->by_domain && t->slot == t->dev->rid_pasid && vtd_dev_has_tlb(t->dev);
}

static struct vtd_desc piotlb(const struct target *t, const struct range *r)
{
    if (r->all)
        return vtd_inv_piotlb_pasid(t->did, t->slot);
    return vtd_inv_piotlb_page(t->did, t->slot, r->iova, r->am, r->leaf_only);
}

static struct vtd_desc device_tlb(const struct target *t, const struct range *r)
{
    struct vtd_ats ats = vtd_dev_ats(t->dev);
    bool all = r->all || !t->mapped;

    if (t->slot == t->dev->rid_pasid)
        return all ? vtd_inv_devtlb_all(&ats) : vtd_inv_devtlb_range(&ats, r->iova, r->am);
    return all ? vtd_inv_pdevtlb_all(&ats, t->slot) : vtd_inv_pdevtlb_range(&ats, t->slot, r->iova, r->am);
}

static bool same_tag(const struct target *a, const struct target *b)
{
    return a->did.v == b->did.v && a->by_domain == b->by_domain && (a->by_domain || a->slot == b->slot);
}

/* An earlier use on the same unit has the same tag: one invalidation serves both. */
static bool seen(const struct vtd_use *uses, unsigned n, const struct range *r, const struct target *t)
{
    struct target earlier;

    for (unsigned i = 0; i < n; i++) {
        if (uses[i].dev->unit == t->dev->unit && target_of(&uses[i], r, &earlier) && same_tag(&earlier, t))
            return true;
    }
    return false;
}

static int flush_unit(struct vtd_unit *unit, const struct vtd_use *uses, unsigned count,
                      const struct range *r)
{
    bool translates = vtd_unit_translates(unit);
    struct vtd_batch batch;
    struct target t;

    vtd_batch_init(&batch, unit);
    for (unsigned i = 0; i < count; i++) {
        if (uses[i].dev->unit == unit && target_of(&uses[i], r, &t) && !seen(uses, i, r, &t))
            vtd_batch_add(&batch, t.by_domain ? iotlb(&t, r) : piotlb(&t, r));
    }
    for (unsigned i = 0; translates && i < count; i++) {
        if (uses[i].dev->unit == unit && target_of(&uses[i], r, &t) && needs_order(&t))
            vtd_batch_add(&batch, vtd_inv_iotlb_domain(t.did));
    }
    for (unsigned i = 0; translates && i < count; i++) {
        if (uses[i].dev->unit == unit && vtd_dev_has_tlb(uses[i].dev) && target_of(&uses[i], r, &t))
            vtd_batch_add(&batch, device_tlb(&t, r));
    }
    return vtd_batch_submit_wait(&batch);
}

static bool unit_done(const struct vtd_use *uses, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (uses[i].dev->unit == uses[n].dev->unit)
            return true;
    }
    return false;
}

static int flush(const struct vtd_use *uses, unsigned count, const struct range *r)
{
    int err = 0;

    for (unsigned i = 0; i < count; i++) {
        if (unit_done(uses, i))
            continue;
        int one = flush_unit(uses[i].dev->unit, uses, count, r);

        if (err == 0)
            err = one;
    }
    return err;
}

int vtd_flush_range(const struct vtd_use *uses, unsigned count, iova_t iova, uint64_t size, bool leaf_only)
{
    struct range r = range_of(iova, size, leaf_only);

    return flush(uses, count, &r);
}

int vtd_flush_below(const struct vtd_use *uses, unsigned count, iova_t iova, uint64_t size, bool leaf_only)
{
    struct range r = range_of(iova, size, leaf_only);

    r.below = true;
    return flush(uses, count, &r);
}
