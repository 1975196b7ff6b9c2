/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk through the stages that a PASID entry names. VT-d 5.10, PGTT; Nested Translation; Pass-through.
 */
#include "tests/model/model_priv.h"

uint8_t walk(struct model *m, const struct trans *t, uint64_t addr, const struct want *want, struct leaf *out)
{
    return t->pgtt == VTD_PGTT_FIRST ? walk_first(m, t, addr, want, out) : walk_second(m, t, addr, want, out);
}
