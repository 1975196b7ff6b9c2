/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite queue: batches, wrap-around, limits, and recovery from a descriptor that the unit refuses. No table
 * is touched: the invalidations name domain ids that nobody uses. Needs no DMA.
 */
#include <string.h>

#include "tests/suites/bench_dev.h"
#include "tests/suites/stream.h"

/* Of no type that there is. */
static const struct vtd_desc nonsense = {{0xf, 0, 0, 0}};

static struct vtd_desc harmless(unsigned n)
{
    return vtd_inv_pc_pasid((did_t){1}, n);
}

static int submit(struct vtd_unit *unit, unsigned count)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    for (unsigned i = 0; i < count; i++)
        vtd_batch_add(&batch, harmless(i));
    return vtd_batch_submit_wait(&batch);
}

TEST(queue, registers, .needs = NEED_IOMMU, .rules = "18",
     .doc = "the queue is on, 2^QS pages at the ring's address, the tail where the driver has put it")
{
    struct vtd_unit *unit = bench_unit(t);
    uint64_t iqa = vtd_read(&unit->io, VTD_IQA);
    uint64_t gsts = vtd_read(&unit->io, VTD_GSTS);
    uint64_t address = FIELD_GET_ADDR(VTD_IQA_IQA, iqa);
    uint64_t pages = pow2((unsigned)FIELD_GET(VTD_IQA_QS, iqa));
    uint64_t tail = vtd_read(&unit->io, VTD_IQT);

    T_EXPECT_EQ(t, gsts & SPAN_MASK(VTD_GSTS_QIES), SPAN_MASK(VTD_GSTS_QIES));
    T_EXPECT_EQ(t, address, plat_pa(unit->queue.ring).v);
    T_EXPECT_EQ(t, pages, (uint64_t)VTD_QUEUE_PAGES);
    T_EXPECT_EQ(t, tail, (uint64_t)unit->queue.tail * sizeof(struct vtd_desc));
}

TEST(queue, wide_descriptors, .needs = NEED_IOMMU, .rules = "19", .xfail = "E-038",
     .doc = "IQA.DW reads 1 while 256-bit descriptors are executed")
{
    uint64_t iqa = vtd_read(&bench_unit(t)->io, VTD_IQA);
    uint64_t dw = FIELD_GET(VTD_IQA_DW, iqa);

    T_DEVIATES(t, "E-038", T_EXPECT_EQ(t, dw, 1ull));
}

TEST(queue, empty_batch, .needs = NEED_IOMMU,
     .doc = "a batch without a descriptor costs nothing, not even a wait")
{
    struct stream mark = stream_mark(bench_unit(t));

    T_ASSERT_OK(t, submit(bench_unit(t), 0));
    stream_expect(t, &mark, NULL, 0);
}

TEST(queue, wraps, .needs = NEED_IOMMU, .rules = "20",
     .doc = "batches of every length up to 32 pass the ring's end several times; each has its one wait")
{
    struct vtd_unit *unit = bench_unit(t);
    unsigned laps = 0;

    for (unsigned n = 0; n < 120; n++) {
        struct stream mark = stream_mark(unit);
        unsigned tail = unit->queue.tail;

        T_ASSERT_OK(t, submit(unit, n % VTD_BATCH_INLINE + 1));
        T_ASSERT_EQ(t, stream_waits(&mark), 1ull);
        T_ASSERT_EQ(t, stream_descriptors(&mark), n % VTD_BATCH_INLINE + 2ull);
        laps += unit->queue.tail < tail;
    }
    T_EXPECT_GE(t, laps, 3u);
}

TEST(queue, long_batch, .needs = NEED_IOMMU, .rules = "20 24",
     .doc = "more than the stack holds, and as much as fits into the queue: still one wait; one more: two")
{
    static const struct {
        unsigned count, waits;
    } rows[] = {{VTD_BATCH_INLINE + 1, 1}, {200, 1}, {VTD_QUEUE_SLOTS - 2, 1}, {VTD_QUEUE_SLOTS - 1, 2}};
    struct vtd_unit *unit = bench_unit(t);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct stream mark = stream_mark(unit);

        T_ASSERT_OK(t, submit(unit, rows[i].count));
        T_EXPECT_EQ(t, stream_waits(&mark), (uint64_t)rows[i].waits);
        T_EXPECT_EQ(t, stream_descriptors(&mark), (uint64_t)(rows[i].count + rows[i].waits));
    }
}

TEST(queue, spare_is_shared, .needs = NEED_IOMMU,
     .doc = "while one long batch has the spare buffer another one goes in parts, and loses nothing")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_batch first;
    struct stream mark;

    vtd_batch_init(&first, unit);
    for (unsigned i = 0; i < 40; i++)
        vtd_batch_add(&first, harmless(i));
    mark = stream_mark(unit);
    T_ASSERT_OK(t, submit(unit, 70));
    T_EXPECT_EQ(t, stream_waits(&mark), 3ull);
    T_EXPECT_EQ(t, stream_descriptors(&mark), 73ull);
    mark = stream_mark(unit);
    T_ASSERT_OK(t, vtd_batch_submit_wait(&first));
    T_EXPECT_EQ(t, stream_waits(&mark), 1ull);
    T_EXPECT_EQ(t, stream_descriptors(&mark), 41ull);
    mark = stream_mark(unit);
    T_ASSERT_OK(t, submit(unit, 70)); /* the buffer is free again */
    T_EXPECT_EQ(t, stream_waits(&mark), 1ull);
}

TEST(queue, many_waits, .needs = NEED_IOMMU, .rules = "23",
     .doc = "more waits than there are status words: each word serves again, with a value of its own")
{
    struct vtd_unit *unit = bench_unit(t);

    for (unsigned i = 0; i < VTD_STATUS_WORDS + 10; i++)
        T_ASSERT_OK(t, submit(unit, 1));
    T_EXPECT_EQ(t, unit->queue.status_used[0], 1ull);
}

/* Submits batches of many lengths from the dispatcher's thread. */
static struct submitter {
    struct plat_work work;
    struct vtd_unit *unit;
    unsigned failures;
    unsigned done;
} submitters[3];

static void submit_many(struct plat_work *work)
{
    struct submitter *s = container_of(work, struct submitter, work);

    for (unsigned n = 1; n <= 100; n++, s->done++) {
        if (submit(s->unit, n))
            s->failures++;
    }
}

TEST(queue, two_threads, .needs = NEED_IOMMU, .rules = "20 24",
     .doc = "two threads submit short and long batches at the same time: every one of them ends well")
{
    struct vtd_unit *unit = bench_unit(t);
    unsigned failures = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(submitters); i++) {
        submitters[i] = (struct submitter){.work = {.run = submit_many}, .unit = unit};
        list_init(&submitters[i].work.link);
        T_ASSERT(t, plat_work_queue(&submitters[i].work));
    }
    for (unsigned n = 1; n <= 150; n++)
        failures += submit(unit, n) != 0;
    t_settle(t);
    for (unsigned i = 0; i < ARRAY_SIZE(submitters); i++) {
        T_EXPECT_EQ(t, submitters[i].done, 100u);
        failures += submitters[i].failures;
    }
    T_EXPECT_EQ(t, failures, 0u);
    T_EXPECT_EQ(t, unit->queue.status_used[0], 1ull);
    T_EXPECT(t, !unit->queue.spare_taken);
}

TEST(queue, recent, .needs = NEED_IOMMU,
     .doc = "the last descriptors come back oldest first, the wait at the end")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_desc got[4];

    T_ASSERT_OK(t, submit(unit, 3));
    T_ASSERT_EQ(t, vtd_qi_recent(unit, got, 4), 4u);
    for (unsigned i = 0; i < 3; i++)
        T_EXPECT_EQ(t, got[i].q[0], harmless(i).q[0]);
    T_EXPECT_EQ(t, got[3].q[0] % 0x100000000, 0x25ull);
}

TEST(queue, refused, .needs = NEED_IOMMU, .rules = "31",
     .doc = "a descriptor of no type: -EIO for its submitter, IQE cleared, and the queue goes on")
{
    struct vtd_unit *unit = bench_unit(t);
    const struct vtd_desc descs[] = {harmless(1), nonsense, harmless(2)};
    uint64_t refused = unit->stats.refused;
    uint64_t fsts, head;

    T_EXPECT_ERR(t, vtd_qi_submit_raw(unit, descs, 3, true), -EIO);
    T_EXPECT_EQ(t, unit->stats.refused, refused + 1);
    fsts = vtd_read(&unit->io, VTD_FSTS);
    T_EXPECT_EQ(t, fsts & SPAN_MASK(VTD_FSTS_IQE), 0ull);
    T_ASSERT_OK(t, submit(unit, 5));
    head = vtd_read(&unit->io, VTD_IQH);
    T_EXPECT_EQ(t, head, (uint64_t)unit->queue.tail * sizeof(struct vtd_desc));
}

TEST(queue, refused_many, .needs = NEED_IOMMU, .rules = "31",
     .doc = "several refused descriptors in a batch and across batches: each is taken out, at any slot of "
            "the ring")
{
    struct vtd_unit *unit = bench_unit(t);
    const struct vtd_desc descs[] = {nonsense, nonsense, harmless(1), nonsense};
    uint64_t refused = unit->stats.refused;
    unsigned rounds = t_depth(t, 150);

    /* What lies between makes the rounds go round the ring once. */
    for (unsigned i = 0; i < rounds; i++) {
        T_ASSERT_ERR(t, vtd_qi_submit_raw(unit, descs, 4, true), -EIO);
        for (unsigned n = 0; n < VTD_QUEUE_SLOTS / rounds; n += 2)
            T_ASSERT_OK(t, submit(unit, 1));
    }
    T_EXPECT_EQ(t, unit->stats.refused, refused + 3 * rounds);
    T_ASSERT_OK(t, submit(unit, 5));
}

TEST(queue, refused_unwatched, .needs = NEED_IOMMU, .rules = "31",
     .doc = "a refused descriptor that nobody waits for does not stand in the way of the next batch, which "
            "succeeds")
{
    struct vtd_unit *unit = bench_unit(t);

    T_ASSERT_OK(t, vtd_qi_submit_raw(unit, &nonsense, 1, false));
    T_ASSERT_OK(t, submit(unit, 2));
}

TEST(queue, reserved_bit, .needs = NEED_IOMMU, .rules = "31",
     .doc = "a reserved bit in the upper half of an iotlb_inv is refused, and the same without it is not")
{
    struct vtd_unit *unit = bench_unit(t);
    struct vtd_desc d = vtd_inv_iotlb_domain((did_t){1});

    T_EXPECT_OK(t, vtd_qi_submit_raw(unit, &d, 1, true));
    entry_set(&d, BIT(8), 1);
    T_EXPECT_ERR(t, vtd_qi_submit_raw(unit, &d, 1, true), -EIO);
}
