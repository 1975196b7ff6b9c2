/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64 four-level page tables as data: mapping, unmapping, looking up in any tree, loaded or not (Intel SDM
 * vol. 3, 4.5). Who may do what to which tree, and flushing, is the caller's (vm.c, runtime.c).
 */
#ifndef KERNEL_VM_TABLES_H
#define KERNEL_VM_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

#define PTE_P     (1ull << 0)
#define PTE_W     (1ull << 1)
#define PTE_U     (1ull << 2)
#define PTE_PWT   (1ull << 3)
#define PTE_PCD   (1ull << 4)
#define PTE_LARGE (1ull << 7)
#define PTE_NX    (1ull << 63)
#define PTE_PA    0x000ffffffffff000ull

/* Memory types by PAT index, as vm_init() sets it up. */
#define PTE_WC PTE_PWT
#define PTE_UC (PTE_PCD | PTE_PWT)

#define VM_4K (1ull << 12)
#define VM_2M (1ull << 21)
#define VM_1G (1ull << 30)

/* A fresh empty table by its physical address, 0 without memory. */
uint64_t vt_create(void);

/*
 * Maps page-aligned [va, va+size) to `pa` with `flags` (PTE_W, PTE_NX, memory type) in tree `root`, with
 * pages as large as alignment, rest and `largest` allow. What was there before is replaced. 0, -ENOMEM
 * (partly done).
 */
must_check int vt_map(uint64_t root, uint64_t va, uint64_t pa, uint64_t size, uint64_t flags,
                      uint64_t largest);

/* Clears the entries of [va, va+size), which were mapped as one. Tables stay. */
void vt_unmap(uint64_t root, uint64_t va, uint64_t size);

/* The leaf entry that translates `va` and its page size. False when nothing does. */
bool vt_lookup(uint64_t root, uint64_t va, uint64_t *entry, uint64_t *page_size);

#endif
