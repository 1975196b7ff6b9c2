/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite segment: devices with the same requester id on two segments, each behind a unit of its own. VT-d
 * 5.10, DMA Remapping Hardware Unit Definition Structure, Segment Number; rule 81.
 */
#include <string.h>

#include "iommu/iommu_ats.h"
#include "iommu/iommu_rmrr.h"
#include "iommu/iommu_sidp.h"
#include "tests/suites/more_dmar.h"
#include "tests/suites/rig.h"

/* Two devices of the case's engine that only their segments tell apart: `twin[0]` is of the lower one. */
static void find_twins(struct t *t, struct dma_dev *twin[2])
{
    struct dma_dev *a, *b;

    for (unsigned i = 0; (a = dma_dev_get(t->dma->engine, i)); i++) {
        for (unsigned j = i + 1; (b = dma_dev_get(t->dma->engine, j)); j++) {
            if (a->rids[0] != b->rids[0] || a->id.segment == b->id.segment)
                continue;
            twin[0] = a;
            twin[1] = b;
            return;
        }
    }
    t_skip(t, "no requester id is on two segments");
}

static iova_t at(uint64_t iova)
{
    return (iova_t){iova};
}

TEST(segment, bind_one, .needs = NEED_DMA | NEED_UNITS_2, .lanes = RIG_BOTH_LANES, .rules = "34 81",
     .flaws = "S10 K5", .negative = true,
     .doc = "what one of the two is given the other does not reach, nor does it lose what the other does")
{
    struct dma_dev *twin[2];
    struct t_mem mem[2];
    struct rig r[2];

    find_twins(t, twin);
    for (unsigned i = 0; i < 2; i++) {
        mem[i] = t_mem(t, 1);
        rig_open(t, &r[i], twin[i]);
        rig_map(&r[i], RIG_IOVA, &mem[i], 0, 1, PGTABLE_RW);
    }
    T_ASSERT(t, r[0].unit != r[1].unit);
    for (unsigned first = 0; first < 2; first++) {
        unsigned other = 1 - first;

        rig_publish(&r[first]);
        t_dma_write_allowed(t, twin[first], at(RIG_IOVA), &mem[first], 0, 64);
        t_dma_write_denied(t, twin[other], at(RIG_IOVA), &mem[first], 0, 64);
        rig_publish(&r[other]);
        t_dma_write_allowed(t, twin[other], at(RIG_IOVA), &mem[other], 0, 64);
        rig_retire(&r[first]);
        t_dma_write_denied(t, twin[first], at(RIG_IOVA), &mem[first], 0, 64);
        t_dma_write_allowed(t, twin[other], at(RIG_IOVA), &mem[other], 0, 64);
        rig_retire(&r[other]);
    }
    rig_close(&r[0]);
    rig_close(&r[1]);
}

TEST(segment, attached_alone, .needs = NEED_DMA | NEED_UNITS_2, .lanes = RIG_LANES, .rules = "81",
     .negative = true,
     .doc =
         "they are two devices and not one group: attached, found and detached each for itself, behind its "
         "own unit")
{
    struct iommu_dev *dev[2];
    struct dma_dev *twin[2];

    find_twins(t, twin);
    for (unsigned i = 0; i < 2; i++)
        T_ASSERT_OK(t, iommu_dev_attach(t->iommu, twin[i]->id, twin[i]->rids, twin[i]->rid_count, IOASID_BITS,
                                        &dev[i]));
    T_ASSERT(t, dev[0] != dev[1]);
    for (unsigned i = 0; i < 2; i++) {
        T_EXPECT_EQ(t, dev[i]->vtd->unit->segment, twin[i]->id.segment);
        T_EXPECT(t, iommu_unit_of(t->iommu, twin[i]->id) == dev[i]->vtd->unit);
    }
    T_ASSERT_OK(t, iommu_dev_detach(dev[0]));
    T_EXPECT(t, vtd_dev_find(dev[1]->vtd->unit, twin[1]->rids[0]) == dev[1]->vtd);
    T_ASSERT_OK(t, iommu_dev_detach(dev[1]));
}

TEST(segment, faults, .needs = NEED_DMA | NEED_UNITS_2, .lanes = RIG_LANES, .rules = "66 81",
     .negative = true, .doc = "a record names the one of the two that was refused, in the text too")
{
    struct t_mem mem = t_mem(t, 1);
    struct dma_dev *twin[2];
    char text[160];

    find_twins(t, twin);
    for (unsigned i = 0; i < 2; i++) {
        t_faults_forget(t);
        t_dma_write_denied(t, twin[i], at(RIG_IOVA), &mem, 0, 64);
        T_ASSERT_GE(t, t_faults(t), 1u);
        T_EXPECT_EQ(t, t_fault(t, 0)->segment, twin[i]->id.segment);
        T_EXPECT_EQ(t, t_fault(t, 0)->sid, twin[i]->rids[0]);
        T_EXPECT_EQ(t, strstr(vtd_fault_text(t_fault(t, 0), text, sizeof(text)), "sid 0001:") != NULL,
                    twin[i]->id.segment == 1);
    }
}

/* ---- Structures of the DMAR that name one of them ---- */

TEST(segment, reserved, .needs = NEED_DMA | NEED_UNITS_2, .lanes = RIG_LANES, .rules = "75 81",
     .negative = true,
     .doc = "memory reserved for the one on the higher segment is within its reach, and of no concern to the "
            "other")
{
    struct t_mem mem = t_mem(t, 1);
    struct dma_dev *twin[2];
    struct more_dmar more;
    uint8_t rmrr[32];
    size_t size;

    find_twins(t, twin);
    if (twin[0]->rid_count > 1)
        t_skip(t, "a group");
    size = more_dmar_structure(rmrr, DMAR_RMRR, 24, 0, twin[1]);
    more_dmar_put(rmrr + 8, mem.pa.v, 8);
    more_dmar_put(rmrr + 16, mem.pa.v + PAGE_SIZE - 1, 8);
    more_dmar_open(t, &more, rmrr, size);
    t_dma_write_allowed(t, twin[1], at(mem.pa.v), &mem, 0, 64);
    t_dma_write_denied(t, twin[0], at(mem.pa.v), &mem, 0, 64);
    for (unsigned i = 0; i < 2; i++) {
        struct iommu_dev *dev;
        struct ioasid_bind_cfg cfg = {.stage = IOMMU_NESTED};

        T_ASSERT_OK(t, iommu_dev_attach(more.iommu, twin[i]->id, twin[i]->rids, 1, IOASID_BITS, &dev));
        T_EXPECT_EQ(t, iommu_rmrr_fits(dev, &cfg), i == 0);
        T_ASSERT_OK(t, iommu_dev_detach(dev));
    }
    t_dma_write_denied(t, twin[0], at(mem.pa.v), &mem, 0, 64);
    more_dmar_close(&more);
}

TEST(segment, properties, .needs = NEED_DMA | NEED_UNITS_2, .lanes = RIG_LANES, .rules = "76 81",
     .doc =
         "an ATSR for all ports and a SIDP that name the higher segment: ATS and no snooping there, neither "
         "on the lower")
{
    struct dma_dev *twin[2];

    find_twins(t, twin);
    for (unsigned i = 0; i < 2; i++) {
        struct pci_ats pci = {.ats = 0x110, .qdep = 8};
        struct more_dmar more;
        uint8_t structure[16];
        size_t size;

        if (i == 0) {
            (void)more_dmar_structure(structure, DMAR_ATSR, 8, 0, twin[1]);
            size = 8; /* all ports, no scope */
            structure[2] = 8;
            structure[4] = 1;
        } else {
            size = more_dmar_structure(structure, DMAR_SIDP, 8, T_BIT(DMAR_SIDP_NO_PGSNP), twin[1]);
        }
        more_dmar_open(t, &more, structure, size);
        for (unsigned d = 0; d < 2; d++) {
            struct vtd_unit *unit = iommu_unit_of(more.iommu, twin[d]->id);
            struct vtd_dev_cfg cfg = {.rids = twin[d]->rids, .rid_count = 1, .pasid_bits = 1};

            pci.fn = (struct pci_id){twin[d]->id.segment, RID(0x77, 0, 0)}; /* that no structure names */
            cfg.rids = i == 0 ? &pci.fn.rid : cfg.rids;
            T_ASSERT_OK(t, iommu_ats_choose(more.iommu, unit, &pci, &cfg));
            iommu_sidp_choose(more.iommu, unit, &cfg);
            T_EXPECT_EQ(t, cfg.ats, i == 0 && d == 1 && unit->caps.dt);
            T_EXPECT_EQ(t, cfg.no_pgsnp, i == 1 && d == 1);
        }
        more_dmar_close(&more);
    }
}
