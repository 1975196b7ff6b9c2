# SPDX-License-Identifier: BSD-2-Clause
"""clang-format, clang-tidy and cppcheck: run side by side, results kept by content.

A result is kept under a key over everything it depends on: the tool's version and options, its
configuration file, the source and all headers of the tree that it includes. Only what changed is run again.
"""

import collections
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

import lint_arrows

PACKAGES = {"clang-format": "clang-format", "clang-tidy": "clang-tidy", "cppcheck": "cppcheck"}
SUPPRESSIONS = "tests/tools/cppcheck.txt"

# How make compiles a source: the flags and sources of one home, from the environment of `make lint`.
Home = collections.namedtuple("Home", "name flags sources")
Job = collections.namedtuple("Job", "tool path command key")

_NOT_FOR_LINT = re.compile(r"-fsanitize.*|-fno-sanitize.*|-MMD|-MP|-g|-O\d|-ffile-prefix-map=.*|-U_FORTIFY_SOURCE")


def missing():
    """Names of the linters that this host lacks."""
    return [tool for tool in PACKAGES if not shutil.which(tool)]


def homes():
    """The homes in the order in which they claim a source that several have."""
    found = []
    for name in ("HOST", "FW", "BOOT"):
        flags = [flag for flag in shlex.split(os.environ.get(f"LINT_{name}_CFLAGS", ""))
                 if not _NOT_FOR_LINT.fullmatch(flag)]
        sources = [s for s in os.environ.get(f"LINT_{name}_SRCS", "").split() if s.endswith(".c")]
        found.append(Home(name, flags, sources))
    return found


def version(tool):
    return subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout


def closure(tree, path, seen=None):
    """The file and all files of the tree that it includes, directly or not."""
    seen = set() if seen is None else seen
    if path in seen or tree.files.get(path) is None:
        return seen
    seen.add(path)
    for _, name, quoted in lint_arrows.includes(tree.files[path]):
        if quoted:
            closure(tree, name, seen)
    return seen


def key_of(tree, path, *more):
    digest = hashlib.sha256()
    for part in more:
        digest.update(repr(part).encode() + b"\0")
    for name in sorted(closure(tree, path)):
        digest.update(name.encode() + b"\0" + tree.files[name].encode() + b"\0")
    return digest.hexdigest()


def tidy_jobs(tree):
    taken, tool = set(), version("clang-tidy")
    for home in homes():
        for path in home.sources:
            if path in taken or path not in tree.files:
                continue
            taken.add(path)
            command = ["clang-tidy", "--quiet", path, "--"] + home.flags + ["-Wno-unknown-warning-option"]
            yield Job("clang-tidy", path, command, key_of(tree, path, tool, command, tree.files.get(".clang-tidy")))


def cppcheck_jobs(tree):
    tool, suppressions = version("cppcheck"), tree.files.get(SUPPRESSIONS)
    known = {path for home in homes() for path in home.sources}
    for path in sorted(known & tree.files.keys()):
        command = ["cppcheck", "--quiet", "--std=c11", "--platform=unix64", "--enable=warning,performance,portability,style",
                   "--inline-suppr", f"--suppressions-list={SUPPRESSIONS}", "--error-exitcode=2", "-I.", "-D__x86_64__=1",
                   "--template={file}:{line}: {message} [{id}]", "--template-location=", path]
        yield Job("cppcheck", path, command, key_of(tree, path, tool, command, suppressions))


def format_jobs(tree):
    tool, style = version("clang-format"), tree.files.get(".clang-format")
    for path, text in tree.texts(".c", ".h"):
        command = ["clang-format", "--dry-run", "-Werror", "--ferror-limit=3", path]
        key = hashlib.sha256(repr((tool, style, command, text)).encode()).hexdigest()
        yield Job("clang-format", path, command, key)


JOBS = {"clang-format": format_jobs, "clang-tidy": tidy_jobs, "cppcheck": cppcheck_jobs}


class Cache:
    """Results by key, one small file each; those not asked for in this run are dropped at its end."""

    def __init__(self, folder):
        self.folder = folder
        self.used = set()
        os.makedirs(folder, exist_ok=True)

    def get(self, key):
        self.used.add(key)
        try:
            with open(os.path.join(self.folder, key), encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError):
            return None

    def put(self, key, findings):
        path = os.path.join(self.folder, key)
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump(findings, f)
        os.replace(path + ".new", path)

    def drop_unused(self):
        for name in os.listdir(self.folder):
            if name not in self.used:
                os.unlink(os.path.join(self.folder, name))


_FINDING = re.compile(r"^(?:\./)?([^\s:]+):(\d+):(?:\d+:)? (?:(?:fatal )?(?:error|warning): )?(.*)")


def findings_of(output, root):
    """[path, line, text] of each finding; notes and quoted source lines belong to the finding above them."""
    found = []
    for line in output.replace(root + os.sep, "").splitlines():
        match = _FINDING.match(line)
        if match and not re.match(r"[^\s:]+:\d+:\d+: note: ", line):
            found.append([match.group(1), int(match.group(2)), re.sub(r",-warnings-as-errors\]", "]", match.group(3))])
    return found


def run(job, tree):
    """(findings, seconds). Those in the C library's headers are not ours; a tool that fails without one is one."""
    start = time.monotonic()
    done = subprocess.run(job.command, cwd=tree.root, capture_output=True, text=True, errors="replace", check=False,
                          stdin=subprocess.DEVNULL)
    found = findings_of(done.stdout + "\n" + done.stderr, tree.root) if done.returncode else []
    if done.returncode and not found:
        last = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        found = [[job.path, 1, f"{job.tool}: {last}"]]
    return [f for f in found if f[0] in tree.files], time.monotonic() - start


class Progress:
    """One line that moves on a terminal; in a log a line now and then."""

    def __init__(self, total, step=10.0):
        self.total, self.done, self.step = total, 0, step
        self.moving = sys.stderr.isatty()
        self.last = time.monotonic()

    def tick(self, job):
        self.done += 1
        text = f"lint: {self.done}/{self.total} {job.tool} {job.path}"
        if self.moving:
            end = "\n" if self.done == self.total else ""
            print(f"\r{text[:100]:100}", end=end, file=sys.stderr, flush=True)
        elif time.monotonic() - self.last >= self.step:
            self.last = time.monotonic()
            print(text, file=sys.stderr, flush=True)


def run_all(tree, tools, folder, workers):
    """(findings as {(path, line, text)}, {tool: [jobs, run anew, seconds]})."""
    cache = Cache(folder)
    found, counts, todo = set(), {tool: [0, 0, 0.0] for tool in tools}, []
    for tool in tools:
        for job in JOBS[tool](tree):
            counts[tool][0] += 1
            kept = cache.get(job.key)
            if kept is None:
                todo.append(job)
            else:
                found.update(map(tuple, kept))
    progress = Progress(len(todo))
    todo.sort(key=lambda job: (job.tool != "clang-tidy", -len(tree.files[job.path])))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        running = {pool.submit(run, job, tree): job for job in todo}
        for future in concurrent.futures.as_completed(running):
            job = running[future]
            findings, seconds = future.result()
            cache.put(job.key, findings)
            found.update(map(tuple, findings))
            counts[job.tool][1] += 1
            counts[job.tool][2] += seconds
            progress.tick(job)
    cache.drop_unused()
    return found, counts
