/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of the suites about the IOASID core alone: a core of its own for the case, sets in it, and
 * listeners that write down what they are told. What it cannot set up ends the case.
 */
#ifndef TESTS_SUITES_CORE_BENCH_H
#define TESTS_SUITES_CORE_BENCH_H

#include "iommu/ioasid.h"
#include "iommu/platform.h"
#include "tests/harness/harness.h"

#define CORE_SETTLE_NS 2000000000ull
#define CORE_EARS      4
#define CORE_NOTES     64

struct core_bench;

/* A subscriber that notes what it is told, and does one thing more if `act` says so. */
struct core_ear {
    struct ioasid_notifier nb;
    struct core_bench *bench;
    bool registered;
    int answer;
    void (*act)(struct core_ear *ear, const struct ioasid_event *ev);
    int act_result;
    unsigned heard; /* events, quiesce hooks not counted; atomic */
};

struct core_note {
    const struct core_ear *who;
    struct ioasid_event event;
    bool quiesce; /* the hook, not the handler */
    unsigned locks;
};

struct core_bench {
    struct t *t;
    struct ioasid_core *core;
    struct ioasid_set *system;
    uint32_t last; /* number of the core */
    struct core_ear ears[CORE_EARS];
    struct core_note notes[CORE_NOTES];
    unsigned note_count;
};

/* A core of numbers 1 .. 2^bits-1. */
void core_open(struct t *t, struct core_bench *b, unsigned bits);
/* Audits that nothing is live and nothing else is left, and gives everything back. */
void core_close(struct core_bench *b);
/* Lets dispatchers and grace periods end. */
void core_settle(struct core_bench *b);
/* The audit, with this many IDs alive. */
void core_audit(struct core_bench *b, uint32_t live);

/* A set without token. */
struct ioasid_set *core_set(struct core_bench *b, uint32_t quota);
/* Any number; a number with one user's reference besides. */
ioasid_t core_alloc(struct core_bench *b, struct ioasid_set *set);
ioasid_t core_alloc_used(struct core_bench *b, struct ioasid_set *set);
struct ioasid_stats core_stats(struct core_bench *b);
struct ioasid_set_info core_info(struct core_bench *b, struct ioasid_set *set);

/* The n-th listener, filled in and not registered; registered for a set, or IOASID_ANY_SET. */
struct core_ear *core_ear(struct core_bench *b, unsigned n, enum ioasid_level level, unsigned events);
struct core_ear *core_listen(struct core_bench *b, unsigned n, struct ioasid_set *scope,
                             enum ioasid_level level, unsigned events);
/* A quiesce hook that notes the event: for nb.quiesce, before registration. */
void core_quiesce(struct ioasid_notifier *nb, const struct ioasid_event *ev);
/* Takes it out. */
void core_deafen(struct core_ear *ear);

#endif
