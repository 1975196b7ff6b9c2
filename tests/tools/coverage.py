#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the host binary's suites execute of the driver and of the strict unit, by gcov's own JSON.

    coverage.py [--out build/coverage] [--keep] [--reasons docs/rules/uncovered.tsv]

Expects a host binary built with --coverage in <out>. Runs it on all kinds of units, prints lines and branches per
file, and the places that nobody comes to. Each of these has a reason in the table of reasons; one without a reason,
a reason whose place is covered or gone, or less than a bar fails. Branches of plat_assert() do not count: its other
way is our own bug.
"""

import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Folder, least percentage of lines, of branches.
BARS = (("iommu", 98.0, 95.0), ("tests/model", 95.0, 0.0))
LEFT_OUT = ("tests/model/agree.c", "tests/model/example.c")  # programs of their own
MORE_UNITS = ("model-random:3", "model-random:7")


def units_of(binary):
    done = subprocess.run([binary, "--units=?"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stderr.partition(" but:")[2].split()


def run_suites(binary):
    """All suites on all kinds of units; counts add up in the .gcda files."""
    for units in [*units_of(binary), *MORE_UNITS]:
        done = subprocess.run([binary, f"--units={units}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", check=False)
        last = done.stdout.strip().splitlines()[-1:] or ["said nothing"]
        print(f"# {units}: {last[0]}", flush=True)


class File:
    """Counts of one source file."""

    def __init__(self, path, lines):
        self.path = path
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            self.text = [line.strip() for line in f]
        self.lines = {line["line_number"]: line["count"] for line in lines}
        self.branches = {}
        for line in lines:
            if line["branches"] and "plat_assert(" not in self.text[line["line_number"] - 1]:
                self.branches[line["line_number"]] = [branch["count"] for branch in line["branches"]]

    def missed_lines(self):
        return sorted(number for number, count in self.lines.items() if count == 0)

    def missed_branches(self):
        """Lines that are executed, and not in all their ways."""
        return sorted(number for number, counts in self.branches.items() if 0 in counts and self.lines[number] > 0)

    def line_sums(self):
        return sum(count > 0 for count in self.lines.values()), len(self.lines)

    def branch_sums(self):
        counts = [count for line in self.branches.values() for count in line]
        return sum(count > 0 for count in counts), len(counts)


def read_counts(out, path):
    """What gcov says of one source file; several functions of a line, as in macros, add up."""
    notes = os.path.abspath(os.path.join(out, "host", path[:-2] + ".gcno"))
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", notes], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    lines = {}
    for file in json.loads(done.stdout)["files"]:
        if os.path.normpath(file["file"]) != path:
            continue
        for line in file["lines"]:
            known = lines.setdefault(line["line_number"], line)
            if known is not line:
                known["count"] += line["count"]
                known["branches"] += line["branches"]
    return File(path, list(lines.values()))


def ranges(numbers):
    """[3, 4, 5, 9] -> "3-5 9"."""
    parts = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def percent(sums):
    return 100.0 * sums[0] / sums[1] if sums[1] else 100.0


class Reasons:
    """Rows: file, text of the line or of a function's first lines, why nobody comes there."""

    def __init__(self, path):
        self.rows = {}
        self.used = set()
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    file, text, _ = line.rstrip("\n").split("\t")
                    self.rows[file, text] = line

    def has(self, file, number):
        key = file.path, file.text[number - 1]
        if key in self.rows:
            self.used.add(key)
        return key in self.rows

    def stale(self):
        return sorted(set(self.rows) - self.used)


def report(files, reasons):
    """Prints all; the number of complaints."""
    complaints = 0
    print("# lines %  branches %  file")
    for file in files:
        print(f"# {percent(file.line_sums()):7.2f}  {percent(file.branch_sums()):10.2f}  {file.path}")
    for file in files:
        lines = [n for n in file.missed_lines() if not reasons.has(file, n)]
        ways = [n for n in file.missed_branches() if not reasons.has(file, n)]
        if lines:
            print(f"{file.path}: lines not executed: {ranges(lines)}")
        if ways:
            print(f"{file.path}: not all ways taken: {ranges(ways)}")
        complaints += len(lines) if file.path.startswith("iommu/") else 0
    for path, text in reasons.stale():
        print(f"{path}: has a reason and needs none: {text}")
        complaints += 1
    for folder, line_bar, branch_bar in BARS:
        inside = [file for file in files if file.path.startswith(folder + "/")]
        for what, bar, sums in (("lines", line_bar, [file.line_sums() for file in inside]),
                                ("branches", branch_bar, [file.branch_sums() for file in inside])):
            all_sums = sum(s[0] for s in sums), sum(s[1] for s in sums)
            value = percent(all_sums)
            complaints += value < bar
            print(f"coverage: {folder} {what} {value:.2f} % ({all_sums[0]} of {all_sums[1]}), bar {bar:.0f} %")
    return complaints


def main(argv):
    parser = argparse.ArgumentParser(description="Coverage of the host binary.")
    parser.add_argument("--out", default="build/coverage", help="folder of the build with --coverage")
    parser.add_argument("--keep", action="store_true", help="do not run, only read what runs have counted")
    parser.add_argument("--reasons", default="docs/rules/uncovered.tsv", help="table of reasons")
    opts = parser.parse_args(argv)
    out = os.path.abspath(opts.out)
    os.chdir(ROOT)
    if not opts.keep:
        for folder, _, names in os.walk(out):
            for name in names:
                if name.endswith(".gcda"):
                    os.remove(os.path.join(folder, name))
        run_suites(os.path.join(out, "host/pasidcheck"))
    paths = []
    for folder, *_ in BARS:
        paths += sorted(f"{folder}/{name}" for name in os.listdir(folder) if re.fullmatch(r"\w+\.c", name))
    paths = [path for path in paths if path not in LEFT_OUT]
    files = [read_counts(out, path) for path in paths]
    return 1 if report(files, Reasons(opts.reasons)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
