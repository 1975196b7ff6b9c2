/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: any bytes as the arguments of a run: decoded as the firmware does (kernel/lib/args_text.c),
 * taken apart as the harness does (tests/harness/args.c), and its globs tried. The first byte picks the form.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/lib/args_text.h"
#include "tests/harness/args.h"
#include "tests/host/fuzz.h"

static void check(bool ok)
{
    if (!ok)
        abort();
}

static bool ends(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static void check_args(const char *line)
{
    struct args a;
    char why[80] = "";

    if (args_parse(line, &a, why, sizeof(why)) != 0)
        check(why[0] != '\0' && ends(why, sizeof(why)));
    check(a.repeat >= 1 && ends(a.only, sizeof(a.only)) && ends(a.skip, sizeof(a.skip)));
    check(ends(a.platform, sizeof(a.platform)) && ends(a.machine, sizeof(a.machine)));
    check(ends(a.nvme, sizeof(a.nvme)) && ends(a.log, sizeof(a.log)) && ends(a.exit, sizeof(a.exit)));
    (void)args_glob_list(a.only, "suite.case/rid/edu");
    (void)args_glob_list(a.skip, line);
    check(!args_glob_list("", line) && args_glob_list("*", line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum args_form form = size > 0 && data[0] & 1 ? ARGS_LOAD_OPTIONS : ARGS_TEXT;
    char *line;
    long len;

    if (size == 0)
        return 0;
    /* As large as the input asks for: the byte behind it is ASan's. */
    line = malloc(size);
    check(line != NULL);
    len = args_text_decode(data + 1, size - 1, form, line, size);
    check(ends(line, size) && (len < 0 ? line[0] == '\0' : (size_t)len == strlen(line)));
    for (const char *c = line; *c != '\0'; c++)
        check(*c >= ' ' && *c <= '~');
    check_args(line);
    free(line);
    return 0;
}
