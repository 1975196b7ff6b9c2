/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Profiles, devices and DMAR of the simulated machine. VT-d 5.10, DMA Remapping Reporting Structure.
 */
#include "tests/host/stub_machine.h"

#include <errno.h>
#include <string.h>

#include "tests/host/model_machine.h"

#define UNIT_BASE(n) (0xfed90000ull + (n)*PAGE_SIZE)
#define STUB_HAW     46

static struct stub_unit units[STUB_UNITS];
static unsigned haw;
static bool remaps; /* INTR_REMAP of the DMAR table */

/* Unit 1 and its devices are of segment 1, with the requester ids of unit 0's. */
#define SEGMENTS "segments-"
static bool two_segments;

/* ---- Profiles ---- */

#define CAP_BASE                                                                                             \
    (FIELD_PREP(VTD_CAP_SAGAW, SPAN_MASK(VTD_SAGAW_3LEVEL) | SPAN_MASK(VTD_SAGAW_4LEVEL)) |                  \
     FIELD_PREP(VTD_CAP_MGAW, 47) | FIELD_PREP(VTD_CAP_FRO, 0x22) | FIELD_PREP(VTD_CAP_NFR, 3) |             \
     SPAN_MASK(VTD_CAP_DRD) | SPAN_MASK(VTD_CAP_DWD))
#define CAP_ND16  FIELD_PREP(VTD_CAP_ND, 6)
#define CAP_PAGES (SPAN_MASK(VTD_CAP_PSI) | FIELD_PREP(VTD_CAP_MAMV, 18) | FIELD_PREP(VTD_CAP_SSLPS, 3))
#define CAP_CM    SPAN_MASK(VTD_CAP_CM)

#define ECAP_BASE                                                                                            \
    (SPAN_MASK(VTD_ECAP_QI) | SPAN_MASK(VTD_ECAP_SMTS) | SPAN_MASK(VTD_ECAP_PT) |                            \
     FIELD_PREP(VTD_ECAP_IRO, 0xf))
#define ECAP_FS SPAN_MASK(VTD_ECAP_FSTS)
#define ECAP_SS SPAN_MASK(VTD_ECAP_SSTS)
#define ECAP_ALL                                                                                             \
    (ECAP_FS | ECAP_SS | SPAN_MASK(VTD_ECAP_NEST) | SPAN_MASK(VTD_ECAP_SC) | SPAN_MASK(VTD_ECAP_RPS))
#define ECAP_ATS                                                                                             \
    (SPAN_MASK(VTD_ECAP_DT) | SPAN_MASK(VTD_ECAP_PASID) | FIELD_PREP(VTD_ECAP_PSS, 19) |                     \
     SPAN_MASK(VTD_ECAP_DIT))
#define ECAP_IR (SPAN_MASK(VTD_ECAP_IR) | SPAN_MASK(VTD_ECAP_EIM))

static const struct profile {
    const char *name;
    uint32_t ver;
    uint64_t cap;
    uint64_t ecap;
    bool second_has_esrtps;
} profiles[] = {
    {"default", 0x60, CAP_BASE | CAP_ND16 | CAP_PAGES | SPAN_MASK(VTD_CAP_FS1GP), ECAP_BASE | ECAP_ALL, true},
    {"cm", 0x60, CAP_BASE | CAP_ND16 | CAP_PAGES | CAP_CM, ECAP_BASE | ECAP_ALL, true},
    {"fs", 0x60, CAP_BASE | CAP_ND16 | CAP_PAGES, ECAP_BASE | ECAP_FS, true},
    {"ss", 0x60, CAP_BASE | CAP_ND16 | CAP_PAGES, ECAP_BASE | ECAP_SS, true},
    {"old", 0x10, CAP_BASE | CAP_ND16 | CAP_PAGES, ECAP_BASE | ECAP_SS, false},
    {"small", 0x60, CAP_BASE, ECAP_BASE | ECAP_ALL, false},
    {"ir", 0x60, CAP_BASE | CAP_ND16 | CAP_PAGES, ECAP_BASE | ECAP_ALL | ECAP_IR, true},
    {"ats", 0x60, CAP_BASE | CAP_ND16 | CAP_PAGES, ECAP_BASE | ECAP_ALL | ECAP_ATS, true},
};

const char *stub_machine_profile(unsigned n)
{
    return n < ARRAY_SIZE(profiles) ? profiles[n].name : NULL;
}

static const struct profile *find_profile(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i];
    }
    return NULL;
}

static void power_on(const struct profile *p)
{
    for (unsigned i = 0; i < STUB_UNITS; i++) {
        struct stub_cfg cfg = {.base = {UNIT_BASE(i)}, .ver = p->ver, .cap = p->cap, .ecap = p->ecap};

        if (i == 1) {
            cfg.ecap |= SPAN_MASK(VTD_ECAP_C) | SPAN_MASK(VTD_ECAP_SMPWCS);
            cfg.cap |= p->second_has_esrtps ? SPAN_MASK(VTD_CAP_ESRTPS) | SPAN_MASK(VTD_CAP_ESIRTPS) : 0;
        }
        stub_unit_create(&units[i], &cfg);
    }
}

/* ---- Devices ---- */

/* The unit whose requester ids those of `unit` are. */
static unsigned like(unsigned unit)
{
    return two_segments ? 0 : unit;
}

static uint16_t segment_of(unsigned unit)
{
    return (uint16_t)(two_segments ? unit : 0);
}

static struct pci_id bridge_of(unsigned unit)
{
    return (struct pci_id){segment_of(unit), RID(0, 0x1c + like(unit), 0)};
}

static uint8_t bus_of(unsigned unit)
{
    return (uint8_t)(1 + like(unit));
}

static const struct stub_dev one_segment[STUB_UNITS][STUB_DEVS] = {
    {{{0, RID(0, 2, 0)}, {RID(0, 2, 0)}, 1},
     {{0, RID(0, 16, 0)}, {RID(0, 16, 0)}, 1},
     {{0, RID(1, 4, 0)}, {RID(1, 0, 0), RID(1, 4, 0)}, 2}},
    {{{0, RID(0, 3, 0)}, {RID(0, 3, 0)}, 1},
     {{0, RID(0, 17, 0)}, {RID(0, 17, 0)}, 1},
     {{0, RID(2, 4, 0)}, {RID(2, 0, 0), RID(2, 4, 0)}, 2}},
};

static const struct stub_dev one_segment_ats[STUB_UNITS][STUB_ATS_DEVS] = {
    {{{0, RID(0, 4, 0)}, {RID(0, 4, 0)}, 1}, {{0, RID(0, 18, 0)}, {RID(0, 18, 0)}, 1}},
    {{{0, RID(0, 5, 0)}, {RID(0, 5, 0)}, 1}, {{0, RID(0, 19, 0)}, {RID(0, 19, 0)}, 1}},
};

static const struct stub_dev stranger = {{0, RID(0, 30, 0)}, {RID(0, 30, 0)}, 1};

static struct stub_dev devs[STUB_UNITS][STUB_DEVS];
static struct stub_dev ats_devs[STUB_UNITS][STUB_ATS_DEVS];

static void choose_devices(void)
{
    for (unsigned u = 0; u < STUB_UNITS; u++) {
        memcpy(devs[u], one_segment[like(u)], sizeof(devs[u]));
        memcpy(ats_devs[u], one_segment_ats[like(u)], sizeof(ats_devs[u]));
        for (unsigned d = 0; d < STUB_DEVS; d++)
            devs[u][d].id.segment = segment_of(u);
        for (unsigned d = 0; d < STUB_ATS_DEVS; d++)
            ats_devs[u][d].id.segment = segment_of(u);
    }
}

/* One that can send PASIDs: 20 bits. */
static void plug_tagger(struct pci_id fn)
{
    host_pci_add(fn, 0x1234, 0x0001, 0xff0000, 0);
    plat_pci_write32(fn, 0x100, 0x0001001b);
    plat_pci_write32(fn, 0x104, 0x00001400);
}

/* And ATS with eight invalidations, and page requests, of which 64 may be open; in the root complex. */
static void plug_ats(struct pci_id fn)
{
    plug_tagger(fn);
    plat_pci_write32(fn, 0x04, 0x00100000);
    plat_pci_write32(fn, 0x34, 0x40);
    plat_pci_write32(fn, 0x40, 0x00920010);
    plat_pci_write32(fn, 0x100, 0x1101001b);
    plat_pci_write32(fn, 0x110, 0x1201000f);
    plat_pci_write32(fn, 0x114, 0x00000028);
    plat_pci_write32(fn, 0x120, 0x00010013);
    plat_pci_write32(fn, 0x124, 0x81000000);
    plat_pci_write32(fn, 0x128, 64);
}

static void plug_devices(void)
{
    for (unsigned u = 0; u < STUB_UNITS; u++) {
        host_pci_add(bridge_of(u), 0x1b36, 0x000e, 0x060400, bus_of(u));
        for (unsigned d = 0; d < STUB_DEVS; d++) {
            if (devs[u][d].rid_count == 1)
                plug_tagger(devs[u][d].id);
            else
                host_pci_add(devs[u][d].id, 0x1234, 0x0001, 0xff0000, 0);
        }
        for (unsigned d = 0; d < STUB_ATS_DEVS; d++)
            plug_ats(ats_devs[u][d].id);
    }
    plug_tagger(stranger.id);
}

struct stub_unit *stub_machine_unit(unsigned n)
{
    plat_assert(n < STUB_UNITS);
    return &units[n];
}

const struct stub_dev *stub_machine_dev(unsigned unit, unsigned n)
{
    plat_assert(unit < STUB_UNITS && n < STUB_DEVS);
    return &devs[unit][n];
}

const struct stub_dev *stub_machine_ats_dev(unsigned unit, unsigned n)
{
    plat_assert(unit < STUB_UNITS && n < STUB_ATS_DEVS);
    return &ats_devs[unit][n];
}

const struct stub_dev *stub_machine_stranger(void)
{
    return &stranger;
}

/* ---- DMAR ---- */

static uint8_t table[256];
static size_t table_size;

static void put(uint64_t value, unsigned bytes)
{
    plat_assert(table_size + bytes <= sizeof(table));
    memcpy(table + table_size, &value, bytes);
    table_size += bytes;
}

static void put_text(const char *text, unsigned bytes)
{
    plat_assert(strlen(text) == bytes && table_size + bytes <= sizeof(table));
    memcpy(table + table_size, text, bytes);
    table_size += bytes;
}

static void put_header(bool intr_remap)
{
    table_size = 0;
    put_text("DMAR", 4);
    put(0, 4); /* length, later */
    put(1, 1); /* revision */
    put(0, 1); /* checksum, later */
    put_text("PASIDC", 6);
    put_text("STUBUNIT", 8);
    put(1, 4);
    put_text("PSDC", 4);
    put(1, 4);
    put(haw - 1, 1);
    put(intr_remap, 1); /* flags */
    put(0, 8);          /* reserved, 10 bytes */
    put(0, 2);
}

/* Scope of one function: type 1 endpoint, 2 bridge with everything below it, 3 I/O APIC number `id`. */
static void put_scope(unsigned type, unsigned id, uint16_t rid)
{
    put(type, 1);
    put(8, 1);
    put(0, 2);
    put(id, 1);
    put(rid_bus(rid), 1);
    put(rid_dev(rid), 1);
    put(rid_fn(rid), 1);
}

static void put_unit(unsigned n)
{
    put(0, 2); /* DRHD */
    put(16 + (4 + STUB_ATS_DEVS) * 8, 2);
    put(0, 1); /* INCLUDE_PCI_ALL is clear */
    put(0, 1); /* one page of registers */
    put(segment_of(n), 2);
    put(UNIT_BASE(n), 8);
    put_scope(1, 0, devs[n][0].id.rid);
    put_scope(1, 0, devs[n][1].id.rid);
    put_scope(2, 0, bridge_of(n).rid);
    put_scope(3, STUB_IOAPIC(n), STUB_IOAPIC_RID(n));
    for (unsigned d = 0; d < STUB_ATS_DEVS; d++)
        put_scope(1, 0, ats_devs[n][d].id.rid);
}

static void put_satc(unsigned n)
{
    put(5, 2); /* SATC */
    put(8 + STUB_ATS_DEVS * 8, 2);
    put(0, 2); /* ATC is not required */
    put(segment_of(n), 2);
    for (unsigned d = 0; d < STUB_ATS_DEVS; d++)
        put_scope(1, 0, ats_devs[n][d].id.rid);
}

static void build_dmar(void)
{
    uint8_t sum = 0;

    put_header(remaps);
    for (unsigned i = 0; i < STUB_UNITS; i++)
        put_unit(i);
    for (unsigned i = 0; i < STUB_UNITS; i++)
        put_satc(i);
    memcpy(table + 4, &(uint32_t){(uint32_t)table_size}, 4);
    for (size_t i = 0; i < table_size; i++)
        sum = (uint8_t)(sum + table[i]);
    table[9] = (uint8_t)-sum;
}

const void *stub_machine_dmar(size_t *size)
{
    *size = table_size;
    return table;
}

/* ---- The whole ---- */

/* The units that a profile names: recording ones, or strict ones. */
static int make_units(const char *profile)
{
    static const uint64_t bases[STUB_UNITS] = {UNIT_BASE(0), UNIT_BASE(1)};
    const struct profile *p = find_profile(profile);
    int err;

    if (model_machine_is(profile)) {
        err = model_machine_create(profile, bases, STUB_UNITS);
        haw = model_machine_haw();
        remaps = model_machine_remaps();
        return err;
    }
    if (p == NULL)
        return -EINVAL;
    haw = STUB_HAW;
    remaps = FIELD_GET(VTD_ECAP_IR, p->ecap);
    power_on(p);
    return 0;
}

int stub_machine_create(const char *profile)
{
    int err;

    two_segments = strncmp(profile, SEGMENTS, strlen(SEGMENTS)) == 0;
    if (two_segments)
        profile += strlen(SEGMENTS);
    choose_devices();
    host_bus_reset();
    err = make_units(profile);
    if (err)
        return err;
    plug_devices();
    build_dmar();
    return 0;
}
