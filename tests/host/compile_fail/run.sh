#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Mistakes that the compiler has to refuse. Each file here compiles as it is, and with -DWRONG does not, for the reason
# that its line "expect:" names (an extended regular expression). Arguments: compilers to try, gcc when there are none.
# Run from the root of the tree.
set -eu

dir=tests/host/compile_fail
flags="-I. -std=gnu11 -c -o /dev/null -Wall -Wextra -Werror"
failed=0
count=0

for cc in "${@:-gcc}"; do
    for file in "$dir"/*.c; do
        count=$((count + 1))
        expect=$(sed -n 's|^/\* expect: \(.*\) \*/$|\1|p' "$file")
        if [ -z "$expect" ]; then
            echo "not ok - $cc $file: no line says what to expect"
            failed=$((failed + 1))
        elif ! output=$($cc $flags "$file" 2>&1); then
            echo "not ok - $cc $file: the right form does not compile"
            echo "$output" | sed 's/^/# /'
            failed=$((failed + 1))
        elif output=$($cc $flags -DWRONG "$file" 2>&1); then
            echo "not ok - $cc $file: the wrong form compiles"
            failed=$((failed + 1))
        elif ! echo "$output" | grep 'error' | grep -Eq "$expect"; then
            echo "not ok - $cc $file: refused for another reason than: $expect"
            echo "$output" | sed 's/^/# /'
            failed=$((failed + 1))
        else
            echo "ok - $cc $file"
        fi
    done
done
echo "compile_fail: $((count - failed)) passed, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
