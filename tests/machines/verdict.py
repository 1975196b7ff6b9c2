# SPDX-License-Identifier: BSD-2-Clause
"""What a finished run means: judged from QEMU's exit code and the last line of the serial log.

The guest writes v to isa-debug-exit and QEMU exits with (v << 1) | 1. Both witnesses must agree; a
missing last line, exit code 0 (reset, triple fault, shutdown) and signals are crashes.
"""

import fnmatch
import re

PASS, SKIP, ERROR, FAIL, CRASH, TIMEOUT = 0, 3, 4, 5, 6, 7
WORDS = {PASS: "pass", SKIP: "skip", ERROR: "error", FAIL: "fail", CRASH: "crash", TIMEOUT: "timeout"}

LAST_LINE = re.compile(r"pasidcheck: (\d+) passed, (\d+) failed, (\d+) skipped")
VERSION_LINE = re.compile(r"K?TAP version \d+$")
RESULT_LINE = re.compile(r"(not ok|ok) \d+ (?:- )?(.*)$")  # TAP with dash, KTAP without
PLAN_LINE = re.compile(r"1\.\.\d+( |$)")
COUNTS_LINE = re.compile(r"# xfail \d+, unexpected pass (\d+), error (\d+)")
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>78cDEHM])")


def clean(line):
    """One line of serial text without terminal escapes and other control characters."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", ESCAPES.sub("", line)).rstrip()


def cut_report(lines):
    """The report: clean lines from the version line on; empty when there is none.

    Firmware may have left half a line before the version line; a foreign line never counts.
    """
    for i, line in enumerate(lines):
        m = VERSION_LINE.search(line)
        if m:
            return [m.group(0)] + lines[i + 1:]
    return []


def last_line(lines):
    """(passed, failed, skipped) if the last line that is not empty is the verdict line, else None."""
    for line in reversed(lines):
        if line:
            m = LAST_LINE.fullmatch(line)
            return tuple(int(n) for n in m.groups()) if m else None
    return None


def tally(lines):
    """(passed, failed, skipped, [(case, reason) of each skip]) of the result lines; TODO counts as passed."""
    passed = failed = 0
    skips = []
    for line in lines:
        m = RESULT_LINE.match(line)
        if not m:
            continue
        name, _, directive = m.group(2).partition(" # ")
        word, _, reason = directive.partition(" ")
        if word.upper() == "SKIP":
            skips.append((name.strip(), reason.strip()))
        elif m.group(1) == "ok" or word.upper() in ("TODO", "XFAIL"):
            passed += 1
        else:
            failed += 1
    return passed, failed, len(skips), skips


def forbidden_skips(skips, allowed):
    """The skips that no (glob, part of the reason) of the machine allows."""
    return [(case, reason) for case, reason in skips
            if not any(fnmatch.fnmatchcase(case, glob) and text.lower() in reason.lower()
                       for glob, text in allowed)]


def judge_counts(counts, lines):
    """Verdict of a last line alone: what RUN= runs have."""
    passed, failed, skipped = counts
    if failed:
        for line in lines:
            m = COUNTS_LINE.match(line)
            if m and int(m.group(2)) >= failed:
                return ERROR, f"{failed} errors in the apparatus"
        return FAIL, f"{failed} failed"
    if skipped and not passed:
        return SKIP, f"all {skipped} skipped"
    return PASS, ""


def judge(exit_code, lines):
    """(verdict, words). exit_code is QEMU's (negative = signal), or None when there is none to judge by."""
    counts = last_line(lines)
    if exit_code is not None:
        if exit_code < 0 or exit_code >= 128:
            number = -exit_code if exit_code < 0 else exit_code - 128
            return CRASH, f"QEMU died of signal {number}"
        if exit_code == 0:
            return CRASH, "QEMU exited with 0: reset, triple fault or shutdown"
        if exit_code not in (1, 7, 9, 11):
            return CRASH, f"QEMU exited with {exit_code}, which the guest never asks for"
    if counts is None:
        return CRASH, "the last line `pasidcheck: N passed, N failed, N skipped` is missing"
    by_line, words = judge_counts(counts, lines)
    if exit_code is None:
        return by_line, words
    by_code = (exit_code - 1) // 2
    if by_code == by_line or (by_code in (ERROR, FAIL) and by_line in (ERROR, FAIL)):
        return by_code, words
    if by_code == ERROR:
        return ERROR, "the guest ended with an error"
    return FAIL, f"exit code says {WORDS[by_code]}, the last line says {WORDS[by_line]}"
