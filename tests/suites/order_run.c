/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps of order_run.h: begin and end of sequences, and one call after the other, each compared. */
#include "tests/suites/order_view.h"

#include <errno.h>
#include <stdio.h>

#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"

/* ---- A step ---- */

enum owner_op order_owner_op(struct spec_op op)
{
    static const enum owner_op ops[SPEC_CALLS] = {OWNER_ALLOC, OWNER_GET,    OWNER_PUT,
                                                  OWNER_BIND,  OWNER_UNBIND, OWNER_FREE};

    return ops[op.call];
}

static bool fail(struct order_run *run, int result, const char *what)
{
    char sound[96] = "";

    run->failed = true;
    run->seen.result = result;
    if (!owner_events_sound(&run->owner, sound, sizeof(sound)))
        what = sound;
    snprintf(run->why, sizeof(run->why), "%s", what);
    owner_events(&run->owner, run->seen.events, sizeof(run->seen.events));
    order_look(run, &run->seen);
    return false;
}

static bool compare_all(struct order_run *run, int result)
{
    struct order_view v;

    run->compared++;
    order_look(run, &v);
    if (order_agrees(run, &v))
        return true;
    return fail(run, result,
                v.tags ? "references, entries or reach differ" : "the domain ids mix IOASIDs up");
}

static unsigned all_bound(const struct spec *spec)
{
    unsigned bits = 0;

    for (unsigned id = 0; id < SPEC_IDS; id++)
        bits |= spec->ids[id].bound;
    return bits;
}

bool order_step(struct order_run *run, struct spec_op op, bool whole)
{
    struct order_wanted want = {.before = all_bound(&run->spec)};
    int result;

    plat_assert(run->count < ORDER_STEPS);
    run->steps[run->count++] = op;
    run->played++;
    want.answer = spec_step(&run->spec, &run->rules, op);
    want.after = all_bound(&run->spec);
    result = owner_do(&run->owner, order_owner_op(op), op.id, op.dev);
    if (result != want.answer.result)
        return fail(run, result, "the result differs");
    if (!order_events_right(run, &want))
        return fail(run, result, "the events differ, or the entries that are there when they come");
    run->owner.record_count = 0;
    if (op.call == SPEC_ALLOC && !order_number_right(run, op.id))
        return fail(run, result, "the number is not the lowest free one");
    return !whole || compare_all(run, result);
}

/* ---- Begin and end of a sequence ---- */

static bool play_off(struct order_run *run, unsigned call, unsigned id, unsigned dev)
{
    return order_step(run, (struct spec_op){(uint8_t)call, (uint8_t)id, (uint8_t)dev}, false);
}

static bool end_life(struct order_run *run, unsigned id)
{
    for (unsigned dev = 0; dev < SPEC_DEVS; dev++) {
        if (spec_reaches(&run->spec, dev, id) && !play_off(run, SPEC_UNBIND, id, dev))
            return false;
    }
    while (run->spec.ids[id].users > 0) {
        if (!play_off(run, SPEC_PUT, id, 0))
            return false;
    }
    return !spec_alive(&run->spec, id) || play_off(run, SPEC_FREE, id, 0);
}

static void begin(struct order_run *run)
{
    for (unsigned id = 0; id < SPEC_IDS; id++)
        run->owner.ids[id] = IOASID_INVALID;
    run->owner.record_count = 0;
    run->spec = (struct spec){0};
    run->count = 0;
    run->failed = false;
}

bool order_rest(struct order_run *run)
{
    for (unsigned id = 0; id < SPEC_IDS; id++) {
        if (!end_life(run, id))
            return false;
    }
    begin(run);
    return true;
}

static void end_by_force(struct owner *o, unsigned id)
{
    for (unsigned dev = 0; dev < SPEC_DEVS; dev++)
        (void)!owner_do(o, OWNER_UNBIND, id, dev);
    for (unsigned n = 0; n < ORDER_STEPS && owner_do(o, OWNER_PUT, id, 0) == 0; n++)
        ;
    (void)!owner_do(o, OWNER_FREE, id, 0);
}

/* As a play, since a driver that has failed may stop itself at the next call. */
static bool leaves_something(struct order_run *run, unused const struct spec_op *steps, unused unsigned count)
{
    struct order_view v;
    struct ioasid_stats stats;

    for (unsigned id = 0; id < SPEC_IDS; id++)
        end_by_force(&run->owner, id);
    run->spec = (struct spec){0};
    order_look(run, &v);
    begin(run);
    ioasid_stats(run->owner.iommu->ioasids, &stats);
    return stats.live != 0 || !order_agrees(run, &v);
}

bool order_sweep(struct order_run *run)
{
    bool dirty = run->stopped;

    if (!dirty)
        dirty = run->guard ? run->guard(run, leaves_something, NULL, 0) : leaves_something(run, NULL, 0);
    return !dirty || (run->renew && run->renew(run));
}

/* ---- Set-up ---- */

int order_open(struct order_run *run, const struct order_cfg *cfg)
{
    struct owner_cfg owner = cfg->owner;
    int err;

    *run = (struct order_run){.rules = cfg->rules};
    owner.native = cfg->rules.native;
    owner.listen = true;
    err = owner_open(&run->owner, &owner);
    run->owner.watch = order_presence;
    for (unsigned dev = 0; !err && dev < SPEC_DEVS; dev++) {
        const struct order_dev *d = &cfg->devs[dev];
        struct vtd_unit *unit;

        err = owner_attach(&run->owner, d->id, d->rids, d->rid_count);
        if (err) {
            (void)!owner_close(&run->owner);
            break;
        }
        unit = run->owner.devs[dev]->vtd->unit;
        run->roots[dev] = plat_mmio_read64(&unit->io, VTD_OFF_RTADDR);
        run->rid_pasid[dev] = vtd_unit_uses_rid_pasid(unit);
    }
    if (!err)
        begin(run);
    return err;
}

int order_close(struct order_run *run)
{
    return owner_close(&run->owner);
}
