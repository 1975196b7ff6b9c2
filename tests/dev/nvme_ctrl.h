/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An NVMe controller with its admin queue and one I/O queue: brought up, driven and reset. NVM Express Base
 * Specification 1.4, chapters 3 (registers), 4 (queues) and 5 (admin commands). What the commands are good
 * for is nvme.c's business.
 */
#ifndef TESTS_DEV_NVME_CTRL_H
#define TESTS_DEV_NVME_CTRL_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/compiler.h"

enum { NVME_ADMIN, NVME_IO, NVME_QUEUES };
enum { NVME_IDENTIFY = 0x06, NVME_WRITE = 0x01, NVME_READ = 0x02 };

/* What a controller needs in memory, by page, at addresses equal to physical ones. */
enum {
    NVME_PAGE_SQ,                                /* submission queue of each queue pair */
    NVME_PAGE_CQ = NVME_PAGE_SQ + NVME_QUEUES,   /* completion queue of each */
    NVME_PAGE_DATA = NVME_PAGE_CQ + NVME_QUEUES, /* what Identify writes, and what nobody wants */
    NVME_PAGE_SGL,
    NVME_PAGES = 8
};

struct nvme_cmd {
    uint32_t opcode; /* and PSDT in bits 15:14; the command id is filled in */
    uint32_t nsid;
    uint32_t reserved[4];
    uint64_t dptr[2]; /* PRP 1 and 2, or one SGL descriptor */
    uint32_t cdw[6];  /* 10 .. 15 */
};

/* A data block, or (NVME_SGL_LAST) the last list of descriptors. */
struct nvme_sgl {
    uint64_t address;
    uint32_t len;
    uint32_t type; /* in bits 31:28 */
};

#define NVME_SGL_BLOCK 0x00000000u
#define NVME_SGL_LAST  0x30000000u
#define NVME_PSDT_SGL  0x4000u

struct nvme_queue {
    uint16_t tail, head;
    uint16_t under_way; /* submitted and not completed */
    bool phase;         /* of the next completion */
    uint16_t status;    /* the last one that was not 0 */
};

struct nvme {
    struct plat_mmio io;
    struct plat_waitq waitq; /* woken by the interrupt, where there is one */
    uint8_t *own;            /* NVME_PAGES pages */
    unsigned stride;         /* between doorbells, bytes */
    uint64_t ready_ns;       /* longest wait for CSTS.RDY */
    bool up;                 /* both queues work, as far as is known */
    uint16_t next_id;
    struct nvme_queue queues[NVME_QUEUES];
};

/* Reads what the controller can do. 0, -ENOTSUP (no NVM command set, pages of 4 KiB or doorbells in reach).
 */
must_check int nvme_init(struct nvme *n);

/*
 * Resets the controller, enables it and makes the I/O queue. 0; -EIO: it does not become ready; -EACCES: it
 * is ready but does not get at its queues. Thread.
 */
must_check int nvme_up(struct nvme *n);

/* Resets it: at return no DMA of it is under way. 0, -ETIMEDOUT. Thread. */
must_check int nvme_down(struct nvme *n);

/* Puts one command into a queue without telling the controller, and tells it. */
void nvme_queue_cmd(struct nvme *n, unsigned queue, const struct nvme_cmd *cmd);
void nvme_ring(struct nvme *n, unsigned queue);

/*
 * Waits until at most `left` commands of the queue are under way. 0; -EACCES: the controller failed, having
 * been refused a queue; -ETIMEDOUT. Thread.
 */
must_check int nvme_wait(struct nvme *n, unsigned queue, unsigned left, uint64_t timeout_ns);

/* One admin command and its end. 0, -EIO (its status is not 0), nvme_wait's errors. Thread. */
must_check int nvme_admin(struct nvme *n, const struct nvme_cmd *cmd);

static inline void *nvme_page(const struct nvme *n, unsigned page)
{
    return n->own + (size_t)page * PAGE_SIZE;
}

#endif
