#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""All static checks of the tree; fatal.

    lint.py [--cache DIR] [--jobs N] [--skip-missing] [--only NAME,...]

NAME is a rule of lint_rules.py or clang-format, clang-tidy, cppcheck. Each violation is one line
`file:line: words [rule]`. `make lint` tells by environment how sources are compiled (lint_tools.homes).
"""

import argparse
import os
import sys
import time

sys.dont_write_bytecode = True
import lint_rules
import lint_tools

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def complain_of_missing(tools):
    print("lint: this host lacks: " + " ".join(tools), file=sys.stderr)
    print("lint: on Debian:  apt-get install " + " ".join(lint_tools.PACKAGES[t] for t in tools), file=sys.stderr)


def own_rules(tree, names):
    """(violations as {(path, line, text, rule)}, seconds)."""
    start = time.monotonic()
    found = {(*violation, name) for name in names for violation in lint_rules.RULES[name](tree)}
    return found, time.monotonic() - start


def show(found, tree):
    for path, line, text, rule in sorted(found):
        print(f"{path}:{line}: {text}" + (f" [{rule}]" if rule else ""))
    for path, lines in sorted(lint_rules.lengths(tree)):
        if lint_rules.LONG < lines <= lint_rules.TOO_LONG:
            print(f"lint: note: {path} has {lines} lines, more than {lint_rules.LONG}")


def main(argv):
    parser = argparse.ArgumentParser(description="All static checks of the tree.")
    parser.add_argument("--cache", default="build/lint", help="folder of kept results (build/lint)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="linters at a time (all cores)")
    parser.add_argument("--skip-missing", action="store_true", help="go on without linters that the host lacks")
    parser.add_argument("--only", help="names of rules and linters, with commas between (all)")
    opts = parser.parse_args(argv)
    every = list(lint_rules.RULES) + list(lint_tools.JOBS)
    chosen = opts.only.split(",") if opts.only else every
    unknown = [name for name in chosen if name not in every]
    if unknown:
        parser.error(f"no rule {unknown[0]}; there are: {' '.join(every)}")

    start = time.monotonic()
    tree = lint_rules.Tree.load(ROOT)
    found, seconds = own_rules(tree, [name for name in chosen if name in lint_rules.RULES])
    tools = [name for name in chosen if name in lint_tools.JOBS]
    absent = [tool for tool in lint_tools.missing() if tool in tools]
    linted, counts = lint_tools.run_all(tree, [t for t in tools if t not in absent], os.path.abspath(opts.cache),
                                        max(1, opts.jobs))
    found |= {(*finding, "") for finding in linted}
    show(found, tree)
    parts = [f"own rules {seconds:.1f} s"] + [f"{tool} {total} files, {new} anew, {spent:.1f} s"
                                              for tool, (total, new, spent) in counts.items()]
    print(f"lint: {len(found)} violations in {len(tree.files)} files, {time.monotonic() - start:.1f} s "
          f"({'; '.join(parts)})")
    if absent:
        complain_of_missing(absent)
    return 1 if found or (absent and not opts.skip_missing) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
