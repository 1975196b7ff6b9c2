/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's "edu" device (1234:11e8): one 4 KiB buffer, transfers in both directions, 100 ms of virtual time
 * between the command and the access, no status of any kind. Waits by its MSI, so the CPU halts meanwhile.
 *
 * Limits kept for every version: the end of a transfer stays below the end of the buffer (7.2 aborts at 4096
 * bytes, 10.x writes beyond its buffer past it), registers from 80h are written as 64 bits, nothing is
 * written while busy.
 */
#include <errno.h>

#include "iommu/platform.h"
#include "kernel/pci.h"
#include "tests/dev/engines.h"

enum { EDU_ID = 0x00, EDU_LIVENESS = 0x04, EDU_IRQ_STATUS = 0x24, EDU_IRQ_ACK = 0x64 };
enum { EDU_DMA_SRC = 0x80, EDU_DMA_DST = 0x88, EDU_DMA_COUNT = 0x90, EDU_DMA_CMD = 0x98 };
enum { EDU_CMD_RUN = 1, EDU_CMD_TO_MEM = 2, EDU_CMD_IRQ = 4 };

#define EDU_BUFFER   0x40000u
#define EDU_MAX_LEN  4095u
#define EDU_DELAY_NS 100000000ull
#define EDU_BAR_SIZE 0x100000u

struct edu {
    struct dma_dev dev;
    struct plat_mmio io;
    struct plat_msi msi;
    struct plat_waitq waitq;
    bool interrupted; /* by the transfer under way; written by the handler */
};

static struct edu *edu_of(struct dma_dev *dev)
{
    return container_of(dev, struct edu, dev);
}

static void edu_interrupt(void *arg)
{
    struct edu *e = arg;

    plat_mmio_write32(&e->io, EDU_IRQ_ACK, plat_mmio_read32(&e->io, EDU_IRQ_STATUS));
    e->dev.interrupts++;
    __atomic_store_n(&e->interrupted, true, __ATOMIC_RELEASE);
    plat_waitq_wake_all(&e->waitq);
}

static bool edu_finished(void *arg)
{
    struct edu *e = arg;

    return !(plat_mmio_read64(&e->io, EDU_DMA_CMD) & EDU_CMD_RUN);
}

static int edu_start(struct dma_dev *dev, const struct dma_xfer *x)
{
    struct edu *e = edu_of(dev);
    uint64_t buffer = EDU_BUFFER + x->offset;
    bool out = x->dir == DMA_TO_MEM;

    if (!edu_finished(e))
        return -EBUSY;
    __atomic_store_n(&e->interrupted, false, __ATOMIC_RELEASE);
    plat_mmio_write64(&e->io, EDU_DMA_SRC, out ? buffer : x->iova.v);
    plat_mmio_write64(&e->io, EDU_DMA_DST, out ? x->iova.v : buffer);
    plat_mmio_write64(&e->io, EDU_DMA_COUNT, x->len);
    plat_mmio_write64(&e->io, EDU_DMA_CMD, EDU_CMD_RUN | EDU_CMD_IRQ | (out ? EDU_CMD_TO_MEM : 0));
    return 0;
}

/* Sleeps in slices of a little more than one transfer, so that a lost interrupt costs one slice and no more.
 */
static int edu_wait(struct dma_dev *dev, uint64_t timeout_ns)
{
    struct edu *e = edu_of(dev);
    uint64_t slice = EDU_DELAY_NS + EDU_DELAY_NS / 10;
    int err = -ETIMEDOUT;

    for (uint64_t waited = 0; err && waited < timeout_ns; waited += slice)
        err = plat_wait(&e->waitq, edu_finished, e, slice);
    if (!err && !__atomic_load_n(&e->interrupted, __ATOMIC_ACQUIRE))
        plat_log(LOG_DEBUG, "%s: done, but its interrupt was not seen", dev->name);
    return err;
}

static const struct dma_ops edu_ops = {.start = edu_start, .wait = edu_wait};

/* Identification and the register that answers the complement: is there an edu behind this BAR? */
static bool edu_alive(struct edu *e)
{
    if ((plat_mmio_read32(&e->io, EDU_ID) & 0xffff) != 0x00ed)
        return false;
    plat_mmio_write32(&e->io, EDU_LIVENESS, 0x5a5a1234);
    return plat_mmio_read32(&e->io, EDU_LIVENESS) == ~0x5a5a1234u;
}

static int edu_setup(struct edu *e, struct pci_function *fn)
{
    int err = pci_bar_map(fn, 0, &e->io);

    if (err)
        return err;
    pci_enable(fn, true, true);
    if (e->io.size < EDU_BAR_SIZE || !edu_alive(e))
        return -EIO;
    plat_waitq_init(&e->waitq);
    err = plat_msi_alloc(edu_interrupt, e, &e->msi);
    if (err)
        return err;
    err = pci_msi_enable(fn, &e->msi);
    if (err)
        plat_msi_free(&e->msi);
    return err;
}

int edu_probe(struct pci_function *fn, const char *scratch, struct dma_dev **out)
{
    struct edu *e;
    int err;

    (void)scratch;
    if (fn->vendor != 0x1234 || fn->device != 0x11e8)
        return -ENODEV;
    e = plat_alloc(sizeof(*e), OWNER_KERNEL);
    if (!e)
        return -ENOMEM;
    err = edu_setup(e, fn);
    if (err) {
        plat_free(e);
        return err;
    }
    e->dev = (struct dma_dev){
        .ops = &edu_ops,
        .engine = DMA_EDU,
        .can_read = true,
        .can_write = true,
        .tells = true,
        .has_offset = true,
        .queued = true,
        .obeys_bme = true,
        .max_len = EDU_MAX_LEN,
        .dma_mask = UINT64_MAX,
        .delay_ns = EDU_DELAY_NS,
    };
    *out = &e->dev;
    return 0;
}
