/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of iommu/platform.h that the IOASID core uses, as cheap as it can be. A lock is what kernel/spin.c
 * makes of it, less the checks and the interrupts: plain stores while one CPU is up, one atomic exchange from
 * the second on. Pages come from free lists, grace periods end when the measurement says so.
 *
 * It is linked with the core as one piece (tests/tools/bench.mk): `inline` has the compiler put locks into
 * alloc and free, beside what a caller from another file gets.
 */
#include "tests/host/bench/bench_platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "iommu/platform.h"

#define PAGE_BYTES 4096u

/* All memory comes from here, in pages of 2 MiB where the host has them, as the kernel's direct map is made
 * of. */
#define ARENA_BYTES 0x18000000u
#define HUGE_BYTES  0x200000u

static struct list deferred = LIST_INIT(deferred);
static size_t bytes;
static bool several_cpus;
static unsigned reads;

static char *arena;
static size_t arena_used;
static void *free_blocks[11]; /* of 1, 2, 4, ... pages; a free one holds the next */

size_t bench_bytes(void)
{
    return bytes;
}

/* ---- Memory ---- */

/* `align` is a power of two. */
static void *fresh(size_t size, size_t align)
{
    if (!arena) {
        arena = mmap(NULL, ARENA_BYTES + HUGE_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (arena == MAP_FAILED)
            plat_panic("no memory");
        arena += HUGE_BYTES - (uintptr_t)arena % HUGE_BYTES;
        madvise(arena, ARENA_BYTES, MADV_HUGEPAGE);
    }
    arena_used += -arena_used % align;
    if (size > ARENA_BYTES - arena_used)
        plat_panic("more than %u bytes", ARENA_BYTES);
    arena_used += size;
    return arena + arena_used - size;
}

void *bench_alloc(size_t size)
{
    return fresh((size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES, PAGE_BYTES);
}

void *plat_pages_alloc(unsigned count, unused enum plat_owner owner)
{
    void **list = &free_blocks[__builtin_ctz(count)], *va = *list;

    if (va)
        memcpy(list, va, sizeof(*list));
    else
        va = fresh((size_t)count * PAGE_BYTES, (size_t)count * PAGE_BYTES);
    memset(va, 0, (size_t)count * PAGE_BYTES);
    bytes += (size_t)count * PAGE_BYTES;
    return va;
}

void plat_pages_free(void *va, unsigned count)
{
    void **list = &free_blocks[__builtin_ctz(count)];

    bytes -= (size_t)count * PAGE_BYTES;
    memcpy(va, list, sizeof(*list));
    *list = va;
}

/* Objects carry their size in front, as they are counted. */
void *plat_alloc(size_t size, unused enum plat_owner owner)
{
    size_t *head = calloc(1, size + 16);

    if (!head)
        return NULL;
    *head = size;
    bytes += size;
    return (char *)head + 16;
}

void plat_free(void *object)
{
    size_t size;
    char *head;

    if (!object)
        return;
    head = (char *)object - 16;
    memcpy(&size, head, sizeof(size));
    bytes -= size;
    free(head);
}

/* ---- Exclusion ---- */

void plat_lock_init(struct plat_lock *lock, const char *name)
{
    *lock = (struct plat_lock){.name = name};
}

void bench_several_cpus(bool yes)
{
    several_cpus = yes;
}

static cold_path void take_from_others(struct plat_lock *lock)
{
    while (__atomic_exchange_n(&lock->state, 1, __ATOMIC_ACQUIRE))
        plat_relax();
}

inline void plat_lock(struct plat_lock *lock)
{
    if (several_cpus || __atomic_load_n(&lock->state, __ATOMIC_RELAXED)) {
        take_from_others(lock);
        return;
    }
    __atomic_store_n(&lock->state, 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_ACQUIRE);
}

inline void plat_unlock(struct plat_lock *lock)
{
    __atomic_store_n(&lock->state, 0, __ATOMIC_RELEASE);
}

void bench_locks(uint32_t count)
{
    static struct plat_lock lock;

    while (count--) {
        plat_lock(&lock);
        plat_unlock(&lock);
    }
}

/* Asked before and after a handler is called; there are none here. */
unsigned plat_locks_held(void)
{
    plat_panic("nobody subscribes");
}

uintptr_t plat_self(void)
{
    return 1;
}

void plat_waitq_init(struct plat_waitq *wq)
{
    plat_lock_init(&wq->lock, "wait queue");
    list_init(&wq->waiters);
}

void plat_waitq_wake_all(unused struct plat_waitq *wq)
{
}

int plat_wait(unused struct plat_waitq *wq, bool (*ready)(void *arg), void *arg, unused uint64_t timeout_ns)
{
    return ready(arg) ? 0 : -ETIMEDOUT;
}

/* ---- Deferred work ---- */

void plat_read_enter(void)
{
    reads++;
}

void plat_read_exit(void)
{
    reads--;
}

void bench_grace(void)
{
    while (!list_empty(&deferred)) {
        struct plat_work *work = list_first(&deferred, struct plat_work, link);

        list_del(&work->link);
        work->run(work);
    }
}

void plat_defer(struct plat_work *work)
{
    list_add_tail(&deferred, &work->link);
}

void plat_grace_wait(void)
{
    bench_grace();
}

int plat_idle_wait(unused uint64_t timeout_ns)
{
    bench_grace();
    return 0;
}

bool plat_work_queue(struct plat_work *work)
{
    plat_defer(work);
    return true;
}

struct plat_workq *plat_workq_create(unused const char *name)
{
    return plat_alloc(1, OWNER_IOASID);
}

void plat_workq_destroy(struct plat_workq *q)
{
    plat_free(q);
}

bool plat_work_queue_on(unused struct plat_workq *q, struct plat_work *work)
{
    return plat_work_queue(work);
}

/* ---- Time and words ---- */

void plat_relax(void)
{
    __builtin_ia32_pause();
}

uint64_t plat_now_ns(void)
{
    return 0;
}

void plat_log(unused enum plat_log level, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
}

void plat_panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    abort();
}
