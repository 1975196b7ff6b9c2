/* SPDX-License-Identifier: BSD-2-Clause */
/* Page-table walks; see vm_tables.h. Tables lie in the direct map, so they are reached by their physical
 * address. */
#include <errno.h>

#include "kernel/page.h"
#include "kernel/vm.h"
#include "kernel/vm_tables.h"

#define TOP_SHIFT 39u

uint64_t vt_create(void)
{
    void *table = page_alloc(1, OWNER_KERNEL);

    return table ? vm_pa(table) : 0;
}

static uint64_t *entry_of(uint64_t table, uint64_t va, unsigned shift)
{
    return (uint64_t *)vm_va(table & PTE_PA) + (va >> shift & 511);
}

/* The entry for `va` in the table of level `shift`; tables above are made when `make`. NULL: missing, or no
 * memory. */
static uint64_t *walk(uint64_t root, uint64_t va, unsigned shift, bool make)
{
    uint64_t table = root;

    for (unsigned s = TOP_SHIFT; s > shift; s -= 9) {
        uint64_t *e = entry_of(table, va, s);

        if (!(*e & PTE_P)) {
            uint64_t fresh = make ? vt_create() : 0;

            if (!fresh)
                return NULL;
            *e = fresh | PTE_W | PTE_P;
        }
        if (*e & PTE_LARGE)
            return NULL;
        table = *e;
    }
    return entry_of(table, va, shift);
}

static unsigned leaf_shift(uint64_t va, uint64_t pa, uint64_t size, uint64_t largest)
{
    if (largest >= VM_1G && size >= VM_1G && (va | pa) % VM_1G == 0)
        return 30;
    if (largest >= VM_2M && size >= VM_2M && (va | pa) % VM_2M == 0)
        return 21;
    return 12;
}

int vt_map(uint64_t root, uint64_t va, uint64_t pa, uint64_t size, uint64_t flags, uint64_t largest)
{
    while (size) {
        unsigned shift = leaf_shift(va, pa, size, largest);
        uint64_t *e = walk(root, va, shift, true);

        if (!e)
            return -ENOMEM;
        *e = pa | flags | (shift > 12 ? PTE_LARGE : 0) | PTE_P;
        va += 1ull << shift;
        pa += 1ull << shift;
        size -= 1ull << shift;
    }
    return 0;
}

/* As vt_lookup, by pointer. */
static uint64_t *find(uint64_t root, uint64_t va, uint64_t *page_size)
{
    uint64_t table = root;

    for (unsigned s = TOP_SHIFT; s >= 12; s -= 9) {
        uint64_t *e = entry_of(table, va, s);

        *page_size = 1ull << s;
        if (!(*e & PTE_P))
            return NULL;
        if (s == 12 || (s < TOP_SHIFT && *e & PTE_LARGE))
            return e;
        table = *e;
    }
    return NULL;
}

void vt_unmap(uint64_t root, uint64_t va, uint64_t size)
{
    uint64_t end = va + size;

    while (va < end) {
        uint64_t page_size, *e = find(root, va, &page_size);

        if (e)
            *e = 0;
        va = (va & ~(page_size - 1)) + page_size;
    }
}

bool vt_lookup(uint64_t root, uint64_t va, uint64_t *entry, uint64_t *page_size)
{
    uint64_t *e = find(root, va, page_size);

    if (!e)
        return false;
    *entry = *e;
    return true;
}
