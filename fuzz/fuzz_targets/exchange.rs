//! Scripts on links against a model; see `tuntap_test::fuzz::targets::exchange`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::exchange(data));
tuntap_test::fuzz_mutator!(Scripts);
