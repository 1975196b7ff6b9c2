/* SPDX-License-Identifier: BSD-2-Clause */
/* A field where a value is expected. */
/* expect: integer from pointer|pointer to integer|arithmetic on a null pointer */
#include "iommu/vtd_regs.h"

void probe(const struct plat_mmio *io);

void probe(const struct plat_mmio *io)
{
#ifdef WRONG
    vtd_write(io, VTD_GCMD, VTD_GCMD_TE);
#else
    vtd_write(io, VTD_GCMD, FIELD_PREP(VTD_GCMD_TE, 1));
#endif
}
