/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Named deviations that the driver works around, found by a probe of the registers, never applied to silicon
 * by default. Each has an entry in docs/errata.md.
 */
#ifndef IOMMU_VTD_QUIRK_H
#define IOMMU_VTD_QUIRK_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_caps.h"

enum vtd_quirk {
    /* A PASID entry with P = 0 is used while its context entry is cached: retire starts with cc device. */
    VTD_QUIRK_P_IGNORED,
    /* AW, a field of the second stage, limits the input of a first stage: first-stage entries carry it. */
    VTD_QUIRK_FS_AW,
    /* RID_PASID is used although ECAP.RPS = 0: lane rid_pasid works. Found by trying, see vtd_quirk_may_try.
     */
    VTD_QUIRK_RID_PASID_USED,
    VTD_QUIRK_COUNT
};

/* The set of quirks as a number with one bit each. */
struct vtd_quirks {
    uint32_t set;
};

/* Quirks of a unit with these capabilities, as far as registers tell. X. */
struct vtd_quirks vtd_quirk_probe(const struct vtd_caps *caps);

/*
 * May a device's DMA find out whether the unit has a quirk that registers do not show? True for emulators
 * only: silicon is never made to read a reserved field. X.
 */
bool vtd_quirk_may_try(enum vtd_quirk quirk, const struct vtd_caps *caps);

/* Is it in the set? X. */
bool vtd_quirk_has(struct vtd_quirks set, enum vtd_quirk quirk);
/* For tests that run the specified sequence alone, and bring-up on new machines. */
void vtd_quirk_set(struct vtd_quirks *set, enum vtd_quirk quirk, bool on);

/* "P_IGNORED"; and the line for the report header, which names the erratum. */
const char *vtd_quirk_name(enum vtd_quirk quirk);
const char *vtd_quirk_text(enum vtd_quirk quirk);

#endif
