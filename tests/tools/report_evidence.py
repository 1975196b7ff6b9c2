# SPDX-License-Identifier: BSD-2-Clause
"""The evidence lines of a case as things: transfers, steps, walks, faults, queue, registers. What is not known stays text."""

import re

# As dma_dev.c names them: nvme-id0 00:11.0; a segment stands in front unless it is 0.
_DEV = r"(?P<dev>[\w-]+ (?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])"
_HEX = r"0x(?P<{}>[0-9a-f]+)"
_FAULT = (r"(?P<code>[0-9a-f]{2})h (?:(?P<name>[A-Z]+\.\d+) )?sid (?P<sid>[0-9a-f:.]+)(?: pasid (?P<pasid>[0-9a-f]+))? "
          r"(?:interrupt index (?P<index>[0-9a-f]+)|(?P<access>write|read|atomic|page request) (?P<address>[0-9a-f]+))"
          r"(?P<more>[^:]*): (?P<what>.*)")

FAULT = re.compile(_FAULT)
_KINDS = (
    ("write", re.compile(_DEV + r": wrote (?P<len>\d+) bytes at " + _HEX.format("iova") + ", aimed at " + _HEX.format("pa")
                         + r": (?P<right>\d+) as sent, (?P<changed>\d+) changed, (?P<beside>\d+) changed beside; (?P<status>.*)")),
    ("read", re.compile(_DEV + r": read (?P<len>\d+) bytes and told (?P<right>\d+) of them, (?P<changed>\d+) changed, "
                        r"(?P<beside>\d+) changed beside")),
    ("walk", re.compile(r"tables: " + _DEV + r" (?P<access>write|read) " + _HEX.format("iova")
                        + r" -> (?:0x(?P<pa>[0-9a-f]+)|fault (?P<code>[0-9a-f]{2})h), (?P<where>.*)")),
    ("check", re.compile(r"(?:fail: )?" + _DEV + r": (?P<access>write|read) of (?P<len>\d+) bytes at " + _HEX.format("iova")
                         + r" \(memory " + _HEX.format("pa") + r"\): seen (?P<seen>.*), expected it to be (?P<want>\w+)")),
    ("wanted", re.compile(r"(?:fail: )?fault (?P<want>[0-9a-f]{2})h by " + _DEV + r": seen (?P<seen>.*)")),
    ("fault", re.compile(r"fault: " + _FAULT)),
    ("tables", re.compile(_DEV + r": (?P<rid>[0-9a-f:.]+): root (?P<root>[0-9a-f_]+) context (?P<context>[0-9a-f_]+)"
                          r"(?: slot (?P<slot>\d+) directory (?P<directory>[0-9a-f_]+) entry (?P<entry>[0-9a-f_]+))?")),
    ("regs", re.compile(r"(?P<unit>unit \w+): GSTS (?P<gsts>[0-9a-f]+) FSTS (?P<fsts>[0-9a-f]+) RTADDR (?P<rtaddr>[0-9a-f]+) "
                        r"IQH (?P<iqh>[0-9a-f]+) IQT (?P<iqt>[0-9a-f]+)")),
    ("queue", re.compile(r"(?P<unit>unit \w+): queue -(?P<age>\d+): (?P<desc>.*)")),
    ("step", re.compile(r"step (?P<n>\d+): (?P<what>.*)")),
    ("order", re.compile(r"order (?:(?P<n>\d+): (?P<call>[a-z]+ \d(?: on \d)?)|seen:) +(?P<result>-?\w+(?: \(no errno\))?) +"
                         r"(?P<refs>[\d.]+(?: [\d.]+)*) +(?P<entries>[-!\d]+) +(?P<reach>[-!\d]+) *(?P<events>.*)")),
)


def item(line):
    """{"kind": ..., "text": line, members}; kind "text" for what is not known."""
    for kind, pattern in _KINDS:
        match = pattern.fullmatch(line)
        if match:
            return {"kind": kind, "text": line, **match.groupdict()}
    return {"kind": "text", "text": line}


def items(case):
    """All evidence of a case, the reason of a failure in front as the check that it is, if it is one."""
    found = [item(line) for line in case["evidence"]]
    reason = item(case["reason"])
    if case["verdict"] in ("fail", "error") and reason["kind"] != "text":
        found.insert(0, reason)
    return found


def _outcome(one):
    """What memory says: a read is told through a page, where one byte in 256 is right by chance."""
    by_chance = int(one["len"]) // 32 + 4 if one["kind"] == "read" else 0
    untouched = int(one["right"]) <= by_chance if one["kind"] == "read" else not int(one["changed"])
    if int(one["beside"]):
        return "garbled"
    return "reached" if one["right"] == one["len"] else "denied" if untouched else "garbled"


def story(found):
    """Transfers and steps in their order, as the timeline shows them: [{"what": "step"|"dma", ...}].

    A transfer is `wrong` when the read-back of the tables stands right behind it: that is written by a check that has
    just failed. A step that is told after its transfers (only the failing one is) goes in front of the last of them.
    """
    events = []
    for at, one in enumerate(found):
        if one["kind"] in ("write", "read"):
            after = found[at + 1] if at + 1 < len(found) else {"kind": ""}
            wrong = after["kind"] == "walk" and after["dev"] == one["dev"]
            outcome = _outcome(one)
            events.append({"what": "dma", "dev": one["dev"], "access": one["kind"], "outcome": outcome, "wrong": wrong,
                           "fault": "", "pa": one.get("pa") or "", "iova": one.get("iova") or "", "text": one["text"]})
        elif one["kind"] == "fault":
            _attach_fault(events, one)
        elif one["kind"] == "step":
            events.append({"what": "step", "n": int(one["n"]), "text": one["what"]})
    return _place_steps(events) if any(event["what"] == "dma" for event in events) else _orders(found)


def _orders(found):
    """The same from the table of an enumerated sequence, where nobody did DMA: what the tables let through.

    What was seen instead stands behind the row of the last step, and takes its place.
    """
    rows, events = [one for one in found if one["kind"] == "order"], []
    seen = rows.pop() if rows and not rows[-1]["n"] else None
    for row in rows:
        last = seen if row is rows[-1] else None
        real = last or row
        same = all(row[key] == real[key] for key in ("result", "refs", "entries", "reach", "events"))
        events.append({"what": "step", "n": int(row["n"]), "text": f"{row['call']} = {real['result']}", "wrong": not same})
        for dev, (want, reach) in enumerate(zip(row["reach"], real["reach"])):
            outcome = {"-": "denied", "!": "garbled"}.get(reach, "reached")
            events.append({"what": "dma", "dev": f"device {dev}", "access": "write", "outcome": outcome, "wrong": want != reach,
                           "fault": f"IOASID {reach}" if outcome == "reached" else "", "pa": "", "iova": "", "text": real["text"]})
    return events


def _attach_fault(events, fault):
    """A record belongs to the last stopped transfer of its source, when that is unique enough to say so."""
    for event in reversed(events):
        if event["what"] == "dma" and event["outcome"] == "denied" and event["dev"].endswith(" " + fault["sid"]):
            if not event["fault"]:
                event["fault"] = fault["code"].upper() + "h"
            return


def _place_steps(events):
    steps = [event for event in events if event["what"] == "step"]
    if len(steps) != 1 or steps[0]["n"] == 1 or events[-1] is not steps[0]:
        return events
    first_wrong = next((at for at, event in enumerate(events) if event.get("wrong")), None)
    if first_wrong is None:
        return events
    # Within the round of transfers that failed each device has its turn once.
    seen, at = set(), len(events) - 1
    while at > 0 and events[at - 1]["what"] == "dma" and events[at - 1]["dev"] not in seen:
        seen.add(events[at - 1]["dev"])
        at -= 1
    at = min(at, first_wrong)
    return events[:at] + steps + events[at:-1]


_LEVEL = re.compile(r"(?:leaf of level|paging entry \w+(?: \w+)?, level|no \w+ permission, level|paging entry U/S = 0, level) (\d+)")
STATIONS = ("Root entry", "Context entry", "PASID directory", "PASID entry")


def walk_end(where):
    """(index into STATIONS, or 4 for paging; level or None) where a walk ended, None when the words are not known."""
    match = _LEVEL.fullmatch(where)
    if match:
        return 4, int(match.group(1))
    if where.startswith(("address ", "pass-through")):
        return 4, None
    for at, words in enumerate(("root entry", "context entry", "PASID directory", "PASID entry")):
        if where.startswith(words):
            return at, None
    return None
