/* SPDX-License-Identifier: BSD-2-Clause */
/* The fixture of nest.h. */
#include "tests/suites/nest.h"

#include "tests/suites/rig.h"

#define LEVELS 4u

/* ---- The guest's memory ---- */

struct t_mem nest_mem(const struct nest *n, uint64_t gpa)
{
    uint64_t offset = (NEST_PAGES - 1 - (gpa - NEST_GPA) / PAGE_SIZE) * PAGE_SIZE;

    return (struct t_mem){n->ram.va + offset, {n->ram.pa.v + offset}, 1};
}

static uint64_t *word_at(const struct nest *n, uint64_t gpa)
{
    return (uint64_t *)(void *)(nest_mem(n, gpa).va + gpa % PAGE_SIZE);
}

uint64_t nest_page(struct nest *n)
{
    T_ASSERT_LT(n->t, n->used, NEST_PAGES);
    return NEST_GPA + PAGE_SIZE * n->used++;
}

uint64_t nest_load(const struct nest *n, uint64_t gpa)
{
    return load64(word_at(n, gpa));
}

uint64_t nest_store(struct nest *n, uint64_t gpa, uint64_t value)
{
    uint64_t *word = word_at(n, gpa);
    uint64_t old = load64(word);

    store64(word, value);
    plat_publish(word, sizeof(*word), false);
    return old;
}

/* ---- The guest's tables ---- */

static uint64_t slot(uint64_t table, uint64_t gva, unsigned level)
{
    return table + 8 * (gva / pow2(3 + 9 * level) % VTD_PAGING_ENTRIES);
}

uint64_t nest_entry(struct nest *n, unsigned d, uint64_t gva, unsigned level)
{
    uint64_t table = n->root[d];

    for (unsigned l = LEVELS; l > level; l--)
        table = FIELD_GET_ADDR(VTD_FS_ADDR, nest_load(n, slot(table, gva, l)));
    return slot(table, gva, level);
}

void nest_map(struct nest *n, unsigned d, uint64_t gva, uint64_t gpa, uint64_t flags)
{
    for (unsigned l = LEVELS; l > 1; l--) {
        uint64_t entry = nest_entry(n, d, gva, l);

        if (nest_load(n, entry) == 0)
            nest_store(n, entry, nest_page(n) | (NEST_FULL & ~SPAN_MASK(VTD_FS_D)));
    }
    nest_store(n, nest_entry(n, d, gva, 1), gpa | flags);
}

/* ---- The host's second stage ---- */

void nest_take(struct nest *n, uint64_t gpa)
{
    T_ASSERT_OK(n->t, pgtable_unmap(n->second, (iova_t){gpa}, PAGE_SIZE));
}

void nest_give(struct nest *n, uint64_t gpa, paddr_t pa, unsigned prot)
{
    T_ASSERT_OK(n->t, pgtable_map(n->second, (iova_t){gpa}, pa, PAGE_SIZE, prot));
    for (unsigned d = 0; d < n->devs; d++) {
        int err = n->dev[d]->vtd->unit->caps.cm
                      ? ioasid_flush_below(n->set, n->id[d], (iova_t){gpa}, PAGE_SIZE, false)
                      : 0;

        T_ASSERT(n->t, err == 0 || err == -ENOENT); /* not bound */
    }
}

void nest_give_back(struct nest *n, uint64_t gpa)
{
    nest_give(n, gpa, nest_mem(n, gpa).pa, PGTABLE_RW);
}

/* Pages that the engine needs at their own addresses, through both. */
static void map_own(struct nest *n, unsigned d)
{
    for (uint64_t i = 0; i < n->dma[d]->own_pages; i++) {
        uint64_t at = n->dma[d]->own.v + i * PAGE_SIZE;

        nest_give(n, at, (paddr_t){at}, PGTABLE_RW);
        nest_map(n, d, at, at, NEST_FULL);
    }
}

static bool has_levels(const struct nest *n, unsigned levels)
{
    bool all = true;

    for (unsigned d = 0; d < n->devs; d++) {
        unsigned sagaw = n->dev[d]->vtd->unit->caps.sagaw;

        all &= levels == 4 ? FIELD_GET(VTD_SAGAW_4LEVEL, sagaw) : FIELD_GET(VTD_SAGAW_3LEVEL, sagaw);
    }
    return all;
}

static void make_second(struct nest *n, unsigned levels)
{
    struct pgtable_cfg cfg = rig_table_cfg(n->dev[0]->vtd, VTD_PGTT_SECOND, levels);

    for (unsigned d = 1; d < n->devs; d++)
        cfg.unit_snoops = cfg.unit_snoops && n->dev[d]->vtd->pwsnp;
    T_ASSERT_OK(n->t, pgtable_create(&cfg, &n->second));
    for (unsigned i = 0; i < NEST_PAGES; i++)
        nest_give_back(n, NEST_GPA + i * PAGE_SIZE);
}

/* ---- The whole ---- */

static void attach(struct t *t, struct nest *n, unsigned devs)
{
    *n = (struct nest){.t = t, .devs = devs, .set = ioasid_system_set(t->iommu->ioasids)};
    n->ram = t_mem(t, NEST_PAGES);
    plat_publish(n->ram.va, NEST_PAGES * PAGE_SIZE, false);
    for (unsigned d = 0; d < devs; d++) {
        n->dma[d] = t_dev(t, d);
        T_ASSERT_OK(t, iommu_dev_attach(t->iommu, n->dma[d]->id, n->dma[d]->rids, n->dma[d]->rid_count,
                                        IOASID_BITS, &n->dev[d]));
        T_ASSERT_OK(t, ioasid_alloc(n->set, 1, (uint32_t)pow2(n->dev[d]->pasid_bits) - 1, &n->id[d]));
    }
}

static void fill(struct nest *n, unsigned levels)
{
    make_second(n, levels);
    for (unsigned d = 0; d < n->devs; d++) {
        n->root[d] = nest_page(n);
        nest_tag(n, d, n->id[d]);
        map_own(n, d);
    }
}

void nest_open(struct t *t, struct nest *n, unsigned devs)
{
    attach(t, n, devs);
    fill(n, has_levels(n, 4) ? 4 : 3);
}

void nest_open_as(struct t *t, struct nest *n, unsigned devs, unsigned levels)
{
    attach(t, n, devs);
    if (!has_levels(n, levels))
        t_skip(t, "CAP.SAGAW: no second stage with %u levels", levels);
    fill(n, levels);
}

void nest_close(struct nest *n)
{
    for (unsigned d = 0; d < n->devs; d++) {
        int err = ioasid_free(n->set, n->id[d]);

        T_ASSERT(n->t, err == 0 || err == -EINPROGRESS || err == -ENOENT);
    }
    t_settle(n->t);
    for (unsigned d = 0; d < n->devs; d++) {
        dma_untag(n->dma[d]);
        T_ASSERT_OK(n->t, iommu_dev_detach(n->dev[d]));
    }
    pgtable_destroy(n->second);
}

struct ioasid_bind_cfg nest_cfg(const struct nest *n, unsigned d)
{
    return (struct ioasid_bind_cfg){.stage = IOMMU_NESTED,
                                    .table = n->second,
                                    .first = {.root = n->root[d], .levels = LEVELS},
                                    .guest = true,
                                    .spid = IOASID_NO_SPID};
}

void nest_bind(struct nest *n, unsigned d)
{
    struct ioasid_bind_cfg cfg = nest_cfg(n, d);

    T_ASSERT_OK(n->t, ioasid_bind(n->set, n->id[d], n->dev[d], &cfg));
}

void nest_unbind(struct nest *n, unsigned d)
{
    T_ASSERT_OK(n->t, ioasid_unbind(n->set, n->id[d], n->dev[d]));
}

void nest_tag(struct nest *n, unsigned d, ioasid_t id)
{
    if (n->t->lane == T_LANE_PASID)
        dma_tag(n->dma[d], ioasid_number(id));
}

void nest_flush(struct nest *n, unsigned d, uint64_t gva)
{
    T_ASSERT_OK(n->t, ioasid_flush(n->set, n->id[d], (iova_t){gva}, PAGE_SIZE, false));
}

void nest_flush_below(struct nest *n, unsigned d, uint64_t gpa)
{
    T_ASSERT_OK(n->t, ioasid_flush_below(n->set, n->id[d], (iova_t){gpa}, PAGE_SIZE, false));
}
