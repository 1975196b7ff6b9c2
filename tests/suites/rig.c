/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixture of rig.h: thin steps over vtd_table.h, pgtable.h and vtd_qi.h, each checked.
 */
#include <string.h>

#include "iommu/pgtable.h"
#include "tests/suites/rig.h"

enum vtd_pgtt rig_unit_stage(const struct vtd_unit *unit)
{
    return unit->caps.fsts ? VTD_PGTT_FIRST : VTD_PGTT_SECOND;
}

/* ---- Start and end ---- */

/* PASIDs of one page of directory, for slots that are small numbers; owners' devices have all of it. */
#define RIG_BITS 13u

static void attach(struct t *t, struct rig *r, struct dma_dev *dma)
{
    bool numbered = t->lane == T_LANE_RID_PASID;

    *r = (struct rig){.t = t, .dma = dma};
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, dma->id, dma->rids, dma->rid_count,
                                    numbered ? IOASID_BITS : RIG_BITS, &r->idev));
    r->dev = r->idev->vtd;
    r->slot = numbered ? RIG_NUMBER : RIG_SLOT;
    r->unit = r->dev->unit;
}

struct pgtable_cfg rig_table_cfg(const struct vtd_dev *dev, enum vtd_pgtt stage, unsigned levels)
{
    const struct vtd_caps *caps = &dev->unit->caps;
    bool first = stage == VTD_PGTT_FIRST;
    bool has_2m = first || FIELD_GET(VTD_SSLPS_2M, caps->sslps);
    bool has_1g = first ? caps->fs1gp : FIELD_GET(VTD_SSLPS_1G, caps->sslps);

    return (struct pgtable_cfg){
        .stage = first ? PGTABLE_FIRST : PGTABLE_SECOND,
        .levels = levels,
        .input_bits = first ? 0 : caps->mgaw,
        .haw = caps->haw,
        .page_sizes = PGTABLE_4K + (has_2m ? PGTABLE_2M : 0) + (has_1g ? PGTABLE_1G : 0),
        .unit_snoops = dev->pwsnp,
    };
}

static void make_table(struct rig *r, enum vtd_pgtt stage, unsigned levels)
{
    struct pgtable_cfg cfg = rig_table_cfg(r->dev, stage, levels);

    r->stage = stage;
    r->levels = levels;
    T_ASSERT_OK(r->t, pgtable_create(&cfg, &r->table));
    rig_map_own(r, r->dma);
    T_ASSERT_OK(r->t, vtd_did_alloc(r->unit, &r->did));
}

unsigned rig_unit_levels(const struct vtd_unit *unit)
{
    return unit->caps.fsts || FIELD_GET(VTD_SAGAW_4LEVEL, unit->caps.sagaw) ? 4 : 3;
}

void rig_open(struct t *t, struct rig *r, struct dma_dev *dma)
{
    attach(t, r, dma);
    make_table(r, rig_unit_stage(r->unit), rig_unit_levels(r->unit));
}

void rig_open_as(struct t *t, struct rig *r, struct dma_dev *dma, enum vtd_pgtt stage, unsigned levels)
{
    unsigned sagaw;
    bool has;

    attach(t, r, dma);
    sagaw = r->unit->caps.sagaw;
    has = levels == 3 ? FIELD_GET(VTD_SAGAW_3LEVEL, sagaw) : FIELD_GET(VTD_SAGAW_4LEVEL, sagaw);
    if (stage == VTD_PGTT_SECOND && !has) {
        T_ASSERT_OK(t, iommu_dev_detach(r->idev));
        t_skip(t, "CAP.SAGAW = %x: no second stage with %u levels", sagaw, levels);
    }
    make_table(r, stage, levels);
}

void rig_close(struct rig *r)
{
    if (r->published)
        rig_retire(r);
    T_ASSERT_OK(r->t, iommu_dev_detach(r->idev));
    vtd_did_free(r->unit, r->did);
    pgtable_destroy(r->table);
    *r = (struct rig){.t = r->t};
}

/* ---- Mapping ---- */

void rig_map_pa(struct rig *r, uint64_t iova, paddr_t pa, uint64_t size, unsigned prot)
{
    T_ASSERT_OK(r->t, pgtable_map(r->table, (iova_t){iova}, pa, size, prot));
    rig_flush_new(r);
}

void rig_map_own(struct rig *r, const struct dma_dev *dma)
{
    if (dma->own_pages)
        rig_map_pa(r, dma->own.v, dma->own, (uint64_t)dma->own_pages * PAGE_SIZE, PGTABLE_RW);
}

void rig_map(struct rig *r, uint64_t iova, const struct t_mem *mem, unsigned first, unsigned count,
             unsigned prot)
{
    T_ASSERT_LE(r->t, first + count, mem->pages);
    rig_map_pa(r, iova, (paddr_t){mem->pa.v + first * PAGE_SIZE}, (uint64_t)count * PAGE_SIZE, prot);
}

void rig_unmap(struct rig *r, uint64_t iova, uint64_t size)
{
    T_ASSERT_OK(r->t, pgtable_unmap(r->table, (iova_t){iova}, size));
}

/* ---- The entry ---- */

static struct vtd_pasid_cfg config(struct rig *r)
{
    struct vtd_pasid_cfg cfg = {.pgtt = r->stage, .did = r->did};

    if (r->stage == VTD_PGTT_FIRST) {
        cfg.fs_root = pgtable_root(r->table);
        cfg.fs_levels = r->levels;
    } else {
        cfg.ss_root = pgtable_root(r->table);
        cfg.ss_levels = r->levels;
    }
    return cfg;
}

/* Requests without PASID go by the slot: the retire of a number took the context entries along. */
static void aim(struct rig *r)
{
    T_ASSERT_OK(r->t, vtd_dev_set_rid_pasid(r->dev, r->slot));
}

void rig_publish(struct rig *r)
{
    struct vtd_pasid_cfg cfg = config(r);

    aim(r);
    T_ASSERT_OK(r->t, vtd_pasid_publish(r->dev, r->slot, &cfg));
    r->published = true;
}

void rig_publish_pass_through(struct rig *r)
{
    struct vtd_pasid_cfg cfg = {.pgtt = VTD_PGTT_PASSTHROUGH, .did = r->did};

    aim(r);
    T_ASSERT_OK(r->t, vtd_pasid_publish(r->dev, r->slot, &cfg));
    r->published = true;
}

void rig_publish_raw(struct rig *r, const struct vtd_pasid_entry *entry)
{
    aim(r);
    T_ASSERT_OK(r->t, vtd_pasid_publish_entry(r->dev, r->slot, entry));
    r->published = true;
}

struct vtd_pasid_entry rig_entry(struct rig *r)
{
    struct vtd_pasid_cfg cfg = config(r);
    struct vtd_pasid_entry entry;

    T_ASSERT_OK(r->t, vtd_pasid_build(r->dev, &cfg, &entry));
    return entry;
}

void rig_retire(struct rig *r)
{
    T_ASSERT_OK(r->t, vtd_pasid_retire(r->dev, r->slot, VTD_RETIRE_LAST_OF_DID));
    r->published = false;
}

/* ---- Tables in memory ---- */

struct vtd_pasid_dir_entry *rig_dir_entry(struct rig *r)
{
    return &r->dev->directory[FIELD_GET(VTD_PASID_PDIR, r->slot)];
}

struct vtd_pasid_entry *rig_pasid_entry(struct rig *r)
{
    struct vtd_pasid_entry *table = plat_va((paddr_t){entry_get_addr(rig_dir_entry(r), VTD_PDIR_SMPTBLPTR)});

    T_ASSERT(r->t, entry_get(rig_dir_entry(r), VTD_PDIR_P) == 1);
    return &table[FIELD_GET(VTD_PASID_INDEX, r->slot)];
}

uint64_t *rig_root_word(struct rig *r)
{
    uint16_t rid = r->dma->rids[0];

    return &r->unit->root[rid_bus(rid)].q[FIELD_GET(VTD_DEVFN_UPPER, rid_devfn(rid))];
}

struct vtd_context_entry *rig_context_entry(struct rig *r)
{
    uint64_t word = *rig_root_word(r);
    struct vtd_context_entry *table = plat_va((paddr_t){FIELD_GET_ADDR(VTD_ROOT_LCTP, word)});

    T_ASSERT_EQ(r->t, FIELD_GET(VTD_ROOT_LP, word), 1ull);
    return &table[FIELD_GET(VTD_DEVFN_INDEX, rid_devfn(r->dma->rids[0]))];
}

uint64_t *rig_paging_entry(struct rig *r, uint64_t iova, unsigned level)
{
    uint64_t *table = plat_va(pgtable_root(r->table));

    for (unsigned l = r->levels;; l--) {
        uint64_t *entry = &table[(iova >> (12 + 9 * (l - 1))) % VTD_PAGING_ENTRIES];

        if (l == level)
            return entry;
        T_ASSERT_NE(r->t, FIELD_GET_ADDR(VTD_FS_ADDR, *entry), 0ull);
        table = plat_va((paddr_t){FIELD_GET_ADDR(VTD_FS_ADDR, *entry)});
    }
}

uint64_t rig_store(struct rig *r, uint64_t *word, uint64_t value)
{
    uint64_t old = load64(word);

    t_break_rules(r->t, true);
    store64(word, value);
    plat_publish(word, sizeof(*word), false);
    t_break_rules(r->t, false);
    return old;
}

uint64_t rig_bend(struct rig *r, uint64_t *word, uint64_t value)
{
    uint64_t old;

    t_break_rules(r->t, true);
    old = rig_store(r, word, value);
    rig_flush_everything(r);
    t_break_rules(r->t, false);
    return old;
}

/* ---- Invalidation ---- */

void rig_submit(struct rig *r, const struct vtd_desc *descs, unsigned count)
{
    T_ASSERT_OK(r->t, vtd_qi_submit_raw(r->unit, descs, count, true));
}

void rig_flush_everything(struct rig *r)
{
    struct vtd_desc d[] = {vtd_inv_cc_global(), vtd_inv_pc_global(), vtd_inv_iotlb_global()};

    rig_submit(r, d, ARRAY_SIZE(d));
}

void rig_flush_page(struct rig *r, uint64_t iova)
{
    bool leaf_only = !pgtable_has_garbage(r->table);
    struct vtd_desc d;

    if (r->stage == VTD_PGTT_FIRST)
        d = vtd_inv_piotlb_page(r->did, r->slot, (iova_t){iova}, 0, leaf_only);
    else if (r->unit->caps.psi)
        d = vtd_inv_iotlb_page(r->did, (iova_t){iova}, 0, leaf_only);
    else
        d = vtd_inv_iotlb_domain(r->did);
    rig_submit(r, &d, 1);
}

void rig_flush_slot(struct rig *r)
{
    struct vtd_desc d =
        r->stage == VTD_PGTT_FIRST ? vtd_inv_piotlb_pasid(r->did, r->slot) : vtd_inv_iotlb_domain(r->did);

    rig_submit(r, &d, 1);
}

void rig_flush_new(struct rig *r)
{
    if (r->published && r->stage == VTD_PGTT_SECOND && r->unit->caps.cm)
        rig_flush_slot(r);
}

/* ---- Devices ---- */

struct dma_dev *rig_dev_at(struct t *t, enum dma_place place)
{
    struct dma_dev *dma = dma_dev_at(t->dma->engine, place, 0);

    if (!dma)
        t_skip(t, "no %s device at a %s", dma_engine_name(t->dma->engine), dma_place_name(place));
    return dma;
}

struct dma_dev *rig_dev_upper(struct t *t)
{
    struct dma_dev *dma;

    for (unsigned n = 0; (dma = dma_dev_get(t->dma->engine, n)); n++) {
        if (dma->place == DMA_ON_ROOT_BUS && rid_devfn(dma->rids[0]) >= 128)
            return dma;
    }
    t_skip(t, "no %s device with a number of 16 or more on the root bus", dma_engine_name(t->dma->engine));
}
