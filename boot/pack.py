#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Pack the kernel ELF for the UEFI application: pack.py IN OUT

OUT is the size of IN (4 bytes, little endian) and then one zlib stream, which boot/inflate.c undoes.
"""

import sys
import zlib


def main():
    with open(sys.argv[1], "rb") as f:
        data = f.read()
    # The most memory: the fewest blocks, each of which brings tables that are made anew.
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9)
    packed = len(data).to_bytes(4, "little") + packer.compress(data) + packer.flush()
    with open(sys.argv[2], "wb") as f:
        f.write(packed)


if __name__ == "__main__":
    main()
