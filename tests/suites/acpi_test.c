/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables out of bytes (kernel/lib/acpi_walk.c): whole ones, short ones, and ones that lie. */
#include <string.h>

#include "kernel/lib/acpi_walk.h"
#include "tests/harness/harness.h"

#define GAS_SIZE 12u

static void put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* A table with a good checksum around what `bytes` holds from offset 36 on. */
static struct acpi_bytes seal(uint8_t *bytes, const char *sig, uint32_t length)
{
    uint8_t sum = 0;

    memcpy(bytes, sig, 4);
    put(bytes + 4, length, 4);
    bytes[9] = 0;
    for (uint32_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[9] = (uint8_t)-sum;
    return (struct acpi_bytes){bytes, length};
}

static void put_gas(uint8_t *at, uint8_t space, uint64_t address)
{
    memset(at, 0, GAS_SIZE);
    at[0] = space;
    at[1] = 8;
    at[3] = 1;
    put(at + 4, address, 8);
}

/* An RSDP of revision 2 with both checksums right. */
static void make_rsdp(uint8_t *r, uint32_t rsdt, uint64_t xsdt)
{
    static const char signature[] = {'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '};

    memset(r, 0, ACPI_RSDP_MAX);
    memcpy(r, signature, sizeof(signature));
    r[15] = 2;
    put(r + 16, rsdt, 4);
    put(r + 20, ACPI_RSDP_MAX, 4);
    put(r + 24, xsdt, 8);
    for (unsigned i = 0; i < 20; i++)
        r[8] = (uint8_t)(r[8] - (i == 8 ? 0 : r[i]));
    for (unsigned i = 0; i < ACPI_RSDP_MAX; i++)
        r[32] = (uint8_t)(r[32] - (i == 32 ? 0 : r[i]));
}

TEST(acpi, rsdp, .doc = "the XSDT is preferred, the RSDT taken without one, a wrong checksum refused")
{
    uint8_t r[ACPI_RSDP_MAX];
    struct acpi_root root;

    make_rsdp(r, 0x1000, 0x200000000ull);
    T_ASSERT_OK(t, acpi_rsdp_parse(r, sizeof(r), &root));
    T_EXPECT(t, root.wide && root.table == 0x200000000ull);
    make_rsdp(r, 0x1000, 0);
    T_ASSERT_OK(t, acpi_rsdp_parse(r, sizeof(r), &root));
    T_EXPECT(t, !root.wide && root.table == 0x1000);
    T_EXPECT_ERR(t, acpi_rsdp_parse(r, 19, &root), -EINVAL);
    r[32]++;
    T_EXPECT_ERR(t, acpi_rsdp_parse(r, sizeof(r), &root), -EILSEQ);
    r[8]++;
    T_EXPECT_ERR(t, acpi_rsdp_parse(r, sizeof(r), &root), -EILSEQ);
    r[0] = 'X';
    T_EXPECT_ERR(t, acpi_rsdp_parse(r, sizeof(r), &root), -EINVAL);
    make_rsdp(r, 0, 0);
    T_EXPECT_ERR(t, acpi_rsdp_parse(r, sizeof(r), &root), -EINVAL);
}

TEST(acpi, roots, .doc = "entries of RSDT and XSDT by their width; half an entry at the end is none")
{
    uint8_t b[36 + 20] = {0};
    struct acpi_bytes table;

    put(b + 36, 0x1122334455667788ull, 8);
    put(b + 44, 0x99, 8);
    table = seal(b, "XSDT", 36 + 20);
    T_EXPECT_EQ(t, acpi_root_count(table, true), 2u);
    T_EXPECT_EQ(t, acpi_root_entry(table, true, 0), 0x1122334455667788ull);
    T_EXPECT_EQ(t, acpi_root_entry(table, true, 2), 0ull);
    T_EXPECT_EQ(t, acpi_root_count(table, false), 5u);
    T_EXPECT_EQ(t, acpi_root_entry(table, false, 0), 0x55667788ull);
    T_EXPECT(t, acpi_sum_ok(b, sizeof(b)));
    T_EXPECT_EQ(t, acpi_root_count((struct acpi_bytes){b, 20}, true), 0u);
}

TEST(acpi, entries, .doc = "a MADT is walked to its end, and no further than its first impossible length")
{
    uint8_t b[44 + 8 + 12 + 3] = {0};
    struct acpi_bytes table = seal(b, "APIC", sizeof(b));
    struct acpi_entry e;
    uint32_t at = 44;

    b[44 + 1] = 8;
    b[52] = 1;
    b[52 + 1] = 12;
    b[64 + 1] = 4;
    T_ASSERT(t, acpi_next_entry(table, &at, &e));
    T_EXPECT(t, e.type == 0 && e.bytes.length == 8);
    T_ASSERT(t, acpi_next_entry(table, &at, &e));
    T_EXPECT(t, e.type == 1 && e.bytes.length == 12);
    T_EXPECT(t, !acpi_next_entry(table, &at, &e));
    b[44 + 1] = 0;
    at = 44;
    T_EXPECT(t, !acpi_next_entry(table, &at, &e));
    at = UINT32_MAX;
    T_EXPECT(t, !acpi_next_entry(table, &at, &e));
}

static uint8_t *put_cpu(uint8_t *at, bool wide, uint32_t id, bool enabled)
{
    at[0] = wide ? 9 : 0;
    at[1] = wide ? 16 : 8;
    put(at + (wide ? 4 : 3), id, wide ? 4 : 1);
    at[wide ? 8 : 4] = enabled;
    return at + at[1];
}

TEST(acpi, cpus,
     .doc = "a CPU that the MADT lists twice, in one form or in both, is one; disabled ones are none")
{
    uint8_t b[44 + 4 * 8 + 3 * 16] = {0}, *at = b + 44;
    struct acpi_bytes table = {b, sizeof(b)};
    uint32_t ids[4];

    at = put_cpu(at, false, 0, true);
    at = put_cpu(at, false, 2, true);
    at = put_cpu(at, false, 3, false);
    at = put_cpu(at, true, 2, true);
    at = put_cpu(at, true, 258, true);
    at = put_cpu(at, false, 0, true);
    put_cpu(at, true, 3, true);
    T_ASSERT_EQ(t, acpi_madt_cpus(table, ids, 4), 4u);
    T_EXPECT(t, ids[0] == 0 && ids[1] == 2 && ids[2] == 258 && ids[3] == 3);
    T_EXPECT_EQ(t, acpi_madt_cpus(table, ids, 2), 2u);
    table.length -= 16;
    T_EXPECT_EQ(t, acpi_madt_cpus(table, ids, 4), 3u);
}

TEST(acpi, mcfg, .doc = "ranges of configuration space; one that ends before it starts is none")
{
    uint8_t b[44 + 16 + 8] = {0};
    struct acpi_bytes table = seal(b, "MCFG", sizeof(b));
    struct acpi_ecam e;

    put(b + 44, 0xe0000000ull, 8);
    put(b + 52, 3, 2);
    b[54] = 0x10;
    b[55] = 0x7f;
    T_ASSERT(t, acpi_mcfg_range(table, 0, &e));
    T_EXPECT(t, e.base == 0xe0000000ull && e.segment == 3 && e.start_bus == 0x10 && e.end_bus == 0x7f);
    T_EXPECT(t, !acpi_mcfg_range(table, 1, &e));
    put(b + 55, 0x0f, 1);
    T_EXPECT(t, !acpi_mcfg_range(table, 0, &e));
}

TEST(acpi, pm_timer, .doc = "the X_ form of the PM timer wins, the old one serves short tables")
{
    uint8_t b[244] = {0};
    struct acpi_gas gas;
    bool wide;

    put(b + 76, 0x608, 4);
    put(b + 112, 1 << 8, 4);
    gas = acpi_fadt_pm_timer(seal(b, "FACP", 116), &wide);
    T_EXPECT(t, wide && gas.space == 1 && gas.address == 0x608);
    put_gas(b + 208, 0, 0xfed80808ull);
    gas = acpi_fadt_pm_timer(seal(b, "FACP", 244), &wide);
    T_EXPECT(t, gas.space == 0 && gas.address == 0xfed80808ull);
}

TEST(acpi, serial, .doc = "16550s of SPCR and DBG2 are found, other interfaces and cut tables are not")
{
    uint8_t b[44 + 50] = {0};
    struct acpi_gas gas;

    put_gas(b + 40, 1, 0x2f8);
    T_EXPECT(t, acpi_spcr_serial(seal(b, "SPCR", 80), &gas) && gas.space == 1 && gas.address == 0x2f8);
    b[36] = 3;
    T_EXPECT(t, !acpi_spcr_serial(seal(b, "SPCR", 80), &gas));

    memset(b, 0, sizeof(b));
    put(b + 36, 44, 4);
    put(b + 40, 1, 4);
    put(b + 44 + 1, 50, 2);
    b[44 + 3] = 1;
    put(b + 44 + 12, 0x8000, 2);
    put(b + 44 + 18, 22, 2);
    put_gas(b + 44 + 22, 0, 0xfe001000ull);
    T_EXPECT(t, acpi_dbg2_serial(seal(b, "DBG2", sizeof(b)), &gas) && gas.address == 0xfe001000ull);
    T_EXPECT(t, !acpi_dbg2_serial(seal(b, "DBG2", sizeof(b) - 1), &gas));
    put(b + 36, UINT32_MAX, 4);
    T_EXPECT(t, !acpi_dbg2_serial(seal(b, "DBG2", sizeof(b)), &gas));
}
