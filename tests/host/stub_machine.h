/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine of the host binary: two units with three devices each, their PCI functions and the DMAR table
 * that describes them. The units record and do not translate, so there is no DMA; or they are strict models
 * (model_machine.h), and every device does DMA.
 */
#ifndef TESTS_HOST_STUB_MACHINE_H
#define TESTS_HOST_STUB_MACHINE_H

#include <stddef.h>

#include "tests/host/stub_unit.h"

#define STUB_UNITS 2

/* Requester ids: unit 0 and unit 1 each have one device in the lower half of bus 0, one in the upper half,
 * and one behind a PCI bridge, whose DMA arrives as the bridge's secondary bus, device 0. */
#define STUB_DEVS 3

/* And devices in the root complex that have PASID, ATS and page requests in their configuration space, one in
 * either half of bus 0; the SATC structure names them. Those of STUB_DEVS on the root bus have PASID alone.
 */
#define STUB_ATS_DEVS 2

/* Each unit has an I/O APIC too: its number in the DMAR, and the requester id of its interrupts. */
#define STUB_IOAPIC(unit)     (5u + (unit))
#define STUB_IOAPIC_RID(unit) RID(0xf0, 0x1f, unit)

struct stub_dev {
    struct pci_id id;
    uint16_t rids[2];
    unsigned rid_count;
};

/*
 * Profiles, by name; unit 0 never snoops table reads (ECAP.C = 0), unit 1 does:
 * "default" all translation types, CAP.CM = 0;  "cm" the same with caching mode;  "fs", "ss" one stage only;
 * "old" VER 1.0 beside scalable mode, as emulators have it;  "small" 4-bit domain ids, no PSI, ESRTPS = 0 in
 * both; "ats" with device TLBs and PASIDs; "ir" with interrupt remapping. "model" and "model-<preset>" are
 * strict units. "segments-" in front of any: unit 1 is of segment 1, and its devices have the requester ids
 * of unit 0's.
 */
/* Builds (or builds anew) the machine. 0, -EINVAL: no such profile. */
must_check int stub_machine_create(const char *profile);
/* n-th profile's name of recording units, NULL beyond the last. */
const char *stub_machine_profile(unsigned n);

struct stub_unit *stub_machine_unit(unsigned n);
const struct stub_dev *stub_machine_dev(unsigned unit, unsigned n);
const struct stub_dev *stub_machine_ats_dev(unsigned unit, unsigned n);

/* A device on bus 0 of segment 0 that no unit of the DMAR has; in front of strict units its requests arrive
 * at unit 0. */
const struct stub_dev *stub_machine_stranger(void);

/* Where the capabilities are, and the bits that turn them on. */
#define STUB_PASID_CONTROL 0x104 /* upper half, bit 0 */
#define STUB_ATS_CONTROL   0x114 /* upper half, bit 15 */
#define STUB_PRI_CONTROL   0x124 /* bit 0 */
#define STUB_PRI_ROOM      0x12c /* requests that may be open */
/* The table, alive as long as the program. */
const void *stub_machine_dmar(size_t *size);

#endif
