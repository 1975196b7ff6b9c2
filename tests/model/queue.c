/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invalidation queue. Descriptors are fetched in order and take effect late, in any order that rule 25
 * leaves open; a wait is over when everything since the wait before it has taken effect. VT-d 5.10, Queued
 * Invalidation Interface; rules 18..33.
 */
#include "tests/model/model_priv.h"

#define M(field)    SPAN_MASK(field)
#define QUEUE_STOPS (M(VTD_FSTS_IQE) | M(VTD_FSTS_ITE))

static bool is_on(const struct model *m)
{
    return reg_status(m, M(VTD_GSTS_QIES));
}

static unsigned width(const struct model *m)
{
    return FIELD_GET(VTD_IQA_DW, get64(m, IQA)) ? 32 : 16;
}

static uint64_t queue_size(const struct model *m)
{
    return pow2((unsigned)FIELD_GET(VTD_IQA_QS, get64(m, IQA))) * PAGE_SIZE;
}

/* ---- Failures that a test asks for ---- */

unsigned model_fail(struct model *m, enum model_failure what, unsigned nth)
{
    unsigned left = m->fail[what];

    m->fail[what] = nth;
    return left;
}

bool fails(struct model *m, enum model_failure what)
{
    return m->fail[what] > 0 && --m->fail[what] == 0;
}

/* ---- Errors: VT-d 5.10, Invalidation Queue Error Record Register ---- */

static void stop(struct model *m, enum vtd_iqei why)
{
    m->queue_stopped = true;
    set64(m, IQERCD, FIELD_SET(VTD_IQERCD_IQEI, get64(m, IQERCD), why));
    fault_raise(m, M(VTD_FSTS_IQE));
}

/* Rule 32: pending waits are aborted; fetching goes on at IQH when ITE is cleared. */
void queue_timed_out(struct model *m, uint16_t sid)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < m->fetched_count; i++) {
        if (entry_get(&m->fetched[i].d, VTD_QI_TYPE) != VTD_QI_WAIT)
            m->fetched[kept++] = m->fetched[i];
    }
    m->fetched_count = kept;
    m->queue_stopped = true;
    set64(m, IQERCD, FIELD_SET(VTD_IQERCD_ITESID, get64(m, IQERCD), sid));
    fault_raise(m, M(VTD_FSTS_ITE));
}

void queue_bad_completion(struct model *m, uint16_t sid)
{
    set64(m, IQERCD, FIELD_SET(VTD_IQERCD_ICESID, get64(m, IQERCD), sid));
    fault_raise(m, M(VTD_FSTS_ICE));
}

/* ---- Execution ---- */

static void flush_iotlb(struct model *m, const struct vtd_desc *d)
{
    bool always = m->cfg.ver >= 0x20; /* VER 2 and later drain without being asked */
    enum vtd_iotlb_gran g = (enum vtd_iotlb_gran)entry_get(d, VTD_QI_IOTLB_G);

    cache_iotlb(m, g, (uint16_t)entry_get(d, VTD_QI_IOTLB_DID), entry_get_addr(d, VTD_QI_IOTLB_ADDR),
                (unsigned)entry_get(d, VTD_QI_IOTLB_AM), entry_get(d, VTD_QI_IOTLB_IH));
    m->drain_reads |= always || (CAP(m, DRD) && entry_get(d, VTD_QI_IOTLB_DR));
    m->drain_writes |= always || (CAP(m, DWD) && entry_get(d, VTD_QI_IOTLB_DW));
    command_paid(m, VTD_QI_IOTLB, g == VTD_IOTLB_GRAN_GLOBAL);
}

static void flush_piotlb(struct model *m, const struct vtd_desc *d)
{
    cache_piotlb(m, (enum vtd_piotlb_gran)entry_get(d, VTD_QI_PIOTLB_G),
                 (uint16_t)entry_get(d, VTD_QI_PIOTLB_DID), (uint32_t)entry_get(d, VTD_QI_PIOTLB_PASID),
                 entry_get_addr(d, VTD_QI_PIOTLB_ADDR), (unsigned)entry_get(d, VTD_QI_PIOTLB_AM),
                 entry_get(d, VTD_QI_PIOTLB_IH));
    m->drain_reads = true;
    m->drain_writes = true;
}

static void flush_context(struct model *m, const struct vtd_desc *d)
{
    enum vtd_cc_gran g = (enum vtd_cc_gran)entry_get(d, VTD_QI_CC_G);

    cache_cc(m, g, (uint16_t)entry_get(d, VTD_QI_CC_DID), (uint16_t)entry_get(d, VTD_QI_CC_SID),
             (unsigned)entry_get(d, VTD_QI_CC_FM));
    command_paid(m, VTD_QI_CC, g == VTD_CC_GRAN_GLOBAL);
}

static void flush_pasid(struct model *m, const struct vtd_desc *d)
{
    enum vtd_pc_gran g = (enum vtd_pc_gran)entry_get(d, VTD_QI_PC_G);

    cache_pc(m, g, (uint16_t)entry_get(d, VTD_QI_PC_DID), (uint32_t)entry_get(d, VTD_QI_PC_PASID));
    command_paid(m, VTD_QI_PC, g == VTD_PC_GRAN_GLOBAL);
}

static void complete_wait(struct model *m, const struct vtd_desc *d)
{
    uint64_t status = entry_get_addr(d, VTD_QI_WAIT_ADDR);
    uint32_t data = (uint32_t)entry_get(d, VTD_QI_WAIT_DATA);
    bool was_complete = FIELD_GET(VTD_ICS_IWC, get32(m, ICS));

    dma_drain(m, m->drain_reads, m->drain_writes);
    m->drain_reads = false;
    m->drain_writes = false;
    if (entry_get(d, VTD_QI_WAIT_SW) && !fails(m, MODEL_FAIL_STATUS) &&
        !mem_write(m, status, &data, sizeof(data)))
        breach(m, "rule 23: status word at %llx, where no memory is", (unsigned long long)status);
    if (!entry_get(d, VTD_QI_WAIT_IF))
        return;
    set32(m, ICS, M(VTD_ICS_IWC));
    if (!was_complete)
        event_send(m, VTD_OFF_IECTL);
}

static void execute(struct model *m, const struct vtd_desc *d)
{
    switch (entry_get(d, VTD_QI_TYPE)) {
    case VTD_QI_CC:
        flush_context(m, d);
        return;
    case VTD_QI_PC:
        flush_pasid(m, d);
        return;
    case VTD_QI_IOTLB:
        flush_iotlb(m, d);
        return;
    case VTD_QI_PIOTLB:
        flush_piotlb(m, d);
        return;
    case VTD_QI_IEC:
        intr_invalidate(m, d);
        command_paid(m, VTD_QI_IEC, entry_get(d, VTD_QI_IEC_G) == VTD_IEC_GRAN_GLOBAL);
        return;
    case VTD_QI_DEVTLB:
    case VTD_QI_PDEVTLB:
        ats_invalidate(m, d);
        return;
    case VTD_QI_PRESP:
        prq_respond(m, d);
        return;
    case VTD_QI_WAIT:
        complete_wait(m, d);
        return;
    }
}

/* ---- Order: rule 25, page responses and device TLBs in the order of the queue (VT-d 5.10, Page Group
 * Response Ordering and Draining), and nothing more ---- */

static bool is_iotlb(uint64_t type)
{
    return type == VTD_QI_IOTLB || type == VTD_QI_PIOTLB;
}

static bool is_device_tlb(uint64_t type)
{
    return type == VTD_QI_DEVTLB || type == VTD_QI_PDEVTLB;
}

/* Must a `later` descriptor wait for an `earlier` one to take effect? */
static bool is_ordered(uint64_t earlier, uint64_t later)
{
    switch (later) {
    case VTD_QI_PC:
        return earlier == VTD_QI_CC;
    case VTD_QI_IOTLB:
    case VTD_QI_PIOTLB:
        return earlier == VTD_QI_CC || earlier == VTD_QI_PC;
    case VTD_QI_DEVTLB:
        return earlier == VTD_QI_PRESP || earlier == VTD_QI_IOTLB || earlier == VTD_QI_IEC;
    case VTD_QI_PDEVTLB:
        return earlier == VTD_QI_PRESP || is_iotlb(earlier) || earlier == VTD_QI_IEC;
    case VTD_QI_PRESP:
        return is_device_tlb(earlier);
    default:
        return false;
    }
}

/* A wait covers what came since the wait before it, that one included: two status words of one driver come
 * in their order. */
static bool may_execute(const struct model *m, unsigned n)
{
    const struct vtd_desc *d = &m->fetched[n].d;
    uint64_t type = entry_get(d, VTD_QI_TYPE);

    for (unsigned i = 0; i < n; i++) {
        uint64_t before = entry_get(&m->fetched[i].d, VTD_QI_TYPE);

        if (type == VTD_QI_WAIT || is_ordered(before, type))
            return false;
    }
    return type != VTD_QI_WAIT || (ats_pending(m) == 0 && (!entry_get(d, VTD_QI_WAIT_PD) || prq_drained(m)));
}

static void execute_one(struct model *m)
{
    unsigned n = m->cfg.slow ? rnd(m, m->fetched_count) : 0;
    struct vtd_desc d;

    if (!may_execute(m, n))
        return;
    d = m->fetched[n].d;
    m->fetched_count--;
    for (unsigned i = n; i < m->fetched_count; i++)
        m->fetched[i] = m->fetched[i + 1];
    execute(m, &d);
}

/* ---- Fetch ---- */

/* Rule 24: behind a wait with FN = 1 nothing starts before it is over. */
static bool is_fenced(const struct model *m)
{
    for (unsigned i = 0; i < m->fetched_count; i++) {
        const struct vtd_desc *d = &m->fetched[i].d;

        if (entry_get(d, VTD_QI_TYPE) == VTD_QI_WAIT && entry_get(d, VTD_QI_WAIT_FN))
            return true;
    }
    return false;
}

static bool tail_ok(struct model *m)
{
    uint64_t tail = get64(m, IQT);

    if (tail >= queue_size(m))
        stop(m, VTD_IQEI_TAIL);
    else if (!is_aligned(tail, width(m)))
        stop(m, VTD_IQEI_TAIL_ALIGNMENT);
    return !m->queue_stopped;
}

static bool width_ok(const struct model *m)
{
    uint64_t ttm = FIELD_GET(VTD_RTADDR_TTM, m->root);
    bool wide = width(m) == 32;

    if (wide)
        return ECAP(m, SMTS) || ECAP(m, ADMS);
    return ttm != VTD_TTM_SCALABLE && ttm != VTD_TTM_ABORT;
}

static void fetch_one(struct model *m)
{
    uint64_t head = get64(m, IQH);
    struct vtd_desc d = {0};
    enum vtd_iqei why;

    if (!tail_ok(m))
        return;
    if (!width_ok(m)) {
        stop(m, VTD_IQEI_WIDTH);
        return;
    }
    if (fails(m, MODEL_FAIL_FETCH) ||
        !mem_read(m, FIELD_GET_ADDR(VTD_IQA_IQA, get64(m, IQA)) + head, &d, width(m), true)) {
        stop(m, VTD_IQEI_FETCH);
        return;
    }
    why = desc_check(m, &d);
    if (why != VTD_IQEI_NONE) {
        stop(m, why);
        return;
    }
    desc_check_rules(m, &d);
    m->last_was_wait = entry_get(&d, VTD_QI_TYPE) == VTD_QI_WAIT;
    set64(m, IQH, (head + width(m)) % queue_size(m));
    m->fetched[m->fetched_count++] = (struct fetched){.d = d};
}

static bool can_fetch(const struct model *m)
{
    return is_on(m) && !m->queue_stopped && get64(m, IQH) != get64(m, IQT) &&
           m->fetched_count < QUEUE_FETCHED && !is_fenced(m);
}

void queue_step(struct model *m)
{
    bool fetch = can_fetch(m);

    if (fetch && (m->fetched_count == 0 || (m->cfg.slow && rnd(m, 2) == 0)))
        fetch_one(m);
    else if (m->fetched_count > 0)
        execute_one(m);
}

bool queue_idle(const struct model *m)
{
    return m->fetched_count == 0 && !can_fetch(m);
}

/* A unit that obeys at once: all there is to do is done before the register access returns. */
static void run(struct model *m)
{
    while (!queue_idle(m)) {
        unsigned before = m->fetched_count;
        uint64_t head = get64(m, IQH);

        queue_step(m);
        if (m->fetched_count == before && get64(m, IQH) == head)
            return; /* a device has to answer first */
    }
}

/* ---- Registers ---- */

void queue_enabled(struct model *m, bool on)
{
    m->queue_stopped = (get32(m, FSTS) & QUEUE_STOPS) != 0;
    m->last_was_wait = true; /* nothing has been executed that would be left to wait for */
    m->fetched_count = 0;
    m->queue_tail = get64(m, IQT);
    if (!on)
        set64(m, IQH, 0);
}

/* Bytes from slot to slot, in the direction in which the queue fills. */
static uint64_t distance(const struct model *m, uint64_t from, uint64_t to)
{
    return (to - from) % queue_size(m);
}

/* The head waits somewhere in front of the old tail: has the new one come to it, or gone past it? */
static bool is_overfilled(const struct model *m, uint64_t tail)
{
    uint64_t head = get64(m, IQH);

    return head != m->queue_tail && distance(m, m->queue_tail, tail) >= distance(m, m->queue_tail, head);
}

void queue_tail_written(struct model *m)
{
    uint64_t tail = get64(m, IQT);

    if (is_on(m) && is_overfilled(m, tail))
        breach(m, "rule 20: tail moved from %llx to %llx while the head is at %llx: more than the free slots",
               (unsigned long long)m->queue_tail, (unsigned long long)tail,
               (unsigned long long)get64(m, IQH));
    m->queue_tail = tail;
    if (m->cfg.restart_at_tail && (get32(m, FSTS) & QUEUE_STOPS) == 0)
        m->queue_stopped = false;
    if (!m->cfg.slow)
        run(m);
}

void queue_error_cleared(struct model *m)
{
    if ((get32(m, FSTS) & QUEUE_STOPS) != 0 || m->cfg.restart_at_tail)
        return;
    m->queue_stopped = false;
    if (!m->cfg.slow)
        run(m);
}
