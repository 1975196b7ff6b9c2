/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decompression of a zlib stream (RFC 1950, RFC 1951) into memory that is there already. Nothing of UEFI, so
 * that it runs under a test on the build host as well.
 */
#ifndef BOOT_INFLATE_H
#define BOOT_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INFLATE_CODE_BITS 15

/* A Huffman code as a table: the next bits of the input are the index. */
struct inflate_code {
    unsigned bits;                           /* of the longest word */
    uint16_t entry[1u << INFLATE_CODE_BITS]; /* symbol * 16 + length of its word; 0: no word begins so */
};

/* Room to work in; its contents before and after do not matter. */
struct inflate_work {
    struct inflate_code symbols, distances;
};

/*
 * Fills all `out_size` bytes of `out`. False: `in` is damaged, or makes more or fewer bytes; nothing outside
 * of both is ever touched.
 */
bool inflate_zlib(struct inflate_work *work, const uint8_t *in, size_t size, uint8_t *out, size_t out_size);

#endif
