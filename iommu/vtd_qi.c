/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue: descriptors into slots, one status word per pending batch, recovery when the unit
 * refuses a descriptor or a device TLB does not answer. VT-d 5.10, Queued Invalidation Interface; rules
 * 18-24, 31-33.
 */
#include "iommu/vtd_qi.h"

#include <errno.h>
#include <string.h>

#include "iommu/vtd_unit.h"

/* How often a batch is submitted again after a device-TLB time-out aborted it. */
#define ABORT_RETRIES 3

#define SLOT_BYTES  sizeof(struct vtd_desc)
#define FSTS_CAUSES (SPAN_MASK(VTD_FSTS_IQE) | SPAN_MASK(VTD_FSTS_ITE) | SPAN_MASK(VTD_FSTS_ICE))

/* ---- Slots ---- */

static unsigned slot_after(unsigned slot, unsigned count)
{
    return (slot + count) % VTD_QUEUE_SLOTS;
}

/* Slots from `from` up to, not including, `to`. */
static unsigned slots_between(unsigned from, unsigned to)
{
    return (to + VTD_QUEUE_SLOTS - from) % VTD_QUEUE_SLOTS;
}

static unsigned hardware_head(const struct vtd_unit *unit)
{
    return (unsigned)(FIELD_GET_ADDR(VTD_IQH_QH, vtd_read(&unit->io, VTD_IQH)) / SLOT_BYTES);
}

static void write_tail(struct vtd_unit *unit)
{
    vtd_write(&unit->io, VTD_IQT, FIELD_PREP_ADDR(VTD_IQT_QT, unit->queue.tail * SLOT_BYTES));
}

/* One slot always stays empty: full would look like empty (rule 20). */
static bool have_room(struct vtd_unit *unit, unsigned count)
{
    struct vtd_queue *q = &unit->queue;
    unsigned most = VTD_QUEUE_SLOTS - 1;

    if (most - slots_between(q->head, q->tail) >= count)
        return true;
    q->head = hardware_head(unit);
    return most - slots_between(q->head, q->tail) >= count;
}

static void put(struct vtd_unit *unit, const struct vtd_desc *desc)
{
    struct vtd_queue *q = &unit->queue;

    q->ring[q->tail] = *desc;
    q->tail = slot_after(q->tail, 1);
    unit->stats.descriptors[entry_get(desc, VTD_QI_TYPE)]++;
}

/* ---- Status words ---- */

static paddr_t status_address(struct vtd_queue *q, unsigned index)
{
    return plat_pa(&q->status[index]);
}

static bool take_status_word(struct vtd_queue *q, unsigned *index)
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

static void release_status_word(struct vtd_queue *q, unsigned index)
{
    q->status_used[index / 64] -= pow2(index % 64);
}

static bool status_written(struct vtd_queue *q, const struct vtd_batch *batch)
{
    return __atomic_load_n(&q->status[batch->status_index], __ATOMIC_ACQUIRE) == batch->sequence;
}

/* ---- Recovery. Called with the queue's lock held. ---- */

static struct vtd_batch *owner_of_slot(struct vtd_queue *q, unsigned slot)
{
    list_for_each (pos, &q->pending) {
        struct vtd_batch *b = list_entry(pos, struct vtd_batch, link);

        if (slots_between(b->first, slot) < b->slots)
            return b;
    }
    return NULL;
}

/* What stands in for a descriptor that the unit refuses: a wait that tells nobody, or a batch's own wait once
 * more, so that the batch is over without a time-out. */
static struct vtd_desc stand_in(struct vtd_queue *q, const struct vtd_batch *owner, unsigned slot)
{
    if (owner != NULL && slot == slot_after(owner->first, owner->slots - 1))
        return vtd_inv_wait(status_address(q, owner->status_index), owner->sequence);
    return vtd_inv_wait(status_address(q, 0), 0);
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
    unsigned slot = hardware_head(unit);
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
    write_tail(unit);
}

/* ITE: waits that were fetched are lost, and what came before them may be; those batches have to come again.
 */
static void abort_fetched(struct vtd_unit *unit)
{
    struct vtd_queue *q = &unit->queue;
    unsigned head = hardware_head(unit);
    unsigned sid = (unsigned)FIELD_GET(VTD_IQERCD_ITESID, vtd_read(&unit->io, VTD_IQERCD));

    plat_log(LOG_WARN, "%s: device TLB of %02x:%02x.%x did not answer", unit->name, rid_bus((uint16_t)sid),
             rid_dev((uint16_t)sid), rid_fn((uint16_t)sid));
    list_for_each (pos, &q->pending) {
        struct vtd_batch *b = list_entry(pos, struct vtd_batch, link);

        if (!status_written(q, b) && slots_between(b->first, q->tail) > slots_between(head, q->tail))
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
    wait = vtd_inv_wait(status_address(q, batch->status_index), batch->sequence);
    entry_set(&wait, VTD_QI_WAIT_FN, batch->fence || batch->sleeps);
    entry_set(&wait, VTD_QI_WAIT_PD, batch->drains);
    put(unit, &wait);
    if (batch->sleeps) {
        wait = vtd_inv_wait_event();
        put(unit, &wait);
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
    s->put = !s->skipped && !q->dead && have_room(s->unit, slots);
    if (s->put) {
        unsigned first = q->tail;

        for (unsigned i = 0; i < s->count; i++)
            put(s->unit, &s->descs[i]);
        if (s->batch != NULL) {
            s->batch->first = first;
            s->batch->slots = slots;
            put_wait(s->unit, s->batch);
        }
        plat_wmb();
        write_tail(s->unit);
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
    return status_written(q, batch) && !__atomic_load_n(&batch->aborted, __ATOMIC_RELAXED);
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

        if (b->sleeps && status_written(q, b))
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
    return batch->aborted || q->dead || (batch->refused && status_written(q, batch));
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
    unsigned head = hardware_head(unit);
    char text[128];

    unit->stats.timeouts++;
    plat_log(LOG_ERROR, "%s: wait at slot %u not done, head %u tail %u, at the head: %s", unit->name,
             slot_after(batch->first, batch->slots - 1), head, unit->queue.tail,
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
    else if (!status_written(q, batch) || batch->refused)
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
    have = !q->dead && take_status_word(q, &batch->status_index);
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
        release_status_word(q, batch->status_index);
        plat_unlock(&q->lock);
    }
    return err == -EAGAIN ? -EIO : err;
}

/* ---- For tests and evidence ---- */

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

unsigned vtd_qi_recent(struct vtd_unit *unit, struct vtd_desc *out, unsigned max)
{
    struct vtd_queue *q = &unit->queue;
    unsigned count = max < VTD_QUEUE_SLOTS - 1 ? max : VTD_QUEUE_SLOTS - 1;

    plat_lock(&q->lock);
    for (unsigned i = 0; i < count; i++)
        out[i] = q->ring[slot_after(q->tail, VTD_QUEUE_SLOTS - count + i)];
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

    write_tail(unit);
    vtd_write(&unit->io, VTD_IQA,
              FIELD_PREP_ADDR(VTD_IQA_IQA, plat_pa(q->ring).v) | FIELD_PREP(VTD_IQA_DW, 1) |
                  FIELD_PREP(VTD_IQA_QS, log2_floor(VTD_QUEUE_PAGES)));
    return vtd_cmd(unit, VTD_CMD_QIE, true);
}

static bool is_on(const struct vtd_unit *unit)
{
    return FIELD_GET(VTD_GSTS_QIES, vtd_read(&unit->io, VTD_GSTS));
}

static bool drained(void *arg)
{
    struct vtd_unit *unit = arg;

    vtd_qi_service(unit);
    return unit->queue.dead || hardware_head(unit) == unit->queue.tail;
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

    if (unit->queue.ring == NULL || !is_on(unit))
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
