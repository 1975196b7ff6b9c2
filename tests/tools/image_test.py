#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the FAT writer, by a reader that follows the format on its own, and of image.py."""

import os
import struct
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fat
import image


class Reader:
    """Reads a volume from its own boot sector."""

    def __init__(self, data):
        self.data = data
        (self.sector, self.per_cluster, reserved, fats, self.root_entries, small, self.media, self.fat_sectors, _, _, _,
         large) = struct.unpack_from("<HBHBHHBHHHII", data, 11)
        self.sectors = small or large
        self.fat_sectors = self.fat_sectors or struct.unpack_from("<I", data, 36)[0]
        self.fat = reserved * self.sector
        self.fat2 = self.fat + self.fat_sectors * self.sector
        self.root = self.fat + fats * self.fat_sectors * self.sector
        self.first = self.root + self.root_entries * 32
        clusters = (self.sectors * self.sector - self.first) // (self.per_cluster * self.sector)
        self.bits = 12 if clusters < 4085 else 16 if clusters < 65525 else 32

    def next(self, cluster):
        if self.bits == 12:
            pair = struct.unpack_from("<H", self.data, self.fat + cluster * 3 // 2)[0]
            entry = pair >> 4 if cluster % 2 else pair & 0xFFF
            return None if entry >= 0xFF8 else entry
        size, end = (2, 0xFFF8) if self.bits == 16 else (4, 0x0FFFFFF8)
        entry = int.from_bytes(self.data[self.fat + cluster * size:self.fat + (cluster + 1) * size], "little")
        return None if entry >= end else entry

    def chain(self, cluster):
        out, size = b"", self.per_cluster * self.sector
        while cluster:
            at = self.first + (cluster - 2) * size
            out += self.data[at:at + size]
            cluster = self.next(cluster)
        return out

    def folder(self, data, path=""):
        """{path: bytes} of all files below."""
        found, name = {}, ""
        for at in range(0, len(data), 32):
            entry = data[at:at + 32]
            if not entry[0]:
                break
            if entry[11] == fat.LONG:
                part = (entry[1:11] + entry[14:26] + entry[28:32]).decode("utf-16-le").rstrip("\uffff").rstrip("\0")
                name = part + name
                continue
            short = entry[:8].decode().rstrip() + ("." + entry[8:11].decode().rstrip() if entry[8:11].strip() else "")
            cluster = struct.unpack_from("<H", entry, 20)[0] << 16 | struct.unpack_from("<H", entry, 26)[0]
            name, full = "", name or short
            if entry[11] == fat.FOLDER and full not in (".", ".."):
                found.update(self.folder(self.chain(cluster), path + full + "/"))
            elif entry[11] == fat.FILE:
                found[path + full] = self.chain(cluster)[:struct.unpack_from("<I", entry, 28)[0]]
        return found

    def files(self):
        if self.bits == 32:
            return self.folder(self.chain(struct.unpack_from("<I", self.data, 44)[0]))
        return self.folder(self.data[self.root:self.first])


FILES = {"EFI/BOOT/BOOTX64.EFI": bytes(range(256)) * 700, "EFI/pasidcheck/args.txt": b"seed=2\r\n", "empty": b"", "ONE.TXT": b"1",
         "exactly12.ab": b"12", "thirteen.char": b"13", "a name of many more letters.text": b"x" * 513}


class Volume(unittest.TestCase):
    def test_what_went_in_comes_out(self):
        for size, bits in ((1440 << 10, 12), (3 << 20, 16), (40 << 20, 32), (100 << 20, 32)):
            data = fat.volume(FILES, size)
            reader = Reader(data)
            self.assertEqual((len(data), reader.bits, reader.sectors * 512), (size, bits, size))
            self.assertEqual(reader.files(), FILES)
            self.assertEqual(data[reader.fat:reader.fat2], data[reader.fat2:reader.root], "both tables are alike")
            self.assertEqual(data[510:512], b"\x55\xaa")
            self.assertEqual(reader.media, 0xF8)

    def test_same_files_same_bytes(self):
        other = dict(reversed(FILES.items()))
        self.assertEqual(fat.volume(FILES, 3 << 20), fat.volume(other, 3 << 20))
        self.assertNotEqual(fat.volume({"a": b"1"}, 3 << 20)[:512], fat.volume({"a": b"2"}, 3 << 20)[:512], "the serial number tells")

    def test_what_does_not_fit(self):
        with self.assertRaises(fat.FatError):
            fat.volume({"big": bytes(4 << 20)}, 3 << 20)
        with self.assertRaises(fat.FatError):
            fat.volume({"name{n:03}.{n:03}x".format(n=n): b"" for n in range(400)}, 3 << 20)

    def test_short_names(self):
        self.assertEqual(fat.short_name("BOOTX64.EFI", set()), (b"BOOTX64 EFI", False))
        self.assertEqual(fat.short_name("args.txt", set()), (b"ARGS~1  TXT", True))
        self.assertEqual(fat.short_name("pasidcheck", {b"PASIDC~1   "}), (b"PASIDC~2   ", True))


class Stick(unittest.TestCase):
    def test_program_and_arguments(self):
        files = Reader(image.stick(b"MZ" + bytes(1000), ["seed=2", "only=order.*"])).files()
        self.assertEqual(files["EFI/BOOT/BOOTX64.EFI"], b"MZ" + bytes(1000))
        self.assertEqual(files["EFI/pasidcheck/args.txt"], b"seed=2 only=order.*\r\n")
        self.assertEqual(Reader(image.stick(b"MZ", [])).files()["EFI/pasidcheck/args.txt"], b"")

    def test_below_4_mib(self):
        self.assertLess(image.SIZE, 4 << 20)

    def test_command(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "x.img")
            self.assertEqual(image.main(["--efi", os.devnull, "-o", out, "seed=1"]), 0)
            self.assertEqual(os.path.getsize(out), image.SIZE)
            self.assertEqual(image.main(["--efi", os.path.join(folder, "none"), "-o", out]), 1)


if __name__ == "__main__":
    unittest.main()
