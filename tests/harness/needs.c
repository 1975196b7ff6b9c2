/* SPDX-License-Identifier: BSD-2-Clause */
/* Judge of .needs: what the units' registers and the devices found say, with the field as the reason of a
 * skip. */
#include <stdio.h>
#include <string.h>

#include "iommu/vtd_unit.h"
#include "tests/harness/fixture.h"

enum reg { CAP, ECAP };

/* A need that one bit of CAP or ECAP decides. */
struct cap_need {
    uint64_t need;
    const char *word; /* in listings */
    const char *field;
    enum reg reg;
    unsigned bit;
    bool value;
};

static const struct cap_need cap_needs[] = {
    {NEED_FS, "fs", "ECAP.FSTS", ECAP, 47, true},
    {NEED_NO_FS, "no-fs", "ECAP.FSTS", ECAP, 47, false},
    {NEED_SS, "ss", "ECAP.SSTS", ECAP, 46, true},
    {NEED_NO_SS, "no-ss", "ECAP.SSTS", ECAP, 46, false},
    {NEED_NEST, "nest", "ECAP.NEST", ECAP, 26, true},
    {NEED_NO_NEST, "no-nest", "ECAP.NEST", ECAP, 26, false},
    {NEED_PT, "pt", "ECAP.PT", ECAP, 6, true},
    {NEED_CM, "cm", "CAP.CM", CAP, 7, true},
    {NEED_NO_CM, "no-cm", "CAP.CM", CAP, 7, false},
    {NEED_SNOOP, "snoop", "ECAP.C", ECAP, 0, true},
    {NEED_NO_SNOOP, "no-snoop", "ECAP.C", ECAP, 0, false},
    {NEED_FS1G, "fs1g", "CAP.FS1GP", CAP, 56, true},
    {NEED_SS2M, "ss2m", "CAP.SSLPS bit 0", CAP, 34, true},
    {NEED_SS1G, "ss1g", "CAP.SSLPS bit 1", CAP, 35, true},
    {NEED_PSI, "psi", "CAP.PSI", CAP, 39, true},
    {NEED_RPS, "rps", "ECAP.RPS", ECAP, 49, true},
    {NEED_NO_RPS, "no-rps", "ECAP.RPS", ECAP, 49, false},
    {NEED_PASID, "pasid", "ECAP.PASID", ECAP, 40, true},
    {NEED_DT, "dt", "ECAP.DT", ECAP, 2, true},
    {NEED_NO_DT, "no-dt", "ECAP.DT", ECAP, 2, false},
    {NEED_PRS, "prs", "ECAP.PRS", ECAP, 29, true},
    {NEED_NO_PRS, "no-prs", "ECAP.PRS", ECAP, 29, false},
    {NEED_PDS, "pds", "ECAP.PDS", ECAP, 42, true},
    {NEED_SC, "sc", "ECAP.SC", ECAP, 7, true},
    {NEED_SMPWCS, "smpwcs", "ECAP.SMPWCS", ECAP, 48, true},
    {NEED_IR, "ir", "ECAP.IR", ECAP, 3, true},
    {NEED_ADMS, "adms", "ECAP.ADMS", ECAP, 52, true},
    {NEED_VCS, "vcs", "ECAP.VCS", ECAP, 44, true},
    {NEED_NO_EIM, "no-eim", "ECAP.EIM", ECAP, 4, false},
    {NEED_NO_VCS, "no-vcs", "ECAP.VCS", ECAP, 44, false},
    {NEED_DWD, "dwd", "CAP.DWD", CAP, 54, true},
    {NEED_NO_ESRTPS, "no-esrtps", "CAP.ESRTPS", CAP, 63, false},
};

/* Those that imply a started object. */
#define NEED_DMA_ANY                                                                                         \
    (NEED_DMA | NEED_DMA_READ | NEED_DMA_2 | NEED_DMA_3 | NEED_DMA_QUEUED | NEED_DMA_STATUS | NEED_GROUP |   \
     NEED_DMA_HELD | NEED_DMA_TAG)

static const struct {
    uint64_t need;
    const char *word;
} other_needs[] = {
    {NEED_DMAR, "dmar"},         {NEED_IOMMU, "iommu"},           {NEED_UNITS_2, "units-2"},
    {NEED_DMA, "dma"},           {NEED_DMA_READ, "dma-read"},     {NEED_DMA_2, "dma-2"},
    {NEED_DMA_3, "dma-3"},       {NEED_DMA_QUEUED, "dma-queued"}, {NEED_DMA_STATUS, "dma-status"},
    {NEED_GROUP, "group"},       {NEED_TARGET, "target"},         {NEED_HOST, "host"},
    {NEED_THREADS, "threads"},   {NEED_VER_1_0, "ver-1.0"},       {NEED_DMA_BYTES, "dma-bytes"},
    {NEED_DMA_HELD, "dma-held"}, {NEED_RID_PASID, "rid-pasid"},   {NEED_ASKED, "asked"},
    {NEED_CPUS_2, "cpus-2"},     {NEED_CPUS_4, "cpus-4"},         {NEED_DMA_TAG, "dma-tag"},
};

/* Lane rid_pasid has nothing to go by. */
static bool rid_pasid_unused(const struct vtd_unit *unit, char *why, size_t size)
{
    if (vtd_unit_uses_rid_pasid(unit))
        return false;
    snprintf(why, size, "ECAP.RPS = 0, RID_PASID is not used");
    return true;
}

/* Nor lane pasid. */
static bool pasid_unused(const struct vtd_unit *unit, char *why, size_t size)
{
    if (unit->caps.pasid)
        return false;
    snprintf(why, size, "ECAP.PASID = 0");
    return true;
}

static bool unit_unmet(const struct iommu *iommu, unsigned u, uint64_t needs, char *why, size_t size)
{
    const struct vtd_caps *caps = &iommu->units[u]->caps;
    char where[24] = "";

    if (iommu->unit_count > 1)
        snprintf(where, sizeof(where), " (unit %u)", u);
    for (unsigned i = 0; i < ARRAY_SIZE(cap_needs); i++) {
        const struct cap_need *n = &cap_needs[i];
        bool value = ((n->reg == CAP ? caps->cap : caps->ecap) >> n->bit) & 1;

        if ((needs & n->need) && value != n->value) {
            snprintf(why, size, "%s = %d%s", n->field, value, where);
            return true;
        }
    }
    if ((needs & NEED_VER_1_0) && (caps->major != 1 || caps->minor != 0)) {
        snprintf(why, size, "VER = %u.%u%s", caps->major, caps->minor, where);
        return true;
    }
    return (needs & NEED_RID_PASID) && rid_pasid_unused(iommu->units[u], why, size);
}

static bool needs_units(uint64_t needs)
{
    for (unsigned i = 0; i < ARRAY_SIZE(cap_needs); i++) {
        if (needs & cap_needs[i].need)
            return true;
    }
    return needs & (NEED_IOMMU | NEED_UNITS_2 | NEED_VER_1_0 | NEED_RID_PASID | NEED_DMA_ANY);
}

static bool home_unmet(uint64_t needs, char *why, size_t size)
{
    if ((needs & NEED_TARGET) && env_is_host())
        snprintf(why, size, "host process");
    else if ((needs & NEED_HOST) && !env_is_host())
        snprintf(why, size, "firmware");
    else if ((needs & NEED_HOST) && !env_has_stubs())
        snprintf(why, size, "units translate");
    else if ((needs & NEED_THREADS) && !env_has_threads())
        snprintf(why, size, "threads run one after the other");
    else if (env_cpus() < (needs & NEED_CPUS_4 ? 4u : needs & NEED_CPUS_2 ? 2u : 1u))
        snprintf(why, size, "CPUs = %u", env_cpus());
    else if ((needs & NEED_DMAR) && !env_dmar_count())
        snprintf(why, size, "no DMAR table");
    else
        return false;
    return true;
}

bool needs_unmet(const struct runner *run, const struct t_case *c, char *why, size_t size)
{
    const struct iommu *iommu = run->bare ? NULL : fixture_iommu();

    if (home_unmet(c->needs, why, size))
        return true;
    if (!needs_units(c->needs))
        return false;
    if (!iommu) {
        snprintf(why, size, "%s", run->bare ? "nested run" : fixture_reason());
        return true;
    }
    for (unsigned u = 0; u < iommu->unit_count; u++) {
        if (unit_unmet(iommu, u, c->needs, why, size))
            return true;
    }
    if ((c->needs & NEED_UNITS_2) && iommu->unit_count < 2) {
        snprintf(why, size, "DRHD count = %u", iommu->unit_count);
        return true;
    }
    return false;
}

/* Devices of the engine that share no requester id with an earlier one. */
static unsigned count_apart(enum dma_engine engine, bool *group)
{
    unsigned apart = 0;
    struct dma_dev *dev;

    *group = false;
    for (unsigned n = 0; (dev = dma_dev_get(engine, n)); n++) {
        if (n && dma_same_group(dma_dev_get(engine, n - 1), dev))
            *group = true;
        else
            apart++;
    }
    return apart;
}

/* Engines that only cases made for them can use: the choice is no obstacle, and gives no reason. A device TLB
 * answers itself what a unit would record: it takes the cases that look at memory in every lane. */
static bool for_others(const struct t_case *c, const struct dma_dev *dev)
{
    if (c->engines && !(c->engines & T_BIT(dev->engine)))
        return true;
    if (dev->held && !(c->needs & NEED_DMA_HELD))
        return true;
    return dev->device_tlb && !(c->lanes & T_BIT(T_LANE_PASID));
}

bool needs_engine_unmet(const struct t_case *c, enum dma_engine engine, char *why, size_t size)
{
    const struct dma_dev *dev = dma_dev_get(engine, 0);
    const char *name = dma_engine_name(engine);
    unsigned want = c->needs & NEED_DMA_3 ? 3 : c->needs & NEED_DMA_2 ? 2 : 1, have;
    bool group;

    why[0] = 0;
    if (!dev || for_others(c, dev))
        return true;
    have = count_apart(engine, &group);
    if (have < want)
        snprintf(why, size, "%s devices = %u", name, have);
    else if ((c->needs & NEED_DMA_BYTES) && dev->record_len)
        snprintf(why, size, "%s moves records of %u bytes only", name, dev->record_len);
    else if ((c->needs & NEED_DMA_READ) && (!dev->can_read || !(dev->tells || dev->wants)))
        snprintf(why, size, "%s cannot read", name);
    else if ((c->needs & NEED_DMA_QUEUED) && !dev->queued)
        snprintf(why, size, "%s translates when started", name);
    else if ((c->needs & NEED_DMA_HELD) && !dev->held)
        snprintf(why, size, "%s holds nothing back", name);
    else if ((c->needs & NEED_DMA_TAG) && !dev->can_tag)
        snprintf(why, size, "%s sends no PASID", name);
    else if ((c->needs & NEED_DMA_STATUS) && !dev->reports)
        snprintf(why, size, "%s has no status", name);
    else if ((c->needs & NEED_GROUP) && !group)
        snprintf(why, size, "no two %s devices share a requester id", name);
    else
        return false;
    return true;
}

bool needs_lane_unmet(const struct t_case *c, enum t_lane lane, enum dma_engine engine, char *why,
                      size_t size)
{
    const struct iommu *iommu = fixture_iommu();
    unsigned lanes = c->lanes ? c->lanes : T_BIT(T_LANE_RID);

    why[0] = 0;
    if (!(lanes & T_BIT(lane)))
        return true;
    if (lane == T_LANE_PASID && !dma_dev_get(engine, 0)->can_tag) {
        snprintf(why, size, "%s sends no PASID", dma_engine_name(engine));
        return true;
    }
    for (unsigned u = 0; u < iommu->unit_count; u++) {
        if (lane == T_LANE_RID_PASID && rid_pasid_unused(iommu->units[u], why, size))
            return true;
        if (lane == T_LANE_PASID && pasid_unused(iommu->units[u], why, size))
            return true;
    }
    return false;
}

void needs_words(uint64_t needs, char *out, size_t size)
{
    size_t len = 0;

    out[0] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(other_needs) && len < size; i++) {
        if (needs & other_needs[i].need)
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "", other_needs[i].word);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(cap_needs) && len < size; i++) {
        if (needs & cap_needs[i].need)
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " " : "", cap_needs[i].word);
    }
    if (!len)
        snprintf(out, size, "-");
}
