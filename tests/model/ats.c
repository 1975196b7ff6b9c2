/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions with a device TLB. VT-d 5.10, Device-TLB Invalidate Descriptor; rules 29..33, 76, 77.
 */
#include "tests/model/model_priv.h"

void ats_invalidate(unused struct model *m, unused const struct vtd_desc *d)
{
}

unsigned ats_pending(unused const struct model *m)
{
    return 0;
}

void ats_step(unused struct model *m)
{
}
