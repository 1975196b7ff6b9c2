#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The whole test run: builds, host binary, machines, unit tests, and what only several runs can show.

    check.py [--out build] [--vendor build/vendor] [--jobs 2] [--host | --matrix]

--matrix runs every machine there is, one after the other, and nothing else; the whole reports go into docs/rules/runs.tsv,
and docs/orderings.md is made from them.

Each job writes <out>/check/<job>.log. A job that counts (host binary, machines) ends with the line
`pasidcheck: N passed, N failed, N skipped`; any other job that fails counts as one failed. The last line
here is the sum. Exits 0 when nothing failed, else 1.
"""

import argparse
import concurrent.futures
import contextlib
import glob
import itertools
import os
import re
import resource
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests/tools"), os.path.join(ROOT, "tests/machines")]
import machines_cfg
import render
import verdict
from check_jobs import Job, Result, Runner, show_failures, show_table, total

# The long ones first, so that none is left alone at the end.
MACHINES = ("new-fs-mt", "new-fs-nvme", "new-fs-smp2", "new-fs", "new-ss", "mid-fs", "mid-ss", "old-ss",
            "new-fs-ir", "old-ss-ir")
# Machines of which a part will do; the whole is for the matrix. Second stage and lane rid_pasid on CPUs that run at the
# same time; all that a board's engines show, but for what sleeps for seconds of real time and needs no engine.
PARTS = {"old-ss-mt": "only=race.free_bind/rid_pasid/*,race.free_unbind/rid_pasid/*,race.work_*/rid_pasid/*,kernel.smp*",
         "silicon-like": "skip=handler.never_returns,handler.runs_a_second,scope.stuck_delays_nobody"}
TWICE = "new-fs"  # runs again with the same seed
RENDERED = (TWICE, "new-fs-nvme", "bad-cases", "bad-no-scalable")  # pages of each kind: good, other engines, errors, expected failures
TIME = "# time_us "
ALONE_TIME = 120  # seconds for one more run of it
TSAN_RUN = "tests/host/threads/run.sh"
TSAN_CANNOT = 77  # its exit code where ThreadSanitizer does not start
FETCH_TIME = 400  # seconds that the first run of a machine may need to fetch it


def compare_logs(one, two, virtual):
    """Two runs with one seed print the same bytes; where time is real, without the times of cases."""
    try:
        logs = []
        for path in (one, two):
            with open(path, encoding="latin-1", newline="") as f:  # byte for byte
                logs.append(f.read().split("\n"))
    except OSError as error:
        return Result(False, str(error))
    if not virtual:
        logs = [[TIME if line.startswith(TIME) else line for line in log] for log in logs]
    for number, (a, b) in enumerate(itertools.zip_longest(*logs), 1):
        if a != b:
            return Result(False, f"line {number} differs: {a!r}, then {b!r}")
    return Result(True, f"{len(logs[0])} lines" + ("" if virtual else ", times left out"))


def deviations(profile):
    """What a profile of units does otherwise on purpose: cases that must fail on it."""
    return ["skip=conf.retire_spec_only*"] if profile.startswith("model-qemu") else []


class Plan:
    """Which jobs there are; paths are relative to the root of the tree, where all of them run."""

    def __init__(self, out, vendor, jobs, short=False):
        self.out, self.vendor, self.jobs = out, vendor, jobs
        self.depth = 5 if short else 6  # of all orderings
        self.reports = os.path.join(out, "reports")
        self.host = os.path.join(out, "host/pasidcheck")
        self.taps = []  # of the runs that a pass is expected of

    def tap(self, name):
        return os.path.join(self.reports, name + ".tap")

    def make(self, *targets):
        return [os.environ.get("MAKE", "make"), "-s", f"O={self.out}", f"VENDOR={self.vendor}", *targets]

    def host_jobs(self):
        corpora = [os.path.basename(path) for path in sorted(glob.glob("tests/host/corpus/*")) if os.path.isdir(path)]
        replays = [os.path.join(self.out, f"host/replay_{corpus}") for corpus in corpora]
        example = os.path.join(self.out, "host/model_example")
        compiler = os.environ.get("CC", "gcc")
        yield Job("build-tsan", self.build_tsan, then=self.tsan_jobs)  # first, as its runs are the longest
        yield Job("build-enum", self.make(os.path.join(self.out, "bench/order_enum")), timeout=1800)
        yield Job("enum", [os.path.join(self.out, "bench/order_enum"), f"depth={self.depth}", "edges=12", "interleave=2", "units=two"], needs=["build-enum"], counts=True)
        yield Job("build-host", self.make("host", *replays, example), then=self.host_profiles, timeout=1800)
        for corpus, replay in zip(corpora, replays):
            yield Job(f"{corpus}-corpus", [replay, *sorted(glob.glob(f"tests/host/corpus/{corpus}/*"))], needs=["build-host"])
        yield Job("model-example", [example], needs=["build-host"])
        yield Job("compile-fail", ["sh", "tests/host/compile_fail/run.sh", *compiler.split()[:1]])
        yield Job("golden-vectors", ["sh", "tests/host/golden.sh"])

    def tsan_binary(self):
        return os.path.join(self.out, "tsan/pasidcheck")

    def build_tsan(self):
        """The threads' binary; whether ThreadSanitizer can run here shows when it begins."""
        done = subprocess.run(self.make(self.tsan_binary()), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            return Result(False, done.stderr)
        done = subprocess.run(["sh", TSAN_RUN, self.tsan_binary()], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        return Result(None, done.stderr.strip()) if done.returncode == TSAN_CANNOT else Result(True, "")

    def tsan_jobs(self, result):
        """The same races on units that record and on units that translate."""
        for units in ("model", "default") if result.passed else ():
            tap = self.tap(f"tsan-{units}")
            self.taps.append(tap)
            yield Job(f"tsan-{units}", ["sh", TSAN_RUN, self.tsan_binary(), f"--units={units}"], counts=True, tap=tap, save_tap=True,
                      needs=["build-tsan"])

    def host_profiles(self, _):
        """One run for each kind of simulated units, strict ones first as they take longest; the one of the first name
        twice, as its log must not differ."""
        done = subprocess.run([self.host, "--units=?"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        names = done.stderr.partition(" but:")[2].split() or ["default"]
        for name in sorted(names, key=lambda name: "model" not in name):
            yield self.host_job(f"host-{name}", name, self.tap(f"host-{name}"))
        first = f"host-{names[0]}"
        yield self.host_job(f"{first}-again", names[0], self.tap(f"again/{first}"), counts=False)
        yield Job(f"{first}-same-log", lambda: compare_logs(self.tap(first), self.tap(f"again/{first}"), virtual=False),
                  after=[first, f"{first}-again"])

    def host_job(self, name, profile, tap, counts=True):
        if counts:
            self.taps.append(tap)
        return Job(name, [self.host, f"--units={profile}", *deviations(profile)], counts=counts, tap=tap, save_tap=True, needs=["build-host"],
                   shows_nothing=not counts)

    def python_jobs(self):
        for path in sorted(glob.glob("tests/**/*_test.py", recursive=True)):
            yield Job("python-" + os.path.basename(path)[:-len("_test.py")], [sys.executable, path])

    def firmware_jobs(self):
        yield Job("build-firmware", self.make("all"), timeout=1800)

    def build_jobs(self):
        """What no other job needs, and what would break unnoticed."""
        yield Job("build-bench", self.make("bench-smoke"), needs=["build-firmware"], timeout=1800)
        yield Job("build-clang", self.build_clang, needs=["build-firmware"])

    def build_clang(self):
        if not shutil.which("clang"):
            return Result(None, "there is no clang on this host")
        out = os.path.join(self.out, "clang")
        done = subprocess.run(self.make("all", f"O={out}", "CC=clang"), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        return Result(done.returncode == 0, "\n".join(done.stderr.splitlines()[-5:]))

    def machine_jobs(self):
        cfg = machines_cfg.load()
        bad = [name for name in machines_cfg.names(cfg, "machine") if name.startswith("bad-")]
        for name in MACHINES:
            self.taps.append(self.tap(name))
            yield self.machine_job(name, name, self.reports, cfg)
        parts = os.path.join(self.reports, "part")
        for name, words in PARTS.items():
            self.taps.append(os.path.join(parts, name + ".tap"))
            yield self.machine_job(f"{name}-part", name, parts, cfg, words=[words])
        yield self.machine_job(f"{TWICE}-again", TWICE, os.path.join(self.reports, "again"), cfg, counts=False)
        for name in bad:
            yield self.machine_job(name, name, self.reports, cfg)
        yield Job("render", self.render, after=RENDERED)

    def matrix_jobs(self):
        """Every machine, beside nothing, so that those in real time have the host to themselves."""
        cfg = machines_cfg.load()
        names = machines_cfg.names(cfg, "machine")
        for name in names:
            self.taps.append(self.tap(name))
            yield self.machine_job(name, name, self.reports, cfg, beside=False)
        yield Job("orderings", self.orderings, after=names)

    def orderings(self):
        """What the machines' reports say of the orderings; those that failed or were cut are not taken in."""
        reports = [tap for tap in self.taps if os.path.exists(tap)]
        done = subprocess.run([sys.executable, "tests/tools/orderings.py", *reports], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
        return Result(done.returncode == 0, (done.stdout + done.stderr).strip())

    def machine_command(self, name, reports, words=()):
        return [sys.executable, "tests/machines/run", "-m", name, "--quiet", "--efi", os.path.join(self.out, "pasidcheck.efi"),
                "--vendor", self.vendor, "--reports", reports, *words]

    def machine_job(self, job, name, reports, cfg, counts=True, words=(), beside=True):
        return Job(job, self.machine_command(name, reports, words), counts=counts, tap=os.path.join(reports, name + ".tap"), needs=["build-firmware"],
                   timeout=cfg["machine", name]["timeout"] + FETCH_TIME, shows_nothing=not counts,
                   waits=beside and cfg["machine", name]["time"] == "real")

    def render(self):
        """A browser shows the pages as they should be."""
        pages = [page for page in (os.path.join(self.reports, name + ".html") for name in RENDERED) if os.path.exists(page)]
        done = subprocess.run([sys.executable, "tests/tools/render.py", *pages], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        said = (done.stdout + done.stderr).strip()
        if done.returncode == render.CANNOT:
            return Result(None, said)
        if done.returncode or not pages:
            return Result(False, "; ".join(line for line in said.splitlines() if "FAILED" in line) or said or "there is no page")
        return Result(True, f"{len(pages)} pages")

    def same_log(self):
        """Two runs of TWICE beside other jobs print the same bytes.

        Where their virtual times alone differ, which a busy host can do to QEMU (docs/qemu-findings.md), it is for two
        runs beside nothing to show that the program is not the cause; so nothing may run beside this job.
        """
        beside = self.tap(TWICE), self.tap(f"again/{TWICE}")
        result = compare_logs(*beside, virtual=True)
        if result.passed or not compare_logs(*beside, virtual=False).passed:
            return result
        alone = [self.tap(f"{folder}/{TWICE}") for folder in ("alone", "alone-again")]
        for tap in alone:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(self.machine_command(TWICE, os.path.dirname(tap)), stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=ALONE_TIME, check=False)
        quiet = compare_logs(*alone, virtual=True)
        return Result(quiet.passed, f"alone: {quiet.words}; beside other jobs: {result.words}")

    def agree_jobs(self):
        """Emulators beside the strict unit; few scripts, `make agree` plays more."""
        yield Job("agree", self.make("agree", "N=30"), needs=["build-host"], after=MACHINES, timeout=300 + FETCH_TIME)

    def prove(self):
        """An independent reader of TAP comes to the same end as ours."""
        prove = shutil.which("prove")
        if not prove:
            return Result(None, "there is no prove on this host (Debian: perl)")

        def read(tap):
            return subprocess.run([prove, "-Q", tap], stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode

        taps = list(filter(os.path.exists, self.taps))
        with concurrent.futures.ThreadPoolExecutor(max(1, self.jobs)) as pool:  # nothing else runs by now
            codes = pool.map(read, taps)
        for tap, code in zip(taps, codes):
            with open(tap, encoding="utf-8", errors="replace") as f:
                failed = verdict.tally(f.read().splitlines())[1]
            if (code == 0) != (failed == 0):
                return Result(False, f"{tap}: {failed} failed, but prove exits with {code}")
        return Result(True, f"{len(taps)} reports read alike")


def main(argv):
    parser = argparse.ArgumentParser(description="The whole test run.")
    parser.add_argument("--out", default="build", help="folder of what is built (build)")
    parser.add_argument("--vendor", default="build/vendor", help="folder of fetched parts (build/vendor)")
    parser.add_argument("--jobs", type=int, default=2, help="jobs at a time (2)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--host", action="store_true", help="only what needs no QEMU and nothing fetched")
    what.add_argument("--matrix", action="store_true", help="every machine, one after the other, and docs/orderings.md")
    opts = parser.parse_args(argv)
    os.chdir(ROOT)
    os.environ["MAKEFLAGS"] = re.sub(r"(^|\s)(-j\d*|--jobserver\S*)(?=\s|$)", " ", os.environ.get("MAKEFLAGS", ""))
    load = os.getloadavg()[0]
    plan = Plan(opts.out, opts.vendor, opts.jobs, opts.host)
    runner = Runner(os.path.join(opts.out, "check"), 1 if opts.matrix else max(1, opts.jobs))
    whole = not (opts.host or opts.matrix)
    groups = [plan.firmware_jobs, plan.host_jobs, plan.machine_jobs, plan.build_jobs, plan.python_jobs, plan.agree_jobs]
    for group in [plan.host_jobs] if opts.host else [plan.firmware_jobs, plan.matrix_jobs] if opts.matrix else groups:
        runner.add(group())
    try:
        runner.run()
        if whole:
            runner.add([Job(f"{TWICE}-same-log", plan.same_log)])
            runner.run()
        runner.add([Job("prove", plan.prove)])
        runner.run()
    except KeyboardInterrupt:
        runner.stop()
        return 130
    show_table(runner)
    show_failures(runner)
    if whole:
        # Read by bench.py.
        with open(os.path.join(opts.out, "check.time"), "w", encoding="ascii") as f:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            f.write(f"{time.monotonic() - runner.start:.1f} {used.ru_utime + used.ru_stime:.1f} {load:.1f}\n")
    passed, failed, skipped = total(runner.results.values())
    print(f"pasidcheck: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
