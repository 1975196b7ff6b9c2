/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite nested, what a bind refuses and what it writes. VT-d 5.10, Scalable-Mode PASID Table Entry; SoC
 * Integrated Device Property Reporting Structure; rules 46, 47, 49.
 */
#include "tests/suites/more_dmar.h"
#include "tests/suites/nest.h"
#include "tests/suites/rig.h"

static uint32_t slot_of(const struct nest *n, unsigned d)
{
    return n->t->lane == T_LANE_RID ? 0 : ioasid_number(n->id[d]);
}

TEST(nested, entry, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .rules = "46 49",
     .doc =
         "type, both tables, both widths, a domain id that is not 0; flags as asked for where the unit has "
         "them, else the bind is -EINVAL; nothing is left of it after the unbind")
{
    struct vtd_pasid_entry e;
    struct ioasid_bind_cfg cfg;
    const struct vtd_caps *caps;
    struct nest n;

    nest_open(t, &n, 1);
    caps = &n.dev[0]->vtd->unit->caps;
    for (unsigned flags = 0; flags < 8; flags++) {
        bool sre = flags & 1, wpe = flags & 2, eafe = flags & 4;
        bool can = (!sre || caps->srs) && (!eafe || (caps->eafs && n.dev[0]->vtd->pwsnp));

        cfg = nest_cfg(&n, 0);
        cfg.first.supervisor = sre;
        cfg.first.write_protect = wpe;
        cfg.first.extended_access = eafe;
        T_EXPECT_ERR(t, ioasid_bind(n.set, n.id[0], n.dev[0], &cfg), can ? 0 : -EINVAL);
        T_ASSERT_OK(t, vtd_pasid_read(n.dev[0]->vtd, slot_of(&n, 0), &e));
        if (!can) {
            T_EXPECT_EQ(t, e.q[0], 0ull);
            continue;
        }
        T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_PGTT), 3ull);
        T_EXPECT_EQ(t, entry_get_addr(&e, VTD_PASID_SSPTPTR), pgtable_root(n.second).v);
        T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_AW), n.second->levels - 2ull);
        T_EXPECT_EQ(t, entry_get_addr(&e, VTD_PASID_FSPTPTR), n.root[0]);
        T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_FSPM), 0ull);
        T_EXPECT_NE(t, entry_get(&e, VTD_PASID_DID), 0ull);
        T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_SRE), (uint64_t)sre);
        T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_WPE), (uint64_t)wpe);
        T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_EAFE), (uint64_t)eafe);
        nest_unbind(&n, 0);
    }
    nest_close(&n);
}

TEST(nested, refused, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .rules = "49",
     .doc = "no second stage, a first stage in its place, a root off its page, levels that the unit has not: "
            "-EINVAL, and nothing is left")
{
    struct ioasid_bind_cfg cfg;
    struct pgtable_cfg first_cfg;
    struct pgtable *first;
    struct nest n;

    nest_open(t, &n, 1);
    first_cfg = rig_table_cfg(n.dev[0]->vtd, VTD_PGTT_FIRST, 4);
    T_ASSERT_OK(t, pgtable_create(&first_cfg, &first));
    for (unsigned i = 0; i < 6; i++) {
        cfg = nest_cfg(&n, 0);
        cfg.table = i == 0 ? NULL : i == 1 ? first : n.second;
        cfg.first.root += i == 2 ? 8 : 0;
        cfg.first.levels = i == 3 ? 3 : i == 4 ? 6 : i == 5 ? 5 : 4;
        if (i == 5 && n.dev[0]->vtd->unit->caps.fs5lp)
            continue;
        T_EXPECT_ERR(t, ioasid_bind(n.set, n.id[0], n.dev[0], &cfg), -EINVAL);
    }
    T_EXPECT_EQ(t, ioasid_refs(n.set, n.id[0]), 1);
    pgtable_destroy(first);
    nest_close(&n);
}

TEST(nested, one_view, .needs = NEED_DMA | NEED_DMA_2 | NEED_NEST, .lanes = NEST_LANES, .rules = "47",
     .doc =
         "what begins at the same place in the same second stage is walked in one way: another IOASID with "
         "more levels, or with EAFE, is -EINVAL; with the same it is bound, and so is any once the first is "
         "gone")
{
    struct ioasid_bind_cfg other;
    const struct vtd_caps *caps;
    struct nest n;

    nest_open(t, &n, 2);
    caps = &n.dev[1]->vtd->unit->caps;
    nest_bind(&n, 0);
    for (unsigned i = 0; i < 2; i++) {
        other = nest_cfg(&n, 0);
        other.first.levels = i == 0 ? 5 : 4;
        other.first.extended_access = i == 1;
        T_EXPECT_ERR(t, ioasid_bind(n.set, n.id[1], n.dev[1], &other), -EINVAL);
    }
    other = nest_cfg(&n, 0);
    T_ASSERT_OK(t, ioasid_bind(n.set, n.id[1], n.dev[1], &other));
    nest_unbind(&n, 1);
    nest_unbind(&n, 0);
    other.first.levels = caps->fs5lp ? 5 : 4;
    T_ASSERT_OK(t, ioasid_bind(n.set, n.id[1], n.dev[1], &other));
    nest_unbind(&n, 1);
    nest_close(&n);
}

/* ---- Devices that cannot bear it ---- */

TEST(nested, sidp, .needs = NEED_DMA | NEED_NEST, .lanes = RIG_LANES, .rules = "49",
     .doc =
         "the DMAR says of a device that its requests without PASID must not be nested, nor its walks and "
         "accesses snooped: a nested bind is -EINVAL, a bind to the second stage alone is not, and its entry "
         "has neither bit")
{
    struct ioasid_bind_cfg cfg = {
        .stage = IOMMU_NESTED, .first = {.levels = 4}, .guest = true, .spid = IOASID_NO_SPID};
    const unsigned flags = T_BIT(DMAR_SIDP_NO_NESTED) | T_BIT(DMAR_SIDP_NO_PWSNP) | T_BIT(DMAR_SIDP_NO_PGSNP);
    struct pgtable_cfg table_cfg;
    struct vtd_pasid_entry e;
    struct iommu_dev *dev;
    struct more_dmar more;
    struct ioasid_set *set;
    struct pgtable *table;
    uint8_t sidp[16];
    ioasid_t id;

    more_dmar_open(t, &more, sidp, more_dmar_structure(sidp, DMAR_SIDP, 8, flags, t->dma));
    T_ASSERT_OK(t,
                iommu_dev_attach(more.iommu, t->dma->id, t->dma->rids, t->dma->rid_count, IOASID_BITS, &dev));
    table_cfg = rig_table_cfg(dev->vtd, VTD_PGTT_SECOND, 3);
    T_EXPECT(t, !table_cfg.unit_snoops);
    T_ASSERT_OK(t, pgtable_create(&table_cfg, &table));
    set = ioasid_system_set(more.iommu->ioasids);
    T_ASSERT_OK(t, ioasid_alloc(set, 1, IOASID_NUMBERS - 1, &id));
    cfg.table = table;
    T_EXPECT_ERR(t, ioasid_bind(set, id, dev, &cfg), -EINVAL);
    cfg.stage = IOMMU_SECOND_STAGE;
    T_ASSERT_OK(t, ioasid_bind(set, id, dev, &cfg));
    T_ASSERT_OK(t, vtd_pasid_read(dev->vtd, 0, &e));
    T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_PWSNP), 0ull);
    T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_PGSNP), 0ull);
    T_ASSERT_OK(t, ioasid_unbind(set, id, dev));
    T_ASSERT_OK(t, iommu_dev_detach(dev));
    T_EXPECT_OK(t, ioasid_free(set, id));
    T_ASSERT_OK(t, plat_idle_wait(1000000000));
    pgtable_destroy(table);
    more_dmar_close(&more);
}
