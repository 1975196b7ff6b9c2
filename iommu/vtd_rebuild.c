/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of a unit emptied where they are, and filled anew from the list of its devices: a resume takes
 * no memory. VT-d 5.10, Translation Structure Formats; rules 54, 80.
 */
#include <string.h>

#include "iommu/vtd_entry.h"

static void empty(const struct vtd_unit *unit, void *table)
{
    memset(table, 0, PAGE_SIZE);
    plat_publish(table, PAGE_SIZE, unit->caps.c);
}

/* A half whose P went, because its table was about to go, has it again. */
static void empty_half(const struct vtd_unit *unit, uint64_t *half)
{
    if (*half == 0)
        return;
    empty(unit, plat_va((paddr_t){FIELD_GET_ADDR(VTD_ROOT_LCTP, *half)}));
    *half = FIELD_SET(VTD_ROOT_LP, *half, 1);
}

/* Under table_lock. */
static void empty_device(struct vtd_dev *dev)
{
    struct vtd_pasid_entry *table;

    for (uint32_t base = 0; (table = vtd_entry_next_table(dev, &base)) != NULL; base += VTD_PASID_ENTRIES)
        empty(dev->unit, table);
    dev->context_present = false;
}

void vtd_tables_empty(struct vtd_unit *unit)
{
    plat_lock(&unit->table_lock);
    for (unsigned bus = 0; bus < VTD_ROOT_ENTRIES; bus++) {
        for (unsigned half = 0; half < ARRAY_SIZE(unit->root[bus].q); half++)
            empty_half(unit, &unit->root[bus].q[half]);
    }
    list_for_each (pos, &unit->devs)
        empty_device(list_entry(pos, struct vtd_dev, link));
    plat_unlock(&unit->table_lock);
}

/* The contexts of a device whose RID_PASID is a number come with the entry of that number. */
int vtd_tables_rebuild(struct vtd_unit *unit)
{
    int err = 0;

    list_for_each (pos, &unit->devs) {
        struct vtd_dev *dev = list_entry(pos, struct vtd_dev, link);

        if (err == 0 && dev->rid_pasid == 0)
            err = vtd_dev_publish_contexts(dev);
    }
    return err;
}
