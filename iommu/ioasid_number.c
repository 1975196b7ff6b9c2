/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers: which of them are out, and the chunks of records behind these. A number that is returned is spare
 * first: out of the pool still, in a ring from which the next alloc takes it, so that alloc and free by turns
 * never search. In lazy mode it is held instead, at the end of a list that is used when all else is.
 *
 * A chunk is there while one of its numbers is out. It goes out of reach at once and back to the platform
 * after a grace period. The core lock is held throughout.
 */
#include <errno.h>

#include "iommu/ioasid_core.h"

/* All of `front`, and behind it all of `back`. */
static struct number_list join(struct ioasid_core *core, struct number_list front, struct number_list back)
{
    if (front.count == 0 || back.count == 0)
        return front.count ? front : back;
    *ioasid_next_at(core, front.tail) = back.head;
    return (struct number_list){front.head, back.tail, front.count + back.count};
}

/* ---- Chunks ---- */

static void chunk_free(struct ioasid_chunk *chunk)
{
    plat_pages_free(chunk->block, CHUNK_PAGES);
    plat_free(chunk);
}

void ioasid_chunks_free(struct ioasid_chunk *chunk)
{
    while (chunk) {
        struct ioasid_chunk *next = chunk->next;

        chunk_free(chunk);
        chunk = next;
    }
}

/*
 * Memory of a chunk; NULL when there is none. Which of its halves lookups read changes, or all that they read
 * would be in the same half of a cache.
 */
static struct ioasid_chunk *chunk_alloc(uint32_t index)
{
    struct ioasid_chunk *chunk = plat_alloc(sizeof(*chunk), OWNER_IOASID);

    if (!chunk)
        return NULL;
    chunk->block = plat_pages_alloc(CHUNK_PAGES, OWNER_IOASID);
    if (!chunk->block) {
        plat_free(chunk);
        return NULL;
    }
    chunk->hot = (struct ioasid_hot *)chunk->block + index / 4 % 2 * CHUNK_IDS;
    for (uint32_t i = 0; i < CHUNK_IDS; i++)
        chunk->hot[i].key = ioasid_key_dead(index * CHUNK_IDS + i);
    return chunk;
}

/* The chunk of a number, made if need be; NULL without memory. */
static struct ioasid_chunk *chunk_make(struct ioasid_core *core, uint32_t index)
{
    struct ioasid_chunk *chunk = core->chunks[index];
    uint32_t zero;

    if (chunk)
        return chunk;
    chunk = chunk_alloc(index);
    if (!chunk)
        return NULL;
    idpool_init(&chunk->pool, CHUNK_IDS, chunk->words);
    if (index == 0)
        plat_assert(idpool_take(&chunk->pool, 0, 0, &zero) == 0); /* never an ID */
    core->chunks[index] = chunk;
    __atomic_store_n(&core->hot[index], chunk->hot, __ATOMIC_RELEASE);
    return chunk;
}

static uint32_t numbers_out(const struct ioasid_chunk *chunk, uint32_t index)
{
    return chunk->pool.used - (index == 0 ? 1 : 0);
}

static void retire_chunk(struct ioasid_core *core, uint32_t index)
{
    struct ioasid_chunk *chunk = core->chunks[index];

    __atomic_store_n(&core->hot[index], NULL, __ATOMIC_RELAXED);
    core->chunks[index] = NULL;
    chunk->next = core->dead;
    core->dead = chunk;
    ioasid_grace_start(core);
}

/* ---- Out of the pool and back ---- */

/* Takes a number of this chunk, `min` and `max` being positions in it. */
static int take_here(struct ioasid_core *core, uint32_t index, uint32_t min, uint32_t max, uint32_t *number)
{
    struct ioasid_chunk *chunk = chunk_make(core, index);
    uint32_t at, was_index;
    int rc = chunk ? idpool_take(&chunk->pool, min, max, &at) : -ENOMEM;

    if (rc)
        return rc;
    if (chunk->pool.used == CHUNK_IDS)
        plat_assert(idpool_take(&core->full, index, index, &was_index) == 0);
    *number = index * CHUNK_IDS + at;
    core->out++;
    return 0;
}

/* The lowest one in min..max. Every chunk between the first and the last that is not full has one. */
static int take_lowest(struct ioasid_core *core, uint32_t min, uint32_t max, uint32_t *number)
{
    uint32_t first = min / CHUNK_IDS, last = max / CHUNK_IDS;

    for (uint32_t i = first; idpool_find(&core->full, i, last, &i) == 0; i++) {
        int rc = take_here(core, i, i == first ? min % CHUNK_IDS : 0,
                           i == last ? max % CHUNK_IDS : CHUNK_IDS - 1, number);

        if (rc != -ENOSPC)
            return rc;
    }
    return -ENOSPC;
}

void ioasid_number_return(struct ioasid_core *core, uint32_t number)
{
    uint32_t index = number / CHUNK_IDS;
    struct ioasid_chunk *chunk = core->chunks[index];

    if (chunk->pool.used == CHUNK_IDS)
        plat_assert(idpool_give(&core->full, index));
    plat_assert(idpool_give(&chunk->pool, number % CHUNK_IDS));
    core->out--;
    if (numbers_out(chunk, index) == 0)
        retire_chunk(core, index);
}

bool ioasid_number_is_out(struct ioasid_core *core, uint32_t number)
{
    const struct ioasid_chunk *chunk = core->chunks[number / CHUNK_IDS];

    return chunk && idpool_taken(&chunk->pool, number % CHUNK_IDS);
}

/* ---- Spare and held ---- */

static void spill_list(struct ioasid_core *core, struct number_list *list)
{
    for (uint32_t n; (n = ioasid_list_pop(core, list)) != NO_NUMBER;)
        ioasid_number_return(core, n);
}

/* Spare numbers back to the pool, the oldest first, until `left` are left. */
static void spill_spare(struct ioasid_core *core, uint32_t left)
{
    struct number_ring *ring = &core->ring;

    while (ioasid_spare_count(core) > left)
        ioasid_number_return(core, ioasid_dead_number(ring->at[ring->take++ % RING_IDS]));
}

void ioasid_numbers_spill(struct ioasid_core *core)
{
    spill_spare(core, 0);
    spill_list(core, &core->held);
}

/* The number held longest in min..max. As long as the list in the worst case. */
static int take_held(struct ioasid_core *core, uint32_t min, uint32_t max, uint32_t *number)
{
    struct number_list seen = {0};
    uint32_t n;

    while ((n = ioasid_list_pop(core, &core->held)) != NO_NUMBER && (n < min || n > max))
        ioasid_list_append(core, &seen, n);
    core->held = join(core, seen, core->held);
    *number = n;
    return n == NO_NUMBER ? -ENOSPC : 0;
}

int ioasid_number_take(struct ioasid_core *core, uint32_t min, uint32_t max, uint32_t *number)
{
    int rc;

    if (ioasid_spare_count(core) && min == 1 && max == core->last) {
        *number = ioasid_dead_number(core->ring.at[core->ring.take++ % RING_IDS]);
        return 0;
    }
    spill_spare(core, 0);
    rc = take_lowest(core, min, max, number);
    return rc == -ENOSPC && core->held.count ? take_held(core, min, max, number) : rc;
}

/* In the order in which they were freed. */
static void hold(struct ioasid_core *core)
{
    struct number_ring *ring = &core->ring;

    while (ring->take != ring->late)
        ioasid_list_append(core, &core->held, ioasid_dead_number(ring->at[ring->take++ % RING_IDS]));
    core->held = join(core, core->held, core->limbo_now);
    core->limbo_now = (struct number_list){0};
}

void ioasid_numbers_return(struct ioasid_core *core)
{
    if (core->lazy)
        hold(core);
    core->ring.ripe = core->ring.late;
    ioasid_ring_update(core);
    spill_list(core, &core->limbo_now);
    spill_spare(core, ioasid_live_count(core) ? RING_IDS / 2 : 0);
}

void ioasid_set_lazy(struct ioasid_core *core, bool lazy)
{
    plat_lock(&core->lock);
    core->lazy = lazy;
    ioasid_numbers_spill(core);
    plat_unlock(&core->lock);
}

/* Numbers that nobody has are spare, held or quarantined: with them goes the last of the chunks. */
void ioasid_numbers_destroy(struct ioasid_core *core)
{
    for (uint32_t i = 0; i < CHUNKS; i++) {
        if (core->chunks[i])
            chunk_free(core->chunks[i]);
    }
}
