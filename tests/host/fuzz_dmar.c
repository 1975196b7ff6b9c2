/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: any bytes as a DMAR table, and any bytes as the configuration space that its paths are walked
 * through. An accepted table must be readable to its end. Built with clang -fsanitize=fuzzer, or with
 * replay.c, which feeds it the corpus (tests/host/corpus/dmar).
 *
 * The first byte of the input decides what is made right before parsing, so that inputs get past the header:
 * bit 0 signature, length and address width, bit 1 checksum. The table follows.
 */
#include <stdlib.h>
#include <string.h>

#include "iommu/dmar.h"
#include "tests/host/fuzz.h"

#define HEADER 48

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void repair(uint8_t *table, size_t size, uint8_t what)
{
    uint8_t sum = 0;

    if (size < HEADER)
        return;
    if (what & 1) {
        memcpy(table, "DMAR", 4);
        for (unsigned i = 0; i < 4; i++)
            table[4 + i] = (uint8_t)(size >> (8 * i));
        table[36] = 47;
    }
    if (what & 2) {
        for (size_t i = 0; i < size; i++)
            sum = (uint8_t)(sum + (i == 9 ? 0 : table[i]));
        table[9] = (uint8_t)-sum;
    }
}

/* Configuration space made of the table's own bytes. */
static uint32_t config(void *ctx, struct pci_id fn, uint16_t offset)
{
    const struct dmar *dmar = ctx;
    uint32_t value;
    size_t place = (fn.rid * 7u + offset) % (dmar->size - sizeof(value));

    memcpy(&value, dmar->bytes + place, sizeof(value));
    return value;
}

static void read_struct(struct dmar *dmar, const struct dmar_struct *s)
{
    uint32_t end = s->scopes;
    char text[80];

    dmar_for_each_scope(scope, dmar, s)
    {
        uint16_t rid;

        check(scope.offset == end && scope.size >= 6);
        end += scope.size;
        check(end <= s->offset + s->size);
        if (dmar_scope_rid(s, &scope, config, dmar, &rid) == 0)
            (void)dmar_covers(dmar, s, (struct pci_id){s->segment, rid}, config, dmar);
    }
    check(s->scopes == 0 || end == s->offset + s->size);
    dmar_struct_text(dmar, s, text, sizeof(text));
    check(strlen(text) < sizeof(text) && !strchr(text, '\n'));
}

/* Those that are passed over; returns their bytes. */
static uint32_t read_faulty(struct dmar *dmar)
{
    struct dmar_struct s = {0};
    const char *what = NULL;
    unsigned count = 0;
    uint32_t bytes = 0;

    for (; dmar_next_faulty(dmar, &s, &what); count++) {
        check(what != NULL && s.type == DMAR_RMRR);
        bytes += s.size;
        read_struct(dmar, &s);
    }
    check(count == dmar->faulty);
    return bytes;
}

/* Every byte belongs to the header, to a structure or to one that is passed over. */
static void read_table(struct dmar *dmar)
{
    uint32_t end = HEADER, bytes = HEADER + read_faulty(dmar);
    unsigned count = dmar->unknown;
    struct dmar_struct unit;
    char text[80];

    for (unsigned type = 0; type < DMAR_TYPES; type++)
        count += dmar->count[type];
    dmar_for_each(s, dmar)
    {
        check(s.offset >= end && s.size >= 4);
        end = s.offset + s.size;
        bytes += s.size;
        check(end <= dmar->size && count-- > 0);
        if (s.type == DMAR_RMRR)
            check(s.length > 0 && s.base.v % 4096 == 0 && s.base.v + (s.length - 1) > s.base.v);
        read_struct(dmar, &s);
    }
    check(bytes == dmar->size && count == 0);
    dmar_text(dmar, text, sizeof(text));
    if (dmar_unit_for(dmar, (struct pci_id){0, RID(1, 2, 3)}, config, dmar, &unit) == 0)
        check(unit.type == DMAR_DRHD && unit.segment == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dmar dmar;
    struct dmar_error error;
    uint8_t *table;
    char text[80];

    if (size == 0)
        return 0;
    /* A block of its own, of exactly that size: then ASan sees every byte too far. */
    table = malloc(size - 1 ? size - 1 : 1);
    check(table != NULL);
    memcpy(table, data + 1, size - 1);
    repair(table, size - 1, data[0]);
    if (dmar_parse(table, size - 1, &dmar, &error) == 0) {
        read_table(&dmar);
    } else {
        check(error.err < 0 && error.what && error.offset <= size);
        dmar_error_text(&error, text, sizeof(text));
    }
    free(table);
    return 0;
}
