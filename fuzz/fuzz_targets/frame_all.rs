//! As `frame`, with all rules for every input; see `tuntap_test::fuzz::targets::frame`. Its seeds are those of `frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::frame(data));
tuntap_test::fuzz_mutator!(FirstOctet);
