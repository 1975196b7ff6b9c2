/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's "iommu-testdev" (1b36:0005, class ff00, from 11.0): writes a fixed word repeatedly to an address, at
 * once and inside the read of its trigger register, then looks at memory by physical address and tells the
 * outcome. It shares its ids with pci-testdev, which has an I/O BAR and no result register; both are told
 * apart here.
 */
#include <errno.h>

#include "iommu/platform.h"
#include "kernel/pci.h"
#include "tests/dev/engines.h"

enum {
    TD_TRIGGER = 0x00,
    TD_IOVA_LO = 0x04,
    TD_IOVA_HI = 0x08,
    TD_LEN = 0x0c,
    TD_RESULT = 0x10,
    TD_DOORBELL = 0x14,
    TD_CHECK_LO = 0x1c,
    TD_CHECK_HI = 0x20,
};

enum { TD_DISARM = 0, TD_ARM = 1 };

#define TD_OK       0x00000000u
#define TD_ARMED    0xfffffffeu
#define TD_IDLE     0xffffffffu
#define TD_REFUSED  0xdead0002u
#define TD_MISMATCH 0xdead0004u
#define TD_WORD     0x12345678u
#define TD_MAX_LEN  65536u

struct testdev {
    struct dma_dev dev;
    struct plat_mmio io;
};

static struct testdev *testdev_of(struct dma_dev *dev)
{
    return container_of(dev, struct testdev, dev);
}

static int testdev_start(struct dma_dev *dev, const struct dma_xfer *x)
{
    struct testdev *d = testdev_of(dev);

    plat_mmio_write32(&d->io, TD_IOVA_LO, (uint32_t)x->iova.v);
    plat_mmio_write32(&d->io, TD_IOVA_HI, (uint32_t)(x->iova.v >> 32));
    plat_mmio_write32(&d->io, TD_CHECK_LO, (uint32_t)x->believed.v);
    plat_mmio_write32(&d->io, TD_CHECK_HI, (uint32_t)(x->believed.v >> 32));
    plat_mmio_write32(&d->io, TD_LEN, x->len);
    plat_mmio_write32(&d->io, TD_DOORBELL, TD_ARM);
    if (plat_mmio_read32(&d->io, TD_RESULT) != TD_ARMED)
        return -EIO;
    (void)plat_mmio_read32(&d->io, TD_TRIGGER);
    return 0;
}

/* A mismatch is a write that was let through but did not arrive where it was believed to go: memory tells
 * where. */
static int testdev_wait(struct dma_dev *dev, uint64_t timeout_ns)
{
    uint32_t result = plat_mmio_read32(&testdev_of(dev)->io, TD_RESULT);

    (void)timeout_ns;
    switch (result) {
    case TD_OK:
    case TD_MISMATCH:
        dev->result = DMA_RESULT_OK;
        return 0;
    case TD_REFUSED:
        dev->result = DMA_RESULT_FAILED;
        return 0;
    default:
        plat_log(LOG_ERROR, "%s: result %08x", dev->name, result);
        return -EIO;
    }
}

static const struct dma_ops testdev_ops = {.start = testdev_start, .wait = testdev_wait};

/* Arming and disarming show in the result register; pci-testdev has nothing there. */
static bool testdev_alive(struct testdev *d)
{
    plat_mmio_write32(&d->io, TD_DOORBELL, TD_ARM);
    if (plat_mmio_read32(&d->io, TD_RESULT) != TD_ARMED)
        return false;
    plat_mmio_write32(&d->io, TD_DOORBELL, TD_DISARM);
    return plat_mmio_read32(&d->io, TD_RESULT) == TD_IDLE;
}

static int testdev_setup(struct testdev *d, struct pci_function *fn)
{
    int err = pci_bar_map(fn, 0, &d->io);

    if (err)
        return err;
    pci_enable(fn, true, true);
    return testdev_alive(d) ? 0 : -ENODEV;
}

int testdev_probe(struct pci_function *fn, const char *scratch, struct dma_dev **out)
{
    struct testdev *d;
    int err;

    (void)scratch;
    if (fn->vendor != 0x1b36 || fn->device != 0x0005 || fn->bars[1].size)
        return -ENODEV;
    d = plat_alloc(sizeof(*d), OWNER_KERNEL);
    if (!d)
        return -ENOMEM;
    err = testdev_setup(d, fn);
    if (err) {
        plat_free(d);
        return err;
    }
    d->dev = (struct dma_dev){
        .ops = &testdev_ops,
        .engine = DMA_TESTDEV,
        .can_write = true,
        .reports = true,
        .fixed = true,
        .fixed_word = TD_WORD,
        .max_len = TD_MAX_LEN,
        .dma_mask = UINT64_MAX,
    };
    *out = &d->dev;
    return 0;
}
