/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that exist in the tables only: requester ids on a bus where no machine has any, for cases that look
 * at tables and descriptors and need no DMA.
 */
#ifndef TESTS_SUITES_BENCH_DEV_H
#define TESTS_SUITES_BENCH_DEV_H

#include "iommu/iommu.h"
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/harness/harness.h"

#define BENCH_BUS 0xfe

/* The case's first unit. */
static inline struct vtd_unit *bench_unit(const struct t *t)
{
    return t->iommu->units[0];
}

/* A device with one requester id; its directory is of the smallest size. Ends the case if that fails. */
static inline struct vtd_dev *bench_attach(struct t *t, struct vtd_unit *unit, uint16_t rid)
{
    struct vtd_dev *dev = NULL;

    T_ASSERT_OK(t, vtd_dev_attach(unit, &(struct vtd_dev_cfg){.rids = &rid, .rid_count = 1}, &dev));
    return dev;
}

/* An entry of a type that the unit has; `root` is a page for the table that the entry points to. */
static inline struct vtd_pasid_cfg bench_cfg(enum vtd_pgtt pgtt, did_t did, paddr_t root)
{
    return (struct vtd_pasid_cfg){
        .pgtt = pgtt, .did = did, .fs_root = root, .fs_levels = 4, .ss_root = root, .ss_levels = 4};
}

/* Runs retires with and without the quirk, whatever the machine has. Returns what was set before. */
static inline struct vtd_quirks bench_set_p_ignored(struct vtd_unit *unit, bool on)
{
    struct vtd_quirks old = unit->quirks;

    vtd_quirk_set(&unit->quirks, VTD_QUIRK_P_IGNORED, on);
    return old;
}

#endif
