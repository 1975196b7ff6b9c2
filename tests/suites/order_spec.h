/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The abstract machine of the orderings: what alloc, get, put, bind, unbind and free of a few IOASIDs on a
 * few devices have to answer, whom they have to tell, and which device may reach whose page afterwards. It
 * knows neither VT-d nor the IOASID core; it is the ordering table (docs/rules/rows.tsv) as a program, small
 * enough to be reviewed at one sitting. Pure: no memory of its own, nothing is called.
 *
 * A step is one call and the end of all deliveries that it causes. An IOASID is named by its place: the
 * handle that its last alloc gave is kept after the end of its life, so that calls that come too late are
 * steps like any other.
 */
#ifndef TESTS_SUITES_ORDER_SPEC_H
#define TESTS_SUITES_ORDER_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#define SPEC_IDS  2
#define SPEC_DEVS 2

/* What is constant over a sequence. */
struct spec_rules {
    unsigned reach_max; /* IOASIDs that one device reaches at a time: 1 where requests carry no PASID */
    bool native;        /* bindings are the host's own: free before unbind is refused */
};

enum spec_call { SPEC_ALLOC, SPEC_GET, SPEC_PUT, SPEC_BIND, SPEC_UNBIND, SPEC_FREE, SPEC_CALLS };

struct spec_op {
    uint8_t call; /* enum spec_call */
    uint8_t id;
    uint8_t dev; /* of bind and unbind, else 0 */
};

/* What the listeners of an IOASID are owed for a step. */
enum spec_event {
    SPEC_QUIET,
    SPEC_TELL_ALLOC,
    SPEC_TELL_BIND,       /* the first device was bound */
    SPEC_TELL_UNBIND,     /* the last one was unbound */
    SPEC_TELL_FREE,       /* somebody holds a reference still */
    SPEC_TELL_FREE_BOUND, /* the same, and bindings end with it */
    SPEC_EVENTS
};

/* NEVER and GONE answer alike; they differ in the handle, which is none at all or a stale one. */
enum spec_life { SPEC_NEVER, SPEC_LIVE, SPEC_PENDING, SPEC_GONE };

/* All that is known of the IOASIDs between two steps. Without padding, so that states can be compared as
 * bytes. */
struct spec {
    struct {
        uint8_t life;  /* enum spec_life */
        uint8_t users; /* references taken by get and not yet given back */
        uint8_t bound; /* devices, one bit each */
    } ids[SPEC_IDS];
};

struct spec_answer {
    int result;
    enum spec_event owed[SPEC_IDS];
};

/*
 * May the step be asked for at all? Not an alloc where the place holds a live handle, which would be lost,
 * and not a get beyond what a counter of this machine holds.
 */
bool spec_may(const struct spec *s, struct spec_op op);

/* One step: the answer, and the state after it. */
struct spec_answer spec_step(struct spec *s, const struct spec_rules *rules, struct spec_op op);

/* References that the IOASID has now; -ENOENT when it has no life. */
int spec_refs(const struct spec *s, unsigned id);

/* May the device reach the page of this IOASID now? */
bool spec_reaches(const struct spec *s, unsigned dev, unsigned id);

/* The number of an IOASID is taken: no other life may have it. */
bool spec_alive(const struct spec *s, unsigned id);

/*
 * The state as a number, the same for states that differ only in which IOASID and which device is called the
 * first one: the least over all ways to name them.
 */
uint64_t spec_key(const struct spec *s);

/*
 * First use in order: an IOASID (or a device) may be named by `op` only after all those before it. Of the
 * sequences that differ only in names this lets exactly one through. `used` are the numbers named so far,
 * updated if it may.
 */
struct spec_names {
    unsigned ids;
    unsigned devs;
};
bool spec_first_use(struct spec_names *used, struct spec_op op);

/* n-th of all steps that can be named, n < SPEC_OPS. */
#define SPEC_OPS (SPEC_IDS * (4 + 2 * SPEC_DEVS))
struct spec_op spec_op(unsigned n);

/* "alloc", "bind". */
const char *spec_call_name(unsigned call);
bool spec_names_device(unsigned call);

#endif
