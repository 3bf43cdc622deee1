#!/bin/sh
# Gets a real MongoDB server for tests, where none is installed: 3.6.8 out of Ubuntu 20.04, the last one that a distribution
# packaged, with the libraries that it was built with. It is unpacked, not installed, and nothing else changes.
#   tests/mongo-server/unpack-mongod.sh FOLDER && export PATH=FOLDER/bin:$PATH
# Then the tests take it in place of FerretDB. The packages come from the /ubuntu beside the /debian that apt uses, or from
# UBUNTU_MIRROR=URL, and are checked against Ubuntu's keys. Before 4.2 an index takes no long names: of the conformance suite
# "long-names" fails with this server.
set -eu
[ $# = 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
fail() { echo "unpack-mongod: $*" >&2; exit 1; }

wanted="mongodb-server-core mongodb-clients libboost-filesystem1.71.0 libboost-iostreams1.71.0 libboost-program-options1.71.0
libgoogle-perftools4 libtcmalloc-minimal4 libpcrecpp0v5 libpcre3 libsnappy1v5 libssl1.1 libstemmer0d libyaml-cpp0.6 libunwind8"
mkdir -p "$1"
folder=$(realpath "$1")
[ ! -x "$folder/bin/mongod" ] || exit 0

[ "$(uname -m)" = x86_64 ] || fail "the packages are for x86_64, not for $(uname -m)"
mirror=${UBUNTU_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
    sed -n 's,/debian/*$,/ubuntu,p' | head -n 1)}
[ -n "$mirror" ] || fail "apt uses no mirror of Debian that could have Ubuntu beside it: set UBUNTU_MIRROR"

# Lists and packages of apt in the folder, so that those of the system stay as they are.
work=$folder/work
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$folder/root"
cd "$work"
apt-get download -q ubuntu-keyring >download.log 2>&1 || fail "Debian's package ubuntu-keyring cannot be had: $(tail -n 1 download.log)"
dpkg-deb -x ubuntu-keyring_*.deb keys
for suite in focal focal-updates; do
    echo "deb [arch=amd64 signed-by=$work/keys/usr/share/keyrings/ubuntu-archive-keyring.gpg] $mirror $suite main universe"
done >sources.list
focal() {
    apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null \
        -o Dir::Etc::PreferencesParts=/dev/null -o Dir::State::Status=/dev/null -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User=root -o APT::Architectures=amd64 "$@"
}
focal update >update.log 2>&1 || fail "$mirror: $(tail -n 1 update.log)"
# shellcheck disable=SC2086
focal download $wanted >download.log 2>&1 || fail "$mirror: $(tail -n 1 download.log)"
for package in $wanted; do
    dpkg-deb -x "$package"_*.deb "$folder/root"
done

mkdir -p "$folder/bin"
for program in mongod mongos mongo; do
    [ -x "$folder/root/usr/bin/$program" ] || continue
    printf '#!/bin/sh\nr=%s/root\nLD_LIBRARY_PATH=$r/usr/lib/x86_64-linux-gnu:$r/usr/lib:$r/lib/x86_64-linux-gnu exec $r/usr/bin/%s "$@"\n' \
        "$folder" "$program" >"$folder/bin/$program"
    chmod +x "$folder/bin/$program"
done
cd "$folder"
rm -r "$work"
version=$("$folder/bin/mongod" --version) || { rm -r "$folder/bin"; fail "the server does not run on this system"; }
echo "$version" | head -n 1
