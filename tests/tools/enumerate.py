#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""All orderings on the simulated units: build/bench/order_enum for each kind of binding, in parts, some at a time.

    enumerate.py [--out build] [--jobs 2] [--depth 7]

One more call is about fifteen times as many sequences: the longest ones are walked for one setting, the others stop one
call earlier. The last line is the sum over all runs.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
from check_jobs import Job, Runner, show_table, total

PARTS = 8
EDGES = 12
# Words of order_enum; the first setting goes to the full depth.
SETTINGS = {
    "guest": ["units=two"],
    "one-unit": ["interleave=2"],
    "native": ["native"],
    "rid-pasid": ["lane=rid_pasid", "units=two", "interleave=1"],
    "caching-mode": ["profile=cm", "units=two"],
    "device-tlb": ["profile=ats"],
    "second-stage": ["profile=ss"],
}


def jobs(program, depth):
    for number, (name, words) in enumerate(SETTINGS.items()):
        length, parts = (depth, PARTS) if number == 0 else (max(depth - 1, 1), 1)
        for part in range(parts):
            edges = EDGES if part == 0 else 0
            yield Job(f"{name}-{length}" + (f"-{part + 1}of{parts}" if parts > 1 else ""),
                      [program, f"depth={length}", f"edges={edges}", f"part={part}/{parts}", *words], counts=True, timeout=7200)


def sequences(log):
    return sum(int(line.split("\t")[1]) for line in log.splitlines() if line.startswith(("sequences\t", "edges\t")))


def main(argv):
    parser = argparse.ArgumentParser(description="All orderings on the simulated units.")
    parser.add_argument("--out", default="build", help="folder of what is built (build)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--depth", type=int, default=7, help="calls of the longest sequences (7)")
    opts = parser.parse_args(argv)
    runner = Runner(os.path.join(opts.out, "enum"), opts.jobs)
    runner.add(jobs(os.path.join(opts.out, "bench/order_enum"), opts.depth))
    runner.run()
    show_table(runner)
    print(f"{sum(map(sequences, runner.logs.values())):,} sequences compared; logs in {os.path.join(opts.out, 'enum')}")
    passed, failed, skipped = total(runner.results.values())
    print(f"pasidcheck: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
