# Ends tests that hang. Sourced by `Tests/run`; does nothing by itself.

# watched SECONDS COMMAND...: runs tests, and fails as they do. Tests that take longer are killed, after it was said which
# had not ended and what their threads do.
watched() {
    local limit=$1 log process status=0
    shift
    log=$(mktemp)
    "$@" </dev/null > >(tee "$log") 2>&1 &
    process=$!
    # shellcheck disable=SC2064 # That process, whatever the name stands for by then.
    trap "end_processes $process" EXIT
    local end=$((SECONDS + limit))
    while kill -0 "$process" 2>/dev/null; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "The tests have not ended within $limit s. These had begun and not ended:"
            unfinished_tests "$log"
            show_threads "$process"
            end_processes "$process"
        fi
        sleep 0.2
    done
    wait "$process" || status=$?
    trap - EXIT
    [ "$status" -eq 0 ] || failures "$log"
    rm -f "$log"
    return "$status"
}

# What failed, said once more: of a long output often only the end is kept.
failures() {
    local found
    # The last lines may still be on their way into the log. Tests that crashed have no last line.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        grep -aq ' Test run with ' "$1" && break
        sleep 0.1
    done
    local crash='(Fatal error|Precondition failed|Assertion failed|Program crashed):'
    found=$(grep -aE -A 4 " recorded an issue|^(WARNING|SUMMARY): .*Sanitizer|$crash" "$1" |
        grep -aEv '^[^ ]+ (Test|Suite) .*(started|passed)' | head -n 200 | cut -c -2000) || true
    [ -z "$found" ] || printf 'What failed:\n%s\n' "$found"
}

# The tests that a log says have begun, without those that it says have ended.
unfinished_tests() {
    comm -23 \
        <(sed -nE 's/^[^ ]+ Test (.*) started\.$/\1/p' "$1" | grep -Ev '^(run|case .*)$' | sort) \
        <(sed -nE 's/^[^ ]+ Test (.*) (passed|failed|skipped).*/\1/p' "$1" | sed -E 's/ with [0-9]+ test cases?$//' | sort)
}

# A process and all that it has started, itself first.
processes_of() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do processes_of "$child"; done
}

# What the threads of the innermost process do, where there is a debugger to ask.
show_threads() {
    command -v gdb >/dev/null || return 0
    gdb -p "$(processes_of "$1" | tail -n 1)" -batch -ex 'thread apply all backtrace 40' 2>/dev/null || true
}

end_processes() {
    # A process that is gone already needs no ending.
    processes_of "$1" | xargs kill -KILL 2>/dev/null || true
}
