/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices in front of the strict units. A transfer waits for a tick of the engine's timer, as a queue would
 * make it; then it is a request that the unit takes on its way in steps of its own. On a machine whose units
 * only record there are none.
 *
 * A function with ATS (engine ats) goes by its device TLB, asks for pages and tries again when they are
 * there, as its configuration space allows.
 */
#include <errno.h>
#include <string.h>

#include "kernel/lib/bits.h"
#include "tests/dev/engines.h"
#include "tests/host/model_engine.h"
#include "tests/host/model_machine.h"
#include "tests/host/stub_machine.h"

#define MAX_LEN  (16 * PAGE_SIZE)
#define TICK_NS  1000000ull
#define DELAY_NS (2 * TICK_NS)
#define COMMAND  4 /* configuration space: bus master enable is bit 2 */

/* Page requests of transfers: their group, how long a response may take, how often a page is asked for. */
#define GROUP  1
#define ASK_NS (40 * TICK_NS)
#define TRIES  8

#define HEARD_MAX 512

enum phase { IDLE, QUEUED, UNDER_WAY, ASKING, OVER };

struct engine {
    struct dma_dev dev;
    struct model *unit;
    enum phase phase;
    struct dma_xfer xfer;
    uint64_t due;
    int dma; /* number of the request in the model */
    bool tagged;
    uint32_t pasid;
    unsigned tries;
    struct model_device ats; /* its TLB as it is, if `ats.sid` is set */
    struct model_page_response heard[HEARD_MAX];
    unsigned heard_first, heard_count;
    uint8_t buffer[MAX_LEN];
    uint8_t in[MAX_LEN]; /* what a read brings, until it is over */
};

static struct engine engines[STUB_UNITS * (STUB_DEVS + STUB_ATS_DEVS) + 1];

static struct engine *of(struct dma_dev *dev)
{
    return container_of(dev, struct engine, dev);
}

/* ---- One transfer ---- */

static void end(struct engine *e, bool arrived)
{
    if (e->xfer.dir == DMA_FROM_MEM)
        memcpy(e->buffer + e->xfer.offset, e->in, e->xfer.len);
    e->dev.result = arrived ? DMA_RESULT_OK : DMA_RESULT_FAILED;
    e->phase = OVER;
}

/* Through the device TLB; what is refused may be asked for. */
static void issue_by_tlb(struct engine *e, const struct model_request *rq)
{
    struct model_completion c = model_device_dma(e->unit, rq);

    if (c.status != MODEL_UR || !e->ats.pri || e->tries++ == TRIES) {
        end(e, c.status == MODEL_SUCCESS);
        return;
    }
    e->due = plat_now_ns() + ASK_NS;
    e->phase = ASKING;
}

static void issue(struct engine *e)
{
    bool write = e->xfer.dir == DMA_TO_MEM;
    struct model_request rq = {.sid = e->dev.rids[0],
                               .has_pasid = e->tagged,
                               .pasid = e->pasid,
                               .access = write ? MODEL_WRITE : MODEL_READ,
                               .addr = e->xfer.iova.v,
                               .len = e->xfer.len,
                               .data = write ? e->buffer + e->xfer.offset : e->in};

    memset(e->in, 0, e->xfer.len);
    if (!bit_is_set(plat_pci_read32(e->dev.id, COMMAND), 2)) {
        end(e, false);
        return;
    }
    if (e->ats.sid != 0) {
        issue_by_tlb(e, &rq);
        return;
    }
    e->dma = model_dma_start(e->unit, &rq);
    if (e->dma >= 0)
        e->phase = UNDER_WAY;
}

static void advance(struct engine *e)
{
    struct model_completion c;

    if (e->phase == QUEUED && plat_now_ns() >= e->due)
        issue(e);
    if (e->phase == UNDER_WAY && model_dma_end(e->unit, e->dma, &c))
        end(e, c.status == MODEL_SUCCESS);
    if (e->phase == ASKING && plat_now_ns() >= e->due)
        end(e, false);
}

static void hear(struct engine *e, const struct model_page_response *r)
{
    bool mine = r->group == GROUP && r->has_pasid == e->tagged && (!r->has_pasid || r->pasid == e->pasid);

    if (e->phase == ASKING && mine) {
        if (r->code == VTD_PRESP_SUCCESS)
            issue(e);
        else
            end(e, false);
        return;
    }
    plat_assert(e->heard_count < HEARD_MAX);
    e->heard[(e->heard_first + e->heard_count++) % HEARD_MAX] = *r;
}

static void hear_all(struct model *unit)
{
    struct model_page_response r;

    while (model_page_response(unit, &r)) {
        for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
            if (engines[i].unit == unit && engines[i].dev.rids[0] == r.sid)
                hear(&engines[i], &r);
        }
    }
}

static void tick(void)
{
    for (unsigned u = 0; u < STUB_UNITS && model_machine_unit(u) != NULL; u++)
        hear_all(model_machine_unit(u));
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++)
        advance(&engines[i]);
}

static int start(struct dma_dev *dev, const struct dma_xfer *x)
{
    struct engine *e = of(dev);

    if (dev->tagged && !bit_is_set(plat_pci_read32(dev->id, STUB_PASID_CONTROL), 16))
        return -EINVAL;
    model_machine_enter();
    e->xfer = *x;
    e->tagged = dev->tagged;
    e->pasid = dev->pasid;
    e->tries = 0;
    e->due = plat_now_ns() / TICK_NS * TICK_NS + DELAY_NS;
    e->phase = QUEUED;
    model_machine_leave();
    return 0;
}

static bool answer_came(void *arg)
{
    return ((struct engine *)arg)->phase != ASKING;
}

static int wait(struct dma_dev *dev, uint64_t timeout_ns)
{
    struct engine *e = of(dev);
    uint64_t deadline = plat_now_ns() + timeout_ns;
    struct plat_waitq answered;

    plat_waitq_init(&answered);
    while (e->phase != OVER) {
        if (plat_now_ns() >= deadline)
            return -ETIMEDOUT;
        /* Who answers a page request runs in a thread of its own; nobody wakes this one when the answer came.
         */
        if (e->phase != ASKING || plat_wait(&answered, answer_came, e, TICK_NS))
            plat_relax();
    }
    e->phase = IDLE;
    return 0;
}

/* ---- Configuration space ---- */

static void apply(struct engine *e, struct model_device ats)
{
    e->ats = ats;
    model_machine_enter();
    if (ats.sid == 0)
        model_device_remove(e->unit, e->dev.rids[0]);
    else
        plat_assert(model_device_set(e->unit, &ats) == 0);
    model_machine_leave();
}

static void configured(struct pci_id fn)
{
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++) {
        struct engine *e = &engines[i];
        struct model_device ats = e->ats;
        bool on = bit_is_set(plat_pci_read32(fn, STUB_ATS_CONTROL), 31);

        if (e->dev.engine != DMA_ATS || e->dev.id.segment != fn.segment || e->dev.id.rid != fn.rid)
            continue;
        ats.sid = on ? fn.rid : 0;
        ats.qdep = 8;
        ats.pri = bit_is_set(plat_pci_read32(fn, STUB_PRI_CONTROL), 0);
        if (ats.sid != e->ats.sid || ats.pri != e->ats.pri)
            apply(e, ats);
    }
}

/* ---- For cases ---- */

struct model *model_engine_unit(const struct dma_dev *dev)
{
    return container_of(dev, struct engine, dev)->unit;
}

void model_engine_ask(struct dma_dev *dev, const struct model_page_request *rq)
{
    struct model_page_request ask = *rq;

    ask.sid = dev->rids[0];
    model_machine_enter();
    model_page_request(of(dev)->unit, &ask);
    model_machine_leave();
}

bool model_engine_heard(struct dma_dev *dev, struct model_page_response *out)
{
    struct engine *e = of(dev);

    model_machine_enter();
    hear_all(e->unit);
    model_machine_leave();
    if (e->heard_count == 0)
        return false;
    *out = e->heard[e->heard_first];
    e->heard_first = (e->heard_first + 1) % HEARD_MAX;
    e->heard_count--;
    return true;
}

void model_engine_forget(struct dma_dev *dev)
{
    struct model_page_response r;

    while (model_engine_heard(dev, &r))
        ;
}

void model_engine_answers(struct dma_dev *dev, bool mute, unsigned delay)
{
    struct model_device ats = of(dev)->ats;

    ats.mute = mute;
    ats.delay = delay;
    apply(of(dev), ats);
}

unsigned model_engine_entries(const struct dma_dev *dev)
{
    return model_device_entries(model_engine_unit(dev), dev->rids[0]);
}

/* ---- Discovery ---- */

static const struct dma_ops ops = {.start = start, .wait = wait};

static int plug(struct engine *e, unsigned u, const struct stub_dev *d, enum dma_engine engine)
{
    e->unit = model_machine_unit(u);
    e->dev = (struct dma_dev){.ops = &ops,
                              .engine = engine,
                              .place = d->rid_count > 1 ? DMA_BEHIND_BRIDGE : DMA_ON_ROOT_BUS,
                              .id = d->id,
                              .rid_count = d->rid_count,
                              .can_read = true,
                              .can_write = true,
                              .tells = true,
                              .has_offset = true,
                              .queued = true,
                              .reports = true,
                              .obeys_bme = true,
                              .can_tag = d->rid_count == 1,
                              .device_tlb = engine == DMA_ATS,
                              .max_len = MAX_LEN,
                              .dma_mask = UINT64_MAX,
                              .delay_ns = DELAY_NS};
    memcpy(e->dev.rids, d->rids, sizeof(d->rids));
    plat_pci_write32(d->id, COMMAND, plat_pci_read32(d->id, COMMAND) | 4);
    return dma_dev_add(&e->dev);
}

/* One write to a page of its own, as a drive answers Identify: whoever does not get through is not known. */
static int identify(struct dma_dev *dev)
{
    uint8_t *page = plat_pages_alloc(1, OWNER_KERNEL);
    struct dma_xfer x = {.dir = DMA_TO_MEM, .len = 1};
    int err;

    if (!page)
        return -ENOMEM;
    x.iova.v = plat_pa(page).v;
    err = dma_run(dev, &x);
    if (!err && dev->result != DMA_RESULT_OK) {
        plat_log(LOG_WARN, "%s: a DMA engine that cannot be used, its memory is out of its reach", dev->name);
        dma_leave_out(dev);
    }
    plat_pages_free(page, 1);
    return err;
}

static int plug_all(void)
{
    unsigned count = 0;
    int err = 0;

    for (unsigned u = 0; u < STUB_UNITS && model_machine_unit(u) != NULL; u++) {
        for (unsigned n = 0; n < STUB_DEVS && err == 0; n++)
            err = plug(&engines[count++], u, stub_machine_dev(u, n), DMA_MODEL);
        for (unsigned n = 0; n < STUB_ATS_DEVS && err == 0; n++)
            err = plug(&engines[count++], u, stub_machine_ats_dev(u, n), DMA_ATS);
    }
    if (model_machine_unit(0) != NULL && err == 0)
        err = plug(&engines[count], 0, stub_machine_stranger(), DMA_MODEL);
    return err;
}

int dma_discover(unused const char *scratch)
{
    int err = plug_all();

    host_pci_on_write(configured);
    model_machine_on_time(tick);
    for (unsigned i = 0; i < ARRAY_SIZE(engines) && err == 0; i++)
        err = engines[i].unit ? identify(&engines[i].dev) : 0;
    return err;
}

void dma_leave_out(struct dma_dev *dev)
{
    plat_pci_write32(dev->id, COMMAND, plat_pci_read32(dev->id, COMMAND) & ~4u);
    dma_dev_remove(dev);
}

int dma_unplug(unused struct dma_dev *dev)
{
    return -ENODEV;
}
