/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first page tables, good enough to reach kernel_main(): the kernel replaces them by its own. The direct
 * map is made of 2 MiB pages up to the end of RAM, holes and all; nobody reads there before the kernel's
 * tables are up.
 */
#include "boot/boot.h"

#define PTE_P  1ull
#define PTE_W  2ull
#define PTE_PS 0x80ull
#define PTE_NX (1ull << 63)
#define PTE_PA 0x000ffffffffff000ull

#define SIZE_2M (2ull << 20)
#define SIZE_1G (1ull << 30)
#define FIXED   24 /* tables beside the direct map's: top, kernel, jump; the image is at most 64 MiB */

UINT64 boot_paging_size(UINT64 ram_end)
{
    UINT64 gigs = (ram_end + SIZE_1G - 1) / SIZE_1G;

    return (gigs + gigs / 512 + 1 + FIXED + 32) * BOOT_PAGE;
}

/* The table that the entry for `va` in the level above points to, made when it is missing. */
static UINT64 *descend(struct boot_arena *arena, UINT64 *table, UINT64 va, unsigned shift)
{
    UINT64 *e = &table[va >> shift & 511];

    if (!(*e & PTE_P)) {
        UINT64 *fresh = boot_arena_take(arena, BOOT_PAGE);

        if (!fresh)
            return NULL;
        *e = (UINT64)fresh | PTE_W | PTE_P;
    }
    return (UINT64 *)(*e & PTE_PA);
}

static BOOLEAN map_page(struct boot_arena *arena, UINT64 *top, UINT64 va, UINT64 pa, UINT64 flags)
{
    UINT64 *t = top;

    for (unsigned shift = 39; shift >= 21 && t; shift -= 9)
        t = descend(arena, t, va, shift);
    if (!t)
        return FALSE;
    t[va >> 12 & 511] = pa | flags | PTE_P;
    return TRUE;
}

static BOOLEAN map_large(struct boot_arena *arena, UINT64 *top, UINT64 va, UINT64 pa)
{
    UINT64 *t = top;

    for (unsigned shift = 39; shift >= 30 && t; shift -= 9)
        t = descend(arena, t, va, shift);
    if (!t)
        return FALSE;
    t[va >> 21 & 511] = pa | PTE_PS | PTE_NX | PTE_W | PTE_P;
    return TRUE;
}

static BOOLEAN map_kernel(struct boot_arena *arena, UINT64 *top, const struct boot_kernel *kernel)
{
    for (UINTN i = 0; i < kernel->segments; i++) {
        const struct boot_segment *s = &kernel->segment[i];
        UINT64 flags = (s->write ? PTE_W : 0) | (s->execute ? 0 : PTE_NX);

        for (UINT64 off = 0; off < s->size; off += BOOT_PAGE)
            if (!map_page(arena, top, s->va + off, s->va - BOOT_KERNEL_BASE + kernel->base + off, flags))
                return FALSE;
    }
    return TRUE;
}

UINT64 boot_paging_build(struct boot_arena *arena, UINT64 ram_end, const struct boot_kernel *kernel)
{
    UINT64 *top = boot_arena_take(arena, BOOT_PAGE);
    UINT64 jump = (UINT64)&boot_jump / BOOT_PAGE * BOOT_PAGE;

    if (!top || !map_kernel(arena, top, kernel))
        return 0;
    for (UINT64 pa = 0; pa < ram_end; pa += SIZE_2M)
        if (!map_large(arena, top, BOOT_DIRECT_BASE + pa, pa))
            return 0;
    for (; jump < (UINT64)boot_jump_end; jump += BOOT_PAGE)
        if (!map_page(arena, top, jump, jump, 0))
            return 0;
    return (UINT64)top;
}
