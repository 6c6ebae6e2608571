#!/bin/bash
# tidy.sh [HEADER...]: clang-tidy 19 over every header that no component owns, except run/ and calibrate/, or over these
# headers of include/; 77 (skipped) without clang-tidy-19.
command -v clang-tidy-19 >/dev/null || { echo "skipped: clang-tidy-19 is not installed"; exit 77; }
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
if [ $# = 0 ]; then
  folders=$(sed -n 's/^dispart_component(.* FOLDER \([^ )]*\).*/\1/p' CMakeLists.txt)
  set -- $(cd include && find dispart -name '*.hpp' ! -name '*.inl.hpp' ! -path '*/detail/*' | sort |
    grep -vE "^dispart/($(echo $folders | tr ' ' '|')|run|calibrate)/")
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for header in "$@"; do echo "#include \"$header\""; done > "$work/unit.cpp"
eigen=$(pkg-config --cflags-only-I eigen3 2>/dev/null || echo -I/usr/include/eigen3)
clang-tidy-19 --quiet --config-file=.clang-tidy --warnings-as-errors='*' "$work/unit.cpp" -- \
  -std=c++20 -fno-relaxed-template-template-args -I include ${eigen/-I/-isystem }
