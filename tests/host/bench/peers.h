/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the IOASID allocator is measured against: a plain array, a bitmap that is searched from its start, and
 * a radix tree of 64-way nodes. Each does as little as its job allows: no locks, no generations, no
 * references.
 */
#ifndef TESTS_HOST_BENCH_PEERS_H
#define TESTS_HOST_BENCH_PEERS_H

#include <stdint.h>

#include "iommu/types.h"
#include "kernel/lib/compiler.h"

/* Pointers by number: 0 and the pointer, or -ENOENT. A call into another file, as ioasid_data_find is one. */
struct peer_array {
    void *slots[IOASID_NUMBERS];
};
must_check int peer_array_find(const struct peer_array *a, uint32_t number, void **data);

/* Lowest clear bit by a walk over the words. 0, -ENOSPC. */
struct peer_bitmap {
    uint64_t words[IOASID_NUMBERS / 64];
};
must_check int peer_bitmap_take(struct peer_bitmap *b, uint32_t *number);
void peer_bitmap_give(struct peer_bitmap *b, uint32_t number);

/* Four levels of 64 slots for 20 bits and more; a bit of `full` is set where nothing is free below. */
struct peer_node {
    uint64_t full;
    void *slots[64];
};
struct peer_radix {
    struct peer_node root;
    struct peer_node *pool; /* `room` zeroed nodes that the caller brings */
    uint32_t room, used;
};
/* Lowest free number gets `data`. 0, -ENOSPC, -ENOMEM. */
must_check int peer_radix_take(struct peer_radix *r, void *data, uint32_t *number);
void peer_radix_give(struct peer_radix *r, uint32_t number);
must_check int peer_radix_find(const struct peer_radix *r, uint32_t number, void **data);
void peer_radix_clear(struct peer_radix *r);

#endif
