/* SPDX-License-Identifier: BSD-2-Clause */
/* Address spaces of processes; see space.h. */
#include "kernel/space.h"

#include <errno.h>
#include <string.h>

#include "iommu/platform.h"
#include "kernel/cpu.h"
#include "kernel/page.h"
#include "kernel/vm.h"
#include "kernel/vm_tables.h"

#define TOP     4u
#define ENTRIES 512u
#define PTE_A   (1ull << 5)
#define PTE_D   (1ull << 6)

struct space {
    uint64_t *root;
    uint64_t *low_root;
    uint64_t *garbage; /* unlinked tables, each one's first word leads to the next */
};

/* ---- Tables ---- */

static void store(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
    plat_publish(entry, sizeof(*entry), false);
    plat_wmb();
}

static uint64_t *new_table(void)
{
    uint64_t *table = plat_pages_alloc(1, OWNER_PGTABLE);

    if (table) {
        plat_publish(table, PAGE_SIZE, false);
        plat_wmb();
    }
    return table;
}

static uint64_t *table_of(uint64_t entry)
{
    return vm_va(entry & PTE_PA);
}

static uint64_t span(unsigned level)
{
    return VM_4K << 9 * (level - 1);
}

static uint64_t *entry_at(uint64_t *table, uint64_t va, unsigned level)
{
    return &table[va / span(level) % ENTRIES];
}

static bool is_table(uint64_t entry, unsigned level)
{
    return entry && level > 1 && !(level < TOP && entry & PTE_LARGE);
}

/* The entry of `level` that `va` selects, or the leaf above it; *at is its level. NULL where a table is
 * missing. */
static uint64_t *find(struct space *s, uint64_t va, unsigned level, unsigned *at)
{
    uint64_t *table = s->root;

    for (*at = TOP; *at > level; (*at)--) {
        uint64_t entry = *entry_at(table, va, *at);

        if (!entry)
            return NULL;
        if (!is_table(entry, *at))
            break;
        table = table_of(entry);
    }
    return entry_at(table, va, *at);
}

/* Links a new table below an empty entry. Both roots have the entries of the low half. */
static int link_table(struct space *s, uint64_t *entry)
{
    uint64_t *table = new_table();
    uint64_t value;

    if (!table)
        return -ENOMEM;
    value = vm_pa(table) | PTE_A | PTE_U | PTE_W | PTE_P;
    if (entry >= s->root && entry < s->root + ENTRIES)
        store(&s->low_root[entry - s->root], value);
    store(entry, value);
    return 0;
}

/* The empty entry of `level` for `va`, tables above it made. -EEXIST: it is not empty, or lies in a large
 * page. */
static int make_entry(struct space *s, uint64_t va, unsigned level, uint64_t **out)
{
    uint64_t *table = s->root;

    for (unsigned l = TOP; l > level; l--) {
        uint64_t *entry = entry_at(table, va, l);
        int err = *entry ? 0 : link_table(s, entry);

        if (err)
            return err;
        if (!is_table(*entry, l))
            return -EEXIST;
        table = table_of(*entry);
    }
    *out = entry_at(table, va, level);
    return **out ? -EEXIST : 0;
}

static bool is_empty(const uint64_t *table)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (table[i])
            return false;
    }
    return true;
}

static void free_tree(uint64_t *table, unsigned level, unsigned entries)
{
    for (unsigned i = 0; level > 1 && i < entries; i++) {
        if (is_table(table[i], level))
            free_tree(table_of(table[i]), level - 1, ENTRIES);
    }
    plat_pages_free(table, 1);
}

/* ---- Life ---- */

int space_create(struct space **out)
{
    struct space *s = plat_alloc(sizeof(*s), OWNER_PGTABLE);

    if (!s)
        return -ENOMEM;
    s->root = new_table();
    s->low_root = new_table();
    s->garbage = NULL;
    if (s->root && s->low_root) {
        *out = s;
        return 0;
    }
    if (s->root)
        plat_pages_free(s->root, 1);
    if (s->low_root)
        plat_pages_free(s->low_root, 1);
    plat_free(s);
    return -ENOMEM;
}

void space_destroy(struct space *s)
{
    space_gc(s);
    free_tree(s->root, TOP, ENTRIES / 2);
    plat_pages_free(s->low_root, 1);
    plat_free(s);
}

uint64_t space_root(const struct space *s)
{
    return vm_pa(s->root);
}

uint64_t space_low_root(const struct space *s)
{
    return vm_pa(s->low_root);
}

/* ---- Mapping ---- */

int space_map(struct space *s, uint64_t va, uint64_t pa, uint64_t size, bool writable)
{
    unsigned level = size == VM_2M ? 2 : 1;
    uint64_t *entry;
    int err;

    if ((size != VM_4K && size != VM_2M) || (va | pa) % size || va == 0 || va >= SPACE_END)
        return -EINVAL;
    err = make_entry(s, va, level, &entry);
    if (err)
        return err;
    store(entry, pa | PTE_NX | (level == 2 ? PTE_LARGE : 0) | (writable ? PTE_D | PTE_W : 0) | PTE_A | PTE_U |
                     PTE_P);
    return 0;
}

/* The table of `level` that `va` selects leaves its parent's entry, if it is empty. */
static void unlink_empty(struct space *s, uint64_t va, unsigned level)
{
    unsigned at;
    uint64_t *parent = find(s, va, level + 1, &at);
    uint64_t *table = table_of(*parent);

    if (!is_empty(table))
        return;
    store(parent, 0);
    table[0] = (uint64_t)s->garbage; /* not an entry: it may be walked, and stays not present */
    s->garbage = table;
}

int space_unmap(struct space *s, uint64_t va)
{
    unsigned level;
    uint64_t *entry = find(s, va, 1, &level);

    if (!entry || !*entry)
        return -ENOENT;
    store(entry, 0);
    if (level == 1)
        unlink_empty(s, va, level);
    return 0;
}

bool space_has_garbage(const struct space *s)
{
    return s->garbage;
}

void space_gc(struct space *s)
{
    while (s->garbage) {
        uint64_t *table = s->garbage;

        s->garbage = (uint64_t *)table[0];
        plat_pages_free(table, 1);
    }
}

uint64_t *space_leaf_table(struct space *s, uint64_t va)
{
    unsigned level;
    uint64_t *entry = find(s, va, 1, &level);

    return entry && level == 1 ? entry - va / VM_4K % ENTRIES : NULL;
}

/* ---- The CPU's accesses ---- */

/* Every page of [va, va + size) is mapped, and writable if that is wanted. */
static bool accessible(struct space *s, uint64_t va, size_t size, bool write)
{
    for (uint64_t at = va / VM_4K * VM_4K; at < va + size; at += VM_4K) {
        unsigned level;
        const uint64_t *entry = at < SPACE_END ? find(s, at, 1, &level) : NULL;

        if (!entry || !(*entry & PTE_P) || (write && !(*entry & PTE_W)))
            return false;
    }
    return va + size >= va;
}

/* Supervisor accesses to user pages are let through for the time of a copy, where SMAP forbids them. */
static void allow_user(bool allow)
{
    if (!(read_cr4() & CR4_SMAP))
        return;
    if (allow)
        __asm__ volatile("stac" : : : "memory", "cc");
    else
        __asm__ volatile("clac" : : : "memory", "cc");
}

/* Copies with the space's tables loaded. The kernel's half is taken anew: it may have grown at its top level.
 */
static void copy(struct space *s, void *to, const void *from, size_t size)
{
    const uint64_t *kernel = vm_va(vm_root());
    uint64_t irq = irq_save(), cr3 = read_cr3();

    memcpy(s->root + ENTRIES / 2, kernel + ENTRIES / 2, PAGE_SIZE / 2);
    write_cr3(vm_pa(s->root));
    allow_user(true);
    memcpy(to, from, size);
    allow_user(false);
    write_cr3(cr3);
    irq_restore(irq);
}

int space_read(struct space *s, uint64_t va, void *out, size_t size)
{
    if (!accessible(s, va, size, false))
        return -EFAULT;
    copy(s, out, (const void *)va, size);
    return 0;
}

int space_write(struct space *s, uint64_t va, const void *from, size_t size)
{
    if (!accessible(s, va, size, true))
        return -EFAULT;
    copy(s, (void *)va, from, size);
    return 0;
}
