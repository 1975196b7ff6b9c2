/* SPDX-License-Identifier: BSD-2-Clause */
/* The screen's only font. */
#ifndef KERNEL_FONT_H
#define KERNEL_FONT_H

#include <stdint.h>

#define FONT_FIRST  32
#define FONT_GLYPHS 95
#define FONT_COLS   5
#define FONT_ROWS   7

extern const uint8_t font_glyphs[FONT_GLYPHS][FONT_ROWS];

#endif
