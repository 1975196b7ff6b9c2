/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The drain of page requests at the end of a retire: whatever a device has asked for in a slot is answered,
 * and the answer has arrived, before anybody reuses the number. VT-d 5.10, Page Request Draining; rules
 * 61-63.
 *
 * No lock is held and no server of page requests is waited for: groups of the slot are answered in the
 * servers' stead (vtd_prq_drain_begin).
 */
#include <errno.h>

#include "iommu/vtd_entry.h"

/* Rounds that find the queue overflown again, one after the other: each had the whole queue for itself. */
#define ROUNDS 16

static bool concerned(const struct vtd_unit *unit, const struct vtd_retire *item)
{
    return item->dev->unit == unit && item->err == 0 && item->dev->pri;
}

/* Each item of the unit whose device sends page requests. */
#define for_each_concerned(i, unit, items, count)                                                            \
    for (struct vtd_retire *i = (items); i != (items) + (count); i++)                                        \
        if (concerned(unit, i))

static bool begin(const struct vtd_unit *unit, struct vtd_retire *items, unsigned count)
{
    bool any = false;

    for_each_concerned(i, unit, items, count)
    {
        i->drain.dev = i->dev;
        i->drain.slot = i->slot;
        vtd_prq_drain_begin(&i->drain);
        any = true;
    }
    return any;
}

/* Steps b and c of rule 61: what is on its way to the queue arrives there, and so do the answers up to now.
 */
static int push(struct vtd_unit *unit, struct vtd_retire *items, unsigned count)
{
    bool translates = vtd_unit_translates(unit);
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    for_each_concerned(i, unit, items, count)
    {
        (void)vtd_prq_drain_answers(&i->drain);
        vtd_retire_add_iotlb(&batch, i);
    }
    for_each_concerned(i, unit, items, count)
    {
        if (translates)
            vtd_retire_add_device_tlb(&batch, i);
    }
    vtd_batch_drain(&batch);
    return vtd_batch_submit_wait(&batch);
}

/* Answers that were sent after the last device-TLB invalidation arrive before the next one is over (rule 63).
 */
static int push_answers(struct vtd_unit *unit, struct vtd_retire *items, unsigned count)
{
    bool translates = vtd_unit_translates(unit);
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    for_each_concerned(i, unit, items, count)
    {
        if (translates && vtd_prq_drain_answers(&i->drain) > 0)
            vtd_retire_add_device_tlb(&batch, i);
    }
    return vtd_batch_submit_wait(&batch);
}

static int rounds(struct vtd_unit *unit, struct vtd_retire *items, unsigned count)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        uint64_t overflows = vtd_prq_overflows(unit);
        int err = push(unit, items, count);

        if (err)
            return err;
        vtd_prq_collect(unit);
        if (vtd_prq_overflows(unit) == overflows)
            return push_answers(unit, items, count);
    }
    plat_log(LOG_ERROR, "%s: page requests overflow their queue again and again", unit->name);
    return -EIO;
}

int vtd_drain(struct vtd_unit *unit, struct vtd_retire *items, unsigned count)
{
    int err;

    if (!begin(unit, items, count))
        return 0;
    vtd_prq_collect(unit); /* makes room */
    err = rounds(unit, items, count);
    for_each_concerned(i, unit, items, count) vtd_prq_drain_end(&i->drain);
    return err;
}
