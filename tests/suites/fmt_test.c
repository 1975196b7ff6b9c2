/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite fmt, memory formats: golden vectors of iommu/vtd_fmt.h against VT-d 5.10. See gold.h. Masks first the
 * quadword, then the bits of it that the field has; whole entries as the accessors build them.
 */
#include "iommu/vtd_fmt.h"
#include "iommu/vtd_regs.h"
#include "tests/suites/gold.h"

/* ---- Tables ---- */

static const struct gold table_fields[] = {
    G(ROOT_LP, 0, 0x1),
    G(ROOT_LCTP, 0, 0xfffffffffffff000),
    G(ROOT_UP, 1, 0x1),
    G(ROOT_UCTP, 1, 0xfffffffffffff000),
    G(CTX_P, 0, 0x001),
    G(CTX_FPD, 0, 0x002),
    G(CTX_DTE, 0, 0x004),
    G(CTX_PASIDE, 0, 0x008),
    G(CTX_PRE, 0, 0x010),
    G(CTX_HPTE, 0, 0x020),
    G(CTX_EPTR, 0, 0x040),
    G(CTX_PDTS, 0, 0xe00),
    G(CTX_PASIDDIRPTR, 0, 0xfffffffffffff000),
    G(CTX_RID_PASID, 1, 0x0fffff),
    G(CTX_RID_PRIV, 1, 0x100000),
    G(DEVFN_UPPER, 0, 0x80),
    G(DEVFN_INDEX, 0, 0x7f),
    G(PDIR_P, 0, 0x1),
    G(PDIR_FPD, 0, 0x2),
    G(PDIR_SMPTBLPTR, 0, 0xfffffffffffff000),
    G(PASID_PDIR, 0, 0xfffc0),
    G(PASID_INDEX, 0, 0x3f),
};

static const struct gold pasid_entry_fields[] = {
    G(PASID_P, 0, 0x001),
    G(PASID_FPD, 0, 0x002),
    G(PASID_AW, 0, 0x01c),
    G(PASID_PGTT, 0, 0x1c0),
    G(PASID_SSADE, 0, 0x200),
    G(PASID_SSPTPTR, 0, 0xfffffffffffff000),
    G(PASID_DID, 1, 0x000000000000ffff),
    G(PASID_PWSNP, 1, 0x0000000000800000),
    G(PASID_PGSNP, 1, 0x0000000001000000),
    G(PASID_CD, 1, 0x0000000002000000),
    G(PASID_EMTE, 1, 0x0000000004000000),
    G(PASID_PAT, 1, 0xffffffff00000000),
    G(PASID_SRE, 2, 0x01),
    G(PASID_FSPM, 2, 0x0c),
    G(PASID_WPE, 2, 0x10),
    G(PASID_EAFE, 2, 0x80),
    G(PASID_FSPTPTR, 2, 0xfffffffffffff000),
    G(PASID_HPTSZ, 4, 0x3),
    G(PASID_HPTPFD, 4, 0x4),
    G(PASID_HPTPTR, 4, 0xfffffffffffff000),
    G(PASID_HPTDID, 5, 0xffff),
};

static const struct gold paging_fields[] = {
    G(FS_P, 0, 0x001),
    G(FS_RW, 0, 0x002),
    G(FS_US, 0, 0x004),
    G(FS_PWT, 0, 0x008),
    G(FS_PCD, 0, 0x010),
    G(FS_A, 0, 0x020),
    G(FS_D, 0, 0x040),
    G(FS_PS, 0, 0x080),
    G(FS_PAT_4K, 0, 0x080),
    G(FS_EA, 0, 0x400),
    G(FS_PAT_LARGE, 0, 0x1000),
    G(FS_ADDR, 0, 0x000ffffffffff000),
    G(FS_ADDR_2M, 0, 0x000fffffffe00000),
    G(FS_ADDR_1G, 0, 0x000fffffc0000000),
    G(SS_R, 0, 0x001),
    G(SS_W, 0, 0x002),
    G(SS_EMT, 0, 0x038),
    G(SS_IPAT, 0, 0x040),
    G(SS_PS, 0, 0x080),
    G(SS_A, 0, 0x100),
    G(SS_D, 0, 0x200),
    G(SS_SNP, 0, 0x800),
    G(SS_ADDR, 0, 0x000ffffffffff000),
    G(SS_ADDR_2M, 0, 0x000fffffffe00000),
    G(SS_ADDR_1G, 0, 0x000fffffc0000000),
    G(SS_IR, 0, 0x2000000000000000),
    G(SS_IW, 0, 0x4000000000000000),
};

TEST(fmt, table_fields,
     .doc = "every field of root, context, PASID and paging entries has the bits of VT-d 5.10")
{
    GOLD_COMPARE(t, table_fields);
    GOLD_COMPARE(t, pasid_entry_fields);
    GOLD_COMPARE(t, paging_fields);
}

/* ---- Descriptors, page requests, interrupts ---- */

static const struct gold descriptor_fields[] = {
    G(QI_TYPE, 0, 0x00f),
    G(QI_TYPE_HIGH, 0, 0xe00),
    G(QI_CC_G, 0, 0x30),
    G(QI_CC_DID, 0, 0x00000000ffff0000),
    G(QI_CC_SID, 0, 0x0000ffff00000000),
    G(QI_CC_FM, 0, 0x0003000000000000),
    G(QI_IOTLB_G, 0, 0x30),
    G(QI_IOTLB_DW, 0, 0x40),
    G(QI_IOTLB_DR, 0, 0x80),
    G(QI_IOTLB_DID, 0, 0x00000000ffff0000),
    G(QI_IOTLB_AM, 1, 0x3f),
    G(QI_IOTLB_IH, 1, 0x40),
    G(QI_IOTLB_ADDR, 1, 0xfffffffffffff000),
    G(QI_DEVTLB_PFSID_LOW, 0, 0x000000000000f000),
    G(QI_DEVTLB_MIP, 0, 0x00000000001f0000),
    G(QI_DEVTLB_SID, 0, 0x0000ffff00000000),
    G(QI_DEVTLB_PFSID_HIGH, 0, 0xfff0000000000000),
    G(QI_DEVTLB_S, 1, 0x1),
    G(QI_DEVTLB_ADDR, 1, 0xfffffffffffff000),
    G(QI_IEC_G, 0, 0x10),
    G(QI_IEC_IM, 0, 0x00000000f8000000),
    G(QI_IEC_IIDX, 0, 0x0000ffff00000000),
    G(QI_WAIT_IF, 0, 0x10),
    G(QI_WAIT_SW, 0, 0x20),
    G(QI_WAIT_FN, 0, 0x40),
    G(QI_WAIT_PD, 0, 0x80),
    G(QI_WAIT_DATA, 0, 0xffffffff00000000),
    G(QI_WAIT_ADDR, 1, 0xfffffffffffffffc),
    G(QI_PIOTLB_G, 0, 0x30),
    G(QI_PIOTLB_DID, 0, 0x00000000ffff0000),
    G(QI_PIOTLB_PASID, 0, 0x000fffff00000000),
    G(QI_PIOTLB_AM, 1, 0x3f),
    G(QI_PIOTLB_IH, 1, 0x40),
    G(QI_PIOTLB_ADDR, 1, 0xfffffffffffff000),
    G(QI_PC_G, 0, 0x30),
    G(QI_PC_DID, 0, 0x00000000ffff0000),
    G(QI_PC_PASID, 0, 0x000fffff00000000),
    G(QI_PDEVTLB_MIP, 0, 0x1f0),
    G(QI_PDEVTLB_PFSID_LOW, 0, 0xf000),
    G(QI_PDEVTLB_SID, 0, 0x00000000ffff0000),
    G(QI_PDEVTLB_PASID, 0, 0x000fffff00000000),
    G(QI_PDEVTLB_PFSID_HIGH, 0, 0xfff0000000000000),
    G(QI_PDEVTLB_GI, 1, 0x1),
    G(QI_PDEVTLB_S, 1, 0x800),
    G(QI_PDEVTLB_ADDR, 1, 0xfffffffffffff000),
    G(QI_PRESP_PP, 0, 0x10),
    G(QI_PRESP_RC, 0, 0xf000),
    G(QI_PRESP_RID, 0, 0x00000000ffff0000),
    G(QI_PRESP_PASID, 0, 0x000fffff00000000),
    G(QI_PRESP_PRGI, 1, 0xff8),
    G(QI_HPT_G, 0, 0x30),
    G(QI_HPT_DID, 0, 0x00000000ffff0000),
    G(QI_HPT_AM, 1, 0x3f),
    G(QI_HPT_IH, 1, 0xc0),
    G(QI_HPT_ADDR, 1, 0xfffffffffffff000),
    G(PFSID_LOW, 0, 0x000f),
    G(PFSID_HIGH, 0, 0xfff0),
};

static const struct gold page_request_fields[] = {
    G(PRQ_TYPE, 0, 0xff),
    G(PRQ_PP, 0, 0x100),
    G(PRQ_RID, 0, 0x00000000ffff0000),
    G(PRQ_PASID, 0, 0x000fffff00000000),
    G(PRQ_EXR, 0, 0x0010000000000000),
    G(PRQ_PMR, 0, 0x0020000000000000),
    G(PRQ_RDR, 1, 0x1),
    G(PRQ_WRR, 1, 0x2),
    G(PRQ_LPIG, 1, 0x4),
    G(PRQ_PRGI, 1, 0xff8),
    G(PRQ_ADDR, 1, 0xfffffffffffff000),
};

static const struct gold interrupt_fields[] = {
    G(IRTE_P, 0, 0x01),
    G(IRTE_FPD, 0, 0x02),
    G(IRTE_DM, 0, 0x04),
    G(IRTE_RH, 0, 0x08),
    G(IRTE_TM, 0, 0x10),
    G(IRTE_DLM, 0, 0xe0),
    G(IRTE_AVAIL, 0, 0xf00),
    G(IRTE_IM, 0, 0x8000),
    G(IRTE_V, 0, 0xff0000),
    G(IRTE_DST, 0, 0xffffffff00000000),
    G(IRTE_DST_XAPIC, 0, 0x0000ff0000000000),
    G(IRTE_SID, 1, 0xffff),
    G(IRTE_SQ, 1, 0x30000),
    G(IRTE_SVT, 1, 0xc0000),
    G(MSI_FEE, 0, 0xfff00000),
    G(MSI_HANDLE_LOW, 0, 0x000fffe0),
    G(MSI_FORMAT, 0, 0x10),
    G(MSI_SHV, 0, 0x08),
    G(MSI_HANDLE_HIGH, 0, 0x04),
    G(RTE_HANDLE_LOW, 0, 0xfffe000000000000),
    G(RTE_FORMAT, 0, 0x0001000000000000),
    G(RTE_TM, 0, 0x8000),
    G(RTE_HANDLE_HIGH, 0, 0x0800),
    G(RTE_V, 0, 0xff),
    G(SID_BUS_FIRST, 0, 0xff00),
    G(SID_BUS_LAST, 0, 0x00ff),
    G(HANDLE_LOW, 0, 0x7fff),
    G(HANDLE_HIGH, 0, 0x8000),
};

TEST(fmt, queue_fields,
     .doc = "every field of descriptors, page requests and interrupt entries has the bits of VT-d 5.10")
{
    GOLD_COMPARE(t, descriptor_fields);
    GOLD_COMPARE(t, page_request_fields);
    GOLD_COMPARE(t, interrupt_fields);
}

/* ---- Whole entries, as the accessors build them ---- */

TEST(fmt, whole_entries, .doc = "entries put together by the accessors equal words worked out by hand")
{
    struct vtd_context_entry ctx = {0};
    struct vtd_pasid_entry first = {0};
    struct vtd_pasid_entry second = {0};

    /* P, DTE, PASIDE; PDTS 7: 001h + 004h + 008h + E00h; RID_PASID 12345h. */
    entry_set(&ctx, VTD_CTX_P, 1);
    entry_set(&ctx, VTD_CTX_DTE, 1);
    entry_set(&ctx, VTD_CTX_PASIDE, 1);
    entry_set(&ctx, VTD_CTX_PDTS, 7);
    entry_set_addr(&ctx, VTD_CTX_PASIDDIRPTR, 0x123456789000);
    entry_set(&ctx, VTD_CTX_RID_PASID, 0x12345);
    T_EXPECT_EQ(t, ctx.q[0], 0x0000123456789e0dull);
    T_EXPECT_EQ(t, ctx.q[1], 0x0000000000012345ull);
    T_EXPECT_EQ(t, ctx.q[2] + ctx.q[3], 0ull);

    /* First stage: P + PGTT 1 (040h); DID BEEFh + PWSNP (bit 23); FSPM 1 (4h) + pointer. */
    entry_set(&first, VTD_PASID_P, 1);
    entry_set(&first, VTD_PASID_PGTT, VTD_PGTT_FIRST);
    entry_set(&first, VTD_PASID_DID, 0xbeef);
    entry_set(&first, VTD_PASID_PWSNP, 1);
    entry_set(&first, VTD_PASID_FSPM, VTD_FSPM_5LEVEL);
    entry_set_addr(&first, VTD_PASID_FSPTPTR, 0xabcdef000);
    T_EXPECT_EQ(t, first.q[0], 0x0000000000000041ull);
    T_EXPECT_EQ(t, first.q[1], 0x000000000080beefull);
    T_EXPECT_EQ(t, first.q[2], 0x0000000abcdef004ull);
    T_EXPECT_EQ(t, first.q[3] + first.q[4] + first.q[5] + first.q[6] + first.q[7], 0ull);

    /* Second stage, 48 bits: P + FPD + AW 2 (08h) + PGTT 2 (080h). */
    entry_set(&second, VTD_PASID_P, 1);
    entry_set(&second, VTD_PASID_FPD, 1);
    entry_set(&second, VTD_PASID_AW, VTD_AW_48);
    entry_set(&second, VTD_PASID_PGTT, VTD_PGTT_SECOND);
    entry_set(&second, VTD_PASID_DID, 0x0007);
    entry_set_addr(&second, VTD_PASID_SSPTPTR, 0x7654321000);
    T_EXPECT_EQ(t, second.q[0], 0x000000765432108bull);
    T_EXPECT_EQ(t, second.q[1], 0x0000000000000007ull);
    T_EXPECT_EQ(t, entry_get_addr(&second, VTD_PASID_SSPTPTR), 0x7654321000ull);
    T_EXPECT_EQ(t, entry_get(&second, VTD_PASID_PGTT), 2ull);
}

TEST(fmt, whole_descriptors,
     .doc = "descriptors put together by the accessors equal words worked out by hand")
{
    struct vtd_desc page = {0};
    struct vtd_desc all = {0};
    struct vtd_desc pall = {0};
    struct vtd_desc wait = {0};

    /* p_iotlb, page in PASID: type 6 + G 3 (30h), DID 0012h, PASID 34567h; AM 9, IH. */
    entry_set(&page, VTD_QI_TYPE, VTD_QI_PIOTLB);
    entry_set(&page, VTD_QI_PIOTLB_G, VTD_PIOTLB_GRAN_PAGE);
    entry_set(&page, VTD_QI_PIOTLB_DID, 0x12);
    entry_set(&page, VTD_QI_PIOTLB_PASID, 0x34567);
    entry_set(&page, VTD_QI_PIOTLB_AM, 9);
    entry_set(&page, VTD_QI_PIOTLB_IH, 1);
    entry_set_addr(&page, VTD_QI_PIOTLB_ADDR, 0x7f1234400000);
    T_EXPECT_EQ(t, page.q[0], 0x0003456700120036ull);
    T_EXPECT_EQ(t, page.q[1], 0x00007f1234400049ull);

    /* Everything in a device TLB: the two second words that the specification gives. */
    entry_set(&all, VTD_QI_TYPE, VTD_QI_DEVTLB);
    entry_set(&all, VTD_QI_DEVTLB_SID, 0x0020);
    entry_set(&all, VTD_QI_DEVTLB_S, 1);
    entry_set_addr(&all, VTD_QI_DEVTLB_ADDR, VTD_DEVTLB_ALL);
    T_EXPECT_EQ(t, all.q[0], 0x0000002000000003ull);
    T_EXPECT_EQ(t, all.q[1], 0x7ffffffffffff001ull);

    entry_set(&pall, VTD_QI_TYPE, VTD_QI_PDEVTLB);
    entry_set(&pall, VTD_QI_PDEVTLB_SID, 0x0020);
    entry_set(&pall, VTD_QI_PDEVTLB_PASID, 0xfffff);
    entry_set(&pall, VTD_QI_PDEVTLB_PFSID_LOW, FIELD_GET(VTD_PFSID_LOW, 0x1234));
    entry_set(&pall, VTD_QI_PDEVTLB_PFSID_HIGH, FIELD_GET(VTD_PFSID_HIGH, 0x1234));
    entry_set(&pall, VTD_QI_PDEVTLB_S, 1);
    entry_set_addr(&pall, VTD_QI_PDEVTLB_ADDR, VTD_DEVTLB_ALL);
    T_EXPECT_EQ(t, pall.q[0], 0x123fffff00204008ull);
    T_EXPECT_EQ(t, pall.q[1], 0x7ffffffffffff800ull);

    /* Wait: type 5 + SW (20h) + FN (40h), data 89ABCDEFh. */
    entry_set(&wait, VTD_QI_TYPE, VTD_QI_WAIT);
    entry_set(&wait, VTD_QI_WAIT_SW, 1);
    entry_set(&wait, VTD_QI_WAIT_FN, 1);
    entry_set(&wait, VTD_QI_WAIT_DATA, 0x89abcdef);
    entry_set_addr(&wait, VTD_QI_WAIT_ADDR, 0x10203040504);
    T_EXPECT_EQ(t, wait.q[0], 0x89abcdef00000065ull);
    T_EXPECT_EQ(t, wait.q[1], 0x0000010203040504ull);
}

/* ---- Numbers that stand for something ---- */

TEST(fmt, encodings, .doc = "types, granularities, modes and translation types have the numbers of VT-d 5.10")
{
    static const struct {
        unsigned have;
        unsigned want;
    } rows[] = {
        {VTD_TTM_LEGACY, 0},
        {VTD_TTM_SCALABLE, 1},
        {VTD_TTM_RESERVED, 2},
        {VTD_TTM_ABORT, 3},
        {VTD_REG_GRAN_NONE, 0},
        {VTD_REG_GRAN_GLOBAL, 1},
        {VTD_REG_GRAN_DOMAIN, 2},
        {VTD_REG_GRAN_FINE, 3},
        {VTD_AT_UNTRANSLATED, 0},
        {VTD_AT_TRANSLATION, 1},
        {VTD_AT_TRANSLATED, 2},
        {VTD_FAULT_WRITE, 0},
        {VTD_FAULT_PAGE_REQUEST, 1},
        {VTD_FAULT_READ, 2},
        {VTD_FAULT_ATOMIC, 3},
        {VTD_IQEI_NONE, 0},
        {VTD_IQEI_TAIL, 1},
        {VTD_IQEI_FETCH, 2},
        {VTD_IQEI_TYPE, 3},
        {VTD_IQEI_RESERVED_FIELD, 4},
        {VTD_IQEI_WIDTH, 5},
        {VTD_IQEI_TAIL_ALIGNMENT, 6},
        {VTD_IQEI_TTM, 7},
        {VTD_PGTT_FIRST, 1},
        {VTD_PGTT_SECOND, 2},
        {VTD_PGTT_NESTED, 3},
        {VTD_PGTT_PASSTHROUGH, 4},
        {VTD_AW_39, 1},
        {VTD_AW_48, 2},
        {VTD_AW_57, 3},
        {VTD_FSPM_4LEVEL, 0},
        {VTD_FSPM_5LEVEL, 1},
        {VTD_QI_CC, 1},
        {VTD_QI_IOTLB, 2},
        {VTD_QI_DEVTLB, 3},
        {VTD_QI_IEC, 4},
        {VTD_QI_WAIT, 5},
        {VTD_QI_PIOTLB, 6},
        {VTD_QI_PC, 7},
        {VTD_QI_PDEVTLB, 8},
        {VTD_QI_PRESP, 9},
        {VTD_QI_HPT, 10},
        {VTD_CC_GRAN_GLOBAL, 1},
        {VTD_CC_GRAN_DOMAIN, 2},
        {VTD_CC_GRAN_DEVICE, 3},
        {VTD_IOTLB_GRAN_GLOBAL, 1},
        {VTD_IOTLB_GRAN_DOMAIN, 2},
        {VTD_IOTLB_GRAN_PAGE, 3},
        {VTD_IEC_GRAN_GLOBAL, 0},
        {VTD_IEC_GRAN_INDEX, 1},
        {VTD_PIOTLB_GRAN_PASID, 2},
        {VTD_PIOTLB_GRAN_PAGE, 3},
        {VTD_PC_GRAN_DOMAIN, 0},
        {VTD_PC_GRAN_PASID, 1},
        {VTD_PC_GRAN_GLOBAL, 3},
        {VTD_PRESP_SUCCESS, 0},
        {VTD_PRESP_INVALID, 1},
        {VTD_PRESP_FAILURE, 15},
        {VTD_PRQ_TYPE_REQUEST, 1},
        {VTD_ROOT_ENTRIES, 256},
        {VTD_CTX_ENTRIES, 128},
        {VTD_PASID_ENTRIES, 64},
        {VTD_PASID_BITS, 20},
        {VTD_PDTS_MAX, 7},
        {VTD_PAGING_ENTRIES, 512},
        {VTD_PAGING_LEVELS_MAX, 5},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        T_EXPECT_EQ(t, rows[i].have, rows[i].want);
    T_EXPECT_EQ(t, VTD_PDIR_ENTRIES(0), 128ull);
    T_EXPECT_EQ(t, VTD_PDIR_ENTRIES(7), 16384ull);
    T_EXPECT_EQ(t, VTD_PDIR_PASIDS(0), 8192ull);
    T_EXPECT_EQ(t, VTD_PDIR_PASIDS(7), 1048576ull);
    T_EXPECT_EQ(t, VTD_GSTS_TO_GCMD, 0x96ffffffull);
}

/* Codes of unqualified reasons, by hand: root level, accesses that fail, mode of the unit, most of
 * interrupts. */
static bool unqualified(unsigned code)
{
    static const uint8_t codes[] = {0x01, 0x08, 0x09, 0x0a, 0x20, 0x21, 0x23, 0x25, 0x29, 0x2a, 0x2b,
                                    0x30, 0x31, 0x32, 0x33, 0x34, 0x38, 0x39, 0x3a, 0x40, 0x50, 0x58};

    for (size_t i = 0; i < sizeof(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

TEST(fmt, fault_reasons, .doc = "fault reasons are in order, named, and qualified as VT-d 5.10 says")
{
#define ROW(code, qualified, name, text, what) {code, qualified, text, what},
    static const struct {
        unsigned code;
        char qualified;
        const char *text;
        const char *what;
    } rows[] = {VTD_FAULT_REASONS(ROW)};
#undef ROW

    T_EXPECT_EQ(t, ARRAY_SIZE(rows), 86u);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char want = unqualified(rows[i].code)                      ? 'N'
                    : rows[i].code == 0x82 || rows[i].code == 0x88 ? '?'
                                                                   : 'Y';

        if (i > 0)
            T_EXPECT_GT(t, rows[i].code, rows[i - 1].code);
        if (rows[i].qualified != want)
            t_note(t, "code %x", rows[i].code);
        T_EXPECT_EQ(t, rows[i].qualified, want);
        T_EXPECT(t, rows[i].what[0] != '\0');
    }
    T_EXPECT_EQ(t, (unsigned)VTD_FR_SPT_2, 0x59u);
    T_EXPECT_EQ(t, (unsigned)VTD_FR_SPD_2, 0x51u);
    T_EXPECT_EQ(t, (unsigned)VTD_FR_SCT_2, 0x41u);
    T_EXPECT_EQ(t, (unsigned)VTD_FR_SFS_2, 0x71u);
    T_EXPECT_EQ(t, (unsigned)VTD_FR_SSS_2, 0x79u);
    T_EXPECT_EQ(t, (unsigned)VTD_FR_SGN_6, 0x85u);
}

/* ---- The helpers below the formats ---- */

TEST(fmt, helpers, .doc = "powers of two, alignment and field replacement at their edges")
{
    T_EXPECT_EQ(t, pow2(63), 0x8000000000000000ull);
    T_EXPECT_EQ(t, log2_floor(1), 0u);
    T_EXPECT_EQ(t, log2_floor(0xffffffffffffffff), 63u);
    T_EXPECT_EQ(t, log2_ceil(1), 0u);
    T_EXPECT_EQ(t, log2_ceil(4096), 12u);
    T_EXPECT_EQ(t, log2_ceil(4097), 13u);
    T_EXPECT_EQ(t, align_up(0x1001, 0x1000), 0x2000ull);
    T_EXPECT_EQ(t, align_up(0x1000, 0x1000), 0x1000ull);
    T_EXPECT_EQ(t, align_down(0x1fff, 0x1000), 0x1000ull);
    T_EXPECT(t, is_aligned(0, 0x1000) && !is_aligned(0x800, 0x1000));
    T_EXPECT(t, is_pow2(1) && !is_pow2(0) && !is_pow2(3));
    T_EXPECT(t, bit_is_set(0x8000000000000000, 63) && !bit_is_set(1, 63));
    T_EXPECT_EQ(t, FIELD_SET(BITS(15, 8), 0xaaaaaaaaaaaaaaaa, 0x55), 0xaaaaaaaaaaaa55aaull);
    T_EXPECT_EQ(t, FIELD_GET(BITS(63, 0), 0x123456789abcdef0), 0x123456789abcdef0ull);
    T_EXPECT_EQ(t, FIELD_PREP(BITS(127, 124), 0xf), 0xf000000000000000ull);
}
