/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What whoever ran the machine before us (firmware, a kernel that went down) left in a unit: noted, ended,
 * and put back on the way out. VT-d 5.10, Register Descriptions; rules 5-8, 22, 72, 73.
 *
 * The order of a take-over: save, quiesce; queue, tables, translation; protection off. And of the way out:
 * protection as found, translation off, point back, queue off, restore. So memory that was protected stays so
 * whenever translation is off, but for vtd_unit_quiet.
 */
#ifndef IOMMU_VTD_FIRMWARE_H
#define IOMMU_VTD_FIRMWARE_H

#include <stdbool.h>

#include "kernel/lib/compiler.h"

struct vtd_unit;

/* Notes the registers in unit->saved, and logs what was on. Writes nothing. T. */
void vtd_firmware_save(struct vtd_unit *unit);

/*
 * Off: translation (so that the mode of the tables may change, rule 6), interrupt remapping and compatibility
 * format, the queue, drained or declared stuck (rules 22, 73). 0, -ETIMEDOUT. T.
 */
must_check int vtd_firmware_quiesce(struct vtd_unit *unit);

/* Protected memory (PMEN.EPM) on or off, where the unit has it, and its status awaited (rule 72). 0,
 * -ETIMEDOUT. T. */
must_check int vtd_firmware_protect(struct vtd_unit *unit, bool on);

/* Root table as it was found, and nothing of ours cached any more. Translation is off, our queue still on. 0,
 * -EIO, -ETIMEDOUT. T. */
must_check int vtd_firmware_point_back(struct vtd_unit *unit);

/* Registers and enables as they were found; all that was ours is off. 0, -ETIMEDOUT. T. */
must_check int vtd_firmware_restore(struct vtd_unit *unit);

#endif
