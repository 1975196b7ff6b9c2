/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edges of a binding, host only: arguments that do not go together, turns and private data that are
 * somebody else's, tables that have gone.
 */
#include "iommu/svm_space.h"
#include "iommu/vtd_flush.h"
#include "tests/host/own_unit.h"
#include "tests/host/stub_machine.h"

struct bound {
    struct iommu_dev *dev, *other;
    struct ioasid_set *set;
    ioasid_t id;
};

static const struct ioasid_bind_cfg pass = {
    .stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};

static void bound_open(struct t *t, struct bound *b)
{
    const struct stub_dev *d = stub_machine_dev(0, 0), *o = stub_machine_dev(1, 0);

    *b = (struct bound){.set = ioasid_system_set(t->iommu->ioasids)};
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, d->id, d->rids, d->rid_count, 20, &b->dev));
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, o->id, o->rids, o->rid_count, 20, &b->other));
    T_ASSERT_OK(t, ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &b->id));
}

static void bound_close(struct t *t, struct bound *b)
{
    T_ASSERT_OK(t, ioasid_free(b->set, b->id));
    T_ASSERT_OK(t, iommu_dev_detach(b->dev));
    T_ASSERT_OK(t, iommu_dev_detach(b->other));
}

static void serve_nothing(unused struct iommu_pager *pager, unused struct iommu_page_group *group)
{
}

TEST(refuse, bind_cfgs, .needs = NEED_IOMMU | NEED_HOST | NEED_PT,
     .doc =
         "a stage that there is not, tables of the other stage or none, a pass-through with a table, and a "
         "second device with anything different: -EINVAL, nothing is bound")
{
    const struct pgtable_cfg fs = {
        .stage = PGTABLE_FIRST, .levels = 4, .haw = 39, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    const struct pgtable_cfg ss = {
        .stage = PGTABLE_SECOND, .levels = 4, .haw = 39, .page_sizes = PGTABLE_4K + PGTABLE_2M};
    struct iommu_pager pager = {.serve = serve_nothing};
    struct pgtable *first, *second;
    struct ioasid_bind_cfg cfg;
    struct bound b;

    bound_open(t, &b);
    T_ASSERT_OK(t, pgtable_create(&fs, &first));
    T_ASSERT_OK(t, pgtable_create(&ss, &second));
    const struct ioasid_bind_cfg bad[] = {
        {.stage = IOMMU_PASS_THROUGH, .table = first, .spid = IOASID_NO_SPID},
        {.stage = IOMMU_FIRST_STAGE, .spid = IOASID_NO_SPID},
        {.stage = IOMMU_FIRST_STAGE, .table = second, .spid = IOASID_NO_SPID},
        {.stage = IOMMU_SECOND_STAGE, .spid = IOASID_NO_SPID},
        {.stage = IOMMU_SECOND_STAGE, .table = first, .spid = IOASID_NO_SPID},
        {.stage = (enum iommu_stage)9, .spid = IOASID_NO_SPID},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.dev, &bad[i]), -EINVAL);
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &pass));
    cfg = pass;
    cfg.guest = false;
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.other, &cfg), -EINVAL);
    cfg = pass;
    cfg.spid = 3;
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.other, &cfg), -EINVAL);
    cfg = pass;
    cfg.pager = &pager;
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.other, &cfg), -EINVAL);
    cfg = (struct ioasid_bind_cfg){
        .stage = IOMMU_FIRST_STAGE, .table = first, .guest = true, .spid = IOASID_NO_SPID};
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.other, &cfg), -EINVAL);
    T_ASSERT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    pgtable_destroy(first);
    pgtable_destroy(second);
    bound_close(t, &b);
}

TEST(refuse, turns, .needs = NEED_IOMMU | NEED_HOST | NEED_PT,
     .doc = "a flush without a set: -EINVAL; of an ID that 65535 threads use: -EBUSY; of one whose turn "
            "somebody keeps: -ETIMEDOUT after its time; of one with foreign private data: -ENOENT")
{
    struct bound b;
    struct ioasid_rec *rec;
    uint64_t foreign = 0, before;
    void *old;

    bound_open(t, &b);
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &pass));
    rec = ioasid_rec_of(t->iommu->ioasids, b.id);
    T_EXPECT_ERR(t, ioasid_flush(NULL, b.id, (iova_t){0}, PAGE_SIZE, false), -EINVAL);
    T_EXPECT_ERR(t, ioasid_flush(IOASID_ANY_SET, b.id, (iova_t){0}, PAGE_SIZE, false), -EINVAL);
    rec->pins = UINT16_MAX;
    T_EXPECT_ERR(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false), -EBUSY);
    rec->pins = 0;
    rec->flags |= REC_TURN;
    before = plat_now_ns();
    T_EXPECT_ERR(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false), -ETIMEDOUT);
    T_EXPECT_GE(t, plat_now_ns() - before, 10000000000ull);
    T_EXPECT_ERR(t, ioasid_unbind(b.set, b.id, b.dev), -ETIMEDOUT);
    rec->flags &= (uint16_t)~REC_TURN;
    T_EXPECT_OK(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false));
    T_ASSERT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    T_ASSERT_OK(t, plat_idle_wait(1000000000ull));
    T_ASSERT_OK(t, ioasid_data_set(t->iommu->ioasids, b.id, &foreign));
    T_EXPECT_ERR(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false), -ENOENT);
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.dev, &pass), -EBUSY);
    T_ASSERT_OK(t, ioasid_data_take(t->iommu->ioasids, b.id, &old));
    bound_close(t, &b);
}

TEST(power, gone_stays_out, .needs = NEED_IOMMU | NEED_HOST | NEED_PT, .rows = "51", .rules = "74",
     .doc =
         "a binding whose table went before the machine slept gets no entry back; a flush finds nothing to "
         "do; its unbind ends it")
{
    struct vtd_pasid_entry e;
    struct bound b;

    bound_open(t, &b);
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &pass));
    T_ASSERT_OK(t, ioasid_table_gone(b.set, b.id));
    T_ASSERT_OK(t, iommu_suspend(t->iommu));
    T_ASSERT_OK(t, iommu_resume(t->iommu));
    T_EXPECT_EQ(t, (unsigned)svm_binding_on(b.dev->bindings.next)->entry, (unsigned)SVM_ENTRY_LEFT_OUT);
    T_EXPECT(t, vtd_pasid_read(b.dev->vtd, 0, &e) != 0 || e.q[0] == 0);
    T_EXPECT_OK(t, ioasid_flush(b.set, b.id, (iova_t){0}, PAGE_SIZE, false));
    T_EXPECT_OK(t, ioasid_table_gone(b.set, b.id));
    T_ASSERT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    bound_close(t, &b);
}

TEST(ats, no_domain, .needs = NEED_IOMMU | NEED_HOST | NEED_DT | NEED_PASID,
     .doc = "a tagging function with ATS needs a domain id for what it sends untagged: without one it is not "
            "attached, -ENOSPC, and its ATS stays off")
{
    const struct stub_dev *d = stub_machine_ats_dev(0, 0);
    struct vtd_unit *unit = iommu_unit_of(t->iommu, d->id);
    struct iommu_dev *dev;
    did_t first, did;

    T_ASSERT_OK(t, vtd_did_alloc(unit, &first));
    while (vtd_did_alloc(unit, &did) == 0)
        ;
    T_ASSERT_OK(t, iommu_set_lane(t->iommu, IOMMU_LANE_PASID));
    T_EXPECT_ERR(t, iommu_dev_attach(t->iommu, d->id, d->rids, d->rid_count, 20, &dev), -ENOSPC);
    T_EXPECT_EQ(t, plat_pci_read32(d->id, STUB_ATS_CONTROL) / 0x80000000, 0u);
    for (uint32_t n = first.v; n < pow2(unit->caps.nd_bits); n++)
        vtd_did_free(unit, (did_t){(uint16_t)n});
    T_ASSERT_OK(t, iommu_dev_attach(t->iommu, d->id, d->rids, d->rid_count, 20, &dev));
    T_EXPECT_EQ(t, plat_pci_read32(d->id, STUB_ATS_CONTROL) / 0x80000000, 1u);
    T_ASSERT_OK(t, iommu_dev_detach(dev));
    T_ASSERT_OK(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID));
}

TEST(flush, nothing_present, .needs = NEED_IOMMU | NEED_HOST | NEED_PT,
     .doc = "a flush of an entry that is there no more sends nothing but its wait")
{
    struct vtd_use use;
    struct bound b;

    bound_open(t, &b);
    use = (struct vtd_use){b.dev->vtd, 7};
    stub_stream_clear(stub_machine_unit(0));
    T_EXPECT_OK(t, vtd_flush_range(&use, 1, (iova_t){0}, PAGE_SIZE, false));
    for (unsigned i = 0; i < stub_machine_unit(0)->stream_count; i++)
        T_EXPECT_EQ(t, entry_get(&stub_machine_unit(0)->stream[i], VTD_QI_TYPE), (uint64_t)VTD_QI_WAIT);
    bound_close(t, &b);
}

TEST(refuse, broken_space, .needs = NEED_IOMMU | NEED_HOST | NEED_PT,
     .doc =
         "private data of a binding that is damaged: unbind touches no entry and says so, and ends it once "
         "it is repaired")
{
    struct svm_space *space;
    struct svm *kept;
    struct vtd_pasid_entry e;
    struct bound b;
    void *data;

    bound_open(t, &b);
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &pass));
    plat_read_enter();
    T_ASSERT_OK(t, ioasid_data_find(b.set, b.id, &data));
    plat_read_exit();
    space = data;
    kept = space->svm;
    space->svm = NULL;
    own_log_begin();
    T_EXPECT(t, ioasid_unbind(b.set, b.id, b.dev) < 0);
    T_EXPECT(t, own_log_has("is broken, its entries stay"));
    own_log_end();
    T_EXPECT_OK(t, vtd_pasid_read(b.dev->vtd, 0, &e));
    T_EXPECT_EQ(t, entry_get(&e, VTD_PASID_P), 1ull);
    space->svm = kept;
    T_ASSERT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    bound_close(t, &b);
}

/* ---- Who is told, when a unit does not confirm ---- */

static unsigned binds, unbinds;

static int count_event(unused struct ioasid_notifier *nb, const struct ioasid_event *ev)
{
    binds += ev->type == IOASID_EVENT_BIND;
    unbinds += ev->type == IOASID_EVENT_UNBIND;
    return 0;
}

static struct ioasid_notifier counter = {
    .handler = count_event, .events = IOASID_EVENT_BIND | IOASID_EVENT_UNBIND, .name = "counts"};

/* Registering needs a set without IDs: `b` gets another one. */
static void counted_open(struct t *t, struct bound *b)
{
    bound_open(t, b);
    binds = unbinds = 0;
    T_ASSERT_OK(t, ioasid_free(b->set, b->id));
    T_ASSERT_OK(t, ioasid_notifier_register(t->iommu->ioasids, IOASID_ANY_SET, &counter));
    T_ASSERT_OK(t, ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &b->id));
}

static void counted_close(struct t *t, struct bound *b)
{
    bound_close(t, b);
    T_ASSERT_OK(t, ioasid_notifier_unregister(t->iommu->ioasids, &counter));
}

/* The first device's unit answers nothing for the time of one call. */
static void stop_answering(bool on)
{
    stub_machine_unit(0)->faults.hold_queue = on;
    if (!on)
        stub_run_queue(stub_machine_unit(0));
}

TEST(told, unconfirmed_bind, .needs = NEED_IOMMU | NEED_HOST | NEED_PT | NEED_CM, .rows = "8", .flaws = "S17",
     .doc = "a first bind that the unit does not confirm is kept, and nobody is told: the bind of a second "
            "device is the one that all are told of, the last unbind that of the end")
{
    struct ioasid_stats stats;
    struct bound b;

    counted_open(t, &b);
    stop_answering(true);
    T_EXPECT_ERR(t, ioasid_bind(b.set, b.id, b.dev, &pass), -ETIMEDOUT);
    stop_answering(false);
    T_EXPECT_EQ(t, ioasid_refs(b.set, b.id), 2);
    T_EXPECT_EQ(t, binds, 0u);
    ioasid_stats(t->iommu->ioasids, &stats);
    T_EXPECT_EQ(t, stats.failed, 1u);
    T_EXPECT_OK(t, ioasid_bind(b.set, b.id, b.other, &pass));
    T_EXPECT_EQ(t, binds, 1u);
    T_EXPECT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    T_EXPECT_EQ(t, unbinds, 0u);
    T_EXPECT_OK(t, ioasid_unbind(b.set, b.id, b.other));
    T_EXPECT_EQ(t, unbinds, 1u);
    counted_close(t, &b);
}

TEST(told, unconfirmed_unbind, .needs = NEED_IOMMU | NEED_HOST | NEED_PT, .rows = "18", .flaws = "S17",
     .doc =
         "a last unbind that the unit does not confirm has been told, and the device stays bound: the bind "
         "of another one is told anew")
{
    struct bound b;

    counted_open(t, &b);
    T_ASSERT_OK(t, ioasid_bind(b.set, b.id, b.dev, &pass));
    stop_answering(true);
    T_EXPECT_ERR(t, ioasid_unbind(b.set, b.id, b.dev), -ETIMEDOUT);
    stop_answering(false);
    T_EXPECT_EQ(t, unbinds, 1u);
    T_EXPECT_OK(t, ioasid_bind(b.set, b.id, b.other, &pass));
    T_EXPECT_EQ(t, binds, 2u);
    T_EXPECT_OK(t, ioasid_unbind(b.set, b.id, b.dev));
    T_EXPECT_OK(t, ioasid_unbind(b.set, b.id, b.other));
    T_EXPECT_EQ(t, unbinds, 2u);
    counted_close(t, &b);
}
