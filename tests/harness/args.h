/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The argument line of a run:
 *     list only=<globs> skip=<globs> seed=<n> depth=<n> repeat=<n> format=tap|ktap platform=<id>
 *     machine=<name> dmar=<n> nvme=<serial> log=<level> exit=<how>
 * Globs are separated by commas and know * and ?. Numbers are
 * decimal or 0x hex.
 */
#ifndef TESTS_HARNESS_ARGS_H
#define TESTS_HARNESS_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

#define ARGS_DEFAULT_SEED 1u

struct args {
    bool list;      /* print the cases instead of running them */
    char only[512]; /* "" is everything */
    char skip[512]; /* "" is nothing */
    uint64_t seed;
    unsigned depth;  /* 0: each enumeration's own */
    unsigned repeat; /* rounds of each case, at least 1 */
    bool ktap;
    char platform[64]; /* whose errata apply, "qemu-11.1.3"; "" none */
    char machine[32];  /* the launcher's name for it, for replay lines; "" unknown */
    unsigned dmar;     /* which DMAR table */
    char nvme[24];     /* serial number of a drive that may be overwritten, "" none */
    char log[16];      /* "" leaves it */
    char exit[16];     /* "" leaves it */
};

/* Parses `line`. 0; -EINVAL with the offending word in `why`, and whatever was understood so far in `out`. */
must_check int args_parse(const char *line, struct args *out, char *why, size_t why_size);

/* Does `text` match one of the comma separated globs? An empty list matches nothing. */
bool args_glob_list(const char *globs, const char *text);

#endif
