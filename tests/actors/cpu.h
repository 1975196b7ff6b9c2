/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU side of a guest, as a hypervisor keeps it: the table by which submissions translate the guest's own
 * PASID to the number that hardware knows. It is the two-level table of VMX in memory: bit 19 of the guest
 * PASID chooses one of two directory pages, bits 18:10 one of its 512 entries of 8 bytes, bits 9:0 one of the
 * table's 1024 entries of 4 bytes.
 *
 * BIND fills an entry and takes a reference; UNBIND or FREE, whichever comes, empties it, waits until nobody
 * who has read it is still submitting, and gives the reference back, exactly once. A submission that misses
 * is a fault to the submitter, and never a request on the bus.
 */
#ifndef TESTS_ACTORS_CPU_H
#define TESTS_ACTORS_CPU_H

#include "tests/actors/worker.h"

#define CPU_IDS 8

/* An IOASID that has an entry, or that is kept although it should have been let go. */
struct cpu_mapping {
    ioasid_t id; /* IOASID_INVALID: free */
    uint32_t spid;
    bool mapped;
};

struct cpu {
    struct ioasid_notifier nb;
    struct ioasid_core *core;
    struct ioasid_set *set;
    uint64_t *directory[2];
    struct plat_lock lock; /* mappings and counters; leaf */
    struct cpu_mapping mappings[CPU_IDS];
    unsigned mapped; /* entries that are filled */
    unsigned binds, unbinds;
    unsigned faults; /* submissions that missed */
    bool keeps;      /* misbehaves: keeps its reference at the end */
    /* Called first in the handler, and what it returns is the answer; on BIND an error maps nothing. May be
     * NULL. */
    int (*hook)(struct cpu *c, const struct ioasid_event *ev);
    /* Called by a submitter between the walk and the write to the portal. May be NULL. */
    void (*between)(struct cpu *c);
    void *arg; /* of the case, for both */
};

/*
 * An empty table, registered at the CPU level for `events`, of which BIND and UNBIND are two. -ENOMEM,
 * ioasid_notifier_register's errors. Thread.
 */
must_check int cpu_open(struct cpu *c, struct ioasid_set *set, unsigned events);

/*
 * The guest's CPU goes: unregisters, which waits for a running handler, then empties the table and gives back
 * every reference, those it kept included. Before a FREE or after it. ioasid_notifier_unregister's errors.
 * Thread.
 */
must_check int cpu_close(struct cpu *c);

/* Gives back the references that it kept against the rules. Thread. */
void cpu_let_go(struct cpu *c);

/*
 * Submits to `to` as the guest says it, by its own PASID. 0; -EFAULT (no translation: counted, nothing is
 * sent); worker_push's errors. Any context.
 */
must_check int cpu_submit(struct cpu *c, uint32_t spid, struct worker *to, const struct dma_xfer *xfer);

/* What the table in memory says: the number, or -ENOENT. Any context. */
int64_t cpu_translate(const struct cpu *c, uint32_t spid);

#endif
