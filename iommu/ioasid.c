/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of an IOASID: alloc, get, put, free, reclaim. Numbers come from a bitmap, records from chunks of one
 * page that exist only while they hold a live number.
 *
 * Reclaim: when the count is 0, nobody pins the record and free was called, the handle goes stale at once;
 * the number waits in limbo for a grace period, so that nobody who found the record in a read section meets
 * its next life.
 */
#include "iommu/ioasid.h"

#include <errno.h>

#include "iommu/ioasid_core.h"

/* ---- Records ---- */

struct ioasid_rec *ioasid_rec_at(struct ioasid_core *core, uint32_t number)
{
    struct ioasid_rec *chunk = core->chunks[number / RECS_PER_CHUNK];

    return chunk ? &chunk[number % RECS_PER_CHUNK] : NULL;
}

struct ioasid_rec *ioasid_rec_of(struct ioasid_core *core, ioasid_t id)
{
    uint32_t number = ioasid_number(id);
    struct ioasid_rec *rec = number < core->limit ? ioasid_rec_at(core, number) : NULL;

    return rec && rec->key == id.raw && id.raw != 0 ? rec : NULL;
}

int ioasid_rec_in(struct ioasid_set *set, ioasid_t id, struct ioasid_rec **rec)
{
    *rec = ioasid_rec_of(set->core, id);
    if (!*rec)
        return -ENOENT;
    return (*rec)->set == set->index ? 0 : -EACCES;
}

void ioasid_list_append(struct ioasid_core *core, struct number_list *list, uint32_t number)
{
    ioasid_rec_at(core, number)->next = NO_NUMBER;
    if (list->head == NO_NUMBER)
        list->head = number;
    else
        ioasid_rec_at(core, list->tail)->next = number;
    list->tail = number;
}

/* ---- Grace: numbers back to the pool, empty chunks back to the platform ---- */

static void free_chunks(struct ioasid_rec *chunk)
{
    while (chunk) {
        struct ioasid_rec *next = chunk->data;

        plat_pages_free(chunk, 1);
        chunk = next;
    }
}

/* Takes an empty chunk out of reach; its page goes back a grace period later. */
static void retire_chunk(struct ioasid_core *core, uint32_t index)
{
    struct ioasid_rec *chunk = core->chunks[index];

    core->chunks[index] = NULL;
    chunk->data = core->dead;
    core->dead = chunk;
}

static void give_back(struct ioasid_core *core, uint32_t number)
{
    uint32_t index = number / RECS_PER_CHUNK;

    plat_assert(idpool_give(&core->pool, number));
    core->stats.limbo--;
    if (--core->chunk_live[index] == 0)
        retire_chunk(core, index);
}

/* Starts a grace period for what has gathered, unless one is running or there is nothing. Core lock held. */
static bool grace_wanted(struct ioasid_core *core)
{
    if (core->grace_running || (core->limbo.head == NO_NUMBER && !core->dead))
        return false;
    core->limbo_now = core->limbo;
    core->limbo = (struct number_list){NO_NUMBER, NO_NUMBER};
    core->dead_now = core->dead;
    core->dead = NULL;
    core->grace_running = true;
    return true;
}

void ioasid_grace_over(struct plat_work *work)
{
    struct ioasid_core *core = container_of(work, struct ioasid_core, grace);
    struct ioasid_rec *dead;
    bool again;

    plat_lock(&core->lock);
    for (uint32_t n = core->limbo_now.head; n != NO_NUMBER;) {
        uint32_t next = ioasid_rec_at(core, n)->next;

        give_back(core, n);
        n = next;
    }
    core->limbo_now = (struct number_list){NO_NUMBER, NO_NUMBER};
    dead = core->dead_now;
    core->dead_now = NULL;
    core->grace_running = false;
    again = grace_wanted(core);
    plat_unlock(&core->lock);
    free_chunks(dead);
    if (again)
        plat_defer(&core->grace);
}

/* ---- Reclaim ---- */

/*
 * The end of a life. Core lock held. V1: whoever bound the ID has torn everything down, or it would still
 * hold its reference; the private pointer and the flag say the same from two sides.
 */
static void reclaim(struct ioasid_core *core, struct ioasid_rec *rec)
{
    uint32_t number = ioasid_number((ioasid_t){rec->key});

    plat_assert(!(rec->flags & (REC_BOUND | REC_TURN | REC_QUEUED)));
    ioasid_spid_clear(core, rec);
    __atomic_store_n(&rec->key, 0, __ATOMIC_RELEASE);
    rec->flags = 0;
    core->sets[rec->set]->live--;
    core->stats.live--;
    core->stats.pending--;
    core->stats.limbo++;
    core->stats.reclaims++;
    ioasid_list_append(core, &core->limbo, number);
    if (grace_wanted(core))
        plat_defer(&core->grace);
}

static bool maybe_reclaim(struct ioasid_core *core, struct ioasid_rec *rec)
{
    if (rec->refs != 0 || rec->pins != 0)
        return false;
    reclaim(core, rec);
    return true;
}

void ioasid_unpin(struct ioasid_core *core, struct ioasid_rec *rec)
{
    plat_assert(rec->pins > 0);
    rec->pins--;
    maybe_reclaim(core, rec);
}

/* ---- The calls ---- */

/* Takes a number and makes sure that its record has memory. Core lock held. */
static int take_number(struct ioasid_core *core, uint32_t min, uint32_t max, uint32_t *number)
{
    int rc = idpool_take(&core->pool, min, max, number);
    uint32_t index;

    if (rc)
        return rc;
    index = *number / RECS_PER_CHUNK;
    if (!core->chunks[index]) {
        core->chunks[index] = plat_pages_alloc(1, OWNER_IOASID);
        if (!core->chunks[index]) {
            plat_assert(idpool_give(&core->pool, *number));
            return -ENOMEM;
        }
    }
    core->chunk_live[index]++;
    return 0;
}

int ioasid_alloc(struct ioasid_set *set, uint32_t min, uint32_t max, ioasid_t *id)
{
    struct ioasid_core *core = set->core;
    struct ioasid_rec *rec;
    bool dispatch;
    uint32_t number;
    int rc;

    if (min == 0 || min > max || max >= core->limit)
        return -EINVAL;
    plat_lock(&core->lock);
    rc = take_number(core, min, max, &number);
    if (rc) {
        plat_unlock(&core->lock);
        return rc;
    }
    rec = ioasid_rec_at(core, number);
    *rec = (struct ioasid_rec){.refs = 1, .spid = IOASID_NO_SPID, .set = set->index};
    *id = ioasid_make(number, ++core->generation);
    __atomic_store_n(&rec->key, id->raw, __ATOMIC_RELEASE);
    set->live++;
    core->stats.live++;
    core->stats.allocs++;
    dispatch = notifier_post(set, rec, REC_EV_ALLOC);
    plat_unlock(&core->lock);
    if (dispatch)
        plat_work_queue(&set->dispatch);
    return 0;
}

int ioasid_get(struct ioasid_set *set, ioasid_t id)
{
    struct ioasid_rec *rec;
    int rc;

    plat_lock(&set->core->lock);
    rc = ioasid_rec_in(set, id, &rec);
    if (rc == 0 && rec->flags & REC_DYING)
        rc = -EBUSY;
    if (rc == 0 && rec->refs == UINT32_MAX)
        rc = -EOVERFLOW;
    if (rc == 0)
        rec->refs++;
    plat_unlock(&set->core->lock);
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
    struct ioasid_rec *rec;
    int rc;

    plat_lock(&set->core->lock);
    rc = ioasid_rec_in(set, id, &rec);
    if (rc == 0 && user_refs(rec) == 0)
        rc = -EINVAL;
    if (rc == 0) {
        rec->refs--;
        rc = rec->refs == 0 ? 1 : 0;
        maybe_reclaim(set->core, rec);
    }
    plat_unlock(&set->core->lock);
    return rc;
}

/* The one place where an ID starts to die. Core lock held. */
static int start_dying(struct ioasid_set *set, struct ioasid_rec *rec, bool *dispatch)
{
    if (rec->flags & REC_DYING)
        return -EALREADY;
    if (rec->flags & REC_NATIVE)
        return -EBUSY;
    rec->flags |= REC_DYING;
    rec->refs--;
    set->core->stats.pending++;
    if (rec->refs == 0) {
        maybe_reclaim(set->core, rec);
        return 0;
    }
    *dispatch = notifier_post(set, rec, REC_EV_FREE);
    return -EINPROGRESS;
}

int ioasid_free(struct ioasid_set *set, ioasid_t id)
{
    struct ioasid_rec *rec;
    bool dispatch = false;
    int rc;

    plat_lock(&set->core->lock);
    rc = ioasid_rec_in(set, id, &rec);
    if (rc == 0)
        rc = start_dying(set, rec, &dispatch);
    plat_unlock(&set->core->lock);
    if (dispatch)
        plat_work_queue(&set->dispatch);
    return rc;
}

int ioasid_refs(struct ioasid_set *set, ioasid_t id)
{
    struct ioasid_rec *rec;
    int rc;

    plat_lock(&set->core->lock);
    rc = ioasid_rec_in(set, id, &rec);
    if (rc == 0)
        rc = (int)rec->refs;
    plat_unlock(&set->core->lock);
    return rc;
}

int ioasid_lookup(struct ioasid_core *core, uint32_t number, ioasid_t *id)
{
    struct ioasid_rec *rec;

    plat_lock(&core->lock);
    rec = number < core->limit ? ioasid_rec_at(core, number) : NULL;
    *id = rec && rec->key ? (ioasid_t){rec->key} : IOASID_INVALID;
    plat_unlock(&core->lock);
    return ioasid_eq(*id, IOASID_INVALID) ? -ENOENT : 0;
}

/* ---- The binding's reference ---- */

int ioasid_bound_get(struct ioasid_core *core, ioasid_t id, bool native)
{
    struct ioasid_rec *rec;
    int rc = 0;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    if (!rec)
        rc = -ENOENT;
    else if (rec->flags & REC_DYING)
        rc = -EBUSY;
    else if (rec->refs == UINT32_MAX)
        rc = -EOVERFLOW;
    if (rc == 0) {
        plat_assert(!(rec->flags & REC_BOUND));
        rec->refs++;
        rec->flags |= REC_BOUND;
        if (native)
            rec->flags |= REC_NATIVE;
    }
    plat_unlock(&core->lock);
    return rc;
}

void ioasid_bound_put(struct ioasid_core *core, ioasid_t id)
{
    struct ioasid_rec *rec;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    plat_assert(rec && rec->flags & REC_BOUND);
    rec->flags &= (uint8_t) ~(REC_BOUND | REC_NATIVE);
    rec->refs--;
    maybe_reclaim(core, rec);
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
