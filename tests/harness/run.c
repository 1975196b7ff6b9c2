/* SPDX-License-Identifier: BSD-2-Clause */
/* A run from the arguments to the last line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/fixture.h"

static void write_env(void *ctx, const char *text, size_t size)
{
    (void)ctx;
    env_write(text, size);
}

static void skip(struct t_state *st, const struct runner *run, const struct instance *inst)
{
    state_reset(st, run, inst, 0);
    state_judge(st, V_SKIP, "%s", inst->skip);
}

static void progress(const struct runner *run, unsigned i)
{
    char name[T_NAME_SIZE], line[T_NAME_SIZE + 64];

    select_name(&run->instances[i], name, sizeof(name));
    snprintf(line, sizeof(line), "%u of %u, %u failed: %s", i + 1, run->instance_count, run->totals.failed,
             name);
    env_progress(line);
}

static void run_instances(struct runner *run, struct t_state *st)
{
    for (unsigned i = 0; i < run->instance_count; i++) {
        const struct instance *inst = &run->instances[i];
        uint64_t elapsed_ns = 0;

        if (!run->bare)
            progress(run, i);
        if (inst->skip[0])
            skip(st, run, inst);
        else
            case_run(run, inst, st, &elapsed_ns);
        report_case(run, i + 1, st, elapsed_ns);
    }
}

/* A run that cannot even begin: one line in place of the cases. */
static int broken(struct runner *run, const char *why)
{
    report_line(run, run->args->ktap ? "KTAP version 1" : "TAP version 13");
    report_line(run, "1..1");
    report_line(run, "not ok 1 - run");
    report_line(run, "# error: %s", why);
    run->totals = (struct totals){.failed = 1, .error = 1};
    report_close(run);
    return report_exit_code(run);
}

static int run_all(struct runner *run, struct t_state *st)
{
    report_plan(run);
    if (!run->bare)
        header_print(run);
    run_instances(run, st);
    if (!run->bare && fixture_end()) {
        report_line(run, "# error: at the end: %s", fixture_reason());
        run->totals.error++;
        run->totals.failed++;
    }
    report_close(run);
    return report_exit_code(run);
}

int runner_run(struct runner *run)
{
    struct t_state *st = malloc(sizeof(*st));
    int code;

    if (!st || select_instances(run))
        code = broken(run, "no memory");
    else if (!run->instance_count)
        code = broken(run, "only= and skip= leave no case");
    else
        code = run_all(run, st);
    free(run->instances);
    free(st);
    return code;
}

static int list(struct runner *run)
{
    int code = 0;

    if (select_instances(run)) {
        code = broken(run, "no memory");
    } else {
        report_line(run, run->args->ktap ? "KTAP version 1" : "TAP version 13");
        report_line(run, "1..0 # SKIP list");
        report_list(run);
        report_close(run);
    }
    free(run->instances);
    return code;
}

int t_main(void)
{
    static struct args args;
    struct runner run = {
        .args = &args, .errata = errata_table, .errata_count = errata_count, .write = write_env};
    const char *source, *line = env_args(&source);
    char why[700];
    const struct t_case **cases;
    int code;

    if (args_parse(line, &args, why, sizeof(why)))
        return broken(&run, why);
    if (args.log[0] && env_set_log(args.log))
        return broken(&run, "log= wants error, warn, info or debug");
    if (args.exit[0] && env_set_exit(args.exit))
        return broken(&run, "exit= wants auto, debug, reset or halt");
    if (select_all(&cases, &run.case_count))
        return broken(&run, "no memory");
    run.cases = cases;
    fixture_init(&args);
    code = args.list ? list(&run) : runner_run(&run);
    free(cases);
    return code;
}
