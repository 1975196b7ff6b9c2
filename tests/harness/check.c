/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks, notes and the end of a case: everything that changes the state of the running case. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/evidence.h"
#include "tests/harness/runner.h"

void state_reset(struct t_state *st, const struct runner *run, const struct instance *inst, unsigned round)
{
    memset(st, 0, offsetof(struct t_state, notes));
    st->notes[0] = 0;
    st->run = run;
    st->inst = inst;
    st->t.state = st;
    st->t.lane = inst->lane;
    select_name(inst, st->name, sizeof(st->name));
    plat_lock_init(&st->lock, "case");
    rng_seed(&st->rng, run->args->seed, st->name, round);
    st->erratum = errata_find(run->errata, run->errata_count, inst->c->xfail, run->args->platform);
}

/* Appends complete lines; the lock is held. */
static void append(struct t_state *st, const char *text)
{
    size_t len = strlen(text);

    if (len + 2 > sizeof(st->notes) - st->notes_len) {
        st->notes_lost++;
        return;
    }
    memcpy(st->notes + st->notes_len, text, len);
    st->notes_len += len;
    if (!len || text[len - 1] != '\n')
        st->notes[st->notes_len++] = '\n';
    st->notes[st->notes_len] = 0;
}

void t_note(struct t *t, const char *fmt, ...)
{
    struct t_state *st = t->state;
    char line[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    plat_lock(&st->lock);
    append(st, line);
    plat_unlock(&st->lock);
}

void t_tell(struct t *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(t->state->told, sizeof(t->state->told), fmt, ap);
    va_end(ap);
}

static void judge(struct t_state *st, enum verdict verdict, const char *text)
{
    plat_lock(&st->lock);
    if (verdict > st->verdict) {
        if (st->verdict > V_SKIP)
            append(st, st->reason);
        st->verdict = verdict;
        snprintf(st->reason, sizeof(st->reason), "%s", text);
    } else if (verdict != V_SKIP) {
        append(st, text);
    }
    plat_unlock(&st->lock);
}

void state_judge(struct t_state *st, enum verdict verdict, const char *fmt, ...)
{
    char text[T_REASON_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    judge(st, verdict, text);
}

void state_leave(struct t_state *st)
{
    if (plat_self() != st->thread)
        return;
    st->ended = true;
    longjmp(st->end, 1);
}

/* The unconditional ends come from the body's own thread; elsewhere there is nothing to return to. */
static noreturn void leave_for_good(struct t_state *st)
{
    state_leave(st);
    plat_panic("%s: a case can only be ended by its own thread", st->name);
}

void t_skip(struct t *t, const char *fmt, ...)
{
    char text[T_REASON_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    judge(t->state, V_SKIP, text);
    leave_for_good(t->state);
}

void t_error(struct t *t, const char *fmt, ...)
{
    char text[T_REASON_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    judge(t->state, V_ERROR, text);
    leave_for_good(t->state);
}

void state_fail(struct t_state *st, const char *fmt, ...)
{
    char text[T_REASON_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (st->erratum && st->deviates && errata_named(st->deviates, st->erratum->id)) {
        judge(st, V_DEVIATED, text);
        return;
    }
    judge(st, V_FAIL, text);
    if (!st->evidence_taken && !st->run->bare && plat_self() == st->thread) {
        st->evidence_taken = true;
        evidence_take(&st->t);
    }
}

void t_fail(struct t *t, const char *fmt, ...)
{
    char text[T_REASON_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    state_fail(t->state, "%s", text);
    leave_for_good(t->state);
}

void t_deviates(struct t *t, const char *ids)
{
    t->state->deviates = ids;
}

void t_blame(struct t *t, enum t_blame who, const char *why)
{
    struct t_state *st = t->state;

    plat_lock(&st->lock);
    if (!st->blamed) {
        st->blamed = true;
        st->blame = who;
        snprintf(st->blame_why, sizeof(st->blame_why), "%s", why);
    }
    plat_unlock(&st->lock);
}

/* One more check; whether it holds. */
static bool settle(struct t *t, bool holds)
{
    __atomic_add_fetch(&t->state->checks, 1, __ATOMIC_RELAXED);
    return holds;
}

/* A check that does not hold: the words of the site and of `detail`. False. */
static bool complain(struct t *t, const struct t_site *site, const char *detail)
{
    state_fail(t->state, "%s:%d: %s", site->file, site->line, detail);
    if (site->ends)
        state_leave(t->state);
    return false;
}

void t_reached(struct t *t)
{
    settle(t, true);
}

bool t_check(struct t *t, const struct t_site *site, bool holds)
{
    char text[T_REASON_SIZE];

    if (settle(t, holds))
        return true;
    snprintf(text, sizeof(text), "%s does not hold", site->got);
    return complain(t, site, text);
}

static int compare(struct t_value a, struct t_value b)
{
    if (a.kind == T_STRING && b.kind == T_STRING) {
        if (!a.s || !b.s)
            return (a.s != NULL) - (b.s != NULL);
        return strcmp(a.s, b.s);
    }
    bool a_negative = a.kind == T_SIGNED && a.i < 0, b_negative = b.kind == T_SIGNED && b.i < 0;

    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    if (a.u == b.u)
        return 0;
    return a.u < b.u ? -1 : 1; /* also right for two negative numbers */
}

static void describe(struct t_value v, char *out, size_t size)
{
    if (v.kind == T_STRING)
        snprintf(out, size, "\"%.60s\"", v.s ? v.s : "(null)");
    else if (v.kind == T_BOOL)
        snprintf(out, size, "%s", v.u ? "true" : "false");
    else if (v.kind == T_POINTER)
        snprintf(out, size, "%p", (void *)(uintptr_t)v.p);
    else if (v.kind == T_SIGNED && v.i < 0)
        snprintf(out, size, "%lld", (long long)v.i);
    else if (v.u < 10)
        snprintf(out, size, "%llu", (unsigned long long)v.u);
    else
        snprintf(out, size, "%llu (0x%llx)", (unsigned long long)v.u, (unsigned long long)v.u);
}

bool t_check_op(struct t *t, const struct t_site *site, struct t_value got, enum t_op op, struct t_value want)
{
    static const char *const words[] = {"==", "!=", "<", "<=", ">", ">="};
    int order = compare(got, want);
    bool holds = op == T_EQ   ? order == 0
                 : op == T_NE ? order != 0
                 : op == T_LT ? order < 0
                 : op == T_LE ? order <= 0
                 : op == T_GT ? order > 0
                              : order >= 0;
    char text[T_REASON_SIZE], seen[72], expected[72];

    if (settle(t, holds))
        return true;
    describe(got, seen, sizeof(seen));
    describe(want, expected, sizeof(expected));
    snprintf(text, sizeof(text), "%s %s %s: seen %s, expected %s%s%s", site->got, words[op], site->want, seen,
             op == T_EQ ? "" : words[op], op == T_EQ ? "" : " ", expected);
    return complain(t, site, text);
}

bool t_check_err(struct t *t, const struct t_site *site, int64_t got, int64_t want)
{
    char text[T_REASON_SIZE];

    if (settle(t, got == want))
        return true;
    snprintf(text, sizeof(text), "%s: seen %s, expected %s", site->got, t_errno_name(got),
             t_errno_name(want));
    return complain(t, site, text);
}

bool t_check_mem(struct t *t, const struct t_site *site, const void *got, const void *want, size_t size)
{
    const uint8_t *a = got, *b = want;
    char text[T_REASON_SIZE];
    size_t at = 0, differ = 0;

    for (size_t i = size; i-- > 0;) {
        if (a[i] != b[i]) {
            at = i;
            differ++;
        }
    }
    if (settle(t, !differ))
        return true;
    snprintf(text, sizeof(text),
             "%s, %s: %zu of %zu bytes differ, the first at 0x%zx: seen %02x, expected %02x", site->got,
             site->want, differ, size, at, a[at], b[at]);
    return complain(t, site, text);
}

uint64_t t_rand64(struct t *t)
{
    return rng_next(&t->state->rng);
}

uint64_t t_rand_below(struct t *t, uint64_t limit)
{
    return rng_below(&t->state->rng, limit);
}

void t_rand_fill(struct t *t, void *out, size_t size)
{
    pattern_fill(pattern_make(&t->state->rng), out, size);
}

unsigned t_depth(struct t *t, unsigned full)
{
    unsigned depth = t->state->run->args->depth;

    if (depth || env_is_host())
        return depth ? depth : full;
    return full < 10 ? 1 : full / 10;
}
