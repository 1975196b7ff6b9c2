/* SPDX-License-Identifier: BSD-2-Clause */
/* The fixture of guest.h. Whether a transfer arrived is judged by whole pages, as in the harness's proofs. */
#include <string.h>

#include "tests/suites/guest.h"

static const uint32_t spids[OWNER_IDS] = GUEST_SPIDS;

/* ---- Life ---- */

void guest_open_worker(struct guest *g, unsigned dev, enum ioasid_level level)
{
    T_ASSERT_OK(g->t, worker_open(&g->workers[dev], g->p.owner.set, g->p.dma[dev], level));
    g->workers[dev].tags = g->t->lane == T_LANE_PASID;
}

void guest_open(struct t *t, struct guest *g, unsigned cpus, unsigned devs, enum ioasid_level level)
{
    *g = (struct guest){.t = t, .cpu_count = cpus};
    play_open(t, &g->p, devs);
    memcpy(g->p.owner.spids, spids, sizeof(spids));
    g->len = dma_some_len(t->dma, 64);
    for (unsigned i = 0; i < cpus; i++)
        T_ASSERT_OK(t, cpu_open(&g->cpus[i], g->p.owner.set, IOASID_EVENT_BIND | IOASID_EVENT_UNBIND));
    for (unsigned d = 0; d < devs; d++)
        guest_open_worker(g, d, level);
}

void guest_close(struct guest *g)
{
    for (unsigned d = 0; d < g->p.devs; d++)
        T_ASSERT_OK(g->t, worker_close(&g->workers[d]));
    for (unsigned i = 0; i < g->cpu_count; i++)
        T_ASSERT_OK(g->t, cpu_close(&g->cpus[i]));
    play_close(&g->p);
}

void guest_do(struct guest *g, enum owner_op op, unsigned id, unsigned dev, int want)
{
    t_note(g->t, "%s id %u device %u", owner_op_name(op), id, dev);
    T_ASSERT_ERR(g->t, owner_do(&g->p.owner, op, id, dev), want);
}

void guest_start(struct guest *g, unsigned id, unsigned dev)
{
    guest_do(g, OWNER_ALLOC, id, dev, 0);
    guest_do(g, OWNER_BIND, id, dev, 0);
    T_ASSERT_OK(g->t, worker_program(&g->workers[dev], g->p.owner.ids[id]));
}

/* ---- Transfers ---- */

static uint8_t *page_of(struct guest *g, unsigned id)
{
    return owner_page(&g->p.owner, id);
}

static struct dma_xfer into_page(struct guest *g, unsigned id)
{
    return (struct dma_xfer){
        .dir = DMA_TO_MEM, .iova = {OWNER_IOVA}, .len = g->len, .believed = plat_pa(page_of(g, id))};
}

/* Gives the engine bytes that the case knows, through the page that it is bound to. */
static void load(struct guest *g, unsigned id, unsigned dev)
{
    struct dma_xfer x = into_page(g, id);

    if (g->loaded[dev])
        return;
    g->loaded[dev] = true;
    if (dma_fixed_pattern(g->p.dma[dev], g->sent[dev], g->len))
        return;
    x.dir = DMA_FROM_MEM;
    t_rand_fill(g->t, g->sent[dev], g->len);
    memcpy(page_of(g, id), g->sent[dev], g->len);
    plat_wmb();
    play_tag(&g->p, dev, id);
    T_ASSERT_OK(g->t, dma_run(g->p.dma[dev], &x));
}

int guest_submit(struct guest *g, unsigned cpu, unsigned id, unsigned dev)
{
    struct dma_xfer x = into_page(g, id);

    return cpu_submit(&g->cpus[cpu], spids[id], &g->workers[dev], &x);
}

/* All pages, as they were before. */
static uint8_t before[OWNER_IDS][PAGE_SIZE];

static void new_background(struct guest *g)
{
    for (unsigned id = 0; id < OWNER_IDS; id++) {
        t_rand_fill(g->t, before[id], PAGE_SIZE);
        memcpy(page_of(g, id), before[id], PAGE_SIZE);
    }
    plat_wmb();
}

static bool has_landed(struct guest *g, unsigned id, unsigned dev)
{
    plat_rmb();
    return memcmp(page_of(g, id), g->sent[dev], g->len) == 0 &&
           memcmp(page_of(g, id) + g->len, before[id] + g->len, PAGE_SIZE - g->len) == 0;
}

/* Every page but that of `except` is as it was. */
static void expect_background(struct guest *g, unsigned except)
{
    plat_rmb();
    for (unsigned id = 0; id < OWNER_IDS; id++) {
        if (id != except)
            T_EXPECT_MEM(g->t, page_of(g, id), before[id], PAGE_SIZE);
    }
}

void guest_reaches(struct guest *g, unsigned cpu, unsigned id, unsigned dev)
{
    load(g, id, dev);
    new_background(g);
    t_faults_forget(g->t);
    T_ASSERT_OK(g->t, guest_submit(g, cpu, id, dev));
    worker_run(&g->workers[dev]);
    T_EXPECT(g->t, has_landed(g, id, dev));
    expect_background(g, id);
    t_expect_no_fault(g->t);
    t_proved(g->t, true);
}

void guest_misses(struct guest *g, unsigned cpu, unsigned id, unsigned dev)
{
    struct worker_counts counts = g->workers[dev].counts;
    unsigned faults = g->cpus[cpu].faults;

    new_background(g);
    t_faults_forget(g->t);
    T_EXPECT_ERR(g->t, guest_submit(g, cpu, id, dev), -EFAULT);
    T_EXPECT_EQ(g->t, g->cpus[cpu].faults, faults + 1);
    T_EXPECT_EQ(g->t, g->workers[dev].counts.accepted + g->workers[dev].counts.rejected,
                counts.accepted + counts.rejected);
    worker_run(&g->workers[dev]);
    expect_background(g, OWNER_IDS);
    t_expect_no_fault(g->t);
    t_proved(g->t, false);
}

/* ---- Tear-down with work ---- */

static struct {
    struct guest *g;
    unsigned id, dev;
    struct guest_end end;
} watch;

/* What "in flight" means with this engine, as evidence. */
static const char *in_flight(const struct dma_dev *dma)
{
    if (dma->queued)
        return "queued: translates when its delay ends";
    return dma->held ? "translated, and held back" : "translates and lands at once";
}

void guest_take_off(struct guest *g, unsigned id, unsigned dev)
{
    t_note(g->t, "%s: %s", g->p.dma[dev]->name, in_flight(g->p.dma[dev]));
    load(g, id, dev);
    new_background(g);
    for (unsigned i = 0; i < 3; i++)
        T_ASSERT_OK(g->t, guest_submit(g, 0, id, dev));
    T_ASSERT_OK(g->t, worker_start(&g->workers[dev]));
}

static int look(struct owner *o, const struct ioasid_event *ev)
{
    struct guest *g = watch.g;

    (void)o;
    if (!ioasid_eq(ev->id, g->p.owner.ids[watch.id]))
        return 0;
    watch.end.seen = true;
    watch.end.landed = has_landed(g, watch.id, watch.dev);
    new_background(g);
    watch.end.submitted = guest_submit(g, 0, watch.id, watch.dev);
    worker_run(&g->workers[watch.dev]);
    return 0;
}

void guest_watch(struct guest *g, enum ioasid_event_type type, unsigned id, unsigned dev)
{
    struct owner_listener *last = owner_listener(&g->p.owner, 'I');

    memset(&watch, 0, sizeof(watch));
    watch.g = g;
    watch.id = id;
    watch.dev = dev;
    last->hook = look;
    last->hook_on = type;
}

struct guest_end guest_ended(struct guest *g)
{
    owner_listener(&g->p.owner, 'I')->hook = NULL;
    worker_finish(&g->workers[watch.dev]);
    plat_rmb();
    watch.end.unchanged = memcmp(page_of(g, watch.id), before[watch.id], PAGE_SIZE) == 0;
    t_note(g->t, "%s when the entry had gone; memory %s behind it",
           watch.end.landed ? "landed" : "not landed", watch.end.unchanged ? "did not change" : "changed");
    return watch.end;
}
