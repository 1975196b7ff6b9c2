/* SPDX-License-Identifier: BSD-2-Clause */
/* One case: guarded body, cleanup, judgement. */
#include <stdio.h>
#include <string.h>

#include "tests/harness/evidence.h"
#include "tests/harness/fixture.h"

#define DEFAULT_TIMEOUT_MS 20000u
#define CLEANUP_TIMEOUT_NS 20000000000ull
#define SETTLE_TIMEOUT_NS  5000000000ull

static void body(void *arg)
{
    struct t_state *st = arg;

    st->thread = plat_self();
    if (setjmp(st->end) == 0)
        st->inst->c->body(&st->t);
}

/* Judges how a guarded call ended. True: it returned and left nothing running. */
static bool ended_well(struct t_state *st, const char *during, const struct env_guard *g)
{
    static const char *const words[] = {"returned", "trapped", "hung", "panicked"};
    char symbol[96];

    if (g->end == ENV_RETURNED) {
        if (g->strays)
            state_judge(st, V_ERROR, "%sleft behind: %u threads still ran and were ended", during, g->strays);
        return !g->strays;
    }
    st->hung = g->end == ENV_HUNG;
    state_judge(st, V_ERROR, "%s%s: %s", during, words[g->end], g->text);
    if (g->dropped)
        t_note(&st->t, "queued work that was dropped: %u", g->dropped);
    for (unsigned i = 0; i < g->depth; i++) {
        env_symbol(g->trace[i], symbol, sizeof(symbol));
        t_note(&st->t, "trace: 0x%llx %s", (unsigned long long)g->trace[i], symbol);
    }
    return false;
}

struct cleanup {
    struct t_state *st;
    const struct fixture_account *before;
    bool clean;
};

static void clean_up(void *arg)
{
    struct cleanup *c = arg;
    struct t_state *st = c->st;

    dma_quiesce_all(); /* what is under way may still aim at the pages that go now */
    for (unsigned i = 0; i < st->mem_count; i++)
        plat_pages_free(st->mems[i].va, st->mems[i].pages);
    st->mem_count = 0;
    c->clean = fixture_check(st, c->before);
}

/* The case came to its own end. */
static void end_well(struct t_state *st, const struct fixture_account *before)
{
    struct cleanup c = {.st = st, .before = before};
    struct env_guard g;

    env_guard(clean_up, &c, CLEANUP_TIMEOUT_NS, &g);
    if (ended_well(st, "in the cleanup: ", &g) && c.clean)
        return;
    fixture_drop();
    env_quarantine(before->mark);
}

static void quiesce(void *arg)
{
    struct t_state *st = arg;

    t_faults(&st->t);
    dma_quiesce_all();
    if (plat_idle_wait(SETTLE_TIMEOUT_NS))
        t_note(&st->t, "cleanup: queued work does not come to rest");
}

/* The body was left in the middle: nothing is known of what it held. */
static void end_by_force(struct t_state *st, const struct fixture_account *before)
{
    struct env_guard g;

    env_guard(quiesce, st, CLEANUP_TIMEOUT_NS, &g);
    fixture_drop();
    env_quarantine(before->mark);
}

static void run_round(const struct runner *run, struct t_state *st, uint64_t *elapsed_ns)
{
    const struct t_case *c = st->inst->c;
    uint64_t timeout_ms = c->timeout_ms ? c->timeout_ms : DEFAULT_TIMEOUT_MS;
    struct fixture_account before = {.mark = 0};
    struct env_guard g;
    bool well;

    if (!run->bare) {
        if (fixture_ready()) {
            state_judge(st, V_ERROR, "%s", fixture_reason());
            return;
        }
        st->t.iommu = fixture_iommu();
        if (st->t.iommu && lane_choose(st->t.iommu, st->inst->lane)) {
            state_judge(st, V_ERROR, "a unit has not got lane %s", select_lane(st->inst->lane));
            return;
        }
        if (st->inst->dma)
            st->t.dma = dma_dev_get(st->inst->engine, 0);
    }
    fixture_account(&before);
    env_guard(body, st, timeout_ms * 1000000, &g);
    *elapsed_ns += g.elapsed_ns;
    t_deviates(&st->t, NULL); /* the body may have been left inside of T_DEVIATES() */
    well = ended_well(st, "", &g);
    if (well && !st->checks && st->verdict == V_PASS)
        state_judge(st, V_ERROR, "the case ended without a check");
    if (run->bare) {
        if (!fixture_check_memory(st, &before))
            env_quarantine(before.mark);
    } else if (well && !st->ended) {
        end_well(st, &before);
    } else {
        end_by_force(st, &before);
    }
}

void case_run(const struct runner *run, const struct instance *inst, struct t_state *st, uint64_t *elapsed_ns)
{
    *elapsed_ns = 0;
    for (unsigned round = 0; round < run->args->repeat; round++) {
        state_reset(st, run, inst, round);
        if (!run->bare) {
            faults_reset();
            proof_reset();
            evidence_reset();
        }
        run_round(run, st, elapsed_ns);
        if (st->verdict != V_PASS) {
            if (run->args->repeat > 1)
                t_note(&st->t, "round: %u of %u", round + 1, run->args->repeat);
            return;
        }
    }
}
