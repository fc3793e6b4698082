# Makes sure that what a build needs is on this machine, and builds. Sourced by the scripts that build; does nothing by itself.

# What every build of this package is told, so that none makes another one's anew. With colours, a build on a terminal and one
# elsewhere would.
build_options=(--no-color-diagnostics)
# Whoever builds anew each time says `whole` or `once`: modules are compiled as a whole, as in an optimised build, and without what
# debuggers need. That is less than two thirds of the work, and finds what only an optimised build would refuse. With `once`,
# Package.swift has what each message passes through optimised.
whole_options=(
    -debug-info-format none
    -Xswiftc -whole-module-optimization -Xswiftc -num-threads -Xswiftc "$(nproc 2>/dev/null || echo 2)"
)
case ${MARTLET_BUILD-} in whole | once) build_options+=("${whole_options[@]}") ;; esac

# Swift 6.3 names the traits to the compiler in an order that is another one in each process, and what was compiled with one
# order is compiled again with the next (swiftlang/swift-package-manager#10525). With this the order stays the same.
swift() { SWIFT_DETERMINISTIC_HASHING=1 command swift "$@"; }

# build_shown NAME OPTIONS...: builds, and lets whoever waits see how far it is: on a terminal as it goes, elsewhere by a line
# before and, if it fails, by all that the build has said. It writes to standard error: standard output belongs to the program.
build_shown() {
    local name=$1 log status=0
    shift
    if [ -t 2 ]; then
        swift build "${build_options[@]}" "$@" >&2
        return
    fi
    echo "Building $name; the first time takes a minute or two" >&2
    log=$(mktemp)
    swift build "${build_options[@]}" "$@" >"$log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

package_root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# Stops with an explanation if there is no Swift.
require_swift() {
    if ! type -P swift >/dev/null; then
        echo "Swift 6.3 or later is needed, and there is no 'swift' here. Install it from https://www.swift.org/install" >&2
        exit 1
    fi
}

# The Debian packages of the C libraries that the targets are built on, as Package.swift names them.
provided_packages() {
    swift package --package-path "$package_root" dump-package | tr -d ' \n' |
        grep -o '"apt":\[\[[^]]*\]' | sed 's/"apt":\[\[//; s/[]"]//g' | tr ',' '\n'
}

# Installs the Debian packages that a build needs and that are missing, or prints the command that does and stops. Other
# systems can't be asked; there the build itself will say what it lacks. With --brokers, the brokers that the integration
# tests start are among them. More packages may be given.
require_packages() {
    command -v dpkg-query >/dev/null || return 0

    # Without these not even Package.swift can be read.
    install_missing git libc6-dev 'libstdc++-*-dev=g++'
    local provided wanted=()
    provided=$(provided_packages)
    if [ "${1-}" = --brokers ]; then
        shift
        wanted+=(mosquitto mosquitto-clients redis-server rabbitmq-server ejabberd postgresql pgbouncer sqlite3 openssl systemd haproxy strace)
    fi
    # shellcheck disable=SC2086 # One word each.
    install_missing $provided ${wanted[@]+"${wanted[@]}"} "$@"
}

# Installs those of some Debian packages that are missing. PATTERN=PACKAGE installs PACKAGE unless some package that matches
# PATTERN is there: that of the C++ library carries its version in its name.
install_missing() {
    local entry missing=() status
    for entry in "$@"; do
        # A program may be here without its package.
        command -v "$entry" >/dev/null && continue
        status=$(dpkg-query --show --showformat='${db:Status-Abbrev} ' "${entry%%=*}" 2>/dev/null) || true
        [[ $status == *ii* ]] && continue
        missing+=("${entry##*=}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    local administrator=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "Something is missing. Please run: sudo apt-get install ${missing[*]}" >&2
            exit 1
        fi
        administrator=(sudo -n)
    fi
    echo "Installing ${missing[*]}" >&2
    (
        # Debian starts a server that it installs, on the port that this machine's own server may want. This keeps it from
        # doing so, for as long as the installation takes.
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap '${administrator[@]+"${administrator[@]}"} rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' | ${administrator[@]+"${administrator[@]}"} tee "$policy" >/dev/null
            ${administrator[@]+"${administrator[@]}"} chmod 755 "$policy"
        fi
        ${administrator[@]+"${administrator[@]}"} apt-get update -qq >&2
        ${administrator[@]+"${administrator[@]}"} env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
    )
}

# Makes sure that there is a Python that can make virtual environments; the peers of the interoperability tests need one.
require_python() {
    local works='import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 9))'
    python3 -c "$works" 2>/dev/null && return
    require_packages python3 python3-venv
    if ! python3 -c "$works" 2>/dev/null; then
        echo "Python 3.9 or later with its venv module is needed, and there is no such 'python3' here" >&2
        exit 1
    fi
}
