# SPDX-License-Identifier: BSD-2-Clause
"""Just enough of C's surface for lint_rules.py: text without comments and strings, loops, top-level items.

No parser: the text is blanked (same length, same lines), then read by bracket depth.
"""

import re

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _spaces(text):
    return re.sub(r"[^\n]", " ", text)


def blank(text, strings=True):
    """The text with comments (and, if asked, what is inside of strings) turned into spaces."""

    def replace(match):
        token = match.group(0)
        if token[0] == "/":
            return _spaces(token)
        return token[0] + _spaces(token[1:-1]) + token[-1] if strings else token

    return _TOKEN.sub(replace, text)


def comments(text):
    """(first line, last line, text) of each comment."""
    for match in _TOKEN.finditer(text):
        if match.group(0)[0] == "/":
            first = line_of(text, match.start())
            yield first, first + match.group(0).count("\n"), match.group(0)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def closing(code, position):
    """Position after the bracket that closes the one at `position`; the end if none does."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    opening, wanted = code[position], pairs[code[position]]
    depth = 0
    for i in range(position, len(code)):
        if code[i] == opening:
            depth += 1
        elif code[i] == wanted:
            depth -= 1
            if depth == 0:
                return i + 1
    return len(code)


def _body(code, position):
    """The block or the one statement that begins after `position`."""
    match = re.compile(r"\s*").match(code, position)
    start = match.end()
    if code[start:start + 1] == "{":
        return code[start:closing(code, start)]
    end = code.find(";", start)
    return code[start:end + 1 if end >= 0 else len(code)]


def loops(code):
    """(position, keyword, head in brackets, body) of each loop of blanked code; a do loop has its condition as head."""
    tails = set()  # of do loops: their `while` opens no loop
    for match in re.finditer(r"\b(while|for|do)\b", code):
        word, after = match.group(1), match.end()
        if after in tails:
            continue
        if word == "do":
            body = _body(code, after)
            tail = re.compile(r"\s*while\b(\s*)(?=\()").match(code, code.index(body, after) + len(body))
            if tail:
                tails.add(tail.start(1))
                yield match.start(), word, code[tail.end():closing(code, tail.end())], body
            continue
        bracket = code.find("(", after)
        if bracket < 0 or code[after:bracket].strip():
            continue
        end = closing(code, bracket)
        yield match.start(), word, code[bracket:end], _body(code, end)


class Item:
    """One thing at the top level of a file: a declaration, a definition, a preprocessor line."""

    def __init__(self, first, last, text):
        self.first = first
        self.last = last
        self.text = text

    def function(self):
        """Name of the function it declares or defines, or None."""
        if self.text.startswith(("#", "typedef", "_Static_assert")):
            return None
        text = re.sub(r"__attribute__\s*\(\(.*?\)\)", " ", self.text, flags=re.S)
        match = re.match(r"([\w\s*]*?)(\w+)\s*\(", text)
        if not match or not match.group(1).strip() or text[match.end():].lstrip().startswith("*"):
            return None
        return match.group(2)

    def forward(self):
        """Is it a mere `struct x;`?"""
        return re.fullmatch(r"(struct|union|enum) \w+;", self.text) is not None

    def inline(self):
        return "inline" in self.text.split("(")[0].split()


def _end_of_item(code, start):
    """Where the item ends that begins at `start`."""
    if code[start] == "#":
        match = re.compile(r"(?:[^\n\\]|\\.|\\\n)*").match(code, start)
        return match.end()
    match = re.compile(r"[A-Z][A-Z0-9_]*[ ]*\(").match(code, start)
    if match:
        end = closing(code, match.end() - 1)
        rest = re.compile(r"[ ]*(;?)[ ]*(?=\n|$)").match(code, end)
        if rest:
            return rest.end()
    i, head = start, ""
    while i < len(code):
        if code[i] in "([":
            i = closing(code, i)
            head = ")"
        elif code[i] == "{":
            i = closing(code, i)
            if head == ")":
                return i
        elif code[i] == ";":
            return i + 1
        else:
            if code[i] == "=":
                head = "="
            i += 1
    return len(code)


def items(text):
    """The items of a file in order."""
    code = blank(text)
    position = 0
    while True:
        match = re.compile(r"\s*").match(code, position)
        start = match.end()
        if start >= len(code):
            return
        end = _end_of_item(code, start)
        yield Item(line_of(code, start), line_of(code, max(start, end - 1)), code[start:end])
        position = max(end, start + 1)
