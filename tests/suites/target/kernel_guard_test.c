/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guarded runs (kernel/guard.h): every bad end is told apart and explained, and the run goes on with working
 * queues, epochs and threads. Each case runs a guarded run inside its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iommu/platform.h"
#include "kernel/cpu.h"
#include "kernel/guard.h"
#include "kernel/page.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/watchdog.h"
#include "kernel/workq.h"
#include "tests/harness/harness.h"

/* Of a run that is to hang; and of one that is not, on a host that has other things to do. */
#define HANG_NS (20 * NS_PER_MS)
#define RUN_NS  (10 * NS_PER_SEC)
#define IDLE_NS NS_PER_SEC

static unsigned ran;

static void count(struct plat_work *work)
{
    (void)work;
    ran++;
}

/* Runs `fn`, which has to end so, with `word` in the report; then everything has to work as before. */
static void check(struct t *t, void (*fn)(void *arg), void *arg, enum guard_end end, const char *word)
{
    struct plat_work work = {.run = count};
    struct guard_report r;

    T_ASSERT_OK(t, guard_run(fn, arg, end == GUARD_HUNG ? HANG_NS : RUN_NS, &r));
    t_note(t, "%s: %s", guard_end_name(r.end), r.text);
    T_ASSERT_EQ(t, (int)r.end, (int)end);
    T_EXPECT(t, strstr(r.text, word));
    T_EXPECT(t, end == GUARD_RETURNED || r.depth > 0);
    T_EXPECT_EQ(t, workq_outstanding(), (size_t)0);
    ran = 0;
    T_EXPECT(t, plat_work_queue(&work));
    T_ASSERT_OK(t, plat_idle_wait(IDLE_NS));
    T_EXPECT_EQ(t, ran, 1u);
    plat_grace_wait();
}

static void touch(void *arg)
{
    *(volatile char *)arg = 1;
}

static void touch_in_section(void *arg)
{
    plat_read_enter();
    touch(arg);
}

static void undefined(void *arg)
{
    (void)arg;
    __asm__ volatile("ud2");
}

static unsigned recurse(unsigned n)
{
    volatile unsigned room[64];

    room[n % 64] = n;
    return n == UINT32_MAX ? 0 : recurse(n + 1) + room[n % 64];
}

static void overflow(void *arg)
{
    *(volatile unsigned *)arg = recurse(0);
}

TEST(kernel, guard_trap,
     .doc = "null pointers, wild pointers, bad code, a full stack, a trap in a read section")
{
    unsigned sink;

    check(t, touch, (void *)16, GUARD_TRAPPED, "null page");
    check(t, touch, (void *)0x5a5a5a5a5a5a5a5aull, GUARD_TRAPPED, "#GP");
    check(t, undefined, NULL, GUARD_TRAPPED, "#UD");
    check(t, overflow, &sink, GUARD_TRAPPED, "guard page");
    check(t, touch_in_section, (void *)16, GUARD_TRAPPED, "null page");
}

static void hang(void *arg)
{
    (void)arg;
    for (;;)
        __asm__ volatile(""); /* no PAUSE: what hangs is not polite, and emulators are slow at it */
}

static void hang_deaf(void *arg)
{
    cpu_cli();
    hang(arg);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void sleep_on(void *arg)
{
    struct plat_waitq wq;

    (void)arg;
    plat_waitq_init(&wq);
    if (plat_wait(&wq, never, NULL, TIME_NEVER))
        plat_panic("the end of time");
}

static void free_wild(void *arg)
{
    free(arg);
}

static void print_wild(void *arg)
{
    char text[16];

    snprintf(text, sizeof(text), "%s", (const char *)arg);
}

static void free_object(void *arg)
{
    plat_free(arg);
}

TEST(kernel, guard_heap,
     .doc = "pointers that are none, freed and printed: the run ends, and malloc serves the next")
{
    void *page = plat_pages_alloc(1, OWNER_TEST), *object;

    T_ASSERT(t, page);
    memset(page, 0x5a, PAGE_SIZE); /* a size that leads nowhere, in front of what is freed */
    check(t, free_wild, (char *)page + PAGE_SIZE / 2, GUARD_TRAPPED, "free");
    check(t, free_wild, (void *)0x5a5a5a5a5a5a5a50ull, GUARD_TRAPPED, "#GP");
    check(t, print_wild, (void *)0x5a5a5a5a5a5a5a50ull, GUARD_TRAPPED, "#GP");
    check(t, free_object, (void *)0x5a5a5a5a5a5a5a50ull, GUARD_TRAPPED, "#GP");
    object = plat_alloc(64, OWNER_TEST);
    T_EXPECT(t, object);
    plat_free(object);
    plat_pages_free(page, 1);
}

TEST(kernel, guard_hang, .doc = "a loop with interrupts on, and a wait for ever")
{
    check(t, hang, NULL, GUARD_HUNG, "'case' runs");
    check(t, sleep_on, NULL, GUARD_HUNG, "'case' waits");
}

TEST(kernel, guard_hang_deaf,
     .doc = "a loop with interrupts off is ended by the watchdog's NMI, also with a lock held")
{
    if (!watchdog_running())
        t_skip(t, "no watchdog: no PIT that counts, or no I/O APIC pin for it");
    check(t, hang_deaf, NULL, GUARD_HUNG, "interrupts off");
}

static void lock_twice(void *arg)
{
    struct plat_lock *lock = arg;

    plat_lock_init(lock, "twice");
    plat_lock(lock);
    plat_lock(lock);
}

static void wait_locked(void *arg)
{
    struct plat_lock *lock = arg;

    plat_lock_init(lock, "held");
    plat_lock(lock);
    sleep_on(NULL);
}

static void free_twice(void *arg)
{
    void *page = plat_pages_alloc(1, OWNER_TEST);

    (void)arg;
    plat_pages_free(page, 1);
    plat_pages_free(page, 1);
}

TEST(kernel, guard_panic, .doc = "a lock taken twice, a wait with a lock held, a page freed twice")
{
    struct plat_lock lock;

    check(t, lock_twice, &lock, GUARD_PANICKED, "lock 'twice'");
    check(t, wait_locked, &lock, GUARD_PANICKED, "plat_wait");
    check(t, free_twice, NULL, GUARD_PANICKED, "freeing");
}

/* Not a constant, or the compiler would complain for us. */
static void *volatile null_page = (void *)16;

static void trap_in_work(struct plat_work *work)
{
    (void)work;
    touch(null_page);
}

static void hang_in_work(struct plat_work *work)
{
    hang(work);
}

/* Makes the worker of deferred work owe and pay all the time. */
static void defer_in_work(struct plat_work *work)
{
    static struct plat_work more = {.run = count};

    (void)work;
    for (;;) {
        if (!more.queued)
            plat_defer(&more);
    }
}

static void queue_and_wait(void *arg)
{
    struct plat_work work = {.run = *(void (**)(struct plat_work *))arg}, behind = {.run = count};

    plat_work_queue(&work);
    plat_work_queue(&behind);
    if (plat_idle_wait(TIME_NEVER))
        plat_panic("the end of time");
}

static void defer_and_wait(void *arg)
{
    struct plat_work work = {.run = *(void (**)(struct plat_work *))arg};

    plat_defer(&work);
    if (plat_idle_wait(TIME_NEVER))
        plat_panic("the end of time");
}

TEST(kernel, guard_work,
     .doc = "work that traps or hangs ends the run that waits for it; the workers are replaced")
{
    void (*bad[])(struct plat_work *) = {trap_in_work, hang_in_work, defer_in_work};

    check(t, queue_and_wait, &bad[0], GUARD_TRAPPED, "'work'");
    check(t, queue_and_wait, &bad[1], GUARD_HUNG, "'work'");
    check(t, queue_and_wait, &bad[2], GUARD_HUNG, "");
    check(t, defer_and_wait, &bad[0], GUARD_TRAPPED, "'epoch'");
    check(t, defer_and_wait, &bad[1], GUARD_HUNG, "'epoch'");
}

static void leave_thread(void *arg)
{
    struct thread *thread = thread_create("stray", hang, arg);

    if (thread)
        thread_detach(thread);
}

static void child_traps(void *arg)
{
    struct thread *thread = thread_create("child", touch, arg);

    if (!thread || thread_join(thread, TIME_NEVER))
        plat_panic("no child");
}

TEST(kernel, guard_threads, .doc = "a thread's trap is its run's; threads that outlive their run are killed")
{
    struct guard_report r;

    check(t, child_traps, (void *)16, GUARD_TRAPPED, "'child'");
    T_ASSERT_OK(t, guard_run(leave_thread, NULL, RUN_NS, &r));
    T_EXPECT_EQ(t, (int)r.end, (int)GUARD_RETURNED);
    T_EXPECT_EQ(t, r.strays, 1u);
}
