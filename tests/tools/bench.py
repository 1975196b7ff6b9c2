#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The numbers that this project holds, measured: start to verdict, sizes, invalidations, IOASIDs.

    bench.py [--out build] [--vendor build/vendor] [--rounds 5] [--only boot,size,...] [--doc docs/bench.md]

Prints each line beside its bar, and writes docs/bench.md when all were measured. Exits 0: a bar that is missed is said,
not punished, as times are the host's; 1 when something could not be measured that should be.
"""

import argparse
import importlib.machinery
import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MACHINES = os.path.join(ROOT, "tests/machines")
sys.path[:0] = [HERE, MACHINES]
import bench_ioasid
import image
import machines_cfg
import qemu_machine
import report_tap
import verdict
from bench_text import Line, markdown, ratio, spark, table

MACHINE = "new-fs"
CHECK_SECONDS = 300
BOOT_RATIO = 1.6


class BenchError(Exception):
    """Something that should be measured cannot be."""


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run_host(opts, name, *args):
    """What a host program of build/bench prints."""
    done = subprocess.run([os.path.join(opts.out, "bench", name), *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{name} ends with {done.returncode}: {done.stderr.strip()[-200:]}")
    return done.stdout


# ---- Start to verdict ----

def _launcher():
    """tests/machines/run as a module, without its words."""
    loader = importlib.machinery.SourceFileLoader("launcher", os.path.join(MACHINES, "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("launcher", loader))
    loader.exec_module(module)
    module.say = lambda text: None
    return module


def _start(launcher, opts, efi):
    """One start of the machine; how it ended."""
    cfg = machines_cfg.load()
    wanted = types.SimpleNamespace(vendor=os.path.abspath(opts.vendor), source="append", efi=efi, args=[], debug=False, verbose=False,
                                   timeout=None)
    with tempfile.TemporaryDirectory(prefix="pasidcheck.") as folder:
        return launcher.run_qemu(cfg, cfg["machine", MACHINE], wanted, folder, lambda line: None)[0]


def beside(what, seconds):
    """The line that compares the whole run with the empty program, by {"whole": [seconds], "empty": [seconds]}."""
    whole, empty = statistics.median(seconds["whole"]), statistics.median(seconds["empty"])
    top = max(seconds["whole"])
    how = (f"medians of {len(seconds['whole'])} starts each, by turns: {whole:.2f} s beside {empty:.2f} s "
           f"(whole {spark(seconds['whole'], empty, top)}, empty {spark(seconds['empty'], empty, top)})")
    return Line(f"{MACHINE}, power-on to verdict, beside an empty EFI program, {what}", f"at most {BOOT_RATIO} x", whole / empty,
                BOOT_RATIO, ratio(whole / empty), how)


def boot(opts):
    launcher, proven = _launcher(), 0
    times, cpu = {"whole": [], "empty": []}, {"whole": [], "empty": []}
    for number in range(opts.rounds):
        for name, efi in (("empty", os.path.join(opts.out, "bench/empty.efi")), ("whole", os.path.join(opts.out, "pasidcheck.efi"))):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            ended = _start(launcher, opts, efi)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            if ended.code != 1:
                raise BenchError(f"{name} program on {MACHINE}: QEMU ended with {ended.code} {ended.stopped}")
            times[name].append(ended.seconds)
            cpu[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        report = report_tap.parse("\n".join(verdict.cut_report(ended.lines)))
        if report["verdict"] != "pass":
            raise BenchError(f"{MACHINE}: {report['verdict']}")
        proven = report["sums"]["dma_proven"]
        note(f"start {number + 1} of {opts.rounds}: empty {times['empty'][-1]:.2f} s, whole {times['whole'][-1]:.2f} s")
    return [beside("wall clock", times), beside("CPU time of the emulator, the better measure on a busy host", cpu),
            Line(f"{MACHINE}, cases proven by DMA", "at least 500", proven, 500, str(proven), "last lines of that report", at_least=True)]


# ---- Check, sizes ----

def check(opts):
    what, bar = "`make check`, built and fetched", "under 5 minutes"
    try:
        with open(os.path.join(opts.out, "check.time"), encoding="ascii") as f:
            seconds, cpu, load = map(float, f.read().split())
    except (OSError, ValueError):
        return [Line(what, bar, None, CHECK_SECONDS, "", "no build/check.time: run make check first")]
    return [Line(what, bar, seconds, CHECK_SECONDS, f"{seconds:.0f} s",
                 f"wall clock of the last run; {cpu:.0f} s of CPU time on {os.cpu_count()} cores, load at its start {load:.1f}")]


def size(opts):
    efi = os.path.join(opts.out, "pasidcheck.efi")
    with open(efi, "rb") as f:
        program = f.read()
    stick = image.stick(program, [])
    return [Line("`pasidcheck.efi`", "under 512 KiB", len(program), 512 << 10, f"{len(program) / 1024:.0f} KiB", "size of the file"),
            Line("USB image", "under 4 MiB", len(stick), 4 << 20, f"{len(stick) / (1 << 20):.1f} MiB", "size of what `make image` writes")]


# ---- Invalidations ----

def invalidation_lines(text):
    rows = []
    for line in text.splitlines():
        call, profile, *numbers = line.split("\t")
        rows.append((call, profile, *map(int, numbers)))
    out = []
    binds = [row for row in rows if row[0] == "bind" and row[1] == "default"]
    most = max(row[4] for row in binds)
    out.append(Line("descriptors of a bind, CM = 0", "none", most, 0, str(most), "1, 2 and 64 devices on two recording units; invalidation_bench"))
    # Under caching mode an entry with P = 0 and FPD = 1 may be cached, so that a second batch has to forget FPD.
    for profile, words, bar_words, bar in (("default", "CM = 0", "one", 1), ("cm", "CM = 1", "two, the second forgets FPD", 2)):
        for call, title in (("unbind", "an unbind"), ("free", "a free")):
            mine = [row for row in rows if row[0].startswith(call) and row[1] == profile]
            worst = max(mine, key=lambda row: max(row[5:]))
            said = "; ".join(f"{row[2]} devices {row[5]} + {row[6]}" for row in mine if row[0] != "unbind-first")
            out.append(Line(f"waits of {title} on each unit touched, {words}", bar_words, max(worst[5:]), bar, str(max(worst[5:])),
                            f"waits of both units: {said}; invalidation_bench"))
    return out


def drain_line(text):
    rows = [tuple(map(int, line.split("\t"))) for line in text.splitlines()]
    worst = max(waits - overflows for _, waits, overflows, _ in rows)
    said = "; ".join(f"{requests} requests {waits}" + (f" with {overflows} overflow" if overflows else "")
                     for requests, waits, overflows, _ in rows)
    return Line("waits of a page-request drain, counted apart", "one, +1 per overflow round", worst, 1, str(worst),
                f"unbind of a device behind a strict unit while it had asked for pages: {said}; drain_bench")


def invalidations(opts):
    return invalidation_lines(run_host(opts, "invalidation_bench")) + [drain_line(run_host(opts, "drain_bench"))]


# ---- IOASIDs, enumerator ----

def ioasid(opts):
    note("IOASIDs: half a minute")
    opts.times = bench_ioasid.parse(run_host(opts, "ioasid_bench"))
    return bench_ioasid.lines(opts.times)


def enumerator(opts):
    words = run_host(opts, "order_enum", "depth=6", "edges=0").splitlines()[0].split("\t")
    count, seconds, rate = int(words[1]), float(words[2]), float(words[3])
    return [Line("host enumerator, comparison included", "at least 200,000 sequences/s a core", rate, 200000, f"{rate:,.0f} sequences/s",
                 f"all {count:,} sequences of up to 6 calls, {seconds:.1f} s of CPU time; order_enum", at_least=True)]


PARTS = {"boot": boot, "check": check, "size": size, "invalidations": invalidations, "ioasid": ioasid, "enum": enumerator}


# ---- Words ----

def host_words(load):
    """The host, and whether it was busy when the measurement began."""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        models = [line.partition(":")[2].strip() for line in f if line.startswith("model name")]
    busy = f", busy with other work: load {load:.0f}" if load > os.cpu_count() / 2 else ""
    return f"{models[0] if models else 'unknown CPU'}, {os.cpu_count()} CPUs{busy}"


def document(lines, times, host, qemu):
    missed = [line for line in lines if line.verdict() == "MISSED"]
    said = "none" if not missed else "; ".join(line.what for line in missed)
    return f"""# Numbers

Written by `make bench`. Nothing here is a timed test: times are those of one host, the bars are what the project wants to
hold anywhere.

Host: {host}. QEMU {qemu}.

{markdown(lines)}

Missed: {said}.

## IOASIDs by number of live ones

One thread, CPU time, fastest run of five sweeps over all numbers of live IDs, `-O2` without sanitizers. The platform under the
core is `tests/host/bench/bench_platform.c`: a lock is plain stores, as the kernel's is while one CPU is up, or one atomic
exchange, as it is from the second CPU on (what interrupts off and checks cost is in neither). Core and platform are linked as one
piece, so that a lock is no call; what measures, and the array, are in files of their own. Memory comes in huge pages, a grace
period ends after each 64 pairs and is part of the time. The array is one of pointers by number; bitmap (searched from its
start) and radix tree (64 ways) have neither locks nor generations nor references. Two locks: taken and given back twice, with
nothing in between, which is what exclusion alone costs of alloc and free. Marks are on a logarithmic scale.

```
{bench_ioasid.curves(times)}
```
"""


def main(argv):
    parser = argparse.ArgumentParser(description="Measure what docs/bench.md lists.")
    parser.add_argument("--out", default="build", help="folder of what is built (build)")
    parser.add_argument("--vendor", default="build/vendor", help="folder of fetched parts (build/vendor)")
    parser.add_argument("--rounds", type=int, default=5, help="starts of the machine (5)")
    parser.add_argument("--only", default=",".join(PARTS), help=f"some of {','.join(PARTS)}; then nothing is written")
    parser.add_argument("--doc", default="docs/bench.md", help="file to write (docs/bench.md)")
    opts = parser.parse_args(argv)
    opts.times = None
    wanted = opts.only.split(",")
    if not set(wanted) <= set(PARTS):
        parser.error(f"--only: there are {', '.join(PARTS)}")
    lines, code, load = [], 0, os.getloadavg()[0]
    for name in wanted:
        try:
            lines += PARTS[name](opts)
        except (BenchError, qemu_machine.MachineError, report_tap.ReportError, OSError) as error:
            note(f"{name}: {error}")
            code = 1
    print(table(lines) + "\n\n" + "\n".join(f"{line.what}: {line.how}" for line in lines))
    if opts.times:
        print("\n" + bench_ioasid.curves(opts.times))
    if code == 0 and set(wanted) == set(PARTS):
        cfg = machines_cfg.load()
        qemu = qemu_machine.find_qemu(os.path.abspath(opts.vendor), cfg["machine", MACHINE]["qemu"])
        with open(opts.doc, "w", encoding="utf-8") as f:
            f.write(document(lines, opts.times, host_words(load), qemu.version))
        note(f"written: {opts.doc}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
