//! The same body with libFuzzer's own mutation: what the mutator is compared with (`../benches/mutator.py`).
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test_fuzz::smoltcp_tcp(data));
