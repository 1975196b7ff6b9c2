/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unpacks the kernel ELF that boot/pack.py packed: one LZ4 block behind a 32-bit size. Every length and
 * distance is checked, though the bytes are our own: a damaged file ends in a sentence and not in a jump to
 * nowhere.
 */
#include "boot/boot.h"

#define MIN_MATCH 4u
#define MORE      15u

struct input {
    const UINT8 *at, *end;
};

/* The count that starts with a nibble; MORE means that bytes follow, each 255 that yet another one does. */
static BOOLEAN read_length(struct input *in, UINT64 *length)
{
    UINT8 b = 255;

    if (*length != MORE)
        return TRUE;
    while (b == 255) {
        if (in->at == in->end)
            return FALSE;
        b = *in->at++;
        *length += b;
    }
    return TRUE;
}

static BOOLEAN copy_literals(struct input *in, UINT64 count, UINT8 **out, const UINT8 *out_end)
{
    if (count > (UINT64)(in->end - in->at) || count > (UINT64)(out_end - *out))
        return FALSE;
    boot_copy(*out, in->at, count);
    in->at += count;
    *out += count;
    return TRUE;
}

/* Source and target may overlap: a short distance repeats what it has just written. */
static BOOLEAN copy_match(struct input *in, UINT64 length, const UINT8 *start, UINT8 **out,
                          const UINT8 *out_end)
{
    UINT64 distance;

    if (in->end - in->at < 2)
        return FALSE;
    distance = in->at[0] + 256u * in->at[1];
    in->at += 2;
    if (!read_length(in, &length))
        return FALSE;
    length += MIN_MATCH;
    if (!distance || distance > (UINT64)(*out - start) || length > (UINT64)(out_end - *out))
        return FALSE;
    for (; length; length--, (*out)++)
        **out = *(*out - distance);
    return TRUE;
}

UINT64 boot_unpacked_size(const UINT8 *packed, UINT64 size)
{
    return size < 4 ? 0 : packed[0] | packed[1] << 8 | packed[2] << 16 | (UINT64)packed[3] << 24;
}

BOOLEAN boot_unpack(const UINT8 *packed, UINT64 size, UINT8 *out)
{
    struct input in = {packed + 4, packed + size};
    UINT8 *at = out, *end = out + boot_unpacked_size(packed, size);

    while (in.at < in.end) {
        UINT8 token = *in.at++;
        UINT64 literals = token >> 4;

        if (!read_length(&in, &literals) || !copy_literals(&in, literals, &at, end))
            return FALSE;
        if (in.at == in.end)
            return at == end;
        if (!copy_match(&in, token & 15, out, &at, end))
            return FALSE;
    }
    return FALSE;
}
