/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests that have arrived, their queue, responses. VT-d 5.10, Page Request Descriptor, Page Request
 * Status Register, Page Group Response Descriptor; rules 14, 56 .. 64.
 */
#include "tests/model/model_priv.h"

#define M(field) SPAN_MASK(field)
#define RECORD   sizeof(struct vtd_page_request)

static uint64_t queue_size(const struct model *m)
{
    return pow2((unsigned)FIELD_GET(VTD_PQA_PQS, get64(m, PQA))) * PAGE_SIZE;
}

/* ---- Responses ---- */

void prq_heard(struct model *m, const struct model_page_response *response)
{
    struct prq_state *p = &m->prq;

    if (p->count == PRQ_RESPONSES) {
        p->first = (p->first + 1) % PRQ_RESPONSES;
        p->count--;
    }
    p->response[(p->first + p->count++) % PRQ_RESPONSES] = *response;
}

bool model_page_response(struct model *m, struct model_page_response *out)
{
    struct prq_state *p = &m->prq;

    if (p->count == 0)
        return false;
    *out = p->response[p->first];
    p->first = (p->first + 1) % PRQ_RESPONSES;
    p->count--;
    return true;
}

static bool is_stop_marker(const struct model_page_request *rq)
{
    return rq->has_pasid && rq->last && !rq->read && !rq->write;
}

static bool needs_response(const struct model_page_request *rq)
{
    return rq->last && !is_stop_marker(rq);
}

/* The unit itself answers. `accepted`: NULL, if the entries refuse the request. */
static void respond_by_itself(struct model *m, const struct model_page_request *rq,
                              const struct prq_pending *accepted, enum vtd_presp_code code)
{
    struct way_answer answer = {.response = {.sid = rq->sid,
                                             .has_pasid = rq->has_pasid,
                                             .pasid = rq->has_pasid ? rq->pasid : 0,
                                             .group = rq->group,
                                             .code = code},
                                .accepted = accepted != NULL,
                                .root = accepted != NULL ? accepted->root : 0};

    if (needs_response(rq))
        way_answer(m, &answer);
}

/* ---- Rule 58: exactly one response to each request that asks for one ---- */

static void track(struct model *m, const struct prq_pending *delivered)
{
    struct prq_state *p = &m->prq;

    if (!needs_response(&delivered->rq))
        return;
    if (p->outstanding_count < PRQ_OUTSTANDING)
        p->outstanding[p->outstanding_count++] = *delivered;
    else
        p->untracked++;
}

static bool is_answered_by(const struct model_page_request *rq, const struct model_page_response *response)
{
    return rq->sid == response->sid && rq->group == response->group && rq->has_pasid == response->has_pasid &&
           (!rq->has_pasid || rq->pasid == response->pasid);
}

/* False: no request waits for it. */
static bool untrack(struct model *m, struct way_answer *answer)
{
    struct prq_state *p = &m->prq;

    for (unsigned i = 0; i < p->outstanding_count; i++) {
        if (!is_answered_by(&p->outstanding[i].rq, &answer->response))
            continue;
        answer->accepted = true;
        answer->root = p->outstanding[i].root;
        p->outstanding_count--;
        for (unsigned k = i; k < p->outstanding_count; k++)
            p->outstanding[k] = p->outstanding[k + 1];
        return true;
    }
    if (p->untracked == 0)
        return false;
    p->untracked--;
    return true;
}

static bool is_code(uint64_t code)
{
    return code == VTD_PRESP_SUCCESS || code == VTD_PRESP_INVALID || code == VTD_PRESP_FAILURE;
}

/* The unit does not know who waits for what: it sends on whatever the descriptor says. */
void prq_respond(struct model *m, const struct vtd_desc *d)
{
    struct way_answer answer = {.response = {.sid = (uint16_t)entry_get(d, VTD_QI_PRESP_RID),
                                             .has_pasid = entry_get(d, VTD_QI_PRESP_PP),
                                             .pasid = (uint32_t)entry_get(d, VTD_QI_PRESP_PASID),
                                             .group = (uint16_t)entry_get(d, VTD_QI_PRESP_PRGI),
                                             .code = (uint8_t)entry_get(d, VTD_QI_PRESP_RC)}};

    if (!untrack(m, &answer))
        breach(m, "rule 58: response to requester %04x, PASID %x, group %u, which waits for none",
               answer.response.sid, answer.response.pasid, answer.response.group);
    if (!is_code(answer.response.code))
        breach(m, "rule 58: response code %u", answer.response.code);
    way_answer(m, &answer);
}

/* ---- The queue ---- */

static struct vtd_page_request make_record(const struct model_page_request *rq)
{
    struct vtd_page_request r = {{0}};

    entry_set(&r, VTD_PRQ_TYPE, VTD_PRQ_TYPE_REQUEST);
    entry_set(&r, VTD_PRQ_PP, rq->has_pasid);
    entry_set(&r, VTD_PRQ_RID, rq->sid);
    entry_set(&r, VTD_PRQ_PASID, rq->has_pasid ? rq->pasid : 0);
    entry_set(&r, VTD_PRQ_EXR, rq->has_pasid && rq->execute);
    entry_set(&r, VTD_PRQ_PMR, rq->has_pasid && rq->privileged);
    entry_set(&r, VTD_PRQ_RDR, rq->read);
    entry_set(&r, VTD_PRQ_WRR, rq->write);
    entry_set(&r, VTD_PRQ_LPIG, rq->last);
    entry_set(&r, VTD_PRQ_PRGI, rq->group);
    entry_set_addr(&r, VTD_PRQ_ADDR, align_down(rq->addr, PAGE_SIZE));
    return r;
}

/* Rule 60. */
static bool is_full(const struct model *m)
{
    return FIELD_GET(VTD_PRS_PRO, get32(m, PRS)) || (get64(m, PQT) + RECORD) % queue_size(m) == get64(m, PQH);
}

static void overflow(struct model *m, const struct prq_pending *accepted)
{
    set32(m, PRS, get32(m, PRS) | M(VTD_PRS_PRO));
    m->prq.overflow = true;
    respond_by_itself(m, &accepted->rq, accepted, VTD_PRESP_SUCCESS);
}

static void raise_event(struct model *m)
{
    bool was_set = FIELD_GET(VTD_PRS_PPR, get32(m, PRS));

    set32(m, PRS, get32(m, PRS) | M(VTD_PRS_PPR));
    if (!was_set)
        event_send(m, VTD_OFF_PECTL);
}

static void deliver(struct model *m, const struct prq_pending *pending)
{
    struct vtd_page_request r = make_record(&pending->rq);
    uint64_t base = FIELD_GET_ADDR(VTD_PQA_PQA, get64(m, PQA));
    uint64_t tail = get64(m, PQT);

    if (is_full(m)) {
        overflow(m, pending);
        return;
    }
    if (!mem_write(m, base + tail, &r, sizeof(r)))
        breach(m, "rule 15: page request queue at %llx, where no memory is", (unsigned long long)base);
    m->prq.root[tail / RECORD] = pending->root;
    set64(m, PQT, (tail + RECORD) % queue_size(m));
    track(m, pending);
    raise_event(m);
}

static void deliver_oldest(struct model *m)
{
    struct prq_state *p = &m->prq;
    struct prq_pending oldest = p->pending[0];

    p->pending_count--;
    for (unsigned i = 0; i < p->pending_count; i++)
        p->pending[i] = p->pending[i + 1];
    deliver(m, &oldest);
}

void prq_step(struct model *m)
{
    if (m->prq.pending_count > 0)
        deliver_oldest(m);
}

bool prq_drained(const struct model *m)
{
    return m->prq.pending_count == 0;
}

/* ---- Rules 62, 63: no PASID is used anew before the requests of its last life have been taken, and the
 * responses have arrived ---- */

/* The request in a slot. */
static struct model_page_request read_record(struct model *m, uint64_t at)
{
    struct vtd_page_request r = {{0}};

    (void)mem_read(m, FIELD_GET_ADDR(VTD_PQA_PQA, get64(m, PQA)) + at, &r, sizeof(r), true);
    return (struct model_page_request){.sid = (uint16_t)entry_get(&r, VTD_PRQ_RID),
                                       .has_pasid = entry_get(&r, VTD_PRQ_PP),
                                       .pasid = (uint32_t)entry_get(&r, VTD_PRQ_PASID)};
}

/* Is it of the requester and PASID of `c`, and of other tables? */
static bool of_last_life(const struct model_page_request *rq, uint64_t root, const struct cached *c,
                         const struct trans *t)
{
    return rq->sid == c->sid && rq->has_pasid == c->has_pasid && (!rq->has_pasid || rq->pasid == c->pasid) &&
           root != trans_root(t, MODEL_CACHE_IOTLB);
}

static void check_request(struct model *m, const struct model_page_request *rq, uint64_t root,
                          const struct cached *c, const struct trans *t)
{
    if (of_last_life(rq, root, c, t))
        breach(m, "rule 62: requester %04x, PASID %x used anew while a page request of its last life waits",
               c->sid, c->pasid);
}

static void check_answer(struct model *m, const struct way_answer *answer, const struct cached *c,
                         const struct trans *t)
{
    const struct model_page_request like = {.sid = answer->response.sid,
                                            .has_pasid = answer->response.has_pasid,
                                            .pasid = answer->response.pasid};

    if (answer->accepted && of_last_life(&like, answer->root, c, t))
        breach(m,
               "rule 63: requester %04x, PASID %x used anew while a page response of its last life is on its "
               "way",
               c->sid, c->pasid);
}

/* Seen already: what came since then is of the tables that were found for it, and for others this was asked
 * anew. */
static bool is_one_life(struct prq_state *p, const struct cached *c, const struct trans *t)
{
    uint64_t root = trans_root(t, MODEL_CACHE_IOTLB);
    bool same = p->one_life.known && p->one_life.has_pasid == c->has_pasid && p->one_life.sid == c->sid &&
                p->one_life.pasid == c->pasid && p->one_life.root == root;

    p->one_life.known = true;
    p->one_life.has_pasid = c->has_pasid;
    p->one_life.sid = c->sid;
    p->one_life.pasid = c->pasid;
    p->one_life.root = root;
    return same;
}

void prq_pasid_cached(struct model *m, const struct cached *c, const struct trans *t)
{
    struct prq_state *p = &m->prq;
    uint64_t size = queue_size(m);

    if (is_one_life(p, c, t))
        return;
    for (unsigned i = 0; i < p->pending_count; i++)
        check_request(m, &p->pending[i].rq, p->pending[i].root, c, t);
    for (uint64_t at = get64(m, PQH) % size; at != get64(m, PQT) % size; at = (at + RECORD) % size) {
        struct model_page_request rq = read_record(m, at);

        check_request(m, &rq, p->root[at / RECORD], c, t);
    }
    for (unsigned i = 0; i < m->way.answer_count; i++)
        check_answer(m, &m->way.answer[i], c, t);
}

/* ---- A request arrives ---- */

/* Step 1: may the function ask at all? */
static uint8_t resolve(struct model *m, const struct model_page_request *rq, struct entry_walk *w)
{
    *w = (struct entry_walk){.kind = ENTRY_PAGE_REQUEST,
                             .sid = rq->sid,
                             .has_pasid = rq->has_pasid,
                             .privileged = rq->privileged,
                             .execute = rq->execute,
                             .pasid = rq->pasid};
    return entry_resolve(m, w);
}

static void refuse(struct model *m, const struct model_page_request *rq, const struct entry_walk *w)
{
    struct fault f = {.code = w->fault,
                      .sid = rq->sid,
                      .has_pasid = rq->has_pasid,
                      .privileged = rq->privileged,
                      .execute = rq->execute,
                      .pasid = rq->pasid,
                      .type = VTD_FAULT_PAGE_REQUEST,
                      .info = rq->addr,
                      .fpd = w->fpd};

    fault_record(m, &f);
    respond_by_itself(m, rq, NULL, VTD_PRESP_INVALID);
}

/* Step 2, rule 56: what the IOTLB has of the page is not what the function will find. */
static void forget_page(struct model *m, const struct trans *t, uint64_t addr)
{
    switch (t->pgtt) {
    case VTD_PGTT_FIRST:
        cache_piotlb(m, VTD_PIOTLB_GRAN_PAGE, t->did, t->pasid, addr, 0, false);
        return;
    case VTD_PGTT_NESTED:
        cache_iotlb(m, VTD_IOTLB_GRAN_DOMAIN, t->did, 0, 0, false);
        return;
    case VTD_PGTT_SECOND:
    case VTD_PGTT_PASSTHROUGH:
        cache_iotlb(m, VTD_IOTLB_GRAN_PAGE, t->did, addr, 0, false);
        return;
    }
}

/* Step 3: into the queue, now or later. */
static void accept(struct model *m, const struct model_page_request *rq, const struct trans *t)
{
    struct prq_state *p = &m->prq;

    if (FIELD_GET_ADDR(VTD_PQA_PQA, get64(m, PQA)) == 0) {
        breach(m, "rule 14: PRE = 1 for requester %04x, and the page request queue has no address", rq->sid);
        respond_by_itself(m, rq, NULL, VTD_PRESP_INVALID);
        return;
    }
    if (p->pending_count == PRQ_PENDING)
        deliver_oldest(m);
    p->pending[p->pending_count++] = (struct prq_pending){*rq, trans_root(t, MODEL_CACHE_IOTLB)};
    if (!m->cfg.slow)
        deliver_oldest(m);
}

void prq_receive(struct model *m, const struct model_page_request *rq)
{
    struct entry_walk w;

    if (!reg_status(m, M(VTD_GSTS_TES)))
        return;
    if (resolve(m, rq, &w) != 0) {
        refuse(m, rq, &w);
        return;
    }
    if (is_stop_marker(rq) && !ECAP(m, SMS)) {
        breach(m, "rule 64: requester %04x sends stop markers, and ECAP.SMS = 0", rq->sid);
        return;
    }
    forget_page(m, &w.trans, rq->addr);
    accept(m, rq, &w.trans);
}

/* ---- Registers ---- */

/* Rule 59: PRO is cleared when the queue is empty. */
static void status_written(struct model *m)
{
    uint64_t prs = get32(m, PRS);

    if (!FIELD_GET(VTD_PRS_PPR, prs))
        event_drop(m, VTD_OFF_PECTL);
    if (m->prq.overflow && !FIELD_GET(VTD_PRS_PRO, prs) && get64(m, PQH) != get64(m, PQT))
        breach(m, "rule 59: PRO cleared while page requests are in the queue");
    m->prq.overflow = FIELD_GET(VTD_PRS_PRO, prs);
}

/* The head goes on to the tail at most. */
static void head_written(struct model *m)
{
    uint64_t size = queue_size(m);
    uint64_t head = get64(m, PQH), tail = get64(m, PQT);

    if (head >= size || (head - m->prq.head) % size > (tail - m->prq.head) % size)
        breach(m, "rule 59: PQH %llx goes beyond PQT %llx", (unsigned long long)head,
               (unsigned long long)tail);
    m->prq.head = head;
}

void prq_written(struct model *m, uint32_t offset)
{
    bool in_use = m->prq.outstanding_count > 0 || m->prq.pending_count > 0;

    if (offset == VTD_OFF_PRS)
        status_written(m);
    else if (offset == VTD_OFF_PQH)
        head_written(m);
    else if (in_use)
        breach(m, "rule 14: register %03x written while page requests wait for their response", offset);
}
