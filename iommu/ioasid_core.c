/* SPDX-License-Identifier: BSD-2-Clause */
/* The core as an object: its parts put together and given back, its counters. */
#include "iommu/ioasid_core.h"

#include <errno.h>

#define IDLE_NS 1000000000ull

static void core_free(struct ioasid_core *core)
{
    ioasid_sets_destroy(core);
    ioasid_numbers_destroy(core);
    plat_free(core);
}

int ioasid_core_create(unsigned bits, struct ioasid_core **out)
{
    struct ioasid_core *core;

    if (bits < 1 || bits > IOASID_BITS)
        return -EINVAL;
    core = plat_alloc(sizeof(*core), OWNER_IOASID);
    if (!core)
        return -ENOMEM;
    plat_lock_init(&core->lock, "ioasid core");
    core->last = (uint32_t)pow2(bits) - 1;
    core->life = KEY_DYING;
    idpool_init(&core->full, CHUNKS, core->full_words);
    if (ioasid_sets_create(core)) {
        core_free(core);
        return -ENOMEM;
    }
    core->grace.run = ioasid_grace_over;
    list_init(&core->allocators);
    list_init(&core->offers);
    notifier_core_init(core);
    *out = core;
    return 0;
}

int ioasid_core_destroy(struct ioasid_core *core)
{
    bool busy;

    plat_lock(&core->lock);
    busy = notifier_in_handler(core); /* which may be the dispatcher's: it cannot wait for itself */
    plat_unlock(&core->lock);
    if (busy || plat_idle_wait(IDLE_NS)) /* the dispatcher or a grace period may still look at the core */
        return -EBUSY;
    plat_lock(&core->lock);
    busy = ioasid_live_count(core) != 0 || core->sets != 1 || core->grace_running ||
           !list_empty(&core->notifiers) || !list_empty(&core->allocators);
    plat_unlock(&core->lock);
    if (busy)
        return -EBUSY;
    core_free(core);
    return 0;
}

void ioasid_stats(struct ioasid_core *core, struct ioasid_stats *out)
{
    plat_lock(&core->lock);
    *out = core->stats;
    out->live = ioasid_live_count(core);
    out->limbo = ioasid_limbo_count(core);
    out->held = core->held.count;
    out->sets = core->sets;
    out->available = ioasid_available(core);
    out->allocs = core->life / IOASID_NUMBERS;
    out->reclaims = out->allocs - out->live;
    plat_unlock(&core->lock);
}
