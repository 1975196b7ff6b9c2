/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite harness, host only: what a proof makes of an engine that moves records of its own. The engine here is
 * a few lines that write memory behind everybody's back, at the place that it was told or beside it.
 */
#include <string.h>

#include "iommu/platform.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/harness.h"

#define RECORD 16u
#define ALIGN  64u

static const uint8_t record[RECORD] = "sixteen bytes...";

static struct {
    struct dma_xfer asked;
    bool blocked;
    size_t beside; /* bytes behind the place that it was told */
} fake;

static int start(struct dma_dev *dev, const struct dma_xfer *x)
{
    (void)dev;
    fake.asked = *x;
    if (!fake.blocked)
        memcpy((uint8_t *)plat_va((paddr_t){x->iova.v}) + fake.beside, record, RECORD);
    return 0;
}

static int wait(struct dma_dev *dev, uint64_t timeout_ns)
{
    (void)dev;
    (void)timeout_ns;
    return 0;
}

static const struct dma_ops ops = {.start = start, .wait = wait};

static struct dma_dev make_fake(void)
{
    memset(&fake, 0, sizeof(fake));
    return (struct dma_dev){.ops = &ops,
                            .name = "fake",
                            .can_write = true,
                            .fixed = true,
                            .record_len = RECORD,
                            .align = ALIGN,
                            .max_len = RECORD,
                            .sends = record};
}

TEST(
    harness, record_shape, .needs = NEED_IOMMU,
    .doc =
        "an engine of records moves one at the last address up to the one asked for that it can do; the page "
        "is compared whole: a record beside it is garbled, none is untouched")
{
    struct dma_dev dev = make_fake();
    struct t_mem mem = t_mem(t, 2);
    iova_t at = {mem.pa.v + 4096 + 100};

    T_EXPECT_EQ(t, (int)t_dma_write(t, &dev, at, &mem, 4096 + 100, 200, NULL), (int)T_REACHED);
    T_EXPECT_EQ(t, fake.asked.iova.v, mem.pa.v + 4096 + 64);
    T_EXPECT_EQ(t, fake.asked.len, RECORD);
    fake.beside = 1;
    T_EXPECT_EQ(t, (int)t_dma_write(t, &dev, at, &mem, 4096 + 100, 200, NULL), (int)T_GARBLED);
    fake.beside = ALIGN;
    T_EXPECT_EQ(t, (int)t_dma_write(t, &dev, at, &mem, 4096 + 100, 200, NULL), (int)T_GARBLED);
    fake.blocked = true;
    T_EXPECT(t, t_dma_write_denied(t, &dev, at, &mem, 4096 + 100, 200));
    T_EXPECT_EQ(t, fake.asked.iova.v, mem.pa.v + 4096 + 64);
}
