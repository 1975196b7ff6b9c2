/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of locks; see lockdep.h. `below[a]` has a bit for every class that was taken with `a` held. That
 * the bit is there already is the whole check in the common case. A new pair (a, b) is an inversion when `a`
 * can be reached from `b`; else it becomes part of the order, with the two places in the code.
 */
#include "kernel/lockdep.h"

#include <stdio.h>
#include <string.h>

#include "iommu/platform.h"
#include "kernel/backtrace.h"
#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "kernel/thread.h"

#define TEXT_BYTES 400
#define LOOKS_MAX  (1u << 28)

/* Guards what follows for writing; readers see a class or a pair when it is complete. Not a struct spin: that
 * would check itself. */
static uint32_t busy;

static const char *names[LOCK_CLASSES]; /* [0] stays unused: LOCK_NO_CLASS */
static unsigned class_count = 1;
static uint64_t below[LOCK_CLASSES];

/* Where a pair was first seen, low halves of addresses in the kernel's text: outer lock, inner lock. */
static uint32_t seen_at[LOCK_CLASSES][LOCK_CLASSES][2];

static bool off;

/* What is done under it takes microseconds; a holder that was stopped for good is not waited for. */
static void lock_tables(void)
{
    for (unsigned i = 0; i < LOOKS_MAX && __atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE); i++)
        cpu_pause();
}

static void unlock_tables(void)
{
    __atomic_store_n(&busy, 0, __ATOMIC_RELEASE);
}

/* ---- Classes ---- */

static uint32_t find_class(const char *name, unsigned count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (names[i] == name || strcmp(names[i], name) == 0)
            return i;
    }
    return LOCK_NO_CLASS;
}

uint32_t lockdep_class(const char *name)
{
    uint32_t class = find_class(name, __atomic_load_n(&class_count, __ATOMIC_ACQUIRE));
    uint64_t flags;

    if (class != LOCK_NO_CLASS)
        return class;
    flags = irq_save();
    lock_tables();
    class = find_class(name, class_count);
    if (class == LOCK_NO_CLASS && class_count < LOCK_CLASSES) {
        class = class_count;
        names[class] = name;
        __atomic_store_n(&class_count, class + 1, __ATOMIC_RELEASE);
    }
    unlock_tables();
    irq_restore(flags);
    return class;
}

/* ---- Order ---- */

static bool is_below(uint32_t outer, uint32_t inner)
{
    return __atomic_load_n(&below[outer], __ATOMIC_RELAXED) >> inner & 1;
}

/* A way from `from` to `to`: came[c] is the class before c on it. */
static bool find_way(uint32_t from, uint32_t to, uint8_t came[LOCK_CLASSES])
{
    uint8_t queue[LOCK_CLASSES];
    unsigned first = 0, end = 0;
    uint64_t visited = 1ull << from;

    queue[end++] = (uint8_t)from;
    while (first < end) {
        uint8_t at = queue[first++];

        for (unsigned next = 1; next < class_count; next++) {
            if (!is_below(at, next) || visited >> next & 1)
                continue;
            visited |= 1ull << next;
            came[next] = at;
            if (next == to)
                return true;
            queue[end++] = (uint8_t)next;
        }
    }
    return false;
}

static void add(char *out, size_t size, const char *before, uint32_t class, uint64_t at)
{
    size_t n = strlen(out);
    uint64_t offset = 0;
    const char *symbol = symbol_of(at, &offset);

    snprintf(out + n, size - n, "%s'%s' (%s+0x%llx)", before, names[class], symbol ? symbol : "?",
             (unsigned long long)offset);
}

static uint64_t text_address(uint32_t low)
{
    return (uint64_t)(int64_t)(int32_t)low;
}

/* The pairs on the way that was found, outermost first. */
static void add_way(char *out, size_t size, uint32_t from, uint32_t to, const uint8_t came[LOCK_CLASSES])
{
    uint8_t way[LOCK_CLASSES];
    unsigned n = 0;

    for (uint32_t c = to; c != from; c = came[c])
        way[n++] = (uint8_t)c;
    for (uint32_t outer = from; n; outer = way[n]) {
        n--;
        add(out, size, outer == from ? ", against " : ", ", outer, text_address(seen_at[outer][way[n]][0]));
        add(out, size, " then ", way[n], text_address(seen_at[outer][way[n]][1]));
    }
}

/* `class` is about to be taken with `held` held, and that pair is new. */
static void judge(const struct lock_held *held, uint32_t class, uint64_t at)
{
    char text[TEXT_BYTES] = "";
    uint8_t came[LOCK_CLASSES];
    bool bad;

    lock_tables();
    bad = held->class == class || find_way(class, held->class, came);
    if (!bad) {
        seen_at[held->class][class][0] = (uint32_t)held->at;
        seen_at[held->class][class][1] = (uint32_t)at;
        __atomic_fetch_or(&below[held->class], 1ull << class, __ATOMIC_RELAXED);
    }
    unlock_tables();
    if (!bad)
        return;
    add(text, sizeof(text), "", held->class, held->at);
    add(text, sizeof(text), " then ", class, at);
    if (held->class == class)
        plat_panic("two locks of one name at the same time: %s", text);
    add_way(text, sizeof(text), class, held->class, came);
    plat_panic("lock order: %s", text);
}

void lockdep_check(const void *lock, uint32_t class, uint64_t at)
{
    const struct lock_chain *chain = &cpu_this()->locks;

    for (unsigned i = 0; class != LOCK_NO_CLASS && i < chain->count; i++) {
        const struct lock_held *outer = &chain->held[i];

        /* The same lock again is a deadlock, which spin_take() reports. */
        if (outer->class != LOCK_NO_CLASS && outer->lock != lock && !is_below(outer->class, class) && !off)
            judge(outer, class, at);
    }
}

void lockdep_push(const void *lock, uint32_t class, uint64_t at)
{
    struct lock_chain *chain = &cpu_this()->locks;

    if (chain->count == LOCK_CHAIN_MAX) {
        if (off)
            return;
        plat_panic("more than %u locks held at a time", LOCK_CHAIN_MAX);
    }
    chain->held[chain->count++] = (struct lock_held){.lock = lock, .at = at, .class = class};
}

void lockdep_pop(const void *lock)
{
    struct lock_chain *chain = &cpu_this()->locks;
    unsigned i = chain->count;

    while (i && chain->held[i - 1].lock != lock)
        i--;
    if (!i)
        return;
    for (; i < chain->count; i++)
        chain->held[i - 1] = chain->held[i];
    chain->count--;
}

void lockdep_forget(void)
{
    cpu_this()->locks.count = 0;
}

void lockdep_off(void)
{
    off = true;
}

/* ---- Blocking ---- */

void lockdep_describe(char *out, size_t size)
{
    uint64_t flags = irq_save();
    const struct lock_chain *chain = &cpu_this()->locks;

    out[0] = 0;
    for (unsigned i = 0; i < chain->count; i++)
        add(out, size, i ? " then " : "", chain->held[i].class, chain->held[i].at);
    irq_restore(flags);
}

void lockdep_may_block(const char *what)
{
    char text[TEXT_BYTES];

    if (irq_in_handler())
        plat_panic("%s: may block, called from an interrupt handler", what);
    if (irq_enabled())
        return;
    lockdep_describe(text, sizeof(text));
    plat_panic("%s: may block, called with %s%s", what, text[0] ? "locks held: " : "interrupts off", text);
}
