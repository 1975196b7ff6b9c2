/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices in front of the strict units. A transfer waits for a tick of the engine's timer, as a queue would
 * make it; then it is a request that the unit takes on its way in steps of its own. On a machine whose units
 * only record there are none.
 */
#include <errno.h>
#include <string.h>

#include "kernel/lib/bits.h"
#include "tests/dev/engines.h"
#include "tests/host/model_machine.h"
#include "tests/host/stub_machine.h"

#define MAX_LEN  (16 * PAGE_SIZE)
#define TICK_NS  1000000ull
#define DELAY_NS (2 * TICK_NS)
#define COMMAND  4 /* configuration space: bus master enable is bit 2 */

enum phase { IDLE, QUEUED, UNDER_WAY, OVER };

struct engine {
    struct dma_dev dev;
    struct model *unit;
    enum phase phase;
    struct dma_xfer xfer;
    uint64_t due;
    int dma; /* number of the request in the model */
    uint8_t buffer[MAX_LEN];
    uint8_t in[MAX_LEN]; /* what a read brings, until it is over */
};

static struct engine engines[STUB_UNITS * STUB_DEVS];

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

static void issue(struct engine *e)
{
    bool write = e->xfer.dir == DMA_TO_MEM;
    struct model_request rq = {.sid = e->dev.rids[0],
                               .has_pasid = e->dev.tagged,
                               .pasid = e->dev.pasid,
                               .access = write ? MODEL_WRITE : MODEL_READ,
                               .addr = e->xfer.iova.v,
                               .len = e->xfer.len,
                               .data = write ? e->buffer + e->xfer.offset : e->in};

    memset(e->in, 0, e->xfer.len);
    if (!bit_is_set(plat_pci_read32(e->dev.id, COMMAND), 2)) {
        end(e, false);
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
}

static void tick(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(engines); i++)
        advance(&engines[i]);
}

static int start(struct dma_dev *dev, const struct dma_xfer *x)
{
    struct engine *e = of(dev);

    e->xfer = *x;
    e->due = plat_now_ns() / TICK_NS * TICK_NS + DELAY_NS;
    e->phase = QUEUED;
    return 0;
}

static int wait(struct dma_dev *dev, uint64_t timeout_ns)
{
    struct engine *e = of(dev);
    uint64_t deadline = plat_now_ns() + timeout_ns;

    while (e->phase != OVER) {
        if (plat_now_ns() >= deadline)
            return -ETIMEDOUT;
        plat_relax();
    }
    e->phase = IDLE;
    return 0;
}

/* ---- Discovery ---- */

static const struct dma_ops ops = {.start = start, .wait = wait};

static int plug(struct engine *e, unsigned u, unsigned n)
{
    const struct stub_dev *d = stub_machine_dev(u, n);

    e->unit = model_machine_unit(u);
    e->dev = (struct dma_dev){.ops = &ops,
                              .engine = DMA_MODEL,
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
                              .can_tag = true,
                              .max_len = MAX_LEN,
                              .dma_mask = UINT64_MAX,
                              .delay_ns = DELAY_NS};
    memcpy(e->dev.rids, d->rids, sizeof(d->rids));
    plat_pci_write32(d->id, COMMAND, plat_pci_read32(d->id, COMMAND) | 4);
    return dma_dev_add(&e->dev);
}

int dma_discover(unused const char *scratch)
{
    int err = 0;

    for (unsigned u = 0; u < STUB_UNITS && model_machine_unit(u) != NULL; u++) {
        for (unsigned n = 0; n < STUB_DEVS && err == 0; n++)
            err = plug(&engines[u * STUB_DEVS + n], u, n);
    }
    model_machine_on_time(tick);
    return err;
}

int dma_unplug(unused struct dma_dev *dev)
{
    return -ENODEV;
}
