# SPDX-License-Identifier: BSD-2-Clause
"""Drawings of a report: HTML and SVG as text, coloured by the classes of report.css. Nothing in here knows of a page."""

import html
import re

import report_evidence as evidence
import report_vtd as vtd

COLUMN, LANE, LEFT, TOP = 74, 30, 132, 34  # pixels of the timeline; TOP is the room for the names of steps
LETTER = 7  # pixels; LEFT is enough for "edu0 00:02.0", longer names move the lanes to the right
GLYPHS = {"pass": "✓", "xfail": "≈", "skip": "–", "fail": "✗", "error": "!", "unexpected": "?"}
WORDS = {"pass": "passed", "xfail": "expected failure", "skip": "skipped", "fail": "failed", "error": "error",
         "unexpected": "unexpected pass"}
_ENDS = {"reached": "reached", "denied": "stopped", "garbled": "garbled"}


def esc(text):
    return html.escape(str(text))


def chip(verdict):
    return f'<span class="chip v-{verdict}"><i>{GLYPHS[verdict]}</i>{WORDS[verdict]}</span>'


# ---- Bars ----

def stacked(parts, total):
    """One bar of (class, count, words) parts; nothing for what is not there."""
    cells = "".join(f'<span class="{name}" style="flex-grow:{count}" title="{count} {esc(words)}"></span>'
                    for name, count, words in parts if count)
    return f'<div class="stack" role="img" aria-label="{total} cases">{cells}</div>'


def bars(rows):
    """(label, value, text, class) rows as bars of one scale."""
    most = max((row[1] for row in rows), default=0) or 1
    lines = "".join(f'<tr><th>{label}</th><td class="bar"><span class="{name}" style="width:{100 * value / most:.1f}%"></span></td>'
                    f'<td class="num">{esc(text)}</td></tr>' for label, value, text, name in rows)
    return f'<table class="bars">{lines}</table>'


# ---- Timeline ----

def _arrow(x, event, top, lanes, wall, memory):
    """One transfer: from its lane to the memory lane, or as far as the unit lets it."""
    y = top + lanes.index(event["dev"]) * LANE + LANE // 2
    outcome, kind = event["outcome"], "wrong" if event["wrong"] else event["outcome"]
    said = [_ENDS[outcome], ("must arrive" if outcome == "denied" else "must not") if event["wrong"] else event["fault"]]
    parts = [f'<g class="dma {kind}"><title>{esc(event["text"])}</title>', f'<circle cx="{x}" cy="{y}" r="4.5"/>']
    if outcome == "denied":
        parts += [f'<path d="M{x} {y + 5}V{wall - 6}"/>',
                  f'<path class="x" d="M{x - 6} {wall - 6}l12 12M{x + 6} {wall - 6}l-12 12"/>']
    else:
        tip = (f"M{x - 4} {memory - 8}L{x} {memory - 1}L{x + 4} {memory - 8}Z" if event["access"] == "write" else
               f"M{x - 4} {y + 13}L{x} {y + 6}L{x + 4} {y + 13}Z")
        parts += [f'<path d="M{x} {y + 5}V{memory - 2}"/>', f'<path class="tip" d="{tip}"/>']
    base = memory + 20
    parts += [f'<text x="{x}" y="{base + 14 * n}" text-anchor="middle">{esc(words)}</text>' for n, words in enumerate(said) if words]
    return "".join(parts) + "</g>"


def _step_flags(events, columns, bottom):
    """A bracket above the transfers of each step."""
    flags = []
    for at, event in enumerate(events):
        if event["what"] == "step":
            end = next((n for n in range(at + 1, len(events)) if events[n]["what"] == "step"), len(events))
            left, right = columns[at] - COLUMN // 2 + 4, max(columns[at], columns[end - 1]) + COLUMN // 2 - 4
            bad = " wrong" if any(one.get("wrong") for one in events[at:end]) else ""
            flags.append(f'<g class="step{bad}"><path d="M{left} {bottom}V{TOP - 10}H{right}"/>'
                         f'<text x="{left + 4}" y="{TOP - 15}">{event["n"]} {esc(event["text"])}</text></g>')
    return "".join(flags)


def timeline(events):
    """What each device tried, in order: arrows end in memory, or at the unit."""
    lanes = list(dict.fromkeys(event["dev"] for event in events if event["what"] == "dma"))
    if not lanes:
        return ""
    left = max(LEFT, 38 + LETTER * max(map(len, lanes)))
    columns, x = [], left - COLUMN // 2
    for at, event in enumerate(events):
        lonely = event["what"] == "step" and (at + 1 == len(events) or events[at + 1]["what"] == "step")
        x += 0 if event["what"] == "step" and not lonely else COLUMN * (2 if lonely else 1)
        columns.append(x + COLUMN if event["what"] == "step" and not lonely else x)
    top = TOP if any(event["what"] == "step" for event in events) else 4
    wall = top + len(lanes) * LANE + 16
    memory, width, height = wall + 28, x + COLUMN + 70, wall + 28 + 46
    out = [f'<svg class="timeline" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
           'aria-label="transfers in their order">']
    for n, name in enumerate(lanes):
        y = top + n * LANE + LANE // 2
        out.append(f'<text class="lane" x="4" y="{y + 4}">{esc(name)}</text><path class="lane" d="M{left - 30} {y}H{width - 12}"/>')
    out.append(f'<path class="wall" d="M{left - 30} {wall}H{width - 12}"/><text class="lane" x="4" y="{wall + 4}">IOMMU</text>'
               f'<rect class="memory" x="{left - 30}" y="{memory}" width="{width - left + 18}" height="6"/>'
               f'<text class="lane" x="4" y="{memory + 7}">memory</text>')
    out.append(_step_flags(events, columns, memory))
    out += [_arrow(columns[at], event, top, lanes, wall, memory) for at, event in enumerate(events) if event["what"] == "dma"]
    return ('<figure><figcaption>Transfers in their order: an arrow through the IOMMU reached memory</figcaption>'
            f'<div class="scroll">{"".join(out)}</svg></div></figure>')


# ---- Tables ----

def _box(title, state, lines):
    body = "".join(f"<li>{esc(line)}</li>" for line in lines)
    return f'<div class="box {state}"><b>{esc(title)}</b><ul>{body}</ul></div>'


def _chain(boxes):
    return f'<div class="chain">{"<span class=link>→</span>".join(boxes)}</div>'


def _entries(dump):
    """Words of the four stations from the line that has them, empty where it has not."""
    if not dump:
        return {}
    bus, devfn = dump["rid"].split(":")[-2:]
    root, half = vtd.words_of(dump["root"]), int(devfn[:2], 16) >> 4
    part, letter = root >> 64 * half & (1 << 64) - 1, "UL"[half == 0]
    said = {"Root entry": [f"bus {bus}h", f"{letter}P = {part & 1}", f"{letter}CTP {part & ~0xfff:x}h"]}
    said["Context entry"] = [f"devfn {devfn}"] + vtd.entry_words("CTX", vtd.words_of(dump["context"]))
    if dump.get("entry"):
        slot = int(dump["slot"])
        said["PASID directory"] = [f"entry {slot >> 6}"] + vtd.entry_words("PDIR", vtd.words_of(dump["directory"]))
        said["PASID entry"] = [f"slot {slot}"] + vtd.entry_words("PASID", vtd.words_of(dump["entry"]))
    return said


def walk(one, dump):
    """The chain of tables that a request goes through, as far as it gets in memory."""
    end = evidence.walk_end(one["where"])
    if end is None:
        return ""
    stop, level = end
    known = _entries(dump if dump and dump["dev"] == one["dev"] else None)
    boxes = []
    for at, name in enumerate(evidence.STATIONS):
        state = "good" if at < stop else "stop" if at == stop else "beyond"
        lines = known.get(name, [])
        if at == stop:
            lines = lines + [f"{one['where']}: fault {(one['code'] or '').upper()}h"]
        boxes.append(_box(name, state, lines if state != "beyond" else []))
    if stop == 4 and level:
        above = list(range(4, level, -1))
        if above:
            boxes.append(_box("Level " + " → ".join(map(str, above)), "good", []))
        boxes.append(_box(f"Level {level}", "good" if one["pa"] else "stop",
                          [one["where"].rpartition(",")[0] or "leaf"] + ([] if one["pa"] else [f"fault {one['code'].upper()}h"])))
    elif stop == 4:
        boxes.append(_box("Paging", "good" if one["pa"] else "stop",
                          [one["where"]] + ([] if one["pa"] else [f"fault {one['code'].upper()}h"])))
    boxes.append(_box("Memory", "good" if one["pa"] else "beyond", [f"{one['pa']}h"] if one["pa"] else ["not in reach"]))
    head = f"{one['dev']}: {one['access']} of {one['iova']}h"
    return f'<figure><figcaption>Tables in memory, {esc(head)}</figcaption>{_chain(boxes)}</figure>'


def entries(dump):
    """Entries of a device that no walk explains."""
    said = _entries(dump)
    boxes = [_box(name, "plain", said[name]) for name in evidence.STATIONS if name in said]
    return f'<figure><figcaption>Entries of {esc(dump["dev"])} after the failure</figcaption>{_chain(boxes)}</figure>'


# ---- Faults, queue, registers ----

def faults(found):
    """A row of decoded fields for each fault record that stands in the evidence."""
    rows = []
    for one in found:
        match = None if one["kind"] in ("walk", "check") else evidence.FAULT.search(one["text"])
        if not match:
            continue
        f = match.groupdict()
        wanted = f' <span class="want">wanted {esc(one["want"].upper())}h</span>' if one["kind"] == "wanted" else ""
        rows.append(f'<tr><td class="code">{f["code"].upper()}h{wanted}</td><td>{esc(f["name"] or "")}</td><td>{esc(f["sid"])}</td>'
                    f'<td>{esc(f["pasid"] or "none")}</td><td>{esc(f["access"] or "interrupt")}{esc(f["more"])}</td>'
                    f'<td class="code">{esc(f["address"] or f["index"])}h</td><td>{esc(f["what"])}</td></tr>')
    if not rows:
        return ""
    return ('<figure><figcaption>Fault records</figcaption><div class="scroll"><table class="fields"><tr><th>reason</th><th>name</th>'
            '<th>source</th><th>PASID</th><th>access</th><th>address</th><th>meaning</th></tr>'
            f'{"".join(dict.fromkeys(rows))}</table></div></figure>')


def queue(found):
    """The last descriptors of each unit, oldest first."""
    out = []
    for unit in dict.fromkeys(one["unit"] for one in found if one["kind"] == "queue"):
        cells = []
        for one in found:
            if one["kind"] == "queue" and one["unit"] == unit:
                name, _, rest = one["desc"].partition(" ")
                rest = re.sub(r"status=\w+ | \w+=0\b", "", rest) if name == "inv_wait" else rest
                cells.append(f'<span class="desc q-{esc(name.split("_")[0])}" title="{esc(one["text"])}"><b>{esc(name)}</b>{esc(rest)}</span>')
        out.append(f'<figure><figcaption>Queue of {esc(unit)}, oldest first</figcaption>'
                   f'<div class="chain">{"".join(cells)}</div></figure>')
    return "".join(out)


def registers(found):
    rows = []
    for one in found:
        if one["kind"] == "regs":
            gsts, fsts, rtaddr = (int(one[key], 16) for key in ("gsts", "fsts", "rtaddr"))
            empty = "empty" if one["iqh"] == one["iqt"] else "not empty"
            rows.append(f'<tr><td>{esc(one["unit"])}</td><td>{one["gsts"]}h {esc(" ".join(vtd.bits_set("GSTS", gsts)))}</td>'
                        f'<td>{one["fsts"]}h {esc(" ".join(vtd.bits_set("FSTS", fsts)))}</td>'
                        f'<td>{one["rtaddr"]}h {vtd.TTM.get(rtaddr >> 10 & 3, "reserved")} mode</td>'
                        f'<td>{one["iqh"]}h, {one["iqt"]}h: {empty}</td></tr>')
    if not rows:
        return ""
    return ('<figure><figcaption>Registers</figcaption><div class="scroll"><table class="fields"><tr><th>unit</th><th>GSTS</th>'
            f'<th>FSTS</th><th>RTADDR</th><th>IQH, IQT</th></tr>{"".join(rows)}</table></div></figure>')


def evidence_of(case):
    """All that can be drawn of one case."""
    found = evidence.items(case)
    dump = next((one for one in found if one["kind"] == "tables"), None)
    walks = [one for one in found if one["kind"] == "walk"]
    parts = [timeline(evidence.story(found))]
    parts += [walk(one, dump) for one in walks]
    if dump and not any(one["dev"] == dump["dev"] for one in walks):
        parts.append(entries(dump))
    return "".join(parts + [faults(found), queue(found), registers(found)])
