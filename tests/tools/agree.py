#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Does the strict unit agree with emulators? Random scripts are played on both, each difference has to be known.

    agree.py --model build/host/model_agree [--vendor build/vendor] [--seed 1] [--scripts 100] [--only NAME...]

What is known is in agree_known.py. A script with any other difference is cut down to the lines that it takes, and
printed; then this exits 1. docs/model.md says more.
"""

import argparse
import collections
import itertools
import os
import random
import signal
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import agree_known as known
import agree_scripts as scripts
import agree_units as units

DEPTH = 3  # views of an emulator that are tried together


class Pair:
    """The strict unit beside one emulator."""

    def __init__(self, name, model, emulator):
        self.machine, self.model, self.emulator = known.Machine(name), model, emulator
        self.preset = units.MACHINES[name][1]
        self.views = [view for view in known.VIEWS if view.applies(self.machine)]

    def expected(self, lines, views, forgets):
        """Answers of the strict unit to a script as these views take it; it forgets in the requests of `forgets`."""
        ecap, words = self.emulator.ecap, "-"
        for view in sorted(views, key=self.views.index):
            ecap |= view.ecap
            words += view.words
            if view.change:
                lines = view.change(self.machine, lines)
        texts = [forgets.get(n, text[0]) + text[1:] for n, (text, _) in enumerate(lines)]
        return self.model.play(self.preset, self.emulator.cap, ecap, words, texts)

    def ways(self, lines, views, n):
        """What else may be behind a difference in line n, the likeliest first: (more views, more forgetting)."""
        hows = [{}] + ([{n: "E"}, {n: "D"}] if lines[n][0][0] == "d" else [])
        rest = [view for view in self.views if view not in views and view.matters(self.machine, lines)]
        for count in [*range(DEPTH + 1)] + [len(rest)] * (len(rest) > DEPTH):
            for more in itertools.combinations(rest, count):
                for how in hows:
                    if more or how:
                        yield list(more), how

    def explain(self, lines, theirs):
        """(ids with their number, None), or (ids so far, (line number, our answer, their answer))."""
        asks = [n for n, (text, _) in enumerate(lines) if text[0] in units.ASKS]
        views, forgets, ids = [], {}, collections.Counter()
        ours = self.expected(lines, views, forgets)
        for at, n in enumerate(asks):
            if at >= len(theirs):
                break
            how = known.same(self.machine, lines, n, ours[at], theirs[at])
            if how is None:
                found = self.find(lines, theirs, asks, at, views, forgets)
                if not found:
                    return ids, (n, ours[at], theirs[at])
                more, forget, ours, how = found
                views, forgets = views + more, {**forgets, **forget}
                how |= {view.erratum for view in more} | ({known.RULE_45} if forget else set())
            ids.update(how)
            if how & known.ENDS:
                break
        return ids, None

    def find(self, lines, theirs, asks, at, views, forgets):
        for more, forget in self.ways(lines, views, asks[at]):
            ours = self.expected(lines, views + more, {**forgets, **forget})
            hows = [known.same(self.machine, lines, asks[i], ours[i], theirs[i]) for i in range(at + 1)]
            if None not in hows:
                return more, forget, ours, hows[at]
        return None

    def differs(self, lines):
        return self.explain(lines, self.emulator.play([text for text, _ in lines]))

    def shrink(self, lines):
        """The same difference in fewer lines."""
        size = max(1, len(lines) // 2)
        while size:
            start = 0
            while start < len(lines):
                gone = [text for text, what in lines[start:start + size] if (text[0] == "w" and what != "free") or what == "pe1"]
                shorter = lines[:start] + lines[start + size:]
                if shorter and not gone and self.differs(shorter)[1]:
                    lines = shorter
                else:
                    start += size
            size //= 2
        return lines


def show(pair, seed, number, kind, lines):
    lines = pair.shrink(lines)
    at, ours, theirs = pair.differs(lines)[1]
    print(f"{pair.machine.name}: script {seed}/{number} ({kind}), unexplained:")
    for n, (text, what) in enumerate(lines[:at + 1]):
        print(f"    {text}{'  # ' + what if what else ''}")
    print(f"  strict unit: {ours}\n  emulator:    {theirs}", flush=True)


def run(pair, opts):
    """Number of unexplained differences."""
    ids, bad = collections.Counter(), 0
    for number in range(opts.first, opts.first + opts.scripts):
        rng = random.Random(f"{opts.seed}/{number}")
        kind, lines = scripts.make(rng, pair.machine.first, bool(pair.emulator.testdevs))
        if opts.kind and kind != opts.kind:
            continue
        found, difference = pair.differs(lines)
        ids += found
        if difference:
            bad += 1
            show(pair, opts.seed, number, kind, lines)
            if bad >= opts.limit:
                break
    words = ", ".join(f"{name} {count}" for name, count in sorted(ids.items()))
    print(f"agree: {pair.machine.name} (QEMU {pair.emulator.version}): {opts.scripts} scripts, explained: {words or 'none'}; "
          f"{bad} unexplained", flush=True)
    return bad


def main(argv):
    parser = argparse.ArgumentParser(description="Plays random scripts on the strict unit and on emulators.")
    parser.add_argument("--model", required=True, help="the player of the strict unit")
    parser.add_argument("--vendor", default="build/vendor", help="folder of fetched parts (build/vendor)")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--scripts", type=int, default=100, help="number for each emulator (100)")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--kind", choices=sorted(set(scripts.KINDS)), help="only scripts of this kind")
    parser.add_argument("--limit", type=int, default=3, help="unexplained ones after which an emulator is left (3)")
    parser.add_argument("--only", nargs="*", choices=sorted(units.MACHINES), help="these emulators")
    opts = parser.parse_args(argv)
    bad = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # an emulator left alone would run on for ever
    with tempfile.TemporaryDirectory() as folder:
        for name in opts.only or units.MACHINES:
            emulator, model = units.emulator(name, opts.vendor, folder), units.Model(opts.model)
            try:
                bad += run(Pair(name, model, emulator), opts)
            finally:
                emulator.end()
                model.end()
    print(f"agree: {bad} unexplained")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
