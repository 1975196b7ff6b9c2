/* SPDX-License-Identifier: BSD-2-Clause */
/* Parser of the argument line, and the globs of only= and skip=. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/args.h"

#define ARGS_MAX_REPEAT 1000000u

static int take_text(char *out, size_t size, const char *value)
{
    size_t len = strlen(value);

    if (!len || len >= size)
        return -EINVAL;
    memcpy(out, value, len + 1);
    return 0;
}

static int take_number(uint64_t *out, const char *value, uint64_t max)
{
    char *end;

    if (*value < '0' || *value > '9')
        return -EINVAL;
    errno = 0;
    *out = strtoull(value, &end, 0);
    return *end || errno || *out > max ? -EINVAL : 0;
}

static int take_small(unsigned *out, const char *value, unsigned min, unsigned max)
{
    uint64_t n;

    if (take_number(&n, value, max) || n < min)
        return -EINVAL;
    *out = (unsigned)n;
    return 0;
}

static int take_format(struct args *a, const char *value)
{
    a->ktap = strcmp(value, "ktap") == 0;
    return a->ktap || strcmp(value, "tap") == 0 ? 0 : -EINVAL;
}

/* One word; `value` is what follows '=', NULL when there is none. */
static int take_word(struct args *a, const char *key, const char *value)
{
    if (!value) {
        if (strcmp(key, "list") != 0)
            return -EINVAL;
        a->list = true;
        return 0;
    }
    if (strcmp(key, "only") == 0)
        return take_text(a->only, sizeof(a->only), value);
    if (strcmp(key, "skip") == 0)
        return take_text(a->skip, sizeof(a->skip), value);
    if (strcmp(key, "seed") == 0)
        return take_number(&a->seed, value, UINT64_MAX);
    if (strcmp(key, "depth") == 0)
        return take_small(&a->depth, value, 1, UINT32_MAX);
    if (strcmp(key, "repeat") == 0)
        return take_small(&a->repeat, value, 1, ARGS_MAX_REPEAT);
    if (strcmp(key, "format") == 0)
        return take_format(a, value);
    if (strcmp(key, "platform") == 0)
        return take_text(a->platform, sizeof(a->platform), value);
    if (strcmp(key, "machine") == 0)
        return take_text(a->machine, sizeof(a->machine), value);
    if (strcmp(key, "dmar") == 0)
        return take_small(&a->dmar, value, 0, 255);
    if (strcmp(key, "nvme") == 0)
        return take_text(a->nvme, sizeof(a->nvme), value);
    if (strcmp(key, "log") == 0)
        return take_text(a->log, sizeof(a->log), value);
    if (strcmp(key, "exit") == 0)
        return take_text(a->exit, sizeof(a->exit), value);
    return -EINVAL;
}

int args_parse(const char *line, struct args *out, char *why, size_t why_size)
{
    char word[640];

    *out = (struct args){.seed = ARGS_DEFAULT_SEED, .repeat = 1};
    while (*(line += strspn(line, " \t\r\n"))) {
        size_t len = strcspn(line, " \t\r\n");
        char *value;

        if (len >= sizeof(word)) {
            snprintf(why, why_size, "a word of %zu characters", len);
            return -EINVAL;
        }
        memcpy(word, line, len);
        word[len] = 0;
        line += len;
        value = strchr(word, '=');
        if (value)
            *value++ = 0;
        if (take_word(out, word, value)) {
            snprintf(why, why_size, "word \"%s%s%s\" is not understood", word, value ? "=" : "",
                     value ? value : "");
            return -EINVAL;
        }
    }
    return 0;
}

/* Does [glob, end) match all of `text`? Iterative: a star remembers where to go on from. */
static bool glob_match(const char *glob, const char *end, const char *text)
{
    const char *star = NULL, *retry = NULL;

    while (*text) {
        if (glob < end && *glob == '*') {
            star = ++glob;
            retry = text;
        } else if (glob < end && (*glob == '?' || *glob == *text)) {
            glob++;
            text++;
        } else if (star) {
            glob = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (glob < end && *glob == '*')
        glob++;
    return glob == end;
}

bool args_glob_list(const char *globs, const char *text)
{
    while (*globs) {
        const char *end = globs + strcspn(globs, ",");

        if (end > globs && glob_match(globs, end, text))
            return true;
        globs = *end ? end + 1 : end;
    }
    return false;
}
