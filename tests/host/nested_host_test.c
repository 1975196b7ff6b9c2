/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite nested, host only: what a unit is told when one of two stages changes, descriptor by descriptor;
 * requests that no engine of the firmware's could send. VT-d 5.10, Guidance to Software for Invalidations;
 * rules 26, 29, 30, 41, 50, 51.
 */
#include "iommu/vtd_flush.h"
#include "tests/host/model_engine.h"
#include "tests/host/model_machine.h"
#include "tests/host/own_unit.h"
#include "tests/suites/nest.h"

#define SLOT 0x25
#define DID  ((did_t){9})
#define AT   ((iova_t){0x4000})
#define SIZE 0x4000

static const struct vtd_ats ats = {.sid = OWN_RID, .pfsid = OWN_RID, .qdep = 8};

static void expect(struct t *t, struct own_unit *own, const struct vtd_desc *want, unsigned count)
{
    char text[128];

    for (unsigned i = 0; i < own->stub->stream_count; i++)
        t_note(t, "%u: %s", i, vtd_inv_text(&own->stub->stream[i], text, sizeof(text)));
    T_ASSERT_EQ(t, own->stub->stream_count, count + 1);
    for (unsigned i = 0; i < count; i++)
        T_EXPECT_MEM(t, &own->stub->stream[i], &want[i], sizeof(want[i]));
    stub_stream_clear(own->stub);
}

/* A function with two entries of a type: slot 0 and a number. */
static struct vtd_dev *open_entries(struct t *t, struct own_unit *own, enum vtd_pgtt pgtt, bool has_ats)
{
    const uint16_t rid = OWN_RID;
    struct vtd_pasid_cfg cfg = {
        .pgtt = pgtt, .did = DID, .fs_root = {0x5000}, .fs_levels = 4, .ss_root = {0x6000}, .ss_levels = 4};
    struct vtd_dev_cfg dev_cfg = {
        .rids = &rid, .rid_count = 1, .pasid = true, .ats = has_ats, .ats_pfsid = OWN_RID, .ats_qdep = 8};
    struct stub_cfg unit = own_cfg();
    struct vtd_dev *dev = NULL;

    own_set(&unit.ecap, SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PASID) | SPAN_MASK(VTD_ECAP_DIT), true);
    own_start(t, own, &unit);
    T_ASSERT_OK(t, vtd_dev_attach(own->unit, &dev_cfg, &dev));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, 0, &cfg));
    T_ASSERT_OK(t, vtd_pasid_publish(dev, SLOT, &cfg));
    stub_stream_clear(own->stub);
    return dev;
}

TEST(nested, stream_first, .needs = NEED_HOST, .rules = "29 30 50", .flaws = "H20",
     .doc = "a first stage changed, that is alone or on top of a second one: p_iotlb for each slot, device "
            "TLBs by range; with ATS on and no PASID in "
            "the requests an iotlb_inv keeps the order")
{
    const struct vtd_desc want[] = {vtd_inv_piotlb_page(DID, 0, AT, 2, true),
                                    vtd_inv_piotlb_page(DID, SLOT, AT, 2, true), vtd_inv_iotlb_domain(DID),
                                    vtd_inv_devtlb_range(&ats, AT, 2),
                                    vtd_inv_pdevtlb_range(&ats, SLOT, AT, 2)};
    const struct vtd_desc all[] = {vtd_inv_piotlb_pasid(DID, 0), vtd_inv_piotlb_pasid(DID, SLOT)};

    for (unsigned i = 0; i < 4; i++) {
        bool has_ats = i / 2;
        struct own_unit own;
        struct vtd_dev *dev = open_entries(t, &own, i % 2 ? VTD_PGTT_FIRST : VTD_PGTT_NESTED, has_ats);
        const struct vtd_use uses[] = {{dev, 0}, {dev, SLOT}};

        T_ASSERT_OK(t, vtd_flush_range(uses, 2, AT, SIZE, true));
        expect(t, &own, want, has_ats ? 5 : 2);
        if (!has_ats) {
            T_ASSERT_OK(t, vtd_flush_range(uses, 2, AT, 0, true));
            expect(t, &own, all, 2);
        }
        T_ASSERT_OK(t, vtd_dev_detach(dev));
        own_close(t, &own);
    }
}

TEST(nested, stream_below, .needs = NEED_HOST, .rules = "29 30 51",
     .doc =
         "the second stage changed: one iotlb_inv for the domain's pages, and all of the device TLBs, whose "
         "addresses are others")
{
    const struct vtd_desc want[] = {vtd_inv_iotlb_page(DID, AT, 2, false), vtd_inv_devtlb_all(&ats),
                                    vtd_inv_pdevtlb_all(&ats, SLOT)};

    for (unsigned has_ats = 0; has_ats < 2; has_ats++) {
        struct own_unit own;
        struct vtd_dev *dev = open_entries(t, &own, VTD_PGTT_NESTED, has_ats);
        const struct vtd_use uses[] = {{dev, 0}, {dev, SLOT}};

        T_ASSERT_OK(t, vtd_flush_below(uses, 2, AT, SIZE, false));
        expect(t, &own, want, has_ats ? 3 : 1);
        T_ASSERT_OK(t, vtd_dev_detach(dev));
        own_close(t, &own);
    }
}

TEST(nested, stream_retire, .needs = NEED_HOST, .rules = "26 29 30 41",
     .doc = "a nested entry goes: PASID cache by slot, IOTLB by domain, the device TLB in the form of its "
            "requests")
{
    const struct vtd_desc want[] = {vtd_inv_pc_pasid(DID, SLOT), vtd_inv_iotlb_domain(DID),
                                    vtd_inv_pdevtlb_all(&ats, SLOT)};
    struct own_unit own;
    struct vtd_dev *dev = open_entries(t, &own, VTD_PGTT_NESTED, true);

    T_ASSERT_OK(t, vtd_pasid_retire(dev, SLOT, VTD_RETIRE_KEEP_DID));
    expect(t, &own, want, 3);
    T_ASSERT_OK(t, vtd_dev_detach(dev));
    own_close(t, &own);
}

/* ---- Supervisor requests ---- */

static unsigned write_as(struct nest *n, bool privileged)
{
    uint64_t word = 0x5afe5afe5afe5afe;
    struct model_request rq = {.sid = n->dma[0]->rids[0],
                               .has_pasid = true,
                               .pasid = ioasid_number(n->id[0]),
                               .privileged = privileged,
                               .access = MODEL_WRITE,
                               .addr = NEST_GVA,
                               .len = sizeof(word),
                               .data = &word};
    struct model_completion c;

    model_machine_enter();
    c = model_dma(model_engine_unit(n->dma[0]), &rq);
    model_machine_leave();
    T_EXPECT_EQ(n->t, c.moved, c.fault == 0 ? 8u : 0u);
    return c.fault;
}

TEST(nested, supervisor, .needs = NEED_DMA | NEED_NEST, .lanes = T_BIT(T_LANE_PASID),
     .engines = T_BIT(DMA_MODEL), .faults = "5d 81 85", .rules = "49", .negative = true,
     .doc =
         "SRE lets supervisor requests in, WPE keeps them from pages that are for reading, EAFE has EA set "
         "beside A in every entry on the way")
{
    static const struct {
        bool sre, wpe;
        unsigned code;
    } rows[] = {{false, false, 0x5d}, {true, true, 0x85}, {true, false, 0}};
    struct ioasid_bind_cfg cfg;
    uint64_t page;
    struct nest n;

    nest_open(t, &n, 1);
    if (!n.dev[0]->vtd->unit->caps.srs || !n.dev[0]->vtd->unit->caps.eafs)
        t_skip(t, "ECAP.SRS = 0 or ECAP.EAFS = 0");
    page = nest_page(&n);
    nest_map(&n, 0, NEST_GVA, page, NEST_FULL & ~SPAN_MASK(VTD_FS_US) & ~SPAN_MASK(VTD_FS_RW));
    cfg = nest_cfg(&n, 0);
    cfg.first.extended_access = true;
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        cfg.first.supervisor = rows[i].sre;
        cfg.first.write_protect = rows[i].wpe;
        T_ASSERT_OK(t, ioasid_bind(n.set, n.id[0], n.dev[0], &cfg));
        T_EXPECT_EQ(t, write_as(&n, true), rows[i].code);
        T_EXPECT_EQ(t, write_as(&n, false), 0x81u);
        if (i + 1 < ARRAY_SIZE(rows))
            nest_unbind(&n, 0);
    }
    for (unsigned level = 1; level <= 4; level++)
        T_EXPECT_NE(t, nest_load(&n, nest_entry(&n, 0, NEST_GVA, level)) & SPAN_MASK(VTD_FS_EA), 0ull);
    nest_close(&n);
}

/* ---- Several of one function ---- */

TEST(nested, sub_devices, .needs = NEED_DMA | NEED_NEST, .lanes = T_BIT(T_LANE_PASID), .rules = "29 30 51",
     .flaws = "H15", .negative = true,
     .doc = "two IOASIDs of one function over one table: what was taken out is flushed for each, in its "
            "device TLB "
            "too")
{
    struct vtd_use uses[2];
    struct ioasid_bind_cfg cfg;
    struct t_mem mem;
    ioasid_t id[2];
    uint64_t page;
    struct nest n;

    nest_open(t, &n, 1);
    page = nest_page(&n);
    mem = nest_mem(&n, page);
    nest_map(&n, 0, NEST_GVA, page, NEST_FULL);
    cfg = nest_cfg(&n, 0);
    id[0] = n.id[0];
    T_ASSERT_OK(t, ioasid_alloc(n.set, 1, IOASID_NUMBERS - 1, &id[1]));
    for (unsigned i = 0; i < 2; i++) {
        T_ASSERT_OK(t, ioasid_bind(n.set, id[i], n.dev[0], &cfg));
        uses[i] = (struct vtd_use){n.dev[0]->vtd, ioasid_number(id[i])};
        nest_tag(&n, 0, id[i]);
        t_dma_write_allowed(t, n.dma[0], (iova_t){NEST_GVA}, &mem, 0, 64);
    }
    nest_take(&n, page);
    T_ASSERT_OK(t, vtd_flush_below(uses, 2, (iova_t){page}, PAGE_SIZE, false));
    for (unsigned i = 0; i < 2; i++) {
        nest_tag(&n, 0, id[i]);
        t_dma_write_denied(t, n.dma[0], (iova_t){NEST_GVA}, &mem, 0, 64);
    }
    T_ASSERT_OK(t, ioasid_unbind(n.set, id[1], n.dev[0]));
    T_EXPECT_OK(t, ioasid_free(n.set, id[1]));
    nest_close(&n);
}
