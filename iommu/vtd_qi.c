/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Batches on their way through the invalidation queue: put, waited for awake or asleep, put again when a
 * device TLB did not answer. VT-d 5.10, Queued Invalidation Interface; rules 23, 24, 32.
 */
#include "iommu/vtd_qi.h"

#include <errno.h>

#include "iommu/vtd_qi_priv.h"
#include "iommu/vtd_unit.h"

/* How often a batch is submitted again after a device-TLB time-out aborted it. */
#define ABORT_RETRIES 3

/* ---- Submission ---- */

/* Descriptors for the queue; `batch` is NULL for those that nobody waits for. */
struct submission {
    struct vtd_unit *unit;
    const struct vtd_desc *descs;
    unsigned count;
    struct vtd_batch *batch;
    bool put;     /* they are in the queue */
    bool skipped; /* the queue rests */
};

/*
 * A wait that sleeps is two descriptors: its status, and behind a fence the event. One descriptor with both
 * is legal too; there are emulators that end at it.
 */
static unsigned wait_slots(const struct vtd_batch *batch)
{
    return batch == NULL ? 0 : batch->sleeps ? 2 : 1;
}

static void put_wait(struct vtd_unit *unit, struct vtd_batch *batch)
{
    struct vtd_queue *q = &unit->queue;
    struct vtd_desc wait;

    q->sequence = q->sequence == UINT32_MAX ? 1 : q->sequence + 1;
    batch->sequence = q->sequence;
    batch->refused = false;
    batch->aborted = false;
    batch->woken = false;
    wait = vtd_inv_wait(vtd_qi_status_address(q, batch->status_index), batch->sequence);
    entry_set(&wait, VTD_QI_WAIT_FN, batch->fence || batch->sleeps);
    entry_set(&wait, VTD_QI_WAIT_PD, batch->drains);
    vtd_qi_put(unit, &wait);
    if (batch->sleeps) {
        wait = vtd_inv_wait_event();
        vtd_qi_put(unit, &wait);
    }
    unit->stats.waits++;
    list_add_tail(&q->pending, &batch->link);
}

static bool try_submit(void *arg)
{
    struct submission *s = arg;
    struct vtd_queue *q = &s->unit->queue;
    unsigned slots = s->count + wait_slots(s->batch);

    plat_lock(&q->lock);
    s->skipped = q->rests && (s->batch == NULL || !s->batch->last);
    s->put = !s->skipped && !q->dead && vtd_qi_have_room(s->unit, slots);
    if (s->put) {
        unsigned first = q->tail;

        for (unsigned i = 0; i < s->count; i++)
            vtd_qi_put(s->unit, &s->descs[i]);
        if (s->batch != NULL) {
            s->batch->first = first;
            s->batch->slots = slots;
            put_wait(s->unit, s->batch);
        }
        plat_wmb();
        vtd_qi_write_tail(s->unit);
    }
    plat_unlock(&q->lock);
    if (!s->put && !s->skipped)
        vtd_qi_service(s->unit);
    return s->put || s->skipped || q->dead;
}

/*
 * What was aborted stays so: the unit fetches on from where it stood, and if that is the batch's wait, the
 * status is written although a device TLB did not answer (rule 32). The status is read first: an abort is
 * noted before the unit goes on.
 */
static bool batch_done(struct vtd_queue *q, const struct vtd_batch *batch)
{
    return vtd_qi_status_written(q, batch) && !__atomic_load_n(&batch->aborted, __ATOMIC_RELAXED);
}

static bool batch_settled(void *arg)
{
    struct vtd_batch *batch = arg;
    struct vtd_queue *q = &batch->unit->queue;

    if (batch_done(q, batch))
        return true;
    vtd_qi_service(batch->unit);
    return batch_done(q, batch) || batch->aborted || q->dead;
}

/* ---- Sleeping waits ---- */

void vtd_qi_completed(struct vtd_unit *unit)
{
    struct vtd_queue *q = &unit->queue;

    if (!FIELD_GET(VTD_ICS_IWC, vtd_read(&unit->io, VTD_ICS)))
        return;
    vtd_write(&unit->io, VTD_ICS, SPAN_MASK(VTD_ICS_IWC));
    (void)vtd_read(&unit->io, VTD_ICS); /* statuses are read after IWC is 0: a later one sends again */
    plat_lock(&q->lock);
    list_for_each (pos, &q->pending) {
        struct vtd_batch *b = list_entry(pos, struct vtd_batch, link);

        if (b->sleeps && vtd_qi_status_written(q, b))
            __atomic_store_n(&b->woken, true, __ATOMIC_RELEASE);
    }
    plat_unlock(&q->lock);
    plat_waitq_wake_all(&q->sleepers);
}

static bool batch_woken(void *arg)
{
    struct vtd_batch *batch = arg;
    struct vtd_queue *q = &batch->unit->queue;

    if (__atomic_load_n(&batch->woken, __ATOMIC_ACQUIRE))
        return true;
    vtd_qi_service(batch->unit);
    return batch->aborted || q->dead || (batch->refused && vtd_qi_status_written(q, batch));
}

static int sleep_until_woken(struct vtd_batch *batch)
{
    struct vtd_unit *unit = batch->unit;
    int err = plat_wait(&unit->queue.sleepers, batch_woken, batch, unit->timeout_ns);

    if (err && batch_done(&unit->queue, batch)) {
        plat_log(LOG_WARN, "%s: invalidation done, but no event within %u ms (ICS %x IECTL %08x)", unit->name,
                 (unsigned)(unit->timeout_ns / 1000000), (unsigned)vtd_read(&unit->io, VTD_ICS),
                 (unsigned)vtd_read(&unit->io, VTD_IECTL));
        unit->stats.missed++;
        return 0;
    }
    if (batch->woken)
        unit->stats.slept++;
    return err;
}

static void report_timeout(struct vtd_unit *unit, const struct vtd_batch *batch)
{
    unsigned head = vtd_qi_hardware_head(unit);
    char text[128];

    unit->stats.timeouts++;
    plat_log(LOG_ERROR, "%s: wait at slot %u not done, head %u tail %u, at the head: %s", unit->name,
             vtd_qi_slot_after(batch->first, batch->slots - 1), head, unit->queue.tail,
             vtd_inv_text(&unit->queue.ring[head], text, sizeof(text)));
}

/* One go: 0; -EAGAIN: aborted by a time-out of a device TLB. */
static int submit_once(struct vtd_batch *batch)
{
    struct vtd_unit *unit = batch->unit;
    struct vtd_queue *q = &unit->queue;
    struct submission s = {unit, batch->descs, batch->count, batch, false, false};
    int err = vtd_wait(unit, try_submit, &s, "room in the invalidation queue");

    if (s.skipped)
        return 0;
    if (!s.put)
        return err ? err : -EIO;
    err = batch->sleeps ? sleep_until_woken(batch)
                        : vtd_wait(unit, batch_settled, batch, "status of an invalidation wait");
    plat_lock(&q->lock);
    list_del(&batch->link);
    plat_unlock(&q->lock);

    if (batch->aborted)
        return -EAGAIN;
    if (err)
        report_timeout(unit, batch);
    else if (!vtd_qi_status_written(q, batch) || batch->refused)
        err = -EIO;
    return err;
}

int vtd_qi_submit(struct vtd_batch *batch)
{
    struct vtd_unit *unit = batch->unit;
    struct vtd_queue *q = &unit->queue;
    bool have;
    int err = -EIO;

    plat_assert(q->ring != NULL);
    plat_lock(&q->lock);
    have = !q->dead && vtd_qi_take_word(q, &batch->status_index);
    plat_unlock(&q->lock);
    if (!have) {
        plat_log(LOG_ERROR, "%s: %s", unit->name, q->dead ? "queue is out of order" : "no status word left");
        return -EIO;
    }
    batch->sequence = 0; /* no wait of this batch was put yet */
    for (unsigned i = 0; i <= ABORT_RETRIES; i++) {
        err = submit_once(batch);
        if (err != -EAGAIN)
            break;
    }
    if (err != -ETIMEDOUT || batch->sequence == 0) {
        plat_lock(&q->lock);
        vtd_qi_release_word(q, batch->status_index);
        plat_unlock(&q->lock);
    }
    return err == -EAGAIN ? -EIO : err;
}

/* ---- For tests ---- */

int vtd_qi_submit_raw(struct vtd_unit *unit, const struct vtd_desc *descs, unsigned count, bool wait)
{
    struct submission s = {unit, descs, count, NULL, false, false};
    struct vtd_batch batch;
    int err;

    plat_assert(count < VTD_QUEUE_SLOTS - 1);
    if (!wait) {
        err = vtd_wait(unit, try_submit, &s, "room in the invalidation queue");
        if (!s.put && !s.skipped)
            return err ? -ENOSPC : -EIO;
        return 0;
    }
    vtd_batch_init(&batch, unit);
    batch.descs = (struct vtd_desc *)(uintptr_t)descs; /* only read while it is pending */
    batch.count = count;
    return vtd_qi_submit(&batch);
}
