/* SPDX-License-Identifier: BSD-2-Clause */
/* A field of a large entry used on a small one. */
/* expect: field lies outside of this entry */
#include "iommu/vtd_fmt.h"

uint64_t probe(const struct vtd_pasid_dir_entry *dir, const struct vtd_pasid_entry *entry);

uint64_t probe(const struct vtd_pasid_dir_entry *dir, const struct vtd_pasid_entry *entry)
{
#ifdef WRONG
    (void)entry;
    return entry_get(dir, VTD_PASID_DID);
#else
    (void)dir;
    return entry_get(entry, VTD_PASID_DID);
#endif
}
