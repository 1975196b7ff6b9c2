/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A strict unit alone: a little memory around it, and nothing of the driver. What CPUs see and what has been
 * written back to memory are kept apart, as are interrupts and breaches.
 */
#ifndef TESTS_HOST_MODEL_BED_H
#define TESTS_HOST_MODEL_BED_H

#include "tests/harness/harness.h"
#include "tests/model/model_priv.h"

/* Memory is [BED_BASE, BED_BASE + BED_SIZE), nothing else. */
#define BED_BASE 0x100000ull
#define BED_SIZE 0x100000ull

struct bed {
    struct model *m;
    uint8_t seen[BED_SIZE];   /* by CPUs, and by reads that snoop */
    uint8_t memory[BED_SIZE]; /* by reads that do not */
    bool cas_fails;           /* every atomic update loses */
    uint64_t race_pa; /* before the next atomic update this word changes to race_value; 0: none does */
    uint64_t race_value;
    unsigned interrupts;
    uint64_t address; /* of the last one */
    uint32_t data;
    unsigned breaches;
    char words[200]; /* of the last one */
};

/* Preset "server", obeying at once, with entries for every bit of `cap` and `ecap` besides. */
struct model_config bed_config(uint64_t cap, uint64_t ecap);
/* The one bed, with empty memory and a unit after power-on; the case ends if there is no such unit. */
struct bed *bed_open(struct t *t, const struct model_config *cfg);
/* A word of memory, changed and written back; of what CPUs see. */
void bed_store(struct bed *bed, uint64_t pa, uint64_t value);
uint64_t bed_load(const struct bed *bed, uint64_t pa);
/* Changed by a CPU, and not written back. */
void bed_store_cached(struct bed *bed, uint64_t pa, uint64_t value);
/* `count` words from `pa` on. */
void bed_fill(struct bed *bed, uint64_t pa, const uint64_t *words, unsigned count);

/* The last breach begins with "rule <n>:", and is the `count`-th. */
bool bed_has_breach(const struct bed *bed, unsigned count, const char *begins);

/*
 * Scalable mode with an invalidation queue of one page, all by register writes: root table at BED_ROOT, queue
 * at BED_QUEUE, empty. Requester BED_SID has a context entry (words 0, 1 given) with its directory at BED_DIR
 * and one table of PASID entries at BED_PASIDS.
 */
#define BED_ROOT   0x100000ull
#define BED_CTX    0x101000ull
#define BED_DIR    0x102000ull
#define BED_PASIDS 0x103000ull
#define BED_QUEUE  0x104000ull
#define BED_STATUS 0x105000ull
#define BED_SID    0x0110
void bed_start(struct bed *bed, uint64_t context_0, uint64_t context_1);
/* One more bit of GCMD, with all that GSTS has, and the time that it takes. */
void bed_command(struct bed *bed, uint32_t bit);
/* Words 0 .. 2 of a PASID entry, PASID 0 .. 63. */
void bed_pasid(struct bed *bed, unsigned pasid, uint64_t q0, uint64_t q1, uint64_t q2);
/* One descriptor goes into the queue, and the tail moves. */
void bed_submit(struct bed *bed, uint64_t q0, uint64_t q1);
/* A wait, and as many steps as it takes. False: not over after many. */
bool bed_wait(struct bed *bed, uint64_t flags);
/* Fault record n: reason, 0 if none is pending there; then it is cleared. */
unsigned bed_fault(struct bed *bed, unsigned n);

#endif
