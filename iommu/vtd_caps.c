/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CAP and ECAP decoded, and judged: can this driver run the unit, and does what it claims fit together.
 * VT-d 5.10, Capability Register and Extended Capability Register.
 */
#include "iommu/vtd_caps.h"

#include <stddef.h>

#include "iommu/vtd_fmt.h"
#include "iommu/vtd_regs.h"

static void decode_cap(uint64_t cap, struct vtd_caps *out)
{
    uint64_t nd = FIELD_GET(VTD_CAP_ND, cap);

    out->nd_bits = nd == SPAN_MAX(VTD_CAP_ND) ? 0 : 4 + 2 * (unsigned)nd;
    out->sagaw = (unsigned)FIELD_GET(VTD_CAP_SAGAW, cap);
    out->mgaw = (unsigned)FIELD_GET(VTD_CAP_MGAW, cap) + 1;
    out->nfr = (unsigned)FIELD_GET(VTD_CAP_NFR, cap) + 1;
    out->sslps = (unsigned)FIELD_GET(VTD_CAP_SSLPS, cap);
    out->psi = FIELD_GET(VTD_CAP_PSI, cap);
    out->mamv = out->psi ? (unsigned)FIELD_GET(VTD_CAP_MAMV, cap) : 0;
    out->cm = FIELD_GET(VTD_CAP_CM, cap);
    out->rwbf = FIELD_GET(VTD_CAP_RWBF, cap);
    out->plmr = FIELD_GET(VTD_CAP_PLMR, cap);
    out->phmr = FIELD_GET(VTD_CAP_PHMR, cap);
    out->fs1gp = FIELD_GET(VTD_CAP_FS1GP, cap);
    out->fs5lp = FIELD_GET(VTD_CAP_FS5LP, cap);
    out->esrtps = FIELD_GET(VTD_CAP_ESRTPS, cap);
    out->esirtps = FIELD_GET(VTD_CAP_ESIRTPS, cap);
}

static void decode_ecap(uint64_t ecap, struct vtd_caps *out)
{
    out->c = FIELD_GET(VTD_ECAP_C, ecap);
    out->qi = FIELD_GET(VTD_ECAP_QI, ecap);
    out->dt = FIELD_GET(VTD_ECAP_DT, ecap);
    out->ir = FIELD_GET(VTD_ECAP_IR, ecap);
    out->eim = FIELD_GET(VTD_ECAP_EIM, ecap);
    out->pt = FIELD_GET(VTD_ECAP_PT, ecap);
    out->sc = FIELD_GET(VTD_ECAP_SC, ecap);
    out->nest = FIELD_GET(VTD_ECAP_NEST, ecap);
    out->prs = FIELD_GET(VTD_ECAP_PRS, ecap);
    out->srs = FIELD_GET(VTD_ECAP_SRS, ecap);
    out->dit = FIELD_GET(VTD_ECAP_DIT, ecap);
    out->pasid = FIELD_GET(VTD_ECAP_PASID, ecap);
    out->pds = FIELD_GET(VTD_ECAP_PDS, ecap);
    out->smts = FIELD_GET(VTD_ECAP_SMTS, ecap);
    out->ssts = FIELD_GET(VTD_ECAP_SSTS, ecap);
    out->fsts = FIELD_GET(VTD_ECAP_FSTS, ecap);
    out->smpwcs = FIELD_GET(VTD_ECAP_SMPWCS, ecap);
    out->eafs = FIELD_GET(VTD_ECAP_EAFS, ecap);
    out->rps = FIELD_GET(VTD_ECAP_RPS, ecap);
    out->rprivs = FIELD_GET(VTD_ECAP_RPRIVS, ecap);
    out->pasid_bits = out->pasid ? (unsigned)FIELD_GET(VTD_ECAP_PSS, ecap) + 1 : 0;
}

void vtd_caps_decode(uint32_t ver, uint64_t cap, uint64_t ecap, unsigned haw, struct vtd_caps *out)
{
    *out = (struct vtd_caps){.cap = cap, .ecap = ecap, .ver = ver, .haw = haw};
    out->major = (unsigned)FIELD_GET(VTD_VER_MAX, ver);
    out->minor = (unsigned)FIELD_GET(VTD_VER_MIN, ver);
    decode_cap(cap, out);
    decode_ecap(ecap, out);
}

const char *vtd_caps_refusal(const struct vtd_caps *caps)
{
    if (caps->ver == UINT32_MAX || caps->cap == UINT64_MAX || caps->ecap == UINT64_MAX)
        return "no unit answers: registers read all ones";
    if (caps->cap == 0 && caps->ecap == 0)
        return "no unit answers: registers read zero";
    if (!caps->qi)
        return "no queued invalidation (ECAP.QI = 0)";
    if (!caps->smts)
        return "no scalable mode (ECAP.SMTS = 0)";
    if (caps->nd_bits == 0)
        return "reserved number of domains (CAP.ND = 7)";
    if (!caps->fsts && !caps->ssts && !caps->pt)
        return "no translation type (ECAP.FSTS = ECAP.SSTS = ECAP.PT = 0)";
    return NULL;
}

struct oddity {
    bool odd;
    const char *text;
};

static bool ecap_has(const struct vtd_caps *caps, uint64_t mask)
{
    return (caps->ecap & mask) != 0;
}

unsigned vtd_caps_oddities(const struct vtd_caps *caps, const char **texts, unsigned max)
{
    const struct oddity table[] = {
        {caps->dt && !caps->qi, "ECAP.DT without QI"},
        {caps->ir && !caps->qi, "ECAP.IR without QI"},
        {caps->smts && !caps->qi, "ECAP.SMTS without QI"},
        {caps->eim && !caps->ir, "ECAP.EIM without IR"},
        {ecap_has(caps, SPAN_MASK(VTD_ECAP_MHMV)) && !caps->ir, "ECAP.MHMV without IR"},
        {caps->nest && !(caps->smts && caps->fsts && caps->ssts), "ECAP.NEST without SMTS, FSTS and SSTS"},
        {caps->prs && !(caps->dt && caps->smts), "ECAP.PRS without DT and SMTS"},
        {caps->pds && !caps->dt, "ECAP.PDS without DT"},
        {caps->srs && !caps->smts, "ECAP.SRS without SMTS"},
        {caps->rprivs && !caps->srs, "ECAP.RPRIVS without SRS"},
        {caps->pasid && !caps->smts, "ECAP.PASID without SMTS"},
        {ecap_has(caps, SPAN_MASK(VTD_ECAP_PSS)) && !caps->smts, "ECAP.PSS without SMTS"},
        {FIELD_GET(VTD_ECAP_PSS, caps->ecap) >= VTD_PASID_BITS, "ECAP.PSS of more than 20 bits"},
        {caps->fsts && !caps->smts, "ECAP.FSTS without SMTS"},
        {caps->ssts && !caps->smts, "ECAP.SSTS without SMTS"},
        {caps->smpwcs && !caps->smts, "ECAP.SMPWCS without SMTS"},
        {caps->rps && !caps->smts, "ECAP.RPS without SMTS"},
        {ecap_has(caps, SPAN_MASK(VTD_ECAP_SSADS)) && !caps->smpwcs, "ECAP.SSADS without SMPWCS"},
        {caps->fs1gp && !caps->fsts, "CAP.FS1GP without ECAP.FSTS"},
        {caps->fs5lp && !caps->fsts, "CAP.FS5LP without ECAP.FSTS"},
        {caps->rwbf && caps->smts, "CAP.RWBF with ECAP.SMTS"},
        {FIELD_GET(VTD_CAP_PI, caps->cap) && !caps->ir, "CAP.PI without ECAP.IR"},
        {caps->sslps == SPAN_MASK(VTD_SSLPS_1G), "CAP.SSLPS with 1 GiB but not 2 MiB"},
        {caps->ssts && caps->sagaw == 0, "ECAP.SSTS without any width in CAP.SAGAW"},
    };
    unsigned count = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
        if (!table[i].odd)
            continue;
        if (count < max)
            texts[count] = table[i].text;
        count++;
    }
    return count;
}
