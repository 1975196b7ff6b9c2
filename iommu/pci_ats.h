/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PASID, ATS and page requests as a PCI function has them: its extended capabilities, found and switched. PCI
 * Express Base Specification: PASID, Address Translation Services, Page Request Interface. Order of switching
 * is the caller's: PASID, ATS, page requests; back in reverse.
 */
#ifndef IOMMU_PCI_ATS_H
#define IOMMU_PCI_ATS_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/types.h"

struct pci_ats {
    struct pci_id fn;
    uint16_t pasid, ats, pri; /* offsets of the capabilities, 0: it has not got it */
    bool integrated;          /* in the root complex, below no port */
    unsigned pasid_bits;      /* 1..20; 0 without PASID */
    uint8_t qdep;             /* invalidations that may be pending, 1..32 */
};

/* What the function has. X. */
void pci_ats_find(struct pci_id fn, struct pci_ats *out);

/* X. */
void pci_pasid_set(const struct pci_ats *pci, bool on);
/* Its smallest page is 4 KiB. X. */
void pci_ats_set(const struct pci_ats *pci, bool on);
/* On: with room for at most `outstanding` requests that are not answered. X. */
void pci_pri_set(const struct pci_ats *pci, bool on, unsigned outstanding);

#endif
