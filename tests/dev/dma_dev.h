/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a suite sees of a device that can do DMA: which requester ids its transfers carry, what it can do, and
 * start, wait and result of one transfer. One file per engine behind it (edu.c, testdev.c, nvme.c, xhci.c; on
 * the host tests/host/model_engine.c). Nothing here knows the IOMMU: whether an address is
 * translated is the case's business.
 *
 * The engine's own memory is called its buffer. An engine with `fixed` clear writes to memory what its last
 * read left in the buffer, so a proof loads the buffer first, through an address that the device may read;
 * one with `fixed` set always writes the same: a repeated word, or a record of its own. An engine that gets
 * no answer to a read holds zeros or its old bytes, never an error, unless `reports` is set.
 *
 * An engine that keeps queues in memory needs them mapped wherever it works: its own pages. Whoever makes a
 * table for a device maps [own, own + own_pages) in it at the same addresses, readable and writable, so that
 * pass-through serves them as well. With these pages out of reach the engine fetches nothing and is blocked
 * as a whole: a transfer then ends, having moved nothing, and the next start begins by resetting the device.
 */
#ifndef TESTS_DEV_DMA_DEV_H
#define TESTS_DEV_DMA_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/types.h"
#include "kernel/lib/compiler.h"

enum dma_engine {
    DMA_EDU,     /* QEMU's edu: both directions, answers 100 ms later, no status */
    DMA_TESTDEV, /* QEMU's iommu-testdev: writes only, synchronous, tells the outcome */
    DMA_NVME,    /* drive that may be overwritten: both directions, any length, follows wall time */
    DMA_NVME_ID, /* any other drive: writes the 4 KiB of Identify */
    DMA_HELD,    /* drive with a limit of its commands: translates at once, writes zeros much later */
    DMA_XHCI,    /* USB controller: reads and writes records of 16 bytes */
    DMA_MODEL,   /* device in front of a strict unit, host only: both directions, queues, tells the outcome */
    DMA_ATS,     /* the same with a device TLB and page requests, where the driver turns them on */
    DMA_ENGINE_COUNT
};

/* Where the device sits, hence whose requester id the unit sees. */
enum dma_place {
    DMA_ON_ROOT_BUS,   /* its own id */
    DMA_AT_ROOT_PORT,  /* its own id, on a bus of its own */
    DMA_BEHIND_BRIDGE, /* a conventional bridge's id, shared with its neighbours: one group */
    DMA_PLACE_COUNT
};

enum dma_dir {
    DMA_TO_MEM,   /* the device writes memory */
    DMA_FROM_MEM, /* the device reads memory into its buffer */
};

/* What the engine itself says about the last transfer; memory has the last word. */
enum dma_result {
    DMA_RESULT_NONE,   /* nothing: no status in this engine, or no transfer yet */
    DMA_RESULT_OK,     /* the engine got its answer */
    DMA_RESULT_FAILED, /* the engine was refused */
};

#define DMA_MAX_RIDS 4
#define DMA_MAX_DEVS 32u

/* One transfer. */
struct dma_xfer {
    enum dma_dir dir;
    iova_t iova;
    uint32_t len;    /* 1..max_len bytes; may cross pages */
    uint32_t offset; /* first byte of the engine's buffer, offset + len <= max_len; 0 unless `has_offset` */
    /*
     * Memory that `iova` is believed to reach, for an engine that checks its own write behind the IOMMU's
     * back (iommu-testdev). Any readable memory of at least `len` bytes will do; the result tells writes
     * refused apart from writes that arrived elsewhere only if it is right.
     */
    paddr_t believed;
};

struct dma_dev;

/* What an engine implements; suites call the functions below instead. */
struct dma_ops {
    int (*start)(struct dma_dev *dev, const struct dma_xfer *x);
    int (*wait)(struct dma_dev *dev, uint64_t timeout_ns);
};

/* A device as found. All fields are constant after dma_discover() but the last ones, from `result` on. */
struct dma_dev {
    const struct dma_ops *ops;
    enum dma_engine engine;
    enum dma_place place;
    unsigned index;   /* n-th of its engine, in the order of dma_dev_get() */
    char name[24];    /* "edu0 00:02.0", for evidence */
    struct pci_id id; /* the function itself */
    uint16_t
        rids[DMA_MAX_RIDS]; /* every requester id its DMA may carry; rids[0] is the one that faults name */
    unsigned rid_count;
    bool can_read;   /* DMA_FROM_MEM */
    bool can_write;  /* DMA_TO_MEM */
    bool tells;      /* what it read it can write, so that every byte of a read can be looked at */
    bool has_offset; /* transfers may begin inside its buffer */
    bool queued;     /* start returns at once and the address is translated later, when `delay_ns` is over */
    bool held;       /* translated when start returns; memory is written only about `delay_ns` later */
    bool asks_again; /* one refused transfer may be several requests, hence several records of it */
    bool reports;    /* result tells a transfer refused from one that was let through */
    bool can_tag;    /* transfers may carry a PASID: dma_tag() */
    bool device_tlb; /* has one, and page requests */
    bool obeys_bme;  /* no DMA with Bus Master Enable clear */
    bool fixed; /* always writes the same: `sends`, or without that `fixed_word`, little endian, repeated */
    uint32_t fixed_word;
    uint32_t record_len;  /* every transfer has exactly that many bytes; 0: 1..max_len */
    uint32_t align;       /* of `iova`, a power of two; 0 and 1: any byte */
    const uint8_t *sends; /* the record_len bytes that it writes */
    /*
     * Of an engine that can read but not tell: the record_len bytes that it looks for, in memory that is zero
     * otherwise. It says DMA_RESULT_OK if they are what it found.
     */
    const uint8_t *wants;
    paddr_t own;        /* its own pages, see above; memory and address are the same number */
    unsigned own_pages; /* 0: it needs none */
    uint32_t max_len;   /* bytes of one transfer */
    uint64_t dma_mask;  /* addresses are cut to this; device.address_bits proves it */
    uint64_t delay_ns;  /* from start to translation, 0 if synchronous */
    enum dma_result result;
    unsigned interrupts; /* taken from it so far; by its handler */
    bool busy;           /* a transfer was started and not waited for */
    bool tagged;         /* transfers carry `pasid`, see dma_tag() */
    uint32_t pasid;
};

/*
 * Finds every engine of this machine, once; enables memory decoding, bus mastering and one interrupt vector
 * of each. Devices that answer wrongly, and those beyond the first DMA_MAX_DEVS, are left out and reported by
 * plat_log. 0 or the errno of a missing
 * resource. `scratch`: serial number of an NVMe drive whose contents may be lost, "" for none; a drive of an
 * emulator says so itself, see nvme.c. Before translation is on. Thread.
 */
must_check int dma_discover(const char *scratch);

/*
 * What is wrong with the drive that dma_discover() was to find by its serial number, in words that name it;
 * "" if nothing is, or none was named.
 */
const char *dma_scratch_trouble(void);

/*
 * n-th device of an engine, NULL when there are fewer. Order: root bus by devfn, root ports, behind bridges.
 * Members of one group (devices that share a requester id) follow each other.
 */
struct dma_dev *dma_dev_get(enum dma_engine engine, unsigned n);

/* n-th device of an engine at a place, NULL when there are fewer. */
struct dma_dev *dma_dev_at(enum dma_engine engine, enum dma_place place, unsigned n);

/* "edu", "testdev", "nvme": as cases are named; and the words for a place. */
const char *dma_engine_name(enum dma_engine engine);
const char *dma_place_name(enum dma_place place);

/* A length that the engine can move, `at_most` if it has the choice. */
uint32_t dma_some_len(const struct dma_dev *dev, uint32_t at_most);

/* Do two devices share a requester id, so that no table can tell them apart? */
bool dma_same_group(const struct dma_dev *a, const struct dma_dev *b);

/*
 * Takes a device off the list, with its bus mastering off, for which there is no use; the object stays
 * readable. Nothing is under way on it. Thread.
 */
void dma_leave_out(struct dma_dev *dev);

/*
 * Starts a transfer. -EBUSY when one is under way, -EINVAL for a length, offset or address beyond the
 * engine's limits, -ENOTSUP for a direction it has not. A synchronous engine is done on return; call dma_wait
 * all the same. Thread.
 */
must_check int dma_start(struct dma_dev *dev, const struct dma_xfer *x);

/*
 * Waits for the end of the started transfer, sleeping until the engine's interrupt, at most `timeout_ns`.
 * 0: the engine says it is done, which is not a word about what it reached. -ETIMEDOUT: it never answered;
 * logged with its name, and the device stays busy. -EINVAL: nothing was started. Thread.
 */
must_check int dma_wait(struct dma_dev *dev, uint64_t timeout_ns);

/* Twenty times the longest delay of an engine: nothing that works takes as long. */
#define DMA_TIMEOUT_NS 2000000000ull

/* dma_start and dma_wait(DMA_TIMEOUT_NS) in one. */
must_check int dma_run(struct dma_dev *dev, const struct dma_xfer *x);

/*
 * From now on transfers of the device carry a PASID, or none again. Only for an engine with `can_tag`, whose
 * start is -EINVAL if the function's PASIDs are off. All tags go after each case.
 */
void dma_tag(struct dma_dev *dev, uint32_t pasid);
void dma_untag(struct dma_dev *dev);

/* The `len` bytes that an engine with `fixed` writes. False (and nothing stored) for one that writes its
 * buffer. */
bool dma_fixed_pattern(const struct dma_dev *dev, void *out, uint32_t len);

/*
 * Pulls the device out of its slot, for good: the list does not have it any more, the object stays readable.
 * 0; -ENODEV: it is in no slot; -ETIMEDOUT: the slot does not obey. Thread.
 */
must_check int dma_unplug(struct dma_dev *dev);

/* Lets a transfer that a case left behind end, by waiting for it. Part of the cleanup after each case.
 * Thread. */
void dma_quiesce_all(void);

#endif
