#!/bin/bash
# Throughput and latency of core-data with one backend, next to a yardstick measured in the same minutes.
#   bench/run.sh BIN
# Environment: DURATION   seconds of each measurement, 5
#              BACKEND    sqlite; redis (a server without an append-only file), redis-everysec (with one, synced every
#                         second), postgres, mongo; or several: BACKEND="sqlite redis", one after another
#              BENCH_DIR  where the data lies while it runs: on the disk that is to be measured, /var/tmp
# Everything runs on private ports and is stopped at the end; with the default a backend takes about a minute and a half.
# Absolute figures move with the machine and its load; the ratio to the yardstick is what can be compared.
set -u

bin=$(realpath "${1:?usage: bench/run.sh BIN}")
here=$(dirname "$(realpath "$0")")
duration=${DURATION:-5}
backend=${BACKEND:-sqlite}
python=${PYTHON:-/usr/bin/python3}
scripts=$here/../tests/support
pids=()

if [[ $backend == *" "* ]]; then
    status=0
    for one in $backend; do
        BACKEND=$one "$0" "$bin" || status=$?
        echo
    done
    exit $status
fi

fail() {
    echo "bench: $*" >&2
    exit 1
}

for tool in wrk curl "$python"; do
    command -v "$tool" >/dev/null || fail "$tool is not installed: run make deps"
done
[ "$duration" -ge 1 ] && [ "$duration" -le 15 ] || fail "DURATION is $duration; it must be 1 to 15 seconds"

folder=$(mktemp -d "${BENCH_DIR:-/var/tmp}/persistbus-bench.XXXXXX") || exit 1
chmod 711 "$folder" # PostgreSQL's server runs as a user of its own
cleanup() {
    [ ${#pids[@]} -eq 0 ] || { kill "${pids[@]}" 2>/dev/null; wait "${pids[@]}" 2>/dev/null; }
    [ -z "${server:-}" ] || "$scripts/$server.sh" remove "$folder/server"
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

read -r http requests replies events redis <<<"$("$python" -c "
import sys
sys.path.insert(0, '$here/../tests')
from support.stand import free_ports
print(*free_ports(5))")"
[ -n "$redis" ] || fail "no free ports"
url=http://127.0.0.1:$http
export PERSISTBUS_REQUESTS=tcp://127.0.0.1:$requests PERSISTBUS_REPLIES=tcp://127.0.0.1:$replies
export WRITABLE_LOGLEVEL=WARN

# ---- the services

start() { # name, environment, command...
    local name=$1
    shift
    env "$@" >"$folder/$name.log" 2>&1 &
    pids+=($!)
}

# Sets backend_pid, and store_pid, the process that writes to the disk, if that is another one.
start_backend() {
    local variable url
    case $backend in
    sqlite)
        start backend SQLITE_PATH="$folder/events.db" "$bin/persist-sqlite"
        store_pid=
        backend_pid=${pids[-1]}
        return
        ;;
    redis | redis-everysec) variable=REDIS_URL ;;
    postgres) variable=DATABASE_URL ;;
    mongo) variable=MONGODB_URI ;;
    *) fail "BACKEND=$backend is not known: use sqlite, redis, redis-everysec, postgres or mongo" ;;
    esac
    server=${backend%-*}
    local options=()
    [ $backend = $server ] || options=("${backend#*-}")
    # Its data lies below TMPDIR.
    TMPDIR=$folder "$scripts/$server.sh" start "$folder/server" "${options[@]}" >"$folder/server.url" ||
        fail "the server for $backend does not start"
    url=$(head -1 "$folder/server.url")
    start backend "$variable=$url" "$bin/persist-$server"
    backend_pid=${pids[-1]}
    store_pid=$("$scripts/$server.sh" pid "$folder/server") || fail "the server for $backend has no process of its own"
}

wait_ready() {
    for _ in $(seq 100); do
        curl -s "$url/api/v3/persistence/groups" | grep -q '"ready":true' && return
        sleep 0.1
    done
    cat "$folder"/*.log >&2
    fail "the services are not ready after 10 s"
}

# ---- measuring

ticks=$(getconf CLK_TCK)
with_children() { # pid: and those that it has started
    local pid=${1:-}
    [ -z "$pid" ] || echo "$pid" $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
}
cpu() { # pid...: user and system time of these, and of children that have ended, in ms
    local pid
    for pid; do cat "/proc/$pid/stat" 2>/dev/null; done |
        awk -v ticks="$ticks" '{ sub(/^.*\) /, ""); sum += $12 + $13 + $14 + $15 } END { print int(sum * 1000 / ticks) }'
}
written() { # pid...: bytes sent to the disk
    local pid
    for pid; do cat "/proc/$pid/io" 2>/dev/null; done | awk '$1 == "write_bytes:" { sum += $2 } END { printf "%.0f\n", sum }'
}
memory() { # pid, VmRSS or VmHWM: MiB
    awk -v key="$2:" '$1 == key { printf "%.1f", $2 / 1024 }' "/proc/$1/status"
}

counter() { # name
    curl -s "$url/api/v3/persistence/groups" | sed "s/.*\"$1\":\([0-9]*\).*/\1/"
}
wait_stored() { # until all that went to the spool has reached the store
    for _ in $(seq 1200); do
        curl -s "$url/api/v3/persistence/groups" | grep -q '"state":"LIVE".*"spool":{"events":0,' && return
        sleep 0.1
    done
    fail "what went to the spool is not stored after 120 s"
}

row='%-40s %6s %10s %9s %9s %7s %8s %8s %8s %8s %9s %8s\n'
measure() { # title, connections, script, argument
    local title=$1 connections=$2 script=$3 argument=$4
    local core_cpu backend_cpu store_cpu bytes spooled result rate p50 p99 errors count store
    store=$(with_children "$store_pid") # one that starts a process for each connection has all of them by now
    core_cpu=$(cpu "$core_pid") backend_cpu=$(cpu "$backend_pid") store_cpu=$(cpu $store)
    bytes=$(written ${store:-$backend_pid}) spooled=$(counter writesSpooled)
    result=$(wrk -t1 -c"$connections" -d"${duration}s" --timeout 10s -s "$here/$script" "$url" -- "$argument" |
        sed -n 's/^RESULT //p')
    read -r rate p50 p99 errors count <<<"$result"
    if [ "${count:-0}" -eq 0 ]; then # not one within the time
        # shellcheck disable=SC2059
        printf "$row" "$title" "$connections" none
        failed=$((failed + 1))
        return
    fi
    core_cpu=$(($(cpu "$core_pid") - core_cpu)) backend_cpu=$(($(cpu "$backend_pid") - backend_cpu))
    store_cpu=$(($(cpu $store) - store_cpu)) bytes=$(($(written ${store:-$backend_pid}) - bytes))
    spooled=$(($(counter writesSpooled) - spooled))
    # shellcheck disable=SC2059
    printf "$row" "$title" "$connections" "${rate%.*}" "$p50" "$p99" "$errors" $spooled $((core_cpu * 1000 / count)) \
        $((backend_cpu * 1000 / count)) "$([ -n "$store" ] && echo $((store_cpu * 1000 / count)))" "$([[ $script == post.lua ]] && echo $((bytes / count)))" \
        "$(memory "$core_pid" VmRSS)"
    failed=$((failed + errors))
    [ $spooled = 0 ] || wait_stored
}

yardstick() {
    local set sync
    sync=$("$python" - "$folder/sync" <<'P'
import os, sys, time
f = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
n, end = 0, time.monotonic() + 1
while time.monotonic() < end:
    os.pwrite(f, b"x" * 4096, n * 4096)
    os.fdatasync(f)
    n += 1
print(n)
P
    )
    set="not installed"
    if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
        [ -n "${redis_pid:-}" ] || start_redis
        set=$(redis-benchmark -p "$redis" -c 32 -t set -n 150000 --csv | awk -F'"' '$2 == "SET" { print int($4) }')/s
    fi
    echo "yardstick: redis-benchmark -c 32 -t set $set; write of 4 KiB + fdatasync $sync/s"
}

start_redis() {
    start redis redis-server --port "$redis" --bind 127.0.0.1 --save "" --appendonly no --dir "$folder"
    redis_pid=${pids[-1]}
    for _ in $(seq 50); do
        redis-cli -p "$redis" ping 2>/dev/null | grep -q PONG && return
        sleep 0.1
    done
    fail "redis-server does not start"
}

start core SERVICE_PORT="$http" PERSISTBUS_EVENTS="tcp://127.0.0.1:$events" SPOOL_PATH="$folder/spool" "$bin/core-data"
core_pid=${pids[-1]}
start_backend
wait_ready
failed=0

echo "persistbus, backend $backend, $(nproc) cores, $duration s each; wrk with one thread on the same machine"
yardstick
# shellcheck disable=SC2059
printf "$row" "" conns "per s" "p50 ms" "p99 ms" errors spooled "core us" "back. us" "store us" "disk B" "core MiB"
for readings in 1 10; do
    for connections in 1 32 512; do
        measure "POST event, $readings reading$([ $readings = 1 ] || echo s)" $connections post.lua $readings
    done
done
posted=$(curl -s "$url/api/v3/event/count" | sed 's/.*"count":\([0-9]*\).*/\1/')
measure "GET event/all?limit=20" 16 get.lua "/api/v3/event/all?limit=20"
measure "GET reading/device/name/{}?limit=100" 16 get.lua "/api/v3/reading/device/name/device-%d?limit=100"
measure "GET event/count" 16 get.lua "/api/v3/event/count"
yardstick
echo "core us, back. us, store us: processor time a request of core-data, of the backend and of its database server."
echo "disk B: written to the disk an event. spooled: what the backend was too slow for (answered 202)."
echo "core MiB: resident memory of core-data at that time, at most $(memory "$core_pid" VmHWM). The backend's: $(memory "$backend_pid" VmRSS) MiB."
[ -z "$store_pid" ] || echo "the database server's memory: $(memory "$store_pid" VmRSS) MiB"
[ ! -s "$folder/server.url" ] || sed -n '2s/^/the database server is /p' "$folder/server.url"
echo "stored: $posted events, $(du -sk "$folder" | awk '{ print int($1 / 1024) }') MiB in $folder"
if grep -q level=ERROR "$folder"/core.log "$folder"/backend.log; then
    grep -h level=ERROR "$folder"/core.log "$folder"/backend.log | head -5 >&2
    fail "the services have logged errors"
fi
[ $failed -eq 0 ] || fail "$failed requests failed"
