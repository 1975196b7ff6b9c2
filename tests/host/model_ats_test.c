/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_ats: device TLBs of the strict unit: what a translation request gets, what stays in a TLB and
 * until when, what a function that does not answer does to the queue.
 */
#include "tests/host/model_bed.h"

#include <string.h>

#define PAGE   0x1ff000ull
#define OTHER  0x1fe000ull
#define ADDR   0x5445e5678ull
#define LEAF   (0x110000ull + 8 * 0x1e5)
#define CTX    (BED_CTX + 0x200)
#define ALL_ON (BED_DIR | 0x1d) /* P DTE PASIDE PRE */
#define ENTRY  (BED_PASIDS + 64 * 3)
#define DEVTLB 0x0000011000000003ull /* dev_tlb_inv to 110h, MIP 0: 32 */
#define PDEV   0x0000000301100008ull /* p_dev_tlb_inv to 110h, PASID 3 */
#define ALL    0x7ffffffffffff000ull
#define IOTLB  0x00000000000700e0ull | 2 /* iotlb_inv, domain 7, DR DW */

static const struct model_device device = {.sid = BED_SID};

/* Slot 3 and slot 0 lead to the same page, through second-stage tables of domain 7. */
static struct bed *start(struct t *t, const struct model_config *cfg)
{
    struct bed *bed = bed_open(t, cfg);

    bed_start(bed, ALL_ON, 0);
    bed_pasid(bed, 3, 0x113000 | 0x89, 0x800007, 0);
    bed_pasid(bed, 0, 0x113000 | 0x89, 0x800007, 0);
    bed_store(bed, 0x113000, 0x112003);
    bed_store(bed, 0x112000 + 8 * 0x15, 0x111003);
    bed_store(bed, 0x111000 + 8 * 0x22, 0x110003);
    bed_store(bed, LEAF, PAGE | 3);
    bed_store(bed, LEAF + 8, 0x1fd003);
    T_ASSERT_OK(t, model_device_set(bed->m, &device));
    return bed;
}

static struct bed *start_all(struct t *t)
{
    struct model_config cfg = bed_config(0, 0);

    return start(t, &cfg);
}

static struct model_request request(bool has_pasid, bool no_write)
{
    return (struct model_request){.sid = BED_SID,
                                  .has_pasid = has_pasid,
                                  .pasid = has_pasid ? 3 : 0,
                                  .at = VTD_AT_TRANSLATION,
                                  .no_write = no_write,
                                  .addr = ADDR,
                                  .len = 8};
}

static struct model_translation translate(struct bed *bed, bool has_pasid, bool no_write)
{
    struct model_request rq = request(has_pasid, no_write);

    return model_translate(bed->m, &rq);
}

/* ---- Answers ---- */

TEST(model_ats, granted, .needs = NEED_HOST,
     .doc = "page, size and rights of a translation; NW asks for none "
            "to write, where NWFS has it")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed = start(t, &cfg);
    struct model_translation got = translate(bed, true, false);

    T_EXPECT_EQ(t, (unsigned)got.status, (unsigned)MODEL_SUCCESS);
    T_EXPECT_EQ(t, got.fault, 0);
    T_EXPECT_EQ(t, got.addr, PAGE);
    T_EXPECT_EQ(t, got.size, 0x1000ull);
    T_EXPECT(t, got.r && got.w && !got.u && !got.x && !got.snoop && !got.global && !got.priv);
    got = translate(bed, true, true);
    T_EXPECT(t, got.r && !got.w);
    cfg.ecap &= ~0x200000000ull; /* NWFS */
    bed = start(t, &cfg);
    got = translate(bed, false, true);
    T_EXPECT(t, got.r && got.w);
}

TEST(
    model_ats, passed_through, .needs = NEED_HOST, .faults = "87",
    .doc =
        "with a PASID into the interrupt range: pass-through answers with the address itself, 87h comes with "
        "the write; a page that leads there is 87h at once")
{
    struct bed *bed = start_all(t);
    struct model_request rq = request(true, false);
    struct model_translation got;
    uint64_t bytes = 0;

    bed_pasid(bed, 3, 0x101, 0x800007, 0);
    rq.addr = 0xfee01000;
    got = model_translate(bed->m, &rq);
    T_EXPECT_EQ(t, (unsigned)got.status, (unsigned)MODEL_SUCCESS);
    T_EXPECT_EQ(t, got.fault, 0);
    T_EXPECT_EQ(t, got.addr, 0xfee01000ull);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0u);
    rq.at = VTD_AT_UNTRANSLATED;
    rq.access = MODEL_WRITE;
    rq.data = &bytes;
    T_EXPECT_EQ(t, model_dma(bed->m, &rq).fault, 0x87);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0x87u);
}

TEST(model_ats, granted_more, .needs = NEED_HOST,
     .doc = "execute where ERS has it, snoop by SNP, 2 MiB, and what a supervisor may without WPE")
{
    struct model_config cfg = bed_config(0, 0x40000000);
    struct bed *bed = start(t, &cfg);
    struct model_request rq = request(true, false);
    struct model_translation got;
    bool large = false;

    rq.execute = true;
    bed_store(bed, LEAF, PAGE | 0x803);
    got = model_translate(bed->m, &rq);
    T_EXPECT(t, got.r && got.w && got.x && got.snoop);
    bed_store(bed, 0x111000 + 8 * 0x22, 0x200083);
    for (unsigned i = 0; i < 16; i++) {
        cache_flush_all(bed->m);
        got = translate(bed, true, false);
        T_EXPECT_EQ(t, got.addr, got.size == 0x1000 ? 0x3e5000ull : 0x200000ull);
        large |= got.size == 0x200000;
    }
    T_EXPECT(t, large);

    bed = start(t, &cfg);
    bed_pasid(bed, 3, 0x41, 0x800007, 0x113001); /* first stage, SRE */
    bed_store(bed, 0x113000, 0x112027);
    bed_store(bed, 0x112000 + 8 * 0x15, 0x111027);
    bed_store(bed, 0x111000 + 8 * 0x22, 0x110027);
    bed_store(bed, LEAF, PAGE | 0x21);
    rq = request(true, false);
    rq.privileged = true;
    got = model_translate(bed->m, &rq);
    T_EXPECT(t, got.r && got.w && got.priv);
    T_EXPECT_EQ(t, bed_load(bed, LEAF), 0x1ff061ull);
}

TEST(model_ats, refused, .needs = NEED_HOST,
     .faults = "41 44 45 46 48 51 59 5a 5c 5d 78 79 7a 7b 7c 7d 84 85 86 89",
     .doc = "what a translation request gets for each reason: no rights, fewer rights, abort, unsupported; "
            "only what is not recoverable is recorded; ATS goes off where the request is unsupported")
{
    static const struct {
        uint64_t pa, value;
        unsigned code;
        unsigned status; /* 0 success, 1 unsupported, 2 abort */
        bool r, w, recorded;
    } rows[] = {
        {CTX, ALL_ON - 1, 0x41, 1, false, false, true},
        {CTX, ALL_ON - 0x14, 0x44, 1, false, false, true},
        {CTX, ALL_ON - 8, 0x45, 1, false, false, true},
        {CTX + 8, 3, 0x48, 1, false, false, true},
        {BED_DIR, 0, 0x51, 0, false, false, false},
        {BED_DIR, BED_PASIDS | 5, 0x52, 2, false, false, true},
        {ENTRY, 0, 0x59, 0, false, false, false},
        {ENTRY, 0x113149, 0x5b, 2, false, false, true},
        {0x113000, 0, 0x79, 0, false, false, false},
        {0x113000, 0x112083, 0x7a, 2, false, false, true},
        {0x113000, 0x7f000003, 0x78, 2, false, false, true},
        {ENTRY, 0x7f000089, 0x7b, 2, false, false, true},
        {LEAF, PAGE | 1, 0x85, 0, true, false, false},
        {LEAF, PAGE | 2, 0x86, 0, false, true, false},
        {LEAF, 0, 0x79, 0, false, false, false},
        {LEAF, 0xfee00003, 0x87, 2, false, false, true},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bed *bed = start_all(t);
        struct model_translation got;

        bed_store(bed, rows[i].pa, rows[i].value);
        got = translate(bed, true, false);
        if (got.fault != rows[i].code)
            t_note(t, "row %u", i);
        T_EXPECT_EQ(t, got.fault, rows[i].code);
        T_EXPECT_EQ(t, (unsigned)got.status, rows[i].status);
        T_EXPECT_EQ(t, got.r, rows[i].r);
        T_EXPECT_EQ(t, got.w, rows[i].w);
        T_EXPECT_EQ(t, bed_fault(bed, 0), rows[i].recorded ? rows[i].code : 0u);
        T_EXPECT_EQ(t, bed->m->ats.device[0].on, rows[i].status != 1);
    }
}

TEST(model_ats, refused_requests, .needs = NEED_HOST, .faults = "46 5c 5d 84 89 91",
     .doc = "reasons that lie in the request; a failed update of A is recorded although it grants nothing")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed = start(t, &cfg);
    struct model_request rq = request(true, false);

    rq.pasid = 0x2000;
    T_EXPECT_EQ(t, model_translate(bed->m, &rq).fault, 0x46);
    rq = request(true, false);
    rq.addr = 0x1000000000000;
    T_EXPECT_EQ(t, model_translate(bed->m, &rq).fault, 0x84);
    T_EXPECT_EQ(t, (unsigned)model_translate(bed->m, &rq).status, 0u);
    rq = request(true, false);
    rq.privileged = true;
    T_EXPECT_EQ(t, model_translate(bed->m, &rq).fault, 0x5d);
    rq.privileged = false;
    rq.execute = true;
    T_EXPECT_EQ(t, model_translate(bed->m, &rq).fault, 0x5c);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0x46u);
    T_EXPECT_EQ(t, bed_fault(bed, 1), 0u);

    cfg.ecap = (cfg.ecap & ~0xf800000000ull) | 0x0800000000; /* PSS = 1: 2 bits */
    bed = start(t, &cfg);
    rq = request(true, false);
    rq.pasid = 4;
    T_EXPECT_EQ(t, model_translate(bed->m, &rq).fault, 0x89);

    bed = start_all(t);
    bed_pasid(bed, 3, 0x49, 0x800007, 0x113000); /* the same tables as first-stage ones, A not set */
    bed_store(bed, 0x113000, 0x112027);
    bed_store(bed, 0x112000 + 8 * 0x15, 0x111027);
    bed_store(bed, 0x111000 + 8 * 0x22, 0x110027);
    bed_store(bed, LEAF, PAGE | 7);
    bed->cas_fails = true;
    T_EXPECT_EQ(t, translate(bed, true, false).fault, 0x91);
    T_EXPECT_EQ(t, (unsigned)translate(bed, true, false).status, 0u);
    T_EXPECT_EQ(t, translate(bed, true, false).r, false);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0x91u);
}

TEST(model_ats, off, .needs = NEED_HOST, .rules = "12",
     .doc = "with translation off a translation request is unsupported; one into the interrupt range gets "
            "untranslated writing, with NW nothing")
{
    struct bed *bed = start_all(t);
    struct model_request rq = request(false, false);
    struct model_translation got;

    rq.addr = 0xfee12340;
    got = model_translate(bed->m, &rq);
    T_EXPECT_EQ(t, (unsigned)got.status, 0u);
    T_EXPECT(t, got.w && got.u && !got.r && !got.snoop);
    T_EXPECT_EQ(t, got.addr, 0xfee12000ull);
    rq.no_write = true;
    got = model_translate(bed->m, &rq);
    T_EXPECT(t, got.status == MODEL_SUCCESS && !got.w && !got.r);
    model_write32(bed->m, 0x18, 0x04000000);
    got = translate(bed, true, false);
    T_EXPECT_EQ(t, (unsigned)got.status, 1u);
    T_EXPECT_EQ(t, got.fault, 0);
}

TEST(model_ats, flags, .needs = NEED_HOST, .rules = "55",
     .doc = "what a translation grants is in A and D, what it does not grant is not")
{
    struct bed *bed = start_all(t);

    bed_store(bed, ENTRY, 0x113000 | 0x289); /* SSADE */
    T_EXPECT(t, translate(bed, true, true).r);
    T_EXPECT_EQ(t, bed_load(bed, LEAF), 0x1ff103ull);
    T_EXPECT(t, translate(bed, true, false).w);
    T_EXPECT_EQ(t, bed_load(bed, LEAF), 0x1ff303ull);
    bed = start_all(t);
    bed_store(bed, ENTRY, 0x113000 | 0x289);
    bed_store(bed, LEAF, PAGE | 1);
    T_EXPECT(t, translate(bed, true, false).r);
    T_EXPECT_EQ(t, bed_load(bed, LEAF), 0x1ff101ull);
}

/* ---- What stays ---- */

/* Eight bytes written by the function, with or without PASID 3. */
static struct model_completion put(struct bed *bed, uint64_t addr, uint64_t value, bool has_pasid)
{
    struct model_request rq = {.sid = BED_SID,
                               .has_pasid = has_pasid,
                               .pasid = has_pasid ? 3 : 0,
                               .access = MODEL_WRITE,
                               .addr = addr,
                               .len = 8,
                               .data = &value};

    return model_device_dma(bed->m, &rq);
}

/* The page goes elsewhere, and the unit forgets the old one. */
static void move_page(struct bed *bed)
{
    bed_store(bed, LEAF, OTHER | 3);
    bed_submit(bed, IOTLB, 0);
    bed_wait(bed, 0);
}

TEST(model_ats, stale, .needs = NEED_HOST, .rules = "29 30 51",
     .doc =
         "a device TLB leads to the old page after the IOTLB was flushed, until an invalidation of its own "
         "kind names the address: memory shows it")
{
    struct bed *bed = start_all(t);

    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR, 0x1111, true).status, 0u);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR + 8, 0x2222, false).status, 0u);
    T_EXPECT_EQ(t, bed_load(bed, PAGE + 0x678), 0x1111ull);
    T_EXPECT_EQ(t, bed_load(bed, PAGE + 0x680), 0x2222ull);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 2u);
    move_page(bed);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR, 0x3333, true).status, 0u);
    T_EXPECT_EQ(t, bed_load(bed, PAGE + 0x678), 0x3333ull);
    T_EXPECT_EQ(t, bed_load(bed, OTHER + 0x678), 0ull);

    bed_submit(bed, DEVTLB, 0x5445e6000); /* another page */
    bed_submit(bed, PDEV, 0x5445e6000);
    bed_submit(bed, PDEV + 0x100000000, ALL | 0x800); /* another PASID */
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 2u);
    bed_submit(bed, DEVTLB, 0x5445e5000);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 1u);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR + 8, 0x4444, false).status, 0u);
    T_EXPECT_EQ(t, bed_load(bed, OTHER + 0x680), 0x4444ull);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR, 0x5555, true).status, 0u);
    T_EXPECT_EQ(t, bed_load(bed, PAGE + 0x678), 0x5555ull);
    bed_submit(bed, PDEV, 0x5445e5000);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR, 0x6666, true).status, 0u);
    T_EXPECT_EQ(t, bed_load(bed, OTHER + 0x678), 0x6666ull);
    T_EXPECT_EQ(t, bed->breaches, 0u);
}

TEST(model_ats, ranges, .needs = NEED_HOST, .rules = "30",
     .doc = "sizes of device-TLB invalidations: 4, 8, 16 KiB, everything; every PASID by GI")
{
    static const struct {
        uint64_t q0, q1;
        unsigned left; /* of the pages 5445e5000h (PASID 3 and none) and 5445e6000h (PASID 3) */
    } rows[] = {
        {PDEV, 0x5445e4000, 3},         {PDEV, 0x5445e4000 | 0x800, 2},       /* e4, e5 */
        {PDEV, 0x5445e5000 | 0x800, 1},                                       /* e4 .. e7 */
        {PDEV, 0x5445e1000 | 0x800, 3},                                       /* e0 .. e3 */
        {PDEV, 0x5445e3000 | 0x800, 1},                                       /* e0 .. e7 */
        {PDEV, ALL | 0x800, 1},         {PDEV + 0x400000000, ALL | 0x801, 1}, /* GI */
        {DEVTLB, ALL | 1, 2},           {DEVTLB, 0x5445e6000 | 1, 3},         /* e6, e7 */
        {DEVTLB, 0x5445e4000 | 1, 2},   {DEVTLB + 0x100000000, ALL | 1, 3},   /* another function */
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bed *bed = start_all(t);
        struct model_device second = {.sid = BED_SID + 1};

        T_ASSERT_OK(t, model_device_set(bed->m, &second));
        put(bed, ADDR, 1, true);
        put(bed, ADDR + 0x1000, 1, true);
        put(bed, ADDR, 1, false);
        T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 3u);
        bed_submit(bed, rows[i].q0, rows[i].q1);
        if (model_device_entries(bed->m, BED_SID) != rows[i].left)
            t_note(t, "row %u", i);
        T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), rows[i].left);
    }
}

TEST(model_ats, dma, .needs = NEED_HOST, .faults = "79 85",
     .doc = "DMA of such a function crosses pages, asks again for a right it lacks, ends where nothing is "
            "mapped, and goes untranslated when ATS is off")
{
    struct bed *bed = start_all(t);
    uint8_t bytes[0x1200];
    struct model_request rq = {.sid = BED_SID,
                               .has_pasid = true,
                               .pasid = 3,
                               .access = MODEL_WRITE,
                               .addr = 0x5445e5f00,
                               .len = sizeof(bytes),
                               .data = bytes};
    struct model_completion got;

    memset(bytes, 0xa5, sizeof(bytes));
    memset(bytes + 0x100, 0x5a, sizeof(bytes) - 0x100);
    got = model_device_dma(bed->m, &rq);
    T_EXPECT_EQ(t, (unsigned)got.status, 1u);
    T_EXPECT_EQ(t, got.fault, 0x79);
    T_EXPECT_EQ(t, got.moved, 0x1100u);
    T_EXPECT_EQ(t, bed_load(bed, 0x1ffff8), 0xa5a5a5a5a5a5a5a5ull);
    T_EXPECT_EQ(t, bed_load(bed, 0x1ffef8), 0ull);
    T_EXPECT_EQ(t, bed_load(bed, 0x1fd000), 0x5a5a5a5a5a5a5a5aull);
    T_EXPECT_EQ(t, bed_load(bed, 0x1fdff8), 0x5a5a5a5a5a5a5a5aull);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0u);

    bed = start_all(t);
    bed_store(bed, LEAF, PAGE | 1);
    got = put(bed, ADDR, 1, true);
    T_EXPECT_EQ(t, (unsigned)got.status, 1u);
    T_EXPECT_EQ(t, got.fault, 0x85);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 1u);
    bed_store(bed, LEAF, PAGE | 3);
    bed_submit(bed, IOTLB, 0);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR, 0x77, true).status, 0u);
    T_EXPECT_EQ(t, bed_load(bed, PAGE + 0x678), 0x77ull);
    bed_store(bed, LEAF, 0x4000000000000003);
    bed_submit(bed, IOTLB, 0);
    bed_submit(bed, PDEV, ALL | 0x800);
    got = put(bed, ADDR, 0x78, true);
    T_EXPECT_EQ(t, (unsigned)got.status, 2u);
    T_EXPECT_EQ(t, got.fault, 0x7a);
    bed_store(bed, LEAF, PAGE | 2);
    bed_submit(bed, IOTLB, 0);
    bed_submit(bed, PDEV, ALL | 0x800);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR, 0x79, true).status, 0u);
    rq.access = MODEL_READ;
    rq.addr = ADDR;
    rq.len = 8;
    T_EXPECT_EQ(t, model_device_dma(bed->m, &rq).fault, 0x86);
    bed_store(bed, LEAF, PAGE | 3);
    bed_submit(bed, IOTLB, 0);
    T_EXPECT_EQ(t, (unsigned)model_device_dma(bed->m, &rq).status, 0u);
    T_EXPECT_EQ(t, bytes[0], 0x79);
    model_device_remove(bed->m, BED_SID);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 0u);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR, 0x88, true).status, 0u);
    T_EXPECT_EQ(t, bed_load(bed, PAGE + 0x678), 0x88ull);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 0u);
}

TEST(model_ats, page_request, .needs = NEED_HOST, .faults = "79",
     .doc = "a function with PRI asks for the page that it did not get")
{
    struct bed *bed = start_all(t);
    struct model_device pri = {.sid = BED_SID, .pri = true};

    T_ASSERT_OK(t, model_device_set(bed->m, &pri));
    model_write64(bed->m, 0xd0, 0x106000);
    bed_store(bed, LEAF, 0);
    T_EXPECT_EQ(t, (unsigned)put(bed, ADDR, 1, true).status, 1u);
    T_EXPECT_EQ(t, bed_load(bed, 0x106000), 0x0000000301100101ull);
    T_EXPECT_EQ(t, bed_load(bed, 0x106008), 0x00000005445e500eull);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0u);
}

TEST(model_ats, freed, .needs = NEED_HOST, .rules = "54",
     .doc = "a page given back while a device TLB leads there is a breach, one behind an invalidation is not")
{
    struct bed *bed = start_all(t);

    put(bed, ADDR, 1, true);
    bed_store(bed, LEAF, 0);
    bed_submit(bed, IOTLB, 0);
    bed_wait(bed, 0);
    model_freed(bed->m, PAGE - 0x1000, 0x1000);
    T_EXPECT_EQ(t, bed->breaches, 0u);
    model_freed(bed->m, PAGE, 0x1000);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 54: 1ff000 freed while the device TLB of 0110"));
    bed_submit(bed, PDEV, ALL | 0x800);
    model_freed(bed->m, PAGE, 0x1000);
    T_EXPECT_EQ(t, bed->breaches, 1u);
}

/* ---- Functions that answer late, wrong, or not ---- */

TEST(model_ats, late, .needs = NEED_HOST, .rules = "24",
     .doc = "a wait is over after the last answer: the TLB is as it was until then")
{
    struct bed *bed = start_all(t);
    struct model_device late = {.sid = BED_SID, .delay = 5};

    T_ASSERT_OK(t, model_device_set(bed->m, &late));
    put(bed, ADDR, 1, true);
    bed_submit(bed, PDEV, ALL | 0x800);
    bed_submit(bed, 0x0000000100000025, BED_STATUS);
    for (unsigned i = 0; i < 4; i++) {
        ats_step(bed->m);
        for (unsigned k = 0; k < 8; k++)
            queue_step(bed->m);
        T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 1u);
        T_EXPECT_EQ(t, bed_load(bed, BED_STATUS), 0ull);
    }
    ats_step(bed->m);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 0u);
    queue_step(bed->m);
    T_EXPECT_EQ(t, bed_load(bed, BED_STATUS), 1ull);
}

TEST(
    model_ats, many, .needs = NEED_HOST, .rules = "24",
    .doc =
        "a function has 32 invalidations at a time; a slow one answers each sooner or later, and the wait is "
        "over then")
{
    struct model_config cfg = bed_config(0, 0);
    struct model_device late = {.sid = BED_SID, .delay = 1000};
    struct bed *bed = start(t, &cfg);
    unsigned waited = 0;

    T_ASSERT_OK(t, model_device_set(bed->m, &late));
    put(bed, ADDR, 1, true);
    for (unsigned i = 0; i < 32; i++)
        bed_submit(bed, PDEV, ALL | 0x800);
    T_EXPECT_EQ(t, ats_pending(bed->m), 32u);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 1u);
    bed_submit(bed, PDEV, ALL | 0x800);
    T_EXPECT_EQ(t, ats_pending(bed->m), 32u);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 0u);
    for (late.sid = 1; late.sid < 8; late.sid++)
        T_EXPECT_EQ(t, model_device_set(bed->m, &late), 0);
    T_EXPECT_EQ(t, model_device_set(bed->m, &late), -1);

    cfg.slow = true;
    for (unsigned seed = 1; seed <= 16; seed++) {
        cfg.seed = seed;
        bed = start(t, &cfg);
        put(bed, ADDR, 1, true);
        bed_submit(bed, PDEV, ALL | 0x800);
        for (unsigned i = 0; i < 1000 && bed->m->fetched_count == 0; i++)
            queue_step(bed->m);
        for (unsigned i = 0; i < 1000 && bed->m->fetched_count > 0; i++)
            queue_step(bed->m);
        waited += ats_pending(bed->m);
        T_EXPECT(t, bed_wait(bed, 0));
        T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 0u);
    }
    T_EXPECT(t, waited > 4 && waited < 16);
}

TEST(model_ats, mute, .needs = NEED_HOST, .rules = "32",
     .doc = "a function that does not answer: ITE with its id, the wait does not end and nothing is fetched "
            "until ITE is cleared")
{
    struct bed *bed = start_all(t);
    struct model_device mute = {.sid = BED_SID, .mute = true, .delay = 2};

    T_ASSERT_OK(t, model_device_set(bed->m, &mute));
    put(bed, ADDR, 1, true);
    bed_submit(bed, PDEV, ALL | 0x800);
    T_EXPECT_EQ(t, bed_wait(bed, 0), false);
    T_EXPECT_EQ(t, model_read32(bed->m, 0x34), 0x40u);
    T_EXPECT_EQ(t, model_read64(bed->m, 0xb0), 0x0000011000000000ull);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 1u);
    T_EXPECT_EQ(t, bed_wait(bed, 0), false);
    model_write32(bed->m, 0x34, 0x40);
    for (unsigned i = 0; i < 64; i++)
        model_step(bed->m, 1);
    T_EXPECT_EQ(t, bed_load(bed, BED_STATUS), 1ull);
}

TEST(model_ats, wrong_tag, .needs = NEED_HOST, .rules = "33",
     .doc = "an answer that nobody waits for: ICE with the requester's id, and the queue goes on")
{
    struct bed *bed = start_all(t);
    struct model_device wrong = {.sid = BED_SID, .wrong_tag = true};

    T_ASSERT_OK(t, model_device_set(bed->m, &wrong));
    put(bed, ADDR, 1, true);
    bed_submit(bed, PDEV, ALL | 0x800);
    T_EXPECT_EQ(t, bed_wait(bed, 0), true);
    T_EXPECT_EQ(t, model_read32(bed->m, 0x34), 0x20u);
    T_EXPECT_EQ(t, model_read64(bed->m, 0xb0), 0x0110000000000000ull);
    T_EXPECT_EQ(t, model_device_entries(bed->m, BED_SID), 0u);
}

TEST(model_ats, duties, .needs = NEED_HOST, .rules = "13 77",
     .doc = "an invalidation to a function without ATS, one with translation off, a MIP beyond what the "
            "function takes; one after ATS went off is answered")
{
    struct bed *bed = start_all(t);
    struct model_device small = {.sid = BED_SID, .qdep = 4};

    T_ASSERT_OK(t, model_device_set(bed->m, &small));
    bed_submit(bed, DEVTLB + 0x40000, ALL | 1);
    T_EXPECT_EQ(t, bed->breaches, 0u);
    bed_submit(bed, DEVTLB + 0x50000, ALL | 1);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 77: MIP 5 for requester 0110, which takes 4"));
    bed_submit(bed, PDEV, ALL | 0x800);
    T_EXPECT(t, bed_has_breach(bed, 2, "rule 77: MIP 32"));
    bed_submit(bed, PDEV + 0x40, ALL | 0x800);
    model_device_remove(bed->m, BED_SID);
    bed_submit(bed, DEVTLB + 0x40000, ALL | 1);
    T_EXPECT_EQ(t, bed_wait(bed, 0), true);
    T_EXPECT_EQ(t, bed->breaches, 2u);
    bed_submit(bed, DEVTLB + 0x800000000, ALL | 1);
    T_EXPECT(t, bed_has_breach(bed, 3, "rule 77: device-TLB invalidation to 0118, which never had ATS on"));
    T_EXPECT_EQ(t, model_read32(bed->m, 0x34), 0x40u);

    bed = start_all(t);
    model_write32(bed->m, 0x18, 0x04000000);
    bed_submit(bed, DEVTLB, ALL | 1);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 13:"));
    T_EXPECT_EQ(t, model_read32(bed->m, 0x34), 0x40u);
}
