# SPDX-License-Identifier: BSD-2-Clause
"""Reader of machines.cfg, shared by fetch and run.

The file is a list of sections `[kind name]` with `key = value` lines; a value goes on in the
following lines as long as these are indented. `#` at the start of a word opens a comment.
Every mistake is reported with file and line, before anything is fetched or started.
"""

import os
import re

CFG_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "machines.cfg")

# kind -> key -> (required, how the value is read)
KINDS = {
    "set": {
        "suites": (True, "words"),
        "target": (True, "word"),
        "packages": (True, "words"),
    },
    "options": {
        "args": (True, "words"),
    },
    "blob": {
        "hex": (True, "hex"),
    },
    "machine": {
        "role": (True, "text"),
        "qemu": (True, "word"),
        "iommu": (False, "words"),
        "use": (False, "words"),
        "cpu": (False, "word"),
        "cpus": (False, "number"),
        "memory": (False, "word"),
        "time": (False, "time"),
        "timeout": (True, "number"),
        "platform": (False, "word"),
        "args": (False, "words"),
        "expect": (False, "expect"),
        "skips": (False, "skips"),
        "skips-of": (False, "words"),
    },
    "skips": {
        "allow": (True, "skips"),
    },
}

DEFAULTS = {
    "iommu": [],
    "use": [],
    "cpu": "max,monitor=off",
    "cpus": 1,
    "memory": "256M",
    "time": "virtual",
    "platform": "qemu-{version}",
    "args": [],
    "expect": ("pass", ""),
    "skips": [],
    "skips-of": [],
}

BLOB = re.compile(r"\{blob:([\w-]+)\}")

VERDICTS = {"pass": 0, "skip": 3, "error": 4, "fail": 5, "crash": 6, "timeout": 7}


class CfgError(Exception):
    """A mistake in machines.cfg; the text starts with file:line."""


class Section:
    """One section: its kind, name, line, and the values by key."""

    def __init__(self, kind, name, line):
        self.kind = kind
        self.name = name
        self.line = line
        self.values = {}
        self.lines = {}

    def __getitem__(self, key):
        if key in self.values:
            return self.values[key]
        return DEFAULTS[key]


def _strip_comment(line):
    return re.sub(r"(^|\s)#.*$", "", line).rstrip()


def _read_skips(rows, where):
    """One skip a line: `<glob> : <part of the reason>`; both must be there."""
    skips = []
    for number, row in rows:
        glob, colon, reason = row.partition(" : ")
        if not colon or not glob.strip() or not reason.strip():
            raise CfgError(f"{where}:{number}: a skip is `<glob> : <part of the reason>`, not `{row}`")
        skips.append((glob.strip(), reason.strip()))
    return skips


def _read_value(how, rows, where):
    number = rows[0][0]
    text = " ".join(row for _, row in rows).strip()
    if how == "skips":
        return _read_skips([r for r in rows if r[1]], where)
    if not text:
        raise CfgError(f"{where}:{number}: empty value")
    if how == "words":
        return text.split()
    if how == "word" and len(text.split()) != 1:
        raise CfgError(f"{where}:{number}: one word expected, not `{text}`")
    if how == "number":
        if not text.isdigit() or int(text) == 0:
            raise CfgError(f"{where}:{number}: a number above 0 expected, not `{text}`")
        return int(text)
    if how == "hex":
        try:
            return bytes.fromhex(text)
        except ValueError as e:
            raise CfgError(f"{where}:{number}: pairs of hex digits expected, not `{text}`") from e
    if how == "time" and text not in ("virtual", "real"):
        raise CfgError(f"{where}:{number}: time is `virtual` or `real`, not `{text}`")
    if how == "expect":
        verdict, _, words = text.partition(" ")
        if verdict not in VERDICTS:
            raise CfgError(f"{where}:{number}: `{verdict}` is no verdict ({' '.join(VERDICTS)})")
        return verdict, words.strip()
    return text


def _check(cfg, where):
    for section in cfg.values():
        for key, (required, _) in KINDS[section.kind].items():
            if required and key not in section.values:
                raise CfgError(f"{where}:{section.line}: [{section.kind} {section.name}] lacks `{key}`")
        refs = []
        if section.kind == "machine":
            refs = [("set", section["qemu"], "qemu")] + [("options", name, "use") for name in section["use"]]
            refs += [("machine" if ("machine", name) in cfg else "skips", name, "skips-of") for name in section["skips-of"]]
        elif section.kind == "options":
            refs = [("blob", name, "args") for name in BLOB.findall(" ".join(section["args"]))]
        for kind, name, key in refs:
            if (kind, name) not in cfg:
                raise CfgError(f"{where}:{section.lines[key]}: there is no [{kind} {name}]")


def _share_skips(cfg, where):
    """A machine allows what the lists of its `skips-of` do, those of machines named there, and its own."""
    def allowed(section, path):
        if section in path:
            last = path[-1]
            raise CfgError(f"{where}:{last.lines['skips-of']}: `skips-of` of [machine {last.name}] goes round in circles")
        found = []
        for name in section["skips-of"]:
            other = cfg.get(("machine", name))
            found += allowed(other, path + [section]) if other else cfg["skips", name]["allow"]
        return found + own[section.name]
    machines = [section for section in cfg.values() if section.kind == "machine"]
    own = {section.name: section["skips"] for section in machines}
    for section, skips in [(section, allowed(section, [])) for section in machines]:
        section.values["skips"] = skips


def parse(text, where="machines.cfg"):
    """Text of the file -> {(kind, name): Section}. Raises CfgError."""
    cfg = {}
    section = None
    pending = []  # (section, key, how, [(line, text)])
    for number, raw in enumerate(text.splitlines(), 1):
        line = _strip_comment(raw)
        if not line:
            continue
        if line[0].isspace():
            if not pending or pending[-1][0] is not section:
                raise CfgError(f"{where}:{number}: an indented line continues a value, but there is none")
            pending[-1][3].append((number, line.strip()))
            continue
        head = re.fullmatch(r"\[(\S+) (\S+)\]", line)
        if head:
            kind, name = head.groups()
            if kind not in KINDS:
                raise CfgError(f"{where}:{number}: unknown section `{kind}` ({' '.join(KINDS)})")
            if (kind, name) in cfg:
                raise CfgError(f"{where}:{number}: [{kind} {name}] is there already, line {cfg[kind, name].line}")
            section = cfg[kind, name] = Section(kind, name, number)
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if not equals or not re.fullmatch(r"[a-z-]+", key):
            raise CfgError(f"{where}:{number}: neither `[kind name]` nor `key = value`: `{line}`")
        if section is None:
            raise CfgError(f"{where}:{number}: `{key}` stands before the first section")
        if key not in KINDS[section.kind]:
            raise CfgError(f"{where}:{number}: unknown key `{key}` in [{section.kind} {section.name}]")
        if key in section.lines:
            raise CfgError(f"{where}:{number}: `{key}` is set already, line {section.lines[key]}")
        section.lines[key] = number
        pending.append((section, key, KINDS[section.kind][key][1], [(number, value.strip())]))
    for owner, key, how, rows in pending:
        owner.values[key] = _read_value(how, rows, where)
    _check(cfg, where)
    _share_skips(cfg, where)
    return cfg


def load(path=CFG_PATH):
    """Read and parse a file; the text of a CfgError names it."""
    with open(path, encoding="utf-8") as f:
        return parse(f.read(), os.path.relpath(path))


def names(cfg, kind):
    return [name for k, name in cfg if k == kind]
