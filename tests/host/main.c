/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's home of the harness: main(), and tests/harness/env.h on the simulated machine of host.h. The
 * argument line is the words of the command line; in front of them --units=<profile> picks the machine
 * (stub_machine.h, model_machine.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/env.h"
#include "tests/host/guard.h"
#include "tests/host/host.h"
#include "tests/host/model_machine.h"
#include "tests/host/stub_machine.h"

#define UNITS_OPTION "--units="

static char line[4096];
static const char *profile = "default";

/* Builds the machine; number of command-line words that this took, -EINVAL for an unknown profile. */
static int make_machine(int argc, char **argv)
{
    bool named = argc > 1 && strncmp(argv[1], UNITS_OPTION, strlen(UNITS_OPTION)) == 0;

    if (named)
        profile = argv[1] + strlen(UNITS_OPTION);
    if (stub_machine_create(profile) == 0)
        return named ? 1 : 0;
    fprintf(stderr, "pasidcheck: no units called %s, but:", profile);
    for (unsigned n = 0; stub_machine_profile(n) != NULL; n++)
        fprintf(stderr, " %s", stub_machine_profile(n));
    fprintf(stderr, " model");
    for (unsigned n = 0; model_preset_name(n) != NULL; n++)
        fprintf(stderr, " model-%s", model_preset_name(n));
    fprintf(stderr, " segments-ir segments-model");
    fprintf(stderr, "\n");
    return -EINVAL;
}

int main(int argc, char **argv)
{
    int taken = make_machine(argc, argv);

    if (taken < 0)
        return 4;
    for (int i = 1 + taken; i < argc; i++) {
        size_t len = strlen(line);

        if (len + strlen(argv[i]) + 2 > sizeof(line)) {
            fprintf(stderr, "pasidcheck: the argument line is longer than %zu characters\n", sizeof(line));
            return 4;
        }
        snprintf(line + len, sizeof(line) - len, "%s%s", len ? " " : "", argv[i]);
    }
    guard_init();
    return t_main();
}

/* ---- Report ---- */

void env_write(const char *text, size_t size)
{
    fwrite(text, 1, size, stdout);
    fflush(stdout);
}

void env_progress(unused const char *text)
{
}

void env_screen(unused bool on)
{
}

void env_facts(env_fact_fn *emit, void *ctx)
{
    emit(ctx, "compiler", __VERSION__);
    emit(ctx, "time", host_home.time);
    emit(ctx, "units", profile);
}

void env_replay(char *out, size_t size, unused const char *machine, const char *args)
{
    snprintf(out, size, "%s " UNITS_OPTION "%s %s", host_home.binary, profile, args);
}

/* ---- Arguments ---- */

const char *env_args(const char **source)
{
    *source = "command line";
    return line;
}

static int word_index(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return i;
    }
    return -EINVAL;
}

int env_set_log(const char *level)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};
    static const enum plat_log levels[] = {LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG};
    int i = word_index(level, words, ARRAY_SIZE(words));

    if (i < 0)
        return i;
    host_log_level(levels[i]);
    return 0;
}

/* A process ends in one way only; the words are taken so that one argument line serves both homes. */
int env_set_exit(const char *how)
{
    static const char *const words[] = {"auto", "debug", "reset", "halt"};
    int i = word_index(how, words, ARRAY_SIZE(words));

    return i < 0 ? i : 0;
}

/* ---- Machine ---- */

bool env_is_host(void)
{
    return true;
}

bool env_has_stubs(void)
{
    return model_machine_unit(0) == NULL;
}

bool env_has_strays(void)
{
    struct model *m = model_machine_unit(0);

    return m != NULL && model_config(m)->spurious;
}

unsigned env_cpus(void)
{
    return host_home.cpus;
}

bool env_time_is_real(void)
{
    return strcmp(host_home.time, "real") == 0;
}

bool env_has_threads(void)
{
    return host_home.threads;
}

unsigned env_dmar_count(void)
{
    return 1;
}

int env_dmar(unsigned n, const void **bytes, size_t *size)
{
    if (n > 0)
        return -ENOENT;
    *bytes = stub_machine_dmar(size);
    return 0;
}

bool env_phys_ok(paddr_t pa, size_t size)
{
    return host_phys_ok(pa, size);
}

/* ---- Memory accounts ---- */

size_t env_pages(enum plat_owner owner)
{
    return host_pages(owner);
}

size_t env_objects(enum plat_owner owner)
{
    return host_objects(owner);
}

uint64_t env_mark(void)
{
    return host_mark();
}

void env_quarantine(uint64_t mark)
{
    host_abandon_work();
    host_quarantine(mark);
}
