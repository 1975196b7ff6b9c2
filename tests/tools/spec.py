# SPDX-License-Identifier: BSD-2-Clause
"""What the cases say about themselves, what docs/rules/ and docs/errata.md list, and whether they agree."""

import re

KINDS = ("rows", "rules", "flaws")
VERSION = re.compile(r"\d+(?:\.\d+){0,3}")
ERRATUM = re.compile(r"E-\d{3}")
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|/\*.*?\*/|//[^\n]*|\'(?:[^\'\\\n]|\\.)*\'', re.S)
CASE = re.compile(r"^TEST\s*\(", re.M)


class SpecError(Exception):
    """A file does not say what it should; the text names file and line."""


def without_comments(text):
    """C text with comments blanked out, lines and offsets kept."""
    def blank(m):
        return m[0] if m[0][0] in "\"'" else re.sub(r"[^\n]", " ", m[0])
    return TOKEN.sub(blank, text)


def closing(text, start):
    """Offset of the bracket that closes the one at `start`; strings are skipped."""
    depth, at = 0, start
    while at < len(text):
        m = TOKEN.match(text, at)
        if m:
            at = m.end()
            continue
        depth += (text[at] == "(") - (text[at] == ")")
        at += 1
        if depth == 0:
            return at - 1
    raise SpecError("bracket is never closed")


def split_fields(text):
    """Top-level comma separated parts."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        m = TOKEN.match(text, at)
        if m:
            at = m.end()
            continue
        c = text[at]
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [p.strip() for p in parts + [text[start:]] if p.strip()]


def c_string(text):
    """Value of adjacent C string literals."""
    pieces = re.findall(r'"((?:[^"\\]|\\.)*)"', text)
    return re.sub(r"\\(.)", r"\1", "".join(pieces))


class Case:
    """One TEST(): name, file, line, and its fields as written (strings joined)."""

    def __init__(self, path, line, text):
        parts = split_fields(text)
        if len(parts) < 2:
            raise SpecError(f"{path}:{line}: TEST() wants a suite and a name")
        self.path, self.line = path, line
        self.name = f"{parts[0]}.{parts[1]}"
        self.fields = {}
        for part in parts[2:]:
            m = re.match(r"\.(\w+)\s*=\s*(.*)", part, re.S)
            if not m:
                raise SpecError(f"{path}:{line}: {self.name}: {part!r} is not a field")
            self.fields[m[1]] = c_string(m[2]) if '"' in m[2] else m[2].strip()

    def ids(self, kind):
        return self.fields.get(kind, "").split()


def cases_of(path):
    with open(path, encoding="utf-8") as f:
        text = without_comments(f.read())
    found = []
    for m in CASE.finditer(text):
        start = m.end() - 1
        line = text.count("\n", 0, m.start()) + 1
        found.append(Case(path, line, text[start + 1:closing(text, start)]))
    return found


def load_rules(path):
    """id -> (text, citation) of a .tsv with the columns id, text, citation."""
    table = {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            columns = line.split("\t")
            if len(columns) != 3 or not all(c.strip() for c in columns):
                raise SpecError(f"{path}:{number}: wants three columns separated by tabs: id, text, citation")
            if columns[0] in table:
                raise SpecError(f"{path}:{number}: {columns[0]} is there already")
            table[columns[0]] = (columns[1], columns[2])
    return table


def load_waivers(path):
    """(what, kind, id) -> reason: what can have no case, or no mutant, here. Columns: case or mutant, id, reason."""
    table = {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            columns = line.split("\t")
            if len(columns) != 3 or columns[0] not in ("case", "mutant") or not columns[2].strip():
                raise SpecError(f"{path}:{number}: wants three columns separated by tabs: case or mutant, id, reason")
            kind, ident = kind_and_id(columns[1])
            if kind is None:
                raise SpecError(f"{path}:{number}: {columns[1]!r} is neither a flaw nor rule-N nor row-N")
            table[columns[0], kind, ident] = columns[2]
    return table


def kind_and_id(text):
    """rule-41 -> ("rules", "41"), row-8 -> ("rows", "8"), K1 -> ("flaws", "K1"); a bare number -> (None, number)."""
    kind, dash, number = text.partition("-")
    if dash:
        return (kind + "s" if kind in ("row", "rule") else None), number
    return (None if text.isdigit() else "flaws"), text


class Erratum:
    def __init__(self, ident, platform, first, last, rule, text):
        self.ident, self.platform, self.rule, self.text = ident, platform, rule, text
        self.first, self.last = first, last


def version(text, where):
    if not VERSION.fullmatch(text):
        raise SpecError(f"{where}: {text!r} is no version")
    parts = [int(p) for p in text.split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def load_errata(path):
    """Rows of the table, in the file's order."""
    rows = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.startswith("| E-"):
                continue
            where = f"{path}:{number}"
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if len(cells) != 6 or not all(cells):
                raise SpecError(f"{where}: wants six columns: id, platform, versions, rule, deviation, seen")
            ident, platform, span, rule, text, _ = cells
            if not ERRATUM.fullmatch(ident):
                raise SpecError(f"{where}: {ident!r} is not E- and three digits")
            first, dash, last = span.partition("-")
            if not dash:
                raise SpecError(f"{where}: versions want `first-last`")
            row = Erratum(ident, platform, version(first, where), version(last, where), rule, text)
            if row.first > row.last:
                raise SpecError(f"{where}: the first version is above the last")
            if any(o.ident == ident and (o.rule != rule or o.text != text) for o in rows):
                raise SpecError(f"{where}: {ident} is there already and says something else")
            rows.append(row)
    return rows


def problems(cases, errata, rules):
    """Ids that exist nowhere, names used twice; `rules` is kind -> table."""
    known, seen = {row.ident for row in errata}, {}
    for case in cases:
        where = f"{case.path}:{case.line}: {case.name}"
        if case.name in seen:
            yield f"{where}: declared already at {seen[case.name]}"
        seen[case.name] = f"{case.path}:{case.line}"
        for ident in case.ids("xfail"):
            if ident not in known:
                yield f"{where}: .xfail names {ident}, which docs/errata.md does not have"
        for kind in KINDS:
            for ident in case.ids(kind):
                if ident not in rules[kind]:
                    yield f"{where}: .{kind} names {ident}, which docs/rules/{kind}.tsv does not have"
        for code in case.ids("faults"):
            if not re.fullmatch(r"[0-9a-f]{2}", code):
                yield f"{where}: .faults wants two lower-case hex digits, not {code!r}"
        if not case.fields.get("doc"):
            yield f"{where}: has no .doc"
