/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite interleave, page requests: a device asks for a page while its binding ends, in all interleavings of
 * the caller, the interrupt and the thread that serves. Whoever serves needs the turn on the IOASID, which
 * the teardown has while it drains; row 54.
 */
#include "iommu/vtd_fault.h"
#include "iommu/vtd_table.h"
#include "tests/harness/env.h"
#include "tests/host/fibers.h"
#include "tests/host/page_bench.h"

#define PREEMPTIONS 1
#define RUNS_MAX    2500u
#define WALK_NS     25000000000ull
#define CASE_MS     30000u

static struct meeting {
    struct page_bench b;
    struct iommu_pager pager;
    bool by_free;
    uint16_t group;
    int ended; /* what unbind or free said */
    int flush; /* what the server's own call said */
    unsigned answers;
    unsigned late; /* that had not arrived when unbind returned */
    const char *why;
    uint64_t runs;
} m;

/* A server as it is: it changes the table and flushes, which takes the turn on the ID, then answers. */
static void serve(unused struct iommu_pager *pager, struct iommu_page_group *group)
{
    m.flush = ioasid_flush(m.b.set, m.b.id, group->pages[0].iova, PAGE_SIZE, true);
    iommu_page_answer(group, IOMMU_PAGES_INVALID);
}

static bool bind(void)
{
    const struct ioasid_bind_cfg cfg = {
        .stage = IOMMU_PASS_THROUGH, .guest = m.by_free, .pager = &m.pager, .spid = IOASID_NO_SPID};

    return ioasid_bind(m.b.set, m.b.id, m.b.dev, &cfg) == 0;
}

/* A number that lives, bound, nothing asked; and the unit will choose as in the run before. */
static bool prepare(unused void *ctx)
{
    m.ended = m.flush = 1;
    m.answers = m.late = 0;
    m.group++;
    vtd_prq_collect(m.b.unit); /* no cause of an interrupt is left from the run before */
    vtd_fault_clear(m.b.unit);
    page_settle(&m.b);
    (void)page_heard(&m.b, VTD_PRESP_INVALID);
    m.why = "cannot begin";
    if (ioasid_refs(m.b.set, m.b.id) == -ENOENT &&
        ioasid_alloc(m.b.set, ioasid_number(m.b.id), ioasid_number(m.b.id), &m.b.id))
        return false;
    if (!bind())
        return false;
    m.b.unit->queue.head = m.b.unit->queue.tail; /* as a look at the register would say: it is empty */
    model_again(model_engine_unit(m.b.dma));
    return true;
}

static void end_it(unused void *ctx)
{
    m.ended = m.by_free ? ioasid_free(m.b.set, m.b.id) : ioasid_unbind(m.b.set, m.b.id, m.b.dev);
    if (!m.by_free)
        m.late = model_page_responses_late(model_engine_unit(m.b.dma), m.b.dma->rids[0]);
}

static void ask(unused void *ctx)
{
    page_ask(&m.b, m.group & 0xff, 0, true);
    page_arrive(&m.b);
    vtd_prq_collect(m.b.unit);
}

/* One answer whatever happened, nothing kept, and the device is out. */
static bool judge(unused void *ctx, bool stuck)
{
    struct vtd_pasid_entry e;
    struct model_page_response r;

    m.why = NULL;
    if (stuck) {
        m.why = "threads wait for each other";
        return false;
    }
    page_settle(&m.b);
    while (model_engine_heard(m.b.dma, &r))
        m.answers++;
    if (m.ended != (m.by_free ? -EINPROGRESS : 0))
        m.why = "the end of the binding did not succeed";
    else if (m.answers != 1)
        m.why = "not one answer";
    else if (m.late != 0)
        m.why = "an answer had not arrived when the binding had ended";
    else if (m.flush != 1 && m.flush != 0 && m.flush != -ENOENT && m.flush != -EBUSY)
        m.why = "the server's own call failed";
    else if (m.b.unit->prq.groups != 0)
        m.why = "a group is left";
    else if (vtd_pasid_read(m.b.dev->vtd, ioasid_number(m.b.id), &e) || entry_get(&e, VTD_PASID_P))
        m.why = "the entry is left";
    return !m.why;
}

struct guarded {
    struct fibers f;
    bool passed;
};

static void explore(void *arg)
{
    struct guarded *g = arg;

    g->passed = fibers_explore(&g->f);
    m.runs = g->f.runs;
}

static void interleave(struct t *t, bool by_free)
{
    struct guarded g = {.f = {.preemptions = t_depth(t, PREEMPTIONS),
                              .runs_max = RUNS_MAX,
                              .prepare = prepare,
                              .body = {end_it, ask},
                              .judge = judge}};
    struct env_guard guard;
    char turns[400];

    m = (struct meeting){.by_free = by_free, .pager.serve = serve};
    page_open(t, &m.b, PAGE_REFUSE);
    env_guard(explore, &g, WALK_NS, &guard);
    t_reached(t);
    if (guard.end != ENV_RETURNED || !g.passed) {
        fibers_leave();
        fibers_words(turns, sizeof(turns));
        t_note(t, "turns: %s", turns);
        t_fail(t, "%s", guard.end == ENV_RETURNED ? m.why : guard.text);
    }
    t_tell(t, "%llu interleavings with up to %u preemptions", (unsigned long long)m.runs, g.f.preemptions);
    if (ioasid_refs(m.b.set, m.b.id) == -ENOENT)
        T_ASSERT_OK(t, ioasid_alloc(m.b.set, 1, IOASID_NUMBERS - 1, &m.b.id));
    page_close(&m.b);
}

TEST(interleave, unbind_while_served, .needs = PAGE_NEEDS, .engines = T_BIT(DMA_ATS),
     .lanes = T_BIT(T_LANE_PASID), .timeout_ms = CASE_MS, .rows = "52 54", .rules = "58 61",
     .flaws = "C11 H6 H12 H25", .negative = true,
     .doc = "a page request arrives and is served, by a thread that needs the turn on the IOASID, while an "
            "unbind "
            "drains: in all interleavings nobody waits for ever, and the request has one answer")
{
    interleave(t, false);
}

TEST(interleave, free_while_served, .needs = PAGE_NEEDS | NEED_NO_VCS, .engines = T_BIT(DMA_ATS),
     .lanes = T_BIT(T_LANE_PASID), .timeout_ms = CASE_MS, .rows = "23 52 54", .rules = "58 61",
     .flaws = "C11 H6 H12 H25", .negative = true, .doc = "the same with the teardown that follows a free")
{
    interleave(t, true);
}
