# Sourced by scripts/run and scripts/test: packages, builds and Python peers, each only when missing.
# shellcheck shell=sh

BUILD_PACKAGES="gcc libc6-dev cmake ninja-build pkg-config liblua5.4-dev libcurl4-openssl-dev libssl-dev libcjson-dev \
libuv1-dev libsimde-dev libsqlite3-dev libexpat1-dev libedit-dev libcmocka-dev zlib1g-dev libisal-dev ca-certificates tzdata"

say() {
    printf '%s\n' "== $*" >&2
}

# need_packages NAME...: installs those Debian packages that are not there yet.
need_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || {
            say "These packages are missing and need root (or sudo) to install:$missing"
            return 1
        }
        as_root=sudo
    fi
    say "installing:$missing"
    # shellcheck disable=SC2086
    $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# build_preset NAME: configures once, then builds what changed.
build_preset() {
    if [ ! -f "build/$1/build.ninja" ]; then
        say "configuring build/$1"
        cmake --preset "$1" >"build-$1.log" 2>&1 || { cat "build-$1.log" >&2; return 1; }
        mv "build-$1.log" "build/$1/configure.log"
    fi
    cmake --build "build/$1" -- --quiet >&2
}

# need_python: a virtual environment under build/ with the servers and SDKs that the tests compare with.
# What cannot be had is said; the tests that need it skip themselves by name.
need_python() {
    wanted=$(cat scripts/dev/python-packages.txt)
    [ -f build/venv/installed ] && [ "$(cat build/venv/installed)" = "$wanted" ] && return 0
    need_packages python3 python3-venv || return 1
    say "making build/venv with: $(echo "$wanted" | tr '\n' ' ')"
    [ -x build/venv/bin/python ] || python3 -m venv build/venv || return 1
    if build/venv/bin/pip install --quiet --disable-pip-version-check -r scripts/dev/python-packages.txt >&2; then
        printf '%s\n' "$wanted" >build/venv/installed
    else
        say "Some Python packages cannot be had: tests against those servers will be skipped."
    fi
}
