/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole runs inside a case: bodies that fail on purpose, and what the report says of them. */
#include <stdio.h>
#include <string.h>

#include "tests/harness/runner.h"

/* ---- The inner bodies ---- */

static void passes(struct t *t)
{
    T_ASSERT_EQ(t, 1, 1);
}

static void skips(struct t *t)
{
    t_skip(t, "CAP.ODD = %d", 0);
}

static void fails(struct t *t)
{
    t_note(t, "the note");
    T_EXPECT_EQ(t, 1 + 1, 3);
    T_ASSERT_ERR(t, -EBUSY, -EALREADY);
    t_note(t, "not reached");
}

static void errs(struct t *t)
{
    t_error(t, "engine %s is silent", "x");
}

static void checks_nothing(struct t *t)
{
    t_note(t, "nothing");
}

static void hangs(struct t *t)
{
    t_reached(t);
    for (;;)
        plat_relax();
}

static void traps(struct t *t)
{
    t_reached(t);
    __builtin_trap();
}

static void panics(struct t *t)
{
    t_reached(t);
    plat_assert(!"on purpose");
}

static void fails_then_traps(struct t *t)
{
    T_EXPECT(t, !t);
    __builtin_trap();
}

static void fails_then_skips(struct t *t)
{
    T_EXPECT(t, !t);
    t_skip(t, "too late");
}

static void blames(struct t *t)
{
    t_blame(t, T_PLATFORM, "shown by hand");
    t_fail(t, "it is so");
}

static void passes_once(struct t *t)
{
    static uint64_t first;
    uint64_t now = t_rand64(t);

    if (!first)
        first = now;
    T_ASSERT_EQ(t, now, first);
}

static void floods(struct t *t)
{
    for (unsigned i = 0; i < 2000; i++)
        t_note(t, "line %u of many", i);
    t_fail(t, "after the flood");
}

static void deviates(struct t *t)
{
    T_DEVIATES(t, "E-900", T_EXPECT_EQ(t, 1 + 1, 3));
    T_EXPECT_EQ(t, 1 + 1, 2);
}

static void deviates_for_good(struct t *t)
{
    T_DEVIATES(t, "E-900", T_ASSERT_EQ(t, 1 + 1, 3));
    t_note(t, "not reached");
}

static void deviates_cold(struct t *t)
{
    T_EXPECT_ERR(t, -EIO, 0);
    deviates(t);
}

static void deviates_and_fails(struct t *t)
{
    deviates(t);
    T_EXPECT_ERR(t, -EIO, 0);
}

static void deviates_and_leaks(struct t *t)
{
    deviates(t);
    T_EXPECT(t, plat_alloc(64, OWNER_TEST) != NULL);
}

static void deviates_and_traps(struct t *t)
{
    deviates(t);
    __builtin_trap();
}

static void deviates_elsewhere(struct t *t)
{
    T_DEVIATES(t, "E-901 E-9000", T_EXPECT_EQ(t, 1 + 1, 3));
}

static struct t_case inner(const char *name, void (*body)(struct t *t))
{
    return (struct t_case){.suite = "inner", .name = name, .body = body, .timeout_ms = 200, .flaws = "K1"};
}

/* One that never comes back: its time is all that it takes. */
static struct t_case stuck(void)
{
    struct t_case c = inner("stuck", hangs);

    c.timeout_ms = 5;
    return c;
}

/* ---- One inner run ---- */

static const struct erratum inner_errata[] = {
    {"E-900", "toy", {1, 0, 0, 0}, {1, 9, 0, 0}, "r1", "a known one"},
    {"E-901", "toy", {1, 5, 0, 0}, {2, 9, 0, 0}, "r1", "another one"}};

struct inner_run {
    char out[24576];
    size_t len;
    struct args args;
    struct totals totals;
    int code;
};

static struct inner_run seen; /* too large for a stack */

static void keep(void *ctx, const char *text, size_t size)
{
    struct inner_run *r = ctx;

    if (size > sizeof(r->out) - 1 - r->len)
        size = sizeof(r->out) - 1 - r->len;
    memcpy(r->out + r->len, text, size);
    r->len += size;
    r->out[r->len] = 0;
}

static void run_inner(struct t *t, const char *line, const struct t_case *const *cases, size_t count)
{
    struct runner run = {.cases = cases,
                         .case_count = count,
                         .args = &seen.args,
                         .errata = inner_errata,
                         .errata_count = ARRAY_SIZE(inner_errata),
                         .write = keep,
                         .ctx = &seen,
                         .bare = true};
    char why[64];

    memset(&seen, 0, sizeof(seen));
    T_ASSERT_OK(t, args_parse(line, &seen.args, why, sizeof(why)));
    seen.code = runner_run(&run);
    seen.totals = run.totals;
    t_note(t, "inner report:\n%.400s", seen.out);
}

static void run_one(struct t *t, const char *line, struct t_case c)
{
    const struct t_case *list[] = {&c};

    run_inner(t, line, list, 1);
}

#define SAYS(t, text) T_EXPECT(t, strstr(seen.out, text) != NULL)
#define MUTE(t, text) T_EXPECT(t, strstr(seen.out, text) == NULL)

static void check_counts(struct t *t, unsigned passed, unsigned failed, unsigned skipped, int code)
{
    T_EXPECT_EQ(t, seen.totals.passed, passed);
    T_EXPECT_EQ(t, seen.totals.failed, failed);
    T_EXPECT_EQ(t, seen.totals.skipped, skipped);
    T_EXPECT_EQ(t, seen.code, code);
}

/* ---- Verdicts ---- */

TEST(harness, verdict_pass, .doc = "a passing case: ok, a time, counts, exit code 0")
{
    run_one(t, "", inner("good", passes));
    SAYS(t, "TAP version 13\n1..1\nok 1 - inner.good\n# time_us ");
    SAYS(t, "\npasidcheck: 1 passed, 0 failed, 0 skipped\n");
    check_counts(t, 1, 0, 0, 0);
}

TEST(harness, verdict_skip, .doc = "a skipped case gives its reason; a run of skips only ends with 3")
{
    run_one(t, "", inner("skipped", skips));
    SAYS(t, "ok 1 - inner.skipped # SKIP CAP.ODD = 0\n");
    check_counts(t, 0, 0, 1, 3);
}

TEST(harness, verdict_need, .doc = "a case whose needs are not met is skipped by the runner, with the reason")
{
    struct t_case c = inner("needy", passes);

    c.needs = NEED_FS | NEED_DMA;
    run_one(t, "", c);
    SAYS(t, "ok 1 - inner.needy # SKIP nested run\n");
    check_counts(t, 0, 0, 1, 3);
}

TEST(harness, verdict_fail,
     .doc = "a failing case shows place, expressions, values, ids, blame and the command to replay it")
{
    run_one(t, "seed=77", inner("bad", fails));
    SAYS(t, "not ok 1 - inner.bad\n# fail: ");
    SAYS(t, "harness_run_test.c:");
    SAYS(t, "1 + 1 == 3: seen 2, expected 3\n");
    SAYS(t, "# the note\n");
    SAYS(t, "-EBUSY: seen -EBUSY, expected -EALREADY\n");
    SAYS(t, "# flaws: K1\n");
    SAYS(t, "# blame: driver\n");
    SAYS(t, "only=inner.bad seed=77");
    MUTE(t, "not reached");
    check_counts(t, 0, 1, 0, 5);
}

TEST(harness, replay_words, .doc = "the replay line has every word that had a say in the case")
{
    run_one(t, "seed=7 dmar=1 nvme=S1 only=inner.* skip=x log=warn", inner("bad", fails));
    SAYS(t, "only=inner.bad seed=7 dmar=1 nvme=S1");
    run_one(t, "depth=3 repeat=2", inner("bad", fails));
    SAYS(t, "only=inner.bad seed=1 repeat=2 depth=3");
}

TEST(harness, replay_home, .doc = "an emulator's run is replayed by make, a board's by the file on its stick")
{
    char line[64];

    report_replay(line, sizeof(line), false, "m", "only=a seed=1");
    T_EXPECT(t, strcmp(line, "make run M=m ARGS=\"only=a seed=1\"") == 0);
    report_replay(line, sizeof(line), false, "", "only=a");
    T_EXPECT(t, strcmp(line, "make run ARGS=\"only=a\"") == 0);
    report_replay(line, sizeof(line), true, "m", "only=a seed=1");
    T_EXPECT(t, strcmp(line, "\\EFI\\pasidcheck\\args.txt: only=a seed=1") == 0);
}

TEST(harness, verdict_error,
     .doc = "an error of the apparatus is no failure of the thing under test; exit code 4")
{
    run_one(t, "", inner("broken", errs));
    SAYS(t, "not ok 1 - inner.broken\n# error: engine x is silent\n");
    SAYS(t, "# blame: apparatus\n");
    T_EXPECT_EQ(t, seen.totals.error, 1u);
    check_counts(t, 0, 1, 0, 4);
}

TEST(harness, verdict_silence, .doc = "a case that checked nothing is an error")
{
    run_one(t, "", inner("silent", checks_nothing));
    SAYS(t, "# error: the case ended without a check\n");
    check_counts(t, 0, 1, 0, 4);
}

TEST(harness, verdict_hang, .doc = "a case that hangs is stopped and is an error")
{
    run_one(t, "", stuck());
    SAYS(t, "not ok 1 - inner.stuck\n# error: hung");
    SAYS(t, "# trace: 0x");
    check_counts(t, 0, 1, 0, 4);
}

TEST(harness, verdict_trap, .doc = "a case that traps is an error with a back-trace, and the run goes on")
{
    struct t_case bad = inner("traps", traps), good = inner("good", passes);
    const struct t_case *list[] = {&bad, &good};

    run_inner(t, "", list, 2);
    SAYS(t, "not ok 1 - inner.traps\n# error: trapped: ");
    SAYS(t, "# trace: 0x");
    SAYS(t, "ok 2 - inner.good\n");
    check_counts(t, 1, 1, 0, 4);
}

TEST(harness, verdict_panic, .doc = "a failed assertion of the code under test ends its case only")
{
    run_one(t, "", inner("panics", panics));
    SAYS(t, "# error: panicked: ");
    SAYS(t, "on purpose");
    check_counts(t, 0, 1, 0, 4);
}

TEST(harness, verdict_worst, .doc = "the worst verdict stays: a failure survives a later trap or skip")
{
    run_one(t, "", inner("both", fails_then_traps));
    SAYS(t, "# fail: ");
    SAYS(t, "trapped: ");
    check_counts(t, 0, 1, 0, 5);
    run_one(t, "", inner("late", fails_then_skips));
    MUTE(t, "# SKIP");
    check_counts(t, 0, 1, 0, 5);
}

TEST(harness, verdict_xfail,
     .doc = "a failure that an erratum of the platform explains is expected and counts as passed")
{
    struct t_case c = inner("known", deviates);

    c.xfail = "E-900";
    run_one(t, "platform=toy-1.5.2", c);
    SAYS(t, "not ok 1 - inner.known # TODO E-900 a known one\n");
    T_EXPECT_EQ(t, seen.totals.xfail, 1u);
    check_counts(t, 1, 0, 0, 0);
    c.body = deviates_for_good;
    run_one(t, "platform=toy-1.5.2", c);
    SAYS(t, "not ok 1 - inner.known # TODO E-900 a known one\n");
    MUTE(t, "not reached");
    check_counts(t, 1, 0, 0, 0);
    c.body = deviates;
    run_one(t, "platform=toy-2.0.0", c);
    check_counts(t, 0, 1, 0, 5);
    run_one(t, "", c);
    check_counts(t, 0, 1, 0, 5);
}

/* A case with an erratum that applies, and yet: `line` in the report, nothing of TODO. */
static void not_excused(struct t *t, void (*body)(struct t *t), const char *line, int code)
{
    struct t_case c = inner("known", body);

    c.xfail = "E-900";
    run_one(t, "platform=toy-1.0", c);
    SAYS(t, "not ok 1 - inner.known\n");
    SAYS(t, line);
    MUTE(t, "TODO");
    T_EXPECT_EQ(t, seen.totals.xfail, 0u);
    check_counts(t, 0, 1, 0, code);
}

TEST(harness, verdict_xfail_only,
     .doc = "an erratum excuses the check marked with it: not the warm-up, not a later check, not another's")
{
    not_excused(t, deviates_cold, "# fail: ", 5);
    not_excused(t, deviates_and_fails, "-EIO: seen -EIO, expected 0\n", 5);
    SAYS(t, "1 + 1 == 3: seen 2, expected 3\n");
    not_excused(t, fails, "# fail: ", 5);
    not_excused(t, deviates_elsewhere, "1 + 1 == 3: seen 2, expected 3\n", 5);
}

TEST(harness, verdict_xfail_leak, .doc = "nor what the case leaves behind")
{
    not_excused(t, deviates_and_leaks, "# fail: left behind: owner test has ", 5);
    SAYS(t, "1 + 1 == 3: seen 2, expected 3\n");
}

TEST(harness, verdict_xfail_order, .doc = "of several errata the first one in .xfail that applies is named")
{
    struct t_case c = inner("known", deviates_elsewhere);

    c.xfail = "E-901 E-900";
    run_one(t, "platform=toy-1.6", c);
    SAYS(t, "# TODO E-901 another one\n");
    run_one(t, "platform=toy-1.0", c);
    MUTE(t, "TODO");
    c.xfail = "E-900 E-901";
    run_one(t, "platform=toy-1.6", c);
    MUTE(t, "TODO");
    run_one(t, "platform=toy-2.0", c);
    SAYS(t, "# TODO E-901 another one\n");
}

TEST(harness, verdict_unexpected, .doc = "a pass against an erratum of the platform is a failure")
{
    struct t_case c = inner("mended", passes);

    c.xfail = "E-900";
    run_one(t, "platform=toy-1.5.2", c);
    SAYS(t, "not ok 1 - inner.mended\n# unexpected-pass E-900\n");
    T_EXPECT_EQ(t, seen.totals.unexpected, 1u);
    check_counts(t, 0, 1, 0, 5);
}

TEST(harness, verdict_xfail_error, .doc = "no erratum excuses an error of the apparatus")
{
    not_excused(t, traps, "# error: trapped", 4);
    not_excused(t, deviates_and_traps, "# error: trapped", 4);
}

TEST(harness, verdict_blame, .doc = "a case that knows whose fault it is says so")
{
    run_one(t, "", inner("blames", blames));
    SAYS(t, "# fail: it is so\n");
    SAYS(t, "# blame: platform, shown by hand\n");
    check_counts(t, 0, 1, 0, 5);
}

/* ---- The run ---- */

TEST(harness, run_ktap,
     .doc = "KTAP on request: no dash, diagnostics first, ERROR, TIMEOUT and XFAIL as directives")
{
    struct t_case cases[] = {inner("good", passes), inner("broken", errs), stuck(), inner("known", deviates)};
    const struct t_case *list[] = {&cases[0], &cases[1], &cases[2], &cases[3]};

    cases[3].xfail = "E-900";
    run_inner(t, "format=ktap platform=toy-1.0", list, 4);
    SAYS(t, "KTAP version 1\n1..4\n");
    SAYS(t, "\nok 1 inner.good\n");
    SAYS(t, "\nnot ok 2 inner.broken # ERROR engine x is silent\n");
    SAYS(t, "\nnot ok 3 inner.stuck # TIMEOUT hung");
    SAYS(t, "\nok 4 inner.known # XFAIL E-900 a known one\n");
    check_counts(t, 2, 2, 0, 4);
}

TEST(harness, run_select, .doc = "only= and skip= name suites, cases or globs")
{
    struct t_case a = inner("alpha", passes), b = inner("beta", passes), c = inner("gamma", passes);
    const struct t_case *list[] = {&a, &b, &c};

    run_inner(t, "only=inner.*a skip=*.beta", list, 3);
    check_counts(t, 2, 0, 0, 0);
    MUTE(t, "beta");
    run_inner(t, "only=inner", list, 3);
    check_counts(t, 3, 0, 0, 0);
    run_inner(t, "only=outer.*", list, 3);
    SAYS(t, "# error: only= and skip= leave no case\n");
    check_counts(t, 0, 1, 0, 4);
}

TEST(harness, run_repeat,
     .doc = "repeat= gives each round its own random numbers and stops at the first that does not pass")
{
    run_one(t, "repeat=5", inner("good", passes));
    check_counts(t, 1, 0, 0, 0);
    run_one(t, "repeat=5", inner("moody", passes_once));
    SAYS(t, "# round: 2 of 5\n");
    SAYS(t, "repeat=5");
    check_counts(t, 0, 1, 0, 5);
}

TEST(harness, run_flood, .doc = "more notes than there is room for are counted, not lost in silence")
{
    run_one(t, "", inner("flood", floods));
    SAYS(t, "# fail: after the flood\n");
    SAYS(t, "more notes did not fit)\n");
}

TEST(harness, run_exit_code,
     .doc = "a failure weighs more than an error, and both more than skips and passes")
{
    struct t_case cases[] = {inner("a", passes), inner("b", skips), inner("c", errs), inner("d", fails)};
    const struct t_case *list[] = {&cases[0], &cases[1], &cases[2], &cases[3]};

    run_inner(t, "", list, 4);
    SAYS(t, "# xfail 0, unexpected pass 0, error 1, dma-proven 0 (allowed 0, denied 0)\npasidcheck: 1 "
            "passed, 2 failed, 1 "
            "skipped\n");
    check_counts(t, 1, 2, 1, 5);
    run_inner(t, "", list, 2);
    check_counts(t, 1, 0, 1, 0);
}
