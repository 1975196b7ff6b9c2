#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turn docs/errata.md into the C table of tests/harness/errata.h, and check every id that a case names.

    errata_gen.py --errata docs/errata.md --rules docs/rules [-o OUT.c] SUITE.c...

Exits 1 and names file and line when an id exists nowhere.
"""

import argparse
import os
import sys

sys.dont_write_bytecode = True
import spec


def c_quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def c_table(rows):
    out = ["/* Generated from docs/errata.md by tests/tools/errata_gen.py. */",
           '#include "tests/harness/errata.h"', "",
           "const struct erratum errata_table[] = {"]
    for row in sorted(rows, key=lambda r: (r.ident, r.platform, r.first)):
        first, last = (", ".join(str(n) for n in v) for v in (row.first, row.last))
        out.append(f"    {{{c_quote(row.ident)}, {c_quote(row.platform)}, {{{first}}}, {{{last}}}, "
                   f"{c_quote(row.rule)},\n     {c_quote(row.text)}}},")
    out += ["};", "", f"const size_t errata_count = {len(rows)};", ""]
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--errata", required=True)
    parser.add_argument("--rules", required=True)
    parser.add_argument("-o", "--output")
    parser.add_argument("sources", nargs="*")
    args = parser.parse_args()
    try:
        rows = spec.load_errata(args.errata)
        rules = {kind: spec.load_rules(os.path.join(args.rules, f"{kind}.tsv")) for kind in spec.KINDS}
        cases = [case for path in args.sources for case in spec.cases_of(path)]
    except spec.SpecError as error:
        sys.exit(f"errata_gen: {error}")
    complaints = list(spec.problems(cases, rows, rules))
    if not rows:
        complaints.append(f"{args.errata}: no rows")
    for complaint in complaints:
        print(f"errata_gen: {complaint}", file=sys.stderr)
    if complaints:
        return 1
    if args.output:
        with open(args.output, "w", encoding="utf-8") as f:
            f.write(c_table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
