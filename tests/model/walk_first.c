/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * First-stage paging structures. VT-d 5.10, First-Stage Paging Entries; First-Stage Translation.
 */
#include "tests/model/model_priv.h"

uint8_t walk_first(unused struct model *m, unused const struct trans *t, unused uint64_t addr,
                   unused const struct want *want, unused struct leaf *out)
{
    return VTD_FR_SFS_2;
}
