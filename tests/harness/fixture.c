/* SPDX-License-Identifier: BSD-2-Clause */
/* Life of the object under test, and what has to be true of it after every case. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "iommu/vtd_fault.h"
#include "tests/harness/fixture.h"

#define FIXTURE_TIMEOUT_NS 30000000000ull
#define SETTLE_TIMEOUT_NS  5000000000ull
#define MAX_BREACHES       16u

static struct {
    unsigned dmar;
    const char *scratch;
    struct iommu *iommu;
    bool dropped; /* it worked once and can be made again */
    char reason[T_REASON_SIZE];
} fx;

static void explain(const char *what, int err, const char *why)
{
    snprintf(fx.reason, sizeof(fx.reason), "%s: %s%s%.200s", what, t_errno_name(err), *why ? ", " : "", why);
}

static int create(void)
{
    const void *bytes;
    size_t size;
    char why[160] = "";
    int err = env_dmar(fx.dmar, &bytes, &size);

    if (err) {
        if (env_dmar_count())
            snprintf(fx.reason, sizeof(fx.reason), "no DMAR table number %u", fx.dmar);
        else
            snprintf(fx.reason, sizeof(fx.reason), "no DMAR table");
        return err;
    }
    err = iommu_create(bytes, size, &fx.iommu, why, sizeof(why));
    if (err) {
        fx.iommu = NULL;
        explain("iommu_create", err, why);
    }
    return err;
}

static int start(void)
{
    int err = iommu_start(fx.iommu);

    if (err) {
        explain("iommu_start", err, "");
        iommu_drop(fx.iommu);
        fx.iommu = NULL;
        return err;
    }
    fx.reason[0] = 0;
    lane_known(fx.iommu);
    return 0;
}

static int make(void)
{
    int err = create();

    return err ? err : start();
}

static int unmake(void)
{
    int err = iommu_stop(fx.iommu);

    if (err) {
        explain("iommu_stop", err, "");
        return err;
    }
    err = iommu_destroy(fx.iommu);
    if (err)
        explain("iommu_destroy", err, "");
    else
        fx.iommu = NULL;
    return err;
}

struct call {
    int (*fn)(void);
    int err;
};

static void call(void *arg)
{
    struct call *c = arg;

    c->err = c->fn();
}

/* Calls one of the above so that a trap or hang in it is a reason and no end of the run. */
static int guarded(const char *what, int (*fn)(void))
{
    struct call c = {.fn = fn, .err = -EIO};
    uint64_t mark = env_mark();
    struct env_guard g;

    env_guard(call, &c, FIXTURE_TIMEOUT_NS, &g);
    if (g.end == ENV_RETURNED)
        return c.err;
    fx.iommu = NULL;
    env_quarantine(mark);
    explain(what, -EIO, g.text);
    return -EIO;
}

/* What firmware has left on must not stand between the engines and their queues in memory. */
static int quiet(void)
{
    int err = create();

    if (err)
        return err;
    err = iommu_quiet(fx.iommu);
    if (err)
        explain("iommu_quiet", err, "");
    return err;
}

static int discover(void)
{
    int err = dma_discover(fx.scratch);

    if (err)
        explain("dma_discover", err, "");
    return err;
}

/* By force or not, discovery does nothing with the units. */
static void find_engines(void)
{
    struct iommu *iommu = fx.iommu;

    if (guarded("devices", discover))
        plat_log(LOG_ERROR, "%s", fx.reason);
    fx.iommu = iommu;
}

/* No case could prove anything by them. */
static void leave_out_strangers(void)
{
    struct dma_dev *dev;

    for (unsigned e = 0; fx.iommu && e < DMA_ENGINE_COUNT; e++) {
        for (unsigned n = 0; (dev = dma_dev_get(e, n));) {
            if (iommu_unit_of(fx.iommu, dev->id)) {
                n++;
                continue;
            }
            plat_log(LOG_WARN, "%s: behind no unit that can be tested: left out", dev->name);
            dma_leave_out(dev);
        }
    }
}

static int probe(void)
{
    int err = lane_probe(fx.iommu);

    if (err)
        explain("lanes", err, "");
    return err;
}

/* A transfer that failed may have left anything: a new object. */
static void probe_lanes(void)
{
    if (!fx.iommu || !guarded("lanes", probe))
        return;
    plat_log(LOG_ERROR, "%s", fx.reason);
    fixture_drop();
    if (guarded("start", make))
        plat_log(LOG_ERROR, "%s", fx.reason);
    fx.dropped = !fx.iommu;
}

void fixture_init(const struct args *args)
{
    fx.dmar = args->dmar;
    fx.scratch = args->nvme;
    if (guarded("units", quiet))
        plat_log(LOG_INFO, "units as firmware left them: %s", fx.reason);
    find_engines();
    if (guarded("start", fx.iommu ? start : make))
        plat_log(LOG_INFO, "no unit to test: %s", fx.reason);
    leave_out_strangers();
    probe_lanes();
}

struct iommu *fixture_iommu(void)
{
    return fx.iommu;
}

const char *fixture_reason(void)
{
    return fx.reason;
}

int fixture_ready(void)
{
    if (!fx.dropped)
        return 0;
    int err = guarded("start after a bad end", make);

    fx.dropped = err != 0;
    return err ? -EIO : 0;
}

static int drop(void)
{
    iommu_drop(fx.iommu);
    return 0;
}

void fixture_drop(void)
{
    if (!fx.iommu)
        return;
    if (guarded("drop", drop))
        plat_log(LOG_ERROR, "%s", fx.reason);
    fx.iommu = NULL;
    fx.dropped = true;
}

int fixture_rebuild(void)
{
    int err = fx.iommu ? unmake() : 0;

    return err ? err : make();
}

int fixture_end(void)
{
    return fx.iommu ? guarded("end", unmake) : 0;
}

/* ---- After a case ---- */

void fixture_account(struct fixture_account *out)
{
    for (unsigned o = 0; o < OWNER_COUNT; o++) {
        out->pages[o] = env_pages(o);
        out->objects[o] = env_objects(o);
    }
    out->mark = env_mark();
}

static bool grown(const struct fixture_account *now, const struct fixture_account *before, unsigned owner)
{
    return now->pages[owner] > before->pages[owner] || now->objects[owner] > before->objects[owner];
}

bool fixture_check_memory(struct t_state *st, const struct fixture_account *before)
{
    static const char *const names[OWNER_COUNT] = {"kernel", "table", "pgtable", "queue", "ioasid", "test"};
    struct fixture_account now;
    bool clean = true;

    fixture_account(&now);
    for (unsigned o = OWNER_TABLE; o < OWNER_COUNT; o++) {
        if (!grown(&now, before, o))
            continue;
        state_judge(st, V_FAIL, "left behind: owner %s has %zu pages and %zu objects, had %zu and %zu before",
                    names[o], now.pages[o], now.objects[o], before->pages[o], before->objects[o]);
        clean = false;
    }
    return clean;
}

static bool check_breaches(struct t_state *st)
{
    const char *breach;
    bool clean = true;

    for (unsigned i = 0; i < MAX_BREACHES && (breach = env_breach()); i++) {
        state_judge(st, V_FAIL, "a rule was broken: %s", breach);
        clean = false;
    }
    return clean;
}

static unsigned breaking; /* calls of t_break_rules(true) that are open */

void t_break_rules(struct t *t, bool begin)
{
    if (begin) {
        if (breaking++ == 0)
            check_breaches(t->state);
        return;
    }
    if (--breaking > 0)
        return;
    for (unsigned i = 0; i < MAX_BREACHES && env_breach(); i++)
        ;
}

static bool check_faults(struct t_state *st)
{
    unsigned n = t_faults(&st->t);
    char text[160];

    if (!n || st->inst->c->negative)
        return true;
    state_judge(st, V_FAIL, "left behind: %u fault records that no check asked for, the first: %s", n,
                vtd_fault_text(t_fault(&st->t, 0), text, sizeof(text)));
    return false;
}

bool fixture_check(struct t_state *st, const struct fixture_account *before)
{
    char text[T_REASON_SIZE - 32];
    bool clean = true;

    if (plat_idle_wait(SETTLE_TIMEOUT_NS)) {
        state_judge(st, V_FAIL, "left behind: the work queue does not come to rest");
        return false;
    }
    if (fx.iommu) {
        clean = check_faults(st);
        if (iommu_audit(fx.iommu, 0, text, sizeof(text))) {
            state_judge(st, V_FAIL, "audit: %s", text);
            clean = false;
        }
    }
    breaking = 0;
    clean = check_breaches(st) && clean;
    return fixture_check_memory(st, before) && clean;
}

void t_rebuild(struct t *t)
{
    if (!t->iommu)
        t_error(t, "t_rebuild without NEED_IOMMU");
    t->iommu = NULL;
    if (fixture_rebuild())
        t_fail(t, "stop and start again: %s", fixture_reason());
    t->iommu = fixture_iommu();
    T_ASSERT_OK(t, lane_choose(t->iommu, t->lane));
}

void t_settle(struct t *t)
{
    if (plat_idle_wait(SETTLE_TIMEOUT_NS))
        t_fail(t, "the work queue does not come to rest");
}
