/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the simulated machine: one arena that stands for RAM from HOST_RAM_BASE on. Pages come from one
 * free list per power of two, small objects from one per multiple of 16 bytes, last freed first handed out,
 * so that stale pointers and stale translations hit something live. Under AddressSanitizer what is free, and
 * the rim of every object, is poisoned, for simulated hardware as well as for code; freed objects are filled
 * with a pattern besides.
 */
#include <string.h>
#include <sys/mman.h>

#include "kernel/lib/bits.h"
#include "tests/host/asan.h"
#include "tests/host/host.h"

#define FRAMES     (HOST_RAM_SIZE / PAGE_SIZE)
#define MAX_ORDER  10
#define NO_FRAME   UINT32_MAX
#define SLAB_PAGES 32

/* First frame of a block of pages. */
struct frame {
    uint64_t serial;
    uint32_t next; /* in its free list */
    uint8_t order;
    uint8_t owner;
    bool live;
    bool quarantined;
};

static uint8_t *arena;
static struct frame frames[FRAMES];
static uint32_t frames_used;
static uint32_t free_blocks[MAX_ORDER + 1];
static size_t page_count[OWNER_COUNT];
static size_t object_count[OWNER_COUNT];
static uint64_t serial;
static unsigned fail_in;

static void arena_init(void)
{
    if (arena != NULL)
        return;
    arena = mmap(NULL, HOST_RAM_SIZE + pow2(MAX_ORDER) * PAGE_SIZE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED)
        plat_panic("no address space for the simulated memory");
    arena = (uint8_t *)(uintptr_t)align_up((uintptr_t)arena, pow2(MAX_ORDER) * PAGE_SIZE);
    for (unsigned i = 0; i <= MAX_ORDER; i++)
        free_blocks[i] = NO_FRAME;
}

static void *frame_va(uint32_t frame)
{
    return arena + (size_t)frame * PAGE_SIZE;
}

static bool in_arena(const void *va)
{
    return arena != NULL && (const uint8_t *)va >= arena && (const uint8_t *)va < arena + HOST_RAM_SIZE;
}

paddr_t plat_pa(const void *va)
{
    if (!in_arena(va))
        plat_panic("plat_pa: %p did not come from the allocators", va);
    return (paddr_t){HOST_RAM_BASE + (uint64_t)((const uint8_t *)va - arena)};
}

bool host_phys_ok(paddr_t pa, size_t size)
{
    return arena != NULL && pa.v >= HOST_RAM_BASE && size <= HOST_RAM_SIZE &&
           pa.v - HOST_RAM_BASE <= HOST_RAM_SIZE - size;
}

void *plat_va(paddr_t pa)
{
    if (!host_phys_ok(pa, 1))
        plat_panic("plat_va: no memory at %llx", (unsigned long long)pa.v);
    return arena + (pa.v - HOST_RAM_BASE);
}

unsigned host_fail_allocation(unsigned nth)
{
    unsigned left = fail_in;

    fail_in = nth;
    return left;
}

static bool must_fail(void)
{
    return fail_in > 0 && --fail_in == 0;
}

/* ---- Pages ---- */

static void push_block(uint32_t frame, unsigned order)
{
    frames[frame] = (struct frame){.next = free_blocks[order], .order = (uint8_t)order};
    free_blocks[order] = frame;
}

/* Fresh frames, aligned to the block's size; what is skipped goes to the free lists. */
static uint32_t fresh_block(unsigned order)
{
    uint32_t count = (uint32_t)pow2(order);

    while (!is_aligned(frames_used, count)) {
        unsigned small = (unsigned)__builtin_ctz(frames_used);

        ASAN_POISON_MEMORY_REGION(frame_va(frames_used), pow2(small) * PAGE_SIZE);
        push_block(frames_used, small);
        frames_used += (uint32_t)pow2(small);
    }
    if (frames_used + count > FRAMES)
        return NO_FRAME;
    frames_used += count;
    return frames_used - count;
}

static uint32_t take_block(unsigned order)
{
    uint32_t frame = free_blocks[order];

    if (frame == NO_FRAME)
        return fresh_block(order);
    free_blocks[order] = frames[frame].next;
    return frame;
}

static uint32_t alloc_block(unsigned order, enum plat_owner owner)
{
    uint32_t frame = take_block(order);

    if (frame == NO_FRAME)
        return NO_FRAME;
    frames[frame] =
        (struct frame){.serial = ++serial, .order = (uint8_t)order, .owner = (uint8_t)owner, .live = true};
    ASAN_UNPOISON_MEMORY_REGION(frame_va(frame), pow2(order) * PAGE_SIZE);
    host_given_out(frame_va(frame), pow2(order) * PAGE_SIZE);
    memset(frame_va(frame), 0, pow2(order) * PAGE_SIZE);
    return frame;
}

static void *alloc_pages(unsigned count, enum plat_owner owner)
{
    uint32_t frame;

    arena_init();
    if (must_fail())
        return NULL;
    frame = alloc_block(log2_floor(count), owner);
    if (frame == NO_FRAME)
        return NULL;
    page_count[owner] += count;
    if (host_watcher() != NULL)
        host_watcher()->allocated(plat_pa(frame_va(frame)), (size_t)count * PAGE_SIZE);
    return frame_va(frame);
}

void *plat_pages_alloc(unsigned count, enum plat_owner owner)
{
    void *va;

    plat_assert(is_pow2(count) && count <= pow2(MAX_ORDER) && owner < OWNER_COUNT);
    host_enter();
    va = alloc_pages(count, owner);
    host_leave();
    return va;
}

static void free_pages(void *va, unsigned count)
{
    uint32_t index = (uint32_t)((plat_pa(va).v - HOST_RAM_BASE) / PAGE_SIZE);
    struct frame *f = &frames[index];

    if (!is_aligned((uintptr_t)va, PAGE_SIZE) || !f->live || pow2(f->order) != count)
        plat_panic("plat_pages_free: %p, %u pages: not what was handed out", va, count);
    if (f->quarantined)
        return;
    page_count[f->owner] -= count;
    if (host_watcher() != NULL)
        host_watcher()->freed(plat_pa(va), (size_t)count * PAGE_SIZE);
    host_given_back(va, (size_t)count * PAGE_SIZE);
    ASAN_POISON_MEMORY_REGION(va, (size_t)count * PAGE_SIZE);
    push_block(index, f->order);
}

void plat_pages_free(void *va, unsigned count)
{
    host_enter();
    free_pages(va, count);
    host_leave();
}

/* ---- Small objects ---- */

#define OBJECT_MAX 65536
#define RIM        16
#define FREED      0xd5 /* what a freed object is full of: to be seen without a sanitizer, too */

struct object {
    struct object *next; /* all objects there ever were, newest first */
    struct object *next_free;
    uint64_t serial;
    uint32_t size;
    uint8_t owner;
    bool live;
    bool quarantined;
    uint8_t rim[16];
};
_Static_assert(sizeof(struct object) % 16 == 0, "objects stay aligned to 16 bytes");

#define CLASSES (OBJECT_MAX / 16 + 1)

static struct object *objects;
static struct object *free_objects[CLASSES];
static uint8_t *slab;
static size_t slab_left;

static unsigned class_of(size_t size)
{
    return (unsigned)((size + 15) / 16);
}

static struct object *fresh_object(unsigned class)
{
    size_t need = sizeof(struct object) + (size_t) class * 16 + RIM;
    struct object *o;

    if (slab_left < need) {
        uint32_t frame = alloc_block(log2_floor(SLAB_PAGES), OWNER_KERNEL);

        if (frame == NO_FRAME)
            return NULL;
        slab = frame_va(frame);
        slab_left = SLAB_PAGES * PAGE_SIZE;
    }
    o = (struct object *)(void *)slab;
    slab += need;
    slab_left -= need;
    o->next = objects;
    objects = o;
    ASAN_POISON_MEMORY_REGION((uint8_t *)(o + 1) + (size_t) class * 16, RIM);
    return o;
}

static struct object *take_object(unsigned class)
{
    struct object *o = free_objects[class];

    if (o == NULL)
        return fresh_object(class);
    free_objects[class] = o->next_free;
    return o;
}

static void *alloc_object(size_t size, enum plat_owner owner)
{
    unsigned class = class_of(size);
    struct object *o;

    arena_init();
    o = must_fail() ? NULL : take_object(class);
    if (o == NULL)
        return NULL;
    o->serial = ++serial;
    o->size = (uint32_t)size;
    o->owner = (uint8_t)owner;
    o->live = true;
    o->quarantined = false;
    object_count[owner]++;
    ASAN_POISON_MEMORY_REGION(o + 1, (size_t) class * 16);
    ASAN_UNPOISON_MEMORY_REGION(o + 1, size);
    host_given_out(o + 1, size);
    memset(o + 1, 0, size);
    return o + 1;
}

void *plat_alloc(size_t size, enum plat_owner owner)
{
    void *object;

    plat_assert(size > 0 && size <= OBJECT_MAX && owner < OWNER_COUNT);
    host_enter();
    object = alloc_object(size, owner);
    host_leave();
    return object;
}

static void free_object(void *object)
{
    struct object *o = (struct object *)object - 1;

    if (!in_arena(object) || !o->live)
        plat_panic("plat_free: %p: not what was handed out", object);
    if (o->quarantined)
        return;
    o->live = false;
    object_count[o->owner]--;
    memset(object, FREED, o->size);
    host_given_back(object, o->size);
    ASAN_POISON_MEMORY_REGION(object, (size_t)class_of(o->size) * 16);
    o->next_free = free_objects[class_of(o->size)];
    free_objects[class_of(o->size)] = o;
}

void plat_free(void *object)
{
    if (object == NULL)
        return;
    host_enter();
    free_object(object);
    host_leave();
}

/* ---- Accounts ---- */

size_t host_pages(enum plat_owner owner)
{
    return page_count[owner];
}

size_t host_objects(enum plat_owner owner)
{
    return object_count[owner];
}

uint64_t host_mark(void)
{
    return serial;
}

static bool belongs_to_case(bool live, bool quarantined, unsigned owner, uint64_t its_serial, uint64_t mark)
{
    return live && !quarantined && owner >= OWNER_TABLE && its_serial > mark;
}

void host_quarantine(uint64_t mark)
{
    for (uint32_t i = 0; i < frames_used; i++) {
        struct frame *f = &frames[i];

        if (!belongs_to_case(f->live, f->quarantined, f->owner, f->serial, mark))
            continue;
        f->quarantined = true;
        page_count[f->owner] -= pow2(f->order);
    }
    for (struct object *o = objects; o != NULL; o = o->next) {
        if (!belongs_to_case(o->live, o->quarantined, o->owner, o->serial, mark))
            continue;
        o->quarantined = true;
        object_count[o->owner]--;
    }
}
