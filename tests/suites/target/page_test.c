/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's page allocator and small objects: kernel/page.c, kernel/heap.c. */
#include <string.h>

#include "kernel/guard.h"
#include "kernel/heap.h"
#include "kernel/page.h"
#include "kernel/vm.h"
#include "tests/harness/harness.h"

#define SECOND 1000000000ull

static bool all_zero(const void *va, size_t size)
{
    const uint64_t *q = va;

    for (size_t i = 0; i < size / sizeof(*q); i++)
        if (q[i])
            return false;
    return true;
}

TEST(page, blocks, .needs = NEED_TARGET,
     .doc = "blocks of every size are aligned to it, zeroed, counted and given back")
{
    size_t before = page_owner_count(OWNER_TEST);
    size_t free_before = page_free_count();

    for (unsigned count = 1; count <= PAGE_MAX_COUNT; count *= 2) {
        uint8_t *va = page_alloc(count, OWNER_TEST);

        if (!va)
            t_error(t, "no block of %u pages", count);
        T_EXPECT_EQ(t, vm_pa(va) % (count * PAGE_SIZE), 0u);
        T_EXPECT(t, all_zero(va, count * PAGE_SIZE));
        T_EXPECT_EQ(t, page_owner_count(OWNER_TEST), before + count);
        memset(va, 0xee, count * PAGE_SIZE);
        page_free(va, count);
    }
    T_EXPECT_EQ(t, page_owner_count(OWNER_TEST), before);
    T_EXPECT_EQ(t, page_free_count(), free_before);
}

/* A block with the same value at both of its ends. */
static uint64_t *marked_block(struct t *t, unsigned pages, uint64_t mark)
{
    uint64_t *words = page_alloc(pages, OWNER_TEST);

    if (!words)
        t_error(t, "no block of %u pages", pages);
    words[0] = mark;
    words[pages * (PAGE_SIZE / sizeof(*words)) - 1] = mark;
    return words;
}

TEST(page, random_life, .needs = NEED_TARGET,
     .doc = "no two live blocks overlap, whatever the order of alloc and free")
{
    static uint64_t *block[64];
    static unsigned count[64];
    size_t free_before = page_free_count();

    for (unsigned step = 0; step < 500; step++) {
        unsigned i = (unsigned)t_rand_below(t, ARRAY_SIZE(block));

        if (block[i]) {
            /* Its own mark is still at both ends, so nobody else wrote there. */
            T_EXPECT_EQ(t, block[i][0], i + 1u);
            T_EXPECT_EQ(t, block[i][count[i] * 512 - 1], i + 1u);
            page_free(block[i], count[i]);
            block[i] = NULL;
            continue;
        }
        count[i] = 1u << t_rand_below(t, 4);
        block[i] = marked_block(t, count[i], i + 1);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(block); i++) {
        if (block[i])
            page_free(block[i], count[i]);
        block[i] = NULL;
    }
    T_EXPECT_EQ(t, page_free_count(), free_before);
}

TEST(page, write_after_free, .needs = NEED_TARGET, .negative = true,
     .doc = "a write to a freed page is found and counted once")
{
    volatile uint8_t *va = page_alloc(1, OWNER_TEST);
    size_t before = page_damage_count();

    if (!va)
        t_error(t, "no page");
    page_free((void *)va, 1);
    va[1234] = 1;
    T_EXPECT_EQ(t, page_check_free(), 1u);
    T_EXPECT_EQ(t, page_check_free(), 0u);
    T_EXPECT_EQ(t, page_damage_count(), before + 1);
}

TEST(page, quarantine, .needs = NEED_TARGET,
     .doc = "quarantined pages keep their contents and never come back")
{
    void *older = page_alloc(1, OWNER_TEST);
    uint64_t mark = page_mark();
    uint8_t *va = page_alloc(2, OWNER_TEST), *other = page_alloc(1, OWNER_QUEUE);
    size_t before = page_quarantined(), free_before = page_free_count();

    T_ASSERT(t, older && va && other);
    va[0] = 7;
    T_EXPECT_EQ(t, page_quarantine(mark, OWNER_TEST, OWNER_TEST), 2u);
    T_EXPECT_EQ(t, page_quarantined(), before + 2);
    page_free(va, 2);
    T_EXPECT_EQ(t, va[0], 7);
    T_EXPECT_EQ(t, page_free_count(), free_before);
    page_free(other, 1);
    page_free(older, 1);
    T_EXPECT_EQ(t, page_free_count(), free_before + 2);
}

static void free_twice(void *va)
{
    page_free(va, 1);
    page_free(va, 1);
}

static void free_wrong_size(void *va)
{
    page_free(va, 2);
}

static void object_free_twice(void *object)
{
    heap_free(object);
    heap_free(object);
}

static void expect_panic(struct t *t, void (*fn)(void *arg), void *arg, const char *words)
{
    struct guard_report r;

    T_ASSERT_OK(t, guard_run(fn, arg, SECOND, &r));
    T_EXPECT_EQ(t, guard_end_name(r.end), guard_end_name(GUARD_PANICKED));
    if (!T_EXPECT(t, strstr(r.text, words) != NULL))
        t_note(t, "%s", r.text);
}

TEST(page, wrong_free, .needs = NEED_TARGET, .negative = true,
     .doc = "freeing twice or by another size ends the case, not the run")
{
    void *va = page_alloc(1, OWNER_TEST);

    T_ASSERT(t, va != NULL);
    expect_panic(t, free_wrong_size, va, "another size");
    expect_panic(t, free_twice, va, "not an allocated block");
    expect_panic(t, object_free_twice, heap_alloc(40, OWNER_TEST), "is free");
}

TEST(page, objects, .needs = NEED_TARGET,
     .doc = "small objects are zeroed, aligned, counted; abandoned ones are not counted")
{
    size_t before = heap_owner_count(OWNER_TEST);
    uint64_t mark = page_mark();
    uint8_t *a = heap_alloc(1, OWNER_TEST), *b = heap_alloc(2048, OWNER_TEST);

    T_ASSERT(t, a && b);
    T_EXPECT_EQ(t, (uintptr_t)a % 16, 0u);
    T_EXPECT_EQ(t, (uintptr_t)b % 16, 0u);
    T_EXPECT(t, all_zero(b, 2048));
    T_EXPECT_EQ(t, heap_owner_count(OWNER_TEST), before + 2);
    heap_free(a);
    T_EXPECT_EQ(t, heap_owner_count(OWNER_TEST), before + 1);
    T_EXPECT_EQ(t, heap_abandon(mark, OWNER_TEST, OWNER_TEST), 1u);
    T_EXPECT_EQ(t, heap_owner_count(OWNER_TEST), before);
    heap_free(b);
    T_EXPECT_EQ(t, heap_owner_count(OWNER_TEST), before);
}
