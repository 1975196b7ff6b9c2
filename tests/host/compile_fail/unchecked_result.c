/* SPDX-License-Identifier: BSD-2-Clause */
/* A result that nobody looks at. */
/* expect: unused.result|ignoring return value */
#include "iommu/pgtable.h"

void probe(struct pgtable *pt);

void probe(struct pgtable *pt)
{
#ifdef WRONG
    pgtable_unmap(pt, (iova_t){0}, PGTABLE_4K);
#else
    if (pgtable_unmap(pt, (iova_t){0}, PGTABLE_4K))
        plat_panic("unmap");
#endif
}
