/* SPDX-License-Identifier: BSD-2-Clause */
/* The core as an object: its memory, its system set, its counters. */
#include "iommu/ioasid_core.h"

#include <errno.h>

#include "kernel/lib/bits.h"

#define IDLE_NS 1000000000ull

static struct ioasid_set *set_create(struct ioasid_core *core, uint16_t index, const void *token)
{
    struct ioasid_set *set = plat_alloc(sizeof(*set), OWNER_IOASID);

    if (!set)
        return NULL;
    set->core = core;
    set->token = token;
    set->index = index;
    set->dispatch.run = notifier_dispatch;
    return set;
}

/* Pages, a power of two of them, that hold `bytes`. */
static unsigned pages_for(size_t bytes)
{
    return (unsigned)pow2(log2_ceil((bytes + PAGE_SIZE - 1) / PAGE_SIZE));
}

static void core_free(struct ioasid_core *core)
{
    if (core->sets[0]) {
        ioasid_spids_destroy(core->sets[0]);
        plat_free(core->sets[0]);
    }
    if (core->chunk_live)
        plat_pages_free(core->chunk_live, pages_for(CHUNK_MAX));
    if (core->chunks)
        plat_pages_free(core->chunks, pages_for(CHUNK_MAX * sizeof(core->chunks[0])));
    if (core->pool_memory)
        plat_pages_free(core->pool_memory, core->pool_pages);
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
    core->limit = (uint32_t)pow2(bits);
    core->pool_pages = pages_for(idpool_memory(core->limit));
    core->pool_memory = plat_pages_alloc(core->pool_pages, OWNER_IOASID);
    core->chunks = plat_pages_alloc(pages_for(CHUNK_MAX * sizeof(core->chunks[0])), OWNER_IOASID);
    core->chunk_live = plat_pages_alloc(pages_for(CHUNK_MAX), OWNER_IOASID);
    core->sets[0] = set_create(core, 0, NULL);
    if (!core->pool_memory || !core->chunks || !core->chunk_live || !core->sets[0]) {
        core_free(core);
        return -ENOMEM;
    }
    idpool_init(&core->pool, core->limit, core->pool_memory);
    core->grace.run = ioasid_grace_over;
    notifier_core_init(core);
    *out = core;
    return 0;
}

int ioasid_core_destroy(struct ioasid_core *core)
{
    bool busy;

    if (plat_idle_wait(IDLE_NS)) /* the dispatcher or a grace period may still look at the core */
        return -EBUSY;
    plat_lock(&core->lock);
    busy = core->stats.live != 0 || core->grace_running || !list_empty(&core->notifiers);
    plat_unlock(&core->lock);
    if (busy)
        return -EBUSY;
    core_free(core);
    return 0;
}

struct ioasid_set *ioasid_system_set(struct ioasid_core *core)
{
    return core->sets[0];
}

struct ioasid_core *ioasid_core_of(struct ioasid_set *set)
{
    return set->core;
}

void ioasid_stats(struct ioasid_core *core, struct ioasid_stats *out)
{
    plat_lock(&core->lock);
    *out = core->stats;
    plat_unlock(&core->lock);
}
