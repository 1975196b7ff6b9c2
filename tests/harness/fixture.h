/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The object under test in the life of a run: made once from the machine's DMAR, looked at after every case,
 * thrown away by force and made anew after a case that left it in pieces.
 */
#ifndef TESTS_HARNESS_FIXTURE_H
#define TESTS_HARNESS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/iommu.h"
#include "tests/harness/runner.h"

/* Finds devices and units and starts these, guarded. Which DMAR: args->dmar. Whatever fails is kept as a
 * reason. */
void fixture_init(const struct args *args);
/* Started object, or NULL. */
struct iommu *fixture_iommu(void);
/* Why there is none: "no DMAR table", "iommu_start: -ETIMEDOUT". "" when there is one. */
const char *fixture_reason(void);

/* Before a case: makes the object if it was dropped. 0; -EIO with the reason changed. */
must_check int fixture_ready(void);
/* By force, after a bad end. The next fixture_ready makes a new one. */
void fixture_drop(void);
/* In the middle of a case, orderly. Errors of stop, destroy, create and start, in words in the reason. */
must_check int fixture_rebuild(void);
/* At the end of the run: the machine as it was found. 0, or what stop or destroy said. */
must_check int fixture_end(void);

/* What a case may change only for itself: memory by owner. */
struct fixture_account {
    size_t pages[OWNER_COUNT];
    size_t objects[OWNER_COUNT];
    uint64_t mark;
};
void fixture_account(struct fixture_account *out);
/* After a case, DMA quiet and its memory given back: rests, audit, faults, memory. Complaints go to the case.
 * True: all clean. */
bool fixture_check(struct t_state *st, const struct fixture_account *before);
/* Of these, memory alone. */
bool fixture_check_memory(struct t_state *st, const struct fixture_account *before);

#endif
