/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads ACPI tables out of bounded bytes. Offsets are those of ACPI 6.5 chapter 5.2, the PCI Firmware
 * specification 3.3 (MCFG), and the SPCR and DBG2 documents.
 */
#include "kernel/lib/acpi_walk.h"

#include <errno.h>
#include <string.h>

enum {
    RSDP_REV1_SIZE = 20,
    RSDP_REVISION = 15,
    RSDP_RSDT = 16,
    RSDP_LENGTH = 20,
    RSDP_XSDT = 24,

    MADT_FIRST = 44,
    MADT_LOCAL_APIC = 0,   /* id at 3, flags at 4 */
    MADT_LOCAL_X2APIC = 9, /* id at 4, flags at 8 */
    MADT_ENABLED = 1,

    MCFG_FIRST = 44,
    MCFG_ENTRY = 16,
    MCFG_MAX = 64,

    FADT_PM_TMR_BLK = 76,
    FADT_FLAGS = 112,
    FADT_X_PM_TMR_BLK = 208,
    FADT_FLAG_TMR_VAL_EXT = 1 << 8,

    SPCR_TYPE = 36,
    SPCR_BASE = 40,

    DBG2_FIRST = 36,
    DBG2_COUNT = 40,
    DBG2_DEVICES_MAX = 16,
    DBG2_LENGTH = 1,
    DBG2_REGISTERS = 3,
    DBG2_TYPE = 12,
    DBG2_SUBTYPE = 14,
    DBG2_REGISTERS_AT = 18,
    DBG2_SERIAL = 0x8000,

    /* Interface types shared by SPCR and DBG2: full 16550, its subset, and the one described by its GAS. */
    SERIAL_16550 = 0x00,
    SERIAL_16550_DBGP = 0x01,
    SERIAL_16550_GAS = 0x12,
};

uint64_t acpi_get(struct acpi_bytes t, uint32_t offset, unsigned size)
{
    if (offset > t.length || size > t.length - offset || size > 8)
        return 0;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)t.at[offset + i] << (8 * i);
    return value;
}

bool acpi_sum_ok(const uint8_t *at, uint32_t length)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + at[i]);
    return sum == 0;
}

int acpi_rsdp_parse(const uint8_t *at, uint32_t length, struct acpi_root *out)
{
    struct acpi_bytes t = {at, length};
    if (length < RSDP_REV1_SIZE || memcmp(at, "RSD PTR ", 8) != 0)
        return -EINVAL;
    if (!acpi_sum_ok(at, RSDP_REV1_SIZE))
        return -EILSEQ;

    uint32_t full = (uint32_t)acpi_get(t, RSDP_LENGTH, 4);
    bool wide = at[RSDP_REVISION] >= 2 && length >= ACPI_RSDP_MAX && full >= ACPI_RSDP_MAX;
    if (wide && full <= length && !acpi_sum_ok(at, full))
        return -EILSEQ;
    if (wide && acpi_get(t, RSDP_XSDT, 8) != 0) {
        *out = (struct acpi_root){.table = acpi_get(t, RSDP_XSDT, 8), .wide = true};
        return 0;
    }
    *out = (struct acpi_root){.table = acpi_get(t, RSDP_RSDT, 4), .wide = false};
    return out->table == 0 ? -EINVAL : 0;
}

bool acpi_is(struct acpi_bytes t, const char *sig)
{
    return t.length >= ACPI_HEADER_SIZE && memcmp(t.at, sig, 4) == 0;
}

uint32_t acpi_root_count(struct acpi_bytes root, bool wide)
{
    if (root.length < ACPI_HEADER_SIZE)
        return 0;
    return (root.length - ACPI_HEADER_SIZE) / (wide ? 8 : 4);
}

uint64_t acpi_root_entry(struct acpi_bytes root, bool wide, uint32_t index)
{
    if (index >= acpi_root_count(root, wide))
        return 0;
    unsigned size = wide ? 8 : 4;
    return acpi_get(root, ACPI_HEADER_SIZE + index * size, size);
}

bool acpi_next_entry(struct acpi_bytes t, uint32_t *offset, struct acpi_entry *out)
{
    if (*offset > t.length || t.length - *offset < 2)
        return false;
    uint8_t length = t.at[*offset + 1];
    if (length < 2 || length > t.length - *offset)
        return false;
    out->type = t.at[*offset];
    out->bytes = (struct acpi_bytes){t.at + *offset, length};
    *offset += length;
    return true;
}

/* APIC id of an enabled CPU. */
static bool is_cpu(const struct acpi_entry *e, uint32_t *id)
{
    bool wide = e->type == MADT_LOCAL_X2APIC;

    if (!wide && e->type != MADT_LOCAL_APIC)
        return false;
    *id = (uint32_t)acpi_get(e->bytes, wide ? 4 : 3, wide ? 4 : 1);
    return acpi_get(e->bytes, wide ? 8 : 4, 4) & MADT_ENABLED;
}

unsigned acpi_madt_cpus(struct acpi_bytes madt, uint32_t *ids, unsigned max)
{
    uint32_t offset = MADT_FIRST, id;
    struct acpi_entry e;
    unsigned count = 0;

    while (count < max && acpi_next_entry(madt, &offset, &e)) {
        unsigned i = 0;

        if (!is_cpu(&e, &id))
            continue;
        while (i < count && ids[i] != id)
            i++;
        if (i == count)
            ids[count++] = id;
    }
    return count;
}

bool acpi_mcfg_range(struct acpi_bytes mcfg, uint32_t index, struct acpi_ecam *out)
{
    if (index >= MCFG_MAX || mcfg.length < MCFG_FIRST || (mcfg.length - MCFG_FIRST) / MCFG_ENTRY <= index)
        return false;
    uint32_t at = MCFG_FIRST + index * MCFG_ENTRY;
    out->base = acpi_get(mcfg, at, 8);
    out->segment = (uint16_t)acpi_get(mcfg, at + 8, 2);
    out->start_bus = (uint8_t)acpi_get(mcfg, at + 10, 1);
    out->end_bus = (uint8_t)acpi_get(mcfg, at + 11, 1);
    return out->base != 0 && out->start_bus <= out->end_bus;
}

struct acpi_gas acpi_get_gas(struct acpi_bytes t, uint32_t offset)
{
    return (struct acpi_gas){
        .space = (uint8_t)acpi_get(t, offset, 1),
        .width = (uint8_t)acpi_get(t, offset + 1, 1),
        .access = (uint8_t)acpi_get(t, offset + 3, 1),
        .address = acpi_get(t, offset + 4, 8),
    };
}

struct acpi_gas acpi_fadt_pm_timer(struct acpi_bytes fadt, bool *wide)
{
    *wide = (acpi_get(fadt, FADT_FLAGS, 4) & FADT_FLAG_TMR_VAL_EXT) != 0;
    struct acpi_gas gas = acpi_get_gas(fadt, FADT_X_PM_TMR_BLK);
    if (gas.address == 0)
        gas = (struct acpi_gas){.space = 1, .width = 32, .address = acpi_get(fadt, FADT_PM_TMR_BLK, 4)};
    return gas;
}

static bool is_16550(uint32_t type)
{
    return type == SERIAL_16550 || type == SERIAL_16550_DBGP || type == SERIAL_16550_GAS;
}

bool acpi_spcr_serial(struct acpi_bytes spcr, struct acpi_gas *out)
{
    if (!acpi_is(spcr, "SPCR") || !is_16550((uint32_t)acpi_get(spcr, SPCR_TYPE, 1)))
        return false;
    *out = acpi_get_gas(spcr, SPCR_BASE);
    return out->address != 0;
}

static bool dbg2_device(struct acpi_bytes dev, struct acpi_gas *out)
{
    if (acpi_get(dev, DBG2_TYPE, 2) != DBG2_SERIAL || !is_16550((uint32_t)acpi_get(dev, DBG2_SUBTYPE, 2)))
        return false;
    if (acpi_get(dev, DBG2_REGISTERS, 1) == 0)
        return false;
    *out = acpi_get_gas(dev, (uint32_t)acpi_get(dev, DBG2_REGISTERS_AT, 2));
    return out->address != 0;
}

bool acpi_dbg2_serial(struct acpi_bytes dbg2, struct acpi_gas *out)
{
    if (!acpi_is(dbg2, "DBG2"))
        return false;
    uint32_t at = (uint32_t)acpi_get(dbg2, DBG2_FIRST, 4);
    uint32_t count = (uint32_t)acpi_get(dbg2, DBG2_COUNT, 4);
    for (uint32_t i = 0; i < count && i < DBG2_DEVICES_MAX; i++) {
        uint32_t length = at < dbg2.length ? (uint32_t)acpi_get(dbg2, at + DBG2_LENGTH, 2) : 0;
        if (length == 0 || length > dbg2.length - at)
            return false;
        if (dbg2_device((struct acpi_bytes){dbg2.at + at, length}, out))
            return true;
        at += length;
    }
    return false;
}
