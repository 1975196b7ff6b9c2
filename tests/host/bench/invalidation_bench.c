/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many descriptors and waits bind, unbind and free submit, counted by the units' own statistics, for one
 * IOASID on 1, 2 and 64 devices behind the two recording units. Lines: call, profile of the units, devices,
 * units touched, descriptors, waits of the first unit, waits of the second, separated by tabs; bench.py reads
 * them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "iommu/iommu.h"
#include "iommu/vtd_unit.h"
#include "tests/host/host.h"
#include "tests/host/stub_machine.h"

#define MAX_DEVS  64u
#define SETTLE_NS 5000000000ull

static const unsigned device_counts[] = {1, 2, 64};

struct bench {
    const char *profile;
    struct iommu *iommu;
    struct ioasid_set *set;
    struct iommu_dev *devs[MAX_DEVS];
    uint64_t waits[STUB_UNITS];
    uint64_t descriptors;
};

static void must(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "invalidation_bench: %s: %d\n", what, rc);
    exit(1);
}

/* ---- Counting ---- */

static uint64_t descriptors_of(const struct vtd_unit *unit)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < VTD_DESC_TYPES; i++)
        n += unit->stats.descriptors[i];
    return n;
}

static void start_counting(struct bench *b)
{
    b->descriptors = 0;
    for (unsigned u = 0; u < STUB_UNITS; u++) {
        b->waits[u] = b->iommu->units[u]->stats.waits;
        b->descriptors += descriptors_of(b->iommu->units[u]);
    }
}

static void print_count(const struct bench *b, const char *call, unsigned devs)
{
    uint64_t now = 0, waits[STUB_UNITS];

    for (unsigned u = 0; u < STUB_UNITS; u++) {
        waits[u] = b->iommu->units[u]->stats.waits - b->waits[u];
        now += descriptors_of(b->iommu->units[u]);
    }
    printf("%s\t%s\t%u\t%u\t%llu\t%llu\t%llu\n", call, b->profile, devs, devs > 1 ? 2u : 1u,
           (unsigned long long)(now - b->descriptors), (unsigned long long)waits[0],
           (unsigned long long)waits[1]);
}

/* ---- The machine ---- */

/* Devices by turns behind the bridge of each unit, whose bus number is 1 + the unit's. */
static void attach(struct bench *b, unsigned n)
{
    struct pci_id fn = {0, RID(1 + n % STUB_UNITS, n / STUB_UNITS % 32, n / STUB_UNITS / 32)};

    must(iommu_dev_attach(b->iommu, fn, &fn.rid, 1, IOASID_BITS, &b->devs[n]), "attach");
}

static void open(struct bench *b, const char *profile)
{
    char why[160] = "";
    size_t size;
    const void *dmar;

    *b = (struct bench){.profile = profile};
    must(stub_machine_create(profile), "stub_machine_create");
    dmar = stub_machine_dmar(&size);
    must(iommu_create(dmar, size, &b->iommu, why, sizeof(why)), why);
    must(iommu_start(b->iommu), "iommu_start");
    b->set = ioasid_system_set(b->iommu->ioasids);
    for (unsigned n = 0; n < MAX_DEVS; n++)
        attach(b, n);
}

static void close(struct bench *b)
{
    for (unsigned n = 0; n < MAX_DEVS; n++)
        must(iommu_dev_detach(b->devs[n]), "detach");
    must(iommu_stop(b->iommu), "iommu_stop");
    must(iommu_destroy(b->iommu), "iommu_destroy");
}

/* ---- What is counted ---- */

static ioasid_t bound(struct bench *b, unsigned devs)
{
    struct ioasid_bind_cfg cfg = {.stage = IOMMU_PASS_THROUGH, .guest = true, .spid = IOASID_NO_SPID};
    ioasid_t id;

    must(ioasid_alloc(b->set, 1, IOASID_NUMBERS - 1, &id), "alloc");
    start_counting(b);
    for (unsigned n = 0; n < devs; n++)
        must(ioasid_bind(b->set, id, b->devs[n], &cfg), "bind");
    return id;
}

static void settle(void)
{
    must(plat_idle_wait(SETTLE_NS), "idle");
}

static void count_free(struct bench *b, unsigned devs)
{
    ioasid_t id = bound(b, devs);
    int rc;

    print_count(b, "bind", devs);
    start_counting(b);
    rc = ioasid_free(b->set, id);
    must(rc == -EINPROGRESS ? 0 : rc, "free");
    settle();
    print_count(b, "free", devs);
}

/* The last one of `devs`: the one that takes the domain id with it. */
static void count_unbind(struct bench *b, unsigned devs)
{
    ioasid_t id = bound(b, devs);

    for (unsigned n = 0; n + 1 < devs; n++) {
        start_counting(b);
        must(ioasid_unbind(b->set, id, b->devs[n]), "unbind");
        if (n == 0)
            print_count(b, "unbind-first", devs);
    }
    start_counting(b);
    must(ioasid_unbind(b->set, id, b->devs[devs - 1]), "unbind");
    print_count(b, "unbind-last", devs);
    must(ioasid_free(b->set, id), "free");
    settle();
}

int main(void)
{
    static const char *const profiles[] = {"default", "cm"};
    struct bench b;

    for (unsigned p = 0; p < ARRAY_SIZE(profiles); p++) {
        open(&b, profiles[p]);
        for (unsigned i = 0; i < ARRAY_SIZE(device_counts); i++) {
            count_free(&b, device_counts[i]);
            count_unbind(&b, device_counts[i]);
        }
        close(&b);
    }
    return 0;
}
