/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the harness: a run, its cases and the state of the running one. Suites see harness.h only; the
 * harness's own tests make nested runs with this.
 */
#ifndef TESTS_HARNESS_RUNNER_H
#define TESTS_HARNESS_RUNNER_H

#include <setjmp.h>

#include "iommu/platform.h"
#include "tests/dev/dma_dev.h"
#include "tests/harness/args.h"
#include "tests/harness/env.h"
#include "tests/harness/errata.h"
#include "tests/harness/harness.h"
#include "tests/harness/pattern.h"
#include "tests/harness/rng.h"

#define T_NOTES_SIZE  12288
#define T_NAME_SIZE   96
#define T_REASON_SIZE 320
#define T_SKIP_SIZE   96
#define T_TOLD_SIZE   160
#define T_MAX_MEMS    64

/*
 * Better first: a case keeps the worst one it met. V_DEVIATED: a check failed that the case marks as the
 * deviation which an erratum of the platform explains.
 */
enum verdict { V_PASS, V_SKIP, V_DEVIATED, V_ERROR, V_FAIL };

/* One line of the report: a case, and the lane and engine it runs with. */
struct instance {
    const struct t_case *c;
    bool dma; /* lane and engine mean something */
    enum t_lane lane;
    enum dma_engine engine;
    char skip[T_SKIP_SIZE]; /* "": it can run */
};

struct totals {
    unsigned passed; /* xfail included */
    unsigned failed; /* errors and unexpected passes included */
    unsigned skipped;
    unsigned xfail;
    unsigned unexpected;
    unsigned error;
    unsigned dma_cases; /* passing cases with at least one proven outcome */
    unsigned allowed;   /* proven outcomes in passing cases */
    unsigned denied;
};

struct runner {
    const struct t_case *const *cases;
    size_t case_count;
    const struct args *args;
    const struct erratum *errata;
    size_t errata_count;
    void (*write)(void *ctx, const char *text, size_t size);
    void *ctx;
    bool bare; /* nested run: no header, no IOMMU, of the accounts only memory */

    struct instance *instances;
    unsigned instance_count;
    struct totals totals;
};

/* The running case. */
struct t_state {
    struct t t; /* what the body sees */
    const struct runner *run;
    const struct instance *inst;
    char name[T_NAME_SIZE];
    const struct erratum *erratum; /* that applies here, or NULL */
    const char *deviates;          /* ids that the check under way is marked with, or NULL */

    jmp_buf end;           /* of the body */
    uintptr_t thread;      /* that may use it */
    bool ended;            /* the body was left before its end */
    struct plat_lock lock; /* notes, verdict and counters: checks come from any thread */
    enum verdict verdict;
    bool hung;
    char reason[T_REASON_SIZE]; /* of a skip, or the first complaint */
    unsigned checks;
    size_t notes_len;
    unsigned notes_lost; /* lines */
    bool blamed;
    enum t_blame blame;
    char blame_why[T_REASON_SIZE];
    bool evidence_taken;
    char told[T_TOLD_SIZE]; /* by t_tell */

    struct rng rng;
    struct t_mem mems[T_MAX_MEMS];
    unsigned mem_count;
    unsigned allowed;
    unsigned denied;

    char notes[T_NOTES_SIZE]; /* last: only its first byte is reset */
};

/* run.c: the whole selection; closing lines included unless bare. Exit code. */
must_check int runner_run(struct runner *run);

/* select.c: cases of the image, sorted; instances of a run, in order. */
must_check int select_all(const struct t_case ***cases, size_t *count);
must_check int select_instances(struct runner *run);
/* "rid", "rid_pasid", "pasid". */
const char *select_lane(enum t_lane lane);
void select_name(const struct instance *inst, char *out, size_t size);

/* needs.c: why a case cannot run here; false when it can. */
bool needs_unmet(const struct runner *run, const struct t_case *c, char *why, size_t size);
/* Why an engine or a lane is of no use to a case; false when it is. */
bool needs_engine_unmet(const struct t_case *c, enum dma_engine engine, char *why, size_t size);
bool needs_lane_unmet(const struct t_case *c, enum t_lane lane, enum dma_engine engine, char *why,
                      size_t size);
/* "fs dma ..." of a NEED_ mask. */
void needs_words(uint64_t needs, char *out, size_t size);

/* lane.c: what registers do not tell about lanes, tried with the engines once a run. 0 or an errno. */
must_check int lane_probe(struct iommu *iommu);
/* Tells a new object of the same units what was found. */
void lane_known(struct iommu *iommu);
/* Lane of the devices that the case attaches. 0, -ENOTSUP. */
must_check int lane_choose(struct iommu *iommu, enum t_lane lane);

/* case.c: one instance, all its rounds. */
void case_run(const struct runner *run, const struct instance *inst, struct t_state *st,
              uint64_t *elapsed_ns);

/* check.c */
void state_reset(struct t_state *st, const struct runner *run, const struct instance *inst, unsigned round);
/* Keeps the worst verdict, and the words of the first complaint of that kind; all others become notes. */
void state_judge(struct t_state *st, enum verdict verdict, const char *fmt, ...) printf_like(3, 4);
/*
 * A check does not hold: V_DEVIATED if it is marked with the erratum that applies, else V_FAIL, and once per
 * case the state of the units and their tables at this moment as evidence.
 */
void state_fail(struct t_state *st, const char *fmt, ...) printf_like(2, 3);
/* Ends the body if this is its thread. */
void state_leave(struct t_state *st);

/* report.c */
void report_line(const struct runner *run, const char *fmt, ...) printf_like(2, 3);
void report_plan(struct runner *run);
void report_case(struct runner *run, unsigned number, const struct t_state *st, uint64_t elapsed_ns);
void report_close(struct runner *run);
void report_list(struct runner *run);
int report_exit_code(const struct runner *run);
/* The firmware's replay line: a `make run` where an emulator runs it, else the words for the file that a
 * board reads. */
void report_replay(char *out, size_t size, bool board, const char *machine, const char *args);

/* header.c: `# key: value` lines. */
void header_print(struct runner *run);

/* faults.c: list of the running case. proof.c: what each engine holds. */
void faults_reset(void);
void proof_reset(void);

#endif
