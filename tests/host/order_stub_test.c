/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite order, every ordering there is on the recording units: what a device reaches is read from the tables
 * in memory. Under sanitizers, hence not as far as `make enum`, which is the same without.
 */
#include "tests/host/stub_machine.h"
#include "tests/suites/order_judge.h"
#include "tests/suites/rig.h"

#include <string.h>

#define DEPTH       4
#define EDGES_DEPTH 12
#define NODES       1024u

/* One device of each unit, or two of the first one; bound in a lane, for a guest or for the host itself. */
struct setting {
    bool two_units;
    enum iommu_lane lane;
    bool native;
};

static struct order_judge judge; /* large for a stack */

static void open_tables(struct t *t, const struct setting *s)
{
    struct vtd_unit *unit = t->iommu->units[0];
    struct order_dev devs[SPEC_DEVS];
    struct pgtable_cfg table;
    struct vtd_dev any = {.unit = unit};

    if (iommu_set_lane(t->iommu, s->lane))
        t_skip(t, "ECAP.RPS = 0");
    for (unsigned d = 0; d < SPEC_DEVS; d++) {
        const struct stub_dev *dev = stub_machine_dev(s->two_units ? d : 0, s->two_units ? 0 : d);

        devs[d] = (struct order_dev){dev->id, dev->rids, dev->rid_count};
    }
    table = rig_table_cfg(&any, rig_unit_stage(unit), rig_unit_levels(unit));
    order_judge_open_tables(t, &judge, devs, &table, s->native);
}

static void close_tables(struct t *t)
{
    order_judge_close(&judge);
    T_ASSERT_OK(t, iommu_set_lane(t->iommu, IOMMU_LANE_RID));
}

/* ---- All sequences ---- */

static bool walk_all(struct order_run *run, void *arg)
{
    return order_all(run, arg);
}

static void enumerate(struct t *t, const struct setting *s)
{
    struct order_all all = {.depth = t_depth(t, DEPTH)};

    if (all.depth > ORDER_DEPTH_MAX)
        t_skip(t, "depth = %u: %d is the most", all.depth, ORDER_DEPTH_MAX);
    open_tables(t, s);
    order_judge(&judge, walk_all, &all);
    t_tell(t, "%llu sequences of up to %u steps", (unsigned long long)all.sequences, all.depth);
    close_tables(t);
}

TEST(order, enum_tables, .needs = NEED_HOST | NEED_IOMMU,
     .rows = "1 8 9 10 16 18 19 20 21 22 23 24 25 28 29 31 32 33 34 42", .flaws = "H4 C2",
     .doc = "all sequences of up to depth= steps (4) over two IOASIDs and a device of each unit: results, "
            "events, "
            "references, entries and what the tables let through are those of the abstract machine")
{
    enumerate(t, &(struct setting){.two_units = true});
}

TEST(order, enum_tables_rid_pasid, .needs = NEED_HOST | NEED_IOMMU | NEED_RPS, .rows = "8 9 10 16 18 23 29",
     .rules = "47", .doc = "the same by RID_PASID, two devices of one unit")
{
    enumerate(t, &(struct setting){.lane = IOMMU_LANE_RID_PASID});
}

TEST(order, enum_tables_native, .needs = NEED_HOST | NEED_IOMMU, .rules = "47", .flaws = "K4",
     .doc = "the same with bindings of the host's own, two devices of one unit")
{
    enumerate(t, &(struct setting){.native = true});
}

/* ---- Every step of every state ---- */

static bool walk_edges(struct order_run *run, void *arg)
{
    return order_edges(run, arg);
}

static struct order_edges walk_states(struct t *t, bool two_units)
{
    static struct order_node nodes[NODES];
    struct order_edges e = {.depth = t_depth(t, EDGES_DEPTH), .nodes = nodes, .room = NODES};

    if (e.depth > ORDER_DEPTH_MAX)
        t_skip(t, "depth = %u: %d is the most", e.depth, ORDER_DEPTH_MAX);
    open_tables(t, &(struct setting){.two_units = two_units});
    order_judge(&judge, walk_edges, &e);
    close_tables(t);
    return e;
}

TEST(order, edges_tables, .needs = NEED_HOST | NEED_IOMMU,
     .rows = "1 8 9 10 16 18 19 20 21 22 23 24 25 28 29 31 32 33 34 42", .rules = "47", .flaws = "C2",
     .doc = "every step of every state that sequences of up to depth= steps (12) reach, behind a shortest "
            "way to it; on "
            "one unit and on two")
{
    struct order_edges one = walk_states(t, false), two = walk_states(t, true);

    T_EXPECT_EQ(t, one.sequences, two.sequences);
    t_tell(t, "%u states, %llu steps out of them, twice", two.states, (unsigned long long)two.sequences);
}

/* ---- A failure, on purpose ---- */

struct golden {
    struct t *t;
    const char *const *lines; /* up to a NULL */
};

static void compare_line(void *ctx, const char *line)
{
    struct golden *g = ctx;

    T_EXPECT_EQ(g->t, line, *g->lines);
    g->lines += *g->lines != NULL;
}

/* Plays steps that are called by their letters: 'a'lloc 'g'et 'p'ut 'f'ree, 'b'ind 'u'nbind; IOASID; device.
 */
static bool play_letters(struct order_run *run, const char *letters)
{
    static const char calls[] = "agpbuf";

    for (const char *c = letters; *c; c += *c == ' ') {
        struct spec_op op = {.call = (uint8_t)(strchr(calls, *c) - calls), .id = (uint8_t)(c[1] - '0')};

        c += 2;
        if (spec_names_device(op.call))
            op.dev = (uint8_t)(*c++ - '0');
        if (!order_step(run, op, true))
            return false;
    }
    return true;
}

/* Free of a native binding, as the machine believes it to be. */
static const char *const native_words[] = {
    "3 steps (native), shortened from 9: the result differs",
    "as rows of play.h:",
    "{OWNER_ALLOC, 0, 0, 0, \"ALLOC:IDC\", \"--\"},",
    "{OWNER_BIND, 0, 1, 0, \"BIND:IDKC\", \"-0\"},",
    "{OWNER_FREE, 0, 0, -EBUSY, \"\", \"-0\"}",
    "as it should be      result        refs    entries reach events",
    "order 1: alloc 0     0             1 .     --      --    ALLOC:IDC",
    "order 2: bind 0 on 1 0             2 .     -0      -0    BIND:IDKC",
    "order 3: free 0      -EBUSY        2 .     -0      -0    ",
    "order seen:          -EINPROGRESS  . .     --      --    FREE:C UNBIND:K FREE:DI",
    NULL,
};

/* A device that reaches two IOASIDs. */
static const char *const reach_words[] = {
    "4 steps, shortened from 8: the result differs",
    "as rows of play.h:",
    "{OWNER_ALLOC, 0, 0, 0, \"ALLOC:IDC\", \"--\"},",
    "{OWNER_BIND, 0, 0, 0, \"BIND:IDKC\", \"0-\"},",
    "{OWNER_ALLOC, 1, 0, 0, \"ALLOC:IDC\", \"0-\"},",
    "{OWNER_BIND, 1, 0, 0, \"BIND:IDKC\", \"*-\"}",
    "as it should be      result        refs    entries reach events",
    "order 1: alloc 0     0             1 .     --      --    ALLOC:IDC",
    "order 2: bind 0 on 0 0             2 .     0-      0-    BIND:IDKC",
    "order 3: alloc 1     0             2 1     0-      0-    ALLOC:IDC",
    "order 4: bind 1 on 0 0             2 2     *-      *-    BIND:IDKC",
    "order seen:          -EBUSY        2 1     0-      0-    ",
    NULL,
};

static void expect_words(struct t *t, struct spec_rules wrong, const char *letters, const char *const *words)
{
    struct golden golden = {t, words};
    static struct order_case c;

    open_tables(t, &(struct setting){.two_units = true});
    T_ASSERT(t, order_rest(&judge.run));
    judge.run.rules = wrong;
    T_EXPECT(t, !play_letters(&judge.run, letters));
    T_EXPECT(t, order_shrink(&judge.run, &c));
    order_print(&wrong, &c, compare_line, &golden);
    T_EXPECT(t, *golden.lines == NULL);
    close_tables(t);
}

TEST(order, wrong_machine, .needs = NEED_HOST | NEED_IOMMU,
     .doc = "an abstract machine that is wrong on purpose: the failing sequence is made short, and printed "
            "as rows and "
            "step by step")
{
    expect_words(t, (struct spec_rules){.reach_max = 1, .native = true}, "a1 a0 g0 b01 b11 b10 u10 p0 f0",
                 native_words);
    expect_words(t, (struct spec_rules){.reach_max = 2}, "a0 b00 g0 a1 b01 g1 p0 b10", reach_words);
}
