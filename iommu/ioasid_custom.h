/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where numbers come from when it is not ourselves: under a hypervisor the virtual command interface, by
 * which the host hands out PASIDs. Of ioasid.h.
 *
 * Allocators with the same functions share one space of numbers, and any of them serves it. One space is in
 * use at a time: that of the allocator registered first, before our own pool. The space in use changes,
 * either way, only while no number of it is out.
 */
#ifndef IOMMU_IOASID_CUSTOM_H
#define IOMMU_IOASID_CUSTOM_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"
#include "kernel/lib/list.h"

struct ioasid_core;
struct ioasid_allocator;

/* Both are called without any lock of ours and may not block. X. */
struct ioasid_allocator_ops {
    /* A number in min..max: 0, -ENOSPC, or whatever else ioasid_alloc is to return. One outside, for an
     * allocator that cannot be told a range, is given back at once; one that is out already is neither used
     * nor given back, as its owner still has it. */
    int (*alloc)(struct ioasid_allocator *a, uint32_t min, uint32_t max, uint32_t *number);
    /* Takes one back, after its grace period; it may be handed out again before this returns. On an error it
     * is never handed out again, by nobody. */
    int (*free)(struct ioasid_allocator *a, uint32_t number);
};

struct ioasid_allocator {
    const struct ioasid_allocator_ops *ops;
    const char *name;

    /* Of the core, under its lock. */
    struct list link;
    unsigned calls; /* under way */
    bool leaving;
};

/*
 * Adds an allocator. The first one takes over from our own pool; one with other functions than those in use
 * waits until all that use these are gone. 0, -EINVAL (no functions), -EEXIST (registered), -EAGAIN (numbers
 * of our own pool are out: live, or reclaimed a moment ago). T.
 */
must_check int ioasid_allocator_register(struct ioasid_core *core, struct ioasid_allocator *a);

/*
 * Takes one out, and returns when none of its functions is running. After the last one of its space the next
 * space takes over, our own in the end. 0, -ENOENT, -EBUSY (it is the last one and numbers of its space are
 * out). T.
 */
must_check int ioasid_allocator_unregister(struct ioasid_core *core, struct ioasid_allocator *a);

#endif
