/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite unit: the registers of running units, translation off and on, stop and start. And fault records taken
 * apart, from literal bits. Needs no DMA.
 */
#include <string.h>

#include "iommu/vtd_fault.h"
#include "tests/suites/bench_dev.h"
#include "tests/suites/stream.h"

static uint64_t status(const struct vtd_unit *unit)
{
    return vtd_read(&unit->io, VTD_GSTS);
}

TEST(unit, running, .needs = NEED_IOMMU, .rules = "4 5",
     .doc = "every unit: TES, RTPS and QIES, scalable mode, our root table, no cause left in FSTS")
{
    const uint64_t want = SPAN_MASK(VTD_GSTS_TES) | SPAN_MASK(VTD_GSTS_RTPS) | SPAN_MASK(VTD_GSTS_QIES);

    for (unsigned i = 0; i < t->iommu->unit_count; i++) {
        struct vtd_unit *unit = t->iommu->units[i];
        uint64_t rtaddr = vtd_read(&unit->io, VTD_RTADDR);
        uint64_t fsts = vtd_read(&unit->io, VTD_FSTS);

        T_EXPECT_EQ(t, status(unit) & want, want);
        T_EXPECT_EQ(t, rtaddr, plat_pa(unit->root).v + 0x400);
        T_EXPECT_EQ(t, fsts & 0xff, 0ull);
        T_EXPECT(t, vtd_unit_translates(unit));
    }
}

/* The same root table anew, and the invalidations that follow where the unit does not do them itself. */
static void set_root(struct t *t, struct vtd_unit *unit)
{
    struct vtd_batch batch;

    T_ASSERT_OK(t, vtd_cmd(unit, VTD_CMD_SRTP, true));
    vtd_batch_init(&batch, unit);
    vtd_batch_add(&batch, vtd_inv_cc_global());
    vtd_batch_add(&batch, vtd_inv_pc_global());
    vtd_batch_add(&batch, vtd_inv_iotlb_global());
    T_ASSERT_OK(t, vtd_batch_submit_wait(&batch));
}

TEST(unit, translation_off_and_on, .needs = NEED_IOMMU, .rules = "2 3 5 12",
     .doc = "TE off and on leaves every other enable alone; a command that changes nothing is over at once")
{
    struct vtd_unit *unit = bench_unit(t);
    uint64_t before = status(unit);

    T_ASSERT_OK(t, vtd_cmd(unit, VTD_CMD_TE, true));
    T_EXPECT_EQ(t, status(unit), before);
    T_ASSERT_OK(t, vtd_cmd(unit, VTD_CMD_TE, false));
    T_EXPECT_EQ(t, status(unit), before - SPAN_MASK(VTD_GSTS_TES));
    T_ASSERT_OK(t, vtd_cmd(unit, VTD_CMD_TE, false));
    set_root(t, unit);
    T_ASSERT_OK(t, vtd_cmd(unit, VTD_CMD_TE, true));
    T_EXPECT_EQ(t, status(unit), before);
}

TEST(unit, same_root_again, .needs = NEED_IOMMU, .rules = "3 6 7",
     .doc = "SRTP with the same table while translation is on: RTPS comes back, nothing else changes")
{
    struct vtd_unit *unit = bench_unit(t);
    uint64_t before = status(unit);

    set_root(t, unit);
    T_EXPECT_EQ(t, status(unit), before);
}

TEST(unit, stop_and_start, .needs = NEED_IOMMU, .rules = "2 3 4 5 18 22 73 80",
     .doc =
         "every unit stops, leaves nothing behind, and starts again: it translates, the first has the same "
         "enables, new tables and every domain id free")
{
    uint64_t before = status(bench_unit(t));

    for (unsigned round = 0; round < t_depth(t, 10); round++) {
        t_rebuild(t);
        T_ASSERT(t, t->iommu->started);
        for (unsigned u = 0; u < t->iommu->unit_count; u++)
            T_ASSERT(t, vtd_unit_translates(t->iommu->units[u]));
        T_EXPECT_EQ(t, status(bench_unit(t)), before);
        T_EXPECT_EQ(t, vtd_did_count(bench_unit(t)), 0u);
        T_EXPECT(t, list_empty(&bench_unit(t)->devs));
    }
}

static bool never(unused void *arg)
{
    return false;
}

static bool third_look(void *arg)
{
    return ++*(unsigned *)arg == 3;
}

TEST(
    unit, bounded_wait, .needs = NEED_IOMMU, .rules = "3",
    .doc =
        "the wait ends with the condition, or with -ETIMEDOUT once the time is over, having looked once more")
{
    struct vtd_unit *unit = bench_unit(t);
    uint64_t limit = unit->timeout_ns, begin;
    unsigned looks = 0;

    T_EXPECT_OK(t, vtd_wait(unit, third_look, &looks, "third look"));
    T_EXPECT_EQ(t, looks, 3u);
    unit->timeout_ns = 2000000;
    begin = plat_now_ns();
    T_EXPECT_ERR(t, vtd_wait(unit, never, NULL, "end of the world (a wait that has to time out)"),
                 -ETIMEDOUT);
    T_EXPECT_GE(t, plat_now_ns() - begin, 2000000ull);
    unit->timeout_ns = 0;
    looks = 1;
    T_EXPECT_OK(t, vtd_wait(unit, third_look, &looks, "look after the time"));
    unit->timeout_ns = limit;
}

/* ---- Fault records ---- */

TEST(unit, fault_decode, .rules = "66",
     .doc = "a translation fault: reason, requester, PASID, page, type, address type, flags")
{
    /* F, T1 (read), AT 1, PASID 54321h, reason 59h; PP, EXE, PRIV; requester 0810h; page 7654321000h */
    const struct vtd_frcd read = {{0x0000007654321abc, 0xd5432159e0000810}};
    /* F, T1 = 0, T2 (page request), no PASID, reason 47h, requester 0100h */
    const struct vtd_frcd request = {{0x1000, 0x8000004710000100}};
    struct vtd_fault f;

    vtd_fault_decode(&read, &f);
    T_EXPECT_EQ(t, f.reason, 0x59u);
    T_EXPECT_EQ(t, f.name, "SPT.2");
    T_EXPECT_EQ(t, f.sid, 0x0810u);
    T_EXPECT_EQ(t, f.pasid, 0x54321u);
    T_EXPECT_EQ(t, f.address, 0x7654321000ull);
    T_EXPECT(t, f.pp && f.exe && f.priv && !f.interrupt);
    T_EXPECT_EQ(t, (unsigned)f.type, 2u);
    T_EXPECT_EQ(t, (unsigned)f.at, 1u);
    vtd_fault_decode(&request, &f);
    T_EXPECT_EQ(t, f.reason, 0x47u);
    T_EXPECT_EQ(t, f.sid, 0x0100u);
    T_EXPECT(t, !f.pp && !f.exe && !f.priv);
    T_EXPECT_EQ(t, (unsigned)f.type, 1u);
    T_EXPECT_EQ(t, (unsigned)f.at, 0u);
}

TEST(unit, fault_decode_interrupt,
     .doc = "an interrupt fault has an index in 63:48 and no address; an unknown reason has no name")
{
    const struct vtd_frcd interrupt = {{0x1234000000000000, 0x8000002200000810}};
    const struct vtd_frcd unknown = {{0, 0x800000ff00000810}};
    struct vtd_fault f;

    vtd_fault_decode(&interrupt, &f);
    T_EXPECT(t, f.interrupt);
    T_EXPECT_EQ(t, f.index, 0x1234u);
    T_EXPECT_EQ(t, f.address, 0ull);
    vtd_fault_decode(&unknown, &f);
    T_EXPECT_EQ(t, f.reason, 0xffu);
    T_EXPECT_EQ(t, f.name, "?");
}

TEST(unit, fault_text, .doc = "a record in words")
{
    const struct vtd_frcd read = {{0x0000007654321000, 0xc000285980000810}};
    struct vtd_fault f;
    char text[160];

    vtd_fault_decode(&read, &f);
    T_EXPECT_EQ(t, vtd_fault_text(&f, text, sizeof(text)),
                "59h SPT.2 sid 08:02.0 pasid 28 read 7654321000: PASID table entry not present");
}
