/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of devices on their way through the unit: entries, IOTLB, walk, memory. Each of these is a step,
 * and time passes between them, so that a request is under way whatever software does. VT-d 5.10, Handling
 * Requests; rule 12; codes 04, 05, 06, 0E, 81 .. 87.
 */
#include <string.h>

#include "tests/model/model_priv.h"

#define MSI_BYTES 4

/* ---- Translation ---- */

static enum entry_kind kind_of(const struct model_request *rq)
{
    static const enum entry_kind kinds[] = {ENTRY_UNTRANSLATED, ENTRY_TRANSLATION, ENTRY_TRANSLATED};

    return kinds[rq->at];
}

static struct entry_walk walk_for(const struct model_request *rq)
{
    struct entry_walk w = {.kind = kind_of(rq),
                           .sid = rq->sid,
                           .has_pasid = rq->has_pasid,
                           .privileged = rq->privileged,
                           .execute = rq->execute,
                           .pasid = rq->pasid};

    entry_begin(&w);
    return w;
}

static struct want want_of(const struct model_request *rq)
{
    if (rq->len == 0)
        return (struct want){.zero_length = true};
    return (struct want){.r = rq->access != MODEL_WRITE, .w = rq->access != MODEL_READ, .x = rq->execute};
}

/*
 * Step 1: a cached translation decides, also against the request: a right that memory has given since is not
 * seen before an invalidation (rule 52). Rights of supervisors and zero-length reads are left to the walk.
 */
static bool cached_answer(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
                          struct leaf *out, uint8_t *code)
{
    const struct leaf *leaf = iotlb_find(m, t, addr, want);

    if (leaf == NULL || t->priv || want->zero_length)
        return false;
    *out = *leaf;
    *code = 0;
    if (leaf->code != 0)
        *code = leaf->code;
    else if (!leaf->u && !t->legacy)
        *code = VTD_FR_SGN_2;
    else if (want->w && !leaf->w)
        *code = t->legacy ? VTD_FR_LGN_2 : VTD_FR_SGN_6;
    else if (want->r && !leaf->r)
        *code = t->legacy ? VTD_FR_LGN_3 : VTD_FR_SGN_7;
    return true;
}

/* A right is missing: in legacy mode that is also what an absent entry is called. */
static bool is_missing_right(uint8_t code)
{
    return code == VTD_FR_LGN_2 || code == VTD_FR_LGN_3;
}

/* Is the reason that a second-stage entry is not present, or in error? */
static bool is_bad_entry(uint8_t code, const struct leaf *leaf)
{
    return code == VTD_FR_SSS_2 || code == VTD_FR_SSS_3 || code == VTD_FR_LSS_2 ||
           (is_missing_right(code) && !leaf->r && !leaf->w);
}

/* Step 2: the walk, and what of it is kept. With CM = 1 so is that there is nothing, or nothing of use. */
static uint8_t walked_answer(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
                             struct leaf *out)
{
    struct leaf nothing = {.shift = 12, .dirty = true};
    uint8_t code;

    *out = nothing;
    code = walk(m, t, addr, want, out);
    nothing.code = is_missing_right(code) ? 0 : code;
    if (code == 0)
        iotlb_add(m, t, addr, out);
    else if (CAP(m, CM) && is_bad_entry(code, out))
        iotlb_add(m, t, addr, &nothing);
    return code;
}

/* Step 3: where it leads. To a translation request pass-through may say FEEx_xxxx. */
static uint8_t check_output(const struct trans *t, enum vtd_at at, uint64_t addr, const struct leaf *leaf)
{
    uint64_t pa = leaf->pa + (addr - align_down(addr, pow2(leaf->shift)));

    if (!is_interrupt_range(pa) || (at == VTD_AT_TRANSLATION && t->pgtt == VTD_PGTT_PASSTHROUGH))
        return 0;
    return t->legacy ? VTD_FR_LGN_4 : VTD_FR_SGN_8;
}

static uint8_t translate(struct model *m, const struct trans *t, enum vtd_at at, uint64_t addr,
                         const struct want *want, struct leaf *out)
{
    uint8_t code;

    if (!cached_answer(m, t, addr, want, out, &code))
        code = walked_answer(m, t, addr, want, out);
    return code != 0 ? code : check_output(t, at, addr, out);
}

uint8_t dma_translate(struct model *m, const struct model_request *rq, uint64_t addr, const struct want *want,
                      struct trans *t, struct leaf *out)
{
    struct entry_walk w = walk_for(rq);
    uint8_t code = entry_resolve(m, &w);

    *t = w.trans;
    t->fpd = w.fpd;
    return code != 0 ? code : translate(m, t, rq->at, addr, want, out);
}

/* ---- One request ---- */

static uint64_t address_of(const struct dma *d)
{
    return d->rq.addr + d->end.moved;
}

static void end(struct dma *d, enum model_status status, uint8_t fault)
{
    d->end.status = status;
    d->end.fault = fault;
    d->state = DMA_ENDED;
}

static void refuse(struct model *m, struct dma *d, uint8_t code)
{
    enum fault_answer answer = fault_answer(code, &d->rq);

    fault_of_request(m, &d->rq, address_of(d), code, d->entries.fpd);
    end(d, answer == ANSWER_CA ? MODEL_CA : MODEL_UR, code);
}

/* VT-d 5.10, Protected Memory Enable Register: dropped without a record. */
static bool is_protected(const struct model *m, uint64_t pa)
{
    uint64_t low = get32(m, PLMBASE), low_end = get32(m, PLMLIMIT) | 0xfffff;
    uint64_t high = get64(m, PHMBASE), high_end = get64(m, PHMLIMIT) | 0xfffff;

    if (!FIELD_GET(VTD_PMEN_PRS, get32(m, PMEN)))
        return false;
    return (CAP(m, PLMR) && pa >= low && pa <= low_end) || (CAP(m, PHMR) && pa >= high && pa <= high_end);
}

static bool is_on(const struct model *m)
{
    return reg_status(m, SPAN_MASK(VTD_GSTS_TES));
}

/* Untranslated requests without PASID to FEEx_xxxx are interrupts, or nothing; what of a longer one went to
 * memory before stays there. */
static void interrupt(struct model *m, struct dma *d)
{
    uint32_t before = d->end.moved;
    uint32_t data;

    if (d->rq.access != MODEL_WRITE || d->rq.len - before != MSI_BYTES) {
        refuse(m, d, VTD_FR_IR_NOT_INTERRUPT);
        return;
    }
    memcpy(&data, (const uint8_t *)d->rq.data + before, sizeof(data));
    d->end = model_msi(m, d->rq.sid, address_of(d), data);
    d->end.moved += before;
    d->state = DMA_ENDED;
}

/* The address is that of memory. */
static void as_it_is(struct dma *d)
{
    d->leaf = (struct leaf){
        .pa = align_down(address_of(d), PAGE_SIZE), .shift = 12, .r = true, .w = true, .dirty = true};
    d->state = DMA_MEMORY;
}

static void accept(struct model *m, struct dma *d)
{
    if (d->rq.at == VTD_AT_UNTRANSLATED && !d->rq.has_pasid && is_interrupt_range(address_of(d))) {
        interrupt(m, d);
        return;
    }
    if (!is_on(m)) {
        if (d->rq.at != VTD_AT_UNTRANSLATED || d->rq.has_pasid)
            end(d, MODEL_UR, 0);
        else
            as_it_is(d);
        return;
    }
    d->entries = walk_for(&d->rq);
    d->state = DMA_ENTRIES;
}

/* A translated request: its entries allow it, and it goes to memory as it is. */
static void let_through(struct model *m, struct dma *d)
{
    uint64_t pa = address_of(d);

    if (pa >= haw_end(m))
        refuse(m, d, d->entries.trans.legacy ? VTD_FR_LGN_1 : VTD_FR_SGN_4);
    else if (is_interrupt_range(pa))
        refuse(m, d, d->entries.trans.legacy ? VTD_FR_LGN_4 : VTD_FR_SGN_8);
    else
        as_it_is(d);
}

static void resolve(struct model *m, struct dma *d)
{
    do {
        if (!entry_step(m, &d->entries))
            continue;
        if (d->entries.fault != 0)
            refuse(m, d, d->entries.fault);
        else if (d->rq.at == VTD_AT_TRANSLATED)
            let_through(m, d);
        else
            d->state = DMA_WALK;
    } while (d->state == DMA_ENTRIES && !m->cfg.tear);
}

static void look_up(struct model *m, struct dma *d)
{
    struct want want = want_of(&d->rq);
    uint8_t code = translate(m, &d->entries.trans, d->rq.at, address_of(d), &want, &d->leaf);

    if (code != 0) {
        refuse(m, d, code);
        return;
    }
    d->state = DMA_MEMORY;
    m->recent[m->recent_next] = d->rq;
    m->recent_next = (m->recent_next + 1) % MODEL_RECENT;
}

static bool fetch_and_add(struct model *m, uint64_t pa, void *data, uint32_t len)
{
    uint64_t old = 0, add = 0, sum;

    if (!mem_read(m, pa, &old, len, true))
        return false;
    memcpy(&add, data, len);
    sum = old + add;
    memcpy(data, &old, len);
    return mem_write(m, pa, &sum, len);
}

static bool move(struct model *m, const struct dma *d, uint64_t pa, uint32_t len)
{
    uint8_t *data = (uint8_t *)d->rq.data + d->end.moved;

    if (d->rq.access == MODEL_ATOMIC)
        return fetch_and_add(m, pa, data, len);
    if (d->rq.access == MODEL_WRITE)
        return mem_write(m, pa, data, len);
    for (uint32_t done = 0; done < len; done += 64) {
        if (!mem_read(m, pa + done, data + done, len - done < 64 ? len - done : 64, true))
            return false;
    }
    return true;
}

/* One page of it; the next one begins at the entries again. */
static void reach_memory(struct model *m, struct dma *d)
{
    uint64_t addr = address_of(d);
    uint64_t pa = d->leaf.pa + (addr - align_down(addr, pow2(d->leaf.shift)));
    uint32_t left = d->rq.len - d->end.moved;
    uint32_t page = (uint32_t)(PAGE_SIZE - (addr - align_down(addr, PAGE_SIZE)));
    uint32_t len = left < page ? left : page;

    if (is_protected(m, pa) || !move(m, d, pa, len)) {
        end(d, MODEL_UR, 0);
        return;
    }
    d->end.moved += len;
    if (d->end.moved == d->rq.len)
        end(d, MODEL_SUCCESS, 0);
    else
        d->state = DMA_ACCEPTED;
}

static void advance(struct model *m, struct dma *d)
{
    switch (d->state) {
    case DMA_ACCEPTED:
        accept(m, d);
        return;
    case DMA_ENTRIES:
        resolve(m, d);
        return;
    case DMA_WALK:
        look_up(m, d);
        return;
    case DMA_MEMORY:
        reach_memory(m, d);
        return;
    case DMA_FREE:
    case DMA_ENDED:
        return;
    }
}

/* ---- All of them ---- */

void dma_step(struct model *m, unsigned n)
{
    advance(m, &m->dma[n]);
}

bool dma_idle(const struct model *m)
{
    for (unsigned i = 0; i < m->dma_end; i++) {
        if (m->dma[i].state != DMA_FREE && m->dma[i].state != DMA_ENDED)
            return false;
    }
    return true;
}

/* Has the request read something that has been invalidated since? */
static bool is_old(const struct model *m, const struct dma *d)
{
    bool begun = d->state == DMA_WALK || (d->state == DMA_ENTRIES && d->entries.state != 0);

    return begun && d->entries.generation != m->generation;
}

/*
 * Before a wait is over: what was looked up in entries that have been invalidated is looked up to the end,
 * with what was read then. What is translated goes to memory if a drain was asked for.
 */
void dma_drain(struct model *m, bool reads, bool writes)
{
    for (unsigned i = 0; i < m->dma_end; i++) {
        struct dma *d = &m->dma[i];

        while (is_old(m, d))
            advance(m, d);
        if (d->state == DMA_MEMORY && (d->rq.access == MODEL_READ ? reads : writes))
            advance(m, d);
    }
}

void dma_speculate(struct model *m)
{
    const struct model_request *rq = &m->recent[rnd(m, MODEL_RECENT)];
    const struct want want = {.r = true};
    struct trans t;
    struct leaf leaf;

    if (rq->len > 0 && is_on(m))
        (void)dma_translate(m, rq, rq->addr, &want, &t, &leaf);
}

int model_dma_start(struct model *m, const struct model_request *rq)
{
    unsigned n = 0;

    while (n < m->dma_end && m->dma[n].state != DMA_FREE)
        n++;
    if (n == MODEL_DMAS)
        return -1;
    m->dma_end = n == m->dma_end ? n + 1 : m->dma_end;
    m->dma[n] = (struct dma){.state = DMA_ACCEPTED, .rq = *rq};
    return (int)n;
}

bool model_dma_end(struct model *m, int dma, struct model_completion *out)
{
    struct dma *d = &m->dma[dma];

    if (d->state != DMA_ENDED)
        return false;
    *out = d->end;
    d->state = DMA_FREE;
    while (m->dma_end > 0 && m->dma[m->dma_end - 1].state == DMA_FREE)
        m->dma_end--;
    return true;
}

bool model_dma_translated(const struct model *m, int dma)
{
    return m->dma[dma].state == DMA_MEMORY;
}

struct model_completion model_dma(struct model *m, const struct model_request *rq)
{
    int n = model_dma_start(m, rq);
    struct model_completion out = {.status = MODEL_CA};

    if (n < 0)
        return out;
    while (!model_dma_end(m, n, &out))
        advance(m, &m->dma[n]);
    return out;
}
