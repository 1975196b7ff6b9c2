/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small objects with owners, over newlib's malloc. What is freed is filled with a poison pattern; freeing
 * twice or freeing something else panics. plat_alloc() and plat_free() of the seam are these (platform.c).
 */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "kernel/lib/compiler.h"

/* Zeroed, 16-byte aligned, `size` 1..65536; NULL without memory. X. */
must_check void *heap_alloc(size_t size, enum plat_owner owner);
void heap_free(void *object);

/* Objects alive that belong to `owner`, abandoned ones not included. X. */
size_t heap_owner_count(enum plat_owner owner);

/* Takes the objects of owners `first`..`last` allocated at or after page_mark() value `mark` out of the
 * counts: the case that owned them was ended by force. They stay allocated. Returns how many. X. */
size_t heap_abandon(uint64_t mark, enum plat_owner first, enum plat_owner last);

#endif
