/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite intr, on the host's strict units: an entry of the driver's as the unit reads it, snooped or not.
 * VT-d 5.10, Interrupt Remapping; rules 10, 78.
 */
#include "tests/host/host.h"
#include "tests/host/model_engine.h"
#include "tests/host/model_machine.h"
#include "tests/suites/rig.h"

static struct model_completion send(const struct dma_dev *dev, const struct plat_msi *msi)
{
    struct model_completion c;

    model_machine_enter();
    c = model_msi(model_engine_unit(dev), dev->rids[0], msi->address, msi->data);
    model_machine_leave();
    return c;
}

static void walk(struct t *t)
{
    struct host_intr source = {.intr = {.vector = 0x55, .fn = t->dma->id, .alias = t->dma->rids[0]}};
    struct plat_msi never;

    host_intr_add(&source);
    T_ASSERT_OK(t, source.err);
    T_EXPECT_EQ(t, (int)send(t->dma, &source.form.msi).status, (int)MODEL_SUCCESS);
    never = source.form.msi;
    never.address += 100u << 5; /* another handle */
    T_EXPECT_EQ(t, send(t->dma, &never).fault, 0x22);
    host_intr_remove(&source);
    T_EXPECT_EQ(t, send(t->dma, &source.form.msi).fault, 0x22);
}

TEST(intr, strict_walk, .needs = NEED_DMA | NEED_IR, .lanes = RIG_LANES, .engines = T_BIT(DMA_MODEL),
     .faults = "22", .rules = "10 78", .negative = true,
     .doc =
         "a source's message finds the entry that was made for it; once that is gone, and where there never "
         "was one, the unit reads an entry of zeros")
{
    struct t_mem spare;

    walk(t);
    /* Every other page that is given out is garbage to units that do not snoop. */
    for (unsigned i = 0; i < 2; i++) {
        T_ASSERT_OK(t, iommu_stop(t->iommu));
        spare = t_mem(t, 1);
        T_ASSERT_OK(t, iommu_start(t->iommu));
        walk(t);
    }
    t_mem_free(t, &spare);
}
