/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite actors, without DMA: the CPU side's table, bit by bit, and the order of the parties seen by a stubbed
 * engine, which looks at its PASID entry in memory at the moment in which a device would translate. Runs in
 * both homes.
 */
#include "kernel/lib/bits.h"
#include "tests/actors/cpu.h"
#include "tests/suites/svm_bench.h"

#define SPID 0xabcdeu

/* ---- The stubbed engine: as one that translates when its delay ends ---- */

struct engine {
    struct dma_dev dev;
    struct svm_bench *bench;
    unsigned translated, blocked;
};

static int engine_start(struct dma_dev *dev, const struct dma_xfer *x)
{
    (void)dev;
    (void)x;
    return 0;
}

static int engine_wait(struct dma_dev *dev, uint64_t timeout_ns)
{
    struct engine *e = container_of(dev, struct engine, dev);
    bool present = svm_present(e->bench, 0);

    (void)timeout_ns;
    e->translated += present;
    e->blocked += !present;
    dev->result = present ? DMA_RESULT_OK : DMA_RESULT_FAILED;
    return 0;
}

static const struct dma_ops engine_ops = {.start = engine_start, .wait = engine_wait};

struct stub {
    struct svm_bench b;
    struct engine engine;
    struct worker worker;
    struct cpu cpu;
    ioasid_t id;
};

/* One device bound under the name SPID, its queue programmed. */
static void stub_open(struct t *t, struct stub *s, unsigned cpu_events, enum ioasid_level level)
{
    svm_open(t, &s->b, 1);
    s->engine = (struct engine){.dev = {.ops = &engine_ops, .name = "stub", .can_write = true, .max_len = 64},
                                .bench = &s->b};
    T_ASSERT_OK(t, cpu_open(&s->cpu, s->b.set, cpu_events));
    T_ASSERT_OK(t, worker_open(&s->worker, s->b.set, &s->engine.dev, level));
    s->b.cfg.spid = SPID;
    s->id = svm_alloc(&s->b);
    T_ASSERT_OK(t, svm_do_bind(&s->b, s->id, 0));
    T_ASSERT_OK(t, worker_program(&s->worker, s->id));
}

static void stub_close(struct stub *s)
{
    T_EXPECT_OK(s->b.t, worker_close(&s->worker));
    T_EXPECT_OK(s->b.t, cpu_close(&s->cpu));
    svm_close(&s->b);
}

static int submit(struct stub *s)
{
    const struct dma_xfer x = {.dir = DMA_TO_MEM, .len = 64};

    return cpu_submit(&s->cpu, SPID, &s->worker, &x);
}

/* Three submissions, the first of which is started. */
static void take_off(struct stub *s)
{
    for (unsigned i = 0; i < 3; i++)
        T_ASSERT_OK(s->b.t, submit(s));
    T_ASSERT_OK(s->b.t, worker_start(&s->worker));
}

static void expect_ended(struct stub *s, unsigned translated, unsigned blocked)
{
    T_EXPECT_EQ(s->b.t, s->engine.translated, translated);
    T_EXPECT_EQ(s->b.t, s->engine.blocked, blocked);
    T_EXPECT_EQ(s->b.t, s->worker.counts.aborted, 2u);
    T_EXPECT_EQ(s->b.t, s->worker.teardowns, 1u);
    T_EXPECT(s->b.t, svm_zero(&s->b, 0));
    T_EXPECT_EQ(s->b.t, s->cpu.mapped, 0u);
    T_EXPECT_EQ(s->b.t, s->cpu.unbinds, 1u);
    T_EXPECT_ERR(s->b.t, submit(s), -EFAULT);
    T_EXPECT_EQ(s->b.t, s->cpu.faults, 1u);
}

#define KVM_EVENTS (IOASID_EVENT_BIND | IOASID_EVENT_UNBIND)
/* What both kinds of CPU side listen to. */
static const unsigned cpu_kinds[] = {KVM_EVENTS, KVM_EVENTS | IOASID_EVENT_FREE};

TEST(actors, stub_unbind, .needs = SVM_NEEDS, .rows = "18", .flaws = "S14 S18 S17",
     .doc = "unbind: what was started translates while the entry is there, the rest is aborted, the CPU's "
            "table is empty, and each reference goes once")
{
    for (unsigned kind = 0; kind < ARRAY_SIZE(cpu_kinds); kind++) {
        struct stub s;

        stub_open(t, &s, cpu_kinds[kind], IOASID_LEVEL_DEVICE);
        T_EXPECT_EQ(t, ioasid_refs(s.b.set, s.id), 4);
        take_off(&s);
        T_EXPECT_OK(t, svm_do_unbind(&s.b, s.id, 0));
        expect_ended(&s, 1, 0);
        T_EXPECT_EQ(t, ioasid_refs(s.b.set, s.id), 1);
        T_EXPECT_OK(t, ioasid_free(s.b.set, s.id));
        stub_close(&s);
    }
}

TEST(actors, stub_free, .needs = SVM_NEEDS, .rows = "23", .flaws = "S14 S15 C2",
     .doc = "free before unbind: the same, for a CPU side that knows UNBIND only and for one that knows FREE")
{
    for (unsigned kind = 0; kind < ARRAY_SIZE(cpu_kinds); kind++) {
        struct stub s;

        stub_open(t, &s, cpu_kinds[kind], IOASID_LEVEL_DEVICE);
        take_off(&s);
        T_EXPECT_ERR(t, ioasid_free(s.b.set, s.id), -EINPROGRESS);
        t_settle(t);
        expect_ended(&s, 1, 0);
        T_EXPECT_ERR(t, ioasid_refs(s.b.set, s.id), -ENOENT);
        stub_close(&s);
    }
}

TEST(actors, stub_misplaced, .needs = SVM_NEEDS,
     .doc = "a device side registered behind the IOMMU: what was started finds no entry, and the engine says "
            "so")
{
    struct stub s;

    stub_open(t, &s, KVM_EVENTS, IOASID_LEVEL_IOMMU);
    take_off(&s);
    T_EXPECT_OK(t, svm_do_unbind(&s.b, s.id, 0));
    expect_ended(&s, 0, 1);
    T_EXPECT_EQ(t, s.worker.counts.failed, 1u);
    T_EXPECT_OK(t, ioasid_free(s.b.set, s.id));
    stub_close(&s);
}

TEST(actors, stub_queue, .needs = SVM_NEEDS,
     .doc = "the device side's queue: another number is turned away, a full queue says so, one IOASID at a "
            "time, and what it holds it gives back at its end")
{
    const struct worker_desc foreign = {.number = 5};
    ioasid_t other;
    struct stub s;

    stub_open(t, &s, KVM_EVENTS, IOASID_LEVEL_DEVICE);
    other = svm_alloc(&s.b);
    T_EXPECT_ERR(t, worker_program(&s.worker, other), -EBUSY);
    T_EXPECT_EQ(t, ioasid_refs(s.b.set, other), 1);
    T_ASSERT_NE(t, ioasid_number(s.id), foreign.number);
    T_EXPECT_ERR(t, worker_push(&s.worker, &foreign), -EACCES);
    for (unsigned i = 0; i < WORKER_DEPTH; i++)
        T_EXPECT_OK(t, submit(&s));
    T_EXPECT_ERR(t, submit(&s), -EAGAIN);
    worker_run(&s.worker);
    T_EXPECT_EQ(t, s.engine.translated, (unsigned)WORKER_DEPTH);
    T_EXPECT_OK(t, submit(&s));
    T_EXPECT_OK(t, worker_close(&s.worker));
    T_EXPECT_EQ(t, s.worker.counts.aborted, 1u);
    T_EXPECT_EQ(t, ioasid_refs(s.b.set, s.id), 3);
    T_EXPECT_OK(t, svm_do_unbind(&s.b, s.id, 0));
    T_EXPECT_OK(t, cpu_close(&s.cpu));
    T_EXPECT_OK(t, ioasid_free(s.b.set, s.id));
    T_EXPECT_OK(t, ioasid_free(s.b.set, other));
    svm_close(&s.b);
}

/* ---- The CPU side's table ---- */

TEST(actors, table_bits, .needs = SVM_NEEDS, .flaws = "K9",
     .doc = "the entry of ABCDEh is where the processor looks for it, 1 in bit 31 and the number below, and "
            "the identity mapping has one as well")
{
    const uint32_t *table;
    uint64_t *high, dir;
    struct stub s;

    stub_open(t, &s, KVM_EVENTS, IOASID_LEVEL_DEVICE);
    high = s.cpu.directory[1]; /* bit 19 is set */
    dir = high[0x0af];         /* bits 18:10 */
    T_ASSERT_EQ(t, dir & 0xfffull, 1ull);
    table = plat_va((paddr_t){dir - 1});
    T_EXPECT_EQ(t, table[0x0de], 0x80000000u + ioasid_number(s.id)); /* bits 9:0 */
    for (unsigned i = 0; i < 1024; i++)
        T_EXPECT(t, i == 0x0de || table[i] == 0);
    for (unsigned i = 0; i < 512; i++)
        T_EXPECT(t, s.cpu.directory[0][i] == 0 && (i == 0x0af || high[i] == 0));
    T_EXPECT_OK(t, svm_do_unbind(&s.b, s.id, 0));
    T_EXPECT_EQ(t, table[0x0de], 0u);
    s.b.cfg.spid = ioasid_number(s.id);
    T_EXPECT_OK(t, svm_do_bind(&s.b, s.id, 0));
    T_EXPECT_EQ(t, cpu_translate(&s.cpu, ioasid_number(s.id)), (int64_t)ioasid_number(s.id));
    T_EXPECT_ERR(t, cpu_translate(&s.cpu, SPID), -ENOENT);
    T_EXPECT_OK(t, svm_do_unbind(&s.b, s.id, 0));
    T_EXPECT_OK(t, ioasid_free(s.b.set, s.id));
    stub_close(&s);
}

TEST(actors, table_edges, .needs = SVM_NEEDS,
     .doc = "at the edges of table, directory and half a guest number is found, and its neighbours are not")
{
    static const uint32_t spids[] = {0, 0x3ff, 0x400, 0x7fbff, 0x7ffff, 0x80000, 0xfffff};
    struct stub s;

    stub_open(t, &s, KVM_EVENTS, IOASID_LEVEL_DEVICE);
    T_EXPECT_OK(t, svm_do_unbind(&s.b, s.id, 0));
    for (unsigned i = 0; i < ARRAY_SIZE(spids); i++) {
        s.b.cfg.spid = spids[i];
        T_ASSERT_OK(t, svm_do_bind(&s.b, s.id, 0));
        for (unsigned j = 0; j < ARRAY_SIZE(spids); j++)
            T_EXPECT_EQ(t, cpu_translate(&s.cpu, spids[j]),
                        i == j ? (int64_t)ioasid_number(s.id) : (int64_t)-ENOENT);
        T_ASSERT_OK(t, svm_do_unbind(&s.b, s.id, 0));
    }
    T_EXPECT_OK(t, ioasid_free(s.b.set, s.id));
    stub_close(&s);
}
