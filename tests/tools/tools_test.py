#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the small tools: new_case and list_cases."""

import contextlib
import io
import os
import re
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint_rules
import list_cases
import new_case
import spec


class NewTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        self.addCleanup(self.root.cleanup)
        os.makedirs(os.path.join(self.root.name, "tests/suites"))

    def test_suite_and_second_case(self):
        path, new = new_case.write_case(self.root.name, "bind", "one")
        self.assertEqual((path, new), ("tests/suites/bind_test.c", True))
        self.assertEqual(new_case.write_case(self.root.name, "bind", "two"), (path, False))
        full = os.path.join(self.root.name, path)
        self.assertEqual([case.name for case in spec.cases_of(full)], ["bind.one", "bind.two"])
        with open(full, encoding="utf-8") as f:
            tree = lint_rules.Tree({path: f.read()})
        self.assertEqual([v for rule in ("licence", "whitespace", "arrows") for v in lint_rules.RULES[rule](tree)], [])

    def test_refusals(self):
        new_case.write_case(self.root.name, "bind", "one")
        for suite, name in (("bind", "one"), ("Bind", "x"), ("bind", "../x"), ("1", "x")):
            with self.assertRaises(ValueError):
                new_case.write_case(self.root.name, suite, name)


class ListCases(unittest.TestCase):
    def test_real_tree(self):
        here = os.getcwd()
        os.chdir(new_case.ROOT)
        self.addCleanup(os.chdir, here)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(list_cases.main(["ioasid.*"]), 0)
            self.assertEqual(list_cases.main(["no.such"]), 1)
        self.assertTrue(all(" ioasid." in line for line in out.getvalue().splitlines()))


class Words(unittest.TestCase):
    """Every argument that the parser takes is told where people look for it."""

    def read(self, path):
        with open(os.path.join(new_case.ROOT, path), encoding="utf-8") as f:
            return f.read()

    def test_all_are_listed(self):
        taken = re.findall(r'strcmp\(key, "(\w+)"\)', self.read("tests/harness/args.c"))
        self.assertLessEqual({"list", "only", "exit"}, set(taken))
        readme = self.read("README.md")
        listed = readme[readme.index("Words in ARGS:"):]
        listed = listed[:listed.index("\n\n")]
        for place, text in (("README.md", re.findall(r"`(\w+)[=`]", listed)),
                            ("args.h", re.findall(r"\b(list|\w+(?==))", self.read("tests/harness/args.h").partition("*/\n#ifndef")[0]))):
            self.assertEqual([word for word in taken if word not in text], [], place)


if __name__ == "__main__":
    unittest.main()
