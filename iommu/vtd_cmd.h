/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands to a unit, and the wait for what it does. VT-d 5.10, Global Command Register; rules 1-3.
 */
#ifndef IOMMU_VTD_CMD_H
#define IOMMU_VTD_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/vtd_regs.h"
#include "kernel/lib/compiler.h"

struct vtd_unit;

/*
 * The one bounded wait for hardware: polls `done(arg)` until it is true, looks once more after the time is
 * over, and then logs what it waited for. 0, -ETIMEDOUT. X.
 */
must_check int vtd_wait(struct vtd_unit *unit, bool (*done)(void *arg), void *arg, const char *what);

/* The same for a register: any bit of `mask` set (or all clear). X. */
must_check int vtd_wait_status(struct vtd_unit *unit, struct reg32 reg, uint64_t mask, bool set,
                               const char *what);

/* Bits of GCMD. VTD_CMD_SRTP, _WBF and _SIRTP are one-shot: `on` is true. */
enum vtd_cmd { VTD_CMD_TE, VTD_CMD_SRTP, VTD_CMD_WBF, VTD_CMD_QIE, VTD_CMD_IRE, VTD_CMD_SIRTP, VTD_CMD_CFI };

/*
 * The one writer of GCMD: changes one bit, all others as GSTS has them, and waits for its status (rules 1-3).
 * 0, -ETIMEDOUT. X.
 */
must_check int vtd_cmd(struct vtd_unit *unit, enum vtd_cmd cmd, bool on);

#endif
