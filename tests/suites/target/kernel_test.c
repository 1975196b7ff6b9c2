/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest leans on: threads, waits, work, epochs, PCI (kernel/thread.h, workq.h, epoch.h, pci.h). */
#include <string.h>

#include "iommu/platform.h"
#include "kernel/apic.h"
#include "kernel/fw_cfg.h"
#include "kernel/pci.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/env.h"
#include "tests/harness/harness.h"

#define SPINNERS   3u
#define JOIN_NS    (10 * NS_PER_SEC)
#define NAP_NS     (5 * NS_PER_MS)
#define TIMEOUT_NS (20 * NS_PER_MS)

/* ---- Threads and waits ---- */

static volatile bool stop;

static void spin(void *arg)
{
    volatile uint64_t *count = arg;

    while (!stop)
        (*count)++;
}

TEST(kernel, preempt, .doc = "threads that never give the CPU away share it all the same")
{
    volatile uint64_t counts[SPINNERS] = {0};
    struct thread *threads[SPINNERS];

    stop = false;
    for (unsigned i = 0; i < SPINNERS; i++) {
        threads[i] = thread_create("spin", spin, (void *)&counts[i]);
        T_ASSERT(t, threads[i]);
    }
    thread_sleep(4 * TIMEOUT_NS);
    stop = true;
    for (unsigned i = 0; i < SPINNERS; i++) {
        T_EXPECT_OK(t, thread_join(threads[i], JOIN_NS));
        T_EXPECT_GT(t, counts[i], 0ull);
    }
}

static void expect_near(struct t *t, uint64_t hz, uint64_t want)
{
    T_EXPECT_GE(t, hz, want - want / 50);
    T_EXPECT_LE(t, hz, want + want / 50);
}

TEST(kernel, clock,
     .doc = "the clock runs at the TSC's rate: measured again, against each clock of the machine, beside a "
            "thread that takes the CPU away; CPUID says the same, if it says anything")
{
    volatile uint64_t count = 0;
    struct thread *other;
    uint64_t hz, apic_hz;
    const char *name;
    int err;

    stop = false;
    other = thread_create("spin", spin, (void *)&count);
    T_ASSERT(t, other);
    for (unsigned n = 0; (name = time_measure(n, &hz, &err)); n++) {
        t_note(t, "%s: %llu kHz", name, (unsigned long long)(hz / 1000));
        T_EXPECT_OK(t, err);
        expect_near(t, hz, time_tsc_hz());
    }
    stop = true;
    T_EXPECT_OK(t, thread_join(other, JOIN_NS));
    T_EXPECT_GT(t, time_tsc_hz(), 0ull);
    if (time_cpuid(&hz, &apic_hz)) {
        t_note(t, "CPUID: %llu kHz", (unsigned long long)(hz / 1000));
        expect_near(t, hz, time_tsc_hz());
        expect_near(t, apic_hz, apic_timer_hz());
    }
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

TEST(kernel, wait_timeout, .doc = "a wait for what never happens ends at its deadline, not before")
{
    uint64_t start = plat_now_ns();
    struct plat_waitq wq;

    plat_waitq_init(&wq);
    T_ASSERT_ERR(t, plat_wait(&wq, never, NULL, TIMEOUT_NS), -ETIMEDOUT);
    T_EXPECT_GE(t, plat_now_ns() - start, TIMEOUT_NS);
}

struct alarm {
    struct plat_waitq wq;
    volatile bool rung;
};

static void ring(void *arg)
{
    struct alarm *a = arg;

    thread_sleep(NAP_NS);
    a->rung = true;
    plat_waitq_wake_all(&a->wq);
}

static bool has_rung(void *arg)
{
    return ((struct alarm *)arg)->rung;
}

TEST(kernel, wait_woken, .doc = "a waiter goes on when it is woken")
{
    struct alarm alarm = {.rung = false};
    struct thread *thread;

    plat_waitq_init(&alarm.wq);
    thread = thread_create("ring", ring, &alarm);
    T_ASSERT(t, thread);
    T_EXPECT_OK(t, plat_wait(&alarm.wq, has_rung, &alarm, JOIN_NS));
    T_EXPECT_OK(t, thread_join(thread, JOIN_NS));
}

/* ---- Work and epochs ---- */

#define PIECES 4u

struct piece {
    struct plat_work work;
    unsigned ran_as;
};

static unsigned turns;

static void run_piece(struct plat_work *work)
{
    container_of(work, struct piece, work)->ran_as = ++turns;
}

TEST(kernel, work_order,
     .doc = "work runs once, in the order in which it was queued, and the idle wait sees its end")
{
    struct piece pieces[PIECES] = {0};

    turns = 0;
    for (unsigned i = 0; i < PIECES; i++) {
        pieces[i].work.run = run_piece;
        T_ASSERT(t, plat_work_queue(&pieces[i].work));
        T_EXPECT(t, !plat_work_queue(&pieces[i].work) || pieces[i].ran_as);
    }
    T_ASSERT_OK(t, plat_idle_wait(JOIN_NS));
    for (unsigned i = 1; i < PIECES; i++)
        T_EXPECT_LT(t, pieces[i - 1].ran_as, pieces[i].ran_as);
}

struct reader {
    volatile bool inside;
    volatile bool left;
};

/* Sleeps inside the section, nested, and spins inside it, so that it is switched out in every way there is.
 */
static void read_slowly(void *arg)
{
    struct reader *r = arg;
    uint64_t start;

    plat_read_enter();
    plat_read_enter();
    r->inside = true;
    thread_sleep(NAP_NS);
    plat_read_exit();
    start = plat_now_ns();
    while (plat_now_ns() - start < NAP_NS)
        plat_read_enter(), plat_read_exit();
    r->left = true;
    plat_read_exit();
}

static struct thread *start_reader(struct t *t, struct reader *r)
{
    struct thread *thread = thread_create("reader", read_slowly, r);

    T_ASSERT(t, thread);
    for (uint64_t start = plat_now_ns(); !r->inside && plat_now_ns() - start < JOIN_NS;)
        thread_sleep(NS_PER_US);
    T_ASSERT(t, r->inside);
    return thread;
}

TEST(kernel, grace,
     .doc = "a grace period outlasts a reader that sleeps, nests and is preempted; one without readers ends")
{
    struct reader reader = {false, false};
    struct thread *thread = start_reader(t, &reader);

    plat_grace_wait();
    T_EXPECT(t, reader.left);
    T_EXPECT_OK(t, thread_join(thread, JOIN_NS));
    plat_grace_wait();
}

struct late {
    struct plat_work work;
    const struct reader *reader;
    bool ran;
    bool reader_had_left;
};

static void run_late(struct plat_work *work)
{
    struct late *late = container_of(work, struct late, work);

    late->ran = true;
    late->reader_had_left = late->reader->left;
}

TEST(kernel, defer, .doc = "deferred work runs after the readers of its time, and the idle wait waits for it")
{
    struct reader reader = {false, false};
    struct late late = {.work.run = run_late, .reader = &reader};
    struct thread *thread = start_reader(t, &reader);

    plat_defer(&late.work);
    T_ASSERT_OK(t, plat_idle_wait(JOIN_NS));
    T_EXPECT(t, late.ran && late.reader_had_left);
    T_EXPECT_OK(t, thread_join(thread, JOIN_NS));
}

/* ---- PCI ---- */

TEST(kernel, pci_tree,
     .doc = "functions come in order, each on a bus that its parent leads to, and look alike when read again")
{
    const struct pci_function *last = NULL;

    for (const struct pci_function *fn = NULL; (fn = pci_next(fn)); last = fn) {
        T_EXPECT(t, !last || last->id.segment < fn->id.segment || last->id.rid < fn->id.rid);
        T_EXPECT_EQ(t, plat_pci_read32(fn->id, 0), (uint32_t)fn->device << 16 | fn->vendor);
        if (fn->parent)
            T_EXPECT_EQ(t, fn->parent->secondary, rid_bus(fn->id.rid));
    }
    T_ASSERT(t, last);
}

#define BASE_CLASS_DISPLAY 0x03u
#define BASE_CLASS_BRIDGE  0x06u

static uint32_t command_of(const struct pci_function *fn)
{
    return plat_pci_read32(fn->id, 4);
}

static bool is_master(const struct pci_function *fn)
{
    return command_of(fn) & PCI_COMMAND_MASTER;
}

/* The endpoint after `fn`: neither a bridge nor a display controller. */
static struct pci_function *next_endpoint(const struct pci_function *fn)
{
    struct pci_function *next = pci_next(fn);

    while (next && (next->class >> 16 == BASE_CLASS_DISPLAY || next->class >> 16 == BASE_CLASS_BRIDGE))
        next = pci_next(next);
    return next;
}

static bool is_engine(const struct pci_function *fn)
{
    for (unsigned engine = 0; engine < DMA_ENGINE_COUNT; engine++) {
        const struct dma_dev *dev;

        for (unsigned n = 0; (dev = dma_dev_get((enum dma_engine)engine, n)); n++) {
            if (dev->id.segment == fn->id.segment && dev->id.rid == fn->id.rid)
                return true;
        }
    }
    return false;
}

TEST(kernel, pci_quiet, .doc = "no endpoint may do DMA but the engines, whatever the firmware left on")
{
    for (const struct pci_function *fn = NULL; (fn = next_endpoint(fn));) {
        t_note(t, "%02x:%02x.%u: found %s", rid_bus(fn->id.rid), rid_dev(fn->id.rid), rid_fn(fn->id.rid),
               fn->mastered ? "on" : "off");
        T_EXPECT_EQ(t, is_master(fn), is_engine(fn));
    }
}

static void set_master(const struct pci_function *fn, bool master)
{
    pci_enable(fn, command_of(fn) & PCI_COMMAND_MEM, master);
}

TEST(kernel, pci_quiesce,
     .doc = "bus mastering goes off in every endpoint that has it on, and comes back there alone")
{
    bool before[64] = {false}, found[64] = {false};
    unsigned n = 0;

    for (struct pci_function *fn = NULL; n < ARRAY_SIZE(before) && (fn = next_endpoint(fn)); n++) {
        before[n] = is_master(fn);
        found[n] = fn->mastered;
        set_master(fn, n % 2);
    }
    T_EXPECT_GT(t, n, 0u);
    pci_quiesce();
    for (struct pci_function *fn = NULL; (fn = next_endpoint(fn));)
        T_EXPECT(t, !is_master(fn));
    pci_restore();
    n = 0;
    for (struct pci_function *fn = NULL; n < ARRAY_SIZE(before) && (fn = next_endpoint(fn)); n++) {
        T_EXPECT_EQ(t, is_master(fn), n % 2 == 1);
        set_master(fn, before[n]);
        fn->mastered = found[n];
    }
}

TEST(kernel, pci_alias,
     .doc = "its own requester id comes last; behind a bridge the bridge's comes first, for all alike")
{
    for (const struct pci_function *fn = NULL; (fn = pci_next(fn));) {
        const struct pci_function *bridge = pci_alias_bridge(fn);
        struct pci_id ids[4];
        unsigned n = pci_aliases(fn, ids, ARRAY_SIZE(ids));

        T_ASSERT(t, n >= 1 && n <= ARRAY_SIZE(ids));
        T_EXPECT_EQ(t, ids[n - 1].rid, fn->id.rid);
        T_EXPECT_EQ(t, n > 1, bridge != NULL);
        if (bridge && bridge->kind == PCI_EXPRESS_TO_PCI)
            T_EXPECT_EQ(t, ids[0].rid, RID(bridge->secondary, 0, 0));
        else if (bridge)
            T_EXPECT_EQ(t, ids[0].rid, bridge->id.rid);
    }
}

/* ---- Where it runs ---- */

TEST(kernel, replay_line,
     .doc = "make replays a failure where QEMU answers, the file on the stick where it does not")
{
    char line[64];

    env_replay(line, sizeof(line), "", "seed=1");
    T_EXPECT_EQ(t, strncmp(line, "make run ", 9) == 0, fw_cfg_present());
    T_EXPECT_EQ(t, strstr(line, "args.txt: ") != NULL, !fw_cfg_present());
}
