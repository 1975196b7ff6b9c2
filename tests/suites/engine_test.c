/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite engine: what dma_dev.h promises of every engine, shown with one that is made up here and obeys the
 * case, and with the real ones where a machine has them.
 *
 * A limit that is not kept, a transfer started over a running one, or a wait without an end turns a case red.
 */
#include "tests/dev/dma_dev.h"
#include "tests/harness/harness.h"

/* An engine that counts what it is asked and answers as told. */
static struct {
    unsigned starts, waits;
    int start_result, wait_result;
} fake;

static int fake_start(struct dma_dev *dev, const struct dma_xfer *x)
{
    (void)dev;
    (void)x;
    fake.starts++;
    return fake.start_result;
}

static int fake_wait(struct dma_dev *dev, uint64_t timeout_ns)
{
    (void)timeout_ns;
    fake.waits++;
    if (!fake.wait_result)
        dev->result = DMA_RESULT_OK;
    return fake.wait_result;
}

static struct dma_dev make_fake(void)
{
    static const struct dma_ops ops = {.start = fake_start, .wait = fake_wait};

    fake.starts = fake.waits = 0;
    fake.start_result = fake.wait_result = 0;
    return (struct dma_dev){.ops = &ops,
                            .name = "fake0",
                            .can_write = true,
                            .has_offset = true,
                            .max_len = 100,
                            .rids = {0x10, 0x300},
                            .rid_count = 2};
}

static struct dma_xfer xfer(uint32_t offset, uint32_t len)
{
    return (struct dma_xfer){.dir = DMA_TO_MEM, .len = len, .offset = offset};
}

TEST(engine, limits,
     .doc = "a transfer beyond the engine's buffer, or of no byte, is -EINVAL and never starts")
{
    static const struct {
        uint32_t offset, len;
    } bad[] = {{0, 0}, {0, 101}, {1, 100}, {100, 1}, {99, 2}, {UINT32_MAX, 1}, {1, UINT32_MAX}};
    struct dma_dev dev = make_fake();

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        struct dma_xfer x = xfer(bad[i].offset, bad[i].len);

        T_EXPECT_ERR(t, dma_start(&dev, &x), -EINVAL);
    }
    T_EXPECT_EQ(t, fake.starts, 0u);
    T_EXPECT_EQ(t, dev.busy, false);
}

TEST(engine, whole_buffer, .doc = "the whole buffer, and its last byte, are within the limits")
{
    struct dma_dev dev = make_fake();
    struct dma_xfer all = xfer(0, 100), last = xfer(99, 1);

    T_EXPECT_OK(t, dma_run(&dev, &all));
    T_EXPECT_OK(t, dma_run(&dev, &last));
    T_EXPECT_EQ(t, fake.starts, 2u);
    T_EXPECT_EQ(t, (int)dev.result, (int)DMA_RESULT_OK);
}

TEST(engine, direction, .doc = "a direction that the engine has not is -ENOTSUP")
{
    struct dma_dev dev = make_fake();
    struct dma_xfer x = xfer(0, 4);

    x.dir = DMA_FROM_MEM;
    T_EXPECT_ERR(t, dma_start(&dev, &x), -ENOTSUP);
    T_EXPECT_EQ(t, fake.starts, 0u);
}

TEST(engine, busy, .doc = "a second start before the wait is -EBUSY, a wait without a start -EINVAL")
{
    struct dma_dev dev = make_fake();
    struct dma_xfer x = xfer(0, 4);

    T_EXPECT_ERR(t, dma_wait(&dev, DMA_TIMEOUT_NS), -EINVAL);
    T_ASSERT_OK(t, dma_start(&dev, &x));
    T_EXPECT_ERR(t, dma_start(&dev, &x), -EBUSY);
    T_ASSERT_OK(t, dma_wait(&dev, DMA_TIMEOUT_NS));
    T_EXPECT_OK(t, dma_start(&dev, &x));
}

TEST(engine, failed_start, .doc = "an engine that refuses to start is not busy afterwards")
{
    struct dma_dev dev = make_fake();
    struct dma_xfer x = xfer(0, 4);

    fake.start_result = -EIO;
    T_EXPECT_ERR(t, dma_run(&dev, &x), -EIO);
    T_EXPECT_EQ(t, fake.waits, 0u);
    T_EXPECT_EQ(t, dev.busy, false);
}

TEST(engine, never_answers, .doc = "an engine that never answers is -ETIMEDOUT, and stays busy until it does")
{
    struct dma_dev dev = make_fake();
    struct dma_xfer x = xfer(0, 4);

    fake.wait_result = -ETIMEDOUT;
    T_EXPECT_ERR(t, dma_run(&dev, &x), -ETIMEDOUT);
    T_EXPECT_ERR(t, dma_start(&dev, &x), -EBUSY);
    fake.wait_result = 0;
    T_EXPECT_OK(t, dma_wait(&dev, DMA_TIMEOUT_NS));
    T_EXPECT_OK(t, dma_run(&dev, &x));
}

TEST(engine, groups, .doc = "devices are of one group exactly if they share a requester id on one segment")
{
    struct dma_dev a = make_fake(), b = make_fake();

    T_EXPECT_EQ(t, dma_same_group(&a, &b), true);
    b.rids[0] = 0x20;
    T_EXPECT_EQ(t, dma_same_group(&a, &b), true); /* by the bridge's */
    b.rid_count = 1;
    T_EXPECT_EQ(t, dma_same_group(&a, &b), false);
    b.rids[0] = 0x300;
    T_EXPECT_EQ(t, dma_same_group(&a, &b), true);
    b.id.segment = 1;
    T_EXPECT_EQ(t, dma_same_group(&a, &b), false);
}

TEST(engine, fixed_pattern,
     .doc = "the bytes of an engine with a fixed word: little endian, repeated, cut at the end")
{
    static const uint8_t want[7] = {0x78, 0x56, 0x34, 0x12, 0x78, 0x56, 0x34};
    struct dma_dev dev = make_fake();
    struct dma_xfer x = xfer(4, 4);
    uint8_t got[7] = {0};

    T_EXPECT_EQ(t, dma_fixed_pattern(&dev, got, 7), false);
    dev.fixed = true;
    dev.fixed_word = 0x12345678;
    T_EXPECT_EQ(t, dma_fixed_pattern(&dev, got, 7), true);
    T_EXPECT_MEM(t, got, want, 7);
    T_EXPECT_ERR(t, dma_start(&dev, &x), -EINVAL); /* such an engine has no offsets */
}

TEST(engine, list_order, .needs = NEED_DMA,
     .doc = "devices of an engine are numbered by place, then by segment and requester id, and found at "
            "their place again")
{
    enum dma_engine engine = t->dma->engine;
    unsigned at_place[DMA_PLACE_COUNT] = {0};
    const struct dma_dev *before = NULL;
    struct dma_dev *dev;

    for (unsigned n = 0; (dev = dma_dev_get(engine, n)); n++) {
        T_EXPECT_EQ(t, dev->index, n);
        T_EXPECT_EQ(t, (int)dev->engine, (int)engine);
        T_ASSERT(t, dma_dev_at(engine, dev->place, at_place[dev->place]++) == dev);
        if (before && before->place == dev->place)
            T_EXPECT(t, before->id.segment < dev->id.segment ||
                            (before->id.segment == dev->id.segment && before->id.rid < dev->id.rid));
        if (before)
            T_EXPECT(t, before->place <= dev->place);
        T_EXPECT_GE(t, dev->rid_count, 1u);
        before = dev;
    }
    T_EXPECT_GE(t, at_place[t->dma->place], 1u);
}

TEST(engine, says_refused, .needs = NEED_DMA | NEED_DMA_BYTES, .negative = true,
     .doc = "an engine with a status says that a blocked transfer was refused, one without never that it was "
            "done")
{
    struct t_mem mem = t_mem(t, 1);
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = {mem.pa.v}, .len = 16, .believed = mem.pa};

    T_ASSERT_OK(t, dma_run(t->dma, &x));
    T_EXPECT_NE(t, (int)t->dma->result, (int)DMA_RESULT_OK);
    if (t->dma->reports)
        T_EXPECT_EQ(t, (int)t->dma->result, (int)DMA_RESULT_FAILED);
}

TEST(engine, takes_its_time, .needs = NEED_DMA | NEED_DMA_BYTES | NEED_DMA_QUEUED, .negative = true,
     .doc = "an engine that queues is not done at once, and done within twice its delay")
{
    struct t_mem mem = t_mem(t, 1);
    struct dma_xfer x = {.dir = DMA_TO_MEM, .iova = {mem.pa.v}, .len = 16, .believed = mem.pa};

    T_ASSERT_OK(t, dma_start(t->dma, &x));
    T_EXPECT_ERR(t, dma_start(t->dma, &x), -EBUSY);
    T_ASSERT_OK(t, dma_wait(t->dma, 2 * t->dma->delay_ns));
}
