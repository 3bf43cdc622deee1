#!/bin/sh
# A private PostgreSQL server for tests: a unix socket in a folder of its own, no TCP port, fsync on as by default.
#
#   postgres.sh start DIR    starts the server that belongs to DIR, making it the first time; prints its URL
#   postgres.sh stop DIR     stops it in good order; its data stays for the next start
#   postgres.sh crash DIR    kills it the hard way (SIGKILL to all its processes); its data stays
#   postgres.sh pid DIR      prints its process number
#   postgres.sh admin DIR    prints the URL for the superuser
#   postgres.sh remove DIR   stops it and deletes its data
#
# The URL names an ordinary role `persistbus` (no superuser) with a password, which owns the database `persistbus`.
# PostgreSQL refuses to run as root, so a root caller gets a server that runs as the user `postgres`. The data lies
# in a folder of its own below TMPDIR, since DIR may be closed to that user and too deep for a socket's name; DIR
# only holds its name. Fails, with one line, when there is no PostgreSQL.
set -eu

fail() { echo "postgres.sh: $*" >&2; exit 1; }

[ $# = 2 ] || fail "usage: postgres.sh start|stop|crash|pid|admin|remove DIR"
action=$1 dir=$2

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n | tail -1)
if [ -z "$bin" ]; then
    bin=$(command -v pg_ctl || true)
    bin=${bin%/pg_ctl}
fi
[ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] ||
    fail "PostgreSQL's server is not installed; run tools/deps.sh (Debian: apt-get install postgresql)"

if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || fail "there is no user postgres to run the server as"
    as_owner="setpriv --reuid postgres --regid postgres --init-groups env HOME=/ LC_ALL=C"
else
    as_owner="env LC_ALL=C"
fi
# The server's user may not enter the folder that the caller stands in.
at_root() { (cd / && $as_owner "$@"); }

sql() { at_root "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$data" -U postgres "$@"; }

create() {
    data=$(mktemp -d "${TMPDIR:-/tmp}/pbus-pg.XXXXXX")
    [ "$(id -u)" != 0 ] || chown postgres: "$data"
    chmod 755 "$data"
    at_root "$bin/initdb" -D "$data/data" -U postgres -E UTF8 --locale=C -N --auth=trust >"$data/initdb.log" 2>&1 ||
        fail "initdb failed: $(tail -1 "$data/initdb.log")"
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$data'"
        echo "shared_buffers = 64MB"
    } >>"$data/data/postgresql.conf"
    printf 'local all postgres trust\nlocal all all scram-sha-256\n' >"$data/data/pg_hba.conf"
    launch
    sql -d postgres -c "CREATE ROLE persistbus LOGIN PASSWORD 'persistbus'" -c "CREATE DATABASE persistbus OWNER persistbus"
    mkdir -p "$dir"
    echo "$data" >"$dir/postgres.path"
}

launch() {
    at_root "$bin/pg_ctl" -D "$data/data" -l "$data/log" -w -t 60 start >/dev/null 2>&1 ||
        fail "the server did not start: $(tail -3 "$data/log" | tr '\n' ' ')"
}

# Neither gone nor a zombie.
alive() { case "$(ps -o stat= -p "$1")" in '' | Z*) return 1 ;; esac; }

running() { [ -f "$data/data/postmaster.pid" ] && at_root "$bin/pg_ctl" -D "$data/data" status >/dev/null 2>&1; }

if [ -f "$dir/postgres.path" ]; then
    data=$(cat "$dir/postgres.path")
elif [ "$action" != start ]; then
    fail "$dir has no server; start one first"
fi

case "$action" in
start)
    if [ ! -f "$dir/postgres.path" ]; then create; elif ! running; then launch; fi
    echo "postgresql://persistbus:persistbus@/persistbus?host=$data"
    ;;
admin)
    echo "postgresql://postgres@/persistbus?host=$data"
    ;;
stop)
    ! running || at_root "$bin/pg_ctl" -D "$data/data" -m fast -w -t 60 stop >/dev/null
    ;;
pid) head -1 "$data/data/postmaster.pid" ;;
crash)
    pid=$(head -1 "$data/data/postmaster.pid")
    # Halted first, so that the parent has no time to start another child.
    kill -STOP "$pid"
    children=$(ps -o pid= --ppid "$pid" || true)
    # shellcheck disable=SC2086
    kill -9 $children "$pid" 2>/dev/null || true
    for process in $pid $children; do
        while alive "$process"; do sleep 0.01; done
    done
    # A dead process that nobody has waited for yet still has its number, which would stop the next start.
    rm -f "$data/data/postmaster.pid" "$data"/.s.PGSQL.*.lock
    ;;
remove)
    ! running || at_root "$bin/pg_ctl" -D "$data/data" -m immediate -w -t 60 stop >/dev/null
    rm -rf "$data" "$dir/postgres.path"
    ;;
*)
    fail "'$action' is not an action"
    ;;
esac
