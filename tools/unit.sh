#!/bin/bash
# Runs cmocka test programs one after another; fails if any fails, or if there is none to run. A program whose database
# server is not installed here is skipped, which is said loudly; with CI=true or PERSISTBUS_NO_SKIP set that is a failure.
set -u
[ $# -gt 0 ] || { echo "unit: no test programs"; exit 1; }
failed=()
skipped=()
for program in "$@"; do
    name=$(basename "$program")
    output=$("$program" 2>&1)
    status=$?
    missing=$(printf '%s\n' "$output" | sed -n 's/^.*\(NO [A-Z-]* SERVER: .*\)/\1/p' | head -1)
    if [ $status -eq 0 ]; then
        printf '%-28s %s\n' "$name" "$(printf '%s\n' "$output" | sed -n 's/^\[  PASSED  \] //p' | tail -1)"
    elif [ -n "$missing" ] && [ "${CI:-}" != true ] && [ -z "${PERSISTBUS_NO_SKIP:-}" ]; then
        printf '%-28s SKIPPED: %s\n' "$name" "$missing"
        skipped+=("$name")
    else
        printf '%s\n' "$output"
        failed+=("$name")
    fi
done
[ ${#skipped[@]} -eq 0 ] || echo "unit: SKIPPED, NOT TESTED: ${skipped[*]}"
[ ${#failed[@]} -eq 0 ] || { echo "unit: failed: ${failed[*]}"; exit 1; }
