/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain ids, and PASID entries built, published and read back. VT-d 5.10, Scalable-Mode PASID Table Entry;
 * rules 17, 35, 37, 46-48.
 */
#include <errno.h>

#include "iommu/vtd_entry.h"

/* ---- Domain ids ---- */

static unsigned did_words(const struct vtd_unit *unit)
{
    uint64_t count = pow2(unit->caps.nd_bits);

    return count < 64 ? 1 : (unsigned)(count / 64);
}

int vtd_did_alloc(struct vtd_unit *unit, did_t *did)
{
    int err = -ENOSPC;

    plat_lock(&unit->table_lock);
    for (unsigned i = unit->did_first; err && i < did_words(unit); i++) {
        unsigned bit = ~unit->did_used[i] == 0 ? 64 : (unsigned)__builtin_ctzll(~unit->did_used[i]);

        if (bit == 64)
            continue;
        if (i * 64 + bit >= pow2(unit->caps.nd_bits))
            break;
        unit->did_used[i] += pow2(bit);
        unit->did_first = i;
        did->v = (uint16_t)(i * 64 + bit);
        err = 0;
    }
    plat_unlock(&unit->table_lock);
    return err;
}

void vtd_did_free(struct vtd_unit *unit, did_t did)
{
    plat_lock(&unit->table_lock);
    plat_assert(did.v != 0 && bit_is_set(unit->did_used[did.v / 64], did.v % 64));
    unit->did_used[did.v / 64] -= pow2(did.v % 64);
    if (did.v / 64 < unit->did_first)
        unit->did_first = did.v / 64;
    plat_unlock(&unit->table_lock);
}

/* Of eight words; most are zero, and this runs after every case. */
static unsigned count_eight(const uint64_t *w)
{
    unsigned count = 0;

    if ((w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) == 0)
        return 0;
    for (unsigned i = 0; i < 8; i++)
        count += (unsigned)__builtin_popcountll(w[i]);
    return count;
}

/* The bitmap is whole pages, so that there are eight words where fewer are used. */
unsigned vtd_did_count(struct vtd_unit *unit)
{
    unsigned count = 0, words = did_words(unit);

    plat_lock(&unit->table_lock);
    for (unsigned i = 0; i < words; i += 8)
        count += count_eight(&unit->did_used[i]);
    plat_unlock(&unit->table_lock);
    return count - 1; /* 0 is marked, never used */
}

/* ---- Building ---- */

static bool address_ok(const struct vtd_caps *caps, paddr_t pa)
{
    return is_aligned(pa.v, PAGE_SIZE) && (caps->haw >= 64 || pa.v < pow2(caps->haw));
}

static bool did_ok(const struct vtd_caps *caps, did_t did)
{
    return did.v != 0 && did.v < pow2(caps->nd_bits);
}

/* AW for a number of levels: 3 is 39 bits, and so on; CAP.SAGAW has one bit for each, at the place of AW's
 * value. */
static int second_stage_width(const struct vtd_caps *caps, unsigned levels, unsigned *aw)
{
    if (levels < 3 || levels > VTD_PAGING_LEVELS_MAX || !bit_is_set(caps->sagaw, levels - 2))
        return -EINVAL;
    *aw = levels - 2;
    return 0;
}

static int set_second_stage(const struct vtd_caps *caps, const struct vtd_pasid_cfg *cfg,
                            struct vtd_pasid_entry *e)
{
    unsigned aw;

    if (!caps->ssts || !address_ok(caps, cfg->ss_root) || second_stage_width(caps, cfg->ss_levels, &aw))
        return -EINVAL;
    entry_set(e, VTD_PASID_AW, aw);
    entry_set_addr(e, VTD_PASID_SSPTPTR, cfg->ss_root.v);
    return 0;
}

/* Of hardware, but for the table's place. EA is written by walks that snoop, as A is (fault 90h). */
static bool has_first_stage(const struct vtd_dev *dev, const struct vtd_pasid_cfg *cfg)
{
    const struct vtd_caps *caps = &dev->unit->caps;

    if (!caps->fsts || (cfg->sre && !caps->srs) || (cfg->eafe && !(caps->eafs && dev->pwsnp)))
        return false;
    return cfg->fs_levels == 4 || (cfg->fs_levels == 5 && caps->fs5lp);
}

static int set_first_stage(const struct vtd_dev *dev, const struct vtd_pasid_cfg *cfg,
                           struct vtd_pasid_entry *e)
{
    if (!has_first_stage(dev, cfg))
        return -EINVAL;
    entry_set(e, VTD_PASID_SRE, cfg->sre);
    entry_set(e, VTD_PASID_WPE, cfg->wpe);
    entry_set(e, VTD_PASID_EAFE, cfg->eafe);
    entry_set(e, VTD_PASID_FSPM, cfg->fs_levels == 5 ? VTD_FSPM_5LEVEL : VTD_FSPM_4LEVEL);
    entry_set_addr(e, VTD_PASID_FSPTPTR, cfg->fs_root.v);
    return 0;
}

/* Rule 49: the second stage has to take the first one's root as an address at all (fault 5Bh), which is in a
 * field of the host's width. */
static bool root_below(const struct vtd_caps *caps, const struct vtd_pasid_cfg *cfg)
{
    unsigned bits = VTD_PAGING_BITS(cfg->ss_levels);

    return address_ok(caps, cfg->fs_root) && cfg->fs_root.v < pow2(bits < caps->mgaw ? bits : caps->mgaw);
}

static int set_nested(const struct vtd_dev *dev, const struct vtd_pasid_cfg *cfg, struct vtd_pasid_entry *e)
{
    const struct vtd_caps *caps = &dev->unit->caps;
    int err = caps->nest ? set_second_stage(caps, cfg, e) : -EINVAL;

    if (!err && !root_below(caps, cfg))
        err = -EINVAL;
    return err ? err : set_first_stage(dev, cfg, e);
}

/* AW is not used, but wants the widest value where the field exists at all. */
static int set_pass_through(const struct vtd_caps *caps, struct vtd_pasid_entry *e)
{
    if (!caps->pt)
        return -EINVAL;
    if (caps->ssts && caps->sagaw != 0)
        entry_set(e, VTD_PASID_AW, log2_floor(caps->sagaw));
    return 0;
}

static int set_stage(const struct vtd_dev *dev, const struct vtd_pasid_cfg *cfg, struct vtd_pasid_entry *e)
{
    const struct vtd_caps *caps = &dev->unit->caps;

    switch (cfg->pgtt) {
    case VTD_PGTT_FIRST:
        return address_ok(caps, cfg->fs_root) ? set_first_stage(dev, cfg, e) : -EINVAL;
    case VTD_PGTT_SECOND:
        return set_second_stage(caps, cfg, e);
    case VTD_PGTT_NESTED:
        return set_nested(dev, cfg, e);
    case VTD_PGTT_PASSTHROUGH:
        return set_pass_through(caps, e);
    }
    return -EINVAL;
}

/* What deviating units want beside the fields that belong to the stage. */
static void set_quirks(const struct vtd_unit *unit, const struct vtd_pasid_cfg *cfg,
                       struct vtd_pasid_entry *e)
{
    if (cfg->pgtt == VTD_PGTT_FIRST && vtd_quirk_has(unit->quirks, VTD_QUIRK_FS_AW))
        entry_set(e, VTD_PASID_AW, cfg->fs_levels == 5 ? VTD_AW_57 : VTD_AW_48);
}

int vtd_pasid_build(const struct vtd_dev *dev, const struct vtd_pasid_cfg *cfg, struct vtd_pasid_entry *out)
{
    const struct vtd_caps *caps = &dev->unit->caps;
    struct vtd_pasid_entry e = {{0}};
    int err = did_ok(caps, cfg->did) ? set_stage(dev, cfg, &e) : -EINVAL;

    if (err)
        return err;
    set_quirks(dev->unit, cfg, &e);
    entry_set(&e, VTD_PASID_PGTT, cfg->pgtt);
    entry_set(&e, VTD_PASID_DID, cfg->did.v);
    entry_set(&e, VTD_PASID_PWSNP, dev->pwsnp);
    entry_set(&e, VTD_PASID_PGSNP, dev->pgsnp);
    entry_set(&e, VTD_PASID_FPD, cfg->fpd);
    entry_set(&e, VTD_PASID_P, 1);
    *out = e;
    return 0;
}

/* ---- Publishing ---- */

/*
 * Caching mode: what the unit may have cached of the not-present entry goes. Its domain id could be 0 or the
 * new one, so both are named.
 */
static int invalidate_not_present(struct vtd_unit *unit, uint32_t slot, did_t did, uint64_t pgtt)
{
    const did_t dids[] = {{0}, did};
    bool by_domain = pgtt == VTD_PGTT_SECOND || pgtt == VTD_PGTT_NESTED;
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    for (unsigned i = 0; i < ARRAY_SIZE(dids); i++)
        vtd_batch_add(&batch, vtd_inv_pc_pasid(dids[i], slot));
    for (unsigned i = 0; i < ARRAY_SIZE(dids); i++)
        vtd_batch_add(&batch,
                      by_domain ? vtd_inv_iotlb_domain(dids[i]) : vtd_inv_piotlb_pasid(dids[i], slot));
    return vtd_batch_submit_wait(&batch);
}

int vtd_pasid_publish_entry(struct vtd_dev *dev, uint32_t slot, const struct vtd_pasid_entry *entry)
{
    struct vtd_unit *unit = dev->unit;
    struct vtd_pasid_entry *place;
    int err;

    if (!vtd_entry_slot_ok(dev, slot) || !entry_get(entry, VTD_PASID_P))
        return -EINVAL;
    plat_lock(&unit->table_lock);
    err = vtd_entry_pasid_make(dev, slot, &place);
    if (!err && !vtd_entry_is_zero(place->q, ARRAY_SIZE(place->q)))
        err = -EBUSY;
    if (!err)
        vtd_entry_publish(unit, place->q, entry->q, ARRAY_SIZE(entry->q));
    plat_unlock(&unit->table_lock);
    if (err || !unit->caps.cm)
        return err;
    return invalidate_not_present(unit, slot, (did_t){(uint16_t)entry_get(entry, VTD_PASID_DID)},
                                  entry_get(entry, VTD_PASID_PGTT));
}

int vtd_pasid_publish(struct vtd_dev *dev, uint32_t slot, const struct vtd_pasid_cfg *cfg)
{
    struct vtd_pasid_entry entry;
    int err = vtd_pasid_build(dev, cfg, &entry);

    return err ? err : vtd_pasid_publish_entry(dev, slot, &entry);
}

/* ---- Read-back ---- */

int vtd_pasid_read(const struct vtd_dev *dev, uint32_t slot, struct vtd_pasid_entry *out)
{
    const struct vtd_pasid_entry *place;

    if (!vtd_entry_slot_ok(dev, slot))
        return -EINVAL;
    *out = (struct vtd_pasid_entry){{0}};
    place = vtd_entry_pasid(dev, slot);
    for (unsigned i = 0; place != NULL && i < ARRAY_SIZE(out->q); i++)
        out->q[i] = load64(&place->q[i]);
    return 0;
}

void vtd_pasid_each(const struct vtd_dev *dev,
                    void (*fn)(void *arg, uint32_t slot, const struct vtd_pasid_entry *entry), void *arg)
{
    const struct vtd_pasid_entry *table;

    for (uint32_t base = 0; (table = vtd_entry_next_table(dev, &base)) != NULL; base += VTD_PASID_ENTRIES) {
        for (uint32_t i = 0; i < VTD_PASID_ENTRIES; i++) {
            if (!vtd_entry_is_zero(table[i].q, ARRAY_SIZE(table[i].q)))
                fn(arg, base + i, &table[i]);
        }
    }
}
