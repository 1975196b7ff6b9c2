#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Start a suite, or add a case to one, from a form that builds, passes lint and fails until it is filled in.

    new_case.py SUITE NAME        (make new-test SUITE=bind NAME=second_device)
"""

import os
import re
import sys

sys.dont_write_bytecode = True

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SUITE = """\
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suite {suite}: what it proves, and which part of the specification asks for it.
 */
#include "tests/harness/harness.h"
"""

CASE = """
TEST({suite}, {name}, .needs = NEED_IOMMU, .doc = "what is proved, in one sentence")
{{
    T_ASSERT(t, t->iommu == NULL);
}}
"""


def write_case(root, suite, name):
    """Path of the suite's file, and whether it is new. ValueError with words when it cannot be."""
    for what, word in (("SUITE", suite), ("NAME", name)):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", word):
            raise ValueError(f"{what}={word}: wants a C name in lower case, as in SUITE=bind NAME=second_device")
    path = f"tests/suites/{suite}_test.c"
    full = os.path.join(root, path)
    new = not os.path.exists(full)
    text = ""
    if not new:
        with open(full, encoding="utf-8") as f:
            text = f.read()
        if re.search(rf"^TEST\({suite}, {name},", text, re.M):
            raise ValueError(f"{path} has the case {suite}.{name} already")
    with open(full, "w", encoding="utf-8") as f:
        f.write((text or SUITE.format(suite=suite)) + CASE.format(suite=suite, name=name))
    return path, new


def main(argv):
    if len(argv) != 2 or not all(argv):
        print("new-test: wants SUITE=<suite> NAME=<case>", file=sys.stderr)
        return 2
    try:
        path, new = write_case(ROOT, *argv)
    except ValueError as error:
        print(f"new-test: {error}", file=sys.stderr)
        return 2
    print(f"{path}: {'new, with' if new else 'added'} the case {argv[0]}.{argv[1]}")
    if new:
        print(f"Add {path} to SUITE_SRCS in tests/tests.mk (to TARGET_SUITE_SRCS if only the firmware can run it).")
    print(f"Give it .rows, .rules and .flaws of docs/rules/. Try it: make run ARGS='only={argv[0]}.{argv[1]}'")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
