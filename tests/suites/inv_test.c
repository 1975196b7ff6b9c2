/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite inv: every descriptor constructor against literal hex, worked out by hand from VT-d 5.10,
 * Invalidation Descriptors; and the text of descriptors.
 */
#include <string.h>

#include "iommu/vtd_inv.h"
#include "tests/harness/harness.h"

static void same(struct t *t, struct vtd_desc got, uint64_t q0, uint64_t q1)
{
    T_EXPECT_EQ(t, got.q[0], q0);
    T_EXPECT_EQ(t, got.q[1], q1);
    T_EXPECT_EQ(t, got.q[2], 0ull);
    T_EXPECT_EQ(t, got.q[3], 0ull);
}

static const did_t did = {0xabcd};
static const uint32_t pasid = 0x54321;
static const struct vtd_ats ats = {.sid = 0x0810, .pfsid = 0x1234, .qdep = 5};

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

TEST(inv, context_cache, .rules = "26",
     .doc = "cc_inv: type 1, granularity global 1 or device 3, SID in 47:32")
{
    same(t, vtd_inv_cc_global(), 0x11, 0);
    same(t, vtd_inv_cc_device(0x1234), 0x0000123400000031, 0);
}

TEST(inv, pasid_cache, .rules = "26",
     .doc = "pc_inv: type 7, domain 0, PASID 1, global 3; DID 31:16, PASID 51:32")
{
    same(t, vtd_inv_pc_global(), 0x37, 0);
    same(t, vtd_inv_pc_domain(did), 0xabcd0007, 0);
    same(t, vtd_inv_pc_pasid(did, pasid), 0x00054321abcd0017, 0);
}

TEST(inv, iotlb, .rules = "26 28", .doc = "iotlb_inv: type 2 with DW and DR; page: address, AM 69:64, IH 70")
{
    same(t, vtd_inv_iotlb_global(), 0xd2, 0);
    same(t, vtd_inv_iotlb_domain(did), 0xabcd00e2, 0);
    same(t, vtd_inv_iotlb_page(did, at(0x200000), 9, true), 0xabcd00f2, 0x200049);
    same(t, vtd_inv_iotlb_page(did, at(0xfffffffff000), 0, false), 0xabcd00f2, 0xfffffffff000);
}

TEST(inv, piotlb, .rules = "26 28",
     .doc = "p_iotlb_inv: type 6, PASID 2, page 3; fields as iotlb_inv and pc_inv")
{
    same(t, vtd_inv_piotlb_pasid(did, pasid), 0x00054321abcd0026, 0);
    same(t, vtd_inv_piotlb_page(did, pasid, at(0x40000000), 18, false), 0x00054321abcd0036, 0x40000012);
}

TEST(inv, device_tlb, .rules = "29 30",
     .doc = "dev_tlb_inv: type 3, SID 47:32, MIP 20:16, PFSID split; size by the lowest 0 bit of the address")
{
    const struct vtd_ats deep = {.sid = 0x0810, .pfsid = 0, .qdep = 32};

    same(t, vtd_inv_devtlb_all(&ats), 0x1230081000054003, 0x7ffffffffffff001);
    same(t, vtd_inv_devtlb_all(&deep), 0x0000081000000003, 0x7ffffffffffff001);
    same(t, vtd_inv_devtlb_range(&ats, at(0x10000), 0), 0x1230081000054003, 0x10000);
    same(t, vtd_inv_devtlb_range(&ats, at(0x10000), 1), 0x1230081000054003, 0x10001);
    same(t, vtd_inv_devtlb_range(&ats, at(0x10000), 2), 0x1230081000054003, 0x11001);
    same(t, vtd_inv_devtlb_range(&ats, at(0x200000), 9), 0x1230081000054003, 0x2ff001);
}

TEST(inv, pasid_device_tlb, .rules = "29 30",
     .doc = "p_dev_tlb_inv: type 8, MIP 8:4, SID 31:16, PASID 51:32, S bit 75, GI bit 64")
{
    same(t, vtd_inv_pdevtlb_all(&ats, pasid), 0x1235432108104058, 0x7ffffffffffff800);
    same(t, vtd_inv_pdevtlb_global(&ats), 0x1230000008104058, 0x7ffffffffffff801);
    same(t, vtd_inv_pdevtlb_range(&ats, pasid, at(0x10000), 0), 0x1235432108104058, 0x10000);
    same(t, vtd_inv_pdevtlb_range(&ats, pasid, at(0x10000), 2), 0x1235432108104058, 0x11800);
}

TEST(inv, wait, .rules = "23",
     .doc = "inv_wait: type 5 with SW, data in 63:32, address in its place; iec_inv global")
{
    same(t, vtd_inv_wait((paddr_t){0x123456789abc}, 0xdeadbeef), 0xdeadbeef00000025, 0x123456789abc);
    same(t, vtd_inv_iec_global(), 0x4, 0);
}

TEST(inv, text,
     .doc = "a descriptor in words: type, granularity, fields; one that is unknown in hex; cut where it must")
{
    struct vtd_desc d = vtd_inv_pc_pasid((did_t){5}, 0x2a);
    struct vtd_desc odd = {{0xf, 1, 2, 3}};
    char text[128], brief[8];

    T_EXPECT_EQ(t, vtd_inv_text(&d, text, sizeof(text)), "pc_inv pasid did=5 pasid=2a");
    T_EXPECT_EQ(t, vtd_inv_text(&d, brief, sizeof(brief)), "pc_inv ");
    d = vtd_inv_cc_device(RID(1, 2, 3));
    T_EXPECT_EQ(t, vtd_inv_text(&d, text, sizeof(text)), "cc_inv device sid=01:02.3");
    d = vtd_inv_iotlb_domain((did_t){0x1f});
    T_EXPECT_EQ(t, vtd_inv_text(&d, text, sizeof(text)), "iotlb_inv domain did=1f");
    T_EXPECT_EQ(t, vtd_inv_text(&odd, text, sizeof(text)),
                "descriptor 000000000000000f 0000000000000001 0000000000000002 0000000000000003");
}
