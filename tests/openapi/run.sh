#!/bin/bash
# Compares docs/openapi.yaml with a running core-data, by schemathesis: examples, limits of each parameter, random input,
# sequences of calls; every operation. It checks statuses, headers, content types and bodies against the document, and
# that nothing is a server error. Ends with status 0 only if all is as documented.
#   tests/openapi/run.sh URL [OPTION...]     URL: http://localhost:59880/api/v3; options go to `schemathesis run`
# Its input is the same each time, and another one with another SEED in the environment.
# The Python packages of requirements.txt are installed from PyPI into build/openapi, once. Without them it fails.
set -u
cd "$(dirname "$(realpath "$0")")/../.." || exit 1
url=${1:?usage: tests/openapi/run.sh URL [OPTION...]}
shift
python=${PYTHON:-/usr/bin/python3} home=build/openapi wanted=tests/openapi/requirements.txt

fail() { echo "openapi: $*" >&2; exit 1; }

# One installs, others that come at the same time wait for it.
prepare() {
    mkdir -p build && exec 9>build/openapi.lock && flock 9
    cmp -s $wanted $home/installed.txt && return
    rm -rf $home
    "$python" -m venv $home || fail "$python has no venv: run tools/deps.sh (Debian: apt-get install python3-venv)"
    $home/bin/pip install --quiet --disable-pip-version-check -r $wanted ||
        fail "the packages of $wanted are not to be had from PyPI; the document was NOT checked"
    cp $wanted $home/installed.txt
}

prepare
exec 9>&-
exec $home/bin/st --config-file tests/openapi/schemathesis.toml run docs/openapi.yaml --url "$url" --no-color \
    --seed "${SEED:-1}" "$@"
