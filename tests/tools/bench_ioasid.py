# SPDX-License-Identifier: BSD-2-Clause
"""What ioasid_bench printed, as curves and as lines beside their bars."""

from bench_text import Line, ratio, spark

ORDERS = ("sequential", "random")
FIND, PAIR, LOCKS, FLAT, BYTES = 2.0, 4.0, 2.0, 1.5, 64
FEW, MOST = 1000, 1000000


def parse(text):
    """{(what, order, whose): {live IDs: value}}."""
    found = {}
    for line in text.splitlines():
        what, order, live, whose, value = line.split("\t")
        found.setdefault((what, order, whose), {})[int(live)] = float(value)
    return found


def worst(subject, measure):
    """(ratio, live IDs) where the subject is slowest beside the measure."""
    return max((subject[live] / measure[live], live) for live in subject)


def _beside_array(times, what, order, bar, words, whose="ioasid"):
    subject, array = times[what, order, whose], times["find", order, "array"]
    value, live = worst(subject, array)
    return Line(f"{words}, {order} order, beside an array lookup", f"at most {bar:g} x", value, bar, ratio(value),
                f"worst of 1 .. {MOST:,} live IDs, at {live:,}: {subject[live]:.1f} ns beside {array[live]:.1f} ns"
                f"{_locks(times, what, order, live, whose)}; ioasid_bench")


def _locks(times, what, order, live, whose):
    """What exclusion alone takes of an alloc and a free."""
    if what != "pair":
        return ""
    locks = times[what, order, "locks" if whose == "ioasid" else "locks-shared"]
    return f", of which two locks are {locks[live]:.1f} ns"


def _beside_locks(times):
    """docs/decisions/011-price-of-exclusion.md"""
    subject, locks = times["pair", "sequential", "shared"], times["pair", "sequential", "locks-shared"]
    value, live = worst(subject, locks)
    return Line("IOASID alloc + free, several CPUs up, sequential order, beside the two locks that it takes", f"at most {LOCKS:g} x", value, LOCKS, ratio(value),
                f"worst of 1 .. {MOST:,} live IDs, at {live:,}: {subject[live]:.1f} ns beside {locks[live]:.1f} ns; ioasid_bench")


def _flat(times, what, words):
    subject = times[what, "sequential", "ioasid"]
    value = subject[MOST] / subject[FEW]
    return Line(f"{words}, {MOST:,} live IDs beside {FEW:,}, sequential order", f"at most {FLAT:g} x", value, FLAT, ratio(value),
                f"{subject[MOST]:.1f} ns beside {subject[FEW]:.1f} ns; ioasid_bench")


def _memory(times):
    full, empty = times["memory", "full", "ioasid"], times["memory", "empty", "ioasid"]
    value, each = full[MOST] / MOST, (full[MOST] - empty[MOST]) / MOST
    few = full[FEW] / FEW
    return [Line(f"bytes per live ID, {MOST:,} live", f"at most {BYTES}", value, BYTES, f"{value:.1f}",
                 f"pages and objects of the owner IOASID; {each:.1f} without the fixed {empty[MOST] / 1024:.0f} KiB of an empty core"),
            Line(f"bytes per live ID, {FEW:,} live", f"at most {BYTES}", few, BYTES, f"{few:.1f}",
                 f"the same; {(full[FEW] - empty[FEW]) / FEW:.1f} without the fixed part, for which 64 bytes an ID are enough from "
                 f"{enough(full, empty):,} IDs on")]


def enough(full, empty):
    """Live IDs from which on the fixed part does not matter: fixed / (64 - bytes each)."""
    each = (full[MOST] - empty[MOST]) / MOST
    return round(empty[MOST] / (BYTES - each)) if each < BYTES else MOST


def lines(times):
    out = [_beside_array(times, "find", order, FIND, "IOASID find") for order in ORDERS]
    out += [_beside_array(times, "pair", order, PAIR, "IOASID alloc + free, one CPU up") for order in ORDERS]
    out += [_beside_array(times, "pair", order, PAIR, "IOASID alloc + free, several CPUs up", "shared") for order in ORDERS]
    out.append(_beside_locks(times))
    return out + [_flat(times, "find", "IOASID find"), _flat(times, "pair", "IOASID alloc + free, one CPU up")] + _memory(times)


def _number(live):
    return f"{live // 1000000}M" if live >= 1000000 else f"{live // 1000}k" if live >= 1000 else str(live)


def curves(times):
    """Text: nanoseconds by live IDs, a row for each subject, drawn beside."""
    lives = sorted(times["find", "sequential", "ioasid"])
    out = []
    names = {"array": "plain array", "ioasid": "ioasid", "shared": "  several CPUs up", "radix": "radix tree", "bitmap": "bitmap",
             "locks": "two locks", "locks-shared": "  several CPUs up"}
    for what, title in (("find", "find, ns"), ("pair", "alloc + free, ns")):
        for order in ORDERS:
            out.append(f"{title + ', ' + order:28}" + "".join(f"{_number(live):>9}" for live in lives))
            rows = [("array", "find")] + [(whose, what) for whose in ("ioasid", "shared", "radix", "bitmap", "locks", "locks-shared") if (what, order, whose) in times]
            scale = [times[kind, order, whose][live] for whose, kind in rows for live in lives]
            for whose, kind in rows:
                row = [times[kind, order, whose][live] for live in lives]
                name = names[whose] + (" lookup" if whose == "array" else "")
                out.append(f"  {name:19}{spark(row, min(scale), max(scale))} " + "".join(f"{value:9.1f}" for value in row))
            out.append("")
    return "\n".join(out[:-1])
