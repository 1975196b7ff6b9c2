/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_intr: interrupt remapping of the strict unit, by entries and messages in literal hex.
 */
#include "tests/host/model_bed.h"

#define TABLE   0x107000ull
#define POSTED  0x108040ull /* descriptor */
#define SID     0x0118
#define MSI     0xfee00010ull         /* remappable, handle 0 */
#define INDEX_5 0xfee000b0ull         /* handle 5 */
#define VALID   0x0000120000410001ull /* vector 41h to xAPIC id 12h, edge, fixed */
#define BY_SID  0x0000000000040118ull /* SVT 1, SQ 0, requester 118h */
#define IRES    0x02000000u
#define CFIS    0x00800000u

/* 16 entries, remapping on. `eime`: 800h or 0. */
static struct bed *start(struct t *t, const struct model_config *cfg, uint64_t eime)
{
    struct bed *bed = bed_open(t, cfg);

    bed_start(bed, BED_DIR | 1, 0);
    model_write64(bed->m, 0xb8, TABLE | 3 | eime);
    bed_command(bed, 0x01000000);
    bed_command(bed, IRES);
    return bed;
}

static struct bed *start_xapic(struct t *t)
{
    struct model_config cfg = bed_config(0, 0);

    return start(t, &cfg, 0);
}

static void set_entry(struct bed *bed, unsigned index, uint64_t q0, uint64_t q1)
{
    const uint64_t words[] = {q0, q1};

    bed_fill(bed, TABLE + 16 * index, words, 2);
}

static unsigned send(struct bed *bed, uint64_t address, uint32_t data)
{
    return model_msi(bed->m, SID, address, data).fault;
}

TEST(model_intr, absent_kept, .needs = NEED_HOST, .rules = "78", .faults = "22",
     .doc = "CM = 1: an entry that was absent stays so until it is invalidated; CM = 0: it does not")
{
    for (unsigned cm = 0; cm <= 1; cm++) {
        struct model_config cfg = bed_config(cm * 0x80, 0);
        struct bed *bed = start(t, &cfg, 0);

        T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x22u);
        set_entry(bed, 5, VALID, BY_SID);
        T_EXPECT_EQ(t, send(bed, INDEX_5, 0), cm ? 0x22u : 0u);
        bed_submit(bed, 0x0000000500000014, 0);
        T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    }
}

/* ---- What comes out ---- */

TEST(model_intr, remapped, .needs = NEED_HOST, .rules = "78",
     .doc =
         "messages in xAPIC and x2APIC form: destination, hint, mode, delivery, level; both ways to name an "
         "entry")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed = start(t, &cfg, 0);

    set_entry(bed, 5, VALID, BY_SID);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0xdead), 0u);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
    T_EXPECT_EQ(t, bed->address, 0xfee12000ull);
    T_EXPECT_EQ(t, bed->data, 0x41u);
    set_entry(bed, 7, 0x0000ff00007f003d, 0);               /* RH, DM 1, level, lowest priority */
    T_EXPECT_EQ(t, send(bed, 0xfee00058ull + 0x20, 4), 0u); /* SHV: handle 3, subhandle 4 */
    T_EXPECT_EQ(t, bed->address, 0xfeeff00cull);
    T_EXPECT_EQ(t, bed->data, 0xc17fu);

    bed = start(t, &cfg, 0x800);
    set_entry(bed, 5, 0x1234567800410001, BY_SID);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    T_EXPECT_EQ(t, bed->address, 0x12345600fee78000ull);
    T_EXPECT_EQ(t, bed->data, 0x41u);
}

TEST(model_intr, untouched, .needs = NEED_HOST, .faults = "25 2b",
     .doc = "with remapping off a message passes, or is blocked where IRREQ says so; so does one in "
            "compatibility format, where CFIS lets it")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed = bed_open(t, &cfg);

    T_EXPECT_EQ(t, send(bed, INDEX_5, 0x33), 0u);
    T_EXPECT_EQ(t, bed->address, INDEX_5);
    T_EXPECT_EQ(t, bed->data, 0x33u);
    bed = start(t, &cfg, 0);
    T_EXPECT_EQ(t, send(bed, 0xfee01000, 0x33), 0x25u);
    T_EXPECT_EQ(t, bed->interrupts, 0u);
    bed_command(bed, CFIS);
    T_EXPECT_EQ(t, send(bed, 0xfee01000, 0x33), 0u);
    T_EXPECT_EQ(t, bed->address, 0xfee01000ull);
    bed = start(t, &cfg, 0x800);
    bed_command(bed, CFIS);
    T_EXPECT_EQ(t, send(bed, 0xfee01000, 0x33), 0x25u);
    cfg = bed_config(0, 0x4000000000000000);
    bed = bed_open(t, &cfg);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0x33), 0x2bu);
    T_EXPECT_EQ(t, bed->interrupts, 0u);
}

/* ---- What is refused ---- */

TEST(model_intr, refused, .needs = NEED_HOST, .faults = "20 21 22 23 24 26 2a",
     .doc = "each reason, with the record: index and requester; nothing leaves the unit")
{
    static const struct {
        uint64_t address;
        uint32_t data;
        uint64_t q0, q1;
        unsigned code;
    } rows[] = {
        {INDEX_5 + 8, 0x10000, VALID, 0, 0x20},
        {0xfee00210, 0, VALID, 0, 0x21},   /* handle 16 */
        {INDEX_5 + 8, 11, VALID, 0, 0x21}, /* 5 + 11 */
        {0xfee00014, 0, VALID, 0, 0x21},   /* handle bit 15 */
        {INDEX_5, 0, 0, 0, 0x22},
        {INDEX_5, 0, 0xfffffffffffffffc, 0, 0x22}, /* not present: no bit counts */
        {INDEX_5, 0, VALID | 0x1000, 0, 0x24},
        {INDEX_5, 0, VALID | 0x4000, 0, 0x24},
        {INDEX_5, 0, VALID | 0x1000000, 0, 0x24},
        {INDEX_5, 0, VALID | 0x60, 0, 0x24},        /* DLM 3 */
        {INDEX_5, 0, VALID | 0xc0, 0, 0x24},        /* DLM 6 */
        {INDEX_5, 0, VALID | 0x100000000, 0, 0x24}, /* DST beside the xAPIC id */
        {INDEX_5, 0, VALID | 1ull << 48, 0, 0x24},
        {INDEX_5, 0, VALID, 0x100000, 0x24},     /* bit 84 */
        {INDEX_5, 0, VALID, 0xc0000, 0x24},      /* SVT 3 */
        {INDEX_5, 0, VALID | 0xf00, 0x3ffff, 0}, /* AVAIL; SID and SQ without SVT */
        {INDEX_5, 0, VALID, 0x40119, 0x26},
        {INDEX_5, 0, VALID, 0x4011c, 0x26},
        {INDEX_5, 0, VALID, 0x5011c, 0}, /* SQ 1: bit 2 */
        {INDEX_5, 0, VALID, 0x6011e, 0}, /* SQ 2: bits 2:1 */
        {INDEX_5, 0, VALID, 0x6011f, 0x26},
        {INDEX_5, 0, VALID, 0x7011f, 0}, /* SQ 3: bits 2:0 */
        {INDEX_5, 0, VALID, 0x80102, 0}, /* SVT 2: buses 1 .. 2 */
        {INDEX_5, 0, VALID, 0x80101, 0},
        {INDEX_5, 0, VALID, 0x80001, 0},
        {INDEX_5, 0, VALID, 0x80203, 0x26},
        {INDEX_5, 0, VALID, 0x80000, 0x26},
    };
    /* F, requester 118h */
    const uint64_t record = 0x8000000000000118;

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bed *bed = start_xapic(t);
        unsigned code;

        set_entry(bed, 5, rows[i].q0, rows[i].q1);
        code = send(bed, rows[i].address, rows[i].data);
        if (code != rows[i].code)
            t_note(t, "row %u", i);
        T_EXPECT_EQ(t, code, rows[i].code);
        T_EXPECT_EQ(t, bed->interrupts, code == 0 ? 1u : 0u);
        T_EXPECT_EQ(t, model_peek(bed->m, 0x408, 8), code == 0 ? 0 : record | (uint64_t)code << 32);
        if (code == 0x22 || code == 0x24 || code == 0x26)
            T_EXPECT_EQ(t, model_peek(bed->m, 0x400, 8), 0x0005000000000000ull);
    }
}

TEST(model_intr, refused_units, .needs = NEED_HOST, .faults = "21 22 23 24 26 2a", .rules = "70",
     .doc =
         "reasons that lie in the unit: table unreadable or beyond HAW, EIMER; FPD keeps silent; x2APIC has "
         "all of DST; posted entries are not for a unit without PI")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed = start(t, &cfg, 0);

    set_entry(bed, 5, 2, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x22u);
    set_entry(bed, 5, VALID | 0x1002, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x24u);
    set_entry(bed, 5, VALID | 2, 0x40119);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x26u);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0u);

    bed = start(t, &cfg, 0x800);
    set_entry(bed, 5, VALID | 0xffffffff00000000, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    bed->m->intr.irta = 0x7f000003;
    T_EXPECT_EQ(t, send(bed, INDEX_5 + 0x20, 0), 0x23u);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0x23u);
    bed->m->intr.irta = 0x0010000000000003;
    T_EXPECT_EQ(t, send(bed, INDEX_5 + 0x20, 0), 0x21u);

    cfg = bed_config(0, 0x2000000000000000);
    bed = start(t, &cfg, 0);
    set_entry(bed, 5, VALID, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x2au);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0x2au);

    cfg = bed_config(0, 0);
    cfg.cap &= ~0x0800000000000000ull;
    bed = start(t, &cfg, 0);
    set_entry(bed, 5, 0x0042000000338001, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x24u);
}

TEST(model_intr, by_dma, .needs = NEED_HOST, .faults = "29",
     .doc = "a device's write of four bytes into the range is an interrupt; another length, and a read, are "
            "none")
{
    struct bed *bed = start_xapic(t);
    uint64_t word = 0x1234;
    struct model_request rq = {.sid = SID, .access = MODEL_WRITE, .addr = INDEX_5, .len = 4, .data = &word};

    set_entry(bed, 5, VALID, BY_SID);
    T_EXPECT_EQ(t, model_dma(bed->m, &rq).fault, 0);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
    T_EXPECT_EQ(t, bed->data, 0x41u);
    rq.len = 8;
    T_EXPECT_EQ(t, model_dma(bed->m, &rq).fault, 0x29);
    rq.len = 4;
    rq.access = MODEL_READ;
    T_EXPECT_EQ(t, model_dma(bed->m, &rq).fault, 0x29);
    T_EXPECT_EQ(t, bed_fault(bed, 0), 0x29u);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
}

/* ---- The cache ---- */

TEST(model_intr, stale, .needs = NEED_HOST, .rules = "8 78",
     .doc = "a cached entry answers until an invalidation names its index; one that was not present, or was "
            "in error, is not cached; a new table alone changes nothing")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed;

    cfg.cap &= ~0x4000000000000000ull; /* ESIRTPS: else the unit flushes by itself */
    bed = start(t, &cfg, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x22u);
    set_entry(bed, 5, VALID | 0x1000, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x24u);
    T_EXPECT_EQ(t, model_cached(bed->m, MODEL_CACHE_IEC), 0u);
    set_entry(bed, 5, VALID, 0x40119);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x26u);
    T_EXPECT_EQ(t, model_cached(bed->m, MODEL_CACHE_IEC), 1u);
    set_entry(bed, 5, VALID, BY_SID);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x26u);
    bed_submit(bed, 0x0000000400000014, 0);              /* index 4 */
    bed_submit(bed, 0x0000000808000014 | 2ull << 27, 0); /* 8 .. 15 */
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x26u);
    bed_submit(bed, 0x0000000500000014, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    set_entry(bed, 5, 0, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    bed_submit(bed, 0x0000000410000014, 0); /* IM 2: 4 .. 7 */
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x22u);
    set_entry(bed, 5, VALID, BY_SID);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    model_write64(bed->m, 0xb8, 0x109003);
    bed_command(bed, 0x01000000);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    bed_submit(bed, 0x4, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x22u);
}

TEST(model_intr, gives_up, .needs = NEED_HOST, .rules = "78",
     .doc = "the cache holds no more than it may; what it gave up may still be cached elsewhere: the table "
            "cannot be freed")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed;

    cfg.cache_max = 2;
    bed = start(t, &cfg, 0);
    for (unsigned i = 0; i < 8; i++) {
        set_entry(bed, i, VALID, 0);
        T_EXPECT_EQ(t, send(bed, MSI + 0x20 * i, 0), 0u);
        T_EXPECT_LE(t, model_cached(bed->m, MODEL_CACHE_IEC), 2u);
    }
    model_published(bed->m, TABLE, 0x80);
    T_EXPECT_EQ(t, bed->breaches, 0u);
    model_write32(bed->m, 0x18, 0x84000000); /* IRE = 0: flushed by the unit itself, ESIRTPS */
    model_freed(bed->m, TABLE, 0x1000);
    T_EXPECT_EQ(t, bed->breaches, 0u);

    bed = start(t, &cfg, 0);
    for (unsigned i = 0; i < 8; i++) {
        set_entry(bed, i, VALID, 0);
        send(bed, MSI + 0x20 * i, 0);
    }
    bed->m->intr.irta = 0x109003;
    model_freed(bed->m, TABLE + 0x80, 0x10);
    T_EXPECT_EQ(t, bed->breaches, 0u);
    model_freed(bed->m, TABLE, 0x10);
    T_EXPECT(t, bed_has_breach(bed, 1, "rule 78: 107000 freed while IRTE 0 may be cached"));
    model_freed(bed->m, 0x109000, 0x1000);
    T_EXPECT(t, bed_has_breach(bed, 2, "rule 80: 109000 freed, where the interrupt remapping table"));
}

TEST(model_intr, snooping, .needs = NEED_HOST, .rules = "10",
     .doc = "with ECAP.C = 0 an entry counts once it is written back")
{
    struct model_config cfg = bed_config(0, 0);
    struct bed *bed;

    bed = start(t, &cfg, 0);
    bed_store_cached(bed, TABLE + 0x50, VALID);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    cfg.ecap &= ~1ull;
    bed = start(t, &cfg, 0);
    bed_store_cached(bed, TABLE + 0x50, VALID);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x22u);
    bed_store(bed, TABLE + 0x50, VALID);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
}

/* ---- Posted interrupts ---- */

/* Virtual vector 73h, descriptor at 108040h. */
#define POST 0x0010804000738001ull

TEST(model_intr, posted, .needs = NEED_HOST, .faults = "24 27 28",
     .doc =
         "a posted interrupt sets its bit and ON; the notification goes out once; SN holds it back unless it "
         "is urgent; descriptor unreadable, in error, always lost")
{
    struct bed *bed = start_xapic(t);

    set_entry(bed, 5, POST, 0);
    bed_store(bed, POSTED + 0x20, 0x0000340000f20000); /* NV f2h, NDST 34h */
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    T_EXPECT_EQ(t, bed_load(bed, POSTED + 8), 0x0008000000000000ull);
    T_EXPECT_EQ(t, bed_load(bed, POSTED + 0x20), 0x0000340000f20001ull);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
    T_EXPECT_EQ(t, bed->address, 0xfee34000ull);
    T_EXPECT_EQ(t, bed->data, 0xf2u);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    T_EXPECT_EQ(t, bed->interrupts, 1u);

    bed_store(bed, POSTED + 8, 0);
    bed_store(bed, POSTED + 0x20, 0x0000340000f20002);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0u);
    T_EXPECT_EQ(t, bed_load(bed, POSTED + 8), 0x0008000000000000ull);
    T_EXPECT_EQ(t, bed_load(bed, POSTED + 0x20), 0x0000340000f20002ull);
    T_EXPECT_EQ(t, bed->interrupts, 1u);
    set_entry(bed, 6, POST | 0x4000, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5 + 0x20, 0), 0u);
    T_EXPECT_EQ(t, bed->interrupts, 2u);

    bed_store(bed, POSTED + 0x20, 0x0000340000f20004);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x28u);
    bed_store(bed, POSTED + 0x20, 0x0100340000f20000); /* NDST beside the xAPIC id */
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x28u);
    bed_store(bed, POSTED + 0x20, 0);
    bed_store(bed, POSTED + 0x38, 1);
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x28u);
    bed_store(bed, POSTED + 0x38, 0);
    bed->cas_fails_at = POSTED + 0x20;
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x27u);
    bed->cas_fails = true;
    T_EXPECT_EQ(t, send(bed, INDEX_5, 0), 0x27u);
    set_entry(bed, 7, POST, 0x0000000100000000);
    T_EXPECT_EQ(t, send(bed, INDEX_5 + 0x40, 0), 0x27u);
    set_entry(bed, 8, POST | 4, 0);
    T_EXPECT_EQ(t, send(bed, INDEX_5 + 0x60, 0), 0x24u);
    set_entry(bed, 8, POST, 0x100000);
    T_EXPECT_EQ(t, send(bed, INDEX_5 + 0x60, 0), 0x24u);
}
