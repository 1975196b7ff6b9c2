#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs/orderings.md: each row of the ordering table, its outcome, and who proves it in which lane on which machine.

    orderings.py [-o docs/orderings.md] [REPORT.tap...]

What cases claim comes from their sources, what became of them from docs/rules/runs.tsv: the last whole runs. Reports named
here take the place of older ones of the same name there; one that was cut by only= or skip= is left out. Without reports
the page is written from what is known already, always with the same bytes.
"""

import argparse
import glob
import os
import sys

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(os.path.join(ROOT, "tests/machines"))
import machines_cfg
import mutants
import report_tap
import spec
import spec_map

RUNS, PAGE = "docs/rules/runs.tsv", "docs/orderings.md"
RUNS_HEAD = """\
# What the last whole runs made of the cases that name a row; written by `make orderings`, read by orderings.py.
# run <report> <platform> <passed> <failed as expected> <skipped>
# case <name> <report>=<marks>,...: what passed: a (no DMA), r (lane rid), p (rid_pasid), t (pasid); E-...: an expected
# failure; -: skipped; !: failed. Reports with the same marks stand together: <report> <report>=<marks>.
"""
LANES = {"": "a", "rid": "r", "rid_pasid": "p", "pasid": "t"}
LANE_TITLES = (("a", "no DMA"), ("r", "rid"), ("p", "rid_pasid"), ("t", "pasid"))


# ---- What runs saw ----

class Runs:
    """report -> what it ran on; case -> report -> set of marks."""

    def __init__(self):
        self.reports, self.cases = {}, {}

    @classmethod
    def load(cls, path):
        runs = cls()
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                kind, *rest = line.rstrip("\n").split("\t")
                if kind == "run" and len(rest) == 5:
                    runs.reports[rest[0]] = tuple(rest[1:])
                elif kind == "case" and len(rest) == 2:
                    runs.cases[rest[0]] = dict(cls._marks(rest[1]))
                elif line.strip() and not line.startswith("#"):
                    raise spec.SpecError(f"{path}:{number}: neither run nor case")
        return runs

    @staticmethod
    def _marks(text):
        for part in text.split(","):
            names, _, marks = part.partition("=")
            for name in names.split():
                yield name, set(marks.split())

    def add(self, report, wanted):
        """Takes a whole report in; False when it was cut, did not pass, or is of a machine with bad input."""
        name, counts = report["name"], report["counts"]
        words = " ".join(report_tap.values(report, "args")).split()
        if any(word.startswith(("only=", "skip=")) for word in words):
            return False
        if report["verdict"] != "pass" or name.startswith("bad-"):
            return False
        self.forget(name)
        platform = "QEMU " + report_tap.value(report, "qemu") if report_tap.value(report, "qemu") else "simulated units"
        self.reports[name] = (platform, *(str(counts[key]) for key in ("pass", "xfail", "skip")))
        for case in report["cases"]:
            base = f"{case['suite']}.{case['case']}"
            if base in wanted:
                self.cases.setdefault(base, {}).setdefault(name, set()).add(mark_of(case))
        return True

    def forget(self, name):
        for seen in self.cases.values():
            seen.pop(name, None)

    def text(self):
        lines = ["\t".join(("run", name, *what)) for name, what in sorted(self.reports.items())]
        for case, seen in sorted(self.cases.items()):
            groups = {}
            for name, marks in sorted(seen.items()):
                groups.setdefault(" ".join(sorted(marks)), []).append(name)
            if groups:
                lines.append(f"case\t{case}\t" + ",".join(f"{' '.join(names)}={marks}" for marks, names in groups.items()))
        return RUNS_HEAD + "\n".join(lines) + "\n"


def mark_of(case):
    if case["verdict"] == "pass":
        return LANES.get(case["lane"], "a")
    if case["verdict"] == "xfail":
        return case["erratum"]
    return "-" if case["verdict"] == "skip" else "!"


# ---- Places: the host's units in two groups, every machine by itself ----

def place_of(report):
    if report.startswith("host-"):
        return "strict" if report.startswith("host-model") else "host"
    return report


def places_of(runs):
    """In the order of machines.cfg."""
    named = {place_of(name) for name in runs.reports}
    order = ["host", "strict"] + machines_cfg.names(machines_cfg.load(), "machine")
    return [p for p in order if p in named] + sorted(named - set(order))


def marks_at(runs, case, place):
    seen = runs.cases.get(case, {})
    return set().union(*(marks for name, marks in seen.items() if place_of(name) == place))


def cell(marks):
    """All lanes that passed, x behind them for an expected failure; - where all was skipped."""
    lanes = "".join(letter for letter, _ in LANE_TITLES if letter in marks)
    lanes += "x" if any(m.startswith("E-") for m in marks) else ""
    if "!" in marks:
        return lanes + "!"
    return lanes or ("-" if "-" in marks else "")


def where(names, everywhere):
    """The places of a list, said in few words."""
    missing = [name for name in everywhere if name not in names]
    if not names:
        return ""
    if not missing:
        return "everywhere"
    if len(missing) <= 3 < len(names):
        return "all but " + ", ".join(missing)
    return ", ".join(names)


# ---- The page ----

INTRO = """\
# The orderings

Alloc, get, bind, DMA, unbind, free and put can come in any order and meet each other; what has to happen then are the
{count} rows below. Generated by `make orderings` from `docs/rules/rows.tsv`, the cases' own declarations, the mutants, and
what the last whole runs of each machine made of the cases (`docs/rules/runs.tsv`).

In the overview every column is a place: `host` are the simulated units of the host process in all profiles, `strict` those
that tell when software breaks a rule, the others machines of `tests/machines/machines.cfg`.

| mark | a case of this row passed there |
|------|------|
{legend}
| `x` | behind them: failed as a row of docs/errata.md expects |
| `-` | there are cases, and the place has not what they need |

Every `r`, `p` and `t` is a transfer that was compared byte by byte: it arrived where it had to, or changed nothing.
"""
LEGEND = (("a", "without DMA: calls, events, references, tables in memory, registers"), ("r", "in lane rid: requests without PASID"),
          ("p", "in lane rid_pasid: requests without PASID through RID_PASID, the IOASID's own number"),
          ("t", "in lane pasid: requests that carry the IOASID as PASID"))


def title_and_outcome(text):
    """`what happens: what has to come of it`; a row without the colon is its own outcome."""
    title, colon, outcome = text.partition(": ")
    return (title, outcome) if colon else (text, text)


class Page:
    def __init__(self, rows, flaws, cases, runs, broken):
        """`cases`: name -> spec.Case; `broken`: row -> names of mutants."""
        self.rows, self.flaws, self.cases, self.runs, self.broken = rows, flaws, cases, runs, broken
        self.places = places_of(runs)
        self.of_row = {row: sorted(n for n, c in cases.items() if row in c.ids("rows")) for row in rows}

    def row_marks(self, row, place):
        return set().union(*(marks_at(self.runs, name, place) for name in self.of_row[row]))

    def overview(self):
        out = ["## Overview", "", "| row | sequence | cases | " + " | ".join(self.places) + " |",
               "|----:|----------|------:|" + "---|" * len(self.places)]
        for row, (text, _) in self.rows.items():
            cells = [cell(self.row_marks(row, place)) for place in self.places]
            out.append(f"| [{row}](#row-{row}) | {title_and_outcome(text)[0]} | {len(self.of_row[row])} | "
                       + " | ".join(f"`{c}`" if c else "" for c in cells) + " |")
        return out + [""]

    def machines(self):
        out = ["## Runs", "", "| run | on | passed | failed as expected | skipped |", "|-----|----|-------:|-------:|--------:|"]
        out += [f"| {name} | " + " | ".join(what) + " |" for name, what in sorted(self.runs.reports.items())]
        return out + [""]

    def lane_cell(self, name, letter):
        return where([p for p in self.places if letter in marks_at(self.runs, name, p)], self.places)

    def errata(self, name):
        """`E-001 on new-fs, ...` of a case."""
        seen = {}
        for place in self.places:
            for mark in sorted(m for m in marks_at(self.runs, name, place) if m.startswith("E-")):
                seen.setdefault(mark, []).append(place)
        return "; ".join(f"{mark} on {', '.join(names)}" for mark, names in seen.items())

    def section(self, row):
        title, outcome = title_and_outcome(self.rows[row][0])
        names = self.of_row[row]
        flaws = [f for f in self.flaws if any(f in self.cases[n].ids("flaws") for n in names)]
        out = [f"### Row {row}", "", f"**{title[0].upper()}{title[1:]}.**"
               + (f" Outcome: {outcome}." if outcome != title else ""), ""]
        out += ["| case | proves that | " + " | ".join(t for _, t in LANE_TITLES) + " |", "|------|------|" + "---|" * len(LANE_TITLES)]
        for name in names:
            cells = [self.lane_cell(name, letter) for letter, _ in LANE_TITLES]
            if not any(cells):
                cells[0] = "*not in the runs above*" if name not in self.runs.cases else "*skipped*"
            out.append(f"| `{name}` | {self.cases[name].fields.get('doc', '')} | " + " | ".join(cells) + " |")
        out += [""]
        excused = [f"- `{name}` fails as expected: {self.errata(name)}" for name in names if self.errata(name)]
        out += excused + [""] if excused else []
        out += ["Flaws that these cases cover: " + (", ".join(flaws) or "none") + ".",
                "Broken on purpose by: " + (", ".join(f"`{m}`" for m in self.broken.get(row, [])) or "no mutant yet") + ".", ""]
        return out

    def text(self):
        legend = "\n".join(f"| `{mark}` | {words} |" for mark, words in LEGEND)
        out = [INTRO.format(count=len(self.rows), legend=legend)]
        out += self.overview() + ["## Rows", ""]
        for row in self.rows:
            out += self.section(row)
        return "\n".join(out + self.machines())


# ---- The tree ----

def tree_cases(root=ROOT):
    paths = sorted(glob.glob(f"{root}/tests/suites/**/*_test.c", recursive=True) + glob.glob(f"{root}/tests/host/*_test.c"))
    return {case.name: case for path in paths for case in spec.cases_of(path)}


def tree_page(runs, root=ROOT):
    rows, flaws = (spec.load_rules(f"{root}/docs/rules/{kind}.tsv") for kind in ("rows", "flaws"))
    cases = tree_cases(root)
    ids = {name: {kind: case.ids(kind) for kind in spec.KINDS} for name, case in cases.items()}
    broken = spec_map.breakers(mutants.load([]), ids)
    return Page(rows, flaws, cases, runs, {row: broken.get(("rows", row), []) for row in rows}).text()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", default=os.path.join(ROOT, PAGE))
    parser.add_argument("--runs", default=os.path.join(ROOT, RUNS))
    parser.add_argument("reports", nargs="*")
    args = parser.parse_args()
    try:
        runs = Runs.load(args.runs)
        wanted = {name for name, case in tree_cases().items() if case.ids("rows")}
        runs.cases = {name: seen for name, seen in runs.cases.items() if name in wanted}
        taken = [path for path in args.reports if runs.add(report_tap.load(path), wanted)]
        text = tree_page(runs)
    except (spec.SpecError, mutants.Bad, report_tap.ReportError, OSError) as error:
        sys.exit(f"orderings: {error}")
    with open(args.runs, "w", encoding="utf-8") as f:
        f.write(runs.text())
    with open(args.output, "w", encoding="utf-8") as f:
        f.write(text)
    print(f"orderings: {len(taken)} of {len(args.reports)} reports taken in, {len(runs.reports)} known")
    return 0


if __name__ == "__main__":
    sys.exit(main())
