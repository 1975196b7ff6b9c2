/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: a stream of fault records with any contents, from a unit whose status says anything: polling
 * ends, gives no more than was asked for, and each record has its one line of text.
 *
 * The input is a sequence of pieces: a byte that says what, then its bytes. 0: a record of 16 bytes is
 * recorded. 1: FSTS becomes 4 bytes as they are. 2: a record register becomes 16 bytes as they are. 3: poll
 * for up to that many records.
 */
#include <stdlib.h>
#include <string.h>

#include "iommu/vtd_fault.h"
#include "iommu/vtd_unit.h"
#include "tests/host/fuzz.h"
#include "tests/host/stub_unit.h"

#define RECORDS 4 /* CAP.NFR + 1 */
#define MOST    8

static struct stub_unit stub;
static struct vtd_unit *unit;

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* One unit for all inputs; how it was left is part of the next one's. */
static void make_unit(void)
{
    const struct stub_cfg cfg = {.base = {0xfeda0000},
                                 .ver = 0x60,
                                 .cap = FIELD_PREP(VTD_CAP_ND, 6) | FIELD_PREP(VTD_CAP_SAGAW, 6) |
                                        FIELD_PREP(VTD_CAP_MGAW, 47) | FIELD_PREP(VTD_CAP_FRO, 0x22) |
                                        FIELD_PREP(VTD_CAP_NFR, 3) | SPAN_MASK(VTD_CAP_ESRTPS),
                                 .ecap = FIELD_PREP(VTD_ECAP_IRO, 0xf) | SPAN_MASK(VTD_ECAP_QI) |
                                         SPAN_MASK(VTD_ECAP_SMTS) | SPAN_MASK(VTD_ECAP_FSTS)};
    const char *why;

    host_log_level(LOG_ERROR);
    stub_unit_create(&stub, &cfg);
    check(vtd_unit_create(cfg.base, PAGE_SIZE, 0, 46, &unit, &why) == 0);
}

static void poll(unsigned max)
{
    struct vtd_fault faults[MOST];
    unsigned count = vtd_fault_poll(unit, faults, max, NULL);
    char text[200];

    check(count <= max);
    for (unsigned i = 0; i < count; i++) {
        vtd_fault_text(&faults[i], text, sizeof(text));
        check(text[0] != '\0' && strlen(text) < sizeof(text) && strchr(text, '\n') == NULL);
    }
}

/* `size` bytes of the input, or as many as there are and zeros. */
static void take(const uint8_t **data, size_t *left, void *out, size_t size)
{
    size_t have = *left < size ? *left : size;

    memset(out, 0, size);
    memcpy(out, *data, have);
    *data += have;
    *left -= have;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vtd_frcd record;
    uint32_t offset;
    uint8_t what;

    if (unit == NULL)
        make_unit();
    while (size > 0) {
        take(&data, &size, &what, 1);
        take(&data, &size, &record, what % 4 == 3 ? 0 : what % 4 == 1 ? 4 : sizeof(record));
        offset = 0x220 + what / 4 % RECORDS * sizeof(record);
        if (what % 4 == 0)
            stub_record_fault(&stub, &record);
        else if (what % 4 == 1)
            stub_set_reg(&stub, VTD_OFF_FSTS, 4, (uint32_t)record.q[0]);
        else if (what % 4 == 2)
            stub_set_reg(&stub, offset, 8, record.q[0]);
        if (what % 4 == 2)
            stub_set_reg(&stub, offset + 8, 8, record.q[1]);
        if (what % 4 == 3)
            poll(what / 4 % MOST + 1);
    }
    vtd_fault_clear(unit);
    return 0;
}
