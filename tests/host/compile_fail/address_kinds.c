/* SPDX-License-Identifier: BSD-2-Clause */
/* Input and output address of a mapping exchanged. */
/* expect: incompatible type */
#include "iommu/pgtable.h"

int probe(struct pgtable *pt, iova_t iova, paddr_t pa);

int probe(struct pgtable *pt, iova_t iova, paddr_t pa)
{
#ifdef WRONG
    return pgtable_map(pt, pa, iova, PGTABLE_4K, PGTABLE_R);
#else
    return pgtable_map(pt, iova, pa, PGTABLE_4K, PGTABLE_R);
#endif
}
