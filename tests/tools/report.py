#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""From a report's TAP the forms that others read: <name>.json (all of it), <name>.xml (JUnit), <name>.html (one file).

    report.py [--quiet] FILE.tap...

They are written beside the .tap. Exits 0, or 1 when a file is no report.
"""

import argparse
import glob
import json
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
if HERE not in sys.path:
    sys.path.append(HERE)
import report_html
import report_junit
import report_tap
import spec


def declared():
    """What the sources of this tree say of each case: name -> its TEST()."""
    found = {}
    paths = glob.glob(os.path.join(ROOT, "tests/suites/**/*_test.c"), recursive=True) + glob.glob(os.path.join(ROOT, "tests/host/*_test.c"))
    for path in paths:
        try:
            found.update((case.name, case) for case in spec.cases_of(path))
        except (OSError, spec.SpecError):
            continue
    return found


def add_declared(report):
    """A passing case prints neither its sentence nor its ids; the sources have them."""
    table = declared()
    for case in report["cases"]:
        source = table.get(f"{case['suite']}.{case['case']}")
        if source:
            case["proves"] = case["proves"] or source.fields.get("doc", "")
            for key in ("rows", "rules", "flaws", "faults"):
                case[key] = case[key] or source.ids(key)


def launchers(tap):
    """What a launcher said of this run, from the .json that it left beside the .tap; None when there is none as new."""
    path = os.path.splitext(tap)[0] + ".json"
    try:
        return report_tap.load(path).get("run") if os.path.getmtime(path) >= os.path.getmtime(tap) else None
    except (OSError, report_tap.ReportError):
        return None


def write(tap, run=None):
    """All forms of one .tap, beside it; `run`: verdict, words and seconds of the launcher. The report."""
    report = report_tap.load(tap)
    run = run or launchers(tap)
    if run:
        report["run"] = run
    add_declared(report)
    stem = os.path.splitext(tap)[0]
    outputs = {".json": (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode(), ".xml": report_junit.junit(report),
               ".html": report_html.page(report).encode()}
    for end, data in outputs.items():
        with open(stem + end + ".new", "wb") as f:
            f.write(data)
        os.replace(stem + end + ".new", stem + end)
    return report


def main(argv):
    parser = argparse.ArgumentParser(description="JSON, JUnit and HTML of a report.")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("taps", nargs="+", metavar="FILE.tap")
    opts = parser.parse_args(argv)
    code = 0
    for tap in opts.taps:
        try:
            report = write(tap)
        except (report_tap.ReportError, OSError) as error:
            print(f"report: {error}", file=sys.stderr)
            code = 1
            continue
        if not opts.quiet:
            stem = os.path.splitext(tap)[0]
            print(f"{stem}.html, .xml, .json: {report_tap.verdict(report)[0]}, " + ", ".join(f"{n} {v}" for v, n in report["counts"].items() if n))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
