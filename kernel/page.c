/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buddy allocator over the RAM below 4 GiB; see page.h. One 16-byte record per page, kept in an array at the
 * start of the largest free region. The record of a block's first page describes the block.
 *
 * Life of a block: FREE (on a buddy list) -> USED -> WAITING (poisoned, in a ring) -> FREE, or USED ->
 * QUARANTINED.
 */
#include <string.h>

#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/spin.h"
#include "kernel/vm.h"

#define ORDERS        11u /* 1 .. 1024 pages */
#define NONE          UINT32_MAX
#define LIMIT         (1ull << 32)
#define LOW_END       (1ull << 20)
#define POISON        0x5a5a5a5a5a5a5a5aull
#define WAITING_SLOTS 256u /* freed blocks that wait before they are handed out again */
#define WAITING_PAGES 2048u

enum state { STATE_ABSENT, STATE_FREE, STATE_TAIL, STATE_USED, STATE_WAITING, STATE_QUARANTINED };

struct page {
    uint32_t next,
        prev; /* FREE: neighbours in the buddy list. USED: low and high half of the serial number */
    uint8_t state;
    uint8_t order;
    uint8_t owner;    /* the last one, when free */
    uint8_t poisoned; /* each page of a block for itself */
    uint32_t spare;
};

_Static_assert(sizeof(struct page) == 16, "records are counted in memory");

/* All protected by `lock`. */
static struct spin lock = SPIN_INIT("pages");
static struct page *pages;  /* index = page frame number */
static uint32_t page_limit; /* frame numbers are below this */
static uint32_t heads[ORDERS];
static uint32_t waiting[WAITING_SLOTS]; /* ring of block starts */
static uint32_t waiting_first, waiting_count, waiting_pages;
static uint64_t serial;
static size_t owned[OWNER_COUNT], free_pages, quarantined, damaged;
static uint64_t low_page;

/* ---- Buddy lists ---- */

static void list_push(uint32_t pfn, unsigned order)
{
    struct page *p = &pages[pfn];

    p->state = STATE_FREE;
    p->order = (uint8_t)order;
    p->prev = NONE;
    p->next = heads[order];
    if (p->next != NONE)
        pages[p->next].prev = pfn;
    heads[order] = pfn;
}

static void list_remove(uint32_t pfn)
{
    struct page *p = &pages[pfn];

    if (p->prev != NONE)
        pages[p->prev].next = p->next;
    else
        heads[p->order] = p->next;
    if (p->next != NONE)
        pages[p->next].prev = p->prev;
    p->state = STATE_TAIL;
}

/* Gives a block back to the lists, joined with its free buddies. */
static void merge(uint32_t pfn, unsigned order)
{
    for (; order < ORDERS - 1; order++) {
        uint32_t buddy = pfn ^ (1u << order);

        if (buddy >= page_limit || pages[buddy].state != STATE_FREE || pages[buddy].order != order)
            break;
        list_remove(buddy);
        pages[pfn].state = STATE_TAIL;
        pfn &= ~(1u << order);
    }
    list_push(pfn, order);
}

/* A block of exactly `order`, or NONE. */
static uint32_t split(unsigned order)
{
    unsigned from = order;
    uint32_t pfn;

    while (from < ORDERS && heads[from] == NONE)
        from++;
    if (from == ORDERS)
        return NONE;
    pfn = heads[from];
    list_remove(pfn);
    while (from > order) {
        from--;
        list_push(pfn + (1u << from), from);
    }
    return pfn;
}

/* ---- Poison ---- */

/*
 * Eight words at a time, as below: what an emulator that counts instructions makes of a string instruction
 * is much slower, and pages are filled all the time.
 */
static void fill(uint64_t *q, uint64_t value)
{
    for (unsigned i = 0; i < PAGE_SIZE / 8; i += 8) {
        q[i] = q[i + 1] = q[i + 2] = q[i + 3] = value;
        q[i + 4] = q[i + 5] = q[i + 6] = q[i + 7] = value;
    }
}

static void poison(uint32_t pfn, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        fill(vm_va((uint64_t)(pfn + i) * PAGE_SIZE), POISON);
        pages[pfn + i].poisoned = true;
    }
}

/* Whether all of the page still holds the poison. Eight words at a time: this runs on every page handed out.
 */
static bool poison_intact(const uint64_t *q)
{
    uint64_t diff = 0;

    for (unsigned i = 0; i < PAGE_SIZE / 8; i += 8)
        diff |= (q[i] ^ POISON) | (q[i + 1] ^ POISON) | (q[i + 2] ^ POISON) | (q[i + 3] ^ POISON) |
                (q[i + 4] ^ POISON) | (q[i + 5] ^ POISON) | (q[i + 6] ^ POISON) | (q[i + 7] ^ POISON);
    return diff == 0;
}

/* Looks at one free page; reports and repairs it when somebody wrote there. */
static bool check_poison(uint32_t pfn)
{
    uint64_t *q = vm_va((uint64_t)pfn * PAGE_SIZE);
    unsigned i = 0;

    if (!pages[pfn].poisoned || poison_intact(q))
        return true;
    while (q[i] == POISON)
        i++;
    damaged++;
    log_line(LOG_ERROR, "write after free: page %#llx offset %#x holds %#llx, last owner %s",
             (unsigned long long)pfn * PAGE_SIZE, i * 8, (unsigned long long)q[i],
             page_owner_name(pages[pfn].owner));
    fill(q, POISON);
    return false;
}

/* ---- Freed blocks wait ---- */

static void release_oldest(void)
{
    uint32_t pfn = waiting[waiting_first];

    waiting_first = (waiting_first + 1) % WAITING_SLOTS;
    waiting_count--;
    waiting_pages -= 1u << pages[pfn].order;
    merge(pfn, pages[pfn].order);
}

static void wait_in_line(uint32_t pfn)
{
    if (waiting_count == WAITING_SLOTS)
        release_oldest();
    waiting[(waiting_first + waiting_count) % WAITING_SLOTS] = pfn;
    waiting_count++;
    waiting_pages += 1u << pages[pfn].order;
    while (waiting_pages > WAITING_PAGES)
        release_oldest();
}

static uint32_t take(unsigned order)
{
    uint32_t pfn = split(order);

    while (pfn == NONE && waiting_count) {
        release_oldest();
        pfn = split(order);
    }
    return pfn;
}

/* ---- The face ---- */

static unsigned order_of(unsigned count)
{
    if (!count || count > PAGE_MAX_COUNT || (count & (count - 1)))
        plat_panic("page block of %u pages", count);
    return (unsigned)__builtin_ctz(count);
}

void *page_alloc(unsigned count, enum plat_owner owner)
{
    unsigned order = order_of(count);
    uint64_t flags = spin_lock(&lock);
    uint32_t pfn = take(order);

    if (pfn == NONE) {
        spin_unlock(&lock, flags);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        check_poison(pfn + i);
        pages[pfn + i].poisoned = false;
        pages[pfn + i].owner = (uint8_t)owner;
    }
    serial++;
    pages[pfn].state = STATE_USED;
    pages[pfn].order = (uint8_t)order;
    pages[pfn].next = (uint32_t)serial;
    pages[pfn].prev = (uint32_t)(serial >> 32);
    owned[owner] += count;
    free_pages -= count;
    spin_unlock(&lock, flags);
    for (unsigned i = 0; i < count; i++)
        fill(vm_va((uint64_t)(pfn + i) * PAGE_SIZE), 0);
    return vm_va((uint64_t)pfn * PAGE_SIZE);
}

void page_free(void *va, unsigned count)
{
    uint64_t pa = (uint64_t)va - VM_DIRECT_BASE;
    unsigned order = order_of(count);
    struct page *p = &pages[pa / PAGE_SIZE];
    uint64_t flags;

    if (pa % PAGE_SIZE || pa / PAGE_SIZE >= page_limit)
        plat_panic("freeing %p, which is not a page", va);
    flags = spin_lock(&lock);
    if (p->state == STATE_QUARANTINED) {
        spin_unlock(&lock, flags);
        return;
    }
    if (p->state != STATE_USED || p->order != order) {
        spin_unlock(&lock, flags);
        plat_panic("freeing %u pages at %p, which is %s", count, va,
                   p->state == STATE_USED ? "a block of another size" : "not an allocated block");
    }
    poison((uint32_t)(pa / PAGE_SIZE), count);
    p->state = STATE_WAITING;
    owned[p->owner] -= count;
    free_pages += count;
    wait_in_line((uint32_t)(pa / PAGE_SIZE));
    spin_unlock(&lock, flags);
}

size_t page_owner_count(enum plat_owner owner)
{
    return owned[owner];
}

const char *page_owner_name(enum plat_owner owner)
{
    static const char *const names[OWNER_COUNT] = {
        [OWNER_KERNEL] = "kernel", [OWNER_TABLE] = "table",   [OWNER_PGTABLE] = "pgtable",
        [OWNER_QUEUE] = "queue",   [OWNER_IOASID] = "ioasid", [OWNER_TEST] = "test",
    };

    return owner < OWNER_COUNT && names[owner] ? names[owner] : "?";
}

size_t page_free_count(void)
{
    return free_pages;
}

uint64_t page_mark(void)
{
    return serial + 1;
}

size_t page_quarantine(uint64_t mark, enum plat_owner first, enum plat_owner last)
{
    uint64_t flags = spin_lock(&lock);
    size_t count = 0;

    for (uint32_t pfn = 0; pfn < page_limit; pfn++) {
        struct page *p = &pages[pfn];

        if (p->state != STATE_USED || p->owner < first || p->owner > last)
            continue;
        if (((uint64_t)p->prev << 32 | p->next) < mark)
            continue;
        p->state = STATE_QUARANTINED;
        owned[p->owner] -= 1u << p->order;
        count += 1u << p->order;
    }
    quarantined += count;
    spin_unlock(&lock, flags);
    return count;
}

size_t page_quarantined(void)
{
    return quarantined;
}

size_t page_check_free(void)
{
    uint64_t flags = spin_lock(&lock);
    size_t found = 0;

    for (uint32_t pfn = 0; pfn < page_limit; pfn++)
        found += !check_poison(pfn);
    spin_unlock(&lock, flags);
    return found;
}

size_t page_damage_count(void)
{
    return damaged;
}

uint64_t page_low(void)
{
    return low_page;
}

/* ---- Start ---- */

/* The part of `r` that is ours to hand out; false when nothing of it is. */
static bool usable(const struct boot_region *r, uint64_t *base, uint64_t *end)
{
    *base = r->base;
    *end = r->base + r->pages * PAGE_SIZE;
    if (r->type != BOOT_MEM_FREE)
        return false;
    if (*base < LOW_END)
        *base = LOW_END;
    if (*end > LIMIT)
        *end = LIMIT;
    return *base < *end;
}

/* Places the records at the start of the largest region and returns their end. */
static uint64_t place_records(const struct boot_region *r, size_t count)
{
    uint64_t best = 0, best_size = 0, top = 0, base, end, bytes;

    for (size_t i = 0; i < count; i++) {
        if (!usable(&r[i], &base, &end))
            continue;
        if (end > top)
            top = end;
        if (end - base > best_size) {
            best = base;
            best_size = end - base;
        }
    }
    page_limit = (uint32_t)(top / PAGE_SIZE);
    bytes = ((uint64_t)page_limit * sizeof(struct page) + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    if (!top || bytes > best_size)
        panic("no memory: %zu regions, largest free %llu KiB", count, (unsigned long long)best_size / 1024);
    pages = vm_va(best);
    memset(pages, 0, bytes);
    return best + bytes;
}

/* Cuts [base, end) into the largest aligned blocks. */
static void add_range(uint64_t base, uint64_t end)
{
    while (base < end) {
        unsigned order = ORDERS - 1;

        while (base % ((uint64_t)PAGE_SIZE << order) || base + ((uint64_t)PAGE_SIZE << order) > end)
            order--;
        for (uint32_t i = 0; i < 1u << order; i++)
            pages[base / PAGE_SIZE + i].state = STATE_TAIL;
        list_push((uint32_t)(base / PAGE_SIZE), order);
        free_pages += (size_t)1 << order;
        base += (uint64_t)PAGE_SIZE << order;
    }
}

void page_init(const struct boot_info *info)
{
    const struct boot_region *r = vm_va(info->regions.base);
    size_t count = info->regions.size / sizeof(*r);
    uint64_t records_end, base, end;

    for (unsigned i = 0; i < ORDERS; i++)
        heads[i] = NONE;
    records_end = place_records(r, count);
    for (size_t i = 0; i < count; i++) {
        /* The highest whole page of low memory below 640 KiB, but not page 0. */
        if (r[i].type == BOOT_MEM_FREE && r[i].base + r[i].pages * PAGE_SIZE <= 0xa0000 && r[i].pages &&
            r[i].base + (r[i].pages - 1) * PAGE_SIZE)
            low_page = r[i].base + (r[i].pages - 1) * PAGE_SIZE;
        if (!usable(&r[i], &base, &end))
            continue;
        add_range(base == (uint64_t)pages - VM_DIRECT_BASE ? records_end : base, end);
    }
}
