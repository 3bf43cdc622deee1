#!/bin/sh
# A private Redis server for tests: a unix socket in a folder of its own, no TCP port, snapshots off.
#
#   redis.sh start DIR [none|everysec|always] [OPTION...]
#                            starts the server that belongs to DIR, making it the first time; prints its URL.
#                            The word says when the append-only file is synced (none: there is no such file);
#                            options (--maxmemory 10mb) go to the server. Without them: as at the last start
#   redis.sh stop DIR        stops it in good order; an append-only file stays for the next start
#   redis.sh crash DIR       kills it the hard way (SIGKILL)
#   redis.sh pause DIR       halts it (SIGSTOP), and `resume DIR` lets it go on
#   redis.sh pid DIR         prints its process number
#   redis.sh cli DIR ARG...  runs redis-cli on it
#   redis.sh remove DIR      kills it and deletes its data
#
# REDIS_SERVER names another program, such as valkey-server; REDIS_CLI another client. Data and socket lie in a
# folder of their own below TMPDIR, as DIR may be too deep for a socket's name; DIR only holds its name. Fails,
# with one line, when there is no server.
set -eu

fail() { echo "redis.sh: $*" >&2; exit 1; }

[ $# -ge 2 ] || fail "usage: redis.sh start|stop|crash|pause|resume|pid|cli|remove DIR"
action=$1 dir=$2
shift 2

server=${REDIS_SERVER:-redis-server}
client=${REDIS_CLI:-redis-cli}
for program in "$server" "$client"; do
    command -v "$program" >/dev/null ||
        fail "$program is not installed; run tools/deps.sh (Debian: apt-get install redis-server)"
done

create() {
    data=$(mktemp -d "${TMPDIR:-/tmp}/pbus-redis.XXXXXX")
    mkdir -p "$dir"
    echo "$data" >"$dir/redis.path"
}

cli() { "$client" -s "$data/socket" "$@"; }

# Neither gone nor a zombie whose last thread is gone (until then its sockets are open).
alive() {
    case "$(ps -o stat= -p "$1")" in
    '') return 1 ;;
    Z*) [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -gt 1 ] ;;
    esac
}

running() { [ -s "$data/pid" ] && alive "$(cat "$data/pid")"; }

gone() {
    while alive "$1"; do sleep 0.01; done
    rm -f "$data/pid"
}

write_config() {
    {
        printf 'port 0\nunixsocket %s/socket\ndir %s\nsave ""\ndaemonize yes\n' "$data" "$data"
        printf 'pidfile %s/pid\nlogfile %s/log\n' "$data" "$data"
        case "${1:-none}" in
        none) ;;
        everysec | always) printf 'appendonly yes\nappendfsync %s\n' "$1" ;;
        *) fail "'$1' is not none, everysec or always" ;;
        esac
    } >"$data/redis.conf"
}

# Options come last, as the server lets the last one win.
launch() {
    "$server" "$data/redis.conf" "$@" >/dev/null || fail "the server did not start: $(tail -1 "$data/log")"
    tries=0
    # A server that wants a password has come up as well; one that is still loading has not.
    until answer=$(cli PING 2>&1) && case "$answer" in PONG | NOAUTH*) ;; *) false ;; esac; do
        tries=$((tries + 1))
        [ $tries -lt 1500 ] || fail "the server does not answer: $answer; $(tail -1 "$data/log")"
        sleep 0.02
    done
}

start() {
    if [ $# -gt 0 ] || [ ! -f "$data/arguments" ]; then
        write_config "${1:-none}"
        [ $# = 0 ] || shift
        : >"$data/arguments"
        for argument; do printf '%s\n' "$argument" >>"$data/arguments"; done
    fi
    set --
    while IFS= read -r argument; do set -- "$@" "$argument"; done <"$data/arguments"
    launch "$@"
}

if [ -f "$dir/redis.path" ]; then
    data=$(cat "$dir/redis.path")
elif [ "$action" = start ]; then
    create
else
    fail "$dir has no server; start one first"
fi

case "$action" in
start)
    running || start "$@"
    echo "unix://$data/socket"
    ;;
stop)
    if running; then
        pid=$(cat "$data/pid")
        kill -TERM "$pid"
        gone "$pid"
    fi
    ;;
crash)
    if running; then
        pid=$(cat "$data/pid")
        kill -9 "$pid"
        gone "$pid"
    fi
    ;;
pause) kill -STOP "$(cat "$data/pid")" ;;
resume) kill -CONT "$(cat "$data/pid")" ;;
pid) cat "$data/pid" ;;
cli) cli "$@" ;;
remove)
    if running; then
        pid=$(cat "$data/pid")
        kill -9 "$pid"
        gone "$pid"
    fi
    rm -rf "$data" "$dir/redis.path"
    ;;
*)
    fail "'$action' is not an action"
    ;;
esac
