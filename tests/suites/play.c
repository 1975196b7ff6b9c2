/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixture of play.h. Every IOASID maps the same address to a page of its own, so "which page did the
 * device write" tells which life of which IOASID served it.
 */
#include <string.h>

#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/suites/play.h"
#include "tests/suites/rig.h"

#define REACH_OFFSET 512
#define REACH_LEN    64

struct pgtable_cfg play_table_cfg(struct t *t, struct dma_dev *dma)
{
    struct iommu_dev *idev;
    struct pgtable_cfg cfg;
    enum vtd_pgtt stage;

    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, dma->id, dma->rids, dma->rid_count, IOASID_BITS, &idev));
    stage = rig_unit_stage(idev->vtd->unit);
    cfg = rig_table_cfg(idev->vtd, stage, rig_unit_levels(idev->vtd->unit));
    T_ASSERT_OK(t, iommu_dev_detach(idev));
    return cfg;
}

static void set_up(struct t *t, struct play *p, struct dma_dev *const *these, unsigned devs, bool native)
{
    struct owner_cfg cfg = {.iommu = t->iommu, .native = native, .listen = true};

    *p = (struct play){.t = t, .devs = devs};
    for (unsigned d = 0; d < devs; d++)
        p->dma[d] = these ? these[d] : t_dev(t, d);
    cfg.table = play_table_cfg(t, p->dma[0]);
    T_ASSERT_OK(t, owner_open(&p->owner, &cfg));
    for (unsigned id = 0; id < OWNER_IDS; id++)
        t_rand_fill(t, owner_page(&p->owner, id), PAGE_SIZE);
    for (unsigned d = 0; d < devs; d++) {
        const struct dma_dev *dma = p->dma[d];

        if (dma->own_pages)
            T_ASSERT_OK(t, owner_map(&p->owner, dma->own, (uint64_t)dma->own_pages * PAGE_SIZE));
        T_ASSERT_OK(t, owner_attach(&p->owner, dma->id, dma->rids, dma->rid_count));
    }
}

void play_open(struct t *t, struct play *p, unsigned devs)
{
    set_up(t, p, NULL, devs, false);
}

void play_open_native(struct t *t, struct play *p, unsigned devs)
{
    set_up(t, p, NULL, devs, true);
}

void play_open_with(struct t *t, struct play *p, struct dma_dev *const *dma, unsigned devs)
{
    set_up(t, p, dma, devs, false);
}

void play_close(struct play *p)
{
    T_ASSERT_OK(p->t, owner_close(&p->owner));
}

/* ---- What a device reaches ---- */

static struct t_mem page_of(struct play *p, unsigned id)
{
    uint8_t *va = owner_page(&p->owner, id);

    return (struct t_mem){.va = va, .pa = plat_pa(va), .pages = 1};
}

/* Of every page but one, position by position. */
static uint64_t sum_of_others(struct play *p, unsigned id)
{
    uint64_t h = 0;

    for (unsigned n = 0; n < OWNER_IDS; n++) {
        const uint64_t *words = (const uint64_t *)(const void *)owner_page(&p->owner, n);

        for (unsigned i = 0; n != id && i < PAGE_SIZE / sizeof(*words); i++)
            h = h * 1099511628211ull + words[i];
    }
    return h;
}

static bool reaches(struct play *p, unsigned dev, char what)
{
    unsigned id = what == '-' ? 0 : (unsigned)(what - '0');
    struct t_mem page = page_of(p, id);
    iova_t iova = {OWNER_IOVA + REACH_OFFSET};
    uint64_t others = sum_of_others(p, id);
    bool ok;

    if (what == '-')
        ok = t_dma_write_denied(p->t, p->dma[dev], iova, &page, REACH_OFFSET, REACH_LEN);
    else
        ok = t_dma_write_allowed(p->t, p->dma[dev], iova, &page, REACH_OFFSET, REACH_LEN);
    if (!T_EXPECT_EQ(p->t, sum_of_others(p, id), others)) {
        t_note(p->t, "%s changed a page of another IOASID", p->dma[dev]->name);
        ok = false;
    }
    return ok;
}

uint32_t play_slot(const struct play *p, unsigned id)
{
    return p->t->lane == T_LANE_RID_PASID ? ioasid_number(p->owner.ids[id]) : 0;
}

/* Requests of a device that nothing is bound to go by every number of the case: these very numbers lead
 * nowhere. */
static bool numbers_lead_nowhere(struct play *p, unsigned dev)
{
    bool ok = true;

    for (unsigned id = 0; id < OWNER_IDS; id++) {
        if (ioasid_eq(p->owner.ids[id], IOASID_INVALID))
            continue;
        if (!T_EXPECT_OK(p->t, vtd_dev_set_rid_pasid(p->owner.devs[dev]->vtd, play_slot(p, id))) ||
            !reaches(p, dev, '-')) {
            t_note(p->t, "%s, RID_PASID = %u", p->dma[dev]->name, play_slot(p, id));
            ok = false;
        }
    }
    return ok;
}

static bool all_reach(struct play *p, const char *reach)
{
    bool ok = true;

    T_ASSERT_EQ(p->t, strlen(reach), (size_t)p->devs);
    for (unsigned d = 0; d < p->devs; d++) {
        ok = (reach[d] == '?' || reaches(p, d, reach[d])) && ok;
        if (reach[d] == '-' && p->t->lane == T_LANE_RID_PASID)
            ok = numbers_lead_nowhere(p, d) && ok;
    }
    return ok;
}

void play_reach(struct play *p, const char *reach)
{
    T_ASSERT(p->t, all_reach(p, reach));
}

/* ---- Steps ---- */

static bool events_are(struct play *p, const char *events)
{
    char seen[200], why[96] = "";
    bool sound = owner_events_sound(&p->owner, why, sizeof(why));

    owner_events(&p->owner, seen, sizeof(seen));
    if (!sound)
        t_note(p->t, "event %s", why);
    return T_EXPECT(p->t, sound) && (!events || T_EXPECT_EQ(p->t, (const char *)seen, events));
}

void play_events(struct play *p, const char *events)
{
    T_ASSERT(p->t, events_are(p, events));
}

static bool step(struct play *p, const struct play_step *s)
{
    bool ok = T_EXPECT_ERR(p->t, owner_do(&p->owner, s->op, s->id, s->dev), s->want);

    ok = events_are(p, s->events) && ok;
    return (!s->reach || all_reach(p, s->reach)) && ok;
}

void play_steps(struct play *p, const struct play_step *steps, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct play_step *s = &steps[i];

        t_note(p->t, "step %u: %s id %u device %u", i + 1, owner_op_name(s->op), s->id, s->dev);
        if (!step(p, s))
            t_fail(p->t, "step %u: %s id %u device %u", i + 1, owner_op_name(s->op), s->id, s->dev);
    }
}
