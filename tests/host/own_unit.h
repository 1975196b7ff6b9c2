/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A recording unit of a case's own, beside those of the machine: capabilities, behaviour and moment of start
 * are the case's business. Ends the case when something that is no subject of it fails.
 */
#ifndef TESTS_HOST_OWN_UNIT_H
#define TESTS_HOST_OWN_UNIT_H

#include "iommu/vtd_table.h"
#include "iommu/vtd_unit.h"
#include "tests/harness/harness.h"
#include "tests/host/stub_unit.h"

struct own_unit {
    struct stub_unit *stub;
    struct vtd_unit *unit;
};

#define OWN_HAW 46

/* All translation types, page selection, 4 fault records, CAP.CM = 0, ECAP.C = 0, ESRTPS = 1; to be changed
 * as liked. */
struct stub_cfg own_cfg(void);
/* A bit of CAP or ECAP of such a configuration set or cleared: own_set(&cfg.cap, SPAN_MASK(VTD_CAP_CM),
 * true). */
void own_set(uint64_t *reg, uint64_t mask, bool on);

/* Powers on, and makes the driver's object; start: also starts it. */
void own_create(struct t *t, struct own_unit *own, const struct stub_cfg *cfg);
void own_start(struct t *t, struct own_unit *own, const struct stub_cfg *cfg);
/* Stops if it runs, and takes the object down; the unit must not have seen a breach of a rule. */
void own_close(struct t *t, struct own_unit *own);

/* A device with the requester id 08:00.0 in the lower half of its bus. */
#define OWN_RID RID(8, 0, 0)
struct vtd_dev *own_attach(struct t *t, struct own_unit *own);

/* Log lines from here on, at LOG_DEBUG and above, are kept and not printed; own_log_end() gives the sink
 * back. */
void own_log_begin(void);
/* True if a kept line has these words. */
bool own_log_has(const char *words);
void own_log_end(void);

#endif
