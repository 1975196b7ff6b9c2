#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Known-bad variants that the suites have to catch.

A mutant is a file in tests/host/mutants: a head of `key: value` lines, then one or more replacements of text that
stands exactly once in the file named.

    what:  the FREE handler drops the caller's lock           (one line, printed)
    id:    S1 rule-41                                         (flaws, rules, rows: the failing cases have to name all)
    where: host                                               (host; host-<profile>; model or model-<preset>: with
                                                               strict units; segments-<units>; tsan or tsan-<units>:
                                                               real threads under ThreadSanitizer; or a machine of
                                                               machines.cfg)
    only:  notifier.*                                         (cases that may catch it, as for only=)
    file:  iommu/notifier.c
    <<<<
    old text
    ====
    new text
    >>>>

A bare number is the rule or the row of that number, whichever one the cases of `only:` name; rule-N and row-N where both
do. Killed means: cases *failed* and their reports name every id, in their lists or as the rule that a unit saw broken. A
crash, a time-out or an error does not count, and a mutant whose old text is not found is an error: the code moved on and
the mutant has to follow.
"""
import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import spec

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDER = TOP / "tests/host/mutants"
IDENT = re.compile(r"(?:(row|rule)-)?\d+|[KSCH]\d+")
HOST_TIMEOUT = 60
MACHINE_TIMEOUT = 180


def on_host(where):
    return where.split("-")[0] in ("host", "model", "segments", "tsan")


def host_command(build, where):
    """The process and its units."""
    kind, _, units = where.partition("-")
    if kind == "tsan":
        return build / "tsan/pasidcheck", [f"--units={units or 'default'}"]
    if kind == "host":
        return build / "host/pasidcheck", [f"--units={units}"] if units else []
    return build / "host/pasidcheck", [f"--units={where}"]


class Bad(Exception):
    """The mutant's file is not what the format above says."""


class Mutant:
    def __init__(self, path):
        self.name = path.stem
        self.head = {}
        self.edits = []
        self._parse(path)

    def _parse(self, path):
        state, old, new, file = "head", [], [], None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if state == "head":
                if line == "<<<<":
                    if not file:
                        raise Bad(f"{path.name}:{number}: no file: line above")
                    state, old, new = "old", [], []
                elif line.strip() and not line.startswith("#"):
                    key, sep, value = line.partition(":")
                    if not sep:
                        raise Bad(f"{path.name}:{number}: neither key: value nor <<<<")
                    if key == "file":
                        file = value.strip()
                    else:
                        self.head[key] = value.strip()
            elif line == "====" and state == "old":
                state = "new"
            elif line == ">>>>" and state == "new":
                self.edits.append((file, "\n".join(old), "\n".join(new)))
                state = "head"
            else:
                (old if state == "old" else new).append(line)
        for key in ("what", "id", "where", "only"):
            if key not in self.head:
                raise Bad(f"{path.name}: no {key}: line")
        self.ids = self.head["id"].split()
        for ident in self.ids:
            if not IDENT.fullmatch(ident):
                raise Bad(f"{path.name}: id: {ident!r} is neither K1, S1, C1, H1, 1, rule-1 nor row-1")
        if state != "head" or not self.edits:
            raise Bad(f"{path.name}: replacement without end")

    def apply(self, tree):
        """Changes the files; returns what they were."""
        before = {}
        for file, old, new in self.edits:
            path = tree / file
            text = path.read_text()
            before.setdefault(path, text)
            if text.count(old) != 1:
                self.undo(before)
                raise Bad(f"{self.name}: its old text stands {text.count(old)} times in {file}")
            path.write_text(text.replace(old, new))
        return before

    @staticmethod
    def undo(before):
        for path, text in before.items():
            path.write_text(text)


class Tree:
    """A copy of the sources with objects of its own, so that a mutant costs one compile and one link."""

    def __init__(self, out, number, vendor):
        self.path = (out / f"tree{number}").resolve()
        self.build = self.path / "build"
        self.vendor = vendor
        self.path.mkdir(parents=True, exist_ok=True)
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, check=True,
                               capture_output=True, text=True).stdout.split()
        for name in names:
            source, target = TOP / name, self.path / name
            if not source.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.read_bytes() != source.read_bytes():
                shutil.copyfile(source, target)
                shutil.copymode(source, target)

    def make(self, target):
        return subprocess.run(["make", "-s", "-C", str(self.path), f"O={self.build}", f"VENDOR={self.vendor}", "SAN=",
                               target], capture_output=True, text=True, timeout=600)

    def run(self, where, only):
        if on_host(where):
            binary, units = host_command(self.build, where)
            command = [str(binary), *units, f"only={only}"]
        else:
            command = [str(self.path / "tests/machines/run"), "-m", where, "--quiet", "--efi",
                       str(self.build / "pasidcheck.efi"), "--vendor", str(self.vendor), f"only={only}"]
        env = dict(os.environ, O=str(self.build), VENDOR=str(self.vendor))
        timeout = HOST_TIMEOUT if on_host(where) else MACHINE_TIMEOUT
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, env=env,
                              cwd=self.path, stdin=subprocess.DEVNULL)
        if on_host(where):
            return done.stdout
        tap = self.build / f"reports/{where}.tap"
        return tap.read_text(errors="replace") if tap.exists() else done.stdout


def failures(report):
    """(name, comment lines) of every case that failed: no error, no expected failure."""
    name, lines = None, []
    for line in report.splitlines() + ["ok end"]:
        match = re.match(r"(not )?ok\b(?: \d+)?(?: -)? ?(.*)", line)
        if match:
            if name and any(text.startswith("# fail:") for text in lines):
                yield name, lines
            name, lines = (match.group(2), []) if match.group(1) and "# TODO" not in line else (None, [])
        elif name and line.startswith("#"):
            lines.append(line)


def names_id(lines, wanted):
    kind, wanted = spec.kind_and_id(wanted)
    for line in lines:
        match = re.match(r"# (flaws|rules|rows): (.*)", line)
        if match and kind in (None, match.group(1)) and wanted in match.group(2).split():
            return True
        if kind in (None, "rules") and re.match(rf"# (?:fail: )?a rule was broken: unit \d+: rule {re.escape(wanted)}:", line):
            return True
    return False


def try_mutant(tree, mutant):
    """(killed, words)."""
    where = mutant.head["where"]
    before = mutant.apply(tree.path)
    try:
        built = tree.make(str(host_command(tree.build, where)[0]) if on_host(where) else "all")
        if built.returncode:
            return False, "does not build: " + built.stderr.strip().splitlines()[-1]
        report = tree.run(where, mutant.head["only"])
    except subprocess.TimeoutExpired:
        return False, "the run did not end"
    finally:
        mutant.undo(before)
    return judge(mutant, report)


def judge(mutant, report):
    red = list(failures(report))
    killers = {ident: next((name for name, lines in red if names_id(lines, ident)), None) for ident in mutant.ids}
    missing = [ident for ident, name in killers.items() if name is None]
    if not missing:
        return True, ", ".join(dict.fromkeys(killers.values()))
    if red:
        return False, f"caught by {red[0][0]}; nothing that failed names {' '.join(missing)}"
    last = report.strip().splitlines()[-1:] or ["no output"]
    return False, f"survived ({last[0]})"


def declaring(mutant, cases, ident):
    """Kinds in which cases of the mutant's `only:` declare an id; `cases`: name -> kind -> ids."""
    globs = [word.split("/")[0] for word in mutant.head["only"].split()[0].split(",")]
    chosen = [ids for name, ids in cases.items() if any(fnmatch.fnmatchcase(name, pattern) for pattern in globs)]
    return [kind for kind in spec.KINDS if any(ident in ids[kind] for ids in chosen)]


def claims(mutant, cases):
    """(kind, id) of all that a mutant breaks. A bare number has the kind in which its cases declare it; the units of
    --units=model name rules themselves."""
    for text in mutant.ids:
        kind, ident = spec.kind_and_id(text)
        kinds = declaring(mutant, cases, ident)
        if not kinds and mutant.head["where"].startswith("model"):
            kinds = ["rules"]
        if kind is None and len(kinds) != 1:
            raise Bad(f"{mutant.name}: id {text}: rule-{text} or row-{text}?" if kinds
                      else f"{mutant.name}: no case of its only= names {text}")
        if kind is not None and kind not in kinds:
            raise Bad(f"{mutant.name}: no case of its only= names {text}")
        yield kind or kinds[0], ident


def load(only, folder=FOLDER):
    mutants = [Mutant(path) for path in sorted(folder.glob("*.mut"))]
    return [m for m in mutants if not only or any(re.search(word, m.name) for word in only)]


def run_all(args, mutants):
    out = pathlib.Path(args.out).resolve()
    vendor = pathlib.Path(args.vendor).resolve()
    free = [Tree(out, n, vendor) for n in range(args.jobs)]
    lock, done, results = threading.Lock(), [0], {}

    def work(mutant):
        with lock:
            tree = free.pop()
        start = time.monotonic()
        try:
            killed, words = try_mutant(tree, mutant)
        except Bad as bad:
            killed, words = False, str(bad)
        with lock:
            free.append(tree)
            done[0] += 1
            results[mutant.name] = killed
            state = "killed  " if killed else "SURVIVED"
            print(f"[{done[0]:3}/{len(mutants)}] {state} {mutant.head['id']:>4} {mutant.name}: {words} "
                  f"({time.monotonic() - start:.1f} s)", flush=True)

    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(work, mutants))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="build/mutants")
    parser.add_argument("--vendor", default="build/vendor")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("only", nargs="*", help="regular expressions over mutant names")
    args = parser.parse_args()
    try:
        mutants = load(args.only)
    except Bad as bad:
        print(f"mutants: {bad}", file=sys.stderr)
        return 2
    if not mutants:
        print("mutants: none chosen", file=sys.stderr)
        return 2
    results = run_all(args, mutants)
    killed = sum(results.values())
    print(f"mutants: {killed} killed, {len(results) - killed} not")
    print(f"pasidcheck: {killed} passed, {len(results) - killed} failed, 0 skipped")
    return 0 if killed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
