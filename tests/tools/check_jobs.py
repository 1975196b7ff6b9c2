# SPDX-License-Identifier: BSD-2-Clause
"""Jobs of check.py: what they need, how they are run some at a time, what they say at the end."""

import concurrent.futures
import os
import re
import signal
import subprocess
import threading
import time

LAST_LINE = re.compile(r"pasidcheck: (\d+) passed, (\d+) failed, (\d+) skipped")
SHOWN = 40  # lines of a failure that are printed; the log has all
AT_END = 12  # lines of it in the list at the end
WIDTH = 200  # characters of such a line
WAITING = 2  # jobs that wait for time to pass, beside the others
STILL = 30  # seconds after which it is said what is still running


class Job:
    """A command, or a function that gives a Result.

    needs: jobs that have to pass before; after: jobs that have to end before; counts: ends with LAST_LINE, which goes
    into the sum; tap: its report; save_tap: its output is the report; then: gives more jobs once it has passed;
    shows_nothing: how it ends is of no interest (another job looks at what it wrote); waits: it sleeps most of the time, and
    runs beside those that do not.
    """

    def __init__(self, name, command, needs=(), after=(), counts=False, tap="", save_tap=False, then=None, timeout=600,
                 shows_nothing=False, waits=False):
        self.name, self.command = name, command
        self.needs, self.after = list(needs), list(after)
        self.counts, self.tap, self.save_tap = counts, tap, save_tap
        self.then, self.timeout, self.shows_nothing, self.waits = then, timeout, shows_nothing, waits


class Result:
    """passed: True, False, or None for a job that could not be done and is not held against anybody."""

    def __init__(self, passed, words="", counts=None):
        self.passed, self.words, self.counts = passed, words, counts
        self.seconds = 0.0

    def verdict(self):
        return {True: "ok", False: "FAILED", None: "skipped"}[self.passed]


def counts_of(output):
    """(passed, failed, skipped) if the last line that is not empty says so, else None."""
    lines = [line for line in output.splitlines() if line.strip()]
    match = LAST_LINE.fullmatch(lines[-1].strip()) if lines else None
    return tuple(map(int, match.groups())) if match else None


def total(results):
    """Sum of what counts; a failure that no count shows is one failed."""
    sums = [0, 0, 0]
    for result in results:
        passed, failed, skipped = result.counts or (0, 0, 0)
        if result.passed is False and not failed:
            failed = 1
        sums = [a + b for a, b in zip(sums, (passed, failed, skipped))]
    return tuple(sums)


def excerpt(job, output):
    """What of a failed job's output tells why: failed cases of a report with their words, or the end."""
    text = output
    if job.tap and os.path.exists(job.tap):
        with open(job.tap, encoding="utf-8", errors="replace") as f:
            text = f.read()
    chosen, failing = [], False
    for line in text.splitlines():
        if not line.startswith("#"):
            failing = line.startswith("not ok") and "# TODO" not in line
        if failing:
            chosen.append(line)
    return [line[:WIDTH] for line in chosen[:SHOWN] or output.splitlines()[-SHOWN:]]


class Runner:
    def __init__(self, folder, workers):
        self.folder, self.workers = folder, workers
        self.jobs, self.results, self.logs = [], {}, {}
        self.children, self.lock, self.stopped = {}, threading.Lock(), False
        self.start = time.monotonic()
        os.makedirs(folder, exist_ok=True)

    def add(self, jobs):
        self.jobs.extend(jobs)

    def stop(self):
        """Ends all children."""
        with self.lock:
            self.stopped = True
            for child in self.children.values():
                os.killpg(child.pid, signal.SIGKILL)

    def run(self):
        """All jobs that have not run: in their order, `workers` at a time."""
        with concurrent.futures.ThreadPoolExecutor(self.workers + WAITING) as pool:
            running = {}
            said = time.monotonic()
            try:
                while True:
                    self._submit(pool, running)
                    if not running:
                        break
                    done, _ = concurrent.futures.wait(running, 1, return_when=concurrent.futures.FIRST_COMPLETED)
                    for future in done:
                        self._finish(running.pop(future), future.result())
                        said = time.monotonic()
                    if time.monotonic() - said >= STILL:
                        said = time.monotonic()
                        print(f"check: {said - self.start:4.0f} s, still running: "
                              + ", ".join(job.name for job in running.values()), flush=True)
            except BaseException:
                self.stop()
                raise

    def _submit(self, pool, running):
        """Starts what may start; a job whose need failed ends here."""
        changed = True
        while changed:
            changed = False
            busy = {job.name for job in running.values()}
            waiting = sum(job.waits for job in running.values())
            room = {True: waiting < WAITING, False: len(busy) - waiting < self.workers}
            for job in self.jobs:
                if job.name in self.results or job.name in busy:
                    continue
                broken = [name for name in job.needs if name in self.results and self.results[name].passed is not True]
                if broken:
                    self._finish(job, Result(False, f"not run: {broken[0]} failed"))
                    changed = True
                    break
                if room[job.waits] and all(name in self.results for name in job.needs + job.after):
                    running[pool.submit(self._do, job)] = job
                    changed = True
                    break

    def _do(self, job):
        start = time.monotonic()
        result = job.command() if callable(job.command) else self._do_command(job)
        result.seconds = time.monotonic() - start
        return result

    def _do_command(self, job):
        path = os.path.join(self.folder, job.name + ".log")
        with open(path, "wb") as log:
            try:
                with self.lock:
                    if self.stopped:
                        return Result(False, "stopped")
                    child = subprocess.Popen(job.command, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=subprocess.STDOUT if not job.save_tap else subprocess.DEVNULL,
                                             start_new_session=True)
                    self.children[job.name] = child
            except OSError as error:
                return Result(False, str(error))
            try:
                code = child.wait(job.timeout)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                code = None
            finally:
                with self.lock:
                    del self.children[job.name]
        with open(path, encoding="utf-8", errors="replace") as f:
            output = f.read()
        if job.save_tap:
            os.makedirs(os.path.dirname(job.tap), exist_ok=True)
            with open(job.tap, "w", encoding="utf-8") as f:
                f.write(output)
        self.logs[job.name] = output
        return self._judge(job, code, output)

    @staticmethod
    def _judge(job, code, output):
        if job.shows_nothing and code is not None:
            return Result(True)
        counts = counts_of(output) if job.counts else None
        if code is None:
            words = f"no end after {job.timeout} s"
        elif job.counts and counts is None:
            words = f"exit code {code}, no last line `pasidcheck: ...`"
        elif code not in ((0, 3) if job.counts else (0,)):
            words = f"exit code {code}"
        elif counts and counts[1]:
            words = f"exit code 0 with {counts[1]} failed"
        else:
            return Result(True, "", counts)
        return Result(False, words, counts)

    def _finish(self, job, result):
        self.results[job.name] = result
        if result.passed and job.then:
            behind = self.jobs.index(job) + 1
            self.jobs[behind:behind] = job.then(result)
        counts = "{} passed, {} failed, {} skipped".format(*result.counts) if result.counts else ""
        words = ": ".join(part for part in (counts, result.words) if part)
        print(f"check: {time.monotonic() - self.start:4.0f} s  {result.verdict():7} {job.name:22} "
              f"{result.seconds:6.1f} s  {words}", flush=True)
        if result.passed is False:
            self.explain(job, SHOWN)

    def explain(self, job, lines):
        """Prints the first lines of what a failed job said, if it said anything."""
        if job.name not in self.logs:
            return
        for line in excerpt(job, self.logs[job.name])[:lines]:
            print(f"    {line}")
        print(f"    log: {os.path.join(self.folder, job.name)}.log", flush=True)


def show_table(runner):
    print(f"\n{'job':22} {'verdict':8} {'seconds':>7} {'passed':>7} {'failed':>7} {'skipped':>7}")
    for job in runner.jobs:
        result = runner.results[job.name]
        counts = "".join(f" {n:7}" for n in result.counts) if result.counts else ""
        words = f"  {result.words}" if result.words and not result.counts else ""
        print(f"{job.name:22} {result.verdict():8} {result.seconds:7.1f}{counts}{words}")
    print(f"{'all':22} {'':8} {time.monotonic() - runner.start:7.1f}" + "".join(f" {n:7}" for n in total(runner.results.values()))
          + "\n")


def show_failures(runner):
    """What failed, once more, so that the end of a long log says why."""
    for job in runner.jobs:
        result = runner.results[job.name]
        if result.passed is False:
            print(f"FAILED {job.name}: {result.words}")
            runner.explain(job, AT_END)
