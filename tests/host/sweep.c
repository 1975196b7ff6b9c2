/* SPDX-License-Identifier: BSD-2-Clause */
/* See sweep.h. */
#include "tests/host/sweep.h"

#include "tests/host/host.h"
#include "tests/host/model_machine.h"
#include "tests/host/stub_machine.h"

/* Failures of one kind in one step, at most. */
#define MOST      200
#define REST_NS   1000000000ull
#define NEVER     0
#define OWNERS_OF OWNER_TEST /* those before it are the driver's */

/* ---- What fails ---- */

enum kind { MEMORY, STATUS, DESCRIPTOR, ANSWER };

/* A kind of failure, on one of the units. */
static const struct failure {
    const char *name;
    enum kind kind;
    unsigned unit;
} failures[] = {
    {"allocation", MEMORY, 0},
    {"status of unit 0", STATUS, 0},
    {"status of unit 1", STATUS, 1},
    {"descriptor of unit 0", DESCRIPTOR, 0},
    {"descriptor of unit 1", DESCRIPTOR, 1},
    {"answer to unit 0", ANSWER, 0},
    {"answer to unit 1", ANSWER, 1},
};

static unsigned swap(unsigned *place, unsigned value)
{
    unsigned old = *place;

    *place = value;
    return old;
}

/* The nth one fails from now on; returns what was left of the one before. Devices of recording units answer
 * always. */
static unsigned arm(const struct failure *f, unsigned nth)
{
    static const enum model_failure in_model[] = {
        [STATUS] = MODEL_FAIL_STATUS, [DESCRIPTOR] = MODEL_FAIL_FETCH, [ANSWER] = MODEL_FAIL_ANSWER};
    struct model *model = model_machine_unit(f->unit);
    struct stub_faults *stub = &stub_machine_unit(f->unit)->faults;

    if (f->kind == MEMORY)
        return host_fail_allocation(nth);
    if (model != NULL)
        return model_fail(model, in_model[f->kind], nth);
    if (f->kind == ANSWER)
        return 1;
    return swap(f->kind == STATUS ? &stub->lose_wait : &stub->refuse, nth);
}

/* What the driver may say then. The last unbind of an ID has no other word for what a unit does than
 * -ETIMEDOUT. A device that does not answer is asked again. */
static bool is_apt(const struct failure *f, int err)
{
    if (f->kind == MEMORY || f->kind == ANSWER)
        return f->kind == MEMORY && err == -ENOMEM;
    return err == -ETIMEDOUT || (f->kind == DESCRIPTOR && err == -EIO);
}

/* ---- What the driver has ---- */

struct account {
    size_t pages[OWNERS_OF];
    size_t objects[OWNERS_OF];
};

static struct account account(void)
{
    struct account a = {{0}, {0}};

    for (unsigned i = OWNER_TABLE; i < OWNERS_OF; i++) {
        a.pages[i] = host_pages(i);
        a.objects[i] = host_objects(i);
    }
    return a;
}

static void expect_account(struct t *t, const struct account *before, bool but_tables)
{
    struct account now = account();

    if (but_tables)
        now.pages[OWNER_TABLE] = before->pages[OWNER_TABLE];
    for (unsigned i = OWNER_TABLE; i < OWNERS_OF; i++) {
        T_EXPECT_EQ(t, now.pages[i], before->pages[i]);
        T_EXPECT_EQ(t, now.objects[i], before->objects[i]);
    }
}

/* ---- One step ---- */

/* One call with the nth of its kind failing, and then all rest; *failed: there was an nth. */
static int call(struct t *t, const struct sweep *s, const struct sweep_step *step, sweep_fn *fn,
                const struct failure *f, unsigned nth, bool *failed)
{
    const char *what = fn == step->act ? "" : "undo ";
    int err;

    (void)arm(f, nth);
    err = fn(s->world, step->n);
    *failed = arm(f, NEVER) == 0 && nth != NEVER;
    T_ASSERT_OK(t, plat_idle_wait(REST_NS));
    if (nth != NEVER)
        t_note(t, "%s%s: %s %u: %s", what, step->name, f->name, nth, *failed ? t_errno_name(err) : "none");
    if (!*failed)
        T_ASSERT_OK(t, err);
    else
        T_EXPECT(t, err == 0 || is_apt(f, err));
    return err;
}

static void call_well(struct t *t, const struct sweep *s, const struct sweep_step *step, sweep_fn *fn)
{
    bool failed;

    (void)call(t, s, step, fn, &failures[0], NEVER, &failed);
}

/* Fails in step n, which then has left nothing; done and undone once more it leaves nothing either. False:
 * nothing failed. */
static bool fail_act(struct t *t, const struct sweep *s, unsigned n, const struct failure *f, unsigned nth)
{
    const struct sweep_step *step = &s->steps[n];
    struct account before = account();
    bool failed;

    if (call(t, s, step, step->act, f, nth, &failed)) {
        s->check(t, s->world, n);
        expect_account(t, &before, step->keeps_tables);
        call_well(t, s, step, step->act);
    }
    s->check(t, s->world, n + 1);
    call_well(t, s, step, step->undo);
    s->check(t, s->world, n);
    expect_account(t, &before, step->keeps_tables);
    return failed;
}

/* Fails in undoing step n, which works at the next try; `undone` is the account without the step. The step is
 * done again at the end. */
static bool fail_undo(struct t *t, const struct sweep *s, unsigned n, const struct failure *f, unsigned nth,
                      const struct account *undone)
{
    const struct sweep_step *step = &s->steps[n];
    bool failed;
    int err = call(t, s, step, step->undo, f, nth, &failed);

    if (f->kind == MEMORY && !step->takes_back)
        T_EXPECT_OK(t, err); /* whoever gives back needs no memory for it */
    if (err)
        call_well(t, s, step, step->undo);
    s->check(t, s->world, n);
    expect_account(t, undone, false);
    call_well(t, s, step, step->act);
    return failed;
}

/* ---- The whole ---- */

static const struct failure *const failures_end = failures + ARRAY_SIZE(failures);

static void do_step(struct t *t, const struct sweep *s, unsigned n)
{
    for (const struct failure *f = failures; f != failures_end; f++) {
        for (unsigned nth = 1; fail_act(t, s, n, f, nth); nth++)
            T_ASSERT_LT(t, nth, (unsigned)MOST);
    }
    call_well(t, s, &s->steps[n], s->steps[n].act);
}

/* `before` is the account of before the step: later ones may have left tables to earlier ones. */
static void undo_step(struct t *t, const struct sweep *s, unsigned n, const struct account *before)
{
    const struct sweep_step *step = &s->steps[n];
    struct account undone;

    call_well(t, s, step, step->undo);
    undone = account();
    expect_account(t, before, true);
    call_well(t, s, step, step->act);
    for (const struct failure *f = failures; f != failures_end; f++) {
        for (unsigned nth = 1; fail_undo(t, s, n, f, nth, &undone); nth++)
            T_ASSERT_LT(t, nth, (unsigned)MOST);
    }
    call_well(t, s, step, step->undo);
    s->check(t, s->world, n);
}

static void do_rest(struct t *t, const struct sweep *s, unsigned n)
{
    struct account before = account();

    if (n == s->count)
        return;
    do_step(t, s, n);
    do_rest(t, s, n + 1);
    undo_step(t, s, n, &before);
}

void sweep_run(struct t *t, const struct sweep *s)
{
    struct account before = account();

    s->check(t, s->world, 0);
    do_rest(t, s, 0);
    expect_account(t, &before, false);
}
