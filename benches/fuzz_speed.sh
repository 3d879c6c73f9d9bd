#!/usr/bin/env bash
# benches/fuzz_speed.sh [TARGET…]: executions a second of fuzz targets over those of a target that does nothing, in one run on
# one machine. Without arguments: tun_pi and frame, which are held to 0.5 and 0.15.
#
# Each target first grows its committed seeds for GROW (20) seconds: until then a fuzzer writes files more than it runs the
# target. Then both run over what was grown, ROUNDS (3) rounds of SECONDS_EACH (5) seconds in turns; the best round of each
# counts. With CORE=n all of it runs on that core.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

GROW=${GROW:-20}
ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-5}
declare -A LEAST=([tun_pi]=0.5 [frame]=0.15)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(tun_pi frame)
pinned=()
[ -z "${CORE:-}" ] || pinned=(taskset -c "$CORE")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cargo +nightly fuzz build --no-cfg-fuzzing >"$scratch/output" 2>&1 || { tail -n 40 "$scratch/output"; exit 1; }
host=$(rustc +nightly -vV | sed -n 's/^host: //p')

run() { # TARGET SECONDS NEW SEEDS: what libFuzzer says at the end. -print_funcs=0: else it waits for the symboliser.
    mkdir -p "$3"
    "${pinned[@]}" "fuzz/target/$host/release/$1" "$3" "$4" -max_total_time="$2" -max_len=2048 -print_funcs=0 -print_final_stats=1 \
        >"$scratch/output" 2>&1 || { tail -n 40 "$scratch/output" >&2; return 1; }
}

speed() { # TARGET GROWN: executions a second, with an empty folder for what is new so that rounds are alike
    rm -rf "$scratch/new"
    run "$1" "$SECONDS_EACH" "$scratch/new" "$2"
    sed -n 's/^stat::average_exec_per_sec: *//p' "$scratch/output"
}

failed=
printf '%-14s %12s %12s %7s\n' target exec/s 'empty exec/s' ratio
for target in "${targets[@]}"; do
    seeds="fixtures/corpus/$target"
    [ -d "$seeds" ] || seeds="fixtures/corpus/${target%_*}"
    run "$target" "$GROW" "$scratch/$target" "$seeds"
    best=0 empty=0
    for ((round = 1; round <= ROUNDS; round++)); do
        now=$(speed empty "$scratch/$target")
        [ "$now" -le "$empty" ] || empty=$now
        now=$(speed "$target" "$scratch/$target")
        [ "$now" -le "$best" ] || best=$now
    done
    ratio=$(awk -v best="$best" -v empty="$empty" 'BEGIN { printf "%.3f", best / empty }')
    printf '%-14s %12s %12s %7s\n' "$target" "$best" "$empty" "$ratio"
    if [ -n "${LEAST[$target]:-}" ] && awk -v r="$ratio" -v l="${LEAST[$target]}" 'BEGIN { exit !(r < l) }'; then
        echo "$target is below ${LEAST[$target]}"
        failed=1
    fi
done
[ -z "$failed" ]
