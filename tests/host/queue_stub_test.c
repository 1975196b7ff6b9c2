/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite queue, host only: a unit that completes late, in pieces or never, that loses a wait, whose device
 * TLBs do not answer, that stops for good.
 */
#include <string.h>

#include "tests/host/own_unit.h"

static const struct vtd_ats ats = {.sid = OWN_RID, .pfsid = OWN_RID, .qdep = 8};

static int submit(struct vtd_unit *unit, unsigned count)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    for (unsigned i = 0; i < count; i++)
        vtd_batch_add(&batch, vtd_inv_pc_pasid((did_t){1}, i));
    return vtd_batch_submit_wait(&batch);
}

static int submit_to_device(struct vtd_unit *unit)
{
    struct vtd_batch batch;

    vtd_batch_init(&batch, unit);
    vtd_batch_add(&batch, vtd_inv_iotlb_domain((did_t){1}));
    vtd_batch_add(&batch, vtd_inv_devtlb_all(&ats));
    return vtd_batch_submit_wait(&batch);
}

static struct stub_cfg cfg_with_ats(void)
{
    struct stub_cfg cfg = own_cfg();

    own_set(&cfg.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_DIT), true);
    return cfg;
}

TEST(queue, late, .needs = NEED_HOST, .rules = "23",
     .doc = "one descriptor per tick: done means the status word, not the last descriptor fetched; time "
            "passes meanwhile")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    uint64_t begin;

    own_start(t, &own, &cfg);
    own.stub->faults.per_tick = 1;
    begin = plat_now_ns();
    T_ASSERT_OK(t, submit(own.unit, 20));
    T_EXPECT_EQ(t, own.stub->stream_count, 21u);
    T_EXPECT_GT(t, plat_now_ns(), begin);
    T_ASSERT_OK(t, submit(own.unit, 600)); /* more than the queue holds, while it drains */
    own_close(t, &own);
}

TEST(queue, lost_wait, .needs = NEED_HOST, .rules = "23",
     .doc = "a wait that never writes: -ETIMEDOUT although head met tail, a line that names it; its word is "
            "not used again")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.unit->timeout_ns = 5000000;
    own.stub->faults.lose_wait = 1;
    own_log_begin();
    T_EXPECT_ERR(t, submit(own.unit, 3), -ETIMEDOUT);
    own_log_end();
    T_EXPECT(t, own_log_has("no status of an invalidation wait within 5 ms"));
    T_EXPECT(t, own_log_has("wait at slot 3 not done, head 4 tail 4"));
    T_EXPECT_EQ(t, own.unit->stats.timeouts, 1ull);
    T_EXPECT_EQ(t, own.unit->queue.status_used[0], 3ull);
    T_ASSERT_OK(t, submit(own.unit, 3));
    T_EXPECT_EQ(t, own.unit->queue.status_used[0], 3ull);
    own_close(t, &own);
}

TEST(queue, held, .needs = NEED_HOST, .rules = "20",
     .doc = "a queue that does not move: it takes 511 descriptors and no more, -ENOSPC; then it goes on "
            "where it was")
{
    struct stub_cfg cfg = own_cfg();
    struct vtd_desc d = vtd_inv_pc_global();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.unit->timeout_ns = 5000000;
    own.stub->faults.hold_queue = true;
    for (unsigned i = 0; i < VTD_QUEUE_SLOTS - 1; i++)
        T_ASSERT_OK(t, vtd_qi_submit_raw(own.unit, &d, 1, false));
    own_log_begin();
    T_EXPECT_ERR(t, vtd_qi_submit_raw(own.unit, &d, 1, false), -ENOSPC);
    T_EXPECT_ERR(t, submit(own.unit, 1), -ETIMEDOUT);
    own_log_end();
    T_EXPECT(t, own_log_has("no room in the invalidation queue"));
    T_EXPECT_EQ(t, own.unit->queue.status_used[0], 1ull); /* no wait was put: its word is free */
    own.stub->faults.hold_queue = false;
    stub_run_queue(own.stub);
    T_ASSERT_OK(t, submit(own.unit, 1));
    T_EXPECT_EQ(t, own.stub->stream_count, (unsigned)VTD_QUEUE_SLOTS + 1);
    own_close(t, &own);
}

TEST(queue, device_timeout, .needs = NEED_HOST, .rules = "32",
     .doc = "a device TLB does not answer once: the aborted batch is submitted again, whole, and succeeds")
{
    struct stub_cfg cfg = cfg_with_ats();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.stub->faults.device_timeouts = 1;
    own_log_begin();
    T_EXPECT_OK(t, submit_to_device(own.unit));
    own_log_end();
    T_EXPECT(t, own_log_has("device TLB of 08:00.0 did not answer"));
    T_EXPECT_EQ(t, own.stub->stream_count, 6u);
    T_EXPECT_EQ(t, own.unit->stats.aborted, 1ull);
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FSTS, 4), 0ull);
    own_close(t, &own);
}

TEST(queue, device_timeout_early, .needs = NEED_HOST, .rules = "32",
     .doc =
         "a device TLB does not answer before the batch's wait was fetched: the wait then writes its status, "
         "which is no success; the batch comes again, -EIO when the device never answers")
{
    struct stub_cfg cfg = cfg_with_ats();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.stub->faults.abort_early = true;
    own.stub->faults.device_timeouts = 1;
    own_log_begin();
    T_EXPECT_OK(t, submit_to_device(own.unit));
    T_EXPECT_EQ(t, own.stub->stream_count, 6u);
    own.stub->faults.device_timeouts = 100;
    T_EXPECT_ERR(t, submit_to_device(own.unit), -EIO);
    own_log_end();
    T_EXPECT_EQ(t, own.unit->stats.aborted, 5ull);
    own.stub->faults.device_timeouts = 0;
    T_ASSERT_OK(t, submit_to_device(own.unit));
    T_EXPECT_EQ(t, own.unit->queue.status_used[0], 1ull);
    own_close(t, &own);
}

TEST(queue, device_dead, .needs = NEED_HOST, .rules = "32",
     .doc = "a device TLB that never answers: -EIO after a few tries, and the queue works on for others")
{
    struct stub_cfg cfg = cfg_with_ats();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.stub->faults.device_timeouts = 100;
    own_log_begin();
    T_EXPECT_ERR(t, submit_to_device(own.unit), -EIO);
    own_log_end();
    T_EXPECT_EQ(t, own.unit->stats.aborted, 4ull);
    T_ASSERT_OK(t, submit(own.unit, 5));
    T_EXPECT_EQ(t, own.unit->queue.status_used[0], 1ull);
    own_close(t, &own);
}

TEST(queue, device_error, .needs = NEED_HOST, .rules = "33",
     .doc = "an invalid completion of a device TLB is reported and cleared, and stops nothing")
{
    struct stub_cfg cfg = cfg_with_ats();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.stub->faults.device_error = 1;
    own.stub->faults.per_tick = 1;
    own_log_begin();
    T_EXPECT_OK(t, submit_to_device(own.unit));
    own_log_end();
    T_EXPECT(t, own_log_has("invalid completion from a device TLB"));
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_FSTS, 4), 0ull);
    own_close(t, &own);
}

TEST(queue, needs_a_push, .needs = NEED_HOST, .rules = "31",
     .doc = "units that go on once IQE is cleared, and units that want another tail write, both recover")
{
    const struct vtd_desc descs[] = {vtd_inv_pc_global(), {{0xf}}, vtd_inv_cc_global()};

    for (unsigned sticky = 0; sticky < 2; sticky++) {
        struct stub_cfg cfg = own_cfg();
        struct own_unit own;

        own_start(t, &own, &cfg);
        own.stub->faults.sticky_iqe = sticky;
        own_log_begin();
        T_EXPECT_ERR(t, vtd_qi_submit_raw(own.unit, descs, 3, true), -EIO);
        own_log_end();
        T_EXPECT(t, own_log_has("queue error at slot 1 (IQEI 3): descriptor 000000000000000f"));
        T_EXPECT_EQ(t, own.stub->stream_count, 4u); /* the refused one was replaced by a wait */
        T_EXPECT_EQ(t, own.stub->stream[2].q[0], 0x11ull);
        T_ASSERT_OK(t, submit(own.unit, 2));
        own_close(t, &own);
    }
}

TEST(queue, dead, .needs = NEED_HOST, .rules = "31",
     .doc = "a unit that refuses a plain wait is given up: -EIO at once, for this and every later batch")
{
    struct stub_cfg cfg = own_cfg();
    uint64_t mark = host_mark(), iqa, begin;
    struct own_unit own;

    own_start(t, &own, &cfg);
    iqa = stub_reg(own.stub, VTD_OFF_IQA, 8);
    stub_set_reg(own.stub, VTD_OFF_IQA, 8, iqa % PAGE_SIZE); /* fetches from where no memory is */
    own_log_begin();
    begin = plat_now_ns();
    T_EXPECT_ERR(t, submit(own.unit, 3), -EIO);
    T_EXPECT_ERR(t, submit(own.unit, 3), -EIO);
    T_EXPECT_LT(t, plat_now_ns() - begin, own.unit->timeout_ns);
    own_log_end();
    T_EXPECT(t, own_log_has("queue refuses a plain wait"));
    T_EXPECT_EQ(t, own.unit->queue.status_used[0], 1ull);
    T_EXPECT(t, list_empty(&own.unit->queue.pending));
    stub_set_reg(own.stub, VTD_OFF_IQA, 8, iqa);
    own_log_begin();
    vtd_unit_drop(own.unit); /* the one way on */
    own_log_end();
    T_EXPECT_EQ(t, stub_reg(own.stub, VTD_OFF_GSTS, 4) & 0x86000000, 0ull);
    host_quarantine(mark);
}

TEST(queue, others_pending, .needs = NEED_HOST, .rules = "31",
     .doc = "a refused descriptor is charged to the batch it came from, not to the one that found out")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;

    own_start(t, &own, &cfg);
    own.stub->faults.hold_queue = true;
    T_ASSERT_OK(t, vtd_qi_submit_raw(own.unit, &(struct vtd_desc){{0xf}}, 1, false));
    own.stub->faults.hold_queue = false;
    own.stub->faults.per_tick = 1;
    own_log_begin();
    T_EXPECT_OK(t, submit(own.unit, 2));
    own_log_end();
    T_EXPECT_EQ(t, own.unit->stats.refused, 1ull);
    own_close(t, &own);
}

TEST(queue, refused_wait, .needs = NEED_HOST, .rules = "31",
     .doc =
         "a unit that cannot read the batch's own wait once: -EIO at once, and the status word is free again")
{
    struct stub_cfg cfg = own_cfg();
    struct own_unit own;
    uint64_t begin;

    own_start(t, &own, &cfg);
    own.stub->faults.refuse = 4;
    own_log_begin();
    begin = plat_now_ns();
    T_EXPECT_ERR(t, submit(own.unit, 3), -EIO);
    own_log_end();
    T_EXPECT_LT(t, plat_now_ns() - begin, own.unit->timeout_ns);
    T_EXPECT_EQ(t, own.unit->stats.refused, 1ull);
    T_EXPECT_EQ(t, own.unit->queue.status_used[0], 1ull);
    T_EXPECT_OK(t, submit(own.unit, 3));
    own_close(t, &own);
}
