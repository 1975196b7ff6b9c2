/* SPDX-License-Identifier: BSD-2-Clause */
/* The fixture of order_judge.h. */
#include "tests/suites/order_judge.h"

#include <stdio.h>
#include <string.h>

#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/harness/fixture.h"
#include "tests/suites/play.h"
#include "tests/suites/rig.h"

/* Where devices write in every page, unless they move records of their own. */
#define TARGET_OFFSET 512u
#define TARGET_LEN    16u
#define WALK_NS       1200000000000ull
#define TRIAL_NS      5000000000ull

/* ---- What a device reaches, by DMA ---- */

static uint8_t *target(struct order_judge *j, unsigned id)
{
    return owner_page(&j->run.owner, id) + j->at;
}

/* The targets before a transfer; where it is known what the device sends, no byte of it. */
struct painted {
    bool known;
    uint8_t sent[PAGE_SIZE];
    uint8_t before[OWNER_IDS][PAGE_SIZE];
};

static void paint(struct order_judge *j, unsigned dev, struct painted *p)
{
    p->known = dma_fixed_pattern(j->dma[dev], p->sent, j->len);
    for (unsigned id = 0; id < OWNER_IDS; id++) {
        t_rand_fill(j->t, p->before[id], j->len);
        for (unsigned i = 0; p->known && i < j->len; i++)
            p->before[id][i] = (uint8_t)~p->sent[i];
        memcpy(target(j, id), p->before[id], j->len);
    }
}

/* '-': nothing of the target changed, '+': it is what was sent, '!': neither. */
static char look_at(struct order_judge *j, unsigned id, const struct painted *p)
{
    if (memcmp(target(j, id), p->before[id], j->len) == 0)
        return '-';
    return !p->known || memcmp(target(j, id), p->sent, j->len) == 0 ? '+' : '!';
}

static char dma_reach(struct order_run *run, unsigned dev, unsigned meant)
{
    struct order_judge *j = run->ctx;
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = {OWNER_IOVA + j->at}, .len = j->len};
    static struct painted p; /* large for a stack */
    char reach = '-';
    int err;

    if (run->owner.devs[dev]->lane == IOMMU_LANE_PASID)
        dma_tag(j->dma[dev], ioasid_number(run->owner.ids[meant]));
    paint(j, dev, &p);
    x.believed = plat_pa(target(j, 0));
    plat_wmb();
    err = dma_run(j->dma[dev], &x);
    plat_rmb();
    for (unsigned id = 0; id < OWNER_IDS; id++) {
        char seen = look_at(j, id, &p);

        if (seen != '-')
            reach = seen == '+' && reach == '-' ? (char)('0' + id) : '!';
    }
    t_proved(j->t, reach != '-');
    return err ? '!' : reach;
}

/* Of all pages, but for the targets. */
static uint64_t background_sum(struct order_judge *j)
{
    uint64_t h = 0;

    for (unsigned id = 0; id < OWNER_IDS; id++) {
        const uint8_t *page = owner_page(&j->run.owner, id);

        for (unsigned i = 0; i < PAGE_SIZE; i++) {
            if (i < j->at || i >= j->at + j->len)
                h = h * 1099511628211ull + page[i];
        }
    }
    return h;
}

/* ---- Under guard ---- */

/* The driver stopped itself, or did not come back. */
static void has_stopped(struct order_run *run, const struct env_guard *g)
{
    run->failed = run->stopped = true;
    snprintf(run->why, sizeof(run->why), "the driver stopped: %.120s", g->text);
}

struct trial {
    struct order_run *run;
    order_play *play;
    const struct spec_op *steps;
    unsigned count;
    bool failed;
};

static void try_steps(void *arg)
{
    struct trial *tr = arg;

    tr->failed = tr->play(tr->run, tr->steps, tr->count);
}

static bool guard(struct order_run *run, order_play *play, const struct spec_op *steps, unsigned count)
{
    struct trial tr = {.run = run, .play = play, .steps = steps, .count = count};
    struct env_guard g;

    env_guard(try_steps, &tr, TRIAL_NS, &g);
    if (g.end == ENV_RETURNED)
        return tr.failed;
    has_stopped(run, &g);
    return true;
}

/* ---- Begin and end ---- */

static bool renew(struct order_run *run);

/* What a run of this case can do beside calling the driver. */
static void equip(struct order_judge *j)
{
    j->run.ctx = j;
    j->run.dma = j->dma[0] ? dma_reach : NULL;
    j->run.renew = renew;
    j->run.guard = guard;
}

/* The engines' own pages, in every table. */
static int map_own(struct order_judge *j)
{
    int err = 0;

    for (unsigned d = 0; d < SPEC_DEVS && !err; d++) {
        const struct dma_dev *dma = j->dma[d];

        if (dma && dma->own_pages)
            err = owner_map(&j->run.owner, dma->own, (uint64_t)dma->own_pages * PAGE_SIZE);
    }
    return err;
}

/* Drops the driver with all that it holds, as after a case that ended badly, and goes on with a new one. */
static bool renew(struct order_run *run)
{
    struct order_judge *j = run->ctx;
    struct spec_rules rules = run->rules;

    fixture_drop();
    env_quarantine(j->mark);
    if (fixture_ready())
        return false;
    j->t->iommu = fixture_iommu();
    j->cfg.owner.iommu = j->t->iommu;
    if (iommu_set_lane(j->t->iommu, j->lane) || order_open(run, &j->cfg) || map_own(j))
        return false;
    run->rules = rules;
    equip(j);
    return true;
}

static void open_run(struct order_judge *j, const struct order_cfg *cfg)
{
    j->cfg = *cfg;
    j->lane = j->t->iommu->lane;
    j->mark = env_mark();
    T_ASSERT_OK(j->t, order_open(&j->run, cfg));
    T_ASSERT_OK(j->t, map_own(j));
    for (unsigned id = 0; id < OWNER_IDS; id++)
        t_rand_fill(j->t, owner_page(&j->run.owner, id), PAGE_SIZE);
    j->background = background_sum(j);
    equip(j);
}

void order_judge_open(struct t *t, struct order_judge *j, bool native)
{
    unsigned reach_max = t->lane == T_LANE_PASID ? SPEC_IDS : 1;
    struct order_cfg cfg = {.owner = {.iommu = t->iommu},
                            .rules = {.reach_max = reach_max, .native = native}};

    *j = (struct order_judge){.t = t};
    j->len = dma_some_len(t->dma, TARGET_LEN);
    j->at = j->len <= TARGET_LEN ? TARGET_OFFSET : 0;
    for (unsigned d = 0; d < SPEC_DEVS; d++) {
        struct dma_dev *dma = t_dev(t, d);

        j->dma[d] = dma;
        cfg.devs[d] = (struct order_dev){dma->id, dma->rids, dma->rid_count};
    }
    cfg.owner.table = play_table_cfg(t, j->dma[0]);
    open_run(j, &cfg);
}

void order_judge_open_tables(struct t *t, struct order_judge *j, const struct order_dev devs[SPEC_DEVS],
                             const struct pgtable_cfg *table, bool native)
{
    struct order_cfg cfg = {.owner = {.iommu = t->iommu, .table = *table},
                            .rules = {.reach_max = 1, .native = native}};

    *j = (struct order_judge){.t = t};
    memcpy(cfg.devs, devs, sizeof(cfg.devs));
    open_run(j, &cfg);
}

void order_judge_close(struct order_judge *j)
{
    T_EXPECT_EQ(j->t, background_sum(j), j->background);
    T_ASSERT_OK(j->t, order_close(&j->run));
}

/* ---- Verdict ---- */

struct walking {
    struct order_judge *j;
    bool (*walk)(struct order_run *run, void *arg);
    void *arg;
    bool passed;
};

static void do_walk(void *arg)
{
    struct walking *w = arg;

    w->passed = w->walk(&w->j->run, w->arg);
}

static void note(void *ctx, const char *line)
{
    t_note(ctx, "%s", line);
}

/* The short sequence as a play of its own, which ends the case with all the evidence that a play has. */
static void play_again(struct order_judge *j, const struct order_case *c)
{
    static struct order_view want[ORDER_STEPS];
    static struct play_step steps[ORDER_STEPS];
    struct play p;

    for (unsigned i = 0; i < c->count; i++) {
        const struct spec_op *op = &c->steps[i];

        order_expect(&j->run.rules, c->steps, i + 1, &want[i]);
        steps[i] = (struct play_step){order_owner_op(*op), op->id,         op->dev,
                                      want[i].result,      want[i].events, want[i].reach};
    }
    if (j->run.rules.native)
        play_open_native(j->t, &p, SPEC_DEVS);
    else
        play_open(j->t, &p, SPEC_DEVS);
    play_steps(&p, steps, c->count);
    play_close(&p);
}

static void tell(struct order_judge *j)
{
    static struct order_case c; /* too large for a stack */
    bool swept = order_shrink(&j->run, &c);

    order_print(&j->run.rules, &c, note, j->t);
    if (swept && order_close(&j->run) == 0 && j->dma[0] && !c.stopped)
        play_again(j, &c);
    t_fail(j->t, "step %u: %s", c.count, c.why);
}

void order_judge(struct order_judge *j, bool (*walk)(struct order_run *run, void *arg), void *arg)
{
    struct walking w = {.j = j, .walk = walk, .arg = arg};
    struct env_guard g;

    env_guard(do_walk, &w, WALK_NS, &g);
    t_reached(j->t);
    if (g.end != ENV_RETURNED)
        has_stopped(&j->run, &g);
    if (g.end != ENV_RETURNED || !w.passed)
        tell(j);
}
