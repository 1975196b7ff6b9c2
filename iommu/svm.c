/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bind and unbind, and the driver's subscriber that tears down on FREE what nobody unbound.
 *
 * Whoever gets to a binding first, unbind or FREE, retires it, exactly once. unbind claims the binding before
 * it waits for the turn on the ID; if FREE was delivered meanwhile the claim says that the caller's device
 * was bound, and unbind has nothing left to do but to give the record back.
 */
#include "iommu/svm.h"

#include <errno.h>

#include "iommu/iommu_rmrr.h"
#include "iommu/iommu_sidp.h"
#include "iommu/svm_space.h"
#include "kernel/lib/bits.h"

/* ---- The driver's subscriber, at the IOMMU level ---- */

/* The space in an event: 0 with NULL when the private data is not ours, -EINVAL when it is and is broken. */
static int space_in_event(const struct svm *svm, const struct ioasid_event *ev, struct svm_space **out)
{
    struct svm_space *space = ev->data;

    *out = NULL;
    if (!space || space->tag != SVM_SPACE_TAG)
        return 0;
    if (space->svm != svm || !ioasid_eq(space->id, ev->id) ||
        list_empty(&space->bindings) != (space->count == 0))
        return -EINVAL;
    *out = space;
    return 0;
}

static struct svm *svm_of(struct ioasid_notifier *nb)
{
    return container_of(nb, struct svm, subscriber);
}

static int svm_event(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct svm_space *space;
    int rc;

    if (ev->type == IOASID_EVENT_FREE && !ioasid_is_dying(svm_of(nb)->core, ev->id))
        return -EPERM; /* not the core's: nobody freed it */
    rc = space_in_event(svm_of(nb), ev, &space);
    if (rc) {
        plat_log(LOG_ERROR, "svm: private data of ioasid %u is broken, its entries stay",
                 ioasid_number(ev->id));
        return rc;
    }
    return space ? svm_space_retire(space, ev->type == IOASID_EVENT_UNBIND) : 0;
}

/* FREE has reached everybody; later subscribers have seen the space, now it may go. */
static void svm_event_done(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    struct svm_space *space;

    if (ev->type == IOASID_EVENT_FREE && space_in_event(svm_of(nb), ev, &space) == 0 && space &&
        list_empty(&space->bindings))
        svm_space_release(space);
}

/* ---- Bind ---- */

static int check_cfg(const struct ioasid_bind_cfg *cfg)
{
    switch (cfg->stage) {
    case IOMMU_PASS_THROUGH:
        return cfg->table ? -EINVAL : 0;
    case IOMMU_FIRST_STAGE:
        return cfg->table && cfg->table->stage == PGTABLE_FIRST ? 0 : -EINVAL;
    case IOMMU_SECOND_STAGE:
    case IOMMU_NESTED:
        return cfg->table && cfg->table->stage == PGTABLE_SECOND ? 0 : -EINVAL;
    }
    return -EINVAL;
}

static bool same_first(const struct iommu_guest_table *a, const struct iommu_guest_table *b)
{
    return a->root == b->root && a->levels == b->levels && a->supervisor == b->supervisor &&
           a->write_protect == b->write_protect && a->extended_access == b->extended_access;
}

static bool same_cfg(const struct ioasid_bind_cfg *a, const struct ioasid_bind_cfg *b)
{
    return a->stage == b->stage && a->table == b->table && a->guest == b->guest && a->spid == b->spid &&
           a->pager == b->pager && (a->stage != IOMMU_NESTED || same_first(&a->first, &b->first));
}

/* The space of a live ID, ours and fit for `cfg`, or a new one. -EBUSY when the pointer is another owner's,
 * or the table has gone. */
static int space_for(struct svm *svm, const struct ioasid_turn *turn, struct ioasid_set *set,
                     const struct ioasid_bind_cfg *cfg, struct svm_space **out)
{
    void *data;
    int rc;

    if (turn->nested && !ioasid_is_told(turn)) /* its BIND could not overtake the event being delivered */
        return -EBUSY;
    rc = ioasid_data_find(set, turn->id, &data);
    if (rc == -ENOENT)
        return svm_space_create(svm, set, turn->id, cfg, out);
    if (rc)
        return rc;
    *out = data;
    if ((*out)->tag != SVM_SPACE_TAG || (*out)->gone)
        return -EBUSY;
    return same_cfg(&(*out)->cfg, cfg) ? 0 : -EINVAL;
}

/* The device has room for one more binding: tagged requests tell slots apart, others go by the one there is.
 */
static bool has_room(const struct iommu_dev *dev, uint32_t slot)
{
    list_for_each (pos, &dev->bindings) {
        if (dev->lane != IOMMU_LANE_PASID || svm_binding_on(pos)->slot == slot)
            return false;
    }
    return true;
}

/* Makes the device's slot ours, so that no other bind of it gets further. */
static int claim_device(struct svm *svm, struct svm_binding *binding)
{
    int rc = -EBUSY;

    plat_lock(&svm->lock);
    if (has_room(binding->dev, binding->slot)) {
        list_add_tail(&binding->dev->bindings, &binding->dev_link);
        rc = 0;
    }
    plat_unlock(&svm->lock);
    return rc;
}

static void unclaim_device(struct svm *svm, struct svm_binding *binding)
{
    plat_lock(&svm->lock);
    list_del(&binding->dev_link);
    plat_unlock(&svm->lock);
}

/* BIND to everybody; after a refusal the entry goes again and with it the space. */
static int announce(struct ioasid_turn *turn, struct svm_space *space)
{
    int rc = ioasid_emit_bind(turn);

    if (rc == 0)
        return ioasid_is_dying(turn->core, turn->id) ? -EBUSY : 0; /* its FREE cleans up */
    if (svm_space_retire(space, false) == 0)
        svm_space_release(space);
    else
        ioasid_note_failure(turn);
    return rc;
}

/* From a claimed device to one that works: its space, new if need be, and its entry. Undone on an error. */
static int set_up(struct svm *svm, const struct ioasid_turn *turn, struct ioasid_set *set,
                  struct svm_binding *binding, const struct ioasid_bind_cfg *cfg, struct svm_space **space)
{
    int rc = space_for(svm, turn, set, cfg, space);

    if (rc)
        return rc;
    rc = svm_space_add(*space, binding);
    if (rc && (*space)->count == 0)
        svm_space_release(*space);
    return rc;
}

static int bind_with_turn(struct svm *svm, struct ioasid_turn *turn, struct ioasid_set *set,
                          struct iommu_dev *dev, const struct ioasid_bind_cfg *cfg)
{
    struct svm_binding *binding = plat_alloc(sizeof(*binding), OWNER_IOASID);
    struct svm_space *space;
    int rc;

    if (!binding)
        return -ENOMEM;
    list_init(&binding->link);
    binding->dev = dev;
    binding->slot = dev->lane == IOMMU_LANE_RID ? 0 : ioasid_number(turn->id);
    rc = claim_device(svm, binding);
    if (rc) {
        plat_free(binding);
        return rc;
    }
    rc = set_up(svm, turn, set, binding, cfg, &space);
    if (rc && !binding->space) {
        unclaim_device(svm, binding);
        plat_free(binding);
    } else if (rc) {
        ioasid_note_failure(turn); /* it stays bound */
    }
    if (rc)
        return rc;
    return ioasid_is_told(turn) ? 0 : announce(turn, space);
}

/* The number has to fit the device, and be one that names an address space at all. */
static int check_number(const struct iommu_dev *dev, ioasid_t id)
{
    return ioasid_number(id) == 0 || ioasid_number(id) >= pow2(dev->pasid_bits) ? -EINVAL : 0;
}

int ioasid_bind(struct ioasid_set *set, ioasid_t id, struct iommu_dev *dev, const struct ioasid_bind_cfg *cfg)
{
    struct ioasid_turn turn;
    int rc = dev->iommu->suspended ? -EAGAIN : check_cfg(cfg);

    if (rc == 0 && (!iommu_rmrr_fits(dev, cfg) || !iommu_sidp_allows(dev, cfg->stage)))
        rc = -EINVAL;
    if (rc == 0)
        rc = check_number(dev, id);
    if (rc == 0)
        rc = ioasid_turn_begin(set, id, &turn);
    if (rc)
        return rc;
    if (ioasid_is_dying(turn.core, id))
        rc = -EBUSY;
    else
        rc = bind_with_turn(dev->iommu->svm, &turn, set, dev, cfg);
    ioasid_turn_end(&turn);
    return rc;
}

/* ---- Unbind ---- */

/* The device's binding to `id`, claimed for this caller; NULL when there is none or another unbind has it. */
static struct svm_binding *claim_binding(struct svm *svm, const struct iommu_dev *dev, ioasid_t id)
{
    struct svm_binding *found = NULL;

    plat_lock(&svm->lock);
    list_for_each (pos, &dev->bindings) {
        struct svm_binding *binding = svm_binding_on(pos);

        if (binding->space && !binding->claimed && ioasid_eq(binding->space->id, id))
            found = binding;
    }
    if (found)
        found->claimed = true;
    plat_unlock(&svm->lock);
    return found;
}

/*
 * Takes a claimed binding down, unless FREE did so while we waited for the turn. The last one tells everybody
 * first, and the driver's own subscriber retires it when its level comes. From a handler of the ID itself
 * only FREE's leaves something to do: the UNBIND of a last binding could not overtake the event being
 * delivered.
 */
static int unbind_with_turn(struct ioasid_turn *turn, struct svm_binding *binding)
{
    struct svm_space *space = binding->space;
    int rc = 0;

    if (!space)
        return 0;
    if (turn->nested && space->count == 1 && !ioasid_is_dying(turn->core, turn->id))
        return -EBUSY;
    binding->leaving = true;
    if (turn->nested || space->count > 1 || !ioasid_emit_unbind(turn))
        rc = svm_space_retire(space, true);
    binding->leaving = false;
    if (space->count == 0 && !turn->nested)
        svm_space_release(space);
    return rc;
}

/* Ends the claim. True when the binding is gone: nobody serves its page requests any more, and its record
 * goes after a grace period. No turn is held, which a server may be waiting for. */
static bool claim_over(struct svm *svm, struct svm_binding *binding)
{
    bool gone;

    plat_lock(&svm->lock);
    gone = !binding->space;
    binding->claimed = false;
    plat_unlock(&svm->lock);
    if (!gone)
        return false;
    if (binding->paged)
        vtd_pager_wait(binding->dev->vtd->unit, &binding->pager);
    plat_defer(&binding->reap);
    return true;
}

int ioasid_unbind(struct ioasid_set *set, ioasid_t id, struct iommu_dev *dev)
{
    struct svm *svm = dev->iommu->svm;
    struct svm_binding *binding;
    struct ioasid_turn turn;
    int rc = ioasid_refs(set, id);

    if (rc < 0)
        return rc;
    binding = claim_binding(svm, dev, id);
    if (!binding)
        return -ENOENT;
    rc = ioasid_turn_begin(set, id, &turn);
    if (rc == 0) {
        rc = unbind_with_turn(&turn, binding);
        ioasid_turn_end(&turn);
    }
    if (claim_over(svm, binding))
        return 0;
    return rc ? rc : -ETIMEDOUT;
}

/* ---- What happens to a bound table ---- */

/* The turn on an ID and its space. -ENOENT when nothing is bound; on an error there is no turn. */
static int turn_on_space(struct ioasid_set *set, ioasid_t id, struct ioasid_turn *turn,
                         struct svm_space **space)
{
    void *data;
    int rc = ioasid_turn_begin(set, id, turn);

    if (rc)
        return rc;
    rc = ioasid_data_find(set, id, &data);
    if (rc == 0 && ((struct svm_space *)data)->tag != SVM_SPACE_TAG)
        rc = -ENOENT;
    if (rc == 0)
        *space = data;
    else
        ioasid_turn_end(turn);
    return rc;
}

static int flush(struct ioasid_set *set, ioasid_t id, svm_flush *how, iova_t iova, uint64_t size,
                 bool leaf_only)
{
    struct svm_space *space;
    struct ioasid_turn turn;
    int rc = turn_on_space(set, id, &turn, &space);

    if (rc)
        return rc;
    rc = svm_space_flush(space, how, iova, size, leaf_only);
    ioasid_turn_end(&turn);
    return rc;
}

int ioasid_flush(struct ioasid_set *set, ioasid_t id, iova_t iova, uint64_t size, bool leaf_only)
{
    return flush(set, id, vtd_flush_range, iova, size, leaf_only);
}

int ioasid_flush_below(struct ioasid_set *set, ioasid_t id, iova_t iova, uint64_t size, bool leaf_only)
{
    return flush(set, id, vtd_flush_below, iova, size, leaf_only);
}

int ioasid_table_gone(struct ioasid_set *set, ioasid_t id)
{
    struct svm_space *space;
    struct ioasid_turn turn;
    int rc = turn_on_space(set, id, &turn, &space);

    if (rc)
        return rc;
    rc = svm_space_stop(space);
    ioasid_turn_end(&turn);
    return rc;
}

/* ---- Life of the part ---- */

int svm_create(struct iommu *iommu, struct ioasid_core *core, struct svm **out)
{
    struct svm *svm = plat_alloc(sizeof(*svm), OWNER_IOASID);
    int rc;

    if (!svm)
        return -ENOMEM;
    svm->iommu = iommu;
    svm->core = core;
    plat_lock_init(&svm->lock, "svm");
    list_init(&svm->spaces);
    svm->subscriber = (struct ioasid_notifier){
        .handler = svm_event,
        .done = svm_event_done,
        .level = IOASID_LEVEL_IOMMU,
        .events = IOASID_EVENT_UNBIND | IOASID_EVENT_FREE,
        .name = "vt-d",
    };
    rc = ioasid_notifier_register(core, IOASID_ANY_SET, &svm->subscriber);
    if (rc) {
        plat_free(svm);
        return rc;
    }
    *out = svm;
    return 0;
}

void svm_destroy(struct svm *svm)
{
    plat_assert(ioasid_notifier_unregister(svm->core, &svm->subscriber) == 0);
    plat_free(svm);
}
