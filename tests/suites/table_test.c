/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite table: context and PASID entries as they stand in memory, what the driver refuses to write, domain
 * ids. Needs no DMA. Descriptors are looked at in retire_test.c.
 */
#include <string.h>

#include "tests/suites/bench_dev.h"
#include "tests/suites/stream.h"

static const uint16_t rid_low = RID(BENCH_BUS, 1, 0);
static const uint16_t rid_high = RID(BENCH_BUS, 17, 3);

static bool context_is_zero(const struct vtd_unit *unit, uint16_t rid)
{
    struct vtd_context_entry e;

    vtd_context_read(unit, rid, &e);
    return (e.q[0] | e.q[1] | e.q[2] | e.q[3]) == 0;
}

/* ---- Context entries ---- */

TEST(table, context_entry, .needs = NEED_IOMMU, .rules = "16",
     .doc = "attach: P, the directory's address, PDTS = 0, RID_PASID = 0; nothing else set; detach: all zero")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *dev = bench_attach(t, unit, rid_low);
    struct vtd_context_entry e;

    vtd_context_read(unit, rid_low, &e);
    T_EXPECT_EQ(t, e.q[0], plat_pa(dev->directory).v | 1);
    T_EXPECT_EQ(t, e.q[1] | e.q[2] | e.q[3], 0ull);
    T_EXPECT(t, vtd_dev_find(unit, rid_low) == dev);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    T_EXPECT(t, context_is_zero(unit, rid_low));
    T_EXPECT(t, vtd_dev_find(unit, rid_low) == NULL);
}

TEST(table, halves, .needs = NEED_IOMMU,
     .doc = "devices 0..15 and 16..31 of a bus use different tables, and each goes with its last device")
{
    struct vtd_unit *unit = bench_unit(t);
    const struct vtd_root_entry *root = &unit->root[BENCH_BUS];
    struct vtd_dev *low = bench_attach(t, unit, rid_low);

    T_EXPECT_EQ(t, root->q[0] % 2, 1ull);
    T_EXPECT_EQ(t, root->q[1], 0ull);
    struct vtd_dev *high = bench_attach(t, unit, rid_high);

    T_EXPECT_EQ(t, root->q[1] % 2, 1ull);
    T_EXPECT_NE(t, root->q[0], root->q[1]);
    T_ASSERT_OK(t, vtd_dev_detach(low));
    T_EXPECT_EQ(t, root->q[0], 0ull);
    T_EXPECT_EQ(t, root->q[1] % 2, 1ull);
    T_ASSERT_OK(t, vtd_dev_detach(high));
    T_EXPECT_EQ(t, root->q[1], 0ull);
}

TEST(table, aliases, .needs = NEED_IOMMU,
     .doc = "every requester id of a group has the same entry; one that is named twice counts once")
{
    const uint16_t rids[] = {rid_low, rid_high, RID(BENCH_BUS, 0, 0), rid_low};
    struct vtd_dev_cfg cfg = {.rids = rids, .rid_count = ARRAY_SIZE(rids)};
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_context_entry first, other;
    struct vtd_dev *dev = NULL;

    T_ASSERT_OK(t, vtd_dev_attach(unit, &cfg, &dev));
    T_EXPECT_EQ(t, dev->rid_count, 3u);
    vtd_context_read(unit, rids[0], &first);
    for (unsigned i = 1; i < ARRAY_SIZE(rids); i++) {
        vtd_context_read(unit, rids[i], &other);
        T_EXPECT_MEM(t, &other, &first, sizeof(first));
    }
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    for (unsigned i = 0; i < ARRAY_SIZE(rids); i++)
        T_EXPECT(t, context_is_zero(unit, rids[i]));
}

TEST(table, alias_in_use, .needs = NEED_IOMMU,
     .doc =
         "a requester id that has its entry already: -EBUSY, and nothing changes for its owner or the others")
{
    const uint16_t rids[] = {rid_high, rid_low};
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *owner = bench_attach(t, unit, rid_low);
    struct vtd_context_entry before, after;
    struct vtd_dev *other = NULL;

    vtd_context_read(unit, rid_low, &before);
    T_EXPECT_ERR(t, vtd_dev_attach(unit, &(struct vtd_dev_cfg){.rids = rids, .rid_count = 2}, &other),
                 -EBUSY);
    vtd_context_read(unit, rid_low, &after);
    T_EXPECT_MEM(t, &after, &before, sizeof(before));
    T_EXPECT(t, context_is_zero(unit, rid_high));
    T_ASSERT_OK(t, vtd_dev_detach(owner));
}

TEST(table, directory_size, .needs = NEED_IOMMU, .rules = "16",
     .doc =
         "PDTS grows with the widest slot asked for: 13 bits give 0, 20 bits 7; slots beyond it are refused")
{
    static const struct {
        unsigned bits, pdts;
    } rows[] = {{0, 0}, {13, 0}, {14, 1}, {20, 7}};
    struct vtd_unit *unit = bench_unit(t);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct vtd_dev_cfg cfg = {.rids = &rid_low, .rid_count = 1, .pasid_bits = rows[i].bits};
        struct vtd_pasid_entry entry = {{1}};
        struct vtd_context_entry context;
        struct vtd_dev *dev = NULL;

        T_ASSERT_OK(t, vtd_dev_attach(unit, &cfg, &dev));
        vtd_context_read(unit, rid_low, &context);
        T_EXPECT_EQ(t, context.q[0] / 0x200 % 8, (uint64_t)rows[i].pdts);
        T_EXPECT_ERR(t, vtd_pasid_publish_entry(dev, 0x2000u << rows[i].pdts, &entry), -EINVAL);
        T_EXPECT_ERR(t, vtd_pasid_read(dev, 0x2000u << rows[i].pdts, &entry), -EINVAL);
        T_EXPECT_OK(t, vtd_pasid_read(dev, (0x2000u << rows[i].pdts) - 1, &entry));
        T_ASSERT_OK(t, vtd_dev_detach(dev));
    }
}

TEST(table, bad_devices, .needs = NEED_IOMMU,
     .doc = "no requester id, too many, too wide, ATS that the unit has not")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *dev;

    T_EXPECT_ERR(t, vtd_dev_attach(unit, &(struct vtd_dev_cfg){.rids = &rid_low}, &dev), -EINVAL);
    T_EXPECT_ERR(t,
                 vtd_dev_attach(
                     unit, &(struct vtd_dev_cfg){.rids = &rid_low, .rid_count = VTD_DEV_MAX_RIDS + 1}, &dev),
                 -EINVAL);
    T_EXPECT_ERR(
        t,
        vtd_dev_attach(unit, &(struct vtd_dev_cfg){.rids = &rid_low, .rid_count = 1, .pasid_bits = 21}, &dev),
        -EINVAL);
    T_EXPECT_ERR(
        t, vtd_dev_attach(unit, &(struct vtd_dev_cfg){.rids = &rid_low, .rid_count = 1, .ats = true}, &dev),
        -EINVAL); /* an ATS queue depth of 0 is never right */
}

/* ---- PASID entries ---- */

TEST(table, pass_through_entry, .needs = NEED_IOMMU | NEED_PT, .rules = "35",
     .doc = "pass-through: P, PGTT 4 and the domain id; publish over it is -EBUSY and changes nothing; "
            "retire empties it")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *dev = bench_attach(t, unit, rid_low);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, (did_t){5}, (paddr_t){0});
    struct vtd_pasid_entry e, again;

    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &cfg));
    T_ASSERT_OK(t, vtd_pasid_read(dev, 0, &e));
    T_EXPECT_EQ(t, e.q[0] % 2, 1ull);
    T_EXPECT_EQ(t, e.q[0] / 0x40 % 8, 4ull);
    T_EXPECT_EQ(t, e.q[1] % 0x10000, 5ull);
    cfg.did = (did_t){6};
    T_EXPECT_ERR(t, vtd_pasid_publish(dev, 0, &cfg), -EBUSY);
    T_ASSERT_OK(t, vtd_pasid_read(dev, 0, &again));
    T_EXPECT_MEM(t, &again, &e, sizeof(e));
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_LAST_OF_DID));
    T_ASSERT_OK(t, vtd_pasid_read(dev, 0, &e));
    T_EXPECT_EQ(t, e.q[0] | e.q[1], 0ull);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

TEST(table, first_stage_entry, .needs = NEED_IOMMU | NEED_FS,
     .doc = "first stage: PGTT 1, FSPTPTR in 191:140, FSPM 0")
{
    struct vtd_dev *dev = bench_attach(t, bench_unit(t), rid_low);
    struct t_mem root = t_mem(t, 1);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_FIRST, (did_t){7}, root.pa);
    struct vtd_pasid_entry e;

    T_ASSERT_OK(t, vtd_pasid_build(dev, &cfg, &e));
    T_EXPECT_EQ(t, e.q[0] / 0x40 % 8, 1ull);
    T_EXPECT_EQ(t, e.q[1] % 0x10000, 7ull);
    T_EXPECT_EQ(t, e.q[2], root.pa.v);
    cfg.fs_levels = 3;
    T_EXPECT_ERR(t, vtd_pasid_build(dev, &cfg, &e), -EINVAL);
    cfg.fs_levels = 4;
    cfg.fs_root.v += 8;
    T_EXPECT_ERR(t, vtd_pasid_build(dev, &cfg, &e), -EINVAL);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

TEST(table, second_stage_entry, .needs = NEED_IOMMU | NEED_SS,
     .doc = "second stage: PGTT 2, SSPTPTR in 63:12, AW by the levels that CAP.SAGAW has")
{
    struct vtd_dev *dev = bench_attach(t, bench_unit(t), rid_low);
    struct t_mem root = t_mem(t, 1);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_SECOND, (did_t){7}, root.pa);
    struct vtd_pasid_entry e;

    for (unsigned levels = 2; levels <= 6; levels++) {
        bool has = levels >= 3 && levels <= 5 && bit_is_set(dev->unit->caps.sagaw, levels - 2);

        cfg.ss_levels = levels;
        T_EXPECT_ERR(t, vtd_pasid_build(dev, &cfg, &e), has ? 0 : -EINVAL);
        if (has)
            T_EXPECT_EQ(t, e.q[0], root.pa.v + 0x80 + 4ull * (levels - 2) + 1);
    }
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

TEST(table, bad_entries, .needs = NEED_IOMMU | NEED_PT, .rules = "15 17 48",
     .doc = "domain id 0 or too wide, an unknown type, an address beyond the host's width: -EINVAL")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *dev = bench_attach(t, unit, rid_low);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, (did_t){0}, (paddr_t){0});
    struct vtd_pasid_entry e;

    T_EXPECT_ERR(t, vtd_pasid_publish(dev, 0, &cfg), -EINVAL);
    if (unit->caps.nd_bits < 16) {
        cfg.did = (did_t){(uint16_t)pow2(unit->caps.nd_bits)};
        T_EXPECT_ERR(t, vtd_pasid_publish(dev, 0, &cfg), -EINVAL);
    }
    cfg.did = (did_t){1};
    cfg.pgtt = (enum vtd_pgtt)7;
    T_EXPECT_ERR(t, vtd_pasid_publish(dev, 0, &cfg), -EINVAL);
    cfg = bench_cfg(unit->caps.fsts ? VTD_PGTT_FIRST : VTD_PGTT_SECOND, (did_t){1},
                    (paddr_t){pow2(unit->caps.haw)});
    T_EXPECT_ERR(t, vtd_pasid_publish(dev, 0, &cfg), -EINVAL);
    T_ASSERT_OK(t, vtd_pasid_read(dev, 0, &e));
    T_EXPECT_EQ(t, e.q[0], 0ull);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

TEST(table, half_retired_is_busy, .needs = NEED_IOMMU | NEED_PT, .rules = "43 44", .flaws = "H8",
     .doc = "an entry with P = 0 that is not yet all zero cannot be published over; retire takes it up again")
{
    struct vtd_dev *dev = bench_attach(t, bench_unit(t), rid_low);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, (did_t){5}, (paddr_t){0});
    struct vtd_pasid_entry before, after;

    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &cfg));
    T_ASSERT_OK(t, vtd_pasid_read(dev, 0, &before));
    T_ASSERT_OK(t, vtd_pasid_clear_present(dev, 0, true));
    T_ASSERT_OK(t, vtd_pasid_read(dev, 0, &after));
    T_EXPECT_EQ(t, after.q[0], before.q[0] + 1); /* P = 1, FPD = 0 became P = 0, FPD = 1 */
    T_EXPECT_EQ(t, after.q[1], before.q[1]);
    T_EXPECT_ERR(t, vtd_pasid_publish(dev, 0, &cfg), -EBUSY);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_LAST_OF_DID));
    T_EXPECT_ERR(t, vtd_pasid_retire(dev, 0, 0), -ENOENT);
    T_EXPECT_ERR(t, vtd_pasid_clear_present(dev, 64, false), -ENOENT);
    T_EXPECT_ERR(t, vtd_pasid_zero(dev, 64), -ENOENT);
    T_EXPECT_ERR(t, vtd_pasid_retire(dev, UINT32_MAX, 0), -ENOENT);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

static void count_entry(void *arg, uint32_t slot, const struct vtd_pasid_entry *entry)
{
    uint64_t *sum = arg;

    *sum = *sum * 0x10000 + slot * (uint64_t)entry_get(entry, VTD_PASID_P);
}

TEST(table, slots, .needs = NEED_IOMMU | NEED_PT,
     .doc = "slots of one and of different tables stand side by side, are listed in order, and go one by one")
{
    static const uint32_t slots[] = {0x1fff, 1, 0, 64};
    struct vtd_dev *dev = bench_attach(t, bench_unit(t), rid_low);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, (did_t){5}, (paddr_t){0});
    uint64_t sum = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(slots); i++)
        T_ASSERT_OK(t, vtd_pasid_publish(dev, slots[i], &cfg));
    vtd_pasid_each(dev, count_entry, &sum);
    T_EXPECT_EQ(t, sum, 0x0000000100401fffull);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 1, VTD_RETIRE_KEEP_DID));
    sum = 0;
    vtd_pasid_each(dev, count_entry, &sum);
    T_EXPECT_EQ(t, sum, 0x0000000000401fffull);
    T_ASSERT_OK(t, vtd_dev_detach(dev)); /* takes the others along */
}

/* ---- RID_PASID ---- */

TEST(table, rid_pasid, .needs = NEED_IOMMU | NEED_PT | NEED_RPS,
     .doc = "RID_PASID changes only while no entry is present; the binding's retire takes the context entry "
            "along")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_dev *dev = bench_attach(t, unit, rid_low);
    struct vtd_pasid_cfg cfg = bench_cfg(VTD_PGTT_PASSTHROUGH, (did_t){5}, (paddr_t){0});
    struct vtd_context_entry e;

    T_ASSERT_OK(t, vtd_dev_set_rid_pasid(dev, 0x123));
    vtd_context_read(unit, rid_low, &e);
    T_EXPECT_EQ(t, e.q[1], 0x123ull);
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0x123, &cfg));
    T_EXPECT_ERR(t, vtd_dev_set_rid_pasid(dev, 0x124), -EBUSY);
    T_EXPECT_ERR(t, vtd_dev_set_rid_pasid(dev, 0x2000), -EINVAL);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0x123, VTD_RETIRE_LAST_OF_DID));
    T_EXPECT(t, context_is_zero(unit, rid_low));
    T_ASSERT_OK(t, vtd_dev_set_rid_pasid(dev, 0x124));
    vtd_context_read(unit, rid_low, &e);
    T_EXPECT_EQ(t, e.q[0] % 2, 1ull);
    T_EXPECT_EQ(t, e.q[1], 0x124ull);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
}

/* ---- Domain ids ---- */

TEST(table, did_lowest_first, .needs = NEED_IOMMU, .rules = "17 48",
     .doc = "domain ids start at 1, the lowest free one is next, and the count follows")
{
    struct vtd_unit *unit = bench_unit(t);
    unsigned before = vtd_did_count(unit);
    did_t a, b, c;

    T_ASSERT_OK(t, vtd_did_alloc(unit, &a));
    T_ASSERT_OK(t, vtd_did_alloc(unit, &b));
    T_EXPECT_GE(t, a.v, 1u);
    T_EXPECT_GT(t, b.v, a.v);
    vtd_did_free(unit, a);
    T_ASSERT_OK(t, vtd_did_alloc(unit, &c));
    T_EXPECT_EQ(t, c, a);
    T_EXPECT_EQ(t, vtd_did_count(unit), before + 2);
    vtd_did_free(unit, b);
    vtd_did_free(unit, c);
    T_EXPECT_EQ(t, vtd_did_count(unit), before);
}

/* All of a unit's domain ids, one by one. Ends without a jump: the unit's width has to be put back. */
static void exhaust_dids(struct t *t, struct vtd_unit *unit)
{
    unsigned before = vtd_did_count(unit);
    unsigned all = (unsigned)pow2(unit->caps.nd_bits) - 1, failed = 0;
    did_t did = {0}, extra = {0};

    for (unsigned i = before; i < all; i++)
        failed += vtd_did_alloc(unit, &did) != 0;
    T_EXPECT_EQ(t, failed, 0u);
    T_EXPECT_ERR(t, vtd_did_alloc(unit, &extra), -ENOSPC);
    T_EXPECT_EQ(t, vtd_did_count(unit), all);
    vtd_did_free(unit, did);
    T_EXPECT_OK(t, vtd_did_alloc(unit, &extra));
    T_EXPECT_EQ(t, extra, did);
    for (unsigned i = before; i < all; i++)
        vtd_did_free(unit, (did_t){(uint16_t)(did.v - (i - before))});
    T_EXPECT_EQ(t, vtd_did_count(unit), before);
}

TEST(table, did_exhaustion, .needs = NEED_IOMMU, .rules = "17",
     .doc =
         "there are 2^(4+2*ND) - 1 domain ids (in the firmware on a unit made narrow); then -ENOSPC, until "
         "one is given back")
{
    struct vtd_unit *unit = bench_unit(t);
    unsigned bits = unit->caps.nd_bits, narrow = t_depth(t, 100);

    T_ASSERT(t, bits >= 4);
    if (narrow < bits)
        unit->caps.nd_bits = narrow;
    exhaust_dids(t, unit);
    unit->caps.nd_bits = bits;
}
