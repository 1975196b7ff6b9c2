/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doubly linked circular list with the node inside the element. The list head is a node without an element.
 * An unlinked node points to itself, so list_empty() on a node says whether it is on a list.
 */
#ifndef KERNEL_LIB_LIST_H
#define KERNEL_LIB_LIST_H

#include <stdbool.h>
#include "kernel/lib/compiler.h"

struct list {
    struct list *next;
    struct list *prev;
};

#define LIST_INIT(name)                                                                                      \
    {                                                                                                        \
        &(name), &(name)                                                                                     \
    }

/* Makes an empty list, or an unlinked node. */
static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

/* Whether a list is empty, or a node unlinked. */
static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Links `node` in front of `pos`; with a head as `pos` that is the tail of the list. */
static inline void list_insert_before(struct list *pos, struct list *node)
{
    node->next = pos;
    node->prev = pos->prev;
    pos->prev->next = node;
    pos->prev = node;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
    list_insert_before(head, node);
}

static inline void list_add_head(struct list *head, struct list *node)
{
    list_insert_before(head->next, node);
}

/* Unlinks `node` and leaves it pointing to itself, so unlinking twice does no harm. */
static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_entry(node, type, member) container_of(node, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)

#define list_for_each(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* As list_for_each, but `pos` may be unlinked (not its successor) in the body. */
#define list_for_each_safe(pos, head)                                                                        \
    for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head);                            \
         pos = pos##_next, pos##_next = pos->next)

#endif
