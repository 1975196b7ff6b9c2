/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fixture of the races: one thread per CPU, bound to it, and rounds in which all of them act at the same
 * time, each after a delay of its own. The delays and the pauses inside the seam come from the case's random
 * numbers. In the firmware, and on the threads of a process under ThreadSanitizer.
 */
#ifndef TESTS_SUITES_RACE_H
#define TESTS_SUITES_RACE_H

#include "iommu/iommu.h"
#include "tests/harness/env.h"
#include "tests/harness/harness.h"

#define RACE_EVENT_TYPES 4
#define RACE_MAX         16

struct race;

/* One thread of the crew. */
struct racer {
    struct race *race;
    struct env_thread *thread;
    unsigned index; /* = its CPU */
    unsigned delay; /* pauses before it acts */
    int (*act)(struct racer *r);
    void *arg;
    int result;
    uint64_t rng; /* for race_rand() */
};

struct race {
    struct t *t;
    unsigned count;
    struct plat_waitq start, end;
    uint64_t began;    /* when the crew was made */
    uint32_t round;    /* how many there were; atomic; racers wait for the next one */
    uint32_t arrived;  /* racers that are awake for this round; atomic */
    uint32_t finished; /* and those that are done with it; atomic */
    bool over;         /* atomic */
    struct racer racers[RACE_MAX];
};

/* A crew of as many threads as there are CPUs, at most `most`. Ends the case if they cannot be made. */
void race_open(struct t *t, struct race *race, unsigned most);
/* What a racer does in every round from now on; NULL: nothing. */
void race_set(struct race *race, unsigned racer, int (*act)(struct racer *r), void *arg);
/*
 * Another round? False after `most`, or, when a good number of them have been, after some seconds: on a host
 * with less to give than the machine has CPUs a round takes long.
 */
bool race_more(const struct race *race, unsigned most);
/* The same, and on for some seconds while what the race is for was not `seen`: it needs CPUs that act at the
 * same time, which a busy host gives now and then. */
bool race_until(const struct race *race, unsigned most, bool seen);
/* One round; returns when everybody is done. A racer that does not come back fails the case. */
void race_round(struct race *race);
/* Ends the threads. */
void race_close(struct race *race);

/* One more of something that several racers count. */
static inline void race_count(unsigned *n)
{
    __atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

/* A number below `limit` from the racer's own generator. */
uint64_t race_rand(struct racer *r, uint64_t limit);
/* Says PAUSE up to `most` times. */
void race_pause(struct racer *r, unsigned most);

/* ---- A subscriber that counts ---- */

struct race_ear {
    struct ioasid_notifier nb;
    unsigned heard[RACE_EVENT_TYPES]; /* by race_heard(); atomic */
    unsigned locked;                  /* calls that came with a lock held (V7); atomic */
    unsigned inside;                  /* handlers under way; atomic */
    unsigned pauses;                  /* in the handler, so that it lasts */
};

/* Fills it in; not registered yet. */
void race_ear_init(struct race_ear *ear, enum ioasid_level level, unsigned events);
/* How many events of a type it was told since the last race_ear_forget(). */
unsigned race_heard(const struct race_ear *ear, enum ioasid_event_type type);
void race_ear_forget(struct race_ear *ear);

/* The audit with this many IDs alive; a finding fails the case. */
bool race_audit(struct t *t, uint32_t live);

#endif
