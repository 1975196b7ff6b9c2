/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite retire: the descriptors of every publish, retire, detach and flush, in order, as the driver rules
 * have them. One batch and one wait per unit touched. Read from the queue's memory, so it holds on every
 * unit. Needs no DMA.
 */
#include "iommu/vtd_flush.h"
#include "tests/suites/bench_dev.h"
#include "tests/suites/stream.h"

static const uint16_t rid_a = RID(BENCH_BUS, 1, 0);
static const uint16_t rid_b = RID(BENCH_BUS, 2, 0);

#define DID_A ((did_t){9})
#define SLOT  0x25

/* A device with one entry of a type in SLOT, and a mark behind its publishing. */
struct bound {
    struct vtd_unit *unit;
    struct vtd_dev *dev;
    struct vtd_quirks quirks;
    struct stream mark;
};

static void bind_one(struct t *t, struct bound *b, enum vtd_pgtt pgtt, uint32_t slot)
{
    struct t_mem root = t_mem(t, 1);
    struct vtd_pasid_cfg cfg = bench_cfg(pgtt, DID_A, root.pa);

    b->unit = bench_unit(t);
    b->quirks = bench_set_p_ignored(b->unit, false);
    b->dev = bench_attach(t, b->unit, rid_a);
    T_ASSERT_OK(t, vtd_pasid_publish(b->dev, slot, &cfg));
    b->mark = stream_mark(b->unit);
}

static void unbind_one(struct t *t, struct bound *b)
{
    T_ASSERT_OK(t, vtd_dev_detach(b->dev));
    b->unit->quirks = b->quirks;
}

/* ---- Publish ---- */

TEST(retire, publish_is_silent, .needs = NEED_IOMMU | NEED_PT | NEED_NO_CM, .rules = "35",
     .doc =
         "CAP.CM = 0: neither a new context entry nor a new PASID entry, its table included, is invalidated")
{
    struct vtd_unit *unit = bench_unit(t);
    struct stream mark = stream_mark(unit);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, DID_A, (paddr_t){0});
    struct vtd_dev *dev = bench_attach(t, unit, rid_a);

    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &cfg));
    stream_expect(t, &mark, NULL, 0);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

TEST(retire, publish_caching_mode, .needs = NEED_IOMMU | NEED_PT | NEED_CM, .rules = "35 48",
     .doc = "CAP.CM = 1: context entry: cc device, iotlb domain 0; PASID entry: pc and p_iotlb under domain "
            "0 and its own")
{
    struct vtd_unit *unit = bench_unit(t);
    struct stream mark = stream_mark(unit);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, DID_A, (paddr_t){0});
    struct vtd_dev *dev = bench_attach(t, unit, rid_a);

    STREAM_EXPECT(t, &mark, vtd_inv_cc_device(rid_a), vtd_inv_iotlb_domain((did_t){0}));
    mark = stream_mark(unit);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &cfg));
    STREAM_EXPECT(t, &mark, vtd_inv_pc_pasid((did_t){0}, SLOT), vtd_inv_pc_pasid(DID_A, SLOT),
                  vtd_inv_piotlb_pasid((did_t){0}, SLOT), vtd_inv_piotlb_pasid(DID_A, SLOT));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

TEST(retire, publish_second_stage_caching_mode, .needs = NEED_IOMMU | NEED_SS | NEED_CM, .rules = "35 48",
     .doc = "the same for a second stage: iotlb domain in place of p_iotlb")
{
    struct vtd_unit *unit = bench_unit(t);
    struct t_mem root = t_mem(t, 1);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_SECOND, DID_A, root.pa);
    struct vtd_dev *dev = bench_attach(t, unit, rid_a);
    struct stream mark = stream_mark(unit);

    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &cfg));
    STREAM_EXPECT(t, &mark, vtd_inv_pc_pasid((did_t){0}, SLOT), vtd_inv_pc_pasid(DID_A, SLOT),
                  vtd_inv_iotlb_domain((did_t){0}), vtd_inv_iotlb_domain(DID_A));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

/* ---- Retire ---- */

TEST(retire, pass_through, .needs = NEED_IOMMU | NEED_PT, .rules = "26 41 43",
     .doc = "pc PASID, p_iotlb PASID, wait; no second invalidation after the entry was zeroed")
{
    struct bound b;

    bind_one(t, &b, VTD_PGTT_PASSTHROUGH, SLOT);
    T_ASSERT_OK(t, vtd_pasid_retire(b.dev, SLOT, VTD_RETIRE_KEEP_DID));
    STREAM_EXPECT(t, &b.mark, vtd_inv_pc_pasid(DID_A, SLOT), vtd_inv_piotlb_pasid(DID_A, SLOT));
    unbind_one(t, &b);
}

TEST(retire, pass_through_last, .needs = NEED_IOMMU | NEED_PT, .rules = "41 43 45",
     .doc = "the last use of a domain id adds pc domain and iotlb domain in front of the one wait")
{
    struct bound b;

    bind_one(t, &b, VTD_PGTT_PASSTHROUGH, SLOT);
    T_ASSERT_OK(t, vtd_pasid_retire(b.dev, SLOT, VTD_RETIRE_LAST_OF_DID));
    STREAM_EXPECT(t, &b.mark, vtd_inv_pc_pasid(DID_A, SLOT), vtd_inv_pc_domain(DID_A),
                  vtd_inv_piotlb_pasid(DID_A, SLOT), vtd_inv_iotlb_domain(DID_A));
    unbind_one(t, &b);
}

TEST(retire, first_stage, .needs = NEED_IOMMU | NEED_FS, .rules = "26 41 43", .doc = "as pass-through")
{
    struct bound b;

    bind_one(t, &b, VTD_PGTT_FIRST, SLOT);
    T_ASSERT_OK(t, vtd_pasid_retire(b.dev, SLOT, VTD_RETIRE_KEEP_DID));
    STREAM_EXPECT(t, &b.mark, vtd_inv_pc_pasid(DID_A, SLOT), vtd_inv_piotlb_pasid(DID_A, SLOT));
    unbind_one(t, &b);
}

TEST(retire, second_stage, .needs = NEED_IOMMU | NEED_SS, .rules = "41 43",
     .doc = "pc PASID, iotlb domain with DR = DW = 1, wait")
{
    struct bound b;

    bind_one(t, &b, VTD_PGTT_SECOND, 0);
    T_ASSERT_OK(t, vtd_pasid_retire(b.dev, 0, VTD_RETIRE_KEEP_DID));
    STREAM_EXPECT(t, &b.mark, vtd_inv_pc_pasid(DID_A, 0), vtd_inv_iotlb_domain(DID_A));
    unbind_one(t, &b);
}

TEST(retire, second_stage_last, .needs = NEED_IOMMU | NEED_SS, .rules = "41 45",
     .doc = "the last use: pc domain joins; one iotlb domain serves both")
{
    struct bound b;

    bind_one(t, &b, VTD_PGTT_SECOND, 0);
    T_ASSERT_OK(t, vtd_pasid_retire(b.dev, 0, VTD_RETIRE_LAST_OF_DID));
    STREAM_EXPECT(t, &b.mark, vtd_inv_pc_pasid(DID_A, 0), vtd_inv_pc_domain(DID_A),
                  vtd_inv_iotlb_domain(DID_A));
    unbind_one(t, &b);
}

TEST(retire, nested, .needs = NEED_IOMMU | NEED_NEST, .rules = "41", .doc = "as second stage")
{
    struct bound b;

    bind_one(t, &b, VTD_PGTT_NESTED, SLOT);
    T_ASSERT_OK(t, vtd_pasid_retire(b.dev, SLOT, VTD_RETIRE_KEEP_DID));
    STREAM_EXPECT(t, &b.mark, vtd_inv_pc_pasid(DID_A, SLOT), vtd_inv_iotlb_domain(DID_A));
    unbind_one(t, &b);
}

TEST(retire, quirk, .needs = NEED_IOMMU | NEED_PT,
     .doc = "quirk P_IGNORED: cc device for every requester id stands first in the same batch")
{
    const uint16_t rids[] = {rid_a, rid_b};
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, DID_A, (paddr_t){0});
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_quirks quirks = bench_set_p_ignored(unit, true);
    struct vtd_dev *dev = NULL;
    struct stream mark;

    T_ASSERT_OK(t, vtd_dev_attach(unit, &(struct vtd_dev_cfg){.rids = rids, .rid_count = 2}, &dev));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &cfg));
    mark = stream_mark(unit);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_KEEP_DID));
    STREAM_EXPECT(t, &mark, vtd_inv_cc_device(rid_a), vtd_inv_cc_device(rid_b), vtd_inv_pc_pasid(DID_A, 0),
                  vtd_inv_piotlb_pasid(DID_A, 0));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    unit->quirks = quirks;
}

TEST(retire, rid_pasid, .needs = NEED_IOMMU | NEED_PT | NEED_RPS, .rules = "38 41 48",
     .doc = "a slot that is RID_PASID takes the context entry along: cc device first, and the whole domain "
            "id goes; in caching mode domain id 0 too, for what was not present below it")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_quirks quirks = bench_set_p_ignored(unit, false);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, DID_A, (paddr_t){0});
    struct vtd_dev *dev = bench_attach(t, unit, rid_a);
    struct stream mark;

    T_ASSERT_OK(t, vtd_dev_set_rid_pasid(dev, SLOT));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &cfg));
    mark = stream_mark(unit);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, SLOT, VTD_RETIRE_KEEP_DID));
    if (unit->caps.cm)
        STREAM_EXPECT(t, &mark, vtd_inv_cc_device(rid_a), vtd_inv_pc_domain((did_t){0}),
                      vtd_inv_pc_pasid(DID_A, SLOT), vtd_inv_pc_domain(DID_A),
                      vtd_inv_piotlb_pasid(DID_A, SLOT), vtd_inv_iotlb_domain(DID_A),
                      vtd_inv_iotlb_domain((did_t){0}));
    else
        STREAM_EXPECT(t, &mark, vtd_inv_cc_device(rid_a), vtd_inv_pc_pasid(DID_A, SLOT),
                      vtd_inv_pc_domain(DID_A), vtd_inv_piotlb_pasid(DID_A, SLOT),
                      vtd_inv_iotlb_domain(DID_A));
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    unit->quirks = quirks;
}

TEST(retire, nothing_bound, .needs = NEED_IOMMU, .doc = "an empty slot costs no descriptor")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *dev = bench_attach(t, unit, rid_a);
    struct stream mark = stream_mark(unit);

    T_EXPECT_ERR(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_LAST_OF_DID), -ENOENT);
    stream_expect(t, &mark, NULL, 0);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

TEST(
    retire, several_devices, .needs = NEED_IOMMU | NEED_PT, .rules = "41 45", .flaws = "H4",
    .doc =
        "one ID on several devices of a unit: one batch, one wait; what names no requester is asked for once")
{
    static const uint16_t rids[] = {RID(BENCH_BUS, 1, 0), RID(BENCH_BUS, 2, 0), RID(BENCH_BUS, 20, 0)};
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, DID_A, (paddr_t){0});
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_quirks quirks = bench_set_p_ignored(unit, true);
    struct vtd_retire items[ARRAY_SIZE(rids) + 1];
    struct stream mark;

    for (unsigned i = 0; i < ARRAY_SIZE(rids); i++) {
        items[i] =
            (struct vtd_retire){.dev = bench_attach(t, unit, rids[i]), .flags = VTD_RETIRE_LAST_OF_DID};
        T_ASSERT_OK(t, vtd_pasid_publish(items[i].dev, 0, &cfg));
    }
    items[3] = (struct vtd_retire){.dev = items[0].dev, .slot = 1}; /* empty */
    mark = stream_mark(unit);
    T_EXPECT_ERR(t, vtd_pasid_retire_many(items, ARRAY_SIZE(items)), -ENOENT);
    STREAM_EXPECT(t, &mark, vtd_inv_cc_device(rids[0]), vtd_inv_cc_device(rids[1]),
                  vtd_inv_cc_device(rids[2]), vtd_inv_pc_pasid(DID_A, 0), vtd_inv_pc_domain(DID_A),
                  vtd_inv_piotlb_pasid(DID_A, 0), vtd_inv_iotlb_domain(DID_A));
    for (unsigned i = 0; i < ARRAY_SIZE(rids); i++) {
        T_EXPECT_OK(t, items[i].err);
        T_EXPECT_EQ(t, items[i].did, DID_A);
        T_ASSERT_OK(t, vtd_dev_detach(items[i].dev));
    }
    T_EXPECT_ERR(t, items[3].err, -ENOENT);
    unit->quirks = quirks;
}

TEST(retire, two_units, .needs = NEED_IOMMU | NEED_PT | NEED_UNITS_2, .rules = "34", .flaws = "S10 H4",
     .doc = "one ID on devices of two units: each unit is told about its own domain id and device, by one "
            "wait each")
{
    struct vtd_unit *units[2] = {t->iommu->units[0], t->iommu->units[1]};
    struct vtd_retire items[2];
    struct vtd_quirks quirks[2];
    struct stream mark[2];

    for (unsigned i = 0; i < 2; i++) {
        struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, (did_t){(uint16_t)(9 + i)}, (paddr_t){0});

        quirks[i] = bench_set_p_ignored(units[i], true);
        items[i] = (struct vtd_retire){.dev = bench_attach(t, units[i], (uint16_t)(rid_a + i))};
        T_ASSERT_OK(t, vtd_pasid_publish(items[i].dev, 0, &cfg));
        mark[i] = stream_mark(units[i]);
    }
    T_ASSERT_OK(t, vtd_pasid_retire_many(items, 2));
    for (unsigned i = 0; i < 2; i++) {
        did_t did = {(uint16_t)(9 + i)};

        STREAM_EXPECT(t, &mark[i], vtd_inv_cc_device((uint16_t)(rid_a + i)), vtd_inv_pc_pasid(did, 0),
                      vtd_inv_piotlb_pasid(did, 0));
        T_ASSERT_OK(t, vtd_dev_detach(items[i].dev));
        units[i]->quirks = quirks[i];
    }
}

/* ---- Context entries ---- */

TEST(retire, detach_idle, .needs = NEED_IOMMU | NEED_NO_CM, .rules = "38",
     .doc = "nothing was bound and another device shares the table: cc device alone")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *other = bench_attach(t, unit, rid_b);
    struct vtd_dev *dev = bench_attach(t, unit, rid_a);
    struct stream mark = stream_mark(unit);

    T_ASSERT_OK(t, vtd_dev_detach(dev));
    STREAM_EXPECT(t, &mark, vtd_inv_cc_device(rid_a));
    T_ASSERT_OK(t, vtd_dev_detach(other));
}

TEST(retire, detach_bound, .needs = NEED_IOMMU | NEED_PT | NEED_NO_CM, .rules = "38",
     .doc = "an entry is still present: cc device, then pc domain and iotlb domain for its domain id")
{
    struct vtd_dev *other = bench_attach(t, bench_unit(t), rid_b);
    struct bound b;

    bind_one(t, &b, VTD_PGTT_PASSTHROUGH, SLOT);
    unbind_one(t, &b);
    STREAM_EXPECT(t, &b.mark, vtd_inv_cc_device(rid_a), vtd_inv_pc_domain(DID_A),
                  vtd_inv_iotlb_domain(DID_A));
    T_ASSERT_OK(t, vtd_dev_detach(other));
}

TEST(retire, detach_last, .needs = NEED_IOMMU, .rules = "39",
     .doc = "the last device of half a bus: the root entry's half goes, with cc, pc and iotlb global")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *dev = bench_attach(t, unit, rid_a);
    struct stream mark = stream_mark(unit);

    T_ASSERT_OK(t, vtd_dev_detach(dev));
    STREAM_EXPECT(t, &mark, vtd_inv_cc_global(), vtd_inv_pc_global(), vtd_inv_iotlb_global());
    T_EXPECT_EQ(t, unit->root[BENCH_BUS].q[0], 0ull);
}

/* ---- Flush ---- */

TEST(retire, flush_second_stage, .needs = NEED_IOMMU | NEED_SS | NEED_PSI, .rules = "27 28 51",
     .doc = "a range becomes the power of two of pages around it; beyond MAMV, or all of it, the domain")
{
    struct vtd_desc sixteen = vtd_inv_iotlb_page(DID_A, (iova_t){0}, 4, false);
    struct vtd_use use;
    struct bound b;

    bind_one(t, &b, VTD_PGTT_SECOND, 0);
    use = (struct vtd_use){.dev = b.dev, .slot = 0};
    if (b.unit->caps.mamv < 4)
        sixteen = vtd_inv_iotlb_domain(DID_A);
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, (iova_t){0x7000}, 0x1000, true));
    STREAM_EXPECT(t, &b.mark, vtd_inv_iotlb_page(DID_A, (iova_t){0x7000}, 0, true));
    b.mark = stream_mark(b.unit);
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, (iova_t){0x7000}, 0x2000, false));
    STREAM_EXPECT(t, &b.mark, sixteen); /* 7000 and 8000 */
    b.mark = stream_mark(b.unit);
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, (iova_t){0}, pow2(b.unit->caps.mamv + 1) * PAGE_SIZE, false));
    STREAM_EXPECT(t, &b.mark, vtd_inv_iotlb_domain(DID_A));
    b.mark = stream_mark(b.unit);
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, (iova_t){0x7000}, 0, false));
    STREAM_EXPECT(t, &b.mark, vtd_inv_iotlb_domain(DID_A));
    unbind_one(t, &b);
}

TEST(retire, flush_everything, .needs = NEED_IOMMU | NEED_PT, .rules = "27", .flaws = "H16",
     .doc = "no bytes, all bytes, and a range that ends beyond the last address are the whole address space")
{
    static const struct {
        uint64_t iova, size;
    } ranges[] = {{0, 0}, {0x7000, 0}, {0, UINT64_MAX}, {0x7000, UINT64_MAX}, {UINT64_MAX - 0xfff, 0x2000}};
    struct vtd_use use;
    struct bound b;

    bind_one(t, &b, VTD_PGTT_PASSTHROUGH, SLOT);
    use = (struct vtd_use){.dev = b.dev, .slot = SLOT};
    for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
        T_ASSERT_OK(t, vtd_flush_range(&use, 1, (iova_t){ranges[i].iova}, ranges[i].size, false));
        STREAM_EXPECT(t, &b.mark, vtd_inv_piotlb_pasid(DID_A, SLOT));
        b.mark = stream_mark(b.unit);
    }
    unbind_one(t, &b);
}

TEST(retire, flush_first_stage, .needs = NEED_IOMMU | NEED_FS, .rules = "50",
     .doc = "p_iotlb page or PASID; a slot without entry costs nothing; the same tag is flushed once")
{
    struct vtd_use uses[3];
    struct bound b;

    bind_one(t, &b, VTD_PGTT_FIRST, SLOT);
    for (unsigned i = 0; i < 3; i++)
        uses[i] = (struct vtd_use){.dev = b.dev, .slot = i == 0 ? 7 : SLOT};
    T_ASSERT_OK(t, vtd_flush_range(uses, 1, (iova_t){0x7000}, 0x1000, false));
    stream_expect(t, &b.mark, NULL, 0);
    T_ASSERT_OK(t, vtd_flush_range(uses, 3, (iova_t){0x200000}, 0x200000, false));
    STREAM_EXPECT(t, &b.mark, vtd_inv_piotlb_page(DID_A, SLOT, (iova_t){0x200000}, 9, false));
    b.mark = stream_mark(b.unit);
    T_ASSERT_OK(t, vtd_flush_range(uses, 3, (iova_t){0}, 0, false));
    STREAM_EXPECT(t, &b.mark, vtd_inv_piotlb_pasid(DID_A, SLOT));
    unbind_one(t, &b);
}
