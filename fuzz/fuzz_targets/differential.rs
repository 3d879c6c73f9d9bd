//! Our reading of a frame against etherparse's and smoltcp's; see `tuntap_test::fuzz::targets::differential`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::differential(data));
tuntap_test::fuzz_mutator!(FirstOctet);
