/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's own page tables. No page is both writable and executable, the low half is empty, RAM is mapped
 * once more as the direct map (never executable, without the kernel image), everything else is mapped on
 * demand.
 */
#ifndef KERNEL_VM_H
#define KERNEL_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/boot_info.h"
#include "kernel/lib/compiler.h"

#define VM_DIRECT_BASE BOOT_DIRECT_BASE
#define VM_MMIO_BASE   0xffffc00000000000ull
#define VM_STACK_BASE  0xffffd00000000000ull
#define VM_HEAP_BASE   0xffffe00000000000ull
#define VM_KERNEL_BASE BOOT_KERNEL_BASE

/* Builds the tables from the boot map and switches to them; sets CR0.WP, EFER.NXE, PAT, SMEP and SMAP if
 * present. */
void vm_init(const struct boot_info *info);

/* Loads the same tables and control bits on a further CPU. */
void vm_init_cpu(void);

/* Physical address of RAM in the direct map or of the kernel image; panics for anything else. X. */
uint64_t vm_pa(const void *va);

/* The direct map's address of `pa`; the caller knows that it is RAM. X. */
static inline void *vm_va(uint64_t pa)
{
    return (void *)(uintptr_t)(pa + VM_DIRECT_BASE);
}

/* All of [pa, pa+size) is in the direct map. X. */
bool vm_is_ram(uint64_t pa, uint64_t size);
/* Some byte of it is RAM, the kernel's and the firmware's own included: no place for device registers. X. */
bool vm_overlaps_ram(uint64_t pa, uint64_t size);

/* Registers, uncached; any alignment. NULL: no table memory, or address width exceeded. X. */
must_check void *vm_map_mmio(uint64_t pa, size_t size);
/* As vm_map_mmio, write-combining: frame buffers. */
must_check void *vm_map_wc(uint64_t pa, size_t size);
/* Firmware tables, read only and cached, wherever the firmware put them. NULL as above. X. */
must_check const void *vm_map_table(uint64_t pa, size_t size);
/* Undoes one of the three above: its result and the same size. The address is not used again. X. */
void vm_unmap_io(const volatile void *va, size_t size);

/*
 * A stack of `pages` pages with an unmapped page below it. Returns its lowest address, NULL without memory.
 * The pages are OWNER_KERNEL's. X.
 */
must_check void *vm_stack_alloc(unsigned pages);
void vm_stack_free(void *low, unsigned pages);

/* Maps fresh zeroed pages at page-aligned [va, va+size) in the heap window. 0, -ENOMEM (nothing stays
 * mapped). X. */
must_check int vm_map_heap(uint64_t va, size_t size);

/* Every byte of [va, va+size) can be read right now. Walks the tables; touches nothing else. X. */
bool vm_readable(uint64_t va, size_t size);

/* What an address is, for reports: "null page", "stack guard page", "kernel text", ... X. */
const char *vm_describe(uint64_t va);

/* Physical address of the top-level table that CR3 holds in ordinary operation. */
uint64_t vm_root(void);

#endif
