/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual commands. VT-d 5.10, Virtual Command Register.
 */
#include "tests/model/model_priv.h"

bool vcmd_owns(unused const struct model *m, unused uint32_t offset)
{
    return false;
}

void vcmd_reset(unused struct model *m)
{
}

void vcmd_write(unused struct model *m, unused uint32_t offset, unused uint64_t value)
{
}

void vcmd_step(unused struct model *m)
{
}
