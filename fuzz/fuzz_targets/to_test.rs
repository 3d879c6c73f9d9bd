//! Captures turned into tests; see `tuntap_test::fuzz::targets::to_test`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::to_test(data));
