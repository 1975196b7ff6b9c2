/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite duty, host only: what a driver does at no time in its life, and under which locks it does the rest.
 * A recording unit of the case's own is started, given entries, flushed, suspended, resumed and stopped,
 * while somebody looks on. VT-d 5.10; rules 9, 21, 79.
 */
#include <string.h>

#include "iommu/vtd_flush.h"
#include "tests/host/own_unit.h"

#define SLOT 0x25
#define DID  ((did_t){9})

static struct own_unit own;

static void entries(struct t *t, struct vtd_dev *dev)
{
    struct vtd_pasid_cfg cfg = {.pgtt = VTD_PGTT_FIRST, .did = DID, .fs_root = {0x5000}, .fs_levels = 4};
    const struct vtd_use use = {dev, SLOT};

    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &cfg));
    T_ASSERT_OK(t, vtd_flush_range(&use, 1, (iova_t){0x4000}, 0x4000, true));
    T_ASSERT_OK(t, vtd_pasid_retire(dev, SLOT, VTD_RETIRE_DMA_LIVE | VTD_RETIRE_LAST_OF_DID));
}

/* All that is between power-on and give-back. */
static void live(struct t *t, const struct stub_cfg *cfg)
{
    const uint16_t rid = OWN_RID;
    struct vtd_dev *dev = NULL;

    T_ASSERT_OK(t, vtd_unit_start(own.unit));
    T_ASSERT_OK(t, vtd_dev_attach(own.unit, &(struct vtd_dev_cfg){.rids = &rid, .rid_count = 1}, &dev));
    entries(t, dev);
    T_ASSERT_OK(t, vtd_dev_set_rid_pasid(dev, SLOT));
    entries(t, dev);
    T_ASSERT_OK(t, vtd_unit_suspend(own.unit));
    T_ASSERT_OK(t, vtd_unit_resume(own.unit));
    T_ASSERT_OK(t, vtd_dev_set_rid_pasid(dev, 0));
    entries(t, dev);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    T_ASSERT_OK(t, vtd_unit_stop(own.unit));
    T_EXPECT_EQ(t, own.unit->base.v, cfg->base.v);
}

/* ---- Registers ---- */

static unsigned writes_to(uint32_t offset, uint64_t bits)
{
    unsigned count = 0;

    for (unsigned n = 0; n < host_trace_count(); n++) {
        const struct host_event *e = host_trace(n);

        count += (e->kind == HOST_MMIO32 || e->kind == HOST_MMIO64) &&
                 e->pa == own.stub->cfg.base.v + offset && (e->value & bits) != 0;
    }
    return count;
}

/* With everything on the bus written down. */
static void live_traced(struct t *t, const struct stub_cfg *cfg)
{
    own_create(t, &own, cfg);
    host_trace_start();
    live(t, cfg);
    host_trace_stop();
    T_ASSERT_LT(t, host_trace_count(), (unsigned)HOST_TRACE_MAX);
    T_ASSERT_GT(t, writes_to(VTD_OFF_GCMD, UINT64_MAX), 4u);
}

TEST(duty, registers_unused, .needs = NEED_HOST, .rules = "21",
     .doc = "invalidations go by the queue: CCMD, IVA and IOTLB are not written from start to stop, whatever "
            "the unit's version")
{
    static const uint32_t versions[] = {0x10, 0x60};

    for (unsigned i = 0; i < ARRAY_SIZE(versions); i++) {
        struct stub_cfg cfg = own_cfg();
        uint32_t iva = vtd_reg_iva(cfg.ecap).off;

        cfg.ver = versions[i];
        live_traced(t, &cfg);
        T_EXPECT_EQ(t, writes_to(VTD_OFF_CCMD, UINT64_MAX) + writes_to(VTD_OFF_CCMD + 4, UINT64_MAX), 0u);
        for (uint32_t off = iva; off < iva + 16; off += 4)
            T_EXPECT_EQ(t, writes_to(off, UINT64_MAX), 0u);
        T_EXPECT_GT(t, writes_to(VTD_OFF_IQT, UINT64_MAX), 4u);
        own_close(t, &own);
    }
}

TEST(duty, write_buffer, .needs = NEED_HOST, .rules = "9",
     .doc = "a unit in scalable mode has RWBF = 0 and is sent no WBF; one that claims both is reported")
{
    struct stub_cfg cfg = own_cfg();
    const char *odd[8];
    unsigned told = 0;

    live_traced(t, &cfg);
    T_EXPECT_EQ(t, writes_to(VTD_OFF_GCMD, SPAN_MASK(VTD_GCMD_WBF)), 0u);
    T_EXPECT_EQ(t, vtd_caps_oddities(&own.unit->caps, odd, ARRAY_SIZE(odd)), 0u);
    own_close(t, &own);
    own_set(&cfg.cap, SPAN_MASK(VTD_CAP_RWBF), true);
    own_create(t, &own, &cfg);
    for (unsigned i = vtd_caps_oddities(&own.unit->caps, odd, ARRAY_SIZE(odd)); i > 0; i--)
        told += strstr(odd[i - 1], "RWBF") != NULL;
    T_EXPECT_EQ(t, told, 1u);
    own_close(t, &own);
}

/* ---- Locks ---- */

/* Waits that were looked into, and the most locks that were held in one. */
static bool looking;
static struct {
    unsigned commands, queues;
    unsigned command_locks, queue_locks;
} seen;

static void note(unsigned *count, unsigned *most)
{
    (*count)++;
    *most = plat_locks_held() > *most ? plat_locks_held() : *most;
}

static bool queue_runs(void)
{
    return FIELD_GET(VTD_GSTS_QIES, stub_reg(own.stub, VTD_OFF_GSTS, 4)) &&
           stub_reg(own.stub, VTD_OFF_IQH, 8) != stub_reg(own.stub, VTD_OFF_IQT, 8);
}

/* Time passes only where somebody waits. */
static void tick(void)
{
    if (!looking)
        return;
    if (own.stub->command != 0)
        note(&seen.commands, &seen.command_locks);
    else if (queue_runs())
        note(&seen.queues, &seen.queue_locks);
}

TEST(duty, locks_in_waits, .needs = NEED_HOST, .rules = "79", .flaws = "S4",
     .doc = "while descriptors are awaited no lock is held; while a command is, the commands' own alone")
{
    struct stub_cfg cfg = own_cfg();

    memset(&seen, 0, sizeof(seen));
    own_create(t, &own, &cfg);
    own.stub->faults.per_tick = 1;
    own.stub->faults.command_ticks = 3;
    host_on_tick(tick);
    looking = true;
    live(t, &cfg);
    looking = false;
    T_EXPECT_GT(t, seen.commands, 4u);
    T_EXPECT_GT(t, seen.queues, 4u);
    T_EXPECT_EQ(t, seen.command_locks, 1u);
    T_EXPECT_EQ(t, seen.queue_locks, 0u);
    own_close(t, &own);
}

/* Entries that were published, and how many of them without the tables' lock. */
static unsigned entries_published, entries_unlocked;

static void published(const void *va, size_t size, unused bool snooped)
{
    bool is_entry = size <= sizeof(struct vtd_pasid_entry);

    if (!is_entry || own.unit == NULL || va == own.unit->intr.table)
        return;
    entries_published++;
    entries_unlocked += own.unit->table_lock.state == 0;
}

static void no_pages(unused paddr_t pa, unused size_t size)
{
}

static void no_time(void)
{
}

TEST(duty, tables_under_lock, .needs = NEED_HOST, .rules = "79", .flaws = "H19",
     .doc = "every store into root, context and PASID tables is made visible with the unit's table lock held")
{
    static const struct host_watch watch = {
        .published = published, .allocated = no_pages, .freed = no_pages, .touched = no_time};
    struct stub_cfg cfg = own_cfg();

    entries_published = entries_unlocked = 0;
    own_create(t, &own, &cfg);
    host_watch(&watch);
    live(t, &cfg);
    host_watch(NULL);
    T_EXPECT_GT(t, entries_published, 20u);
    T_EXPECT_EQ(t, entries_unlocked, 0u);
    own_close(t, &own);
}
