/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOMMU driver's private pointer of a live IOASID. It is found without the lock: one load leads to the
 * chunk, the next two to key and pointer, side by side.
 */
#include <errno.h>

#include "iommu/ioasid_core.h"

int ioasid_data_set(struct ioasid_core *core, ioasid_t id, void *data)
{
    struct ioasid_hot *hot;
    struct ioasid_rec *rec;
    int rc = 0;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    hot = rec ? ioasid_hot_at(core, ioasid_number(id)) : NULL;
    if (!rec)
        rc = -ENOENT;
    else if (hot->data || rec->flags & REC_DYING)
        rc = -EBUSY;
    else
        __atomic_store_n(&hot->data, data, __ATOMIC_RELEASE);
    plat_unlock(&core->lock);
    return rc;
}

void *ioasid_data_clear(struct ioasid_core *core, ioasid_t id)
{
    void *old = NULL;

    plat_lock(&core->lock);
    if (ioasid_rec_of(core, id)) {
        struct ioasid_hot *hot = ioasid_hot_at(core, ioasid_number(id));

        old = hot->data;
        __atomic_store_n(&hot->data, NULL, __ATOMIC_RELEASE);
    }
    plat_unlock(&core->lock);
    return old;
}

int ioasid_data_take(struct ioasid_core *core, ioasid_t id, void **old)
{
    *old = ioasid_data_clear(core, id);
    if (!*old)
        return -ENOENT;
    plat_grace_wait();
    return 0;
}

/* Why a lookup came to nothing. */
static cold_path int not_found(struct ioasid_set *set, ioasid_t id, uint64_t key)
{
    const struct ioasid_slot *slot = ioasid_slot_of(set);

    if (!slot)
        return -EINVAL;
    if (!ioasid_slot_has(slot, set))
        return -ESTALE;
    if (!ioasid_key_live(key) || key / IOASID_NUMBERS != ioasid_generation(id))
        return -ENOENT;
    if (ioasid_key_index(key, ioasid_number(id)) != slot->index)
        return -EACCES;
    return ioasid_key_has(key, ioasid_number(id), KEY_DYING) ? -EBUSY : -ENOENT;
}

int ioasid_data_find(struct ioasid_set *set, ioasid_t id, void **data)
{
    const struct ioasid_slot *slot = ioasid_slot_of(set);
    uint32_t number = ioasid_number(id);
    const struct ioasid_hot *hot;
    uint64_t key;
    void *found;

    if (!slot)
        return not_found(set, id, 0);
    hot = __atomic_load_n(&slot->hot[number / CHUNK_IDS], __ATOMIC_ACQUIRE);
    if (!hot)
        return not_found(set, id, 0);
    hot += number % CHUNK_IDS;
    key = __atomic_load_n(&hot->key, __ATOMIC_ACQUIRE);
    found = __atomic_load_n(&hot->data, __ATOMIC_ACQUIRE);
    if (!ioasid_key_fits(key, id, slot->index) || !ioasid_slot_has(slot, set) || !found)
        return not_found(set, id, key);
    *data = found;
    return 0;
}
