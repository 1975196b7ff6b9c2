/* SPDX-License-Identifier: BSD-2-Clause */
/* See vtd_prq.h: the ring of a unit, its overflow, its life. */
#include "iommu/vtd_prq_priv.h"

#include <errno.h>

#include "iommu/vtd_unit.h"

#define SLOT_BYTES sizeof(struct vtd_page_request)

/* How often a look at the queue is repeated while PRO says that requests were lost meanwhile. */
#define OVERFLOW_LOOKS 4

/* ---- The queue ---- */

static unsigned slot_in(uint64_t offset)
{
    return (unsigned)(offset / SLOT_BYTES % VTD_PRQ_SLOTS);
}

static unsigned hardware_tail(const struct vtd_unit *unit)
{
    return slot_in(FIELD_GET_ADDR(VTD_PQT_PQT, vtd_read(&unit->io, VTD_PQT)));
}

/* The read of the tail comes behind the requests it covers (rule 59). */
static void take_all(struct vtd_unit *unit)
{
    struct vtd_prq *prq = &unit->prq;
    unsigned tail = hardware_tail(unit);

    plat_rmb();
    while (prq->head != tail) {
        struct vtd_page_request r = prq->ring[prq->head];

        vtd_prq_take(unit, &r);
        prq->head = (prq->head + 1) % VTD_PRQ_SLOTS;
    }
    vtd_write(&unit->io, VTD_PQH, FIELD_PREP_ADDR(VTD_PQH_PQH, prq->head * SLOT_BYTES));
}

/*
 * PRO is cleared only over an empty queue (rule 59). While it is set nothing is written there, so that one
 * look empties it; a tail that moves all the same leaves PRO to the next look.
 */
static void end_overflow(struct vtd_unit *unit)
{
    unit->prq.stats.overflows++;
    for (unsigned i = 0; i < OVERFLOW_LOOKS && hardware_tail(unit) != unit->prq.head; i++)
        take_all(unit);
    if (hardware_tail(unit) == unit->prq.head)
        vtd_write(&unit->io, VTD_PRS, SPAN_MASK(VTD_PRS_PRO));
}

void vtd_prq_collect(struct vtd_unit *unit)
{
    struct vtd_prq *prq = &unit->prq;
    bool more;

    if (prq->ring == NULL)
        return;
    plat_lock(&prq->lock);
    vtd_write(&unit->io, VTD_PRS, SPAN_MASK(VTD_PRS_PPR));
    take_all(unit);
    if (FIELD_GET(VTD_PRS_PRO, vtd_read(&unit->io, VTD_PRS)))
        end_overflow(unit);
    more = !list_empty(&prq->ready);
    plat_unlock(&prq->lock);
    if (more)
        vtd_prq_wake(unit);
}

uint64_t vtd_prq_overflows(struct vtd_unit *unit)
{
    uint64_t overflows;

    plat_lock(&unit->prq.lock);
    overflows = unit->prq.stats.overflows;
    plat_unlock(&unit->prq.lock);
    return overflows;
}

/* ---- Life ---- */

bool vtd_prq_usable(const struct vtd_unit *unit)
{
    return unit->caps.prs && unit->caps.pds;
}

void vtd_prq_init(struct vtd_unit *unit)
{
    struct vtd_prq *prq = &unit->prq;

    *prq = (struct vtd_prq){.work.run = vtd_prq_serve};
    plat_lock_init(&prq->lock, "vtd page requests");
    plat_waitq_init(&prq->waiters);
    list_init(&prq->pagers);
    list_init(&prq->drains);
    list_init(&prq->partial);
    list_init(&prq->ready);
    list_init(&prq->out);
}

int vtd_prq_alloc(struct vtd_unit *unit)
{
    if (!vtd_prq_usable(unit))
        return 0;
    unit->prq.ring = plat_pages_alloc(1, OWNER_QUEUE);
    return unit->prq.ring == NULL ? -ENOMEM : 0;
}

void vtd_prq_start(struct vtd_unit *unit)
{
    struct vtd_prq *prq = &unit->prq;

    if (prq->ring == NULL)
        return;
    prq->head = 0;
    vtd_write(&unit->io, VTD_PQT, 0);
    vtd_write(&unit->io, VTD_PQH, 0);
    vtd_write(&unit->io, VTD_PQA, FIELD_PREP_ADDR(VTD_PQA_PQA, plat_pa(prq->ring).v));
    vtd_write(&unit->io, VTD_PRS, SPAN_MASK(VTD_PRS_PPR) | SPAN_MASK(VTD_PRS_PRO));
}

static bool at_rest(void *arg)
{
    return __atomic_load_n((unsigned *)arg, __ATOMIC_ACQUIRE) == 0;
}

void vtd_prq_stop(struct vtd_unit *unit)
{
    if (plat_wait(&unit->prq.waiters, at_rest, &unit->prq.pending, unit->timeout_ns))
        plat_log(LOG_ERROR, "%s: who serves page requests does not come back", unit->name);
}

void vtd_prq_free(struct vtd_unit *unit)
{
    if (unit->prq.ring != NULL)
        plat_pages_free(unit->prq.ring, 1);
    unit->prq.ring = NULL;
}
