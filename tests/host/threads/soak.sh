#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# soak.sh BINARY SECONDS: all races with one seed after the other, on units that record and on units that translate.
# Ends at the first run that fails, which it prints; the last line has the sums.
binary=$1
end=$(($(date +%s) + $2))
seed=0
passed=0
skipped=0

while [ "$(date +%s)" -lt "$end" ]; do
    seed=$((seed + 1))
    for units in default model; do
        sh tests/host/threads/run.sh "$binary" "--units=$units" "seed=$seed" >"$binary.tap" 2>"$binary.races"
        code=$?
        if [ $code -ne 0 ]; then
            grep -v '^ok' "$binary.tap"
            cat "$binary.races" >&2
            exit $code
        fi
        set -- $(tail -n 1 "$binary.tap" | tr -dc '0-9 ')
        passed=$((passed + $1))
        skipped=$((skipped + $3))
    done
done
echo "tsan: $seed seeds, no data race"
echo "pasidcheck: $passed passed, 0 failed, $skipped skipped"
