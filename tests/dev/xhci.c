/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A USB host controller as a DMA engine; eXtensible Host Controller Interface 1.2, chapters 4.2, 4.6 and 4.9.
 * One No-Op command moves two records of 16 bytes: the controller reads it from the command ring and writes
 * its completion into the event ring. For a write the event ring is put where the transfer goes, for a read
 * the command ring, and the other one is on a page of ours. The smallest engine that both reads and writes
 * and is in nearly every machine; nothing is said to USB devices.
 *
 * A refused event ends with USBSTS.HCE on QEMU, a refused command with nothing: the wait for it is short. The
 * controller stands still between transfers, and at their end without a word.
 */
#include <errno.h>
#include <string.h>

#include "kernel/lib/bits.h"
#include "kernel/pci.h"
#include "kernel/thread.h"
#include "tests/dev/engines.h"

#define CLASS_XHCI 0x0c0330u

enum { HCSPARAMS2 = 0x08, HCCPARAMS1 = 0x10, DBOFF = 0x14, RTSOFF = 0x18 }; /* from the start */
enum {
    USBCMD = 0x00,
    USBSTS = 0x04,
    PAGESIZE = 0x08,
    CRCR = 0x18,
    DCBAAP = 0x30,
    CONFIG = 0x38
}; /* operational */
enum { PORTSC = 0x400, PORT_STRIDE = 0x10 };
enum { IMAN = 0x20, ERSTSZ = 0x28, ERSTBA = 0x30, ERDP = 0x38 }; /* runtime, interrupter 0 */
enum { CMD_RUN = 1 << 0, CMD_RESET = 1 << 1 };
enum {
    STS_HALTED = 1 << 0,
    STS_HSE = 1 << 2,
    STS_EVENT = 1 << 3,
    STS_NOT_READY = 1 << 11,
    STS_HCE = 1 << 12
};
enum { RING_CYCLE = 1, ERDP_BUSY = 1 << 3, IMAN_PENDING = 1 };
enum { TRB_COMMAND = 23u << 10 | RING_CYCLE, TRB_EVENT = 33u << 10 | RING_CYCLE, TRB_SUCCESS = 1u << 24 };
enum { EXT_LEGACY = 1, BIOS_OWNS = 1 << 16, OS_OWNS = 1 << 24, SMI_ENABLES = 0x0000e011 };
enum {
    PORT_CHANGES = 0x00fe0000,
    PORT_KEEP = 0x0e00c3e0
}; /* write 1 to clear; what a write must not change */

/* Our pages. The array of scratchpad pointers is the upper half of the page of contexts. */
enum { PAGE_COMMANDS, PAGE_EVENTS, PAGE_SEGMENTS, PAGE_CONTEXTS, PAGE_SCRATCH, MAX_SCRATCH = 60 };

#define EVENTS      16u /* the fewest that a segment may have */
#define MAX_EXT     64u
#define HANDOVER_NS 1000000000ull
#define RESET_NS    1000000000ull
/* A register that is read earlier can hang the machine, on Intel's controllers. */
#define AFTER_RESET_NS 1000000ull
#define ANSWER_NS      20000000ull
#define SLICE_NS       100000ull

struct trb {
    uint32_t word[4];
};

struct xhci {
    struct dma_dev dev;
    struct plat_mmio io;
    struct plat_waitq waitq; /* nobody wakes it: no interrupt is used */
    uint32_t op, run, bells; /* offsets of register blocks */
    unsigned ports;
    unsigned scratch; /* pages that the controller wants */
    unsigned pages;
    uint8_t *own;
    bool ready; /* reset and programmed, and no error since */
    enum dma_dir dir;
    uint64_t command_at;
    struct trb command, event; /* what the controller has to read and write */
};

static struct xhci *xhci_of(struct dma_dev *dev)
{
    return container_of(dev, struct xhci, dev);
}

static uint64_t own_page(const struct xhci *x, unsigned page)
{
    return x->dev.own.v + (uint64_t)page * PAGE_SIZE;
}

static uint32_t op_read(const struct xhci *x, uint32_t reg)
{
    return plat_mmio_read32(&x->io, x->op + reg);
}

static void op_write(const struct xhci *x, uint32_t reg, uint32_t value)
{
    plat_mmio_write32(&x->io, x->op + reg, value);
}

/* Registers of 64 bits take effect with their upper half. */
static void write_wide(const struct xhci *x, uint32_t offset, uint64_t value)
{
    plat_mmio_write32(&x->io, offset, (uint32_t)value);
    plat_mmio_write32(&x->io, offset + 4, (uint32_t)(value >> 32));
}

/* ---- Waiting ---- */

struct want {
    const struct xhci *x;
    uint32_t offset, mask, value;
};

static bool has_value(void *arg)
{
    const struct want *w = arg;

    return (plat_mmio_read32(&w->x->io, w->offset) & w->mask) == w->value;
}

/* Looks every SLICE_NS. */
static int wait_for(struct xhci *x, bool (*ready)(void *arg), void *arg, uint64_t timeout_ns)
{
    int err = -ETIMEDOUT;

    for (uint64_t waited = 0; err && waited < timeout_ns; waited += SLICE_NS)
        err = plat_wait(&x->waitq, ready, arg, SLICE_NS);
    return err;
}

static int wait_reg(struct xhci *x, uint32_t offset, uint32_t mask, uint32_t value, uint64_t timeout_ns)
{
    struct want w = {x, offset, mask, value};

    return wait_for(x, has_value, &w, timeout_ns);
}

/* ---- Bringing it to a stand, and up ---- */

/* From the firmware, which may use it for keyboards; it is given a second to let go. */
static void hand_over(struct xhci *x)
{
    uint32_t at = plat_mmio_read32(&x->io, HCCPARAMS1) >> 16 << 2;

    for (unsigned i = 0; at && at + 8 <= x->io.size && i < MAX_EXT; i++) {
        uint32_t cap = plat_mmio_read32(&x->io, at);

        if ((cap & 0xff) == EXT_LEGACY) {
            plat_mmio_write32(&x->io, at, cap | OS_OWNS);
            if (wait_reg(x, at, BIOS_OWNS, 0, HANDOVER_NS))
                plat_log(LOG_WARN, "%02x:%02x.%u: the firmware does not let go of this USB controller",
                         rid_bus(x->dev.id.rid), rid_dev(x->dev.id.rid), rid_fn(x->dev.id.rid));
            plat_mmio_write32(&x->io, at + 4, plat_mmio_read32(&x->io, at + 4) & ~(uint32_t)SMI_ENABLES);
            return;
        }
        if (!(cap >> 8 & 0xff))
            return;
        at += (cap >> 8 & 0xff) << 2;
    }
}

static int stand_still(struct xhci *x)
{
    op_write(x, USBCMD, op_read(x, USBCMD) & ~(uint32_t)CMD_RUN);
    return wait_reg(x, x->op + USBSTS, STS_HALTED, STS_HALTED, RESET_NS);
}

static int reset(struct xhci *x)
{
    uint64_t *array = (uint64_t *)(void *)(x->own + own_page(x, PAGE_CONTEXTS) - own_page(x, 0));
    int err;

    (void)stand_still(x); /* a controller with an error need not get there */
    op_write(x, USBCMD, CMD_RESET);
    thread_sleep(AFTER_RESET_NS);
    err = wait_reg(x, x->op + USBCMD, CMD_RESET, 0, RESET_NS);
    if (!err)
        err = wait_reg(x, x->op + USBSTS, STS_NOT_READY, 0, RESET_NS);
    if (err)
        return err;
    memset(x->own, 0, (size_t)x->pages * PAGE_SIZE);
    array[0] = x->scratch ? own_page(x, PAGE_CONTEXTS) + PAGE_SIZE / 2 : 0;
    for (unsigned i = 0; i < x->scratch; i++)
        array[PAGE_SIZE / 2 / sizeof(*array) + i] = own_page(x, PAGE_SCRATCH + i);
    plat_wmb();
    op_write(x, CONFIG, 0);
    write_wide(x, x->op + DCBAAP, own_page(x, PAGE_CONTEXTS));
    x->ready = true;
    return 0;
}

/* Changes of ports would be events in front of ours. */
static void forget_port_changes(const struct xhci *x)
{
    for (unsigned i = 0; i < x->ports; i++) {
        uint32_t reg = PORTSC + i * PORT_STRIDE, value = op_read(x, reg);

        if (value & PORT_CHANGES)
            op_write(x, reg, (value & PORT_KEEP) | (value & PORT_CHANGES));
    }
}

/* ---- One transfer ---- */

static void program(struct xhci *x, uint64_t commands, uint64_t events)
{
    struct {
        uint64_t base;
        uint32_t count, reserved;
    } *segment = (void *)(x->own + PAGE_SEGMENTS * PAGE_SIZE);

    segment->base = events;
    segment->count = EVENTS;
    plat_wmb();
    write_wide(x, x->op + CRCR, commands | RING_CYCLE);
    plat_mmio_write32(&x->io, x->run + ERSTSZ, 1);
    write_wide(x, x->run + ERDP, events | ERDP_BUSY);
    write_wide(x, x->run + ERSTBA, own_page(x, PAGE_SEGMENTS));
    plat_mmio_write32(&x->io, x->run + IMAN, IMAN_PENDING);
    op_write(x, USBSTS, STS_EVENT);
    forget_port_changes(x);
}

static int xhci_start(struct dma_dev *dev, const struct dma_xfer *xfer)
{
    struct xhci *x = xhci_of(dev);
    int err = x->ready ? 0 : reset(x);

    if (err)
        return err;
    x->dir = xfer->dir;
    memset(x->own + PAGE_EVENTS * PAGE_SIZE, 0, PAGE_SIZE);
    memcpy(x->own + PAGE_COMMANDS * PAGE_SIZE, &x->command, sizeof(x->command));
    x->command_at = xfer->dir == DMA_TO_MEM ? own_page(x, PAGE_COMMANDS) : xfer->iova.v;
    program(x, x->command_at, xfer->dir == DMA_TO_MEM ? xfer->iova.v : own_page(x, PAGE_EVENTS));
    op_write(x, USBCMD, CMD_RUN);
    plat_mmio_write32(&x->io, x->bells, 0);
    return 0;
}

static bool has_answered(void *arg)
{
    return op_read(arg, USBSTS) & (STS_EVENT | STS_HCE | STS_HSE);
}

/* Did the event say what it says if the command was the one that was looked for? */
static bool told(const struct xhci *x)
{
    struct trb want = x->event;

    want.word[0] = (uint32_t)x->command_at;
    want.word[1] = (uint32_t)(x->command_at >> 32);
    return memcmp(x->own + PAGE_EVENTS * PAGE_SIZE, &want, sizeof(want)) == 0;
}

static int xhci_finish(struct dma_dev *dev, uint64_t timeout_ns)
{
    struct xhci *x = xhci_of(dev);
    int err = wait_for(x, has_answered, x, timeout_ns < ANSWER_NS ? timeout_ns : ANSWER_NS);
    uint32_t status;

    plat_rmb();
    status = op_read(x, USBSTS);
    if (status & (STS_HCE | STS_HSE))
        x->ready = false;
    if (stand_still(x)) { /* halted it does no DMA; reset neither, by force */
        x->ready = false;
        if (reset(x))
            return -ETIMEDOUT;
        err = -EIO;
    }
    dev->result = !err && x->ready && (x->dir == DMA_TO_MEM || told(x)) ? DMA_RESULT_OK : DMA_RESULT_FAILED;
    return 0;
}

static const struct dma_ops xhci_ops = {.start = xhci_start, .wait = xhci_finish};

/* ---- Discovery ---- */

static int read_registers(struct xhci *x)
{
    uint32_t params2 = plat_mmio_read32(&x->io, HCSPARAMS2);
    bool wide = plat_mmio_read32(&x->io, HCCPARAMS1) & 1;

    x->op = plat_mmio_read32(&x->io, 0) & 0xff;
    x->ports = plat_mmio_read32(&x->io, 4) >> 24;
    x->bells = plat_mmio_read32(&x->io, DBOFF) & ~3u;
    x->run = plat_mmio_read32(&x->io, RTSOFF) & ~31u;
    x->scratch = (params2 >> 21 & 0x1f) << 5 | (params2 >> 27 & 0x1f);
    if (!wide || x->op % 4 || x->op + PORTSC + x->ports * PORT_STRIDE > x->io.size ||
        x->bells > x->io.size - 4 || x->run > x->io.size - ERDP - 8)
        return -ENOTSUP;
    if (x->scratch > MAX_SCRATCH || (x->scratch && !(op_read(x, PAGESIZE) & 1)))
        return -ENOTSUP;
    return 0;
}

static int own_memory(struct xhci *x)
{
    for (x->pages = 1; x->pages < PAGE_SCRATCH + x->scratch; x->pages *= 2)
        ;
    x->own = plat_pages_alloc(x->pages, OWNER_KERNEL);
    if (!x->own)
        return -ENOMEM;
    x->dev.own = plat_pa(x->own);
    x->dev.own_pages = x->pages;
    x->command.word[3] = TRB_COMMAND;
    x->event = (struct trb){{(uint32_t)own_page(x, PAGE_COMMANDS),
                             (uint32_t)(own_page(x, PAGE_COMMANDS) >> 32), TRB_SUCCESS, TRB_EVENT}};
    x->dev.sends = (const uint8_t *)&x->event;
    x->dev.wants = (const uint8_t *)&x->command;
    return 0;
}

static int set_up(struct xhci *x, struct pci_function *fn)
{
    int err = pci_bar_map(fn, 0, &x->io);

    if (err)
        return err;
    pci_enable(fn, true, false);
    plat_waitq_init(&x->waitq);
    err = x->io.size < PAGE_SIZE ? -EIO : read_registers(x);
    if (err)
        return err;
    hand_over(x);
    err = own_memory(x);
    if (err)
        return err;
    err = reset(x);
    if (err)
        plat_pages_free(x->own, x->pages);
    else
        pci_enable(fn, true, true);
    return err;
}

int xhci_probe(struct pci_function *fn, const char *scratch, struct dma_dev **out)
{
    struct xhci *x;
    int err;

    (void)scratch;
    if (fn->class != CLASS_XHCI)
        return -ENODEV;
    x = plat_alloc(sizeof(*x), OWNER_KERNEL);
    if (!x)
        return -ENOMEM;
    x->dev = (struct dma_dev){
        .ops = &xhci_ops,
        .id = fn->id,
        .engine = DMA_XHCI,
        .can_read = true,
        .can_write = true,
        .obeys_bme = true,
        .fixed = true,
        .record_len = sizeof(struct trb),
        .align = 64,
        .max_len = sizeof(struct trb),
        .dma_mask = UINT64_MAX,
    };
    err = set_up(x, fn);
    if (err) {
        plat_free(x);
        return err;
    }
    *out = &x->dev;
    return 0;
}
