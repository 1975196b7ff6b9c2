/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite caps: CAP and ECAP values of known machines decoded, units refused in words, claims that do not fit
 * together.
 */
#include <string.h>

#include "iommu/vtd_caps.h"
#include "iommu/vtd_quirk.h"
#include "iommu/vtd_regs.h"
#include "tests/harness/harness.h"

/* QEMU 11.1.3 with first stage and every option, and 7.2 with second stage (read from their registers). */
#define NEW_CAP  0x81d2008c222f0686ull
#define NEW_ECAP 0x00008d9a20f00fdeull
#define OLD_CAP  0x00d2008c222f0606ull
#define OLD_ECAP 0x0000480080f00f4aull

static struct vtd_caps decode(uint32_t ver, uint64_t cap, uint64_t ecap)
{
    struct vtd_caps c;

    vtd_caps_decode(ver, cap, ecap, 39, &c);
    return c;
}

TEST(caps, decode_new, .rules = "17",
     .doc = "a first-stage unit with PASIDs, device TLBs and page requests, field by field")
{
    struct vtd_caps c = decode(0x10, NEW_CAP, NEW_ECAP);

    T_EXPECT_EQ(t, c.major, 1u);
    T_EXPECT_EQ(t, c.minor, 0u);
    T_EXPECT_EQ(t, c.haw, 39u);
    T_EXPECT_EQ(t, c.nd_bits, 16u);
    T_EXPECT_EQ(t, c.sagaw, 6u);
    T_EXPECT_EQ(t, c.mgaw, 48u);
    T_EXPECT_EQ(t, c.nfr, 1u);
    T_EXPECT_EQ(t, c.sslps, 3u);
    T_EXPECT_EQ(t, c.mamv, 18u);
    T_EXPECT_EQ(t, c.pasid_bits, 20u);
    T_EXPECT(t, c.cm && c.psi && c.fs1gp && c.esrtps && !c.rwbf && !c.fs5lp && !c.esirtps);
    T_EXPECT(t,
             c.qi && c.dt && c.ir && c.eim && c.pt && c.sc && c.prs && c.pasid && c.pds && c.smts && c.fsts);
    T_EXPECT(t, !c.c && !c.nest && !c.ssts && !c.smpwcs && !c.rps && !c.srs && !c.dit && !c.rprivs);
}

TEST(caps, decode_old, .doc = "a second-stage unit without PASIDs: PSS does not count, no ESRTPS")
{
    struct vtd_caps c = decode(0x10, OLD_CAP, OLD_ECAP);

    T_EXPECT(t, c.ssts && !c.fsts && !c.esrtps && !c.cm && !c.dt && !c.pasid && c.srs && c.pt);
    T_EXPECT_EQ(t, c.pasid_bits, 0u);
    T_EXPECT_EQ(t, c.nd_bits, 16u);
}

TEST(caps, domain_id_width, .rules = "17", .doc = "ND 0..6 gives 4..16 bits, 7 is reserved and refused")
{
    for (unsigned nd = 0; nd < 7; nd++) {
        struct vtd_caps c = decode(0x10, FIELD_SET(VTD_CAP_ND, OLD_CAP, nd), OLD_ECAP);

        T_EXPECT_EQ(t, c.nd_bits, 4 + 2 * nd);
        T_EXPECT(t, vtd_caps_refusal(&c) == NULL);
    }
    struct vtd_caps c = decode(0x10, FIELD_SET(VTD_CAP_ND, OLD_CAP, 7), OLD_ECAP);

    T_EXPECT_EQ(t, vtd_caps_refusal(&c), "reserved number of domains (CAP.ND = 7)");
}

TEST(caps, no_page_selection, .rules = "27", .doc = "MAMV does not count without PSI")
{
    struct vtd_caps c = decode(0x10, FIELD_SET(VTD_CAP_PSI, OLD_CAP, 0), OLD_ECAP);

    T_EXPECT(t, !c.psi);
    T_EXPECT_EQ(t, c.mamv, 0u);
}

TEST(caps, refusals,
     .doc = "all ones, all zero, no queue, no scalable mode, no translation type: each in its own words")
{
    static const struct {
        uint32_t ver;
        uint64_t cap, ecap;
        const char *why;
    } rows[] = {
        {UINT32_MAX, UINT64_MAX, UINT64_MAX, "no unit answers: registers read all ones"},
        {0, 0, 0, "no unit answers: registers read zero"},
        {0x10, OLD_CAP, 0x0000480080f00f48, "no queued invalidation (ECAP.QI = 0)"},
        {0x10, OLD_CAP, 0x0000000000f00f4a, "no scalable mode (ECAP.SMTS = 0)"},
        {0x10, OLD_CAP, 0x0000080080f00f0a, "no translation type (ECAP.FSTS = ECAP.SSTS = ECAP.PT = 0)"},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct vtd_caps c = decode(rows[i].ver, rows[i].cap, rows[i].ecap);

        T_EXPECT_EQ(t, vtd_caps_refusal(&c), rows[i].why);
    }
}

TEST(caps, oddities, .doc = "sound values have none; a bit without the one that it depends on is named")
{
    static const struct {
        uint64_t cap, ecap;
        const char *what;
    } rows[] = {
        {OLD_CAP, OLD_ECAP | SPAN_MASK(VTD_ECAP_NEST), "ECAP.NEST without SMTS, FSTS and SSTS"},
        {OLD_CAP, OLD_ECAP | SPAN_MASK(VTD_ECAP_PRS), "ECAP.PRS without DT and SMTS"},
        {OLD_CAP, OLD_ECAP | SPAN_MASK(VTD_ECAP_PDS), "ECAP.PDS without DT"},
        {OLD_CAP, OLD_ECAP | SPAN_MASK(VTD_ECAP_SSADS), "ECAP.SSADS without SMPWCS"},
        {OLD_CAP | SPAN_MASK(VTD_CAP_FS1GP), OLD_ECAP, "CAP.FS1GP without ECAP.FSTS"},
        {OLD_CAP | SPAN_MASK(VTD_CAP_RWBF), OLD_ECAP, "CAP.RWBF with ECAP.SMTS"},
        {FIELD_SET(VTD_CAP_SSLPS, OLD_CAP, 2), OLD_ECAP, "CAP.SSLPS with 1 GiB but not 2 MiB"},
    };
    struct vtd_caps c = decode(0x10, NEW_CAP, NEW_ECAP);
    const char *texts[4];

    T_EXPECT_EQ(t, vtd_caps_oddities(&c, texts, 4), 0u);
    c = decode(0x10, OLD_CAP, OLD_ECAP);
    T_EXPECT_EQ(t, vtd_caps_oddities(&c, texts, 4), 0u);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        c = decode(0x10, rows[i].cap, rows[i].ecap);
        T_ASSERT_EQ(t, vtd_caps_oddities(&c, texts, 4), 1u);
        T_EXPECT_EQ(t, texts[0], rows[i].what);
    }
}

TEST(caps, quirk_probe, .doc = "P_IGNORED where VER = 1.0 has scalable mode, and on no other version")
{
    struct vtd_caps emulator = decode(0x10, OLD_CAP, OLD_ECAP);
    struct vtd_caps silicon = decode(0x60, OLD_CAP, OLD_ECAP);
    struct vtd_caps legacy = decode(0x10, OLD_CAP, 0x0000000000f00f4a);
    struct vtd_quirks q = vtd_quirk_probe(&emulator);

    T_EXPECT(t, vtd_quirk_has(q, VTD_QUIRK_P_IGNORED));
    T_EXPECT(t, !vtd_quirk_has(vtd_quirk_probe(&silicon), VTD_QUIRK_P_IGNORED));
    T_EXPECT(t, !vtd_quirk_has(vtd_quirk_probe(&legacy), VTD_QUIRK_P_IGNORED));
    vtd_quirk_set(&q, VTD_QUIRK_P_IGNORED, false);
    T_EXPECT(t, !vtd_quirk_has(q, VTD_QUIRK_P_IGNORED));
    T_EXPECT_EQ(t, vtd_quirk_name(VTD_QUIRK_P_IGNORED), "P_IGNORED");
}
