/* SPDX-License-Identifier: BSD-2-Clause */
/* A constant wider than its field. */
/* expect: value does not fit into its field */
#include "iommu/vtd_fmt.h"

void probe(struct vtd_pasid_entry *entry);

void probe(struct vtd_pasid_entry *entry)
{
#ifdef WRONG
    entry_set(entry, VTD_PASID_PGTT, 8);
#else
    entry_set(entry, VTD_PASID_PGTT, 7);
#endif
}
