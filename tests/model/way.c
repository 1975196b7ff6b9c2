/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is posted and has not arrived: page requests on their way to the unit, page group responses on their
 * way to a function. A slow unit's come late; what must have come is what an invalidation of the function's
 * TLB pushes in front of it. VT-d 5.10, Page Request Ordering and Draining; Page Group Response Ordering and
 * Draining; rules 61, 63.
 */
#include <string.h>

#include "tests/model/model_priv.h"

#define LATE 16 /* looks that something is on its way, at most */

/* Those behind arrive later: strict posted ordering. */
static uint64_t due_after(struct model *m, uint64_t last)
{
    uint64_t due = m->way.looks + 1 + rnd(m, LATE);

    return due > last ? due : last;
}

/* ---- To the unit ---- */

static void request_arrives(struct model *m, unsigned n)
{
    struct way_state *w = &m->way;
    struct model_page_request rq = w->request[n].rq;

    w->request_count--;
    memmove(&w->request[n], &w->request[n + 1], (w->request_count - n) * sizeof(w->request[0]));
    prq_receive(m, &rq);
}

void model_page_request(struct model *m, const struct model_page_request *rq)
{
    struct way_state *w = &m->way;

    if (!m->cfg.slow) {
        prq_receive(m, rq);
        return;
    }
    if (w->request_count == WAY_REQUESTS)
        request_arrives(m, 0);
    w->request_due = due_after(m, w->request_due);
    w->request[w->request_count++] = (struct way_request){*rq, w->request_due};
}

unsigned model_page_requests_late(const struct model *m, uint16_t sid)
{
    unsigned late = 0;

    for (unsigned i = 0; i < m->way.request_count; i++)
        late += m->way.request[i].rq.sid == sid;
    return late;
}

/* ---- To a function ---- */

static void answer_arrives(struct model *m, unsigned n)
{
    struct way_state *w = &m->way;
    struct model_page_response response = w->answer[n].response;

    w->answer_count--;
    memmove(&w->answer[n], &w->answer[n + 1], (w->answer_count - n) * sizeof(w->answer[0]));
    prq_heard(m, &response);
}

void way_answer(struct model *m, const struct way_answer *answer)
{
    struct way_state *w = &m->way;

    if (!m->cfg.slow) {
        prq_heard(m, &answer->response);
        return;
    }
    if (w->answer_count == WAY_ANSWERS)
        answer_arrives(m, 0);
    w->answer[w->answer_count] = *answer;
    w->answer[w->answer_count].number = w->answers_sent++;
    w->answer[w->answer_count++].due = w->answer_due = due_after(m, w->answer_due);
}

uint64_t way_answers_sent(const struct model *m)
{
    return m->way.answers_sent;
}

unsigned model_page_responses_late(const struct model *m, uint16_t sid)
{
    unsigned late = 0;

    for (unsigned i = 0; i < m->way.answer_count; i++)
        late += m->way.answer[i].response.sid == sid && m->way.answer[i].accepted;
    return late;
}

/* ---- Time, and what pushes ---- */

void way_step(struct model *m)
{
    struct way_state *w = &m->way;

    w->looks++;
    while (w->answer_count > 0 && w->answer[0].due <= w->looks)
        answer_arrives(m, 0);
    while (w->request_count > 0 && w->request[0].due <= w->looks)
        request_arrives(m, 0);
}

void way_push(struct model *m, uint16_t sid, uint64_t answers_sent)
{
    struct way_state *w = &m->way;

    for (unsigned i = 0; i < w->answer_count;) {
        if (w->answer[i].response.sid == sid && w->answer[i].number < answers_sent)
            answer_arrives(m, i);
        else
            i++;
    }
    for (unsigned i = 0; i < w->request_count;) {
        if (w->request[i].rq.sid == sid)
            request_arrives(m, i);
        else
            i++;
    }
}

bool way_empty(const struct model *m)
{
    return m->way.request_count == 0 && m->way.answer_count == 0;
}
