# SPDX-License-Identifier: BSD-2-Clause
"""Version ranges of docs/errata.md: rows `| E-NNN | <platform> | <min>-<max> | ...`, and whether a
platform id such as `qemu-11.1.3` lies in any of them."""

import re

ROW = re.compile(r"\|\s*(E-\d+)\s*\|\s*([\w.-]+?)\s*\|\s*(\d+(?:\.\d+)*)\s*-\s*(\d+(?:\.\d+)*)\s*\|")


def number(version):
    """'11.1.3' -> (11, 1, 3): compares as versions do; missing parts are 0."""
    parts = [int(p) for p in version.split(".")]
    return tuple(parts + [0] * (4 - len(parts)))


def parse(text):
    """Rows of the table: (id, platform, min, max)."""
    return [(m[1], m[2], number(m[3]), number(m[4])) for m in map(ROW.match, text.splitlines()) if m]


def outside_of_all(rows, platform):
    """True when rows speak of this platform's family, but none of them of this version."""
    family, _, version = platform.rpartition("-")
    if not re.fullmatch(r"\d+(\.\d+)*", version):
        return False
    ranges = [(low, high) for _, name, low, high in rows if name == family]
    return bool(ranges) and not any(low <= number(version) <= high for low, high in ranges)
