/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite inflight, translated: transfers whose address was translated before the binding goes, and whose data
 * arrive long after. VT-d 5.10, Draining of Requests to Memory: a unit with CAP.DWD has the writes
 * done when the wait of the tear-down is done. Where it does not keep that, the device has to be quiet before
 * its entry goes, which is why DEVICE is told before IOMMU (rows 17, 18, 23).
 *
 * The device's own completion tells the order: it arrives only if the entry is still there when the handler
 * at DEVICE level has drained the device.
 */
#include <string.h>

#include "tests/suites/play.h"

#define HELD_NEEDS (NEED_DMA | NEED_DMA_HELD)

struct hold {
    struct play p;
    struct dma_dev *dma;
    uint8_t sent[PAGE_SIZE];   /* what the engine writes */
    uint8_t before[PAGE_SIZE]; /* what it finds */
};

static struct hold hold;

static bool page_is(const uint8_t *want)
{
    plat_rmb();
    return memcmp(owner_page(&hold.p.owner, 0), want, PAGE_SIZE) == 0;
}

/* One IOASID bound, and a transfer into its page that is translated but has not landed. */
static void take_off(struct t *t)
{
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = {OWNER_IOVA}, .len = PAGE_SIZE};
    struct owner *o = &hold.p.owner;

    play_open(t, &hold.p, 1);
    hold.dma = hold.p.dma[0];
    T_ASSERT_OK(t, owner_do(o, OWNER_ALLOC, 0, 0));
    T_ASSERT_OK(t, owner_do(o, OWNER_BIND, 0, 0));
    play_events(&hold.p, NULL);
    T_ASSERT(t, dma_fixed_pattern(hold.dma, hold.sent, PAGE_SIZE));
    t_rand_fill(t, hold.before, PAGE_SIZE);
    memcpy(owner_page(o, 0), hold.before, PAGE_SIZE);
    plat_wmb();
    T_ASSERT_OK(t, dma_start(hold.dma, &x));
    if (!page_is(hold.before))
        t_error(t, "%s held nothing back", hold.dma->name);
}

/* The tear-down is over: what memory holds now it holds for good, be it old or new. */
static void land(struct t *t)
{
    bool landed = page_is(hold.sent), kept;

    T_EXPECT(t, landed || page_is(hold.before));
    T_ASSERT_OK(t, dma_wait(hold.dma, 2 * DMA_TIMEOUT_NS));
    kept = page_is(landed ? hold.sent : hold.before);
    t_note(t, "%s when the tear-down was over, %s when the device had ended",
           landed ? "landed" : "not landed", kept ? "unchanged" : "written");
    if (!kept)
        t_blame(t, T_PLATFORM, "written behind the wait although CAP.DWD is 1");
    T_DEVIATES(t, "E-027", T_EXPECT(t, kept));
    t_proved(t, landed || !kept);
    play_close(&hold.p);
}

TEST(inflight, translated_unbind, .needs = HELD_NEEDS | NEED_DWD, .lanes = PLAY_LANES, .rows = "17",
     .rules = "24 43 54", .negative = true, .xfail = "E-027",
     .doc = "unbind with a translated write under way: it has landed when unbind returns, or never does")
{
    take_off(t);
    T_ASSERT_OK(t, owner_do(&hold.p.owner, OWNER_UNBIND, 0, 0));
    land(t);
}

TEST(inflight, translated_free, .needs = HELD_NEEDS | NEED_DWD, .lanes = PLAY_LANES, .rows = "23",
     .rules = "24 43 54", .negative = true, .xfail = "E-027",
     .doc =
         "free before unbind with a translated write under way: it has landed when the clean-up is over, or "
         "never does")
{
    take_off(t);
    T_ASSERT_ERR(t, owner_do(&hold.p.owner, OWNER_FREE, 0, 0), -EINPROGRESS);
    land(t);
}

/* ---- The device drained first ---- */

static int drain(struct owner *o, const struct ioasid_event *ev)
{
    (void)o;
    (void)ev;
    return dma_wait(hold.dma, 2 * DMA_TIMEOUT_NS);
}

static void drain_on(enum ioasid_event_type type)
{
    struct owner_listener *device = owner_listener(&hold.p.owner, 'D');

    device->hook = drain;
    device->hook_on = type;
}

/* The device was quiet before its entry went, and is blocked now. */
static void drained(struct t *t)
{
    struct owner *o = &hold.p.owner;
    struct owner_listener *device = owner_listener(o, 'D');
    struct t_mem page = {owner_page(o, 0), plat_pa(owner_page(o, 0)), 1};

    T_ASSERT_EQ(t, device->hooked, 1u);
    T_ASSERT_OK(t, device->hook_result);
    T_EXPECT_EQ(t, (int)hold.dma->result, (int)DMA_RESULT_OK);
    T_EXPECT_MEM(t, owner_page(o, 0), hold.sent, PAGE_SIZE);
    t_proved(t, true);
    t_dma_write_denied(t, hold.dma, (iova_t){OWNER_IOVA}, &page, 0, PAGE_SIZE);
    play_close(&hold.p);
}

TEST(inflight, translated_unbind_drained, .needs = HELD_NEEDS, .lanes = PLAY_LANES, .rows = "17 18",
     .rules = "43", .flaws = "S18", .negative = true,
     .doc = "unbind with a subscriber that drains the device: its write and its completion arrive before the "
            "entry goes, and nothing behind it")
{
    take_off(t);
    drain_on(IOASID_EVENT_UNBIND);
    T_ASSERT_OK(t, owner_do(&hold.p.owner, OWNER_UNBIND, 0, 0));
    play_events(&hold.p, UNBIND_EVENT);
    drained(t);
}

TEST(inflight, translated_free_drained, .needs = HELD_NEEDS, .lanes = PLAY_LANES, .rows = "23", .rules = "43",
     .flaws = "S14", .negative = true,
     .doc = "free before unbind with a subscriber that drains the device: the same")
{
    take_off(t);
    drain_on(IOASID_EVENT_FREE);
    T_ASSERT_ERR(t, owner_do(&hold.p.owner, OWNER_FREE, 0, 0), -EINPROGRESS);
    play_events(&hold.p, FREE_BOUND);
    drained(t);
}
