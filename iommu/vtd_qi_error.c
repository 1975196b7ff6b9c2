/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stops the invalidation queue, and how it goes on: a descriptor that the unit refuses, a device TLB
 * that does not answer. VT-d 5.10, Queued Invalidation Interface; rules 31-33.
 */
#include <string.h>

#include "iommu/vtd_qi_priv.h"
#include "iommu/vtd_unit.h"

#define FSTS_CAUSES (SPAN_MASK(VTD_FSTS_IQE) | SPAN_MASK(VTD_FSTS_ITE) | SPAN_MASK(VTD_FSTS_ICE))

static struct vtd_batch *owner_of_slot(struct vtd_queue *q, unsigned slot)
{
    list_for_each (pos, &q->pending) {
        struct vtd_batch *b = list_entry(pos, struct vtd_batch, link);

        if (vtd_qi_slots_between(b->first, slot) < b->slots)
            return b;
    }
    return NULL;
}

/* What stands in for a descriptor that the unit refuses: a wait that tells nobody, or a batch's own wait once
 * more, so that the batch is over without a time-out. */
static struct vtd_desc stand_in(struct vtd_queue *q, const struct vtd_batch *owner, unsigned slot)
{
    if (owner != NULL && slot == vtd_qi_slot_after(owner->first, owner->slots - 1))
        return vtd_inv_wait(vtd_qi_status_address(q, owner->status_index), owner->sequence);
    return vtd_inv_wait(vtd_qi_status_address(q, 0), 0);
}

/* A device that asked for a page waits for ever for the answer that nobody here waits for: it gets a second
 * try, as it may be that the unit could not fetch it. */
static bool deserves_another_try(const struct vtd_queue *q, unsigned slot)
{
    return slot != q->tail && entry_get(&q->ring[slot], VTD_QI_TYPE) == VTD_QI_PRESP &&
           slot + 1 != q->replaced;
}

/*
 * IQE: the head stands at the descriptor that the unit refuses. It is replaced by a plain wait, IQE is
 * cleared and the tail written again, which some units need in order to go on. A unit that refuses that wait
 * too is beyond help.
 */
static void replace_refused(struct vtd_unit *unit)
{
    struct vtd_queue *q = &unit->queue;
    unsigned slot = vtd_qi_hardware_head(unit);
    struct vtd_batch *owner = owner_of_slot(q, slot);
    struct vtd_desc harmless = stand_in(q, owner, slot);
    unsigned iqei = (unsigned)FIELD_GET(VTD_IQERCD_IQEI, vtd_read(&unit->io, VTD_IQERCD));
    char text[128];

    if (slot + 1 == q->replaced && memcmp(&q->ring[slot], &harmless, sizeof(harmless)) == 0) {
        plat_log(LOG_ERROR, "%s: queue refuses a plain wait at slot %u (IQEI %u)", unit->name, slot, iqei);
        q->dead = true;
        return;
    }
    unit->stats.refused++;
    plat_log(LOG_ERROR, "%s: queue error at slot %u (IQEI %u): %s", unit->name, slot, iqei,
             slot == q->tail ? "queue is empty" : vtd_inv_text(&q->ring[slot], text, sizeof(text)));
    if (slot != q->tail) {
        if (!deserves_another_try(q, slot))
            q->ring[slot] = harmless;
        q->replaced = slot + 1;
    }
    if (owner != NULL)
        owner->refused = true;
    vtd_write(&unit->io, VTD_FSTS, SPAN_MASK(VTD_FSTS_IQE));
    vtd_qi_write_tail(unit);
}

/* ITE: waits that were fetched are lost, and what came before them may be; those batches have to come again.
 */
static void abort_fetched(struct vtd_unit *unit)
{
    struct vtd_queue *q = &unit->queue;
    unsigned head = vtd_qi_hardware_head(unit);
    unsigned sid = (unsigned)FIELD_GET(VTD_IQERCD_ITESID, vtd_read(&unit->io, VTD_IQERCD));

    plat_log(LOG_WARN, "%s: device TLB of %02x:%02x.%x did not answer", unit->name, rid_bus((uint16_t)sid),
             rid_dev((uint16_t)sid), rid_fn((uint16_t)sid));
    list_for_each (pos, &q->pending) {
        struct vtd_batch *b = list_entry(pos, struct vtd_batch, link);

        if (!vtd_qi_status_written(q, b) &&
            vtd_qi_slots_between(b->first, q->tail) > vtd_qi_slots_between(head, q->tail))
            b->aborted = true;
    }
    unit->stats.aborted++;
    vtd_write(&unit->io, VTD_FSTS, SPAN_MASK(VTD_FSTS_ITE));
}

/* Any waiter does it for all, and so does the fault event. */
void vtd_qi_service(struct vtd_unit *unit)
{
    uint64_t causes = vtd_read(&unit->io, VTD_FSTS) & FSTS_CAUSES;

    if (causes == 0 || unit->queue.dead)
        return;
    plat_lock(&unit->queue.lock);
    causes = vtd_read(&unit->io, VTD_FSTS) & FSTS_CAUSES;
    if (FIELD_GET(VTD_FSTS_IQE, causes))
        replace_refused(unit);
    if (FIELD_GET(VTD_FSTS_ITE, causes))
        abort_fetched(unit);
    if (FIELD_GET(VTD_FSTS_ICE, causes)) {
        plat_log(LOG_WARN, "%s: invalid completion from a device TLB", unit->name);
        vtd_write(&unit->io, VTD_FSTS, SPAN_MASK(VTD_FSTS_ICE));
    }
    plat_unlock(&unit->queue.lock);
}
