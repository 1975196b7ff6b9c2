/* SPDX-License-Identifier: BSD-2-Clause */
/* See vtd_prq.h. */
#include "iommu/vtd_prq.h"

#include <errno.h>

#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"

#define SLOT_BYTES sizeof(struct vtd_page_request)

/* How often a look at the queue is repeated while PRO says that requests were lost meanwhile. */
#define OVERFLOW_LOOKS 4

/* ---- Who is asked. All below up to the queue itself: under the lock. ---- */

static bool is_from(const struct iommu_page_group *g, const struct vtd_dev *dev)
{
    for (unsigned i = 0; i < dev->rid_count; i++) {
        if (dev->rids[i] == g->rid)
            return true;
    }
    return false;
}

static uint32_t slot_of(const struct iommu_page_group *g, const struct vtd_dev *dev)
{
    return g->has_pasid ? g->pasid : dev->rid_pasid;
}

static bool drained_by(const struct vtd_prq_drain *drain, const struct iommu_page_group *g)
{
    return is_from(g, drain->dev) && (drain->whole_device || slot_of(g, drain->dev) == drain->slot);
}

static struct vtd_prq_drain *drain_of(struct vtd_prq *prq, const struct iommu_page_group *g)
{
    list_for_each (pos, &prq->drains) {
        struct vtd_prq_drain *drain = list_entry(pos, struct vtd_prq_drain, link);

        if (drained_by(drain, g))
            return drain;
    }
    return NULL;
}

static struct vtd_pager *pager_of(struct vtd_prq *prq, const struct iommu_page_group *g)
{
    list_for_each (pos, &prq->pagers) {
        struct vtd_pager *pager = list_entry(pos, struct vtd_pager, link);

        if (is_from(g, pager->dev) && slot_of(g, pager->dev) == pager->slot)
            return pager;
    }
    return NULL;
}

/* ---- Answers ---- */

static enum vtd_presp_code code_of(enum iommu_page_answer answer)
{
    return answer == IOMMU_PAGES_PRESENT   ? VTD_PRESP_SUCCESS
           : answer == IOMMU_PAGES_INVALID ? VTD_PRESP_INVALID
                                           : VTD_PRESP_FAILURE;
}

static void respond(struct vtd_unit *unit, const struct iommu_page_group *g, enum iommu_page_answer answer)
{
    struct vtd_desc d = vtd_inv_page_response(g->rid, g->has_pasid, g->pasid, g->index, code_of(answer));
    struct vtd_prq_drain *drain = drain_of(&unit->prq, g);

    unit->prq.stats.responses[answer]++;
    if (drain != NULL)
        drain->responses++;
    if (vtd_qi_submit_raw(unit, &d, 1, false))
        plat_log(LOG_ERROR, "%s: a page response found no room", unit->name);
}

static void group_free(struct iommu_page_group *g)
{
    g->unit->prq.groups--;
    plat_free(g);
}

void iommu_page_answer(struct iommu_page_group *group, enum iommu_page_answer answer)
{
    struct vtd_unit *unit = group->unit;

    plat_lock(&unit->prq.lock);
    if (!group->answered) {
        list_del(&group->link);
        respond(unit, group, answer);
    }
    group_free(group);
    plat_unlock(&unit->prq.lock);
}

/* ---- Groups ---- */

static struct iommu_page_group *partial_of(struct vtd_prq *prq, const struct iommu_page_group *like)
{
    list_for_each (pos, &prq->partial) {
        struct iommu_page_group *g = list_entry(pos, struct iommu_page_group, link);

        if (g->rid == like->rid && g->has_pasid == like->has_pasid && g->pasid == like->pasid &&
            g->index == like->index)
            return g;
    }
    return NULL;
}

static struct iommu_page_group *new_group(struct vtd_unit *unit, const struct iommu_page_group *like)
{
    struct iommu_page_group *g = plat_alloc(sizeof(*g), OWNER_QUEUE);

    if (g == NULL)
        return NULL;
    *g = *like;
    g->unit = unit;
    list_add_tail(&unit->prq.partial, &g->link);
    unit->prq.groups++;
    return g;
}

/* The group has its last request: it goes to whoever serves it. */
static void complete(struct vtd_unit *unit, struct iommu_page_group *g)
{
    struct vtd_prq *prq = &unit->prq;
    const struct vtd_pager *pager;

    list_del(&g->link);
    pager = drain_of(prq, g) == NULL ? pager_of(prq, g) : NULL;
    if (pager != NULL) {
        g->pager = pager;
        g->owner = pager->owner;
        g->id = pager->id;
        list_add_tail(&prq->ready, &g->link);
        return;
    }
    respond(unit, g, IOMMU_PAGES_INVALID);
    group_free(g);
}

/* What came before a stop marker and is not complete will never be (rule 64). */
static void forget_partial(struct vtd_prq *prq, const struct iommu_page_group *like)
{
    list_for_each_safe (pos, &prq->partial) {
        struct iommu_page_group *g = list_entry(pos, struct iommu_page_group, link);

        if (g->rid != like->rid || g->has_pasid != like->has_pasid || g->pasid != like->pasid)
            continue;
        list_del(&g->link);
        group_free(g);
    }
}

static struct iommu_page page_in(const struct vtd_page_request *r)
{
    return (struct iommu_page){.iova = {entry_get_addr(r, VTD_PRQ_ADDR)},
                               .read = entry_get(r, VTD_PRQ_RDR),
                               .write = entry_get(r, VTD_PRQ_WRR),
                               .execute = entry_get(r, VTD_PRQ_EXR),
                               .privileged = entry_get(r, VTD_PRQ_PMR)};
}

static void take(struct vtd_unit *unit, const struct vtd_page_request *r)
{
    struct vtd_prq *prq = &unit->prq;
    bool last = entry_get(r, VTD_PRQ_LPIG);
    struct iommu_page page = page_in(r);
    struct iommu_page_group like = {.segment = unit->segment,
                                    .rid = (uint16_t)entry_get(r, VTD_PRQ_RID),
                                    .has_pasid = entry_get(r, VTD_PRQ_PP),
                                    .index = (uint16_t)entry_get(r, VTD_PRQ_PRGI)};
    struct iommu_page_group *g;

    if (entry_get(r, VTD_PRQ_TYPE) != VTD_PRQ_TYPE_REQUEST) {
        prq->stats.strange++;
        return;
    }
    like.pasid = like.has_pasid ? (uint32_t)entry_get(r, VTD_PRQ_PASID) : 0;
    prq->stats.requests++;
    if (last && like.has_pasid && !page.read && !page.write) {
        prq->stats.markers++;
        forget_partial(prq, &like);
        return;
    }
    g = partial_of(prq, &like);
    if (g == NULL)
        g = new_group(unit, &like);
    if (g != NULL && g->count < (last ? IOMMU_GROUP_PAGES : IOMMU_GROUP_PAGES - 1u))
        g->pages[g->count++] = page;
    if (g != NULL && last)
        complete(unit, g);
    else if (last) /* no memory: as if the queue had been full */
        respond(unit, &like, IOMMU_PAGES_PRESENT);
}

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

        take(unit, &r);
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

/* ---- Handing out ---- */

/* The next group, to be served by this thread; NULL: none. */
static struct iommu_page_group *next_ready(struct vtd_prq *prq)
{
    struct iommu_page_group *g = NULL;

    plat_lock(&prq->lock);
    if (!list_empty(&prq->ready)) {
        g = list_first(&prq->ready, struct iommu_page_group, link);
        list_del(&g->link);
        list_add_tail(&prq->out, &g->link);
        prq->serving = g->pager;
        prq->server = plat_self();
    }
    plat_unlock(&prq->lock);
    return g;
}

static void served(struct vtd_prq *prq)
{
    plat_lock(&prq->lock);
    prq->serving = NULL;
    prq->server = 0;
    plat_unlock(&prq->lock);
    plat_waitq_wake_all(&prq->waiters);
}

static void run(struct plat_work *work)
{
    struct vtd_prq *prq = container_of(work, struct vtd_prq, work);
    struct vtd_unit *unit = container_of(prq, struct vtd_unit, prq);
    struct iommu_page_group *g;

    vtd_prq_collect(unit);
    while ((g = next_ready(prq)) != NULL) {
        g->owner->serve(g->owner, g);
        served(prq);
    }
    __atomic_sub_fetch(&prq->pending, 1, __ATOMIC_RELEASE);
    plat_waitq_wake_all(&prq->waiters);
}

void vtd_prq_wake(struct vtd_unit *unit)
{
    __atomic_add_fetch(&unit->prq.pending, 1, __ATOMIC_RELAXED);
    if (!plat_work_queue(&unit->prq.work))
        __atomic_sub_fetch(&unit->prq.pending, 1, __ATOMIC_RELEASE);
}

/* ---- Pagers and drains ---- */

static struct vtd_prq *prq_of(const struct vtd_dev *dev)
{
    return &dev->unit->prq;
}

void vtd_pager_add(struct vtd_pager *pager)
{
    struct vtd_prq *prq = prq_of(pager->dev);

    plat_lock(&prq->lock);
    list_add_tail(&prq->pagers, &pager->link);
    plat_unlock(&prq->lock);
}

void vtd_pager_remove(struct vtd_pager *pager)
{
    struct vtd_prq *prq = prq_of(pager->dev);

    plat_lock(&prq->lock);
    list_del(&pager->link);
    plat_unlock(&prq->lock);
}

struct wait {
    const struct vtd_prq *prq;
    const struct vtd_pager *pager;
};

static bool server_gone(void *arg)
{
    const struct wait *w = arg;

    return __atomic_load_n(&w->prq->serving, __ATOMIC_ACQUIRE) != w->pager || w->prq->server == plat_self();
}

void vtd_pager_wait(struct vtd_unit *unit, const struct vtd_pager *pager)
{
    struct wait w = {&unit->prq, pager};

    if (plat_wait(&unit->prq.waiters, server_gone, &w, unit->timeout_ns))
        plat_log(LOG_WARN, "%s: who serves page requests does not come back", unit->name);
}

static void drain_list(struct vtd_unit *unit, struct list *groups, const struct vtd_prq_drain *drain)
{
    list_for_each_safe (pos, groups) {
        struct iommu_page_group *g = list_entry(pos, struct iommu_page_group, link);

        if (!drained_by(drain, g))
            continue;
        list_del(&g->link);
        if (groups != &unit->prq.partial)
            respond(unit, g, IOMMU_PAGES_INVALID);
        if (groups == &unit->prq.out)
            g->answered = true; /* its owner gives it back */
        else
            group_free(g);
    }
}

void vtd_prq_drain_begin(struct vtd_prq_drain *drain)
{
    struct vtd_unit *unit = drain->dev->unit;

    drain->responses = 0;
    plat_lock(&unit->prq.lock);
    list_add_tail(&unit->prq.drains, &drain->link);
    drain_list(unit, &unit->prq.ready, drain);
    drain_list(unit, &unit->prq.out, drain);
    plat_unlock(&unit->prq.lock);
}

void vtd_prq_drain_end(struct vtd_prq_drain *drain)
{
    struct vtd_prq *prq = prq_of(drain->dev);

    plat_lock(&prq->lock);
    drain_list(drain->dev->unit, &prq->partial, drain); /* the rest of them will not come */
    list_del(&drain->link);
    plat_unlock(&prq->lock);
}

/* ---- Life ---- */

bool vtd_prq_usable(const struct vtd_unit *unit)
{
    return unit->caps.prs && unit->caps.pds;
}

void vtd_prq_init(struct vtd_unit *unit)
{
    struct vtd_prq *prq = &unit->prq;

    *prq = (struct vtd_prq){.work.run = run};
    plat_lock_init(&prq->lock, "vtd page requests");
    plat_waitq_init(&prq->waiters);
    list_init(&prq->pagers);
    list_init(&prq->drains);
    list_init(&prq->partial);
    list_init(&prq->ready);
    list_init(&prq->out);
}

int vtd_prq_start(struct vtd_unit *unit)
{
    struct vtd_prq *prq = &unit->prq;

    if (!vtd_prq_usable(unit))
        return 0;
    if (prq->ring == NULL)
        prq->ring = plat_pages_alloc(1, OWNER_QUEUE);
    if (prq->ring == NULL)
        return -ENOMEM;
    prq->head = 0;
    vtd_write(&unit->io, VTD_PQT, 0);
    vtd_write(&unit->io, VTD_PQH, 0);
    vtd_write(&unit->io, VTD_PQA, FIELD_PREP_ADDR(VTD_PQA_PQA, plat_pa(prq->ring).v));
    vtd_write(&unit->io, VTD_PRS, SPAN_MASK(VTD_PRS_PPR) | SPAN_MASK(VTD_PRS_PRO));
    return 0;
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
