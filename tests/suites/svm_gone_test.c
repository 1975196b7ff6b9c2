/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table that goes away while devices are bound to it, as at the death of a process: judged from the tables
 * in memory and the descriptors. What devices reach is shown by sva_gone_test.c. Row 51.
 *
 * An entry that stays present, an unbind that believes there is nothing left to do, or a number that is given
 * out too early, turns a case red.
 */
#include "tests/suites/rig.h"
#include "tests/suites/svm_bench.h"

struct gone {
    struct svm_bench b;
    struct pgtable *table;
    ioasid_t id;
};

/* Natively bound to `bound` of `devs` devices, through a table of the unit's stage. */
static void gone_open(struct t *t, struct gone *g, unsigned devs, unsigned bound)
{
    const struct vtd_dev *dev;
    struct pgtable_cfg cfg;

    svm_open(t, &g->b, devs);
    svm_watch(&g->b, IOASID_LEVEL_CPU, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND | IOASID_EVENT_FREE);
    dev = g->b.devs[0]->vtd;
    cfg = rig_table_cfg(dev, rig_unit_stage(dev->unit), rig_unit_levels(dev->unit));
    T_ASSERT_OK(t, pgtable_create(&cfg, &g->table));
    g->b.cfg = (struct ioasid_bind_cfg){
        .stage = cfg.stage == PGTABLE_FIRST ? IOMMU_FIRST_STAGE : IOMMU_SECOND_STAGE,
        .table = g->table,
        .spid = IOASID_NO_SPID,
    };
    g->id = svm_alloc(&g->b);
    for (unsigned i = 0; i < bound; i++)
        T_ASSERT_OK(t, svm_do_bind(&g->b, g->id, i));
}

static void gone_close(struct gone *g)
{
    T_EXPECT_OK(g->b.t, ioasid_free(g->b.set, g->id));
    svm_close(&g->b);
    if (g->table)
        pgtable_destroy(g->table);
}

static int table_gone(struct gone *g)
{
    return ioasid_table_gone(g->b.set, g->id);
}

/* P = 0, FPD = 1, and the domain id still there for the unbind. */
static bool silent(struct gone *g, unsigned dev)
{
    struct vtd_pasid_entry e;

    T_ASSERT_OK(g->b.t, vtd_pasid_read(g->b.devs[dev]->vtd, 0, &e));
    return !entry_get(&e, VTD_PASID_P) && entry_get(&e, VTD_PASID_FPD) && entry_get(&e, VTD_PASID_DID);
}

static uint64_t waits(const struct gone *g, unsigned dev)
{
    return g->b.devs[dev]->vtd->unit->stats.waits;
}

TEST(svm, table_gone, .needs = SVM_NEEDS, .rows = "51", .rules = "41 43", .flaws = "S31 H1 H5 H10 H11",
     .doc =
         "the table goes first: entries not present and silent after one wait per unit, nobody is told, the "
         "number stays taken; each unbind flushes again, empties the entry and ends the silence")
{
    uint64_t before;
    struct gone g;
    ioasid_t other;

    gone_open(t, &g, 2, 2);
    g.b.note_count = 0;
    before = waits(&g, 0);
    T_ASSERT_OK(t, table_gone(&g));
    T_EXPECT_EQ(t, waits(&g, 0), before + 1);
    T_EXPECT(t, silent(&g, 0));
    T_EXPECT(t, silent(&g, 1));
    T_EXPECT_EQ(t, g.b.note_count, 0u);
    svm_expect_audit(&g.b, 1);
    T_EXPECT_EQ(t, ioasid_refs(g.b.set, g.id), 2);
    T_EXPECT_ERR(t, ioasid_free(g.b.set, g.id), -EBUSY);
    T_EXPECT_ERR(t, ioasid_alloc(g.b.set, ioasid_number(g.id), ioasid_number(g.id), &other), -ENOSPC);
    before = waits(&g, 0);
    T_EXPECT_OK(t, svm_do_unbind(&g.b, g.id, 0));
    /* Caching mode: a second one, or the silent entry could stay cached. */
    T_EXPECT_EQ(t, waits(&g, 0), before + 1 + g.b.devs[0]->vtd->unit->caps.cm);
    T_EXPECT(t, svm_zero(&g.b, 0));
    T_EXPECT(t, silent(&g, 1));
    T_EXPECT_OK(t, svm_do_unbind(&g.b, g.id, 1));
    T_EXPECT(t, svm_zero(&g.b, 1));
    T_EXPECT_ERR(t, svm_do_unbind(&g.b, g.id, 1), -ENOENT);
    T_EXPECT_EQ(t, ioasid_refs(g.b.set, g.id), 1);
    svm_expect_audit(&g.b, 1);
    gone_close(&g);
}

TEST(svm, table_gone_twice, .needs = SVM_NEEDS, .rows = "51",
     .doc = "a second call is 0 and changes nothing; one for an ID that is not bound is -ENOENT; a further "
            "device is refused, and once all is unbound a new bind works")
{
    struct gone g;

    gone_open(t, &g, 2, 0);
    T_EXPECT_ERR(t, table_gone(&g), -ENOENT);
    T_ASSERT_OK(t, svm_do_bind(&g.b, g.id, 0));
    T_EXPECT_OK(t, table_gone(&g));
    T_EXPECT_OK(t, table_gone(&g));
    T_EXPECT(t, silent(&g, 0));
    T_EXPECT_ERR(t, svm_do_bind(&g.b, g.id, 1), -EBUSY);
    T_EXPECT(t, svm_zero(&g.b, 1));
    T_EXPECT_OK(t, svm_do_unbind(&g.b, g.id, 0));
    T_EXPECT_ERR(t, table_gone(&g), -ENOENT);
    T_EXPECT_OK(t, svm_do_bind(&g.b, g.id, 1));
    T_EXPECT(t, svm_present(&g.b, 1));
    T_EXPECT_OK(t, svm_do_unbind(&g.b, g.id, 1));
    gone_close(&g);
    T_EXPECT_ERR(t, ioasid_table_gone(g.b.set, g.id), -ENOENT);
}

TEST(svm, table_gone_guest, .needs = SVM_NEEDS, .rows = "51 23",
     .doc = "a guest's table goes, then free comes before unbind: FREE empties what was only silent")
{
    struct gone g;

    gone_open(t, &g, 2, 0);
    g.b.cfg.guest = true;
    T_ASSERT_OK(t, svm_do_bind(&g.b, g.id, 0));
    T_ASSERT_OK(t, svm_do_bind(&g.b, g.id, 1));
    T_EXPECT_OK(t, table_gone(&g));
    T_EXPECT_ERR(t, ioasid_free(g.b.set, g.id), -EINPROGRESS);
    t_settle(t);
    T_EXPECT(t, svm_zero(&g.b, 0));
    T_EXPECT(t, svm_zero(&g.b, 1));
    T_EXPECT_ERR(t, ioasid_refs(g.b.set, g.id), -ENOENT);
    g.id = svm_alloc(&g.b);
    gone_close(&g);
}

TEST(svm, table_gone_lane, .needs = SVM_NEEDS | NEED_RID_PASID, .rows = "51", .rules = "38",
     .doc = "in lane rid_pasid only the entry of the number goes: context entries stay until the unbind")
{
    struct gone g;

    T_ASSERT_OK(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID_PASID));
    gone_open(t, &g, 1, 1);
    T_ASSERT_OK(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID));
    T_EXPECT_OK(t, table_gone(&g));
    T_EXPECT(t, g.b.devs[0]->vtd->context_present);
    svm_expect_audit(&g.b, 1);
    T_EXPECT_OK(t, svm_do_unbind(&g.b, g.id, 0));
    T_EXPECT(t, !g.b.devs[0]->vtd->context_present);
    gone_close(&g);
}
