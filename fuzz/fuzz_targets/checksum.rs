//! The Internet checksum; see `tuntap_test::fuzz::targets::checksum`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::checksum(data));
