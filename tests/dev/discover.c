/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks for DMA engines among the PCI functions of this machine, and fills in what only the bus knows: where
 * a device sits and which requester ids its transfers carry.
 */
#include <errno.h>

#include "iommu/platform.h"
#include "kernel/pci.h"
#include "tests/dev/engines.h"

static dma_probe_fn *const probes[] = {edu_probe, testdev_probe, nvme_probe, xhci_probe};

static void place(struct dma_dev *dev, const struct pci_function *fn)
{
    struct pci_id ids[DMA_MAX_RIDS];
    unsigned n = pci_aliases(fn, ids, DMA_MAX_RIDS);

    dev->id = fn->id;
    dev->rid_count = n;
    for (unsigned i = 0; i < n; i++)
        dev->rids[i] = ids[i].rid;
    if (pci_alias_bridge(fn))
        dev->place = DMA_BEHIND_BRIDGE;
    else
        dev->place = fn->parent ? DMA_AT_ROOT_PORT : DMA_ON_ROOT_BUS;
}

static int add(struct dma_dev *dev, struct pci_function *fn)
{
    int err;

    place(dev, fn);
    err = dma_dev_add(dev);
    if (err)
        pci_enable(fn, true, false);
    return err;
}

/* -ENOMEM; -ENOSPC: no room for more of them, or no vector. */
static int offer(struct pci_function *fn, const char *scratch)
{
    for (unsigned i = 0; i < ARRAY_SIZE(probes); i++) {
        struct dma_dev *dev = NULL;
        int err = probes[i](fn, scratch, &dev);

        if (!err)
            return add(dev, fn);
        if (err != -ENODEV) {
            plat_log(LOG_WARN, "%02x:%02x.%u: a DMA engine that cannot be used, error %d",
                     rid_bus(fn->id.rid), rid_dev(fn->id.rid), rid_fn(fn->id.rid), err);
            return err == -ENOMEM || err == -ENOSPC ? err : 0;
        }
    }
    return 0;
}

static const char *scratch_trouble = "";

const char *dma_scratch_trouble(void)
{
    return scratch_trouble;
}

int dma_discover(const char *scratch)
{
    for (struct pci_function *fn = pci_next(NULL); fn; fn = pci_next(fn)) {
        int err = offer(fn, scratch);

        if (err == -ENOSPC) {
            plat_log(LOG_WARN,
                     "%02x:%02x.%u: no room for one more DMA engine: it and those behind it are left out",
                     rid_bus(fn->id.rid), rid_dev(fn->id.rid), rid_fn(fn->id.rid));
            return 0;
        }
        if (err)
            return err;
    }
    scratch_trouble = nvme_trouble(scratch);
    return 0;
}

void dma_leave_out(struct dma_dev *dev)
{
    pci_enable(pci_by_id(dev->id), true, false);
    dma_dev_remove(dev);
}
