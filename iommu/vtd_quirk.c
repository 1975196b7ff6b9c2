/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of quirks and their probes. A probe must not be true for any silicon.
 */
#include "iommu/vtd_quirk.h"

#include "iommu/platform.h"
#include "kernel/lib/bits.h"

/* No silicon of version 1.0 has scalable mode. */
static bool is_emulator(const struct vtd_caps *caps)
{
    return caps->smts && caps->major == 1 && caps->minor == 0;
}

static bool is_emulator_with_first_stage(const struct vtd_caps *caps)
{
    return is_emulator(caps) && caps->fsts;
}

static bool is_emulator_without_rps(const struct vtd_caps *caps)
{
    return is_emulator(caps) && !caps->rps;
}

struct quirk {
    const char *name;
    const char *text;
    bool (*probe)(const struct vtd_caps *caps);
    bool (*may_try)(const struct vtd_caps *caps); /* registers do not tell, a transfer would */
};

static const struct quirk quirks[VTD_QUIRK_COUNT] = {
    [VTD_QUIRK_P_IGNORED] = {"P_IGNORED",
                             "PASID entry with P = 0 is used while its context entry is cached: every retire "
                             "invalidates the context cache first (E-001)",
                             is_emulator, NULL},
    [VTD_QUIRK_FS_AW] =
        {"FS_AW",
         "AW, a field of the second stage, limits the addresses of a first stage: first-stage "
         "entries carry the width of their table (E-037)",
         is_emulator_with_first_stage, NULL},
    [VTD_QUIRK_RID_PASID_USED] =
        {"RID_PASID_USED",
         "RID_PASID of a context entry is used although ECAP.RPS = 0: lane rid_pasid "
         "works (E-018)",
         NULL, is_emulator_without_rps},
};

struct vtd_quirks vtd_quirk_probe(const struct vtd_caps *caps)
{
    struct vtd_quirks found = {0};

    for (enum vtd_quirk q = 0; q < VTD_QUIRK_COUNT; q++)
        vtd_quirk_set(&found, q, quirks[q].probe && quirks[q].probe(caps));
    return found;
}

bool vtd_quirk_may_try(enum vtd_quirk quirk, const struct vtd_caps *caps)
{
    return quirks[quirk].may_try && quirks[quirk].may_try(caps);
}

bool vtd_quirk_has(struct vtd_quirks set, enum vtd_quirk quirk)
{
    return bit_is_set(set.set, quirk);
}

void vtd_quirk_set(struct vtd_quirks *set, enum vtd_quirk quirk, bool on)
{
    plat_assert(quirk < VTD_QUIRK_COUNT);
    if (vtd_quirk_has(*set, quirk) != on)
        set->set = (uint32_t)(on ? set->set + pow2(quirk) : set->set - pow2(quirk));
}

const char *vtd_quirk_name(enum vtd_quirk quirk)
{
    return quirks[quirk].name;
}

const char *vtd_quirk_text(enum vtd_quirk quirk)
{
    return quirks[quirk].text;
}
