#!/usr/bin/env bash
# From a fuzzer's finding to a test, on the planted fault of examples/fuzzed/toy.rs: the fuzz target finds it from the committed
# seeds in under 60 s; fuzz_repro minimises it to at most three steps; the test that it prints compiles, and fails with the fault.
set -euo pipefail
cd "$(dirname "$0")/.."
WORK=$(mktemp -d /tmp/tuntap-test-planted.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
FAULT='index out of bounds: the len is'

die() { printf 'planted_bug: %s\n' "$*" >&2; exit 1; }

# Builds first, so that the time is the fuzzer's.
cargo +nightly fuzz build --no-cfg-fuzzing toy >"$WORK/build" 2>&1 || { tail -n 40 "$WORK/build" >&2; die "the target toy was not built"; }
mkdir "$WORK/corpus" "$WORK/toy"
begin=$SECONDS
if cargo +nightly fuzz run --no-cfg-fuzzing toy "$WORK/corpus" fixtures/corpus/toy -- \
    -artifact_prefix="$WORK/toy/" -seed="${SEED:-1}" -max_total_time=60 -max_len=1024 >"$WORK/fuzz" 2>&1; then
    tail -n 5 "$WORK/fuzz" >&2
    die "the planted fault was not found in 60 s"
fi
took=$((SECONDS - begin))
grep -q "$FAULT" "$WORK/fuzz" || { tail -n 60 "$WORK/fuzz" >&2; die "the target failed otherwise"; }
crash=$(find "$WORK/toy" -name 'crash-*' | head -n 1)
[ -n "$crash" ] || die "the fuzzer left no artifact"

TUNTAP_TEST_DIR="$WORK/kept" cargo run --quiet --example fuzz_repro -- --source "$WORK/found.rs" "$crash" >"$WORK/told"
grep -q "the body panics: $FAULT" "$WORK/told" || { cat "$WORK/told" >&2; die "fuzz_repro does not reproduce it"; }
steps=$(sed -n 's/^the script, \([0-9]*\) steps\{0,1\}:$/\1/p' "$WORK/told")
[ "${steps:-99}" -le 3 ] || { cat "$WORK/told" >&2; die "the script has ${steps:-?} steps, promised are three"; }
[ -s "$WORK/kept/found_by_fuzzing/exchange.pcapng" ] || { find "$WORK/kept" >&2; die "no capture was kept"; }

# The test as it was printed, in a copy of this checkout, so that nothing is left in this one.
mkdir "$WORK/checkout"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create | tar --extract --directory "$WORK/checkout"
{ cat "$WORK/found.rs"; printf '\n#[path = "../examples/fuzzed/toy.rs"]\nmod toy;\n'; } >"$WORK/checkout/tests/found_by_fuzzing.rs"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cd "$WORK/checkout"
cargo test --quiet --test found_by_fuzzing --no-run >"$WORK/compiled" 2>&1 || { cat "$WORK/found.rs" "$WORK/compiled" >&2; die "the printed test does not compile"; }
if TUNTAP_TEST_DIR="$WORK/kept" cargo test --quiet --test found_by_fuzzing >"$WORK/tested" 2>&1; then
    die "the printed test passes"
fi
grep -q "$FAULT" "$WORK/tested" || { cat "$WORK/tested" >&2; die "the printed test fails otherwise"; }
printf 'planted_bug: found in %s s, %s steps, and the printed test compiles and fails:\n' "$took" "$steps"
sed 's/^/    /' "$WORK/found.rs"
