#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests of render.py, with the browser of this host where it has one."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
import unittest.mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import render
import report
import report_html
import report_tap
import report_test

SEEN = {"errors": [], "word": "fail", "suites": 5, "rows": 7, "timelines": 2, "drawn": 2, "wanted": "fail", "only": ["fail"], "left": 0}


class Faults(unittest.TestCase):
    def test_each_is_told(self):
        one = report_tap.parse(report_test.TAP)
        self.assertEqual(render.faults(SEEN, one), [])
        for change, words in (({"errors": ["x is not defined"]}, "script: x is not defined"), ({"word": "pass"}, "verdict fail, it says `pass`"),
                              ({"rows": 6}, "6 rows in 5 suites, of 7 cases in 5"), ({"suites": 0}, "7 rows in 0 suites"),
                              ({"drawn": 1}, "1 of 2 timelines"), ({"only": ["fail", "pass"]}, "asked for `fail` only"),
                              ({"left": 7}, "leaves 7 rows")):
            found = render.faults({**SEEN, **change}, one)
            self.assertEqual((len(found), words in found[0]), (1, True), found)

    def test_no_browser_is_said(self):
        out = io.StringIO()
        with unittest.mock.patch.object(render.shutil, "which", lambda _: None), contextlib.redirect_stdout(out):
            self.assertEqual(render.main(["x.html"]), render.CANNOT)
        self.assertIn("none of chromium, chromium-browser, google-chrome is on the PATH", out.getvalue())

    def test_a_browser_that_shows_nothing(self):
        with self.assertRaisesRegex(render.RenderError, "exits with 1 and shows no page; it says: nothing"):
            render.look("false", "<head></head><body></body>")


@unittest.skipUnless(render.browser(), f"none of {', '.join(render.NAMES)} is on the PATH")
class Rendered(unittest.TestCase):
    """One report with all verdicts, as the browser shows it."""

    def look(self, change=lambda page: page):
        one = report_tap.parse(report_test.TAP, "all")
        seen = render.look(render.browser(), change(report_html.page(one)))
        return seen, render.faults(seen, one)

    def test_as_it_is(self):
        seen, found = self.look()
        self.assertEqual((found, seen["timelines"], seen["only"]), ([], 2, ["fail"]))

    def test_a_script_that_does_not_run(self):
        for old, new, words in (("const words = ", "const words = nothing || ", ["script: Uncaught ReferenceError: nothing is not defined"]),
                                ('addEventListener("input"', 'addEventListener("nothing"', ["the filter leaves 1 rows that do not match"])):
            _, found = self.look(lambda page, old=old, new=new: page.replace(old, new, 1))
            self.assertEqual(found[:1], words)

    def test_a_drawing_without_size(self):
        _, found = self.look(lambda page: page.replace("</style>", ".timeline { display: none !important }</style>"))
        self.assertEqual(found, ["2 of 2 timelines are not drawn"])

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            tap = os.path.join(folder, "all.tap")
            with open(tap, "w", encoding="utf-8") as f:
                f.write(report_test.TAP)
            report.write(tap)
            page = os.path.join(folder, "all.html")
            self.assertEqual(render.main([page]), 0)
            self.assertEqual(render.main([os.path.join(folder, "none.html")]), 1)
        self.assertIn(f"{page}: fail, 7 cases in 5 suites, 2 timelines\n", out.getvalue())
        self.assertIn("none.html: FAILED: ", out.getvalue())


if __name__ == "__main__":
    unittest.main()
