/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A strict VT-d remapping unit as a program: registers, tables, caches, invalidation queue, page requests and
 * interrupts of VT-d 5.10, hostile in everything that the specification leaves open. A driver that passes on
 * it did not rely on what some unit happens to do.
 *
 * The model shares the formats of iommu/vtd_regs.h and iommu/vtd_fmt.h with the driver and nothing else, so
 * that another driver can be put in front of it. Whoever links it gives it memory and takes its interrupts
 * (struct model_host). It has no clock and no thread: commands, descriptors and DMA go on in model_step(),
 * and in accesses to its registers.
 *
 * What software does against the rules, and hardware could not report, is a breach: words that begin with the
 * rule's number, given to model_host.breach. Rules are those of docs/rules/rules.tsv.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/vtd_fmt.h"
#include "iommu/vtd_regs.h"

struct model;

/* ---- What is around a unit ---- */

/* All functions may be called from within any call into the model; none of them may call back into it. */
struct model_host {
    void *ctx;
    /*
     * Reads memory: what CPUs see if `snooped`, else what has been written back to memory. False: no memory
     * there. `size` is at most 64 and does not cross a page.
     */
    bool (*read)(void *ctx, uint64_t pa, void *out, size_t size, bool snooped);
    /* Writes memory, for CPUs and units to see alike. False: no memory there. Within one page. */
    bool (*write)(void *ctx, uint64_t pa, const void *in, size_t size);
    /* Atomic: 64 bits become `desired` if they are `expected`. False: they are not, or no memory there. */
    bool (*cas64)(void *ctx, uint64_t pa, uint64_t expected, uint64_t desired);
    /* An interrupt message leaves the unit: an event of its own, or a device's message after remapping. */
    void (*interrupt)(void *ctx, uint64_t address, uint32_t data);
    void (*breach)(void *ctx, const char *words);
};

/* ---- What a unit is, and how it behaves ---- */

struct model_config {
    uint32_t ver;
    uint64_t cap;
    uint64_t ecap;
    uint64_t vccap;       /* VT-d 5.10, Virtual Command Capability Register; used if ECAP.VCS */
    unsigned vcmd_pasids; /* that virtual commands give out at most; 0: as many as ECAP.PSS allows */
    unsigned haw;         /* host address width, bits */
    unsigned cache_max;   /* entries that each cache holds, 1..8 */
    uint64_t seed;        /* of every choice that is the unit's own */
    /* All false: a unit that obeys at once. */
    bool slow;      /* commands, descriptors and DMA take steps, in pieces */
    bool tear;      /* entries larger than 128 bits are read in pieces, with time between them */
    bool spurious;  /* sends its event interrupts again, for nothing */
    bool speculate; /* looks up again what was asked for of late, at any time */
    bool collapse;  /* while a record of a requester is pending, its further faults are dropped (rule 68) */
    /* Deviations of known emulators; never set in a preset that stands for silicon. */
    bool pasid_p_ignored;   /* a PASID entry is used although P = 0, while the context entry is cached */
    bool aw_in_first_stage; /* AW is no reserved field where ECAP.SSTS = 0 */
    bool no_iqercd;         /* IQERCD reads 0 */
    bool restart_at_tail;   /* clearing IQE does not restart the queue, the next write of IQT does */
    bool no_fault_cap;      /* FSTS: only PFO and IQE are write-1-to-clear */
};

/* Presets by name: "minimal", "client", "server", "guest", "qemu-7.2", "qemu-10.0", "qemu-11.1", "random".
 * NULL beyond the last. */
const char *model_preset_name(unsigned n);
/* `seed` also makes "random". False: no such preset. */
bool model_preset(const char *name, uint64_t seed, struct model_config *out);

/* A unit after power-on. NULL: out of memory, or a configuration that VT-d 5.10 does not allow. */
struct model *model_create(const struct model_config *config, const struct model_host *host);
void model_destroy(struct model *m);
const struct model_config *model_config(const struct model *m);

/* ---- Registers: accesses as they were issued, `offset` from the unit's base ---- */

uint32_t model_read32(struct model *m, uint32_t offset);
uint64_t model_read64(struct model *m, uint32_t offset);
void model_write32(struct model *m, uint32_t offset, uint32_t value);
void model_write64(struct model *m, uint32_t offset, uint64_t value);
/* Bytes of register space. */
uint32_t model_regs_size(const struct model *m);
/* A register without side effects, widths and hostility; for tests. */
uint64_t model_peek(const struct model *m, uint32_t offset, unsigned width);

/* ---- Time ---- */

/* The unit does at most `n` pieces of work: of a command, of the queue, of one DMA, of a device's answer. */
void model_step(struct model *m, unsigned n);
/* True if nothing is under way: no command, empty or stopped queue, no DMA, no device's answer. */
bool model_idle(const struct model *m);
/* The unit chooses from here on as it did from its start: what happens twice in the same way ends in the same
 * way. */
void model_again(struct model *m);

/* ---- What memory's owner tells, so that duties can be checked ---- */

/* Software has made [pa, pa + size) visible to the unit. */
void model_published(struct model *m, uint64_t pa, uint64_t size);
/* [pa, pa + size) has been given back: nothing of the unit may lead there any more. */
void model_freed(struct model *m, uint64_t pa, uint64_t size);

/* ---- Requests of devices ---- */

enum model_access {
    MODEL_READ,
    MODEL_WRITE,
    MODEL_ATOMIC, /* fetch and add of 4 or 8 bytes */
};

struct model_request {
    uint16_t sid;
    bool has_pasid;
    uint32_t pasid;
    bool privileged; /* PR; with PASID only */
    bool execute;    /* ER; with PASID, reads only */
    enum vtd_at at;
    enum model_access access;
    bool no_write; /* NW of a translation request */
    uint64_t addr;
    uint32_t len; /* bytes, 0: zero-length read; may cross pages */
    void *data;   /* of `len` bytes; stays until the request has ended */
};

enum model_status {
    MODEL_SUCCESS,
    MODEL_UR, /* unsupported request */
    MODEL_CA, /* completer abort */
};

struct model_completion {
    enum model_status status;
    uint8_t fault;  /* enum vtd_fault_code, 0: none; recoverable ones included */
    uint32_t moved; /* bytes, counted from the start */
};

/*
 * A read, write or atomic, translated or not. It goes on in model_step(): fetches of tables, translation,
 * access to memory are steps of their own. -1: too many are under way. Else a number for the calls below.
 */
int model_dma_start(struct model *m, const struct model_request *rq);
/* True when the request has ended; then its number is free again and `out` is set. */
bool model_dma_end(struct model *m, int dma, struct model_completion *out);
/* Has the request been translated, so that only memory is still missing? */
bool model_dma_translated(const struct model *m, int dma);
/* All of it at once. */
struct model_completion model_dma(struct model *m, const struct model_request *rq);

/* ---- ATS, page requests ---- */

/* The answer to a translation request. */
struct model_translation {
    enum model_status status;
    uint8_t fault; /* as in struct model_completion */
    uint64_t addr;
    uint64_t size; /* bytes, a power of two */
    bool r, w, x, u, snoop, global, priv;
};

/*
 * A function with a device TLB of its own, as the unit sees it in DMA, invalidations and page requests. Its
 * TLB keeps everything until it is told otherwise.
 */
struct model_device {
    uint16_t sid;
    bool pri;       /* sends page requests where a translation is refused */
    bool mute;      /* never answers an invalidation: ITE */
    bool wrong_tag; /* before its answer sends one with a tag that nobody sent: ICE */
    unsigned delay; /* steps from an invalidation to its answer */
    unsigned qdep;  /* invalidations that it takes at a time, 1..32; 0: 32 */
};

/* Adds a function with ATS on, or changes one. -1: too many. */
int model_device_set(struct model *m, const struct model_device *device);
/* ATS off: its TLB is empty. It still answers invalidations, as rule 77 wants one (`mute` first: it is gone).
 */
void model_device_remove(struct model *m, uint16_t sid);
/* A translation request past the device TLB. */
struct model_translation model_translate(struct model *m, const struct model_request *rq);
/* A read or write as such a device does it: by its TLB, a translation request, then as translated request.
 * With `pri` a refusal becomes a page request (of group 1): status UR, and `moved` bytes that went before. */
struct model_completion model_device_dma(struct model *m, const struct model_request *rq);
/* Entries in the TLB of a function. */
unsigned model_device_entries(const struct model *m, uint16_t sid);

struct model_page_request {
    uint16_t sid;
    bool has_pasid;
    uint32_t pasid;
    bool privileged, execute, read, write, last;
    uint16_t group;
    uint64_t addr;
};

/* What the device hears of it. */
struct model_page_response {
    uint16_t sid;
    bool has_pasid;
    uint32_t pasid;
    uint16_t group;
    uint8_t code; /* enum vtd_presp_code */
};

/* A function sends a page request (or, with a PASID, read = write = false and last: a stop marker). A slow
 * unit's arrives late, at the latest before the function's next answer to an invalidation of its TLB. */
void model_page_request(struct model *m, const struct model_page_request *rq);
/* Oldest response that no device has taken yet. False: none. */
bool model_page_response(struct model *m, struct model_page_response *out);
/* Page requests of a function that are on their way to the unit. */
unsigned model_page_requests_late(const struct model *m, uint16_t sid);
/* Responses on their way to a function, to requests that were accepted. */
unsigned model_page_responses_late(const struct model *m, uint16_t sid);

/* ---- Interrupts of devices ---- */

/* A write to FEEx_xxxx. What comes out goes to model_host.interrupt. */
struct model_completion model_msi(struct model *m, uint16_t sid, uint64_t address, uint32_t data);

/* ---- Failures, for tests of what software does then ---- */

enum model_failure {
    MODEL_FAIL_FETCH,  /* a descriptor cannot be read: IQE */
    MODEL_FAIL_STATUS, /* a wait is over, and its status is never written */
    MODEL_FAIL_ANSWER, /* a device does not answer an invalidation of its TLB: ITE */
    MODEL_FAIL_COUNT
};
/* The n-th time from now on, once; 0: not at all. Returns what was left of the number before, 0 if none was
 * or it has happened. */
unsigned model_fail(struct model *m, enum model_failure what, unsigned nth);

/* ---- Looking inside; for tests ---- */

enum model_cache {
    MODEL_CACHE_CONTEXT,
    MODEL_CACHE_PASID,
    MODEL_CACHE_IOTLB,
    MODEL_CACHE_FS,
    MODEL_CACHE_SS,
    MODEL_CACHE_IEC,
    MODEL_CACHE_COUNT
};
/* Entries that a cache could answer from now. */
unsigned model_cached(const struct model *m, enum model_cache which);
/* Breaches so far. */
unsigned model_breaches(const struct model *m);

#endif
