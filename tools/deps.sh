#!/bin/sh
# Installs the Debian packages that persistbus needs and that are missing.
#   tools/deps.sh run    what `make run` needs: compiler, libraries
#   tools/deps.sh test   that and what `make test` needs: database servers, Python clients
#   tools/deps.sh containers   what the tests of images and containers need, which `make test` leaves out without it
# Asks nothing as root or with password-less sudo; else prints the line to run and stops.
# Does nothing, quickly, when nothing is missing.
set -eu

build="gcc make pkg-config libc6-dev libzmq3-dev libczmq-dev libmsgpack-dev libmicrohttpd-dev libsqlite3-dev
libyaml-dev libhiredis-dev libmongoc-dev libpq-dev libyyjson-dev libcbor-dev libcurl4-openssl-dev libxxhash-dev"
run="curl sqlite3 ca-certificates"
test="libcmocka-dev clang-format clang libclang-rt-dev python3 python3-venv python3-pytest python3-zmq python3-msgpack python3-xxhash procps wrk jq iproute2
redis-server postgresql"

case "${1:-test}" in
run) wanted="$build $run" ;;
test) wanted="$build $run $test" ;;
containers) wanted="buildah podman runc" ;;
*) echo "deps: '$1' is not a set of packages: use run, test or containers" >&2; exit 2 ;;
esac

missing=
for package in $wanted; do
    case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)" in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "deps: this system has no apt; install the counterparts of:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        echo "deps: packages are missing and this user may not install them; run: sudo $0 ${1:-test}" >&2
        exit 1
    fi
fi

# yyjson came with Debian 13. On Debian 12 the next release of the mirror already in use is added with
# a priority too low for anything to be taken from it but what is named.
add_next_release() {
    apt-cache show libyyjson-dev >/dev/null 2>&1 && return
    . /etc/os-release
    [ "${VERSION_CODENAME:-}" = bookworm ] || return 0
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        awk '$2 == "bookworm" { print $1; exit }')
    [ -n "$mirror" ] || { echo "deps: no mirror of Debian 12 is configured in apt" >&2; exit 1; }
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s trixie main\n' "$mirror" |
        $as_root tee /etc/apt/sources.list.d/persistbus-next.list >/dev/null
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: 10\n\nPackage: libyyjson*\nPin: release n=trixie\nPin-Priority: 500\n' |
        $as_root tee /etc/apt/preferences.d/persistbus-next >/dev/null
    $as_root apt-get update -q >/dev/null
}

echo "deps: installing:$missing"
$as_root apt-get update -q >/dev/null
case " $missing " in *" libyyjson-dev "*) add_next_release ;; esac
# policy-rc.d is left alone: the tests start servers of their own on private ports. A container without an init
# refuses to start the packaged ones, which is just as well.
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >/dev/null
