/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cases that end badly on purpose, in the middle of their work, and one behind them that needs all of the
 * machine. They run only when asked for: make run ARGS="only=broken.*".
 */
#include <string.h>

#include "kernel/cpu.h"
#include "kernel/thread.h"
#include "tests/suites/rig.h"

#define LIMIT_MS 300

/* A set with its thread, a device attached, an entry published: the harness has to drop all of it by force.
 */
static struct ioasid_set *in_the_middle(struct t *t, struct rig *r)
{
    struct t_mem mem = t_mem(t, 1);
    struct ioasid_set *set = NULL;

    rig_open(t, r, t->dma);
    rig_map(r, RIG_IOVA, &mem, 0, 1, PGTABLE_RW);
    rig_publish(r);
    t_dma_write_allowed(t, t->dma, (iova_t){RIG_IOVA}, &mem, 0, 64);
    T_ASSERT_OK(t, ioasid_set_create(t->iommu->ioasids, IOASID_TOKEN_NONE, NULL, 4, &set));
    return set;
}

/* Threads of sets. */
static unsigned set_threads(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < THREAD_MAX; i++)
        n += thread_slot(i)->state != THREAD_FREE && strcmp(thread_slot(i)->name, "ioasid set") == 0;
    return n;
}

TEST(broken, a_hang, .needs = NEED_ASKED | NEED_TARGET | NEED_DMA, .lanes = RIG_LANES,
     .engines = T_BIT(DMA_EDU), .timeout_ms = LIMIT_MS,
     .doc = "never ends, interrupts on: ended by the watchdog, reported with a trace")
{
    struct rig r;

    in_the_middle(t, &r);
    for (;;)
        plat_relax();
}

TEST(broken, b_hang_deaf, .needs = NEED_ASKED | NEED_TARGET | NEED_DMA, .lanes = RIG_LANES,
     .engines = T_BIT(DMA_EDU), .timeout_ms = LIMIT_MS,
     .doc = "never ends, interrupts off: ended by the NMI watchdog, reported with a trace")
{
    struct rig r;

    in_the_middle(t, &r);
    (void)irq_save();
    for (;;)
        cpu_pause();
}

TEST(broken, c_fault, .needs = NEED_ASKED | NEED_TARGET | NEED_DMA, .lanes = RIG_LANES,
     .engines = T_BIT(DMA_EDU),
     .doc = "writes to address 0: the page fault ends the case, registers and trace are reported")
{
    struct rig r;

    in_the_middle(t, &r);
    *(volatile uint32_t *)(uintptr_t)t->lane = 1;
}

TEST(broken, d_rest, .needs = NEED_ASKED | NEED_TARGET | NEED_DMA, .lanes = RIG_LANES,
     .engines = T_BIT(DMA_EDU),
     .doc = "behind all of them a device still reaches what is bound, and nothing of what they left")
{
    struct ioasid_set *set;
    struct rig r;

    T_EXPECT_EQ(t, set_threads(), 0u);
    set = in_the_middle(t, &r);
    T_EXPECT_EQ(t, set_threads(), 1u);
    T_EXPECT_OK(t, ioasid_set_destroy(set));
    rig_close(&r);
    t_settle(t);
    T_EXPECT_EQ(t, set_threads(), 0u);
}
