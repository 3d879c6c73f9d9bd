#!/usr/bin/env bash
# benches/fuzz_speed.sh [TARGET…]: executions a second of fuzz targets over those of a target that does nothing, each over
# its committed seeds, in one run on one machine. Without arguments: tun_pi and frame, which are held to 0.5 and 0.15.
# ROUNDS (3) rounds of SECONDS_EACH (5) seconds, in turns; the best round of each counts.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

ROUNDS=${ROUNDS:-3}
SECONDS_EACH=${SECONDS_EACH:-5}
declare -A LEAST=([tun_pi]=0.5 [frame]=0.15)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(tun_pi frame)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cargo +nightly fuzz build --no-cfg-fuzzing >"$scratch/output" 2>&1 || { cat "$scratch/output"; exit 1; }
host=$(rustc +nightly -vV | sed -n 's/^host: //p')

speed() { # TARGET SEEDS: executions a second, with an empty corpus folder of its own so that rounds are alike
    rm -rf "$scratch/new"
    mkdir "$scratch/new"
    "fuzz/target/$host/release/$1" "$scratch/new" "fixtures/corpus/$2" -max_total_time="$SECONDS_EACH" -max_len=2048 \
        -print_final_stats=1 >"$scratch/output" 2>&1 || { cat "$scratch/output"; exit 1; }
    sed -n 's/^stat::average_exec_per_sec: *//p' "$scratch/output"
}

failed=
printf '%-14s %12s %12s %7s\n' target exec/s 'empty exec/s' ratio
for target in "${targets[@]}"; do
    best=0 empty=0
    for ((round = 1; round <= ROUNDS; round++)); do
        now=$(speed empty "$target")
        [ "$now" -le "$empty" ] || empty=$now
        now=$(speed "$target" "$target")
        [ "$now" -le "$best" ] || best=$now
    done
    ratio=$(awk -v best="$best" -v empty="$empty" 'BEGIN { printf "%.3f", best / empty }')
    printf '%-14s %12s %12s %7s\n' "$target" "$best" "$empty" "$ratio"
    if [ -n "${LEAST[$target]:-}" ] && awk -v r="$ratio" -v l="${LEAST[$target]}" 'BEGIN { exit !(r < l) }'; then
        echo "below ${LEAST[$target]}"
        failed=1
    fi
done
[ -z "$failed" ]
