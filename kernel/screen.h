/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text on the GOP frame buffer. Nothing scrolls: a full screen goes on at the top, each line cleared as it is
 * begun. The last row is a status line. Without a frame buffer all of this does nothing. The caller
 * serializes (console.c).
 */
#ifndef KERNEL_SCREEN_H
#define KERNEL_SCREEN_H

#include <stddef.h>

#include "kernel/boot_info.h"

/* Maps and clears the frame buffer. Needs vm_init(). */
void screen_init(const struct boot_framebuffer *fb);

/* Draws from the cursor on; \n begins a row. */
void screen_write(const char *text, size_t size);

/* Replaces the status line, cut to the width of the screen. */
void screen_status(const char *text);

#endif
