/* SPDX-License-Identifier: BSD-2-Clause */
/* The header of a report: all that a reader or a tool needs to know about the run, as `# key: value`. */
#include <stdio.h>
#include <string.h>

#include "iommu/vtd_unit.h"
#include "tests/harness/fixture.h"

static void fact(void *ctx, const char *key, const char *value)
{
    report_line(ctx, "# %s: %s", key, value);
}

static void print_unit(const struct runner *run, unsigned n, const struct vtd_unit *unit)
{
    const struct vtd_caps *c = &unit->caps;
    const char *odd[8];
    unsigned odds = vtd_caps_oddities(c, odd, ARRAY_SIZE(odd));

    report_line(run,
                "# unit-%u: base 0x%llx segment %u version %u.%u cap 0x%016llx ecap 0x%016llx haw %u mgaw %u "
                "domain-id-bits %u fault-records %u",
                n, (unsigned long long)unit->base.v, unit->segment, c->major, c->minor,
                (unsigned long long)c->cap, (unsigned long long)c->ecap, c->haw, c->mgaw, c->nd_bits, c->nfr);
    report_line(run, "# unit-%u-stages:%s%s%s%s", n, c->fsts ? " first" : "", c->ssts ? " second" : "",
                c->nest ? " nested" : "", c->pt ? " pass-through" : "");
    for (enum vtd_quirk q = 0; q < VTD_QUIRK_COUNT; q++) {
        if (vtd_quirk_has(unit->quirks, q))
            report_line(run, "# unit-%u-quirk: %s, %s", n, vtd_quirk_name(q), vtd_quirk_text(q));
    }
    for (unsigned i = 0; i < odds && i < ARRAY_SIZE(odd); i++)
        report_line(run, "# unit-%u-oddity: %s", n, odd[i]);
}

static void print_refused(const struct runner *run, const struct iommu *iommu)
{
    for (unsigned i = 0; i < iommu->refused_count && i < IOMMU_MAX_UNITS; i++)
        report_line(run, "# unit-left-alone: base 0x%llx, %s", (unsigned long long)iommu->refused[i].base.v,
                    iommu->refused[i].why);
}

static void print_devices(const struct runner *run)
{
    struct dma_dev *dev;

    for (unsigned e = 0; e < DMA_ENGINE_COUNT; e++) {
        for (unsigned n = 0; (dev = dma_dev_get(e, n)); n++)
            report_line(run, "# device: %s, %s, requester %04x", dev->name, dma_place_name(dev->place),
                        dev->rids[0]);
    }
}

/* The pairs in which cases run that leave the choice to the runner. */
static void print_lanes(const struct runner *run)
{
    static const struct t_case any = {.lanes = T_BIT(T_LANE_COUNT) - 1};
    char text[160] = "", why[T_SKIP_SIZE];
    size_t len = 0;

    for (unsigned lane = 0; lane < T_LANE_COUNT; lane++) {
        for (unsigned e = 0; e < DMA_ENGINE_COUNT && len < sizeof(text); e++) {
            if (!needs_engine_unmet(&any, e, why, sizeof(why)) &&
                !needs_lane_unmet(&any, lane, e, why, sizeof(why)))
                len += (size_t)snprintf(text + len, sizeof(text) - len, " %s/%s", select_lane(lane),
                                        dma_engine_name(e));
        }
    }
    report_line(run, "# lanes:%s", len ? text : " none");
}

static void print_selection(const struct runner *run)
{
    const struct t_case *last = NULL;
    unsigned bodies = 0;

    for (unsigned i = 0; i < run->instance_count; i++) {
        bodies += run->instances[i].c != last;
        last = run->instances[i].c;
    }
    report_line(run, "# cases: %u of %u bodies", run->instance_count, bodies);
}

void header_print(struct runner *run)
{
    const struct iommu *iommu = fixture_iommu();
    const char *source, *line = env_args(&source);

    report_line(run, "# program: pasidcheck, %s", env_is_host() ? "host" : "firmware");
    env_facts(fact, run);
    report_line(run, "# platform: %s",
                run->args->platform[0] ? run->args->platform : "not named, no erratum applies");
    if (run->args->machine[0])
        report_line(run, "# machine: %s", run->args->machine);
    report_line(run, "# args: %s (from %s)", line, source);
    report_line(run, "# seed: %llu", (unsigned long long)run->args->seed);
    report_line(run, "# dmar: %u found, number %u used", env_dmar_count(), run->args->dmar);
    if (fixture_reason()[0])
        report_line(run, "# iommu: none, %s", fixture_reason());
    for (unsigned u = 0; iommu && u < iommu->unit_count; u++)
        print_unit(run, u, iommu->units[u]);
    if (iommu)
        print_refused(run, iommu);
    print_devices(run);
    if (iommu)
        print_lanes(run);
    print_selection(run);
}
