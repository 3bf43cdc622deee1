#!/bin/bash
# How many bytes a stored reading takes, backend by backend, in one table.
#   bench/sizes.sh BIN [READINGS]     BIN: the folder of the programs, build/bin; 1000000 readings
# Environment: BACKENDS   which, "sqlite redis postgres mongo" and one without its server is an error
#              MOST_<BACKEND>   fewer readings for one that is slow: MOST_MONGO=200000; the table says how many
#              TMPDIR     where the data lies while it runs
# Events of 100 devices with 10 resources, random ids; half of them with one reading, half with ten. What is counted:
# of Redis, its memory (used_memory, no append-only file); of the others bytes on disk, indexes included and logs for
# recovery not, with what an empty store takes subtracted. With the default it takes some minutes.
set -u
bin=$(realpath "${1:?usage: bench/sizes.sh BIN [READINGS]}")
here=$(dirname "$(realpath "$0")")
command -v wrk >/dev/null || { echo "sizes: wrk is not installed: run make deps" >&2; exit 1; }
PERSISTBUS_BIN=$bin exec "${PYTHON:-/usr/bin/python3}" "$here/sizes.py" "${2:-1000000}"
