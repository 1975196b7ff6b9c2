/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite model_fault: each reason of VT-d 5.10, Translation Fault Conditions, up to the PASID entry and behind
 * the walk, made by words of memory written as numbers, with the record as a number. Reasons of the walks are
 * in model_walk_test.c, of page requests in model_prq_test.c, of interrupts in model_intr_test.c.
 */
#include "tests/host/model_rig.h"

#define NOWHERE 0x10000000ull /* below the host address width, and no memory there */

/* What the request is, beside a read of 8 bytes at MRIG_ADDR without PASID. */
enum {
    WRITE = 1,
    PASID = 2,
    PRIV = 4,
    EXEC = 8,
    TRANSLATED = 16,
    TRANSLATION = 32,
};

struct word {
    unsigned page, word;
    uint64_t value;
};

struct row {
    const char *what;
    uint8_t code;
    bool qualified;
    unsigned rq;
    uint32_t pasid;
    uint64_t addr;   /* 0: MRIG_ADDR */
    uint64_t rtaddr; /* 0: as the rig has it */
    struct word set[3];
    uint8_t ver;
    uint64_t ecap_clear, ecap_set, cap_set;
};

/* Words of the context entry of MRIG_SID, and of PASID entry n. */
#define CTX      MRIG_CTX_LOW, 64
#define CTX_1    MRIG_CTX_LOW, 65
#define DIR      MRIG_DIR, 0
#define PE(n, w) MRIG_PASIDS, 8 * (n) + (w)

/* Context entry with PASIDE, with DTE too, with EPTR too; directory at page 4. */
#define CTX_PASID     0x4009
#define CTX_PASID_DTE 0x400d

static const struct row rows[] = {
    {"TTM = 10b", 0x30, .rtaddr = 0x1800},
    {"legacy mode, request with PASID", 0x31, .rtaddr = 0x1000, .rq = PASID, .pasid = 5},
    {"abort mode", 0x33, .rtaddr = 0x1c00},
    {"VER 8, execute request", 0x34, .ver = 0x80, .rq = PASID | EXEC, .pasid = 5},
    {"root table unreadable", 0x38, .rtaddr = NOWHERE + 0x400},
    {"LP = 0", 0x39, .set = {{MRIG_ROOT, 0, 0x2000}}},
    {"root entry, reserved bit 1", 0x3a, .set = {{MRIG_ROOT, 0, 0x2003}}},
    {"context table unreadable", 0x40, .set = {{MRIG_ROOT, 0, NOWHERE + 1}}},
    {"context P = 0", 0x41, true, .set = {{CTX, 0x4000}}},
    {"context, reserved bit 7", 0x42, true, .set = {{CTX, 0x4081}}},
    {"context, reserved bit 128", 0x42, true, .set = {{MRIG_CTX_LOW, 66, 1}}},
    {"context, RID_PASID without ECAP.RPS", 0x42, true, .set = {{CTX_1, 3}}, .ecap_clear = 1ull << 49},
    {"PRE without DTE", 0x43, true, .set = {{CTX, 0x4011}}},
    {"RID_PASID beyond PDTS", 0x43, true, .set = {{CTX_1, 0x2000}}},
    {"translation request, DTE = 0", 0x44, true, .rq = TRANSLATION},
    {"translated request, DTE = 0", 0x44, true, .rq = TRANSLATED},
    {"PASIDE = 0", 0x45, true, .rq = PASID, .pasid = 5},
    {"PASID beyond PDTS", 0x46, true, .rq = PASID, .pasid = 0x2000, .set = {{CTX, CTX_PASID}}},
    {"PASID is RID_PASID", 0x48, true, .rq = PASID, .pasid = 5, .set = {{CTX, CTX_PASID}, {CTX_1, 5}}},
    {"translated with PASID, EPTR = 0", 0x49, true, .rq = PASID | TRANSLATED, .pasid = 5,
     .set = {{CTX, CTX_PASID_DTE}}},
    {"PASID wider than PSS", 0x89, true, .rq = PASID, .pasid = 0x400, .set = {{CTX, CTX_PASID}},
     .ecap_clear = 0x1full << 35, .ecap_set = 9ull << 35},
    {"directory unreadable", 0x50, .set = {{CTX, NOWHERE + 1}}},
    {"directory entry P = 0", 0x51, true, .set = {{DIR, 0x5000}}},
    {"directory entry, reserved bit 2", 0x52, true, .set = {{DIR, 0x5005}}},
    {"PASID table unreadable", 0x58, .set = {{DIR, NOWHERE + 1}}},
    {"PASID entry P = 0", 0x59, true, .set = {{PE(0, 0), 0x40}}},
    {"PASID entry, reserved bit 10", 0x5a, true, .set = {{PE(0, 0), 0x441}}},
    {"PASID entry, reserved bit 511", 0x5a, true, .set = {{PE(0, 7), 1ull << 63}}},
    {"PASID entry, PGSNP without ECAP.SC", 0x5a, true, .set = {{PE(0, 1), 0x1800001}}, .ecap_clear = 0x80},
    {"PGTT = 101b", 0x5b, true, .set = {{PE(0, 0), 0x141}}},
    {"PGTT = 100b without ECAP.PT", 0x5b, true, .set = {{PE(0, 0), 0x101}}, .ecap_clear = 0x40},
    {"AW = 000b in a second stage", 0x5b, true, .set = {{PE(0, 0), 0xa081}}},
    {"FSPM = 10b", 0x5b, true, .set = {{PE(0, 2), 0x6008}}},
    {"execute request, ERS = 0", 0x5c, true, .rq = PASID | EXEC, .pasid = 5,
     .set = {{CTX, CTX_PASID}, {PE(5, 0), 0x101}, {PE(5, 1), 2}}},
    {"supervisor request, SRE = 0", 0x5d, true, .rq = PASID | PRIV, .pasid = 5,
     .set = {{CTX, CTX_PASID}, {PE(5, 0), 0x101}, {PE(5, 1), 2}}},
    {"pass-through beyond HAW", 0x83, true, .addr = 1ull << 52, .set = {{PE(0, 0), 0x101}}},
    {"translated beyond HAW", 0x83, true, .rq = TRANSLATED, .addr = 1ull << 52, .set = {{CTX, 0x4005}}},
    {"leaf in the interrupt range", 0x87, true, .rq = WRITE, .set = {{MRIG_FS + 3, 0x123, 0xfee00007}}},
    {"pass-through into the interrupt range", 0x87, true, .rq = PASID | WRITE, .pasid = 5, .addr = 0xfee01000,
     .set = {{CTX, CTX_PASID}, {PE(5, 0), 0x101}, {PE(5, 1), 2}}},
    {"read of the interrupt range", 0x29, .addr = 0xfee00000},
    /* Legacy mode: root table in page 20, context table in page 21, entry of MRIG_SID in words 32 and 33. */
    {"legacy root table unreadable", 0x08, .rtaddr = NOWHERE},
    {"legacy root P = 0", 0x01, .rtaddr = 0x14000},
    {"legacy root, reserved bit 1", 0x0a, .rtaddr = 0x14000, .set = {{20, 0, 0x15003}}},
    {"legacy context unreadable", 0x09, .rtaddr = 0x14000, .set = {{20, 0, NOWHERE + 1}}},
    {"legacy context P = 0", 0x02, true, .rtaddr = 0x14000, .set = {{20, 0, 0x15001}}},
    {"legacy context, reserved bit 4", 0x0b, true, .rtaddr = 0x14000,
     .set = {{20, 0, 0x15001}, {21, 32, 0xa011}, {21, 33, 0x102}}},
    {"legacy context, AW = 0", 0x03, true, .rtaddr = 0x14000,
     .set = {{20, 0, 0x15001}, {21, 32, 0xa001}, {21, 33, 0x100}}},
    {"legacy context, TT = 11b", 0x03, true, .rtaddr = 0x14000,
     .set = {{20, 0, 0x15001}, {21, 32, 0xa00d}, {21, 33, 0x102}}},
    {"legacy context, domain 0 with CM", 0x0b, true, .rtaddr = 0x14000, .cap_set = 0x80,
     .set = {{20, 0, 0x15001}, {21, 32, 0xa001}, {21, 33, 0x2}}},
    {"legacy pass-through beyond HAW", 0x04, true, .rtaddr = 0x14000, .addr = 1ull << 52,
     .set = {{20, 0, 0x15001}, {21, 32, 0x9}, {21, 33, 0x102}}},
    {"legacy pass-through, translation request", 0x0d, true, .rq = TRANSLATION, .rtaddr = 0x14000,
     .set = {{20, 0, 0x15001}, {21, 32, 0x9}, {21, 33, 0x102}}},
    {"legacy leaf in the interrupt range", 0x0e, true, .rq = WRITE, .rtaddr = 0x14000, .addr = 0x54bee00000,
     .set = {{20, 0, 0x15001}, {21, 32, 0xd001}, {21, 33, 0x101}}},
};

static struct mrig rig;

static void open_row(struct t *t, const struct row *row)
{
    struct model_config config = mrig_config();

    config.ecap &= ~row->ecap_clear;
    config.ecap |= row->ecap_set;
    config.cap |= row->cap_set;
    config.ver = row->ver != 0 ? row->ver : config.ver;
    mrig_open(t, &rig, &config);
    for (unsigned i = 0; i < ARRAY_SIZE(row->set) && row->set[i].page != 0; i++)
        mrig_poke(&rig, row->set[i].page, row->set[i].word, row->set[i].value);
    /* The legacy row with a leaf: three levels whose top table is page 13, one gigabyte each. */
    mrig_poke(&rig, MRIG_SS + 3, 0x152, 0xc0000083);
    if (row->rtaddr == 0)
        return;
    model_write64(rig.m, 0x20, row->rtaddr);
    mrig_command(&rig, 1u << 30, true);
}

static struct model_request request_of(const struct row *row)
{
    struct model_request rq = row->rq & WRITE ? mrig_write() : mrig_read();

    rq.has_pasid = row->rq & PASID;
    rq.pasid = row->pasid;
    rq.privileged = row->rq & PRIV;
    rq.execute = row->rq & EXEC;
    if (row->rq & TRANSLATED)
        rq.at = VTD_AT_TRANSLATED;
    if (row->rq & TRANSLATION)
        rq.at = VTD_AT_TRANSLATION;
    if (row->addr != 0)
        rq.addr = row->addr;
    return rq;
}

/* VT-d 5.10, Fault Recording Registers: bits 127:64 by hand. */
static uint64_t record_of(const struct row *row, const struct model_request *rq)
{
    uint64_t q = 0x8000000000000010 + ((uint64_t)row->code << 32);

    if (!(row->rq & WRITE))
        q |= 0x4000000000000000;
    if (row->rq & TRANSLATION)
        q |= 0x1000000000000000;
    if (row->rq & TRANSLATED)
        q |= 0x2000000000000000;
    if (row->rq & PASID)
        q |= 0x80000000 | (uint64_t)rq->pasid << 40;
    if (row->rq & EXEC)
        q |= 0x40000000;
    if (row->rq & PRIV)
        q |= 0x20000000;
    return q;
}

static void refused(struct t *t, const struct row *row)
{
    struct model_request rq = request_of(row);
    struct model_completion c;
    uint64_t record[2];

    open_row(t, row);
    t_note(t, "%s", row->what);
    c = mrig_dma(&rig, rq);
    T_EXPECT_NE(t, (int)c.status, (int)MODEL_SUCCESS);
    T_EXPECT_EQ(t, c.fault, row->code);
    T_EXPECT_EQ(t, mrig_fault(&rig, record), row->code);
    T_EXPECT_EQ(t, record[0], rq.addr & ~0xfffull);
    T_EXPECT_EQ(t, record[1], record_of(row, &rq));
    T_EXPECT_EQ(t, model_read32(rig.m, 0x34) & 0xff, 0u);
    rig.breaches = 0;
    mrig_close(&rig);
}

TEST(model_fault, reasons, .rules = "16 17 70",
     .faults =
         "01 02 03 04 08 09 0a 0b 0d 0e 29 30 31 33 34 38 39 3a 40 41 42 43 44 45 46 48 49 50 51 52 58 59 5a "
         "5b 5c 5d 83 87 89",
     .doc = "each condition of the tables gives its reason, refuses the request, and the record says who and "
            "where")
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        refused(t, &rows[i]);
}

TEST(model_fault, silence_below, .rules = "70", .faults = "41 51 59",
     .doc =
         "FPD = 1 in the directory entry or the PASID entry, present or not, silences what is found there or "
         "later")
{
    static const struct {
        struct row row;
        bool quiet;
    } below[] = {
        {{"directory entry absent, FPD", 0x51, .set = {{DIR, 0x5002}}}, true},
        {{"directory entry FPD, PASID entry absent", 0x59, .set = {{DIR, 0x5003}, {PE(0, 0), 0}}}, true},
        {{"PASID entry absent, FPD", 0x59, .set = {{PE(0, 0), 0x42}}}, true},
        {{"PASID entry FPD, page absent", 0x71, .set = {{PE(0, 0), 0x43}, {MRIG_FS + 3, 0x123, 0}}}, true},
        {{"context absent, FPD below", 0x41, .set = {{CTX, 0x4000}, {DIR, 0x5003}, {PE(0, 0), 0x43}}}, false},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(below); i++) {
        open_row(t, &below[i].row);
        t_note(t, "%s", below[i].row.what);
        T_EXPECT_EQ(t, mrig_dma(&rig, mrig_read()).fault, below[i].row.code);
        T_EXPECT_EQ(t, mrig_fault(&rig, NULL), below[i].quiet ? 0 : below[i].row.code);
        rig.breaches = 0;
        mrig_close(&rig);
    }
}

/* FPD = 1 in the context entry: of scalable mode, or of legacy mode. */
static void silent(struct t *t, const struct row *row)
{
    struct row quiet = *row;
    bool legacy = row->rtaddr == 0x14000;
    unsigned page = legacy ? 21 : MRIG_CTX_LOW, word = legacy ? 32 : 64;
    struct model_request rq = request_of(row);

    open_row(t, &quiet);
    t_note(t, "%s", row->what);
    mrig_poke(&rig, page, word, rig.mem[page][word] | 2);
    T_EXPECT_NE(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_SUCCESS);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), row->qualified ? 0 : row->code);
    rig.breaches = 0;
    mrig_close(&rig);
}

TEST(model_fault, silence, .rules = "70",
     .doc = "FPD = 1 in the context entry, present or not, keeps qualified reasons out of the records, and "
            "no other")
{
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
        silent(t, &rows[i]);
}

TEST(model_fault, none, .doc = "the tables of the rig work: both halves of the bus, each stage, pass-through")
{
    static const struct row second = {.set = {{PE(0, 0), 0xa089}, {PE(0, 1), 1}}};
    static const struct row pass = {.addr = 0xe008, .set = {{PE(0, 0), 0x101}, {PE(0, 1), 1}}};
    static const struct row first = {.code = 0};
    static const struct row *const all[] = {&first, &second, &pass};

    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        uint64_t bytes = 0;
        struct model_request rq = request_of(all[i]);

        open_row(t, all[i]);
        rq.data = &bytes;
        rig.mem[MRIG_DATA][rq.addr % 4096 / 8] = 0x1122334455667788;
        T_EXPECT_EQ(t, (int)mrig_dma(&rig, rq).status, (int)MODEL_SUCCESS);
        T_EXPECT_EQ(t, bytes, 0x1122334455667788ull);
        T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0);
        mrig_close(&rig);
    }
}

TEST(
    model_fault, collapse, .rules = "68",
    .doc =
        "while a record of a requester is pending, its further faults vanish without PFO; those of others do "
        "not")
{
    struct model_config config = mrig_config();
    struct model_request other = mrig_read();
    uint64_t record[2];

    config.collapse = true;
    other.sid = 0x18;
    mrig_open(t, &rig, &config);
    mrig_poke(&rig, MRIG_PASIDS, 0, 0);
    (void)mrig_dma(&rig, mrig_read());
    (void)mrig_dma(&rig, mrig_read());
    (void)mrig_dma(&rig, other);
    T_EXPECT_EQ(t, mrig_fault(&rig, record), 0x59);
    T_EXPECT_EQ(t, record[1] & 0xffff, 0x10ull);
    T_EXPECT_EQ(t, mrig_fault(&rig, record), 0x41);
    T_EXPECT_EQ(t, record[1] & 0xffff, 0x18ull);
    T_EXPECT_EQ(t, model_read32(rig.m, 0x34) & 3, 0u);
    (void)mrig_dma(&rig, mrig_read());
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x59);
    mrig_close(&rig);
}

TEST(model_fault, overflow, .rules = "67",
     .doc = "records fill in order, the one too many sets PFO, nothing is recorded until PFO is cleared")
{
    struct model_config config = mrig_config();
    struct model_request rq = mrig_read();

    config.cap = (config.cap & ~(0xffull << 40)) | 1ull << 40; /* two records */
    mrig_open(t, &rig, &config);
    mrig_poke(&rig, MRIG_PASIDS, 0, 0);
    for (unsigned i = 0; i < 3; i++)
        (void)mrig_dma(&rig, rq);
    T_EXPECT_EQ(t, model_read32(rig.m, 0x34), 0x3u);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x59);
    T_EXPECT_EQ(t, model_read32(rig.m, 0x34), 0x103u);
    (void)mrig_dma(&rig, rq);
    T_EXPECT_EQ(t, mrig_fault(&rig, NULL), 0x59);
    T_EXPECT_EQ(t, model_read32(rig.m, 0x34) & 3, 1u);
    model_write32(rig.m, 0x34, 1);
    (void)mrig_dma(&rig, rq);
    T_EXPECT_EQ(t, model_read32(rig.m, 0x34), 0x2u);
    mrig_close(&rig);
}

TEST(model_fault, event, .rules = "65 71",
     .doc = "the event goes out with the first cause only; masked it waits in IP, and is sent when unmasked")
{
    struct model_config config = mrig_config();

    mrig_open(t, &rig, &config);
    model_write32(rig.m, 0x3c, 0x41);
    model_write32(rig.m, 0x40, 0xfee00000);
    mrig_poke(&rig, MRIG_PASIDS, 0, 0);
    (void)mrig_dma(&rig, mrig_read());
    T_EXPECT_EQ(t, rig.msis, 0u);
    T_EXPECT_EQ(t, model_read32(rig.m, 0x38), 0xc0000000u);
    model_write32(rig.m, 0x38, 0);
    T_EXPECT_EQ(t, rig.msis, 1u);
    T_EXPECT_EQ(t, rig.msi[0].address, 0xfee00000ull);
    T_EXPECT_EQ(t, rig.msi[0].data, 0x41u);
    (void)mrig_dma(&rig, mrig_read());
    T_EXPECT_EQ(t, rig.msis, 1u);
    (void)mrig_fault(&rig, NULL);
    (void)mrig_fault(&rig, NULL);
    (void)mrig_dma(&rig, mrig_read());
    T_EXPECT_EQ(t, rig.msis, 2u);
    mrig_close(&rig);
}
