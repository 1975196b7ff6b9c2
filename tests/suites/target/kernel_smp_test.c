/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several CPUs (kernel/smp.h), and the checks of how locks are used (kernel/lockdep.h): every CPU runs the
 * threads handed to it, bad ends are caught on whichever CPU they happen, an order of locks is learned.
 */
#include <string.h>

#include "iommu/platform.h"
#include "kernel/cpu.h"
#include "kernel/guard.h"
#include "kernel/smp.h"
#include "kernel/spin.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/vm.h"
#include "kernel/watchdog.h"
#include "tests/harness/harness.h"

/* Of a run that is to hang; and of one that is not, on a host that has other things to do. */
#define HANG_NS (50 * NS_PER_MS)
#define RUN_NS  (10 * NS_PER_SEC)
#define JOIN_NS (10 * NS_PER_SEC)

static void tell_cpu(void *arg)
{
    *(unsigned *)arg = cpu_index();
}

TEST(kernel, smp_bound, .doc = "a thread handed to a CPU runs there")
{
    for (unsigned cpu = 0; cpu < smp_cpus(); cpu++) {
        unsigned seen = CPU_MAX;
        struct thread *thread = thread_create_on("bound", tell_cpu, &seen, cpu);

        T_ASSERT(t, thread);
        T_ASSERT_OK(t, thread_join(thread, JOIN_NS));
        T_EXPECT_EQ(t, seen, cpu);
    }
}

struct meeting {
    unsigned expected;
    unsigned here; /* atomic */
};

static bool all_here(void *arg)
{
    struct meeting *m = arg;

    return __atomic_load_n(&m->here, __ATOMIC_ACQUIRE) >= m->expected;
}

static void meet(void *arg)
{
    struct meeting *m = arg;

    __atomic_add_fetch(&m->here, 1, __ATOMIC_ACQ_REL);
    (void)!time_poll(all_here, m, JOIN_NS);
}

TEST(kernel, smp_spread, .needs = NEED_TARGET | NEED_CPUS_2,
     .doc = "threads that nobody bound spread over idle CPUs: all of them run at the same time")
{
    struct meeting m = {.expected = smp_cpus()};
    struct thread *threads[CPU_MAX];

    for (unsigned i = 0; i < m.expected; i++) {
        threads[i] = thread_create("spread", meet, &m);
        T_ASSERT(t, threads[i]);
    }
    for (unsigned i = 0; i < m.expected; i++)
        T_EXPECT_OK(t, thread_join(threads[i], JOIN_NS));
    T_EXPECT_EQ(t, m.here, m.expected);
}

/* ---- Locks ---- */

#define PASSES 200000u

static struct spin turnstile = SPIN_INIT("turnstile");

/* What a lock guards: read and written again in two steps. */
struct crowd {
    struct meeting start;
    volatile uint32_t passed;
};

static void pass(void *arg)
{
    struct crowd *c = arg;

    meet(&c->start);
    for (unsigned i = 0; i < PASSES; i++) {
        uint64_t flags = spin_lock(&turnstile);
        uint32_t before = c->passed;

        c->passed = before + 1;
        spin_unlock(&turnstile, flags);
    }
}

TEST(kernel, smp_lock, .needs = NEED_TARGET | NEED_CPUS_2, .flaws = "H19",
     .doc = "two CPUs count under one lock at the same time, and not one of them is lost")
{
    struct crowd c = {.start = {.expected = 2}};
    struct thread *threads[2];

    for (unsigned i = 0; i < 2; i++) {
        threads[i] = thread_create_on("pass", pass, &c, i);
        T_ASSERT(t, threads[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        T_EXPECT_OK(t, thread_join(threads[i], JOIN_NS));
    T_EXPECT_EQ(t, c.passed, 2 * PASSES);
}

/* ---- Bad ends on another CPU ---- */

/* Not a constant, or the compiler would complain for us. */
static char *volatile null_page = (char *)16;

static void touch_null(void *arg)
{
    (void)arg;
    *(volatile char *)null_page = 1;
}

static void loop(void *arg)
{
    (void)arg;
    for (;;)
        cpu_pause();
}

static void loop_deaf(void *arg)
{
    cpu_cli();
    loop(arg);
}

/* In a guarded run: hands `arg` to the last CPU and waits there for what never comes. */
static void start_elsewhere(void *arg)
{
    void (**fn)(void *) = arg;
    struct thread *thread = thread_create_on("elsewhere", *fn, NULL, smp_cpus() - 1);

    if (!thread || thread_join(thread, TIME_NEVER))
        plat_panic("no thread");
}

static unsigned ran;

static void count_run(struct plat_work *work)
{
    (void)work;
    ran++;
}

/* The run ends so, and every CPU goes on. */
static void check(struct t *t, void (*fn)(void *arg), enum guard_end end, const char *word)
{
    struct plat_work work = {.run = count_run};
    struct guard_report r;

    T_ASSERT_OK(t, guard_run(start_elsewhere, &fn, end == GUARD_HUNG ? HANG_NS : RUN_NS, &r));
    t_note(t, "%s: %s", guard_end_name(r.end), r.text);
    T_ASSERT_EQ(t, (int)r.end, (int)end);
    T_EXPECT(t, strstr(r.text, word));
    T_EXPECT(t, r.depth > 0);
    for (unsigned cpu = 0; cpu < smp_cpus(); cpu++) {
        unsigned seen = CPU_MAX;
        struct thread *thread = thread_create_on("after", tell_cpu, &seen, cpu);

        T_ASSERT(t, thread);
        T_ASSERT_OK(t, thread_join(thread, JOIN_NS));
        T_EXPECT_EQ(t, seen, cpu);
    }
    ran = 0;
    T_EXPECT(t, plat_work_queue(&work));
    T_ASSERT_OK(t, plat_idle_wait(JOIN_NS));
    T_EXPECT_EQ(t, ran, 1u);
    plat_grace_wait();
}

TEST(kernel, smp_trap, .needs = NEED_TARGET | NEED_CPUS_2, .doc = "a trap on another CPU ends the run")
{
    check(t, touch_null, GUARD_TRAPPED, "'elsewhere'");
}

TEST(kernel, smp_hang, .needs = NEED_TARGET | NEED_CPUS_2,
     .doc = "a loop on another CPU ends the run at its deadline, and the CPU is free again")
{
    check(t, loop, GUARD_HUNG, "'elsewhere' runs");
}

TEST(kernel, smp_hang_deaf, .needs = NEED_TARGET | NEED_CPUS_2,
     .doc = "a loop with interrupts off on another CPU is ended by NMI")
{
    check(t, loop_deaf, GUARD_HUNG, "interrupts off, in thread 'elsewhere'");
}

/* ---- Page tables ---- */

struct window {
    const volatile uint32_t *at;
    unsigned ready; /* atomic */
};

static void read_twice(void *arg)
{
    struct window *w = arg;

    (void)*w->at;
    __atomic_store_n(&w->ready, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&w->ready, __ATOMIC_ACQUIRE) != 2)
        cpu_pause();
    (void)*w->at;
}

static bool is_ready(void *arg)
{
    struct window *w = arg;

    return __atomic_load_n(&w->ready, __ATOMIC_ACQUIRE);
}

/* Another CPU has the translation in its TLB when it is taken away. */
static void unmap_under_reader(void *arg)
{
    struct window w = {.at = vm_map_mmio(vm_pa(arg), sizeof(uint32_t))};
    struct thread *thread;

    if (!w.at)
        plat_panic("no window");
    thread = thread_create_on("reader", read_twice, &w, smp_cpus() - 1);
    if (!thread || !time_poll(is_ready, &w, JOIN_NS))
        plat_panic("no reader");
    vm_unmap_io(w.at, sizeof(uint32_t));
    __atomic_store_n(&w.ready, 2, __ATOMIC_RELEASE);
    if (thread_join(thread, JOIN_NS))
        plat_panic("no end");
}

TEST(kernel, smp_flush, .needs = NEED_TARGET | NEED_CPUS_2,
     .doc = "what is unmapped on one CPU traps on another that had read it before")
{
    struct guard_report r;

    T_ASSERT_OK(t, guard_run(unmap_under_reader, t_mem(t, 1).va, JOIN_NS, &r));
    t_note(t, "%s: %s", guard_end_name(r.end), r.text);
    T_EXPECT_EQ(t, (int)r.end, (int)GUARD_TRAPPED);
    T_EXPECT(t, strstr(r.text, "unmapped registers"));
}

/* ---- Locks ---- */

struct pair {
    struct plat_lock a, b;
};

static void take(struct plat_lock *outer, struct plat_lock *inner)
{
    plat_lock(outer);
    plat_lock(inner);
    plat_unlock(inner);
    plat_unlock(outer);
}

static void invert(void *arg)
{
    struct pair *p = arg;

    take(&p->a, &p->b);
    take(&p->a, &p->b);
    take(&p->b, &p->a);
}

/* a > b, b > c, and then c > a. */
static void invert_far(void *arg)
{
    struct pair *p = arg;
    struct plat_lock c;

    plat_lock_init(&c, "test c");
    take(&p->a, &p->b);
    take(&p->b, &c);
    take(&c, &p->a);
}

static void nest_same(void *arg)
{
    struct pair *p = arg;
    struct plat_lock other;

    plat_lock_init(&other, "test a");
    take(&p->a, &other);
}

static void sleep_locked(void *arg)
{
    struct pair *p = arg;

    plat_lock(&p->a);
    plat_grace_wait();
}

static void idle_locked(void *arg)
{
    struct pair *p = arg;

    plat_lock(&p->b);
    if (plat_idle_wait(NS_PER_SEC))
        plat_panic("not idle");
}

static void sleep_deaf(void *arg)
{
    (void)arg;
    cpu_cli();
    thread_sleep(NS_PER_SEC);
}

TEST(kernel, lock_order, .flaws = "C5 C11",
     .doc =
         "an order of locks that was seen the other way round, near or far, and blocking with a lock held: "
         "the case ends, both chains are named")
{
    static const struct {
        void (*fn)(void *arg);
        const char *words[3];
    } cases[] = {
        {invert, {"lock order: 'test b'", "then 'test a'", "against 'test a'"}},
        {invert_far, {"lock order: 'test c'", "against 'test a'", "'test b'"}},
        {nest_same, {"two locks of one name", "'test a'", "take"}},
        {sleep_locked, {"plat_grace_wait: may block", "'test a'", "sleep_locked"}},
        {idle_locked, {"may block", "'test b'", "idle_locked"}},
        {sleep_deaf, {"may block", "interrupts off", "thread_block"}},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct guard_report r;
        struct pair p;

        plat_lock_init(&p.a, "test a");
        plat_lock_init(&p.b, "test b");
        T_ASSERT_OK(t, guard_run(cases[i].fn, &p, NS_PER_SEC, &r));
        t_note(t, "%s: %s", guard_end_name(r.end), r.text);
        T_EXPECT_EQ(t, (int)r.end, (int)GUARD_PANICKED);
        for (unsigned w = 0; w < ARRAY_SIZE(cases[i].words); w++)
            T_EXPECT(t, strstr(r.text, cases[i].words[w]));
    }
    T_EXPECT_EQ(t, plat_locks_held(), 0u);
}
