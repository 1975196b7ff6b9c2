/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite conf, more of it: deviations that random scripts on the strict unit and on emulators have shown
 * (docs/model.md). As in conf_test.c, most are expected failures somewhere.
 */
#include <errno.h>

#include "tests/suites/rig.h"

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

TEST(conf, cached_rights, .needs = NEED_DMA | NEED_DMA_READ, .lanes = RIG_LANES, .faults = "85",
     .negative = true, .xfail = "E-067",
     .doc = "once a read of a read-only page was let through, a write is refused with a record all the same")
{
    struct t_mem mem = t_mem(t, 1), scratch = t_mem(t, 1);
    struct t_route via = {at(RIG_IOVA + PGTABLE_2M), &scratch};
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_R);
    rig_map(&r, via.iova.v, &scratch, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    T_EXPECT_EQ(t, t_dma_read(t, t->dma, at(RIG_IOVA), &mem, 0, 64, &via), T_REACHED);
    t_expect_no_fault(t);
    t_dma_write_denied(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    T_DEVIATES(t, "E-067", t_expect_fault(t, t->dma, 0x85));
    rig_close(&r);
}

TEST(conf, pass_through_width, .needs = NEED_DMA | NEED_PT, .lanes = RIG_LANES, .faults = "83",
     .negative = true, .xfail = "E-060",
     .doc = "pass-through to an address that no host has (bit 52) is refused with a record, 83h")
{
    struct t_mem mem = t_mem(t, 1);
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_publish_pass_through(&r);
    t_dma_write_allowed(t, t->dma, at(mem.pa.v), &mem, 0, 64);
    t_faults_forget(t);
    t_dma_write_denied(t, t->dma, at(mem.pa.v | pow2(52)), &mem, 0, 64);
    T_DEVIATES(t, "E-060", t_expect_fault(t, t->dma, 0x83));
    rig_close(&r);
}

TEST(conf, root_other_half, .needs = NEED_DMA, .lanes = RIG_LANES, .rules = "39", .xfail = "E-061",
     .doc = "a reserved bit in that half of a root entry that a request does not use is of no concern to it")
{
    struct t_mem mem = t_mem(t, 1);
    bool upper = FIELD_GET(VTD_DEVFN_UPPER, t->dma->rids[0]);
    uint64_t *other, old;
    struct rig r;

    rig_open(t, &r, t->dma);
    rig_map(&r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(&r);
    t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64);
    other = upper ? rig_root_word(&r) - 1 : rig_root_word(&r) + 1;
    old = rig_bend(&r, other, FIELD_SET(BIT(8), *other, 1));
    T_DEVIATES(t, "E-061", t_dma_write_allowed(t, t->dma, at(RIG_IOVA), &mem, 0, 64));
    T_DEVIATES(t, "E-061", t_expect_no_fault(t));
    rig_bend(&r, other, old);
    rig_close(&r);
}

TEST(conf, piotlb_wide_mask, .needs = NEED_IOMMU, .rules = "27", .xfail = "E-068",
     .doc = "p_iotlb_inv takes an AM beyond CAP.MAMV, which is of iotlb_inv only")
{
    struct vtd_desc d = vtd_inv_piotlb_pasid((did_t){1}, 0);

    d.q[0] = FIELD_SET(VTD_QI_PIOTLB_G, d.q[0], VTD_PIOTLB_GRAN_PAGE);
    d.q[1] = FIELD_PREP(VTD_QI_PIOTLB_AM, 30);
    T_DEVIATES(t, "E-068", T_EXPECT_OK(t, vtd_qi_submit_raw(t->iommu->units[0], &d, 1, true)));
}

TEST(conf, wide_reserved, .needs = NEED_IOMMU, .rules = "31", .negative = true, .xfail = "E-064",
     .doc = "a reserved bit in the upper half of a 256-bit descriptor (bit 130) stops the queue")
{
    struct vtd_unit *unit = t->iommu->units[0];
    struct vtd_desc bad = vtd_inv_iotlb_global(), good = bad;

    bad.q[2] = FIELD_PREP(BIT(2), 1);
    T_DEVIATES(t, "E-064", T_EXPECT_ERR(t, vtd_qi_submit_raw(unit, &bad, 1, true), -EIO));
    T_ASSERT_OK(t, vtd_qi_submit_raw(unit, &good, 1, true));
}
