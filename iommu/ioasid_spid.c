/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The set-private alias of a live IOASID (SPID). SPIDs are found through a two-level array per set that
 * exists while an SPID is attached.
 */
#include <errno.h>

#include "iommu/ioasid_core.h"

#define SPID_LEAVES      (IOASID_NUMBERS / SPIDS_PER_LEAF)
#define SPID_TABLE_PAGES (SPID_LEAVES * sizeof(uint32_t *) / PAGE_SIZE)

/* Where the number of `spid` is kept; NULL while nothing near it is. */
static uint32_t *place_of(const struct ioasid_slot *slot, uint32_t spid)
{
    uint32_t *leaf = slot->spids ? slot->spids[spid / SPIDS_PER_LEAF] : NULL;

    return leaf ? &leaf[spid % SPIDS_PER_LEAF] : NULL;
}

/* The same, made if need be; NULL without memory. Core lock held. */
static uint32_t *place_make(struct ioasid_slot *slot, uint32_t spid)
{
    uint32_t **leaf;

    if (!slot->spids)
        slot->spids = plat_pages_alloc(SPID_TABLE_PAGES, OWNER_IOASID);
    if (!slot->spids)
        return NULL;
    leaf = &slot->spids[spid / SPIDS_PER_LEAF];
    if (!*leaf)
        *leaf = plat_pages_alloc(1, OWNER_IOASID);
    return place_of(slot, spid);
}

void ioasid_spids_destroy(struct ioasid_slot *slot)
{
    if (!slot->spids)
        return;
    for (uint32_t i = 0; i < SPID_LEAVES; i++) {
        if (slot->spids[i])
            plat_pages_free(slot->spids[i], 1);
    }
    plat_pages_free(slot->spids, SPID_TABLE_PAGES);
    slot->spids = NULL;
}

static int attach(struct ioasid_slot *slot, uint32_t number, uint32_t spid, uint16_t flags)
{
    struct ioasid_rec *rec = ioasid_rec_at(slot->core, number);
    uint32_t *place;

    if (rec->flags & (REC_DYING | REC_SPID))
        return -EBUSY;
    place = place_make(slot, spid);
    if (!place) {
        if (slot->spid_count == 0)
            ioasid_spids_destroy(slot);
        return -ENOMEM;
    }
    if (*place != NO_NUMBER)
        return -EEXIST;
    *place = number;
    rec->spid = spid;
    rec->flags |= flags;
    slot->spid_count++;
    return 0;
}

static int attach_id(struct ioasid_core *core, ioasid_t id, uint32_t spid, uint16_t flags)
{
    int rc = -ENOENT;

    if (spid >= IOASID_NUMBERS)
        return -EINVAL;
    plat_lock(&core->lock);
    if (ioasid_rec_of(core, id))
        rc = attach(ioasid_slot_of_number(core, ioasid_number(id)), ioasid_number(id), spid, flags);
    plat_unlock(&core->lock);
    return rc;
}

int ioasid_spid_attach(struct ioasid_core *core, ioasid_t id, uint32_t spid)
{
    return attach_id(core, id, spid, REC_SPID);
}

int ioasid_bound_spid(struct ioasid_core *core, ioasid_t id, uint32_t spid)
{
    return attach_id(core, id, spid, REC_SPID | REC_SPID_BOUND);
}

void ioasid_spid_clear(struct ioasid_slot *slot, struct ioasid_rec *rec)
{
    *place_of(slot, rec->spid) = NO_NUMBER;
    rec->flags &= (uint16_t) ~(REC_SPID | REC_SPID_BOUND);
    if (--slot->spid_count == 0)
        ioasid_spids_destroy(slot);
}

int ioasid_spid_detach(struct ioasid_core *core, ioasid_t id)
{
    struct ioasid_rec *rec;
    int rc = -ENOENT;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    if (rec && rec->flags & REC_SPID)
        rc = rec->flags & REC_SPID_BOUND ? -EBUSY : 0;
    if (rc == 0)
        ioasid_spid_clear(ioasid_slot_of_number(core, ioasid_number(id)), rec);
    plat_unlock(&core->lock);
    return rc;
}

static int find(const struct ioasid_slot *slot, uint32_t spid, bool get, ioasid_t *id)
{
    const uint32_t *place = spid < IOASID_NUMBERS ? place_of(slot, spid) : NULL;
    struct ioasid_rec *rec;

    if (!place || *place == NO_NUMBER)
        return -ENOENT;
    rec = ioasid_rec_at(slot->core, *place);
    if (get && rec->flags & REC_DYING)
        return -EBUSY;
    if (get && rec->refs == REFS_MAX)
        return -EOVERFLOW;
    *id = ioasid_id_at(slot->core, *place);
    rec->refs += get ? 1 : 0;
    return 0;
}

int ioasid_spid_find(struct ioasid_set *set, uint32_t spid, bool get, ioasid_t *id)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    int rc;

    if (!slot)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    rc = ioasid_slot_has(slot, set) ? find(slot, spid, get, id) : -ESTALE;
    plat_unlock(&slot->core->lock);
    return rc;
}
