/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See inflate.h. Every length, distance and code is checked and the checksum compared, though the bytes are
 * our own: a damaged file ends in a sentence and not in a jump to nowhere.
 */
#include "boot/inflate.h"

#define MAX_SYMBOLS   288u
#define MAX_DISTANCES 32u
#define LENGTH_CODES  19u
#define END_OF_BLOCK  256u
#define FIRST_LENGTH  257u
#define ADLER_BASE    65521u
#define ADLER_BYTES   5552u /* as many as a sum of 32 bits holds */

struct stream {
    struct inflate_work *work;
    const uint8_t *at, *end;
    uint64_t hold;    /* bits taken from the input and not used yet, the next one lowest */
    unsigned held;    /* how many */
    unsigned missing; /* bytes of zeros that stand for what is behind the end */
    uint8_t *start, *out, *out_end;
};

/*
 * At least `bits` bits, eight bytes at once where they are there; above `held` there are bits that will come
 * again. A word of up to 15 bits is looked at whole, also where fewer are left of the input.
 */
static void fill(struct stream *s, unsigned bits)
{
    uint64_t next;

    if (s->held < bits && s->end - s->at >= 8) {
        __builtin_memcpy(&next, s->at, 8);
        s->hold |= next << s->held;
        s->at += (63 - s->held) / 8;
        s->held |= 56;
    }
    while (s->held < bits) {
        if (s->at < s->end)
            s->hold |= (uint64_t)*s->at++ << s->held;
        else
            s->missing++;
        s->held += 8;
    }
}

static void drop(struct stream *s, unsigned bits)
{
    s->hold >>= bits;
    s->held -= bits;
}

static unsigned take(struct stream *s, unsigned bits)
{
    unsigned value;

    fill(s, bits);
    value = (unsigned)(s->hold & ((1u << bits) - 1));
    drop(s, bits);
    return value;
}

/* Was anything used that the input did not have? */
static bool overdrawn(const struct stream *s)
{
    return s->missing * 8 > s->held;
}

static unsigned reversed(unsigned word, unsigned bits)
{
    unsigned out = 0;

    for (; bits; bits--, word >>= 1)
        out = out << 1 | (word & 1);
    return out;
}

/* RFC 1951 3.2.2. A code may lack words, those are found when they are met; it may not have too many. */
static bool build(struct inflate_code *code, const uint8_t *lengths, unsigned count)
{
    unsigned words[INFLATE_CODE_BITS + 1], next[INFLATE_CODE_BITS + 1], word = 0;

    for (unsigned bits = 0; bits <= INFLATE_CODE_BITS; bits++)
        words[bits] = 0;
    for (unsigned i = 0; i < count; i++)
        words[lengths[i]]++;
    words[0] = 0;
    code->bits = 0;
    for (unsigned bits = 1; bits <= INFLATE_CODE_BITS; bits++) {
        next[bits] = word = (word + words[bits - 1]) << 1;
        if (word + words[bits] > 1u << bits)
            return false;
        if (words[bits])
            code->bits = bits;
    }
    for (unsigned i = 0; i < 1u << code->bits; i++)
        code->entry[i] = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned bits = lengths[i];

        if (bits)
            for (unsigned at = reversed(next[bits]++, bits); at < 1u << code->bits; at += 1u << bits)
                code->entry[at] = (uint16_t)(i << 4 | bits);
    }
    return true;
}

/* The next symbol, or -1: no word of the code begins like this. */
static int decode(struct stream *s, const struct inflate_code *code)
{
    unsigned entry;

    fill(s, INFLATE_CODE_BITS);
    entry = code->entry[s->hold & ((1u << code->bits) - 1)];
    if (!entry)
        return -1;
    drop(s, entry & 15);
    return (int)(entry >> 4);
}

static bool stored_block(struct stream *s)
{
    unsigned length, check;

    drop(s, s->held & 7);
    length = take(s, 16);
    check = take(s, 16);
    if ((length ^ check) != 0xffff || length > (size_t)(s->out_end - s->out))
        return false;
    while (length-- && !overdrawn(s))
        *s->out++ = (uint8_t)take(s, 8);
    return true;
}

static bool fixed_codes(struct inflate_work *work)
{
    uint8_t lengths[MAX_SYMBOLS];

    for (unsigned i = 0; i < MAX_SYMBOLS; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    if (!build(&work->symbols, lengths, MAX_SYMBOLS))
        return false;
    for (unsigned i = 0; i < MAX_DISTANCES; i++)
        lengths[i] = 5;
    return build(&work->distances, lengths, MAX_DISTANCES);
}

/* Lengths of the words of both codes, themselves written in the code that `symbols` holds. */
static bool read_lengths(struct stream *s, uint8_t *lengths, unsigned count)
{
    for (unsigned i = 0; i < count;) {
        int symbol = decode(s, &s->work->symbols);
        unsigned repeat = 1;
        uint8_t length = 0;

        if (symbol < 0 || overdrawn(s) || (symbol == 16 && !i))
            return false;
        if (symbol < 16)
            length = (uint8_t)symbol;
        else if (symbol == 16)
            length = lengths[i - 1], repeat = 3 + take(s, 2);
        else
            repeat = symbol == 17 ? 3 + take(s, 3) : 11 + take(s, 7);
        if (repeat > count - i)
            return false;
        while (repeat--)
            lengths[i++] = length;
    }
    return true;
}

static bool dynamic_codes(struct stream *s)
{
    static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[MAX_SYMBOLS + MAX_DISTANCES];
    unsigned symbols = 257 + take(s, 5), distances = 1 + take(s, 5), given = 4 + take(s, 4);

    for (unsigned i = 0; i < LENGTH_CODES; i++)
        lengths[order[i]] = i < given ? (uint8_t)take(s, 3) : 0;
    return symbols <= MAX_SYMBOLS && build(&s->work->symbols, lengths, LENGTH_CODES) &&
           read_lengths(s, lengths, symbols + distances) &&
           build(&s->work->distances, lengths + symbols, distances) &&
           build(&s->work->symbols, lengths, symbols);
}

/* Source and target may overlap: a short distance repeats what it has just written. */
static void repeat(struct stream *s, unsigned length, unsigned distance)
{
    const uint8_t *from = s->out - distance;
    uint8_t *to = s->out;
    uint64_t v;

    s->out += length;
    for (; distance >= 8 && length >= 8; length -= 8, from += 8, to += 8) {
        __builtin_memcpy(&v, from, 8);
        __builtin_memcpy(to, &v, 8);
    }
    while (length--)
        *to++ = *from++;
}

static bool copy(struct stream *s, unsigned symbol)
{
    static const uint16_t length_base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                           31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[] = {1,    2,    3,    4,    5,    7,    9,    13,    17,    25,
                                             33,   49,   65,   97,   129,  193,  257,  385,   513,   769,
                                             1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    unsigned length, distance;
    int far;

    if (symbol - FIRST_LENGTH >= sizeof(length_bits))
        return false;
    length = length_base[symbol - FIRST_LENGTH] + take(s, length_bits[symbol - FIRST_LENGTH]);
    far = decode(s, &s->work->distances);
    if (far < 0 || far >= 30)
        return false;
    distance = distance_base[far] + take(s, far < 4 ? 0 : (unsigned)far / 2 - 1);
    if (distance > (size_t)(s->out - s->start) || length > (size_t)(s->out_end - s->out))
        return false;
    repeat(s, length, distance);
    return true;
}

static bool coded_block(struct stream *s)
{
    while (!overdrawn(s)) {
        int symbol = decode(s, &s->work->symbols);

        if (symbol == (int)END_OF_BLOCK)
            return true;
        if (symbol < 0)
            return false;
        if (symbol > (int)END_OF_BLOCK) {
            if (!copy(s, (unsigned)symbol))
                return false;
        } else if (s->out == s->out_end) {
            return false;
        } else {
            *s->out++ = (uint8_t)symbol;
        }
    }
    return false;
}

static bool block(struct stream *s)
{
    switch (take(s, 2)) {
    case 0:
        return stored_block(s);
    case 1:
        return fixed_codes(s->work) && coded_block(s);
    case 2:
        return dynamic_codes(s) && coded_block(s);
    default:
        return false;
    }
}

/* The checksum behind the last block, whose bytes come highest first. */
static bool sum_fits(struct stream *s)
{
    uint32_t a = 1, b = 0, wanted = 0;

    for (const uint8_t *at = s->start; at < s->out_end;) {
        size_t left = (size_t)(s->out_end - at);
        const uint8_t *stop = at + (left < ADLER_BYTES ? left : ADLER_BYTES);

        while (at < stop)
            b += a += *at++;
        a %= ADLER_BASE;
        b %= ADLER_BASE;
    }
    drop(s, s->held & 7);
    for (unsigned i = 0; i < 4; i++)
        wanted = wanted << 8 | take(s, 8);
    return !overdrawn(s) && wanted == (b << 16 | a);
}

bool inflate_zlib(struct inflate_work *work, const uint8_t *in, size_t size, uint8_t *out, size_t out_size)
{
    struct stream s = {.work = work, .at = in, .end = in + size, .start = out, .out = out};
    unsigned method = take(&s, 8), flags = take(&s, 8);
    bool last = false;

    s.out_end = out + out_size;
    if ((method & 15) != 8 || (method << 8 | flags) % 31 || flags & 32)
        return false;
    while (!last && !overdrawn(&s)) {
        last = take(&s, 1);
        if (!block(&s))
            return false;
    }
    return s.out == s.out_end && sum_fits(&s);
}
