#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh BINARY [ARGUMENTS]: runs a program under ThreadSanitizer, without address randomization where it needs that.
# Without arguments: only looks whether it can. Exit code 77, and one line: it cannot on this host.
binary=$1
shift

# No unit has this name, so it ends at once.
starts() {
    ! "$@" "$binary" '--units=?' 2>&1 </dev/null | grep '^FATAL: ThreadSanitizer' >"$binary.fatal"
}

prefix=env
if ! starts env; then
    prefix="setarch -R"
    if ! command -v setarch >/dev/null || ! starts setarch -R; then
        echo "ThreadSanitizer cannot run on this host, races are not looked for: $(head -n 1 "$binary.fatal")" >&2
        exit 77
    fi
fi
rm -f "$binary.fatal"
[ $# -eq 0 ] || exec $prefix "$binary" "$@"
