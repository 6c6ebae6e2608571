# Sourced by examples/run and tests/run: which Debian packages each purpose needs, and installing those that are missing.

packages_to_build="g++ cmake make ninja-build libeigen3-dev libxtensor-dev libboost-dev libexpected-dev
  nlohmann-json3-dev libprotozero-dev libcli11-dev libssl-dev"
packages_to_test="doctest-dev"
packages_for_components="liblz4-dev libzstd-dev libzfp-dev libdnnl-dev
  libopenmpi-dev openmpi-bin libgrpc++-dev libprotobuf-dev"
packages_to_compare="libsimgrid-dev"
packages_to_fuzz="clang-19 libclang-rt-19-dev"

# need_packages PACKAGE...: installs the missing ones, as root or through sudo; says what to do where neither is possible.
need_packages() {
  local missing as_root
  command -v dpkg-query >/dev/null || { echo "$0: not a Debian system: assuming that these are installed: $*" >&2; return 0; }
  missing=$(comm -23 <(printf '%s\n' "$@" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort -u))
  [ -n "$missing" ] || return 0
  missing=$(echo $missing)
  if [ "$(id -u)" = 0 ]; then as_root=""
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then as_root=sudo
  else
    echo "$0: these Debian packages are missing, and this is neither root nor sudo:" >&2
    echo "  apt-get install --no-install-recommends $missing" >&2
    return 1
  fi
  echo "$0: installing $missing"
  local apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
  local log; log=$(mktemp)
  if ! { $apt update && $apt install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2; rm -f "$log"
    echo "$0: apt-get could not install: $missing" >&2
    return 1
  fi
  rm -f "$log"
}

# configure PRESET [OPTION...]: with Ninja for a new build folder; quiet unless it fails.
configure() {
  local preset=$1 log; shift
  if [ ! -e "build/$preset/CMakeCache.txt" ] && [ -z "${CMAKE_GENERATOR:-}" ] && command -v ninja >/dev/null; then
    local -x CMAKE_GENERATOR=Ninja
  fi
  log=$(mktemp)
  if ! cmake --preset "$preset" "$@" >"$log" 2>&1; then cat "$log" >&2; rm -f "$log"; return 1; fi
  rm -f "$log"
}
