/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small objects: malloc with a header in front that names the owner; see heap.h. newlib's malloc takes its
 * memory from sbrk() (syscalls.c) and brings its own lock (libc_lock.c).
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/heap.h"
#include "kernel/lib/list.h"
#include "kernel/page.h"
#include "kernel/spin.h"

#define HEAP_MAX    65536u
#define MAGIC_LIVE  0x6c76u
#define MAGIC_FREED 0x6465u
#define POISON      0x5a

struct object {
    struct list all;
    uint64_t mark; /* page_mark() when it was made */
    uint16_t
        magic; /* behind the first 16 bytes, which malloc uses for its own list once the object is free */
    uint8_t owner;
    bool abandoned;
    uint32_t size;
};

_Static_assert(sizeof(struct object) % 16 == 0, "objects are 16-byte aligned");

/* Both protected by `lock`. */
static struct spin lock = SPIN_INIT("heap");
static struct list objects = LIST_INIT(objects);
static size_t owned[OWNER_COUNT];

void *heap_alloc(size_t size, enum plat_owner owner)
{
    struct object *o;
    uint64_t flags;

    if (!size || size > HEAP_MAX)
        plat_panic("object of %zu bytes", size);
    o = malloc(sizeof(*o) + size);
    if (!o)
        return NULL;
    memset(o + 1, 0, size);
    o->magic = MAGIC_LIVE;
    o->size = (uint32_t)size;
    o->owner = (uint8_t)owner;
    o->abandoned = false;
    flags = spin_lock(&lock);
    o->mark = page_mark();
    list_add_tail(&objects, &o->all);
    owned[owner]++;
    spin_unlock(&lock, flags);
    return o + 1;
}

void heap_free(void *object)
{
    struct object *o;
    uint64_t flags;
    uint16_t magic;

    if (!object)
        return;
    o = (struct object *)object - 1;
    (void)*(volatile uint16_t *)&o->magic; /* a pointer that is none traps here, before the lock is held */
    flags = spin_lock(&lock);
    magic = o->magic;
    if (magic == MAGIC_LIVE) {
        o->magic = MAGIC_FREED;
        list_del(&o->all);
        if (!o->abandoned)
            owned[o->owner]--;
    }
    spin_unlock(&lock, flags);
    if (magic != MAGIC_LIVE)
        plat_panic("freeing object %p, which is %s", object, magic == MAGIC_FREED ? "free" : "none of ours");
    memset(object, POISON, o->size);
    free(o);
}

size_t heap_owner_count(enum plat_owner owner)
{
    return owned[owner];
}

size_t heap_abandon(uint64_t mark, enum plat_owner first, enum plat_owner last)
{
    uint64_t flags = spin_lock(&lock);
    size_t count = 0;

    list_for_each (pos, &objects) {
        struct object *o = list_entry(pos, struct object, all);

        if (o->abandoned || o->mark < mark || o->owner < first || o->owner > last)
            continue;
        o->abandoned = true;
        owned[o->owner]--;
        count++;
    }
    spin_unlock(&lock, flags);
    return count;
}
