# SPDX-License-Identifier: BSD-2-Clause
"""A report as JUnit XML: one testsuite a suite, the header as its properties. An expected failure is a skipped case with
the erratum as message, as JUnit has no word for it; so is any failure on a machine that has to fail. What is wrong with
the run and with no case of it is a case `verdict` in a suite `run`."""

import re
import xml.etree.ElementTree as ET

import report_tap

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {"skip": "skipped", "xfail": "skipped", "expected": "skipped", "fail": "failure", "unexpected": "failure", "error": "error"}


def _clean(text):
    """XML 1.0 has no way to write other characters."""
    return _FORBIDDEN.sub("?", text)


def _seconds(cases):
    return f"{sum(case['time_us'] or 0 for case in cases) / 1e6:.6f}"


def _message(case):
    return ": ".join(filter(None, (case["erratum"] if case["verdict"] in ("xfail", "expected") else "", case["reason"])))


def _add_case(parent, name, case):
    node = ET.SubElement(parent, "testcase", classname=f"{name}.{case['suite']}",
                         name=case["name"].partition(".")[2] or case["name"], time=_seconds([case]))
    tag = _TAGS.get(case["verdict"])
    if tag:
        mark = ET.SubElement(node, tag, message=_clean(_message(case)))
    if tag in ("failure", "error"):
        mark.set("type", "blame " + (case["blame"].partition(",")[0] or "unknown"))
    ids = [f"{key}: {' '.join(case[key])}" for key in ("rows", "rules", "flaws", "faults") if case[key]]
    more = [f"{key}: {case[key]}" for key in ("proves", "blame", "replay") if case[key]]
    if tag and case["verdict"] != "skip":
        mark.text = _clean("\n".join(case["evidence"] + ids + more))


def _add_suite(root, report, suite, cases):
    tags = [_TAGS.get(case["verdict"]) for case in cases]
    node = ET.SubElement(root, "testsuite", name=f"{report['name']}.{suite}", tests=str(len(cases)),
                         failures=str(tags.count("failure")), errors=str(tags.count("error")),
                         skipped=str(tags.count("skipped")), time=_seconds(cases))
    properties = ET.SubElement(node, "properties")
    for key, value in report["header"].items():
        for one in value if isinstance(value, list) else [value]:
            ET.SubElement(properties, "property", name=key, value=_clean(one))
    for case in cases:
        _add_case(node, report["name"], case)
    if suite == "run" and report.get("end"):
        ET.SubElement(node, "system-out").text = _clean("\n".join(report["end"]))


def _as_expected(case, why):
    """A case of a run that had to fail, and did."""
    return {**case, "verdict": "expected", "erratum": why} if case["verdict"] in report_tap.BAD else case


def _verdict_case(report):
    """What is wrong with the run and with none of its cases, or None. Lines behind the last case come with it."""
    word, words = report_tap.verdict(report)
    told = any(case["verdict"] in report_tap.BAD for case in report["cases"])
    if not report.get("end") and (word in report_tap.GOOD or (told and word in ("fail", "error"))):
        return None
    verdict = word if word in ("fail", *report_tap.GOOD) else "error"
    return {"suite": "run", "name": "run.verdict", "verdict": "pass" if word == "skip" else verdict, "evidence": [], "proves": "",
            "blame": "" if verdict == "fail" else "apparatus", "reason": f"{word}: {words}" if words else word, "time_us": 0,
            "replay": "", "rows": [], "rules": [], "flaws": [], "faults": [], "erratum": ""}


def junit(report):
    """The XML, as bytes."""
    why, suites = report_tap.expected(report), {}
    for case in report["cases"]:
        suites.setdefault(case["suite"] or "none", []).append(_as_expected(case, why) if why else case)
    verdict = _verdict_case(report)
    if verdict:
        suites.setdefault("run", []).append(verdict)
    root = ET.Element("testsuites", name=report["name"])
    for suite, members in suites.items():
        _add_suite(root, report, suite, members)
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
