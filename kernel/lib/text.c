/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line builder: see text.h.
 */
#include "kernel/lib/text.h"

struct text text_in(char *buf, size_t size)
{
    buf[0] = '\0';
    return (struct text){.buf = buf, .size = size, .len = 0};
}

static void text_char(struct text *t, char c)
{
    if (t->len + 1 >= t->size)
        return;
    t->buf[t->len++] = c;
    t->buf[t->len] = '\0';
}

void text_add(struct text *t, const char *words)
{
    while (*words != '\0')
        text_char(t, *words++);
}

/* Digits come out backwards: `least` of them at least. */
static void text_number(struct text *t, uint64_t value, unsigned base, unsigned least)
{
    char digits[20];
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (n < sizeof(digits) && (value != 0 || n < least));
    while (n > 0)
        text_char(t, digits[--n]);
}

void text_dec(struct text *t, uint64_t value)
{
    text_number(t, value, 10, 1);
}

void text_hex(struct text *t, uint64_t value, unsigned digits)
{
    text_number(t, value, 16, digits);
}

void text_rid(struct text *t, uint16_t rid)
{
    text_hex(t, rid / 256, 2);
    text_add(t, ":");
    text_hex(t, rid / 8 % 32, 2);
    text_add(t, ".");
    text_hex(t, rid % 8, 1);
}

void text_function(struct text *t, uint16_t segment, uint16_t rid)
{
    if (segment != 0) {
        text_hex(t, segment, 4);
        text_add(t, ":");
    }
    text_rid(t, rid);
}
