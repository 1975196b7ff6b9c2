/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver has put into a unit's invalidation queue, compared with what it should have: descriptor by
 * descriptor, in order, from the queue's own memory.
 */
#ifndef TESTS_SUITES_STREAM_H
#define TESTS_SUITES_STREAM_H

#include "iommu/vtd_unit.h"
#include "tests/harness/harness.h"

/* A place in the stream of one unit. */
struct stream {
    struct vtd_unit *unit;
    uint64_t descriptors;
    uint64_t waits;
};

struct stream stream_mark(struct vtd_unit *unit);

/* Descriptors (waits included), and waits, submitted since the mark. */
uint64_t stream_descriptors(const struct stream *s);
uint64_t stream_waits(const struct stream *s);

/* Since the mark came exactly `want[0 .. count-1]` and then one wait; count 0: nothing at all. Fails the case
 * if not. */
void stream_expect(struct t *t, const struct stream *s, const struct vtd_desc *want, unsigned count);

/* stream_expect with the descriptors as arguments. */
#define STREAM_EXPECT(t, s, ...)                                                                             \
    stream_expect(t, s, (const struct vtd_desc[]){__VA_ARGS__},                                              \
                  sizeof((const struct vtd_desc[]){__VA_ARGS__}) / sizeof(struct vtd_desc))

#endif
