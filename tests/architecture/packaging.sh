#!/bin/bash
# packaging.sh VERSION COMPONENT...: the recipes under docs/packaging name this version, these components and files that exist.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../docs/packaging" || exit 2
version=$1 failed=0
shift
need() { # FILE PATTERN WHAT
  grep -qE -- "$2" "$1" || { echo "$1 lacks $3"; failed=1; }
}
need vcpkg/vcpkg.json "\"version\": \"${version//./\\.}\"" "version $version"
need conan/conanfile.py "version = \"${version//./\\.}\"" "version $version"
[ "$(sed -n '1s/^dispart (\([^)-]*\).*/\1/p' debian/changelog)" = "$version" ] || { echo "debian/changelog: not $version"; failed=1; }
for component in "$@"; do
  need README.md "\`$component\`" "component $component"
  need conan/conanfile.py "\"$component\"" "component $component"
done
# The CMake package is where CMake installs it, and every package of the core is named.
need vcpkg/portfile.cmake 'CONFIG_PATH share/cmake/dispart' "the place of the CMake package"
need ../../cmake/install.cmake 'CMAKE_INSTALL_DATADIR\}/cmake/dispart' "the place of the CMake package"
for file in debian/control:libeigen3-dev,libxtensor-dev,libboost-dev,libexpected-dev,nlohmann-json3-dev,libprotozero-dev,libssl-dev \
            conan/conanfile.py:boost/,eigen/,tl-expected/,xtensor/,nlohmann_json/,protozero/,openssl/ \
            vcpkg/vcpkg.json:boost-,eigen3,tl-expected,xtensor,nlohmann-json,protozero,openssl; do
  for package in $(tr , ' ' <<<"${file#*:}"); do need "${file%%:*}" "$package" "$package"; done
done
# Boost's headers in use come from the modules that vcpkg is told of.
modules=$(grep -rhoE '#include <boost/[a-z_]+' ../../include | sort -u | sed 's,.*/,,; s/_/-/g')
for module in $modules; do need vcpkg/vcpkg.json "boost-$module" "boost-$module"; done
if command -v python3 >/dev/null; then
  python3 -c 'import ast, json; ast.parse(open("conan/conanfile.py").read()); json.load(open("vcpkg/vcpkg.json"))' || failed=1
fi
[ $failed = 0 ] && echo "the recipes agree with CMake: dispart $version with $*"
exit $failed
