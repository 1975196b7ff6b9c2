#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of what make bench says of what it measured: verdicts, marks, reading of the host programs."""

import os
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench
import bench_ioasid
import bench_locks
from bench_text import Line, gauge, markdown, spark, table

LIVES = (1, 10, 100, 1000, 10000, 100000, 1000000)


def times(find=3.0, pair=20.0, last=1.0, array=2.0):
    """What ioasid_bench would print: `last` multiplies what a million live IDs take."""
    rows = []
    for order in bench_ioasid.ORDERS:
        for live in LIVES:
            factor = last if live == LIVES[-1] else 1
            for what, whose, value in (("find", "array", array), ("find", "ioasid", find * factor), ("find", "radix", 2.5),
                                       ("pair", "ioasid", pair * factor), ("pair", "radix", 9), ("pair", "bitmap", 9),
                                       ("pair", "shared", pair * factor), ("pair", "locks", 2), ("pair", "locks-shared", 4)):
                rows.append(f"{what}\t{order}\t{live}\t{whose}\t{value}")
    for live in LIVES:
        rows += [f"memory\tempty\t{live}\tioasid\t{1 << 18}", f"memory\tfull\t{live}\tioasid\t{(1 << 18) + 32 * live}"]
    return bench_ioasid.parse("\n".join(rows))


class Words(unittest.TestCase):
    def test_verdicts(self):
        self.assertEqual(Line("a", "", 1.0, 1, "", "").verdict(), "ok")
        self.assertEqual(Line("a", "", 1.1, 1, "", "").verdict(), "MISSED")
        self.assertEqual(Line("a", "", None, 1, "", "").verdict(), "not yet")
        self.assertEqual(Line("a", "", 400, 500, "", "", at_least=True).verdict(), "MISSED")
        self.assertEqual(Line("a", "", 600, 500, "", "", at_least=True).verdict(), "ok")
        self.assertEqual(Line("a", "", 0, 0, "0", "").verdict(), "ok")

    def test_marks(self):
        self.assertEqual(spark([1, 10, 100], 1, 100), "▁▅█")
        self.assertEqual(spark([2, 2], 2, 2), "▁▁")
        self.assertEqual(gauge(Line("a", "", 5, 10, "", "")), "██████░░░░░░")
        self.assertTrue(gauge(Line("a", "", 11, 10, "", "")).endswith(">"))
        self.assertEqual(gauge(Line("a", "", None, 10, "", "")), "")

    def test_tables(self):
        lines = [Line("boot", "at most 2 x", 1.5, 2, "1.50 x", "medians"), Line("later", "one", None, 1, "", "no such thing")]
        self.assertIn("1.50 x", table(lines))
        self.assertIn("| later | one | - | not yet | no such thing |", markdown(lines))


class Ioasid(unittest.TestCase):
    def verdicts(self, **what):
        return {line.what: line.verdict() for line in bench_ioasid.lines(times(**what))}

    def test_bars(self):
        good = self.verdicts(find=3.0, pair=7.0)
        self.assertEqual(good.pop("bytes per live ID, 1,000 live"), "MISSED")  # a fixed part, and few to share it
        self.assertEqual(set(good.values()), {"ok"})
        bad = self.verdicts(find=5.0, pair=9.0, last=2.0)
        self.assertEqual([verdict for what, verdict in bad.items() if "bytes" not in what], ["MISSED"] * 9)

    def test_memory(self):
        lines = bench_ioasid.lines(times())
        self.assertIn("from 8,192 IDs on", lines[-1].how)
        self.assertIn("32.0 without", lines[-2].how)

    def test_curves(self):
        text = bench_ioasid.curves(times(last=10))
        self.assertEqual(text.count("plain array lookup"), 4)
        self.assertEqual(text.count("bitmap"), 2)
        self.assertIn("1M", text)


class Locks(unittest.TestCase):
    GOOD = {"ioasid_alloc": {"take_from_others"}, "ioasid_free": set(), "pair_ioasid": {"ioasid_alloc", "ioasid_free"},
            "find_ioasid": {"ioasid_data_find"}, "find_array": {"peer_array_find"}}

    def said(self, **changed):
        return list(bench_locks.complaints({**self.GOOD, **changed}))

    def test_as_wanted(self):
        self.assertEqual(self.said(), [])

    def test_a_lock_is_a_call(self):
        self.assertIn("ioasid_free calls plat_unlock", self.said(ioasid_free={"plat_unlock"})[0])

    def test_what_is_measured_was_drawn_in(self):
        self.assertIn("find_array does not call peer_array_find", self.said(find_array=set())[0])
        self.assertIn("pair_ioasid does not call ioasid_alloc", self.said(pair_ioasid={"ioasid_free"})[0])

    def test_nothing_was_read(self):
        self.assertIn("no function ioasid_alloc", next(bench_locks.complaints({})))


INV = "\n".join("\t".join(map(str, row)) for row in (
    ("bind", "default", 1, 1, 0, 0, 0), ("free", "default", 1, 1, 5, 1, 0), ("unbind-last", "default", 1, 1, 5, 1, 0),
    ("bind", "default", 64, 2, 0, 0, 0), ("free", "default", 64, 2, 10, 1, 1), ("unbind-first", "default", 64, 2, 3, 1, 0),
    ("unbind-last", "default", 64, 2, 5, 0, 1), ("bind", "cm", 1, 1, 5, 1, 0), ("free", "cm", 64, 2, 202, 33, 33),
    ("unbind-last", "cm", 64, 2, 8, 0, 1)))


class Others(unittest.TestCase):
    def test_invalidations(self):
        lines = bench.invalidation_lines(INV)
        self.assertEqual([line.verdict() for line in lines], ["ok", "ok", "ok", "ok", "MISSED"])
        self.assertIn("64 devices 1 + 1", lines[2].how)

    def test_drain(self):
        self.assertEqual(bench.drain_line("0\t1\t0\t0\n148\t2\t1\t148").verdict(), "ok")
        line = bench.drain_line("0\t1\t0\t0\n148\t3\t1\t148")
        self.assertEqual((line.verdict(), line.measured), ("MISSED", "2"))
        self.assertIn("148 requests 3 with 1 overflow", line.how)

    def test_check_time(self):
        with tempfile.TemporaryDirectory() as folder:
            opts = types.SimpleNamespace(out=folder)
            self.assertEqual(bench.check(opts)[0].verdict(), "not yet")
            with open(os.path.join(folder, "check.time"), "w", encoding="ascii") as f:
                f.write("301.2 500.0 0.5\n")
            self.assertEqual(bench.check(opts)[0].verdict(), "MISSED")
            self.assertIn("500 s of CPU time", bench.check(opts)[0].how)

    def test_beside(self):
        line = bench.beside("CPU time", {"whole": [9.0, 3.0, 3.3], "empty": [2.0, 2.0, 8.0]})
        self.assertEqual((line.verdict(), line.measured), ("MISSED", "1.65 x"))

    def test_sizes(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "pasidcheck.efi"), "wb") as f:
                f.write(bytes(600 << 10))
            self.assertEqual([line.verdict() for line in bench.size(types.SimpleNamespace(out=folder))], ["MISSED", "ok"])

    def test_document(self):
        lines = bench_ioasid.lines(times(pair=100.0))
        text = bench.document(lines, times(), "a host", "11.1.3")
        self.assertIn("Missed: IOASID alloc + free, one CPU up, sequential order", text)
        self.assertNotIn("\n\n\n", text)


if __name__ == "__main__":
    unittest.main()
