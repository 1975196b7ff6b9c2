/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long ioasid_data_find and a pair of ioasid_free and ioasid_alloc take with 1 to 1,000,000 live IDs, in
 * the order of their numbers and in random order, beside a plain array, a bitmap and a radix tree. One
 * thread. Lines: what, order, live IDs, whose, nanoseconds (memory: bytes), separated by tabs; bench.py reads
 * them.
 *
 * The fastest run of each counts. All numbers of live IDs are gone through several times, so that whoever
 * disturbs the host for some seconds meets only one of these sweeps; in a sweep everybody is measured by
 * turns, and each time twice without a break: the second run finds in the caches what the first one left
 * there, and not what somebody else did.
 *
 * Everybody walks the caller's list of handles from its start, so that reading it costs next to nothing: for
 * the random order the list itself is shuffled. What is touched in that order is the table behind a call,
 * and nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iommu/ioasid.h"
#include "tests/host/bench/bench_platform.h"
#include "tests/host/bench/peers.h"

#define MAX_LIVE 1000000u
#define SIZES    7 /* 1, 10, ... MAX_LIVE live IDs */
#define SWEEPS   5
#define ROUNDS   2
#define RUNS     2
#define OPS      1000000u /* each of MAX_LIVE, once */
#define NODES    17000u   /* of 64 slots, for a million of them */
#define GRACE    64u      /* pairs between two grace periods */

enum { SEQUENTIAL, RANDOM, ORDERS };
static const char *const order_names[ORDERS] = {"sequential", "random"};

static struct ioasid_set *set;
static ioasid_t *ids;
static uint32_t *numbers; /* of the bitmap and the radix tree */
static struct peer_array *array;
static struct peer_bitmap *bitmap;
static struct peer_radix radix = {.room = NODES};
static uint64_t wrong; /* answers that are not what they should be */

static void must(int rc)
{
    if (rc == 0)
        return;
    fprintf(stderr, "ioasid_bench: a call failed: %d\n", rc);
    exit(1);
}

static void *mark(void)
{
    return &wrong;
}

/* ---- Orders ---- */

/* The handles, and the peers' numbers with them. */
static void shuffle(uint32_t live)
{
    uint64_t x = 88172645463325252ull;

    for (uint32_t i = live - 1; i > 0; i--) {
        ioasid_t id = ids[i];
        uint32_t number = numbers[i], k;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        k = (uint32_t)(x % (i + 1));
        ids[i] = ids[k];
        ids[k] = id;
        numbers[i] = numbers[k];
        numbers[k] = number;
    }
}

static uint32_t next(uint32_t i, uint32_t live)
{
    return i + 1 == live ? 0 : i + 1;
}

/* ---- What is measured: `ops` operations in the order of the list ---- */

static void find_ioasid(uint32_t live, uint32_t ops)
{
    void *data;

    plat_read_enter();
    for (uint32_t n = 0, i = 0; n < ops; n++, i = next(i, live))
        wrong += ioasid_data_find(set, ids[i], &data) != 0;
    plat_read_exit();
}

static void find_array(uint32_t live, uint32_t ops)
{
    void *data;

    for (uint32_t n = 0, i = 0; n < ops; n++, i = next(i, live))
        wrong += peer_array_find(array, ioasid_number(ids[i]), &data) != 0;
}

static void find_radix(uint32_t live, uint32_t ops)
{
    void *data;

    for (uint32_t n = 0, i = 0; n < ops; n++, i = next(i, live))
        wrong += peer_radix_find(&radix, ioasid_number(ids[i]), &data) != 0;
}

/* While one CPU is up, which is all that one thread needs. */
static void pair_ioasid(uint32_t live, uint32_t ops)
{
    for (uint32_t n = 0, i = 0; n < ops; n++, i = next(i, live)) {
        ioasid_t *id = &ids[i];

        wrong += ioasid_free(set, *id) != 0;
        wrong += ioasid_alloc(set, 1, IOASID_NUMBERS - 1, id) != 0;
        if (n % GRACE == GRACE - 1)
            bench_grace();
    }
    bench_grace();
}

static void pair_shared(uint32_t live, uint32_t ops)
{
    bench_several_cpus(true);
    pair_ioasid(live, ops);
    bench_several_cpus(false);
}

/* What exclusion alone costs of such a pair. */
static void pair_locks(unused uint32_t live, uint32_t ops)
{
    bench_locks(2 * ops);
}

static void pair_locks_shared(uint32_t live, uint32_t ops)
{
    bench_several_cpus(true);
    pair_locks(live, ops);
    bench_several_cpus(false);
}

static void pair_bitmap(uint32_t live, uint32_t ops)
{
    for (uint32_t n = 0, i = 0; n < ops; n++, i = next(i, live)) {
        peer_bitmap_give(bitmap, numbers[i]);
        wrong += peer_bitmap_take(bitmap, &numbers[i]) != 0;
    }
}

static void pair_radix(uint32_t live, uint32_t ops)
{
    for (uint32_t n = 0, i = 0; n < ops; n++, i = next(i, live)) {
        peer_radix_give(&radix, numbers[i]);
        wrong += peer_radix_take(&radix, mark(), &numbers[i]) != 0;
    }
}

static const struct subject {
    const char *what;
    const char *whose;
    void (*run)(uint32_t live, uint32_t ops);
} subjects[] = {
    {"find", "array", find_array},
    {"find", "ioasid", find_ioasid},
    {"find", "radix", find_radix},
    {"pair", "ioasid", pair_ioasid},
    {"pair", "radix", pair_radix},
    {"pair", "bitmap", pair_bitmap},
    {"pair", "locks", pair_locks},
    {"pair", "shared", pair_shared},
    {"pair", "locks-shared", pair_locks_shared},
};

/* ---- Rounds ---- */

/* What came of one number of live IDs. */
static struct size {
    uint32_t live;
    size_t empty, full; /* bytes of the core */
    double best[ORDERS][ARRAY_SIZE(subjects)];
} sizes[SIZES];

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The bitmap is searched from its start, which takes microseconds when it is full: fewer operations do. */
static uint32_t ops_of(const struct subject *s, uint32_t live)
{
    return s->run == pair_bitmap && live > 1000 ? OPS / 100 : OPS;
}

static void measure(const struct subject *s, uint32_t live, double *best)
{
    uint32_t ops = ops_of(s, live);

    for (unsigned run = 0; run < RUNS; run++) {
        double start = now(), ns;

        s->run(live, ops);
        ns = (now() - start) / ops;
        if (*best == 0 || ns < *best)
            *best = ns;
    }
}

/* All that is called so, by turns. */
static void measure_all(const char *what, uint32_t live, double *best)
{
    for (unsigned n = 0; n < ROUNDS * ARRAY_SIZE(subjects); n++) {
        unsigned s = n % ARRAY_SIZE(subjects);

        if (strcmp(subjects[s].what, what) == 0)
            measure(&subjects[s], live, &best[s]);
    }
}

static void print(const struct size *size)
{
    printf("memory\tempty\t%u\tioasid\t%zu\nmemory\tfull\t%u\tioasid\t%zu\n", size->live, size->empty,
           size->live, size->full);
    for (unsigned kind = 0; kind < ORDERS; kind++) {
        for (unsigned s = 0; s < ARRAY_SIZE(subjects); s++)
            printf("%s\t%s\t%u\t%s\t%.2f\n", subjects[s].what, order_names[kind], size->live,
                   subjects[s].whose, size->best[kind][s]);
    }
}

/* ---- One number of live IDs ---- */

static struct ioasid_core *fill(struct size *size)
{
    uint32_t live = size->live;
    struct ioasid_core *core;

    must(ioasid_core_create(IOASID_BITS, &core));
    set = ioasid_system_set(core);
    size->empty = bench_bytes();
    /* 0 is never an IOASID: taken, so that all number alike. */
    must(peer_radix_take(&radix, mark(), &numbers[0]));
    must(peer_bitmap_take(bitmap, &numbers[0]));
    for (uint32_t i = 0; i < live; i++) {
        must(ioasid_alloc(set, 1, IOASID_NUMBERS - 1, &ids[i]));
        must(ioasid_data_set(core, ids[i], mark()));
        array->slots[ioasid_number(ids[i])] = mark();
        must(peer_radix_take(&radix, mark(), &numbers[i]));
        must(peer_bitmap_take(bitmap, &numbers[i]));
    }
    size->full = bench_bytes();
    return core;
}

static void clear(struct ioasid_core *core, uint32_t live)
{
    for (uint32_t i = 0; i < live; i++)
        must(ioasid_free(set, ids[i]));
    bench_grace();
    must(ioasid_core_destroy(core));
    memset(array, 0, sizeof(*array));
    memset(bitmap, 0, sizeof(*bitmap));
    peer_radix_clear(&radix);
}

static void sweep(struct size *size)
{
    for (unsigned kind = 0; kind < ORDERS; kind++) {
        struct ioasid_core *core = fill(size);

        if (kind == RANDOM)
            shuffle(size->live);
        measure_all("find", size->live, size->best[kind]);
        measure_all("pair", size->live, size->best[kind]);
        clear(core, size->live);
    }
}

/* An argument: no more live IDs than that. */
int main(int argc, char **argv)
{
    uint32_t most = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : MAX_LIVE;
    unsigned count = 0;

    ids = bench_alloc(MAX_LIVE * sizeof(*ids));
    numbers = bench_alloc(MAX_LIVE * sizeof(*numbers));
    array = bench_alloc(sizeof(*array));
    bitmap = bench_alloc(sizeof(*bitmap));
    radix.pool = bench_alloc(NODES * sizeof(*radix.pool));
    for (uint32_t live = 1; live <= most && live <= MAX_LIVE; live *= 10)
        sizes[count++].live = live;
    for (unsigned n = 0; n < SWEEPS * count; n++)
        sweep(&sizes[n % count]);
    for (unsigned n = 0; n < count; n++)
        print(&sizes[n]);
    if (bench_bytes() != 0 || wrong != 0) {
        fprintf(stderr, "ioasid_bench: %llu wrong answers, %zu bytes left over\n", (unsigned long long)wrong,
                bench_bytes());
        return 1;
    }
    return 0;
}
