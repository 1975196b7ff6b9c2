/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See own_unit.h.
 */
#include "tests/host/own_unit.h"

#include <stdio.h>
#include <string.h>

static struct stub_unit stub;

struct stub_cfg own_cfg(void)
{
    return (struct stub_cfg){
        .base = {0xfeda0000},
        .ver = 0x60,
        .cap = FIELD_PREP(VTD_CAP_ND, 6) | FIELD_PREP(VTD_CAP_SAGAW, 6) | FIELD_PREP(VTD_CAP_MGAW, 47) |
               FIELD_PREP(VTD_CAP_FRO, 0x22) | FIELD_PREP(VTD_CAP_NFR, 3) | FIELD_PREP(VTD_CAP_SSLPS, 3) |
               FIELD_PREP(VTD_CAP_MAMV, 18) | SPAN_MASK(VTD_CAP_PSI) | SPAN_MASK(VTD_CAP_ESRTPS),
        .ecap = FIELD_PREP(VTD_ECAP_IRO, 0xf) | SPAN_MASK(VTD_ECAP_QI) | SPAN_MASK(VTD_ECAP_SMTS) |
                SPAN_MASK(VTD_ECAP_PT) | SPAN_MASK(VTD_ECAP_FSTS) | SPAN_MASK(VTD_ECAP_SSTS) |
                SPAN_MASK(VTD_ECAP_NEST) | SPAN_MASK(VTD_ECAP_RPS),
    };
}

void own_set(uint64_t *reg, uint64_t mask, bool on)
{
    *reg = on ? *reg | mask : *reg & ~mask;
}

void own_create(struct t *t, struct own_unit *own, const struct stub_cfg *cfg)
{
    const char *why = "";

    stub_unit_create(&stub, cfg);
    own->stub = &stub;
    own->unit = NULL;
    if (vtd_unit_create(cfg->base, PAGE_SIZE, 0, OWN_HAW, &own->unit, &why))
        t_fail(t, "vtd_unit_create: %s", why);
}

void own_start(struct t *t, struct own_unit *own, const struct stub_cfg *cfg)
{
    own_create(t, own, cfg);
    T_ASSERT_OK(t, vtd_unit_start(own->unit));
}

void own_close(struct t *t, struct own_unit *own)
{
    own->stub->faults = (struct stub_faults){0};
    if (own->unit->started)
        T_ASSERT_OK(t, vtd_unit_stop(own->unit));
    vtd_unit_destroy(own->unit);
    for (unsigned i = 0; i < own->stub->breach_count && i < STUB_BREACH_MAX; i++)
        t_note(t, "breach: %s", own->stub->breaches[i]);
    T_EXPECT_EQ(t, own->stub->breach_count, 0u);
}

struct vtd_dev *own_attach(struct t *t, struct own_unit *own)
{
    const uint16_t rid = OWN_RID;
    struct vtd_dev *dev = NULL;

    T_ASSERT_OK(t, vtd_dev_attach(own->unit, &(struct vtd_dev_cfg){.rids = &rid, .rid_count = 1}, &dev));
    return dev;
}

/* ---- Log ---- */

static char kept[8192];
static host_sink *before;

static void keep(unused enum plat_log level, const char *line)
{
    size_t len = strlen(kept);

    snprintf(kept + len, sizeof(kept) - len, "%s\n", line);
}

void own_log_begin(void)
{
    kept[0] = '\0';
    before = host_log_sink(keep);
}

bool own_log_has(const char *words)
{
    return strstr(kept, words) != NULL;
}

void own_log_end(void)
{
    (void)host_log_sink(before);
}
