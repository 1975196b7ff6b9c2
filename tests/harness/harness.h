/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a test case sees: how it is declared, how it checks, how it explains itself.
 *
 *     TEST(bind, second_device, .needs = NEED_DMA | NEED_DMA_2, .rows = "9", .flaws = "S17",
 *          .doc = "a second bind gives the second device access and sends no second BIND")
 *     {
 *         struct t_mem mem = t_mem(t, 1);
 *         T_ASSERT_OK(t, ...);
 *         t_dma_write_allowed(t, t_dev(t, 1), iova, &mem, 0, 64);
 *     }
 *
 * One body for both binaries: nothing here knows the firmware or the host. A case that declares NEED_DMA runs
 * once per lane and engine that it can use, as suite.case/lane/engine; every other case once, as suite.case.
 *
 * Verdicts, the worst one stays: pass < skip < deviated < error < fail. Fail: the thing under test is wrong.
 * Error: the apparatus is wrong, or the case ended without a single check. Deviated: only checks inside
 * T_DEVIATES() failed, and one of its errata is the one that applies to this platform. Suites may call
 * everything here from the case's own thread; from other threads (handlers, work) the checks and t_note only,
 * and there a T_ASSERT counts as a T_EXPECT.
 */
#ifndef TESTS_HARNESS_HARNESS_H
#define TESTS_HARNESS_HARNESS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iommu/types.h"
#include "kernel/lib/compiler.h"

struct iommu;
struct dma_dev;
struct vtd_fault;
struct t;

/* ---- Declaration ---- */

/* How requests reach an IOASID's tables (the unit's slot, and whether requests carry a PASID). */
enum t_lane {
    T_LANE_RID,       /* slot 0 of the device's own directory, requests without PASID */
    T_LANE_RID_PASID, /* slot p with RID_PASID = p, requests without PASID */
    T_LANE_PASID,     /* slot p, requests carry p */
    T_LANE_COUNT
};

#define T_BIT(n) (1ull << (n))

/*
 * What a case needs. The runner judges it from the registers of every unit and from the devices found; a case
 * whose needs are not met is skipped with the register field as the reason, e.g. "ECAP.FSTS = 0". See
 * needs.c.
 */
#define NEED_DMAR       T_BIT(0)  /* a DMAR table */
#define NEED_IOMMU      T_BIT(1)  /* t->iommu started: every unit in scalable mode, translation on */
#define NEED_FS         T_BIT(2)  /* ECAP.FSTS */
#define NEED_SS         T_BIT(3)  /* ECAP.SSTS */
#define NEED_NEST       T_BIT(4)  /* ECAP.NEST */
#define NEED_PT         T_BIT(5)  /* ECAP.PT */
#define NEED_CM         T_BIT(6)  /* CAP.CM = 1 */
#define NEED_NO_CM      T_BIT(7)  /* CAP.CM = 0 */
#define NEED_SNOOP      T_BIT(8)  /* ECAP.C = 1: table walks snoop */
#define NEED_NO_SNOOP   T_BIT(9)  /* ECAP.C = 0: tables are written back before the unit sees them */
#define NEED_FS1G       T_BIT(10) /* CAP.FS1GP */
#define NEED_SS2M       T_BIT(11) /* CAP.SSLPS bit 0 */
#define NEED_SS1G       T_BIT(12) /* CAP.SSLPS bit 1 */
#define NEED_PSI        T_BIT(13) /* CAP.PSI */
#define NEED_RPS        T_BIT(14) /* ECAP.RPS */
#define NEED_PASID      T_BIT(15) /* ECAP.PASID */
#define NEED_DT         T_BIT(16) /* ECAP.DT: device TLBs */
#define NEED_PRS        T_BIT(17) /* ECAP.PRS: page requests */
#define NEED_PDS        T_BIT(18) /* ECAP.PDS: page-request drain */
#define NEED_SC         T_BIT(19) /* ECAP.SC: snoop control */
#define NEED_SMPWCS     T_BIT(20) /* ECAP.SMPWCS: walks of paging structures may snoop */
#define NEED_NO_RPS     T_BIT(21) /* ECAP.RPS = 0 */
#define NEED_NO_DT      T_BIT(22) /* ECAP.DT = 0 */
#define NEED_NO_PRS     T_BIT(23) /* ECAP.PRS = 0 */
#define NEED_NO_ESRTPS  T_BIT(24) /* CAP.ESRTPS = 0 */
#define NEED_UNITS_2    T_BIT(25) /* two units or more */
#define NEED_DMA        T_BIT(26) /* an engine; the case runs per lane and engine (implies NEED_IOMMU) */
#define NEED_DMA_READ   T_BIT(27) /* an engine that reads memory and can show what it got */
#define NEED_DMA_2      T_BIT(28) /* two devices of the engine that share no requester id */
#define NEED_DMA_3      T_BIT(29) /* three such devices */
#define NEED_DMA_QUEUED T_BIT(30) /* an engine that translates later than it is started */
#define NEED_DMA_STATUS T_BIT(31) /* an engine that tells the outcome */
#define NEED_TARGET     T_BIT(32) /* the firmware, not a process */
#define NEED_HOST       T_BIT(33) /* the host process with its stub units */
#define NEED_THREADS    T_BIT(34) /* threads that really run at the same time or preempt each other */
#define NEED_NO_FS      T_BIT(35) /* ECAP.FSTS = 0 */
#define NEED_NO_SS      T_BIT(36) /* ECAP.SSTS = 0 */
#define NEED_NO_NEST    T_BIT(37) /* ECAP.NEST = 0 */
#define NEED_VER_1_0    T_BIT(38) /* VER = 1.0 beside scalable mode: an emulator */
#define NEED_GROUP      T_BIT(39) /* two devices of the engine that share a requester id */
#define NEED_DMA_BYTES  T_BIT(40) /* an engine that moves any number of bytes from any byte on */
#define NEED_DMA_HELD   T_BIT(41) /* an engine whose access is translated at the start and lands much later */
#define NEED_DMA_TAG    T_BIT(42) /* an engine whose requests can carry a PASID */
#define NEED_DWD        T_BIT(43) /* CAP.DWD: a wait drains writes that were translated before */
#define NEED_RID_PASID  T_BIT(44) /* RID_PASID is used: ECAP.RPS = 1, or the quirk RID_PASID_USED */
#define NEED_ASKED      T_BIT(45) /* an only= that names it: the case ends badly on purpose */
#define NEED_CPUS_2     T_BIT(46) /* two CPUs or more */
#define NEED_CPUS_4     T_BIT(47) /* four CPUs or more */
#define NEED_IR         T_BIT(48) /* ECAP.IR: interrupt remapping */
#define NEED_ADMS       T_BIT(49) /* ECAP.ADMS: abort mode */
#define NEED_NO_VCS     T_BIT(50) /* ECAP.VCS = 0: numbers are our own pool's, so that one can be asked for */
#define NEED_VCS        T_BIT(51) /* ECAP.VCS: virtual commands */
#define NEED_NO_EIM     T_BIT(52) /* ECAP.EIM = 0 */

/* One case as declared; made by TEST(), never by hand. Ids are separated by blanks and checked against
 * docs/rules. */
struct t_case {
    const char *suite;
    const char *name;
    void (*body)(struct t *t);
    const char *file;
    int line;
    uint64_t needs;      /* NEED_... */
    unsigned lanes;      /* T_BIT(T_LANE_...) that make sense; 0: T_LANE_RID */
    unsigned engines;    /* T_BIT(DMA_...) of dma_dev.h that make sense; 0: all */
    bool one_engine;     /* which device moves the bytes adds nothing: the first engine, and device TLBs */
    bool each_engine;    /* it is about the engine: each runs it, whatever others have shown */
    unsigned timeout_ms; /* until the watchdog ends it; 0: 20000 */
    const char *rows;    /* rows of docs/rules/rows.tsv that the case proves, "9 17" */
    const char *rules;   /* rules of docs/rules/rules.tsv, "41 43" */
    const char *flaws;   /* flaws of docs/rules/flaws.tsv, "K1 S10" */
    const char *faults;  /* fault reasons it provokes, hex, "59 5b" */
    bool negative;       /* provokes refusals: fault records left at the end are not held against it */
    const char *xfail;   /* deviations of docs/errata.md, "E-001": the first that applies, in T_DEVIATES() */
    const char *doc;     /* one sentence: what is proved */
};

/* Declares a case and opens its body; `t` is in scope. Everything after the name is a designated initialiser.
 */
#define TEST(suite_, name_, ...)                                                                             \
    static void test_##suite_##_##name_(struct t *t);                                                        \
    static const struct t_case case_##suite_##_##name_ = {.suite = #suite_,                                  \
                                                          .name = #name_,                                    \
                                                          .body = test_##suite_##_##name_,                   \
                                                          .file = __FILE__,                                  \
                                                          .line = __LINE__,                                  \
                                                          __VA_ARGS__};                                      \
    __attribute__((                                                                                          \
        used, section("pasidcheck_tests"))) static const struct t_case *const entry_##suite_##_##name_ =     \
        &case_##suite_##_##name_;                                                                            \
    static void test_##suite_##_##name_(unused struct t *t)

/* ---- The running case ---- */

struct t {
    struct iommu *iommu;   /* the object under test, started; NULL without NEED_IOMMU and no unit */
    enum t_lane lane;      /* of this instance */
    struct dma_dev *dma;   /* first device of this instance's engine; NULL without NEED_DMA */
    struct t_state *state; /* the harness's own */
};

/* n-th device of this instance's engine, devices of one group left out but the first; skips the case if there
 * is none. */
struct dma_dev *t_dev(struct t *t, unsigned n);
/* A device that shares a requester id with `dev`; skips the case if there is none. */
struct dma_dev *t_dev_neighbour(struct t *t, const struct dma_dev *dev);

/* Ends the case as skipped, for a reason no NEED_ can express. Say which register or limit it was. */
noreturn void t_skip(struct t *t, const char *fmt, ...) printf_like(2, 3);
/* Ends the case as failed. */
noreturn void t_fail(struct t *t, const char *fmt, ...) printf_like(2, 3);
/* Ends the case as an error of the apparatus. */
noreturn void t_error(struct t *t, const char *fmt, ...) printf_like(2, 3);
/* Evidence: one line (or more, by \n), printed when the case does not pass, or with log=debug. Any thread. */
void t_note(struct t *t, const char *fmt, ...) printf_like(2, 3);
/* One line that is printed with the result, `# compared: ...`, pass or not: how much was looked at. The last
 * one counts.
 */
void t_tell(struct t *t, const char *fmt, ...) printf_like(2, 3);
/* A check that can only be made by having come here (no panic, no hang). Any thread. */
void t_reached(struct t *t);

/*
 * T_DEVIATES(t, "E-006", t_expect_fault(t, dev, 0x51)): this check is the one that the named errata make
 * fail. If the erratum that applies (see .xfail) is one of them, its failure is the expected one. No other
 * check, no error, and nothing that is found after the body is ever excused.
 */
#define T_DEVIATES(t, ids, ...)                                                                              \
    do {                                                                                                     \
        t_deviates((t), (ids));                                                                              \
        __VA_ARGS__;                                                                                         \
        t_deviates((t), NULL);                                                                               \
    } while (0)
void t_deviates(struct t *t, const char *ids);

/* Who is wrong if the case fails. The harness sets it where it can show it; a case that knows better says so.
 */
enum t_blame { T_DRIVER, T_PLATFORM, T_APPARATUS };
void t_blame(struct t *t, enum t_blame who, const char *why);

/* Numbers that depend on the seed, the case and the round only. */
uint64_t t_rand64(struct t *t);
/* 0 .. limit-1; limit > 0. */
uint64_t t_rand_below(struct t *t, uint64_t limit);
/* Fills memory with a pattern of its own (pattern.h). */
void t_rand_fill(struct t *t, void *out, size_t size);
/*
 * How far an enumeration goes: depth= of the command line; else all of `full` on the host, where time costs
 * nothing, and a tenth of it in the firmware, at least 1.
 */
unsigned t_depth(struct t *t, unsigned full);

/* ---- Checks ----
 * Each prints, when it does not hold, the file and line, both expressions and both values. T_ASSERT... ends
 * the case, T_EXPECT... goes on. Values: integers, bool, pointers, strings (compared by content), and the
 * types of iommu/types.h.
 */

enum t_kind { T_SIGNED, T_UNSIGNED, T_BOOL, T_STRING, T_POINTER };

struct t_value {
    enum t_kind kind;
    union {
        int64_t i;
        uint64_t u;
        const char *s;
        const volatile void *p;
    };
};

enum t_op { T_EQ, T_NE, T_LT, T_LE, T_GT, T_GE };

struct t_site {
    const char *file;
    int line;
    const char *got;
    const char *want;
    bool ends; /* the case, when it does not hold */
};

static inline struct t_value t_value_i(int64_t v)
{
    return (struct t_value){.kind = T_SIGNED, .i = v};
}
static inline struct t_value t_value_u(uint64_t v)
{
    return (struct t_value){.kind = T_UNSIGNED, .u = v};
}
static inline struct t_value t_value_b(bool v)
{
    return (struct t_value){.kind = T_BOOL, .u = v};
}
static inline struct t_value t_value_s(const char *v)
{
    return (struct t_value){.kind = T_STRING, .s = v};
}
static inline struct t_value t_value_p(const volatile void *v)
{
    return (struct t_value){.kind = T_POINTER, .p = v};
}
static inline struct t_value t_value_pa(paddr_t v)
{
    return t_value_u(v.v);
}
static inline struct t_value t_value_iova(iova_t v)
{
    return t_value_u(v.v);
}
static inline struct t_value t_value_did(did_t v)
{
    return t_value_u(v.v);
}
static inline struct t_value t_value_id(ioasid_t v)
{
    return t_value_u(v.raw);
}

/* clang-format off */
#define T_VALUE(x) _Generic((x), \
    bool: t_value_b, \
    char: t_value_i, signed char: t_value_i, short: t_value_i, int: t_value_i, long: t_value_i, \
    long long: t_value_i, \
    unsigned char: t_value_u, unsigned short: t_value_u, unsigned int: t_value_u, unsigned long: t_value_u, \
    unsigned long long: t_value_u, \
    char *: t_value_s, const char *: t_value_s, \
    paddr_t: t_value_pa, iova_t: t_value_iova, did_t: t_value_did, ioasid_t: t_value_id, \
    default: t_value_p)(x)
/* clang-format on */

#define T_SITE_(got_, want_, ends_)                                                                          \
    (&(const struct t_site){.file = __FILE__, .line = __LINE__, .got = got_, .want = want_, .ends = ends_})

/* Behind the macros. True when the check holds. */
bool t_check(struct t *t, const struct t_site *site, bool holds);
bool t_check_op(struct t *t, const struct t_site *site, struct t_value got, enum t_op op,
                struct t_value want);
bool t_check_err(struct t *t, const struct t_site *site, int64_t got, int64_t want);
bool t_check_mem(struct t *t, const struct t_site *site, const void *got, const void *want, size_t size);

#define T_ASSERT(t, cond) ((void)t_check((t), T_SITE_(#cond, NULL, true), (cond)))
#define T_EXPECT(t, cond) t_check((t), T_SITE_(#cond, NULL, false), (cond))

#define T_ASSERT_OP_(t, got, op, want)                                                                       \
    ((void)t_check_op((t), T_SITE_(#got, #want, true), T_VALUE(got), (op), T_VALUE(want)))
#define T_EXPECT_OP_(t, got, op, want)                                                                       \
    t_check_op((t), T_SITE_(#got, #want, false), T_VALUE(got), (op), T_VALUE(want))

#define T_ASSERT_EQ(t, got, want) T_ASSERT_OP_(t, got, T_EQ, want)
#define T_ASSERT_NE(t, got, want) T_ASSERT_OP_(t, got, T_NE, want)
#define T_ASSERT_LT(t, got, want) T_ASSERT_OP_(t, got, T_LT, want)
#define T_ASSERT_LE(t, got, want) T_ASSERT_OP_(t, got, T_LE, want)
#define T_ASSERT_GT(t, got, want) T_ASSERT_OP_(t, got, T_GT, want)
#define T_ASSERT_GE(t, got, want) T_ASSERT_OP_(t, got, T_GE, want)
#define T_EXPECT_EQ(t, got, want) T_EXPECT_OP_(t, got, T_EQ, want)
#define T_EXPECT_NE(t, got, want) T_EXPECT_OP_(t, got, T_NE, want)
#define T_EXPECT_LT(t, got, want) T_EXPECT_OP_(t, got, T_LT, want)
#define T_EXPECT_LE(t, got, want) T_EXPECT_OP_(t, got, T_LE, want)
#define T_EXPECT_GT(t, got, want) T_EXPECT_OP_(t, got, T_GT, want)
#define T_EXPECT_GE(t, got, want) T_EXPECT_OP_(t, got, T_GE, want)

/* Result codes, printed by name: T_ASSERT_ERR(t, ioasid_free(set, id), -EALREADY). */
#define T_ASSERT_ERR(t, got, want) ((void)t_check_err((t), T_SITE_(#got, #want, true), (got), (want)))
#define T_EXPECT_ERR(t, got, want) t_check_err((t), T_SITE_(#got, #want, false), (got), (want))
#define T_ASSERT_OK(t, got)        T_ASSERT_ERR(t, got, 0)
#define T_EXPECT_OK(t, got)        T_EXPECT_ERR(t, got, 0)

/* Memory, printed as the first place that differs. */
#define T_ASSERT_MEM(t, got, want, size)                                                                     \
    ((void)t_check_mem((t), T_SITE_(#got, #want, true), (got), (want), (size)))
#define T_EXPECT_MEM(t, got, want, size) t_check_mem((t), T_SITE_(#got, #want, false), (got), (want), (size))

/* "-EBUSY", "0", "-1234 (no errno)": a fixed string or one of a few static buffers. */
const char *t_errno_name(int64_t err);

/* ---- Memory for DMA, and its proof ---- */

/* Contiguous 4 KiB pages of OWNER_TEST. The harness takes them back after the case, by quarantine if it ended
 * badly. */
struct t_mem {
    uint8_t *va;
    paddr_t pa;
    unsigned pages;
};

/* `pages` a power of two, 1..1024; ends the case as an error when there is no memory. */
struct t_mem t_mem(struct t *t, unsigned pages);
/* Gives pages back before the end of the case, for tests of what happens to freed memory. */
void t_mem_free(struct t *t, struct t_mem *mem);

/* What one DMA did, as memory shows it. */
enum t_reach {
    T_REACHED,   /* exactly the bytes aimed at hold what the device sent (or: the device got exactly what is
                    there) */
    T_UNTOUCHED, /* not one byte of the pages changed (or: nothing of what is there got to the device) */
    T_GARBLED,   /* anything else */
};

/*
 * Where the device may write what it holds, so that what it read can be looked at; also where it loads a
 * pattern from. Mapped for reading and writing by the case, at least as long as the transfers it serves.
 */
struct t_route {
    iova_t iova;
    const struct t_mem *mem;
};

/*
 * The device writes [iova, iova + len), which the case believes to be `mem` from byte `offset` on. The pages
 * are filled with a random background first and compared whole. The pattern: if `via` is given it is random
 * and loaded through that route; else an engine with a fixed word sends that, and the others what they hold,
 * which the harness tracks or, when it does not know it, cannot tell apart from garbage (it then loads
 * through `iova` itself). Ends the case as an error if the engine does not answer. Fault records are taken
 * into the case's list.
 */
enum t_reach t_dma_write(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                         size_t offset, size_t len, const struct t_route *via);

/*
 * The device reads [iova, iova + len) and then writes what it got through `via`, where it is compared with
 * the random bytes that stood in `mem`. `via` NULL: written back through `iova` itself. An engine that looks
 * for a record of its own finds it in `mem`, all else there being zero, and says itself whether it did.
 */
enum t_reach t_dma_read(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                        size_t len, const struct t_route *via);

/*
 * The same as checks: allowed = T_REACHED, denied = T_UNTOUCHED; another outcome fails the case, with blame,
 * and goes on. Each one that holds counts as one proven outcome. True when it holds.
 */
bool t_dma_write_allowed(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                         size_t offset, size_t len);
bool t_dma_write_denied(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                        size_t len);
bool t_dma_read_allowed(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                        size_t len);
/* `via` must be open, or opened by `open` (may be NULL) after the attempt and before the device tells what it
 * got. */
bool t_dma_read_denied(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem, size_t offset,
                       size_t len, const struct t_route *via, void (*open)(struct t *t, void *arg),
                       void *arg);
/* As the write checks, with the pattern loaded through a route (for addresses that the device may write, not
 * read). */
bool t_dma_write_allowed_via(struct t *t, struct dma_dev *dev, iova_t iova, const struct t_mem *mem,
                             size_t offset, size_t len, const struct t_route *via);

/* For a case that compared memory itself (several devices, transfers in flight): counts one outcome as
 * proven. */
void t_proved(struct t *t, bool allowed);

/* ---- Faults ---- */

/* Takes what the units have recorded into the case's list (32 records, the first ones stay). Number in the
 * list. */
unsigned t_faults(struct t *t);

/*
 * Drops from the `n` records of `f` the repeats that `dev` may cause by one transfer, see dma_dev.asks_again;
 * returns how many are left.
 */
unsigned t_faults_once(const struct dma_dev *dev, struct vtd_fault *f, unsigned n);
/* n-th record of the list, NULL beyond its end. */
const struct vtd_fault *t_fault(struct t *t, unsigned n);
/* Empties the list after taking in what the units have: from here on only new faults count. */
void t_faults_forget(struct t *t);
/*
 * A record of `reason` (hex code of VT-d 5.10, table "Fault Reason Encodings") by `dev` is in the list and
 * goes out of it; any record by `dev` in its place fails the case, naming both codes.
 */
bool t_expect_fault(struct t *t, const struct dma_dev *dev, unsigned reason);
/* No record is in the list, nor in the units. */
bool t_expect_no_fault(struct t *t);

/* ---- The object under test ---- */

/*
 * Between true and false the case does itself what software must not do, e.g. bends an entry that is present:
 * what simulated units see of it counts as no breach. Nests. Thread.
 */
void t_break_rules(struct t *t, bool begin);

/* Stops the object and builds it anew, for cases about start and stop; t->iommu changes. Ends the case if it
 * fails. */
void t_rebuild(struct t *t);
/* Lets queued work, grace periods and DMA of the step end; a dispatcher that does not come to rest fails the
 * case. */
void t_settle(struct t *t);

#endif
