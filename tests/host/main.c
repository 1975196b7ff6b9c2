/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's home of the harness: main(), and tests/harness/env.h on the simulated machine of host.h. The
 * argument line is the words of the command line.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/env.h"
#include "tests/host/guard.h"
#include "tests/host/host.h"

static char line[4096];

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
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
    emit(ctx, "time", "simulated");
}

void env_replay(char *out, size_t size, unused const char *machine, const char *args)
{
    snprintf(out, size, "build/host/pasidcheck %s", args);
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

bool env_has_threads(void)
{
    return false;
}

unsigned env_dmar_count(void)
{
    return 0;
}

int env_dmar(unused unsigned n, unused const void **bytes, unused size_t *size)
{
    return -ENOENT;
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
