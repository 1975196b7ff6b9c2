#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Pack the kernel ELF for the UEFI application: pack.py IN OUT

OUT is the size of IN (4 bytes, little endian) and then one LZ4 block: sequences of a token (literal count and match
length - 4 in a nibble each, 15 = more bytes follow), literals, two bytes of distance. The last one has literals only.
Same input, same output: nothing here depends on the host. boot/unpack.c is the other half.
"""

import sys

MIN_MATCH = 4
WINDOW = 0xffff
TAIL = 12  # the block ends in literals
CHAIN = 8  # earlier places looked at for the longest match


def length_bytes(n):
    """What follows a nibble of 15."""
    return b"\xff" * ((n - 15) // 255) + bytes([(n - 15) % 255]) if n >= 15 else b""


def sequence(literals, distance=0, match=0):
    extra = match - MIN_MATCH if match else 0
    token = bytes([min(len(literals), 15) << 4 | min(extra, 15)])
    head = token + length_bytes(len(literals)) + literals
    return head + distance.to_bytes(2, "little") + length_bytes(extra) if match else head


def match_length(data, a, b, limit):
    n = MIN_MATCH
    while b + n + 16 <= limit and data[a + n:a + n + 16] == data[b + n:b + n + 16]:
        n += 16
    while b + n < limit and data[a + n] == data[b + n]:
        n += 1
    return n


def longest(data, places, at, limit):
    """(length, distance) of the best match at `at`, (0, 0) when there is none."""
    best = (0, 0)
    for place in places:
        if at - place > WINDOW:
            break
        n = match_length(data, place, at, limit)
        if n > best[0]:
            best = (n, at - place)
    return best


def pack(data):
    out, seen, at, start = bytearray(), {}, 0, 0
    limit = len(data) - TAIL
    while at < limit:
        places = seen.setdefault(data[at:at + MIN_MATCH], [])
        match, distance = longest(data, places, at, limit)
        places.insert(0, at)
        del places[CHAIN:]
        if not match:
            at += 1
            continue
        out += sequence(data[start:at], distance, match)
        for i in range(at + 1, min(at + match, limit)):
            places = seen.setdefault(data[i:i + MIN_MATCH], [])
            places.insert(0, i)
            del places[CHAIN:]
        at += match
        start = at
    return bytes(out) + sequence(data[start:])


def main():
    with open(sys.argv[1], "rb") as f:
        data = f.read()
    with open(sys.argv[2], "wb") as f:
        f.write(len(data).to_bytes(4, "little") + pack(data))


if __name__ == "__main__":
    main()
