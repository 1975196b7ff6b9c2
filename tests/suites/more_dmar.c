/* SPDX-License-Identifier: BSD-2-Clause */
/* See more_dmar.h. */
#include "tests/suites/more_dmar.h"

#include <string.h>

#define TABLE_MAX   PAGE_SIZE
#define SCOPE_BYTES 8

void more_dmar_put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

size_t more_dmar_structure(uint8_t *out, unsigned type, unsigned scopes, unsigned flags,
                           const struct dma_dev *dma)
{
    uint8_t *scope = out + scopes;

    memset(out, 0, scopes + SCOPE_BYTES);
    more_dmar_put(out, type, 2);
    more_dmar_put(out + 2, scopes + SCOPE_BYTES, 2);
    more_dmar_put(out + 6, dma->id.segment, 2);
    scope[0] = 1;
    scope[1] = SCOPE_BYTES;
    scope[2] = (uint8_t)flags;
    scope[5] = rid_bus(dma->id.rid);
    scope[6] = rid_dev(dma->id.rid);
    scope[7] = rid_fn(dma->id.rid);
    return scopes + SCOPE_BYTES;
}

/* Size of the whole. */
static size_t make_table(struct more_dmar *m, const uint8_t *structure, size_t size)
{
    const struct dmar *dmar = &m->t->iommu->dmar;
    size_t whole = dmar->size + size;
    uint8_t sum = 0;

    if (dmar->bytes == NULL || whole > TABLE_MAX)
        t_error(m->t, "a DMAR table of %u bytes has no room for one more structure", dmar->size);
    memcpy(m->table, dmar->bytes, dmar->size);
    memcpy(m->table + dmar->size, structure, size);
    more_dmar_put(m->table + 4, whole, 4);
    m->table[9] = 0;
    for (size_t i = 0; i < whole; i++)
        sum = (uint8_t)(sum + m->table[i]);
    m->table[9] = (uint8_t)-sum;
    return whole;
}

void more_dmar_open(struct t *t, struct more_dmar *m, const uint8_t *structure, size_t size)
{
    char why[160] = "";
    size_t whole;

    *m = (struct more_dmar){.t = t, .table = plat_pages_alloc(TABLE_MAX / PAGE_SIZE, OWNER_TEST)};
    if (m->table == NULL)
        t_error(t, "no memory for a table");
    whole = make_table(m, structure, size);
    T_ASSERT_OK(t, iommu_stop(t->iommu));
    if (!T_EXPECT_OK(t, iommu_create(m->table, whole, &m->iommu, why, sizeof(why))))
        t_fail(t, "%s", why);
    T_ASSERT_OK(t, iommu_start(m->iommu));
}

void more_dmar_close(struct more_dmar *m)
{
    T_ASSERT_OK(m->t, iommu_stop(m->iommu));
    T_ASSERT_OK(m->t, iommu_destroy(m->iommu));
    T_ASSERT_OK(m->t, iommu_start(m->t->iommu));
    plat_pages_free(m->table, TABLE_MAX / PAGE_SIZE);
}
