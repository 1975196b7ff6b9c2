/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_duty: what software must not write to the model's registers, and the words with which it is
 * told; one case for each part of VT-d 5.10.
 */
#include "tests/host/model_rig.h"

#define GSTS 0x1c
#define FSTS 0x34
#define IQH  0x80
#define IQT  0x88

static struct mrig rig;

TEST(model_duty, stopped_queue, .rules = "31",
     .doc = "a queue that an error stopped, off and on again, fetches nothing before IQE is cleared")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    mrig_put(&rig, 0, 0);
    T_EXPECT_EQ(t, model_read32(rig.m, FSTS) & 0x10, 0x10u);
    mrig_command(&rig, 1u << 26, false);
    rig.breaches = 0; /* rule 22: it was not empty */
    model_write64(rig.m, IQT, 0);
    mrig_command(&rig, 1u << 26, true);
    T_EXPECT_EQ(t, model_read64(rig.m, IQH), 0ull);
    mrig_put(&rig, 0x12, 0);
    T_EXPECT_EQ(t, model_read64(rig.m, IQH), 0ull);
    model_write32(rig.m, FSTS, 0x10);
    T_EXPECT_EQ(t, model_read64(rig.m, IQH), 0x20ull);
    mrig_close(&rig);
}

/* The head stands at 20h, and nothing behind it is fetched: IQE. */
static void stop_head(struct t *t)
{
    struct model_config config = mrig_config();

    mrig_create(t, &rig, &config);
    model_write64(rig.m, 0x90, MRIG_QUEUE * 4096 + 0x800);
    mrig_command(&rig, 1u << 26, true);
    mrig_put(&rig, 0x12, 0);
    mrig_put(&rig, 0, 0);
    T_ASSERT_EQ(t, model_read64(rig.m, IQH), 0x20ull);
}

TEST(model_duty, overfilled, .rules = "20",
     .doc = "the tail goes forward, up to the slot before the head: neither onto it, nor past it, nor back")
{
    static const struct {
        uint64_t tail;
        bool broken;
    } rows[] = {{0x60, false}, {0x0, false}, {0x20, true}, {0x60, false},
                {0x40, true},  {0x0, false}, {0x40, true}};

    stop_head(t);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        t_note(t, "tail %llx", (unsigned long long)rows[i].tail);
        model_write64(rig.m, IQT, rows[i].tail);
        T_EXPECT_EQ(t, rig.breaches, (unsigned)rows[i].broken);
        T_EXPECT(t, !rows[i].broken || mrig_breached(&rig, "rule 20:"));
    }
    mrig_close(&rig);
}

/* Up to the global invalidations that ESRTPS = 0 asks for. */
static void set_root(struct t *t)
{
    struct model_config config = mrig_config();

    config.cap &= ~(1ull << 63);
    mrig_create(t, &rig, &config);
    model_write64(rig.m, 0x90, MRIG_QUEUE * 4096 + 0x800);
    mrig_command(&rig, 1u << 26, true);
    model_write64(rig.m, 0x20, 0x1400);
    mrig_command(&rig, 1u << 30, true);
}

TEST(model_duty, flush_order, .rules = "7", .doc = "ESRTPS = 0: cc, pc, iotlb count in this order only")
{
    static const uint64_t orders[][3] = {
        {0x11, 0x37, 0x12}, {0x12, 0x37, 0x11}, {0x37, 0x11, 0x12}, {0x11, 0x12, 0x37}};

    for (unsigned i = 0; i < ARRAY_SIZE(orders); i++) {
        set_root(t);
        for (unsigned k = 0; k < 3; k++)
            mrig_put(&rig, orders[i][k], 0);
        T_ASSERT(t, mrig_wait(&rig));
        mrig_command(&rig, 1u << 31, true);
        T_EXPECT_EQ(t, rig.breaches, i == 0 ? 0u : 1u);
        T_EXPECT(t, i == 0 || mrig_breached(&rig, "rule 7: TE before"));
        mrig_close(&rig);
    }
}

#define PMEN 0x64

static void settle(void)
{
    for (unsigned i = 0; i < 1000 && !model_idle(rig.m); i++)
        model_step(rig.m, 1);
}

TEST(model_duty, one_at_a_time, .rules = "1 72",
     .doc =
         "PMEN is a command: PRS follows EPM later, and neither it nor CCMD nor IOTLB goes with another one")
{
    struct model_config config = mrig_config();

    config.slow = true;
    config.cap |= 0x60; /* PLMR, PHMR */
    mrig_create(t, &rig, &config);
    model_write32(rig.m, PMEN, 0x80000000);
    T_EXPECT_EQ(t, model_peek(rig.m, PMEN, 4), 0x80000000ull);
    model_write64(rig.m, 0x20, 0x1400);
    model_write32(rig.m, 0x18, 1u << 24);
    T_EXPECT(t, mrig_breached(&rig, "rule 1: GCMD 01000000 while PMEN"));
    settle();
    T_EXPECT_EQ(t, model_peek(rig.m, PMEN, 4), 0x80000001ull);
    model_write32(rig.m, 0x68, 0x100000);
    T_EXPECT(t, mrig_breached(&rig, "rule 72: protected memory moved"));
    model_write32(rig.m, 0x18, 1u << 24);
    model_write32(rig.m, PMEN, 0);
    T_EXPECT(t, mrig_breached(&rig, "rule 1: register 064 written while GCMD"));
    settle();
    model_write32(rig.m, 0x18, 1u << 24);
    model_write64(rig.m, 0x28, 0xa000000000000000);
    T_EXPECT(t, mrig_breached(&rig, "rule 1: register 028 written while GCMD"));
    settle();
    model_write64(rig.m, 0x28, 0xa000000000000000);
    model_write64(rig.m, 0x508, 0x9000000000000000);
    T_EXPECT(t, mrig_breached(&rig, "rule 1: register 508 written while CCMD"));
    settle();
    mrig_close(&rig);
}

/* ---- One breach each ---- */

static void other_mode(void)
{
    model_write64(rig.m, 0x20, 0x1000);
    mrig_command(&rig, 1u << 30, true);
}

static void remap_unflushed(void)
{
    model_write64(rig.m, 0xb8, MRIG_IRT * 4096);
    mrig_command(&rig, 1u << 24, true);
    mrig_command(&rig, 1u << 25, true);
}

static void remap_without_table(void)
{
    mrig_command(&rig, 1u << 25, true);
}

static void other_form(void)
{
    remap_without_table();
    rig.breaches = 0;
    model_write64(rig.m, 0xb8, MRIG_IRT * 4096 + 0x800);
}

static void wide_domain(void)
{
    mrig_put(&rig, 0x0000000000100022, 0);
}

static void root_too_high(void)
{
    model_write64(rig.m, 0x20, (1ull << 52) + 0x400);
}

static void all_at_once(void)
{
    rig.stale = true;
    mrig_set(&rig, MRIG_PASIDS, 9, 0x800001);
    mrig_set(&rig, MRIG_PASIDS, 10, MRIG_FS * 4096);
    mrig_set(&rig, MRIG_PASIDS, 8, 0x41);
    mrig_publish(&rig, MRIG_PASIDS, 8, 8);
}

static void root_cleared(void)
{
    mrig_set(&rig, MRIG_ROOT, 0, 0);
}

static void directory_cleared(void)
{
    mrig_set(&rig, MRIG_DIR, 0, 0);
}

TEST(model_duty, words, .rules = "6 8 15 17 37 39 40 78",
     .doc = "what hardware cannot report is told with the number of its rule, once")
{
    static const struct {
        const char *words;
        void (*commit)(void);
        uint64_t cap_clear;
    } rows[] = {
        {"rule 6: TTM changed while translation is on", other_mode, 1ull << 63},
        {"rule 8: IRE before the global iec_inv", remap_unflushed, 1ull << 62},
        {"rule 78: IRE without SIRTP", remap_without_table, 0},
        {"rule 78: EIME changed", other_form, 0},
        {"rule 17: invalidation for domain 16", wide_domain, 7},
        {"rule 15: register 020", root_too_high, 0},
        {"rule 37: PASID entry at 5040", all_at_once, 0},
        {"rule 39: root entry at 1000", root_cleared, 0},
        {"rule 40: PASID directory entry at 4000", directory_cleared, 0},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct model_config config = mrig_config();

        t_note(t, "%s", rows[i].words);
        config.cap &= ~rows[i].cap_clear;
        mrig_open(t, &rig, &config);
        rows[i].commit();
        T_EXPECT_EQ(t, rig.breaches, 1u);
        T_EXPECT(t, mrig_breached(&rig, rows[i].words));
        mrig_close(&rig);
    }
}

/* ---- Units that there cannot be ---- */

static bool no_memory(unused void *ctx, unused uint64_t pa, unused void *out, unused size_t size,
                      unused bool snooped)
{
    return false;
}

static bool is_possible(const struct model_config *config)
{
    const struct model_host host = {.read = no_memory};
    struct model *m = model_create(config, &host);

    if (m != NULL)
        model_destroy(m);
    return m != NULL;
}

TEST(model_duty, impossible,
     .doc = "what the model does not have, or VER rules out, makes no unit; what is drawn does")
{
    static const struct {
        uint64_t cap_set, ecap_set, cap_clear, ecap_clear;
    } rows[] = {
        {0, 1ull << 25, 0, 0},              /* MTS */
        {0, 1ull << 55, 0, 0},              /* HPTS */
        {1ull << 61, 0, 0, 0},              /* ECMDS */
        {0, 1ull << 60, 0, 0},              /* RDTS */
        {0, 0, 1ull << 55, 0},              /* VER 6 without DRD */
        {0, 0, 0, 1ull << 46 | 1ull << 26}, /* VER 6 without SSTS, SAGAW not 0 */
        {0, 0, 0x1full << 8, 0},            /* SSTS without SAGAW */
    };
    struct model_config config;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        config = mrig_config();
        T_EXPECT(t, is_possible(&config));
        config.cap = (config.cap | rows[i].cap_set) & ~rows[i].cap_clear;
        config.ecap = (config.ecap | rows[i].ecap_set) & ~rows[i].ecap_clear;
        t_note(t, "row %u", i);
        T_EXPECT(t, !is_possible(&config));
    }
    for (unsigned seed = 0; seed < 500; seed++) {
        T_ASSERT(t, model_preset("random", seed, &config));
        T_EXPECT(t, is_possible(&config));
    }
}
