/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite inflight: transfers that are under way while their binding goes. An engine that queues translates at
 * the end of its delay, so the start is swept in small steps: the access lands before, within and behind each
 * step of a tear-down. Rows 17 and 23: before the wait of the tear-down there may be data or a fault; after
 * it, memory does not change any more.
 *
 * A tear-down that returns before its invalidation is complete, or lets an access through later, shows as a
 * page that changes after the return.
 */
#include <string.h>

#include "tests/harness/env.h"
#include "tests/suites/play.h"

#define XFER_LEN   64
#define OTHER_HALF 2048u
#define SWEEP      24
/* A sleep ends by then. */
#define WAKE_NS 100000u
/* The sweep starts that long before the expected end of the delay, and ends about as long behind it. */
#define SWEEP_FROM 180000ll
#define SWEEP_STEP 10000ll
/* Steps of SWEEP_FROM that may follow. */
#define FURTHER 6

struct flight {
    struct play *p;
    unsigned dev;
    uint8_t sent[XFER_LEN];
    uint64_t tick; /* of the engine's timer: ends of transfers are at `phase` + n * tick */
    uint64_t phase;
    uint64_t began; /* of the tear-down */
    unsigned landed, missed;
};

static struct dma_xfer to_page(const struct play *p, unsigned id)
{
    struct play *q = (struct play *)p;

    return (struct dma_xfer){.dir = DMA_TO_MEM,
                             .iova = {OWNER_IOVA},
                             .len = XFER_LEN,
                             .believed = plat_pa(owner_page(&q->owner, id))};
}

/* Gives the engine bytes that the case knows. */
static void load(struct flight *f)
{
    struct play *p = f->p;
    struct dma_xfer x = to_page(p, 0);

    x.dir = DMA_FROM_MEM;
    t_rand_fill(p->t, f->sent, XFER_LEN);
    memcpy(owner_page(&p->owner, 0), f->sent, XFER_LEN);
    play_tag(p, f->dev, 0);
    T_ASSERT_OK(p->t, dma_run(p->dma[f->dev], &x));
}

static bool landed(struct flight *f)
{
    plat_rmb();
    return memcmp(owner_page(&f->p->owner, 0), f->sent, XFER_LEN) == 0;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

/* Sleeps until shortly before `due`, then looks at the clock. */
static void wait_until(struct flight *f, uint64_t due)
{
    struct plat_waitq idle;
    uint64_t now = plat_now_ns();

    plat_waitq_init(&idle);
    if (now + WAKE_NS < due)
        T_ASSERT_ERR(f->p->t, plat_wait(&idle, never, NULL, due - now - WAKE_NS), -ETIMEDOUT);
    while (plat_now_ns() < due)
        plat_relax();
}

/* Starts a transfer into the page of id 0 and returns when the access is expected in `lead` ns (or is over).
 */
static void start(struct flight *f, int64_t lead)
{
    struct dma_dev *dma = f->p->dma[f->dev];
    struct dma_xfer x = to_page(f->p, 0);
    uint64_t now, due;

    t_rand_fill(f->p->t, owner_page(&f->p->owner, 0), PAGE_SIZE);
    now = plat_now_ns();
    play_tag(f->p, f->dev, 0);
    T_ASSERT_OK(f->p->t, dma_start(dma, &x));
    due = (now - f->phase) / f->tick * f->tick + f->phase + dma->delay_ns - (uint64_t)lead;
    wait_until(f, due);
    f->began = plat_now_ns();
}

/* Finds out where the engine's timer ticks, by watching memory while one transfer ends. */
static void calibrate(struct flight *f)
{
    f->tick = 1000000;
    f->phase = 0;
    start(f, 2000000);
    for (unsigned i = 0; i < 4000000 && !landed(f); i++)
        ;
    T_ASSERT(f->p->t, landed(f));
    f->phase = plat_now_ns() % f->tick;
    T_ASSERT_OK(f->p->t, dma_wait(f->p->dma[f->dev], DMA_TIMEOUT_NS));
}

/* Page 0 at the moment from which on it may not change any more, and whether anything had landed by then. */
static uint8_t at_end[PAGE_SIZE];
static uint64_t over_ns;

static void tear_down_over(struct owner *o)
{
    memcpy(at_end, owner_page(o, 0), PAGE_SIZE);
    plat_rmb();
    over_ns = plat_now_ns();
}

/* Handler of the last level: the driver's own, before this one, has retired the entry. */
static int free_over(struct owner *o, const struct ioasid_event *ev)
{
    (void)ev;
    tear_down_over(o);
    return 0;
}

static void watch_free(struct play *p)
{
    struct owner_listener *last = owner_listener(&p->owner, 'I');

    last->hook = free_over;
    last->hook_on = IOASID_EVENT_FREE;
}

/* Lets the transfer end: what memory held when the tear-down was over it holds for good. */
static void judge(struct flight *f)
{
    bool before = memcmp(at_end, f->sent, XFER_LEN) == 0;
    struct t *t = f->p->t;

    T_ASSERT_OK(t, dma_wait(f->p->dma[f->dev], DMA_TIMEOUT_NS));
    T_ASSERT_MEM(t, owner_page(&f->p->owner, 0), at_end, PAGE_SIZE);
    t_proved(t, before);
    t_note(t, "tear-down took %llu ns: %s", (unsigned long long)(over_ns - f->began),
           before ? "landed before its end" : "did not land");
    if (before)
        f->landed++;
    else
        f->missed++;
}

/* The sweep, and on for a while where it never met the access on one side of the end of the tear-down. */
static bool more(const struct flight *f, int i)
{
    return i < SWEEP || ((!f->missed || !f->landed) && i < SWEEP + FURTHER);
}

/* Behind the sweep: ever more lead where a tear-down takes longer than it reaches (CPUs that take turns),
 * ever less where all of them were over too soon. */
static int64_t lead_of(const struct flight *f, int i)
{
    if (i < SWEEP)
        return SWEEP_FROM - i * SWEEP_STEP;
    return f->missed ? -SWEEP_FROM * (1 + i - SWEEP) : SWEEP_FROM * (2 + i - SWEEP);
}

/* Where time is the machine's own, the sweep has to have met the access on both sides: what was never in
 * flight proves nothing. In real time a busy host moves the steps. */
static void sum_up(struct flight *f)
{
    struct t *t = f->p->t;

    t_tell(t, "%u landed before the tear-down was over, %u never did", f->landed, f->missed);
    T_EXPECT_GT(t, f->missed, 0u);
    if (!env_time_is_real())
        T_EXPECT_GT(t, f->landed, 0u);
}

static void open_flight(struct t *t, struct play *p, struct flight *f, unsigned devs)
{
    play_open(t, p, devs);
    *f = (struct flight){.p = p};
}

static void do_ok(struct play *p, enum owner_op op, unsigned dev, int want)
{
    T_ASSERT_ERR(p->t, owner_do_nowait(&p->owner, op, 0, dev), want);
}

/* ---- Unbind ---- */

TEST(inflight, unbind, .needs = NEED_DMA | NEED_DMA_READ | NEED_DMA_QUEUED, .lanes = PLAY_LANES, .rows = "17",
     .rules = "43 54", .negative = true, .timeout_ms = 60000,
     .doc = "unbind with a queued transfer, translated when its delay ends, due before, within and after it: "
            "nothing changes memory after the return")
{
    struct flight f;
    struct play p;

    open_flight(t, &p, &f, 1);
    do_ok(&p, OWNER_ALLOC, 0, 0);
    do_ok(&p, OWNER_BIND, 0, 0);
    load(&f);
    calibrate(&f);
    for (int i = 0; more(&f, i); i++) {
        start(&f, lead_of(&f, i));
        do_ok(&p, OWNER_UNBIND, 0, 0);
        tear_down_over(&p.owner);
        judge(&f);
        do_ok(&p, OWNER_BIND, 0, 0);
    }
    sum_up(&f);
    play_close(&p);
}

TEST(inflight, unbind_one_of_two, .needs = NEED_DMA | NEED_DMA_READ | NEED_DMA_QUEUED | NEED_DMA_2,
     .lanes = PLAY_LANES, .rows = "17", .flaws = "S10", .negative = true, .timeout_ms = 60000,
     .doc = "one of two devices is unbound while transfers of both are queued: its own changes nothing, the "
            "other's arrives")
{
    struct flight f, g;
    struct play p;

    open_flight(t, &p, &f, 2);
    g = f;
    g.dev = 1;
    do_ok(&p, OWNER_ALLOC, 0, 0);
    do_ok(&p, OWNER_BIND, 0, 0);
    do_ok(&p, OWNER_BIND, 1, 0);
    load(&f);
    load(&g);
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *page = owner_page(&p.owner, 0);
        struct dma_xfer x = to_page(&p, 0), y = x;

        y.iova.v += OTHER_HALF;
        y.believed.v += OTHER_HALF;
        t_rand_fill(t, owner_page(&p.owner, 0), PAGE_SIZE);
        play_tag(&p, 0, 0);
        T_ASSERT_OK(t, dma_start(p.dma[0], &x));
        play_tag(&p, 1, 0);
        T_ASSERT_OK(t, dma_start(p.dma[1], &y));
        do_ok(&p, OWNER_UNBIND, 0, 0);
        tear_down_over(&p.owner);
        memcpy(at_end + OTHER_HALF, g.sent, XFER_LEN);
        T_ASSERT_OK(t, dma_wait(p.dma[0], DMA_TIMEOUT_NS));
        T_ASSERT_OK(t, dma_wait(p.dma[1], DMA_TIMEOUT_NS));
        plat_rmb();
        T_ASSERT_MEM(t, page, at_end, PAGE_SIZE);
        t_proved(t, false);
        t_proved(t, true);
        do_ok(&p, OWNER_BIND, 0, 0);
    }
    play_close(&p);
}

/* ---- Free before unbind ---- */

TEST(
    inflight, free, .needs = NEED_DMA | NEED_DMA_READ | NEED_DMA_QUEUED, .lanes = PLAY_LANES, .rows = "23",
    .rules = "43 54", .flaws = "S12 S13", .negative = true, .timeout_ms = 60000,
    .doc =
        "free before unbind with a queued transfer, translated when its delay ends, due around its clean-up: "
        "nothing changes memory once it is over")
{
    struct flight f;
    struct play p;

    open_flight(t, &p, &f, 1);
    do_ok(&p, OWNER_ALLOC, 0, 0);
    do_ok(&p, OWNER_BIND, 0, 0);
    load(&f);
    calibrate(&f);
    watch_free(&p);
    for (int i = 0; more(&f, i); i++) {
        start(&f, lead_of(&f, i));
        do_ok(&p, OWNER_FREE, 0, -EINPROGRESS);
        t_settle(t);
        judge(&f);
        T_ASSERT_ERR(t, ioasid_refs(p.owner.set, p.owner.ids[0]), -ENOENT);
        do_ok(&p, OWNER_ALLOC, 0, 0);
        do_ok(&p, OWNER_BIND, 0, 0);
    }
    sum_up(&f);
    play_close(&p);
}

TEST(inflight, free_two, .needs = NEED_DMA | NEED_DMA_READ | NEED_DMA_QUEUED | NEED_DMA_2,
     .lanes = PLAY_LANES, .rows = "23", .flaws = "S6 S10", .negative = true, .timeout_ms = 60000,
     .doc = "the same with transfers of two devices queued: neither changes memory once the clean-up is over")
{
    struct flight f, g;
    struct play p;

    open_flight(t, &p, &f, 2);
    g = f;
    g.dev = 1;
    do_ok(&p, OWNER_ALLOC, 0, 0);
    do_ok(&p, OWNER_BIND, 0, 0);
    do_ok(&p, OWNER_BIND, 1, 0);
    load(&f);
    load(&g);
    watch_free(&p);
    for (unsigned i = 0; i < 4; i++) {
        struct dma_xfer x = to_page(&p, 0);

        t_rand_fill(t, owner_page(&p.owner, 0), PAGE_SIZE);
        play_tag(&p, 0, 0);
        T_ASSERT_OK(t, dma_start(p.dma[0], &x));
        play_tag(&p, 1, 0);
        T_ASSERT_OK(t, dma_start(p.dma[1], &x));
        f.began = g.began = plat_now_ns();
        do_ok(&p, OWNER_FREE, 0, -EINPROGRESS);
        t_settle(t);
        judge(&f);
        judge(&g);
        do_ok(&p, OWNER_ALLOC, 0, 0);
        do_ok(&p, OWNER_BIND, 0, 0);
        do_ok(&p, OWNER_BIND, 1, 0);
    }
    T_EXPECT_EQ(t, f.missed, 4u);
    T_EXPECT_EQ(t, g.missed, 4u);
    play_close(&p);
}

/* ---- The next life ---- */

TEST(inflight, next_life, .needs = NEED_DMA | NEED_DMA_READ | NEED_DMA_QUEUED, .lanes = PLAY_LANES,
     .rows = "17 29", .flaws = "S13", .negative = true, .timeout_ms = 60000,
     .doc = "a queued transfer started for one IOASID that translates in the life of the next reaches the "
            "next one's page or none")
{
    static uint8_t old[PAGE_SIZE];
    struct flight f;
    struct play p;

    open_flight(t, &p, &f, 1);
    do_ok(&p, OWNER_ALLOC, 0, 0);
    do_ok(&p, OWNER_BIND, 0, 0);
    load(&f);
    T_ASSERT_OK(t, owner_do(&p.owner, OWNER_ALLOC, 1, 0));
    for (unsigned i = 0; i < 4; i++) {
        struct dma_xfer x = to_page(&p, 0);

        t_rand_fill(t, owner_page(&p.owner, 0), PAGE_SIZE);
        t_rand_fill(t, owner_page(&p.owner, 1), PAGE_SIZE);
        memcpy(old, owner_page(&p.owner, 0), PAGE_SIZE);
        play_tag(&p, 0, 0);
        T_ASSERT_OK(t, dma_start(p.dma[0], &x));
        do_ok(&p, OWNER_UNBIND, 0, 0);
        T_ASSERT_OK(t, owner_do(&p.owner, OWNER_BIND, 1, 0));
        T_ASSERT_OK(t, dma_wait(p.dma[0], DMA_TIMEOUT_NS));
        T_ASSERT_MEM(t, owner_page(&p.owner, 0), old, PAGE_SIZE);
        t_proved(t, false);
        T_ASSERT_OK(t, owner_do(&p.owner, OWNER_UNBIND, 1, 0));
        do_ok(&p, OWNER_BIND, 0, 0);
    }
    play_close(&p);
}
