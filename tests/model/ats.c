/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions with a device TLB: invalidations that reach them, translation requests, and DMA as such a
 * function does it. Its TLB keeps every translation until an invalidation names it. VT-d 5.10, Device-TLB
 * Invalidate Descriptor, Translation Fault Conditions; rules 13, 29 .. 33, 54, 77.
 */
#include "tests/model/model_priv.h"

#define STEPS_MORE 4 /* that a slow function takes at most beyond its delay */

static bool is_on(const struct model *m)
{
    return reg_status(m, SPAN_MASK(VTD_GSTS_TES));
}

/* ---- Functions ---- */

static struct ats_device *find(struct model *m, uint16_t sid)
{
    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        struct ats_device *dev = &m->ats.device[i];

        if (dev->used && dev->cfg.sid == sid)
            return dev;
    }
    return NULL;
}

static struct ats_device *find_free(struct model *m)
{
    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        if (!m->ats.device[i].used)
            return &m->ats.device[i];
    }
    return NULL;
}

int model_device_set(struct model *m, const struct model_device *device)
{
    struct ats_device *dev = find(m, device->sid);

    if (dev == NULL)
        dev = find_free(m);
    if (dev == NULL)
        return -1;
    dev->used = true;
    dev->on = true;
    dev->cfg = *device;
    return 0;
}

static void switch_off(struct ats_device *dev)
{
    dev->on = false;
    for (unsigned i = 0; i < ATS_TLB_ENTRIES; i++)
        dev->tlb[i].valid = false;
}

void model_device_remove(struct model *m, uint16_t sid)
{
    struct ats_device *dev = find(m, sid);

    if (dev != NULL)
        switch_off(dev);
}

unsigned model_device_entries(const struct model *m, uint16_t sid)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        const struct ats_device *dev = &m->ats.device[i];

        for (unsigned k = 0; k < ATS_TLB_ENTRIES; k++)
            n += dev->used && dev->cfg.sid == sid && dev->tlb[k].valid;
    }
    return n;
}

/* ---- Invalidations ---- */

/* VT-d 5.10, Device-TLB Invalidate Descriptor, S: the lowest bit of the address that is 0 tells the size. */
static void set_range(struct ats_inv *inv, uint64_t addr, bool s)
{
    uint64_t size = PAGE_SIZE;

    inv->first = addr;
    inv->last = addr + (PAGE_SIZE - 1);
    if (!s)
        return;
    while (size < pow2(63) && (addr & size) != 0)
        size *= 2;
    inv->first = align_down(addr, size) - (addr & size);
    inv->last = inv->first + (size - 1) + size;
}

static struct ats_inv make_inv(const struct vtd_desc *d)
{
    struct ats_inv inv = {.used = true};

    if (entry_get(d, VTD_QI_TYPE) == VTD_QI_DEVTLB) {
        set_range(&inv, entry_get_addr(d, VTD_QI_DEVTLB_ADDR), entry_get(d, VTD_QI_DEVTLB_S));
        return inv;
    }
    set_range(&inv, entry_get_addr(d, VTD_QI_PDEVTLB_ADDR), entry_get(d, VTD_QI_PDEVTLB_S));
    inv.with_pasid = true;
    inv.pasid = (uint32_t)entry_get(d, VTD_QI_PDEVTLB_PASID);
    inv.every_pasid = entry_get(d, VTD_QI_PDEVTLB_GI);
    return inv;
}

static bool is_meant(const struct ats_inv *inv, const struct ats_tlb_entry *e)
{
    if (inv->with_pasid != e->has_pasid || (inv->with_pasid && !inv->every_pasid && inv->pasid != e->pasid))
        return false;
    return e->iova <= inv->last && inv->first <= e->iova + (e->size - 1);
}

/* What the function sends back, if anything. */
static void answer(struct model *m, struct ats_device *dev, struct ats_inv *inv)
{
    inv->used = false;
    if (dev->cfg.wrong_tag)
        queue_bad_completion(m, dev->cfg.sid);
    if (dev->cfg.mute || inv->lost) {
        queue_timed_out(m, dev->cfg.sid);
        return;
    }
    for (unsigned i = 0; i < ATS_TLB_ENTRIES; i++) {
        if (is_meant(inv, &dev->tlb[i]))
            dev->tlb[i].valid = false;
    }
}

static void send(struct model *m, struct ats_device *dev, const struct ats_inv *inv)
{
    for (unsigned i = 0; i < ATS_PENDING; i++) {
        struct ats_inv *place = &dev->inv[i];

        if (place->used)
            continue;
        *place = *inv;
        if (place->left == 0)
            answer(m, dev, place);
        return;
    }
    /* MIP holds the unit back: the next one goes out when one has been answered. */
    answer(m, dev, &dev->inv[0]);
    dev->inv[0] = *inv;
}

static unsigned takes_at_most(unsigned mip)
{
    return mip == 0 ? ATS_PENDING : mip;
}

/* With translation off it is rule 13, which desc.c looks after. */
static void check_duties(struct model *m, const struct ats_device *dev, uint16_t sid, unsigned mip)
{
    if (!is_on(m))
        return;
    if (dev == NULL)
        breach(m, "rule 77: device-TLB invalidation to %04x, which never had ATS on", sid);
    else if (takes_at_most(mip) > takes_at_most(dev->cfg.qdep))
        breach(m, "rule 77: MIP %u for requester %04x, which takes %u invalidations", takes_at_most(mip), sid,
               takes_at_most(dev->cfg.qdep));
}

void ats_invalidate(struct model *m, const struct vtd_desc *d)
{
    bool with_pasid = entry_get(d, VTD_QI_TYPE) == VTD_QI_PDEVTLB;
    uint16_t sid =
        (uint16_t)(with_pasid ? entry_get(d, VTD_QI_PDEVTLB_SID) : entry_get(d, VTD_QI_DEVTLB_SID));
    uint64_t mip = with_pasid ? entry_get(d, VTD_QI_PDEVTLB_MIP) : entry_get(d, VTD_QI_DEVTLB_MIP);
    struct ats_device *dev = find(m, sid);
    struct ats_inv inv = make_inv(d);

    check_duties(m, dev, sid, (unsigned)mip);
    if (dev == NULL) {
        queue_timed_out(m, sid);
        return;
    }
    inv.lost = !is_on(m); /* completions are not accepted */
    inv.left = dev->cfg.delay + (m->cfg.slow ? rnd(m, STEPS_MORE) : 0);
    send(m, dev, &inv);
}

unsigned ats_pending(const struct model *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        for (unsigned k = 0; k < ATS_PENDING; k++)
            n += m->ats.device[i].inv[k].used;
    }
    return n;
}

void ats_step(struct model *m)
{
    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        struct ats_device *dev = &m->ats.device[i];

        for (unsigned k = 0; k < ATS_PENDING; k++) {
            if (dev->inv[k].used && dev->inv[k].left-- <= 1)
                answer(m, dev, &dev->inv[k]);
        }
    }
}

void ats_memory_freed(struct model *m, uint64_t pa, uint64_t size)
{
    for (unsigned i = 0; i < ATS_DEVICES; i++) {
        const struct ats_device *dev = &m->ats.device[i];

        for (unsigned k = 0; k < ATS_TLB_ENTRIES; k++) {
            const struct ats_tlb_entry *e = &dev->tlb[k];

            if (e->valid && !e->anywhere && e->pa < pa + size && pa < e->pa + e->size)
                breach(m, "rule 54: %llx freed while the device TLB of %04x leads there (address %llx)",
                       (unsigned long long)pa, dev->cfg.sid, (unsigned long long)e->iova);
        }
    }
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
    struct ats_device *dev = find(m, rq->sid);

    if (out.status == MODEL_UR && dev != NULL)
        switch_off(dev);
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
    struct ats_device *dev = find(m, rq->sid);
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
