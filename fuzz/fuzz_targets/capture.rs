//! pcap and pcapng files; see `tuntap_test::fuzz::targets::capture`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tuntap_test::fuzz::targets::capture(data));
