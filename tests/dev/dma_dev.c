/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of DMA engines and what is common to all of them: order, names, checks of a transfer before an
 * engine sees it, and the one place where a device that never answers is reported.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "iommu/platform.h"
#include "tests/dev/engines.h"

static struct dma_dev *devs[DMA_MAX_DEVS];
static unsigned dev_count;

const char *dma_engine_name(enum dma_engine engine)
{
    static const char *const names[DMA_ENGINE_COUNT] = {"edu",  "testdev", "nvme",  "nvme-id",
                                                        "held", "xhci",    "model", "ats"};

    return engine < DMA_ENGINE_COUNT ? names[engine] : "none";
}

const char *dma_place_name(enum dma_place place)
{
    static const char *const names[DMA_PLACE_COUNT] = {"root bus", "root port", "bridge"};

    return place < DMA_PLACE_COUNT ? names[place] : "nowhere";
}

/* Engine, then place, then requester id: neighbours in the list are neighbours in a group. */
static bool comes_before(const struct dma_dev *a, const struct dma_dev *b)
{
    if (a->engine != b->engine)
        return a->engine < b->engine;
    if (a->place != b->place)
        return a->place < b->place;
    if (a->id.segment != b->id.segment)
        return a->id.segment < b->id.segment;
    return a->id.rid < b->id.rid;
}

static void renumber(void)
{
    unsigned n[DMA_ENGINE_COUNT] = {0};

    for (unsigned i = 0; i < dev_count; i++) {
        struct dma_dev *d = devs[i];
        char segment[8] = "";

        d->index = n[d->engine]++;
        if (d->id.segment)
            snprintf(segment, sizeof(segment), "%04x:", d->id.segment);
        snprintf(d->name, sizeof(d->name), "%s%u %s%02x:%02x.%u", dma_engine_name(d->engine), d->index,
                 segment, rid_bus(d->id.rid), rid_dev(d->id.rid), rid_fn(d->id.rid));
    }
}

int dma_dev_add(struct dma_dev *dev)
{
    unsigned at = dev_count;

    if (dev_count == DMA_MAX_DEVS)
        return -ENOSPC;
    for (; at > 0 && comes_before(dev, devs[at - 1]); at--)
        devs[at] = devs[at - 1];
    devs[at] = dev;
    dev_count++;
    renumber();
    return 0;
}

void dma_dev_remove(struct dma_dev *dev)
{
    unsigned at = 0;

    while (at < dev_count && devs[at] != dev)
        at++;
    plat_assert(at < dev_count);
    for (dev_count--; at < dev_count; at++)
        devs[at] = devs[at + 1];
    dev->busy = false;
    renumber();
}

struct dma_dev *dma_dev_get(enum dma_engine engine, unsigned n)
{
    for (unsigned i = 0; i < dev_count; i++) {
        if (devs[i]->engine == engine && devs[i]->index == n)
            return devs[i];
    }
    return NULL;
}

struct dma_dev *dma_dev_at(enum dma_engine engine, enum dma_place place, unsigned n)
{
    for (unsigned i = 0; i < dev_count; i++) {
        if (devs[i]->engine == engine && devs[i]->place == place && n-- == 0)
            return devs[i];
    }
    return NULL;
}

bool dma_same_group(const struct dma_dev *a, const struct dma_dev *b)
{
    if (a->id.segment != b->id.segment)
        return false;
    for (unsigned i = 0; i < a->rid_count; i++) {
        for (unsigned j = 0; j < b->rid_count; j++) {
            if (a->rids[i] == b->rids[j])
                return true;
        }
    }
    return false;
}

uint32_t dma_some_len(const struct dma_dev *dev, uint32_t at_most)
{
    if (dev->record_len)
        return dev->record_len;
    return at_most < dev->max_len ? at_most : dev->max_len;
}

/* Has the transfer a shape that the engine can do? */
static bool fits(const struct dma_dev *dev, const struct dma_xfer *x)
{
    if (!x->len || x->len > dev->max_len || x->offset > dev->max_len - x->len)
        return false;
    if (x->offset && (!dev->has_offset || dev->fixed))
        return false;
    if (dev->align && x->iova.v % dev->align)
        return false;
    return !dev->record_len || x->len == dev->record_len;
}

void dma_tag(struct dma_dev *dev, uint32_t pasid)
{
    plat_assert(dev->can_tag);
    dev->tagged = true;
    dev->pasid = pasid;
}

void dma_untag(struct dma_dev *dev)
{
    dev->tagged = false;
}

int dma_start(struct dma_dev *dev, const struct dma_xfer *x)
{
    int err;

    if (dev->busy)
        return -EBUSY;
    if (x->dir == DMA_TO_MEM ? !dev->can_write : !dev->can_read)
        return -ENOTSUP;
    if (!fits(dev, x))
        return -EINVAL;
    dev->result = DMA_RESULT_NONE;
    dev->busy = true;
    err = dev->ops->start(dev, x);
    if (err)
        dev->busy = false;
    return err;
}

int dma_wait(struct dma_dev *dev, uint64_t timeout_ns)
{
    int err;

    if (!dev->busy)
        return -EINVAL;
    err = dev->ops->wait(dev, timeout_ns);
    if (err)
        plat_log(LOG_ERROR, "%s: waited %llu ms for the end of a transfer, none came", dev->name,
                 (unsigned long long)(timeout_ns / 1000000));
    else
        dev->busy = false;
    return err;
}

int dma_run(struct dma_dev *dev, const struct dma_xfer *x)
{
    int err = dma_start(dev, x);

    return err ? err : dma_wait(dev, DMA_TIMEOUT_NS);
}

bool dma_fixed_pattern(const struct dma_dev *dev, void *out, uint32_t len)
{
    uint8_t *p = out;

    if (!dev->fixed)
        return false;
    for (uint32_t i = 0; i < len; i++)
        p[i] = dev->sends ? dev->sends[i] : (uint8_t)(dev->fixed_word >> (8 * (i % 4)));
    return true;
}

void dma_quiesce_all(void)
{
    for (unsigned i = 0; i < dev_count; i++) {
        /* dma_wait has logged the one that does not answer; it stays busy and every start on it is refused.
         */
        if (devs[i]->busy && dma_wait(devs[i], DMA_TIMEOUT_NS))
            continue;
    }
    for (unsigned i = 0; i < dev_count; i++)
        dma_untag(devs[i]);
}
