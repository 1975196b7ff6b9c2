#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Print every case as its source declares it: home, name, what it proves.

    list_cases.py [GLOB...]

The word `list` in ARGS makes a binary print what it would run on its machine, with lanes and engines.
"""

import fnmatch
import glob
import sys

sys.dont_write_bytecode = True
import spec


def home(path):
    if path.startswith("tests/suites/target/"):
        return "firmware"
    return "host" if path.startswith("tests/host/") else "both"


def main(globs):
    paths = sorted(glob.glob("tests/suites/**/*_test.c", recursive=True) + glob.glob("tests/host/*_test.c"))
    cases = sorted(((case.name, home(path), case.fields.get("doc", "")) for path in paths for case in spec.cases_of(path)))
    cases = [case for case in cases if not globs or any(fnmatch.fnmatchcase(case[0], pattern) for pattern in globs)]
    width = max((len(name) for name, _, _ in cases), default=0)
    for name, where, doc in cases:
        print(f"{where:8} {name:{width}}  {doc}")
    print(f"{len(cases)} cases", file=sys.stderr)
    return 0 if cases else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
