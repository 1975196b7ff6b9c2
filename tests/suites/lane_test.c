/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite lane: bindings in lane rid_pasid, where the IOASID's own number is the slot and the context entry's
 * RID_PASID names it. Judged from the tables in memory; what devices reach is shown by the suites order and
 * xlate in that lane. VT-d 5.10, Scalable-Mode Context Entry; rules 38, 43.
 *
 * A number that stays in RID_PASID after its unbind, or a second entry beside the number's, turns a case red.
 */
#include "tests/suites/svm_bench.h"

#define LANE_NEEDS (SVM_NEEDS | NEED_RID_PASID)

/* What requests of the device go by: its RID_PASID, or -ENOENT where no context entry is present. */
static int64_t goes_by(const struct svm_bench *b, unsigned dev)
{
    const struct vtd_dev *vtd = b->devs[dev]->vtd;
    struct vtd_context_entry e;

    vtd_context_read(vtd->unit, vtd->rids[0], &e);
    return entry_get(&e, VTD_CTX_P) ? (int64_t)entry_get(&e, VTD_CTX_RID_PASID) : -ENOENT;
}

struct slots {
    unsigned count;
    uint32_t last;
};

static void count_slot(void *arg, uint32_t slot, const struct vtd_pasid_entry *entry)
{
    struct slots *s = arg;

    s->count += (unsigned)entry_get(entry, VTD_PASID_P);
    s->last = slot;
}

/* Exactly one entry is present, that of `number`, and requests go by it. */
static void expect_bound(const struct svm_bench *b, unsigned dev, uint32_t number)
{
    struct slots s = {0, 0};

    vtd_pasid_each(b->devs[dev]->vtd, count_slot, &s);
    T_EXPECT_EQ(b->t, s.count, 1u);
    T_EXPECT_EQ(b->t, s.last, number);
    T_EXPECT_EQ(b->t, goes_by(b, dev), (int64_t)number);
}

/* No entry is left, and requests go nowhere. */
static void expect_nothing(const struct svm_bench *b, unsigned dev)
{
    struct slots s = {0, 0};

    vtd_pasid_each(b->devs[dev]->vtd, count_slot, &s);
    T_EXPECT_EQ(b->t, s.count, 0u);
    T_EXPECT_EQ(b->t, goes_by(b, dev), (int64_t)-ENOENT);
}

static void lane_open(struct t *t, struct svm_bench *b, unsigned devs)
{
    T_ASSERT_OK(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID_PASID));
    svm_open(t, b, devs);
    T_ASSERT_OK(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID));
}

TEST(lane, bind, .needs = LANE_NEEDS, .rows = "8 18", .rules = "37 38",
     .doc = "bind publishes the number's entry and points RID_PASID at it; unbind takes both")
{
    struct svm_bench b;
    ioasid_t id;

    lane_open(t, &b, 2);
    id = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    expect_bound(&b, 0, ioasid_number(id));
    T_ASSERT_OK(t, svm_do_bind(&b, id, 1));
    expect_bound(&b, 1, ioasid_number(id));
    svm_expect_audit(&b, 1);
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 0));
    expect_nothing(&b, 0);
    expect_bound(&b, 1, ioasid_number(id));
    T_EXPECT_OK(t, svm_do_unbind(&b, id, 1));
    expect_nothing(&b, 1);
    T_EXPECT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(lane, change, .needs = LANE_NEEDS, .rows = "8", .rules = "38 43",
     .doc = "a device goes from number to number: RID_PASID follows, and -EBUSY while one is bound")
{
    struct svm_bench b;
    ioasid_t ids[3];

    lane_open(t, &b, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
        ids[i] = svm_alloc(&b);
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(ids); i++) {
        ioasid_t id = ids[i % ARRAY_SIZE(ids)];

        T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
        expect_bound(&b, 0, ioasid_number(id));
        T_EXPECT_ERR(t, svm_do_bind(&b, ids[(i + 1) % ARRAY_SIZE(ids)], 0), -EBUSY);
        expect_bound(&b, 0, ioasid_number(id));
        T_ASSERT_OK(t, svm_do_unbind(&b, id, 0));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
        T_EXPECT_OK(t, ioasid_free(b.set, ids[i]));
    svm_close(&b);
}

TEST(lane, wide_number, .needs = LANE_NEEDS | NEED_NO_VCS, .rows = "15", .rules = "16",
     .doc = "numbers of 20 bits: the directory is indexed in full, from its first entry to its last")
{
    static const uint32_t numbers[] = {1, 0x3f, 0x40, 0x1fff, 0x2000, 0xabcde, 0xfffc0, 0xfffff};
    struct svm_bench b;
    ioasid_t id;

    lane_open(t, &b, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        T_ASSERT_OK(t, ioasid_alloc(b.set, numbers[i], numbers[i], &id));
        T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
        expect_bound(&b, 0, numbers[i]);
        T_ASSERT_OK(t, svm_do_unbind(&b, id, 0));
        T_ASSERT_OK(t, ioasid_free(b.set, id));
    }
    svm_close(&b);
}

TEST(lane, free_before_unbind, .needs = LANE_NEEDS, .rows = "23 28", .flaws = "S6",
     .doc = "FREE takes entries and RID_PASID of all devices at once")
{
    struct svm_bench b;
    ioasid_t id;

    lane_open(t, &b, 2);
    id = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    T_ASSERT_OK(t, svm_do_bind(&b, id, 1));
    T_EXPECT_ERR(t, ioasid_free(b.set, id), -EINPROGRESS);
    t_settle(t);
    expect_nothing(&b, 0);
    expect_nothing(&b, 1);
    T_EXPECT_ERR(t, svm_do_unbind(&b, id, 0), -ENOENT);
    svm_close(&b);
}

TEST(lane, entry_in_the_way, .needs = LANE_NEEDS, .rows = "11", .flaws = "S22",
     .doc = "a bind that cannot be set up leaves nothing of the number, and the next one works")
{
    struct vtd_pasid_cfg cfg = {.pgtt = VTD_PGTT_PASSTHROUGH};
    struct svm_bench b;
    struct vtd_dev *dev;
    ioasid_t id;

    lane_open(t, &b, 1);
    dev = b.devs[0]->vtd;
    id = svm_alloc(&b);
    T_ASSERT_OK(t, vtd_did_alloc(dev->unit, &cfg.did));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, ioasid_number(id), &cfg));
    T_EXPECT_ERR(t, svm_do_bind(&b, id, 0), -EBUSY);
    T_EXPECT_EQ(t, ioasid_refs(b.set, id), 1);
    T_EXPECT_EQ(t, goes_by(&b, 0), (int64_t)0);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, ioasid_number(id), VTD_RETIRE_LAST_OF_DID));
    vtd_did_free(dev->unit, cfg.did);
    T_ASSERT_OK(t, svm_do_bind(&b, id, 0));
    expect_bound(&b, 0, ioasid_number(id));
    T_ASSERT_OK(t, svm_do_unbind(&b, id, 0));
    T_ASSERT_OK(t, ioasid_free(b.set, id));
    svm_close(&b);
}

TEST(lane, costs_no_wait, .needs = LANE_NEEDS | NEED_NO_CM, .rules = "35",
     .doc = "without caching mode a bind after an unbind invalidates nothing, though RID_PASID is another")
{
    struct svm_bench b;
    struct vtd_unit *unit;
    ioasid_t first, second;
    uint64_t waits;

    lane_open(t, &b, 1);
    unit = b.devs[0]->vtd->unit;
    first = svm_alloc(&b);
    second = svm_alloc(&b);
    T_ASSERT_OK(t, svm_do_bind(&b, first, 0));
    waits = unit->stats.waits;
    T_ASSERT_OK(t, svm_do_unbind(&b, first, 0));
    T_EXPECT_EQ(t, unit->stats.waits, waits + 1);
    T_ASSERT_OK(t, svm_do_bind(&b, second, 0));
    T_EXPECT_EQ(t, unit->stats.waits, waits + 1);
    T_ASSERT_OK(t, svm_do_unbind(&b, second, 0));
    T_ASSERT_OK(t, ioasid_free(b.set, first));
    T_ASSERT_OK(t, ioasid_free(b.set, second));
    svm_close(&b);
}

TEST(lane, not_offered, .needs = NEED_IOMMU, .rules = "16",
     .doc = "where RID_PASID is not used the lane is refused, and RID_PASID is never written")
{
    struct vtd_quirks quirks;
    struct vtd_unit *unit;
    struct vtd_caps caps;
    struct svm_bench b;

    svm_open(t, &b, 1);
    unit = b.devs[0]->vtd->unit;
    caps = unit->caps;
    quirks = unit->quirks;
    unit->caps.rps = false;
    vtd_quirk_set(&unit->quirks, VTD_QUIRK_RID_PASID_USED, false);
    T_EXPECT_ERR(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID_PASID), -ENOTSUP);
    T_EXPECT_ERR(t, vtd_dev_set_rid_pasid(b.devs[0]->vtd, 1), -ENOTSUP);
    T_EXPECT_EQ(t, goes_by(&b, 0), (int64_t)0);
    unit->caps = caps;
    unit->quirks = quirks;
    svm_close(&b);
}

TEST(lane, never_tried_on_silicon, .rules = "16",
     .doc = "only a unit of version 1.0 with scalable mode and without RPS is asked by a transfer")
{
    struct vtd_caps caps = {.major = 1, .minor = 0, .smts = true};

    T_EXPECT(t, vtd_quirk_may_try(VTD_QUIRK_RID_PASID_USED, &caps));
    T_EXPECT(t, !vtd_quirk_may_try(VTD_QUIRK_P_IGNORED, &caps));
    T_EXPECT(t, !vtd_quirk_has(vtd_quirk_probe(&caps), VTD_QUIRK_RID_PASID_USED));
    caps.rps = true;
    T_EXPECT(t, !vtd_quirk_may_try(VTD_QUIRK_RID_PASID_USED, &caps));
    caps.rps = false;
    caps.major = 6;
    T_EXPECT(t, !vtd_quirk_may_try(VTD_QUIRK_RID_PASID_USED, &caps));
    caps.major = 1;
    caps.smts = false;
    T_EXPECT(t, !vtd_quirk_may_try(VTD_QUIRK_RID_PASID_USED, &caps));
}
