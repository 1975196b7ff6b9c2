/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of an IOASID: alloc, get, put. Its end is in ioasid_free.c, where numbers come from in
 * ioasid_number.c.
 */
#include "iommu/ioasid.h"

#include <errno.h>

#include "iommu/ioasid_core.h"

/* ---- Alloc ---- */

/*
 * A number for a set that has room, in one step with the look at its quota, but for the time that a custom
 * allocator takes. Core lock held.
 */
static int search(struct ioasid_slot *slot, uint32_t min, uint32_t max, uint32_t *number)
{
    struct ioasid_core *core = slot->core;
    int rc;

    if (core->ops)
        rc = ioasid_custom_take(slot, min, max, number);
    else
        rc = ioasid_number_take(core, min, max, number);
    if (rc) {
        slot->live--;
        ioasid_slot_settle(slot);
    }
    return rc;
}

/* Quota, then number. Core lock held. */
static int take(struct ioasid_slot *slot, uint32_t min, uint32_t max, uint32_t *number)
{
    if (slot->live == slot->quota)
        return slot->index == SYSTEM_SLOT ? -ENOSPC : -EDQUOT;
    slot->live++;
    return search(slot, min, max, number);
}

static inline ioasid_t start_life(struct ioasid_core *core, const struct ioasid_slot *slot,
                                  struct ioasid_hot *hot)
{
    ioasid_t id = {hot->key ^ (core->life += IOASID_NUMBERS)};

    __atomic_store_n(&hot->key, ioasid_key(id, slot->index), __ATOMIC_RELEASE);
    return id;
}

/* Any number in min..max, and anybody may have to be told. Core lock held, and given back. */
static cold_path int alloc_any(struct ioasid_slot *slot, const struct ioasid_set *set, uint32_t min,
                               uint32_t max, ioasid_t *id)
{
    struct ioasid_core *core = slot->core;
    uint32_t number;
    int rc = slot->open == set ? take(slot, min, max, &number) : -ESTALE;

    if (rc == 0) {
        *id = start_life(core, slot, ioasid_hot_at(core, number));
        if (core->wanted[0])
            notifier_post(slot, number, REC_EV_ALLOC);
    }
    plat_unlock(&core->lock);
    return rc;
}

static cold_path int alloc_in_range(struct ioasid_slot *slot, const struct ioasid_set *set, uint32_t min,
                                    uint32_t max, ioasid_t *id)
{
    if (!slot || min == 0 || min > max || max > slot->core->last)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    return alloc_any(slot, set, min, max, id);
}

/* What most allocs are, of a number that is spare, while nobody wants to be told, is told from all else here.
 */
int ioasid_alloc(struct ioasid_set *set, uint32_t min, uint32_t max, ioasid_t *id)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    struct ioasid_core *core;
    uint64_t at;

    if (!slot || min != 1 || max != slot->core->last)
        return alloc_in_range(slot, set, min, max, id);
    plat_lock(&slot->core->lock);
    core = slot->core;
    at = core->ring.take;
    if (slot->open != set || slot->live == slot->quota || at >= core->ring.quick)
        return alloc_any(slot, set, 1, core->last, id);
    core->ring.take = at + 1;
    slot->live++;
    *id = start_life(core, slot, core->ring.at[at % RING_IDS]);
    plat_unlock(&core->lock);
    return 0;
}

/* ---- References ---- */

int ioasid_get(struct ioasid_set *set, ioasid_t id)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    struct ioasid_rec *rec;
    int rc;

    if (!slot)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    rc = ioasid_rec_in(slot, set, id, &rec);
    if (rc == 0 && rec->flags & REC_DYING)
        rc = -EBUSY;
    if (rc == 0 && rec->refs == REFS_MAX)
        rc = -EOVERFLOW;
    if (rc == 0)
        rec->refs++;
    plat_unlock(&slot->core->lock);
    return rc;
}

/* References that ioasid_put may give back: neither the owner's nor the binding's. */
static uint32_t user_refs(const struct ioasid_rec *rec)
{
    uint32_t reserved = (rec->flags & REC_DYING ? 0 : 1) + (rec->flags & REC_BOUND ? 1 : 0);

    return rec->refs - reserved;
}

int ioasid_put(struct ioasid_set *set, ioasid_t id)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    struct ioasid_rec *rec;
    int rc;

    if (!slot)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    rc = ioasid_rec_in(slot, set, id, &rec);
    if (rc == 0 && user_refs(rec) == 0)
        rc = -EINVAL;
    if (rc == 0) {
        rec->refs--;
        rc = rec->refs == 0 ? 1 : 0;
        ioasid_maybe_reclaim(slot->core, ioasid_number(id));
    }
    plat_unlock(&slot->core->lock);
    return rc;
}

int ioasid_refs(struct ioasid_set *set, ioasid_t id)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    struct ioasid_rec *rec;
    int rc;

    if (!slot)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    rc = ioasid_rec_in(slot, set, id, &rec);
    if (rc == 0)
        rc = (int)rec->refs;
    plat_unlock(&slot->core->lock);
    return rc;
}

int ioasid_lookup(struct ioasid_core *core, uint32_t number, ioasid_t *id)
{
    const struct ioasid_hot *hot;

    *id = IOASID_INVALID;
    plat_lock(&core->lock);
    hot = number <= core->last ? ioasid_hot_at(core, number) : NULL;
    if (hot && ioasid_key_live(hot->key))
        *id = ioasid_id_at(core, number);
    plat_unlock(&core->lock);
    return ioasid_eq(*id, IOASID_INVALID) ? -ENOENT : 0;
}

/* ---- The binding's reference ---- */

int ioasid_bound_get(struct ioasid_core *core, ioasid_t id, bool native)
{
    struct ioasid_slot *slot;
    struct ioasid_rec *rec;
    int rc = 0;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    slot = rec ? ioasid_slot_of_number(core, ioasid_number(id)) : NULL;
    if (!rec)
        rc = -ENOENT;
    else if (rec->flags & REC_DYING || ioasid_slot_dying(slot))
        rc = -EBUSY;
    else if (rec->refs == REFS_MAX)
        rc = -EOVERFLOW;
    if (rc == 0) {
        plat_assert(!(rec->flags & REC_BOUND));
        rec->refs++;
        rec->flags |= native ? REC_BOUND | REC_NATIVE : REC_BOUND;
        slot->natives += native;
    }
    plat_unlock(&core->lock);
    return rc;
}

void ioasid_bound_put(struct ioasid_core *core, ioasid_t id)
{
    struct ioasid_slot *slot;
    struct ioasid_rec *rec;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    plat_assert(rec && rec->flags & REC_BOUND);
    slot = ioasid_slot_of_number(core, ioasid_number(id));
    slot->natives -= rec->flags & REC_NATIVE ? 1 : 0;
    if (rec->flags & REC_SPID_BOUND)
        ioasid_spid_clear(slot, rec);
    rec->flags &= (uint16_t) ~(REC_BOUND | REC_NATIVE);
    rec->refs--;
    ioasid_maybe_reclaim(core, ioasid_number(id));
    plat_unlock(&core->lock);
}

bool ioasid_is_dying(struct ioasid_core *core, ioasid_t id)
{
    struct ioasid_rec *rec;
    bool dying;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    dying = !rec || rec->flags & REC_DYING;
    plat_unlock(&core->lock);
    return dying;
}
