#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The image of a USB stick: a FAT volume with pasidcheck.efi where firmware looks for it, and its arguments.

    image.py [--efi build/pasidcheck.efi] [-o build/pasidcheck.img] [WORDS...]

Write it to a stick as it is (there is no partition table). The words are in EFI\\pasidcheck\\args.txt, which any editor
can change; the same program and words give the same bytes.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
if HERE not in sys.path:
    sys.path.append(HERE)
import fat

SIZE = 3 << 20  # bytes; FAT16, with room for reports


def stick(efi, words):
    """The bytes of the image."""
    text = (" ".join(words) + "\r\n") if words else ""
    return fat.volume({"EFI/BOOT/BOOTX64.EFI": efi, "EFI/pasidcheck/args.txt": text.encode("ascii")}, SIZE)


def main(argv):
    parser = argparse.ArgumentParser(description="Make the image of a USB stick.")
    parser.add_argument("--efi", default="build/pasidcheck.efi", help="program (build/pasidcheck.efi)")
    parser.add_argument("-o", dest="out", default="build/pasidcheck.img", help="image (build/pasidcheck.img)")
    parser.add_argument("words", nargs="*", help="arguments of the program")
    opts = parser.parse_args(argv)
    words = [word for arg in opts.words for word in arg.split()]
    try:
        with open(opts.efi, "rb") as f:
            image = stick(f.read(), words)
        with open(opts.out + ".new", "wb") as f:
            f.write(image)
        os.replace(opts.out + ".new", opts.out)
    except (OSError, fat.FatError, UnicodeEncodeError) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    print(f"{opts.out}: {len(image) >> 10} KiB, arguments: {' '.join(words) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
