#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""boot/inflate.c undoes what boot/pack.py does, and refuses what is damaged, under the sanitizers."""

import os
import random
import subprocess
import sys
import tempfile
import unittest
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEED = 20260101
WORDS = b"".join(random.Random(SEED).choice((b"pasid ", b"table ", b"queue ", b"\0\0\0\0", b"\x55\xaa")) for _ in range(40000))
NOISE = random.Random(SEED).randbytes(70000)
TEXTS = {"nothing": b"", "one": b"x", "zeros": bytes(300000), "noise": NOISE, "words": WORDS, "mixed": WORDS + NOISE + WORDS}


def pack(data, level, strategy):
    packer = zlib.compressobj(level, zlib.DEFLATED, 15, 9, strategy)
    return packer.compress(data) + packer.flush()


class Inflate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.program = os.path.join(cls.folder.name, "host/replay_inflate")
        subprocess.run([os.environ.get("MAKE", "make"), "-s", f"O={cls.folder.name}", cls.program], cwd=ROOT, check=True,
                       env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"})

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_on(self, packed, size):
        """(exit code, bytes)"""
        done = subprocess.run([self.program, str(size)], input=packed, capture_output=True, timeout=60, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr.decode(errors="replace")[-2000:])
        return done.returncode, done.stdout

    def test_what_went_in_comes_out(self):
        for name, data in TEXTS.items():
            for level, strategy in ((0, zlib.Z_DEFAULT_STRATEGY), (9, zlib.Z_DEFAULT_STRATEGY), (9, zlib.Z_FIXED),
                                    (9, zlib.Z_HUFFMAN_ONLY), (1, zlib.Z_RLE)):
                with self.subTest(text=name, level=level, strategy=strategy):
                    self.assertEqual(self.run_on(pack(data, level, strategy), len(data)), (0, data))

    def test_wrong_size(self):
        packed = zlib.compress(WORDS, 9)
        for size in (0, len(WORDS) - 1, len(WORDS) + 1):
            self.assertEqual(self.run_on(packed, size)[0], 1)

    def test_damaged(self):
        """A cut or changed stream is refused, unless it makes the same bytes all the same."""
        choose = random.Random(SEED)
        data = TEXTS["words"][:3000] + NOISE[:500]
        for packed in (zlib.compress(data, 9), pack(data, 9, zlib.Z_FIXED), zlib.compress(data, 0)):
            for cut in choose.sample(range(len(packed)), 40):
                self.assertEqual(self.run_on(packed[:cut], len(data))[0], 1, f"cut at {cut}")
            for _ in range(60):
                at = choose.randrange(len(packed) * 8)
                bad = bytearray(packed)
                bad[at // 8] ^= 1 << at % 8
                code, out = self.run_on(bytes(bad), len(data))
                self.assertTrue(code == 1 or out == data, f"bit {at}")

    def test_the_real_thing(self):
        with tempfile.TemporaryDirectory() as folder:
            plain, packed = os.path.join(folder, "plain"), os.path.join(folder, "packed")
            with open(plain, "wb") as f:
                f.write(TEXTS["mixed"])
            subprocess.run([sys.executable, "boot/pack.py", plain, packed], cwd=ROOT, check=True)
            with open(packed, "rb") as f:
                made = f.read()
        self.assertEqual(int.from_bytes(made[:4], "little"), len(TEXTS["mixed"]))
        self.assertEqual(self.run_on(made[4:], len(TEXTS["mixed"])), (0, TEXTS["mixed"]))


if __name__ == "__main__":
    unittest.main()
