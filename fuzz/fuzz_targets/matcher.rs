//! Templates and the frames that they match; see `tuntap_test::fuzz::targets::matcher`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::matcher(data));
