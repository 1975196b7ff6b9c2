/* SPDX-License-Identifier: BSD-2-Clause */
/* Draws glyphs at twice their size; see screen.h. */
#include <stdbool.h>

#include "kernel/font.h"
#include "kernel/screen.h"
#include "kernel/vm.h"

#define SCALE       2u
#define CELL_WIDTH  (SCALE * (FONT_COLS + 1))
#define CELL_HEIGHT (SCALE * (FONT_ROWS + 1))
#define WHITE       0x00e0e0e0u /* same in both pixel formats */
#define BLACK       0x00000000u

static struct {
    volatile uint32_t *pixels; /* NULL: no screen */
    size_t stride;
    unsigned columns, rows; /* the status line not counted */
    unsigned x, y;
} screen;

static volatile uint32_t *cell(unsigned column, unsigned row)
{
    return screen.pixels + (size_t)row * CELL_HEIGHT * screen.stride + (size_t)column * CELL_WIDTH;
}

/* Whether the glyph covers pixel (x, y) of its cell. */
static bool lit(const uint8_t *glyph, unsigned x, unsigned y)
{
    unsigned column = x / SCALE, row = y / SCALE;

    return column < FONT_COLS && row < FONT_ROWS && glyph[row] >> (FONT_COLS - 1 - column) & 1;
}

static void draw(unsigned column, unsigned row, char c)
{
    unsigned index = (unsigned char)c - (unsigned)FONT_FIRST;
    const uint8_t *glyph = font_glyphs[index < FONT_GLYPHS ? index : '?' - FONT_FIRST];
    volatile uint32_t *p = cell(column, row);

    for (unsigned y = 0; y < CELL_HEIGHT; y++, p += screen.stride)
        for (unsigned x = 0; x < CELL_WIDTH; x++)
            p[x] = lit(glyph, x, y) ? WHITE : BLACK;
}

static void clear_row(unsigned row)
{
    volatile uint32_t *p = cell(0, row);

    for (unsigned y = 0; y < CELL_HEIGHT; y++, p += screen.stride)
        for (unsigned x = 0; x < screen.columns * CELL_WIDTH; x++)
            p[x] = BLACK;
}

/* Begins the next row; the one after it is cleared too, so that the end of the text shows. */
static void new_row(void)
{
    screen.x = 0;
    screen.y = (screen.y + 1) % screen.rows;
    clear_row(screen.y);
    clear_row((screen.y + 1) % screen.rows);
}

void screen_init(const struct boot_framebuffer *fb)
{
    uint64_t bytes = (uint64_t)fb->stride * fb->height * sizeof(uint32_t);

    if (fb->format == BOOT_FB_NONE || !bytes || bytes > fb->size || fb->stride < fb->width ||
        fb->width < CELL_WIDTH || fb->height < 3 * CELL_HEIGHT)
        return;
    screen.pixels = vm_map_wc(fb->base, bytes);
    if (!screen.pixels)
        return;
    screen.stride = fb->stride;
    screen.columns = fb->width / CELL_WIDTH;
    screen.rows = fb->height / CELL_HEIGHT - 1;
    for (unsigned row = 0; row <= screen.rows; row++)
        clear_row(row);
}

void screen_write(const char *text, size_t size)
{
    for (size_t i = 0; screen.pixels && i < size; i++) {
        if (text[i] == '\n') {
            new_row();
            continue;
        }
        if (text[i] == '\r')
            continue;
        if (screen.x == screen.columns)
            new_row();
        draw(screen.x++, screen.y, text[i]);
    }
}

void screen_status(const char *text)
{
    unsigned x = 0;

    if (!screen.pixels)
        return;
    clear_row(screen.rows);
    for (; text[x] && text[x] != '\n' && x < screen.columns; x++)
        draw(x, screen.rows, text[x]);
}
