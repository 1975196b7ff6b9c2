/* SPDX-License-Identifier: BSD-2-Clause */
/* A 32-bit write of a 64-bit register. */
/* expect: vtd_write32|reg32 */
#include "iommu/vtd_regs.h"

void probe(const struct plat_mmio *io);

void probe(const struct plat_mmio *io)
{
#ifdef WRONG
    vtd_write32(io, VTD_IQA, 0);
#else
    vtd_write64(io, VTD_IQA, 0);
#endif
}
