/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: any bytes as each of the ACPI tables that the kernel reads (kernel/lib/acpi_walk.c). Walks
 * have to end, and stay inside of the table.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/lib/acpi_walk.h"
#include "tests/host/fuzz.h"

#define MADT_ENTRIES 44

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void walk_entries(struct acpi_bytes t)
{
    uint32_t offset = MADT_ENTRIES;
    uint32_t before = offset;
    struct acpi_entry e;

    while (acpi_next_entry(t, &offset, &e)) {
        check(offset > before && offset <= t.length);
        check(e.bytes.at == t.at + before && e.bytes.length == offset - before);
        check(acpi_get(e.bytes, 0, 1) == e.type && acpi_get(e.bytes, e.bytes.length, 1) == 0);
        before = offset;
    }
}

static void list_cpus(struct acpi_bytes t)
{
    uint32_t ids[8];
    unsigned count = acpi_madt_cpus(t, ids, ARRAY_SIZE(ids));

    check(count <= ARRAY_SIZE(ids));
    for (unsigned i = 0; i < count; i++) {
        for (unsigned j = 0; j < i; j++)
            check(ids[i] != ids[j]);
    }
}

static void walk_root(struct acpi_bytes t, bool wide)
{
    uint32_t count = acpi_root_count(t, wide);

    check((uint64_t)count * (wide ? 8 : 4) <= t.length);
    for (uint32_t i = 0; i < count; i++)
        (void)acpi_root_entry(t, wide, i);
    check(acpi_root_entry(t, wide, count) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acpi_bytes t = {NULL, (uint32_t)size};
    struct acpi_root root;
    struct acpi_ecam ecam;
    struct acpi_gas gas;
    uint8_t *copy = malloc(size ? size : 1);
    bool wide;

    /* A block of its own, of exactly that size: then ASan sees every byte too far. */
    check(copy != NULL);
    memcpy(copy, data, size);
    t.at = copy;
    if (acpi_rsdp_parse(copy, t.length, &root) == 0)
        check(t.length >= 20 && memcmp(copy, "RSD PTR ", 8) == 0);
    (void)acpi_sum_ok(copy, t.length);
    (void)acpi_is(t, "APIC");
    walk_root(t, false);
    walk_root(t, true);
    walk_entries(t);
    list_cpus(t);
    for (uint32_t i = 0; acpi_mcfg_range(t, i, &ecam); i++)
        check(ecam.start_bus <= ecam.end_bus && i < t.length / 16);
    (void)acpi_fadt_pm_timer(t, &wide);
    if (acpi_spcr_serial(t, &gas) || acpi_dbg2_serial(t, &gas))
        check(gas.address != 0);
    free(copy);
    return 0;
}
