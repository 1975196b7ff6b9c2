/* SPDX-License-Identifier: BSD-2-Clause */
/* Spaces, bindings and domain ids: set-up and tear-down of what svm_space.h describes. */
#include "iommu/svm_space.h"

#include <errno.h>

#include "iommu/vtd_unit.h"

#define FIRST_CAPACITY 4u

/* ---- Memory ---- */

static void binding_reap(struct plat_work *work)
{
    plat_free(container_of(work, struct svm_binding, reap));
}

static void space_reap(struct plat_work *work)
{
    struct svm_space *space = container_of(work, struct svm_space, reap);

    space->tag = 0;
    plat_free(space->retires);
    plat_free(space->uses);
    plat_free(space);
}

/* Room for one more binding in the arrays that tear-down uses. */
static int space_grow(struct svm_space *space)
{
    unsigned capacity = space->capacity ? space->capacity * 2 : FIRST_CAPACITY;
    struct vtd_retire *retires;
    struct vtd_use *uses;

    if (space->count < space->capacity)
        return 0;
    retires = plat_alloc(capacity * sizeof(*retires), OWNER_IOASID);
    uses = plat_alloc(capacity * sizeof(*uses), OWNER_IOASID);
    if (!retires || !uses) {
        plat_free(retires);
        plat_free(uses);
        return -ENOMEM;
    }
    plat_free(space->retires);
    plat_free(space->uses);
    space->retires = retires;
    space->uses = uses;
    space->capacity = capacity;
    return 0;
}

/* ---- Domain ids ---- */

static struct svm_domain *domain_find(struct svm_space *space, const struct vtd_unit *unit)
{
    list_for_each (pos, &space->domains) {
        struct svm_domain *domain = list_entry(pos, struct svm_domain, link);

        if (domain->unit == unit)
            return domain;
    }
    return NULL;
}

static int domain_get(struct svm_space *space, struct vtd_unit *unit, struct svm_domain **out)
{
    struct svm_domain *domain = domain_find(space, unit);
    int rc;

    if (!domain) {
        domain = plat_alloc(sizeof(*domain), OWNER_IOASID);
        if (!domain)
            return -ENOMEM;
        rc = vtd_did_alloc(unit, &domain->did);
        if (rc) {
            plat_free(domain);
            return rc;
        }
        domain->unit = unit;
        list_add_tail(&space->domains, &domain->link);
    }
    domain->bindings++;
    *out = domain;
    return 0;
}

/* The id is free for another space only now: its last retire has flushed all that carried it (rule 45). */
static void domain_put(struct svm_domain *domain)
{
    if (--domain->bindings > 0)
        return;
    vtd_did_free(domain->unit, domain->did);
    list_del(&domain->link);
    plat_free(domain);
}

/* ---- Space ---- */

/* Rule 47: what begins at the same place in the same second stage is walked in one way. */
static bool contradicts(const struct ioasid_bind_cfg *a, const struct ioasid_bind_cfg *b)
{
    return a->stage == IOMMU_NESTED && b->stage == IOMMU_NESTED && a->first.root == b->first.root &&
           pgtable_root(a->table).v == pgtable_root(b->table).v &&
           (a->first.levels != b->first.levels || a->first.extended_access != b->first.extended_access);
}

static int space_link(struct svm_space *space)
{
    struct svm *svm = space->svm;
    int rc = 0;

    plat_lock(&svm->lock);
    list_for_each (pos, &svm->spaces) {
        if (contradicts(&list_entry(pos, struct svm_space, svm_link)->cfg, &space->cfg))
            rc = -EINVAL;
    }
    if (rc == 0)
        list_add_tail(&svm->spaces, &space->svm_link);
    plat_unlock(&svm->lock);
    return rc;
}

static void space_unlink(struct svm_space *space)
{
    plat_lock(&space->svm->lock);
    list_del(&space->svm_link);
    plat_unlock(&space->svm->lock);
}

int svm_space_create(struct svm *svm, struct ioasid_set *set, ioasid_t id, const struct ioasid_bind_cfg *cfg,
                     struct svm_space **out)
{
    struct svm_space *space = plat_alloc(sizeof(*space), OWNER_IOASID);
    int rc;

    if (!space)
        return -ENOMEM;
    *space = (struct svm_space){
        .tag = SVM_SPACE_TAG, .svm = svm, .set = set, .id = id, .cfg = *cfg, .reap.run = space_reap};
    list_init(&space->bindings);
    list_init(&space->domains);
    rc = space_link(space);
    if (rc)
        goto free_space;
    rc = ioasid_bound_get(svm->core, id, !cfg->guest);
    if (rc)
        goto unlink;
    rc = cfg->spid == IOASID_NO_SPID ? 0 : ioasid_bound_spid(svm->core, id, cfg->spid);
    if (rc == 0)
        rc = ioasid_data_set(svm->core, id, space);
    if (rc)
        goto put_reference;
    *out = space;
    return 0;

put_reference:
    ioasid_bound_put(svm->core, id);
unlink:
    space_unlink(space);
free_space:
    plat_free(space);
    return rc;
}

void svm_space_release(struct svm_space *space)
{
    struct ioasid_core *core = space->svm->core;
    ioasid_t id = space->id;

    plat_assert(list_empty(&space->bindings) && list_empty(&space->domains));
    plat_assert(ioasid_data_clear(core, id) == space);
    space_unlink(space);
    plat_defer(&space->reap);
    ioasid_bound_put(core, id);
}

/* ---- Bindings ---- */

static void name_guest_table(struct vtd_pasid_cfg *cfg, const struct iommu_guest_table *first)
{
    cfg->fs_root = (paddr_t){first->root};
    cfg->fs_levels = first->levels;
    cfg->sre = first->supervisor;
    cfg->wpe = first->write_protect;
    cfg->eafe = first->extended_access;
}

static struct vtd_pasid_cfg entry_cfg(const struct svm_space *space, did_t did)
{
    static const enum vtd_pgtt pgtts[] = {[IOMMU_FIRST_STAGE] = VTD_PGTT_FIRST,
                                          [IOMMU_SECOND_STAGE] = VTD_PGTT_SECOND,
                                          [IOMMU_PASS_THROUGH] = VTD_PGTT_PASSTHROUGH,
                                          [IOMMU_NESTED] = VTD_PGTT_NESTED};
    const struct ioasid_bind_cfg *bind = &space->cfg;
    struct vtd_pasid_cfg cfg = {.pgtt = pgtts[bind->stage], .did = did};

    if (bind->stage == IOMMU_FIRST_STAGE) {
        cfg.fs_root = pgtable_root(bind->table);
        cfg.fs_levels = bind->table->levels;
    } else if (bind->stage != IOMMU_PASS_THROUGH) {
        cfg.ss_root = pgtable_root(bind->table);
        cfg.ss_levels = bind->table->levels;
    }
    if (bind->stage == IOMMU_NESTED)
        name_guest_table(&cfg, &bind->first);
    return cfg;
}

/*
 * Publishes the entry. One that the unit did not confirm (caching mode) is taken back like any present entry;
 * `stays` when the unit does not confirm that either: nothing of it may be reused then.
 */
static int publish(struct svm_space *space, const struct svm_binding *binding, bool *stays)
{
    struct vtd_pasid_cfg cfg = entry_cfg(space, binding->domain->did);
    unsigned flags = binding->domain->bindings == 1 ? VTD_RETIRE_LAST_OF_DID : VTD_RETIRE_KEEP_DID;
    bool tagged = binding->dev->lane == IOMMU_LANE_PASID;
    int rc = tagged ? 0 : vtd_dev_set_rid_pasid(binding->dev->vtd, binding->slot);

    *stays = false;
    if (rc)
        return rc;
    rc = vtd_pasid_publish(binding->dev->vtd, binding->slot, &cfg);
    *stays =
        (rc == -EIO || rc == -ETIMEDOUT) && vtd_pasid_retire(binding->dev->vtd, binding->slot, flags) != 0;
    return rc;
}

/* Can this device's unit walk the table as it was built, and does it have all that is in it (rules 10, 15)?
 */
static bool table_fits(const struct pgtable *table, const struct vtd_dev *dev)
{
    if (!table)
        return true;
    return (!table->unit_snoops || dev->pwsnp) && (!table->leaf_snoop || dev->pgsnp) &&
           table->haw <= dev->unit->caps.haw;
}

/* Page requests are served from before the entry works until it has been drained. */
static void serve_pages(struct svm_space *space, struct svm_binding *binding)
{
    binding->paged = space->cfg.pager != NULL && binding->dev->vtd->pri;
    if (!binding->paged)
        return;
    binding->pager = (struct vtd_pager){
        .dev = binding->dev->vtd, .slot = binding->slot, .owner = space->cfg.pager, .id = space->id};
    vtd_pager_add(&binding->pager);
}

static void serve_no_pages(struct svm_binding *binding)
{
    if (binding->paged)
        vtd_pager_remove(&binding->pager);
}

static void link_binding(struct svm_space *space, struct svm_binding *binding)
{
    binding->reap.run = binding_reap;
    space->count++;
    list_add_tail(&space->bindings, &binding->link);
    plat_lock(&space->svm->lock);
    binding->space = space;
    plat_unlock(&space->svm->lock);
}

int svm_space_add(struct svm_space *space, struct svm_binding *binding)
{
    bool stays;
    int rc = table_fits(space->cfg.table, binding->dev->vtd) ? space_grow(space) : -EINVAL;

    if (rc == 0)
        rc = domain_get(space, binding->dev->vtd->unit, &binding->domain);
    if (rc)
        return rc;
    serve_pages(space, binding);
    rc = publish(space, binding, &stays);
    if (rc == 0 || stays) {
        link_binding(space, binding);
        return rc;
    }
    serve_no_pages(binding);
    domain_put(binding->domain);
    return rc;
}

/* A retired binding leaves its space and its device. Whoever claimed it for unbind gives the record back. */
static void binding_gone(struct svm_space *space, struct svm_binding *binding)
{
    struct svm_domain *domain = binding->domain;
    bool claimed;

    serve_no_pages(binding);
    space->count--;
    list_del(&binding->link);
    plat_lock(&space->svm->lock);
    list_del(&binding->dev_link);
    binding->space = NULL;
    claimed = binding->claimed;
    plat_unlock(&space->svm->lock);
    domain_put(domain);
    if (!claimed)
        plat_defer(&binding->reap);
}

static bool retires(const struct svm_binding *b, bool leaving_only)
{
    return !leaving_only || b->leaving;
}

/* Retires on the domain's unit among the first `n`: when they are all of its bindings but those that have no
 * entry to retire, the domain id ends with them. */
static void mark_last_of_did(const struct svm_space *space, const struct svm_domain *domain,
                             struct vtd_retire *items, unsigned n)
{
    unsigned here = 0;

    list_for_each (pos, &space->bindings) {
        const struct svm_binding *b = svm_binding_of(pos);

        here += b->domain == domain && b->retire == NULL && b->entry != SVM_ENTRY_THERE;
    }
    for (unsigned i = 0; i < n; i++)
        here += items[i].dev->unit == domain->unit;
    for (unsigned i = 0; here == domain->bindings && i < n; i++) {
        if (items[i].dev->unit == domain->unit)
            items[i].flags |= VTD_RETIRE_LAST_OF_DID;
    }
}

int svm_space_retire(struct svm_space *space, bool leaving_only)
{
    unsigned n = 0;
    int rc = 0;

    list_for_each (pos, &space->bindings) {
        struct svm_binding *b = svm_binding_of(pos);

        b->retire = NULL;
        if (!retires(b, leaving_only) || b->entry != SVM_ENTRY_THERE)
            continue;
        b->retire = &space->retires[n];
        space->retires[n++] =
            (struct vtd_retire){.dev = b->dev->vtd, .slot = b->slot, .flags = VTD_RETIRE_DMA_LIVE};
    }
    list_for_each (pos, &space->domains)
        mark_last_of_did(space, list_entry(pos, struct svm_domain, link), space->retires, n);
    if (n > 0)
        rc = vtd_pasid_retire_many(space->retires, n);
    list_for_each_safe (pos, &space->bindings) {
        struct svm_binding *b = svm_binding_of(pos);

        if (retires(b, leaving_only) &&
            (b->entry != SVM_ENTRY_THERE || (b->retire != NULL && b->retire->err == 0)))
            binding_gone(space, b);
    }
    return rc == -ENOENT ? 0 : rc; /* a unit that was suspended meanwhile has lost the entry */
}

int svm_space_restore(struct svm_space *space)
{
    int rc = 0;

    list_for_each (pos, &space->bindings) {
        struct svm_binding *b = svm_binding_of(pos);
        bool stays = false;

        if (b->entry != SVM_ENTRY_LOST || rc)
            continue;
        if (!space->gone)
            rc = publish(space, b, &stays);
        if (space->gone)
            b->entry = SVM_ENTRY_LEFT_OUT;
        else if (rc == 0 || stays)
            b->entry = SVM_ENTRY_THERE;
    }
    return rc;
}

int svm_space_stop(struct svm_space *space)
{
    unsigned n = 0;

    space->gone = true;
    list_for_each (pos, &space->bindings) {
        const struct svm_binding *b = svm_binding_of(pos);

        if (b->entry == SVM_ENTRY_THERE)
            space->retires[n++] = (struct vtd_retire){.dev = b->dev->vtd, .slot = b->slot};
    }
    return vtd_pasid_stop_many(space->retires, n);
}

int svm_space_flush(struct svm_space *space, svm_flush *how, iova_t iova, uint64_t size, bool leaf_only)
{
    unsigned n = 0;

    list_for_each (pos, &space->bindings) {
        const struct svm_binding *b = svm_binding_of(pos);

        if (b->entry == SVM_ENTRY_THERE)
            space->uses[n++] = (struct vtd_use){b->dev->vtd, b->slot};
    }
    if (n == 0)
        return space->count ? 0 : -ENOENT;
    return how(space->uses, n, iova, size, leaf_only);
}
