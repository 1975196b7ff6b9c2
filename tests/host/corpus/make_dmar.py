#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the seeds of tests/host/fuzz_dmar.c into the folder named as argument: one DMAR table per file, right or
wrong, behind one byte that says what the target repairs before it parses (bit 0 header, bit 1 checksum)."""

import pathlib
import struct
import sys


def scope(kind, number, bus, *path, flags=0):
    pairs = bytes(part for pair in path for part in pair)
    return struct.pack("<BBBBBB", kind, 6 + len(pairs), flags, 0, number, bus) + pairs


def structure(kind, body, size=None):
    return struct.pack("<HH", kind, 4 + len(body) if size is None else size) + body


def drhd(flags, segment, base, *scopes, size=0):
    return structure(0, struct.pack("<BBHQ", flags, size, segment, base) + b"".join(scopes))


def rmrr(segment, base, limit, *scopes):
    return structure(1, struct.pack("<HHQQ", 0, segment, base, limit) + b"".join(scopes))


def flagged(kind, flags, segment, *scopes):
    return structure(kind, struct.pack("<BBH", flags, 0, segment) + b"".join(scopes))


def table(*structures, haw=47, flags=1, length=None, spoil=0):
    body = b"".join(structures)
    size = 48 + len(body) if length is None else length
    head = b"DMAR" + struct.pack("<IBB", size, 1, 0) + b"OEM IDOEMTABLE" + struct.pack("<I4sIBB", 1, b"MAKE", 1, haw, flags)
    data = bytearray(head + bytes(10) + body)
    data[9] = (spoil - sum(data)) % 256
    return bytes(data)


APIC = scope(3, 0, 0xFF, (0, 0))
UNIT = drhd(0, 0, 0xFED90000, APIC, scope(1, 0, 0, (0, 0)), scope(1, 0, 0, (1, 0)), scope(2, 0, 0, (4, 0)),
            scope(1, 0, 0, (31, 0)))
EMULATED = table(UNIT)
EVERYTHING = table(
    drhd(0, 1, 0xFED80000, scope(1, 0, 0x20, (5, 1)), size=3),
    rmrr(1, 0x7A000000, 0x7A7FFFFF, scope(2, 0, 0x20, (6, 0))),
    flagged(2, 1, 1),
    structure(3, struct.pack("<IQI", 0, 0xFED80000, 2)),
    structure(4, struct.pack("<3sB", b"", 9) + b"\\_SB.I2C0\0"),
    flagged(5, 1, 0, scope(1, 0, 0, (2, 0))),
    flagged(6, 0, 0, scope(5, 9, 0, (2, 1), flags=0x18)),
    structure(77, bytes(8)),
    drhd(1, 1, 0xFED90000, scope(9, 0, 0, (31, 7))))
DEEP = table(drhd(0, 0, 0x10000, scope(1, 0, 0, (0x1C, 0), (0, 0), (3, 1))), drhd(1, 0, 0x20000))

SEEDS = {
    "empty": table(),
    "emulated": EMULATED,
    "emulated-ats": table(UNIT, flagged(2, 1, 0)),
    "everything": EVERYTHING,
    "deep-path": DEEP,
    "servers": table(*(drhd(int(n == 7), n // 4, 0xC0000000 + n * 0x10000, scope(4, n, 0, (31, n)), size=1) for n in range(8))),
    "longest-scope": table(drhd(0, 0, 0x1000, scope(1, 0, 0, *[(n % 32, n % 8) for n in range(124)]))),
    "header-cut": EMULATED[:47],
    "checksum": table(drhd(1, 0, 0x1000), spoil=1),
    "length-long": table(drhd(1, 0, 0x1000), length=65),
    "length-short": table(drhd(1, 0, 0x1000), length=52),
    "width": table(haw=64),
    "struct-zero": table(structure(0, bytes(12), size=0)),
    "struct-short": table(structure(0, bytes(12), size=15)),
    "struct-long": table(structure(0, bytes(12), size=17)),
    "struct-cut": table(drhd(1, 0, 0x1000), b"\0\0\x10"),
    "unknown-short": table(structure(500, b"", size=3)),
    "registers-unaligned": table(drhd(1, 0, 0x1000, size=1)),
    "rmrr-backwards": table(rmrr(0, 0x10000, 0xEFFF)),
    "rmrr-everything": table(rmrr(0, 0, 2**64 - 1)),
    "andd-endless": table(structure(4, struct.pack("<3sB", b"", 9) + b"\\_SB")),
    "scope-long": table(drhd(0, 0, 0x1000, b"\x01\x0a\0\0\0\0\x02\0")),
    "scope-zero": table(drhd(0, 0, 0x1000, b"\x01\x00\0\0\0\0\x02\0")),
    "scope-unknown-empty": table(drhd(0, 0, 0x1000, scope(0, 0, 0))),
    "scope-no-path": table(drhd(0, 0, 0x1000, scope(1, 0, 0))),
    "scope-half-pair": table(drhd(0, 0, 0x1000, b"\x01\x09\0\0\0\0\x02\0\0")),
    "scope-device-32": table(drhd(0, 0, 0x1000, scope(1, 0, 0, (32, 0)))),
    "same-registers": table(drhd(0, 0, 0x1000), drhd(1, 0, 0x1000)),
    "same-device": table(drhd(0, 0, 0x1000, scope(1, 0, 0, (2, 0))), drhd(0, 0, 0x2000, scope(1, 0, 0, (2, 0)))),
    "same-rest": table(drhd(1, 0, 0x1000), drhd(1, 0, 0x2000)),
}


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, data in SEEDS.items():
        for repair in (0, 3) if name in ("everything", "deep-path") else (0,):
            suffix = "-repaired" if repair else ""
            (out / (name + suffix)).write_bytes(bytes([repair]) + data)


if __name__ == "__main__":
    main()
