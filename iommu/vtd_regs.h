/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of a VT-d remapping unit, each declared once: offset, width, fields by the specification's bit
 * numbers. Citations read "VT-d 5.10, <register name>"; fields that only older revisions define say so.
 *
 * VTD_REGS is the one list: it makes the typed constants (VTD_GCMD is a struct reg32, VTD_CAP a struct
 * reg64), their offsets for case labels (VTD_OFF_GCMD) and the names for reports. Fields are
 * VTD_<register>_<field>. Not declared, because nothing here uses them: MTRRs, performance monitoring, RDT,
 * the advanced fault log of old revisions.
 */
#ifndef IOMMU_VTD_REGS_H
#define IOMMU_VTD_REGS_H

#include "iommu/platform.h"
#include "kernel/lib/bits.h"

/* A register by its offset from the unit's base: the type decides the width of every access. */
struct reg32 {
    uint32_t off;
};

struct reg64 {
    uint32_t off;
};

/* clang-format off */
/* VT-d 5.10, Register Map: R(width, name, offset, "register name"). Those that move (FRCD, IVA, IOTLB) are below. */
#define VTD_REGS(R) \
    R(32, VER,      0x000, "Version Register") \
    R(64, CAP,      0x008, "Capability Register") \
    R(64, ECAP,     0x010, "Extended Capability Register") \
    R(32, GCMD,     0x018, "Global Command Register") \
    R(32, GSTS,     0x01c, "Global Status Register") \
    R(64, RTADDR,   0x020, "Root Table Address Register") \
    R(64, CCMD,     0x028, "Context Command Register") \
    R(32, FSTS,     0x034, "Fault Status Register") \
    R(32, FECTL,    0x038, "Fault Event Control Register") \
    R(32, FEDATA,   0x03c, "Fault Event Data Register") \
    R(32, FEADDR,   0x040, "Fault Event Address Register") \
    R(32, FEUADDR,  0x044, "Fault Event Upper Address Register") \
    R(32, PMEN,     0x064, "Protected Memory Enable Register") \
    R(32, PLMBASE,  0x068, "Protected Low-Memory Base Register") \
    R(32, PLMLIMIT, 0x06c, "Protected Low-Memory Limit Register") \
    R(64, PHMBASE,  0x070, "Protected High-Memory Base Register") \
    R(64, PHMLIMIT, 0x078, "Protected High-Memory Limit Register") \
    R(64, IQH,      0x080, "Invalidation Queue Head Register") \
    R(64, IQT,      0x088, "Invalidation Queue Tail Register") \
    R(64, IQA,      0x090, "Invalidation Queue Address Register") \
    R(32, ICS,      0x09c, "Invalidation Completion Status Register") \
    R(32, IECTL,    0x0a0, "Invalidation Event Control Register") \
    R(32, IEDATA,   0x0a4, "Invalidation Event Data Register") \
    R(32, IEADDR,   0x0a8, "Invalidation Event Address Register") \
    R(32, IEUADDR,  0x0ac, "Invalidation Event Upper Address Register") \
    R(64, IQERCD,   0x0b0, "Invalidation Queue Error Record Register") \
    R(64, IRTA,     0x0b8, "Interrupt Remapping Table Address Register") \
    R(64, PQH,      0x0c0, "Page Request Queue Head Register") \
    R(64, PQT,      0x0c8, "Page Request Queue Tail Register") \
    R(64, PQA,      0x0d0, "Page Request Queue Address Register") \
    R(32, PRS,      0x0dc, "Page Request Status Register") \
    R(32, PECTL,    0x0e0, "Page Request Event Control Register") \
    R(32, PEDATA,   0x0e4, "Page Request Event Data Register") \
    R(32, PEADDR,   0x0e8, "Page Request Event Address Register") \
    R(32, PEUADDR,  0x0ec, "Page Request Event Upper Address Register") \
    R(64, ECRSP,    0x410, "Enhanced Command Response Register") \
    R(64, VCMD,     0xe00, "Virtual Command Register") \
    R(64, VCMD_EO,  0xe08, "Virtual Command Extended Operand Register") \
    R(64, VCRSP,    0xe10, "Virtual Command Response Register") \
    R(64, VCCAP,    0xe30, "Virtual Command Capability Register")
/* clang-format on */

#define VTD_REG_CONSTANT(width, name, offset, text)                                                          \
    static const struct reg##width VTD_##name unused = {offset};
#define VTD_REG_OFFSET(width, name, offset, text) VTD_OFF_##name = (offset),

VTD_REGS(VTD_REG_CONSTANT)

enum vtd_reg_offset { VTD_REGS(VTD_REG_OFFSET) };

#undef VTD_REG_CONSTANT
#undef VTD_REG_OFFSET

/* The one aligned access of the register's own width; a 64-bit value for a 32-bit register traps. X. */
static inline uint32_t vtd_read32(const struct plat_mmio *io, struct reg32 reg)
{
    return plat_mmio_read32(io, reg.off);
}

static inline uint64_t vtd_read64(const struct plat_mmio *io, struct reg64 reg)
{
    return plat_mmio_read64(io, reg.off);
}

static inline void vtd_write32(const struct plat_mmio *io, struct reg32 reg, uint64_t value)
{
    plat_mmio_write32(io, reg.off, (uint32_t)bits_checked(value, UINT32_MAX));
}

static inline void vtd_write64(const struct plat_mmio *io, struct reg64 reg, uint64_t value)
{
    plat_mmio_write64(io, reg.off, value);
}

/* The same, with the width taken from the register's type. */
#define vtd_read(io, reg) _Generic((reg), struct reg32 : vtd_read32, struct reg64 : vtd_read64)(io, reg)
#define vtd_write(io, reg, value)                                                                            \
    _Generic((reg), struct reg32 : vtd_write32, struct reg64 : vtd_write64)(io, reg, value)

/* VT-d 5.10, Version Register */
#define VTD_VER_MAX BITS(7, 4)
#define VTD_VER_MIN BITS(3, 0)

/* VT-d 5.10, Capability Register */
#define VTD_CAP_ND      BITS(2, 0) /* domain ids have 4 + 2 * ND bits */
#define VTD_CAP_AFL     BIT(3)     /* reserved in 5.10: advanced fault log */
#define VTD_CAP_RWBF    BIT(4)
#define VTD_CAP_PLMR    BIT(5)
#define VTD_CAP_PHMR    BIT(6)
#define VTD_CAP_CM      BIT(7)
#define VTD_CAP_SAGAW   BITS(12, 8)  /* bit 1: 3 levels, bit 2: 4 levels, bit 3: 5 levels */
#define VTD_CAP_MGAW    BITS(21, 16) /* width - 1 */
#define VTD_CAP_ZLR     BIT(22)
#define VTD_CAP_FRO     BITS(33, 24) /* in units of 16 bytes */
#define VTD_CAP_SSLPS   BITS(37, 34) /* bit 0: 2 MiB, bit 1: 1 GiB */
#define VTD_CAP_PSI     BIT(39)
#define VTD_CAP_NFR     BITS(47, 40) /* number of fault records - 1 */
#define VTD_CAP_MAMV    BITS(53, 48)
#define VTD_CAP_DWD     BIT(54)
#define VTD_CAP_DRD     BIT(55)
#define VTD_CAP_FS1GP   BIT(56)
#define VTD_CAP_PI      BIT(59)
#define VTD_CAP_FS5LP   BIT(60)
#define VTD_CAP_ECMDS   BIT(61)
#define VTD_CAP_ESIRTPS BIT(62)
#define VTD_CAP_ESRTPS  BIT(63)

/* Bits of the value of VTD_CAP_SAGAW: paging levels of second-stage tables. */
#define VTD_SAGAW_3LEVEL BIT(1)
#define VTD_SAGAW_4LEVEL BIT(2)
#define VTD_SAGAW_5LEVEL BIT(3)
/* Bits of the value of VTD_CAP_SSLPS. */
#define VTD_SSLPS_2M BIT(0)
#define VTD_SSLPS_1G BIT(1)

/* VT-d 5.10, Extended Capability Register */
#define VTD_ECAP_C       BIT(0)
#define VTD_ECAP_QI      BIT(1)
#define VTD_ECAP_DT      BIT(2)
#define VTD_ECAP_IR      BIT(3)
#define VTD_ECAP_EIM     BIT(4)
#define VTD_ECAP_PT      BIT(6)
#define VTD_ECAP_SC      BIT(7)
#define VTD_ECAP_IRO     BITS(17, 8) /* in units of 16 bytes */
#define VTD_ECAP_MHMV    BITS(23, 20)
#define VTD_ECAP_MTS     BIT(25)
#define VTD_ECAP_NEST    BIT(26)
#define VTD_ECAP_PRS     BIT(29)
#define VTD_ECAP_ERS     BIT(30)
#define VTD_ECAP_SRS     BIT(31)
#define VTD_ECAP_NWFS    BIT(33)
#define VTD_ECAP_EAFS    BIT(34)
#define VTD_ECAP_PSS     BITS(39, 35) /* PASID width - 1 */
#define VTD_ECAP_PASID   BIT(40)
#define VTD_ECAP_DIT     BIT(41)
#define VTD_ECAP_PDS     BIT(42)
#define VTD_ECAP_SMTS    BIT(43)
#define VTD_ECAP_VCS     BIT(44)
#define VTD_ECAP_SSADS   BIT(45)
#define VTD_ECAP_SSTS    BIT(46) /* SLTS in older revisions */
#define VTD_ECAP_FSTS    BIT(47) /* FLTS in older revisions */
#define VTD_ECAP_SMPWCS  BIT(48)
#define VTD_ECAP_RPS     BIT(49)
#define VTD_ECAP_TDXCS   BIT(50)
#define VTD_ECAP_PMS     BIT(51)
#define VTD_ECAP_ADMS    BIT(52)
#define VTD_ECAP_RPRIVS  BIT(53)
#define VTD_ECAP_HPTS    BIT(55)
#define VTD_ECAP_PTRS    BIT(56)
#define VTD_ECAP_SSIRWS  BIT(57)
#define VTD_ECAP_SMS     BIT(58)
#define VTD_ECAP_HPT1GPS BIT(59)
#define VTD_ECAP_RDTS    BIT(60)
#define VTD_ECAP_EIMER   BIT(61)
#define VTD_ECAP_IRREQ   BIT(62)

/* VT-d 5.10, Global Command Register */
#define VTD_GCMD_TE    BIT(31)
#define VTD_GCMD_SRTP  BIT(30) /* one-shot */
#define VTD_GCMD_SFL   BIT(29) /* one-shot, reserved in 5.10 */
#define VTD_GCMD_EAFL  BIT(28) /* reserved in 5.10 */
#define VTD_GCMD_WBF   BIT(27) /* one-shot */
#define VTD_GCMD_QIE   BIT(26)
#define VTD_GCMD_IRE   BIT(25)
#define VTD_GCMD_SIRTP BIT(24) /* one-shot */
#define VTD_GCMD_CFI   BIT(23)

/* VT-d 5.10, Global Status Register */
#define VTD_GSTS_TES   BIT(31)
#define VTD_GSTS_RTPS  BIT(30)
#define VTD_GSTS_FLS   BIT(29) /* reserved in 5.10 */
#define VTD_GSTS_AFLS  BIT(28) /* reserved in 5.10 */
#define VTD_GSTS_WBFS  BIT(27) /* 1 while the flush runs */
#define VTD_GSTS_QIES  BIT(26)
#define VTD_GSTS_IRES  BIT(25)
#define VTD_GSTS_IRTPS BIT(24)
#define VTD_GSTS_CFIS  BIT(23)

/* What may be copied from GSTS into a new GCMD value: all but the status of one-shot commands. */
#define VTD_GSTS_TO_GCMD                                                                                     \
    (UINT32_MAX & ~(SPAN_MASK(VTD_GSTS_RTPS) | SPAN_MASK(VTD_GSTS_FLS) | SPAN_MASK(VTD_GSTS_WBFS) |          \
                    SPAN_MASK(VTD_GSTS_IRTPS)))
_Static_assert(VTD_GSTS_TO_GCMD == 0x96ffffff, "VT-d 5.10, Global Command Register: value to copy from GSTS");

/* VT-d 5.10, Root Table Address Register */
#define VTD_RTADDR_RTA    BITS(63, 12) /* address */
#define VTD_RTADDR_TTM    BITS(11, 10) /* enum vtd_ttm */
#define VTD_RTADDR_SSIRWE BIT(7)

/* VT-d 5.10, Root Table Address Register, TTM: translation table mode */
enum vtd_ttm {
    VTD_TTM_LEGACY = 0,
    VTD_TTM_SCALABLE = 1,
    VTD_TTM_RESERVED = 2, /* was extended mode */
    VTD_TTM_ABORT = 3,
};

/* VT-d 5.10, Context Command Register */
#define VTD_CCMD_ICC  BIT(63)
#define VTD_CCMD_CIRG BITS(62, 61) /* enum vtd_reg_granularity */
#define VTD_CCMD_CAIG BITS(60, 59)
#define VTD_CCMD_FM   BITS(33, 32)
#define VTD_CCMD_SID  BITS(31, 16)
#define VTD_CCMD_DID  BITS(15, 0)

/* VT-d 5.10, IOTLB Invalidate Register */
#define VTD_IOTLB_IVT  BIT(63)
#define VTD_IOTLB_IIRG BITS(61, 60) /* enum vtd_reg_granularity */
#define VTD_IOTLB_IAIG BITS(58, 57)
#define VTD_IOTLB_DR   BIT(49)
#define VTD_IOTLB_DW   BIT(48)
#define VTD_IOTLB_DID  BITS(47, 32)

/* VT-d 5.10, Invalidate Address Register */
#define VTD_IVA_ADDR BITS(63, 12) /* address */
#define VTD_IVA_IH   BIT(6)
#define VTD_IVA_AM   BITS(5, 0)

/* VT-d 5.10, Context Command Register and IOTLB Invalidate Register: requested and actual granularity */
enum vtd_reg_granularity {
    VTD_REG_GRAN_NONE = 0, /* reserved as a request; as an answer: the request was in error */
    VTD_REG_GRAN_GLOBAL = 1,
    VTD_REG_GRAN_DOMAIN = 2,
    VTD_REG_GRAN_FINE = 3, /* CCMD: one device; IOTLB: one page */
};

/* VT-d 5.10, Fault Status Register */
#define VTD_FSTS_FRI BITS(15, 8) /* valid while PPF = 1 */
#define VTD_FSTS_PRO BIT(7)      /* reserved in 5.10: moved to VTD_PRS_PRO */
#define VTD_FSTS_ITE BIT(6)
#define VTD_FSTS_ICE BIT(5)
#define VTD_FSTS_IQE BIT(4)
#define VTD_FSTS_PPF BIT(1)
#define VTD_FSTS_PFO BIT(0)

/* VT-d 5.10, Fault Event / Invalidation Event / Page Request Event Control Register: the same two bits in
 * each */
#define VTD_EVENT_IM BIT(31)
#define VTD_EVENT_IP BIT(30)

/* VT-d 5.10, Fault Recording Registers [n] */
#define VTD_FRCD_F     BIT(127) /* write 1 to clear */
#define VTD_FRCD_T1    BIT(126)
#define VTD_FRCD_AT    BITS(125, 124) /* enum vtd_at */
#define VTD_FRCD_PV    BITS(123, 104)
#define VTD_FRCD_FR    BITS(103, 96)
#define VTD_FRCD_PP    BIT(95)
#define VTD_FRCD_EXE   BIT(94)
#define VTD_FRCD_PRIV  BIT(93)
#define VTD_FRCD_T2    BIT(92)
#define VTD_FRCD_SID   BITS(79, 64)
#define VTD_FRCD_FI    BITS(63, 12) /* address; interrupt faults: VTD_FRCD_INDEX */
#define VTD_FRCD_INDEX BITS(63, 48)

/* VT-d 5.10, Fault Recording Registers [n], AT: address type of the request */
enum vtd_at {
    VTD_AT_UNTRANSLATED = 0,
    VTD_AT_TRANSLATION = 1,
    VTD_AT_TRANSLATED = 2,
};

/* VT-d 5.10, Fault Recording Registers [n]: request type, T1 above T2 */
enum vtd_fault_type {
    VTD_FAULT_WRITE = 0,
    VTD_FAULT_PAGE_REQUEST = 1,
    VTD_FAULT_READ = 2,
    VTD_FAULT_ATOMIC = 3,
};

/* A fault record as read: q[0] is bits 63:0. */
struct vtd_frcd {
    uint64_t q[2];
};

/* VT-d 5.10, Protected Memory Enable Register */
#define VTD_PMEN_EPM BIT(31)
#define VTD_PMEN_PRS BIT(0)

/* VT-d 5.10, Invalidation Queue Head Register */
#define VTD_IQH_QH BITS(18, 4) /* byte offset, in its place */

/* VT-d 5.10, Invalidation Queue Tail Register */
#define VTD_IQT_QT BITS(18, 4) /* byte offset, in its place */

/* VT-d 5.10, Invalidation Queue Address Register */
#define VTD_IQA_IQA BITS(63, 12) /* address */
#define VTD_IQA_DW  BIT(11)      /* 1: descriptors of 256 bits */
#define VTD_IQA_QS  BITS(2, 0)   /* 2^QS pages */

/* VT-d 5.10, Invalidation Completion Status Register */
#define VTD_ICS_IWC BIT(0)

/* VT-d 5.10, Invalidation Queue Error Record Register */
#define VTD_IQERCD_ICESID BITS(63, 48)
#define VTD_IQERCD_ITESID BITS(47, 32)
#define VTD_IQERCD_IQEI   BITS(3, 0) /* enum vtd_iqei */

/* VT-d 5.10, Invalidation Queue Error Record Register, IQEI: why the queue stopped */
enum vtd_iqei {
    VTD_IQEI_NONE = 0, /* no information, or a unit that has none */
    VTD_IQEI_TAIL = 1,
    VTD_IQEI_FETCH = 2,
    VTD_IQEI_TYPE = 3,
    VTD_IQEI_RESERVED_FIELD = 4,
    VTD_IQEI_WIDTH = 5, /* IQA.DW does not go with RTADDR.TTM, or is not supported */
    VTD_IQEI_TAIL_ALIGNMENT = 6,
    VTD_IQEI_TTM = 7,
};

/* VT-d 5.10, Interrupt Remapping Table Address Register */
#define VTD_IRTA_IRTA BITS(63, 12) /* address */
#define VTD_IRTA_EIME BIT(11)
#define VTD_IRTA_S    BITS(3, 0) /* 2^(S+1) entries */

/* VT-d 5.10, Page Request Queue Head Register */
#define VTD_PQH_PQH BITS(18, 5) /* byte offset, in its place */

/* VT-d 5.10, Page Request Queue Tail Register */
#define VTD_PQT_PQT BITS(18, 5) /* byte offset, in its place */

/* VT-d 5.10, Page Request Queue Address Register */
#define VTD_PQA_PQA BITS(63, 12) /* address */
#define VTD_PQA_PQS BITS(2, 0)   /* 2^PQS pages */

/* VT-d 5.10, Page Request Status Register */
#define VTD_PRS_PRO BIT(1)
#define VTD_PRS_PPR BIT(0)

/* VT-d 5.10, Enhanced Command Response Register */
#define VTD_ECRSP_IP BIT(0)

/* VT-d 5.10, Virtual Command Register: writing CMD starts the command */
#define VTD_VCMD_CMD   BITS(7, 0)   /* enum vtd_vcmd */
#define VTD_VCMD_OA    BITS(63, 16) /* operand */
#define VTD_VCMD_PASID BITS(35, 16) /* operand of VTD_VCMD_FREE_PASID */

/* VT-d 5.10, Virtual Command Register, CMD */
enum vtd_vcmd {
    VTD_VCMD_NULL = 0,
    VTD_VCMD_ALLOC_PASID = 1,
    VTD_VCMD_FREE_PASID = 2,
};

/* VT-d 5.10, Virtual Command Response Register: valid once IP is 0 */
#define VTD_VCRSP_IP    BIT(0)
#define VTD_VCRSP_SC    BITS(7, 1)   /* enum vtd_vcrsp_sc */
#define VTD_VCRSP_RSLT  BITS(63, 16) /* result */
#define VTD_VCRSP_PASID BITS(35, 16) /* result of VTD_VCMD_ALLOC_PASID */

/* VT-d 5.10, Virtual Command Response Register, SC */
enum vtd_vcrsp_sc {
    VTD_VCRSP_SC_OK = 0,
    VTD_VCRSP_SC_UNDEFINED = 1, /* no such command */
    VTD_VCRSP_SC_FAILED = 16,   /* no PASID is free; or the one given back was not allocated */
};

/* VT-d 5.10, Virtual Command Capability Register: commands that there are */
#define VTD_VCCAP_NS  BIT(0) /* VTD_VCMD_NULL */
#define VTD_VCCAP_PAS BIT(1) /* VTD_VCMD_ALLOC_PASID */
#define VTD_VCCAP_FPS BIT(2) /* VTD_VCMD_FREE_PASID */

/* ---- Registers at places that CAP.FRO and ECAP.IRO name ---- */

/* VT-d 5.10, Invalidate Address Register: at ECAP.IRO. */
static inline struct reg64 vtd_reg_iva(uint64_t ecap)
{
    return (struct reg64){(uint32_t)FIELD_GET(VTD_ECAP_IRO, ecap) * 16};
}

/* VT-d 5.10, IOTLB Invalidate Register: behind IVA. */
static inline struct reg64 vtd_reg_iotlb(uint64_t ecap)
{
    return (struct reg64){vtd_reg_iva(ecap).off + 8};
}

/* VT-d 5.10, Fault Recording Registers [n]: n is 0 .. CAP.NFR; `low` is bits 63:0, `high` 127:64. */
static inline struct reg64 vtd_reg_frcd_low(uint64_t cap, unsigned n)
{
    return (struct reg64){((uint32_t)FIELD_GET(VTD_CAP_FRO, cap) + n) * 16};
}

static inline struct reg64 vtd_reg_frcd_high(uint64_t cap, unsigned n)
{
    return (struct reg64){vtd_reg_frcd_low(cap, n).off + 8};
}

/* The top dword of a fault record: bits 127:96, where writing VTD_FRCD_TOP_F alone clears F. */
static inline struct reg32 vtd_reg_frcd_top(uint64_t cap, unsigned n)
{
    return (struct reg32){vtd_reg_frcd_low(cap, n).off + 12};
}
#define VTD_FRCD_TOP_F BIT(31)

/* Bytes of register space that a unit with this CAP and ECAP uses at least, in whole pages. */
static inline uint32_t vtd_regs_size(uint64_t cap, uint64_t ecap)
{
    uint32_t records = vtd_reg_frcd_low(cap, (unsigned)FIELD_GET(VTD_CAP_NFR, cap) + 1).off;
    uint32_t iotlb = vtd_reg_iotlb(ecap).off + 8;
    uint32_t end = records > iotlb ? records : iotlb;

    return (uint32_t)align_up(end > PAGE_SIZE ? end : PAGE_SIZE, PAGE_SIZE);
}

#endif
