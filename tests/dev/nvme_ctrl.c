/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The controller of nvme_ctrl.h. Completions are found by their phase bit; the interrupt only ends a sleep
 * early, so a controller without one works too. CSTS.CFS, which nothing announces, is looked at as often.
 */
#include <errno.h>
#include <string.h>

#include "tests/dev/nvme_ctrl.h"

enum { REG_CAP = 0x00, REG_CC = 0x14, REG_CSTS = 0x1c, REG_AQA = 0x24, REG_ASQ = 0x28, REG_ACQ = 0x30 };
enum { REG_DOORBELLS = 0x1000 };
enum { CC_ENABLE = 1, CC_SIZES = 4 << 20 | 6 << 16 }; /* entries of 2^4 and 2^6 bytes */
enum { CSTS_READY = 1, CSTS_FATAL = 2 };
enum { CREATE_SQ = 0x01, CREATE_CQ = 0x05, CONTIGUOUS = 1, INTERRUPTS = 2 };

#define ENTRIES       16u /* of each queue; never full, one command is under way at most, or two */
#define ADMIN_NS      500000000ull
#define FIRST_SLEEP   50000ull
#define LONGEST_SLEEP 20000000ull

struct completion {
    uint32_t result;
    uint32_t reserved;
    uint32_t queue;
    uint32_t status; /* command id 15:0, phase 16, status 31:17 */
};

static uint32_t doorbell(const struct nvme *n, unsigned queue, bool completions)
{
    return REG_DOORBELLS + (2 * queue + completions) * n->stride;
}

int nvme_init(struct nvme *n)
{
    uint64_t cap = plat_mmio_read64(&n->io, REG_CAP);
    bool nvm_commands = cap >> 37 & 1, small_pages = (cap >> 48 & 0xf) == 0;

    n->stride = 4u << (cap >> 32 & 0xf);
    n->ready_ns = (1 + (cap >> 24 & 0xff)) * 500000000ull;
    plat_waitq_init(&n->waitq);
    if (!nvm_commands || !small_pages || (cap & 0xffff) + 1 < ENTRIES ||
        n->io.size < doorbell(n, NVME_QUEUES, false))
        return -ENOTSUP;
    return 0;
}

/* ---- Waiting ---- */

static bool failed(const struct nvme *n)
{
    return plat_mmio_read32(&n->io, REG_CSTS) & CSTS_FATAL;
}

static void take_completions(struct nvme *n, unsigned queue)
{
    const volatile struct completion *entries = nvme_page(n, NVME_PAGE_CQ + queue);
    struct nvme_queue *q = &n->queues[queue];
    unsigned taken = 0;

    for (; q->under_way && taken < ENTRIES; taken++) {
        uint32_t status = entries[q->head].status;

        if ((status >> 16 & 1) != q->phase)
            break;
        if (status >> 17)
            q->status = (uint16_t)(status >> 17);
        q->head = (uint16_t)((q->head + 1) % ENTRIES);
        q->phase ^= q->head == 0;
        q->under_way--;
    }
    plat_rmb();
    if (taken)
        plat_mmio_write32(&n->io, doorbell(n, queue, true), q->head);
}

struct look {
    struct nvme *n;
    unsigned queue, left;
};

static bool over(void *arg)
{
    struct look *l = arg;

    take_completions(l->n, l->queue);
    return l->n->queues[l->queue].under_way <= l->left || failed(l->n);
}

int nvme_wait(struct nvme *n, unsigned queue, unsigned left, uint64_t timeout_ns)
{
    struct look look = {n, queue, left};
    uint64_t sleep = FIRST_SLEEP;
    int err = -ETIMEDOUT;

    for (uint64_t waited = 0; err && waited < timeout_ns; waited += sleep) {
        sleep = 2 * sleep < LONGEST_SLEEP ? 2 * sleep : LONGEST_SLEEP;
        err = plat_wait(&n->waitq, over, &look, sleep);
    }
    if (!err && n->queues[queue].under_way > left)
        err = -EACCES;
    if (err)
        n->up = false;
    return err;
}

struct ready {
    const struct nvme *n;
    uint32_t want;
};

static bool is_ready(void *arg)
{
    const struct ready *r = arg;

    return (plat_mmio_read32(&r->n->io, REG_CSTS) & CSTS_READY) == r->want;
}

static int ready_wait(struct nvme *n, bool want)
{
    struct ready r = {n, want ? CSTS_READY : 0};
    int err = -ETIMEDOUT;

    for (uint64_t waited = 0; err && waited < n->ready_ns; waited += FIRST_SLEEP)
        err = plat_wait(&n->waitq, is_ready, &r, FIRST_SLEEP);
    return err;
}

/* ---- Commands ---- */

void nvme_queue_cmd(struct nvme *n, unsigned queue, const struct nvme_cmd *cmd)
{
    struct nvme_cmd *entries = nvme_page(n, NVME_PAGE_SQ + queue);
    struct nvme_queue *q = &n->queues[queue];

    plat_assert(q->under_way < ENTRIES - 1);
    entries[q->tail] = *cmd;
    entries[q->tail].opcode |= (uint32_t)n->next_id++ << 16;
    q->tail = (uint16_t)((q->tail + 1) % ENTRIES);
    q->under_way++;
    q->status = 0;
}

void nvme_ring(struct nvme *n, unsigned queue)
{
    plat_wmb();
    plat_mmio_write32(&n->io, doorbell(n, queue, false), n->queues[queue].tail);
}

int nvme_admin(struct nvme *n, const struct nvme_cmd *cmd)
{
    int err;

    nvme_queue_cmd(n, NVME_ADMIN, cmd);
    nvme_ring(n, NVME_ADMIN);
    err = nvme_wait(n, NVME_ADMIN, 0, ADMIN_NS);
    if (!err && n->queues[NVME_ADMIN].status)
        err = -EIO;
    return err;
}

/* ---- Reset and start ---- */

int nvme_down(struct nvme *n)
{
    n->up = false;
    plat_mmio_write32(&n->io, REG_CC, plat_mmio_read32(&n->io, REG_CC) & ~(uint32_t)CC_ENABLE);
    return ready_wait(n, false);
}

static int make_io_queue(struct nvme *n)
{
    struct nvme_cmd cq = {
        .opcode = CREATE_CQ,
        .dptr = {plat_pa(nvme_page(n, NVME_PAGE_CQ + NVME_IO)).v},
        .cdw = {(ENTRIES - 1) << 16 | NVME_IO, CONTIGUOUS | INTERRUPTS},
    };
    struct nvme_cmd sq = {
        .opcode = CREATE_SQ,
        .dptr = {plat_pa(nvme_page(n, NVME_PAGE_SQ + NVME_IO)).v},
        .cdw = {(ENTRIES - 1) << 16 | NVME_IO, NVME_IO << 16 | CONTIGUOUS},
    };
    int err = nvme_admin(n, &cq);

    return err ? err : nvme_admin(n, &sq);
}

int nvme_up(struct nvme *n)
{
    int err = nvme_down(n);

    if (err)
        return -EIO;
    memset(n->own, 0, (size_t)NVME_PAGES * PAGE_SIZE);
    memset(n->queues, 0, sizeof(n->queues));
    for (unsigned i = 0; i < NVME_QUEUES; i++)
        n->queues[i].phase = true;
    plat_mmio_write32(&n->io, REG_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
    plat_mmio_write64(&n->io, REG_ASQ, plat_pa(nvme_page(n, NVME_PAGE_SQ + NVME_ADMIN)).v);
    plat_mmio_write64(&n->io, REG_ACQ, plat_pa(nvme_page(n, NVME_PAGE_CQ + NVME_ADMIN)).v);
    plat_wmb();
    plat_mmio_write32(&n->io, REG_CC, CC_SIZES | CC_ENABLE);
    if (ready_wait(n, true))
        return -EIO;
    err = make_io_queue(n);
    n->up = !err;
    return err == -ETIMEDOUT ? -EACCES : err;
}
