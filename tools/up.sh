#!/bin/bash
# Renders configs/deployment.template.json and runs it by edge-agent in the foreground: make up.
#   tools/up.sh BIN     BIN: the folder of the programs, build/bin
# Variables of the template come from the environment, else from .env in the current folder, else from
# configs/example.env. The manifest is config/deployment.amd64.json, data are under var/, both in the current folder.
# Ctrl-C (SIGINT) or SIGTERM stops the agent, which stops its modules.
set -eu

bin=${1:?usage: tools/up.sh BIN}
top=$(dirname "$(dirname "$(realpath "$0")")")
manifest=config/deployment.amd64.json
variables=.env
[ -f $variables ] || variables=$top/configs/example.env

for program in persistctl edge-agent; do
    [ -x "$bin/$program" ] || { echo "up: $bin/$program is not there: run make first" >&2; exit 1; }
done
export PERSISTBUS_BIN="${PERSISTBUS_BIN:-$bin}"
"$bin/persistctl" render "$top/configs/deployment.template.json" -e "$variables" -o $manifest
exec "$bin/edge-agent" --manifest $manifest
