/* SPDX-License-Identifier: BSD-2-Clause */
/* A bare offset where a register is expected. */
/* expect: not compatible|incompatible type|_Generic */
#include "iommu/vtd_regs.h"

uint64_t probe(const struct plat_mmio *io);

uint64_t probe(const struct plat_mmio *io)
{
#ifdef WRONG
    return vtd_read(io, 0x08);
#else
    return vtd_read(io, VTD_CAP);
#endif
}
