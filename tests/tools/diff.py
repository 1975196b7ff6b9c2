#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What differs between two runs: verdicts, cases, sums, header.

    diff.py A.json|A.tap B.json|B.tap

Exits 0 when nothing differs, 1 when something does, 2 when one is no report. Times are not compared.
"""

import sys

sys.dont_write_bytecode = True
import report_tap

SUMS = (("dma_proven", "cases proven by DMA"), ("allowed", "transfers that had to arrive"), ("denied", "transfers that had to be stopped"))
# From good to bad.
BETTER = {"pass": 0, "xfail": 1, "skip": 2, "unexpected": 3, "error": 4, "fail": 5}


def said(case):
    """The verdict with what belongs to it."""
    words = case["verdict"]
    if case["erratum"]:
        words += f" {case['erratum']}"
    if case["verdict"] != "xfail" and case["reason"]:
        words += f" ({case['reason']})"
    return words


def by_name(report):
    return {case["name"]: case for case in report["cases"]}


def changed_header(a, b):
    keys = list(dict.fromkeys(list(a["header"]) + list(b["header"])))
    for key in keys:
        old, new = report_tap.values(a, key), report_tap.values(b, key)
        if len(old) == len(new) == 1 and old != new:
            yield f"  {key}: {old[0]}  ->  {new[0]}"
        elif old != new:
            yield from (f"- {key}: {value}" for value in old if value not in new)
            yield from (f"+ {key}: {value}" for value in new if value not in old)
            if sorted(old) == sorted(new):
                yield f"  {key}: the same in another order"


def changed_cases(a, b):
    """Worse ones first, each with both verdicts."""
    old, new = by_name(a), by_name(b)
    both = [name for name in old if name in new and (old[name]["verdict"], old[name]["erratum"]) != (new[name]["verdict"], new[name]["erratum"])]
    both.sort(key=lambda name: (BETTER[old[name]["verdict"]] - BETTER[new[name]["verdict"]], name))
    return [f"  {name}: {said(old[name])}  ->  {said(new[name])}" for name in both]


def other_reasons(a, b):
    """The verdict stayed, why did not."""
    old, new = by_name(a), by_name(b)
    return [f"  {name}: {case['verdict']}: {case['reason']}  ->  {new[name]['reason']}" for name, case in old.items()
            if name in new and case["verdict"] == new[name]["verdict"] and case["verdict"] in ("skip",) + report_tap.BAD
            and case["reason"] != new[name]["reason"]]


def one_sided(a, b):
    old, new = by_name(a), by_name(b)
    return ([f"- {name}: {said(case)}" for name, case in old.items() if name not in new]
            + [f"+ {name}: {said(case)}" for name, case in new.items() if name not in old])


def changed_sums(a, b):
    for verdict in report_tap.VERDICTS:
        old, new = a["counts"][verdict], b["counts"][verdict]
        if old != new:
            yield f"  {verdict}: {old}  ->  {new} ({new - old:+})"
    for key, words in SUMS:
        old, new = ((report["sums"] or {}).get(key, 0) for report in (a, b))
        if old != new:
            yield f"  {words}: {old}  ->  {new} ({new - old:+})"


def compare(a, b):
    """Lines of text; none when nothing differs."""
    out = []
    if a["verdict"] != b["verdict"]:
        out += [f"verdict: {a['verdict']}  ->  {b['verdict']}", ""]
    for title, lines in (("header", changed_header(a, b)), ("verdicts", changed_cases(a, b)), ("reasons", other_reasons(a, b)),
                         ("cases on one side", one_sided(a, b)), ("sums", changed_sums(a, b))):
        lines = list(lines)
        if lines:
            out += [f"{title}: {len(lines)}", *lines, ""]
    return out[:-1] if out else out


def main(argv):
    if len(argv) != 2 or not all(argv):
        print("diff: two reports are wanted: make diff A=build/reports/new-fs.json B=build/reports/new-ss.tap", file=sys.stderr)
        return 2
    try:
        a, b = map(report_tap.load, argv)
    except report_tap.ReportError as error:
        print(f"diff: {error}", file=sys.stderr)
        return 2
    print(f"- {argv[0]}\n+ {argv[1]}\n")
    lines = compare(a, b)
    print("\n".join(lines) if lines else "no difference")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
