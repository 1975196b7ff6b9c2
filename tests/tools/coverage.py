#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the host binary's suites execute of the driver and of the strict unit, by gcov's own JSON.

    coverage.py [--out build/coverage] [--jobs 2] [--keep] [--reasons docs/rules/uncovered.tsv]

Expects a host binary built with --coverage in <out>. Runs it on all kinds of units, prints lines and branches per
file, and the places that nobody comes to. Each line of these has a row in the table of reasons; a line of a folder
with such rows that has none, a row whose line is executed or gone, a suite that fails, or less than a bar fails.
Branches of plat_assert() do not count: its other way is our own bug.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Folder, least percentage of lines, of branches. In the first one each line that is not executed needs a reason.
BARS = (("iommu", 98.0, 95.0), ("tests/model", 95.0, 0.0))
LEFT_OUT = ("tests/model/agree.c", "tests/model/example.c")  # programs of their own
DEVIATES = "model-qemu"  # units that behave as emulators do: cases that name an erratum fail on them
MORE_UNITS = ("model-random:3", "model-random:7")


def units_of(binary):
    """The kinds of units that the binary itself names."""
    done = subprocess.run([binary, "--units=?"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stderr.partition(" but:")[2].split()


def run_suites(binary, jobs):
    """All suites on all kinds of units, `jobs` at a time; counts add up in the .gcda files, which gcov locks."""
    kinds = [*units_of(binary), *MORE_UNITS]

    def run(units):
        began = time.monotonic()
        done = subprocess.run([binary, f"--units={units}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", check=False)
        lines = done.stdout.strip().splitlines() or ["said nothing"]
        bad = [line for line in lines if line.startswith("not ok ")]
        return units, done.returncode and DEVIATES not in units, [*bad, lines[-1]], time.monotonic() - began

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = [pool.submit(run, units) for units in kinds]
        for number, ended in enumerate(concurrent.futures.as_completed(runs), 1):
            units, bad, last, seconds = ended.result()
            print(f"# {number}/{len(kinds)} {units} ({seconds:.0f} s): {'; '.join(last)}", flush=True)
            failed += bool(bad)
    return failed


def asserted(text):
    """Numbers of the lines that a plat_assert() stands on."""
    numbers, inside = set(), False
    for number, line in enumerate(text, 1):
        inside = inside or "plat_assert(" in line
        if inside:
            numbers.add(number)
            inside = not line.endswith((";", "{", "}", "*/"))
    return numbers


class File:
    """Counts of one source file."""

    def __init__(self, path, lines):
        self.path = path
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            self.text = [line.strip() for line in f]
        self.lines = {line["line_number"]: line["count"] for line in lines}
        self.functions = {line["line_number"]: line.get("function_name", "") for line in lines}
        self.branches = {}
        left_out = asserted(self.text)
        for line in lines:
            if line["branches"] and line["line_number"] not in left_out:
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
    """Rows: file, function, text of the line or * for all of the function's, why nobody comes there."""

    def __init__(self, path):
        self.rows = set()
        self.used = set()
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.strip() and not line.startswith("#"):
                    file, function, text, _ = line.rstrip("\n").split("\t")
                    self.rows.add((file, function, text))

    def has(self, file, number):
        place = file.path, file.functions[number]
        keys = {(*place, file.text[number - 1]), (*place, "*")} & self.rows
        self.used |= keys
        return bool(keys)

    def stale(self):
        return sorted(self.rows - self.used)


def report(files, reasons):
    """Prints all; the number of complaints."""
    complaints = 0
    print("# lines %  branches %  file")
    for file in files:
        print(f"# {percent(file.line_sums()):7.2f}  {percent(file.branch_sums()):10.2f}  {file.path}")
    for file in files:
        lines = [n for n in file.missed_lines() if not reasons.has(file, n)]
        if lines:
            print(f"{file.path}: not executed, no reason: {ranges(lines)}")
        if file.missed_branches():
            print(f"{file.path}: not all ways taken: {ranges(file.missed_branches())}")
        complaints += len(lines) if file.path.startswith(BARS[0][0] + "/") else 0
    for path, function, text in reasons.stale():
        print(f"{path}: {function}: has a reason and needs none: {text}")
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
    parser.add_argument("--jobs", type=int, default=2, help="kinds of units at a time")
    parser.add_argument("--keep", action="store_true", help="do not run, only read what runs have counted")
    parser.add_argument("--reasons", default="docs/rules/uncovered.tsv", help="table of reasons")
    opts = parser.parse_args(argv)
    out = os.path.abspath(opts.out)
    os.chdir(ROOT)
    failed = 0
    if not opts.keep:
        for folder, _, names in os.walk(out):
            for name in names:
                if name.endswith(".gcda"):
                    os.remove(os.path.join(folder, name))
        failed = run_suites(os.path.join(out, "host/pasidcheck"), opts.jobs)
    paths = []
    for folder, *_ in BARS:
        paths += sorted(f"{folder}/{name}" for name in os.listdir(folder) if re.fullmatch(r"\w+\.c", name))
    paths = [path for path in paths if path not in LEFT_OUT]
    files = [read_counts(out, path) for path in paths]
    complaints = failed + report(files, Reasons(opts.reasons))
    print(f"coverage: {'fails' if complaints else 'holds'}, {complaints} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
