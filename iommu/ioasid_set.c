/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sets: slots, handles, tokens, quotas, and their end. A set that is destroyed with live IDs drains; whoever
 * reclaims the last one ends it, unless a thread still walks over its IDs: then that thread does.
 */
#include "iommu/ioasid_set.h"

#include <errno.h>

#include "iommu/ioasid_core.h"

#define WALK_STEP 64u /* numbers looked at with the lock held once */

/* ---- Slots and handles ---- */

struct ioasid_core *ioasid_core_of(struct ioasid_set *set)
{
    return ioasid_slot_of(set)->core;
}

void ioasid_slot_dispatch(struct ioasid_slot *slot)
{
    if (slot->queue)
        plat_work_queue_on(slot->queue, &slot->dispatch);
    else
        plat_work_queue(&slot->dispatch);
}

/* The dispatcher of a set that is over has ended: the slot is free, unless its handles are used up. T. */
static void slot_retire(struct plat_work *work)
{
    struct ioasid_slot *slot = container_of(work, struct ioasid_slot, retire);
    struct ioasid_core *core = slot->core;

    plat_workq_destroy(slot->queue);
    plat_lock(&core->lock);
    slot->queue = NULL;
    if (slot->lives < SLOT_LIVES)
        list_add_tail(&core->free_slots, &slot->link);
    plat_unlock(&core->lock);
}

/* A slot that was never used, in a page that may have to be made. NULL without memory or when there are none.
 */
static struct ioasid_slot *fresh_slot(struct ioasid_core *core)
{
    uint32_t index = core->slot_count, page = index / SLOTS_PER_PAGE;
    struct ioasid_slot *slot;

    if (page == SLOT_PAGES)
        return NULL;
    if (!core->slots[page])
        core->slots[page] = plat_pages_alloc(1, OWNER_IOASID);
    if (!core->slots[page])
        return NULL;
    core->slot_count++;
    slot = ioasid_slot_at(core, index);
    slot->core = core;
    slot->hot = core->hot;
    slot->index = index;
    slot->dispatch.run = notifier_dispatch;
    slot->retire.run = slot_retire;
    return slot;
}

static struct ioasid_slot *slot_take(struct ioasid_core *core)
{
    struct ioasid_slot *slot;

    if (list_empty(&core->free_slots))
        return fresh_slot(core);
    slot = list_first(&core->free_slots, struct ioasid_slot, link);
    list_del(&slot->link);
    return slot;
}

/* The next handle of a slot: another byte of it for each of its sets. */
static void slot_start(struct ioasid_slot *slot, enum ioasid_token_type type, const void *token,
                       uint32_t quota)
{
    struct ioasid_set *handle = (struct ioasid_set *)((char *)slot + ++slot->lives);

    slot->type = type;
    slot->token = token;
    slot->quota = quota;
    slot->open = handle;
    slot->core->sets++;
    __atomic_store_n(&slot->handle, handle, __ATOMIC_RELEASE); /* lookups look at it without the lock */
}

bool ioasid_slot_settle(struct ioasid_slot *slot)
{
    struct ioasid_core *core = slot->core;

    if (!ioasid_slot_dying(slot) || slot->live || slot->holds)
        return false;
    __atomic_store_n(&slot->handle, NULL, __ATOMIC_RELEASE);
    core->slots[0]->quota += slot->quota;
    core->sets--;
    plat_work_queue(&slot->retire);
    return true;
}

/* ---- Create ---- */

static bool token_fits(enum ioasid_token_type type, const void *token)
{
    return (type == IOASID_TOKEN_NONE && !token) || (type == IOASID_TOKEN_MM && token);
}

struct ioasid_slot *ioasid_slot_by_token(struct ioasid_core *core, enum ioasid_token_type type,
                                         const void *token)
{
    for (uint32_t i = 0; type != IOASID_TOKEN_NONE && i < core->slot_count; i++) {
        struct ioasid_slot *slot = ioasid_slot_at(core, i);

        if (slot->handle && slot->type == type && slot->token == token)
            return slot;
    }
    return NULL;
}

/* Token, quota and slot in one step. Core lock held. */
static int set_make(struct ioasid_core *core, enum ioasid_token_type type, const void *token, uint32_t quota,
                    struct ioasid_slot **slot)
{
    if (ioasid_slot_by_token(core, type, token))
        return -EEXIST;
    if (quota > ioasid_available(core))
        return -ENOSPC;
    *slot = slot_take(core);
    if (!*slot)
        return core->slot_count == SLOTS ? -ENOSPC : -ENOMEM;
    core->slots[0]->quota -= quota;
    slot_start(*slot, type, token, quota);
    return 0;
}

int ioasid_set_create(struct ioasid_core *core, enum ioasid_token_type type, const void *token,
                      uint32_t quota, struct ioasid_set **set)
{
    struct plat_workq *queue;
    struct ioasid_slot *slot;
    int rc;

    if (!token_fits(type, token) || quota == 0)
        return -EINVAL;
    queue = plat_workq_create("ioasid set");
    if (!queue)
        return -ENOMEM;
    plat_lock(&core->lock);
    rc = set_make(core, type, token, quota, &slot);
    if (rc == 0) {
        slot->queue = queue;
        *set = slot->handle;
    }
    plat_unlock(&core->lock);
    if (rc)
        plat_workq_destroy(queue);
    return rc;
}

/* ---- Quota ---- */

int ioasid_set_adjust(struct ioasid_set *set, uint32_t quota)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    struct ioasid_core *core;
    int rc;

    if (!slot)
        return -EINVAL;
    core = slot->core;
    plat_lock(&core->lock);
    rc = slot->open == set ? 0 : -ESTALE;
    if (rc == 0 && (quota == 0 || quota < slot->live || slot->index == SYSTEM_SLOT))
        rc = -EINVAL;
    if (rc == 0 && quota > slot->quota && quota - slot->quota > ioasid_available(core))
        rc = -ENOSPC;
    if (rc == 0) {
        core->slots[0]->quota += slot->quota - quota;
        slot->quota = quota;
    }
    plat_unlock(&core->lock);
    return rc;
}

int ioasid_capacity_reserve(struct ioasid_core *core, uint32_t count)
{
    int rc = 0;

    plat_lock(&core->lock);
    if (count == 0) {
        rc = -EINVAL;
    } else if (count > ioasid_available(core)) {
        rc = -ENOSPC;
    } else {
        core->slots[0]->quota -= count;
        core->reserved += count;
    }
    plat_unlock(&core->lock);
    return rc;
}

int ioasid_capacity_cancel(struct ioasid_core *core, uint32_t count)
{
    int rc = 0;

    plat_lock(&core->lock);
    if (count == 0 || count > core->reserved) {
        rc = -EINVAL;
    } else {
        core->reserved -= count;
        core->slots[0]->quota += count;
    }
    plat_unlock(&core->lock);
    return rc;
}

int ioasid_set_info(struct ioasid_set *set, struct ioasid_set_info *out)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    int rc;

    if (!slot)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    rc = ioasid_slot_has(slot, set) ? 0 : -ESTALE;
    if (rc == 0)
        *out = (struct ioasid_set_info){slot->quota, slot->live, slot->pending, ioasid_slot_dying(slot)};
    plat_unlock(&slot->core->lock);
    return rc;
}

/* ---- The end ---- */

/* The worst that happened to one ID: 0 reclaimed, -EINPROGRESS it or an earlier free is pending, -EBUSY
 * native. */
static int worse(int a, int b)
{
    if (b == -EALREADY)
        b = -EINPROGRESS;
    return a == -EBUSY || b == 0 ? a : b;
}

/* Frees what of `count` numbers from `first` on is the set's. */
static int free_some(struct ioasid_slot *slot, uint32_t first, uint32_t count)
{
    struct ioasid_core *core = slot->core;
    int rc = 0;

    plat_lock(&core->lock);
    for (uint32_t n = first; n < first + count; n++) {
        const struct ioasid_hot *hot = ioasid_hot_at(core, n);

        if (hot && ioasid_key_live(hot->key) && ioasid_slot_of_number(core, n) == slot)
            rc = worse(rc, ioasid_kill(slot, n));
    }
    plat_unlock(&core->lock);
    return rc;
}

/* Frees every ID; the caller holds the slot. */
static int free_each(struct ioasid_slot *slot)
{
    struct ioasid_core *core = slot->core;
    int rc = 0;

    for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
        if (__atomic_load_n(&core->hot[chunk], __ATOMIC_RELAXED) == NULL)
            continue;
        for (uint32_t n = 0; n < CHUNK_IDS; n += WALK_STEP)
            rc = worse(rc, free_some(slot, chunk * CHUNK_IDS + n, WALK_STEP));
    }
    return rc;
}

/* Ends what slot->holds++ began. True when that was the end of the set. */
static bool let_go(struct ioasid_slot *slot)
{
    bool over;

    plat_lock(&slot->core->lock);
    slot->holds--;
    over = ioasid_slot_settle(slot);
    plat_unlock(&slot->core->lock);
    return over;
}

int ioasid_set_destroy(struct ioasid_set *set)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    int rc;

    if (!slot || slot->index == SYSTEM_SLOT)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    rc = slot->open == set ? 0 : -EALREADY;
    if (rc == 0 && slot->natives)
        rc = -EBUSY;
    if (rc == 0) {
        slot->open = NULL;
        slot->holds++;
    }
    plat_unlock(&slot->core->lock);
    if (rc)
        return rc;
    rc = free_each(slot);
    return let_go(slot) ? rc : -EINPROGRESS;
}

int ioasid_free_all(struct ioasid_set *set)
{
    struct ioasid_slot *slot = ioasid_slot_of(set);
    int rc;

    if (!slot)
        return -EINVAL;
    plat_lock(&slot->core->lock);
    rc = ioasid_slot_has(slot, set) ? 0 : -ESTALE;
    if (rc == 0)
        slot->holds++;
    plat_unlock(&slot->core->lock);
    if (rc)
        return rc;
    rc = free_each(slot);
    let_go(slot);
    return rc;
}

/* ---- With the core ---- */

int ioasid_sets_create(struct ioasid_core *core)
{
    struct ioasid_slot *slot;

    list_init(&core->free_slots);
    slot = fresh_slot(core);
    if (!slot)
        return -ENOMEM;
    slot_start(slot, IOASID_TOKEN_NONE, NULL, core->last);
    return 0;
}

void ioasid_sets_destroy(struct ioasid_core *core)
{
    for (uint32_t i = 0; i < SLOT_PAGES && core->slots[i]; i++)
        plat_pages_free(core->slots[i], 1);
}

struct ioasid_set *ioasid_system_set(struct ioasid_core *core)
{
    return ioasid_slot_at(core, SYSTEM_SLOT)->handle;
}
