/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite ioasid on bare metal: an interrupt handler frees IOASIDs. The CPU sends the interrupt to itself.
 */
#include <errno.h>

#include "kernel/apic.h"
#include "kernel/irq.h"
#include "tests/suites/core_bench.h"

#define CALL_NS 1000000000ull

static struct call {
    struct core_bench c;
    ioasid_t used, unused_id;
    int of_used, again, of_unused;
    unsigned heard; /* of FREE, before the handler ended */
    bool in_handler, over;
} call;

static void free_both(unused void *arg)
{
    call.in_handler = irq_in_handler();
    call.of_used = ioasid_free(call.c.system, call.used);
    call.again = ioasid_free(call.c.system, call.used);
    call.of_unused = ioasid_free(call.c.system, call.unused_id);
    call.heard = call.c.ears[0].heard;
    __atomic_store_n(&call.over, true, __ATOMIC_RELEASE);
}

TEST(ioasid, free_in_interrupt, .needs = NEED_TARGET, .flaws = "S5",
     .doc = "an interrupt handler frees an IOASID with users, once more, and one without: it does not wait, "
            "and FREE "
            "is delivered when it is over")
{
    uint64_t deadline;
    struct plat_msi msi;

    call = (struct call){0};
    core_open(t, &call.c, 8);
    core_listen(&call.c, 0, IOASID_ANY_SET, IOASID_LEVEL_DEVICE, IOASID_EVENT_FREE);
    call.used = core_alloc_used(&call.c, call.c.system);
    call.unused_id = core_alloc(&call.c, call.c.system);
    T_ASSERT_OK(t, plat_msi_alloc(free_both, NULL, &msi));
    deadline = plat_now_ns() + CALL_NS;
    apic_send_ipi(apic_id(), msi.data % 256);
    while (!__atomic_load_n(&call.over, __ATOMIC_ACQUIRE) && plat_now_ns() < deadline)
        plat_relax();
    T_ASSERT(t, call.over);
    T_EXPECT(t, call.in_handler);
    T_EXPECT_ERR(t, call.of_used, -EINPROGRESS);
    T_EXPECT_ERR(t, call.again, -EALREADY);
    T_EXPECT_ERR(t, call.of_unused, 0);
    T_EXPECT_EQ(t, call.heard, 0u);
    core_settle(&call.c);
    T_EXPECT_EQ(t, call.c.ears[0].heard, 1u);
    T_EXPECT_ERR(t, ioasid_put(call.c.system, call.used), 1);
    plat_msi_free(&msi);
    core_close(&call.c);
}
