/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between pci.c and pci_config.c: which parts of configuration space exist and are mapped.
 */
#ifndef KERNEL_PCI_CONFIG_H
#define KERNEL_PCI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* Reads the MCFG. Once. */
void pci_config_init(void);

/* Distinct segments, at most `max`; {0} without an MCFG. Returns how many. */
unsigned pci_config_segments(uint16_t *out, unsigned max);

/* Makes the whole configuration space of a bus reachable, where the MCFG covers it. */
void pci_config_map(uint16_t segment, uint8_t bus);

/* Some device answers on a bus that is not mapped; it is left unmapped. */
bool pci_config_answers(uint16_t segment, uint8_t bus);

#endif
