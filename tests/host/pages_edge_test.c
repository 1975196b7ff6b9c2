/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite prq, host only: the groups of two devices and of several PASIDs side by side, as records in the queue
 * of a recording unit. What one of them does, begins too often, cuts off or leaves behind must not touch the
 * other's.
 */
#include "iommu/vtd_prq_priv.h"
#include "tests/host/own_unit.h"

#define OTHER_RID RID(8, 1, 0)
#define FAR_RID   RID(9, 1, 0)
#define SLOT      0x25u

struct pair {
    struct t *t;
    struct own_unit own;
    struct vtd_dev *dev, *other;
    struct vtd_pager pager;
    struct iommu_pager owner;
    struct iommu_page_group *held[8];
    unsigned held_count;
};

static void keep(struct iommu_pager *owner, struct iommu_page_group *group)
{
    struct pair *p = container_of(owner, struct pair, owner);

    T_ASSERT_LT(p->t, p->held_count, (unsigned)ARRAY_SIZE(p->held));
    p->held[p->held_count++] = group;
}

static struct vtd_dev *attach(struct pair *p, uint16_t rid)
{
    const struct vtd_dev_cfg cfg = {.rids = &rid,
                                    .rid_count = 1,
                                    .pasid = true,
                                    .pasid_bits = 20,
                                    .ats = true,
                                    .pri = true,
                                    .ats_qdep = 1};
    struct vtd_dev *dev = NULL;

    T_ASSERT_OK(p->t, vtd_dev_attach(p->own.unit, &cfg, &dev));
    return dev;
}

static void pair_open(struct t *t, struct pair *p)
{
    struct stub_cfg cfg = own_cfg();

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PRS) | SPAN_MASK(VTD_ECAP_PDS), true);
    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_PASID), true);
    cfg.ecap |= FIELD_PREP(VTD_ECAP_PSS, 19);
    *p = (struct pair){.t = t, .owner.serve = keep};
    own_start(t, &p->own, &cfg);
    p->dev = attach(p, OWN_RID);
    p->other = attach(p, OTHER_RID);
    p->pager = (struct vtd_pager){.dev = p->dev, .slot = SLOT, .owner = &p->owner};
    vtd_pager_add(&p->pager);
}

static void pair_close(struct pair *p)
{
    vtd_pager_remove(&p->pager);
    T_ASSERT_OK(p->t, vtd_dev_detach(p->dev));
    T_ASSERT_OK(p->t, vtd_dev_detach(p->other));
    T_EXPECT_EQ(p->t, p->own.unit->prq.groups, 0u);
    own_close(p->t, &p->own);
}

/* The unit writes a record, and software looks. */
static void arrives(struct pair *p, uint16_t rid, uint32_t pasid, uint16_t index, bool read, bool last)
{
    struct vtd_prq *prq = &p->own.unit->prq;
    struct vtd_page_request r = {{0}};

    entry_set(&r, VTD_PRQ_TYPE, VTD_PRQ_TYPE_REQUEST);
    entry_set(&r, VTD_PRQ_PP, 1);
    entry_set(&r, VTD_PRQ_RID, rid);
    entry_set(&r, VTD_PRQ_PASID, pasid);
    entry_set(&r, VTD_PRQ_PRGI, index);
    entry_set(&r, VTD_PRQ_RDR, read);
    entry_set(&r, VTD_PRQ_LPIG, last);
    prq->ring[prq->head] = r;
    stub_set_reg(p->own.stub, VTD_OFF_PQT, 8, (prq->head + 1) % VTD_PRQ_SLOTS * sizeof(r));
    vtd_prq_collect(p->own.unit);
}

/* Page responses since the last look: how many, to `rid` alone. */
static unsigned answers(struct pair *p, uint16_t rid)
{
    unsigned n = 0;

    for (unsigned i = 0; i < p->own.stub->stream_count; i++) {
        const struct vtd_desc *d = &p->own.stub->stream[i];

        if (entry_get(d, VTD_QI_TYPE) != VTD_QI_PRESP)
            continue;
        n++;
        T_EXPECT_EQ(p->t, entry_get(d, VTD_QI_PRESP_RID), (uint64_t)rid);
    }
    stub_stream_clear(p->own.stub);
    return n;
}

TEST(prq, apart, .needs = NEED_HOST, .rules = "58 64",
     .doc = "groups with one number, of two devices, of two PASIDs, tagged: each is its own; a stop marker "
            "cuts off those of its device and PASID alone")
{
    struct pair p;

    pair_open(t, &p);
    arrives(&p, OTHER_RID, 7, 1, true, false);
    arrives(&p, OWN_RID, 7, 1, true, false);
    arrives(&p, OWN_RID, 8, 1, true, false);
    arrives(&p, OWN_RID, 8, 2, true, false);
    T_EXPECT_EQ(t, p.own.unit->prq.groups, 4u);
    arrives(&p, OWN_RID, 9, 0, false, true);
    T_EXPECT_EQ(t, p.own.unit->prq.groups, 4u);
    arrives(&p, OWN_RID, 8, 0, false, true);
    T_EXPECT_EQ(t, p.own.unit->prq.groups, 2u);
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 0u);
    arrives(&p, OWN_RID, 7, 1, true, true);
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 1u);
    arrives(&p, OTHER_RID, 7, 1, true, true);
    T_EXPECT_EQ(t, answers(&p, OTHER_RID), 1u);
    T_EXPECT_EQ(t, p.own.unit->prq.groups, 0u);
    pair_close(&p);
}

TEST(prq, fair, .needs = NEED_HOST, .rules = "58",
     .doc = "one device begins more groups than are kept: its own oldest go, the other's older one stays")
{
    struct pair p;

    pair_open(t, &p);
    arrives(&p, OTHER_RID, 7, 1, true, false);
    for (unsigned n = 0; n < VTD_PRQ_GROUPS + 5; n++)
        arrives(&p, OWN_RID, 7, (uint16_t)n, true, false);
    T_EXPECT_EQ(t, p.own.unit->prq.groups, VTD_PRQ_GROUPS + 1);
    T_EXPECT_EQ(t, p.own.unit->prq.stats.beyond, 5ull);
    stub_stream_clear(p.own.stub);
    arrives(&p, OTHER_RID, 7, 1, true, true);
    T_EXPECT_EQ(t, answers(&p, OTHER_RID), 1u);
    T_EXPECT_EQ(t, p.own.unit->prq.groups, VTD_PRQ_GROUPS);
    pair_close(&p);
}

TEST(prq, drained_apart, .needs = NEED_HOST, .rules = "61",
     .doc = "a drain of one slot answers what is there of it, ready, handed out or begun, and what comes "
            "meanwhile; another slot's and another device's go on")
{
    struct vtd_prq_drain drain = {.slot = SLOT};
    struct vtd_pager second;
    struct pair p;

    pair_open(t, &p);
    second = (struct vtd_pager){.dev = p.dev, .slot = SLOT + 1, .owner = &p.owner};
    vtd_pager_add(&second);
    arrives(&p, OWN_RID, SLOT, 1, true, true);
    arrives(&p, OWN_RID, SLOT + 1, 1, true, true);
    T_ASSERT_OK(t, plat_idle_wait(1000000000ull));
    T_ASSERT_EQ(t, p.held_count, 2u);
    arrives(&p, OWN_RID, SLOT, 2, true, true);
    arrives(&p, OWN_RID, SLOT + 1, 2, true, true);
    arrives(&p, OWN_RID, SLOT, 3, true, false);
    arrives(&p, OTHER_RID, SLOT, 3, true, false);
    stub_stream_clear(p.own.stub);
    drain.dev = p.dev;
    vtd_prq_drain_begin(&drain);
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 2u);
    arrives(&p, OTHER_RID, SLOT, 4, true, true);
    T_EXPECT_EQ(t, answers(&p, OTHER_RID), 1u);
    T_EXPECT_EQ(t, drain.responses, 2u);
    arrives(&p, OWN_RID, SLOT, 5, true, true);
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 1u);
    T_EXPECT_EQ(t, drain.responses, 3u);
    vtd_prq_drain_end(&drain);
    T_EXPECT_EQ(t, p.own.unit->prq.groups, 4u); /* two held, one ready, the other device's */
    T_ASSERT_OK(t, plat_idle_wait(1000000000ull));
    T_ASSERT_EQ(t, p.held_count, 3u);
    stub_stream_clear(p.own.stub);
    iommu_page_answer(p.held[0], IOMMU_PAGES_PRESENT); /* too late */
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 0u);
    iommu_page_answer(p.held[1], IOMMU_PAGES_FAILED);
    T_EXPECT_EQ(t, entry_get(&p.own.stub->stream[0], VTD_QI_PRESP_RC), (uint64_t)VTD_PRESP_FAILURE);
    iommu_page_answer(p.held[2], IOMMU_PAGES_PRESENT);
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 2u);
    vtd_pager_remove(&second);
    pair_close(&p);
}

TEST(prq, no_room_for_answer, .needs = NEED_HOST, .rules = "20 58",
     .doc =
         "the invalidation queue is full and does not move: an answer that finds no room is said to be lost, "
         "nothing waits for ever, and the next one goes out once the queue moves")
{
    struct vtd_desc d = vtd_inv_iotlb_global();
    struct pair p;

    pair_open(t, &p);
    p.own.stub->faults.hold_queue = true;
    own_log_begin();
    while (vtd_qi_submit_raw(p.own.unit, &d, 1, false) == 0)
        ;
    arrives(&p, OWN_RID, 3, 1, true, true);
    T_EXPECT(t, own_log_has("a page response found no room"));
    own_log_end();
    T_EXPECT_EQ(t, p.own.unit->prq.groups, 0u);
    p.own.stub->faults.hold_queue = false;
    stub_run_queue(p.own.stub);
    stub_stream_clear(p.own.stub);
    arrives(&p, OWN_RID, 3, 1, true, true);
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 1u);
    pair_close(&p);
}

TEST(prq, server_of_unbound, .needs = NEED_HOST,
     .doc = "who serves a device does not come back: whoever unbinds it waits for a time, says so, and goes "
            "on; he does not wait for himself")
{
    struct vtd_prq *prq;
    uint64_t before;
    struct pair p;

    pair_open(t, &p);
    prq = &p.own.unit->prq;
    prq->serving = &p.pager;
    prq->server = plat_self();
    before = plat_now_ns();
    vtd_pager_wait(p.own.unit, &p.pager);
    T_EXPECT_LT(t, plat_now_ns() - before, p.own.unit->timeout_ns);
    prq->server = plat_self() + 1;
    own_log_begin();
    vtd_pager_wait(p.own.unit, &p.pager);
    T_EXPECT(t, own_log_has("who serves page requests does not come back"));
    own_log_end();
    T_EXPECT_GE(t, plat_now_ns() - before, p.own.unit->timeout_ns);
    prq->serving = NULL;
    prq->server = 0;
    pair_close(&p);
}

TEST(prq, no_memory_for_group, .needs = NEED_HOST, .rules = "58",
     .doc =
         "no memory for a group: what ends at once is sent back as if the queue had been full, the rest is "
         "forgotten, and the next is kept")
{
    struct pair p;

    pair_open(t, &p);
    stub_stream_clear(p.own.stub);
    (void)host_fail_allocation(1);
    arrives(&p, OWN_RID, 3, 1, true, true);
    T_EXPECT_EQ(t, entry_get(&p.own.stub->stream[0], VTD_QI_PRESP_RC), (uint64_t)VTD_PRESP_SUCCESS);
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 1u);
    (void)host_fail_allocation(1);
    arrives(&p, OWN_RID, 3, 2, true, false);
    T_EXPECT_EQ(t, answers(&p, OWN_RID), 0u);
    T_EXPECT_EQ(t, host_fail_allocation(0), 0u);
    T_EXPECT_EQ(t, p.own.unit->prq.groups, 0u);
    arrives(&p, FAR_RID, 3, 2, true, false); /* of nobody, and kept until its end comes */
    T_EXPECT_EQ(t, p.own.unit->prq.groups, 1u);
    arrives(&p, FAR_RID, 3, 2, true, true);
    T_EXPECT_EQ(t, answers(&p, FAR_RID), 1u);
    pair_close(&p);
}
