/* SPDX-License-Identifier: BSD-2-Clause */
/* A constant address with bits outside of its field. */
/* expect: value does not fit into its field */
#include "iommu/vtd_fmt.h"

void probe(struct vtd_root_entry *entry);

void probe(struct vtd_root_entry *entry)
{
#ifdef WRONG
    entry_set_addr(entry, VTD_ROOT_LCTP, 0x1800);
#else
    entry_set_addr(entry, VTD_ROOT_LCTP, 0x1000);
#endif
}
