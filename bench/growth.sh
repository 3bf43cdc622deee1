#!/bin/bash
# How long the first page, an event by its id and counts take with few and with many events stored.
#   bench/growth.sh BIN [FEW [MANY]]     BIN: the folder of the programs, build/bin; 10000 and 1000000 events
# Environment: BACKEND    sqlite, or redis, postgres, mongo (tests/support/backend.py)
#              TMPDIR     where the data lies while it runs
# Prints the medians of each; ends with status 1 if one is more than twice as long with many events. Everything runs on
# private ports and is stopped at the end. With the default it takes a minute or two, most of it to post the events.
set -u
bin=$(realpath "${1:?usage: bench/growth.sh BIN [FEW [MANY]]}")
here=$(dirname "$(realpath "$0")")
command -v wrk >/dev/null || { echo "growth: wrk is not installed: run make deps" >&2; exit 1; }
PERSISTBUS_BIN=$bin exec "${PYTHON:-/usr/bin/python3}" "$here/growth.py" "${2:-10000}" "${3:-1000000}"
