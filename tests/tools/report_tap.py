# SPDX-License-Identifier: BSD-2-Clause
"""A report, TAP 13 or KTAP 1 as docs/testing.md has it, read into plain dictionaries: what report.py, diff.py and
bench.py work on, and what stands in <machine>.json."""

import json
import os
import re

FORMAT = "pasidcheck-report-1"
VERDICTS = ("pass", "xfail", "skip", "fail", "error", "unexpected")
BAD = ("fail", "error", "unexpected")
GOOD = ("pass", "skip")  # verdicts of a run that nobody has to look at

_VERSION = re.compile(r"(K?TAP) version (\d+)$")
_PLAN = re.compile(r"1\.\.(\d+)")
_RESULT = re.compile(r"(not ok|ok) (\d+)(?: -)?(?: (.*))?$")
_HEADER = re.compile(r"# ([a-z0-9][a-z0-9-]*): (.*)$")
_SUMS = re.compile(r"# xfail (\d+), unexpected pass (\d+), error (\d+), dma-proven (\d+) \(allowed (\d+), denied (\d+)\)")
_LAST = re.compile(r"pasidcheck: (\d+) passed, (\d+) failed, (\d+) skipped$")
_WORDS = {"SKIP": "skip", "TODO": "xfail", "XFAIL": "xfail", "ERROR": "error", "TIMEOUT": "error"}
_IDS = ("rows", "rules", "flaws", "faults")
_LOG = ("error", "warn", "info", "debug")  # what the program says while it runs
# Lines behind a result that are a member of the case, not evidence.
_MEMBERS = ("proves", "blame", "replay", "time_us") + _IDS


class ReportError(Exception):
    """The file is no report; the text says why."""


def _split_name(name):
    """suite.case/lane/engine."""
    path, _, rest = name.partition("/")
    suite, dot, case = path.partition(".")
    lane, _, engine = rest.partition("/")
    return {"suite": suite if dot else "", "case": case if dot else path, "lane": lane, "engine": engine}


def _new_case(match):
    good, number, text = match.group(1) == "ok", int(match.group(2)), match.group(3) or ""
    name, mark, directive = text.partition(" # ")
    word, _, reason = directive.partition(" ") if mark else ("", "", "")
    verdict = _WORDS.get(word.upper(), "pass" if good else "fail")
    erratum = ""
    if verdict == "xfail":
        erratum, _, reason = reason.partition(" ")
    return {"number": number, "name": name.strip(), **_split_name(name.strip()), "verdict": verdict, "reason": reason,
            "erratum": erratum, "time_us": None, "proves": "", **{key: [] for key in _IDS}, "blame": "", "replay": "",
            "evidence": [], "log": []}


def _take_comment(case, text):
    """One line `# text` that belongs to a case. The first one behind a `not ok` says why."""
    key, colon, value = text.partition(": ")
    first = case["verdict"] in BAD and not case["reason"]
    if first and text.startswith("unexpected-pass "):
        case["verdict"], case["erratum"] = "unexpected", text.split()[1]
        case["reason"] = f"passes although {case['erratum']} says that it cannot"
    elif first and colon and key in ("fail", "error"):
        case["verdict"], case["reason"] = key, value
    elif re.fullmatch(r"time_us \d+", text):
        case["time_us"] = int(text.split()[1])
    elif colon and key in _IDS and not case[key]:
        case[key] = value.split()
    elif colon and key in _MEMBERS and not case[key]:
        case[key] = value
    else:
        case["evidence"].append(text)


def _add_header(header, key, value):
    if key not in header:
        header[key] = value
    elif isinstance(header[key], list):
        header[key].append(value)
    else:
        header[key] = [header[key], value]


class _Reader:
    def __init__(self, name):
        self.report = {"format": FORMAT, "name": name, "version": "", "plan": None, "header": {}, "cases": [],
                       "end": [], "sums": None, "last": None, "foreign": 0}
        self.ktap = self.in_header = False
        self.closed = True  # the last case has all its lines: what comes was said while the next one ran
        self.waiting = []

    def line(self, line):
        report = self.report
        if not report["version"]:
            match = _VERSION.search(line)
            if match:
                report["version"], self.ktap, self.in_header = match.group(0), match.group(1) == "KTAP", True
        elif report["last"]:
            report["foreign"] += bool(line)
        elif _PLAN.match(line) and report["plan"] is None:
            report["plan"] = int(_PLAN.match(line).group(1))
        elif _RESULT.match(line):
            self._result(_new_case(_RESULT.match(line)))
        elif _SUMS.match(line):
            keys = ("xfail", "unexpected", "error", "dma_proven", "allowed", "denied")
            report["sums"] = dict(zip(keys, map(int, _SUMS.match(line).groups())))
        elif _LAST.match(line):
            report["last"] = dict(zip(("passed", "failed", "skipped"), map(int, _LAST.match(line).groups())))
        elif line.startswith("#"):
            self._comment(line)
        else:
            report["foreign"] += bool(line)

    def _comment(self, line):
        match = _HEADER.match(line)
        if self.in_header and match and match.group(1) not in _LOG:
            _add_header(self.report["header"], *match.groups())
            self.in_header = not self.ktap or match.group(1) != "cases"  # the last key; KTAP's first case goes on with #
        elif self.ktap or self.closed:
            self.waiting.append(line[2:])  # of the next case, or of the end when none follows
        else:
            _take_comment(self.report["cases"][-1], line[2:])
            self.closed = line.startswith("# time_us ")

    def _result(self, case):
        """TAP: what waits is the log of the case. KTAP: all its comments, which stand before the result."""
        self.in_header = False
        for text in self.waiting if self.ktap else ():
            _take_comment(case, text)
        case["log"] = [] if self.ktap else self.waiting
        self.waiting = []
        self.closed = case["verdict"] == "skip"
        self.report["cases"].append(case)


def counts(report):
    """How many cases have each verdict."""
    found = dict.fromkeys(VERDICTS, 0)
    for case in report["cases"]:
        found[case["verdict"]] += 1
    return found


def _judge(report):
    """The verdict that the report alone carries; what a launcher knows besides may be worse."""
    found = counts(report)
    if not report["last"] or (report["plan"] or 0) > len(report["cases"]):
        return "crash"
    failed, errors = report["last"]["failed"], (report["sums"] or {}).get("error", found["error"])
    if found["fail"] or found["unexpected"] or failed > errors:
        return "fail"
    if found["error"] or failed:
        return "error"
    return "skip" if found["skip"] == len(report["cases"]) else "pass"


def verdict(report):
    """(verdict, why) of the run: the launcher's where there was one, else the report's own."""
    run = report.get("run") or {}
    word, words = run.get("verdict") or report["verdict"], [run["words"]] if run.get("words") else []
    if word == "crash" and not words:
        words.append(f"the report ends after {len(report['cases'])} of {report['plan']} cases")
    if word not in GOOD:
        words += [line.partition(": ")[2] for line in report.get("end", []) if line.startswith("error: ")]
    return word, "; ".join(words)


def expected(report):
    """Why the bad cases of a good run are none: only a launcher that was told to expect them says so. Else empty."""
    word, words = verdict(report)
    return words or word if word in GOOD and report["verdict"] not in GOOD else ""


def parse(text, name="report"):
    """The report in a text; what stands before its version line does not count."""
    reader = _Reader(name)
    for line in text.splitlines():
        reader.line(line.rstrip())
    report = reader.report
    report["end"] = reader.waiting
    if not report["version"]:
        raise ReportError("no version line `TAP version 13` or `KTAP version 1`")
    report["counts"] = counts(report)
    report["verdict"] = _judge(report)
    return report


def load(path):
    """A report from its .tap, .log or .json."""
    name = os.path.splitext(os.path.basename(path))[0]
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    try:
        if not text.lstrip().startswith("{"):
            return parse(text, name)
        report = json.loads(text)
    except (ReportError, ValueError) as error:
        raise ReportError(f"{path}: {error}") from error
    if report.get("format") != FORMAT:
        raise ReportError(f"{path}: its format is not {FORMAT}")
    return report


def values(report, key):
    """All values of a header key."""
    value = report["header"].get(key, [])
    return value if isinstance(value, list) else [value]


def value(report, key, default=""):
    return next(iter(values(report, key)), default)
