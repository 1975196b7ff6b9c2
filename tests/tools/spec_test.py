#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of spec.py, errata_gen.py, spec_map.py, and of the ids in tests/host/mutants."""

import glob
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import errata_gen
import mutants
import spec
import spec_map

ROW = "| E-001 | qemu | 7.2.0-11.1.99 | r41 | it does | 7.2.22 |\n"


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def refuses(self, words, function, *args):
        with self.assertRaises(spec.SpecError) as caught:
            function(*args)
        self.assertIn(words, str(caught.exception))


class Cases(Files):
    def cases(self, text):
        return spec.cases_of(self.write("x_test.c", text))

    def test_fields(self):
        case, = self.cases('#include "x.h"\n\nTEST(bind, second, .needs = NEED_DMA | NEED_FS, .rows = "9 10",\n'
                           '     .doc = "one, two " "and (three)")\n{\n    f(1, 2);\n}\n')
        self.assertEqual((case.name, case.line), ("bind.second", 3))
        self.assertEqual(case.ids("rows"), ["9", "10"])
        self.assertEqual(case.ids("flaws"), [])
        self.assertEqual(case.fields["needs"], "NEED_DMA | NEED_FS")
        self.assertEqual(case.fields["doc"], "one, two and (three)")

    def test_comments_are_no_cases(self):
        self.assertEqual(self.cases("/*\nTEST(a, b)\n*/\n// TEST(c, d)\n#define TEST(x, y)\n"), [])

    def test_comment_inside(self):
        case, = self.cases('TEST(a, b, /* why: "this" */ .doc = "x /* no comment */ y")\n{\n}\n')
        self.assertEqual(case.fields["doc"], "x /* no comment */ y")

    def test_without_name(self):
        self.refuses("wants a suite and a name", self.cases, "TEST(a)\n")

    def test_never_closed(self):
        self.refuses("never closed", self.cases, "TEST(a, b\n")

    def test_no_field(self):
        self.refuses("is not a field", self.cases, 'TEST(a, b, "rows")\n')


class Rules(Files):
    def test_columns(self):
        table = spec.load_rules(self.write("r.tsv", "# head\nK1\ttext\tcitation\n\nK2\tmore\there\n"))
        self.assertEqual(table, {"K1": ("text", "citation"), "K2": ("more", "here")})

    def test_missing_citation(self):
        self.refuses("r.tsv:1: wants three columns", spec.load_rules, self.write("r.tsv", "K1\ttext\n"))

    def test_twice(self):
        self.refuses("r.tsv:2: K1 is there already", spec.load_rules, self.write("r.tsv", "K1\ta\tb\nK1\tc\td\n"))


class Errata(Files):
    def errata(self, text):
        return spec.load_errata(self.write("errata.md", text))

    def test_row(self):
        row, = self.errata("# Title\n\n| Id | x |\n|---|---|\n" + ROW)
        self.assertEqual((row.ident, row.platform, row.first, row.last),
                         ("E-001", "qemu", (7, 2, 0, 0), (11, 1, 99, 0)))

    def test_two_ranges(self):
        self.assertEqual(len(self.errata(ROW + ROW.replace("7.2.0-11.1.99", "12.0.0-12.1.0"))), 2)

    def test_same_id_other_text(self):
        self.refuses("E-001 is there already", self.errata, ROW + ROW.replace("it does", "it does not"))

    def test_bad_rows(self):
        for old, new, words in (("E-001", "E-1", "not E- and three digits"), ("7.2.0-11.1.99", "7.2.0", "first-last"),
                                ("7.2.0-", "x-", "is no version"), ("7.2.0-11.1.99", "9-8", "above the last"),
                                (" | 7.2.22", "", "six columns")):
            with self.subTest(new=new):
                self.refuses(words, self.errata, ROW.replace(old, new))


class Generator(Files):
    def run_tool(self, source, errata=ROW):
        rules = {"rows": "9\tt\tc\n", "rules": "41\tt\tc\n", "flaws": "K1\tt\tc\n"}
        for kind, text in rules.items():
            self.write(f"{kind}.tsv", text)
        self.out = os.path.join(self.folder.name, "out.c")
        return subprocess.run(
            [sys.executable, os.path.join(HERE, "errata_gen.py"), "--errata", self.write("errata.md", errata),
             "--rules", self.folder.name, "-o", self.out, self.write("x_test.c", source)],
            stderr=subprocess.PIPE, text=True, check=False)

    def test_writes_table(self):
        ended = self.run_tool('TEST(a, b, .rows = "9", .rules = "41", .flaws = "K1", .xfail = "E-001", .faults = "5b",\n'
                              '     .doc = "d")\n')
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        with open(self.out, encoding="utf-8") as f:
            text = f.read()
        self.assertIn('{"E-001", "qemu", {7, 2, 0, 0}, {11, 1, 99, 0}, "r41",', text)
        self.assertIn("errata_count = 1;", text)

    def test_quotes(self):
        self.assertEqual(errata_gen.c_quote('a "b" \\c'), '"a \\"b\\" \\\\c"')

    def test_refusals(self):
        for field, words in (('.xfail = "E-002"', ".xfail names E-002"), ('.rows = "9 63"', ".rows names 63"),
                             ('.rules = "42"', ".rules names 42"), ('.flaws = "S1"', ".flaws names S1"),
                             ('.faults = "5B"', "two lower-case hex digits")):
            with self.subTest(field=field):
                ended = self.run_tool(f'TEST(a, b, {field}, .doc = "d")\n')
                self.assertEqual(ended.returncode, 1)
                self.assertIn(words, ended.stderr)
                self.assertIn("x_test.c:1: a.b", ended.stderr)
                self.assertFalse(os.path.exists(self.out))

    def test_no_doc_and_twice(self):
        ended = self.run_tool('TEST(a, b)\nTEST(a, b, .doc = "d")\n')
        self.assertIn("a.b: has no .doc", ended.stderr)
        self.assertIn("declared already", ended.stderr)

    def test_no_rows(self):
        self.assertEqual(self.run_tool('TEST(a, b, .doc = "d")\n', errata="nothing\n").returncode, 1)


class Waivers(Files):
    def waivers(self, text):
        return spec.load_waivers(self.write("w.tsv", text))

    def test_columns(self):
        self.assertEqual(self.waivers("# head\ncase\tH15\twhy\nmutant\trule-12\tthe unit does it\n"),
                         {("case", "flaws", "H15"): "why", ("mutant", "rules", "12"): "the unit does it"})

    def test_refusals(self):
        self.refuses("wants three columns", self.waivers, "H15\twhy\n")
        self.refuses("'12' is neither a flaw nor rule-N", self.waivers, "case\t12\twhy\n")


class Broken:
    """A mutant as far as the map looks at it."""

    def __init__(self, name, ids, only, where="host"):
        self.name, self.ids, self.head = name, ids.split(), {"only": only, "where": where}


class Map(Files):
    CASES = {"a.x": {"rows": ["9"], "rules": [], "flaws": ["K1", "K2"]}, "b.y": {"rows": ["9"], "rules": ["1"], "flaws": []}}
    RULES = {"rows": {"9": ("nine", "c"), "10": ("ten", "c")}, "rules": {"1": ("one", "c"), "9": ("x", "c")},
             "flaws": {"K1": ("k", "c"), "K2": ("l", "c")}}

    def map(self, *mutants, waivers=None):
        return spec_map.Map(self.RULES, self.CASES, mutants, waivers)

    def test_page(self):
        text = spec_map.page(self.map())
        self.assertIn("| 9 | nine | a.x, b.y | - |", text)
        self.assertIn("| 10 | ten | **nobody** | - |", text)
        self.assertIn("- 1 of 2 proved; nobody proves 10", text)
        self.assertIn("- 2 of 2 proved; nobody proves nothing", text)

    def test_mutants(self):
        found = self.map(Broken("m1", "9 K1", "a.*"), Broken("m2", "1", "b.y/rid depth=4"))
        self.assertEqual(found.mutants, {("rows", "9"): ["m1"], ("flaws", "K1"): ["m1"], ("rules", "1"): ["m2"]})
        self.assertEqual(found.sums("mutant", "flaws"), "1 of 2 broken by mutants; no mutant breaks K2")

    def test_which_kind(self):
        both = {"a.x": {"rows": ["9"], "rules": ["9"], "flaws": []}}
        for ids, words in (("9", "rule-9 or row-9"), ("K2", "no case of its only= names K2")):
            with self.subTest(ids=ids):
                self.refuses(words, spec_map.breakers, [Broken("m", ids, "a.*")], both)
        self.assertEqual(list(spec_map.breakers([Broken("m", "rule-9", "a.*")], both)), [("rules", "9")])

    def test_strict_units_name_rules(self):
        self.assertEqual(list(self.map(Broken("m", "9", "none.*", "model")).mutants), [("rules", "9")])

    def test_waived(self):
        found = self.map(waivers={("case", "rows", "10"): "why", ("mutant", "flaws", "K2"): "how"})
        self.assertEqual(found.sums("case", "rows"), "1 of 2 proved, 1 waived; nobody proves nothing")
        self.assertIn("| 10 | ten | *waived: why* | - |", spec_map.page(found))

    def test_waived_for_nothing(self):
        self.refuses("waives the case of K1, and there is one: a.x", self.map_waiving, ("case", "flaws", "K1"))
        self.refuses("names K9", self.map_waiving, ("case", "flaws", "K9"))

    def map_waiving(self, what):
        return self.map(waivers={what: "why"})

    def test_listed(self):
        path = self.write("l.tap", "TAP version 13\n# list: a.x | needs dma fs | rows 9 10 | rules - | flaws K1 | faults - "
                                   "| xfail - | a sentence | with a bar\n")
        self.assertEqual(spec_map.listed(path), {"a.x": {"rows": ["9", "10"], "rules": [], "flaws": ["K1"]}})
        self.refuses("no `# list:` line", spec_map.listed, self.write("e.tap", "1..0\n"))


class Judged(unittest.TestCase):
    REPORT = ("not ok 1 - a.x\n# fail: it\n# rows: 9 10\n# rules: 41\nnot ok 2 - b.y # TODO E-001\n# fail: no\n# flaws: K1\n"
              "not ok 3 - c.z\n# fail: a rule was broken: unit 0: rule 37: words\npasidcheck: 0 passed\n")

    def judge(self, ids):
        return mutants.judge(Broken("m", ids, "*"), self.REPORT)

    def test_all_are_named(self):
        self.assertEqual(self.judge("9 rule-41 rule-37"), (True, "a.x, c.z"))
        self.assertEqual(self.judge("37"), (True, "c.z"))

    def test_one_is_not(self):
        for ids in ("9 K1", "rule-9 row-9", "row-37"):
            killed, words = self.judge(ids)
            self.assertFalse(killed)
            self.assertIn("nothing that failed names " + {"9 K1": "K1"}.get(ids, ids.split()[0]), words)


class Tree(unittest.TestCase):
    """The tables of this tree."""

    ROOT = os.path.dirname(os.path.dirname(HERE))

    def test_counts(self):
        counts = {kind: len(spec.load_rules(os.path.join(self.ROOT, "docs/rules", f"{kind}.tsv"))) for kind in spec.KINDS}
        self.assertEqual(counts, {"rows": 62, "rules": 81, "flaws": 9 + 31 + 22 + 32})

    def test_map(self):
        """Every id of a mutant or a waiver is one that the cases bear out."""
        rules = {kind: spec.load_rules(os.path.join(self.ROOT, "docs/rules", f"{kind}.tsv")) for kind in spec.KINDS}
        paths = glob.glob(f"{self.ROOT}/tests/suites/**/*_test.c", recursive=True) + glob.glob(f"{self.ROOT}/tests/host/*_test.c")
        spec_map.Map(rules, spec_map.declared(paths), mutants.load([]),
                     spec.load_waivers(os.path.join(self.ROOT, "docs/rules/waivers.tsv")))

    def test_errata(self):
        rows = spec.load_errata(os.path.join(self.ROOT, "docs/errata.md"))
        rules = spec.load_rules(os.path.join(self.ROOT, "docs/rules/rules.tsv"))
        for row in rows:
            if row.rule[0] == "r" and row.rule[1:].isdigit():
                self.assertIn(row.rule[1:], rules, row.ident)


if __name__ == "__main__":
    unittest.main()
