#!/bin/bash
# Runs core-data and persist-sqlite in the foreground, with their data under var/.
#   tools/run.sh BIN     BIN: the folder of the programs, build/bin
# Ctrl-C (SIGINT) or SIGTERM stops both. If one ends by itself the other is stopped too, and the exit status is 1.
# The environment's SERVICE_PORT, PERSISTBUS_..., SPOOL_PATH, SQLITE_PATH hold, so that several run side by side.
set -u

bin=${1:?usage: tools/run.sh BIN}
: "${SPOOL_PATH:=var/spool}" "${SQLITE_PATH:=var/events.db}"
export SPOOL_PATH SQLITE_PATH
url=http://localhost:${SERVICE_PORT:-59880}/api/v3
stopping= core= sqlite= announcer=

for program in core-data persist-sqlite; do
    [ -x "$bin/$program" ] || { echo "run: $bin/$program is not there: run make first" >&2; exit 1; }
done
mkdir -p "$(dirname "$SPOOL_PATH")" "$(dirname "$SQLITE_PATH")" || exit 1

runs() {
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null
}
alive() {
    runs "$core" && runs "$sqlite"
}

# persist-sqlite first, so that it can take its leave of core-data; which is not held up by it for long, though.
# May be called again: a second Ctrl-C, or a signal that came before both had been started.
stop() {
    stopping=yes
    kill -TERM $sqlite $announcer 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        runs "$sqlite" || break
        sleep 0.05
    done
    kill -TERM $core 2>/dev/null
}
trap stop INT TERM HUP

# Tells when there is something to try. Gives up quietly if a service ends meanwhile; that is reported below.
announce() {
    until sleep 0.1 && alive && curl -s --max-time 1 "$url/persistence/groups" | grep -q '"ready":true'; do
        alive || return
    done
    cat <<TEXT

persistbus is ready: $url
Post an event, and read it back:

    curl -s $url/event/try/room/room-1/temperature -d '{"apiVersion":"v3","event":{"apiVersion":"v3",
      "id":"'\$(cat /proc/sys/kernel/random/uuid)'","deviceName":"room-1","profileName":"room",
      "sourceName":"temperature","origin":'\$(date +%s%N)',"readings":[{"origin":'\$(date +%s%N)',"deviceName":"room-1",
      "profileName":"room","resourceName":"temperature","valueType":"Float32","value":"21.5"}]}}'
    curl -s $url/event/all

Ctrl-C stops it.
TEXT
}

"$bin/core-data" &
core=$!
"$bin/persist-sqlite" &
sqlite=$!
announce &
announcer=$!
[ -z "$stopping" ] || stop

# A signal ends `wait` early; the loop goes on until one of the two has ended.
status=0
while alive; do
    wait -n "$core" "$sqlite"
    status=$?
done
if [ -z "$stopping" ]; then
    if runs "$core"; then ended=persist-sqlite; else ended=core-data; fi
    stop
    while runs "$core" || runs "$sqlite"; do wait "$core" "$sqlite"; done
    echo "run: $ended ended by itself, with status $status; the other one has been stopped" >&2
    exit 1
fi
while runs "$core" || runs "$sqlite"; do wait "$core" "$sqlite"; done
wait "$core"; core_status=$?
wait "$sqlite"; sqlite_status=$?
if [ $core_status -ne 0 ] || [ $sqlite_status -ne 0 ]; then
    echo "run: core-data ended with status $core_status, persist-sqlite with $sqlite_status" >&2
    exit 1
fi
