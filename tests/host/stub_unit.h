/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording remapping unit: registers with their side effects, and an invalidation queue that checks,
 * records and completes descriptors. It translates nothing; what a driver says to it is all there is. It
 * accepts what VT-d 5.10 allows and no more: everything else is either an error that the specification gives
 * to software, or a breach of a rule, which is written down in words.
 */
#ifndef TESTS_HOST_STUB_UNIT_H
#define TESTS_HOST_STUB_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_fmt.h"
#include "iommu/vtd_regs.h"
#include "tests/host/host.h"
#include "tests/host/stub_intr.h"

#define STUB_STREAM_MAX 8192
#define STUB_BREACH_MAX 16
#define STUB_REG_BYTES  (2 * PAGE_SIZE)

/* What a unit is made of. */
struct stub_cfg {
    paddr_t base;
    uint32_t ver;
    uint64_t cap;
    uint64_t ecap;
};

/* How it behaves; all zero is a unit that obeys at once. May be changed at any time. */
struct stub_faults {
    uint32_t ignored_commands; /* GCMD bits that never show in GSTS */
    unsigned command_ticks;    /* ticks from a command to its status */
    bool hold_queue;           /* no descriptor is executed */
    unsigned per_tick;         /* descriptors executed per tick; 0: all of them at the tail write */
    unsigned lose_wait;        /* the n-th wait from now never writes its status; 0: none */
    unsigned refuse;           /* the n-th descriptor from now cannot be fetched (IQE); 0: none */
    unsigned device_timeouts;  /* so many device-TLB invalidations time out (ITE), from the next one on */
    bool abort_early;          /* such a time-out stops the unit before it has fetched the wait behind it */
    unsigned device_error;     /* the n-th one gets an invalid completion (ICE); 0: none */
    bool sticky_iqe;      /* clearing IQE alone does not restart the queue, a tail write does (as in QEMU) */
    bool no_iqercd;       /* IQERCD reads 0 */
    bool vcmd_stuck;      /* a virtual command is never over */
    uint64_t vcmd_answer; /* what VCRSP reads after one */
};

struct stub_unit {
    struct stub_cfg cfg;
    struct stub_faults faults;
    struct host_mmio mmio;
    uint64_t regs[STUB_REG_BYTES / 8];

    uint32_t command; /* under way, 0: none */
    unsigned command_left;
    uint64_t root; /* RTADDR at the last SRTP */
    bool last_was_wait;
    bool stopped;     /* by an error, until software clears it */
    bool device_late; /* a device-TLB invalidation timed out: the next wait is aborted */
    unsigned fault_next;
    struct stub_intr intr;

    struct vtd_desc stream[STUB_STREAM_MAX];
    unsigned stream_count;
    char breaches[STUB_BREACH_MAX][96];
    unsigned breach_count; /* all of them; the first STUB_BREACH_MAX are kept */
    uint64_t commands;     /* GCMD writes */
};

/* Powers a unit on and puts it on the bus. `unit` stays where it is until host_bus_reset(). */
void stub_unit_create(struct stub_unit *unit, const struct stub_cfg *cfg);

/* Executed descriptors since the last clear, waits included; beyond STUB_STREAM_MAX they are only counted. */
void stub_stream_clear(struct stub_unit *unit);

/* Executes what is in the queue: after hold_queue, or for one more piece. */
void stub_run_queue(struct stub_unit *unit);

/* Time passes for every unit. */
void stub_tick(void);

/* A translation fault is recorded as hardware would: F set, FRI, PPF, overflow, fault event. */
void stub_record_fault(struct stub_unit *unit, const struct vtd_frcd *record);

/* Register contents, without side effects and width checks. */
uint64_t stub_reg(const struct stub_unit *unit, uint32_t offset, unsigned width);
void stub_set_reg(struct stub_unit *unit, uint32_t offset, unsigned width, uint64_t value);

void stub_breach(struct stub_unit *unit, const char *fmt, ...) printf_like(2, 3);

/* stub_queue.c: executes at most `most` descriptors (0: no limit); for stub_unit.c. */
void stub_queue_run(struct stub_unit *unit, unsigned most);
/* Sets causes in FSTS and raises the fault event if none was pending (rule 65). */
void stub_raise(struct stub_unit *unit, uint64_t causes);
/* Sets IWC and raises the completion event if it was 0 (rule 23). */
void stub_raise_completion(struct stub_unit *unit);

#endif
