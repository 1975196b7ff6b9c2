/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding entries, and the order of stores that hardware may read in 128-bit halves at any moment. See
 * vtd_entry.h.
 */
#include "iommu/vtd_entry.h"

#include <errno.h>
#include <string.h>

/* P is the same bit in all entries and root halves, FPD in all that have it; there is none in a root half. */
#define ENTRY_P   SPAN_MASK(VTD_PASID_P)
#define ENTRY_FPD SPAN_MASK(VTD_PASID_FPD)
_Static_assert(ENTRY_P == SPAN_MASK(VTD_CTX_P) && ENTRY_P == SPAN_MASK(VTD_PDIR_P) &&
                   ENTRY_P == SPAN_MASK(VTD_ROOT_LP) && ENTRY_P == SPAN_MASK(VTD_ROOT_UP) &&
                   ENTRY_FPD == SPAN_MASK(VTD_CTX_FPD) && ENTRY_FPD == SPAN_MASK(VTD_PDIR_FPD),
               "VT-d 5.10, Translation Structure Formats: P and FPD");

/* ---- Stores ---- */

bool vtd_entry_is_zero(const uint64_t *entry, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (load64(&entry[i]) != 0)
            return false;
    }
    return true;
}

/* Makes what was stored visible before anything that is stored later. */
static void settle(struct vtd_unit *unit, const uint64_t *entry, unsigned count)
{
    plat_publish(entry, count * sizeof(*entry), unit->caps.c);
    plat_wmb();
}

void vtd_entry_publish(struct vtd_unit *unit, uint64_t *entry, const uint64_t *words, unsigned count)
{
    plat_assert(vtd_entry_is_zero(entry, count) && (words[0] & ENTRY_P) != 0);
    if (count > 1) {
        for (unsigned i = 1; i < count; i++)
            store64(&entry[i], words[i]);
        store64(&entry[0], words[0] & ~ENTRY_P);
        settle(unit, entry, count);
    }
    store64(&entry[0], words[0]);
    settle(unit, entry, 1);
}

void vtd_entry_clear_present(struct vtd_unit *unit, uint64_t *entry, bool fpd)
{
    uint64_t word = load64(entry) & ~ENTRY_P;

    store64(entry, fpd ? word | ENTRY_FPD : word);
    settle(unit, entry, 1);
}

void vtd_entry_zero_but_fpd(struct vtd_unit *unit, uint64_t *entry, unsigned count)
{
    uint64_t word = load64(entry);

    plat_assert((word & ENTRY_P) == 0);
    for (unsigned i = 1; i < count; i++)
        store64(&entry[i], 0);
    store64(&entry[0], word & ENTRY_FPD);
    settle(unit, entry, count);
}

void vtd_entry_zero_fpd(struct vtd_unit *unit, uint64_t *entry)
{
    plat_assert((load64(entry) & ~ENTRY_FPD) == 0);
    store64(entry, 0);
    settle(unit, entry, 1);
}

/* A page of zeros that the unit may be shown. */
static void *new_table(struct vtd_unit *unit)
{
    void *table = plat_pages_alloc(1, OWNER_TABLE);

    if (table != NULL) {
        plat_publish(table, PAGE_SIZE, unit->caps.c);
        plat_wmb();
    }
    return table;
}

/* ---- Context entries ---- */

static bool in_upper_half(uint16_t rid)
{
    return FIELD_GET(VTD_DEVFN_UPPER, rid_devfn(rid));
}

/* The half of a root entry that serves `rid`: LP and UP, LCTP and UCTP have the same places in their words.
 */
static uint64_t *root_half(const struct vtd_unit *unit, uint16_t rid)
{
    struct vtd_root_entry *e = &unit->root[rid_bus(rid)];

    return in_upper_half(rid) ? &ENTRY_WORD(e, VTD_ROOT_UP) : &ENTRY_WORD(e, VTD_ROOT_LP);
}

static struct vtd_context_entry *context_table(const struct vtd_unit *unit, uint16_t rid)
{
    uint64_t half = unit->root == NULL ? 0 : load64(root_half(unit, rid));

    return half == 0 ? NULL : plat_va((paddr_t){FIELD_GET_ADDR(VTD_ROOT_LCTP, half)});
}

struct vtd_context_entry *vtd_entry_context(const struct vtd_unit *unit, uint16_t rid)
{
    struct vtd_context_entry *table = context_table(unit, rid);

    return table == NULL ? NULL : &table[FIELD_GET(VTD_DEVFN_INDEX, rid_devfn(rid))];
}

int vtd_entry_context_make(struct vtd_unit *unit, uint16_t rid, struct vtd_context_entry **out)
{
    *out = vtd_entry_context(unit, rid);
    if (*out != NULL && !FIELD_GET(VTD_ROOT_LP, load64(root_half(unit, rid))))
        return -EBUSY;
    if (*out == NULL) {
        void *table = new_table(unit);
        uint64_t half;

        if (table == NULL)
            return -ENOMEM;
        half = FIELD_PREP(VTD_ROOT_LP, 1) | FIELD_PREP_ADDR(VTD_ROOT_LCTP, plat_pa(table).v);
        vtd_entry_publish(unit, root_half(unit, rid), &half, 1);
        *out = vtd_entry_context(unit, rid);
    }
    return 0;
}

bool vtd_entry_root_clear_present(struct vtd_unit *unit, uint16_t rid)
{
    const struct vtd_context_entry *table = context_table(unit, rid);

    if (table == NULL)
        return false;
    for (unsigned i = 0; i < VTD_CTX_ENTRIES; i++) {
        if (entry_get(&table[i], VTD_CTX_P))
            return false;
    }
    vtd_entry_clear_present(unit, root_half(unit, rid), false);
    return true;
}

void vtd_entry_root_free(struct vtd_unit *unit, uint16_t rid)
{
    struct vtd_context_entry *table = context_table(unit, rid);
    uint64_t *half = root_half(unit, rid);

    if (table == NULL || FIELD_GET(VTD_ROOT_LP, load64(half)))
        return;
    vtd_entry_zero_but_fpd(unit, half, 1);
    plat_pages_free(table, 1);
}

/* ---- PASID entries ---- */

bool vtd_entry_slot_ok(const struct vtd_dev *dev, uint32_t slot)
{
    return slot < VTD_PDIR_PASIDS(dev->pdts);
}

struct vtd_pasid_entry *vtd_entry_pasid(const struct vtd_dev *dev, uint32_t slot)
{
    uint64_t dir = load64(&dev->directory[FIELD_GET(VTD_PASID_PDIR, slot)].q[0]);
    struct vtd_pasid_entry *table;

    if (!FIELD_GET(VTD_PDIR_P, dir))
        return NULL;
    table = plat_va((paddr_t){FIELD_GET_ADDR(VTD_PDIR_SMPTBLPTR, dir)});
    return &table[FIELD_GET(VTD_PASID_INDEX, slot)];
}

/* Most of 16384 entries are zero: they are looked at eight at a time. */
#define PDIR_GROUP        8u
#define PDIR_GROUP_PASIDS (PDIR_GROUP * VTD_PASID_ENTRIES)

static bool group_is_zero(const struct vtd_pasid_dir_entry *e)
{
    return (load64(&e[0].q[0]) | load64(&e[1].q[0]) | load64(&e[2].q[0]) | load64(&e[3].q[0]) |
            load64(&e[4].q[0]) | load64(&e[5].q[0]) | load64(&e[6].q[0]) | load64(&e[7].q[0])) == 0;
}

struct vtd_pasid_entry *vtd_entry_next_table(const struct vtd_dev *dev, uint32_t *base)
{
    while (*base < dev->tables_end) {
        struct vtd_pasid_entry *table;

        if (*base % PDIR_GROUP_PASIDS == 0 &&
            group_is_zero(&dev->directory[FIELD_GET(VTD_PASID_PDIR, *base)])) {
            *base += PDIR_GROUP_PASIDS;
            continue;
        }
        table = vtd_entry_pasid(dev, *base);
        if (table != NULL)
            return table;
        *base += VTD_PASID_ENTRIES;
    }
    return NULL;
}

int vtd_entry_pasid_make(struct vtd_dev *dev, uint32_t slot, struct vtd_pasid_entry **out)
{
    *out = vtd_entry_pasid(dev, slot);
    if (*out == NULL) {
        void *table = new_table(dev->unit);
        uint64_t dir;

        if (table == NULL)
            return -ENOMEM;
        dir = FIELD_PREP(VTD_PDIR_P, 1) | FIELD_PREP_ADDR(VTD_PDIR_SMPTBLPTR, plat_pa(table).v);
        vtd_entry_publish(dev->unit, dev->directory[FIELD_GET(VTD_PASID_PDIR, slot)].q, &dir, 1);
        if (slot >= dev->tables_end)
            dev->tables_end = slot + 1;
        *out = vtd_entry_pasid(dev, slot);
    }
    return 0;
}
