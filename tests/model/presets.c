/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Units to choose from, and which capabilities go with each other. VT-d 5.10, Capability Register, Extended
 * Capability Register: "reported 0 unless".
 */
#include <string.h>

#include "tests/model/model_priv.h"

#define C(field)     SPAN_MASK(VTD_CAP_##field)
#define E(field)     SPAN_MASK(VTD_ECAP_##field)
#define CV(field, v) FIELD_PREP(VTD_CAP_##field, v)
#define EV(field, v) FIELD_PREP(VTD_ECAP_##field, v)
#define LEVELS_3_4   (SPAN_MASK(VTD_SAGAW_3LEVEL) | SPAN_MASK(VTD_SAGAW_4LEVEL))
#define LEVELS_3_4_5 (LEVELS_3_4 | SPAN_MASK(VTD_SAGAW_5LEVEL))
#define DRAINS       (C(DRD) | C(DWD))
#define SCALABLE     (E(QI) | E(SMTS) | E(PT))
#define INTERRUPTS   (E(IR) | E(EIM) | EV(MHMV, 15))
#define DEVICES      (E(DT) | E(PASID) | EV(PSS, 19) | E(DIT) | E(PRS) | E(PDS))

/* Registers, descriptors and fields that the model does not have. */
#define NOT_MODELLED_CAP  C(ECMDS)
#define NOT_MODELLED_ECAP (E(MTS) | E(HPTS) | E(PMS) | E(RDTS) | E(TDXCS))

/* Where fault records, IVA and IOTLB lie; emulators have them elsewhere. */
#define CAP_PLACES  (CV(FRO, 0x40) | CV(NFR, 7))
#define ECAP_PLACES EV(IRO, 0x50)

#define HOSTILE .slow = true, .tear = true, .spurious = true, .speculate = true

static const struct {
    const char *name;
    struct model_config cfg;
} presets[] = {
    /* As little as scalable mode can have: 16 domains, no page-selective flush, one record, nothing snooped.
     */
    {"minimal",
     {.ver = 0x20,
      .cap = CV(SAGAW, LEVELS_3_4) | CV(MGAW, 38) | CV(FRO, 0x40) | DRAINS,
      .ecap = E(QI) | E(SMTS) | E(SSTS) | ECAP_PLACES,
      .haw = 39,
      .cache_max = 2,
      HOSTILE}},
    {"client",
     {.ver = 0x60,
      .cap = CV(ND, 4) | CV(SAGAW, LEVELS_3_4) | CV(MGAW, 47) | CV(SSLPS, 3) | C(PSI) | CV(MAMV, 18) |
             DRAINS | C(FS1GP) | C(PLMR) | C(PHMR) | C(ESIRTPS) | C(ESRTPS) | CAP_PLACES,
      .ecap = SCALABLE | INTERRUPTS | E(SC) | E(FSTS) | E(SSTS) | E(NEST) | E(RPS) | ECAP_PLACES,
      .haw = 46,
      .cache_max = 2,
      .collapse = true,
      HOSTILE}},
    {"server",
     {.ver = 0x60,
      .cap = CV(ND, 6) | CV(SAGAW, LEVELS_3_4_5) | CV(MGAW, 56) | CV(SSLPS, 3) | C(PSI) | CV(MAMV, 18) |
             DRAINS | C(FS1GP) | C(FS5LP) | C(PI) | C(ESIRTPS) | C(ESRTPS) | CAP_PLACES,
      .ecap = SCALABLE | INTERRUPTS | DEVICES | E(C) | E(SC) | E(FSTS) | E(SSTS) | E(NEST) | E(SMPWCS) |
              E(SRS) | E(NWFS) | E(EAFS) | E(SSADS) | E(RPS) | E(RPRIVS) | E(SMS) | E(ADMS) | ECAP_PLACES,
      .haw = 52,
      .cache_max = 4,
      HOSTILE}},
    /* What a hypervisor may show a guest: entries that were not present are cached as well, PASIDs are the
     * host's. */
    {"guest",
     {.ver = 0x60,
      .cap = CV(ND, 6) | CV(SAGAW, LEVELS_3_4) | CV(MGAW, 47) | CV(SSLPS, 3) | C(PSI) | CV(MAMV, 18) | C(CM) |
             DRAINS | C(FS1GP) | C(ESIRTPS) | C(ESRTPS) | CAP_PLACES,
      .ecap = SCALABLE | INTERRUPTS | DEVICES | E(C) | E(SC) | E(FSTS) | E(SSTS) | E(NEST) | E(SMPWCS) |
              E(SRS) | E(NWFS) | E(RPS) | E(VCS) | ECAP_PLACES,
      .vccap = SPAN_MASK(VTD_VCCAP_NS) | SPAN_MASK(VTD_VCCAP_PAS) | SPAN_MASK(VTD_VCCAP_FPS),
      .haw = 46,
      .cache_max = 4,
      HOSTILE}},
    /* Emulators: what they report, and their known deviations. */
    {"qemu-7.2",
     {.ver = 0x10,
      .cap = CV(ND, 6) | CV(SAGAW, LEVELS_3_4) | CV(MGAW, 47) | CV(SSLPS, 3) | C(PSI) | CV(MAMV, 18) |
             DRAINS | CV(FRO, 0x22),
      .ecap = SCALABLE | E(IR) | EV(MHMV, 15) | E(SRS) | E(SSTS) | EV(IRO, 0xf),
      .haw = 48,
      .cache_max = 8,
      .collapse = true,
      .pasid_p_ignored = true,
      .aw_in_first_stage = true,
      .no_iqercd = true,
      .restart_at_tail = true,
      .no_fault_cap = true}},
    {"qemu-10.0",
     {.ver = 0x10,
      .cap = CV(ND, 6) | CV(SAGAW, LEVELS_3_4) | CV(MGAW, 47) | C(PSI) | CV(MAMV, 18) | DRAINS | C(FS1GP) |
             CV(FRO, 0x22),
      .ecap = SCALABLE | E(IR) | EV(MHMV, 15) | E(FSTS) | EV(IRO, 0xf),
      .haw = 48,
      .cache_max = 8,
      .collapse = true,
      .pasid_p_ignored = true,
      .aw_in_first_stage = true,
      .no_iqercd = true,
      .restart_at_tail = true,
      .no_fault_cap = true}},
    {"qemu-11.1",
     {.ver = 0x10,
      .cap = CV(ND, 6) | CV(SAGAW, LEVELS_3_4) | CV(MGAW, 47) | C(PSI) | CV(MAMV, 18) | DRAINS | C(FS1GP) |
             C(ESRTPS) | CV(FRO, 0x22),
      .ecap = SCALABLE | E(IR) | EV(MHMV, 15) | E(FSTS) | EV(IRO, 0xf),
      .haw = 48,
      .cache_max = 8,
      .collapse = true,
      .pasid_p_ignored = true,
      .aw_in_first_stage = true,
      .no_iqercd = true,
      .restart_at_tail = true,
      .no_fault_cap = true}},
    /* Its capabilities come from the seed. */
    {"random", {HOSTILE}},
};

const char *model_preset_name(unsigned n)
{
    return n < ARRAY_SIZE(presets) ? presets[n].name : NULL;
}

/* ---- Chance ---- */

static uint64_t some_of(struct model *m, uint64_t bits)
{
    uint64_t out = 0;

    for (unsigned i = 0; i < 64; i++) {
        if (bit_is_set(bits, i) && rnd(m, 2) == 0)
            out |= pow2(i);
    }
    return out;
}

/* The newer VERs have no second-stage widths where there is no second stage. */
static uint64_t some_widths(struct model *m)
{
    if (m->cfg.ver >= 0x60 && !ECAP(m, SSTS))
        return 0;
    return CV(SAGAW, rnd(m, 3) == 0 ? LEVELS_3_4_5 : LEVELS_3_4);
}

static void draw_stages(struct model *m)
{
    uint64_t stages = rnd(m, 3) + 1;

    if (stages != 2)
        m->cfg.ecap |= E(FSTS);
    if (stages != 1)
        m->cfg.ecap |= E(SSTS);
    if (stages == 3)
        m->cfg.ecap |= some_of(m, E(NEST));
    if (stages != 2)
        m->cfg.cap |= some_of(m, C(FS1GP) | C(FS5LP));
    m->cfg.cap |= some_widths(m);
    if (ECAP(m, SMPWCS) && ECAP(m, FSTS))
        m->cfg.ecap |= some_of(m, E(EAFS));
    if (ECAP(m, SMPWCS) && ECAP(m, SSTS))
        m->cfg.ecap |= some_of(m, E(SSADS));
}

static void draw_devices(struct model *m)
{
    if (rnd(m, 2) == 0) {
        m->cfg.ecap |= INTERRUPTS;
        m->cfg.cap |= some_of(m, C(PI));
    }
    if (rnd(m, 3) == 0)
        m->cfg.ecap |= DEVICES | some_of(m, E(NWFS));
    if (ECAP(m, SRS))
        m->cfg.ecap |= some_of(m, E(RPRIVS));
}

/* A possible unit that every driver of scalable mode can use: one stage at least, snooping or not. */
static void make_random(struct model *m)
{
    static const uint32_t versions[] = {0x20, 0x40, 0x50, 0x60, 0x70, 0x80};

    m->cfg.ver = versions[rnd(m, ARRAY_SIZE(versions))];
    m->cfg.haw = 39 + rnd(m, 14);
    m->cfg.cap = CV(MGAW, m->cfg.haw - 1) | DRAINS | CV(FRO, 0x40) | CV(NFR, rnd(m, 16)) |
                 some_of(m, C(CM) | C(ESRTPS) | C(ESIRTPS) | C(PLMR) | C(PHMR) | C(ZLR));
    m->cfg.cap |= CV(ND, rnd(m, 7));
    if (rnd(m, 2) == 0)
        m->cfg.cap |= C(PSI) | CV(MAMV, rnd(m, 19)) | CV(SSLPS, 3);
    m->cfg.ecap = SCALABLE | ECAP_PLACES | some_of(m, E(C) | E(SC) | E(RPS) | E(SMPWCS) | E(SRS) | E(ADMS));
    draw_stages(m);
    draw_devices(m);
    m->cfg.cache_max = 1 + rnd(m, 4);
    m->cfg.collapse = rnd(m, 2) == 0;
}

bool model_preset(const char *name, uint64_t seed, struct model_config *out)
{
    struct model m = {.rng = seed * 2 + 1};

    for (unsigned i = 0; i < ARRAY_SIZE(presets); i++) {
        if (strcmp(presets[i].name, name) != 0)
            continue;
        m.cfg = presets[i].cfg;
        if (m.cfg.cap == 0)
            make_random(&m);
        m.cfg.seed = seed;
        *out = m.cfg;
        return true;
    }
    return false;
}

/* ---- What goes with what ---- */

bool preset_is_possible(const struct model *m)
{
    static const struct {
        uint64_t what, needs;
    } ecap[] = {
        {E(DT), E(QI)},
        {E(IR), E(QI)},
        {E(EIM), E(IR)},
        {E(SMTS), E(QI)},
        {E(FSTS), E(SMTS)},
        {E(NEST), E(SMTS) | E(FSTS) | E(SSTS)},
        {E(PRS), E(DT) | E(SMTS)},
        {E(SRS), E(SMTS)},
        {E(NWFS), E(DT)},
        {E(EAFS), E(FSTS) | E(SMPWCS)},
        {E(PASID), E(SMTS)},
        {E(DIT), E(DT)},
        {E(PDS), E(DT)},
        {E(SSADS), E(SMPWCS)},
        {E(SMPWCS), E(SMTS)},
        {E(RPS), E(SMTS)},
        {E(RPRIVS), E(SRS)},
        {E(PTRS), E(DT) | E(PASID)},
        {E(SSIRWS), E(SSTS)},
        {E(SMS), E(PRS)},
        {E(EIMER), E(EIM)},
        {E(IRREQ), E(IR)},
    };

    for (size_t i = 0; i < ARRAY_SIZE(ecap); i++) {
        if ((m->cfg.ecap & ecap[i].what) != 0 && (m->cfg.ecap & ecap[i].needs) != ecap[i].needs)
            return false;
    }
    if ((m->cfg.cap & NOT_MODELLED_CAP) != 0 || (m->cfg.ecap & NOT_MODELLED_ECAP) != 0)
        return false;
    if ((CAP(m, FS1GP) || CAP(m, FS5LP)) && !ECAP(m, FSTS))
        return false;
    /* What VER tells. */
    if ((m->cfg.ver >= 0x20 && (!CAP(m, DRD) || !CAP(m, DWD))) ||
        (m->cfg.ver >= 0x60 && !ECAP(m, SSTS) && CAP(m, SAGAW) != 0) || (ECAP(m, SSTS) && CAP(m, SAGAW) == 0))
        return false;
    if ((CAP(m, RWBF) && ECAP(m, SMTS)) || (CAP(m, PI) && !ECAP(m, IR)) || CAP(m, SSLPS) == 2 ||
        CAP(m, ND) == 7)
        return false;
    return m->cfg.cache_max >= 1 && m->cfg.cache_max <= 8 && m->cfg.haw >= 32 && m->cfg.haw <= 52;
}
