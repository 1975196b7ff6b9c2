/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who serves page requests: which owner a group goes to, and the thread that hands the groups of a unit out,
 * one after the other (vtd_prq.h).
 */
#include "iommu/vtd_prq_priv.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"

/* ---- Owners ---- */

struct vtd_pager *vtd_prq_pager_of(struct vtd_prq *prq, const struct iommu_page_group *g)
{
    list_for_each (pos, &prq->pagers) {
        struct vtd_pager *pager = list_entry(pos, struct vtd_pager, link);

        if (vtd_prq_is_from(g, pager->dev) && vtd_prq_slot_of(g, pager->dev) == pager->slot)
            return pager;
    }
    return NULL;
}

void vtd_pager_add(struct vtd_pager *pager)
{
    struct vtd_prq *prq = &pager->dev->unit->prq;

    plat_lock(&prq->lock);
    list_add_tail(&prq->pagers, &pager->link);
    plat_unlock(&prq->lock);
}

void vtd_pager_remove(struct vtd_pager *pager)
{
    struct vtd_prq *prq = &pager->dev->unit->prq;

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

void vtd_prq_serve(struct plat_work *work)
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
