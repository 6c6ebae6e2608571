#!/bin/bash
# format.sh check|fix CLANG_FORMAT: every source of ours is as clang-format 14 writes it; 77 (skipped) without clang-format 14.
command -v "$2" >/dev/null || { echo "skipped: clang-format-14 is not installed"; exit 77; }
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
sources() { find include examples tests benchmarks -name '*.[hc]pp' -print0; }

[ "$1" = fix ] && { sources | xargs -0 "$2" -i; exit; }
wrong=$(sources | xargs -0 "$2" --dry-run 2>&1 | sed -n 's/:[0-9]*:[0-9]*: warning: .*//p' | sort -u)
[ -z "$wrong" ] || { printf '%s\n' "$wrong" "not formatted: cmake --build BUILD --target format"; exit 1; }
