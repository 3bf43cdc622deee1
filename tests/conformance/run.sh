#!/bin/bash
# Runs the conformance suite against every backend that is built, each with a real server of its own, and prints
# one table: backend by case. Fails when a case does.
#
#   run.sh [BACKEND...]     sqlite, redis, mongo, postgres, which are run by default; file, python
#
# PERSISTBUS_BIN is where the programs are (build/bin). SEED repeats a run. CERTIFICATES is a folder for each backend's
# certificate. file and python are the examples of the installed package, of which PERSISTBUS_PACKAGE is the prefix.
# A backend that is not built, or whose server is not installed, is skipped, which is said at the end; with CI=true
# or PERSISTBUS_NO_SKIP=1 it fails.
set -u

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${PERSISTBUS_BIN:-$root/build/bin}
support=$root/tests/support
seed=${SEED:-$(date +%s%N)}
certificates=${CERTIFICATES:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/persistbus-conformance-XXXXXX")
[ -n "$certificates" ] || certificates=$work
mkdir -p "$certificates"
backends=("$@")
[ $# -gt 0 ] || backends=(sqlite redis mongo postgres)
for program in conformance persistctl; do
    [ -x "$bin/$program" ] || { echo "conformance: $bin/$program is not built: run make conformance"; exit 1; }
done

# Instrumented programs are slower; spans in which something must have happened are for ordinary ones.
patience=1
if grep -q -e __asan_init -e __tsan_init -e __ubsan_handle "$bin/conformance"; then patience=4; fi

clean() {
    for backend in redis mongo postgres; do
        [ ! -d "$work/$backend" ] || "$support/$backend.sh" remove "$work/$backend" </dev/null >/dev/null 2>&1
    done
}
trap clean EXIT

skip() { echo "$*" >"$dir/skipped"; exit 0; }

# Starts the server of a backend; prints its URL, and on a second line what it is.
start_server() {
    case $backend in
    redis)
        "$support/redis.sh" start "$dir" always &&
            "$support/redis.sh" cli "$dir" info server | tr -d '\r' |
            awk -F: '/^redis_version/ { r = "Redis " $2 } /^valkey_version/ { v = "Valkey " $2 } END { print v ? v : r }'
        ;;
    postgres)
        url=$("$support/postgres.sh" start "$dir") || return 1
        echo "$url"
        psql "$url" -XAtc "SELECT 'PostgreSQL ' || current_setting('server_version')" || echo PostgreSQL
        ;;
    mongo) "$support/mongo.sh" start "$dir" ;;
    esac
}

# The suite, with what it needs to know of this backend's store: VARIABLE=URL, which server, how the worker is started.
run_suite() {
    local script="env -u MONGODB_URI '$support/$backend.sh'" quiet="'$dir' </dev/null >>'$dir/server.log' 2>&1"
    local stops=(--store-stop "$script stop $quiet" --store-kill "$script crash $quiet"
        --store-start "$script start $quiet")
    # A server that somebody else runs is not stopped.
    if [ "$backend" = mongo ] && [ -n "${MONGODB_URI:-}" ]; then stops=(); fi
    if [ "$embedded" = yes ]; then stops=(--embedded); fi
    env "$1" "$bin/persistctl" certify --group "$backend" --seed "$seed" --server "$2" --folder "$dir" --tap \
        --patience "$patience" "${stops[@]}" --out "$certificates/$backend.json" --start "$3" >"$dir/tap" 2>"$dir/out"
    echo $? >"$dir/status"
}

# The backends whose store is in their process.
run_embedded() {
    local examples=${PERSISTBUS_PACKAGE:-}/share/persistbus/examples embedded=yes
    case $backend in
    sqlite) run_suite "SQLITE_PATH=$dir/store.sqlite" "SQLite in the process" "'$bin/persist-sqlite'" ;;
    file)
        [ -d "$examples" ] || skip "needs the installed package: run make certificates"
        cp -r "$examples/persist-file" "$dir/source"
        PKG_CONFIG_PATH=$PERSISTBUS_PACKAGE/lib/pkgconfig make -s -C "$dir/source" >"$dir/build.log" 2>&1 ||
            { cp "$dir/build.log" "$dir/out"; return 1; }
        run_suite "FILE_PATH=$dir/events.log" "a log file" "'$dir/source/persist-file'"
        ;;
    python)
        [ -d "$examples" ] || skip "needs the installed package: run make certificates"
        run_suite "PYTHONUNBUFFERED=1" "memory" "${PYTHON:-/usr/bin/python3} '$examples/persist-python/persist_python.py'"
        ;;
    esac
}

run_backend() {
    backend=$1
    dir=$work/$backend
    mkdir -p "$dir"
    case $backend in
    file | python) ;;
    *) [ -x "$bin/persist-$backend" ] || skip "$bin/persist-$backend is not built" ;;
    esac
    case $backend in
    sqlite | file | python)
        run_embedded
        return
        ;;
    esac
    start_server >"$dir/server" 2>"$dir/server.log" </dev/null || skip "no server: $(tail -1 "$dir/server.log")"
    case $backend in
    redis) variable=REDIS_URL ;;
    mongo) variable=MONGODB_URI ;;
    postgres) variable=DATABASE_URL ;;
    esac
    local embedded=no
    run_suite "$variable=$(sed -n 1p "$dir/server")" "$(sed -n 2p "$dir/server")" "'$bin/persist-$backend'"
}

echo "conformance: ${backends[*]}, seed $seed"
# The slowest server has all the time that the others take together.
pids=()
for backend in "${backends[@]}"; do
    if [ "$backend" = mongo ]; then
        run_backend mongo &
        pids+=($!)
    fi
done
for backend in "${backends[@]}"; do
    [ "$backend" = mongo ] || (run_backend "$backend")
done
[ ${#pids[@]} -eq 0 ] || wait "${pids[@]}"

failed=0 skipped=0 taps=()
for backend in "${backends[@]}"; do
    dir=$work/$backend
    if [ -f "$dir/skipped" ]; then
        skipped=1
    elif [ ! -s "$dir/tap" ]; then
        failed=1
        echo "conformance: $backend: no result: $(tail -1 "$dir/out")"
    else
        taps+=("$dir/tap")
        [ "$(cat "$dir/status")" = 0 ] || failed=1
        tail -2 "$dir/out" | sed "s/^/$backend: /"
    fi
done
if [ ${#taps[@]} -gt 0 ]; then "$bin/conformance" --table "${taps[@]}" || failed=1; fi
for backend in "${backends[@]}"; do
    if [ -f "$work/$backend/skipped" ]; then echo "SKIPPED, NOT TESTED: $backend: $(cat "$work/$backend/skipped")"; fi
done
if [ $skipped = 1 ] && { [ "${CI:-}" = true ] || [ -n "${PERSISTBUS_NO_SKIP:-}" ]; }; then
    echo "conformance: skipped backends count as failed here"
    failed=1
fi
if [ $failed = 0 ]; then
    clean
    trap - EXIT
    rm -rf "$work"
else
    echo "conformance: FAILED; repeat with SEED=$seed; logs are in $work"
fi
exit $failed
