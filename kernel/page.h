/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical pages: buddy allocator over the RAM below 4 GiB, blocks of 1..1024 pages aligned to their size.
 * Each block carries its owner and a serial number. Freed pages are filled with a poison pattern, wait in a
 * queue before they are handed out again, and are checked then: a write after free is counted and reported
 * with the last owner. The first MiB is left alone; page_low() is a page there for starting further CPUs.
 */
#ifndef KERNEL_PAGE_H
#define KERNEL_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/platform.h"
#include "kernel/boot_info.h"

#define PAGE_SIZE      4096u
#define PAGE_MAX_COUNT 1024u

/* Takes over the free memory of the boot map. Once, before anything else here. */
void page_init(const struct boot_info *info);

/*
 * `count` (a power of two, 1..1024) zeroed contiguous pages, by their address in the direct map; NULL when
 * there are none. X.
 */
must_check void *page_alloc(unsigned count, enum plat_owner owner);

/* Takes back exactly what page_alloc gave. Freeing what is not the start of such a block panics. X. */
void page_free(void *va, unsigned count);

/* Pages in use by `owner`, quarantined ones not included. X. */
size_t page_owner_count(enum plat_owner owner);

/* Short lower-case name, "table". */
const char *page_owner_name(enum plat_owner owner);

/* Pages on the free lists, the waiting queue included. X. */
size_t page_free_count(void);

/* A point in time for page_quarantine(); larger is later. X. */
uint64_t page_mark(void);

/*
 * Takes every block that owners `first`..`last` allocated at or after `mark` out of circulation for good: a
 * device may still reach it. Leaves the contents alone. Returns the number of pages. X, slow (walks all
 * pages).
 */
size_t page_quarantine(uint64_t mark, enum plat_owner first, enum plat_owner last);

/* Pages quarantined so far. */
size_t page_quarantined(void);

/* Looks at the poison of all free pages now. Returns how many were found written since the last look. X,
 * slow. */
size_t page_check_free(void);

/* Pages found written after they were freed, so far. */
size_t page_damage_count(void);

/* The reserved page below 1 MiB (physical address), 0 when there is none. */
uint64_t page_low(void);

#endif
