/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of the invalidation queue: slots, head and tail, status words, its memory and registers.
 * VT-d 5.10, Queued Invalidation Interface; rules 18-22.
 */
#include <errno.h>
#include <string.h>

#include "iommu/vtd_qi_priv.h"
#include "iommu/vtd_unit.h"

#define SLOT_BYTES sizeof(struct vtd_desc)

/* ---- Slots ---- */

unsigned vtd_qi_slot_after(unsigned slot, unsigned count)
{
    return (slot + count) % VTD_QUEUE_SLOTS;
}

/* Slots from `from` up to, not including, `to`. */
unsigned vtd_qi_slots_between(unsigned from, unsigned to)
{
    return (to + VTD_QUEUE_SLOTS - from) % VTD_QUEUE_SLOTS;
}

unsigned vtd_qi_hardware_head(const struct vtd_unit *unit)
{
    return (unsigned)(FIELD_GET_ADDR(VTD_IQH_QH, vtd_read(&unit->io, VTD_IQH)) / SLOT_BYTES);
}

void vtd_qi_write_tail(struct vtd_unit *unit)
{
    vtd_write(&unit->io, VTD_IQT, FIELD_PREP_ADDR(VTD_IQT_QT, unit->queue.tail * SLOT_BYTES));
}

/* One slot always stays empty: full would look like empty (rule 20). */
bool vtd_qi_have_room(struct vtd_unit *unit, unsigned count)
{
    struct vtd_queue *q = &unit->queue;
    unsigned most = VTD_QUEUE_SLOTS - 1;

    if (most - vtd_qi_slots_between(q->head, q->tail) >= count)
        return true;
    q->head = vtd_qi_hardware_head(unit);
    return most - vtd_qi_slots_between(q->head, q->tail) >= count;
}

void vtd_qi_put(struct vtd_unit *unit, const struct vtd_desc *desc)
{
    struct vtd_queue *q = &unit->queue;

    q->ring[q->tail] = *desc;
    q->tail = vtd_qi_slot_after(q->tail, 1);
    unit->stats.descriptors[entry_get(desc, VTD_QI_TYPE)]++;
}

/* ---- Status words ---- */

paddr_t vtd_qi_status_address(struct vtd_queue *q, unsigned index)
{
    return plat_pa(&q->status[index]);
}

bool vtd_qi_take_word(struct vtd_queue *q, unsigned *index)
{
    for (unsigned i = 0; i < ARRAY_SIZE(q->status_used); i++) {
        if (q->status_used[i] == UINT64_MAX)
            continue;
        unsigned bit = (unsigned)__builtin_ctzll(~q->status_used[i]);

        q->status_used[i] += pow2(bit);
        *index = i * 64 + bit;
        return true;
    }
    return false;
}

void vtd_qi_release_word(struct vtd_queue *q, unsigned index)
{
    q->status_used[index / 64] -= pow2(index % 64);
}

bool vtd_qi_status_written(struct vtd_queue *q, const struct vtd_batch *batch)
{
    return __atomic_load_n(&q->status[batch->status_index], __ATOMIC_ACQUIRE) == batch->sequence;
}

/* ---- Evidence ---- */

unsigned vtd_qi_recent(struct vtd_unit *unit, struct vtd_desc *out, unsigned max)
{
    struct vtd_queue *q = &unit->queue;
    unsigned count = max < VTD_QUEUE_SLOTS - 1 ? max : VTD_QUEUE_SLOTS - 1;

    plat_lock(&q->lock);
    for (unsigned i = 0; i < count; i++)
        out[i] = q->ring[vtd_qi_slot_after(q->tail, VTD_QUEUE_SLOTS - count + i)];
    plat_unlock(&q->lock);
    return count;
}

/* ---- Life ---- */

void vtd_qi_init(struct vtd_queue *queue)
{
    plat_lock_init(&queue->lock, "vtd queue");
    plat_waitq_init(&queue->sleepers);
    list_init(&queue->pending);
}

int vtd_qi_alloc(struct vtd_unit *unit)
{
    struct vtd_queue *q = &unit->queue;

    q->ring = plat_pages_alloc(VTD_QUEUE_PAGES, OWNER_QUEUE);
    q->spare = plat_pages_alloc(VTD_QUEUE_PAGES, OWNER_QUEUE);
    q->status = plat_pages_alloc(1, OWNER_QUEUE);
    if (q->ring == NULL || q->spare == NULL || q->status == NULL)
        return -ENOMEM;
    memset(q->status_used, 0, sizeof(q->status_used));
    q->status_used[0] = 1;
    q->spare_taken = false;
    q->rests = true;
    return 0;
}

int vtd_qi_start(struct vtd_unit *unit)
{
    struct vtd_queue *q = &unit->queue;

    q->rests = false;
    q->dead = false;
    q->replaced = 0;
    q->head = 0;
    q->tail = 0;

    vtd_qi_write_tail(unit);
    vtd_write(&unit->io, VTD_IQA,
              FIELD_PREP_ADDR(VTD_IQA_IQA, plat_pa(q->ring).v) | FIELD_PREP(VTD_IQA_DW, 1) |
                  FIELD_PREP(VTD_IQA_QS, log2_floor(VTD_QUEUE_PAGES)));
    return vtd_cmd(unit, VTD_CMD_QIE, true);
}

bool vtd_qi_is_on(const struct vtd_unit *unit)
{
    const struct vtd_queue *q = &unit->queue;

    return q->ring != NULL && FIELD_GET(VTD_GSTS_QIES, vtd_read(&unit->io, VTD_GSTS)) &&
           FIELD_GET_ADDR(VTD_IQA_IQA, vtd_read(&unit->io, VTD_IQA)) == plat_pa(q->ring).v;
}

static bool drained(void *arg)
{
    struct vtd_unit *unit = arg;

    vtd_qi_service(unit);
    return unit->queue.dead || vtd_qi_hardware_head(unit) == unit->queue.tail;
}

/* The last descriptor of a queue is a wait (rule 22). */
static int submit_last(struct vtd_unit *unit)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    batch.last = true;
    return vtd_qi_submit(&batch);
}

int vtd_qi_stop(struct vtd_unit *unit)
{
    int err;

    if (!vtd_qi_is_on(unit))
        return 0;
    err = vtd_wait(unit, drained, unit, "empty invalidation queue");
    if (!err)
        err = submit_last(unit);
    if (!err)
        err = vtd_cmd(unit, VTD_CMD_QIE, false);
    return err;
}

void vtd_qi_rest(struct vtd_unit *unit)
{
    plat_lock(&unit->queue.lock);
    unit->queue.rests = true;
    plat_unlock(&unit->queue.lock);
}

void vtd_qi_free(struct vtd_unit *unit)
{
    struct vtd_queue *q = &unit->queue;

    if (q->ring != NULL)
        plat_pages_free(q->ring, VTD_QUEUE_PAGES);
    if (q->spare != NULL)
        plat_pages_free(q->spare, VTD_QUEUE_PAGES);
    if (q->status != NULL)
        plat_pages_free(q->status, 1);
    q->ring = NULL;
    q->spare = NULL;
    q->status = NULL;
}

void vtd_qi_reset(struct vtd_unit *unit)
{
    vtd_qi_init(&unit->queue);
    unit->queue.dead = false;
    unit->queue.rests = false;
    unit->queue.replaced = 0;
}
