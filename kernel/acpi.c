/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the ACPI tables and maps each read only, once. ACPI 6.5, chapter 5.2. Firmware is the world: whatever
 * is wrong with a table is said, and the table is left out.
 */
#include "kernel/acpi.h"

#include <errno.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/vm.h"

#define TABLES_MAX 128u
#define BAD_MAX    16u

static struct acpi_bytes tables[TABLES_MAX];
static unsigned table_count;
static char bad[BAD_MAX][4];
static unsigned bad_count;

/* Maps a table by its own length. 0; -ENOMEM; -EINVAL: a length that no table has; -EILSEQ: checksum. */
static int map_table(uint64_t pa, struct acpi_bytes *out)
{
    const uint8_t *header = vm_map_table(pa, ACPI_HEADER_SIZE);
    uint32_t length;

    if (!header)
        return -ENOMEM;
    memcpy(&length, header + 4, sizeof(length));
    *out = (struct acpi_bytes){header, ACPI_HEADER_SIZE};
    if (length < ACPI_HEADER_SIZE || length > ACPI_TABLE_MAX)
        return -EINVAL;
    out->at = vm_map_table(pa, length);
    if (!out->at)
        return -ENOMEM;
    out->length = length;
    return acpi_sum_ok(out->at, length) ? 0 : -EILSEQ;
}

static const char *why(int err)
{
    return err == -EILSEQ ? "wrong checksum" : err == -EINVAL ? "impossible length" : "cannot be mapped";
}

static void note_bad(const struct acpi_bytes *t, uint64_t pa, int err)
{
    const uint8_t *sig = t->at;

    log_line(LOG_WARN, "acpi: table at 0x%llx left out: %s", (unsigned long long)pa, why(err));
    if (!sig || bad_count == BAD_MAX)
        return;
    memcpy(bad[bad_count++], sig, 4);
}

static void add_table(uint64_t pa)
{
    struct acpi_bytes t = {NULL, 0};
    int err;

    if (pa == 0)
        return;
    if (table_count == TABLES_MAX) {
        log_line(LOG_WARN, "acpi: more than %u tables, 0x%llx left out", TABLES_MAX, (unsigned long long)pa);
        return;
    }
    err = map_table(pa, &t);
    if (err) {
        note_bad(&t, pa, err);
        return;
    }
    tables[table_count++] = t;
    log_line(LOG_DEBUG, "acpi: %.4s at 0x%llx, %u bytes", (const char *)t.at, (unsigned long long)pa,
             t.length);
}

void acpi_init(uint64_t rsdp)
{
    const uint8_t *at = rsdp ? vm_map_table(rsdp, ACPI_RSDP_MAX) : NULL;
    struct acpi_root root;
    struct acpi_bytes list = {NULL, 0};
    int err = at ? acpi_rsdp_parse(at, ACPI_RSDP_MAX, &root) : -ENOENT;

    if (err) {
        log_line(LOG_ERROR, "acpi: no RSDP%s: the machine has no tables for us",
                 rsdp ? " that is whole" : "");
        return;
    }
    err = map_table(root.table, &list);
    if (err || !acpi_is(list, root.wide ? "XSDT" : "RSDT")) {
        log_line(LOG_ERROR, "acpi: %s at 0x%llx: %s", root.wide ? "XSDT" : "RSDT",
                 (unsigned long long)root.table, err ? why(err) : "wrong signature");
        return;
    }
    for (uint32_t i = 0; i < acpi_root_count(list, root.wide); i++)
        add_table(acpi_root_entry(list, root.wide, i));
}

bool acpi_find(const char *sig, unsigned index, struct acpi_bytes *out)
{
    for (unsigned i = 0; i < table_count; i++) {
        if (acpi_is(tables[i], sig) && index-- == 0) {
            *out = tables[i];
            return true;
        }
    }
    return false;
}

unsigned acpi_count(const char *sig)
{
    unsigned n = 0;

    for (unsigned i = 0; i < table_count; i++)
        n += acpi_is(tables[i], sig);
    return n;
}

unsigned acpi_bad_count(const char *sig)
{
    unsigned n = 0;

    for (unsigned i = 0; i < bad_count; i++)
        n += memcmp(bad[i], sig, 4) == 0;
    return n;
}

int acpi_dmar(unsigned index, const void **table, uint32_t *length)
{
    struct acpi_bytes t;

    if (!acpi_find("DMAR", index, &t))
        return -ENOENT;
    *table = t.at;
    *length = t.length;
    return 0;
}

bool acpi_serial(struct acpi_gas *out, const char **source)
{
    struct acpi_bytes t;

    for (unsigned i = 0; acpi_find("SPCR", i, &t); i++) {
        *source = "SPCR";
        if (acpi_spcr_serial(t, out))
            return true;
    }
    for (unsigned i = 0; acpi_find("DBG2", i, &t); i++) {
        *source = "DBG2";
        if (acpi_dbg2_serial(t, out))
            return true;
    }
    return false;
}
