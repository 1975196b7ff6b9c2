/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory formats of VT-d scalable mode, each declared once: tables, paging entries, queue descriptors, page
 * requests, interrupt entries, fault reasons. Bits are numbered as the specification prints them, over the
 * whole entry: the domain id of a PASID-table entry is 79:64. Citations read "VT-d 5.10, <table or format
 * name>".
 *
 * A structure holds nothing but its words q[]; fields are read and written by entry_get / entry_set, those
 * marked "address" by entry_get_addr / entry_set_addr. "res. if X=0": reserved, so it must stay 0 while
 * capability X is 0. Words: first stage (FS) and second stage (SS) are "first level" and "second level" in
 * older revisions.
 */
#ifndef IOMMU_VTD_FMT_H
#define IOMMU_VTD_FMT_H

#include "kernel/lib/bits.h"

/* ---- Tables: root, context, PASID directory, PASID table ---- */

struct vtd_root_entry {
    uint64_t q[2];
};
_Static_assert(sizeof(struct vtd_root_entry) == 16, "VT-d 5.10, Scalable-Mode Root Entry: 128 bits");

/* VT-d 5.10, Scalable-Mode Root Entry: the table has one entry per bus */
#define VTD_ROOT_LP   BIT(0)        /* devices 0..15 (devfn 00h..7fh) */
#define VTD_ROOT_LCTP BITS(63, 12)  /* address */
#define VTD_ROOT_UP   BIT(64)       /* devices 16..31 (devfn 80h..ffh) */
#define VTD_ROOT_UCTP BITS(127, 76) /* address */

#define VTD_ROOT_ENTRIES 256

struct vtd_context_entry {
    uint64_t q[4];
};
_Static_assert(sizeof(struct vtd_context_entry) == 32, "VT-d 5.10, Scalable-Mode Context Entry: 256 bits");

/* VT-d 5.10, Scalable-Mode Context Entry: each half of a bus has a table of its own */
#define VTD_CTX_P           BIT(0)
#define VTD_CTX_FPD         BIT(1)       /* no qualified faults are recorded; counts while P = 0 too */
#define VTD_CTX_DTE         BIT(2)       /* res. if DT=0 */
#define VTD_CTX_PASIDE      BIT(3)       /* res. if PASID=0 */
#define VTD_CTX_PRE         BIT(4)       /* res. if PRS=0; needs DTE */
#define VTD_CTX_HPTE        BIT(5)       /* res. if HPTS=0 */
#define VTD_CTX_EPTR        BIT(6)       /* res. if PTRS=0; needs PASIDE */
#define VTD_CTX_PDTS        BITS(11, 9)  /* the directory has 2^(PDTS+7) entries */
#define VTD_CTX_PASIDDIRPTR BITS(63, 12) /* address */
#define VTD_CTX_RID_PASID   BITS(83, 64) /* res. if RPS=0, then 0 is used */
#define VTD_CTX_RID_PRIV    BIT(84)      /* res. if RPRIVS=0 */

#define VTD_CTX_ENTRIES 128

/* VT-d 5.10, Scalable-Mode Context Entry: a devfn selects the half of the bus and the entry in that half's
 * table */
#define VTD_DEVFN_UPPER BIT(7)
#define VTD_DEVFN_INDEX BITS(6, 0)

struct vtd_pasid_dir_entry {
    uint64_t q[1];
};
_Static_assert(sizeof(struct vtd_pasid_dir_entry) == 8,
               "VT-d 5.10, Scalable-Mode PASID Directory Entry: 64 bits");

/* VT-d 5.10, Scalable-Mode PASID Directory Entry */
#define VTD_PDIR_P         BIT(0)
#define VTD_PDIR_FPD       BIT(1)       /* as VTD_CTX_FPD */
#define VTD_PDIR_SMPTBLPTR BITS(63, 12) /* address */

/* VT-d 5.10, Scalable-Mode PASID Directory Entry: a PASID selects the directory entry and the table entry */
#define VTD_PASID_BITS    20
#define VTD_PASID_PDIR    BITS(19, 6)
#define VTD_PASID_INDEX   BITS(5, 0)
#define VTD_PASID_ENTRIES 64
#define VTD_PDTS_MAX      7
/* Number of directory entries, and of PASIDs below it, for a PDTS of 0..7. */
#define VTD_PDIR_ENTRIES(pdts) pow2((pdts) + 7)
#define VTD_PDIR_PASIDS(pdts)  pow2((pdts) + 13)

struct vtd_pasid_entry {
    uint64_t q[8];
};
_Static_assert(sizeof(struct vtd_pasid_entry) == 64, "VT-d 5.10, Scalable-Mode PASID Table Entry: 512 bits");

/* VT-d 5.10, Scalable-Mode PASID Table Entry */
#define VTD_PASID_P       BIT(0)
#define VTD_PASID_FPD     BIT(1)         /* as VTD_CTX_FPD */
#define VTD_PASID_AW      BITS(4, 2)     /* enum vtd_aw; second stage and nested; res. if SSTS=0 */
#define VTD_PASID_PGTT    BITS(8, 6)     /* enum vtd_pgtt */
#define VTD_PASID_SSADE   BIT(9)         /* second stage and nested; res. if SSTS=0 or SSADS=0 */
#define VTD_PASID_SSPTPTR BITS(63, 12)   /* address; second stage and nested; res. if SSTS=0 */
#define VTD_PASID_DID     BITS(79, 64)   /* every PGTT; not 0 if CM=1; res. above the width of CAP.ND */
#define VTD_PASID_PWSNP   BIT(87)        /* res. if SMPWCS=0 */
#define VTD_PASID_PGSNP   BIT(88)        /* res. if SC=0 */
#define VTD_PASID_CD      BIT(89)        /* res. if MTS=0 */
#define VTD_PASID_EMTE    BIT(90)        /* res. if MTS=0 */
#define VTD_PASID_PAT     BITS(127, 96)  /* res. if MTS=0 */
#define VTD_PASID_SRE     BIT(128)       /* res. if SRS=0 */
#define VTD_PASID_FSPM    BITS(131, 130) /* enum vtd_fspm; res. if FSTS=0 */
#define VTD_PASID_WPE     BIT(132)       /* res. if FSTS=0 */
#define VTD_PASID_EAFE    BIT(135)       /* res. if EAFS=0 */
#define VTD_PASID_FSPTPTR BITS(191, 140) /* address; first stage and nested; res. if FSTS=0 */
#define VTD_PASID_HPTSZ   BITS(257, 256) /* res. if HPTS=0 */
#define VTD_PASID_HPTPFD  BIT(258)       /* res. if HPTS=0 */
#define VTD_PASID_HPTPTR  BITS(319, 268) /* address; res. if HPTS=0 */
#define VTD_PASID_HPTDID  BITS(335, 320) /* res. if HPTS=0 */

/* VT-d 5.10, Scalable-Mode PASID Table Entry, PGTT: PASID granular translation type */
enum vtd_pgtt {
    VTD_PGTT_FIRST = 1,
    VTD_PGTT_SECOND = 2,
    VTD_PGTT_NESTED = 3,
    VTD_PGTT_PASSTHROUGH = 4,
};

/* VT-d 5.10, Scalable-Mode PASID Table Entry, AW: address width of the second stage */
enum vtd_aw {
    VTD_AW_39 = 1, /* 3 levels */
    VTD_AW_48 = 2, /* 4 levels */
    VTD_AW_57 = 3, /* 5 levels */
};

/* VT-d 5.10, Scalable-Mode PASID Table Entry, FSPM: first-stage paging mode */
enum vtd_fspm {
    VTD_FSPM_4LEVEL = 0,
    VTD_FSPM_5LEVEL = 1, /* needs FS5LP */
};

/* ---- Paging structures ---- */

/* VT-d 5.10, First-Stage Paging Entries: PML5E, PML4E, PDPE, PDE, PTE */
#define VTD_FS_P         BIT(0)
#define VTD_FS_RW        BIT(1)
#define VTD_FS_US        BIT(2)
#define VTD_FS_PWT       BIT(3) /* leaf */
#define VTD_FS_PCD       BIT(4) /* leaf */
#define VTD_FS_A         BIT(5)
#define VTD_FS_D         BIT(6)       /* leaf */
#define VTD_FS_PS        BIT(7)       /* PDPE, PDE: 1 = leaf of 1 GiB, 2 MiB */
#define VTD_FS_PAT_4K    BIT(7)       /* leaf of 4 KiB */
#define VTD_FS_EA        BIT(10)      /* used if VTD_PASID_EAFE=1 */
#define VTD_FS_PAT_LARGE BIT(12)      /* leaf of 2 MiB, 1 GiB */
#define VTD_FS_ADDR      BITS(51, 12) /* address; table, or page of 4 KiB */
#define VTD_FS_ADDR_2M   BITS(51, 21) /* address */
#define VTD_FS_ADDR_1G   BITS(51, 30) /* address */

/* VT-d 5.10, Second-Stage Paging Entries: SS-PML5E, SS-PML4E, SS-PDPE, SS-PDE, SS-PTE */
#define VTD_SS_R       BIT(0)
#define VTD_SS_W       BIT(1)
#define VTD_SS_EMT     BITS(5, 3)   /* leaf; used if VTD_PASID_EMTE=1 */
#define VTD_SS_IPAT    BIT(6)       /* leaf; nested only */
#define VTD_SS_PS      BIT(7)       /* SS-PDPE, SS-PDE: 1 = leaf of 1 GiB, 2 MiB */
#define VTD_SS_A       BIT(8)       /* used if VTD_PASID_SSADE=1 */
#define VTD_SS_D       BIT(9)       /* leaf; used if VTD_PASID_SSADE=1 */
#define VTD_SS_SNP     BIT(11)      /* leaf; res. if SC=0 */
#define VTD_SS_ADDR    BITS(51, 12) /* address; table, or page of 4 KiB */
#define VTD_SS_ADDR_2M BITS(51, 21) /* address */
#define VTD_SS_ADDR_1G BITS(51, 30) /* address */
#define VTD_SS_IR      BIT(61)      /* used if VTD_RTADDR_SSIRWE=1 */
#define VTD_SS_IW      BIT(62)      /* used if VTD_RTADDR_SSIRWE=1, else res. */

/* VT-d 5.10, First-Stage and Second-Stage Paging Entries: both stages split an address alike, 9 bits per
 * level */
#define VTD_PAGING_ENTRIES    512
#define VTD_PAGING_LEVELS_MAX 5
/* Bits of address that a number of levels translates. */
#define VTD_PAGING_BITS(levels) (12u + 9u * (levels))

/* ---- Invalidation queue ---- */

/* One slot of a queue with IQA.DW = 1; types that have 128 bits leave q[2] and q[3] 0. */
struct vtd_desc {
    uint64_t q[4];
};
_Static_assert(sizeof(struct vtd_desc) == 32, "VT-d 5.10, Invalidation Descriptors: 256 bits");

/* VT-d 5.10, Invalidation Descriptors: type, 6:4 of it in 11:9 */
#define VTD_QI_TYPE      BITS(3, 0)  /* enum vtd_qi_type */
#define VTD_QI_TYPE_HIGH BITS(11, 9) /* 0 for every type there is */

/* VT-d 5.10, Invalidation Descriptors: types */
enum vtd_qi_type {
    VTD_QI_CC = 1,     /* context cache */
    VTD_QI_IOTLB = 2,  /* IOTLB by domain */
    VTD_QI_DEVTLB = 3, /* device TLB, requests without PASID */
    VTD_QI_IEC = 4,    /* interrupt entry cache */
    VTD_QI_WAIT = 5,
    VTD_QI_PIOTLB = 6,  /* IOTLB by PASID */
    VTD_QI_PC = 7,      /* PASID cache */
    VTD_QI_PDEVTLB = 8, /* device TLB, requests with PASID */
    VTD_QI_PRESP = 9,   /* page group response */
    VTD_QI_HPT = 10,    /* host permission table */
};

/* VT-d 5.10, Context-Cache Invalidate Descriptor */
#define VTD_QI_CC_G   BITS(5, 4) /* enum vtd_cc_gran */
#define VTD_QI_CC_DID BITS(31, 16)
#define VTD_QI_CC_SID BITS(47, 32)
#define VTD_QI_CC_FM  BITS(49, 48) /* function mask: 0 none, 1 bit 2, 2 bits 2:1, 3 bits 2:0 of SID */

/* VT-d 5.10, IOTLB Invalidate Descriptor */
#define VTD_QI_IOTLB_G    BITS(5, 4) /* enum vtd_iotlb_gran */
#define VTD_QI_IOTLB_DW   BIT(6)
#define VTD_QI_IOTLB_DR   BIT(7)
#define VTD_QI_IOTLB_DID  BITS(31, 16)
#define VTD_QI_IOTLB_AM   BITS(69, 64)
#define VTD_QI_IOTLB_IH   BIT(70)
#define VTD_QI_IOTLB_ADDR BITS(127, 76) /* address */

/* VT-d 5.10, Device-TLB Invalidate Descriptor */
#define VTD_QI_DEVTLB_PFSID_LOW  BITS(15, 12) /* VTD_PFSID_LOW */
#define VTD_QI_DEVTLB_MIP        BITS(20, 16) /* 0 is 32 */
#define VTD_QI_DEVTLB_SID        BITS(47, 32)
#define VTD_QI_DEVTLB_PFSID_HIGH BITS(63, 52) /* VTD_PFSID_HIGH */
#define VTD_QI_DEVTLB_S          BIT(64)
#define VTD_QI_DEVTLB_ADDR       BITS(127, 76) /* address */

/* VT-d 5.10, Interrupt Entry Cache Invalidate Descriptor */
#define VTD_QI_IEC_G    BIT(4) /* enum vtd_iec_gran */
#define VTD_QI_IEC_IM   BITS(31, 27)
#define VTD_QI_IEC_IIDX BITS(47, 32)

/* VT-d 5.10, Invalidation Wait Descriptor */
#define VTD_QI_WAIT_IF   BIT(4)
#define VTD_QI_WAIT_SW   BIT(5)
#define VTD_QI_WAIT_FN   BIT(6)
#define VTD_QI_WAIT_PD   BIT(7) /* res. if PDS=0 */
#define VTD_QI_WAIT_DATA BITS(63, 32)
#define VTD_QI_WAIT_ADDR BITS(127, 66) /* address, 4-byte aligned */

/* VT-d 5.10, PASID-Based IOTLB Invalidate Descriptor */
#define VTD_QI_PIOTLB_G     BITS(5, 4) /* enum vtd_piotlb_gran */
#define VTD_QI_PIOTLB_DID   BITS(31, 16)
#define VTD_QI_PIOTLB_PASID BITS(51, 32)
#define VTD_QI_PIOTLB_AM    BITS(69, 64)
#define VTD_QI_PIOTLB_IH    BIT(70)
#define VTD_QI_PIOTLB_ADDR  BITS(127, 76) /* address */

/* VT-d 5.10, PASID-Cache Invalidate Descriptor */
#define VTD_QI_PC_G     BITS(5, 4) /* enum vtd_pc_gran */
#define VTD_QI_PC_DID   BITS(31, 16)
#define VTD_QI_PC_PASID BITS(51, 32)

/* VT-d 5.10, PASID-Based Device-TLB Invalidate Descriptor */
#define VTD_QI_PDEVTLB_MIP        BITS(8, 4)   /* 0 is 32 */
#define VTD_QI_PDEVTLB_PFSID_LOW  BITS(15, 12) /* VTD_PFSID_LOW */
#define VTD_QI_PDEVTLB_SID        BITS(31, 16)
#define VTD_QI_PDEVTLB_PASID      BITS(51, 32)
#define VTD_QI_PDEVTLB_PFSID_HIGH BITS(63, 52) /* VTD_PFSID_HIGH */
#define VTD_QI_PDEVTLB_GI         BIT(64)
#define VTD_QI_PDEVTLB_S          BIT(75)
#define VTD_QI_PDEVTLB_ADDR       BITS(127, 76) /* address */

/* VT-d 5.10, Page Group Response Descriptor */
#define VTD_QI_PRESP_PP    BIT(4)
#define VTD_QI_PRESP_RC    BITS(15, 12) /* enum vtd_presp_code */
#define VTD_QI_PRESP_RID   BITS(31, 16)
#define VTD_QI_PRESP_PASID BITS(51, 32)
#define VTD_QI_PRESP_PRGI  BITS(75, 67)

/* VT-d 5.10, HPT Invalidate Descriptor */
#define VTD_QI_HPT_G    BITS(5, 4) /* enum vtd_iotlb_gran */
#define VTD_QI_HPT_DID  BITS(31, 16)
#define VTD_QI_HPT_AM   BITS(69, 64)
#define VTD_QI_HPT_IH   BITS(71, 70)
#define VTD_QI_HPT_ADDR BITS(127, 76) /* address */

/* VT-d 5.10, Context-Cache Invalidate Descriptor, G */
enum vtd_cc_gran {
    VTD_CC_GRAN_GLOBAL = 1,
    VTD_CC_GRAN_DOMAIN = 2, /* scalable mode: executed as global */
    VTD_CC_GRAN_DEVICE = 3, /* scalable mode: DID is ignored */
};

/* VT-d 5.10, IOTLB Invalidate Descriptor and HPT Invalidate Descriptor, G */
enum vtd_iotlb_gran {
    VTD_IOTLB_GRAN_GLOBAL = 1,
    VTD_IOTLB_GRAN_DOMAIN = 2,
    VTD_IOTLB_GRAN_PAGE = 3, /* iotlb_inv: needs CAP.PSI, AM up to CAP.MAMV */
};

/* VT-d 5.10, Interrupt Entry Cache Invalidate Descriptor, G */
enum vtd_iec_gran {
    VTD_IEC_GRAN_GLOBAL = 0,
    VTD_IEC_GRAN_INDEX = 1,
};

/* VT-d 5.10, PASID-Based IOTLB Invalidate Descriptor, G */
enum vtd_piotlb_gran {
    VTD_PIOTLB_GRAN_PASID = 2,
    VTD_PIOTLB_GRAN_PAGE = 3,
};

/* VT-d 5.10, PASID-Cache Invalidate Descriptor, G */
enum vtd_pc_gran {
    VTD_PC_GRAN_DOMAIN = 0,
    VTD_PC_GRAN_PASID = 1,
    VTD_PC_GRAN_GLOBAL = 3,
};

/* VT-d 5.10, Page Group Response Descriptor, RC */
enum vtd_presp_code {
    VTD_PRESP_SUCCESS = 0,
    VTD_PRESP_INVALID = 1,
    VTD_PRESP_FAILURE = 15,
};

/* VT-d 5.10, Device-TLB Invalidate Descriptor: the two parts of the physical function's id */
#define VTD_PFSID_LOW  BITS(3, 0)
#define VTD_PFSID_HIGH BITS(15, 4)

/* VT-d 5.10, Device-TLB Invalidate Descriptor, ADDR: with S = 1 every address that a device can have cached
 */
#define VTD_DEVTLB_ALL 0x7ffffffffffff000ull

/* ---- Page requests ---- */

struct vtd_page_request {
    uint64_t q[4];
};
_Static_assert(sizeof(struct vtd_page_request) == 32, "VT-d 5.10, Page Request Descriptor: 256 bits");

/* VT-d 5.10, Page Request Descriptor */
#define VTD_PRQ_TYPE  BITS(7, 0) /* VTD_PRQ_TYPE_REQUEST */
#define VTD_PRQ_PP    BIT(8)
#define VTD_PRQ_RID   BITS(31, 16)
#define VTD_PRQ_PASID BITS(51, 32) /* valid if PP=1 */
#define VTD_PRQ_EXR   BIT(52)
#define VTD_PRQ_PMR   BIT(53)
#define VTD_PRQ_RDR   BIT(64)
#define VTD_PRQ_WRR   BIT(65)
#define VTD_PRQ_LPIG  BIT(66)
#define VTD_PRQ_PRGI  BITS(75, 67)
#define VTD_PRQ_ADDR  BITS(127, 76) /* address */

#define VTD_PRQ_TYPE_REQUEST 1

/* ---- Interrupt remapping ---- */

struct vtd_irte {
    uint64_t q[2];
};
_Static_assert(sizeof(struct vtd_irte) == 16, "VT-d 5.10, Interrupt Remapping Table Entry: 128 bits");

/* VT-d 5.10, Interrupt Remapping Table Entry (IRTE) for Remapped Interrupts */
#define VTD_IRTE_P         BIT(0)
#define VTD_IRTE_FPD       BIT(1)
#define VTD_IRTE_DM        BIT(2)
#define VTD_IRTE_RH        BIT(3)
#define VTD_IRTE_TM        BIT(4)
#define VTD_IRTE_DLM       BITS(7, 5) /* 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT */
#define VTD_IRTE_AVAIL     BITS(11, 8)
#define VTD_IRTE_IM        BIT(15) /* 0: this format; 1: posted interrupts */
#define VTD_IRTE_V         BITS(23, 16)
#define VTD_IRTE_DST       BITS(63, 32) /* xAPIC: the id in VTD_IRTE_DST_XAPIC */
#define VTD_IRTE_DST_XAPIC BITS(47, 40)
#define VTD_IRTE_SID       BITS(79, 64)
#define VTD_IRTE_SQ        BITS(81, 80) /* SID bits not compared: 0 none, 1 bit 2, 2 bits 2:1, 3 bits 2:0 */
#define VTD_IRTE_SVT       BITS(83, 82) /* enum vtd_svt */

/* VT-d 5.10, Interrupt Remapping Table Entry: delivery mode, as the local APIC has it */
enum vtd_dlm {
    VTD_DLM_FIXED = 0,
    VTD_DLM_NMI = 4,
};

/* VT-d 5.10, Interrupt Remapping Table Entry, SVT: who may use it */
enum vtd_svt {
    VTD_SVT_ANY = 0,
    VTD_SVT_SID = 1, /* requester id SID, but for the bits that SQ names */
    VTD_SVT_BUS = 2, /* a bus from VTD_SID_BUS_FIRST to VTD_SID_BUS_LAST of SID */
};

/* VT-d 5.10, Interrupt Remapping Table Entry, SID: with VTD_SVT_BUS */
#define VTD_SID_BUS_FIRST BITS(15, 8)
#define VTD_SID_BUS_LAST  BITS(7, 0)

/* VT-d 5.10, Interrupt Requests in Remappable Format: address register */
#define VTD_MSI_FEE         BITS(31, 20) /* FEEh */
#define VTD_MSI_HANDLE_LOW  BITS(19, 5)  /* index 14:0 */
#define VTD_MSI_FORMAT      BIT(4)       /* 1: remappable */
#define VTD_MSI_SHV         BIT(3)
#define VTD_MSI_HANDLE_HIGH BIT(2) /* index 15 */

#define VTD_MSI_FEE_VALUE 0xfee

/* VT-d 5.10, Interrupt Requests in Remappable Format: redirection entry of an I/O APIC */
#define VTD_RTE_HANDLE_LOW  BITS(63, 49) /* index 14:0 */
#define VTD_RTE_FORMAT      BIT(48)      /* 1: remappable */
#define VTD_RTE_TM          BIT(15)      /* as VTD_IRTE_TM */
#define VTD_RTE_HANDLE_HIGH BIT(11)      /* index 15 */
#define VTD_RTE_V           BITS(7, 0)   /* as VTD_IRTE_V */

/* VT-d 5.10, Interrupt Requests in Remappable Format: the two parts of the index */
#define VTD_HANDLE_LOW  BITS(14, 0)
#define VTD_HANDLE_HIGH BIT(15)

/* ---- Fault reasons ---- */

/* clang-format off */
/*
 * VT-d 5.10, Translation Fault Conditions and Interrupt Remapping Fault Conditions:
 * F(code, qualified, enumerator, "specification's name", "what happened").
 * Qualified: 'Y' = not recorded while FPD is set in an entry met on the way, 'N' = always recorded, '?' = not stated,
 * for codes that 5.10 no longer has. One code with several names (04, 43, ..) has one row.
 */
#define VTD_FAULT_REASONS(F) \
    F(0x01, 'N', LRT_2,              "LRT.2",  "root entry not present (legacy mode)") \
    F(0x02, 'Y', LCT_2,              "LCT.2",  "context entry not present (legacy mode)") \
    F(0x03, 'Y', LCT_4,              "LCT.4",  "AW or TT of the context entry not supported, or its table unreadable (legacy mode)") \
    F(0x04, 'Y', LGN_1,              "LGN.1",  "address beyond the supported width (legacy mode)") \
    F(0x05, 'Y', LGN_2,              "LGN.2",  "no write permission (legacy mode)") \
    F(0x06, 'Y', LGN_3,              "LGN.3",  "no read permission (legacy mode)") \
    F(0x07, 'Y', LSS_1,              "LSS.1",  "second-stage entry unreadable (legacy mode)") \
    F(0x08, 'N', LRT_1,              "LRT.1",  "root entry unreadable (legacy mode)") \
    F(0x09, 'N', LCT_1,              "LCT.1",  "context entry unreadable (legacy mode)") \
    F(0x0a, 'N', LRT_3,              "LRT.3",  "reserved bit set in root entry (legacy mode)") \
    F(0x0b, 'Y', LCT_3,              "LCT.3",  "reserved bit set in context entry (legacy mode)") \
    F(0x0c, 'Y', LSS_2,              "LSS.2",  "reserved bit set in second-stage entry (legacy mode)") \
    F(0x0d, 'Y', LCT_5,              "LCT.5",  "TT of the context entry blocks ATS requests (legacy mode)") \
    F(0x0e, 'Y', LGN_4,              "LGN.4",  "output address in the interrupt range (legacy mode)") \
    F(0x20, 'N', IR_RESERVED_REQUEST, "",       "reserved field set in interrupt request") \
    F(0x21, 'N', IR_INDEX,           "",       "interrupt index beyond the table") \
    F(0x22, 'Y', IR_NOT_PRESENT,     "",       "IRTE not present") \
    F(0x23, 'N', IR_ACCESS,          "",       "IRTE unreadable") \
    F(0x24, 'Y', IR_RESERVED_ENTRY,  "",       "reserved or invalid field in IRTE") \
    F(0x25, 'N', IR_COMPATIBILITY,   "",       "interrupt in compatibility format blocked") \
    F(0x26, 'Y', IR_SOURCE,          "",       "interrupt from a requester that the IRTE does not allow") \
    F(0x27, 'Y', IR_POSTED_ACCESS,   "",       "posted interrupt descriptor unreadable") \
    F(0x28, 'Y', IR_POSTED_RESERVED, "",       "reserved bit set in posted interrupt descriptor") \
    F(0x29, 'N', IR_NOT_INTERRUPT,   "",       "request to the interrupt range that is no valid interrupt") \
    F(0x2a, 'N', IR_MODE,            "",       "EIME is 0 although the unit demands 1") \
    F(0x2b, 'N', IR_DISABLED,        "",       "MSI while interrupt remapping is off and required") \
    F(0x30, 'N', RTA_1,              "RTA.1",  "TTM of the root table address not supported") \
    F(0x31, 'N', RTA_2,              "RTA.2",  "request with PASID in legacy mode") \
    F(0x32, 'N', RTA_3,              "RTA.3",  "page request in legacy mode") \
    F(0x33, 'N', RTA_4,              "RTA.4",  "unit is in abort-DMA mode") \
    F(0x34, 'N', RTA_5,              "RTA.5",  "execute request with PASID") \
    F(0x38, 'N', SRT_1,              "SRT.1",  "root entry unreadable") \
    F(0x39, 'N', SRT_2,              "SRT.2",  "half of the root entry not present") \
    F(0x3a, 'N', SRT_3,              "SRT.3",  "reserved bit set in half of the root entry") \
    F(0x40, 'N', SCT_1,              "SCT.1",  "context entry unreadable") \
    F(0x41, 'Y', SCT_2,              "SCT.2",  "context entry not present") \
    F(0x42, 'Y', SCT_3,              "SCT.3",  "reserved bit set in context entry") \
    F(0x43, 'Y', SCT_4,              "SCT.4",  "PRE without DTE, EPTR without PASIDE, or RID_PASID beyond PDTS") \
    F(0x44, 'Y', SCT_5,              "SCT.5",  "ATS request while DTE is 0") \
    F(0x45, 'Y', SCT_6,              "SCT.6",  "request with PASID while PASIDE is 0") \
    F(0x46, 'Y', SCT_7,              "SCT.7",  "PASID beyond PDTS") \
    F(0x47, 'Y', SCT_8,              "SCT.8",  "page request while PRE is 0") \
    F(0x48, 'Y', SCT_9,              "SCT.9",  "PASID of the request equals RID_PASID") \
    F(0x49, 'Y', SCT_10,             "SCT.10", "translated request with PASID while EPTR is 0") \
    F(0x50, 'N', SPD_1,              "SPD.1",  "PASID directory entry unreadable") \
    F(0x51, 'Y', SPD_2,              "SPD.2",  "PASID directory entry not present") \
    F(0x52, 'Y', SPD_3,              "SPD.3",  "reserved bit set in PASID directory entry") \
    F(0x58, 'N', SPT_1,              "SPT.1",  "PASID table entry unreadable") \
    F(0x59, 'Y', SPT_2,              "SPT.2",  "PASID table entry not present") \
    F(0x5a, 'Y', SPT_3,              "SPT.3",  "reserved bit set in PASID table entry") \
    F(0x5b, 'Y', SPT_4,              "SPT.4",  "AW, PGTT, FSPM or nested FSPTPTR of the PASID table entry not supported") \
    F(0x5c, 'Y', SPT_5,              "SPT.5",  "execute request not supported") \
    F(0x5d, 'Y', SPT_6,              "SPT.6",  "supervisor request while SRE is 0") \
    F(0x60, 'Y', SPT_9,              "SPT.9",  "translated address beyond the host permission table") \
    F(0x70, 'Y', SFS_1,              "SFS.1",  "first-stage entry unreadable") \
    F(0x71, 'Y', SFS_2,              "SFS.2",  "first-stage entry not present") \
    F(0x72, 'Y', SFS_3,              "SFS.3",  "reserved bit set in first-stage entry") \
    F(0x73, 'Y', SFS_4,              "SFS.4",  "top first-stage table unreadable") \
    F(0x74, 'Y', SFS_5,              "SFS.5",  "nested: address in first-stage entry beyond the supported width") \
    F(0x75, 'Y', SFS_6,              "SFS.6",  "nested: second stage forbids reading the top first-stage table") \
    F(0x76, 'Y', SFS_7,              "SFS.7",  "nested: second stage forbids reading a first-stage entry") \
    F(0x77, 'Y', SFS_8,              "SFS.8",  "nested: second stage forbids updating a first-stage entry") \
    F(0x78, 'Y', SSS_1,              "SSS.1",  "second-stage entry unreadable") \
    F(0x79, 'Y', SSS_2,              "SSS.2",  "second-stage entry not present") \
    F(0x7a, 'Y', SSS_3,              "SSS.3",  "reserved bit set in second-stage entry") \
    F(0x7b, 'Y', SSS_4,              "SSS.4",  "top second-stage table unreadable") \
    F(0x7c, 'Y', SSS_5,              "SSS.5",  "second-stage A/D update needed but the walk is not snooped") \
    F(0x7d, 'Y', SSS_6,              "SSS.6",  "second-stage A/D update failed") \
    F(0x80, 'Y', SGN_1,              "SGN.1",  "address not canonical") \
    F(0x81, 'Y', SGN_2,              "SGN.2",  "user request to a supervisor page") \
    F(0x82, '?', SGN_3,              "SGN.3",  "no execute permission (gone in 5.10)") \
    F(0x83, 'Y', SGN_4,              "SGN.4",  "translated or pass-through address beyond the host's width") \
    F(0x84, 'Y', SGN_5,              "SGN.5",  "address beyond the supported width") \
    F(0x85, 'Y', SGN_6,              "SGN.6",  "no write permission") \
    F(0x86, 'Y', SGN_7,              "SGN.7",  "no read permission") \
    F(0x87, 'Y', SGN_8,              "SGN.8",  "output address in the interrupt range") \
    F(0x88, '?', SGN_9,              "SGN.9",  "(gone in 5.10)") \
    F(0x89, 'Y', SGN_10,             "SGN.10", "PASID wider than the unit supports") \
    F(0x90, 'Y', SFS_9,              "SFS.9",  "first-stage A/D update needed but the walk is not snooped") \
    F(0x91, 'Y', SFS_10,             "SFS.10", "first-stage A/D update failed") \
    F(0xa0, 'Y', HPT_1,              "HPT.1",  "host permission table unreadable") \
    F(0xa1, 'Y', HPT_2,              "HPT.2",  "reserved bit set in host permission table") \
    F(0xa2, 'Y', HPT_3,              "HPT.3",  "top host permission table unreadable") \
    F(0xa3, 'Y', HPT_4,              "HPT.4",  "host permission table: nothing found for a zero-length read") \
    F(0xa4, 'Y', HPT_5,              "HPT.5",  "host permission table: no write permission") \
    F(0xa5, 'Y', HPT_6,              "HPT.6",  "host permission table: no read permission")
/* clang-format on */

#define VTD_FAULT_REASON_ENUM(code, qualified, name, text, what) VTD_FR_##name = (code),

enum vtd_fault_code { VTD_FAULT_REASONS(VTD_FAULT_REASON_ENUM) };

#undef VTD_FAULT_REASON_ENUM

#endif
