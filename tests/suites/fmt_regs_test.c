/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite fmt, registers: golden vectors of iommu/vtd_regs.h against VT-d 5.10, Register Descriptions. See
 * gold.h.
 */
#include "iommu/vtd_regs.h"
#include "tests/suites/gold.h"

static const struct gold capability_fields[] = {
    G(VER_MAX, 0, 0x00000000000000f0),
    G(VER_MIN, 0, 0x000000000000000f),
    G(CAP_ND, 0, 0x0000000000000007),
    G(CAP_AFL, 0, 0x0000000000000008),
    G(CAP_RWBF, 0, 0x0000000000000010),
    G(CAP_PLMR, 0, 0x0000000000000020),
    G(CAP_PHMR, 0, 0x0000000000000040),
    G(CAP_CM, 0, 0x0000000000000080),
    G(CAP_SAGAW, 0, 0x0000000000001f00),
    G(CAP_MGAW, 0, 0x00000000003f0000),
    G(CAP_ZLR, 0, 0x0000000000400000),
    G(CAP_FRO, 0, 0x00000003ff000000),
    G(CAP_SSLPS, 0, 0x0000003c00000000),
    G(CAP_PSI, 0, 0x0000008000000000),
    G(CAP_NFR, 0, 0x0000ff0000000000),
    G(CAP_MAMV, 0, 0x003f000000000000),
    G(CAP_DWD, 0, 0x0040000000000000),
    G(CAP_DRD, 0, 0x0080000000000000),
    G(CAP_FS1GP, 0, 0x0100000000000000),
    G(CAP_PI, 0, 0x0800000000000000),
    G(CAP_FS5LP, 0, 0x1000000000000000),
    G(CAP_ECMDS, 0, 0x2000000000000000),
    G(CAP_ESIRTPS, 0, 0x4000000000000000),
    G(CAP_ESRTPS, 0, 0x8000000000000000),
    G(SAGAW_3LEVEL, 0, 0x02),
    G(SAGAW_4LEVEL, 0, 0x04),
    G(SAGAW_5LEVEL, 0, 0x08),
    G(SSLPS_2M, 0, 0x01),
    G(SSLPS_1G, 0, 0x02),
    G(ECAP_C, 0, 0x0000000000000001),
    G(ECAP_QI, 0, 0x0000000000000002),
    G(ECAP_DT, 0, 0x0000000000000004),
    G(ECAP_IR, 0, 0x0000000000000008),
    G(ECAP_EIM, 0, 0x0000000000000010),
    G(ECAP_PT, 0, 0x0000000000000040),
    G(ECAP_SC, 0, 0x0000000000000080),
    G(ECAP_IRO, 0, 0x000000000003ff00),
    G(ECAP_MHMV, 0, 0x0000000000f00000),
    G(ECAP_MTS, 0, 0x0000000002000000),
    G(ECAP_NEST, 0, 0x0000000004000000),
    G(ECAP_PRS, 0, 0x0000000020000000),
    G(ECAP_ERS, 0, 0x0000000040000000),
    G(ECAP_SRS, 0, 0x0000000080000000),
    G(ECAP_NWFS, 0, 0x0000000200000000),
    G(ECAP_EAFS, 0, 0x0000000400000000),
    G(ECAP_PSS, 0, 0x000000f800000000),
    G(ECAP_PASID, 0, 0x0000010000000000),
    G(ECAP_DIT, 0, 0x0000020000000000),
    G(ECAP_PDS, 0, 0x0000040000000000),
    G(ECAP_SMTS, 0, 0x0000080000000000),
    G(ECAP_VCS, 0, 0x0000100000000000),
    G(ECAP_SSADS, 0, 0x0000200000000000),
    G(ECAP_SSTS, 0, 0x0000400000000000),
    G(ECAP_FSTS, 0, 0x0000800000000000),
    G(ECAP_SMPWCS, 0, 0x0001000000000000),
    G(ECAP_RPS, 0, 0x0002000000000000),
    G(ECAP_TDXCS, 0, 0x0004000000000000),
    G(ECAP_PMS, 0, 0x0008000000000000),
    G(ECAP_ADMS, 0, 0x0010000000000000),
    G(ECAP_RPRIVS, 0, 0x0020000000000000),
    G(ECAP_HPTS, 0, 0x0080000000000000),
    G(ECAP_PTRS, 0, 0x0100000000000000),
    G(ECAP_SSIRWS, 0, 0x0200000000000000),
    G(ECAP_SMS, 0, 0x0400000000000000),
    G(ECAP_HPT1GPS, 0, 0x0800000000000000),
    G(ECAP_RDTS, 0, 0x1000000000000000),
    G(ECAP_EIMER, 0, 0x2000000000000000),
    G(ECAP_IRREQ, 0, 0x4000000000000000),
};

static const struct gold control_fields[] = {
    G(GCMD_TE, 0, 0x80000000),
    G(GCMD_SRTP, 0, 0x40000000),
    G(GCMD_SFL, 0, 0x20000000),
    G(GCMD_EAFL, 0, 0x10000000),
    G(GCMD_WBF, 0, 0x08000000),
    G(GCMD_QIE, 0, 0x04000000),
    G(GCMD_IRE, 0, 0x02000000),
    G(GCMD_SIRTP, 0, 0x01000000),
    G(GCMD_CFI, 0, 0x00800000),
    G(GSTS_TES, 0, 0x80000000),
    G(GSTS_RTPS, 0, 0x40000000),
    G(GSTS_FLS, 0, 0x20000000),
    G(GSTS_AFLS, 0, 0x10000000),
    G(GSTS_WBFS, 0, 0x08000000),
    G(GSTS_QIES, 0, 0x04000000),
    G(GSTS_IRES, 0, 0x02000000),
    G(GSTS_IRTPS, 0, 0x01000000),
    G(GSTS_CFIS, 0, 0x00800000),
    G(RTADDR_RTA, 0, 0xfffffffffffff000),
    G(RTADDR_TTM, 0, 0xc00),
    G(RTADDR_SSIRWE, 0, 0x80),
    G(CCMD_ICC, 0, 0x8000000000000000),
    G(CCMD_CIRG, 0, 0x6000000000000000),
    G(CCMD_CAIG, 0, 0x1800000000000000),
    G(CCMD_FM, 0, 0x0000000300000000),
    G(CCMD_SID, 0, 0x00000000ffff0000),
    G(CCMD_DID, 0, 0x000000000000ffff),
    G(IOTLB_IVT, 0, 0x8000000000000000),
    G(IOTLB_IIRG, 0, 0x3000000000000000),
    G(IOTLB_IAIG, 0, 0x0600000000000000),
    G(IOTLB_DR, 0, 0x0002000000000000),
    G(IOTLB_DW, 0, 0x0001000000000000),
    G(IOTLB_DID, 0, 0x0000ffff00000000),
    G(IVA_ADDR, 0, 0xfffffffffffff000),
    G(IVA_IH, 0, 0x40),
    G(IVA_AM, 0, 0x3f),
    G(PMEN_EPM, 0, 0x80000000),
    G(PMEN_PRS, 0, 0x00000001),
    G(ECRSP_IP, 0, 0x1),
    G(VCMD_CMD, 0, 0x00000000000000ff),
    G(VCMD_OA, 0, 0xffffffffffff0000),
    G(VCMD_PASID, 0, 0x0000000fffff0000),
    G(VCRSP_IP, 0, 0x1),
    G(VCRSP_SC, 0, 0xfe),
    G(VCRSP_RSLT, 0, 0xffffffffffff0000),
    G(VCRSP_PASID, 0, 0x0000000fffff0000),
    G(VCCAP_NS, 0, 0x1),
    G(VCCAP_PAS, 0, 0x2),
    G(VCCAP_FPS, 0, 0x4),
};

static const struct gold fault_fields[] = {
    G(FSTS_FRI, 0, 0xff00),
    G(FSTS_PRO, 0, 0x80),
    G(FSTS_ITE, 0, 0x40),
    G(FSTS_ICE, 0, 0x20),
    G(FSTS_IQE, 0, 0x10),
    G(FSTS_PPF, 0, 0x02),
    G(FSTS_PFO, 0, 0x01),
    G(EVENT_IM, 0, 0x80000000),
    G(EVENT_IP, 0, 0x40000000),
    G(FRCD_F, 1, 0x8000000000000000),
    G(FRCD_T1, 1, 0x4000000000000000),
    G(FRCD_AT, 1, 0x3000000000000000),
    G(FRCD_PV, 1, 0x0fffff0000000000),
    G(FRCD_FR, 1, 0x000000ff00000000),
    G(FRCD_PP, 1, 0x0000000080000000),
    G(FRCD_EXE, 1, 0x0000000040000000),
    G(FRCD_PRIV, 1, 0x0000000020000000),
    G(FRCD_T2, 1, 0x0000000010000000),
    G(FRCD_SID, 1, 0x000000000000ffff),
    G(FRCD_FI, 0, 0xfffffffffffff000),
    G(FRCD_INDEX, 0, 0xffff000000000000),
    G(FRCD_TOP_F, 0, 0x80000000),
};

static const struct gold queue_register_fields[] = {
    G(IQH_QH, 0, 0x7fff0),
    G(IQT_QT, 0, 0x7fff0),
    G(IQA_IQA, 0, 0xfffffffffffff000),
    G(IQA_DW, 0, 0x800),
    G(IQA_QS, 0, 0x7),
    G(ICS_IWC, 0, 0x1),
    G(IQERCD_ICESID, 0, 0xffff000000000000),
    G(IQERCD_ITESID, 0, 0x0000ffff00000000),
    G(IQERCD_IQEI, 0, 0xf),
    G(IRTA_IRTA, 0, 0xfffffffffffff000),
    G(IRTA_EIME, 0, 0x800),
    G(IRTA_S, 0, 0xf),
    G(PQH_PQH, 0, 0x7ffe0),
    G(PQT_PQT, 0, 0x7ffe0),
    G(PQA_PQA, 0, 0xfffffffffffff000),
    G(PQA_PQS, 0, 0x7),
    G(PRS_PRO, 0, 0x2),
    G(PRS_PPR, 0, 0x1),
};

TEST(fmt, register_fields, .doc = "every register field has the bits that VT-d 5.10 prints")
{
    GOLD_COMPARE(t, capability_fields);
    GOLD_COMPARE(t, control_fields);
    GOLD_COMPARE(t, fault_fields);
    GOLD_COMPARE(t, queue_register_fields);
}

TEST(fmt, register_map, .doc = "every register has the offset and the width that VT-d 5.10 prints")
{
    static const struct {
        uint32_t offset;
        unsigned width;
    } want[] = {
        {0x000, 32}, {0x008, 64}, {0x010, 64}, {0x018, 32}, {0x01c, 32}, {0x020, 64}, {0x028, 64},
        {0x034, 32}, {0x038, 32}, {0x03c, 32}, {0x040, 32}, {0x044, 32}, {0x064, 32}, {0x068, 32},
        {0x06c, 32}, {0x070, 64}, {0x078, 64}, {0x080, 64}, {0x088, 64}, {0x090, 64}, {0x09c, 32},
        {0x0a0, 32}, {0x0a4, 32}, {0x0a8, 32}, {0x0ac, 32}, {0x0b0, 64}, {0x0b8, 64}, {0x0c0, 64},
        {0x0c8, 64}, {0x0d0, 64}, {0x0dc, 32}, {0x0e0, 32}, {0x0e4, 32}, {0x0e8, 32}, {0x0ec, 32},
        {0x410, 64}, {0xe00, 64}, {0xe08, 64}, {0xe10, 64}, {0xe30, 64},
    };
#define ROW(width, name, offset, text)                                                                       \
    {VTD_##name.off, _Generic(VTD_##name, struct reg32 : 32, struct reg64 : 64)},
    const struct {
        uint32_t offset;
        unsigned width;
    } have[] = {VTD_REGS(ROW)};
#undef ROW

    T_ASSERT_EQ(t, ARRAY_SIZE(have), ARRAY_SIZE(want));
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        T_EXPECT_EQ(t, have[i].offset, want[i].offset);
        T_EXPECT_EQ(t, have[i].width, want[i].width);
    }
}

TEST(fmt, moving_registers, .doc = "IVA, IOTLB and the fault records are where CAP and ECAP say")
{
    /* FRO 22h, NFR 0; IRO 0Fh: as measured on QEMU. */
    T_EXPECT_EQ(t, vtd_reg_iva(0x480080f00f4a).off, 0xf0u);
    T_EXPECT_EQ(t, vtd_reg_iotlb(0x480080f00f4a).off, 0xf8u);
    T_EXPECT_EQ(t, vtd_reg_frcd_low(0xd2008c222f0606, 0).off, 0x220u);
    T_EXPECT_EQ(t, vtd_reg_frcd_high(0xd2008c222f0606, 0).off, 0x228u);
    T_EXPECT_EQ(t, vtd_reg_frcd_top(0xd2008c222f0606, 0).off, 0x22cu);
    T_EXPECT_EQ(t, vtd_regs_size(0xd2008c222f0606, 0x480080f00f4a), 0x1000u);
    /* FRO 3FFh, NFR FFh: records from 3FF0h to 4FEFh; IRO 3FFh: IOTLB ends at 4000h. */
    T_EXPECT_EQ(t, vtd_reg_frcd_low(0x0000ff03ff000000, 255).off, 0x4fe0u);
    T_EXPECT_EQ(t, vtd_regs_size(0x0000ff03ff000000, 0x3ff00), 0x5000u);
    T_EXPECT_EQ(t, vtd_regs_size(0x0000000022000000, 0x3ff00), 0x4000u);
}

TEST(fmt, capabilities_of_qemu, .doc = "CAP and ECAP as measured decode to what that platform is known to be")
{
    const uint64_t cap = 0x81d2008c222f0606;
    const uint64_t ecap = 0x880000f00f4a;

    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_ND, cap), 6u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_SAGAW, cap), 6u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_MGAW, cap), 47u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_FRO, cap), 0x22u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_SSLPS, cap), 3u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_PSI, cap), 1u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_NFR, cap), 0u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_MAMV, cap), 18u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_CM, cap), 0u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_FS1GP, cap), 1u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_CAP_ESRTPS, cap), 1u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_ECAP_QI, ecap), 1u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_ECAP_PT, ecap), 1u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_ECAP_IRO, ecap), 0xfu);
    T_EXPECT_EQ(t, FIELD_GET(VTD_ECAP_MHMV, ecap), 0xfu);
    T_EXPECT_EQ(t, FIELD_GET(VTD_ECAP_SMTS, ecap), 1u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_ECAP_SSTS, ecap), 0u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_ECAP_FSTS, ecap), 1u);
    T_EXPECT_EQ(t, FIELD_GET(VTD_ECAP_PASID, ecap), 0u);
}
