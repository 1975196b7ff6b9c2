/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_record: fault records that arrive while somebody reads them, on a slow unit: what a read of 64
 * bits in two halves makes of a record, and that the driver puts no record together from two faults.
 */
#include "iommu/vtd_unit.h"
#include "tests/host/host.h"
#include "tests/host/model_rig.h"

#define BASE    0xfed30000
#define OLD_SID 0x0018
#define FAULTS  8
#define SEEDS   60
#define READS   2000

static struct mrig rig;

/* A unit with 8 records whose registers still have what was said about OLD_SID; it answers late. */
static void open_used(struct t *t, uint64_t seed)
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_read();

    config.slow = true;
    config.seed = seed;
    mrig_open(t, &rig, &config);
    rq.sid = OLD_SID;
    for (unsigned i = 0; i < FAULTS; i++)
        (void)mrig_dma(&rig, rq);
    for (unsigned i = 0; i < FAULTS; i++)
        model_write32(rig.m, 0x40c + 16 * i, 0x80000000);
    T_ASSERT_EQ(t, model_read32(rig.m, 0x34) & 3, 0u);
}

/* As many requests as there are records, each of another requester without a context entry. */
static void start_all(struct t *t, int dma[FAULTS])
{
    for (unsigned i = 0; i < FAULTS; i++) {
        struct model_request rq = mrig_read();

        rq.sid = (uint16_t)(0x20 + i);
        dma[i] = model_dma_start(rig.m, &rq);
        T_ASSERT(t, dma[i] >= 0);
    }
}

static void end_all(struct t *t, const int dma[FAULTS])
{
    struct model_completion out;

    for (unsigned i = 0; i < FAULTS; i++)
        T_EXPECT(t, model_dma_end(rig.m, dma[i], &out));
    mrig_close(&rig);
}

TEST(model_record, halves, .rules = "66",
     .doc =
         "64 bits with F = 1 may have the requester of the fault before; read after the dword with F, they "
         "have not")
{
    unsigned torn = 0;

    for (unsigned seed = 0; seed < SEEDS; seed++) {
        int dma[FAULTS];
        unsigned last = 0x400 + 16 * (FAULTS - 1) + 8;
        uint64_t high = 0;

        open_used(t, seed);
        start_all(t, dma);
        for (unsigned i = 0; i < READS && high >> 63 == 0; i++)
            high = model_read64(rig.m, last);
        torn += (high & 0xffff) == OLD_SID;
        T_EXPECT_EQ(t, model_read32(rig.m, last + 4) >> 31, 1u);
        T_EXPECT_GE(t, model_read64(rig.m, last) & 0xffff, 0x20ull);
        end_all(t, dma);
    }
    T_EXPECT_GE(t, torn, 1u);
}

/* ---- The driver in front of it ---- */

static uint32_t read32(unused void *ctx, uint32_t offset)
{
    return model_read32(rig.m, offset);
}

static uint64_t read64(unused void *ctx, uint32_t offset)
{
    return model_read64(rig.m, offset);
}

static void write32(unused void *ctx, uint32_t offset, uint32_t value)
{
    model_write32(rig.m, offset, value);
}

static void write64(unused void *ctx, uint32_t offset, uint64_t value)
{
    model_write64(rig.m, offset, value);
}

static struct vtd_unit *driver(struct t *t)
{
    static const struct host_mmio mmio = {.base = {BASE},
                                          .size = 4 * PAGE_SIZE,
                                          .read32 = read32,
                                          .read64 = read64,
                                          .write32 = write32,
                                          .write64 = write64};
    struct vtd_unit *unit = NULL;
    const char *why = "";

    host_mmio_add(&mmio);
    if (vtd_unit_create(mmio.base, mmio.size, 0, 52, &unit, &why))
        t_fail(t, "vtd_unit_create: %s", why);
    return unit;
}

TEST(model_record, driver, .needs = NEED_HOST, .rules = "66",
     .doc = "records are polled while faults of others arrive: each fault comes once, with its own requester")
{
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        struct vtd_unit *unit;
        struct vtd_fault f[FAULTS];
        unsigned seen = 0, count = 0;
        int dma[FAULTS];

        open_used(t, seed);
        unit = driver(t);
        start_all(t, dma);
        for (unsigned i = 0; i < READS && count < FAULTS; i++) {
            unsigned n = vtd_fault_poll(unit, f, FAULTS, NULL);

            for (unsigned k = 0; k < n; k++)
                seen |= 1u << f[k].sid % 32;
            count += n;
        }
        T_EXPECT_EQ(t, count, (unsigned)FAULTS);
        T_EXPECT_EQ(t, seen, 0xffu);
        vtd_unit_destroy(unit);
        end_all(t, dma);
    }
}
