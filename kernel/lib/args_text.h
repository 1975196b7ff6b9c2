/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Argument bytes of unknown origin into one line of printable ASCII. Pure, so that the host can feed it
 * anything.
 */
#ifndef KERNEL_LIB_ARGS_TEXT_H
#define KERNEL_LIB_ARGS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

enum args_form {
    ARGS_LOAD_OPTIONS, /* UTF-16LE; a first word that ends in ".efi" is the program's name and dropped */
    ARGS_TEXT,         /* ASCII, or UTF-16LE when it looks so; byte order marks are skipped */
};

/*
 * Decodes `size` bytes up to the first NUL into `out` (`cap` bytes, NUL-terminated always). Tabs and line
 * ends become spaces, spaces at both ends go. Returns the length, 0 when nothing is left; -EINVAL when there
 * is anything but printable ASCII; -E2BIG when it does not fit. `out` is "" on errors.
 */
must_check long args_text_decode(const uint8_t *bytes, size_t size, enum args_form form, char *out,
                                 size_t cap);

#endif
