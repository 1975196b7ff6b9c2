/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Known deviations of platforms: the table of docs/errata.md, compiled in by tests/tools/errata_gen.py, and
 * which of its rows apply to the platform that the launcher named.
 */
#ifndef TESTS_HARNESS_ERRATA_H
#define TESTS_HARNESS_ERRATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One row: versions first..last of a platform, both included. */
struct erratum {
    const char *id;       /* "E-001" */
    const char *platform; /* "qemu" */
    uint16_t first[4];    /* major, minor, micro, further; absent parts are 0 */
    uint16_t last[4];
    const char *rule; /* what it breaks */
    const char *text; /* one line */
};

/* Generated: every row, sorted by id. */
extern const struct erratum errata_table[];
extern const size_t errata_count;

/* Splits "qemu-11.1.3" at the last '-'. False when there is no version behind one. */
bool errata_platform(const char *platform, char *family, size_t size, uint16_t version[4]);

/* Is `id` one of `ids`, separated by blanks? */
bool errata_named(const char *ids, const char *id);

/* Row of the first of `ids`, in their order, that applies to `platform`; NULL when none does. */
const struct erratum *errata_find(const struct erratum *table, size_t count, const char *ids,
                                  const char *platform);

#endif
