#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of orderings.py, and of docs/orderings.md: it says what the tables and the cases say now."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import orderings
import report_tap
import spec

TAP = """TAP version 13
1..5
# args: {args}
# qemu: 11.1.3 (set)
ok 1 - bind.one/rid/edu
ok 2 - bind.one/rid_pasid/edu
not ok 3 - bind.two/rid/edu # TODO E-001 text
ok 4 - bind.three # SKIP none
ok 5 - other.case
# xfail 1, unexpected pass 0, error 0, dma-proven 2 (allowed 1, denied 1)
pasidcheck: 4 passed, 0 failed, 1 skipped
"""
WANTED = {"bind.one", "bind.two", "bind.three"}
SOURCE = """
TEST(bind, one, .rows = "9 10", .flaws = "K1", .doc = "it binds")
TEST(bind, two, .rows = "9", .doc = "it binds twice")
TEST(bind, new, .rows = "10", .doc = "nobody ran it")
"""


def report(name="new-fs", args="", text=TAP):
    return report_tap.parse(text.format(args=args), name)


class Reports(unittest.TestCase):
    def taken(self, *reports):
        runs = orderings.Runs()
        return runs, [runs.add(r, WANTED) for r in reports]

    def test_marks(self):
        runs, taken = self.taken(report())
        self.assertEqual(taken, [True])
        self.assertEqual(runs.reports, {"new-fs": ("QEMU 11.1.3 (set)", "3", "1", "1")})
        self.assertEqual(runs.cases, {"bind.one": {"new-fs": {"r", "p"}}, "bind.two": {"new-fs": {"E-001"}},
                                      "bind.three": {"new-fs": {"-"}}})

    def test_left_out(self):
        failed = TAP.replace("ok 4 - bind.three # SKIP none", "not ok 4 - bind.three\n# fail: it").replace("0 failed", "1 failed")
        self.assertEqual(self.taken(report(args="only=bind.*"), report("bad-small"), report(text=failed))[1], [False] * 3)

    def test_newer_takes_the_place(self):
        runs, _ = self.taken(report(), report(text=TAP.replace("bind.one/rid_pasid", "bind.one/rid")))
        self.assertEqual(runs.cases["bind.one"], {"new-fs": {"r"}})

    def test_file(self):
        runs, _ = self.taken(report(), report("old-ss"), report("host-cm"))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "runs.tsv")
            with open(path, "w", encoding="utf-8") as f:
                f.write(runs.text())
            again = orderings.Runs.load(path)
            self.assertEqual((again.reports, again.cases), (runs.reports, runs.cases))
            self.assertEqual(again.text(), runs.text())
            with open(path, "a", encoding="utf-8") as f:
                f.write("case\tx\n")
            with self.assertRaises(spec.SpecError):
                orderings.Runs.load(path)


class Words(unittest.TestCase):
    def test_cell(self):
        for marks, text in (({"r", "a"}, "ar"), ({"p", "E-001"}, "px"), ({"-"}, "-"), ({"-", "t"}, "t"), (set(), ""),
                            ({"r", "!"}, "r!")):
            self.assertEqual(orderings.cell(marks), text)

    def test_where(self):
        every = ["a", "b", "c", "d", "e"]
        for names, text in ((every, "everywhere"), ([], ""), (["a", "b", "c", "d"], "all but e"), (["a", "b"], "a, b")):
            self.assertEqual(orderings.where(names, every), text)

    def test_title(self):
        self.assertEqual(orderings.title_and_outcome("a second free: -EALREADY: no"), ("a second free", "-EALREADY: no"))
        self.assertEqual(orderings.title_and_outcome("never"), ("never", "never"))


class Pages(unittest.TestCase):
    def page(self):
        runs = orderings.Runs()
        for name in ("new-fs", "host-cm", "host-model"):
            runs.add(report(name), WANTED)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "bind_test.c")
            with open(path, "w", encoding="utf-8") as f:
                f.write(SOURCE)
            cases = {case.name: case for case in spec.cases_of(path)}
        rows = {"9": ("bind: works", "c"), "10": ("never", "c")}
        return orderings.Page(rows, {"K1": ("k", "c"), "K2": ("l", "c")}, cases, runs, {"9": ["no_bind"]}).text()

    def test_overview(self):
        self.assertIn("| row | sequence | cases | host | strict | new-fs |", self.page())
        self.assertIn("| [9](#row-9) | bind | 2 | `rpx` | `rpx` | `rpx` |", self.page())

    def test_section(self):
        text = self.page()
        self.assertIn("### Row 9\n\n**Bind.** Outcome: works.", text)
        self.assertIn("| `bind.one` | it binds |  | everywhere | everywhere |  |", text)
        self.assertIn("- `bind.two` fails as expected: E-001 on host, strict, new-fs", text)
        self.assertIn("| `bind.new` | nobody ran it | *not in the runs above* |", text)
        self.assertIn("Flaws that these cases cover: K1.\nBroken on purpose by: `no_bind`.", text)
        self.assertIn("**Never.**\n", text)


class Tree(unittest.TestCase):
    def test_page_is_current(self):
        runs = orderings.Runs.load(os.path.join(orderings.ROOT, orderings.RUNS))
        with open(os.path.join(orderings.ROOT, orderings.PAGE), encoding="utf-8") as f:
            self.assertTrue(f.read() == orderings.tree_page(runs), "docs/orderings.md is stale: `make orderings`")


if __name__ == "__main__":
    unittest.main()
