/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be seen of the driver after a step, and what should be. Cheap where it agrees: this is what the
 * speed of the enumerator is made of.
 */
#include "tests/suites/order_view.h"

#include <stdio.h>
#include <string.h>

#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/harness/walk.h"
#include "tests/suites/play.h"

/* ---- Events ---- */

struct told {
    char who;
    enum ioasid_event_type as;
};

/* Set-up from the IOMMU to the CPU, tear-down back; K hears of bindings only. */
static const struct owed {
    const char *words; /* as owner_events() writes them */
    unsigned count;
    struct told told[4];
} owed_words[SPEC_EVENTS] = {
    [SPEC_QUIET] = {"", 0, {{0}}},
    [SPEC_TELL_ALLOC] = {"ALLOC:IDC",
                         3,
                         {{'I', IOASID_EVENT_ALLOC}, {'D', IOASID_EVENT_ALLOC}, {'C', IOASID_EVENT_ALLOC}}},
    [SPEC_TELL_BIND] = {BIND_EVENT,
                        4,
                        {{'I', IOASID_EVENT_BIND},
                         {'D', IOASID_EVENT_BIND},
                         {'K', IOASID_EVENT_BIND},
                         {'C', IOASID_EVENT_BIND}}},
    [SPEC_TELL_UNBIND] = {UNBIND_EVENT,
                          4,
                          {{'C', IOASID_EVENT_UNBIND},
                           {'K', IOASID_EVENT_UNBIND},
                           {'D', IOASID_EVENT_UNBIND},
                           {'I', IOASID_EVENT_UNBIND}}},
    [SPEC_TELL_FREE] = {FREE_UNBOUND,
                        3,
                        {{'C', IOASID_EVENT_FREE}, {'D', IOASID_EVENT_FREE}, {'I', IOASID_EVENT_FREE}}},
    [SPEC_TELL_FREE_BOUND] = {FREE_BOUND,
                              4,
                              {{'C', IOASID_EVENT_FREE},
                               {'K', IOASID_EVENT_UNBIND},
                               {'D', IOASID_EVENT_FREE},
                               {'I', IOASID_EVENT_FREE}}},
};

/*
 * Before the entry goes everybody has been told but the IOMMU's own level, where it goes; and it is there
 * before anybody is told of it.
 */
static bool entries_right(const struct owner_record *r, const struct order_wanted *want)
{
    bool early = r->who != 'I' && r->type != IOASID_EVENT_BIND;

    return r->watched == (early ? want->before : want->after);
}

/* The records of one IOASID, in their order; `*of_it` is how many there are. */
static bool told_right(const struct owner *o, ioasid_t id, const struct owed *owed,
                       const struct order_wanted *want, unsigned *of_it)
{
    bool right = true;

    *of_it = 0;
    for (unsigned i = 0; i < o->record_count && i < OWNER_RECORDS; i++) {
        const struct owner_record *r = &o->records[i];
        const struct told *t = &owed->told[*of_it];

        if (!ioasid_eq(r->id, id))
            continue;
        right = right && *of_it < owed->count && r->who == t->who && r->type == t->as && r->complete &&
                !r->locks_held && entries_right(r, want);
        ++*of_it;
    }
    return right && *of_it == owed->count;
}

bool order_events_right(const struct order_run *run, const struct order_wanted *want)
{
    const struct owner *o = &run->owner;
    unsigned all = 0, of_it;

    for (unsigned id = 0; id < SPEC_IDS; id++) {
        enum spec_event owed = want->answer.owed[id];

        if (owed == SPEC_QUIET)
            continue;
        if (!told_right(o, o->ids[id], &owed_words[owed], want, &of_it))
            return false;
        all += of_it;
    }
    return all == o->record_count;
}

/* ---- Tables in memory ---- */

static char id_at(struct order_run *run, paddr_t pa)
{
    for (unsigned id = 0; id < SPEC_IDS; id++) {
        if (pa.v == plat_pa(owner_page(&run->owner, id)).v)
            return (char)('0' + id);
    }
    return '!';
}

static bool is_tagged(const struct order_run *run, unsigned dev)
{
    return run->owner.devs[dev]->lane == IOMMU_LANE_PASID;
}

/*
 * What a write of the device at OWNER_IOVA reaches, by a walk from the root under each of its requester ids,
 * and the domain id on the way there.
 */
static char walk_reach(struct order_run *run, unsigned dev, unsigned id, uint16_t *did)
{
    const struct vtd_dev *v = run->owner.devs[dev]->vtd;
    const iova_t iova = {OWNER_IOVA};
    char reach = 0;

    for (unsigned i = 0; i < v->rid_count; i++) {
        struct walk w;
        char to;

        if (is_tagged(run, dev))
            walk_tagged(run->roots[dev], v->rids[i], ioasid_number(run->owner.ids[id]), iova, true, &w);
        else
            walk_request(run->roots[dev], run->rid_pasid[dev], v->rids[i], iova, true, &w);
        to = w.reaches ? id_at(run, w.pa) : '-';
        *did = w.did;
        reach = i == 0 || reach == to ? to : '!';
    }
    return reach;
}

static bool entry_present(const struct order_run *run, unsigned dev, uint32_t slot)
{
    struct vtd_pasid_entry entry;

    return vtd_pasid_read(run->owner.devs[dev]->vtd, slot, &entry) == 0 && entry_get(&entry, VTD_PASID_P);
}

/*
 * Devices that have an entry in slot 0 or in that of a number of this sequence, one bit each. Slot 0 of a
 * device whose requests carry a PASID does not count: with ATS it has an empty table.
 */
unsigned order_presence(struct owner *o)
{
    struct order_run *run = container_of(o, struct order_run, owner);
    unsigned bits = 0;

    for (unsigned dev = 0; dev < SPEC_DEVS; dev++) {
        bool present = !is_tagged(run, dev) && entry_present(run, dev, 0);

        for (unsigned id = 0; !present && id < SPEC_IDS && o->devs[dev]->lane != IOMMU_LANE_RID; id++)
            present = entry_present(run, dev, ioasid_number(o->ids[id]));
        bits |= present ? 1u << dev : 0;
    }
    return bits;
}

/* ---- Sets of IOASIDs, of one device ---- */

static char set_char(const bool *in)
{
    char c = '-';

    for (unsigned id = 0; id < SPEC_IDS; id++) {
        if (in[id])
            c = c == '-' ? (char)('0' + id) : '*';
    }
    return c;
}

static char bound_to(const struct spec *spec, unsigned dev)
{
    bool to[SPEC_IDS];

    for (unsigned id = 0; id < SPEC_IDS; id++)
        to[id] = spec_reaches(spec, dev, id);
    return set_char(to);
}

/* The slot that a binding of the device to this IOASID has. */
static uint32_t slot_of(const struct order_run *run, unsigned dev, unsigned id)
{
    return run->owner.devs[dev]->lane != IOMMU_LANE_RID ? ioasid_number(run->owner.ids[id]) : 0;
}

/* Not 0, and not that of an IOASID before it, one of which is dead then. */
static bool has_own_number(const struct order_run *run, unsigned id)
{
    for (unsigned other = 0; other < id; other++) {
        if (ioasid_number(run->owner.ids[other]) == ioasid_number(run->owner.ids[id]))
            return false;
    }
    return ioasid_number(run->owner.ids[id]) != 0;
}

/* The IOASID whose entry belongs there; SPEC_IDS: nobody's. */
static unsigned whose_slot(const struct order_run *run, unsigned dev, uint32_t slot)
{
    for (unsigned id = 0; id < SPEC_IDS; id++) {
        if (spec_reaches(&run->spec, dev, id) && slot_of(run, dev, id) == slot)
            return id;
    }
    return SPEC_IDS;
}

/* Whose entries are there: in slot 0, if it counts, and in those of all numbers of this sequence, dead ones
 * too (V1). */
static char entries_of(const struct order_run *run, unsigned dev)
{
    bool found[SPEC_IDS] = {0};

    for (unsigned i = 0; i < (is_tagged(run, dev) ? SPEC_IDS : SPEC_IDS + 1u); i++) {
        uint32_t slot = i < SPEC_IDS ? ioasid_number(run->owner.ids[i]) : 0;
        unsigned whose;

        if ((i < SPEC_IDS && !has_own_number(run, i)) || !entry_present(run, dev, slot))
            continue;
        whose = whose_slot(run, dev, slot);
        if (whose == SPEC_IDS)
            return '!';
        found[whose] = true;
    }
    return set_char(found);
}

/* ---- All that can be seen ---- */

/* What a device reaches, and by which domain ids. */
struct reach {
    bool to[SPEC_IDS];
    uint16_t did[SPEC_IDS];
    bool odd; /* not what the tables say, or not what the request was for */
};

static void ask(struct order_run *run, unsigned dev, unsigned id, struct reach *r)
{
    const ioasid_t *ids = run->owner.ids;
    uint16_t did = 0;
    char to = walk_reach(run, dev, id, &did);

    r->odd |= to == '!' || (run->dma && run->dma(run, dev, id) != to);
    if (to == '-' || to == '!')
        return;
    r->to[to - '0'] = true;
    r->did[to - '0'] = did;
    r->odd |= is_tagged(run, dev) && ioasid_number(ids[to - '0']) != ioasid_number(ids[id]);
}

/* By every kind of request that it can send. */
static struct reach reach_of(struct order_run *run, unsigned dev)
{
    struct reach r = {.odd = false};

    if (!is_tagged(run, dev)) {
        ask(run, dev, 0, &r);
        return r;
    }
    for (unsigned id = 0; id < SPEC_IDS; id++) {
        if (has_own_number(run, id))
            ask(run, dev, id, &r);
    }
    return r;
}

/* On one unit IOASIDs have different domain ids, and one IOASID has one (rule 47): else caches mix them up.
 */
static bool tags_right(const struct order_run *run, const struct reach *r)
{
    const struct owner *o = &run->owner;

    for (unsigned a = 0; a < SPEC_DEVS * SPEC_IDS; a++) {
        for (unsigned b = 0; b < a; b++) {
            const struct reach *ra = &r[a / SPEC_IDS], *rb = &r[b / SPEC_IDS];
            unsigned ia = a % SPEC_IDS, ib = b % SPEC_IDS;

            if (ra->to[ia] && rb->to[ib] &&
                o->devs[a / SPEC_IDS]->vtd->unit == o->devs[b / SPEC_IDS]->vtd->unit &&
                (ia == ib) != (ra->did[ia] == rb->did[ib]))
                return false;
        }
    }
    return true;
}

void order_look(struct order_run *run, struct order_view *v)
{
    struct reach reach[SPEC_DEVS];

    for (unsigned id = 0; id < SPEC_IDS; id++)
        v->refs[id] = ioasid_refs(run->owner.set, run->owner.ids[id]);
    for (unsigned dev = 0; dev < SPEC_DEVS; dev++) {
        v->entries[dev] = entries_of(run, dev);
        reach[dev] = reach_of(run, dev);
        v->reach[dev] = reach[dev].odd ? '!' : set_char(reach[dev].to);
    }
    v->tags = tags_right(run, reach);
    v->entries[SPEC_DEVS] = v->reach[SPEC_DEVS] = '\0';
}

bool order_agrees(const struct order_run *run, const struct order_view *v)
{
    for (unsigned id = 0; id < SPEC_IDS; id++) {
        if (v->refs[id] != spec_refs(&run->spec, id))
            return false;
    }
    for (unsigned dev = 0; dev < SPEC_DEVS; dev++) {
        char bound = bound_to(&run->spec, dev);

        if (v->entries[dev] != bound || v->reach[dev] != bound)
            return false;
    }
    return v->tags;
}

/* A new life has the lowest number that no other one has; pending ones keep theirs (rows 42, 43). */
bool order_number_right(const struct order_run *run, unsigned id)
{
    uint32_t lowest = 1;

    for (unsigned tries = 0; tries < SPEC_IDS; tries++) {
        for (unsigned n = 0; n < SPEC_IDS; n++) {
            if (n != id && spec_alive(&run->spec, n) && ioasid_number(run->owner.ids[n]) == lowest)
                lowest++;
        }
    }
    return ioasid_number(run->owner.ids[id]) == lowest;
}

/* ---- The machine alone ---- */

bool order_possible(const struct spec_rules *rules, const struct spec_op *steps, unsigned count)
{
    struct spec s = {0};

    for (unsigned i = 0; i < count; i++) {
        if (!spec_may(&s, steps[i]))
            return false;
        (void)spec_step(&s, rules, steps[i]);
    }
    return true;
}

void order_expect(const struct spec_rules *rules, const struct spec_op *steps, unsigned count,
                  struct order_view *out)
{
    struct spec spec = {0};
    struct spec_answer a = {0};

    *out = (struct order_view){0};
    for (unsigned i = 0; i < count; i++)
        a = spec_step(&spec, rules, steps[i]);
    out->result = a.result;
    for (unsigned id = 0; id < SPEC_IDS; id++) {
        out->refs[id] = spec_refs(&spec, id);
        snprintf(out->events + strlen(out->events), sizeof(out->events) - strlen(out->events), "%s",
                 owed_words[a.owed[id]].words);
    }
    for (unsigned dev = 0; dev < SPEC_DEVS; dev++)
        out->entries[dev] = out->reach[dev] = bound_to(&spec, dev);
}
