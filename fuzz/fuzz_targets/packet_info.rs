//! Packet information of every framing; see `tuntap_test::fuzz::targets::packet_info`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::packet_info(data));
