/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of a unit given up and made anew from the list of its devices. VT-d 5.10, Translation Structure
 * Formats; rules 54, 80.
 */
#include <string.h>

#include "iommu/vtd_entry.h"

static void free_half(uint64_t half)
{
    if (half != 0)
        plat_pages_free(plat_va((paddr_t){FIELD_GET_ADDR(VTD_ROOT_LCTP, half)}), 1);
}

/* Under table_lock. */
static void empty_directory(struct vtd_dev *dev)
{
    size_t size = vtd_dev_directory_pages(dev->pdts) * PAGE_SIZE;

    vtd_dev_free_tables(dev);
    memset(dev->directory, 0, size);
    plat_publish(dev->directory, size, dev->unit->caps.c);
    dev->context_present = false;
}

void vtd_tables_drop(struct vtd_unit *unit)
{
    plat_lock(&unit->table_lock);
    for (unsigned bus = 0; bus < VTD_ROOT_ENTRIES; bus++) {
        for (unsigned half = 0; half < ARRAY_SIZE(unit->root[bus].q); half++)
            free_half(unit->root[bus].q[half]);
    }
    memset(unit->root, 0, PAGE_SIZE);
    list_for_each (pos, &unit->devs)
        empty_directory(list_entry(pos, struct vtd_dev, link));
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
