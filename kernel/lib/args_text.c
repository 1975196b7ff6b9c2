/* SPDX-License-Identifier: BSD-2-Clause */
/* See args_text.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/lib/args_text.h"

/* Bytes seen as units of one width. */
struct units {
    const uint8_t *at;
    size_t count;
    bool wide;
};

static unsigned unit(const struct units *u, size_t i)
{
    return u->wide ? (unsigned)u->at[2 * i] + 256u * u->at[2 * i + 1] : u->at[i];
}

/* Load options are UTF-16 by definition. Elsewhere a mark, or a zero as second byte, says so. */
static bool looks_wide(const uint8_t *b, size_t size)
{
    return size >= 2 && size % 2 == 0 && ((b[0] == 0xff && b[1] == 0xfe) || (b[0] != 0 && b[1] == 0));
}

static struct units open_units(const uint8_t *b, size_t size, enum args_form form)
{
    struct units u = {b, size, form == ARGS_LOAD_OPTIONS || looks_wide(b, size)};
    size_t skip = 0;

    if (u.wide)
        u.count = size / 2;
    if (form == ARGS_TEXT && u.wide && b[0] == 0xff)
        skip = 1;
    if (form == ARGS_TEXT && !u.wide && size >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf)
        skip = 3;
    u.at += skip * (u.wide ? 2 : 1);
    u.count -= skip;
    return u;
}

static bool is_space(unsigned c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Where the arguments start when the first word is a program's name. */
static size_t after_program(const char *text, size_t length)
{
    static const char suffix[] = ".efi";
    const size_t n = sizeof(suffix) - 1;
    size_t word = 0;

    while (word < length && text[word] != ' ')
        word++;
    if (word < n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (lower(text[word - n + i]) != suffix[i])
            return 0;
    while (word < length && text[word] == ' ')
        word++;
    return word;
}

long args_text_decode(const uint8_t *bytes, size_t size, enum args_form form, char *out, size_t cap)
{
    struct units u = open_units(bytes, size, form);
    size_t length = 0, start;

    if (!cap)
        return -E2BIG;
    out[0] = 0;
    for (size_t i = 0; i < u.count && unit(&u, i); i++) {
        unsigned c = unit(&u, i);

        if (is_space(c))
            c = ' ';
        if (c < ' ' || c > '~') {
            out[0] = 0;
            return -EINVAL;
        }
        if (c == ' ' && length == 0)
            continue;
        if (length + 1 >= cap) {
            out[0] = 0;
            return -E2BIG;
        }
        out[length++] = (char)c;
    }
    while (length && out[length - 1] == ' ')
        length--;
    start = form == ARGS_LOAD_OPTIONS ? after_program(out, length) : 0;
    memmove(out, out + start, length - start);
    out[length - start] = 0;
    return (long)(length - start);
}
