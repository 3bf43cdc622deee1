#!/bin/bash
# A private MongoDB-compatible server for tests, on a loopback port of its own.
#
#   mongo.sh start DIR    starts the server that belongs to DIR, making it the first time; prints its URI, and on a
#                         second line what it is
#   mongo.sh stop DIR     stops it in good order; its data and its port stay for the next start
#   mongo.sh crash DIR    kills it the hard way (SIGKILL); its data stays
#   mongo.sh pid DIR      prints its process id
#   mongo.sh remove DIR   stops it and deletes its data
#
# Which server: the one that MONGODB_URI names, if set (which is then used as it is, and neither stopped nor crashed:
# these two end with status 3); else mongod, if it is on PATH; else FerretDB with SQLite, built from
# tests/mongo-server into build/. If there is none of these it ends with status 77, which is no pass.
set -u

fail() { echo "mongo.sh: $*" >&2; exit 1; }

[ $# = 2 ] || fail "usage: mongo.sh start|stop|crash|pid|remove DIR"
action=$1 dir=$2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=$root/build/mongo-server

if [ -n "${MONGODB_URI:-}" ]; then
    case $action in
    start) echo "$MONGODB_URI"; echo "the server that MONGODB_URI names"; exit 0 ;;
    stop | crash | pid) echo "mongo.sh: the server that MONGODB_URI names is not this script's to $action" >&2; exit 3 ;;
    remove) exit 0 ;;
    esac
fi

# One builds, others that come at the same time wait for it.
build() {
    mkdir -p "$root/build"
    (
        flock 9
        [ "$program" -nt "$root/tests/mongo-server/main.go" ] && [ "$program" -nt "$root/tests/mongo-server/go.mod" ] &&
            exit 0
        cd "$root/tests/mongo-server" && go build -trimpath -o "$program.new" . && mv "$program.new" "$program"
    ) 9>"$root/build/mongo-server.lock" >&2
}

none() {
    echo "mongo.sh: NO MONGODB-COMPATIBLE SERVER: $*. Put mongod or go on PATH, or set MONGODB_URI." >&2
    exit 77
}

running() { [ -s "$dir/mongo.pid" ] && kill -0 "$(cat "$dir/mongo.pid")" 2>/dev/null; }

# A child of this script would get SIGHUP or SIGINT with it, and hold its output open.
launch() {
    rm -f "$dir/mongo.out" # what an earlier run printed
    setsid "$@" >"$dir/mongo.out" 2>>"$dir/mongo.log" </dev/null &
    echo $! >"$dir/mongo.pid"
}

wait_for() {
    for _ in $(seq 600); do
        "$@" && return 0
        running || return 1
        sleep 0.05
    done
    return 1
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
has_uri() { grep -qs '^mongodb://' "$dir/mongo.out"; }

# Below the range that outgoing connections take their ports from, so that a restarted server finds its own free.
pick_port() { [ -s "$dir/mongo.port" ] && port=$(cat "$dir/mongo.port") || port=$((12000 + RANDOM % 20000)); }

# Runs start_... with a port; with another one if that fails and the port is not remembered.
with_port() {
    for _ in 1 2 3 4 5; do
        pick_port
        "$@" && return 0
        [ ! -s "$dir/mongo.port" ] || break
    done
    fail "the server did not start: $(tail -q -n 1 "$dir/mongo.out" "$dir/mongo.log")"
}

start_mongod() {
    mkdir -p "$dir/mongo-data"
    launch mongod --dbpath "$dir/mongo-data" --bind_ip 127.0.0.1 --port "$port" --wiredTigerCacheSizeGB 0.25
    wait_for listens && running
}

start_ferretdb() {
    launch "$program" "127.0.0.1:$port" "$dir/mongo-data"
    wait_for has_uri
}

start() {
    mkdir -p "$dir" || fail "cannot make $dir"
    running && fail "a server already runs for $dir"
    if command -v mongod >/dev/null; then
        with_port start_mongod
        what=$(mongod --version | sed -n 's/^db version v/MongoDB /p')
    elif command -v go >/dev/null || [ -x "$program" ]; then
        build || none "tests/mongo-server does not build"
        with_port start_ferretdb
        what="FerretDB 1.24.2 with SQLite"
    else
        none "neither mongod nor go is installed"
    fi
    echo "$port" >"$dir/mongo.port"
    echo "mongodb://127.0.0.1:$port/"
    echo "$what"
}

end() {
    running || return 0
    pid=$(cat "$dir/mongo.pid")
    kill "-$1" "$pid"
    for _ in $(seq 600); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    ! kill -0 "$pid" 2>/dev/null || fail "process $pid does not end"
    rm -f "$dir/mongo.pid"
}

case $action in
start) start ;;
stop) end TERM ;;
crash) end KILL ;;
pid) cat "$dir/mongo.pid" 2>/dev/null || fail "no server was started for $dir" ;;
remove) end TERM; rm -rf "$dir/mongo-data" "$dir"/mongo.{pid,port,out,log} ;;
*) fail "'$action' is none of start, stop, crash, pid, remove" ;;
esac
