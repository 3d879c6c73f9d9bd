//! Frames as packets; see `tuntap_test::fuzz::targets::frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::frame(data));
tuntap_test::fuzz_mutator!(FirstOctet);
