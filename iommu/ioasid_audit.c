/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit of the core: every record against the counts, every set against its quota (V2-V6). */
#include <errno.h>

#include "iommu/ioasid_core.h"
#include "kernel/lib/text.h"

/* What is bound has been told, unless it is on its way or on its way out, or a unit did not confirm it. */
#define UNTOLD (REC_TOLD | REC_TURN | REC_DYING | REC_FAILED)

struct tally {
    uint32_t live;
    uint32_t pending;
    const char *wrong;
    ioasid_t id;
};

static void wrong(struct tally *t, ioasid_t id, const char *what)
{
    if (t->wrong)
        return;
    t->wrong = what;
    t->id = id;
}

static void audit_rec(struct ioasid_core *core, uint32_t number, struct tally *t)
{
    const struct ioasid_rec *rec = ioasid_rec_at(core, number);
    struct ioasid_slot *slot = ioasid_slot_of_number(core, number);
    ioasid_t id = ioasid_id_at(core, number);
    bool dying = rec->flags & REC_DYING;

    t->live++;
    t->pending += dying;
    slot->audit_live++;
    if (!slot->handle)
        wrong(t, id, "live, and its set is gone (C7)");
    if (dying != ioasid_key_has(ioasid_hot_at(core, number)->key, number, KEY_DYING))
        wrong(t, id, "a lookup and the record disagree on whether it is dying");
    if (!ioasid_number_is_out(core, number))
        wrong(t, id, "live, and in the pool (V1)");
    if (rec->refs < (uint32_t)!dying + (rec->flags & REC_BOUND ? 1 : 0))
        wrong(t, id, "fewer references than owner and binding hold (V2)");
    if (rec->refs == 0 && rec->pins == 0)
        wrong(t, id, "no reference left, and not reclaimed");
    if (rec->flags & REC_TOLD && !(rec->flags & REC_BOUND))
        wrong(t, id, "BIND delivered and not bound (V4)");
    if (rec->flags & REC_BOUND && !(rec->flags & UNTOLD))
        wrong(t, id, "bound and BIND not delivered (V4)");
}

/* Most numbers of a chunk are nobody's: they are looked at four at a time. */
static void audit_chunk(struct ioasid_core *core, uint32_t index, struct tally *t)
{
    const struct ioasid_hot *hot = core->chunks[index]->hot;

    for (uint32_t i = 0; i < CHUNK_IDS; i += 4) {
        if (!ioasid_key_live(hot[i].key | hot[i + 1].key | hot[i + 2].key | hot[i + 3].key))
            continue;
        for (uint32_t k = i; k < i + 4; k++) {
            if (ioasid_key_live(hot[k].key))
                audit_rec(core, index * CHUNK_IDS + k, t);
        }
    }
}

/* Numbers out of the pool. */
static uint32_t numbers_out(const struct ioasid_core *core)
{
    uint32_t out = 0;

    for (uint32_t i = 0; i < CHUNKS; i++)
        out += core->chunks[i] ? core->chunks[i]->pool.used - (i == 0 ? 1 : 0) : 0;
    return out;
}

static const char *audit_sets(struct ioasid_core *core)
{
    uint32_t quotas = 0, sets = 0;

    for (uint32_t i = 0; i < core->slot_count; i++) {
        const struct ioasid_slot *slot = ioasid_slot_at(core, i);

        if (slot->live != slot->audit_live)
            return "the count of a set is not what the table holds (V5)";
        if (!slot->handle)
            continue;
        sets++;
        quotas += slot->quota;
        if (slot->live > slot->quota)
            return "a set has more IDs than its quota (V5)";
    }
    if (sets != core->sets)
        return "the count of sets is wrong";
    if (quotas + core->reserved + core->lost != core->last)
        return "quotas, what is reserved and what is lost are not the capacity (V6)";
    return NULL;
}

static const char *audit_totals(struct ioasid_core *core, const struct tally *t, uint32_t live_expected)
{
    if (t->pending != core->stats.pending)
        return "the count of pending IDs is not what the table holds (V5)";
    if (numbers_out(core) != core->out)
        return "the count of numbers that are out is not what the pool has lent (V5)";
    if (t->live != ioasid_live_count(core))
        return "what is out is not live, in limbo, spare, held, on offer or quarantined (V5)";
    if (!list_empty(&core->turns))
        return "a thread still has the turn on an ID";
    if (t->live != live_expected)
        return "IDs are live that nobody freed";
    return audit_sets(core);
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
    for (uint32_t i = 0; i < core->slot_count; i++)
        ioasid_slot_at(core, i)->audit_live = 0;
    for (uint32_t i = 0; i < CHUNKS; i++) {
        if (core->chunks[i])
            audit_chunk(core, i, &t);
    }
    total = audit_totals(core, &t, live_expected);
    plat_unlock(&core->lock);
    explain(&t, total, live_expected, text, size);
    return t.wrong || total ? -EINVAL : 0;
}
