/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence and blame: tables, descriptors and registers read back after a failed check. */
#include <stdio.h>
#include <string.h>

#include "iommu/iommu.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_inv.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/harness/evidence.h"
#include "tests/harness/walk.h"

#define SHOWN_DESCS  8u
#define JUDGED_DESCS 256u
#define MAX_REACHED  16u

/* Offsets of the registers shown (VT-d 5.10, Register Descriptions). */
enum { REG_GSTS = 0x1c, REG_RTADDR = 0x20, REG_FSTS = 0x34, REG_IQH = 0x80, REG_IQT = 0x88 };

/* A translation that was in use, so that it may be cached: what a retire has to invalidate. */
struct reached {
    const struct dma_dev *dev;
    bool known;
    uint16_t did;
    uint32_t slot;
    unsigned pgtt;
    uint64_t submitted; /* descriptors of the unit until then */
};

static struct reached reached[MAX_REACHED];

static uint64_t submitted(const struct vtd_unit *unit)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < VTD_DESC_TYPES; i++)
        n += unit->stats.descriptors[i];
    return n;
}

/* The unit that has the device attached; the first one when none has. */
static struct vtd_unit *unit_of(const struct iommu *iommu, const struct dma_dev *dev)
{
    for (unsigned u = 0; u < iommu->unit_count; u++) {
        if (iommu->units[u]->segment == dev->id.segment && vtd_dev_find(iommu->units[u], dev->rids[0]))
            return iommu->units[u];
    }
    return iommu->units[0];
}

static void walk_dev(const struct vtd_unit *unit, const struct dma_dev *dev, iova_t iova, bool write,
                     struct walk *out)
{
    walk_request(plat_mmio_read64(&unit->io, REG_RTADDR), vtd_unit_uses_rid_pasid(unit), dev->rids[0], iova,
                 write, out);
}

static void note_unit(struct t *t, struct vtd_unit *unit)
{
    struct vtd_desc descs[SHOWN_DESCS];
    unsigned n = vtd_qi_recent(unit, descs, SHOWN_DESCS);
    char text[160];

    t_note(t, "%s: GSTS %08x FSTS %08x RTADDR %llx IQH %llx IQT %llx", unit->name,
           plat_mmio_read32(&unit->io, REG_GSTS), plat_mmio_read32(&unit->io, REG_FSTS),
           (unsigned long long)plat_mmio_read64(&unit->io, REG_RTADDR),
           (unsigned long long)plat_mmio_read64(&unit->io, REG_IQH),
           (unsigned long long)plat_mmio_read64(&unit->io, REG_IQT));
    for (unsigned i = 0; i < n; i++)
        t_note(t, "%s: queue -%u: %s", unit->name, n - i, vtd_inv_text(&descs[i], text, sizeof(text)));
}

/* The slot that its requests use, where it is attached. */
static void note_tables(struct t *t, struct vtd_unit *unit, const struct dma_dev *dma)
{
    const struct vtd_dev *dev = vtd_dev_find(unit, dma->rids[0]);
    char text[256];

    t_note(t, "%s: %s", dma->name,
           vtd_table_text(unit, dma->rids[0], dev ? dev->rid_pasid : 0, text, sizeof(text)));
}

void evidence_take(struct t *t)
{
    char text[256];
    unsigned faults;

    if (!t->iommu)
        return;
    faults = t_faults(t);
    for (unsigned u = 0; u < t->iommu->unit_count; u++) {
        if (t->iommu->units[u]->started)
            note_unit(t, t->iommu->units[u]);
    }
    for (unsigned i = 0; i < faults; i++)
        t_note(t, "fault: %s", vtd_fault_text(t_fault(t, i), text, sizeof(text)));
    if (t->dma)
        note_tables(t, unit_of(t->iommu, t->dma), t->dma);
}

/* ---- Blame ---- */

void evidence_reset(void)
{
    memset(reached, 0, sizeof(reached));
}

static struct reached *slot_of(const struct dma_dev *dev)
{
    for (unsigned i = 0; i < MAX_REACHED; i++) {
        if (reached[i].dev == dev || !reached[i].dev) {
            reached[i].dev = dev;
            return &reached[i];
        }
    }
    return &reached[0];
}

void evidence_reached(struct t *t, const struct dma_dev *dev, iova_t iova, bool write)
{
    struct reached *r = slot_of(dev);
    const struct vtd_unit *unit;
    struct walk w;

    if (!t->iommu)
        return;
    unit = unit_of(t->iommu, dev);
    walk_dev(unit, dev, iova, write, &w);
    *r = (struct reached){.dev = dev,
                          .known = w.entry,
                          .did = w.did,
                          .slot = w.slot,
                          .pgtt = w.pgtt,
                          .submitted = submitted(unit)};
}

/* Fields of a descriptor by the specification's numbers (VT-d 5.10, Queued Invalidation Descriptors). */
static unsigned desc_type(const struct vtd_desc *d)
{
    return (unsigned)(d->q[0] & 0xf);
}

static unsigned desc_granularity(const struct vtd_desc *d)
{
    return (unsigned)(d->q[0] >> 4 & 3);
}

static bool desc_names(const struct vtd_desc *d, const struct reached *r, bool pasid)
{
    return (uint16_t)(d->q[0] >> 16) == r->did && (!pasid || (d->q[0] >> 32 & 0xfffff) == r->slot);
}

/* Does it empty the PASID cache of (domain id, slot)? */
static bool clears_entry(const struct vtd_desc *d, const struct reached *r)
{
    unsigned g = desc_granularity(d);

    return desc_type(d) == 7 &&
           (g == 3 || (g == 0 && desc_names(d, r, false)) || (g == 1 && desc_names(d, r, true)));
}

/* Does it empty the IOTLB of it? p_iotlb does not touch what the second stage cached by domain id alone. */
static bool clears_iotlb(const struct vtd_desc *d, const struct reached *r)
{
    unsigned g = desc_granularity(d);

    if (desc_type(d) == 2)
        return g == 1 || (g == 2 && desc_names(d, r, false));
    return desc_type(d) == 6 && g == 2 && desc_names(d, r, true) && (r->pgtt == 1 || r->pgtt == 4);
}

/* Were both done, in this order, and a wait after them, since the translation was last in use? */
static bool invalidated(struct vtd_unit *unit, const struct reached *r)
{
    static struct vtd_desc descs[JUDGED_DESCS];
    uint64_t since = submitted(unit) - r->submitted;
    unsigned n = vtd_qi_recent(unit, descs, since < JUDGED_DESCS ? (unsigned)since : JUDGED_DESCS);
    unsigned step = 0;

    for (unsigned i = 0; i < n; i++) {
        if (step == 0 && clears_entry(&descs[i], r))
            step = 1;
        else if (step == 1 && clears_iotlb(&descs[i], r))
            step = 2;
        else if (step == 2 && desc_type(&descs[i]) == 5)
            step = 3;
    }
    return step == 3;
}

static void blame_served(struct t *t, struct vtd_unit *unit, const struct dma_dev *dev, const struct walk *w)
{
    const struct reached *r = slot_of(dev);

    if (w->reaches)
        t_blame(t, T_DRIVER, "the tables in memory allow it");
    else if (r->known && !invalidated(unit, r))
        t_blame(t, T_DRIVER, "the tables refuse it, but what was cached was not invalidated and waited for");
    else
        t_blame(t, T_PLATFORM, "the tables refuse it and nothing cached was left");
}

void evidence_blame(struct t *t, const struct dma_dev *dev, iova_t iova, bool write, bool allowed, paddr_t pa)
{
    struct vtd_unit *unit;
    struct walk w;

    if (!t->iommu)
        return;
    unit = unit_of(t->iommu, dev);
    walk_dev(unit, dev, iova, write, &w);
    if (w.reaches)
        t_note(t, "tables: %s %s 0x%llx -> 0x%llx, %s", dev->name, write ? "write" : "read",
               (unsigned long long)iova.v, (unsigned long long)w.pa.v, w.where);
    else
        t_note(t, "tables: %s %s 0x%llx -> fault %02xh, %s", dev->name, write ? "write" : "read",
               (unsigned long long)iova.v, w.fault, w.where);
    if (!allowed)
        blame_served(t, unit, dev, &w);
    else if (w.reaches && w.pa.v == pa.v)
        t_blame(t, T_PLATFORM, "the tables in memory allow it");
    else
        t_blame(t, T_DRIVER, w.reaches ? "the tables lead elsewhere" : "the tables in memory refuse it");
}
