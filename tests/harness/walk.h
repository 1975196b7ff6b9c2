/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a unit that read the tables now, without any cache, would do with one request: a second reading of the
 * specification, made for the tests only and without the driver's definitions. VT-d 5.10, Address
 * Translation.
 */
#ifndef TESTS_HARNESS_WALK_H
#define TESTS_HARNESS_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/types.h"

struct walk {
    bool reaches;   /* the request is translated and permitted */
    paddr_t pa;     /* to here, if it reaches */
    unsigned fault; /* reason that the specification gives it, if it does not */
    char where[80]; /* entry that decided, in words */
    bool entry;     /* a PASID-table entry was found; the next three are its fields */
    unsigned pgtt;
    uint16_t did;
    uint32_t slot;
};

/* Request without PASID by `rid` against the root table at `root` (value of RTADDR); rps: RID_PASID is
 * used (vtd_unit_uses_rid_pasid).
 */
void walk_request(uint64_t rtaddr, bool rps, uint16_t rid, iova_t iova, bool write, struct walk *out);
/* The same of a request with a PASID. */
void walk_tagged(uint64_t rtaddr, uint16_t rid, uint32_t pasid, iova_t iova, bool write, struct walk *out);

#endif
