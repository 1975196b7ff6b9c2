/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a unit says it can do: VER, CAP and ECAP taken apart once, under short names. Pure; VT-d 5.10,
 * Capability Register and Extended Capability Register.
 */
#ifndef IOMMU_VTD_CAPS_H
#define IOMMU_VTD_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

struct vtd_caps {
    uint64_t cap;
    uint64_t ecap;
    uint32_t ver;
    unsigned major;
    unsigned minor;
    unsigned haw;        /* host address width in bits, from the DMAR table */
    unsigned nd_bits;    /* domain-id width in bits, 4..16; 0 where ND is the reserved 7 */
    unsigned sagaw;      /* as read: VTD_SAGAW_* */
    unsigned mgaw;       /* guest address width in bits */
    unsigned nfr;        /* number of fault records, 1..256 */
    unsigned sslps;      /* as read: VTD_SSLPS_* */
    unsigned mamv;       /* largest AM of iotlb_inv, 0 without PSI */
    unsigned pasid_bits; /* PASID width of requests-with-PASID, 1..20; 0 without ECAP.PASID */
    bool cm, rwbf, plmr, phmr, psi, fs1gp, fs5lp, esrtps, esirtps;
    bool c, qi, dt, ir, eim, pt, sc, nest, prs, srs, dit, pasid, pds, smts, ssts, fsts, smpwcs, eafs, rps,
        rprivs;
};

/* Takes the three register values apart; any values are accepted. `haw` is 1..64 bits. X. */
void vtd_caps_decode(uint32_t ver, uint64_t cap, uint64_t ecap, unsigned haw, struct vtd_caps *out);

/* Why this driver cannot run such a unit, in words that name the register field; NULL when it can. X. */
must_check const char *vtd_caps_refusal(const struct vtd_caps *caps);

/*
 * Claims that the specification does not allow together ("reported as 0 unless"). Stores up to `max` texts
 * and returns how many there are. A unit with oddities is used, and reported. X.
 */
unsigned vtd_caps_oddities(const struct vtd_caps *caps, const char **texts, unsigned max);

#endif
