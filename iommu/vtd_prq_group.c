/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests become groups, groups are answered, drains answer in their owners' stead (vtd_prq.h). All of
 * it under the lock of the queue.
 */
#include <errno.h>

#include "iommu/vtd_prq_priv.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"

/* ---- Whose it is ---- */

bool vtd_prq_is_from(const struct iommu_page_group *g, const struct vtd_dev *dev)
{
    for (unsigned i = 0; i < dev->rid_count; i++) {
        if (dev->rids[i] == g->rid)
            return true;
    }
    return false;
}

uint32_t vtd_prq_slot_of(const struct iommu_page_group *g, const struct vtd_dev *dev)
{
    return g->has_pasid ? g->pasid : dev->rid_pasid;
}

static bool drained_by(const struct vtd_prq_drain *drain, const struct iommu_page_group *g)
{
    return vtd_prq_is_from(g, drain->dev) &&
           (drain->whole_device || vtd_prq_slot_of(g, drain->dev) == drain->slot);
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

static unsigned count_from(const struct list *groups, uint16_t rid)
{
    unsigned n = 0;

    list_for_each (pos, groups)
        n += list_entry(pos, struct iommu_page_group, link)->rid == rid;
    return n;
}

/* Gives up the oldest group that `rid` has not completed; false: there is none. */
static bool forget_oldest(struct vtd_prq *prq, uint16_t rid)
{
    list_for_each (pos, &prq->partial) {
        struct iommu_page_group *g = list_entry(pos, struct iommu_page_group, link);

        if (g->rid != rid)
            continue;
        list_del(&g->link);
        group_free(g);
        return true;
    }
    return false;
}

/* A function that has more requests open than it was allowed (iommu_ats.c) takes memory from nobody else. */
static bool has_room(struct vtd_prq *prq, uint16_t rid)
{
    if (count_from(&prq->partial, rid) + count_from(&prq->ready, rid) + count_from(&prq->out, rid) <
        VTD_PRQ_GROUPS)
        return true;
    prq->stats.beyond++;
    return forget_oldest(prq, rid);
}

static struct iommu_page_group *new_group(struct vtd_unit *unit, const struct iommu_page_group *like)
{
    struct iommu_page_group *g = has_room(&unit->prq, like->rid) ? plat_alloc(sizeof(*g), OWNER_QUEUE) : NULL;

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
    pager = drain_of(prq, g) == NULL ? vtd_prq_pager_of(prq, g) : NULL;
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

void vtd_prq_take(struct vtd_unit *unit, const struct vtd_page_request *r)
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
    else if (last) /* no room: as if the queue had been full */
        respond(unit, &like, IOMMU_PAGES_PRESENT);
}

/* ---- Drains ---- */

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

/* Who counts an answer submits it before giving the lock up. */
unsigned vtd_prq_drain_answers(struct vtd_prq_drain *drain)
{
    struct vtd_prq *prq = &drain->dev->unit->prq;
    unsigned responses;

    plat_lock(&prq->lock);
    responses = drain->responses;
    drain->responses = 0;
    plat_unlock(&prq->lock);
    return responses;
}

void vtd_prq_drain_end(struct vtd_prq_drain *drain)
{
    struct vtd_prq *prq = &drain->dev->unit->prq;

    plat_lock(&prq->lock);
    drain_list(drain->dev->unit, &prq->partial, drain); /* the rest of them will not come */
    list_del(&drain->link);
    plat_unlock(&prq->lock);
}
