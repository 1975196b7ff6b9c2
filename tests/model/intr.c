/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping. VT-d 5.10, Interrupt Remapping Table Entry, Interrupt Remapping Fault Conditions;
 * rules 8, 78.
 */
#include "tests/model/model_priv.h"

struct model_completion model_msi(struct model *m, unused uint16_t sid, uint64_t address, uint32_t data)
{
    m->host.interrupt(m->host.ctx, address, data);
    return (struct model_completion){.status = MODEL_SUCCESS, .moved = sizeof(data)};
}

unsigned intr_cached(unused const struct model *m)
{
    return 0;
}

void intr_table_set(unused struct model *m)
{
}

void intr_flush(unused struct model *m)
{
}

void intr_invalidate(unused struct model *m, unused const struct vtd_desc *d)
{
}

void intr_memory_changed(unused struct model *m, unused uint64_t pa, unused uint64_t size, unused bool freed)
{
}
