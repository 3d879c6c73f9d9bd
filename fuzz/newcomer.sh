#!/usr/bin/env bash
# Follows the page "Fuzz your own code" (src/fuzz/guide.md) as somebody who has a crate and no fuzz target: the commands and the file
# are taken from the page, octet for octet. The target must build, run for some seconds, and find a planted bug.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD
WORK=$(mktemp -d /tmp/tuntap-test-newcomer.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/fuzz/target}"

die() { printf 'newcomer: %s\n' "$*" >&2; exit 1; }

# The file of the page: the block that starts with #![no_main].
sed -n '/^```rs$/,/^```$/p' src/fuzz/guide.md | sed '1d;$d' >"$WORK/exchange.rs"
grep -q '^#!\[no_main\]$' "$WORK/exchange.rs" || die "the page has no fuzz target"
lines=$(grep -c . "$WORK/exchange.rs")
[ "$lines" -lt 10 ] || die "the page's target has $lines lines, promised are less than ten"

# Their crate: a device-side "stack" that answers datagrams to port 7, and panics on one of seven octets.
mkdir -p "$WORK/my_stack/src"
cat >"$WORK/my_stack/Cargo.toml" <<EOF
[package]
name = "my_stack"
version = "0.1.0"
edition = "2024"
[dependencies]
tuntap-test = { path = "$ROOT" }
EOF
cat >"$WORK/my_stack/src/lib.rs" <<'EOF'
use tuntap_test::device::{Deadline, Device, FrameRef, Mode};
#[derive(Default)]
pub struct Stack {
    pub datagrams: usize,
}
impl Stack {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn poll(&mut self, device: &dyn Device) {
        let mut buffer = vec![0; 65_553];
        while let Ok(octets) = device.receive(&mut buffer, Deadline::Now) {
            let Ok(udp) = FrameRef::new(Mode::Tun, &buffer[..octets]).udp() else { continue };
            self.datagrams += 1;
            assert!(udp.payload().len() != 7, "the planted bug");
        }
    }
}
EOF
cd "$WORK/my_stack"
cargo +nightly fuzz init --target exchange >/dev/null 2>&1 || cargo +nightly fuzz init --target exchange
cargo add --quiet --manifest-path fuzz/Cargo.toml tuntap-test --path "$ROOT"
cp "$WORK/exchange.rs" fuzz/fuzz_targets/exchange.rs
if cargo +nightly fuzz run --no-cfg-fuzzing exchange -- -max_total_time="${NEWCOMER_SECONDS:-60}" -max_len=512 >"$WORK/output" 2>&1; then
    tail -n 5 "$WORK/output" >&2
    die "the planted bug was not found in ${NEWCOMER_SECONDS:-60} s"
fi
grep -q 'the planted bug' "$WORK/output" || { tail -n 60 "$WORK/output" >&2; die "the target failed otherwise"; }
printf 'newcomer: %s lines; the planted bug was found\n' "$lines"
grep -E '^#[0-9]+.*(NEW|REDUCE|pulse)' "$WORK/output" | tail -n 1
