#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is measured is what docs/bench.md says: alloc and free without calls for their lock, lookups by a call: bench_locks.py PROGRAM"""

import re
import subprocess
import sys

INLINE = ("ioasid_alloc", "ioasid_free")
LOCKS = {"plat_lock", "plat_unlock"}
# Who has to be called from another file, ours and what it is compared with alike.
CALLED = {"pair_ioasid": {"ioasid_alloc", "ioasid_free"}, "find_ioasid": {"ioasid_data_find"}, "find_array": {"peer_array_find"}}


def calls(program):
    """{function: set of functions that it calls or jumps to}"""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", program], capture_output=True, text=True,
                          check=True).stdout
    found, name = {}, None
    for line in text.splitlines():
        if begin := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            name = begin.group(1)
            found[name] = set()
        elif call := re.search(r"\b(?:call|jmp)q?\s+[0-9a-f]+ <([\w.]+)>", line):
            found[name].add(call.group(1))
    return found


def complaints(found):
    for name in INLINE:
        if name not in found:
            yield f"no function {name}"
        for lock in sorted(found.get(name, set()) & LOCKS):
            yield f"{name} calls {lock}: the core was not linked with its locks as one piece"
    for name, wanted in CALLED.items():
        for callee in sorted(wanted - found.get(name, set())):
            yield f"{name} does not call {callee}: what measures and what is measured have become one piece"


def main():
    wrong = list(complaints(calls(sys.argv[1])))
    for text in wrong:
        print(f"bench: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
