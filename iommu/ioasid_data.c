/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hangs on a live IOASID: the IOMMU driver's private pointer and the set-private alias (SPID), and the
 * audit of the core. SPIDs are found through a two-level array per set that exists while an SPID is attached.
 */
#include <errno.h>

#include "iommu/ioasid_core.h"
#include "kernel/lib/text.h"

#define SPID_LEAVES (IOASID_NUMBERS / SPIDS_PER_LEAF)

/* ---- Private pointer ---- */

int ioasid_data_set(struct ioasid_core *core, ioasid_t id, void *data)
{
    struct ioasid_rec *rec;
    int rc = 0;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    if (!rec)
        rc = -ENOENT;
    else if (rec->data || rec->flags & REC_DYING)
        rc = -EBUSY;
    else
        __atomic_store_n(&rec->data, data, __ATOMIC_RELEASE);
    plat_unlock(&core->lock);
    return rc;
}

void *ioasid_data_clear(struct ioasid_core *core, ioasid_t id)
{
    struct ioasid_rec *rec;
    void *old = NULL;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    if (rec) {
        old = rec->data;
        __atomic_store_n(&rec->data, NULL, __ATOMIC_RELEASE);
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

int ioasid_data_find(struct ioasid_set *set, ioasid_t id, void **data)
{
    struct ioasid_core *core = set->core;
    uint32_t number = ioasid_number(id);
    const struct ioasid_rec *chunk;
    const struct ioasid_rec *rec;

    if (number >= core->limit || id.raw == 0)
        return -ENOENT;
    chunk = __atomic_load_n(&core->chunks[number / RECS_PER_CHUNK], __ATOMIC_ACQUIRE);
    if (!chunk)
        return -ENOENT;
    rec = &chunk[number % RECS_PER_CHUNK];
    if (__atomic_load_n(&rec->key, __ATOMIC_ACQUIRE) != id.raw)
        return -ENOENT;
    if (rec->set != set->index)
        return -EACCES;
    if (__atomic_load_n(&rec->flags, __ATOMIC_RELAXED) & REC_DYING)
        return -EBUSY;
    *data = __atomic_load_n(&rec->data, __ATOMIC_ACQUIRE);
    return *data ? 0 : -ENOENT;
}

/* ---- SPID ---- */

static uint32_t *spid_slot(struct ioasid_set *set, uint32_t spid)
{
    uint32_t *leaf = set->spids ? set->spids[spid / SPIDS_PER_LEAF] : NULL;

    return leaf ? &leaf[spid % SPIDS_PER_LEAF] : NULL;
}

/* The slot of `spid`, made if need be; NULL without memory. Core lock held. */
static uint32_t *spid_slot_make(struct ioasid_set *set, uint32_t spid)
{
    uint32_t **leaf;

    if (!set->spids)
        set->spids = plat_pages_alloc(SPID_LEAVES * sizeof(*set->spids) / 4096, OWNER_IOASID);
    if (!set->spids)
        return NULL;
    leaf = &set->spids[spid / SPIDS_PER_LEAF];
    if (!*leaf)
        *leaf = plat_pages_alloc(1, OWNER_IOASID);
    return spid_slot(set, spid);
}

int ioasid_spid_attach(struct ioasid_core *core, ioasid_t id, uint32_t spid)
{
    struct ioasid_rec *rec;
    uint32_t *slot = NULL;
    int rc = 0;

    if (spid >= IOASID_NUMBERS)
        return -EINVAL;
    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    if (!rec)
        rc = -ENOENT;
    else if (rec->flags & REC_DYING || rec->spid != IOASID_NO_SPID)
        rc = -EBUSY;
    else
        slot = spid_slot_make(core->sets[rec->set], spid);
    if (rc == 0 && !slot) {
        rc = -ENOMEM;
        if (core->sets[rec->set]->spid_count == 0)
            ioasid_spids_destroy(core->sets[rec->set]);
    }
    if (rc == 0 && *slot != NO_NUMBER)
        rc = -EEXIST;
    if (rc == 0) {
        *slot = ioasid_number(id);
        rec->spid = spid;
        core->sets[rec->set]->spid_count++;
    }
    plat_unlock(&core->lock);
    return rc;
}

void ioasid_spid_clear(struct ioasid_core *core, struct ioasid_rec *rec)
{
    struct ioasid_set *set = core->sets[rec->set];

    if (rec->spid == IOASID_NO_SPID)
        return;
    *spid_slot(set, rec->spid) = NO_NUMBER;
    rec->spid = IOASID_NO_SPID;
    if (--set->spid_count == 0)
        ioasid_spids_destroy(set);
}

int ioasid_spid_detach(struct ioasid_core *core, ioasid_t id)
{
    struct ioasid_rec *rec;
    int rc = -ENOENT;

    plat_lock(&core->lock);
    rec = ioasid_rec_of(core, id);
    if (rec && rec->spid != IOASID_NO_SPID) {
        ioasid_spid_clear(core, rec);
        rc = 0;
    }
    plat_unlock(&core->lock);
    return rc;
}

int ioasid_spid_find(struct ioasid_set *set, uint32_t spid, bool get, ioasid_t *id)
{
    struct ioasid_core *core = set->core;
    const uint32_t *slot;
    struct ioasid_rec *rec = NULL;
    int rc = 0;

    plat_lock(&core->lock);
    slot = spid < IOASID_NUMBERS ? spid_slot(set, spid) : NULL;
    if (slot && *slot != NO_NUMBER)
        rec = ioasid_rec_at(core, *slot);
    if (!rec)
        rc = -ENOENT;
    else if (get && rec->flags & REC_DYING)
        rc = -EBUSY;
    else if (get && rec->refs == UINT32_MAX)
        rc = -EOVERFLOW;
    if (rc == 0) {
        *id = (ioasid_t){rec->key};
        rec->refs += get ? 1 : 0;
    }
    plat_unlock(&core->lock);
    return rc;
}

void ioasid_spids_destroy(struct ioasid_set *set)
{
    if (!set->spids)
        return;
    for (uint32_t i = 0; i < SPID_LEAVES; i++) {
        if (set->spids[i])
            plat_pages_free(set->spids[i], 1);
    }
    plat_pages_free(set->spids, SPID_LEAVES * sizeof(*set->spids) / 4096);
    set->spids = NULL;
}

/* ---- Audit ---- */

struct tally {
    uint32_t live;
    uint32_t pending;
    const char *wrong;
    ioasid_t id;
};

static void wrong(struct tally *t, const struct ioasid_rec *rec, const char *what)
{
    if (t->wrong)
        return;
    t->wrong = what;
    t->id = (ioasid_t){rec->key};
}

static void audit_rec(struct ioasid_core *core, uint32_t number, const struct ioasid_rec *rec,
                      struct tally *t)
{
    bool dying = rec->flags & REC_DYING;

    t->live++;
    t->pending += dying;
    if (ioasid_number((ioasid_t){rec->key}) != number)
        wrong(t, rec, "the handle does not carry its own number");
    if (!idpool_taken(&core->pool, number))
        wrong(t, rec, "live, and in the pool (V1)");
    if (rec->refs < (uint32_t)!dying + (rec->flags & REC_BOUND ? 1 : 0))
        wrong(t, rec, "fewer references than owner and binding hold (V2)");
    if (rec->refs == 0 && rec->pins == 0)
        wrong(t, rec, "no reference left, and not reclaimed");
    if (rec->flags & REC_TOLD && !(rec->flags & REC_BOUND))
        wrong(t, rec, "BIND delivered and not bound (V4)");
}

static void audit_chunk(struct ioasid_core *core, uint32_t index, struct tally *t)
{
    for (uint32_t i = 0; i < RECS_PER_CHUNK; i++) {
        const struct ioasid_rec *rec = &core->chunks[index][i];

        if (rec->key)
            audit_rec(core, index * RECS_PER_CHUNK + i, rec, t);
    }
}

static const char *audit_totals(const struct ioasid_core *core, const struct tally *t, uint32_t live_expected)
{
    if (t->live != core->stats.live || t->pending != core->stats.pending)
        return "the counts of live and pending IDs are not what the table holds (V5)";
    if (core->pool.used != core->stats.live + core->stats.limbo)
        return "the pool has not lent what is live and in limbo (V5)";
    if (!list_empty(&core->turns))
        return "a thread still has the turn on an ID";
    if (t->live != live_expected)
        return "IDs are live that nobody freed";
    return NULL;
}

static void explain(const struct tally *t, const char *total, uint32_t live_expected, char *text, size_t size)
{
    struct text line = text_in(text, size);

    if (t->wrong) {
        text_add(&line, "ioasid ");
        text_dec(&line, ioasid_number(t->id));
        text_add(&line, ": ");
        text_add(&line, t->wrong);
    } else if (total) {
        text_add(&line, "ioasid: ");
        text_add(&line, total);
        text_add(&line, " (live ");
        text_dec(&line, t->live);
        text_add(&line, ", expected ");
        text_dec(&line, live_expected);
        text_add(&line, ")");
    }
}

int ioasid_audit(struct ioasid_core *core, uint32_t live_expected, char *text, size_t size)
{
    struct tally t = {.id = IOASID_INVALID};
    const char *total;

    plat_lock(&core->lock);
    for (uint32_t i = 0; i < CHUNK_MAX; i++) {
        if (core->chunks[i])
            audit_chunk(core, i, &t);
    }
    total = audit_totals(core, &t, live_expected);
    plat_unlock(&core->lock);
    explain(&t, total, live_expected, text, size);
    return t.wrong || total ? -EINVAL : 0;
}
