/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decompressor of boot/ on the build host: replay_inflate SIZE <packed >out. Both buffers are exactly as
 * long as what is in them, so that a sanitizer sees a step beyond. Exits 1 when the stream is damaged.
 */
#include <stdio.h>
#include <stdlib.h>

#include "boot/inflate.h"

#define MOST (16u << 20)

int main(int argc, char **argv)
{
    size_t out_size = argc == 2 ? strtoul(argv[1], NULL, 10) : MOST + 1, size;
    struct inflate_work *work = malloc(sizeof(*work));
    uint8_t *all = malloc(MOST), *in, *out;
    bool good;

    if (out_size > MOST || !work || !all)
        return 2;
    size = fread(all, 1, MOST, stdin);
    in = realloc(all, size ? size : 1);
    out = malloc(out_size ? out_size : 1);
    if (!in || !out)
        return 2;
    good = inflate_zlib(work, in, size, out, out_size) && fwrite(out, 1, out_size, stdout) == out_size;
    free(out);
    free(in);
    free(work);
    return good ? 0 : 1;
}
