//! Answering machines; see `tuntap_test::fuzz::targets::answering`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::answering(data));
tuntap_test::fuzz_mutator!(FirstOctet);
