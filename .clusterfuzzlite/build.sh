#!/bin/bash -eu
# Builds every fuzz target for ClusterFuzzLite and OSS-Fuzz: $OUT gets the program, its committed seeds as
# TARGET_seed_corpus.zip, and the dictionary as TARGET.dict. $SRC/tuntap-test is the checkout.

cd "$SRC/tuntap-test"
# --no-cfg-fuzzing: what is found there is to be found by `cargo test`, too (smoltcp takes any checksum under cfg(fuzzing)).
cargo fuzz build -O --no-cfg-fuzzing

host=$(rustc -vV | sed -n 's/^host: //p')
for target in $(cargo fuzz list); do
    # Measures the fuzzer; has a planted fault; is only the rival of another; needs root.
    case $target in empty | toy | smoltcp_tcp_octets | kernel_write) continue ;; esac
    cp "fuzz/target/$host/release/$target" "$OUT/"
    cp fixtures/packet.dict "$OUT/$target.dict"
    # Flat and without the date, as libFuzzer's runner wants it and so that it is the same each time.
    # NAME_WORD is another form of the target NAME, with its seeds.
    seeds="fixtures/corpus/$target"
    [ -d "$seeds" ] || seeds="fixtures/corpus/${target%_*}"
    (cd "$seeds" && zip -q -X -j "$OUT/${target}_seed_corpus.zip" ./*)
    printf '[libfuzzer]\nmax_len = 2048\n' >"$OUT/$target.options"
done
