# SPDX-License-Identifier: BSD-2-Clause
"""A report as JUnit XML: one testsuite a suite, the header as its properties. An expected failure is a skipped case with
the erratum as message, as JUnit has no word for it."""

import re
import xml.etree.ElementTree as ET

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {"skip": "skipped", "xfail": "skipped", "fail": "failure", "unexpected": "failure", "error": "error"}


def _clean(text):
    """XML 1.0 has no way to write other characters."""
    return _FORBIDDEN.sub("?", text)


def _seconds(cases):
    return f"{sum(case['time_us'] or 0 for case in cases) / 1e6:.6f}"


def _add_case(parent, name, case):
    node = ET.SubElement(parent, "testcase", classname=f"{name}.{case['suite']}",
                         name=case["name"].partition(".")[2] or case["name"], time=_seconds([case]))
    tag = _TAGS.get(case["verdict"])
    if not tag:
        return
    message = f"{case['erratum']}: {case['reason']}" if case["verdict"] == "xfail" else case["reason"]
    mark = ET.SubElement(node, tag, message=_clean(message))
    if tag != "skipped":
        mark.set("type", "blame " + (case["blame"].partition(",")[0] or "unknown"))
    ids = [f"{key}: {' '.join(case[key])}" for key in ("rows", "rules", "flaws", "faults") if case[key]]
    more = [f"{key}: {case[key]}" for key in ("proves", "blame", "replay") if case[key]]
    if case["verdict"] != "skip":
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


def junit(report):
    """The XML, as bytes. A run that did not end has a case of its own that says so."""
    cases = report["cases"]
    suites = {}
    for case in cases:
        suites.setdefault(case["suite"] or "none", []).append(case)
    if report["verdict"] == "crash":
        broken = {"suite": "run", "name": "run.end", "verdict": "error", "evidence": [], "proves": "", "blame": "apparatus",
                  "reason": f"the report ends after {len(cases)} of {report['plan']} cases", "time_us": 0, "replay": "",
                  "rows": [], "rules": [], "flaws": [], "faults": [], "erratum": ""}
        suites["run"] = [broken]
    root = ET.Element("testsuites", name=report["name"])
    for suite, members in suites.items():
        _add_suite(root, report, suite, members)
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
