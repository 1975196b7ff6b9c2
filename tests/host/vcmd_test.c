/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite vcmd, host only: numbers by virtual commands. On a strict unit the host's side is looked at and
 * changed behind the driver's back; on a recording one every command and answer is hexadecimal. VT-d 5.10,
 * Virtual Command Register; rule 1.
 */
#include <string.h>

#include "iommu/vtd_vcmd.h"
#include "tests/host/model_machine.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"
#include "tests/model/model_priv.h"
#include "tests/suites/play.h"

/* ---- The host ---- */

/* The unit that serves: the first one. */
static struct model *host(void)
{
    return model_machine_unit(0);
}

static bool host_has_given(uint32_t pasid)
{
    return bit_is_set(host()->vcmd.allocated[pasid / 64], pasid % 64);
}

/* It takes a PASID back that nobody gave back. */
static void host_takes(uint32_t pasid)
{
    host()->vcmd.allocated[pasid / 64] ^= pow2(pasid % 64);
    host()->vcmd.count--;
}

/* It has `n` more to give. */
static void host_has_only(uint32_t n)
{
    host()->cfg.vcmd_pasids = host()->vcmd.count + n;
}

static void host_has_all(void)
{
    host()->cfg.vcmd_pasids = 0;
}

/* It gives out this one next, and no other. */
static void host_gives_only(uint32_t pasid, uint64_t saved[], size_t size)
{
    memcpy(saved, host()->vcmd.allocated, size);
    memset(host()->vcmd.allocated, 0xff, size);
    host()->vcmd.allocated[pasid / 64] ^= pow2(pasid % 64);
}

/* A command is under way, and stays so; or it is over. */
static void host_sleeps(bool yes)
{
    host()->vcmd.left = yes ? UINT32_MAX : 0;
    host()->vcmd.response = yes;
    set64(host(), VCRSP, yes);
}

/* ---- A driver of the case's own, on the units of the machine, which it does not start ---- */

struct bench {
    struct t *t;
    struct iommu *iommu;
    struct ioasid_set *set;
    uint32_t given; /* before it */
};

static void open_bench(struct t *t, struct bench *b)
{
    char why[160];
    size_t size;
    const void *dmar = stub_machine_dmar(&size);

    *b = (struct bench){.t = t, .given = host()->vcmd.count};
    T_ASSERT_OK(t, iommu_create(dmar, size, &b->iommu, why, sizeof(why)));
    b->set = ioasid_system_set(b->iommu->ioasids);
    b->iommu->units[0]->timeout_ns = 1000000;
}

/* `lost`: numbers that the host has not got back. */
static void close_bench(struct bench *b, uint32_t lost)
{
    T_ASSERT_OK(b->t, iommu_destroy(b->iommu));
    T_EXPECT_EQ(b->t, host()->vcmd.count, b->given + lost);
}

static int any(struct bench *b, ioasid_t *id)
{
    return ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, id);
}

static void let_go(struct bench *b, ioasid_t id)
{
    T_EXPECT_OK(b->t, ioasid_free(b->set, id));
    t_settle(b->t);
}

static uint32_t quarantined(struct bench *b)
{
    struct ioasid_stats stats;

    ioasid_stats(b->iommu->ioasids, &stats);
    return stats.quarantined;
}

TEST(vcmd, numbers, .needs = NEED_IOMMU | NEED_VCS, .rows = "59",
     .doc = "every number is one that the host gave out, and the host's again when it was freed; one that is "
            "not in the range asked for is the host's at once; a driver with live numbers stays")
{
    ioasid_t id[8];
    struct bench b;

    open_bench(t, &b);
    for (unsigned i = 0; i < ARRAY_SIZE(id); i++) {
        T_ASSERT_OK(t, any(&b, &id[i]));
        T_EXPECT(t, host_has_given(ioasid_number(id[i])));
        T_EXPECT_EQ(t, host()->vcmd.count, b.given + i + 1);
    }
    T_EXPECT_ERR(t, iommu_destroy(b.iommu), -EBUSY);
    T_EXPECT_ERR(t, ioasid_alloc(b.set, 1, 1, &id[0]), host_has_given(1) ? 0 : -ENOSPC);
    T_EXPECT_EQ(t, host()->vcmd.count, b.given + 8);
    for (unsigned i = 0; i < ARRAY_SIZE(id); i++) {
        let_go(&b, id[i]);
        T_EXPECT(t, !host_has_given(ioasid_number(id[i])));
    }
    close_bench(&b, 0);
}

TEST(vcmd, exhausted, .needs = NEED_IOMMU | NEED_VCS, .rows = "3",
     .doc = "the host has no PASID left: -ENOSPC, until one has gone back")
{
    ioasid_t id[4];
    struct bench b;

    open_bench(t, &b);
    host_has_only(3);
    for (unsigned i = 0; i < 3; i++)
        T_ASSERT_OK(t, any(&b, &id[i]));
    T_EXPECT_ERR(t, any(&b, &id[3]), -ENOSPC);
    let_go(&b, id[1]);
    T_EXPECT_OK(t, any(&b, &id[1]));
    T_EXPECT_ERR(t, any(&b, &id[3]), -ENOSPC);
    host_has_all();
    for (unsigned i = 0; i < 3; i++)
        let_go(&b, id[i]);
    close_bench(&b, 0);
}

TEST(vcmd, refused, .needs = NEED_IOMMU | NEED_VCS, .rows = "61",
     .doc = "a number that the host does not take back is quarantined: it is not used again when the host "
            "gives it out again, nor given back then, and the next one works")
{
    static uint64_t saved[ARRAY_SIZE(host()->vcmd.allocated)];
    ioasid_t id, again;
    struct bench b;

    open_bench(t, &b);
    T_ASSERT_OK(t, any(&b, &id));
    host_takes(ioasid_number(id));
    own_log_begin();
    let_go(&b, id);
    T_EXPECT(t, own_log_has("does not take number"));
    own_log_end();
    T_EXPECT_EQ(t, quarantined(&b), 1u);
    host_gives_only(ioasid_number(id), saved, sizeof(saved));
    T_EXPECT_ERR(t, any(&b, &again), -ENOSPC);
    T_EXPECT(t, host_has_given(ioasid_number(id)));
    memcpy(host()->vcmd.allocated, saved, sizeof(saved));
    host()->vcmd.count--;
    T_ASSERT_OK(t, any(&b, &again));
    T_EXPECT_NE(t, ioasid_number(again), ioasid_number(id));
    let_go(&b, again);
    T_EXPECT_EQ(t, quarantined(&b), 1u);
    close_bench(&b, 0);
}

TEST(vcmd, dead, .needs = NEED_IOMMU | NEED_VCS, .rows = "61", .rules = "1",
     .doc = "a unit that never ends a command: no other is sent, an alloc is -ETIMEDOUT, a free ends with "
            "its number in quarantine, nothing hangs; and when it is over numbers come again")
{
    ioasid_t id, next;
    struct bench b;

    open_bench(t, &b);
    T_ASSERT_OK(t, any(&b, &id));
    host_sleeps(true);
    own_log_begin();
    T_EXPECT_ERR(t, any(&b, &next), -ETIMEDOUT);
    let_go(&b, id);
    T_EXPECT(t, own_log_has("virtual command"));
    own_log_end();
    T_EXPECT_EQ(t, quarantined(&b), 1u);
    host_sleeps(false);
    T_ASSERT_OK(t, any(&b, &next));
    T_EXPECT_NE(t, ioasid_number(next), ioasid_number(id));
    let_go(&b, next);
    close_bench(&b, 1);
    host_takes(ioasid_number(id));
}

TEST(vcmd, devices, .needs = NEED_DMA | NEED_DMA_2 | NEED_VCS, .lanes = PLAY_LANES, .rows = "9 23",
     .negative = true,
     .doc = "devices bound with numbers of the host's reach their memory and no other, and are stopped "
            "before the host has the numbers back")
{
    static const struct play_step live[] = {
        {OWNER_ALLOC, 0, 0, 0, NULL, "--"},
        {OWNER_BIND, 0, 0, 0, BIND_EVENT, "0-"},
        {OWNER_ALLOC, 1, 0, 0, NULL, "0-"},
        {OWNER_BIND, 1, 1, 0, BIND_EVENT, "01"},
    };
    static const struct play_step end[] = {
        {OWNER_UNBIND, 0, 0, 0, UNBIND_EVENT, "-1"},
        {OWNER_FREE, 0, 0, 0, NULL, "-1"},
        {OWNER_FREE, 1, 0, -EINPROGRESS, FREE_BOUND, "--"},
        {OWNER_UNBIND, 1, 1, -ENOENT, NULL, "--"},
    };
    uint32_t given = host()->vcmd.count;
    struct play p;

    play_open(t, &p, 2);
    play_steps(&p, live, ARRAY_SIZE(live));
    T_EXPECT_EQ(t, host()->vcmd.count, given + 2);
    for (unsigned i = 0; i < 2; i++)
        T_EXPECT(t, host_has_given(ioasid_number(p.owner.ids[i])));
    play_steps(&p, end, ARRAY_SIZE(end));
    play_close(&p);
    T_EXPECT_EQ(t, host()->vcmd.count, given);
}

/* ---- Command by command, on a recording unit ---- */

#define BASE  0xfeda0000ull
#define VCRSP 0xe10
#define VCCAP 0xe30

static struct own_unit own;

static void open_own(struct t *t, uint64_t ecap_vcs, uint64_t vccap)
{
    struct stub_cfg cfg = own_cfg();

    cfg.ecap |= ecap_vcs;
    own_create(t, &own, &cfg);
    stub_set_reg(own.stub, VCCAP, 8, vccap);
    own.unit->timeout_ns = 1000000;
}

/* The n-th write to VCMD since the trace began; all ones: there was none. */
static uint64_t sent(unsigned n)
{
    for (unsigned i = 0; i < host_trace_count(); i++) {
        const struct host_event *e = host_trace(i);

        if (e->kind == HOST_MMIO64 && e->pa == BASE + 0xe00 && n-- == 0)
            return e->value;
    }
    return UINT64_MAX;
}

TEST(vcmd, commands, .needs = NEED_HOST, .rules = "1",
     .doc = "alloc and free as they are written, and every status; units without such commands have none")
{
    uint32_t pasid = 0;

    open_own(t, 0, 7);
    T_EXPECT(t, !vtd_vcmd_has_pasids(own.unit));
    own_close(t, &own);
    open_own(t, 0x0000100000000000, 5);
    T_EXPECT(t, !vtd_vcmd_has_pasids(own.unit));
    own_close(t, &own);
    open_own(t, 0x0000100000000000, 2);
    T_EXPECT(t, vtd_vcmd_has_pasids(own.unit));
    host_trace_start();
    own.stub->faults.vcmd_answer = 0xabcde0000;
    T_EXPECT_OK(t, vtd_vcmd_alloc(own.unit, &pasid));
    T_EXPECT_EQ(t, pasid, 0xabcdeu);
    own.stub->faults.vcmd_answer = 0;
    T_EXPECT_OK(t, vtd_vcmd_free(own.unit, pasid));
    own.stub->faults.vcmd_answer = 0x20;
    T_EXPECT_ERR(t, vtd_vcmd_alloc(own.unit, &pasid), -ENOSPC);
    T_EXPECT_ERR(t, vtd_vcmd_free(own.unit, 0xfffff), -EINVAL);
    own.stub->faults.vcmd_answer = 0x2;
    T_EXPECT_ERR(t, vtd_vcmd_alloc(own.unit, &pasid), -ENOTSUP);
    own.stub->faults.vcmd_answer = 0x4;
    T_EXPECT_ERR(t, vtd_vcmd_free(own.unit, 1), -EIO);
    host_trace_stop();
    T_EXPECT_EQ(t, sent(0), 0x1ull);
    T_EXPECT_EQ(t, sent(1), 0xabcde0002ull);
    T_EXPECT_EQ(t, sent(2), 0x1ull);
    T_EXPECT_EQ(t, sent(3), 0xfffff0002ull);
    T_EXPECT_EQ(t, sent(5), 0x10002ull);
    T_EXPECT_EQ(t, sent(6), UINT64_MAX);
    own_close(t, &own);
}

/* A command that is not over in time; then its answer comes. */
static void late(struct t *t, uint64_t answer)
{
    uint32_t pasid;

    own.stub->faults.vcmd_stuck = true;
    T_EXPECT_ERR(t, vtd_vcmd_alloc(own.unit, &pasid), -ETIMEDOUT);
    T_EXPECT_ERR(t, vtd_vcmd_alloc(own.unit, &pasid), -ETIMEDOUT);
    T_EXPECT_ERR(t, vtd_vcmd_free(own.unit, 9), -ETIMEDOUT);
    own.stub->faults.vcmd_stuck = false;
    stub_set_reg(own.stub, VCRSP, 8, answer);
}

TEST(vcmd, late_answer, .needs = NEED_HOST, .rules = "1",
     .doc = "an answer that does not come in time: -ETIMEDOUT, and no further command until it is there; the "
            "PASID in it goes back before the next command, if there is one")
{
    open_own(t, 0x0000100000000000, 7);
    own_log_begin();
    host_trace_start();
    late(t, 0x50000);
    T_EXPECT_OK(t, vtd_vcmd_free(own.unit, 7));
    late(t, 0x20);
    T_EXPECT_OK(t, vtd_vcmd_free(own.unit, 8));
    host_trace_stop();
    own_log_end();
    T_EXPECT_EQ(t, sent(0), 0x1ull);
    T_EXPECT_EQ(t, sent(1), 0x50002ull);
    T_EXPECT_EQ(t, sent(2), 0x70002ull);
    T_EXPECT_EQ(t, sent(3), 0x1ull);
    T_EXPECT_EQ(t, sent(4), 0x80002ull);
    T_EXPECT_EQ(t, sent(5), UINT64_MAX);
    own_close(t, &own);
}
