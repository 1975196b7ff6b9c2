/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line of words put together in a caller's buffer, for code that may not use stdio. Always terminated; what
 * does not fit is cut off. Pure, no locale, no allocation.
 */
#ifndef KERNEL_LIB_TEXT_H
#define KERNEL_LIB_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *buf;
    size_t size; /* at least 1 */
    size_t len;  /* without the terminator */
};

/* An empty line in `buf`; size is at least 1. */
struct text text_in(char *buf, size_t size);
void text_add(struct text *t, const char *words);
void text_dec(struct text *t, uint64_t value);
/* Lower case hexadecimal without prefix, at least `digits` (0..16) digits. */
void text_hex(struct text *t, uint64_t value, unsigned digits);
/* "bb:dd.f" of a requester id. */
void text_rid(struct text *t, uint16_t rid);
/* "ssss:bb:dd.f" of a function; segment 0 is left out. */
void text_function(struct text *t, uint16_t segment, uint16_t rid);

#endif
