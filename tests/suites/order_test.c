/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order: rows of the ordering table (docs/rules/rows.tsv) played with real devices. A step compares its
 * result, the events with the order of their receivers (C, K: CPU level, D: device level, I: IOMMU level; K
 * wants BIND and UNBIND only), and what each device really reaches.
 *
 * A tear-down that comes too early, too late, twice or not at all turns a row red by one of the three.
 */
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/suites/play.h"

#define LANES T_BIT(T_LANE_RID)

#define BIND_EVENT   "BIND:IDKC"
#define UNBIND_EVENT "UNBIND:CKDI"
/* K is told of a FREE as the UNBIND that it asked for. */
#define FREE_BOUND   "FREE:C UNBIND:K FREE:DI"
#define FREE_UNBOUND "FREE:CDI"

/* ---- Alloc and bind ---- */

TEST(order, alloc, .needs = NEED_DMA, .lanes = LANES, .rows = "1", .negative = true,
     .doc = "an IOASID that was only allocated gives no device anything")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, "ALLOC:IDC", "-"}, {OWNER_ALLOC, 1, 0, 0, "ALLOC:IDC", "-"});
}

TEST(order, bind_first, .needs = NEED_DMA, .lanes = LANES, .rows = "8", .negative = true, .flaws = "K1 S16",
     .doc = "the first bind sends BIND once, IOMMU first and CPU last, and the device works from its return")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, "-"}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"});
}

TEST(order, bind_second, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "9", .flaws = "K9 S17",
     .negative = true,
     .doc = "a second device gets an entry of its own, both work, and no second BIND is sent")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, "--"}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0-"},
         {OWNER_BIND, 0, 1, 0, "", "00"});
}

TEST(order, bind_third, .needs = NEED_DMA | NEED_DMA_3, .lanes = LANES, .rows = "9", .negative = true,
     .doc = "and a third one")
{
    PLAY(t, 3, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
         {OWNER_BIND, 0, 1, 0, "", "00-"}, {OWNER_BIND, 0, 2, 0, "", "000"});
}

TEST(order, bind_two_ids, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "8",
     .doc = "two IOASIDs on two devices: the same address reaches two pages, each device its own")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL}, {OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, NULL}, {OWNER_UNBIND, 1, 1, 0, UNBIND_EVENT, NULL},
         {OWNER_BIND, 1, 0, 0, BIND_EVENT, NULL}, {OWNER_BIND, 0, 1, 0, BIND_EVENT, "10"});
}

TEST(order, bind_again, .needs = NEED_DMA, .lanes = LANES, .rows = "10",
     .doc =
         "binding a bound device again is -EBUSY and changes nothing, with the same IOASID and with another")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}, {OWNER_BIND, 0, 0, -EBUSY, "", "0"},
         {OWNER_BIND, 1, 0, -EBUSY, "", "0"});
}

TEST(order, bind_fails, .needs = NEED_DMA, .lanes = LANES, .rows = "11", .flaws = "S22 C3 C13",
     .negative = true,
     .doc = "a bind whose entry cannot be written leaves no event, no reference and no access; the next one "
            "works")
{
    struct vtd_pasid_cfg cfg = {.pgtt = VTD_PGTT_PASSTHROUGH};
    static const struct play_step before[] = {{OWNER_ALLOC, 0, 0, 0, NULL, "-"}};
    static const struct play_step fails[] = {{OWNER_BIND, 0, 0, -EBUSY, "", NULL}};
    static const struct play_step after[] = {{OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}};
    struct vtd_dev *dev;
    struct play p;

    play_open(t, &p, 1);
    play_steps(&p, before, 1);
    dev = p.owner.devs[0]->vtd;
    /* Somebody else's entry is in the way. */
    T_ASSERT_OK(t, vtd_did_alloc(dev->unit, &cfg.did));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &cfg));
    play_steps(&p, fails, 1);
    T_EXPECT_EQ(t, ioasid_refs(p.owner.set, p.owner.ids[0]), 1);
    T_ASSERT_OK(t, vtd_pasid_retire(dev, 0, VTD_RETIRE_LAST_OF_DID));
    vtd_did_free(dev->unit, cfg.did);
    play_reach(&p, "-");
    play_steps(&p, after, 1);
    play_close(&p);
}

TEST(order, bind_refused, .needs = NEED_DMA, .lanes = LANES, .rows = "12", .flaws = "S19", .negative = true,
     .doc = "a listener refuses BIND: those who agreed get UNBIND, the entry goes, the caller gets the errno")
{
    static const struct play_step before[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                              {OWNER_BIND, 0, 0, -EPERM, "BIND:IDKC UNBIND:KDI", "-"}};
    static const struct play_step after[] = {{OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}};
    struct play p;

    play_open(t, &p, 1);
    owner_listener(&p.owner, 'C')->refuse = IOASID_EVENT_BIND;
    play_steps(&p, before, 2);
    T_EXPECT_EQ(t, ioasid_refs(p.owner.set, p.owner.ids[0]), 1);
    owner_listener(&p.owner, 'C')->refuse = 0;
    play_steps(&p, after, 1);
    play_close(&p);
}

TEST(order, bind_too_wide, .needs = NEED_DMA, .lanes = LANES, .rows = "15", .negative = true,
     .doc = "a number wider than the device takes is -EINVAL, and the device stays blocked")
{
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};
    struct ioasid_set *set = ioasid_system_set(t->iommu->ioasids);
    struct t_mem mem = t_mem(t, 1);
    struct iommu_dev *dev;
    ioasid_t id;

    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, t->dma->id, t->dma->rids, t->dma->rid_count, 4, &dev));
    T_ASSERT_OK(t, ioasid_alloc(set, 16, IOASID_NUMBERS - 1, &id));
    T_EXPECT_ERR(t, ioasid_bind(set, id, dev, &cfg), -EINVAL);
    t_dma_write_denied(t, t->dma, (iova_t){mem.pa.v}, &mem, 0, 64);
    T_ASSERT_OK(t, ioasid_free(set, id));
    T_ASSERT_OK(t, ioasid_alloc(set, 15, 15, &id));
    T_ASSERT_OK(t, ioasid_bind(set, id, dev, &cfg));
    t_dma_write_allowed(t, t->dma, (iova_t){mem.pa.v}, &mem, 0, 64);
    T_ASSERT_OK(t, ioasid_unbind(set, id, dev));
    T_ASSERT_OK(t, ioasid_free(set, id));
    T_ASSERT_OK(t, iommu_dev_detach(dev));
}

/* ---- Unbind ---- */

TEST(order, unbind_one_of_two, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "16", .negative = true,
     .doc = "unbinding one of two devices stops that one, leaves the other, and sends nothing")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
         {OWNER_BIND, 0, 1, 0, "", "00"}, {OWNER_UNBIND, 0, 0, 0, "", "-0"});
}

TEST(order, unbind_last, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "18", .flaws = "S18",
     .negative = true,
     .doc = "the last unbind sends UNBIND once, CPU first and IOMMU last; nothing is in reach")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
         {OWNER_BIND, 0, 1, 0, "", "00"}, {OWNER_UNBIND, 0, 0, 0, "", "-0"},
         {OWNER_UNBIND, 0, 1, 0, UNBIND_EVENT, "--"});
}

TEST(order, unbind_never_bound, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "19", .flaws = "K9",
     .negative = true, .doc = "unbinding a device that was never bound is -ENOENT and disturbs nobody")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_UNBIND, 0, 1, -ENOENT, "", NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0-"}, {OWNER_UNBIND, 0, 1, -ENOENT, "", "0-"});
}

TEST(order, unbind_twice, .needs = NEED_DMA, .lanes = LANES, .rows = "20", .negative = true,
     .doc = "a second unbind is -ENOENT, and UNBIND was sent once")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}, {OWNER_UNBIND, 0, 0, -ENOENT, "", "-"});
}

TEST(order, unbind_wrong_id, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "19",
     .doc = "unbinding a device from an IOASID that another device has is -ENOENT, both go on")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL}, {OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"},
         {OWNER_UNBIND, 1, 0, -ENOENT, "", NULL}, {OWNER_UNBIND, 0, 1, -ENOENT, "", "01"});
}

TEST(order, rebind, .needs = NEED_DMA, .lanes = LANES, .rows = "8 18", .negative = true,
     .doc = "bind and unbind alternate: every first bind and every last unbind has its event and its effect")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
         {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"});
}

TEST(order, switch_ids, .needs = NEED_DMA, .lanes = LANES, .rows = "8 18", .negative = true,
     .doc = "one device goes from IOASID to IOASID and reaches the page of the current one only")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_ALLOC, 2, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, NULL, "0"},
         {OWNER_UNBIND, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 1, 0, 0, NULL, "1"},
         {OWNER_UNBIND, 1, 0, 0, NULL, NULL}, {OWNER_BIND, 2, 0, 0, NULL, "2"},
         {OWNER_UNBIND, 2, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, NULL, "0"});
}

/* ---- Free ---- */

TEST(order, free_unused, .needs = NEED_DMA, .lanes = LANES, .rows = "21", .negative = true,
     .doc = "free without users: done at once, and nobody is told")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, NULL, "0"},
         {OWNER_UNBIND, 0, 0, 0, NULL, NULL}, {OWNER_FREE, 0, 0, 0, "", "-"});
}

TEST(order, free_after_unbind, .needs = NEED_DMA, .lanes = LANES, .rows = "22 33", .negative = true,
     .doc = "free after the last unbind while somebody holds a reference: FREE, and reclaimed at the put")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}, {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_UNBOUND, "-"}, {OWNER_PUT, 0, 0, 1, "", "-"},
         {OWNER_PUT, 0, 0, -ENOENT, "", NULL});
}

TEST(order, free_bound, .needs = NEED_DMA, .lanes = LANES, .rows = "23", .flaws = "K1 S14 S15 C16",
     .negative = true,
     .doc = "free before unbind, one device: one FREE, CPU first, one UNBIND for who knows only that; out of "
            "reach")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"}, {OWNER_FREE, 0, 0, -ENOENT, "", "-"});
}

TEST(order, free_bound_two, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "23",
     .flaws = "K1 S6 S10 C2", .negative = true,
     .doc = "free before unbind, two devices: both out of reach, every reference given back")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
         {OWNER_BIND, 0, 1, 0, "", "00"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "--"},
         {OWNER_GET, 0, 0, -ENOENT, "", NULL});
}

TEST(order, free_bound_three, .needs = NEED_DMA | NEED_DMA_3, .lanes = LANES, .rows = "23", .flaws = "S6 C12",
     .negative = true,
     .doc = "free before unbind, three devices: the walk over the bindings ends and misses none")
{
    PLAY(t, 3, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 0, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 1, 0, "", NULL}, {OWNER_BIND, 0, 2, 0, "", "000"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "---"}, {OWNER_GET, 0, 0, -ENOENT, "", NULL});
}

TEST(order, free_spares_others, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "23",
     .negative = true, .doc = "free of one bound IOASID leaves a device on another IOASID working")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 1, 1, 0, NULL, "01"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-1"});
}

TEST(order, free_native_bound, .needs = NEED_DMA, .lanes = LANES, .flaws = "K4", .negative = true,
     .doc =
         "an IOASID bound for the host itself cannot be freed before unbind: -EBUSY, and it goes on working")
{
    static const struct play_step steps[] = {
        {OWNER_ALLOC, 0, 0, 0, NULL, NULL},  {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
        {OWNER_FREE, 0, 0, -EBUSY, "", "0"}, {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"},
        {OWNER_FREE, 0, 0, 0, "", "-"},
    };
    struct play p;

    play_open_native(t, &p, 1);
    play_steps(&p, steps, ARRAY_SIZE(steps));
    play_close(&p);
}

TEST(order, free_twice_pending, .needs = NEED_DMA, .lanes = LANES, .rows = "24", .flaws = "C1",
     .negative = true,
     .doc = "a second free while one is pending: -EALREADY, no second FREE, no reference lost")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "0"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
         {OWNER_FREE, 0, 0, -EALREADY, "", "-"}, {OWNER_FREE, 0, 0, -EALREADY, "", NULL},
         {OWNER_PUT, 0, 0, 1, "", "-"});
}

TEST(order, free_twice_reclaimed, .needs = NEED_DMA, .lanes = LANES, .rows = "25", .negative = true,
     .doc = "a free after the number went to somebody else is -ENOENT, and the new owner's device goes on")
{
    static const struct play_step first[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, NULL, "0"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
                                             {OWNER_ALLOC, 1, 0, 0, NULL, NULL}};
    static const struct play_step then[] = {{OWNER_BIND, 1, 0, 0, BIND_EVENT, "1"},
                                            {OWNER_FREE, 0, 0, -ENOENT, "", "1"},
                                            {OWNER_UNBIND, 0, 0, -ENOENT, "", "1"}};
    struct play p;

    play_open(t, &p, 1);
    play_steps(&p, first, ARRAY_SIZE(first));
    T_EXPECT_EQ(t, ioasid_number(p.owner.ids[1]), ioasid_number(p.owner.ids[0]));
    play_steps(&p, then, ARRAY_SIZE(then));
    play_close(&p);
}

/* ---- Late calls ---- */

/* From a CPU-level handler of FREE: the IOMMU level has not been there yet. */
static int unbind_first_device(struct owner *o, const struct ioasid_event *ev)
{
    return ioasid_unbind(o->set, ev->id, o->devs[0]);
}

TEST(
    order, unbind_in_free, .needs = NEED_DMA, .lanes = LANES, .rows = "27 37", .flaws = "S23 C21",
    .negative = true,
    .doc =
        "unbind after free, before the clean-up got to the device: it does the work, once, without an UNBIND")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
                                             {OWNER_UNBIND, 0, 0, -ENOENT, "", "-"}};
    struct owner_listener *c;
    struct play p;

    play_open(t, &p, 1);
    c = owner_listener(&p.owner, 'C');
    c->hook = unbind_first_device;
    c->hook_on = IOASID_EVENT_FREE;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_EQ(t, c->hooked, 1u);
    T_EXPECT_ERR(t, c->hook_result, 0);
    play_close(&p);
}

TEST(order, unbind_in_free_two, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "27",
     .negative = true,
     .doc = "the same with a second device, which the clean-up takes: each entry is retired exactly once")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
                                             {OWNER_BIND, 0, 1, 0, "", "00"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "--"}};
    struct owner_listener *c;
    struct play p;

    play_open(t, &p, 2);
    c = owner_listener(&p.owner, 'C');
    c->hook = unbind_first_device;
    c->hook_on = IOASID_EVENT_FREE;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_ERR(t, c->hook_result, 0);
    play_close(&p);
}

TEST(
    order, unbind_races_free, .needs = NEED_DMA, .lanes = LANES, .rows = "27 28 41", .flaws = "C9",
    .negative = true,
    .doc = "unbind right behind free, whoever gets there first: 0 or -ENOENT, and the device is out of reach")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"}};
    struct play p;
    int result;

    play_open(t, &p, 1);
    for (unsigned i = 0; i < 4; i++) {
        play_steps(&p, steps, ARRAY_SIZE(steps));
        T_ASSERT_ERR(t, owner_do_nowait(&p.owner, OWNER_FREE, 0, 0), -EINPROGRESS);
        result = owner_do_nowait(&p.owner, OWNER_UNBIND, 0, 0);
        T_EXPECT(t, result == 0 || result == -ENOENT);
        play_reach(&p, "-");
        t_settle(t);
        play_events(&p, FREE_BOUND);
        T_EXPECT_ERR(t, ioasid_refs(p.owner.set, p.owner.ids[0]), -ENOENT);
    }
    play_close(&p);
}

TEST(order, unbind_after_free, .needs = NEED_DMA, .lanes = LANES, .rows = "28", .flaws = "C21",
     .negative = true, .doc = "unbind after free and its clean-up: -ENOENT, pending and reclaimed")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "0"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
         {OWNER_UNBIND, 0, 0, -ENOENT, "", "-"}, {OWNER_PUT, 0, 0, 1, "", NULL},
         {OWNER_UNBIND, 0, 0, -ENOENT, "", "-"});
}

TEST(order, unbind_number_reused, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "29",
     .negative = true,
     .doc = "unbind by a handle of an earlier life: -ENOENT, the device bound to the new life goes on")
{
    static const struct play_step first[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 1, 0, NULL, "00"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "--"},
                                             {OWNER_ALLOC, 1, 0, 0, NULL, NULL}};
    static const struct play_step then[] = {{OWNER_BIND, 1, 1, 0, BIND_EVENT, "-1"},
                                            {OWNER_UNBIND, 0, 0, -ENOENT, "", "-1"},
                                            {OWNER_UNBIND, 0, 1, -ENOENT, "", "-1"}};
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, first, ARRAY_SIZE(first));
    T_EXPECT_EQ(t, ioasid_number(p.owner.ids[1]), ioasid_number(p.owner.ids[0]));
    play_steps(&p, then, ARRAY_SIZE(then));
    play_close(&p);
}

TEST(order, bind_after_free, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "31", .flaws = "C14",
     .negative = true, .doc = "bind after free: -EBUSY while pending, -ENOENT once reclaimed, never an entry")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "0-"}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "--"},
         {OWNER_BIND, 0, 0, -EBUSY, "", "--"}, {OWNER_BIND, 0, 1, -EBUSY, "", "--"},
         {OWNER_PUT, 0, 0, 1, "", NULL}, {OWNER_BIND, 0, 1, -ENOENT, "", "--"});
}

TEST(order, get_after_free, .needs = NEED_DMA, .lanes = LANES, .rows = "32", .negative = true,
     .doc = "get after free: -EBUSY while pending, -ENOENT once reclaimed, and the device stays out of reach")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, NULL}, {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
         {OWNER_GET, 0, 0, -EBUSY, "", NULL}, {OWNER_PUT, 0, 0, 1, "", NULL},
         {OWNER_GET, 0, 0, -ENOENT, "", "-"});
}

TEST(order, put_last, .needs = NEED_DMA, .lanes = LANES, .rows = "33", .negative = true,
     .doc = "the last put of a pending IOASID returns 1, and its number can be bound anew at once")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
         {OWNER_GET, 0, 0, 0, "", NULL}, {OWNER_BIND, 0, 0, 0, NULL, "0"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"}, {OWNER_PUT, 0, 0, 0, "", "-"},
         {OWNER_PUT, 0, 0, 1, "", "-"}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 1, 0, 0, BIND_EVENT, "1"});
}

TEST(order, put_too_often, .needs = NEED_DMA, .lanes = LANES, .rows = "34", .flaws = "C2",
     .doc = "put without a reference is -EINVAL and takes nothing from the binding, which goes on")
{
    PLAY(t, 1, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_PUT, 0, 0, -EINVAL, "", NULL},
         {OWNER_BIND, 0, 0, 0, NULL, "0"}, {OWNER_PUT, 0, 0, -EINVAL, "", "0"},
         {OWNER_GET, 0, 0, 0, "", NULL}, {OWNER_PUT, 0, 0, 0, "", NULL}, {OWNER_PUT, 0, 0, -EINVAL, "", "0"});
}

static int put_once(struct owner *o, const struct ioasid_event *ev)
{
    return ioasid_put(o->set, ev->id);
}

TEST(order, put_in_free, .needs = NEED_DMA, .lanes = LANES, .rows = "35", .flaws = "C19", .negative = true,
     .doc =
         "a handler gives its reference back while FREE is delivered: later levels still see the whole event")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_GET, 0, 0, 0, "", NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
                                             {OWNER_PUT, 0, 0, -ENOENT, "", "-"}};
    struct owner_listener *c;
    struct play p;

    play_open(t, &p, 1);
    c = owner_listener(&p.owner, 'C');
    c->hook = put_once;
    c->hook_on = IOASID_EVENT_FREE;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_GE(t, c->hook_result, 0);
    play_close(&p);
}

static int free_id(struct owner *o, const struct ioasid_event *ev)
{
    return ioasid_free(o->set, ev->id);
}

TEST(order, free_in_bind, .needs = NEED_DMA, .lanes = LANES, .rows = "36", .negative = true,
     .doc = "free from a BIND handler: BIND ends first, then FREE; bind returns -EBUSY, nothing is in reach")
{
    static const struct play_step steps[] = {
        {OWNER_ALLOC, 0, 0, 0, NULL, NULL},
        {OWNER_BIND, 0, 0, -EBUSY, BIND_EVENT " " FREE_BOUND, "-"},
        {OWNER_GET, 0, 0, -ENOENT, "", "-"},
    };
    struct owner_listener *d;
    struct play p;

    play_open(t, &p, 1);
    d = owner_listener(&p.owner, 'D');
    d->hook = free_id;
    d->hook_on = IOASID_EVENT_BIND;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_ERR(t, d->hook_result, -EINPROGRESS);
    play_close(&p);
}

TEST(order, alloc_while_pending, .needs = NEED_DMA, .lanes = LANES, .rows = "42", .flaws = "S13",
     .negative = true,
     .doc = "an alloc while a number is pending gets another one, and binding it gives the device that one's "
            "page")
{
    static const struct play_step steps[] = {
        {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_GET, 0, 0, 0, "", NULL},
        {OWNER_BIND, 0, 0, 0, NULL, "0"},   {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"},
        {OWNER_ALLOC, 1, 0, 0, NULL, NULL}, {OWNER_BIND, 1, 0, 0, BIND_EVENT, "1"},
        {OWNER_PUT, 0, 0, 1, "", "1"}};
    struct play p;

    play_open(t, &p, 1);
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_NE(t, ioasid_number(p.owner.ids[1]), ioasid_number(p.owner.ids[0]));
    play_close(&p);
}

TEST(order, guest_killed, .needs = NEED_DMA | NEED_DMA_2, .lanes = LANES, .rows = "47", .negative = true,
     .doc = "a guest dies: everything is freed, then unbound, then the numbers go to another guest's devices")
{
    PLAY(t, 2, {OWNER_ALLOC, 0, 0, 0, NULL, NULL}, {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
         {OWNER_BIND, 0, 0, 0, NULL, NULL}, {OWNER_BIND, 1, 1, 0, NULL, "01"},
         {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-1"},
         {OWNER_FREE, 1, 0, -EINPROGRESS, FREE_BOUND, "--"}, {OWNER_UNBIND, 0, 0, -ENOENT, "", NULL},
         {OWNER_UNBIND, 1, 1, -ENOENT, "", "--"}, {OWNER_ALLOC, 2, 0, 0, NULL, NULL},
         {OWNER_BIND, 2, 1, 0, BIND_EVENT, "-2"});
}

TEST(order, handler_fails_free, .needs = NEED_DMA, .lanes = LANES, .rows = "49", .flaws = "S20",
     .negative = true,
     .doc = "a handler that fails FREE stops nobody: all others are told and the device is out of reach")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
                                             {OWNER_FREE, 0, 0, -EINPROGRESS, FREE_BOUND, "-"}};
    struct play p;

    play_open(t, &p, 1);
    owner_listener(&p.owner, 'C')->refuse = IOASID_EVENT_FREE;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_EQ(t, owner_listener(&p.owner, 'C')->refused, 1u);
    play_close(&p);
}

TEST(order, handler_fails_unbind, .needs = NEED_DMA, .lanes = LANES, .flaws = "S20", .negative = true,
     .doc = "nor does one that fails UNBIND")
{
    static const struct play_step steps[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                             {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0"},
                                             {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-"}};
    struct play p;

    play_open(t, &p, 1);
    owner_listener(&p.owner, 'C')->refuse = IOASID_EVENT_UNBIND;
    play_steps(&p, steps, ARRAY_SIZE(steps));
    T_EXPECT_EQ(t, owner_listener(&p.owner, 'C')->refused, 1u);
    play_close(&p);
}
