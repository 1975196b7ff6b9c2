/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words that reports are made of, where no machine says them by itself: claims of a unit that do not go
 * together, faults of every kind, descriptors of every type, tables of firmware's with everything in them.
 */
#include <string.h>

#include "iommu/dmar.h"
#include "iommu/vtd_caps.h"
#include "iommu/vtd_fault.h"
#include "iommu/vtd_inv.h"
#include "iommu/vtd_regs.h"
#include "tests/harness/harness.h"
#include "tests/suites/dmar_blob.h"

/* ---- Claims of a unit ---- */

#define C(field) SPAN_MASK(VTD_CAP_##field)
#define E(field) SPAN_MASK(VTD_ECAP_##field)

/* A claim alone, and what it needs beside it. */
static const struct claim {
    uint64_t cap, ecap;
    uint64_t needs_cap, needs_ecap;
    const char *what;
} claims[] = {
    {0, E(DT), 0, E(QI), "ECAP.DT without QI"},
    {0, E(IR), 0, E(QI), "ECAP.IR without QI"},
    {0, E(SMTS), 0, E(QI), "ECAP.SMTS without QI"},
    {0, E(EIM), 0, E(IR), "ECAP.EIM without IR"},
    {0, E(MHMV), 0, E(IR), "ECAP.MHMV without IR"},
    {0, E(NEST), 0, E(SMTS) | E(FSTS) | E(SSTS), "ECAP.NEST without SMTS, FSTS and SSTS"},
    {0, E(NEST) | E(SMTS), 0, E(FSTS) | E(SSTS), "ECAP.NEST without SMTS, FSTS and SSTS"},
    {0, E(NEST) | E(SMTS) | E(FSTS), 0, E(SSTS), "ECAP.NEST without SMTS, FSTS and SSTS"},
    {0, E(PRS), 0, E(DT) | E(SMTS), "ECAP.PRS without DT and SMTS"},
    {0, E(PRS) | E(DT), 0, E(SMTS), "ECAP.PRS without DT and SMTS"},
    {0, E(PDS), 0, E(DT), "ECAP.PDS without DT"},
    {0, E(SRS), 0, E(SMTS), "ECAP.SRS without SMTS"},
    {0, E(RPRIVS), 0, E(SRS), "ECAP.RPRIVS without SRS"},
    {0, E(PASID), 0, E(SMTS), "ECAP.PASID without SMTS"},
    {0, FIELD_PREP(VTD_ECAP_PSS, 4), 0, E(SMTS), "ECAP.PSS without SMTS"},
    {0, E(FSTS), 0, E(SMTS), "ECAP.FSTS without SMTS"},
    {0, E(SSTS), 0, E(SMTS), "ECAP.SSTS without SMTS"},
    {0, E(SMPWCS), 0, E(SMTS), "ECAP.SMPWCS without SMTS"},
    {0, E(RPS), 0, E(SMTS), "ECAP.RPS without SMTS"},
    {0, E(SSADS), 0, E(SMPWCS), "ECAP.SSADS without SMPWCS"},
    {C(FS1GP), 0, 0, E(FSTS), "CAP.FS1GP without ECAP.FSTS"},
    {C(FS5LP), 0, 0, E(FSTS), "CAP.FS5LP without ECAP.FSTS"},
    {C(PI), 0, 0, E(IR), "CAP.PI without ECAP.IR"},
    {0, E(SSTS), FIELD_PREP(VTD_CAP_SAGAW, 4), 0, "ECAP.SSTS without any width in CAP.SAGAW"},
};

static bool says(uint64_t cap, uint64_t ecap, const char *what)
{
    const char *texts[24];
    struct vtd_caps caps;
    unsigned count;

    vtd_caps_decode(0x60, cap, ecap, 46, &caps);
    count = vtd_caps_oddities(&caps, texts, ARRAY_SIZE(texts));
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(texts[i], what) == 0)
            return true;
    }
    return false;
}

TEST(caps, every_oddity, .needs = NEED_HOST,
     .doc = "every claim that depends on another: named without it, and not with it")
{
    struct vtd_caps caps;
    const char *text = "untouched";

    for (unsigned i = 0; i < ARRAY_SIZE(claims); i++) {
        const struct claim *c = &claims[i];

        if (!T_EXPECT(t, says(c->cap, c->ecap, c->what)) ||
            !T_EXPECT(t, !says(c->cap | c->needs_cap, c->ecap | c->needs_ecap, c->what)))
            t_note(t, "%s", c->what);
    }
    T_EXPECT(t, says(C(RWBF), E(SMTS), "CAP.RWBF with ECAP.SMTS"));
    T_EXPECT(t, !says(C(RWBF), 0, "CAP.RWBF with ECAP.SMTS"));
    T_EXPECT(t, says(0, FIELD_PREP(VTD_ECAP_PSS, 20), "ECAP.PSS of more than 20 bits"));
    vtd_caps_decode(0x60, 0, E(DT), 46, &caps);
    T_EXPECT_EQ(t, vtd_caps_oddities(&caps, &text, 0), 1u);
    T_EXPECT_EQ(t, text, "untouched");
}

TEST(caps, dead_registers, .needs = NEED_HOST,
     .doc = "one register alone that reads all ones, and CAP alone that reads 0")
{
    struct vtd_caps caps;

    vtd_caps_decode(0x60, UINT64_MAX, E(QI) | E(SMTS) | E(PT), 46, &caps);
    T_EXPECT_EQ(t, vtd_caps_refusal(&caps), "no unit answers: registers read all ones");
    vtd_caps_decode(0x60, 1, UINT64_MAX, 46, &caps);
    T_EXPECT_EQ(t, vtd_caps_refusal(&caps), "no unit answers: registers read all ones");
    vtd_caps_decode(0x60, 0, E(QI) | E(SMTS) | E(PT), 46, &caps);
    T_EXPECT(t, vtd_caps_refusal(&caps) == NULL);
    vtd_caps_decode(0x60, 0, E(QI) | E(SMTS), 46, &caps);
    T_EXPECT_EQ(t, vtd_caps_refusal(&caps), "no translation type (ECAP.FSTS = ECAP.SSTS = ECAP.PT = 0)");
}

/* ---- Faults ---- */

TEST(fault, words, .needs = NEED_HOST,
     .doc = "a fault in words: type, address type, PASID, execute, privilege; an interrupt's; an unknown one")
{
    struct vtd_frcd raw = {{0}};
    struct vtd_fault f;
    char text[200];

    entry_set(&raw, VTD_FRCD_FR, 0x59);
    entry_set(&raw, VTD_FRCD_SID, RID(1, 2, 3));
    entry_set_addr(&raw, VTD_FRCD_FI, 0x12345000);
    entry_set(&raw, VTD_FRCD_T1, 1);
    entry_set(&raw, VTD_FRCD_AT, 3);
    entry_set(&raw, VTD_FRCD_PP, 1);
    entry_set(&raw, VTD_FRCD_PV, 0x2a);
    entry_set(&raw, VTD_FRCD_EXE, 1);
    entry_set(&raw, VTD_FRCD_PRIV, 1);
    vtd_fault_decode(&raw, &f);
    T_EXPECT_EQ(t, vtd_fault_text(&f, text, sizeof(text)),
                "59h SPT.2 sid 01:02.3 pasid 2a read 12345000 at=3 exe priv: PASID table entry not present");
    entry_set(&raw, VTD_FRCD_AT, VTD_AT_TRANSLATED);
    entry_set(&raw, VTD_FRCD_PP, 0);
    entry_set(&raw, VTD_FRCD_EXE, 0);
    entry_set(&raw, VTD_FRCD_PRIV, 0);
    entry_set(&raw, VTD_FRCD_T2, 1);
    vtd_fault_decode(&raw, &f);
    T_EXPECT_EQ(t, vtd_fault_text(&f, text, sizeof(text)),
                "59h SPT.2 sid 01:02.3 atomic 12345000 translated: PASID table entry not present");
    raw = (struct vtd_frcd){{0}};
    entry_set(&raw, VTD_FRCD_FR, VTD_FR_IR_DISABLED);
    entry_set(&raw, VTD_FRCD_INDEX, 0x77);
    vtd_fault_decode(&raw, &f);
    T_EXPECT(t, f.interrupt && f.index == 0x77 && f.address == 0);
    T_EXPECT(t, strstr(vtd_fault_text(&f, text, sizeof(text)), " interrupt index 77") != NULL);
    entry_set(&raw, VTD_FRCD_FR, 0xee);
    vtd_fault_decode(&raw, &f);
    T_EXPECT(t, !f.interrupt);
    T_EXPECT(t, strstr(vtd_fault_text(&f, text, sizeof(text)),
                       "reason that the specification does not list") != NULL);
    entry_set(&raw, VTD_FRCD_FR, 1);
    vtd_fault_decode(&raw, &f);
    T_EXPECT(t, !f.interrupt);
}

/* ---- Descriptors ---- */

TEST(inv, more_text, .needs = NEED_HOST,
     .doc = "descriptors that only other units need: interrupt entries, waits with an event, page responses, "
            "an unknown type with a known one's low bits")
{
    struct vtd_desc d = vtd_inv_iec_index(0x123);
    char text[128];

    T_EXPECT_EQ(t, vtd_inv_text(&d, text, sizeof(text)), "iec_inv index index=123 im=0");
    d = vtd_inv_iec_global();
    T_EXPECT_EQ(t, vtd_inv_text(&d, text, sizeof(text)), "iec_inv global");
    d = vtd_inv_wait_event();
    T_EXPECT_EQ(t, vtd_inv_text(&d, text, sizeof(text)), "inv_wait if=1 fn=0 pd=0");
    d = vtd_inv_page_response(RID(1, 2, 3), false, 0, 7, VTD_PRESP_INVALID);
    T_EXPECT_EQ(t, vtd_inv_text(&d, text, sizeof(text)), "page_grp_resp sid=01:02.3 prgi=7 rc=1");
    d = vtd_inv_page_response(RID(1, 2, 3), true, 0x2a, 7, VTD_PRESP_SUCCESS);
    T_EXPECT_EQ(t, vtd_inv_text(&d, text, sizeof(text)), "page_grp_resp sid=01:02.3 pasid=2a prgi=7 rc=0");
    entry_set(&d, VTD_QI_TYPE_HIGH, 1);
    T_EXPECT(t, strncmp(vtd_inv_text(&d, text, sizeof(text)), "descriptor ", 11) == 0);
    d = (struct vtd_desc){{0}};
    T_EXPECT(t, strncmp(vtd_inv_text(&d, text, sizeof(text)), "descriptor ", 11) == 0);
}

/* ---- Firmware's table ---- */

TEST(dmar, more_lines, .needs = NEED_HOST,
     .doc = "a table whose flags are all set, a timer's scope, a name with a byte above ASCII")
{
    struct dmar_blob blob;
    struct dmar dmar;
    struct dmar_error error;
    struct dmar_struct s = {0};
    char line[200];
    uint32_t at;

    blob_begin(&blob);
    blob.bytes[37] = 7;
    blob_drhd(&blob, 1, 0, 0xfed90000);
    blob_function(&blob, 4, 2, 0xf0, 0x1e, 1);
    at = blob_struct(&blob, 4, 16);
    blob_put(&blob, at + 7, 3, 1);
    memcpy(&blob.bytes[at + 8], "\\A\x7f\xe9.B", 7);
    blob_struct(&blob, 5, 8);
    blob_function(&blob, 1, 0, 0, 2, 0);
    blob_seal(&blob);
    T_ASSERT_OK(t, dmar_parse(blob.bytes, blob.size, &dmar, &error));
    dmar_text(&dmar, line, sizeof(line));
    T_EXPECT_EQ(t, (const char *)line,
                "revision 1 width 48 INTR_REMAP X2APIC_OPT_OUT DMA_CTRL_PLATFORM_OPT_IN, 1 DRHD, 1 ANDD, 1 "
                "SATC");
    T_ASSERT(t, dmar_next(&dmar, &s));
    dmar_struct_text(&dmar, &s, line, sizeof(line));
    T_EXPECT_EQ(t, (const char *)line,
                "DRHD segment 0 registers fed90000+1000 INCLUDE_PCI_ALL: hpet 2 at f0:1e.1");
    T_ASSERT(t, dmar_next(&dmar, &s));
    dmar_struct_text(&dmar, &s, line, sizeof(line));
    T_EXPECT_EQ(t, (const char *)line, "ANDD device 3 \\A??.B");
    T_ASSERT(t, dmar_next(&dmar, &s));
    dmar_struct_text(&dmar, &s, line, sizeof(line));
    T_EXPECT_EQ(t, (const char *)line, "SATC segment 0: endpoint 00:02.0");
}

/* Reserved memory for 00:02.0, `limit` being its last byte. */
static uint32_t blob_rmrr(struct dmar_blob *blob, uint64_t base, uint64_t limit)
{
    uint32_t s = blob_struct(blob, 1, 24);

    blob_put(blob, s + 8, base, 8);
    blob_put(blob, s + 16, limit, 8);
    blob_function(blob, 1, 0, 0, 2, 0);
    return s;
}

TEST(dmar, bad_reserved,
     .doc = "reserved memory that cannot be is passed over and named; units and other regions are there")
{
    static const struct {
        uint64_t base, limit;
        const char *word;
    } bad[] = {{0x10000, 0xffff, "before it begins"},
               {0x10000, 0xefff, "before it begins"},
               {0x10000, 0x10ffe, "whole pages"},
               {0x10800, 0x117ff, "whole pages"},
               {0, UINT64_MAX, "before it begins"}};
    struct dmar_struct faulty = {0};
    struct dmar_error error;
    struct dmar_blob blob;
    struct dmar dmar;
    const char *what;
    char line[200];
    uint32_t offsets[ARRAY_SIZE(bad)];
    unsigned seen = 0;

    blob_begin(&blob);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        offsets[i] = blob_rmrr(&blob, bad[i].base, bad[i].limit);
    blob_drhd(&blob, 1, 0, 0xfed90000);
    blob_rmrr(&blob, 0x7a000000, 0x7a7fffff);
    T_ASSERT_OK(t, dmar_parse(blob.bytes, blob.size, &dmar, &error));
    T_EXPECT_EQ(t, dmar.faulty, (unsigned)ARRAY_SIZE(bad));
    T_EXPECT_EQ(t, dmar.count[DMAR_RMRR], 1u);
    dmar_for_each(s, &dmar)
    {
        T_EXPECT(t, s.type == DMAR_DRHD || s.base.v == 0x7a000000);
        seen++;
    }
    T_EXPECT_EQ(t, seen, 2u);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        T_ASSERT(t, dmar_next_faulty(&dmar, &faulty, &what));
        T_EXPECT_EQ(t, faulty.offset, offsets[i]);
        T_EXPECT(t, strstr(what, bad[i].word) != NULL);
    }
    T_EXPECT(t, !dmar_next_faulty(&dmar, &faulty, &what));
    dmar_text(&dmar, line, sizeof(line));
    T_EXPECT_EQ(t, (const char *)line, "revision 1 width 48 INTR_REMAP, 1 DRHD, 1 RMRR, 5 faulty");
}

static const char *refusal(struct dmar_blob *blob, size_t size)
{
    struct dmar_error error = {.what = "accepted"};
    struct dmar dmar;

    if (dmar_parse(blob->bytes, size, &dmar, &error) == 0)
        return "accepted";
    return error.what;
}

TEST(dmar, more_refusals, .needs = NEED_HOST,
     .doc = "a length that the header cannot have, the rest of "
            "a segment claimed twice or in two segments, a scope of type 0 that two units have")
{
    struct dmar_blob blob;

    blob_begin(&blob);
    blob_put(&blob, 4, 47, 4);
    T_EXPECT_EQ(t, refusal(&blob, blob.size), "length in the header cannot be");
    blob_begin(&blob);
    blob_drhd(&blob, 1, 0, 0xfed90000);
    blob_drhd(&blob, 1, 1, 0xfed91000);
    blob_drhd(&blob, 0, 0, 0xfed92000);
    T_EXPECT_EQ(t, refusal(&blob, blob.size), "accepted");
    blob_drhd(&blob, 1, 0, 0xfed93000);
    T_EXPECT_EQ(t, refusal(&blob, blob.size), "two units claim the rest of one segment");
    blob_begin(&blob);
    for (unsigned i = 0; i < 2; i++) {
        blob_drhd(&blob, 0, 0, 0xfed90000 + i * 0x1000);
        blob_function(&blob, 0, 0, 0, 2, 0);
    }
    T_EXPECT_EQ(t, refusal(&blob, blob.size), "accepted");
}
