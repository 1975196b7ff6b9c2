/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collecting descriptors: on the caller's stack first, then in the unit's spare buffer.
 */
#include "iommu/vtd_batch.h"

#include <string.h>

#include "iommu/vtd_unit.h"

void vtd_batch_init(struct vtd_batch *batch, struct vtd_unit *unit)
{
    batch->unit = unit;
    batch->descs = batch->own;
    batch->capacity = VTD_BATCH_INLINE;
    batch->count = 0;
    batch->err = 0;
    batch->sleeps = false;
    list_init(&batch->link);
}

void vtd_batch_sleep(struct vtd_batch *batch)
{
    batch->sleeps = batch->unit->queue_event.on;
}

/* Moves into the spare buffer if that is free. */
static bool grow(struct vtd_batch *batch)
{
    struct vtd_queue *q = &batch->unit->queue;
    bool got;

    if (batch->descs != batch->own)
        return false;
    plat_lock(&q->lock);
    got = !q->spare_taken;
    q->spare_taken = true;
    plat_unlock(&q->lock);
    if (!got)
        return false;
    memcpy(q->spare, batch->own, batch->count * sizeof(batch->own[0]));
    batch->descs = q->spare;
    batch->capacity = VTD_QUEUE_SLOTS - (batch->sleeps ? 3 : 2); /* slots of the wait; one stays empty */
    return true;
}

static void submit_part(struct vtd_batch *batch)
{
    int err = vtd_qi_submit(batch);

    if (batch->err == 0)
        batch->err = err;
    batch->count = 0;
}

void vtd_batch_add(struct vtd_batch *batch, struct vtd_desc desc)
{
    if (batch->count == batch->capacity && !grow(batch))
        submit_part(batch);
    batch->descs[batch->count++] = desc;
}

int vtd_batch_submit_wait(struct vtd_batch *batch)
{
    struct vtd_queue *q = &batch->unit->queue;

    if (batch->count > 0)
        submit_part(batch);
    if (batch->descs != batch->own) {
        plat_lock(&q->lock);
        q->spare_taken = false;
        plat_unlock(&q->lock);
        batch->descs = batch->own;
        batch->capacity = VTD_BATCH_INLINE;
    }
    return batch->err;
}
