/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The enumerator as a program of its own, without sanitizers and harness: all sequences up to a length and
 * every step of every state on the recording units, in processor time. depth=0 and edges=0 leave one of them
 * out; interleave=2 adds all interleavings of two calls with so many preemptions. Words, with what they are
 * without:
 *
 *     depth=6 edges=12 interleave=0 lane=rid|rid_pasid units=one|two profile=default native part=0/2
 *
 * The last line is that of a run with one case for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iommu/vtd_unit.h"
#include "tests/harness/env.h"
#include "tests/host/host.h"
#include "tests/host/interleave.h"
#include "tests/host/stub_machine.h"
#include "tests/suites/order_walk.h"

#define NODES 60000u

struct options {
    unsigned depth, edges, interleave, part, parts;
    bool rid_pasid, two_units, native;
    const char *profile;
};

static struct order_run run;
static struct options options;

static noreturn void give_up(const char *what, int rc)
{
    fprintf(stderr, "order_enum: %s: %d\n", what, rc);
    exit(4);
}

static void must(int rc, const char *what)
{
    if (rc)
        give_up(what, rc);
}

/* walk.c asks before it follows a pointer. */
bool env_phys_ok(paddr_t pa, size_t size)
{
    return host_phys_ok(pa, size);
}

/* ---- Arguments ---- */

static bool number(const char *word, const char *key, unsigned *out)
{
    size_t len = strlen(key);

    if (strncmp(word, key, len) != 0)
        return false;
    *out = (unsigned)strtoul(word + len, NULL, 10);
    return true;
}

static void parse(int argc, char **argv, struct options *o)
{
    *o = (struct options){.depth = 6, .edges = 12, .profile = "default"};
    for (int i = 1; i < argc; i++) {
        const char *w = argv[i];

        if (number(w, "depth=", &o->depth) || number(w, "edges=", &o->edges) ||
            number(w, "interleave=", &o->interleave))
            continue;
        if (strcmp(w, "lane=rid_pasid") == 0)
            o->rid_pasid = true;
        else if (strcmp(w, "units=two") == 0)
            o->two_units = true;
        else if (strcmp(w, "native") == 0)
            o->native = true;
        else if (strncmp(w, "profile=", 8) == 0)
            o->profile = w + 8;
        else if (sscanf(w, "part=%u/%u", &o->part, &o->parts) == 2 && o->part < o->parts)
            continue;
        else if (strcmp(w, "lane=rid") != 0 && strcmp(w, "units=one") != 0)
            give_up(w, -1);
    }
    if (o->depth > ORDER_DEPTH_MAX || o->edges > ORDER_DEPTH_MAX)
        give_up("depth", ORDER_DEPTH_MAX);
}

/* ---- The machine ---- */

static struct iommu *start(const struct options *o)
{
    char why[160] = "";
    struct iommu *iommu;
    const void *dmar;
    size_t size;

    must(stub_machine_create(o->profile), "profile");
    dmar = stub_machine_dmar(&size);
    must(iommu_create(dmar, size, &iommu, why, sizeof(why)), why);
    must(iommu_start(iommu), "iommu_start");
    must(iommu_set_lane(iommu, o->rid_pasid ? IOMMU_LANE_RID_PASID : IOMMU_LANE_RID), "lane");
    return iommu;
}

static bool renew(struct order_run *old);

static void open_run(const struct options *o, struct iommu *iommu)
{
    const struct vtd_caps *caps = &iommu->units[0]->caps;
    struct order_cfg cfg = {
        .owner = {.iommu = iommu,
                  .table = {.stage = caps->fsts ? PGTABLE_FIRST : PGTABLE_SECOND,
                            .levels = 4,
                            .input_bits = caps->fsts ? 0 : caps->mgaw,
                            .haw = caps->haw,
                            .page_sizes = PGTABLE_4K + (caps->fsts ? PGTABLE_2M : 0)}},
        .rules = {.reach_max = 1, .native = o->native},
    };

    for (unsigned d = 0; d < SPEC_DEVS; d++) {
        const struct stub_dev *dev = stub_machine_dev(o->two_units ? d : 0, o->two_units ? 0 : d);

        cfg.devs[d] = (struct order_dev){dev->id, dev->rids, dev->rid_count};
    }
    must(order_open(&run, &cfg), "order_open");
    run.renew = renew;
}

/* A new machine; what the old one held is never given out again. */
static bool renew(struct order_run *old)
{
    (void)old;
    host_abandon_work();
    host_quarantine(0);
    open_run(&options, start(&options));
    return true;
}

/* ---- Report ---- */

static void print(void *ctx, const char *line)
{
    (void)ctx;
    printf("# %s\n", line);
}

static void show_failure(void)
{
    struct order_case c;

    if (!order_shrink(&run, &c))
        printf("# something stays alive\n");
    order_print(&run.rules, &c, print, NULL);
}

/* The driver has stopped itself: what was asked of it last is all there is to tell. */
static void on_panic(const char *words)
{
    struct order_case c;

    order_as_it_is(&run, words, &c);
    printf("# fail: %s\n", words);
    order_print(&run.rules, &c, print, NULL);
    printf("pasidcheck: 0 passed, 1 failed, 0 skipped\n");
    fflush(stdout);
    exit(1);
}

static bool report(const char *what, bool ok, uint64_t sequences, clock_t began)
{
    double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;

    printf("%s\t%llu\t%.2f\t%.0f\n", what, (unsigned long long)sequences, seconds,
           seconds > 0 ? (double)sequences / seconds : 0);
    if (!ok)
        show_failure();
    return ok;
}

static bool all_sequences(const struct options *o)
{
    struct order_all all = {.depth = o->depth, .mode = ORDER_EXACT, .part = o->part, .parts = o->parts};
    clock_t began = clock();
    bool ok = order_all(&run, &all);

    return report("sequences", ok, all.sequences, began);
}

static bool all_edges(const struct options *o)
{
    struct order_edges e = {.depth = o->edges, .room = NODES, .nodes = calloc(NODES, sizeof(*e.nodes))};
    clock_t began = clock();
    bool ok = order_edges(&run, &e);

    if (e.full)
        give_up("states beyond", (int)NODES);
    printf("states\t%u\n", e.states);
    free(e.nodes);
    return report("edges", ok, e.sequences, began);
}

static bool all_interleavings(const struct options *o)
{
    struct interleave il = {.preemptions = o->interleave};
    clock_t began = clock();
    uint64_t runs = 0;
    bool ok = true;

    while (ok && il.prelude < INTERLEAVE_PRELUDES) {
        ok = interleave_all(&run, &il);
        runs += il.runs;
        printf("# after %s: %u pairs, %llu interleavings, up to %u seam calls\n",
               interleave_prelude(il.prelude), il.pairs, (unsigned long long)il.runs, il.points);
        il.prelude++;
    }
    printf("interleavings\t%llu\t%.2f\n", (unsigned long long)runs,
           (double)(clock() - began) / CLOCKS_PER_SEC);
    if (!ok)
        interleave_words(print, NULL);
    return ok;
}

int main(int argc, char **argv)
{
    unsigned asked, passed = 0;
    char text[160] = "";
    struct iommu *iommu;

    parse(argc, argv, &options);
    asked = (options.depth > 0) + (options.edges > 0) + (options.interleave > 0);
    iommu = start(&options);
    open_run(&options, iommu);
    host_on_panic(on_panic);
    if (options.depth)
        passed += all_sequences(&options);
    if (options.edges && !run.failed)
        passed += all_edges(&options);
    if (options.interleave && !run.failed)
        passed += all_interleavings(&options);
    if (passed == asked) {
        must(order_close(&run), "order_close");
        must(iommu_audit(iommu, 0, text, sizeof(text)), text);
    }
    printf("pasidcheck: %u passed, %u failed, 0 skipped\n", passed, passed < asked);
    return passed < asked;
}
