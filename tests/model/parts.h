/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State of the model's smaller parts: device TLBs, page request queue, messages on their way, interrupt
 * remapping, virtual commands.
 * Each structure belongs to the file it is named after.
 */
#ifndef TESTS_MODEL_PARTS_H
#define TESTS_MODEL_PARTS_H

#include "tests/model/model.h"

#define ATS_DEVICES     8
#define ATS_TLB_ENTRIES 64
#define ATS_PENDING     32
#define PRQ_PENDING     512
#define PRQ_SLOTS       16384 /* of the largest queue */
#define PRQ_OUTSTANDING 1024
#define PRQ_RESPONSES   2048 /* more than can be at the unit and on its way */
#define WAY_REQUESTS    512
#define WAY_ANSWERS     512
#define IEC_ENTRIES     64

/* ---- ats.c ---- */

struct ats_tlb_entry {
    bool valid, has_pasid;
    uint32_t pasid;
    uint64_t iova, size, pa;
    bool r, w, u;
    bool anywhere; /* pass-through: its page is not software's to free */
};

/* An invalidation on its way to a function. Addresses first .. last, both included. */
struct ats_inv {
    bool used;
    bool with_pasid;  /* p_dev_tlb_inv */
    bool every_pasid; /* GI */
    bool lost;        /* no answer will ever come */
    uint32_t pasid;
    uint64_t first, last;
    unsigned left;         /* steps until the answer */
    uint64_t answers_sent; /* page group responses that went before it */
};

struct ats_device {
    bool used; /* a function that knows ATS: it answers invalidations */
    bool on;   /* it sends translation requests */
    struct model_device cfg;
    struct ats_tlb_entry tlb[ATS_TLB_ENTRIES];
    struct ats_inv inv[ATS_PENDING];
};

struct ats_state {
    struct ats_device device[ATS_DEVICES];
    unsigned pending; /* of `inv`, in use */
};

/* ---- prq.c ---- */

/* Arrived, not in the queue yet. */
struct prq_pending {
    struct model_page_request rq;
    uint64_t root; /* top table of the PASID entry that let it in */
};

struct prq_state {
    struct prq_pending pending[PRQ_PENDING];
    unsigned pending_count;
    uint64_t root[PRQ_SLOTS];                        /* likewise, of the request in each slot */
    struct prq_pending outstanding[PRQ_OUTSTANDING]; /* in the queue or taken from it, no response yet */
    unsigned outstanding_count;
    unsigned untracked; /* outstanding beyond those */
    uint64_t head;      /* PQH before the last write */
    bool overflow;      /* PRO is set */
    struct {
        bool known;
        bool has_pasid;
        uint16_t sid;
        uint32_t pasid;
        uint64_t root;
    } one_life; /* whose requests and answers, of all that wait, are of these tables */
    struct model_page_response response[PRQ_RESPONSES];
    unsigned first, count;
};

/* ---- way.c ---- */

struct way_request {
    struct model_page_request rq;
    uint64_t due; /* look at which it arrives at the latest */
};

struct way_answer {
    struct model_page_response response;
    bool accepted; /* to a request that was accepted */
    uint64_t root; /* then the request's, as in struct prq_pending */
    uint64_t number;
    uint64_t due;
};

struct way_state {
    uint64_t looks;
    struct way_request request[WAY_REQUESTS];
    unsigned request_count;
    uint64_t request_due; /* of the last one */
    struct way_answer answer[WAY_ANSWERS];
    unsigned answer_count;
    uint64_t answer_due;
    uint64_t answers_sent; /* so far */
};

/* ---- intr.c ---- */

/* One IRTE cached. Evicted ones stay as `live` = false until invalidated: some unit would still have them. */
struct iec_entry {
    bool used, live;
    uint16_t index;
    uint64_t pa; /* where it was read */
    struct vtd_irte irte;
};

struct intr_state {
    uint64_t irta; /* as of the last SIRTP */
    struct iec_entry iec[IEC_ENTRIES];
    unsigned next; /* place to look for first */
};

/* ---- vcmd.c ---- */

struct vcmd_state {
    uint64_t allocated[(1u << 20) / 64]; /* PASIDs given out */
    uint32_t count;
    uint64_t response; /* what VCRSP reads as */
    uint64_t command;  /* under way */
    unsigned left;     /* steps until it is over; 0: none is */
};

#endif
