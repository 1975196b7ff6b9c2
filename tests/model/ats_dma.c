/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation requests, and DMA as a function with a device TLB does it. VT-d 5.10, Translation Fault
 * Conditions; rules 12, 30, 55.
 */
#include "tests/model/model_priv.h"

static bool is_on(const struct model *m)
{
    return reg_status(m, SPAN_MASK(VTD_GSTS_TES));
}

/* ---- Translation requests ---- */

/* The entries alone, without a translation. */
static uint8_t resolve(struct model *m, const struct model_request *rq, bool *fpd)
{
    struct entry_walk w = {.kind = ENTRY_TRANSLATION,
                           .sid = rq->sid,
                           .has_pasid = rq->has_pasid,
                           .privileged = rq->privileged,
                           .execute = rq->execute,
                           .pasid = rq->pasid};
    uint8_t code = entry_resolve(m, &w);

    *fpd = w.fpd;
    return code;
}

/* VT-d 5.10, Translation Requests to the Interrupt Address Range: use untranslated requests. */
static uint8_t translate_interrupt(struct model *m, const struct model_request *rq, const struct want *want,
                                   struct model_translation *out, bool *fpd)
{
    uint8_t code = resolve(m, rq, fpd);

    if (code != 0)
        return code;
    out->addr = align_down(rq->addr, PAGE_SIZE);
    out->w = want->w;
    out->u = want->w;
    return 0;
}

static void grant(const struct model_request *rq, const struct want *want, const struct leaf *leaf,
                  struct model_translation *out)
{
    out->addr = leaf->pa;
    out->size = pow2(leaf->shift);
    out->r = want->r;
    out->w = want->w;
    out->x = want->x && want->r;
    out->snoop = leaf->snoop;
    out->priv = rq->has_pasid && rq->privileged;
}

/*
 * The whole way. Where a right is missing the answer has the others: these are asked for once more, because
 * what the function may do from now on has to be in A and D.
 */
static uint8_t translate(struct model *m, const struct model_request *rq, const struct want *want,
                         struct model_translation *out, struct trans *t)
{
    struct leaf leaf;
    uint8_t code = dma_translate(m, rq, rq->addr, want, t, &leaf);
    struct want rest;

    if (code == 0)
        grant(rq, want, &leaf, out);
    if (code == 0 || fault_answer(code, rq) != ANSWER_EFFECTIVE)
        return code;
    rest = (struct want){.r = leaf.r, .w = want->w && leaf.w};
    if ((rest.r || rest.w) && dma_translate(m, rq, rq->addr, &rest, t, &leaf) == 0)
        grant(rq, &rest, &leaf, out);
    return code;
}

static enum model_status status_of(uint8_t code, const struct model_request *rq)
{
    if (code == 0)
        return MODEL_SUCCESS;
    switch (fault_answer(code, rq)) {
    case ANSWER_UR:
        return MODEL_UR;
    case ANSWER_CA:
        return MODEL_CA;
    case ANSWER_NOTHING:
    case ANSWER_EFFECTIVE:
        break;
    }
    return MODEL_SUCCESS;
}

/* A translation request as the specification has it; `anywhere`: the page is what the function named. */
static struct model_translation request(struct model *m, const struct model_request *from, bool *anywhere)
{
    struct model_request rq = *from;
    struct want want = {.r = true, .w = !from->no_write || !ECAP(m, NWFS), .x = from->execute};
    struct model_translation out = {.size = PAGE_SIZE, .status = MODEL_UR};
    struct trans t = {0};

    rq.at = VTD_AT_TRANSLATION;
    rq.access = MODEL_READ;
    if (!is_on(m))
        return out;
    if (!rq.has_pasid && is_interrupt_range(rq.addr))
        out.fault = translate_interrupt(m, &rq, &want, &out, &t.fpd);
    else
        out.fault = translate(m, &rq, &want, &out, &t);
    out.status = status_of(out.fault, &rq);
    if (out.fault != 0 && !fault_is_recoverable(out.fault, &rq))
        fault_of_request(m, &rq, rq.addr, out.fault, t.fpd);
    *anywhere = t.pgtt == VTD_PGTT_PASSTHROUGH;
    return out;
}

/* Unsupported request: the function takes it that there is no ATS. */
static struct model_translation request_of(struct model *m, const struct model_request *rq, bool *anywhere)
{
    struct model_translation out = request(m, rq, anywhere);
    struct ats_device *dev = ats_find(m, rq->sid);

    if (out.status == MODEL_UR && dev != NULL)
        ats_switch_off(dev);
    return out;
}

struct model_translation model_translate(struct model *m, const struct model_request *rq)
{
    bool anywhere;

    return request_of(m, rq, &anywhere);
}

/* ---- DMA through the TLB ---- */

static bool serves(const struct ats_tlb_entry *e, const struct model_request *rq)
{
    return (e->r || rq->access == MODEL_WRITE) && (e->w || rq->access == MODEL_READ);
}

static const struct ats_tlb_entry *look_up(const struct ats_device *dev, const struct model_request *rq)
{
    for (unsigned i = 0; i < ATS_TLB_ENTRIES; i++) {
        const struct ats_tlb_entry *e = &dev->tlb[i];

        if (e->valid && e->has_pasid == rq->has_pasid && (!e->has_pasid || e->pasid == rq->pasid) &&
            align_down(rq->addr, e->size) == e->iova && serves(e, rq))
            return e;
    }
    return NULL;
}

static struct ats_tlb_entry *place(struct model *m, struct ats_device *dev)
{
    for (unsigned i = 0; i < ATS_TLB_ENTRIES; i++) {
        if (!dev->tlb[i].valid)
            return &dev->tlb[i];
    }
    return &dev->tlb[rnd(m, ATS_TLB_ENTRIES)];
}

/* Asks the unit; what it grants stays. */
static struct model_translation fill(struct model *m, struct ats_device *dev, const struct model_request *rq)
{
    struct model_request ask = *rq;
    struct model_translation got;
    bool anywhere = false;

    ask.no_write = rq->access == MODEL_READ;
    got = request_of(m, &ask, &anywhere);
    if (got.status == MODEL_SUCCESS && (got.r || got.w))
        *place(m, dev) = (struct ats_tlb_entry){.valid = true,
                                                .has_pasid = rq->has_pasid,
                                                .pasid = rq->pasid,
                                                .iova = align_down(rq->addr, got.size),
                                                .size = got.size,
                                                .pa = got.addr,
                                                .r = got.r,
                                                .w = got.w,
                                                .u = got.u,
                                                .anywhere = anywhere};
    return got;
}

static struct model_completion refused(struct model *m, const struct ats_device *dev,
                                       const struct model_request *rq, const struct model_translation *got)
{
    struct model_page_request ask = {.sid = rq->sid,
                                     .has_pasid = rq->has_pasid,
                                     .pasid = rq->pasid,
                                     .privileged = rq->privileged,
                                     .execute = rq->execute,
                                     .read = rq->access != MODEL_WRITE,
                                     .write = rq->access != MODEL_READ,
                                     .last = true,
                                     .group = 1,
                                     .addr = align_down(rq->addr, PAGE_SIZE)};

    if (dev->cfg.pri && got->status == MODEL_SUCCESS)
        model_page_request(m, &ask);
    return (struct model_completion){.status = got->status == MODEL_CA ? MODEL_CA : MODEL_UR,
                                     .fault = got->fault};
}

/* A piece within one page: translated requests carry no PASID. */
static struct model_completion one_piece(struct model *m, struct ats_device *dev,
                                         const struct model_request *rq)
{
    struct model_request piece = *rq;
    const struct ats_tlb_entry *e = look_up(dev, rq);
    struct model_translation got;

    if (e == NULL) {
        got = fill(m, dev, rq);
        e = look_up(dev, rq);
        if (e == NULL)
            return refused(m, dev, rq, &got);
    }
    piece.at = e->u ? VTD_AT_UNTRANSLATED : VTD_AT_TRANSLATED;
    if (!e->u) {
        piece.addr = e->pa + (rq->addr - e->iova);
        piece.has_pasid = false;
    }
    return model_dma(m, &piece);
}

struct model_completion model_device_dma(struct model *m, const struct model_request *rq)
{
    struct ats_device *dev = ats_find(m, rq->sid);
    struct model_completion out = {.status = MODEL_SUCCESS};
    struct model_request piece = *rq;

    if (dev == NULL || !dev->on)
        return model_dma(m, rq);
    do {
        uint64_t page_left = PAGE_SIZE - (rq->addr + out.moved) % PAGE_SIZE;
        uint32_t left = rq->len - out.moved;
        struct model_completion one;

        piece.addr = rq->addr + out.moved;
        piece.len = left < page_left ? left : (uint32_t)page_left;
        piece.data = (uint8_t *)rq->data + out.moved;
        one = one_piece(m, dev, &piece);
        out.status = one.status;
        out.fault = one.fault;
        out.moved += one.moved;
    } while (out.status == MODEL_SUCCESS && out.moved < rq->len);
    return out;
}
