/* SPDX-License-Identifier: BSD-2-Clause */
/* The argument line from its four places; see args.h. */
#include <errno.h>

#include "kernel/args.h"
#include "kernel/fw_cfg.h"
#include "kernel/lib/args_text.h"
#include "kernel/log.h"

#define FW_CFG_FILE "opt/pasidcheck/args"

static char line[BOOT_ARGS_BYTES];
static const char *source = "none";

/* True when this place has text: the search ends. */
static bool try(const char *name, enum args_form form, const uint8_t *bytes, long size)
{
    long n;

    if (size <= 0)
        return false;
    if (size > BOOT_ARGS_BYTES)
        n = -E2BIG;
    else
        n = args_text_decode(bytes, (size_t)size, form, line, sizeof(line));
    if (n == -E2BIG)
        panic("arguments from %s are longer than %d bytes", name, BOOT_ARGS_BYTES);
    if (n < 0)
        log_line(form == ARGS_LOAD_OPTIONS ? LOG_INFO : LOG_WARN,
                 "arguments from %s: not printable text, ignored", name);
    if (n <= 0)
        return false;
    source = name;
    return true;
}

static bool try_place(const struct boot_info *info, enum boot_args_place place, const char *name,
                      enum args_form form)
{
    const struct boot_args_raw *raw = &info->args[place];

    return try(name, form, raw->bytes, (long)raw->size);
}

void args_init(const struct boot_info *info)
{
    static uint8_t bytes[BOOT_ARGS_BYTES];

    if (try_place(info, BOOT_ARGS_LOAD_OPTIONS, "load options", ARGS_LOAD_OPTIONS) ||
        try_place(info, BOOT_ARGS_FILE, "args.txt", ARGS_TEXT) ||
        try_place(info, BOOT_ARGS_VARIABLE, "variable", ARGS_TEXT))
        return;
    try("fw_cfg", ARGS_TEXT, bytes, fw_cfg_read(FW_CFG_FILE, bytes, sizeof(bytes)));
}

const char *boot_args(void)
{
    return line;
}

const char *boot_args_source(void)
{
    return source;
}
