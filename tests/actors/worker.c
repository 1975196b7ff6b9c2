/* SPDX-License-Identifier: BSD-2-Clause */
/* The work queue of worker.h. The engine is started and waited for without the lock. */
#include <errno.h>

#include "tests/actors/worker.h"

/* A drive that held a command back for a second, and its reset. */
#define END_NS (2 * DMA_TIMEOUT_NS)

/* ---- Work ---- */

int worker_push(struct worker *w, const struct worker_desc *desc)
{
    int rc = 0;

    plat_lock(&w->lock);
    if (ioasid_eq(w->id, IOASID_INVALID) || desc->number != ioasid_number(w->id))
        rc = -EACCES;
    else if (w->tail - w->head == WORKER_DEPTH)
        rc = -EAGAIN;
    if (rc == 0)
        w->queue[w->tail++ % WORKER_DEPTH] = *desc;
    w->counts.accepted += rc == 0;
    w->counts.rejected += rc == -EACCES;
    plat_unlock(&w->lock);
    return rc;
}

static void set_started(struct worker *w)
{
    plat_lock(&w->lock);
    w->state = WORKER_STARTED;
    plat_unlock(&w->lock);
    plat_waitq_wake_all(&w->changed);
}

static void set_ended(struct worker *w, bool done)
{
    plat_lock(&w->lock);
    w->state = WORKER_IDLE;
    w->waited_for = false;
    w->counts.done += done;
    w->counts.failed += !done;
    plat_unlock(&w->lock);
    plat_waitq_wake_all(&w->changed);
}

int worker_start(struct worker *w)
{
    struct worker_desc desc;
    int rc = 0;

    plat_lock(&w->lock);
    if (w->state != WORKER_IDLE)
        rc = -EBUSY;
    else if (w->head == w->tail)
        rc = -ENOENT;
    if (rc == 0) {
        desc = w->queue[w->head++ % WORKER_DEPTH];
        w->state = WORKER_STARTING;
    }
    plat_unlock(&w->lock);
    if (rc)
        return rc;
    if (w->tags)
        dma_tag(w->dma, desc.number);
    rc = dma_start(w->dma, &desc.xfer);
    if (rc)
        set_ended(w, false);
    else
        set_started(w);
    return rc;
}

static enum worker_state state_of(struct worker *w)
{
    enum worker_state state;

    plat_lock(&w->lock);
    state = w->state;
    plat_unlock(&w->lock);
    return state;
}

static bool not_starting(void *arg)
{
    return state_of(arg) != WORKER_STARTING;
}

static bool is_idle(void *arg)
{
    return state_of(arg) == WORKER_IDLE;
}

static void wait_for(struct worker *w, bool (*ready)(void *arg), const char *what)
{
    if (plat_wait(&w->changed, ready, w, END_NS))
        plat_log(LOG_ERROR, "%s: the transfer that another thread %s", w->dma->name, what);
}

/* Is it this thread that waits for the engine? Another one may do so already. */
static bool claim_wait(struct worker *w)
{
    bool mine;

    plat_lock(&w->lock);
    mine = w->state == WORKER_STARTED && !w->waited_for;
    w->waited_for = w->waited_for || mine;
    plat_unlock(&w->lock);
    return mine;
}

void worker_finish(struct worker *w)
{
    wait_for(w, not_starting, "starts is not under way yet");
    if (claim_wait(w))
        set_ended(w, dma_wait(w->dma, END_NS) == 0 && w->dma->result != DMA_RESULT_FAILED);
    else
        wait_for(w, is_idle, "waits for does not end");
}

void worker_run(struct worker *w)
{
    int rc;

    do {
        rc = worker_start(w);
        if (rc == 0 || rc == -EBUSY)
            worker_finish(w);
    } while (rc != -ENOENT);
}

/* ---- The end of work ---- */

/* Stop, abort, drain, let go; `id` is what it was programmed with. */
static void tear_down(struct worker *w, ioasid_t id)
{
    bool mine;

    plat_lock(&w->lock);
    mine = ioasid_eq(w->id, id) && !ioasid_eq(id, IOASID_INVALID);
    if (mine) {
        w->id = IOASID_INVALID;
        w->counts.aborted += w->tail - w->head;
        w->head = w->tail;
        w->teardowns++;
    }
    plat_unlock(&w->lock);
    if (!mine)
        return;
    worker_finish(w);
    if (ioasid_put(w->set, id) < 0)
        plat_panic("worker: the reference on ioasid %u is not there", ioasid_number(id));
}

static int on_event(struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    tear_down(container_of(nb, struct worker, nb), ev->id);
    return 0;
}

/* ---- Life ---- */

int worker_open(struct worker *w, struct ioasid_set *set, struct dma_dev *dma, enum ioasid_level level)
{
    *w = (struct worker){.core = ioasid_core_of(set), .set = set, .dma = dma, .id = IOASID_INVALID};
    w->nb = (struct ioasid_notifier){.handler = on_event,
                                     .level = level,
                                     .events = IOASID_EVENT_UNBIND | IOASID_EVENT_FREE,
                                     .name = "worker"};
    plat_lock_init(&w->lock, "worker");
    plat_waitq_init(&w->changed);
    return ioasid_notifier_register(w->core, set, &w->nb);
}

int worker_close(struct worker *w)
{
    int rc = ioasid_notifier_unregister(w->core, &w->nb);

    if (rc == 0)
        tear_down(w, w->id);
    return rc;
}

int worker_program(struct worker *w, ioasid_t id)
{
    int rc = ioasid_get(w->set, id);

    if (rc)
        return rc;
    plat_lock(&w->lock);
    if (ioasid_eq(w->id, IOASID_INVALID))
        w->id = id;
    else
        rc = -EBUSY;
    plat_unlock(&w->lock);
    if (rc && ioasid_put(w->set, id) < 0)
        plat_panic("worker: a reference just taken is not there");
    return rc;
}
