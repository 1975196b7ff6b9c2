#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of lint: each rule finds what is planted and lets the good form pass. Linters themselves are not run."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lint
import lint_c
import lint_rules
import lint_tools

HEAD = "/* SPDX-License-Identifier: BSD-2-Clause */\n/* A file. */\n"
# Put together here, so that the checks of the real tree do not find them in this file.
ARCHIVE = "deb." + "debian" + ".org"
PLACE = "/" + "home/someone/x"


def found(rule, files):
    """[(path, line)] of what a rule finds in {path: text}."""
    return [(v.path, v.line) for v in lint_rules.RULES[rule](lint_rules.Tree(files))]


class Files(unittest.TestCase):
    def test_licence(self):
        files = {"a.c": "int x;\n", "b.c": HEAD, "c.h": HEAD.split("\n")[0] + "\nint x;\n", "d.py": "# x\n",
                 "e": "#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\n", "f": "#!/bin/sh\n:\n", "g.md": "text\n"}
        self.assertEqual(found("licence", files), [("a.c", 1), ("c.h", 2), ("d.py", 1), ("f", 2)])

    def test_whitespace(self):
        files = {"a.c": "x \ny\n", "b.c": "\tx\n", "c.mk": "a:\n\tb\n", "d.c": "x", "e.c": "x\n\n", "f.c": "x\r\n"}
        self.assertEqual(found("whitespace", files), [("a.c", 1), ("b.c", 1), ("d.c", 1), ("e.c", 2), ("f.c", 1)])

    def test_places(self):
        bad = {"a.md": f"see {ARCHIVE}\n", "b.sh": f"cd {PLACE}\n", "c.py": f"x = '{PLACE}'\n"}
        good = {"d.mk": "$(VENDOR)/build/root/usr\n", "e.sh": "cd $X/home/y\n", "f.c": "a/work;\n"}
        self.assertEqual([p for p, _ in found("places", {**bad, **good})], list(bad))

    def test_own_words(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, ".git/info"))
            with open(os.path.join(root, ".git/info/lint-words"), "w", encoding="utf-8") as f:
                f.write("frob[a-z]+\n\n")
            tree = lint_rules.Tree({"a.c": "ok\nFrobnicator\n"}, root)
            self.assertEqual([v.line for v in lint_rules.places(tree)], [2])

    def test_length(self):
        self.assertEqual(found("length", {"a.c": "x\n" * 600, "b.c": "x\n" * 601, "c.md": "x\n" * 900}), [("b.c", 601)])

    def test_scripts(self):
        files = {"a.sh": "if true; then\n", "b.sh": "true\n", "c.py": "def f(:\n", "d.py": "x = 1\n",
                 "e": "#!/usr/bin/env python3\n)\n"}
        self.assertEqual([p for p, _ in found("scripts", files)], ["a.sh", "c.py", "e"])

    def test_listed(self):
        files = {"a.mk": "SRCS := x/a.c x/gone.c $(O)/gen/made.c\n# x/c.c\n", "x/a.c": "", "x/c.c": "",
                 "tests/host/compile_fail/y.c": ""}
        self.assertEqual(found("listed", files), [("x/c.c", 1), ("a.mk", 1)])

    def test_targets(self):
        files = {"Makefile": ".PHONY: one two\n", "x.mk": "## one: it\n"}
        self.assertEqual(found("targets", files), [("Makefile", 1)])


class Arrows(unittest.TestCase):
    def check(self, path, include, fine):
        files = {path: f"#include {include}\n", "kernel/page.h": "", "iommu/vtd_qi.h": ""}
        self.assertEqual(found("arrows", files), [] if fine else [(path, 1)], f"{path} includes {include}")

    def test_allowed(self):
        for path, include in (("boot/a.c", '"kernel/boot_info.h"'), ("boot/a.c", "<efi.h>"),
                              ("kernel/a.c", '"iommu/platform.h"'), ("kernel/a.c", '"kernel/lib/list.h"'),
                              ("kernel/a.c", "<stdio.h>"), ("kernel/lib/a.c", "<string.h>"),
                              ("iommu/a.c", '"iommu/vtd_qi.h"'), ("iommu/a.c", '"kernel/lib/bits.h"'),
                              ("iommu/a.c", "<errno.h>"), ("tests/suites/a_test.c", '"tests/dev/dma_dev.h"'),
                              ("tests/suites/a_test.c", '"tests/suites/rig.h"'), ("tests/dev/edu.c", '"kernel/pci.h"'),
                              ("tests/suites/target/a.c", '"kernel/page.h"'), ("tests/host/a.c", '"tests/host/b.h"'),
                              ("tests/model/a.c", '"iommu/vtd_fmt.h"')):
            self.check(path, include, True)

    def test_forbidden(self):
        for path, include in (("boot/a.c", '"kernel/page.h"'), ("boot/a.c", "<stdio.h>"),
                              ("kernel/a.c", '"iommu/vtd_qi.h"'), ("kernel/a.c", '"tests/harness/env.h"'),
                              ("kernel/lib/a.h", '"kernel/page.h"'), ("iommu/a.c", '"kernel/page.h"'),
                              ("iommu/a.c", "<stdio.h>"), ("iommu/a.c", '"tests/harness/harness.h"'),
                              ("iommu/a.c", '"vtd_qi.h"'), ("iommu/a.c", '"../kernel/page.h"'),
                              ("tests/suites/a_test.c", '"kernel/page.h"'), ("tests/suites/a_test.c", '"tests/dev/engines.h"'),
                              ("tests/suites/a_test.c", '"tests/suites/target/b.h"'), ("tests/harness/a.c", '"kernel/page.h"'),
                              ("tests/model/a.c", '"iommu/vtd_qi.h"'), ("tests/host/a.c", '"kernel/page.h"'),
                              ("other/a.c", "<stdint.h>")):
            self.check(path, include, False)


class Iommu(unittest.TestCase):
    def lines(self, rule, text, path="iommu/a.c"):
        return [line for _, line in found(rule, {path: text})]

    def test_shift(self):
        text = "a = b << 1;\nc >>= 2;\n/* x << 1 */\nlog(\"<<\");\nif (a < b && c > d) e;\n"
        self.assertEqual(self.lines("bits", text), [1, 2])
        self.assertEqual(self.lines("bits", text, "iommu/vtd_fmt.h"), [])
        self.assertEqual(self.lines("bits", text, "kernel/a.c"), [])

    def test_hex_mask(self):
        text = "a = b & 0xff;\na |= 0x10;\na = ~0xffful;\na = 0xf0 | b;\na = b &\n    0x1;\na = b ^ 0X3;\n"
        self.assertEqual(sorted(self.lines("bits", text)), [1, 2, 3, 4, 5, 7])
        self.assertEqual(self.lines("bits", "a = 0xff;\nif (a && 0x1 || b) c(0x2, &x);\na = b & MASK;\n"), [])

    def test_waits(self):
        bad = ("while (vtd_read(io, R) & x)\n    relax();\n", "for (;;) {\n    v = vtd_read64(io, R);\n}\n",
               "do {\n    relax();\n} while (plat_mmio_read32(io, 4));\n",
               "while (!done) {\n    done = vtd_read32(io, R);\n}\n", "for (i = 0; vtd_read(io, R); i++)\n    ;\n")
        for text in bad:
            self.assertEqual(self.lines("waits", text), [1], text)
        good = ("for (i = 0; i < n; i++) {\n    v = vtd_read(io, reg(i));\n}\n", "while (more)\n    step();\nvtd_read(io, R);\n",
                "do {\n    step();\n} while (now < end);\nv = vtd_read(io, R);\n", "/* while (vtd_read(io, R)) */\n")
        for text in good:
            self.assertEqual(self.lines("waits", text), [], text)

    def test_citations(self):
        path = "iommu/vtd_fmt.h"
        good = ("/* VT-d 5.10, Root Entry */\n#define VTD_A BITS(1, 0)\n#define VTD_B BIT(2) /* c */\n\n#define VTD_N 4\n\n"
                "/* Values of VTD_A. */\n#define VTD_A_X BIT(0)\n\nstruct r {\n    uint64_t q[2];\n};\n"
                "_Static_assert(sizeof(struct r) == 16,\n               \"VT-d 5.10, Root Entry: 128 bits\");\n")
        self.assertEqual(self.lines("citations", good, path), [])
        bad = ("#define VTD_A BITS(1, 0)\n\n/* VT-d 5.10, Root Entry */\n#define VTD_B BIT(2)\n\n#define VTD_C BIT(2)\n\n"
               "/* ---- Next ---- */\n\n#define VTD_N 4\n\nenum vtd_x {\n};\n\nstruct r {\n    uint64_t q[2];\n};\n")
        self.assertEqual(self.lines("citations", bad, path), [1, 6, 10, 12, 15])

    def test_docs(self):
        path = "iommu/a.h"
        good = ("/* Adds. */\nint a(int x);\nint b(void (*f)(void *),\n      int y);\n\n/* Gets. */\nstatic inline int c(void)\n"
                "{\n    return 1;\n}\n\nstatic inline int d(void)\n{\n    return 2;\n}\n\nvoid e(void); /* Ends. */\n\n"
                "/* ---- All of these wait ---- */\n\nvoid f(void);\n\n/* Makes one. */\nstruct g;\nstruct g *g_make(void);\n"
                "typedef int h(int);\nextern const int k[];\n#define F(x) f(x)\n")
        self.assertEqual(self.lines("docs", good, path), [])
        bad = ("#define X 1\nint a(int x);\n\n/* Words of something else. */\n\nmust_check int b(int y);\n\nstruct s {\n"
               "    int (*f)(void);\n};\nint c(void) printf_like(1, 2);\n\nstatic inline int d(void)\n{\n    return 1;\n}\n")
        self.assertEqual(self.lines("docs", bad, path), [2, 6, 11, 13])
        self.assertEqual(self.lines("docs", bad, "tests/harness/a.h"), [])


class Lexer(unittest.TestCase):
    def test_blank_keeps_places(self):
        text = 'a /* b\nc */ "d\\"e" // f\n\'"\' g'
        code = lint_c.blank(text)
        self.assertEqual([len(line) for line in code.split("\n")], [len(line) for line in text.split("\n")])
        self.assertEqual("".join(code.split()), "a\"\"''g")

    def test_items(self):
        names = [item.function() for item in lint_c.items(
            "LIST(ONE)\nstruct s {\n    int x;\n};\nint *f(int (*g)(void));\nstatic int h(void)\n{\n}\nint v = 1;\n")]
        self.assertEqual(names, [None, None, "f", "h", None])


class Linters(unittest.TestCase):
    def tree(self, header):
        return lint_rules.Tree({"iommu/a.c": '#include "iommu/a.h"\n', "iommu/a.h": '#include "iommu/b.h"\n',
                                "iommu/b.h": header, "iommu/c.h": header}, "/nowhere")

    def test_key_follows_headers(self):
        one, two = (lint_tools.key_of(self.tree(text), "iommu/a.c", "v") for text in ("1", "2"))
        self.assertNotEqual(one, two)
        self.assertEqual(one, lint_tools.key_of(self.tree("1"), "iommu/a.c", "v"))
        self.assertNotEqual(one, lint_tools.key_of(self.tree("1"), "iommu/a.c", "other version"))
        self.assertEqual(lint_tools.closure(self.tree(""), "iommu/a.c"), {"iommu/a.c", "iommu/a.h", "iommu/b.h"})

    def test_findings(self):
        output = ("/nowhere/iommu/a.c:3:7: error: bad thing [some-check,-warnings-as-errors]\n  int x;\n      ^\n"
                  "/nowhere/iommu/a.h:1:1: note: from here\niommu/a.c:9: odd [constVariable]\n3 warnings generated.\n")
        self.assertEqual(lint_tools.findings_of(output, "/nowhere"),
                         [["iommu/a.c", 3, "bad thing [some-check]"], ["iommu/a.c", 9, "odd [constVariable]"]])

    def test_failure_without_finding_is_one(self):
        with tempfile.TemporaryDirectory() as root:
            tree = lint_rules.Tree({"a.c": ""}, root)
            for command, expected in ((["sh", "-c", "echo no; exit 3"], 1), (["true"], 0)):
                job = lint_tools.Job("clang-tidy", "a.c", command, "k")
                self.assertEqual(len(lint_tools.run(job, tree)[0]), expected)

    def test_cache(self):
        with tempfile.TemporaryDirectory() as folder:
            cache = lint_tools.Cache(folder)
            self.assertIsNone(cache.get("k"))
            cache.put("k", [["a.c", 1, "x"]])
            self.assertEqual(cache.get("k"), [["a.c", 1, "x"]])
            lint_tools.Cache(folder).drop_unused()
            self.assertEqual(os.listdir(folder), [])


class Driver(unittest.TestCase):
    def test_every_rule_says_what_it_wants(self):
        self.assertTrue(all(rule.__doc__ or name in ("whitespace", "length", "arrows", "scripts")
                            for name, rule in lint_rules.RULES.items()))

    def test_rules_of_the_real_tree_run(self):
        tree = lint_rules.Tree.load(lint.ROOT)
        self.assertIn("iommu/vtd_regs.h", tree.files)
        lint.own_rules(tree, ["licence", "arrows", "bits", "docs"])


if __name__ == "__main__":
    unittest.main()
