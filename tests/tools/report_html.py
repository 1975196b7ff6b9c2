# SPDX-License-Identifier: BSD-2-Clause
"""A report as one HTML file that needs nothing else: verdict, findings with their evidence drawn, cases, machine."""

import os

import report_draw as draw
import report_tap
import report_vtd as vtd
from report_draw import chip, esc

HERE = os.path.dirname(os.path.abspath(__file__))
ORDER = ("fail", "error", "unexpected", "xfail", "skip", "pass")
SAID = {"pass": "pass", "skip": "all skipped", "fail": "fail", "error": "error", "crash": "no end", "timeout": "time-out"}
SLOWEST = 15
OPEN = 3  # failures whose card is open from the start


def _asset(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return f.read()


def duration(us):
    if us is None:
        return ""
    return f"{us} µs" if us < 1000 else f"{us / 1000:.1f} ms" if us < 1000000 else f"{us / 1e6:.2f} s"


def section(name, title, body, note=""):
    small = f" <small>{note}</small>" if note else ""
    return f'<section id="{name}"><h2>{esc(title)}{small}</h2>{body}</section>' if body else ""


# ---- Top ----

def _top(report):
    word, words = report_tap.verdict(report)
    value = lambda key: report_tap.value(report, key)
    facts = [value("platform") or "platform not named", value("program").partition(", ")[2],
             "seed " + value("seed") if value("seed") else "", value("time").partition(",")[0] + " time" if value("time") else "",
             f"{report['run']['seconds']:.1f} s" if report.get("run", {}).get("seconds") else ""]
    return (f'<header class="{"good" if word in report_tap.GOOD else "bad"}"><div class="word">{esc(SAID.get(word, word))}</div>'
            f'<div><h1>pasidcheck on {esc(value("machine") or report["name"])}</h1>'
            f'<p>{esc(" · ".join(filter(None, facts)))}</p>{"<p>" + esc(words) + "</p>" if words else ""}</div></header>')


def _summary(report):
    counts, sums = report["counts"], report["sums"] or {}
    shown = [(name, counts[name]) for name in ORDER if counts[name]]
    parts = [(f"v-{name}", count, draw.WORDS[name]) for name, count in reversed(shown)]
    legend = "".join(f'<button class="chip v-{name}" data-only="{name}"><i>{draw.GLYPHS[name]}</i>{count} {draw.WORDS[name]}</button>'
                     for name, count in shown)
    proven = ""
    if sums.get("dma_proven"):
        total = sums["allowed"] + sums["denied"]
        proven = (f'<p class="proven"><b>{sums["dma_proven"]}</b> cases proven by DMA: memory was compared {total} times, '
                  f'<b class="b-allowed">{sums["allowed"]}</b> transfers had to arrive and did, '
                  f'<b class="b-denied">{sums["denied"]}</b> had to be stopped and were.</p>'
                  + draw.stacked([("b-allowed", sums["allowed"], "arrived, as they had to"),
                                  ("b-denied", sums["denied"], "stopped, as they had to be")], total))
    return f'{draw.stacked(parts, len(report["cases"]))}<p class="legend">{legend}</p>{proven}'


# ---- Findings ----

def _card(case, opened):
    ids = " ".join(f"{key} {' '.join(case[key])}" for key in ("rows", "rules", "flaws", "faults") if case[key])
    said = [f'<p class="reason">{esc(case["reason"])}</p>'] if case["verdict"] != "xfail" else []
    said += [f"<p>{esc(case['proves'])}</p>"] if case["proves"] else []
    said += [f'<p class="blame">Blame: <b>{esc(case["blame"])}</b></p>'] if case["blame"] else []
    said.append(draw.evidence_of(case))
    said += [f'<p class="ids">{esc(ids)}</p>'] if ids else []
    said += [f"<pre class=replay>{esc(case['replay'])}</pre>"] if case["replay"] else []
    lines = "\n".join(case["log"] + case["evidence"])
    said.append(f"<details><summary>as printed</summary><pre>{esc(lines)}</pre></details>" if lines else "")
    return (f'<details class="card"{" open" if opened else ""}><summary>{chip(case["verdict"])} <code>{esc(case["name"])}</code>'
            f'<span class="time">{duration(case["time_us"])}</span></summary>{"".join(said)}</details>')


def _failures(report):
    bad = [case for case in report["cases"] if case["verdict"] in report_tap.BAD]
    why = report_tap.expected(report)
    return section("failures", "Failures", "".join(_card(case, n < OPEN) for n, case in enumerate(bad)),
                   f"{len(bad)}, {esc(why)}" if why else str(len(bad)))


def _end(report):
    """What was said when no case was to follow: how the run ended, or what it was at when it did not."""
    lines = "\n".join(report.get("end", []))
    return section("end", "After the last case", f"<pre>{esc(lines)}</pre>" if lines else "")


def _cases(n):
    return f"{n} case" if n == 1 else f"{n} cases"


def _deviations(report):
    groups = {}
    for case in report["cases"]:
        if case["verdict"] == "xfail":
            groups.setdefault((case["erratum"], case["reason"]), []).append(case)
    out = [f'<details class="group"><summary><b>{esc(erratum)}</b><span>{esc(text)}</span><span class="time">{_cases(len(cases))}</span>'
           f'</summary>{"".join(_card(case, False) for case in cases)}</details>' for (erratum, text), cases in sorted(groups.items())]
    note = "expected failures: what docs/errata.md knows of this platform"
    return section("deviations", "Known deviations of the platform", "".join(out), note)


# ---- Cases ----

def _row(case):
    why = case["reason"] if case["verdict"] != "xfail" else f"{case['erratum']} {case['reason']}"
    text = f"{case['name']} {why} {case['proves']} {' '.join(case['rows'] + case['rules'] + case['flaws'] + case['faults'])}".lower()
    said = esc(why) if case["verdict"] != "pass" else esc(case["proves"])
    return (f'<tr data-v="{case["verdict"]}" data-t="{esc(text)}"><td>{chip(case["verdict"])}</td><td><code>{esc(case["name"])}</code></td>'
            f'<td class="why">{said}</td><td class="num">{duration(case["time_us"])}</td></tr>')


def _suites(report):
    suites = {}
    for case in report["cases"]:
        suites.setdefault(case["suite"] or "none", []).append(case)
    out = []
    for name, cases in suites.items():
        counts = report_tap.counts({"cases": cases})
        parts = [(f"v-{v}", counts[v], draw.WORDS[v]) for v in reversed(ORDER)]
        time = duration(sum(case["time_us"] or 0 for case in cases))
        out.append(f'<details class="suite"><summary><code>{esc(name)}</code><span class="n">{len(cases)}</span>'
                   f'{draw.stacked(parts, len(cases))}<span class="time">{time}</span></summary>'
                   f'<div class="scroll"><table class="cases">{"".join(map(_row, cases))}</table></div></details>')
    boxes = "".join(f'<label><input type="checkbox" data-verdict="{v}" checked>{draw.WORDS[v]}</label>'
                    for v in ORDER if report["counts"][v])
    tools = (f'<form class="filter"><input type="search" placeholder="name, reason, id" aria-label="filter cases">{boxes}'
             '<span class="shown"></span></form>')
    return section("cases", "Cases by suite", tools + "".join(out) if out else "", report_tap.value(report, "cases"))


def _skips(report):
    reasons = {}
    for case in report["cases"]:
        if case["verdict"] == "skip":
            reasons[case["reason"]] = reasons.get(case["reason"], 0) + 1
    rows = [(esc(reason), count, str(count), "v-skip") for reason, count in sorted(reasons.items(), key=lambda row: -row[1])]
    return section("skips", "Skipped, by reason", draw.bars(rows) if rows else "")


def _slowest(report):
    timed = sorted((case for case in report["cases"] if case["time_us"]), key=lambda case: -case["time_us"])[:SLOWEST]
    rows = [(f"<code>{esc(case['name'])}</code>", case["time_us"], duration(case["time_us"]), f"v-{case['verdict']}") for case in timed]
    note = "by the guest's clock; an edu transfer takes 100 ms of it" if "virtual" in report_tap.value(report, "time") else ""
    return section("slowest", "Slowest cases", draw.bars(rows) if rows else "", note)


# ---- Machine ----

def _register(group, text):
    value = int(text, 16)
    cells = "".join(f'<span class="bit {"on" if field.of(value) else "off"}" title="{group} bits {field.place()} {esc(field.note)}">'
                    f'{field.name}{"" if field.high == field.low else f" {field.of(value)}"}</span>' for field in vtd.fields(group))
    return f"<tr><th>{group}</th><td><code>{esc(text)}</code><div>{cells}</div></td></tr>"


def _units(report):
    out = []
    for key in report["header"]:
        number = key[5:]
        if not (key.startswith("unit-") and number.isdigit()):
            continue
        unit = vtd.unit_of(report_tap.value(report, key))
        rows = [_register(name.upper(), unit[name]) for name in ("cap", "ecap") if name in unit]
        rows += [f"<tr><th>{esc(word)}</th><td>{esc(text)}</td></tr>"
                 for word in ("stages", "quirk", "oddity") for text in report_tap.values(report, f"{key}-{word}")]
        rest = ", ".join(f"{name} {value}" for name, value in unit.items() if name not in ("base", "cap", "ecap"))
        out.append(f'<h3>Unit {esc(number)} at {esc(unit.get("base", "?"))} <small>{esc(rest)}</small></h3>'
                   f'<table class="fields">{"".join(rows)}</table>')
    return "".join(out)


def _devices(report):
    """Devices by place, those that share a requester id in one frame."""
    places = {}
    for text in report_tap.values(report, "device"):
        parts = text.split(", ")
        if len(parts) == 3:
            places.setdefault(parts[1], {}).setdefault(parts[2], []).append(parts[0])
    out = []
    for place, groups in places.items():
        frames = "".join(f'<div class="box plain"><b>{esc(requester)}</b><ul>{"".join(f"<li>{esc(name)}</li>" for name in names)}</ul></div>'
                         for requester, names in groups.items())
        out.append(f'<div class="place"><b>{esc(place)}</b><div class="chain">{frames}</div></div>')
    return f'<h3>Devices that do DMA</h3>{"".join(out)}' if out else ""


def _header(report):
    rows = "".join(f"<tr><th>{esc(key)}</th><td>{esc(value)}</td></tr>" for key in report["header"] if key not in ("device",)
                   and not key.startswith("unit-") for value in report_tap.values(report, key))
    return f'<h3>Header of the report</h3><table class="fields">{rows}</table>' if rows else ""


def page(report):
    """The whole file."""
    parts = [_failures(report), _end(report), _deviations(report), _suites(report), _skips(report), _slowest(report),
             section("machine", "Machine", _units(report) + _devices(report) + _header(report))]
    word, _ = report_tap.verdict(report)
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
            f"<title>pasidcheck {esc(report['name'])}: {esc(SAID.get(word, word))}</title>\n<style>\n{_asset('report.css')}</style></head>\n"
            f"<body>{_top(report)}<main>{_summary(report)}\n" + "\n".join(filter(None, parts))
            + f"</main>\n<script>\n{_asset('report.js')}</script></body></html>\n")
