#!/usr/bin/env bash
# fuzz/coverage.sh [--update] [TARGET…]: how many regions of src/codec and src/packet the committed seeds of each target
# leave uncovered. Fails when there are more than fuzz/coverage.json allows; with --update it writes that file instead.
#
# The targets are built once, as they are but without a fuzzer's instrumentation, and each runs over its own seeds. For
# `frame` that is `frame_all`, which holds all rules for every seed. `kernel_write` is left out: what it covers depends on
# the kernel.
#
# Needs python3 and LLVM's tools of the version that rustc has: Debian's package llvm-NN, rustup's component llvm-tools, or
# LLVM_BIN=/the/folder. TOOLCHAIN (stable) must be the one that wrote the file: regions depend on it.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

TOOLCHAIN=${TOOLCHAIN:-stable}
CEILING=fuzz/coverage.json
BUILT=fuzz/target/coverage

die() { printf 'coverage: %s\n' "$*" >&2; exit 1; }

update=
[ "${1:-}" = --update ] && { update=1; shift; }
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for folder in fixtures/corpus/*/; do
        target=$(basename "$folder")
        [ "$target" = kernel_write ] || targets+=("$target")
    done
fi

host=$(rustc "+$TOOLCHAIN" -vV | sed -n 's/^host: //p')
major=$(rustc "+$TOOLCHAIN" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
for LLVM in "${LLVM_BIN:-}" "/usr/lib/llvm-$major/bin" "$(rustc "+$TOOLCHAIN" --print sysroot)/lib/rustlib/$host/bin"; do
    [ -x "$LLVM/llvm-cov" ] && [ -x "$LLVM/llvm-profdata" ] && break
done
[ -x "$LLVM/llvm-cov" ] || die "no llvm-cov of LLVM $major: apt install llvm-$major, rustup component add llvm-tools, or LLVM_BIN=…"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Build scripts are instrumented, too: their profiles go where nobody looks.
LLVM_PROFILE_FILE="$scratch/build-%p.profraw" RUSTFLAGS="-C instrument-coverage" CARGO_PROFILE_DEV_DEBUG=0 \
    cargo "+$TOOLCHAIN" build --manifest-path fuzz/Cargo.toml --bins --target-dir "$BUILT" >"$scratch/output" 2>&1 ||
    { tail -n 40 "$scratch/output"; die "the targets were not built"; }

for target in "${targets[@]}"; do
    program=$BUILT/debug/$target
    [ "$target" != frame ] || program=${program}_all
    [ -x "$program" ] || die "there is no target $target"
    seeds=("fixtures/corpus/$target"/*)
    [ -f "${seeds[0]}" ] || die "$target has no seeds"
    LLVM_PROFILE_FILE="$scratch/$target.profraw" "$program" "${seeds[@]}" >"$scratch/output" 2>&1 ||
        { tail -n 40 "$scratch/output"; die "a seed of $target failed"; }
    "$LLVM/llvm-profdata" merge -o "$scratch/$target.profdata" "$scratch/$target.profraw"
    "$LLVM/llvm-cov" export -summary-only -instr-profile="$scratch/$target.profdata" "$program" |
        python3 -c '
import json, sys
files = json.load(sys.stdin)["data"][0]["files"]
regions = [file["summary"]["regions"] for file in files
           if "/src/codec/" in "/" + file["filename"] or "/src/packet/" in "/" + file["filename"]]
assert regions, "no file of src/codec or src/packet is in the report"
print(sys.argv[1], sum(r["covered"] for r in regions), sum(r["count"] for r in regions))' "$target" >>"$scratch/found"
done

python3 - "$scratch/found" "$CEILING" "$update" <<'PYTHON'
import json, pathlib, sys

found, ceiling, update = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
rows = {name: (int(covered), int(total)) for name, covered, total in (line.split() for line in open(found))}
allowed = json.loads(ceiling.read_text()) if ceiling.exists() else {}
worse = []
print(f"{'target':<14} {'covered':>8} {'total':>8} {'uncovered':>10} {'allowed':>8}")
for name, (covered, total) in rows.items():
    most = allowed[name]["total"] - allowed[name]["covered"] if name in allowed else None
    print(f"{name:<14} {covered:>8} {total:>8} {total - covered:>10} {'-' if most is None else most:>8}")
    if most is None or total - covered > most:
        worse.append(name)
if update:
    allowed |= {name: {"covered": covered, "total": total} for name, (covered, total) in rows.items()}
    lines = [f'  "{name}": {json.dumps(allowed[name])}' for name in sorted(allowed)]
    ceiling.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"wrote {ceiling}")
elif worse:
    sys.exit(f"coverage: more regions are uncovered than {ceiling} allows, by the seeds of: {', '.join(worse)}\n"
             "Add seeds that reach them, or run fuzz/coverage.sh --update and say why in the commit.")
PYTHON
