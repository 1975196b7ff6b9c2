/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite interleave, drains: an event takes a page request of the slot that a retire drains, in all
 * interleavings of the two; what it answers has to go out in front of an invalidation of the device's TLB
 * that the retire waits for. VT-d 5.10, Page Group Response Ordering and Draining.
 */
#include "tests/harness/env.h"
#include "tests/host/fibers.h"
#include "tests/host/own_unit.h"

#define PREEMPTIONS 2
#define WALK_NS     25000000000ull
#define CASE_MS     30000u

static struct meeting {
    struct own_unit own;
    struct vtd_dev *dev;
    uint64_t waits; /* so far */
    bool asked;
    int err;
    unsigned response; /* when the retire had ended */
    bool pushed;
    uint64_t came; /* runs with a request */
    const char *why;
    struct fibers f;
    bool passed;
} m;

static bool prepare(unused void *ctx)
{
    const struct vtd_pasid_cfg entry = {.pgtt = VTD_PGTT_PASSTHROUGH, .did = {3}};

    m.why = "cannot begin";
    vtd_prq_collect(m.own.unit);
    stub_stream_clear(m.own.stub);
    m.waits = m.own.unit->stats.waits;
    m.asked = false;
    return vtd_pasid_publish(m.dev, 0, &entry) == 0;
}

/* The last of a type in the queue, counted from 1; 0: none. */
static unsigned last_of(enum vtd_qi_type type)
{
    unsigned last = 0;

    for (unsigned i = 0; i < m.own.stub->stream_count; i++) {
        if (entry_get(&m.own.stub->stream[i], VTD_QI_TYPE) == (uint64_t)type)
            last = i + 1;
    }
    return last;
}

static void retire(unused void *ctx)
{
    m.err = vtd_pasid_retire(m.dev, 0, VTD_RETIRE_LAST_OF_DID);
    m.response = last_of(VTD_QI_PRESP);
    m.pushed = m.response < last_of(VTD_QI_DEVTLB);
}

/* A request that was accepted before its entry went can come until the drain's wait has begun. */
static bool may_come(void)
{
    return !list_empty(&m.own.unit->prq.drains) && m.own.unit->stats.waits == m.waits + 1;
}

/* The unit writes a request, the handler of its event takes it. */
static void ask(unused void *ctx)
{
    struct vtd_page_request r = {{0}};
    uint64_t tail = stub_reg(m.own.stub, VTD_OFF_PQT, 8);

    if (!may_come())
        return;
    m.asked = true;
    entry_set(&r, VTD_PRQ_TYPE, VTD_PRQ_TYPE_REQUEST);
    entry_set(&r, VTD_PRQ_RID, OWN_RID);
    entry_set(&r, VTD_PRQ_RDR, 1);
    entry_set(&r, VTD_PRQ_LPIG, 1);
    m.own.unit->prq.ring[tail / sizeof(r)] = r;
    stub_set_reg(m.own.stub, VTD_OFF_PQT, 8, (tail + sizeof(r)) % (VTD_PRQ_SLOTS * sizeof(r)));
    vtd_prq_collect(m.own.unit);
}

static bool judge(unused void *ctx, bool stuck)
{
    m.why = NULL;
    m.came += m.asked;
    if (stuck)
        m.why = "threads wait for each other";
    else if (m.err != 0)
        m.why = "the retire did not succeed";
    else if (m.asked && m.response == 0)
        m.why = "no answer when the retire had ended";
    else if (m.asked && !m.pushed)
        m.why = "an answer that nothing has pushed";
    return !m.why;
}

static void explore(unused void *arg)
{
    m.passed = fibers_explore(&m.f);
}

TEST(interleave, answered_while_drained, .needs = NEED_HOST, .timeout_ms = CASE_MS, .rules = "61 63",
     .doc = "a page request arrives while the slot is drained, and another CPU answers it: in all "
            "interleavings the "
            "device's TLB is invalidated behind the answer, and the retire waits for that")
{
    const uint16_t rid = OWN_RID;
    const struct vtd_dev_cfg dev_cfg = {
        .rids = &rid, .rid_count = 1, .ats = true, .pri = true, .ats_qdep = 1};
    struct stub_cfg cfg = own_cfg();
    struct env_guard guard;
    char turns[400];

    m = (struct meeting){.f = {.preemptions = t_depth(t, PREEMPTIONS),
                               .prepare = prepare,
                               .body = {retire, ask},
                               .judge = judge}};
    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PRS) | SPAN_MASK(VTD_ECAP_PDS), true);
    own_start(t, &m.own, &cfg);
    T_ASSERT_OK(t, vtd_dev_attach(m.own.unit, &dev_cfg, &m.dev));
    env_guard(explore, NULL, WALK_NS, &guard);
    t_reached(t);
    if (guard.end != ENV_RETURNED || !m.passed) {
        fibers_leave();
        fibers_words(turns, sizeof(turns));
        t_note(t, "turns: %s", turns);
        t_fail(t, "%s", guard.end == ENV_RETURNED ? m.why : guard.text);
    }
    t_tell(t, "%llu interleavings with up to %u preemptions", (unsigned long long)m.f.runs, m.f.preemptions);
    T_EXPECT_GT(t, m.came, 0ull);
    T_ASSERT_OK(t, vtd_dev_detach(m.dev));
    own_close(t, &m.own);
}
