# SPDX-License-Identifier: BSD-2-Clause
"""The project's own rules. Each takes a Tree and yields Violation; RULES lists them by name."""

import collections
import os
import re
import subprocess
import sys

import lint_arrows
import lint_c

Violation = collections.namedtuple("Violation", "path line text")

LONG, TOO_LONG = 400, 600  # lines of a source file: worth a look, an error

CODE = (".c", ".h", ".S", ".ld", ".py", ".sh", ".mk", ".cfg")
COMMENTED = CODE + ("Makefile", "run", "fetch", "newlib", "host_tools")
FORMATS = ("iommu/vtd_regs.h", "iommu/vtd_fmt.h")


class Tree:
    """The files of the tree: path -> text, or None for what is not text."""

    def __init__(self, files, root=None):
        self.files = files
        self.root = root

    @classmethod
    def load(cls, root):
        """What git tracks or would track; all but build/ and dot-folders where git is not to be had."""
        try:
            done = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
                                  capture_output=True, text=True, check=True)
            names = done.stdout.split("\0")
        except (OSError, subprocess.CalledProcessError):
            names = list(cls._walk(root))
        files = {}
        for name in sorted(set(filter(None, names))):
            path = os.path.join(root, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as f:
                    data = f.read()
                try:
                    files[name] = None if b"\0" in data else data.decode("utf-8")
                except UnicodeDecodeError:
                    files[name] = None
        return cls(files, root)

    @staticmethod
    def _walk(root):
        for folder, folders, names in os.walk(root):
            here = os.path.relpath(folder, root)
            folders[:] = [f for f in folders if f == ".ci" or not (f.startswith(".") or (here, f) == (".", "build"))]
            yield from (os.path.normpath(os.path.join(here, name)) for name in names)

    def texts(self, *ends, under=""):
        """(path, text) of the text files whose name ends so."""
        for path, text in self.files.items():
            if text is not None and path.startswith(under) and (not ends or path.endswith(ends)):
                yield path, text

    def programs(self, word):
        """Files that are programs of an interpreter: by ending, or by their first line."""
        for path, text in self.texts():
            first = text.split("\n", 1)[0]
            if path.endswith("." + word) or (first.startswith("#!") and re.search(rf"\b{word}\w*$", first)):
                yield path, text


# ---- Every file ----

def licence(tree):
    """The first line (the second after #!) names the licence; C goes on with what the file is."""
    for path, text in tree.texts():
        if not (path.endswith(CODE) or os.path.basename(path) in COMMENTED or text.startswith("#!")):
            continue
        lines = text.split("\n")
        number = 1 if lines[0].startswith("#!") and len(lines) > 1 else 0
        if not re.fullmatch(r"(/\*|#|//) SPDX-License-Identifier: BSD-2-Clause( \*/)?", lines[number]):
            yield Violation(path, number + 1, "no line `SPDX-License-Identifier: BSD-2-Clause`")
        elif path.endswith((".c", ".h", ".S", ".ld")) and not "".join(lines[1:2]).startswith("/*"):
            yield Violation(path, 2, "no comment that says what this file is")


def whitespace(tree):
    for path, text in tree.texts():
        if path.startswith("tests/host/corpus/"):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield Violation(path, number, "blank at the end of the line")
            if "\t" in line and not path.endswith((".mk", "Makefile", ".tsv")):
                yield Violation(path, number, "tabulator")
        if text and not text.endswith("\n"):
            yield Violation(path, text.count("\n") + 1, "no end of line at the end of the file")
        elif text.endswith("\n\n"):
            yield Violation(path, text.count("\n"), "empty line at the end of the file")


_HOSTS = re.compile(r"\b(?:\w+\.)*(?:debian\.(?:org|net)|ubuntu\.com|py[p]i\.\w+|pythonhosted\.\w+|npm[j]s\.\w+|"
                    r"crates\.io|docker\.(?:io|com)|gh[c]r\.io|qu[a]y\.io|golang\.org)\b")
_PLACES = re.compile(r"(?<![\w.})>\]*-])/(?:work|root|home)(?![\w-])")


def places(tree):
    """No host of a package archive, no path of the machine it was written on; what else is not to be named is a
    list of expressions, one a line, in .git/info/lint-words."""
    own = None
    path = os.path.join(tree.root or "", ".git/info/lint-words")
    if tree.root and os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            words = [line.strip() for line in f if line.strip()]
        own = re.compile("|".join(f"(?:{word})" for word in words), re.I) if words else None
    for path, text in tree.texts():
        for number, line in enumerate(text.split("\n"), 1):
            for what, pattern in (("host of a package archive", _HOSTS), ("path of one machine", _PLACES),
                                  ("word that does not belong here", own)):
                match = pattern and pattern.search(line)
                if match:
                    yield Violation(path, number, f"{what}: {match.group(0)}")


def length(tree):
    for path, lines in lengths(tree):
        if lines > TOO_LONG:
            yield Violation(path, lines, f"{lines} lines, more than {TOO_LONG}: split it by concept")


def lengths(tree):
    """(path, lines) of the source files."""
    for path, text in tree.texts():
        if path.endswith((".c", ".h", ".S", ".py", ".sh")) or text.startswith("#!"):
            yield path, text.count("\n")


# ---- C ----

def arrows(tree):
    for path, text in tree.texts(".c", ".h", ".S"):
        for line, words in lint_arrows.check(path, text, tree.files.__contains__):
            yield Violation(path, line, words)


_SHIFT = re.compile(r"<<|>>")
_MASK = re.compile(r"(?<!&)[&]=?\s*\(*\s*~?\s*0[xX]|(?<!\|)[|]=?\s*\(*\s*~?\s*0[xX]|\^=?\s*\(*\s*0[xX]|~\s*\(*\s*0[xX]|"
                   r"\b0[xX][0-9a-fA-F]+[uUlL]*\s*\)*\s*(?:&(?!&)|\|(?!\|)|\^)")


def bits(tree):
    """iommu/ has no shift and no hex mask: fields come from the format headers."""
    for path, text in tree.texts(".c", ".h", under="iommu/"):
        if path in FORMATS:
            continue
        code = lint_c.blank(text)
        for what, pattern in (("shift", _SHIFT), ("hex mask", _MASK)):
            for match in pattern.finditer(code):
                yield Violation(path, lint_c.line_of(code, match.start()),
                                f"{what}: use a field of vtd_regs.h or vtd_fmt.h, or a helper of kernel/lib/bits.h")


_READ = re.compile(r"\b(?:vtd_read(?:32|64)?|plat_mmio_read(?:32|64))\s*\(")


def waits(tree):
    """No loop of its own that waits for a register; a counted for loop may read one register per round."""
    for path, text in tree.texts(".c", ".h", under="iommu/"):
        code = lint_c.blank(text)
        for position, word, head, body in lint_c.loops(code):
            parts = head.split(";")
            endless = word != "for" or (len(parts) == 3 and not parts[1].strip())
            looked = head + body if endless else parts[1]
            if _READ.search(looked):
                yield Violation(path, lint_c.line_of(code, position), "loop around a register: use vtd_wait()")


_FIELD = re.compile(r"#define\s+(\w+)(\(R\)\s|\s+BITS?\()")
_CITE = "VT-d 5.10, "


def citations(tree):
    """In the format headers each field's paragraph cites its register or table, or the constant that does; so does
    the chapter of each number; each structure of vtd_fmt.h has its size asserted."""
    for path in FORMATS:
        text = tree.files.get(path)
        if text is None:
            continue
        lines = text.split("\n")
        paragraph = chapter = False
        for number, line in enumerate(lines, 1):
            if not line.strip():
                paragraph = False
            elif re.match(r"/\* -+ ", line):
                chapter = False
            elif _CITE in line or re.match(r"/\* .*\bVTD_\w+", line):
                paragraph = chapter = True
            name = re.match(r"#define\s+(\w+)(?:\(R\)|\s|$)|enum (\w+) \{|struct (\w+) \{", line)
            if not name or (name.group(1) or "").endswith("_H"):
                continue
            if name.group(3):
                if path == "iommu/vtd_fmt.h" and _CITE not in _assertion_after(lines, number):
                    yield Violation(path, number, f"struct {name.group(3)}: no _Static_assert of its size that cites "
                                                  f"`{_CITE}<table>` behind it")
            elif not (paragraph if _FIELD.match(line) else chapter):
                yield Violation(path, number, f"{name.group(1) or name.group(2)}: no `{_CITE}<register or table>` "
                                              "above it")


def _assertion_after(lines, number):
    """The text of the _Static_assert right behind the block that begins at `number`."""
    for i in range(number, len(lines)):
        if lines[i].startswith("}"):
            text = "\n".join(lines[i + 1:i + 4])
            return text if text.startswith("_Static_assert") else ""
    return ""


def docs(tree):
    """Each function of a header of iommu/ and kernel/ has words above it. A run of them may share one comment: lines
    without an empty one between, inline functions behind each other, what follows a heading /* ---- ... */."""
    for path, text in tree.texts(".h"):
        if not path.startswith(("iommu/", "kernel/")):
            continue
        ends = {last for _, last, _ in lint_c.comments(text)}
        ends |= {last + 1 for _, last, words in lint_c.comments(text) if words.startswith("/* ---- ")}
        previous, covered = None, False
        for item in lint_c.items(text):
            name = item.function()
            if name or item.forward():
                run = covered and (item.first == previous.last + 1 or (item.inline() and previous.inline()))
                covered = item.first - 1 in ends or item.last in ends or run
                if not covered and name:
                    yield Violation(path, item.first, f"{name}(): no comment above it")
            else:
                covered = False
            previous = item


# ---- Build, scripts, ids ----

def listed(tree):
    """Each source stands in a makefile, and each source that stands there exists."""
    named = {}
    for path, text in tree.texts(".mk", "Makefile"):
        for number, line in enumerate(text.split("\n"), 1):
            for name in re.findall(r"(?<![\w/%.)])[\w./-]+\.[cS]\b", line.split("#")[0]):
                named.setdefault(name, (path, number))
    for path, _ in tree.texts(".c", ".S"):
        if path not in named and not path.startswith("tests/host/compile_fail/"):
            yield Violation(path, 1, "stands in no makefile")
    for name, (path, number) in named.items():
        if name not in tree.files and "/" in name:
            yield Violation(path, number, f"{name} does not exist")


def targets(tree):
    """Each .PHONY target has its line `## target: what it does` for `make help`."""
    helped, phony = set(), {}
    for path, text in tree.texts(".mk", "Makefile"):
        for number, line in enumerate(text.split("\n"), 1):
            match = re.match(r"## ([\w-]+):", line)
            if match:
                helped.add(match.group(1))
            if line.startswith(".PHONY:"):
                phony.update((name, (path, number)) for name in line.split()[1:])
    for name, (path, number) in phony.items():
        if name not in helped:
            yield Violation(path, number, f"target {name}: no line `## {name}: ...` for make help")


def scripts(tree):
    for path, text in tree.programs("sh"):
        done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            match = re.search(r"(\d+):\s*(.*)", done.stderr)
            yield Violation(path, int(match.group(1)) if match else 1, (match or [0, 0, done.stderr.strip()])[2])
    for path, text in tree.programs("py"):
        try:
            compile(text, path, "exec", dont_inherit=True)
        except SyntaxError as error:
            yield Violation(path, error.lineno or 1, f"python: {error.msg}")


def ids(tree):
    """Rows, rules, flaws and errata that cases name exist; the checker of the build says so."""
    checker = "tests/tools/errata_gen.py"
    if not tree.root or checker not in tree.files:
        return
    sources = [path for path, text in tree.texts(".c", under="tests/") if re.search(r"^\s*TEST\(", text, re.M)]
    done = subprocess.run([sys.executable, checker, "--errata", "docs/errata.md", "--rules", "docs/rules"] + sources,
                          cwd=tree.root, capture_output=True, text=True, check=False)
    for line in done.stderr.splitlines():
        match = re.match(r"errata_gen: (?:([\w./-]+):(\d+): )?(.*)", line)
        path, number, words = match.groups() if match else (None, None, line)
        yield Violation(path or checker, int(number or 1), words)


RULES = {rule.__name__: rule for rule in (licence, whitespace, places, length, arrows, bits, waits, citations, docs,
                                          listed, targets, scripts, ids)}
