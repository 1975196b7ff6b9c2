/* SPDX-License-Identifier: BSD-2-Clause */
/* A 64-bit read of a 32-bit register. */
/* expect: vtd_read64|reg64 */
#include "iommu/vtd_regs.h"

uint64_t probe(const struct plat_mmio *io);

uint64_t probe(const struct plat_mmio *io)
{
#ifdef WRONG
    return vtd_read64(io, VTD_GSTS);
#else
    return vtd_read32(io, VTD_GSTS);
#endif
}
