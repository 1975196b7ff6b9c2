/* SPDX-License-Identifier: BSD-2-Clause */
/* The report: TAP 13 as prove reads it, or KTAP 1. Grammar in docs/testing.md. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/runner.h"

enum { EXIT_PASS = 0, EXIT_SKIP = 3, EXIT_ERROR = 4, EXIT_FAILURE_ = 5 };

void report_line(const struct runner *run, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
    va_end(ap);
    if (len < 0)
        return;
    if (len > (int)sizeof(line) - 2)
        len = (int)sizeof(line) - 2;
    line[len++] = '\n';
    run->write(run->ctx, line, (size_t)len);
}

void report_plan(struct runner *run)
{
    report_line(run, run->args->ktap ? "KTAP version 1" : "TAP version 13");
    report_line(run, "1..%u", run->instance_count);
}

/* Every line of `text` behind "# ". */
static void comment(const struct runner *run, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        report_line(run, "# %.*s", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

/* How a verdict reads in the report. */
enum outcome { O_PASS, O_SKIP, O_XFAIL, O_UNEXPECTED, O_FAIL, O_ERROR, O_HUNG };

static enum outcome outcome_of(const struct t_state *st)
{
    switch (st->verdict) {
    case V_SKIP:
        return O_SKIP;
    case V_ERROR:
        return st->hung ? O_HUNG : O_ERROR;
    case V_FAIL:
        return O_FAIL;
    case V_DEVIATED:
        return O_XFAIL;
    default:
        return st->erratum ? O_UNEXPECTED : O_PASS;
    }
}

static void count(struct totals *sum, const struct t_state *st, enum outcome o)
{
    sum->passed += o == O_PASS || o == O_XFAIL;
    sum->skipped += o == O_SKIP;
    sum->failed += o >= O_UNEXPECTED;
    sum->xfail += o == O_XFAIL;
    sum->unexpected += o == O_UNEXPECTED;
    sum->error += o >= O_ERROR;
    if (o == O_PASS) {
        sum->dma_cases += st->allowed + st->denied > 0;
        sum->allowed += st->allowed;
        sum->denied += st->denied;
    }
}

static void result_line(const struct runner *run, unsigned number, const struct t_state *st, enum outcome o)
{
    static const char *const ktap_words[] = {[O_SKIP] = "SKIP",    [O_XFAIL] = "XFAIL", [O_ERROR] = "ERROR",
                                             [O_HUNG] = "TIMEOUT", [O_FAIL] = "",       [O_UNEXPECTED] = ""};
    bool ktap = run->args->ktap;
    bool good = o == O_PASS || o == O_SKIP || (ktap && o == O_XFAIL);
    char line[T_NAME_SIZE + T_REASON_SIZE + 64];
    int len = snprintf(line, sizeof(line), "%s %u%s %s", good ? "ok" : "not ok", number, ktap ? "" : " -",
                       st->name);
    char *rest = line + len;
    size_t room = sizeof(line) - (size_t)len;

    if (o == O_XFAIL)
        snprintf(rest, room, " # %s %s %s", ktap ? "XFAIL" : "TODO", st->erratum->id, st->erratum->text);
    else if (o == O_SKIP)
        snprintf(rest, room, " # SKIP %s", st->reason);
    else if (ktap && o >= O_ERROR)
        snprintf(rest, room, " # %s %.200s", ktap_words[o], st->reason);
    report_line(run, "%s", line);
}

static void ids(const struct runner *run, const char *key, const char *list)
{
    if (list)
        report_line(run, "# %s: %s", key, list);
}

/* The arguments of a run of one case, with all that had a say in it. */
static void replay_words(const struct args *a, const char *name, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "only=%s seed=%llu", name, (unsigned long long)a->seed);

    if (a->repeat > 1 && len < size)
        len += (size_t)snprintf(out + len, size - len, " repeat=%u", a->repeat);
    if (a->depth && len < size)
        len += (size_t)snprintf(out + len, size - len, " depth=%u", a->depth);
    if (a->dmar && len < size)
        len += (size_t)snprintf(out + len, size - len, " dmar=%u", a->dmar);
    if (a->nvme[0] && len < size)
        snprintf(out + len, size - len, " nvme=%s", a->nvme);
}

void report_replay(char *out, size_t size, bool board, const char *machine, const char *args)
{
    if (board)
        snprintf(out, size, "\\EFI\\pasidcheck\\args.txt: %s", args);
    else
        snprintf(out, size, "make run%s%s ARGS=\"%s\"", *machine ? " M=" : "", machine, args);
}

/* What was done and seen, whose fault it is, and how to see it again. */
static void explain(const struct runner *run, const struct t_state *st, enum outcome o)
{
    static const char *const who[] = {"driver", "platform", "apparatus"};
    const struct t_case *c = st->inst->c;
    char words[T_NAME_SIZE + 128], line[512];

    if (o == O_UNEXPECTED)
        report_line(run, "# unexpected-pass %s", st->erratum->id);
    else
        report_line(run, "# %s: %s", o >= O_ERROR ? "error" : "fail", st->reason);
    comment(run, st->notes);
    if (st->notes_lost)
        report_line(run, "# (%u more notes did not fit)", st->notes_lost);
    if (o == O_XFAIL)
        return;
    ids(run, "proves", c->doc);
    ids(run, "rows", c->rows);
    ids(run, "rules", c->rules);
    ids(run, "flaws", c->flaws);
    ids(run, "faults", c->faults);
    if (o == O_UNEXPECTED)
        return;
    if (o >= O_ERROR)
        report_line(run, "# blame: apparatus");
    else
        report_line(run, "# blame: %s%s%s", who[st->blame], st->blamed ? ", " : "", st->blame_why);
    replay_words(run->args, st->name, words, sizeof(words));
    env_replay(line, sizeof(line), run->args->machine, words);
    report_line(run, "# replay: %s", line);
}

void report_case(struct runner *run, unsigned number, const struct t_state *st, uint64_t elapsed_ns)
{
    enum outcome o = outcome_of(st);
    bool loud = o > O_SKIP, shown = !run->bare && o >= O_UNEXPECTED;

    count(&run->totals, st, o);
    if (shown)
        env_screen(true);
    if (!run->args->ktap)
        result_line(run, number, st, o);
    if (loud)
        explain(run, st, o);
    else if (strcmp(run->args->log, "debug") == 0)
        comment(run, st->notes);
    if (st->told[0])
        report_line(run, "# compared: %s", st->told);
    if (o != O_SKIP)
        report_line(run, "# time_us %llu", (unsigned long long)(elapsed_ns / 1000));
    if (run->args->ktap)
        result_line(run, number, st, o);
    if (shown)
        env_screen(false);
}

void report_close(struct runner *run)
{
    const struct totals *s = &run->totals;

    if (!run->bare)
        env_screen(true);
    report_line(run, "# xfail %u, unexpected pass %u, error %u, dma-proven %u (allowed %u, denied %u)",
                s->xfail, s->unexpected, s->error, s->dma_cases, s->allowed, s->denied);
    report_line(run, "pasidcheck: %u passed, %u failed, %u skipped", s->passed, s->failed, s->skipped);
}

int report_exit_code(const struct runner *run)
{
    const struct totals *s = &run->totals;

    if (s->failed)
        return s->failed > s->error ? EXIT_FAILURE_ : EXIT_ERROR;
    return s->skipped && !s->passed ? EXIT_SKIP : EXIT_PASS;
}

/* One line per body: name | needs | ids | doc, as tests/tools/spec_map.py and people read it. */
void report_list(struct runner *run)
{
    for (size_t i = 0; i < run->case_count; i++) {
        const struct t_case *c = run->cases[i];
        char needs[256];
        bool chosen = false;

        for (unsigned k = 0; k < run->instance_count; k++)
            chosen = chosen || run->instances[k].c == c;
        if (!chosen)
            continue;
        needs_words(c->needs, needs, sizeof(needs));
        report_line(run,
                    "# list: %s.%s | needs %s | rows %s | rules %s | flaws %s | faults %s | xfail %s | %s",
                    c->suite, c->name, needs, c->rows ? c->rows : "-", c->rules ? c->rules : "-",
                    c->flaws ? c->flaws : "-", c->faults ? c->faults : "-", c->xfail ? c->xfail : "-",
                    c->doc ? c->doc : "-");
    }
}
