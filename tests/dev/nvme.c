/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NVMe drives as DMA engines; NVM Express Base Specification 1.4, NVM Command Set. Three kinds, told apart at
 * discovery:
 *   nvme     Write takes memory into the first blocks of the drive, Read brings it back: a copy engine that
 *            destroys what is there. Only a drive that the user names by its serial number, or QEMU's own
 *            ("QEMU NVMe Ctrl") whose serial number begins with "scratch". Needs SGLs, for transfers of any
 * length. held     QEMU's, serial number "held...": reads as zeros, and its machine lets one command through
 * per second. QEMU translates when it takes a command and writes when the drive answers, so a read behind
 *            another one is in flight for a second.
 *   nvme-id  any other: Identify writes 4 KiB that are always the same, and the drive is left alone.
 *
 * A transfer refused ends with status 0 on QEMU; memory has the last word. Refused queues end with CSTS.CFS,
 * or never; then the controller is reset, which ends all its DMA.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/pci.h"
#include "tests/dev/engines.h"
#include "tests/dev/nvme_ctrl.h"

#define CLASS_NVME 0x010802u
#define MODEL      "QEMU NVMe Ctrl"
#define BLOCK      512u
#define MAX_LEN    32768u
#define ID_LEN     4096u
#define HELD_LEN   4096u
#define HELD_NS    1000000000ull
#define PRIMER_NS  3000000000ull
#define SERIAL_LEN 20u

struct engine {
    struct dma_dev dev;
    struct nvme nvme;
    struct plat_msi msi;
    unsigned queue; /* that the transfer under way went to */
    bool blocked;   /* it never got to its queues */
    uint8_t identity[ID_LEN];
};

static struct engine *engine_of(struct dma_dev *dev)
{
    return container_of(dev, struct engine, dev);
}

/* ---- Commands ---- */

static struct nvme_cmd identify(uint64_t where, uint32_t what, uint32_t nsid)
{
    struct nvme_cmd cmd = {.opcode = NVME_IDENTIFY, .nsid = nsid, .dptr = {where}, .cdw = {what}};

    if (where % PAGE_SIZE)
        cmd.dptr[1] = where - where % PAGE_SIZE + PAGE_SIZE;
    return cmd;
}

/* The first blocks of the drive, the bytes behind the transfer's own going to or coming from a page of ours.
 */
static struct nvme_cmd copy(struct engine *e, const struct dma_xfer *x)
{
    struct nvme_sgl *sgl = nvme_page(&e->nvme, NVME_PAGE_SGL);
    uint32_t blocks = (x->len + BLOCK - 1) / BLOCK, rest = blocks * BLOCK - x->len;
    struct nvme_sgl list = {plat_pa(sgl).v, (rest ? 2 : 1) * sizeof(*sgl), NVME_SGL_LAST};
    struct nvme_cmd cmd = {
        .opcode = (x->dir == DMA_TO_MEM ? NVME_READ : NVME_WRITE) | NVME_PSDT_SGL,
        .nsid = 1,
        .cdw = {0, 0, blocks - 1},
    };

    sgl[0] = (struct nvme_sgl){x->iova.v, x->len, NVME_SGL_BLOCK};
    sgl[1] = (struct nvme_sgl){plat_pa(nvme_page(&e->nvme, NVME_PAGE_DATA)).v, rest, NVME_SGL_BLOCK};
    memcpy(cmd.dptr, &list, sizeof(list));
    return cmd;
}

/*
 * A read of one block into a page of ours goes first: the one behind it is held back. Without an answer to
 * the first nobody knows where the second one is: then the controller is reset, which ends it.
 */
static int start_held(struct engine *e, const struct nvme_cmd *cmd)
{
    struct nvme_cmd primer = {
        .opcode = NVME_READ,
        .nsid = 1,
        .dptr = {plat_pa(nvme_page(&e->nvme, NVME_PAGE_DATA)).v},
    };
    int err, down;

    nvme_queue_cmd(&e->nvme, NVME_IO, &primer);
    nvme_queue_cmd(&e->nvme, NVME_IO, cmd);
    nvme_ring(&e->nvme, NVME_IO);
    /* Both were fetched together: when the first has ended the second has been translated. */
    err = nvme_wait(&e->nvme, NVME_IO, 1, PRIMER_NS);
    if (!err || err == -EACCES)
        return err;
    down = nvme_down(&e->nvme);
    return down ? down : err;
}

static int nvme_start(struct dma_dev *dev, const struct dma_xfer *x)
{
    struct engine *e = engine_of(dev);
    struct nvme_cmd cmd;
    int err = e->nvme.up ? 0 : nvme_up(&e->nvme);

    e->blocked = err == -EACCES;
    if (err)
        return e->blocked ? 0 : err;
    e->queue = dev->engine == DMA_NVME_ID ? NVME_ADMIN : NVME_IO;
    cmd = dev->engine == DMA_NVME_ID ? identify(x->iova.v, 1, 0) : copy(e, x);
    if (dev->held) {
        err = start_held(e, &cmd);
        e->blocked = err == -EACCES;
        return e->blocked ? 0 : err;
    }
    nvme_queue_cmd(&e->nvme, e->queue, &cmd);
    nvme_ring(&e->nvme, e->queue);
    return 0;
}

static int nvme_finish(struct dma_dev *dev, uint64_t timeout_ns)
{
    struct engine *e = engine_of(dev);
    int err = e->blocked ? -EACCES : nvme_wait(&e->nvme, e->queue, 0, timeout_ns);

    if (!err) {
        dev->result = e->nvme.queues[e->queue].status ? DMA_RESULT_FAILED : DMA_RESULT_OK;
        return 0;
    }
    dev->result = DMA_RESULT_FAILED;
    return nvme_down(&e->nvme);
}

static const struct dma_ops nvme_ops = {.start = nvme_start, .wait = nvme_finish};

/* ---- Discovery ---- */

/* The fields of Identify, which are padded with blanks, begin with that text? */
static bool begins(const struct engine *e, unsigned offset, const char *text)
{
    return memcmp(e->identity + offset, text, strlen(text)) == 0;
}

/* The serial number without the blanks behind it, in characters that can be printed; how long it is. */
static size_t serial_of(const struct engine *e, char out[SERIAL_LEN + 1])
{
    size_t len = SERIAL_LEN;

    memcpy(out, e->identity + 4, SERIAL_LEN);
    while (len && (out[len - 1] == ' ' || out[len - 1] == '\0'))
        len--;
    out[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
    }
    return len;
}

/* The drive's serial number is that, all of it; `_` stands for a blank as well, which arguments cannot have.
 */
static bool is_serial(const struct engine *e, const char *serial)
{
    char own[SERIAL_LEN + 1];
    size_t len = serial_of(e, own);

    for (size_t i = 0; i < len; i++) {
        if (serial[i] != own[i] && !(serial[i] == '_' && own[i] == ' '))
            return false;
    }
    return len && !serial[len];
}

/* Why the drive is no copy engine: it needs blocks of 512 bytes and enough of them, SGLs of any length, and
 * transfers of MAX_LEN. NULL: it is one. */
static const char *cannot_copy(struct engine *e)
{
    struct nvme_cmd cmd = identify(plat_pa(nvme_page(&e->nvme, NVME_PAGE_DATA)).v, 0, 1);
    const uint8_t *ns = nvme_page(&e->nvme, NVME_PAGE_DATA), *format;
    uint8_t longest = e->identity[77], sgls = e->identity[536] & 3;
    uint64_t blocks;

    if (nvme_admin(&e->nvme, &cmd))
        return "does not describe its namespace 1";
    memcpy(&blocks, ns, sizeof(blocks));
    format = ns + 128 + 4 * (ns[26] & 0xf);
    if (format[2] != 9 || format[0] || format[1])
        return "has blocks of other than 512 bytes, or with metadata";
    if (blocks < MAX_LEN / BLOCK)
        return "is smaller than 32 KiB";
    if (sgls != 1)
        return "takes no scatter-gather lists of any length";
    return longest && longest < 3 ? "takes no transfers of 32 KiB" : NULL;
}

/* ---- The drive that the user names ---- */

static struct {
    bool found;
    char drives[80], trouble[160]; /* serial numbers of those that there are; words */
} named;

const char *nvme_trouble(const char *scratch)
{
    if (scratch[0] && !named.found)
        snprintf(named.trouble, sizeof(named.trouble),
                 "nvme=%s: no drive has this serial number; those here:%s", scratch,
                 named.drives[0] ? named.drives : " none");
    return named.trouble;
}

static void note_serial(const struct engine *e)
{
    size_t used = strlen(named.drives);
    char own[SERIAL_LEN + 1];

    (void)serial_of(e, own);
    snprintf(named.drives + used, sizeof(named.drives) - used, " \"%s\"", own);
}

/* A drive that was meant to be written to is left alone. */
static void explain(const struct engine *e, const struct pci_function *fn, bool by_user, const char *why)
{
    char own[SERIAL_LEN + 1], words[sizeof(named.trouble)];

    (void)serial_of(e, own);
    snprintf(words, sizeof(words), "%02x:%02x.%u, drive \"%s\", %s: it is left alone", rid_bus(fn->id.rid),
             rid_dev(fn->id.rid), rid_fn(fn->id.rid), own, why);
    plat_log(LOG_WARN, "%s", words);
    if (by_user)
        snprintf(named.trouble, sizeof(named.trouble), "%s", words);
}

/* ---- Kinds ---- */

static void describe_copy(struct dma_dev *dev)
{
    dev->engine = DMA_NVME;
    dev->can_read = true;
    dev->tells = true;
    dev->max_len = MAX_LEN;
}

static void describe_held(struct dma_dev *dev)
{
    dev->engine = DMA_HELD;
    dev->held = true;
    dev->fixed = true;
    dev->delay_ns = HELD_NS;
    dev->max_len = HELD_LEN;
}

static void describe_identify(struct engine *e)
{
    e->dev.engine = DMA_NVME_ID;
    e->dev.fixed = true;
    e->dev.sends = e->identity;
    e->dev.record_len = ID_LEN;
    e->dev.align = 4;
    e->dev.max_len = ID_LEN;
}

static void classify(struct engine *e, const struct pci_function *fn, const char *scratch)
{
    bool emulated = begins(e, 24, MODEL), by_user = is_serial(e, scratch);
    bool spare = by_user || (emulated && begins(e, 4, "scratch"));
    bool held = emulated && begins(e, 4, "held");
    const char *why = spare || held ? cannot_copy(e) : NULL;

    note_serial(e);
    named.found |= by_user;
    if (why)
        explain(e, fn, by_user, why);
    if ((spare || held) && !why)
        (held ? describe_held : describe_copy)(&e->dev);
    else
        describe_identify(e);
}

static void nvme_interrupt(void *arg)
{
    struct engine *e = arg;

    e->dev.interrupts++;
    plat_waitq_wake_all(&e->nvme.waitq);
}

static int read_identity(struct engine *e)
{
    struct nvme_cmd cmd = identify(plat_pa(nvme_page(&e->nvme, NVME_PAGE_DATA)).v, 1, 0);
    int err = nvme_up(&e->nvme);

    if (!err)
        err = nvme_admin(&e->nvme, &cmd);
    if (!err)
        memcpy(e->identity, nvme_page(&e->nvme, NVME_PAGE_DATA), ID_LEN);
    return err;
}

static int set_up(struct engine *e, struct pci_function *fn, const char *scratch)
{
    int err = pci_bar_map(fn, 0, &e->nvme.io);

    if (err)
        return err;
    pci_enable(fn, true, true);
    err = nvme_init(&e->nvme);
    if (err)
        return err;
    err = plat_msi_alloc(nvme_interrupt, e, &e->msi);
    if (err)
        return err;
    err = pci_msi_enable(fn, &e->msi);
    if (!err)
        err = read_identity(e);
    if (err) {
        pci_enable(fn, true, false);
        pci_msi_disable(fn);
        plat_msi_free(&e->msi);
        return err;
    }
    classify(e, fn, scratch);
    return 0;
}

int nvme_probe(struct pci_function *fn, const char *scratch, struct dma_dev **out)
{
    struct engine *e;
    int err;

    if (fn->class != CLASS_NVME)
        return -ENODEV;
    e = plat_alloc(sizeof(*e), OWNER_KERNEL);
    if (!e)
        return -ENOMEM;
    e->nvme.own = plat_pages_alloc(NVME_PAGES, OWNER_KERNEL);
    if (!e->nvme.own) {
        plat_free(e);
        return -ENOMEM;
    }
    e->dev = (struct dma_dev){
        .ops = &nvme_ops,
        .can_write = true,
        .asks_again = true,
        .obeys_bme = true,
        .dma_mask = UINT64_MAX,
        .own = plat_pa(e->nvme.own),
        .own_pages = NVME_PAGES,
    };
    err = set_up(e, fn, scratch);
    if (err) {
        plat_pages_free(e->nvme.own, NVME_PAGES);
        plat_free(e);
        return err;
    }
    *out = &e->dev;
    return 0;
}
