/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite dmar: the parser of the DMAR table (VT-d 5.10, DMA Remapping Reporting Structure and what follows
 * it), fed with tables made here. Right ones must give every field, wrong ones an error that names the
 * offset.
 */
#include "iommu/dmar.h"
#include "tests/harness/harness.h"
#include "tests/suites/dmar_blob.h"

/* ---- Right tables ---- */

static struct dmar parsed(struct t *t, const struct dmar_blob *blob)
{
    struct dmar dmar = {0};
    struct dmar_error error = {0};
    int err = dmar_parse(blob->bytes, blob->size, &dmar, &error);

    if (err)
        t_note(t, "%s at %u", error.what, error.offset);
    T_ASSERT_OK(t, err);
    return dmar;
}

/*
 * One unit as an emulator describes it: INCLUDE_PCI_ALL clear, the I/O APIC on bus FFh, functions 00.0, 01.0,
 * 1f.0 and the root port 04.0 by name. Bytes by hand.
 */
static const uint8_t emulated[] = {
    'D', 'M', 'A', 'R', 104, 0,   0,   0,   1,    0x76, 'B',  'O',  'C',  'H',  'S',  ' ',  /* header */
    'B', 'X', 'P', 'C', ' ', ' ', ' ', ' ', 1,    0,    0,    0,    'B',  'X',  'P',  'C',  /* */
    1,   0,   0,   0,   47,  1,   0,   0,   0,    0,    0,    0,    0,    0,    0,    0,    /* */
    0,   0,   56,  0,   0,   0,   0,   0,   0x00, 0x00, 0xd9, 0xfe, 0x00, 0x00, 0x00, 0x00, /* DRHD */
    3,   8,   0,   0,   0,   255, 0,   0,   1,    8,    0,    0,    0,    0,    0,    0, /* I/O APIC, 00.0 */
    1,   8,   0,   0,   0,   0,   1,   0,   2,    8,    0,    0,    0,    0,    4,    0, /* 01.0, 04.0 */
    1,   8,   0,   0,   0,   0,   31,  0,                                                /* 1f.0 */
};

static uint32_t no_bridges(unused void *ctx, unused struct pci_id fn, unused uint16_t offset)
{
    return UINT32_MAX;
}

TEST(dmar, emulated,
     .doc = "a table without INCLUDE_PCI_ALL, as emulators make it, gives its unit and functions")
{
    struct dmar dmar;
    struct dmar_error error = {0};
    struct dmar_struct unit;
    char line[200];

    T_ASSERT_OK(t, dmar_parse(emulated, sizeof(emulated), &dmar, &error));
    T_EXPECT_EQ(t, dmar.haw, 48u);
    T_EXPECT_EQ(t, dmar.revision, 1u);
    T_EXPECT(t, dmar.intr_remap && !dmar.x2apic_opt_out && !dmar.dma_ctrl_opt_in);
    T_EXPECT_EQ(t, dmar.count[DMAR_DRHD], 1u);
    T_ASSERT_OK(t, dmar_unit_for(&dmar, (struct pci_id){0, RID(0, 31, 0)}, no_bridges, NULL, &unit));
    T_EXPECT_EQ(t, unit.base.v, 0xfed90000ull);
    T_EXPECT_EQ(t, unit.length, 0x1000ull);
    T_EXPECT(t, !unit.include_all);
    T_EXPECT_OK(t, dmar_unit_for(&dmar, (struct pci_id){0, RID(0, 4, 0)}, no_bridges, NULL, &unit));
    T_EXPECT_ERR(t, dmar_unit_for(&dmar, (struct pci_id){0, RID(0, 2, 0)}, no_bridges, NULL, &unit), -ENODEV);
    T_EXPECT_ERR(t, dmar_unit_for(&dmar, (struct pci_id){1, RID(0, 31, 0)}, no_bridges, NULL, &unit),
                 -ENODEV);
    /* The I/O APIC's source id is no PCI function. */
    T_EXPECT_ERR(t, dmar_unit_for(&dmar, (struct pci_id){0, RID(255, 0, 0)}, no_bridges, NULL, &unit),
                 -ENODEV);

    dmar_text(&dmar, line, sizeof(line));
    T_EXPECT_EQ(t, (const char *)line, "revision 1 width 48 INTR_REMAP, 1 DRHD");
    dmar_struct_text(&dmar, &unit, line, sizeof(line));
    T_EXPECT_EQ(
        t, (const char *)line,
        "DRHD segment 0 registers fed90000+1000: ioapic 0 at ff:00.0, endpoint 00:00.0, endpoint 00:01.0, "
        "bridge 00:04.0, endpoint 00:1f.0");
}

/* A table with one structure of every type, and of one that nobody knows. */
static void every_type(struct dmar_blob *blob)
{
    uint32_t s;

    blob_begin(blob);
    s = blob_drhd(blob, 0, 1, 0xfed80000);
    blob_put(blob, s + 5, 3, 1);
    blob_function(blob, 1, 0, 0x20, 5, 1);
    s = blob_struct(blob, 1, 24);
    blob_put(blob, s + 6, 1, 2);
    blob_put(blob, s + 8, 0x7a000000, 8);
    blob_put(blob, s + 16, 0x7a7fffff, 8);
    blob_function(blob, 2, 0, 0x20, 6, 0);
    s = blob_struct(blob, 2, 8);
    blob_put(blob, s + 4, 1, 1);
    blob_put(blob, s + 6, 1, 2);
    s = blob_struct(blob, 3, 20);
    blob_put(blob, s + 8, 0xfed80000, 8);
    blob_put(blob, s + 16, 0x01020304, 4);
    s = blob_struct(blob, 4, 8 + 10);
    blob_put(blob, s + 7, 9, 1);
    memcpy(blob->bytes + s + 8, "\\_SB.I2\n0", 9);
    s = blob_struct(blob, 5, 8);
    blob_put(blob, s + 4, 1, 1);
    blob_function(blob, 1, 0, 0, 2, 0);
    blob_struct(blob, 6, 8);
    s = blob_function(blob, 5, 9, 0, 2, 1);
    blob_put(blob, s + 2, 0x18, 1);
    blob_struct(blob, 77, 12);
    blob_drhd(blob, 1, 1, 0xfed90000);
    blob_scope(blob, 9, 0, 0x1f, NULL, 0); /* a scope type that nobody knows, without a path */
    blob_seal(blob);
}

TEST(dmar, every_type,
     .doc = "every field of every structure type is read; unknown types are skipped and counted")
{
    struct dmar_blob blob;
    struct dmar dmar;
    struct dmar_struct s = {0};
    struct dmar_scope scope = {0};
    uint16_t rid;

    every_type(&blob);
    dmar = parsed(t, &blob);
    for (unsigned type = 0; type < DMAR_TYPES; type++)
        T_EXPECT_EQ(t, dmar.count[type], type == DMAR_DRHD ? 2u : 1u);
    T_EXPECT_EQ(t, dmar.unknown, 1u);

    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT_EQ(t, s.type, DMAR_DRHD);
    T_EXPECT_EQ(t, s.segment, 1u);
    T_EXPECT_EQ(t, s.length, 0x8000ull);
    T_ASSERT(t, dmar_next_scope(&dmar, &s, &scope));
    T_EXPECT_EQ(t, scope.start_bus, 0x20u);
    T_EXPECT_EQ(t, scope.path_len, 1u);
    T_EXPECT(t, !dmar_next_scope(&dmar, &s, &scope));
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT_EQ(t, s.type, DMAR_RMRR);
    T_EXPECT_EQ(t, s.base.v, 0x7a000000ull);
    T_EXPECT_EQ(t, s.length, 0x800000ull);
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT(t, s.type == DMAR_ATSR && s.all_ports && s.segment == 1);
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT(t, s.type == DMAR_RHSA && s.base.v == 0xfed80000 && s.proximity == 0x01020304);
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT(t, s.type == DMAR_ANDD && s.acpi_device == 9);
    T_EXPECT_EQ(t, s.acpi_name, "\\_SB.I2\n0");
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT(t, s.type == DMAR_SATC && s.atc_required);
    T_ASSERT(t, dmar_next(&dmar, &s));
    scope = (struct dmar_scope){0};
    T_ASSERT(t, dmar_next_scope(&dmar, &s, &scope));
    T_EXPECT(t, scope.type == DMAR_SCOPE_NAMESPACE && scope.id == 9 && scope.flags == 0x18);
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT(t, s.type == 77 && s.size == 12);
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT(t, s.type == DMAR_DRHD && s.include_all);
    scope = (struct dmar_scope){0};
    T_ASSERT(t, dmar_next_scope(&dmar, &s, &scope));
    T_EXPECT(t, scope.type == 9 && scope.path_len == 0);
    T_EXPECT_ERR(t, dmar_scope_rid(&s, &scope, no_bridges, NULL, &rid), -ENODEV);
    T_EXPECT(t, !dmar_next(&dmar, &s));
}

TEST(dmar, register_size,
     .doc = "the register set of a unit has 2^N pages, N in the low four bits of its field")
{
    static const struct {
        uint8_t field;
        uint64_t length;
    } rows[] = {{0x00, 0x1000}, {0x01, 0x2000}, {0x08, 0x100000}, {0x0f, 0x8000000}, {0xf4, 0x10000}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dmar_blob blob;
        struct dmar dmar;
        struct dmar_struct s = {0};
        uint32_t drhd;

        blob_begin(&blob);
        drhd = blob_drhd(&blob, 1, 0, 0xf0000000);
        blob_put(&blob, drhd + 5, rows[i].field, 1);
        blob_seal(&blob);
        dmar = parsed(t, &blob);
        T_ASSERT(t, dmar_next(&dmar, &s));
        T_EXPECT_EQ(t, s.length, rows[i].length);
    }
}

TEST(dmar, lines, .doc = "the dump has one line per structure; names from firmware cannot break it")
{
    static const char *const want[] = {
        "DRHD segment 1 registers fed80000+8000: endpoint 20:05.1",
        "RMRR segment 1 memory 7a000000+800000: bridge 20:06.0",
        "ATSR segment 1 ALL_PORTS",
        "RHSA registers fed80000 proximity 16909060",
        "ANDD device 9 \\_SB.I2?0",
        "SATC segment 0 ATC_REQUIRED: endpoint 00:02.0",
        "SIDP segment 0: namespace 9 at 00:02.1 flags 18",
        "unknown type 77 of 12 bytes",
        "DRHD segment 1 registers fed90000+1000 INCLUDE_PCI_ALL: unknown 1f",
    };
    struct dmar_blob blob;
    struct dmar dmar;
    char line[100];
    size_t n = 0;

    every_type(&blob);
    dmar = parsed(t, &blob);
    dmar_for_each(s, &dmar)
    {
        dmar_struct_text(&dmar, &s, line, sizeof(line));
        T_ASSERT_LT(t, n, ARRAY_SIZE(want));
        T_EXPECT_EQ(t, (const char *)line, want[n++]);
    }
    T_EXPECT_EQ(t, n, ARRAY_SIZE(want));
    dmar_text(&dmar, line, sizeof(line));
    T_EXPECT_EQ(
        t, (const char *)line,
        "revision 1 width 48 INTR_REMAP, 2 DRHD, 1 RMRR, 1 ATSR, 1 RHSA, 1 ANDD, 1 SATC, 1 SIDP, 1 unknown");
    dmar_text(&dmar, line, 9);
    T_EXPECT_EQ(t, (const char *)line, "revision");
}

/* ---- Lookup ---- */

/* Bridges of a made-up machine: bus numbers behind them, as its configuration space shows them. */
struct topology {
    struct {
        uint16_t rid;
        uint8_t secondary;
        uint8_t subordinate;
    } bridges[3];
};

static uint32_t topology_read(void *ctx, struct pci_id fn, uint16_t offset)
{
    const struct topology *topo = ctx;

    for (unsigned i = 0; i < ARRAY_SIZE(topo->bridges); i++) {
        if (fn.segment != 0 || topo->bridges[i].rid != fn.rid || topo->bridges[i].secondary == 0)
            continue;
        if (offset == 0x0c)
            return 0x00810010; /* multi-function, type 1 */
        if (offset == 0x18)
            return 0xee000000u + topo->bridges[i].subordinate * 0x10000u +
                   topo->bridges[i].secondary * 0x100u + rid_bus(fn.rid);
    }
    return offset == 0x0c && rid_bus(fn.rid) < 8 ? 0 : UINT32_MAX;
}

static uint64_t base_for(const struct dmar *dmar, struct topology *topo, uint16_t rid)
{
    struct dmar_struct unit;
    int err = dmar_unit_for(dmar, (struct pci_id){0, rid}, topology_read, topo, &unit);

    return err ? 0 : unit.base.v;
}

TEST(dmar, lookup,
     .doc =
         "scopes are resolved through the bridges as they are numbered now; the rest goes to INCLUDE_PCI_ALL")
{
    static const uint8_t path[] = {0x1c, 0, 0, 0, 3, 1}; /* root port 1c.0, bridge 00.0, device 03.1 */
    struct topology topo = {{{RID(0, 0x1c, 0), 1, 3}, {RID(1, 0, 0), 2, 3}, {RID(0, 0x1d, 0), 4, 7}}};
    struct dmar_blob blob;
    struct dmar dmar;

    blob_begin(&blob);
    blob_drhd(&blob, 0, 0, 0x10000);
    blob_scope(&blob, 1, 0, 0, path, 3);
    blob_drhd(&blob, 0, 0, 0x20000);
    blob_function(&blob, 2, 0, 0, 0x1d, 0);
    blob_function(&blob, 1, 0, 0, 2, 0);
    blob_drhd(&blob, 1, 0, 0x30000);
    blob_function(&blob, 3, 2, 0xf0, 0x1f, 0);
    blob_drhd(&blob, 1, 1, 0x40000);
    dmar = parsed(t, &blob);

    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(2, 3, 1)), 0x10000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(2, 3, 0)), 0x30000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(0, 2, 0)), 0x20000ull);
    /* The bridge itself, its first bus, its last, and what comes behind. */
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(0, 0x1d, 0)), 0x20000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(4, 0, 0)), 0x20000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(7, 31, 7)), 0x20000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(8, 0, 0)), 0x30000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(3, 0, 0)), 0x30000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(0xf0, 0x1f, 0)), 0x30000ull);

    /* Renumbered: the same path, another bus. */
    topo.bridges[1].secondary = 3;
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(2, 3, 1)), 0x30000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(3, 3, 1)), 0x10000ull);
    /* A bridge that is gone, or one that leads back up: the path leads nowhere. */
    topo.bridges[1].secondary = 1;
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(1, 3, 1)), 0x30000ull);
    topo.bridges[1].secondary = 0;
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(3, 3, 1)), 0x30000ull);
    topo.bridges[0].secondary = 0;
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(0, 3, 1)), 0x30000ull);
    topo.bridges[2].subordinate = 1;
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(4, 0, 0)), 0x30000ull);
    T_EXPECT_EQ(t, base_for(&dmar, &topo, RID(0, 0x1d, 0)), 0x20000ull);
}

TEST(dmar, covers, .rules = "75 76",
     .doc = "reserved memory and ATS structures answer for the devices below their scopes")
{
    struct topology topo = {{{RID(0, 0x1d, 0), 4, 7}}};
    struct dmar_blob blob;
    struct dmar dmar;
    struct dmar_struct s = {0};

    blob_begin(&blob);
    blob_struct(&blob, 2, 8);
    blob_function(&blob, 2, 0, 0, 0x1d, 0);
    blob_struct(&blob, 3, 20);
    dmar = parsed(t, &blob);
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT(t, dmar_covers(&dmar, &s, (struct pci_id){0, RID(5, 0, 0)}, topology_read, &topo));
    T_EXPECT(t, !dmar_covers(&dmar, &s, (struct pci_id){0, RID(8, 0, 0)}, topology_read, &topo));
    T_EXPECT(t, !dmar_covers(&dmar, &s, (struct pci_id){1, RID(5, 0, 0)}, topology_read, &topo));
    T_ASSERT(t, dmar_next(&dmar, &s));
    T_EXPECT(t, !dmar_covers(&dmar, &s, (struct pci_id){0, 0}, topology_read, &topo));
}
