/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite nested: a guest's first stage on top of a second stage of ours. VT-d 5.10, Nested Translation; rules
 * 26, 41, 43, 46, 47, 49-51, 54.
 */
#include "tests/suites/nest.h"

#define LEN 64

static void writes(struct nest *n, unsigned d, uint64_t gva, uint64_t gpa)
{
    struct t_mem mem = nest_mem(n, gpa);

    t_dma_write_allowed(n->t, n->dma[d], (iova_t){gva}, &mem, 0, LEN);
}

static void is_denied(struct nest *n, unsigned d, uint64_t gva, uint64_t gpa)
{
    struct t_mem mem = nest_mem(n, gpa);

    t_faults_forget(n->t);
    t_dma_write_denied(n->t, n->dma[d], (iova_t){gva}, &mem, 0, LEN);
}

/* What a function asks the unit to translate, and is refused, leaves no record. */
static void is_denied_for(struct nest *n, uint64_t gva, uint64_t gpa, unsigned reason)
{
    is_denied(n, 0, gva, gpa);
    if (!n->dma[0]->device_tlb)
        t_expect_fault(n->t, n->dma[0], reason);
}

/* One page mapped for the first device, which is bound. */
static uint64_t bind_page(struct nest *n)
{
    uint64_t page = nest_page(n);

    nest_map(n, 0, NEST_GVA, page, NEST_FULL);
    nest_bind(n, 0);
    return page;
}

static uint64_t open_bound(struct t *t, struct nest *n)
{
    nest_open(t, n, 1);
    return bind_page(n);
}

/*
 * Something has changed and nothing was flushed: the old page or nothing is reached. A unit of ours that
 * keeps what it may has to be seen keeping it. True: the old page was.
 */
static bool old_page_reached(struct nest *n, uint64_t gpa)
{
    struct t_mem mem = nest_mem(n, gpa);
    enum t_reach reach = t_dma_write(n->t, n->dma[0], (iova_t){NEST_GVA}, &mem, 0, LEN, NULL);

    T_EXPECT(n->t, reach == T_REACHED || reach == T_UNTOUCHED);
    return reach == T_REACHED;
}

#define ROUNDS 8

/* In some round of several, where the unit is one that keeps all it may. */
static void expect_kept(struct t *t, unsigned kept)
{
    t_tell(t, "old page reached before the flush in %u of %u rounds", kept, ROUNDS);
    if (t->dma->engine == DMA_MODEL || t->dma->engine == DMA_ATS)
        T_EXPECT_GT(t, kept, 0u);
}

/* ---- Both stages ---- */

TEST(nested, both_stages, .needs = NEED_DMA | NEED_DMA_READ | NEED_NEST, .lanes = NEST_LANES,
     .rules = "26 35 37 41", .negative = true,
     .doc =
         "what a device sends goes where both stages together say, page by page; before the bind and after "
         "the unbind nowhere")
{
    uint64_t page[3];
    struct t_mem mem;
    struct nest n;

    nest_open(t, &n, 1);
    for (unsigned i = 0; i < 3; i++) {
        page[i] = nest_page(&n);
        nest_map(&n, 0, NEST_GVA + i * PAGE_SIZE, page[i], NEST_FULL);
    }
    is_denied(&n, 0, NEST_GVA, page[0]);
    nest_bind(&n, 0);
    for (unsigned i = 0; i < 3; i++)
        writes(&n, 0, NEST_GVA + i * PAGE_SIZE, page[i]);
    mem = nest_mem(&n, page[1]);
    t_dma_read_allowed(t, n.dma[0], (iova_t){NEST_GVA + PAGE_SIZE}, &mem, 0, LEN);
    is_denied(&n, 0, page[0], page[0]);
    is_denied(&n, 0, mem.pa.v, page[1]);
    nest_unbind(&n, 0);
    for (unsigned i = 0; i < 3; i++)
        is_denied(&n, 0, NEST_GVA + i * PAGE_SIZE, page[i]);
    nest_close(&n);
}

TEST(nested, freed_while_bound, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .rules = "41 43 54",
     .rows = "17", .negative = true,
     .doc = "a free takes the binding down: nothing is reached, tables of both stages can be given back, and "
            "the number's next life is the next guest's")
{
    struct nest n;
    uint64_t page = open_bound(t, &n);

    writes(&n, 0, NEST_GVA, page);
    T_ASSERT_EQ(t, ioasid_free(n.set, n.id[0]), -EINPROGRESS);
    t_settle(t);
    is_denied(&n, 0, NEST_GVA, page);
    nest_close(&n);
}

/* ---- Refused ---- */

TEST(nested, table_taken_away, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .faults = "79 75 76",
     .rules = "49 51", .negative = true,
     .doc = "the walk of the first stage goes through the second itself: a table that this does not have, or "
            "only for writing, stops it, at every level and with its own reason")
{
    struct nest n;
    uint64_t page = open_bound(t, &n);

    for (unsigned level = 1; level <= 4; level++) {
        uint64_t table = align_down(nest_entry(&n, 0, NEST_GVA, level), PAGE_SIZE);

        writes(&n, 0, NEST_GVA, page);
        nest_take(&n, table);
        nest_flush_below(&n, 0, table);
        is_denied_for(&n, NEST_GVA, page, 0x79);
        nest_give(&n, table, nest_mem(&n, table).pa, PGTABLE_W);
        is_denied_for(&n, NEST_GVA, page, level == 4 ? 0x75 : 0x76);
        nest_take(&n, table);
        nest_flush_below(&n, 0, table);
        nest_give_back(&n, table);
    }
    writes(&n, 0, NEST_GVA, page);
    nest_close(&n);
}

TEST(nested, rights, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .faults = "71 79 81 85",
     .rules = "50 51", .negative = true,
     .doc = "either stage alone refuses: a page that it has not got or that may not be written")
{
    static const struct {
        uint64_t without; /* flags of the first stage */
        unsigned second;  /* rights of the second */
        unsigned reason;
    } rows[] = {
        {SPAN_MASK(VTD_FS_P), PGTABLE_RW, 0x71},
        {SPAN_MASK(VTD_FS_RW), PGTABLE_RW, 0x85},
        {SPAN_MASK(VTD_FS_US), PGTABLE_RW, 0x81},
        {0, PGTABLE_R, 0x85},
        {0, 0, 0x79},
    };
    struct nest n;
    uint64_t page = open_bound(t, &n);

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        writes(&n, 0, NEST_GVA, page);
        nest_store(&n, nest_entry(&n, 0, NEST_GVA, 1), page | (NEST_FULL & ~rows[i].without));
        nest_flush(&n, 0, NEST_GVA);
        nest_take(&n, page);
        nest_flush_below(&n, 0, page);
        if (rows[i].second != 0)
            nest_give(&n, page, nest_mem(&n, page).pa, rows[i].second);
        is_denied_for(&n, NEST_GVA, page, rows[i].reason);
        if (rows[i].second != 0)
            nest_take(&n, page);
        nest_flush_below(&n, 0, page);
        nest_give_back(&n, page);
        nest_store(&n, nest_entry(&n, 0, NEST_GVA, 1), page | NEST_FULL);
        nest_flush(&n, 0, NEST_GVA);
    }
    nest_close(&n);
}

TEST(nested, beyond_width, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .faults = "5b 74",
     .rules = "49", .negative = true,
     .doc = "a guest's table beyond the second stage's width: as the root it is -EINVAL, and a unit that is "
            "shown it all the same refuses; in an entry the unit refuses")
{
    const struct vtd_desc everything[] = {vtd_inv_cc_global(), vtd_inv_pc_global(), vtd_inv_iotlb_global()};
    struct vtd_pasid_entry entry;
    struct ioasid_bind_cfg cfg;
    struct vtd_dev *dev;
    uint64_t page, end;
    struct nest n;
    uint32_t slot;

    nest_open_as(t, &n, 1, 3);
    page = bind_page(&n);
    end = n.second->input_end;
    dev = n.dev[0]->vtd;
    cfg = nest_cfg(&n, 0);
    slot = t->lane == T_LANE_RID ? 0 : ioasid_number(n.id[0]);
    writes(&n, 0, NEST_GVA, page);
    T_ASSERT_OK(t, vtd_pasid_read(dev, slot, &entry));
    nest_store(&n, nest_entry(&n, 0, NEST_GVA, 2), end | NEST_FULL);
    nest_flush(&n, 0, NEST_GVA);
    is_denied_for(&n, NEST_GVA, page, 0x74);
    nest_unbind(&n, 0);
    cfg.first.root = end;
    T_EXPECT_ERR(t, ioasid_bind(n.set, n.id[0], n.dev[0], &cfg), -EINVAL);
    cfg.first.root = end - PAGE_SIZE;
    T_EXPECT_OK(t, ioasid_bind(n.set, n.id[0], n.dev[0], &cfg));
    nest_unbind(&n, 0);
    entry_set_addr(&entry, VTD_PASID_FSPTPTR, end);
    if (t->lane != T_LANE_PASID)
        T_ASSERT_OK(t, vtd_dev_set_rid_pasid(dev, slot));
    T_ASSERT_OK(t, vtd_pasid_publish_entry(dev, slot, &entry));
    is_denied(&n, 0, NEST_GVA, page);
    t_expect_fault(t, n.dma[0], 0x5b);
    T_ASSERT_OK(t, vtd_pasid_clear_present(dev, slot, false));
    T_ASSERT_OK(t, vtd_qi_submit_raw(dev->unit, everything, ARRAY_SIZE(everything), true));
    T_ASSERT_OK(t, vtd_pasid_zero(dev, slot));
    nest_close(&n);
}

/* ---- Changes ---- */

TEST(nested, guest_unmaps, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .rules = "50 54",
     .flaws = "H20", .negative = true,
     .doc = "a page that the guest takes out of its tables: kept until the flush, then out of reach, and its "
            "neighbour is not")
{
    struct nest n;
    uint64_t page = open_bound(t, &n);
    uint64_t beside = nest_page(&n);
    unsigned kept = 0;

    nest_map(&n, 0, NEST_GVA + PAGE_SIZE, beside, NEST_FULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        writes(&n, 0, NEST_GVA, page);
        nest_store(&n, nest_entry(&n, 0, NEST_GVA, 1), 0);
        kept += old_page_reached(&n, page);
        nest_flush(&n, 0, NEST_GVA);
        is_denied_for(&n, NEST_GVA, page, 0x71);
        writes(&n, 0, NEST_GVA + PAGE_SIZE, beside);
        nest_map(&n, 0, NEST_GVA, page, NEST_FULL);
    }
    expect_kept(t, kept);
    nest_close(&n);
}

TEST(nested, host_unmaps, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .rules = "29 51 54",
     .negative = true,
     .doc = "a page that the host takes away below: kept until the flush, then out of reach, and the page is "
            "the host's again")
{
    struct nest n;
    uint64_t page = open_bound(t, &n);
    uint64_t beside = nest_page(&n);
    unsigned kept = 0;

    nest_map(&n, 0, NEST_GVA + PAGE_SIZE, beside, NEST_FULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        writes(&n, 0, NEST_GVA, page);
        nest_take(&n, page);
        kept += old_page_reached(&n, page);
        nest_flush_below(&n, 0, page);
        is_denied_for(&n, NEST_GVA, page, 0x79);
        writes(&n, 0, NEST_GVA + PAGE_SIZE, beside);
        nest_give_back(&n, page);
    }
    expect_kept(t, kept);
    nest_close(&n);
}

TEST(nested, host_moves, .needs = NEED_DMA | NEED_NEST, .lanes = NEST_LANES, .rules = "51 53 54",
     .negative = true,
     .doc =
         "the host moves a page of the guest's data and one of its tables to other memory: after the flush "
         "the device goes there, and what was there before can be given back")
{
    struct nest n;
    uint64_t page = open_bound(t, &n);
    uint64_t table = align_down(nest_entry(&n, 0, NEST_GVA, 1), PAGE_SIZE);
    struct t_mem data = t_mem(t, 1), copy = t_mem(t, 1), old = nest_mem(&n, page);

    writes(&n, 0, NEST_GVA, page);
    for (unsigned i = 0; i < VTD_PAGING_ENTRIES; i++)
        ((uint64_t *)(void *)copy.va)[i] = nest_load(&n, table + 8 * i);
    plat_publish(copy.va, PAGE_SIZE, false);
    nest_take(&n, page);
    nest_take(&n, table);
    T_ASSERT_OK(t, ioasid_flush_below(n.set, n.id[0], (iova_t){0}, 0, false));
    nest_give(&n, page, data.pa, PGTABLE_RW);
    nest_give(&n, table, copy.pa, PGTABLE_RW);
    t_rand_fill(t, old.va, PAGE_SIZE);
    nest_store(&n, nest_entry(&n, 0, NEST_GVA, 1), 0);
    t_dma_write_allowed(t, n.dma[0], (iova_t){NEST_GVA}, &data, 0, LEN);
    nest_close(&n);
}

/* ---- Two of them ---- */

TEST(nested, two_devices, .needs = NEED_DMA | NEED_DMA_2 | NEED_NEST, .lanes = NEST_LANES,
     .rules = "34 46 47 51", .flaws = "S17", .negative = true,
     .doc =
         "two guests' tables over one second stage: each device reaches its own, one IOASID after the other "
         "is flushed after a change below, and the end of one leaves the other alone")
{
    uint64_t page[NEST_DEVS], shared;
    struct nest n;

    nest_open(t, &n, 2);
    shared = nest_page(&n);
    for (unsigned d = 0; d < 2; d++) {
        page[d] = nest_page(&n);
        nest_map(&n, d, NEST_GVA, page[d], NEST_FULL);
        nest_map(&n, d, NEST_GVA + PAGE_SIZE, shared, NEST_FULL);
        nest_bind(&n, d);
    }
    for (unsigned d = 0; d < 2; d++) {
        writes(&n, d, NEST_GVA, page[d]);
        writes(&n, d, NEST_GVA + PAGE_SIZE, shared);
    }
    nest_take(&n, shared);
    for (unsigned d = 0; d < 2; d++)
        nest_flush_below(&n, d, shared);
    for (unsigned d = 0; d < 2; d++) {
        is_denied(&n, d, NEST_GVA + PAGE_SIZE, shared);
        writes(&n, d, NEST_GVA, page[d]);
    }
    nest_unbind(&n, 0);
    is_denied(&n, 0, NEST_GVA, page[0]);
    writes(&n, 1, NEST_GVA, page[1]);
    nest_close(&n);
}

TEST(nested, one_guest_two_devices, .needs = NEED_DMA | NEED_DMA_2 | NEED_NEST, .lanes = NEST_LANES,
     .rules = "34 47 50", .negative = true,
     .doc =
         "two devices on one guest's tables: a second bind with other tables is -EINVAL, a flush serves both")
{
    struct ioasid_bind_cfg cfg;
    struct nest n;
    uint64_t page;

    nest_open(t, &n, 2);
    page = nest_page(&n);
    nest_map(&n, 0, NEST_GVA, page, NEST_FULL);
    nest_map(&n, 0, NEST_GVA + PAGE_SIZE, page, NEST_FULL);
    nest_bind(&n, 0);
    cfg = nest_cfg(&n, 1);
    T_EXPECT_ERR(t, ioasid_bind(n.set, n.id[0], n.dev[1], &cfg), -EINVAL);
    cfg = nest_cfg(&n, 0);
    T_ASSERT_OK(t, ioasid_bind(n.set, n.id[0], n.dev[1], &cfg));
    nest_tag(&n, 1, n.id[0]);
    for (unsigned d = 0; d < 2; d++)
        writes(&n, d, NEST_GVA, page);
    nest_store(&n, nest_entry(&n, 0, NEST_GVA, 1), 0);
    nest_flush(&n, 0, NEST_GVA);
    for (unsigned d = 0; d < 2; d++) {
        is_denied(&n, d, NEST_GVA, page);
        writes(&n, d, NEST_GVA + PAGE_SIZE, page);
    }
    T_ASSERT_OK(t, ioasid_unbind(n.set, n.id[0], n.dev[1]));
    nest_close(&n);
}
