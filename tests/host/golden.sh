#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every field that iommu/vtd_regs.h and iommu/vtd_fmt.h declare has a golden vector in tests/suites/fmt_*test.c.
# Run from the root of the tree; prints the fields that have none and fails.
set -eu

fields=$(sed -n 's/^#define VTD_\([A-Z0-9_]*\) \{1,\}BITS\{0,1\}(.*/\1/p' iommu/vtd_regs.h iommu/vtd_fmt.h)
missing=0
for field in $fields; do
    if ! grep -q "G($field," tests/suites/fmt_test.c tests/suites/fmt_regs_test.c; then
        echo "no golden vector: VTD_$field" >&2
        missing=$((missing + 1))
    fi
done
count=$(echo "$fields" | wc -l)
echo "golden vectors: $count fields, $missing without"
[ "$count" -gt 200 ] && [ "$missing" -eq 0 ]
