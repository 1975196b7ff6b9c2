/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order, units that are suspended, lose what they knew and are resumed: row 62 of the ordering table.
 * What comes back is what is bound, and nothing of an IOASID that was freed before or meanwhile.
 *
 * An entry that is not published again, one of a dying IOASID that is, and a register that is not written
 * anew turn the cases red.
 */
#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/suites/play.h"

/* Suspended, and what can be made forgotten by hand is: pointers to tables and queue. */
static void suspend_and_forget(struct t *t)
{
    T_ASSERT_OK(t, iommu_suspend(t->iommu));
    for (unsigned i = 0; i < t->iommu->unit_count; i++) {
        const struct plat_mmio *io = &t->iommu->units[i]->io;
        uint32_t gsts = vtd_read(io, VTD_GSTS);

        T_EXPECT_EQ(t, FIELD_GET(VTD_GSTS_TES, gsts), 0ull);
        T_EXPECT_EQ(t, FIELD_GET(VTD_GSTS_QIES, gsts), 0ull);
        T_EXPECT_EQ(t, FIELD_GET(VTD_GSTS_IRES, gsts), 0ull);
        vtd_write(io, VTD_RTADDR, 0);
        vtd_write(io, VTD_IQA, 0);
        vtd_write(io, VTD_FEDATA, 0);
        vtd_write(io, VTD_FEADDR, 0);
    }
}

/* An entry that nobody has bound, in memory only: the unit is off. */
static void scribble(struct play *p, unsigned dev)
{
    struct vtd_pasid_entry junk = {{1}};

    t_break_rules(p->t, true);
    T_ASSERT_OK(p->t, vtd_pasid_publish_entry(p->owner.devs[dev]->vtd, 77, &junk));
    t_break_rules(p->t, false);
}

static void expect_empty(struct play *p, unsigned dev, uint32_t slot)
{
    struct vtd_pasid_entry e;

    T_ASSERT_OK(p->t, vtd_pasid_read(p->owner.devs[dev]->vtd, slot, &e));
    for (unsigned i = 0; i < ARRAY_SIZE(e.q); i++)
        T_EXPECT_EQ(p->t, e.q[i], 0ull);
}

static const struct play_step bound[] = {{OWNER_ALLOC, 0, 0, 0, NULL, NULL},
                                         {OWNER_ALLOC, 1, 0, 0, NULL, NULL},
                                         {OWNER_BIND, 0, 0, 0, BIND_EVENT, NULL},
                                         {OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"}};

TEST(order, suspend_bound, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .one_engine = true,
     .rows = "62", .rules = "74", .negative = true,
     .doc = "bound before a suspend: both devices work again after it, by tables made anew. While the units "
            "are off bind is -EAGAIN, flush and unbind do their work, and what was unbound stays so; suspend "
            "and resume twice are -EINVAL; then one IOASID goes to the other device as ever")
{
    static const struct play_step meanwhile[] = {{OWNER_BIND, 0, 1, -EAGAIN, "", NULL},
                                                 {OWNER_UNBIND, 1, 1, 0, UNBIND_EVENT, NULL},
                                                 {OWNER_UNBIND, 1, 1, -ENOENT, "", NULL}};
    static const struct play_step after[] = {{OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"},
                                             {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-1"},
                                             {OWNER_UNBIND, 1, 1, 0, UNBIND_EVENT, "--"},
                                             {OWNER_BIND, 0, 1, 0, BIND_EVENT, "-0"}};
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, bound, ARRAY_SIZE(bound));
    T_EXPECT_ERR(t, iommu_resume(t->iommu), -EINVAL);
    suspend_and_forget(t);
    T_EXPECT_ERR(t, iommu_suspend(t->iommu), -EINVAL);
    scribble(&p, 0);
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    expect_empty(&p, 0, 77);
    play_events(&p, "");
    play_reach(&p, "01");
    suspend_and_forget(t);
    play_steps(&p, meanwhile, ARRAY_SIZE(meanwhile));
    T_EXPECT_OK(t, ioasid_flush(p.owner.set, p.owner.ids[0], (iova_t){OWNER_IOVA}, PAGE_SIZE, true));
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    play_reach(&p, "0-");
    play_steps(&p, after, ARRAY_SIZE(after));
    play_close(&p);
}

TEST(order, suspend_pending, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .one_engine = true,
     .rows = "62", .negative = true,
     .doc =
         "an IOASID freed before the suspend that a user still holds: nothing of it comes back, its number "
         "is not given out, and the last put ends it")
{
    static const struct play_step freed[] = {{OWNER_GET, 1, 0, 0, NULL, NULL},
                                             {OWNER_FREE, 1, 0, -EINPROGRESS, FREE_BOUND, "0-"}};
    static const struct play_step after[] = {{OWNER_BIND, 1, 1, -EBUSY, "", "0-"},
                                             {OWNER_PUT, 1, 0, 1, NULL, "0-"}};
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, bound, ARRAY_SIZE(bound));
    play_steps(&p, freed, ARRAY_SIZE(freed));
    suspend_and_forget(t);
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    expect_empty(&p, 1, play_slot(&p, 1));
    play_reach(&p, "0-");
    play_steps(&p, after, ARRAY_SIZE(after));
    play_close(&p);
}

TEST(order, suspend_freed_meanwhile, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .one_engine = true,
     .rows = "62", .negative = true,
     .doc = "freed while the units are off, its FREE not yet delivered: nothing of it comes back; everybody "
            "is told as ever")
{
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, bound, ARRAY_SIZE(bound));
    suspend_and_forget(t);
    T_EXPECT_ERR(t, owner_do_nowait(&p.owner, OWNER_FREE, 1, 0), -EINPROGRESS);
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    play_reach(&p, "0-");
    play_events(&p, FREE_BOUND);
    expect_empty(&p, 1, play_slot(&p, 1));
    play_close(&p);
}

/* The units go off and on while FREE is being delivered, before it gets to the driver's own level. */
static int cycle_results[2];
static bool cycle_left_empty;

static int cycle_in_free(struct owner *owner, unused const struct ioasid_event *ev)
{
    struct vtd_pasid_entry e;
    uint32_t slot = owner->devs[1]->lane == IOMMU_LANE_RID ? 0 : ioasid_number(owner->ids[1]);

    cycle_results[0] = iommu_suspend(owner->iommu);
    cycle_results[1] = iommu_resume(owner->iommu);
    cycle_left_empty = vtd_pasid_read(owner->devs[1]->vtd, slot, &e) == 0 && (e.q[0] | e.q[1]) == 0;
    return 0;
}

TEST(order, suspend_dying, .needs = NEED_DMA | NEED_DMA_2, .lanes = PLAY_LANES, .one_engine = true,
     .rows = "62", .negative = true,
     .doc =
         "units go off and on between the free of a bound IOASID and its tear-down: its entry is not there "
         "when they are on, the tear-down finds nothing left, and the other IOASID works")
{
    struct owner_listener *listener;
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, bound, ARRAY_SIZE(bound));
    listener = owner_listener(&p.owner, 'C');
    listener->hook = cycle_in_free;
    listener->hook_on = IOASID_EVENT_FREE;
    cycle_left_empty = false;
    T_EXPECT_ERR(t, owner_do(&p.owner, OWNER_FREE, 1, 0), -EINPROGRESS);
    T_EXPECT_EQ(t, listener->hooked, 1u);
    T_EXPECT_EQ(t, cycle_results[0], 0);
    T_EXPECT_EQ(t, cycle_results[1], 0);
    T_EXPECT(t, cycle_left_empty);
    play_reach(&p, "0-");
    play_close(&p);
}
