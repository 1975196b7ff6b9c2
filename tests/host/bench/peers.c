/* SPDX-License-Identifier: BSD-2-Clause */
/* The measures of peers.h. */
#include "tests/host/bench/peers.h"

#include <errno.h>
#include <string.h>

#define LEVELS 4
#define WAYS   64u

/* ---- Array ---- */

int peer_array_find(const struct peer_array *a, uint32_t number, void **data)
{
    if (number >= IOASID_NUMBERS)
        return -ENOENT;
    *data = a->slots[number];
    return *data ? 0 : -ENOENT;
}

/* ---- Bitmap ---- */

int peer_bitmap_take(struct peer_bitmap *b, uint32_t *number)
{
    for (uint32_t w = 0; w < ARRAY_SIZE(b->words); w++) {
        if (b->words[w] == UINT64_MAX)
            continue;
        *number = w * 64 + (uint32_t)__builtin_ctzll(~b->words[w]);
        b->words[w] |= 1ull << *number % 64;
        return 0;
    }
    return -ENOSPC;
}

void peer_bitmap_give(struct peer_bitmap *b, uint32_t number)
{
    b->words[number / 64] &= ~(1ull << number % 64);
}

/* ---- Radix tree ---- */

/* Nodes come from the pool behind the root, in order. */
static struct peer_node *node_alloc(struct peer_radix *r)
{
    return r->used < r->room ? &r->pool[r->used++] : NULL;
}

static unsigned way(uint32_t number, int level)
{
    return number >> 6 * level & (WAYS - 1);
}

int peer_radix_find(const struct peer_radix *r, uint32_t number, void **data)
{
    const struct peer_node *node = &r->root;

    for (int level = LEVELS - 1; level > 0; level--) {
        node = node->slots[way(number, level)];
        if (!node)
            return -ENOENT;
    }
    *data = node->slots[way(number, 0)];
    return *data ? 0 : -ENOENT;
}

int peer_radix_take(struct peer_radix *r, void *data, uint32_t *number)
{
    struct peer_node *path[LEVELS], *node = &r->root;

    *number = 0;
    for (int level = LEVELS - 1;; level--) {
        unsigned w;

        if (node->full == UINT64_MAX)
            return -ENOSPC;
        w = (unsigned)__builtin_ctzll(~node->full);
        path[level] = node;
        *number = *number * WAYS + w;
        if (level == 0)
            break;
        if (!node->slots[w])
            node->slots[w] = node_alloc(r);
        node = node->slots[w];
        if (!node)
            return -ENOMEM;
    }
    node->slots[way(*number, 0)] = data;
    for (int level = 0; level < LEVELS; level++) {
        path[level]->full |= 1ull << way(*number, level);
        if (path[level]->full != UINT64_MAX)
            break;
    }
    return 0;
}

void peer_radix_give(struct peer_radix *r, uint32_t number)
{
    struct peer_node *node = &r->root;

    for (int level = LEVELS - 1; level >= 0; level--) {
        unsigned w = way(number, level);

        node->full &= ~(1ull << w);
        if (level == 0)
            node->slots[w] = NULL;
        else
            node = node->slots[w];
    }
}

void peer_radix_clear(struct peer_radix *r)
{
    memset(r->pool, 0, r->used * sizeof(r->pool[0]));
    r->used = 0;
    r->root = (struct peer_node){0};
}
