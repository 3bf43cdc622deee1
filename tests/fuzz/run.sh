#!/bin/bash
# Runs libFuzzer targets: first all inputs that are kept, then new ones.
#   tests/fuzz/run.sh FOLDER SECONDS [TARGET]    FOLDER: of the programs fuzz_...; SECONDS: for each
# corpus/TARGET/ has good and bad inputs to start from. An input that makes a target fail is left in crashes/TARGET/: it is
# to be kept with the change that mends the fault, as it is run again each time. Prints how many inputs were executed, and
# ends with status 1 if there was a failure. FUZZ_SEED repeats the same inputs in the same order; without it each run has its own.
set -u
folder=$(realpath "${1:?usage: tests/fuzz/run.sh FOLDER SECONDS [TARGET]}") seconds=${2:?} only=${3:-}
cd "$(dirname "$(realpath "$0")")" || exit 1
[ "$seconds" -ge 1 ] 2>/dev/null || { echo "fuzz: FUZZ_SECONDS is '$seconds': use a number of seconds" >&2; exit 2; }
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

status=0 ran=0
# The statistics that libFuzzer prints at its end.
stat_of() { sed -n "s/^stat::$1: *//p" "$log"; }

for program in "$folder"/fuzz_*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    target=${program##*/fuzz_} log=$program.log
    [ -z "$only" ] || [ "$only" = "$target" ] || continue
    ran=$((ran + 1))
    mkdir -p "crashes/$target" "$program.corpus"
    outcome=ok
    "$program" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="crashes/$target/" -print_final_stats=1 -max_len=4096 \
        -seed="${FUZZ_SEED:-0}" -max_total_time="$seconds" \
        "$program.corpus" "corpus/$target" "crashes/$target" >"$log" 2>&1 </dev/null ||
        { outcome=FAILED; status=1; tail -60 "$log"; }
    rmdir --ignore-fail-on-non-empty "crashes/$target" crashes 2>/dev/null
    printf '%-8s %-6s %12s executions %8s/s %6s MB\n' "$target" $outcome "$(stat_of number_of_executed_units)" \
        "$(stat_of average_exec_per_sec)" "$(stat_of peak_rss_mb)"
done
[ $ran -gt 0 ] || { echo "fuzz: there is no target '$only'" >&2; exit 2; }
exit $status
