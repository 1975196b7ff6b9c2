/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces of processes: a low half of their own under the kernel's high half. There are no processes;
 * the kernel reads and writes through such a space by loading its tables for the time of a copy, and a device
 * may share the low half (SVA). So every entry of the low half is what both the CPU and an IOMMU take: U/S
 * and A set at all levels, D in leaves, an absent entry is 0 in all bits (a second stage looks at R and W
 * alone), and each store is written back, new tables before they are linked. Intel SDM vol. 3, 4.5.
 *
 * One thread at a time may change a space. A table page that was unlinked may still be walked by a device: it
 * goes by space_gc, after the caller's invalidation.
 */
#ifndef KERNEL_SPACE_H
#define KERNEL_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

/* First address beyond what a space maps; page 0 stays unmapped too. */
#define SPACE_END 0x800000000000ull

struct space;

/* An empty low half. 0, -ENOMEM. X. */
must_check int space_create(struct space **out);
/* Frees all tables, the mapped pages not. No device walks them any more. X. */
void space_destroy(struct space *s);

/* The table that CR3 holds while the CPU uses the space; U/S keeps a first stage out of the kernel's half. */
uint64_t space_root(const struct space *s);
/* The same low half under an empty high half, for a second stage, which has no U/S bit. */
uint64_t space_low_root(const struct space *s);

/*
 * Maps one page of `size` (4 KiB or 2 MiB) at `va` to `pa`, never executable. 0; -EINVAL: size, alignment, or
 * not in the low half; -EEXIST: something is mapped there; -ENOMEM. X.
 */
must_check int space_map(struct space *s, uint64_t va, uint64_t pa, uint64_t size, bool writable);

/*
 * Clears the leaf that maps `va`; its table, if empty now, is unlinked and kept until space_gc. Devices need
 * an invalidation after it. 0, -ENOENT. X.
 */
must_check int space_unmap(struct space *s, uint64_t va);
/* Table pages wait for space_gc: the invalidation may not be of leaves alone. X. */
bool space_has_garbage(const struct space *s);
/* Frees them, after the wait of the invalidation that covers them. X. */
void space_gc(struct space *s);

/* The CPU's own accesses by `va`. 0; -EFAULT: not mapped, or not writable, nothing was copied. X. */
must_check int space_read(struct space *s, uint64_t va, void *out, size_t size);
must_check int space_write(struct space *s, uint64_t va, const void *from, size_t size);

/* The lowest table on the way to `va`, 4 KiB of entries; NULL where a large page or nothing is. X. */
uint64_t *space_leaf_table(struct space *s, uint64_t va);

#endif
